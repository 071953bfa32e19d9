//! Driven by git: a push starts the work, a pull brings the reply, and whoever pushes waits for nothing.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use crate::support::{TestEnv, program};

/// The turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

const KEPT: &str = "turnstile: trigger kept; turnstile status shows what came of it\n";

fn let_go(env: &TestEnv) {
    env.write(env.agent_folder().join("go"), "");
}

fn is_in_turn(env: &TestEnv) -> bool {
    env.agent_folder().join("began").exists()
}

#[test]
fn a_push_whose_output_is_captured_is_over_while_the_work_goes_on() {
    let env = TestEnv::with_hooks(&[&format!("{HELD}\necho one > file\ncommit one\nclaim")], &["pre-push"]);
    env.commit_all("something to push");
    let pushed = env.command("sh").args(["-c", "git push --quiet origin main 2>&1 | cat"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&pushed.stdout), KEPT);
    env.until("the turn begins", is_in_turn);
    assert_eq!(env.events("run.completed").len(), 0, "the push is over, and the work is not");
    let [runner] = env.runners()[..] else { panic!("{:?}", env.runners()) };
    let stat = std::fs::read_to_string(format!("/proc/{runner}/stat")).unwrap();
    let session = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, runner.to_string(), "it leads a session of its own");
    let environment = std::fs::read(format!("/proc/{runner}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(!environment.contains("\0GIT_") && !environment.starts_with("GIT_"), "{environment}");
    let stdin = std::fs::read_link(format!("/proc/{runner}/fd/0")).unwrap();
    assert_eq!(stdin.to_str(), Some("/dev/null"));
    for entry in std::fs::read_dir(format!("/proc/{runner}/fd")).unwrap().flatten() {
        let target = std::fs::read_link(entry.path()).unwrap_or_default().display().to_string();
        // Sockets and event queues are its own; a pipe would be somebody's who waits for its end.
        assert!(!target.starts_with("pipe:"), "{target}");
    }
    let_go(&env);
    env.completed();
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(&env.subjects()[..2], ["001-a: done", "one"]);
    assert_eq!(&env.kinds()[..2], ["run.started", "trigger.received"]);
    let received = &env.events("trigger.received")[0];
    assert_eq!(received["hook"], "pre-push");
    assert!(received["said"].as_str().unwrap().starts_with("pre-push, refs/heads/main at "), "{received}");
    assert!(env.runner_log().contains("001-a is done"), "{}", env.runner_log());
}

/// Starts a push in a process group of its own, and does not wait for it.
fn push_in_group(env: &TestEnv) -> std::process::Child {
    let mut command = env.command("git");
    command.args(["push", "--quiet", "origin", "main"]).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn the_work_outlives_a_closed_terminal_ctrl_c_and_the_death_of_the_pusher() {
    for signal in ["-HUP", "-INT", "-KILL"] {
        let env = TestEnv::with_hooks(&[&format!("{HELD}\nclaim")], &[]);
        // The hook itself is still there when the signal comes.
        let call = format!("#!/bin/sh\n'{}' hook pre-push \"$@\"\nsleep 60\n", env!("CARGO_BIN_EXE_turnstile"));
        env.hook_is("pre-push", &call);
        env.commit_all("something to push");
        let mut push = push_in_group(&env);
        env.until("the runner waits", |env| env.runner_log().contains(" waits until git"));
        let group = format!("-{}", push.id());
        assert!(env.command("kill").args([signal, "--", &group]).status().unwrap().success());
        push.wait().unwrap();
        let_go(&env);
        env.completed();
        assert_eq!(env.turns(), ["1 001-a"], "{signal}");
    }
}

#[test]
fn a_pull_that_brings_a_reply_continues_the_work() {
    for (hook, pull) in
        [("post-merge", &["pull", "--quiet", "--no-rebase"][..]), ("post-rewrite", &["pull", "--quiet", "--rebase"])]
    {
        let env = TestEnv::with_hooks(&["ask Which?", "grep -q Blue $AGENT/prompt-2 && claim"], &[hook]);
        env.run_ends("user_dispatch");
        env.git(&["push", "--quiet", "origin", "main"]);
        let reviewer = env.root().join("reviewer");
        env.git(&["clone", "--quiet", env.root().join("origin.git").to_str().unwrap(), reviewer.to_str().unwrap()]);
        let in_clone = |arguments: &[&str]| {
            let all =
                [&["-C", reviewer.to_str().unwrap(), "-c", "user.name=R", "-c", "user.email=r@example.org"], arguments];
            env.git(&all.concat())
        };
        std::fs::write(reviewer.join(".tickets/USER_REPLY.md"), "Blue.\n").unwrap();
        in_clone(&["add", "--all"]);
        in_clone(&["commit", "--quiet", "-m", "reply"]);
        in_clone(&["push", "--quiet", "origin", "HEAD:main"]);
        // A commit of one's own, so that there is something to merge or to rewrite.
        env.write("other", "x\n");
        env.commit_all("other");
        let pulled = env.git_says(&[pull, &["origin", "main"]].concat()).exits(0);
        assert_eq!(pulled.stderr, KEPT, "{hook}");
        env.completed();
        assert_eq!(env.turns(), ["1 001-a", "2 001-a"], "{hook}");
        assert!(env.events("trigger.received").iter().any(|line| line["hook"] == hook));
    }
}

#[test]
fn a_trigger_that_comes_while_a_run_holds_the_lock_is_served_when_it_lets_go() {
    let env = TestEnv::with_hooks(&[&format!("{HELD}\nclaim"), "claim"], &["pre-push"]);
    // By itself the run works on this ticket only; what the push asks for is all of them.
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.commit_all("another");
    let run = env.spawn(&["run", "001-a"]);
    env.until("the turn begins", is_in_turn);
    env.git(&["push", "--quiet", "origin", "main"]);
    env.settled();
    assert_eq!((env.triggers().len(), env.turns().len()), (1, 1), "the runner went away, and its trigger waits");
    let_go(&env);
    let output = env.wait(run).exits(0);
    assert!(output.stderr.contains("a git hook was called meanwhile"), "{}", output.text());
    env.completed();
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
}

#[test]
fn a_decision_that_holds_the_lock_for_a_while_hands_over_what_came_meanwhile() {
    let env = TestEnv::with_hooks(&["claim"], &[]);
    // As if the runner of this call had found the lock taken and gone away.
    env.write(
        ".git/turnstile/triggers/00000000000000000001-0123456789abcdef-1.json",
        r#"{"version":1,"hook":"post-commit","at":"2026-01-31T08:00:00.000Z","worktree":"main","moved":[]}"#,
    );
    let _ = env.turnstile(&["resume"]).exits(0);
    env.completed();
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn a_turn_whose_runner_was_killed_is_adopted_by_the_runner_of_the_next_push() {
    let env = TestEnv::with_hooks(&[&format!("{HELD}\nclaim")], &["pre-push"]);
    env.git(&["push", "--quiet", "origin", "main"]);
    env.until("the turn begins", is_in_turn);
    env.kill_all(&env.runners());
    assert_eq!(env.triggers().len(), 1, "nobody has served it");
    env.git(&["push", "--quiet", "origin", "main"]);
    env.until("the turn is adopted", |env| !env.events("turn.adopted").is_empty());
    let_go(&env);
    env.completed();
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.events("trigger.coalesced")[0]["count"], 1);
}

#[test]
fn many_triggers_are_one_run_and_the_journal_names_them() {
    let env = TestEnv::with_hooks(&["claim"], &[]);
    for name in ["1", "2", "3"] {
        env.write(
            format!(".git/turnstile/triggers/0000000000000000000{name}-0123456789abcdef-{name}.json"),
            format!(r#"{{"version":1,"hook":"post-commit","at":"then","worktree":"main","moved":[],"n":{name}}}"#),
        );
    }
    env.run_ends("completed");
    assert_eq!(env.triggers(), [""; 0]);
    assert_eq!(env.events("trigger.received")[0]["id"], "00000000000000000003-0123456789abcdef-3");
    let coalesced = env.events("trigger.coalesced");
    assert_eq!((coalesced.len(), &coalesced[0]["count"]), (1, &2.into()));
    assert_eq!(env.faults(), [""; 0]);
}

#[test]
fn an_old_journal_without_triggers_and_a_new_one_with_them_come_to_the_same_state() {
    let env = TestEnv::with_hooks(&["true", "claim"], &["post-commit"]);
    env.write("x", "1\n");
    env.commit_all("x");
    env.settled();
    env.until("the run completes", |env| env.kinds().last().is_some_and(|kind| kind == "run.completed"));
    let document = env.json(&["status"]);
    assert_eq!((&document["status"], &document["turns"]), (&"completed".into(), &2.into()));
    assert_eq!(document["triggers"], serde_json::json!({ "waiting": 0, "callers": [], "refused": null }));
}

#[test]
fn a_failure_that_stands_for_hooks_is_tried_again_when_there_are_new_commits() {
    let env = TestEnv::with_hooks(&["exit 3", "claim"], &["post-commit", "pre-push"]);
    env.write("x", "1\n");
    env.commit_all("x");
    env.until("the turn fails", |env| !env.events("turn.failed").is_empty());
    env.settled();
    // A push of the same commit asks again, and nobody is asked for nothing.
    env.git(&["push", "--quiet", "origin", "main"]);
    env.until("the push is served", |env| env.triggers().is_empty());
    env.settled();
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.refused(), None, "a failure that stands was served");
    env.write("x", "2\n");
    env.commit_all("y");
    env.completed();
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
}

#[test]
fn a_push_to_a_repository_with_a_worktree_works_where_the_branch_is_checked_out() {
    let env = TestEnv::with_hooks(&["claim", "claim"], &["post-receive"]);
    env.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    env.git(&["branch", "other"]);
    let clone = env.root().join("clone");
    env.git(&["clone", "--quiet", env.repo().to_str().unwrap(), clone.to_str().unwrap()]);
    let push = |to: &str| {
        let mut command = env.command("sh");
        let script = format!(
            "git -c user.name=R -c user.email=r@e commit -q --allow-empty -m pushed && git push -q origin HEAD:{to} 2>&1"
        );
        let output = command.current_dir(&clone).args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(push("refs/heads/other"), "", "nobody has it checked out");
    assert_eq!(env.triggers(), [""; 0]);
    assert!(push("refs/heads/main").starts_with(&format!("remote: {}", KEPT.trim_end())));
    env.completed();
    assert_eq!(env.turns(), ["1 001-a"]);

    let linked = env.root().join("linked");
    env.git(&["worktree", "add", "--quiet", linked.to_str().unwrap(), "other"]);
    assert!(push("refs/heads/other").contains("trigger kept"));
    env.settled();
    assert_eq!(env.turns().len(), 1, "pushes to another branch than the repository's own start nothing by default");
    assert_eq!(env.triggers(), [""; 0]);
    let config = std::fs::read_to_string(linked.join(".tickets/config.yaml")).unwrap();
    std::fs::write(linked.join(".tickets/config.yaml"), format!("{config}triggers: {{branches: [other]}}\n")).unwrap();
    env.git(&["-C", linked.to_str().unwrap(), "commit", "--quiet", "-am", "triggers"]);
    let _ = env.turnstile(&["-C", linked.to_str().unwrap(), "trust", "--yes"]).exits(0);
    let pull =
        env.command("git").current_dir(&clone).args(["pull", "-q", "--rebase", "origin", "other"]).output().unwrap();
    assert!(pull.status.success(), "{pull:?}");
    push("refs/heads/other");
    env.until("the linked worktree's ticket is worked on", |env| env.turns().len() == 2);
    env.settled();
    assert_eq!(env.triggers(), [""; 0]);
}

#[test]
fn what_is_no_call_for_work_keeps_nothing() {
    let nothing = |env: &TestEnv, what: &str| {
        env.settled();
        assert!(!env.exists(".git/turnstile/triggers"), "{what}");
        assert_eq!(env.turns(), [""; 0], "{what}");
    };
    let mut env = TestEnv::with_hooks(&["claim"], &["post-checkout", "post-commit"]);
    env.git(&["checkout", "--quiet", "HEAD", "--", "README.md"]);
    nothing(&env, "files are checked out");
    env.set("TURNSTILE_DISABLED", "1");
    env.write("x", "1\n");
    env.commit_all("x");
    nothing(&env, "hooks are disabled");
    let env = TestEnv::new();
    env.call_from(&["post-commit", "pre-push"]);
    env.origin();
    env.write("x", "1\n");
    env.commit_all("x");
    assert_eq!(env.git_says(&["push", "--quiet", "origin", "main"]).exits(0).stderr, "");
    nothing(&env, "there are no tickets");
}

#[test]
fn commits_that_the_journal_names_as_turnstiles_own_start_nothing_and_a_forged_name_does() {
    let env = TestEnv::with_hooks(&["echo x > file\ncommit x\nclaim"], &["pre-push"]);
    env.run_ends("completed");
    let run = env.run_id().unwrap();
    assert_eq!(env.git_says(&["push", "--quiet", "origin", "main"]).exits(0).stderr, "");
    assert_eq!(env.triggers(), [""; 0]);
    env.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("mine\n\nTurnstile-Run: {run}")]);
    assert_eq!(env.git_says(&["push", "--quiet", "origin", "main"]).exits(0).stderr, KEPT);
    env.until("it is served", |env| env.triggers().is_empty());
    env.settled();
}

#[test]
fn whoever_calls_a_hook_and_leaves_its_input_open_is_not_waited_for() {
    let env = TestEnv::with_hooks(&["claim"], &[]);
    let mut command = env.command(env!("CARGO_BIN_EXE_turnstile"));
    let mut child = command.args(["hook", "pre-push"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, b"refs/heads/x 1111 refs/heads/x 2222\nrefs/hea").unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!((said.as_str(), child.wait().unwrap().code()), (KEPT, Some(0)));
    drop(pipe);
    env.completed();
}

#[test]
fn a_hook_that_turnstile_does_not_know_is_said_to_be_one_and_fails_nothing() {
    let env = TestEnv::new();
    let output = env.call_hook("pre-receive", "").exits(0);
    assert!(output.stderr.contains("pre-push, post-receive"), "{}", output.text());
}

#[test]
fn the_runner_ignores_no_signal_that_its_starter_ignored_and_closes_what_it_inherited() {
    let env = TestEnv::with_hooks(&[&format!("{HELD}\nclaim")], &[]);
    let hook = env.root().join("call");
    let pipe = env.root().join("pipe");
    assert!(env.command("mkfifo").arg(&pipe).status().unwrap().success());
    program(
        &hook,
        &format!(
            "#!/bin/sh\ntrap '' INT QUIT HUP TERM USR1\nexec 7<>'{}' 9>&2\n'{}' hook post-commit\n",
            pipe.display(),
            env!("CARGO_BIN_EXE_turnstile")
        ),
    );
    assert!(env.command(&hook).stderr(Stdio::null()).status().unwrap().success());
    env.until("the turn begins", is_in_turn);
    let [runner] = env.runners()[..] else { panic!("{:?}", env.runners()) };
    let status = std::fs::read_to_string(format!("/proc/{runner}/status")).unwrap();
    let mask = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    // A broken pipe is an error to Rust's own programs; the C library keeps 32 and 33 to itself.
    let broken_pipe = 1 << 12;
    let of_the_library = 3 << 31;
    assert_eq!((mask("SigIgn:") & !broken_pipe & !of_the_library, mask("SigBlk:")), (0, 0), "{status}");
    for entry in std::fs::read_dir(format!("/proc/{runner}/fd")).unwrap().flatten() {
        assert_ne!(std::fs::read_link(entry.path()).unwrap_or_default(), pipe);
    }
    let_go(&env);
    env.completed();
}

#[test]
fn nothing_that_a_web_server_says_of_a_request_reaches_the_agent() {
    let mut env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    // RFC 3875, section 4.1, and what servers add to it.
    let names = "AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE PATH_INFO PATH_TRANSLATED QUERY_STRING REMOTE_ADDR \
                 REMOTE_HOST REMOTE_IDENT REMOTE_USER REQUEST_METHOD SCRIPT_NAME SERVER_NAME SERVER_PORT SERVER_PROTOCOL \
                 SERVER_SOFTWARE HTTP_ACCEPT HTTPS SSL_CLIENT_S_DN SSL_SERVER_S_DN UNIQUE_ID CONTEXT_PREFIX DOCUMENT_ROOT";
    let others = ["HARMLESS", "SSL_CERT_FILE"];
    for name in names.split_whitespace().chain(others) {
        env.set(name, "of the server");
    }
    env.commit_all("something to push");
    env.git(&["push", "--quiet", "origin", "main"]);
    env.completed();
    let seen = env.agent_environment(1);
    let is_there = |name: &&str| seen.lines().any(|line| line.starts_with(&format!("{name}=")));
    assert_eq!(names.split_whitespace().filter(is_there).collect::<Vec<_>>(), [""; 0]);
    assert!(others.iter().all(is_there), "{seen}");
}

#[test]
fn a_push_from_a_worktree_whose_git_directory_lies_elsewhere_starts_the_work() {
    let env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    let real = env.root().join("real.git");
    env.git(&["init", "--quiet", "--separate-git-dir", real.to_str().unwrap()]);
    env.trust();
    let pushed = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
    assert_eq!(pushed.stderr, KEPT);
    env.until("the run completes", |env| env.json(&["status"])["status"] == "completed");
    env.settled();
    assert_eq!((env.turns().len(), crate::support::triggers_of(&real).len()), (1, 0));
}

#[test]
fn a_push_whose_hook_is_called_without_what_git_says_works_on_what_is_checked_out() {
    let env = TestEnv::with_hooks(&["claim"], &[]);
    env.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    let call = format!("#!/bin/sh\ncat > /dev/null\nexec '{}' hook post-receive\n", env!("CARGO_BIN_EXE_turnstile"));
    env.hook_is("post-receive", &call);
    let clone = env.root().join("clone");
    env.git(&["clone", "--quiet", env.repo().to_str().unwrap(), clone.to_str().unwrap()]);
    let in_clone = |arguments: &[&str]| env.git(&[&["-C", clone.to_str().unwrap()], arguments].concat());
    in_clone(&["-c", "user.name=R", "-c", "user.email=r@e", "commit", "--quiet", "--allow-empty", "-m", "pushed"]);
    in_clone(&["push", "--quiet", "origin", "HEAD:main"]);
    env.completed();
    assert_eq!(env.turns(), ["1 001-a"]);
}

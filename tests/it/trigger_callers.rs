//! A hook is called in the middle of a git command: nobody looks at the worktree before that has ended.

use std::process::{Child, Stdio};

use crate::support::TestEnv;

/// Hides what is not committed while the hooks run, as tools that keep hooks do, and brings it back.
fn hiding_hook(name: &str) -> String {
    format!(
        "#!/bin/sh\ncp README.md ../hidden\ngit checkout --quiet README.md\n'{}' hook {name} \"$@\"\n{HELD}\n\
         cp ../hidden README.md\n",
        env!("CARGO_BIN_EXE_turnstile")
    )
}

/// The hook goes on when it is let go.
const HELD: &str = "touch ../began; while [ -f ../began ] && [ ! -f ../go ]; do sleep 0.02; done";

/// Commits whatever lies there.
const GREEDY: &str = "echo x > work\ngit add --all\ngit commit --quiet -m work\nclaim";

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.write("README.md", "everybody's\n");
    env.commit_all("tickets");
    env.trust();
    env.origin();
    env.git(&["push", "--quiet", "origin", "main"]);
    env
}

/// Starts a git command that stops in its hook.
fn begin(env: &TestEnv, arguments: &[&str]) -> Child {
    let mut command = env.command("git");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    env.until("the hook is held", |env| env.exists("../began"));
    child
}

fn is_awaited(env: &TestEnv) -> bool {
    env.runner_log().contains(" waits until git, which called the hook, has ended: process ")
}

fn let_go(env: &TestEnv, mut child: Child) {
    env.write("../go", "");
    assert!(child.wait().unwrap().success());
}

/// What a person has not committed is there, and nobody else's.
fn is_left_alone(env: &TestEnv) {
    env.until("the start is refused", |env| env.refused().as_deref() == Some("dirty_worktree"));
    env.settled();
    assert_eq!((env.turns(), env.read("README.md")), (Vec::new(), "mine\n".to_owned()));
    assert_eq!(env.triggers().len(), 1);
}

#[test]
fn what_a_hook_hides_while_a_push_goes_on_is_not_taken_for_a_clean_worktree() {
    let env = world(&[GREEDY]);
    env.hook_is("pre-push", &hiding_hook("pre-push"));
    env.write("README.md", "mine\n");
    let push = begin(&env, &["push", "--quiet", "origin", "HEAD:other"]);
    env.until("the runner waits", is_awaited);
    let status = env.json(&["status"]);
    assert_eq!(status["triggers"]["callers"], serde_json::json!([push.id()]));
    assert_eq!(env.json(&["next"])["triggers"], status["triggers"]);
    let told = format!("git, which called the hook, is still at work, process {}", push.id());
    for command in ["status", "next", "doctor"] {
        let said = env.turnstile(&[command]).exits(0);
        assert!(said.stdout.contains(&told), "{}", said.text());
    }
    assert_eq!(env.kinds(), [""; 0], "nobody has looked");
    let_go(&env, push);
    is_left_alone(&env);
    assert_eq!(env.json(&["status"])["triggers"]["callers"], serde_json::json!([]));
}

#[test]
fn what_a_pull_has_stashed_is_not_taken_for_a_clean_worktree() {
    for (hook, how) in [("post-merge", "--no-rebase"), ("post-rewrite", "--rebase")] {
        let env = world(&[GREEDY]);
        let other = env.root().join("other");
        env.git(&["clone", "--quiet", env.root().join("origin.git").to_str().unwrap(), other.to_str().unwrap()]);
        let in_other = |arguments: &[&str]| {
            env.git(
                &[&["-C", other.to_str().unwrap(), "-c", "user.name=R", "-c", "user.email=r@example.org"], arguments]
                    .concat(),
            )
        };
        in_other(&["commit", "--quiet", "--allow-empty", "-m", "theirs"]);
        in_other(&["push", "--quiet", "origin", "HEAD:main"]);
        env.write("other-file", "x\n");
        env.commit_all("ours");
        env.hook_is(hook, &format!("#!/bin/sh\n'{}' hook {hook} \"$@\"\n{HELD}\n", env!("CARGO_BIN_EXE_turnstile")));
        env.write("README.md", "mine\n");
        let pull = begin(&env, &["pull", "--quiet", how, "--autostash", "origin", "main"]);
        env.until("the runner waits", is_awaited);
        assert_eq!(env.read("README.md"), "everybody's\n", "{hook}");
        let_go(&env, pull);
        is_left_alone(&env);
    }
}

#[test]
fn what_a_person_types_waits_for_nothing_and_leaves_the_trigger_to_who_comes_later() {
    let env = world(&["claim"]);
    let call = format!("#!/bin/sh\n'{}' hook pre-push \"$@\"\n{HELD}\n", env!("CARGO_BIN_EXE_turnstile"));
    env.hook_is("pre-push", &call);
    let push = begin(&env, &["push", "--quiet", "origin", "HEAD:other"]);
    env.until("the runner waits", is_awaited);
    env.run_ends("completed");
    assert_eq!(env.triggers().len(), 1, "what the push leaves behind was not looked at");
    let_go(&env, push);
    env.until("the trigger is served", |env| env.triggers().is_empty());
    env.settled();
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn watch_takes_no_worktree_that_a_git_at_work_has_tidied_for_a_clean_one() {
    let env = world(&[GREEDY]);
    env.hook_is("pre-push", &hiding_hook("pre-push"));
    env.write("README.md", "mine\n");
    let watching = env.spawn(&["watch"]);
    // It has looked, and waits for a tidy worktree.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let push = begin(&env, &["push", "--quiet", "origin", "HEAD:other"]);
    // Events are looked at after a third of a second, and once more every ten.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(env.turns(), [""; 0], "what is hidden would be committed as the agent's");
    let_go(&env, push);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let pid = watching.id().to_string();
    assert!(env.command("kill").args(["-INT", &pid]).status().unwrap().success());
    let _ = env.wait(watching).exits(0);
    env.settled();
    assert_eq!((env.turns(), env.read("README.md")), (Vec::new(), "mine\n".to_owned()));
}

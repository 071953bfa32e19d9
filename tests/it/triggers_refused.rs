//! A start that is refused keeps its trigger and says why; a hook that cannot do anything fails nothing.

use serde_json::json;

use crate::support::{TestEnv, hook_of, refused_of, triggers_of};

fn push(env: &TestEnv) {
    let _ = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
}

/// Pushes, and waits until the start was refused.
fn refused_push(env: &TestEnv, code: &str) {
    push(env);
    env.until("the start is refused", |env| env.refused().as_deref() == Some(code));
    env.settled();
}

#[test]
fn a_start_that_is_refused_keeps_its_trigger_and_its_reason_until_one_serves_it() {
    let env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    env.write("README.md", "mine\n");
    refused_push(&env, "dirty_worktree");
    assert_eq!((env.triggers().len(), env.turns().len()), (1, 0));
    let status = env.json(&["status"]);
    assert_eq!(status["triggers"]["waiting"], 1);
    assert_eq!(status["triggers"]["refused"]["reason"]["code"], "dirty_worktree");
    assert_eq!(env.json(&["next"])["triggers"], status["triggers"]);
    for command in ["status", "next"] {
        let said = env.turnstile(&[command]).exits(0).stdout;
        assert!(said.contains("triggers of git hooks that wait for a run: 1 (pre-push)"), "{said}");
        assert!(said.contains("dirty_worktree: "), "{said}");
        assert!(said.contains("the last start by a git hook came to nothing for that reason, "), "{said}");
    }
    let doctor = env.turnstile(&["doctor"]).exits(3);
    assert!(doctor.stdout.contains("fault  triggers"), "{}", doctor.text());
    let verbose = env.turnstile(&["-v", "status"]).exits(0);
    assert!(verbose.stderr.contains("runner.log"), "{}", verbose.text());

    // The same again adds a trigger; a command that only decides something starts nothing for what was refused.
    refused_push(&env, "dirty_worktree");
    env.until("both were refused", |env| {
        refused_of(&env.path(".git"), "main").unwrap()["triggers"].as_array().unwrap().len() == 2
    });
    env.settled();
    let _ = env.turnstile(&["resume"]).exits(0);
    assert_eq!((env.runners().len(), env.triggers().len()), (0, 2));

    env.git(&["commit", "--quiet", "-am", "mine"]);
    env.run_ends("completed");
    assert_eq!((env.triggers().len(), env.refused()), (0, None));
    assert_eq!(env.events("trigger.coalesced")[0]["count"], 1);
    let doctor = env.turnstile(&["doctor"]).exits(0);
    assert!(doctor.stdout.contains("none waits"), "{}", doctor.text());
}

#[test]
fn a_start_without_an_identity_or_with_an_invalid_config_is_refused_and_the_next_push_serves_both() {
    let env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    env.git(&["config", "--unset", "user.name"]);
    env.git(&["config", "--unset", "user.email"]);
    env.git(&["config", "user.useConfigOnly", "true"]);
    refused_push(&env, "repository_state");
    env.git(&["config", "user.name", "Tester"]);
    env.git(&["config", "user.email", "tester@example.org"]);
    push(&env);
    env.completed();
    assert_eq!((env.turns(), env.refused()), (vec!["1 001-a".to_owned()], None));
}

#[test]
fn a_run_that_pauses_for_a_person_has_served_the_trigger() {
    let env = TestEnv::with_hooks(&["ask Which?"], &["pre-push"]);
    push(&env);
    env.until("the question is asked", |env| !env.events("outbox.archived").is_empty());
    env.settled();
    assert_eq!((env.triggers().len(), env.refused()), (0, None));
    push(&env);
    env.settled();
    assert_eq!(env.turns(), ["1 001-a"], "the question still stands");
}

#[test]
fn a_retry_whose_time_is_not_reached_is_left_for_whoever_comes_then() {
    let mut env = TestEnv::with_hooks(&["exit 75", "claim"], &["pre-push"]);
    env.set("TURNSTILE_BACKOFF_MS", "60000");
    refused_push(&env, "parked");
    assert_eq!((env.triggers().len(), env.turns().len()), (1, 1));
    env.set("TURNSTILE_BACKOFF_MS", "0");
}

#[test]
fn a_person_who_ends_the_run_is_not_followed_by_a_runner() {
    let held = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done\ntrue";
    let env = TestEnv::with_hooks(&[held, "claim"], &["pre-push"]);
    let run = env.spawn(&["run"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    push(&env);
    env.settled();
    assert!(env.command("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
    // The signal is seen before the turn ends.
    std::thread::sleep(std::time::Duration::from_millis(300));
    env.write(env.agent_folder().join("go"), "");
    let _ = env.wait(run).exits(130);
    assert_eq!((env.runners().len(), env.triggers().len(), env.turns().len()), (0, 1, 1));
    assert_eq!(env.refused().as_deref(), Some("interrupted"));
    env.run_ends("completed");
    assert_eq!((env.triggers().len(), env.refused()), (0, None));
}

#[test]
fn a_bare_repository_in_which_nobody_has_trusted_anything_keeps_the_trigger_and_says_so() {
    let env = TestEnv::with_hooks(&["claim"], &[]);
    let origin = env.root().join("origin.git");
    hook_of(&origin, "post-receive");
    env.write("x", "1\n");
    env.commit_all("x");
    let pushed = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
    assert!(pushed.stderr.contains("trigger kept"), "{}", pushed.text());
    env.until("it is refused", |_| refused_of(&origin, "main").is_some());
    env.settled();
    assert_eq!(triggers_of(&origin).len(), 1);
    let doctor = env.turnstile(&["-C", origin.to_str().unwrap(), "doctor"]).exits(3);
    assert!(doctor.stdout.contains("untrusted: no person on this machine has looked at"), "{}", doctor.text());
}

#[test]
fn a_hook_that_can_do_nothing_fails_nothing() {
    // Nobody can write where triggers lie.
    let env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    env.write(".git/turnstile/triggers", "a file in the way");
    let pushed = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
    let told = pushed.stderr;
    assert!(told.starts_with("turnstile: no trigger kept: ") && told.lines().count() == 1, "{told}");
    assert!(told.ends_with("; `turnstile run` does what the hook asked for\n"), "{told}");
    assert_eq!(env.turns(), [""; 0]);

    // A repository that cannot be opened says so where `doctor` would look.
    let env = TestEnv::without_repository();
    std::fs::create_dir(env.repo()).unwrap();
    env.git(&["init", "--quiet", "--object-format=sha256"]);
    env.ticket("001-a", "done: false", "Do it.");
    let output = env.call_hook("post-commit", "").exits(0);
    assert!(output.stderr.starts_with("turnstile: no trigger kept: "), "{}", output.text());
    let refused = refused_of(&env.path(".git"), "main").unwrap();
    assert_eq!(refused["reason"]["code"], "repository_state");
    assert!(refused["reason"]["message"].as_str().unwrap().contains("sha256"), "{refused}");

    // There is no repository at all.
    let env = TestEnv::without_repository();
    assert_eq!(env.call_hook("post-receive", "x\n").exits(0).text(), "--- exit 0\n");
}

#[test]
fn a_trigger_that_cannot_be_read_is_served_like_any_other() {
    let env = TestEnv::with_hooks(&["claim"], &[]);
    env.write(".git/turnstile/triggers/00000000000000000001-0123456789abcdef-1.json", "{");
    assert_eq!(env.json(&["status"])["triggers"], json!({ "waiting": 1, "callers": [], "refused": null }));
    env.run_ends("completed");
    assert_eq!(env.triggers(), [""; 0]);
    assert_eq!(env.events("trigger.received")[0]["hook"], json!(null));
}

#[test]
fn a_start_by_what_nobody_has_trusted_is_refused_and_trust_starts_it() {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.origin();
    env.call_from(&["pre-push"]);
    refused_push(&env, "untrusted");
    assert_eq!((env.triggers().len(), env.turns().len()), (1, 0));
    let shown = env.turnstile(&["trust"]).exits(3);
    assert!(!shown.stderr.contains("a push waited"), "nothing was trusted: {}", shown.text());
    let trusted = env.turnstile(&["trust", "--yes"]).exits(0);
    assert!(trusted.stderr.contains("a push waited for this"), "{}", trusted.text());
    env.completed();
    assert_eq!((env.turns().len(), env.refused()), (1, None));
}

#[test]
fn command_lines_that_a_push_brought_keep_the_trigger_until_they_are_approved() {
    let env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A\ndone: false\nverify: [test -f README.md]", "Do it.");
    env.commit_all("tickets");
    env.trust();
    env.origin();
    env.call_from(&["pre-push"]);
    refused_push(&env, "approval_pending");
    assert_eq!((env.triggers().len(), env.turns().len()), (1, 0));
    let approved = env.turnstile(&["approve", "001-a"]).exits(0);
    assert!(approved.stderr.contains("a push waited for this"), "{}", approved.text());
    env.completed();
    assert_eq!((env.turns().len(), env.refused()), (1, None));
}

#[test]
fn watch_serves_triggers_by_looking() {
    let env = TestEnv::with_hooks(&["claim"], &["post-commit"]);
    let watch = env.spawn(&["watch", "--poll", "1"]);
    env.until("the ticket is done", |env| env.kinds().last().is_some_and(|kind| kind == "run.completed"));
    env.write("x", "1\n");
    env.commit_all("x");
    env.until("the trigger is served", |env| env.triggers().is_empty() && env.runners().is_empty());
    assert!(env.command("kill").args(["-INT", &watch.id().to_string()]).status().unwrap().success());
    let _ = env.wait(watch).exits(0);
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_place_where_no_trigger_can_be_kept_is_found_before_one_is_lost() {
    let mut env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    let fault = |env: &TestEnv, what: &str| {
        let doctor = env.turnstile(&["doctor"]).exits(3);
        assert!(doctor.stdout.contains("fault  triggers") && doctor.stdout.contains(what), "{}", doctor.text());
    };
    let triggers = env.path(".git/turnstile/triggers");
    env.write(&triggers, "a file in the way");
    fault(&env, "triggers is no folder");
    std::fs::remove_file(&triggers).unwrap();
    // Nothing is written through a link, and nothing is read.
    let elsewhere = env.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &triggers).unwrap();
    fault(&env, "triggers is a symbolic link, which is never followed");
    push(&env);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    // Who pushes from elsewhere reads nothing.
    env.set("REMOTE_ADDR", "192.0.2.1");
    let output = env.call_hook("pre-push", "").exits(0);
    assert_eq!(output.text(), "--- exit 0\n");
    std::fs::remove_file(&triggers).unwrap();
    std::fs::create_dir(&triggers).unwrap();
    let _ = env.turnstile(&["doctor"]).exits(0);
    assert_eq!(std::fs::read_dir(&triggers).unwrap().count(), 0, "what was tried is gone");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&triggers, Some(12345), None).unwrap();
        fault(&env, "belongs to user 12345");
    }
    let hub = env.root().join("origin.git");
    std::fs::create_dir(hub.join("turnstile")).unwrap();
    std::fs::write(hub.join("turnstile/triggers"), "a file in the way").unwrap();
    let doctor = env.turnstile(&["-C", hub.to_str().unwrap(), "doctor"]).exits(3);
    assert!(doctor.stdout.contains("triggers is no folder"), "{}", doctor.text());
    assert!(!doctor.stdout.contains("no push waits"), "{}", doctor.text());
}

#[test]
fn what_waited_for_a_worktree_that_is_gone_is_dropped_and_one_of_the_same_name_inherits_nothing() {
    let env = TestEnv::with_hooks(&["claim"], &["pre-push"]);
    let linked = env.root().join("linked");
    let there = linked.to_str().unwrap();
    let start = env.git(&["rev-parse", "HEAD"]);
    let leave_one = || {
        env.git(&["worktree", "add", "--quiet", "--force", "-B", "side", there, start.trim()]);
        std::fs::write(linked.join("README.md"), "mine\n").unwrap();
        env.git(&["-C", there, "push", "--quiet", "--force", "origin", "side"]);
        env.until("the start is refused", |env| refused_of(&env.path(".git"), "linked").is_some());
        env.settled();
        assert_eq!(env.triggers().len(), 1);
        env.git(&["worktree", "remove", "--force", there]);
    };
    leave_one();
    env.run_ends("completed");
    assert_eq!((env.triggers().len(), refused_of(&env.path(".git"), "linked")), (0, None));

    leave_one();
    // Another one, and later than a clock may be wrong.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    env.git(&["worktree", "add", "--quiet", "-b", "unrelated", there, start.trim()]);
    let status = env.json(&["-C", there, "status"]);
    assert_eq!(status["triggers"], json!({ "waiting": 0, "callers": [], "refused": null }));
    env.run_ends("completed");
    assert_eq!((env.triggers().len(), refused_of(&env.path(".git"), "linked")), (0, None));
    // What it asks for itself stays.
    std::fs::write(linked.join("README.md"), "mine\n").unwrap();
    env.git(&["-C", there, "push", "--quiet", "origin", "unrelated"]);
    env.until("the start is refused", |env| refused_of(&env.path(".git"), "linked").is_some());
    env.settled();
    env.run_ends("completed");
    assert_eq!(env.triggers().len(), 1);
}

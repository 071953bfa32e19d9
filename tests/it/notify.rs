//! The config's `notify`: a program that is told what became of a run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::TestEnv;

/// A world whose notifier is a script with this end, behind which it writes down what it was given.
fn world(script: &str, events: &str, turns: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    let told = env.root().join("told");
    let notifier = env.root().join("notifier");
    let text = format!("#!/bin/sh\ncat >> '{}'\n{script}\n", told.display());
    fs::write(&notifier, text).unwrap();
    fs::set_permissions(&notifier, fs::Permissions::from_mode(0o755)).unwrap();
    env.agent_with(&format!("notify: {{command: ['{}', x]{events}}}\n", notifier.display()), turns);
    env
}

/// Everything that was told.
fn told(env: &TestEnv) -> Vec<Value> {
    let text = fs::read_to_string(env.root().join("told")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The event and the reason of each.
fn heads(env: &TestEnv) -> Vec<String> {
    let head =
        |told: &Value| format!("{} {}", told["event"].as_str().unwrap(), told["reason"]["code"].as_str().unwrap());
    told(env).iter().map(head).collect()
}

fn notices(env: &TestEnv) -> PathBuf {
    env.run_folder().join("notices")
}

#[test]
fn each_pause_failure_and_completion_is_told_once_with_what_the_step_came_to() {
    let env = world("", "", &["ask 'Which?'", "exit 3", "echo x > work\ncommit\nclaim"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let document = env.json(&["run"]);
    assert_eq!(document["reason"]["code"], "user_dispatch");
    let mut first = told(&env).remove(0);
    assert_eq!(first["event"], "paused");
    first.as_object_mut().unwrap().remove("event");
    let mut step = document.clone();
    step.as_object_mut().unwrap().remove("steps");
    assert_eq!(first, step);

    // Found standing again it is no news.
    let _ = env.turnstile(&["run"]).exits(4);
    assert_eq!(heads(&env), ["paused user_dispatch"]);
    let _ = env.turnstile(&["reply", "-m", "This."]).exits(0);
    let _ = env.turnstile(&["run"]).exits(7);
    let _ = env.turnstile(&["run"]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(heads(&env), ["paused user_dispatch", "failed agent_failed", "completed completed"]);
    let last = told(&env).remove(2);
    assert_eq!((&last["status"], &last["exit"]), (&json!("completed"), &json!(0)));
}

#[test]
fn an_operators_pause_is_told_and_so_is_a_reason_that_every_step_looks_at_afresh() {
    let env = world("", "", &["echo x > work\ncommit\nclaim", "echo y > work\ncommit\nclaim"]);
    env.ticket("001-a", "done: false", "# A");
    env.ticket("002-b", "agent: user\ndone: false", "# B");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    let _ = env.turnstile(&["run"]).exits(4);
    let _ = env.turnstile(&["status"]).exits(0);
    assert_eq!(heads(&env), ["paused user_ticket"]);
    let _ = env.turnstile(&["pause"]).exits(0);
    assert_eq!(heads(&env), ["paused user_ticket", "paused operator_pause"]);
    assert_eq!(told(&env)[1]["ticket"], Value::Null);
    let _ = env.turnstile(&["run"]).exits(4);
    assert_eq!(told(&env).len(), 2);
}

#[test]
fn only_the_events_that_the_config_names_are_told() {
    let env = world("", ", events: [completed]", &["ask 'Which?'", "echo x > work\ncommit\nclaim"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    assert!(!notices(&env).exists());
    let _ = env.turnstile(&["reply", "-m", "This."]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(heads(&env), ["completed completed"]);
}

#[test]
fn a_notifier_that_fails_is_reported_and_nothing_else() {
    let env = world("echo 'no network' >&2\nexit 9", "", &["ask 'Which?'"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let output = env.turnstile(&["run"]).exits(4);
    assert!(output.stderr.contains("was not told of `paused`: it ended with exit status 9"), "{}", output.text());
    let folders: Vec<_> = fs::read_dir(notices(&env)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1);
    assert_eq!(fs::read_to_string(folders[0].join("stderr.log")).unwrap(), "no network\n");
    let outcome: Value = serde_json::from_slice(&fs::read(folders[0].join("told.json")).unwrap()).unwrap();
    assert_eq!((&outcome["outcome"], &outcome["exit"]), (&json!("given_up"), &json!(9)));
    // It was given up, and is not tried again.
    let again = env.turnstile(&["run"]).exits(4);
    assert!(!again.stderr.contains("not told"), "{}", again.text());
    assert_eq!(told(&env).len(), 1);

    let missing = env.read(".tickets/config.yaml").replace("/notifier', x]", "/nowhere', x]");
    env.write(".tickets/config.yaml", missing);
    env.commit_all("another notifier");
    let output = env.turnstile(&["pause"]).exits(0);
    assert!(output.stderr.contains("there is no such file"), "{}", output.text());
}

#[test]
fn it_runs_at_the_top_with_a_filtered_environment() {
    let mut env = world("pwd > \"$(dirname \"$0\")/where\"\nenv > \"$(dirname \"$0\")/env\"", "", &["ask 'Which?'"]);
    env.set("MY_TOKEN", "abc");
    env.set("OTHER", "seen");
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    env.write("sub/file", "");
    env.commit_all("sub");
    let _ = env.turnstile(&["-C", "sub", "run"]).exits(4);
    assert_eq!(fs::read_to_string(env.root().join("where")).unwrap().trim(), env.repo().to_str().unwrap());
    let variables = fs::read_to_string(env.root().join("env")).unwrap();
    assert!(variables.contains("OTHER=seen") && !variables.contains("MY_TOKEN"), "{variables}");
}

#[test]
fn a_slow_one_keeps_nobody_from_the_next_step_and_a_person_can_end_it() {
    let script =
        "d=$(dirname \"$0\")\ntouch \"$d/begun\"\nif [ ! -e \"$d/once\" ]; then touch \"$d/once\"; sleep 600; fi";
    let env = world(script, "", &["ask 'Which?'", "echo x > work\ncommit\nclaim"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let slow = env.spawn(&["run"]);
    env.until("the notifier runs", |env| env.root().join("begun").exists());
    // The lock is free, the pause is being told, and it is not told by two.
    let _ = env.turnstile(&["run"]).exits(4);
    assert_eq!(told(&env).len(), 1);
    let _ = env.turnstile(&["reply", "-m", "This."]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(heads(&env), ["paused user_dispatch", "completed completed"]);
    let number = slow.id().to_string();
    assert!(env.command("kill").args(["-INT", &number]).status().unwrap().success());
    let output = env.wait(slow).exits(4);
    assert!(output.stderr.contains("was not told of `paused`: it was interrupted"), "{}", output.text());
}

#[test]
fn what_a_killed_command_left_untold_is_told_by_the_next() {
    for (point, times) in [("notice.written", 1), ("notice.told", 2)] {
        let mut env = world("", "", &["ask 'Which?'"]);
        env.ticket("001-a", "done: false", "# A");
        env.commit_all("tickets");
        env.set("_TURNSTILE_CRASH_LOG", env.root().join("passages").display().to_string());
        env.set("_TURNSTILE_CRASH_AT", format!("{point}:1"));
        let _ = env.turnstile(&["run"]);
        env.set("_TURNSTILE_CRASH_AT", "");
        let _ = env.turnstile(&["run"]).exits(4);
        let _ = env.turnstile(&["run"]).exits(4);
        assert_eq!(heads(&env), vec!["paused user_dispatch"; times], "{point}");
    }
}

#[test]
fn a_notifier_that_a_turn_wrote_into_the_config_is_not_started() {
    let turn = "sed 's|^notify:.*|notify: {command: [sh, -c, \"touch evil\"]}|' .tickets/config.yaml > \"$AGENT/c\"\ncat \"$AGENT/c\" > .tickets/config.yaml";
    // With the second the pause is nobody's news but the evil one's.
    for (events, told) in [("", vec!["paused runner_files_changed"]), (", events: [failed]", vec![])] {
        let env = world("", events, &[turn, "claim"]);
        env.ticket("001-a", "done: false", "# A");
        env.commit_all("tickets");
        let _ = env.turnstile(&["run"]).exits(6);
        assert_eq!(heads(&env), told);
        let _ = env.turnstile(&["run"]).exits(6);
        let _ = env.turnstile(&["pause"]).exits(0);
        assert!(!env.exists("evil"), "{events}");
        // Once a person has accepted it, it is the config's.
        let _ = env.turnstile(&["resume"]).exits(0);
        let _ = env.turnstile(&["resume"]).exits(0);
        let _ = env.turnstile(&["run"]);
        assert!(env.exists("evil"), "{events}");
    }
}

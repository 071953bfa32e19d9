//! Turns that fail: what is tried again and when, and what is counted.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{TestEnv, ended_with};

/// A program that says by its exit status that another attempt may succeed.
const BUSY: &str = "echo overloaded; exit 75";

/// `backoff` is in milliseconds.
fn world(backoff: &str, config: &str, scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.set("TURNSTILE_BACKOFF_MS", backoff);
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

fn breaker(env: &TestEnv) -> Value {
    env.json(&["status"])["breaker"].clone()
}

#[test]
fn run_waits_and_tries_an_error_again_that_may_pass() {
    let env = world("300", "", &[BUSY, BUSY, "claim"]);
    let begin = Instant::now();
    let output = env.turnstile(&["run"]).exits(0);
    assert!(begin.elapsed().as_millis() >= 900, "300 ms and then 600 ms: {:?}", begin.elapsed());
    assert_eq!(env.turns().len(), 3);
    for told in ["it may pass", "retry 1 of 2", "retry 2 of 2", "waits 1 s for the next turn of 001-a", "Ctrl-C"] {
        assert!(output.stderr.contains(told), "{told}: {}", output.text());
    }
    let failed = env.events("turn.failed");
    assert_eq!(failed[0]["error"], json!({ "class": "transient" }));
    assert!(env.prompt(2).contains("did not end well"), "{}", env.prompt(2));
    assert_eq!(breaker(&env), json!({ "state": "closed", "failures": 0 }));
}

#[test]
fn a_step_before_its_time_is_parked_whoever_makes_it() {
    let env = world("3000", "", &[BUSY, "claim"]);
    env.step_comes_to("retry_asked");
    let document = env.ends(&["step"], "parked");
    let verdict = env.events("effect.begun").into_iter().find(|line| line["retry"].is_object()).unwrap();
    assert_eq!(document["reason"]["details"]["until"], verdict["retry"]["until"]);
    assert_eq!((document["outcome"].as_str(), document["ticket"].as_str()), (Some("none"), Some("001-a")));
    assert_eq!(env.next(), "wait parked");
    let status = env.json(&["status"]);
    assert_eq!((status["status"].as_str(), status["reason"]["code"].as_str()), (Some("paused"), Some("parked")));
    let output = env.turnstile(&["status"]).exits(0);
    assert!(output.stdout.contains("retry 1 of 2 may start at 2"), "{}", output.text());
    assert_eq!(env.turns().len(), 1);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn no_longer_than_ten_minutes_are_waited_for() {
    let env = world("900000", "", &[BUSY]);
    let begin = Instant::now();
    env.run_ends("parked");
    env.run_ends("parked");
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_command_without_turns_left_waits_for_none() {
    let env = world("60000", "", &[BUSY]);
    let begin = Instant::now();
    let document = env.ends(&["run", "--max-turns", "1"], "parked");
    assert!(begin.elapsed().as_secs() < 50, "{:?}", begin.elapsed());
    assert_eq!(document["steps"], 2);
}

#[test]
fn after_the_last_retry_a_person_is_needed_and_it_was_one_failure() {
    let env = world("50", "retries: {transient: 1}\n", &[BUSY, BUSY, "claim"]);
    let message = env.run_ends("agent_failed");
    assert!(message.contains("(after 1 retry)") && message.contains("turnstile show --turn 2"), "{message}");
    assert_eq!(env.turns().len(), 2);
    assert_eq!(breaker(&env), json!({ "state": "closed", "failures": 1 }));
    env.run_ends("completed");
}

#[test]
fn without_retries_the_first_failure_ends_the_run() {
    let env = world("50", "retries: {transient: 0}\n", &[BUSY]);
    env.run_ends("agent_failed");
    assert_eq!(env.turns().len(), 1);
}

/// A run that waits for a retry, a minute away.
fn waiting(env: &TestEnv) -> std::process::Child {
    let child = env.spawn(&["--json", "run"]);
    let parked = |env: &TestEnv| env.kinds().iter().filter(|kind| *kind == "effect.finished").count() > 0;
    env.until("the turn is judged", parked);
    child
}

#[test]
fn ctrl_c_ends_the_wait() {
    let env = world("60000", "", &[BUSY]);
    let begin = Instant::now();
    let child = waiting(&env);
    // It may come a little before the wait begins: then it ends what is before it.
    assert!(env.command("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    ended_with(&env.wait(child), "interrupted");
    assert!(begin.elapsed().as_secs() < 50, "{:?}", begin.elapsed());
    assert_eq!(env.next(), "wait parked");
}

#[test]
fn what_somebody_decides_meanwhile_ends_the_wait() {
    for (arguments, reason) in [(&["pause"][..], "operator_pause"), (&["stop"], "stopped")] {
        let env = world("60000", "", &[BUSY]);
        let begin = Instant::now();
        let child = waiting(&env);
        let _ = env.turnstile(arguments).exits(0);
        ended_with(&env.wait(child), reason);
        assert!(begin.elapsed().as_secs() < 50, "{:?}", begin.elapsed());
    }
    let env = world("60000", "", &[BUSY]);
    let child = waiting(&env);
    env.write(".tickets/STOP", "lunch\n");
    ended_with(&env.wait(child), "stop_file");
}

#[test]
fn failures_in_a_row_open_the_breaker_and_a_persons_run_is_the_probe() {
    let env = world("50", "limits: {failures: 2}\n", &["exit 1", "exit 1", "exit 1", "claim"]);
    env.run_ends("agent_failed");
    assert_eq!(breaker(&env), json!({ "state": "closed", "failures": 1 }));
    let output = env.turnstile(&["run"]).exits(7);
    assert!(output.stderr.contains("the breaker is open after 2 failure(s) in a row"), "{}", output.text());
    assert_eq!(breaker(&env), json!({ "state": "open", "failures": 2 }));
    let output = env.turnstile(&["status"]).exits(0);
    assert!(output.stdout.contains("failures in a row: 2, the breaker is open"), "{}", output.text());
    env.run_ends("agent_failed");
    assert_eq!((env.events("circuit.opened").len(), breaker(&env)["failures"].as_u64()), (1, Some(3)));
    env.run_ends("completed");
    assert_eq!((env.events("circuit.closed").len(), breaker(&env)), (1, json!({ "state": "closed", "failures": 0 })));
}

#[test]
fn a_program_that_is_missing_is_no_failure_of_anybodys() {
    let env = TestEnv::new();
    env.write(".tickets/config.yaml", "limits: {failures: 1}\nagents: {mine: {kind: command, command: [no-such]}}\n");
    env.ticket("001-a", "title: A\nagent: mine", "Do it.");
    env.commit_all("tickets");
    env.run_ends("agent_failed");
    assert_eq!(breaker(&env), json!({ "state": "closed", "failures": 0 }));
}

#[test]
fn a_failed_first_turn_names_what_was_withheld_from_it() {
    let mut env = world("50", "", &["exit 1", BUSY, BUSY, BUSY]);
    env.set("SERVICE_TOKEN", "abc-def-0123456789");
    let message = env.run_ends("agent_failed");
    assert!(message.contains("withheld from it: SERVICE_TOKEN") && message.contains("env.pass"), "{message}");
    let message = env.run_ends("agent_failed");
    assert!(!message.contains("withheld"), "the first one said so: {message}");
}

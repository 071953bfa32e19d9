//! What the documents of `step` and `status` say where something failed, or was judged without a turn.

use serde_json::{Value, json};

use crate::support::TestEnv;

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

fn about(document: &Value) -> Value {
    json!([document["outcome"], document["reason"]["code"], document["ticket"], document["turn"], document["agent"]])
}

#[test]
fn a_failure_of_git_is_a_failure_of_the_turn_that_is_judged_and_status_knows_of_it() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim\n: > .git/index.lock"]);
    let failed = json!(["failed", "git_failed", "001-a", 1, "mine"]);
    for _ in 0..2 {
        assert_eq!(about(&env.ends(&["step"], "git_failed")), failed);
        let status = env.json(&["status"]);
        assert_eq!((&status["status"], &status["reason"]["code"]), (&json!("paused"), &json!("git_failed")));
        let next = env.turnstile(&["next"]).stdout;
        assert!(next.starts_with("judge: ") && next.contains("the last step stopped with git_failed: "), "{next}");
    }
    assert_eq!(env.json(&["next"])["ticket"], "001-a");
    env.remove(".git/index.lock");
    assert_eq!(about(&env.json(&["step"])), json!(["ticket_done", null, "001-a", 1, "mine"]));
    let status = env.json(&["status"]);
    assert_eq!((&status["reason"]["code"], env.turns().len()), (&json!("completed"), 1));
}

#[test]
fn a_step_that_only_judges_names_the_turn_that_it_judges() {
    let env = world("retries: {commit: 0}\n", &["echo one > file\nclaim"]);
    assert_eq!(about(&env.ends(&["step"], "commit_failed")), json!(["waiting", "commit_failed", "001-a", 1, "mine"]));
    assert_eq!(about(&env.ends(&["step"], "commit_failed")), json!(["none", "commit_failed", "001-a", null, null]));
    env.git(&["add", "file"]);
    env.git(&["commit", "--quiet", "-m", "by hand"]);
    assert_eq!(about(&env.json(&["step"])), json!(["ticket_done", null, "001-a", 1, "mine"]));
}

#[test]
fn what_stood_in_a_run_that_was_stopped_is_no_reason_of_the_next_one() {
    let env = world("", &["git commit -q --amend --allow-empty -m other", "claim"]);
    assert_eq!(env.ends(&["step"], "head_moved")["ticket"], "001-a");
    drop(env.turnstile(&["stop"]).exits(0));
    let next = env.json(&["next"]);
    assert_eq!((&next["action"], &next["explain"][0]["state"]), (&json!("run_turn"), &json!("ready")), "{next}");
    assert_eq!(env.json(&["list"])[0]["state"], "ready");
    env.run_ends("completed");
}

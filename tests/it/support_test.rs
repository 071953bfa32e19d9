//! What tests are built on does what it says.

use crate::support::TestEnv;

#[test]
fn a_world_has_a_repository_an_agent_and_the_program() {
    let env = TestEnv::new();
    env.agent(&["echo one > file\ncommit 'one'\nclaim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let output = env.turnstile(&["run"]).exits(0);
    assert!(output.stdout.is_empty(), "{}", output.text());
    assert_eq!(env.turns(), ["1 001-a"]);
    assert!(env.prompt(1).contains("Do it."));
    assert!(env.agent_environment(1).contains("TURNSTILE_TURN=1"));
    assert_eq!(env.subjects(), ["001-a: done", "one", "tickets", "config", "first"]);
    assert!(env.read(".tickets/001-a.md").contains("done: true"));
    assert_eq!(env.kinds().first().map(String::as_str), Some("run.started"));
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_differs_from_run_to_run_has_a_name() {
    let text = "run 20260131-080000-ab3d at 2026-01-31T08:00:00.123Z: committed 0123456789 after 12 s";
    assert_eq!(crate::support::normal(text), "run [RUN] at [WHEN]: committed [OID] after [TIME]");
}

#[test]
fn a_program_can_be_watched_while_it_runs() {
    let env = TestEnv::new();
    env.agent(&["touch began; while [ ! -f go ]; do sleep 0.02; done; rm go began; claim"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let child = env.spawn(&["step"]);
    env.until("the turn begins", |env| env.exists("began"));
    env.write("go", "");
    let _ = env.wait(child).exits(0);
    assert_eq!(env.events("turn.started").len(), 1);
    env.remove(".tickets/001-a.md");
    assert_eq!(env.files("."), [".tickets/config.yaml", "README.md"]);
}

#[test]
fn documents_and_errors_are_read_and_variables_are_passed_on() {
    let mut env = TestEnv::new();
    assert_eq!(env.json(&["status"])["status"], "idle");
    env.set("TURNSTILE_IN_TURN", env.path(".git").to_str().unwrap());
    assert_eq!(env.turnstile(&["--json", "run"]).exits(2).error()["code"], "reentrant");
}

//! Limits of turns and time.

use std::time::Instant;

use serde_json::json;

use crate::support::TestEnv;

fn world(entry: &str, config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_entry(entry, config, scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn a_limit_of_turns_refuses_to_start_one_and_resume_grants_as_many_again() {
    let env = world("", "limits: {total_turns: 2, no_progress: off}\n", &["true", "true", "true", "true", "claim"]);
    let message = env.run_ends("limit_total_turns");
    assert!(message.contains("turnstile resume"), "{message}");
    assert_eq!((env.turns().len(), env.next().as_str()), (2, "stop limit_total_turns"));
    env.run_ends("limit_total_turns");
    assert_eq!(env.events("limit.reached").len(), 1);
    let output = env.turnstile(&["resume"]).exits(0);
    assert!(output.stdout.contains("the same amount once more"), "{}", output.text());
    env.run_ends("limit_total_turns");
    assert_eq!(env.turns().len(), 4);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn a_raised_limit_goes_on() {
    let env = world("", "limits: {total_turns: 1}\n", &["true", "claim"]);
    env.run_ends("limit_total_turns");
    let config = env.read(".tickets/config.yaml").replace("total_turns: 1", "total_turns: 9");
    env.write(".tickets/config.yaml", config);
    env.run_ends("completed");
}

#[test]
fn a_limit_of_one_ticket_leaves_the_others_alone() {
    let env = world("", "limits: {turns: 2}\n", &["claim", "true", "claim"]);
    env.ticket("002-b", "title: B\nlimits: {turns: 1}", "Do it.");
    env.commit_all("another");
    let document = env.ends(&["run"], "limit_turns");
    assert_eq!(document["ticket"], "002-b");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn resume_grants_more_wherever_next_says_so() {
    let env = world("", "limits: {no_progress: off}\n", &["true", "claim", "claim", "claim"]);
    env.ticket("001-a", "title: A\nlimits: {turns: 1}", "Do it.");
    env.ticket("002-b", "title: B", "Do it.");
    env.commit_all("another");
    let _ = env.ends(&["run", "001"], "limit_turns");
    let _ = env.turnstile(&["run", "002"]).exits(0);
    let _ = env.turnstile(&["reopen", "002"]).exits(0);
    assert_eq!(env.next(), "stop limit_turns");
    let output = env.turnstile(&["resume"]).exits(0);
    assert!(output.stdout.contains("1 turn, so that the limit is now 2 turns"), "{}", output.text());
    env.run_ends("completed");
}

#[test]
fn what_a_limit_says_can_be_raised_is_what_can_be_raised() {
    let limits = |turns: &str| format!("limits: {{turns: {turns}, no_progress: off}}\n");
    let env = world("", &limits("2"), &["true", "true", "sleep 1.1", "claim"]);
    let own = |limit: &str| {
        env.write(".tickets/001-a.md", format!("---\ntitle: A\nlimits: {{{limit}}}\n---\nDo it.\n"));
        env.commit_all("another limit");
    };
    own("turns: 1");
    let message = env.run_ends("limit_turns");
    assert!(message.contains("raise it in `.tickets/001-a.md`"), "{message}");
    own("turns: 9");
    let message = env.run_ends("limit_turns");
    assert!(message.contains("its limit is 2 turns; raise it in `.tickets/config.yaml`"), "{message}");
    env.write(".tickets/config.yaml", env.read(".tickets/config.yaml").replace("turns: 2", "turns: 20"));
    own("time: 1s");
    let message = env.run_ends("limit_time");
    assert!(message.contains("worked on 001-a for"), "{message}");
    assert!(message.contains("raise it in `.tickets/001-a.md`"), "{message}");
}

#[test]
fn work_that_is_finished_on_the_last_turn_is_finished() {
    let env = world("", "limits: {total_turns: 1}\n", &["claim"]);
    env.run_ends("completed");
}

#[test]
fn commit_turns_count_against_the_total_alone() {
    let env = world("", "limits: {turns: 1}\n", &["echo one > file\nclaim", "commit one"]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
    let env = world("", "limits: {total_turns: 1}\n", &["echo one > file\nclaim", "commit one"]);
    env.run_ends("limit_total_turns");
}

#[test]
fn a_limit_of_active_time() {
    let env = world("", "limits: {time: 1s}\n", &["sleep 1.1", "claim"]);
    env.run_ends("limit_time");
    assert_eq!(env.turns().len(), 1);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn a_command_may_have_a_limit_of_its_own() {
    let env = world("", "", &["true", "true", "claim"]);
    let document = env.ends(&["run", "--max-turns", "2"], "max_turns");
    assert_eq!((env.turns().len(), &document["steps"]), (2, &json!(3)));
    env.run_ends("completed");
}

/// Whether a process is there and is no zombie.
fn lives(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[test]
fn a_turn_that_takes_too_long_is_ended_with_all_that_it_started() {
    let script = "trap '' TERM\nsleep 60 & echo $! > $AGENT/child\nsetsid sleep 60 & echo $! > $AGENT/escaped\necho one > file\nwait";
    let env = world(", timeout: 2s", "", &[script, "commit one\nclaim"]);
    let begin = Instant::now();
    env.run_ends("agent_failed");
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
    assert_eq!(env.events("turn.timed_out").len(), 1);
    for name in ["child", "escaped"] {
        let pid = env.read(env.agent_folder().join(name));
        env.until("the process ends", |_| !lives(&pid));
    }
    env.run_ends("completed");
    assert!(env.prompt(2).contains("did not end well"), "{}", env.prompt(2));
}

#[test]
fn a_turn_that_says_nothing_for_too_long_is_ended() {
    let script = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.3; done\necho talked > $AGENT/talked\nsleep 60 & echo $! > $AGENT/child; wait";
    let env = world(", idle_timeout: 2s", "", &[script]);
    let message = env.run_ends("agent_failed");
    assert!(env.agent_folder().join("talked").exists(), "it was not ended while it talked: {message}");
    assert_eq!(env.events("turn.timed_out").len(), 1);
    let pid = env.read(env.agent_folder().join("child"));
    env.until("the process ends", |_| !lives(&pid));
}

#[test]
fn a_turn_is_over_when_its_agent_is() {
    let script = "sleep 60 > /dev/null 2>&1 & echo $! > $AGENT/child\nclaim";
    let env = world("", "", &[script]);
    let begin = Instant::now();
    env.run_ends("completed");
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
    let pid = env.read(env.agent_folder().join("child"));
    env.until("what the agent left behind ends", |_| !lives(&pid));
}

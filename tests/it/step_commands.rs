//! Command lines that a turn wrote: nobody has read them, and they run only when somebody says so.

use serde_json::Value;

use crate::support::TestEnv;

/// Writes a ticket that runs its own commands.
fn evil(name: &str) -> String {
    format!(
        "printf -- '---\\ntitle: E\\nagent: shell\\ndone: false\\n---\\n```sh\\ntouch ran-%s\\n```\\n' {name} > .tickets/{name}.md\n"
    )
}

/// One ticket of an agent and one runbook of a person's.
fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Write them.");
    env.ticket("002-shell", "title: S\nagent: shell\ndone: false", "Run it.\n```sh\ntouch harmless\n```");
    env.commit_all("tickets");
    env
}

#[test]
fn a_shell_ticket_that_a_turn_wrote_stops_the_run_until_somebody_has_read_it() {
    let env = world(&[&format!("{}claim", evil("003-new"))]);
    let message = env.run_ends("approval_pending");
    assert!(env.exists("harmless"), "what a person wrote runs");
    assert!(
        message.starts_with("003-new needs an approval before its next turn (turns wrote command lines that it runs)"),
        "{message}"
    );
    assert!(message.contains("\n  touch ran-003-new"), "whoever decides sees what would run: {message}");
    let request = env.read(".tickets/history/003-new/0001-request/REQUEST.md");
    assert!(request.contains("touch ran-003-new"), "{request}");
    // Text alone opens no gate, and neither does `resume`.
    env.reply("---\nto: 3\n---\napprove\n");
    env.run_ends("approval_pending");
    assert_eq!(env.turnstile(&["resume"]).code, Some(3));
    env.run_ends("approval_pending");
    assert!(!env.exists("ran-003-new"), "nobody approved it, and it did not run");
    let _ = env.turnstile(&["approve", "3"]).exits(0);
    env.run_ends("completed");
    assert!(env.exists("ran-003-new"));
}

#[test]
fn commands_that_a_turn_changed_wait_and_a_persons_edit_of_them_answers() {
    let env = world(&["sed 's/harmless/harm/' .tickets/002-shell.md > x; cat x > .tickets/002-shell.md; rm x; claim"]);
    env.run_ends("approval_pending");
    assert!(!env.exists("harm") && !env.exists("harmless"));
    env.write(".tickets/002-shell.md", env.read(".tickets/002-shell.md").replace("harm", "mine"));
    env.run_ends("completed");
    assert!(env.exists("mine") && !env.exists("harm"));
}

#[test]
fn a_block_that_a_turn_took_away_is_another_script() {
    let env =
        world(&["awk '/first/ { next } { print }' .tickets/003-c.md > x; cat x > .tickets/003-c.md; rm x; claim"]);
    env.ticket(
        "003-c",
        "title: C\nagent: shell\ndone: false",
        "```sh\ntouch first; exit 0\n```\n```sh\ntouch second\n```",
    );
    env.commit_all("more");
    env.run_ends("approval_pending");
    assert!(!env.exists("second"));
}

#[test]
fn other_words_of_a_body_need_nobody() {
    let env =
        world(&["sed 's/Run it/Please run it/' .tickets/002-shell.md > x; cat x > .tickets/002-shell.md; rm x; claim"]);
    env.run_ends("completed");
    assert!(env.exists("harmless") && env.read(".tickets/002-shell.md").contains("Please run it"));
}

#[test]
fn an_approval_is_none_for_commands_that_a_turn_writes_later() {
    let env = world(&["printf '```sh\\ntouch more\\n```\\n' >> .tickets/003-c.md; claim"]);
    env.ticket("003-c", "title: C\nagent: shell\ndone: false\napproval: required", "```sh\ntouch first\n```");
    env.commit_all("more");
    let _ = env.turnstile(&["approve", "3"]).exits(0);
    let message = env.run_ends("approval_pending");
    assert!(message.contains("turns wrote command lines"), "{message}");
    assert!(!env.exists("first") && !env.exists("more"));
}

#[test]
fn a_persons_change_of_the_agent_does_not_vouch_for_the_blocks_that_a_turn_wrote() {
    let env = world(&["printf '```sh\\ntouch ran\\n```\\n' >> $TURNSTILE_TICKET"]);
    let _ = env.step_comes_to("progressed");
    let text = env.read(".tickets/001-a.md").replace("done: false", "done: false\nagent: shell");
    env.write(".tickets/001-a.md", text);
    env.run_ends("approval_pending");
    assert!(!env.exists("ran"));
}

#[test]
fn what_was_never_approved_stays_unapproved_in_the_next_run() {
    let env = world(&[&format!("{}claim", evil("003-new")), "claim"]);
    env.run_ends("approval_pending");
    for _ in 0..2 {
        let _ = env.turnstile(&["stop"]).exits(0);
        env.run_ends("approval_pending");
    }
    let _ = env.turnstile(&["reject", "3"]).exits(0);
    env.run_ends("approval_pending");
    // A run that came to its end knows it as well.
    let _ = env.turnstile(&["done", "3"]).exits(0);
    env.run_ends("completed");
    let _ = env.turnstile(&["reopen", "3"]).exits(0);
    env.run_ends("approval_pending");
    assert!(!env.exists("ran-003-new"));
}

#[test]
fn a_turn_that_is_cut_has_written_them_too() {
    let mut env = world(&[&format!("{}claim", evil("003-new")), "claim"]);
    env.set("_TURNSTILE_CRASH_LOG", env.root().join("passages").display().to_string());
    env.set("_TURNSTILE_CRASH_AT", "program.over:1");
    let _ = env.turnstile(&["run"]);
    env.run_ends("approval_pending");
    assert_eq!(env.events("turn.interrupted").len(), 1, "the process that kept the trees was killed");
    assert!(!env.exists("ran-003-new"));
    let tickets = env.events("turn.interrupted")[0]["tickets"].clone();
    assert_eq!(tickets.as_array().map(Vec::len), Some(1), "{tickets}");
    assert_eq!(tickets[0]["before"], Value::Null);
}

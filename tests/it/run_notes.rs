//! What `run` says beside its results: nothing that a ticket wishes for is passed over in silence.

use crate::support::TestEnv;

#[test]
fn a_wish_that_an_agent_cannot_be_told_is_named_once() {
    let env = TestEnv::new();
    env.agent(&["true", "claim"]);
    env.ticket("001-a", "done: false\nmodel: big\nreasoning: high", "# A");
    env.commit_all("tickets");
    let said = env.turnstile(&["run"]).exits(0).stderr;
    assert_eq!(said.matches("001-a: a command takes no model: `big` is not passed on").count(), 1, "{said}");
    assert_eq!(said.matches("001-a: a command takes no reasoning effort").count(), 1, "{said}");
}

#[test]
fn what_happens_inside_is_traced_where_it_is_asked_for() {
    let mut env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    env.set("TURNSTILE_LOG", "turnstile=debug");
    let said = env.turnstile(&["run"]).exits(0).stderr;
    for part in ["looked at the worktree", "started an effect", r#"kind="ticket.done""#] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

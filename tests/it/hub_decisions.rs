//! A decision in the worktree of a pushed branch: nobody types `run` there, so what was decided goes on by itself.

use crate::support::{Hub, Output, triggers_of};

/// Runs the program in the worktree of the pushed branch.
fn there(hub: &Hub, arguments: &[&str]) -> Output {
    hub.env.turnstile(&[&["-C", hub.worktree().to_str().unwrap()], arguments].concat())
}

/// Decides, and is told that the run goes on.
fn decide(hub: &Hub, arguments: &[&str]) {
    let output = there(hub, arguments).exits(0);
    assert!(output.stderr.contains("the run of `main` goes on, on its own"), "{}", output.text());
}

/// How many runners were started for a decision of this name.
fn started(hub: &Hub, decision: &str) -> usize {
    hub.logs().matches(&format!(" a run for {decision}\n")).count()
}

/// A ticket that asks, once it was pushed.
fn asked(scripts: &[&str]) -> Hub {
    let hub = Hub::trusted(scripts);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    hub
}

#[test]
fn a_reply_goes_on() {
    let hub = asked(&["ask Which?", "grep -q Blue $AGENT/prompt-2 && claim"]);
    decide(&hub, &["reply", "-m", "Blue."]);
    hub.has("main", "001-a: done");
    assert_eq!((hub.env.turns().len(), started(&hub, "reply")), (2, 1), "{}", hub.logs());
    assert!(hub.events("trigger.received").iter().any(|line| line["hook"] == "reply"));
}

#[test]
fn it_may_be_typed_in_the_bare_repository_as_well() {
    let hub = asked(&["ask Which?", "grep -q Blue $AGENT/prompt-2 && claim"]);
    let output = hub.turnstile(&["reply", "-m", "Blue."]).exits(0);
    let told = output.stderr.lines().collect::<Vec<_>>();
    assert!(told[0].starts_with("`main`, in "), "{}", output.text());
    assert_eq!(told[1..], ["the run of `main` goes on, on its own"], "{}", output.text());
    hub.has("main", "001-a: done");
    assert_eq!(started(&hub, "reply"), 1, "{}", hub.logs());
}

#[test]
fn an_approval_and_a_rejection_go_on() {
    let hub = Hub::trusted(&["claim"; 2]);
    hub.env.ticket("001-a", "title: A\ndone: false\napproval: required", "Do it.");
    hub.env.commit_all("asks");
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    decide(&hub, &["reject", "1"]);
    hub.env.until("the rejection is looked at", |_| started(&hub, "reject") == 1);
    hub.env.settled();
    assert_eq!((hub.env.turns().len(), triggers_of(&hub.git_dir).len()), (0, 0), "{}", hub.told());
    decide(&hub, &["reopen", "1"]);
    hub.env.settled();
    decide(&hub, &["approve", "1"]);
    hub.has("main", "001-a: done");
    assert_eq!((hub.env.turns().len(), started(&hub, "approve")), (1, 1), "{}", hub.logs());
}

#[test]
fn done_and_reopen_go_on_with_and_without_an_open_run() {
    let hub = asked(&["ask Which?", "claim"]);
    decide(&hub, &["done", "1"]);
    hub.env.until("it is published", |_| hub.git(&["show", "main:.tickets/001-a.md"]).contains("done: true"));
    hub.env.settled();
    assert_eq!((hub.env.turns().len(), triggers_of(&hub.git_dir).len()), (1, 0), "{}", hub.told());
    assert!(hub.logs().contains("a decision asked for this run: done\n"), "{}", hub.logs());
    decide(&hub, &["reopen", "1"]);
    hub.env.until("it is worked on again", |env| env.turns().len() == 2);
    hub.env.settled();
    assert_eq!((hub.events("ticket.reopened").len(), hub.events("ticket.done").len()), (1, 1), "{}", hub.told());
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
    // No run is open now, and there is nothing to decide.
    for nothing in [&["done", "1"][..], &["resume"]] {
        let output = there(&hub, nothing).exits(0);
        assert!(!output.stderr.contains("on its own"), "{}", output.text());
    }
    assert_eq!((started(&hub, "done"), started(&hub, "reopen")), (1, 1), "{}", hub.logs());
}

#[test]
fn resume_goes_on_and_pause_and_stop_start_nothing() {
    let hub = asked(&["ask Which?", "claim"]);
    let paused = there(&hub, &["pause"]).exits(0);
    assert!(!paused.stderr.contains("on its own"), "{}", paused.text());
    let developer = hub.clone_of("developer");
    developer.write(".tickets/USER_REPLY.md", "Blue.\n");
    developer.push("reply");
    hub.env.until("the push is looked at", |_| hub.logs().matches(" a run for post-receive").count() >= 2);
    hub.env.settled();
    assert_eq!(hub.env.turns().len(), 1, "{}", hub.told());
    decide(&hub, &["resume"]);
    hub.has("main", "001-a: done");
    assert_eq!((started(&hub, "pause"), started(&hub, "resume")), (0, 1), "{}", hub.logs());

    let hub = asked(&["ask Which?", "claim"]);
    let _ = there(&hub, &["stop"]).exits(0);
    hub.env.settled();
    assert_eq!((hub.env.turns().len(), started(&hub, "stop"), triggers_of(&hub.git_dir).len()), (1, 0, 0));
}

#[test]
fn what_was_undone_is_looked_at() {
    let hub = asked(&["echo half > file\nask Which?", "claim"]);
    decide(&hub, &["undo"]);
    hub.env.until("it is looked at", |_| started(&hub, "undo") == 1);
    hub.env.settled();
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
    let again = there(&hub, &["undo"]).exits(0);
    assert!(!again.stderr.contains("on its own"), "{}", again.text());
}

#[test]
fn where_nothing_was_decided_nothing_goes_on() {
    let hub = asked(&["ask Which?", "claim"]);
    for nothing in [&["approve", "1"][..], &["reject", "1"]] {
        let output = there(&hub, nothing).exits(0);
        assert!(!output.stderr.contains("on its own"), "{}", output.text());
        assert_eq!((started(&hub, nothing[0]), triggers_of(&hub.git_dir).len()), (0, 0), "{}", hub.logs());
    }
    let _ = there(&hub, &["done", "nowhere"]).exits(3);
    assert_eq!(triggers_of(&hub.git_dir), [""; 0]);
}

#[test]
fn a_decision_in_a_turn_is_refused_and_starts_nothing() {
    let program = env!("CARGO_BIN_EXE_turnstile");
    let hub = asked(&[&format!(
        "for what in 'reply -m Blue' 'done 1' resume; do code=0; {program} $what || code=$?; echo $code >> $AGENT/codes; done\n\
         ls $PWD/../../triggers > $AGENT/kept || true\nask Which?"
    )]);
    assert_eq!(hub.env.read(hub.env.agent_folder().join("codes")), "2\n2\n2\n");
    for decision in ["reply", "done", "resume"] {
        assert_eq!(started(&hub, decision), 0, "{}", hub.logs());
    }
    // The push that the turn is for.
    assert_eq!(hub.env.read(hub.env.agent_folder().join("kept")).lines().count(), 1);
}

#[test]
fn where_people_type_run_themselves_nothing_starts() {
    let env = crate::support::TestEnv::new();
    env.agent(&["ask Which?"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.run_ends("user_dispatch");
    let _ = env.turnstile(&["reply", "-m", "Blue."]).exits(0);
    assert_eq!((env.triggers(), env.runners()), (Vec::new(), Vec::new()));
}

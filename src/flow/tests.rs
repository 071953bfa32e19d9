//! The two tables, row by row: what was observed, and what follows. Each test takes a quiet world in which a turn
//! would start (or a ticket would be done), changes one thing, and names what wins then.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{CheckpointMode, CommitBy, Config};
use crate::ticket::{TicketId, TicketLimits};

pub(super) mod answers;
mod approvals;
mod caps;
mod carry;
mod failure;
mod fold;
mod mail;
mod names;
mod preview;
mod progress;
mod rows;
mod rungs;
mod saves;
mod standing;
mod trust;
mod undo;
mod verdicts;
mod wait;
mod whose;

pub(super) fn id(text: &str) -> TicketId {
    TicketId::new(text)
}

fn ticket(name: &str) -> TicketFact {
    TicketFact {
        id: id(name),
        title: format!("The title of {name}"),
        agent: "mine".into(),
        kind: AgentFact::Commits,
        done: false,
        hold: None,
        blocked_by: Vec::new(),
        unresolved: Vec::new(),
        depends_on: Vec::new(),
        faults: Vec::new(),
        digest: "d1".into(),
        limits: TicketLimits::default(),
        claimed_by: None,
        claimed: false,
        approval: ApprovalFact::default(),
    }
}

/// A world in which the first of two tickets gets a turn.
pub(super) fn world() -> Survey {
    Survey {
        tickets: vec![ticket("one"), ticket("two")],
        head: Some("c1".into()),
        branch: Some("refs/heads/main".into()),
        head_tree: Some("t1".into()),
        ..Survey::default()
    }
}

pub(super) fn policy() -> Policy {
    Policy::of(&Config::default())
}

pub(super) fn begun() -> Vec<Event> {
    vec![
        Event::RunStarted {
            branch: Some("refs/heads/main".into()),
            head: Some("c1".into()),
            carried: Carried::default(),
        },
        Event::TicketSelected { ticket: id("one") },
    ]
}

pub(super) fn request(turn: u32) -> TurnRequest {
    TurnRequest {
        ticket: id("one"),
        turn,
        agent: "mine".into(),
        commit_only: false,
        head: Some("c1".into()),
        stash: None,
        replies: Vec::new(),
        suspect: None,
    }
}

pub(super) fn ended(turn: u32) -> TurnEnded {
    TurnEnded {
        ticket: id("one"),
        turn,
        agent: "mine".into(),
        duration_ms: 1000,
        exit: Some(0),
        session: None,
        usage: None,
        why: None,
        error: None,
        by_person: false,
        runner_fault: false,
        started: true,
        before: Some("b".into()),
        after: Some("a".into()),
        head: Some("c1".into()),
        changed: vec!["src/lib.rs".into()],
        commits: Vec::new(),
        left_out: Vec::new(),
        tampered: Vec::new(),
        reply: None,
        tickets: Vec::new(),
        settings: std::collections::BTreeMap::new(),
    }
}

pub(super) fn fold(events: &[Event]) -> RunState {
    let mut run = RunState::default();
    for event in events {
        run.apply(event).expect("the test's journal is in order");
    }
    run
}

/// A run whose first turn ended as given.
pub(super) fn after_turn(event: Event) -> RunState {
    let mut events = begun();
    events.extend([Event::TurnStarted(request(1)), event]);
    fold(&events)
}

pub(super) fn choice(run: &RunState, survey: &Survey, policy: &Policy, entering: bool) -> Chosen {
    let Phase::Quiet(quiet) = run.phase() else { panic!("nothing is in flight in these tests") };
    decide(quiet, survey, policy, entering)
}

/// What was chosen, in one line. A verdict ends it: that one which owes nothing (`[]`) is closed in the same write goes
/// without saying.
pub(super) fn told(chosen: &Chosen) -> String {
    let is_verdict = |event: &Event| matches!(event, Event::EffectBegun(Begun::Verdict(_)));
    let what = match &chosen.choice {
        Choice::Stop(Stop { reason: Some(reason), .. }) => reason.code.to_string(),
        Choice::Stop(Stop { reason: None, .. }) => "nothing".to_owned(),
        Choice::Record(events) => {
            let end = events.iter().position(is_verdict).map_or(events.len(), |at| at + 1);
            events[..end].iter().map(told_event).collect::<Vec<_>>().join(" + ")
        }
    };
    format!("{}: {what}", chosen.rung)
}

fn told_event(event: &Event) -> String {
    match event {
        Event::TurnStarted(request) if request.commit_only => {
            format!("commit turn {} of {}", request.turn, request.ticket)
        }
        Event::TurnStarted(request) => format!("turn {} of {}", request.turn, request.ticket),
        Event::EffectBegun(Begun::Verdict(verdict)) => {
            let reason = verdict.reason.as_ref().map(|reason| format!(" ({})", reason.code)).unwrap_or_default();
            format!("row {} {}{reason} {:?}", verdict.row, outcome_name(verdict.outcome), verdict.chores)
        }
        Event::EffectBegun(Begun::Save(begun)) => format!("save {:?} {:?}", begun.save.purpose, begun.save.paths),
        Event::EffectBegun(Begun::Act(begun)) => match &begun.act {
            Act::SetDone { target, done, .. } => format!("set done={done} of {target}"),
            Act::Reply { to, .. } => format!("reply to {to}"),
            Act::PutBack { paths } => format!("put back {} path(s)", paths.len()),
            Act::AskApproval { ticket, .. } => format!("ask approval of {ticket}"),
            Act::Restore { .. } => "restore".into(),
            Act::Archive { .. } => "archive".into(),
            Act::Request { .. } => "request".into(),
            Act::AdoptHead { .. } => "adopt head".into(),
            Act::DropMessage => "drop message".into(),
            Act::Undo(request) => format!("undo {}", request.from),
        },
        other => other.columns().2,
    }
}

type ChangeWorld = fn(&mut Survey, &mut Policy);
type ChangeEnd = fn(&mut TurnEnded);
type Tighten = fn(&mut Policy);

/// One change to the quiet world, and what wins then.
type Case = (&'static str, ChangeWorld, &'static str);

#[test]
fn before_a_turn_the_first_match_wins() {
    let cases: &[Case] = &[
        ("nothing in the way", |_, _| {}, "17: run.started + ticket.selected + turn 1 of one"),
        ("a stop file", |s, _| s.stop_file = Some("lunch".into()), "1: stop_file"),
        ("a merge under way", |s, _| s.repository = Some("a merge".into()), "5: repository_state"),
        ("config faults", |s, _| s.config = vec!["x".into()], "6: invalid"),
        (
            "a reply that cannot be read",
            |s, _| s.reply = Some(reply(|r| r.faults = vec!["x".into()])),
            "7: reply_invalid",
        ),
        ("a reply for the chosen ticket", |s, _| s.reply = Some(reply(|_| {})), "7: run.started + reply to one"),
        (
            "an empty reply is left",
            |s, _| s.reply = Some(reply(|r| r.empty = true)),
            "17: run.started + ticket.selected + turn 1 of one",
        ),
        (
            "a reply that names nobody",
            |s, _| s.reply = Some(reply(|r| r.to = Some(Err("x".into())))),
            "7: reply_invalid",
        ),
        ("all done", |s, _| s.tickets.iter_mut().for_each(|t| t.done = true), "10: completed"),
        ("all held", |s, _| s.tickets.iter_mut().for_each(|t| t.hold = Some("later".into())), "10: completed"),
        ("no tickets", |s, _| s.tickets.clear(), "10: completed"),
        ("each waits for the other", |s, _| knot(s), "11: blocked"),
        (
            "a dependency that leads nowhere blocks",
            |s, _| {
                s.tickets.truncate(1);
                s.tickets[0].unresolved = vec!["x".into()];
            },
            "11: blocked",
        ),
        (
            "current elsewhere",
            |s, _| {
                s.tickets.truncate(1);
                s.tickets[0].claimed_by = Some("other".into());
            },
            "11: blocked",
        ),
        ("the first is done", |s, _| s.tickets[0].done = true, "17: run.started + ticket.selected + turn 1 of two"),
        (
            "the first is held",
            |s, _| s.tickets[0].hold = Some("x".into()),
            "17: run.started + ticket.selected + turn 1 of two",
        ),
        ("the first is at fault", |s, _| s.tickets[0].faults = vec!["x".into()], "12: invalid"),
        (
            "another one at fault stops nothing",
            |s, _| s.tickets[1].faults = vec!["x".into()],
            "17: run.started + ticket.selected + turn 1 of one",
        ),
        (
            "only the second is asked for",
            |_, p| p.only = Some(vec![id("two")]),
            "17: run.started + ticket.selected + turn 1 of two",
        ),
        (
            "what the second needs comes with it",
            |s, p| {
                s.tickets[1].depends_on = vec![id("one")];
                p.only = Some(vec![id("two")]);
            },
            "17: run.started + ticket.selected + turn 1 of one",
        ),
        (
            "nothing open among what is asked for",
            |s, p| {
                s.tickets[1].done = true;
                p.only = Some(vec![id("two")]);
            },
            "10: nothing",
        ),
        ("a human's ticket", |s, _| s.tickets[0].kind = AgentFact::User, "13: user_ticket"),
        ("no turns at all", |_, p| p.limits.total_turns = Some(0), "15: run.started + limit.reached"),
        ("this command has had its turns", |_, p| p.turns_left = Some(0), "15: max_turns"),
        (
            "the user's changes",
            |s, _| {
                s.changes.insert("f".into(), "x".into());
            },
            "16: dirty_worktree",
        ),
        (
            "the user's changes, allowed",
            |s, p| {
                s.changes.insert("f".into(), "x".into());
                p.allow_dirty = true;
            },
            "16: run.started + worktree.accepted",
        ),
    ];
    for (name, change, expected) in cases {
        let (mut survey, mut policy) = (world(), policy());
        change(&mut survey, &mut policy);
        assert_eq!(told(&choice(&RunState::default(), &survey, &policy, true)), *expected, "{name}");
    }
}

fn reply(change: impl Fn(&mut ReplyFact)) -> ReplyFact {
    let mut reply = ReplyFact {
        kept_in: None,
        stamp: "s".into(),
        to: None,
        answer: None,
        answer_at: String::new(),
        decision: None,
        faults: Vec::new(),
        empty: false,
        committed: false,
        brought: None,
    };
    change(&mut reply);
    reply
}

fn knot(survey: &mut Survey) {
    survey.tickets[0].depends_on = vec![id("two")];
    survey.tickets[1].depends_on = vec![id("one")];
}

#[test]
fn after_a_turn_the_first_match_wins() {
    let claimed: ChangeWorld = |s, _| {
        s.tickets[0].done = true;
        s.tickets_changes.insert(".tickets/one.md".into(), false);
    };
    let cases: &[(&str, ChangeEnd, ChangeWorld, &str)] = &[
        ("work, no claim", |_| {}, |_, _| {}, "9: checkpoint.made + row 13 progressed []"),
        ("nothing changed, so no checkpoint", |e| e.after = Some("b".into()), |_, _| {}, "9: row 13 progressed []"),
        (
            "mode branch commits the checkpoint",
            |_| {},
            |_, p| p.checkpoint = CheckpointMode::Branch,
            "9: row 13 progressed [Checkpoint]",
        ),
        ("a tree that nobody kept", |e| e.after = None, |_, _| {}, "9: save Keep []"),
        ("something to put back comes first", |_| {}, |s, _| s.turn.put_back = vec![put_back()], "9: restore"),
        ("a message is archived", |_| {}, |s, _| s.outbox = OutboxFact::Message(question(false)), "9: archive"),
        (
            "an invalid one is noted",
            |_| {},
            |s, _| s.outbox = OutboxFact::Invalid(vec!["x".into()]),
            "9: outbox.invalid",
        ),
        ("a claim is noted", |_| {}, claimed, "9: claim.made"),
        ("HEAD ahead elsewhere", |_| {}, |s, _| s.turn.head = HeadFact::Ahead { commit: "c2".into() }, "9: adopt head"),
        (
            "HEAD moved",
            |_| {},
            |s, _| s.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() },
            "9: row 2 waiting (head_moved) []",
        ),
    ];
    for (name, end, change, expected) in cases {
        let (mut survey, mut policy, mut ended) = (world(), policy(), ended(1));
        end(&mut ended);
        change(&mut survey, &mut policy);
        let run = after_turn(Event::TurnFinished(ended));
        assert_eq!(told(&choice(&run, &survey, &policy, false)), *expected, "{name}");
    }
}

#[test]
fn what_cannot_be_put_back_is_not_put_back_for_ever() {
    let mut survey = world();
    survey.turn.put_back = vec![put_back()];
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    for expected in ["9: restore", "9: restore", "9: restore", "9: invalid"] {
        assert_eq!(told(&choice(&run, &survey, &policy(), false)), expected);
        let restored = Event::ContractRestored {
            ticket: id("one"),
            turn: 1,
            items: vec![put_back()],
            rejected: false,
            paths: BTreeMap::new(),
        };
        run.apply(&restored).unwrap();
    }
    survey.turn.put_back.clear();
    assert_eq!(told(&choice(&run, &survey, &policy(), false)), "9: checkpoint.made + row 13 progressed []");
}

#[test]
fn a_verdict_that_owes_nothing_is_closed_in_the_same_write_and_one_that_owes_something_is_not() {
    let run = after_turn(Event::TurnFinished(ended(1)));
    let closed = |chosen: Chosen| match chosen.choice {
        Choice::Record(events) => events.last().is_some_and(|last| matches!(last, Event::EffectFinished { .. })),
        Choice::Stop(_) => false,
    };
    assert!(closed(choice(&run, &world(), &policy(), false)));
    let branch = Policy { checkpoint: CheckpointMode::Branch, ..policy() };
    assert!(!closed(choice(&run, &world(), &branch, false)));
}

fn put_back() -> PutBack {
    PutBack { path: ".tickets/two.md".into(), keys: Vec::new(), why: "deleted".into(), unreadable: false, undo: None }
}

fn question(pause: bool) -> DispatchFact {
    DispatchFact { pause, title: None, choices: vec!["red".into(), "blue".into()] }
}

#[test]
fn a_turn_that_does_not_end_well_takes_its_claim_back() {
    let failed = TurnEnded { why: Some("exit status 1".into()), exit: Some(1), ..ended(1) };
    let cases = [
        (Event::TurnFailed(failed.clone()), "row 5 failed (agent_failed) [Revoke]"),
        (Event::TurnTimedOut(failed.clone()), "row 5 failed (agent_failed) [Revoke]"),
        (Event::TurnFailed(TurnEnded { runner_fault: true, ..failed.clone() }), "row 5 failed (git_failed) [Revoke]"),
        (
            Event::TurnInterrupted(TurnEnded { by_person: true, ..failed.clone() }),
            "row 5 failed (interrupted) [Revoke]",
        ),
        (Event::TurnInterrupted(failed), "row 5 retry_asked [Revoke]"),
    ];
    for (event, expected) in cases {
        let mut run = after_turn(event);
        run.apply(&Event::ClaimMade { ticket: id("one"), turn: 1 }).expect("in order");
        let mut survey = world();
        survey.tickets[0].done = true;
        let told = told(&choice(&run, &survey, &policy(), false));
        assert_eq!(told, format!("9: checkpoint.made + {expected}"));
    }
}

#[test]
fn a_question_wins_over_a_failure_and_over_a_claim() {
    for event in [Event::TurnFailed(ended(1)), Event::TurnFinished(ended(1))] {
        let mut run = after_turn(event);
        let archived = Event::OutboxArchived {
            ticket: id("one"),
            turn: 1,
            sequence: 1,
            path: ".tickets/history/one/0001-dispatch".into(),
            dispatch: question(true),
        };
        run.apply(&archived).expect("in order");
        run.apply(&Event::ClaimMade { ticket: id("one"), turn: 1 }).expect("in order");
        let mut survey = world();
        survey.tickets[0].done = true;
        let told = told(&choice(&run, &survey, &policy(), false));
        assert_eq!(
            told,
            "9: checkpoint.made + row 8 waiting (user_dispatch) [Revoke, Paperwork(\"waits for an answer\")]"
        );
    }
}

/// A run whose first turn claims, and the world that it left.
pub(super) fn claimed() -> (RunState, Survey) {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    run.apply(&Event::ClaimMade { ticket: id("one"), turn: 1 }).expect("in order");
    let mut survey = world();
    survey.tickets[0].done = true;
    survey.tickets_changes.insert(".tickets/one.md".into(), false);
    (run, survey)
}

#[test]
fn a_claim_that_is_met_is_committed_before_it_is_done() {
    let (run, mut survey) = claimed();
    assert_eq!(told(&choice(&run, &survey, &policy(), false)), "9: save Finish [\".tickets/one.md\"]");
    survey.changes.insert("src/lib.rs".into(), "x".into());
    assert_eq!(told(&choice(&run, &survey, &policy(), false)), "9: commit.required + row 10 retry_asked []");
    let by_runner = Policy { commit_by: CommitBy::Runner, ..policy() };
    assert_eq!(told(&choice(&run, &survey, &by_runner, false)), "9: save Finish [\".tickets/one.md\", \"src/lib.rs\"]");
    survey.tickets[0].kind = AgentFact::CannotCommit;
    assert_eq!(told(&choice(&run, &survey, &policy(), false)), "9: save Finish [\".tickets/one.md\", \"src/lib.rs\"]");
    survey.changes.insert("notes.txt".into(), "y".into());
    assert_eq!(
        told(&choice(&run, &survey, &by_runner, false)),
        "9: dirty_worktree",
        "the user's file is never committed"
    );
}

#[test]
fn work_in_the_stash_is_not_committed() {
    let (run, mut survey) = claimed();
    survey.stash = Some("s1".into());
    assert_eq!(told(&choice(&run, &survey, &policy(), false)), "9: commit.required + row 10 retry_asked []");
    let by_runner = Policy { commit_by: CommitBy::Runner, ..policy() };
    assert_eq!(told(&choice(&run, &survey, &by_runner, false)), "9: commit.required + row 10 retry_asked []");
}

/// A run that pauses with `commit_failed`, no commit turns being allowed.
fn commit_failed(survey: &Survey) -> RunState {
    let (mut run, _) = claimed();
    let mut strict = policy();
    strict.retries.commit = 0;
    let said = answers::go_on(&mut run, survey, &strict);
    assert_eq!(said.last().map(String::as_str), Some("8: commit_failed"));
    run
}

#[test]
fn work_in_the_stash_is_no_clean_tree_however_often_it_is_looked_at() {
    let (_, mut survey) = claimed();
    survey.stash = Some("s1".into());
    let run = commit_failed(&survey);
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "8: commit_failed");
    let Choice::Stop(Stop { reason: Some(reason), .. }) = choice(&run, &survey, &policy(), true).choice else {
        panic!("it stands")
    };
    assert!(reason.message.contains("`git stash pop`"), "{}", reason.message);
    // Popped and not committed, then committed.
    survey.stash = None;
    survey.changes.insert("src/lib.rs".into(), "x".into());
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "8: commit_failed");
    survey.changes.clear();
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "8: run.resumed");
}

#[test]
fn a_message_that_a_person_mended_is_archived_and_asked_before_anything_else() {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    let faults = vec!["x".to_owned()];
    apply(&mut run, &[Event::OutboxInvalid { ticket: id("one"), turn: 1, faults: faults.clone() }]);
    let mut strict = policy();
    strict.retries.lint = 0;
    let mut survey = Survey { outbox: OutboxFact::Invalid(faults), ..world() };
    let events = recorded(&choice(&run, &survey, &strict, false));
    apply(&mut run, &events);
    let over = |effect: &str| Event::EffectFinished {
        effect: effect.into(),
        ticket: None,
        outcome: None,
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    };
    apply(&mut run, &[over("request"), over("paperwork")]);
    let events = recorded(&choice(&run, &survey, &strict, false));
    apply(&mut run, &events);
    assert_eq!(told(&choice(&run, &survey, &strict, true)), "8: dispatch_invalid");

    // Left as it is and answered otherwise, or taken away, it is asked for again.
    for outbox in [survey.outbox.clone(), OutboxFact::Empty] {
        let mut answered = run.clone();
        let resumed = Event::RunResumed {
            ticket: Some(id("one")),
            reason: ReasonCode::DispatchInvalid,
            by: "me".into(),
            branch: None,
            granted: None,
        };
        apply(&mut answered, &[resumed]);
        let survey = Survey { outbox, ..world() };
        assert_eq!(told(&choice(&answered, &survey, &strict, true)), "9: row 6 retry_asked []");
    }

    survey.outbox = OutboxFact::Message(question(true));
    let events = recorded(&choice(&run, &survey, &strict, true));
    apply(&mut run, &events);
    assert_eq!(told(&choice(&run, &survey, &strict, true)), "9: archive");
    let archived = Event::OutboxArchived {
        ticket: id("one"),
        turn: 1,
        sequence: 1,
        path: ".tickets/history/one/0001-dispatch".into(),
        dispatch: question(true),
    };
    apply(&mut run, &[archived]);
    survey.outbox = OutboxFact::Empty;
    let told = told(&choice(&run, &survey, &strict, true));
    assert_eq!(told, "9: row 8 waiting (user_dispatch) [Paperwork(\"waits for an answer\")]");
}

#[test]
fn nothing_left_to_commit_is_done_at_once() {
    let (run, mut survey) = claimed();
    survey.tickets_changes.clear();
    assert_eq!(told(&choice(&run, &survey, &policy(), false)), "9: checkpoint.made + ticket.done");
}

#[test]
fn a_commit_is_asked_for_as_often_as_the_config_says_and_not_once_more() {
    let (mut run, mut survey) = claimed();
    survey.changes.insert("src/lib.rs".into(), "x".into());
    for turn in 1..=3 {
        let chosen = choice(&run, &survey, &policy(), false);
        let Choice::Record(events) = chosen.choice else { panic!("a verdict is written down") };
        let expected = if turn <= 2 { "row 10 retry_asked" } else { "row 10 waiting (commit_failed)" };
        assert!(told_event(events.last().expect("a verdict")).starts_with(expected), "turn {turn}: {events:?}");
        if turn == 3 {
            break;
        }
        for event in &events {
            run.apply(event).expect("in order");
        }
        let closed = Event::EffectFinished {
            effect: "verdict".into(),
            ticket: None,
            outcome: None,
            path: None,
            changed: Vec::new(),
            tickets: Vec::new(),
        };
        let next = TurnRequest { commit_only: true, ..request(turn + 1) };
        for event in [closed, Event::TurnStarted(next), Event::TurnFinished(ended(turn + 1))] {
            run.apply(&event).expect("in order");
        }
    }
    assert_eq!(run.ticket(&id("one")).turns, 1, "commit turns count against the run alone");
    assert_eq!(run.turns, 3);
}

#[test]
fn an_invalid_message_is_given_back_as_often_as_the_config_says() {
    for failures in 0..5_u32 {
        let mut run = after_turn(Event::TurnFinished(ended(1)));
        run.tickets.entry(id("one")).or_default().lint_failures = failures;
        let invalid = Event::OutboxInvalid { ticket: id("one"), turn: 1, faults: vec!["x".into()] };
        run.apply(&invalid).expect("in order");
        let survey = Survey { outbox: OutboxFact::Invalid(vec!["x".into()]), ..world() };
        let told = told(&choice(&run, &survey, &policy(), false));
        let expected = if failures < 3 {
            "9: lint.failed + checkpoint.made + row 6 retry_asked []"
        } else {
            "9: lint.failed + checkpoint.made + row 6 waiting (dispatch_invalid) [Request, Paperwork(\"waits for an answer\")]"
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn limits_refuse_to_start_a_turn_and_resume_grants_the_same_amount_once_more() {
    let cases: [(Tighten, ReasonCode, Option<&str>); 3] = [
        (|p| p.limits.total_turns = Some(1), ReasonCode::LimitTotalTurns, None),
        (|p| p.limits.turns = Some(1), ReasonCode::LimitTurns, Some("one")),
        (|p| p.limits.time = Some(Duration::from_secs(1)), ReasonCode::LimitTime, None),
    ];
    for (tighten, code, about) in cases {
        let mut policy = policy();
        tighten(&mut policy);
        let mut run = after_turn(Event::TurnFinished(ended(1)));
        close(&mut run);
        assert_eq!(told(&choice(&run, &world(), &policy, true)), "15: limit.reached");
        let events = recorded(&choice(&run, &world(), &policy, true));
        apply(&mut run, &events);
        assert_eq!(
            run.limit.as_ref().map(|refusal| (refusal.code, refusal.ticket.clone())),
            Some((code, about.map(id)))
        );
        assert_eq!(told(&choice(&run, &world(), &policy, true)), format!("15: {code}"));
        let decision = Decision { id: "1".into(), by: "me".into(), at: String::new(), what: Decided::Resume };
        let survey = Survey { decisions: vec![decision], ..world() };
        let Choice::Record(events) = choice(&run, &survey, &policy, true).choice else {
            panic!("a decision is served")
        };
        apply(&mut run, &events);
        assert_eq!(told(&choice(&run, &world(), &policy, true)), "17: turn 2 of one", "{code}");
    }
}

fn recorded(chosen: &Chosen) -> Vec<Event> {
    let Choice::Record(events) = &chosen.choice else { panic!("{}", told(chosen)) };
    events.clone()
}

#[test]
fn what_was_granted_is_an_amount_and_not_a_factor_of_limits_to_come() {
    let resume =
        |number: u32| Decision { id: number.to_string(), by: "me".into(), at: String::new(), what: Decided::Resume };
    let mut run = fold(&begun());
    let mut policy = policy();
    policy.limits.turns = Some(3);
    let of_one = |run: &RunState| run.ticket(&id("one")).granted_turns;
    for (number, turns) in [(1, 3), (2, 6)] {
        run.tickets.entry(id("one")).or_default().turns = turns;
        let resumed = Survey { decisions: vec![resume(number)], ..world() };
        for survey in [world(), resumed] {
            let events = recorded(&choice(&run, &survey, &policy, true));
            apply(&mut run, &events);
        }
    }
    assert_eq!(of_one(&run), 6);
    policy.limits.turns = Some(20);
    for (turns, expected) in [(25, "17: turn 1 of one"), (26, "15: limit.reached")] {
        run.tickets.entry(id("one")).or_default().turns = turns;
        assert_eq!(told(&choice(&run, &world(), &policy, true)), expected);
    }
}

pub(super) fn apply(run: &mut RunState, events: &[Event]) {
    for event in events {
        run.apply(event).expect("in order");
    }
}

/// Ends the judgement of the last turn as progress.
fn close(run: &mut RunState) {
    let Choice::Record(events) = choice(run, &world(), &policy(), false).choice else { panic!("a verdict") };
    let closed = Event::EffectFinished {
        effect: "verdict".into(),
        ticket: None,
        outcome: None,
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    };
    apply(run, &events);
    apply(run, &[closed]);
}

#[test]
fn finished_work_is_finished_whatever_the_limits_say() {
    let (run, survey) = claimed();
    let mut tight = policy();
    tight.limits.total_turns = Some(1);
    tight.turns_left = Some(0);
    assert_eq!(told(&choice(&run, &survey, &tight, true)), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn every_standing_reason_stops_every_step_until_something_answers_it() {
    for code in ReasonCode::ALL.iter().filter(|code| code.stands()) {
        let mut run = fold(&begun());
        let about = (*code != ReasonCode::OperatorPause).then(|| id("one"));
        let paused = Event::RunPaused {
            ticket: about,
            reason: Reason::new(*code, "x").details(json!({ "paths": [] })),
            digest: Some("d1".into()),
        };
        run.apply(&paused).expect("in order");
        let mut survey = world();
        if *code == ReasonCode::ApprovalPending {
            survey.tickets[0].approval.asks = vec!["`approval: required`".into()];
            let state = run.tickets.entry(id("one")).or_default();
            state.asked = Some(AskedFor { what: Asked::default(), committed: true });
        }
        survey.outbox = OutboxFact::Invalid(vec!["x".into()]);
        survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
        survey.tampering = vec!["hooks/pre-commit is new".into()];
        survey.turn.runner_files = BTreeMap::from([(".tickets/config.yaml".into(), "+x\n".into())]);
        let of_claims = [ReasonCode::CommitFailed, ReasonCode::VerifyInconclusive].contains(code);
        survey.tickets[0].done = of_claims;
        run.tickets.entry(id("one")).or_default().claim = of_claims;
        survey.changes = BTreeMap::from([("src/lib.rs".into(), "x".into())]);
        assert_eq!(told(&choice(&run, &survey, &policy(), true)), format!("8: {code}"));
        let decision = Decision { id: "1".into(), by: "me".into(), at: String::new(), what: Decided::Resume };
        survey.decisions = vec![decision];
        let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else {
            panic!("a decision is served")
        };
        apply(&mut run, &events);
        assert_eq!(run.standing.is_empty(), !code.answered_by_decision(), "{code} and `resume`");
    }
}

#[test]
fn what_a_reply_answers_is_what_the_table_says() {
    let answered: Vec<_> =
        ReasonCode::ALL.iter().filter(|code| code.answered_by_reply()).map(|code| code.name()).collect();
    let expected = [
        "user_dispatch",
        "verify_failed",
        "no_progress",
        "ticket_invalid",
        "dispatch_invalid",
        "verify_inconclusive",
        "commit_failed",
    ];
    assert_eq!(answered, expected);
}

#[test]
fn a_reply_that_appeared_during_a_turn_opens_no_gate() {
    let mut run = after_turn(Event::TurnFinished(TurnEnded { reply: Some("s".into()), ..ended(1) }));
    close(&mut run);
    let mut survey = Survey { reply: Some(reply(|_| {})), ..world() };
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "17: turn 2 of one");
    survey.reply = Some(reply(|reply| reply.committed = true));
    assert_eq!(
        told(&choice(&run, &survey, &policy(), true)),
        "7: reply to one",
        "a commit outside of a turn confirms it"
    );
    survey.reply = Some(reply(|reply| reply.stamp = "saved again".into()));
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "7: reply to one", "saving it again confirms it");
}

#[test]
fn a_reply_goes_to_whoever_waits_and_an_answer_is_one_of_the_choices() {
    let mut run = fold(&begun());
    run.tickets.entry(id("two")).or_default().question = Some(question(true));
    let asked = |run: &RunState, change: fn(&mut ReplyFact)| {
        told(&choice(run, &Survey { reply: Some(reply(change)), ..world() }, &policy(), true))
    };
    assert_eq!(asked(&run, |_| {}), "7: reply to two");
    assert_eq!(asked(&run, |r| r.answer = Some("red".into())), "7: reply to two");
    assert_eq!(asked(&run, |r| r.answer = Some("green".into())), "7: reply_invalid");
    assert_eq!(asked(&run, |r| r.to = Some(Ok(id("one")))), "7: reply to one");
    run.tickets.entry(id("one")).or_default().question = Some(question(true));
    assert_eq!(asked(&run, |_| {}), "7: reply_invalid", "several wait and none is named");
}

fn decided(id: &str, what: Decided) -> Decision {
    Decision { id: id.into(), by: "me".into(), at: String::new(), what }
}

#[test]
fn a_stored_reply_that_no_turn_can_get_is_left_and_named() {
    let kept = |to: &str| {
        decided("1", Decided::Reply(reply(|r| (r.kept_in, r.to) = (Some("/kept".into()), Some(Ok(id(to)))))))
    };
    let left = |run: &RunState, survey: &Survey| {
        reply_left(&Look { run, survey, policy: &policy() }).is_some_and(|line| line.contains("/kept"))
    };
    let mut survey = Survey { decisions: vec![kept("one")], ..world() };
    for run in [RunState::default(), fold(&begun())] {
        assert!(told(&choice(&run, &survey, &policy(), true)).ends_with("reply to one"));
        assert!(!left(&run, &survey));
    }
    survey.tickets[0].done = true;
    assert!(told(&choice(&RunState::default(), &survey, &policy(), true)).ends_with("turn 1 of two"), "it begins none");
    assert!(left(&RunState::default(), &survey));
    assert!(told(&choice(&fold(&begun()), &survey, &policy(), true)).ends_with("turn 1 of two"), "it is done");
    assert!(left(&fold(&begun()), &survey));
    survey.decisions = vec![kept("gone")];
    for run in [RunState::default(), fold(&begun())] {
        assert!(told(&choice(&run, &survey, &policy(), true)).ends_with("turn 1 of two"), "the ticket is gone");
        assert!(left(&run, &survey));
    }
    survey.tickets[1].done = true;
    assert_eq!(told(&choice(&RunState::default(), &survey, &policy(), true)), "10: completed");
    assert!(left(&RunState::default(), &survey), "nothing is open");
}

#[test]
fn what_cannot_be_served_stands_in_the_way_of_nothing() {
    let invalid = decided("1", Decided::Reply(reply(|r| r.faults = vec!["x".into()])));
    let survey = Survey { decisions: vec![invalid.clone(), decided("2", Decided::Pause)], ..world() };
    assert_eq!(told(&choice(&fold(&begun()), &survey, &policy(), true)), "7: decision.stored + run.paused");
    let survey = Survey { decisions: vec![invalid], ..world() };
    assert_eq!(told(&choice(&fold(&begun()), &survey, &policy(), true)), "7: reply_invalid");
    for what in [Decided::Done(id("gone")), Decided::Reopen(id("gone")), Decided::Unusable("x".into())] {
        let survey = Survey { decisions: vec![decided("1", what)], ..world() };
        let mut run = fold(&begun());
        let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is refused") };
        apply(&mut run, &events);
        assert!(run.refused.contains_key("1"));
        assert_eq!(told(&choice(&run, &survey, &policy(), true)), "17: turn 1 of one", "once");
    }
}

#[test]
fn a_decision_that_failed_in_the_world_is_over() {
    let mut run = fold(&begun());
    let survey = Survey { decisions: vec![decided("1", Decided::Done(id("one")))], ..world() };
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is served") };
    apply(&mut run, &events);
    assert!(matches!(run.phase(), Phase::Acting(_)));
    let refused = Some("it cannot be written".to_owned());
    let (decision, by, at) = ("done".into(), "me".into(), String::new());
    apply(&mut run, &[Event::DecisionStored { id: "1".into(), decision, by, at, refused }]);
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "17: turn 1 of one");
}

#[test]
fn stopping_takes_back_a_claim_that_is_not_judged_to_its_end() {
    let (run, mut survey) = claimed();
    survey.decisions = vec![decided("1", Decided::Stop)];
    let finishes = "9: save Finish [\".tickets/one.md\"]";
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), finishes, "it was not judged at all");
    survey.decisions.clear();
    survey.changes.insert("src/lib.rs".into(), "x".into());
    let run = commit_failed(&survey);
    survey.decisions = vec![decided("1", Decided::Stop)];
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "7: set done=false of one");
}

#[test]
fn the_lists_are_numbered_in_their_order() {
    assert!(BEFORE.iter().map(|rung| rung.number).eq(1..=17));
    assert!(AFTER.iter().map(|row| row.number).eq(0..=13));
}

proptest! {
    /// The same inputs give the same choice, every choice is an answer, and a choice that is written down can be folded.
    #[test]
    fn deciding_is_total_and_pure(
        done in prop::collection::vec(any::<bool>(), 2),
        held: bool,
        knotted: bool,
        user: bool,
        faulty: bool,
        dirty: bool,
        stop: bool,
        entering: bool,
        ended_turn in 0..4_u8,
        outbox in 0..3_u8,
        head in 0..3_u8,
    ) {
        let mut survey = world();
        for (ticket, done) in survey.tickets.iter_mut().zip(&done) {
            ticket.done = *done;
        }
        survey.tickets[0].hold = held.then(|| "x".to_owned());
        survey.tickets[1].kind = if user { AgentFact::User } else { AgentFact::Commits };
        survey.tickets[1].faults = if faulty { vec!["x".into()] } else { Vec::new() };
        if knotted {
            knot(&mut survey);
        }
        if dirty {
            survey.changes.insert("src/lib.rs".into(), "x".into());
        }
        survey.stop_file = stop.then(String::new);
        survey.outbox = match outbox {
            0 => OutboxFact::Empty,
            1 => OutboxFact::Message(question(true)),
            _ => OutboxFact::Invalid(vec!["x".into()]),
        };
        survey.turn.head = match head {
            0 => HeadFact::InPlace,
            1 => HeadFact::Ahead { commit: "c2".into() },
            _ => HeadFact::Moved { how: "x".into(), back: "y".into() },
        };
        let mut run = match ended_turn {
            0 => RunState::default(),
            1 => after_turn(Event::TurnFinished(ended(1))),
            2 => after_turn(Event::TurnFailed(ended(1))),
            _ => after_turn(Event::TurnInterrupted(ended(1))),
        };
        let first = choice(&run, &survey, &policy(), entering);
        prop_assert_eq!(&first, &choice(&run, &survey, &policy(), entering));
        if let Choice::Record(events) = first.choice {
            prop_assert!(!events.is_empty());
            for event in &events {
                prop_assert!(run.apply(event).is_ok());
            }
        }
    }
}

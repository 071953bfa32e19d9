//! Approvals and scope as the tables decide them: what is asked, what an answer is bound to, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use super::tests::{after_turn, apply, begun, choice, ended, fold, id, policy, told, world};
use super::*;

fn asking() -> Survey {
    let mut survey = world();
    survey.tickets[0].approval = ApprovalFact {
        asks: vec!["`approval: required`".into()],
        digest: "text".into(),
        commands: vec![CommandFact { digest: "line".into(), text: "rm -r /".into() }],
        inline: Vec::new(),
    };
    survey
}

fn resolved(approved: bool, digest: &str, commands: &[&str]) -> Event {
    let commands = commands.iter().map(|command| (*command).to_owned()).collect();
    let what = Asked { digest: digest.into(), commands, ..Asked::default() };
    let decides = Decides { reason: ReasonCode::ApprovalPending, approved, what };
    Event::ApprovalResolved { ticket: id("one"), by: "me".into(), decides }
}

fn decided(event: Event) -> RunState {
    let mut run = fold(&begun());
    apply(&mut run, &[event]);
    run
}

#[test]
fn only_a_decision_about_this_text_and_all_of_its_commands_counts() {
    let cases = [
        (resolved(true, "text", &["line"]), "17: turn 1 of one"),
        (resolved(true, "another text", &["line"]), "13: ask approval of one"),
        (resolved(true, "text", &[]), "13: ask approval of one"),
        (resolved(false, "text", &["line"]), "17: ticket.selected + turn 1 of two"),
        (resolved(false, "another text", &["line"]), "13: ask approval of one"),
    ];
    for (event, expected) in cases {
        assert_eq!(told(&choice(&decided(event.clone()), &asking(), &policy(), true)), expected, "{event:?}");
    }
}

#[test]
fn an_approval_holds_through_what_a_turn_made_of_the_text_that_was_approved() {
    let written = |before: &str| TicketWritten {
        id: id("one"),
        before: Some(before.into()),
        after: "text".into(),
        commands: BTreeSet::new(),
    };
    for (before, expected) in [("approved", "17: turn 2 of one"), ("edited", "13: ask approval of one")] {
        let mut run = fold(&begun());
        apply(&mut run, &[resolved(true, "approved", &["line"])]);
        let finished = TurnEnded { tickets: vec![written(before)], changed: Vec::new(), ..ended(1) };
        apply(&mut run, &[Event::TurnStarted(super::tests::request(1)), Event::TurnFinished(finished)]);
        let survey = asking();
        for _ in 0..9 {
            if run.judging().is_none() {
                break;
            }
            let Choice::Record(events) = choice(&run, &survey, &policy(), false).choice else { panic!("it is judged") };
            apply(&mut run, &events);
        }
        assert!(run.judging().is_none(), "it is judged to its end");
        assert_eq!(told(&choice(&run, &survey, &policy(), true)), expected);
    }
}

#[test]
fn an_operators_approval_of_what_is_not_there_any_more_is_refused() {
    let mut survey = asking();
    let Event::ApprovalResolved { decides, .. } = resolved(true, "another text", &["line"]) else { unreachable!() };
    let what = Decided::Approval(id("one"), decides);
    survey.decisions = vec![Decision { id: "1".into(), by: "me".into(), at: String::new(), what }];
    let Choice::Record(events) = choice(&fold(&begun()), &survey, &policy(), true).choice else {
        panic!("a decision is served")
    };
    assert!(matches!(&events[..], [Event::DecisionStored { refused: Some(_), .. }]), "{events:?}");
}

/// A ticket with a command line of its own, that no turn wrote.
fn with_a_command() -> Survey {
    let mut survey = world();
    survey.tickets[0].approval = ApprovalFact {
        digest: "text".into(),
        inline: vec![CommandFact { digest: "line".into(), text: "make test".into() }],
        ..ApprovalFact::default()
    };
    survey
}

fn pushed() -> Policy {
    Policy { asked_by: AskedBy::Trigger, ..policy() }
}

fn held(approved: bool, inline: &[&str]) -> Event {
    let inline = inline.iter().map(|command| (*command).to_owned()).collect();
    let what = Asked { digest: "text".into(), inline, ..Asked::default() };
    let decides = Decides { reason: ReasonCode::ApprovalPending, approved, what };
    Event::ApprovalResolved { ticket: id("one"), by: "me".into(), decides }
}

fn asked_by_a_push() -> (RunState, Survey) {
    let (mut run, mut survey) = (fold(&begun()), with_a_command());
    let Choice::Record(events) = choice(&run, &survey, &pushed(), true).choice else { panic!("it is asked for") };
    apply(&mut run, &events);
    let Some(Event::EffectBegun(Begun::Act(ActBegun { act: Act::AskApproval { reason, asked, .. }, .. }))) =
        events.last()
    else {
        panic!("{events:?}")
    };
    assert_eq!((reason.code, &reason.details["by_reply"]), (ReasonCode::ApprovalPending, &false.into()));
    assert!(reason.message.contains("make test") && reason.message.contains("on this machine"), "{}", reason.message);
    let requested =
        Event::ApprovalRequested { ticket: id("one"), reason: reason.code, path: None, asked: asked.clone() };
    apply(&mut run, &[requested]);
    survey.tickets_changes.clear();
    let Choice::Record(events) = choice(&run, &survey, &pushed(), true).choice else { panic!("it pauses") };
    assert!(matches!(&events[..], [Event::RunPaused { .. }]), "{events:?}");
    apply(&mut run, &events);
    assert_eq!(told(&choice(&run, &survey, &pushed(), true)), "8: approval_pending", "it stands");
    (run, survey)
}

#[test]
fn command_lines_of_a_ticket_run_for_whoever_typed_the_command_and_wait_where_a_push_started_the_run() {
    let run = fold(&begun());
    for (asked_by, inline_commands, expected) in [
        (AskedBy::Person, false, "17: turn 1 of one"),
        (AskedBy::Watch, false, "17: turn 1 of one"),
        (AskedBy::Trigger, true, "17: turn 1 of one"),
        (AskedBy::Trigger, false, "13: ask approval of one"),
    ] {
        let policy = Policy { asked_by, inline_commands, ..policy() };
        assert_eq!(told(&choice(&run, &with_a_command(), &policy, true)), expected, "{asked_by:?}");
        assert_eq!(told(&choice(&run, &world(), &policy, true)), "17: turn 1 of one", "without command lines");
    }
}

#[test]
fn only_an_approval_of_these_command_lines_lets_a_push_run_them() {
    for (event, expected) in [
        (held(true, &["line"]), "17: turn 1 of one"),
        (held(true, &[]), "13: ask approval of one"),
        (held(true, &["another"]), "13: ask approval of one"),
        (held(false, &["line"]), "17: ticket.selected + turn 1 of two"),
    ] {
        let run = decided(event.clone());
        assert_eq!(told(&choice(&run, &with_a_command(), &pushed(), true)), expected, "{event:?}");
    }
    let rejected = decided(held(false, &["line"]));
    let by_person = told(&choice(&rejected, &with_a_command(), &policy(), true));
    assert_eq!(by_person, "17: ticket.selected + turn 1 of two", "what is rejected is rejected for everybody");
}

#[test]
fn a_person_answers_what_a_push_asks_by_approving_it_or_by_running_it() {
    let (run, survey) = asked_by_a_push();
    let look = Look { run: &run, survey: &survey, policy: &policy() };
    let decides = decides_now(&look, &survey.tickets[0], true).expect("a command on this machine answers it");
    assert_eq!(decides.what.inline, BTreeSet::from(["line".to_owned()]));
    let mut approved = run.clone();
    apply(&mut approved, &super::resolved(&run, &id("one"), &decides, "me"));
    assert_eq!(told(&choice(&approved, &survey, &pushed(), true)), "17: turn 1 of one");
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it falls") };
    assert!(matches!(&events[..], [Event::RunResumed { by, .. }] if by.contains("a person")), "{events:?}");
}

#[test]
fn a_reply_does_not_let_a_push_run_command_lines() {
    let (run, mut survey) = asked_by_a_push();
    let reply = |approved| ReplyFact {
        kept_in: None,
        stamp: "1".into(),
        to: None,
        answer: None,
        answer_at: String::new(),
        decision: Some((approved, String::new())),
        faults: Vec::new(),
        empty: false,
        committed: true,
        brought: None,
    };
    survey.reply = Some(reply(true));
    for policy in [pushed(), policy()] {
        assert_eq!(told(&choice(&run, &survey, &policy, true)), "7: reply_invalid");
    }
    survey.reply = Some(reply(false));
    assert_eq!(told(&choice(&run, &survey, &pushed(), true)), "7: reply to one", "to reject is anybody's");
}

fn outside(tree: &str, head: &str) -> ScopeFact {
    ScopeFact {
        path: "ci/x".into(),
        why: "outside its `scope`",
        tree: tree.into(),
        head: head.into(),
        before: vec!["old".into(), "old".into()],
        back: Before::Kept { tree: "b".into() },
        commit: None,
    }
}

fn after(tree: &str, head: &str) -> (RunState, Survey) {
    let mut survey = world();
    survey.turn.scope = vec![outside(tree, head)];
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    run.tickets.entry(id("one")).or_default().claim = true;
    survey.tickets[0].done = true;
    (run, survey)
}

fn scope_resolved(approved: bool, digests: &[&str]) -> Event {
    let digests: Vec<String> = digests.iter().map(|digest| (*digest).to_owned()).collect();
    let what = Asked { paths: BTreeMap::from([("ci/x".to_owned(), digests)]), ..Asked::default() };
    let decides = Decides { reason: ReasonCode::ScopePending, approved, what };
    Event::ApprovalResolved { ticket: id("one"), by: "me".into(), decides }
}

#[test]
fn row_7_stops_at_a_content_that_is_neither_old_nor_approved_in_the_tree_or_in_head() {
    let waits = "9: approval.requested + row 7 waiting (scope_pending) [Request, Paperwork(\"waits for an answer\")]";
    for (tree, head, stops) in
        [("old", "old", false), ("new", "old", true), ("old", "new", true), ("new", "new", true), (GONE, "old", true)]
    {
        let (run, survey) = after(tree, head);
        assert_eq!(told(&choice(&run, &survey, &policy(), true)) == waits, stops, "{tree} {head}");
    }
    let (mut run, survey) = after("new", "old");
    apply(&mut run, &[scope_resolved(true, &["new"])]);
    assert_ne!(told(&choice(&run, &survey, &policy(), true)), waits, "approved");
    let (mut run, survey) = after("newer", "old");
    apply(&mut run, &[scope_resolved(true, &["new"])]);
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), waits, "that is another content");
}

#[test]
fn row_7_is_looked_at_again_before_anything_behind_it() {
    let (mut run, survey) = after("new", "old");
    let held = Verdict {
        ticket: Some(id("one")),
        turn: Some(1),
        row: 10,
        outcome: Outcome::Waiting,
        reason: None,
        hold: Some(10),
        chores: Vec::new(),
        left: None,
        retry: None,
    };
    let over = Event::EffectFinished {
        effect: "verdict".into(),
        ticket: None,
        outcome: None,
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    };
    apply(&mut run, &[Event::EffectBegun(Begun::Verdict(held)), over]);
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
    let Some(Event::EffectBegun(Begun::Verdict(verdict))) = events.last() else { panic!("{events:?}") };
    assert_eq!((verdict.row, verdict.hold), (7, Some(10)), "and judging goes on where it stood");
}

#[test]
fn what_was_rejected_is_put_back_then_the_claim_goes_back_then_judging_goes_on() {
    let (mut run, mut survey) = after("new", "new");
    apply(&mut run, &[scope_resolved(false, &["new", "new"])]);
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "9: put back 1 path(s)");
    let put_back = Event::ContractRestored {
        ticket: id("one"),
        turn: 1,
        items: Vec::new(),
        rejected: true,
        paths: BTreeMap::from([("ci/x".to_owned(), "old, as a filter has it".to_owned())]),
    };
    apply(&mut run, &[put_back]);
    // HEAD holds it still: the agent owes the commit, and nobody is asked twice.
    survey.turn.scope = vec![outside("old, as a filter has it", "new")];
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "9: set done=false of one");
    let revoked = Event::ClaimRevoked { ticket: id("one"), why: "x".into() };
    apply(&mut run, &[revoked]);
    survey.tickets[0].done = false;
    assert!(told(&choice(&run, &survey, &policy(), true)).contains("row 13 progressed"));
    // What the agent takes from HEAD again is asked about again.
    survey.turn.scope = vec![outside("new", "new")];
    assert!(told(&choice(&run, &survey, &policy(), true)).contains("scope_pending"));
}

#[test]
fn what_a_person_made_of_it_since_is_asked_about_and_not_put_back() {
    let (mut run, mut survey) = after("a person's", "old");
    survey.tickets[0].done = false;
    apply(&mut run, &[scope_resolved(false, &["new"])]);
    run.tickets.entry(id("one")).or_default().claim = false;
    assert!(told(&choice(&run, &survey, &policy(), true)).contains("scope_pending"));
}

#[test]
fn a_journal_of_before_is_read() {
    let line = |kind: &str, body: serde_json::Value| {
        Event::from_columns(1, Some("one"), Some(1), kind, body.as_object().unwrap()).unwrap()
    };
    let restored = line("contract.restored", serde_json::json!({ "items": [] }));
    assert!(matches!(restored, Event::ContractRestored { rejected: false, .. }));
    let kept = line("effect.finished", serde_json::json!({ "effect": "keep", "path": "c", "changed": ["a"] }));
    assert!(matches!(kept, Event::EffectFinished { tickets, .. } if tickets.is_empty()));
    let started = line("run.started", serde_json::json!({ "branch": null, "head": null, "carried": {} }));
    assert!(matches!(started, Event::RunStarted { carried, .. } if carried == Carried::default()));
    let reply = serde_json::json!({ "act": { "effect": "reply", "sequence": 1, "to": "one", "spooled": null, "confirmed": true } });
    assert!(matches!(line("effect.begun", reply), Event::EffectBegun(Begun::Act(_))));
}

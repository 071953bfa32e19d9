//! `on_wait: next`: who is passed over, who goes on, and whose reason is given where nobody does.

use super::*;
use crate::config::OnWait;

fn next_policy() -> Policy {
    Policy { on_wait: OnWait::Next, checkpoint: CheckpointMode::Branch, ..policy() }
}

fn stands(ticket: &str, code: ReasonCode) -> Event {
    Event::RunPaused { ticket: Some(id(ticket)), reason: Reason::new(code, "x"), digest: Some("d1".into()) }
}

fn waiting(code: ReasonCode) -> RunState {
    let mut events = begun();
    events.push(stands("one", code));
    let mut run = fold(&events);
    if code == ReasonCode::ApprovalPending {
        run.tickets.entry(id("one")).or_default().asked = Some(AskedFor { what: Asked::default(), committed: true });
    }
    run
}

fn next(run: &RunState, survey: &Survey, policy: &Policy) -> String {
    told(&choice(run, survey, policy, true))
}

#[test]
fn who_waits_for_a_person_is_passed_over_and_every_other_reason_is_not() {
    for code in ReasonCode::ALL.iter().copied().filter(|code| code.stands()) {
        let run = waiting(code);
        let survey = Survey { tampering: vec!["x".into()], ..world() };
        let survey = if code == ReasonCode::Tampered { survey } else { world() };
        let moved = Survey {
            turn: TurnFacts {
                head: HeadFact::Moved { how: "x".into(), back: "y".into() },
                runner_files: BTreeMap::from([("x".to_owned(), "y".to_owned())]),
                ..TurnFacts::default()
            },
            ..survey
        };
        let mut moved = moved;
        if code == ReasonCode::ApprovalPending {
            moved.tickets[0].approval.asks = vec!["`approval: required`".into()];
        }
        let is_passed = matches!(code, ReasonCode::UserDispatch | ReasonCode::ApprovalPending);
        // These fall by themselves in this world.
        if matches!(code, ReasonCode::DispatchInvalid | ReasonCode::CommitFailed | ReasonCode::VerifyInconclusive) {
            continue;
        }
        let expected = if is_passed { "17: ticket.selected + turn 1 of two".to_owned() } else { format!("8: {code}") };
        assert_eq!(next(&run, &moved, &next_policy()), expected, "{code}");
        assert_eq!(next(&run, &moved, &policy()), format!("8: {code}"), "{code} without `on_wait: next`");
    }
}

#[test]
fn a_ticket_for_a_person_is_passed_over_and_done_by_whoever_does_it() {
    let mut survey = world();
    survey.tickets[0].kind = AgentFact::User;
    assert_eq!(next(&RunState::default(), &survey, &policy()), "13: user_ticket");
    let begun = next(&RunState::default(), &survey, &next_policy());
    assert_eq!(begun, "17: run.started + ticket.selected + turn 1 of two");
    survey.tickets[1].depends_on = vec![id("one")];
    assert_eq!(next(&RunState::default(), &survey, &next_policy()), "11: user_ticket", "what depends on it is blocked");
}

#[test]
fn with_nothing_else_ready_the_first_that_waits_is_told() {
    let mut run = waiting(ReasonCode::UserDispatch);
    let mut survey = world();
    survey.tickets[1].kind = AgentFact::User;
    assert_eq!(next(&run, &survey, &next_policy()), "11: user_dispatch");
    survey.tickets.reverse();
    assert_eq!(next(&run, &survey, &next_policy()), "11: user_ticket");
    survey.tickets[0].depends_on = vec![id("one")];
    let chosen = choice(&run, &survey, &next_policy(), true);
    let Choice::Stop(Stop { ticket, .. }) = &chosen.choice else { panic!("{chosen:?}") };
    assert_eq!(ticket, &Some(id("one")), "one that something else has to come before is not the first");
    run.standing.clear();
    survey.tickets[1].hold = Some("later".into());
    assert_eq!(next(&run, &survey, &next_policy()), "11: blocked");
}

#[test]
fn the_current_ticket_stays_and_the_answered_one_is_taken_up_in_its_order() {
    let mut run = waiting(ReasonCode::UserDispatch);
    let mut survey = world();
    survey.tickets.push(ticket("three"));
    let events = recorded(&choice(&run, &survey, &next_policy(), true));
    apply(&mut run, &events);
    let ended = TurnEnded { ticket: id("two"), ..ended(1) };
    apply(&mut run, &[Event::TurnFinished(ended)]);
    close(&mut run);
    let answered = settle::answered(&run, &id("one"));
    apply(&mut run, &answered);
    assert_eq!(next(&run, &survey, &next_policy()), "17: turn 2 of two", "two is current");
    survey.tickets[1].done = true;
    run.current = None;
    assert_eq!(next(&run, &survey, &next_policy()), "17: ticket.selected + turn 2 of one");
}

#[test]
fn work_of_a_ticket_that_waits_and_is_not_on_the_branch_is_named_with_it() {
    let mut run = waiting(ReasonCode::UserDispatch);
    run.tickets.entry(id("one")).or_default().work.insert("f".into());
    let survey = Survey { changes: BTreeMap::from([("f".to_owned(), "x".to_owned())]), ..world() };
    let chosen = choice(&run, &survey, &next_policy(), true);
    let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
    assert_eq!((chosen.rung, reason.code), (16, ReasonCode::DirtyWorktree));
    assert!(reason.message.contains("not two's (left by one)"), "{}", reason.message);
    assert_eq!(reason.details["left_by"], json!(["one"]));
}

#[test]
fn a_message_for_the_commit_of_one_ticket_is_no_message_for_anothers() {
    let mut run = waiting(ReasonCode::UserDispatch);
    let survey = Survey { commit_message: Some("x".into()), ..world() };
    assert_eq!(next(&run, &survey, &next_policy()), "17: drop message");
    run.tickets.entry(id("two")).or_default().last_turn = Some(1);
    assert_eq!(next(&run, &survey, &next_policy()), "17: drop message", "also where that one had a turn already");
}

#[test]
fn resume_answers_what_is_told_and_not_what_is_passed_over() {
    let mut run = waiting(ReasonCode::UserDispatch);
    apply(&mut run, &[stands("two", ReasonCode::NoProgress)]);
    assert_eq!(next(&run, &world(), &next_policy()), "8: no_progress");
    let resumed = Survey { decisions: vec![decided("r", Decided::Resume)], ..world() };
    let events = recorded(&choice(&run, &resumed, &next_policy(), true));
    apply(&mut run, &events);
    assert_eq!(run.standing.iter().map(|stands| stands.reason.code).collect::<Vec<_>>(), [ReasonCode::UserDispatch]);

    assert!(resume_answers(&run, &next_policy()).is_some(), "with nothing else in the way it is what is told");
    let mut tight = next_policy();
    tight.limits.total_turns = Some(0);
    let events = recorded(&choice(&run, &world(), &tight, true));
    apply(&mut run, &events);
    assert_eq!(next(&run, &world(), &tight), "15: limit_total_turns");
    assert_eq!(resume_answers(&run, &tight), None, "the limit is");
}

#[test]
fn resume_answers_an_operators_pause_first() {
    let pause = Event::RunPaused { ticket: None, reason: Reason::new(ReasonCode::OperatorPause, "x"), digest: None };
    let mut run = waiting(ReasonCode::UserDispatch);
    apply(&mut run, &[stands("two", ReasonCode::NoProgress), stands("one", ReasonCode::HeadMoved), pause]);
    run.standing[1].ticket = None;
    for policy in [policy(), next_policy()] {
        let answered = resume_answers(&run, &policy).map(|stands| stands.reason.code);
        assert_eq!(answered, Some(ReasonCode::OperatorPause));
    }
}

//! What every row has in common: what a verdict keeps and owes, and whose turn is not judged any more.

use super::answers::{decide_by_hand, go_on};
use super::*;

fn judged(run: &RunState, survey: &Survey, policy: &Policy) -> String {
    told(&choice(run, survey, policy, false))
}

fn finished(end: fn(&mut TurnEnded)) -> RunState {
    let mut ended = ended(1);
    end(&mut ended);
    after_turn(Event::TurnFinished(ended))
}

#[test]
fn a_turn_that_changed_nothing_has_no_checkpoint_on_the_branch() {
    let branch = Policy { checkpoint: CheckpointMode::Branch, ..policy() };
    assert_eq!(judged(&finished(|_| {}), &world(), &branch), "9: row 13 progressed [Checkpoint]");
    assert_eq!(judged(&finished(|end| end.after = end.before.clone()), &world(), &branch), "9: row 13 progressed []");
}

#[test]
fn what_head_says_of_a_claim_that_went_back_is_corrected_on_the_branch() {
    let mut survey = world();
    survey.turn.head_claims = true;
    let expected = "9: checkpoint.made + row 13 progressed [Paperwork(\"not done\")]";
    assert_eq!(judged(&finished(|_| {}), &survey, &policy()), expected);
}

#[test]
fn a_kept_tree_is_noted_once_however_often_its_turn_is_judged_on() {
    let (mut run, mut survey) = claimed();
    survey.tickets_changes.clear();
    assert_eq!(judged(&run, &survey, &policy()), "9: checkpoint.made + ticket.done");
    let noted = Event::CheckpointMade { ticket: id("one"), turn: 1, commit: "a".into() };
    apply(&mut run, &[noted]);
    assert_eq!(judged(&run, &survey, &policy()), "9: ticket.done");
}

#[test]
fn a_claim_that_a_person_took_back_by_hand_is_none() {
    let (run, mut survey) = claimed();
    survey.tickets[0].done = false;
    survey.turn.checks.artifacts = vec![ArtifactFact { path: "x".into(), problem: None, committed: false }];
    assert_eq!(judged(&run, &survey, &policy()), "9: checkpoint.made + row 13 progressed [Revoke]");
}

/// A turn that was judged up to row 2, and that a person lets go on.
fn held() -> RunState {
    let (mut run, mut survey) = (finished(|_| {}), world());
    survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    go_on(&mut run, &survey, &policy());
    decide_by_hand(&mut run, &survey, Decided::Resume);
    run
}

#[test]
fn of_a_ticket_that_was_put_aside_or_removed_meanwhile_nothing_is_judged_any_more() {
    let mut aside = world();
    aside.tickets[0].hold = Some("later".into());
    let mut removed = world();
    removed.tickets.remove(0);
    let mut claims = held();
    claims.tickets.entry(id("one")).or_default().claim = true;
    assert_eq!(judged(&held(), &world(), &policy()), "9: checkpoint.made + row 13 progressed []");
    assert_eq!(judged(&held(), &aside, &policy()), "9: row 13 progressed []");
    assert_eq!(judged(&claims, &aside, &policy()), "9: row 13 progressed [Revoke]");
    assert_eq!(judged(&claims, &removed, &policy()), "9: row 13 progressed []", "there is no file to write it back to");
    let new = finished(|_| {});
    assert_eq!(
        judged(&new, &aside, &policy()),
        "9: checkpoint.made + row 13 progressed []",
        "its turn is looked at once"
    );
}

#[test]
fn every_verdict_names_its_ticket_and_its_turn() {
    let events = recorded(&choice(&finished(|_| {}), &world(), &policy(), false));
    let verdict = answers::verdict_of(&events);
    assert_eq!((&verdict.ticket, verdict.turn), (&Some(id("one")), Some(1)));
}

/// Why a verdict takes a claim back, as the ticket's file and the next prompt say.
fn taken_back(row: u8, reason: Option<ReasonCode>, change: fn(&mut Verdict, &mut Survey)) -> String {
    let (mut run, mut survey) = claimed();
    let mut verdict = Verdict {
        ticket: Some(id("one")),
        turn: Some(1),
        row,
        outcome: Outcome::RetryAsked,
        reason: reason.map(|code| Reason::new(code, "x")),
        hold: None,
        chores: vec![Chore::Revoke],
        left: None,
        retry: None,
    };
    change(&mut verdict, &mut survey);
    apply(&mut run, &[Event::EffectBegun(Begun::Verdict(verdict))]);
    let events = recorded(&choice(&run, &survey, &policy(), false));
    let [Event::EffectBegun(Begun::Act(ActBegun { act: Act::SetDone { why, .. }, .. }))] = &events[..] else {
        panic!("{events:?}")
    };
    why.clone()
}

#[test]
fn a_claim_is_taken_back_with_the_reason_that_its_row_has() {
    assert_eq!(taken_back(5, None, |_, _| {}), "the turn was interrupted");
    let again: fn(&mut Verdict, &mut Survey) = |verdict, _| {
        verdict.retry = Some(Retry { decided: Moment::default(), until: Moment::default(), number: 1, of: 2 });
    };
    assert_eq!(taken_back(5, None, again), "the turn failed, and is tried again");
    assert_eq!(taken_back(5, Some(ReasonCode::AgentFailed), |_, _| {}), "the turn ended with agent_failed");
    assert_eq!(taken_back(6, None, |_, _| {}), "the turn left something that cannot be used");
    let asked = "a question was asked in the same turn (user_dispatch)";
    assert_eq!(taken_back(8, Some(ReasonCode::UserDispatch), |_, _| {}), asked);
    assert_eq!(taken_back(9, None, |_, _| {}), "its checks are not met");
    let left: fn(&mut Verdict, &mut Survey) = |verdict, _| verdict.left = Some(2);
    assert_eq!(taken_back(9, None, left), "its checks are not met; up to 2 more turns are asked for");
    let aside: fn(&mut Verdict, &mut Survey) = |_, survey| survey.tickets[0].hold = Some("later".into());
    assert_eq!(taken_back(13, None, aside), "the ticket is put aside with `hold`");
    let by_hand: fn(&mut Verdict, &mut Survey) = |_, survey| survey.tickets[0].done = false;
    assert_eq!(taken_back(13, None, by_hand), "the ticket says `done: false` again");
    assert_eq!(taken_back(9, None, by_hand), "the ticket says `done: false` again");
    assert_eq!(taken_back(13, None, |_, _| {}), "the turn did not end as it should");
}

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
    let Some(Event::EffectBegun(Begun::Verdict(verdict))) = events.last() else { panic!("{events:?}") };
    assert_eq!((&verdict.ticket, verdict.turn), (&Some(id("one")), Some(1)));
}

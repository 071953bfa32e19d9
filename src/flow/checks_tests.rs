//! Row 9 by cases: what the checks found, and what follows.

use super::*;
use crate::flow::tests::answers::{decide_by_hand, go_on, over};
use crate::flow::tests::{apply, choice, claimed, policy, told};
use crate::flow::{ArtifactFact, Begun, Decided, Decision, HeadFact, Policy, PutBack, Survey};
use crate::ticket::{Check, TicketId};

fn check(id: &str, required: bool) -> Check {
    Check { id: id.into(), run: format!("make {id}"), required, timeout_ms: None }
}

fn asks(survey: &mut Survey, checks: &[Check]) {
    survey.turn.checks =
        ChecksFact { checks: checks.to_vec(), artifacts: Vec::new(), contract: "c".into(), tree: "t1".into() };
}

fn found(verdict: CheckVerdict) -> CheckResult {
    let why = (verdict != CheckVerdict::Met).then(|| "exit status 1".into());
    CheckResult { why, exit: Some(0), duration_ms: 1, ..CheckResult::bare(verdict, "t1") }
}

/// Runs whatever check comes next, as the driver does; the name of the check, or what was chosen instead.
fn one(run: &mut RunState, survey: &Survey, policy: &Policy, result: CheckResult) -> String {
    let chosen = choice(run, survey, policy, true);
    let Choice::Record(events) = &chosen.choice else { return told(&chosen) };
    let Some(Event::VerifyStarted(request)) = events.last().cloned() else { return told(&chosen) };
    apply(run, events);
    apply(run, &settle(run, &request, result));
    request.check.id
}

fn next_choice(run: &RunState, survey: &Survey) -> String {
    told(&choice(run, survey, &policy(), true))
}

#[test]
fn each_check_is_run_once_and_a_claim_that_meets_them_is_finished() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true), check("style", true)]);
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Met)), "unit");
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Met)), "style");
    assert_eq!(next_choice(&run, &survey), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn all_of_them_are_run_before_a_claim_is_revoked() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true), check("style", true)]);
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Unmet)), "unit");
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Met)), "style");
    assert_eq!(next_choice(&run, &survey), "9: checkpoint.made + row 9 claim_revoked [Revoke]");
}

#[test]
fn what_is_not_required_only_tells() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("slow", false)]);
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Unmet)), "slow");
    assert_eq!(next_choice(&run, &survey), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn after_the_retries_the_next_unmet_claim_waits_for_a_person() {
    for (failures, expected) in [
        (2, "9: checkpoint.made + row 9 claim_revoked [Revoke]"),
        (
            3,
            "9: checkpoint.made + row 9 claim_revoked (verify_failed) [Revoke, Request, Paperwork(\"waits for an answer\")]",
        ),
    ] {
        let (mut run, mut survey) = claimed();
        run.tickets.get_mut(&TicketId::new("one")).unwrap().verify_failures = failures;
        asks(&mut survey, &[check("unit", true)]);
        one(&mut run, &survey, &policy(), found(CheckVerdict::Unmet));
        assert_eq!(next_choice(&run, &survey), expected, "{failures} before");
    }
}

#[test]
fn a_check_without_an_answer_keeps_the_claim_waiting_and_costs_no_retry() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    one(&mut run, &survey, &policy(), found(CheckVerdict::Inconclusive));
    let chosen = choice(&run, &survey, &policy(), true);
    assert_eq!(
        told(&chosen),
        "9: checkpoint.made + row 9 waiting (verify_inconclusive) [Request, Paperwork(\"waits for an answer\")]"
    );
    assert_eq!(run.ticket(&TicketId::new("one")).verify_failures, 0);
}

#[test]
fn resume_has_an_unanswered_check_run_again_without_a_turn() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    one(&mut run, &survey, &policy(), found(CheckVerdict::Inconclusive));
    let id = TicketId::new("one");
    apply(
        &mut run,
        &[Event::RunPaused {
            ticket: Some(id.clone()),
            reason: Reason::new(ReasonCode::VerifyInconclusive, "x"),
            digest: None,
        }],
    );
    survey.decisions = vec![Decision { id: "1".into(), by: "me".into(), at: String::new(), what: Decided::Resume }];
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is served") };
    apply(&mut run, &events);
    survey.decisions.clear();
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Met)), "unit");
    assert_eq!(next_choice(&run, &survey), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn a_result_holds_for_its_tree_and_for_what_was_asked() {
    for change in [(|survey: &mut Survey| survey.turn.checks.tree = "t2".into()) as fn(&mut Survey), |survey| {
        survey.turn.checks.contract = "d".into();
    }] {
        let (mut run, mut survey) = claimed();
        asks(&mut survey, &[check("unit", true)]);
        one(&mut run, &survey, &policy(), found(CheckVerdict::Met));
        change(&mut survey);
        assert_eq!(next_choice(&run, &survey), "9: verify.stale");
    }
}

#[test]
fn a_check_that_changes_tracked_files_is_run_once_more_and_then_has_no_answer() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("format", true)]);
    let rewrites = || CheckResult { changed: vec!["src/lib.rs".into()], ..found(CheckVerdict::Met) };
    one(&mut run, &survey, &policy(), rewrites());
    assert!(run.ticket(&TicketId::new("one")).work.contains("src/lib.rs"), "what it changed is the ticket's work");
    survey.turn.checks.tree = "t2".into();
    assert_eq!(one(&mut run, &survey, &policy(), rewrites()), "format");
    survey.turn.checks.tree = "t3".into();
    assert!(next_choice(&run, &survey).contains("(verify_inconclusive)"), "{}", next_choice(&run, &survey));
}

#[test]
fn a_worktree_that_never_rests_ends_in_a_question_and_not_in_checks_without_end() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    for round in 2..20 {
        if one(&mut run, &survey, &policy(), found(CheckVerdict::Met)) != "unit" {
            assert!(next_choice(&run, &survey).contains("(verify_inconclusive)"), "{}", next_choice(&run, &survey));
            return;
        }
        survey.turn.checks.tree = format!("t{round}");
        let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is stale") };
        if matches!(events.last(), Some(Event::VerifyStale { .. })) {
            apply(&mut run, &events);
        }
    }
    panic!("checked again and again");
}

#[test]
fn what_a_check_left_behind_is_nobodys() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    let leaves = CheckResult { droppings: vec!["coverage.xml".into()], ..found(CheckVerdict::Met) };
    one(&mut run, &survey, &policy(), leaves);
    survey.changes.insert("coverage.xml".into(), String::new());
    assert_eq!(next_choice(&run, &survey), "9: save Finish [\".tickets/one.md\"]");
    survey.changes.insert("other.xml".into(), String::new());
    assert_eq!(next_choice(&run, &survey), "9: dirty_worktree", "what it did not leave counts");
}

#[test]
fn what_was_met_and_waits_for_its_commit_is_checked_again_where_the_tree_changed() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    one(&mut run, &survey, &policy(), found(CheckVerdict::Met));
    survey.changes.insert("src/lib.rs".into(), "x".into());
    let none = Policy { retries: crate::config::Retries { commit: 0, ..policy().retries }, ..policy() };
    let Choice::Record(events) = choice(&run, &survey, &none, true).choice else { panic!("it is not committed") };
    apply(&mut run, &events);
    for effect in ["request", "paperwork", "verdict"] {
        apply(&mut run, &[over(effect)]);
    }
    assert!(run.judging().is_some_and(|judging| judging.verdict.is_none()), "it is held");
    survey.changes.clear();
    survey.turn.checks.tree = "t2".into();
    let Choice::Record(events) = choice(&run, &survey, &none, true).choice else { panic!("it is stale") };
    apply(&mut run, &events);
    assert_eq!(
        one(&mut run, &survey, &policy(), CheckResult { tree: "t2".into(), ..found(CheckVerdict::Unmet) }),
        "unit"
    );
    assert_eq!(next_choice(&run, &survey), "9: checkpoint.made + row 9 claim_revoked [Revoke]");
}

#[test]
fn an_artifact_has_to_be_there_and_committed() {
    let (mut run, mut survey) = claimed();
    let artifact = |problem: Option<&str>, committed| ArtifactFact {
        path: "out.txt".into(),
        problem: problem.map(str::to_owned),
        committed,
    };
    asks(&mut survey, &[]);
    survey.turn.checks.artifacts = vec![artifact(Some("it is not there"), false)];
    let chosen = choice(&run, &survey, &policy(), true);
    assert_eq!(told(&chosen), "9: verify.finished");
    let Choice::Record(events) = chosen.choice else { panic!("it is judged") };
    let mut missing = run.clone();
    apply(&mut missing, &events);
    assert_eq!(next_choice(&missing, &survey), "9: checkpoint.made + row 9 claim_revoked [Revoke]");

    survey.turn.checks.artifacts = vec![artifact(None, false)];
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
    apply(&mut run, &events);
    assert_eq!(next_choice(&run, &survey), "9: commit.required + row 10 retry_asked []");
    survey.turn.checks.artifacts = vec![artifact(None, true)];
    assert_eq!(next_choice(&run, &survey), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn what_a_check_does_to_the_git_directory_is_looked_at_before_anything_else() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    let tampers = CheckResult { tampered: vec!["hooks/pre-commit is new".into()], ..found(CheckVerdict::Met) };
    one(&mut run, &survey, &policy(), tampers);
    survey.tampering = vec!["hooks/pre-commit is new".into()];
    assert!(next_choice(&run, &survey).contains("row 1 waiting (tampered)"), "{}", next_choice(&run, &survey));
}

#[test]
fn a_check_that_a_person_ended_says_nothing_and_is_run_again_by_the_next_step() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    let ended = CheckResult { interrupted: true, ..found(CheckVerdict::Inconclusive) };
    one(&mut run, &survey, &policy(), ended);
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Met)), "unit", "it has no result yet");
}

#[path = "checks_beside_tests.rs"]
mod beside;

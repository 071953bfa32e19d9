//! Row 9: what checks did beside their answers, what is told of them, and what holds no longer.

use super::*;

/// A claim whose one check did this beside its answer, and the world after it.
fn beside(result: CheckResult) -> (RunState, Survey) {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    one(&mut run, &survey, &policy(), result);
    survey.tampering = vec!["hooks/pre-commit is new".into()];
    survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    let why = "deleted".into();
    let path = ".tickets/two.md".to_owned();
    survey.turn.put_back = vec![PutBack { path, keys: Vec::new(), why, unreadable: false, undo: None }];
    (run, survey)
}

#[test]
fn what_a_check_did_beside_its_answer_is_judged_from_the_row_that_looks_at_it() {
    let met = || found(CheckVerdict::Met);
    let finishes = "9: save Finish [\".tickets/one.md\"]";
    let cases = [
        (met(), finishes),
        (CheckResult { tampered: vec!["hooks/pre-commit is new".into()], ..met() }, "9: row 1 waiting (tampered) []"),
        (CheckResult { moved: true, ..met() }, "9: row 2 waiting (head_moved) []"),
        (CheckResult { paperwork: vec![".tickets/two.md".into()], ..met() }, "9: restore"),
    ];
    for (result, expected) in cases {
        let (run, survey) = beside(result.clone());
        assert_eq!(next_choice(&run, &survey), expected, "{result:?}");
    }
}

#[test]
fn a_check_that_changes_a_file_of_the_users_is_a_conflict_and_no_work() {
    let (mut run, mut survey) = claimed();
    apply(&mut run, &[Event::WorktreeAccepted { paths: [("notes.txt".to_owned(), "x".to_owned())].into() }]);
    asks(&mut survey, &[check("unit", true)]);
    let writes = CheckResult { changed: vec!["notes.txt".into()], ..found(CheckVerdict::Met) };
    one(&mut run, &survey, &policy(), writes);
    survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    assert_eq!(next_choice(&run, &survey), "9: row 4 waiting (dirty_conflict) []");
    assert!(!run.ticket(&TicketId::new("one")).work.contains("notes.txt"));
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
    let verdict = crate::flow::tests::answers::verdict_of(&events);
    let message = &verdict.reason.as_ref().expect("a reason").message;
    assert!(message.contains("git show") && !message.contains("git diff"), "a kept tree has one version: {message}");
}

#[test]
fn a_check_is_begun_only_while_a_turn_is_judged_and_nothing_else_is_in_flight() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true)]);
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is checked") };
    apply(&mut run, &events);
    assert!(run.apply(&events[0]).is_err(), "one is in flight");
    let mut idle = crate::flow::tests::fold(&crate::flow::tests::begun());
    assert!(idle.apply(&events[0]).is_err(), "no turn is judged");
}

#[test]
fn the_next_prompt_tells_of_each_check_that_did_not_pass_and_of_no_other() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true), check("slow", false), check("style", true)]);
    for verdict in [CheckVerdict::Unmet, CheckVerdict::Inconclusive, CheckVerdict::Met] {
        one(&mut run, &survey, &policy(), CheckResult { tail: "printed".into(), ..found(verdict) });
    }
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
    apply(&mut run, &events);
    let state = run.ticket(&TicketId::new("one"));
    let told: Vec<_> = state.feedback.iter().map(|line| (line.text.as_str(), line.left)).collect();
    let unit = "`unit`: exit status 1\nprinted";
    let slow = "`slow`: exit status 1 (it is not required)\nprinted";
    assert_eq!(told, [(unit, Some(3)), (slow, Some(3))]);
    assert_eq!((state.verify_failures, state.verified), (1, None));
}

#[test]
fn a_turn_or_an_answer_lets_checks_change_files_and_trees_move_as_often_again() {
    let (mut run, _) = claimed();
    let state = run.tickets.get_mut(&TicketId::new("one")).unwrap();
    (state.stale, state.rewrites) = (5, [("unit".to_owned(), 2)].into());
    let restless = |run: &RunState| {
        let state = run.ticket(&TicketId::new("one"));
        (state.stale, state.rewrites.len())
    };
    assert_eq!(restless(&run), (5, 1));
    let mut answered = run.clone();
    let (ticket, reason) = (Some(TicketId::new("one")), ReasonCode::VerifyInconclusive);
    apply(&mut answered, &[Event::RunResumed { ticket, reason, by: "me".into(), branch: None, granted: None }]);
    assert_eq!(restless(&answered), (0, 0));
    let mut next = crate::flow::tests::fold(&crate::flow::tests::begun());
    next.tickets = run.tickets.clone();
    apply(&mut next, &[Event::TurnStarted(crate::flow::tests::request(1))]);
    assert_eq!(restless(&next), (0, 0));
}

#[test]
fn a_check_that_is_run_again_has_one_result() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true), check("style", true)]);
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is checked") };
    let Some(Event::VerifyStarted(request)) = events.last().cloned() else { panic!("{events:?}") };
    for verdict in [CheckVerdict::Unmet, CheckVerdict::Met] {
        let ended = settle(&run, &request, found(verdict));
        apply(&mut run, &ended);
    }
    let results = run.ticket(&TicketId::new("one")).verified.expect("it was checked").results;
    assert_eq!(results.iter().map(|result| result.verdict).collect::<Vec<_>>(), [CheckVerdict::Met]);
}

#[test]
fn an_artifact_that_came_or_went_is_looked_at_again_though_no_tree_says_so() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[]);
    let artifact = |problem: Option<&str>| ArtifactFact {
        path: "out.txt".into(),
        problem: problem.map(str::to_owned),
        committed: true,
    };
    survey.turn.checks.artifacts = vec![artifact(Some("it is not there"))];
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
    let [Event::VerifyFinished(ended)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((ended.verdict, ended.why.as_deref()), (CheckVerdict::Unmet, Some("it is not there")));
    apply(&mut run, &events);
    let looked_at = next_choice(&run, &survey);
    assert!(looked_at.contains("claim_revoked"), "{looked_at}");
    survey.turn.checks.artifacts = vec![artifact(None)];
    assert_eq!(next_choice(&run, &survey), "9: verify.stale");
}

#[test]
fn a_check_that_only_tells_and_changes_files_each_time_is_not_asked_for_ever() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("format", false)]);
    for tree in ["t1", "t2"] {
        survey.turn.checks.tree = tree.into();
        let rewrites = CheckResult { changed: vec!["src/lib.rs".into()], ..found(CheckVerdict::Met) };
        assert_eq!(one(&mut run, &survey, &policy(), rewrites), "format");
    }
    assert_eq!(next_choice(&run, &survey), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn a_claim_without_an_answer_is_held_and_judged_on_once_a_person_has_answered() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("unit", true), check("style", true)]);
    one(&mut run, &survey, &policy(), found(CheckVerdict::Inconclusive));
    one(&mut run, &survey, &policy(), found(CheckVerdict::Met));
    let said = go_on(&mut run, &survey, &policy());
    assert_eq!(said.last().map(String::as_str), Some("8: verify_inconclusive"));
    let message = &run.standing[0].reason.message;
    assert!(message.ends_with("\n`unit`: exit status 1"), "only what has no answer is told: {message}");
    decide_by_hand(&mut run, &survey, Decided::Resume);
    assert_eq!(one(&mut run, &survey, &policy(), found(CheckVerdict::Met)), "unit", "without a turn");
}

#[test]
fn a_person_is_told_which_checks_are_not_met_and_what_they_printed() {
    let (mut run, mut survey) = claimed();
    run.tickets.get_mut(&TicketId::new("one")).unwrap().verify_failures = 3;
    asks(&mut survey, &[check("unit", true), check("style", true), check("docs", true)]);
    one(&mut run, &survey, &policy(), CheckResult { tail: "2 failed".into(), ..found(CheckVerdict::Unmet) });
    one(&mut run, &survey, &policy(), found(CheckVerdict::Unmet));
    one(&mut run, &survey, &policy(), found(CheckVerdict::Met));
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
    let Some(Event::EffectBegun(Begun::Verdict(verdict))) = events.last() else { panic!("{events:?}") };
    let message = &verdict.reason.as_ref().expect("it waits").message;
    let lines: Vec<&str> = message.lines().skip(1).collect();
    assert_eq!(lines, ["`unit`: exit status 1", "`style`: exit status 1", "2 failed"], "{message}");
}

#[test]
fn only_a_check_that_changes_files_again_has_no_answer_of_its_own() {
    let (mut run, mut survey) = claimed();
    asks(&mut survey, &[check("format", true)]);
    let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is checked") };
    let Some(Event::VerifyStarted(request)) = events.last().cloned() else { panic!("{events:?}") };
    let rewrites = || CheckResult { changed: vec!["src/lib.rs".into()], ..found(CheckVerdict::Met) };
    let answers = |run: &RunState, result: CheckResult| {
        let events = settle(run, &request, result);
        let [Event::VerifyFinished(ended)] = &events[..] else { panic!("{events:?}") };
        (ended.verdict, ended.why.clone())
    };
    assert_eq!(answers(&run, rewrites()), (CheckVerdict::Met, None));
    let once = settle(&run, &request, rewrites());
    apply(&mut run, &once);
    assert_eq!(answers(&run, found(CheckVerdict::Met)), (CheckVerdict::Met, None), "now it left them alone");
    let why = Some("it changed tracked files again: src/lib.rs".to_owned());
    assert_eq!(answers(&run, rewrites()), (CheckVerdict::Inconclusive, why));
}

#[test]
fn the_turns_that_are_left_are_counted_down() {
    for failures in 0..3 {
        let (mut run, mut survey) = claimed();
        run.tickets.get_mut(&TicketId::new("one")).unwrap().verify_failures = failures;
        asks(&mut survey, &[check("unit", true)]);
        one(&mut run, &survey, &policy(), found(CheckVerdict::Unmet));
        let Choice::Record(events) = choice(&run, &survey, &policy(), true).choice else { panic!("it is judged") };
        let Some(Event::EffectBegun(Begun::Verdict(verdict))) = events.last() else { panic!("{events:?}") };
        assert_eq!(verdict.left, Some(3 - failures));
    }
}

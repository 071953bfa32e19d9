//! Rungs 5, 6, 10, 11 and 17: what stands in the way of a turn, what does not, and what a turn is asked for.

use super::answers::{decide_by_hand, go_on, over};
use super::*;

fn next(run: &RunState, survey: &Survey) -> String {
    told(&choice(run, survey, &policy(), true))
}

fn moved() -> Survey {
    let mut survey = world();
    survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    survey
}

/// A run that waits because HEAD was moved, in the world in which it was.
fn head_moved() -> (RunState, Survey) {
    let (mut run, survey) = (after_turn(Event::TurnFinished(ended(1))), moved());
    assert_eq!(go_on(&mut run, &survey, &policy()).last().map(String::as_str), Some("8: head_moved"));
    (run, survey)
}

#[test]
fn a_head_that_the_turn_moved_is_row_2s_and_every_other_is_rung_5s() {
    let detached = Survey { repository: Some("HEAD is detached".into()), branch: None, ..moved() };
    let unjudged = after_turn(Event::TurnFinished(ended(1)));
    let (waits, _) = head_moved();
    assert_eq!(next(&unjudged, &detached), "9: row 2 waiting (head_moved) []");
    assert_eq!(next(&waits, &detached), "8: head_moved");
    assert_eq!(next(&fold(&begun()), &detached), "5: repository_state", "no turn moved it");
    let mut judged = unjudged.clone();
    let events = recorded(&choice(&judged, &world(), &policy(), true));
    apply(&mut judged, &events);
    assert_eq!(next(&judged, &detached), "5: repository_state", "it was in its place when it was looked at");

    let merge = Survey { repository: Some("a merge is under way".into()), ..moved() };
    for run in [&unjudged, &waits] {
        assert_eq!(next(run, &merge), "5: repository_state", "that is more than another HEAD");
    }
}

#[test]
fn another_branch_than_the_runs_is_refused_but_where_row_2_has_to_say_so() {
    let other = |survey: Survey| Survey { branch: Some("refs/heads/other".into()), ..survey };
    let chosen = choice(&fold(&begun()), &other(world()), &policy(), true);
    let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
    assert_eq!((chosen.rung, reason.code), (5, ReasonCode::RepositoryState));
    assert!(reason.message.starts_with("the run is on `main` and `other` is checked out"), "{}", reason.message);
    assert_eq!(next(&RunState::default(), &other(world())), "17: run.started + ticket.selected + turn 1 of one");
    let unjudged = after_turn(Event::TurnFinished(ended(1)));
    assert_eq!(next(&unjudged, &other(moved())), "9: row 2 waiting (head_moved) []");
    let (mut run, survey) = head_moved();
    let survey = other(survey);
    assert_eq!(next(&run, &survey), "8: head_moved");
    decide_by_hand(&mut run, &survey, Decided::Resume);
    assert_eq!(run.branch.as_deref(), Some("refs/heads/other"), "the run works there from now on");
    assert_eq!(next(&run, &survey), "9: checkpoint.made + row 13 progressed []");

    // A held turn at a later row has nothing to do with where HEAD is.
    let (mut held, _) = claimed();
    held.tickets.entry(id("one")).or_default().commit_failures = 2;
    let mut dirty = world();
    dirty.tickets[0].done = true;
    dirty.changes.insert("src/lib.rs".into(), "x".into());
    assert_eq!(go_on(&mut held, &dirty, &policy()).last().map(String::as_str), Some("8: commit_failed"));
    assert_eq!(next(&held, &other(dirty)), "5: repository_state");
}

#[test]
fn what_would_be_accepted_with_a_moved_head_is_told_shortly() {
    let commit = || Some("0123456789abcdef".to_owned());
    for (branch, head, there) in [
        (Some("refs/heads/other"), commit(), "`other` at 0123456789 is"),
        (Some("refs/heads/other"), None, "`other` without a commit is"),
        (None, commit(), "a detached HEAD at 0123456789 is"),
        (None, None, "a HEAD without a commit is"),
    ] {
        let survey = Survey { branch: branch.map(str::to_owned), head, ..moved() };
        let events = recorded(&choice(&after_turn(Event::TurnFinished(ended(1))), &survey, &policy(), false));
        let verdict = answers::verdict_of(&events);
        let message = &verdict.reason.as_ref().expect("it waits").message;
        assert!(message.contains(there), "{message}");
    }
}

#[test]
fn head_that_is_back_in_its_place_answers_itself_on_the_runs_branch_alone() {
    let (run, _) = head_moved();
    assert_eq!(next(&run, &world()), "8: run.resumed");
    let elsewhere = Survey { branch: Some("refs/heads/other".into()), ..world() };
    assert_eq!(next(&run, &elsewhere), "8: head_moved");
}

#[test]
fn faults_that_the_turn_put_into_the_config_are_row_3s_and_all_others_rung_6s() {
    let at_fault = Survey { config: vec!["x".into()], ..world() };
    let mut by_turn = at_fault.clone();
    by_turn.turn.runner_files = BTreeMap::from([(".tickets/config.yaml".to_owned(), "+x\n".to_owned())]);
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    assert_eq!(next(&run, &at_fault), "6: invalid", "a person did that");
    assert_eq!(next(&fold(&begun()), &by_turn), "6: invalid", "there is no turn that could have");
    assert_eq!(go_on(&mut run, &by_turn, &policy()).last().map(String::as_str), Some("8: runner_files_changed"));
    decide_by_hand(&mut run, &by_turn, Decided::Resume);
    assert_eq!(next(&run, &by_turn), "6: invalid", "accepted as it is, and mended before anything goes on");
    run = after_turn(Event::TurnFinished(ended(1)));
    let events = recorded(&choice(&run, &world(), &policy(), true));
    apply(&mut run, &events);
    assert_eq!(next(&run, &by_turn), "6: invalid", "they were as before when they were looked at");
}

#[test]
fn what_decisions_left_is_committed_before_a_run_is_completed() {
    let mut survey = world();
    survey.tickets.iter_mut().for_each(|ticket| ticket.done = true);
    survey.tickets_changes.insert(".tickets/two.md".into(), false);
    let mut run = fold(&begun());
    run.decided.insert(".tickets/two.md".into());
    let said = go_on(&mut run.clone(), &survey, &policy());
    assert_eq!(said, ["10: save Paperwork [\".tickets/two.md\"]", "10: run.completed", "10: completed"]);
    run.life = Life::Completed;
    assert_eq!(next(&run, &survey), "10: completed", "a run that is over commits nothing");
    let only = Policy { only: Some(vec![id("one")]), ..policy() };
    run.life = Life::Open;
    assert_eq!(told(&choice(&run, &survey, &only, true)), "10: nothing", "and no command for a part of it does");
}

#[test]
fn a_command_for_tickets_that_are_put_aside_says_so() {
    let mut survey = world();
    survey.tickets[0].hold = Some("later".into());
    let only = Policy { only: Some(vec![id("one")]), ..policy() };
    let chosen = choice(&fold(&begun()), &survey, &only, true);
    let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
    assert_eq!((chosen.rung, reason.code), (10, ReasonCode::Completed));
    assert!(reason.message.starts_with("one is put aside: later"), "{}", reason.message);
}

#[test]
fn of_tickets_that_are_blocked_the_first_five_are_told() {
    for (count, more) in [(5, None), (7, Some("and 2 more; "))] {
        let mut survey = world();
        survey.tickets = (0..count).map(|number| ticket(&format!("t{number}"))).collect();
        survey.tickets.iter_mut().for_each(|ticket| ticket.unresolved = vec!["x".into()]);
        let chosen = choice(&fold(&begun()), &survey, &policy(), true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
        assert_eq!(reason.message.lines().count(), 6 + usize::from(more.is_some()), "{}", reason.message);
        assert_eq!(reason.message.contains(" more"), more.is_some());
        assert!(reason.message.contains(more.unwrap_or_default()), "{}", reason.message);
    }
}

#[test]
fn a_message_for_a_commit_is_its_tickets_and_dropped_where_another_ticket_or_run_goes_on() {
    let survey = Survey { commit_message: Some("x".into()), ..world() };
    assert_eq!(next(&fold(&begun()), &survey), "17: drop message", "no turn of this ticket left it");
    let mut run = fold(&begun());
    run.tickets.entry(id("one")).or_default().last_turn = Some(1);
    assert_eq!(next(&run, &survey), "17: turn 1 of one");
    run.current = None;
    assert_eq!(next(&run, &survey), "17: ticket.selected + turn 1 of one");
    run.current = Some(id("two"));
    let mut gone = survey.clone();
    gone.tickets[1].done = true;
    assert_eq!(next(&run, &gone), "17: drop message");
    apply(&mut run, &[over("message")]);
}

#[test]
fn a_turn_is_asked_for_with_all_that_a_later_look_has_to_know() {
    let asked = |run: &RunState, survey: &Survey| {
        let events = recorded(&choice(run, survey, &policy(), true));
        let Some(Event::TurnStarted(request)) = events.last() else { panic!("{events:?}") };
        request.clone()
    };
    let mut run = fold(&begun());
    run.tickets.entry(id("one")).or_default().replies = vec![3];
    let survey = Survey { stash: Some("s1".into()), ..world() };
    let expected = TurnRequest { stash: Some("s1".into()), replies: vec![3], ..request(1) };
    assert_eq!(asked(&run, &survey), expected);
    run.suspect = Some("s".into());
    let replied = Survey { reply: Some(reply(|_| {})), ..survey.clone() };
    assert_eq!(asked(&run, &replied), TurnRequest { suspect: Some("s".into()), ..expected.clone() });
    assert_eq!(asked(&run, &survey), expected, "it lies there no more");
    let quiet = Survey { reply: Some(reply(|r| (r.stamp, r.empty) = ("another".into(), true))), ..survey };
    assert_eq!(asked(&run, &quiet), expected, "that is another one");
}

#[test]
fn a_ticket_that_is_current_from_the_last_run_is_selected_by_the_next() {
    let mut run = fold(&begun());
    run.life = Life::Completed;
    assert_eq!(next(&run, &world()), "17: run.started + ticket.selected + turn 1 of one");
}

//! Row 12: what counts as progress, how many turns in a row without any are let pass, and what ends the row.

use std::collections::BTreeMap;

use super::*;

fn idle(turn: u32) -> TurnEnded {
    TurnEnded { changed: Vec::new(), after: Some("b".into()), ..ended(turn) }
}

/// A run of turns that all got as far as row 12 and were judged to their end.
fn judged(turns: &[TurnEnded]) -> RunState {
    let mut run = fold(&begun());
    for ended in turns {
        turn(&mut run, request(ended.turn), ended.clone());
    }
    run
}

fn turn(run: &mut RunState, request: TurnRequest, ended: TurnEnded) {
    apply(run, &[Event::TurnStarted(request), Event::TurnFinished(ended)]);
    close(run);
}

fn row(run: &RunState, survey: &Survey, policy: &Policy) -> String {
    told(&choice(run, survey, policy, false))
}

/// Whether the third of three turns ends in `no_progress`, where this is what its end says.
fn is_stuck(end: impl Fn(&mut TurnRequest, &mut TurnEnded)) -> bool {
    let mut run = judged(&[idle(1), idle(2)]);
    let (mut request, mut ended) = (request(3), idle(3));
    end(&mut request, &mut ended);
    apply(&mut run, &[Event::TurnStarted(request), Event::TurnFinished(ended)]);
    row(&run, &world(), &policy()).contains("no_progress")
}

#[test]
fn progress_is_a_commit_a_file_that_is_no_message_or_a_reply_that_was_given() {
    assert!(is_stuck(|_, _| {}));
    assert!(!is_stuck(|_, ended| ended.head = Some("c2".into())));
    assert!(!is_stuck(|request, _| request.replies = vec![1]));
    for (path, counts) in [
        ("src/lib.rs", true),
        (".tickets/one.md", true),
        (".tickets/002-new.md", true),
        (".tickets/context/spec.md", true),
        (".tickets/history/one/0001-dispatch/DISPATCH.md", false),
        (".tickets/outbox/DISPATCH.md", false),
        (".tickets/outbox/COMMIT_MSG", false),
        (".tickets/USER_REPLY.md", false),
        (".tickets/reply/picture.png", false),
    ] {
        assert_eq!(is_stuck(|_, ended| ended.changed = vec![path.to_owned()]), !counts, "{path}");
    }
}

#[test]
fn what_is_put_back_as_a_whole_is_no_progress() {
    let mut run = judged(&[idle(1), idle(2)]);
    let path = ".tickets/two.md".to_owned();
    let ended = TurnEnded { changed: vec![path.clone()], ..idle(3) };
    let restored = |keys: &[&str]| Event::ContractRestored {
        ticket: id("one"),
        turn: 3,
        items: vec![PutBack {
            path: path.clone(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            why: "x".into(),
            unreadable: false,
            undo: None,
        }],
        rejected: false,
        paths: BTreeMap::new(),
    };
    apply(&mut run, &[Event::TurnStarted(request(3)), Event::TurnFinished(ended)]);
    let mut whole = run.clone();
    apply(&mut whole, &[restored(&[])]);
    assert!(row(&whole, &world(), &policy()).contains("no_progress"));
    apply(&mut run, &[restored(&["priority"])]);
    assert!(row(&run, &world(), &policy()).contains("row 13"), "the rest of the file stays changed");
}

#[test]
fn so_many_turns_in_a_row_are_let_pass_as_the_tighter_limit_says() {
    for (config, own, stops_at) in
        [(Some(3), None, Some(3)), (Some(3), Some(1), Some(1)), (Some(2), Some(9), Some(2)), (None, Some(4), Some(4))]
    {
        let mut policy = policy();
        policy.limits.no_progress = config;
        let mut survey = world();
        survey.tickets[0].limits.no_progress = own;
        let mut run = fold(&begun());
        let first = (1..=6).find(|number| {
            apply(&mut run, &[Event::TurnStarted(request(*number)), Event::TurnFinished(idle(*number))]);
            let stuck = row(&run, &survey, &policy).contains("row 12 waiting (no_progress)");
            close(&mut run);
            stuck
        });
        assert_eq!(first, stops_at);
    }
    let mut off = policy();
    off.limits.no_progress = None;
    let mut run = judged(&[idle(1), idle(2), idle(3)]);
    apply(&mut run, &[Event::TurnStarted(request(4)), Event::TurnFinished(idle(4))]);
    assert!(row(&run, &world(), &off).contains("row 13"));
}

#[test]
fn a_turn_that_moved_something_ends_the_row_and_one_that_failed_leaves_it_alone() {
    let mut run = judged(&[idle(1), idle(2), ended(3), idle(4)]);
    assert_eq!(run.ticket(&id("one")).idle_turns, 1);
    apply(&mut run, &[Event::TurnStarted(request(5)), Event::TurnFailed(idle(5))]);
    close(&mut run);
    assert_eq!(run.ticket(&id("one")).idle_turns, 1, "a turn that failed is no turn that came to nothing");
    apply(&mut run, &[Event::TurnStarted(request(6)), Event::TurnFailed(ended(6))]);
    close(&mut run);
    assert_eq!(run.ticket(&id("one")).idle_turns, 0, "but what it did is done");
}

#[test]
fn a_turn_that_asks_is_not_held_against_its_ticket() {
    let mut run = judged(&[idle(1), idle(2)]);
    let archived = Event::OutboxArchived {
        ticket: id("one"),
        turn: 3,
        sequence: 1,
        path: ".tickets/history/one/0001-dispatch".into(),
        dispatch: question(true),
    };
    apply(&mut run, &[Event::TurnStarted(request(3)), Event::TurnFinished(idle(3)), archived]);
    assert!(row(&run, &world(), &policy()).contains("row 8 waiting (user_dispatch)"));
}

#[test]
fn a_claim_is_judged_before_progress_is_looked_for() {
    let mut run = judged(&[idle(1), idle(2)]);
    let claim = Event::ClaimMade { ticket: id("one"), turn: 3 };
    apply(&mut run, &[Event::TurnStarted(request(3)), Event::TurnFinished(idle(3)), claim]);
    let mut survey = world();
    survey.tickets[0].done = true;
    survey.tickets_changes = BTreeMap::from([(".tickets/one.md".to_owned(), false)]);
    assert_eq!(row(&run, &survey, &policy()), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn every_answer_begins_a_new_row() {
    let stuck = || {
        let mut run = judged(&[idle(1), idle(2), idle(3)]);
        let reason = Reason::new(ReasonCode::NoProgress, "x");
        apply(&mut run, &[Event::RunPaused { ticket: Some(id("one")), reason, digest: Some("d1".into()) }]);
        assert_eq!(run.ticket(&id("one")).idle_turns, 3);
        run
    };
    let goes_on = |run: &RunState, survey: &Survey| {
        assert_eq!(told(&choice(run, survey, &policy(), true)), "17: turn 4 of one");
        assert_eq!(run.ticket(&id("one")).idle_turns, 0);
    };
    let mut run = stuck();
    assert_eq!(told(&choice(&run, &world(), &policy(), true)), "8: no_progress");

    let resumed = Survey { decisions: vec![decided("r", Decided::Resume)], ..world() };
    let events = recorded(&choice(&run, &resumed, &policy(), true));
    apply(&mut run, &events);
    goes_on(&run, &world());

    let mut run = stuck();
    let mut edited = world();
    edited.tickets[0].digest = "d2".into();
    let events = recorded(&choice(&run, &edited, &policy(), true));
    apply(&mut run, &events);
    goes_on(&run, &edited);

    let mut run = stuck();
    let consumed = Event::ReplyConsumed {
        ticket: id("one"),
        sequence: 1,
        path: "h".into(),
        confirmed: true,
        spooled: None,
        brought: None,
    };
    let answered = settle::answered(&run, &id("one"));
    apply(&mut run, &[consumed]);
    apply(&mut run, &answered);
    goes_on(&run, &world());
}

#[test]
fn the_prompt_warns_from_two_thirds_of_the_limit_on() {
    let warned = |limit: u32| -> Vec<(u32, u32)> {
        let left = |idle| Some((idle, progress_warning(idle, Some(limit))?.left?));
        (0..=limit).filter_map(left).collect()
    };
    assert_eq!(warned(1), []);
    assert_eq!(warned(2), []);
    assert_eq!(warned(3), [(2, 1)]);
    assert_eq!(warned(6), [(4, 2), (5, 1)]);
    assert_eq!(progress_warning(9, None), None);
}

#[test]
fn what_is_told_counts_the_turns() {
    let told_after = |turns: &[TurnEnded], limit: u32| {
        let policy =
            Policy { limits: crate::config::Limits { no_progress: Some(limit), ..policy().limits }, ..policy() };
        let mut run = judged(turns);
        let number = run.turns + 1;
        apply(&mut run, &[Event::TurnStarted(request(number)), Event::TurnFinished(idle(number))]);
        let events = recorded(&choice(&run, &world(), &policy, false));
        let Some(Event::EffectBegun(Begun::Verdict(verdict))) = events.last() else { panic!("{events:?}") };
        verdict.reason.as_ref().expect("it waits").message.clone()
    };
    assert!(told_after(&[], 1).starts_with("a turn of one came to nothing"));
    assert!(told_after(&[idle(1)], 2).starts_with("2 turns in a row of one came to nothing"));
    let warned = |idle| progress_warning(idle, Some(idle + 1)).map(|line| line.text).unwrap_or_default();
    assert!(warned(2).contains("in your last 2 turns"));
}

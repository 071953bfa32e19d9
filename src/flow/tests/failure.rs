//! Row 5 and rung 14: what is tried again and when, and what opens and closes the breaker. No hook exists in this
//! version; what one would be told is decided here all the same.

use super::*;

const NOW: i64 = 1_769_846_400_000;

fn at(seconds: i64) -> Survey {
    Survey { now: Moment::from_millis(NOW + seconds * 1000), ..world() }
}

fn failed(turn: u32, error: Option<ErrorClass>) -> TurnEnded {
    TurnEnded { exit: Some(75), why: Some("it failed".into()), error, ..ended(turn) }
}

fn transient(turn: u32) -> Event {
    Event::TurnFailed(failed(turn, Some(ErrorClass::Transient)))
}

fn fatal(turn: u32) -> Event {
    Event::TurnFailed(failed(turn, None))
}

/// Runs one turn of `one`, judges it to its end, and says what its verdict was.
fn turn(run: &mut RunState, end: Event, survey: &Survey, policy: &Policy) -> String {
    apply(run, &[Event::TurnStarted(request(run.turns + 1)), end]);
    judge(run, survey, policy)
}

fn judge(run: &mut RunState, survey: &Survey, policy: &Policy) -> String {
    let mut said = Vec::new();
    for _ in 0..20 {
        let chosen = choice(run, survey, policy, false);
        let Choice::Record(events) = &chosen.choice else { panic!("a turn is judged to its end") };
        said.push(told(&chosen).trim_start_matches("9: ").to_owned());
        for event in events {
            run.apply(event).expect("in order");
            let answer = answers::answer(run, event);
            apply(run, answer.as_slice());
        }
        if run.judging().is_none() {
            return said.first().cloned().unwrap_or_default();
        }
    }
    panic!("it is judged for ever: {said:?}")
}

fn next(run: &RunState, survey: &Survey, policy: &Policy) -> String {
    told(&choice(run, survey, policy, true))
}

fn by_trigger() -> Policy {
    Policy { asked_by: AskedBy::Trigger, ..policy() }
}

#[test]
fn an_error_that_may_pass_is_tried_again_after_a_time_that_doubles() {
    let mut run = fold(&begun());
    let again = "checkpoint.made + row 5 retry_asked []";
    assert_eq!(turn(&mut run, transient(1), &at(0), &policy()), again);
    assert_eq!(next(&run, &at(0), &policy()), "14: parked");
    assert_eq!(next(&run, &at(4), &policy()), "14: parked");
    assert_eq!(next(&run, &at(5), &policy()), "17: turn 2 of one");
    assert!(turn(&mut run, transient(2), &at(6), &policy()).ends_with("row 5 retry_asked []"));
    assert_eq!(next(&run, &at(15), &policy()), "14: parked");
    assert_eq!(next(&run, &at(16), &policy()), "17: turn 3 of one");
    let end = turn(&mut run, transient(3), &at(20), &policy());
    assert!(end.contains("row 5 failed (agent_failed)"), "{end}");
    assert_eq!(next(&run, &at(20), &policy()), "17: turn 4 of one", "a person tries again at once");
    assert!(turn(&mut run, transient(4), &at(21), &policy()).ends_with("row 5 retry_asked []"), "a new series");
}

#[test]
fn a_rate_limit_is_waited_for_as_long_as_it_says() {
    let mut run = fold(&begun());
    let until = |seconds: i64| Some(Moment::from_millis(NOW + seconds * 1000));
    let limited = |turn, until| Event::TurnFailed(failed(turn, Some(ErrorClass::RateLimited { until })));
    let _ = turn(&mut run, limited(1, until(7200)), &at(0), &policy());
    let stop = choice(&run, &at(3600), &policy(), true);
    let Choice::Stop(Stop { reason: Some(reason), ticket }) = &stop.choice else { panic!("{stop:?}") };
    assert_eq!((reason.code, &reason.details["until"]), (ReasonCode::Parked, &json!("2026-01-31T10:00:00.000Z")));
    assert!(reason.message.ends_with("`turnstile run` waits for that if it is less than 10 minutes away"));
    assert_eq!(ticket, &Some(id("one")));
    assert_eq!(next(&run, &at(7200), &policy()), "17: turn 2 of one");
    let _ = turn(&mut run, limited(2, None), &at(7200), &policy());
    assert_eq!(next(&run, &at(7209), &policy()), "14: parked", "one that does not say is waited for like any other");
    assert_eq!(next(&run, &at(7210), &policy()), "17: turn 3 of one");
}

#[test]
fn what_is_not_known_to_pass_is_permanent() {
    for error in [None, Some(ErrorClass::Fatal)] {
        let mut run = fold(&begun());
        let end = turn(&mut run, Event::TurnFailed(failed(1, error)), &at(0), &policy());
        assert!(end.contains("agent_failed"), "{end}");
    }
    let mut run = fold(&begun());
    let timed_out = Event::TurnTimedOut(failed(1, Some(ErrorClass::Transient)));
    assert!(turn(&mut run, timed_out, &at(0), &policy()).contains("agent_failed"));
    let mut none = policy();
    none.retries.transient = 0;
    let mut run = fold(&begun());
    assert!(turn(&mut run, transient(1), &at(0), &none).contains("agent_failed"));
}

#[test]
fn a_clock_that_was_set_back_parks_nothing() {
    let mut run = fold(&begun());
    let _ = turn(&mut run, transient(1), &at(0), &policy());
    assert_eq!(next(&run, &at(-3600), &policy()), "17: turn 2 of one");
}

#[test]
fn a_retry_is_its_tickets_and_belongs_to_the_journal() {
    let mut run = fold(&begun());
    let _ = turn(&mut run, transient(1), &at(0), &policy());
    let mut goes_on = run.clone();
    apply(&mut goes_on, &[Event::TurnStarted(request(2))]);
    assert_eq!(goes_on.ticket(&id("one")).retry, None, "the turn is the retry");
    let only = Policy { only: Some(vec![id("two")]), ..policy() };
    assert_eq!(next(&run, &at(1), &only), "17: ticket.selected + turn 2 of two");
    let retry = run.ticket(&id("one")).retry.expect("it is parked");
    let verdict = Verdict {
        ticket: Some(id("one")),
        turn: Some(1),
        row: 5,
        outcome: Outcome::RetryAsked,
        reason: None,
        hold: None,
        chores: Vec::new(),
        left: None,
        retry: Some(retry),
    };
    let written = Event::EffectBegun(Begun::Verdict(verdict));
    let (ticket, number, kind, body) = written.columns();
    assert_eq!(body["retry"]["until"], "2026-01-31T08:00:05.000Z");
    let read = Event::from_columns(1, ticket.as_deref(), number, &kind, &body).expect("readable");
    assert_eq!(read, written);
}

#[test]
fn a_journal_of_before_there_were_retries_is_still_read() {
    let line = json!({
        "agent": "mine", "duration_ms": 1, "exit": 75, "session": null, "usage": null, "started": true,
        "before": "b", "after": "a", "head": "c1",
    });
    let event = Event::from_columns(3, Some("one"), Some(1), "turn.failed", line.as_object().expect("an object"));
    let Ok(Event::TurnFailed(ended)) = event else { panic!("{event:?}") };
    assert_eq!(ended.error, None);
    let line = json!({ "row": 5, "outcome": "retry_asked", "reason": null, "hold": null, "chores": [] });
    let event = Event::from_columns(4, Some("one"), Some(1), "effect.begun", line.as_object().expect("an object"));
    let Ok(Event::EffectBegun(Begun::Verdict(verdict))) = event else { panic!("{event:?}") };
    assert_eq!(verdict.retry, None);
}

#[test]
fn failures_in_a_row_open_the_breaker_for_everybody_but_a_person() {
    let mut run = fold(&begun());
    let mut opened = Vec::new();
    for number in 1..=4 {
        opened.push(turn(&mut run, fatal(number), &at(0), &policy()).contains("circuit.opened"));
    }
    assert_eq!(opened, [false, false, true, false]);
    assert_eq!(run.breaker, Breaker { open: true, failures: 4 });
    run.last_pause = None;
    assert_eq!(next(&run, &at(0), &by_trigger()), "14: circuit_open");
    assert_eq!(next(&run, &at(0), &policy()), "17: turn 5 of one", "a person's command is the probe");
    let closed = turn(&mut run, Event::TurnFinished(ended(5)), &at(0), &policy());
    assert_eq!(closed, "circuit.closed");
    assert_eq!(run.breaker, Breaker::default());
    assert_eq!(next(&run, &at(0), &by_trigger()), "17: turn 6 of one");
}

#[test]
fn a_series_of_retries_is_one_failure_and_a_success_ends_the_row() {
    let mut run = fold(&begun());
    for (number, end) in [transient(1), transient(2), transient(3), fatal(4)].into_iter().enumerate() {
        let _ = turn(&mut run, end, &at(i64::try_from(number).expect("small") * 100), &policy());
    }
    assert_eq!(run.breaker, Breaker { open: false, failures: 2 });
    let _ = turn(&mut run, Event::TurnFinished(ended(5)), &at(0), &policy());
    assert_eq!(run.breaker.failures, 0);
}

#[test]
fn what_could_not_start_and_what_a_person_ended_is_no_failure() {
    let harmless = [
        Event::TurnFailed(TurnEnded { started: false, ..failed(1, None) }),
        Event::TurnFailed(TurnEnded { runner_fault: true, ..failed(1, None) }),
        Event::TurnInterrupted(TurnEnded { by_person: true, ..failed(1, None) }),
    ];
    let mut strict = policy();
    strict.limits.failures = Some(1);
    for end in harmless {
        let mut run = fold(&begun());
        let said = turn(&mut run, end, &at(0), &strict);
        assert_eq!((run.breaker, said.contains("circuit")), (Breaker::default(), false), "{said}");
    }
    let mut run = fold(&begun());
    assert!(turn(&mut run, Event::TurnInterrupted(failed(1, None)), &at(0), &strict).contains("circuit.opened"));
    let mut off = policy();
    off.limits.failures = None;
    let mut run = fold(&begun());
    for number in 1..=9 {
        assert!(!turn(&mut run, fatal(number), &at(0), &off).contains("circuit"));
    }
}

#[test]
fn no_pause_feeds_the_breaker() {
    let asked = |turn| Event::OutboxArchived {
        ticket: id("one"),
        turn,
        sequence: 1,
        path: ".tickets/history/one/0001-dispatch".into(),
        dispatch: question(true),
    };
    let mut strict = policy();
    (strict.limits.failures, strict.limits.no_progress) = (Some(1), Some(1));
    for end in [fatal(1), Event::TurnFinished(ended(1))] {
        let mut run = fold(&begun());
        apply(&mut run, &[Event::TurnStarted(request(1)), end, asked(1)]);
        let said = judge(&mut run, &at(0), &strict);
        assert!(said.contains("user_dispatch") && !said.contains("circuit"), "{said}");
        assert_eq!(run.breaker, Breaker::default());
    }
    let mut run = fold(&begun());
    let idle = TurnEnded { changed: Vec::new(), ..ended(1) };
    assert!(turn(&mut run, Event::TurnFinished(idle), &at(0), &strict).contains("no_progress"));
    assert_eq!(run.breaker, Breaker::default());
}

#[test]
fn a_failure_stands_for_triggers_until_a_person_a_reply_or_new_commits_answer_it() {
    let mut run = fold(&begun());
    let _ = turn(&mut run, fatal(1), &at(0), &policy());
    assert_eq!(next(&run, &at(0), &by_trigger()), "8: agent_failed");
    assert_eq!(next(&run, &at(0), &policy()), "17: turn 2 of one");
    let pushed = Survey { head: Some("c2".into()), ..at(0) };
    assert_eq!(next(&run, &pushed, &by_trigger()), "17: turn 2 of one");
    run.tickets.entry(id("one")).or_default().commits.insert("c2".into());
    assert_eq!(next(&run, &pushed, &by_trigger()), "8: agent_failed", "a commit of turnstile's is nobody's answer");
    let consumed = Event::ReplyConsumed {
        ticket: id("one"),
        sequence: 1,
        path: "h".into(),
        confirmed: true,
        spooled: None,
        brought: None,
    };
    apply(&mut run, &[consumed]);
    assert_eq!(next(&run, &at(0), &by_trigger()), "17: turn 2 of one");
}

proptest! {
    /// Whatever turns come to, every way on is a turn, a pause or an end: more turns, or nothing to do.
    #[test]
    fn no_path_is_an_endless_one_without_a_turn(ends in prop::collection::vec(0_u8..6, 1..12), trigger: bool) {
        let mut policy = if trigger { by_trigger() } else { policy() };
        policy.limits.total_turns = None;
        policy.limits.turns = None;
        let mut run = fold(&begun());
        let mut clock = 0;
        for end in ends {
            let before = run.turns;
            let number = before + 1;
            let mut looks = 0;
            let survey = loop {
                looks += 1;
                prop_assert!(looks < 20, "it looks again and again and comes to nothing");
                let survey = at(clock);
                let chosen = choice(&run, &survey, &policy, true);
                match &chosen.choice {
                    Choice::Record(events) if matches!(events.last(), Some(Event::TurnStarted(_))) => break Some(survey),
                    Choice::Record(events) => apply(&mut run, events),
                    Choice::Stop(Stop { reason: Some(reason), .. }) if reason.code == ReasonCode::Parked => clock += 3600,
                    Choice::Stop(_) => break None,
                }
            };
            let Some(survey) = survey else { break };
            let idle = TurnEnded { changed: Vec::new(), ..ended(number) };
            let end = match end {
                0 => transient(number),
                1 => fatal(number),
                2 => Event::TurnTimedOut(failed(number, None)),
                3 => Event::TurnFinished(idle),
                4 => Event::TurnInterrupted(failed(number, None)),
                _ => Event::TurnFinished(ended(number)),
            };
            let _ = turn(&mut run, end, &survey, &policy);
            prop_assert_eq!(run.turns, before + 1);
        }
    }
}

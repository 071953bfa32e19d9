//! Rung 8: which reasons fall by themselves, whose reason is in the way of whom, and how each ticket is explained.

use super::answers::go_on;
use super::*;

type Change = fn(&mut Survey);
type ChangeTicket = fn(&mut TicketFact);

fn stands(ticket: Option<&str>, code: ReasonCode) -> Event {
    Event::RunPaused { ticket: ticket.map(id), reason: Reason::new(code, "x"), digest: Some("d1".into()) }
}

fn with(pauses: &[Event]) -> RunState {
    let mut run = fold(&begun());
    apply(&mut run, pauses);
    run
}

fn next(run: &RunState, survey: &Survey) -> String {
    told(&choice(run, survey, &policy(), true))
}

/// What answered the reason of `one`, where this is changed in the world; none where it stands.
fn answer_to(code: ReasonCode, change: fn(&mut Survey)) -> Option<String> {
    let run = with(&[stands(Some("one"), code)]);
    let mut survey = world();
    // As it was when the pause began.
    survey.outbox = OutboxFact::Invalid(vec!["x".into()]);
    survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    survey.turn.runner_files = BTreeMap::from([("x".to_owned(), "y".to_owned())]);
    survey.tampering = vec!["x".into()];
    survey.tickets[0].done = matches!(code, ReasonCode::CommitFailed | ReasonCode::VerifyInconclusive);
    survey.changes.insert("f".into(), "x".into());
    let mut claims = run;
    claims.tickets.entry(id("one")).or_default().claim = survey.tickets[0].done;
    change(&mut survey);
    let chosen = choice(&claims, &survey, &policy(), true);
    let Choice::Record(events) = &chosen.choice else { return None };
    let [Event::RunResumed { ticket, reason, by, .. }] = &events[..] else { panic!("{chosen:?}") };
    assert_eq!((ticket, *reason), (&Some(id("one")), code));
    Some(by.clone())
}

#[test]
fn a_persons_edit_answers_what_the_agent_could_not_get_right() {
    use ReasonCode as C;
    let edited: fn(&mut Survey) = |survey| survey.tickets[0].digest = "d2".into();
    for code in [C::TicketInvalid, C::NoProgress, C::VerifyFailed, C::DispatchInvalid] {
        assert_eq!(answer_to(code, |_| {}), None, "{code}");
        assert_eq!(answer_to(code, edited).as_deref(), Some("an edit of the ticket"), "{code}");
    }
    for code in [C::UserDispatch, C::DirtyConflict, C::HeadMoved, C::RunnerFilesChanged, C::Tampered] {
        assert_eq!(answer_to(code, edited), None, "{code}");
    }
}

#[test]
fn what_lies_in_the_world_as_it_should_again_answers_the_reason_that_was_about_it() {
    use ReasonCode as C;
    let cases: [(C, Change, &str); 5] = [
        (C::DispatchInvalid, |survey| survey.outbox = OutboxFact::Empty, "the outbox, where nothing invalid is left"),
        (C::CommitFailed, |survey| survey.changes.clear(), "a clean tree"),
        (C::HeadMoved, |survey| survey.turn.head = HeadFact::InPlace, "HEAD, which is back in its place"),
        (
            C::RunnerFilesChanged,
            |survey| survey.turn.runner_files.clear(),
            "config and templates, which are as they were before the turn",
        ),
        (C::Tampered, |survey| survey.tampering.clear(), "the git directory is as it was before the turn"),
    ];
    for (code, _, _) in cases {
        for (other, change, by) in cases {
            let expected = (code == other).then(|| by.to_owned());
            assert_eq!(answer_to(code, change), expected, "{code} where {other} is mended");
        }
    }
    let taken_back: fn(&mut Survey) = |survey| survey.tickets[0].done = false;
    for code in [C::CommitFailed, C::VerifyInconclusive] {
        assert_eq!(answer_to(code, |_| {}), None);
        assert_eq!(answer_to(code, taken_back).as_deref(), Some("`done: false` in the ticket"));
    }
}

#[test]
fn a_ticket_that_is_done_put_aside_or_gone_waits_for_nobody_but_tampering_stays() {
    let cases: [(Change, &str); 3] = [
        (
            |survey| {
                survey.tickets.remove(0);
            },
            "the removal of the ticket",
        ),
        (|survey| survey.tickets[0].hold = Some("later".into()), "`hold` in the ticket"),
        (|survey| survey.tickets[0].done = true, "`done: true` in the ticket"),
    ];
    for (change, by) in cases {
        for code in [ReasonCode::UserDispatch, ReasonCode::NoProgress, ReasonCode::HeadMoved] {
            assert_eq!(answer_to(code, change).as_deref(), Some(by));
        }
        assert_eq!(answer_to(ReasonCode::Tampered, change), None, "it is the repository's");
    }
}

#[test]
fn a_reason_of_the_run_itself_falls_by_nothing() {
    let run = with(&[stands(None, ReasonCode::OperatorPause)]);
    let mut survey = world();
    survey.tickets[0].hold = Some("later".into());
    assert_eq!(next(&run, &survey), "8: operator_pause");
}

#[test]
fn a_command_for_one_ticket_is_stopped_by_its_reasons_the_runs_and_tampering() {
    let only = Policy { only: Some(vec![id("two")]), ..policy() };
    let tampered = Survey { tampering: vec!["x".into()], ..world() };
    let told_for_two = |run: &RunState, survey: &Survey| told(&choice(run, survey, &only, true));
    let goes_on = "17: ticket.selected + turn 1 of two";
    assert_eq!(told_for_two(&with(&[stands(Some("one"), ReasonCode::NoProgress)]), &world()), goes_on);
    assert_eq!(told_for_two(&with(&[stands(Some("two"), ReasonCode::NoProgress)]), &world()), "8: no_progress");
    assert_eq!(told_for_two(&with(&[stands(None, ReasonCode::OperatorPause)]), &world()), "8: operator_pause");
    assert_eq!(told_for_two(&with(&[stands(Some("one"), ReasonCode::Tampered)]), &tampered), "8: tampered");
    // Whose turn is judged comes first, whatever the command is for.
    let mut judged = after_turn(Event::TurnFinished(ended(1)));
    apply(&mut judged, &[stands(Some("one"), ReasonCode::NoProgress)]);
    assert_eq!(told_for_two(&judged, &world()), "8: no_progress");
}

#[test]
fn of_several_reasons_the_operators_is_told_first_then_the_runs() {
    let run = with(&[
        stands(Some("one"), ReasonCode::NoProgress),
        stands(None, ReasonCode::VerifyFailed),
        stands(None, ReasonCode::OperatorPause),
    ]);
    assert_eq!(next(&run, &world()), "8: operator_pause");
    let run = with(&[stands(Some("one"), ReasonCode::NoProgress), stands(None, ReasonCode::VerifyFailed)]);
    assert_eq!(next(&run, &world()), "8: verify_failed");
}

#[test]
fn where_head_is_is_told_as_it_is_now() {
    let mut survey = world();
    survey.turn.head = HeadFact::Moved { how: "it was here".into(), back: "type this".into() };
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    go_on(&mut run, &survey, &policy());
    survey.turn.head = HeadFact::Moved { how: "it is there".into(), back: "type that".into() };
    let message = |run: &RunState, survey: &Survey| {
        let chosen = choice(run, survey, &policy(), true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = chosen.choice else { panic!("{chosen:?}") };
        reason.message
    };
    assert!(message(&run, &survey).starts_with("it is there; type that"), "{}", message(&run, &survey));
    apply(&mut run, &[stands(None, ReasonCode::OperatorPause)]);
    assert_eq!(message(&run, &survey), "x", "another reason is told as it was given");
}

#[test]
fn every_ticket_is_explained_by_what_has_to_come_first() {
    use TicketStanding as S;
    let how = |run: &RunState, change: fn(&mut TicketFact)| {
        let mut survey = world();
        change(&mut survey.tickets[0]);
        let policy = policy();
        let look = Look { run, survey: &survey, policy: &policy };
        let (state, reason) = explain(&look, &survey.tickets[0]);
        (state, reason.map(|reason| reason.code), standing(&look, &survey.tickets[0]).1)
    };
    let run = RunState::default();
    let cases: [(ChangeTicket, S, Option<&str>, &str); 9] = [
        (|_| {}, S::Ready, None, "ready"),
        (|ticket| ticket.done = true, S::Done, None, "done"),
        (|ticket| ticket.faults = vec!["it is wrong".into()], S::Invalid, Some("invalid"), "it is wrong"),
        (|ticket| ticket.hold = Some("later".into()), S::Waiting, Some("held"), "held: later"),
        (|ticket| ticket.depends_on = vec![id("two")], S::Blocked, Some("blocked"), "waits for two"),
        (
            |ticket| ticket.unresolved = vec!["x".into()],
            S::Blocked,
            Some("blocked"),
            "depends on x, which leads nowhere or to several tickets",
        ),
        (
            |ticket| ticket.claimed_by = Some("other".into()),
            S::Blocked,
            Some("claimed_elsewhere"),
            "claimed_elsewhere: current in the open run of worktree `other`",
        ),
        (
            |ticket| ticket.kind = AgentFact::User,
            S::Waiting,
            Some("user_ticket"),
            "user_ticket: for a human; `turnstile done one` when it is done",
        ),
        (
            |ticket| ticket.approval.asks = vec!["x".into()],
            S::Waiting,
            Some("approval_pending"),
            "approval_pending: one needs an approval before its next turn (x): The title of one; `turnstile approve one`, or `turnstile reject one` puts it aside",
        ),
    ];
    for (change, state, code, why) in cases {
        assert_eq!(how(&run, change), (state, code, why.to_owned()));
    }
    let current = fold(&begun());
    assert_eq!(how(&current, |_| {}), (S::Active, None, "current in the open run".to_owned()));
    let over = RunState { life: Life::Completed, ..current };
    assert_eq!(how(&over, |_| {}).0, S::Ready);
    let waits = with(&[stands(Some("one"), ReasonCode::NoProgress)]);
    assert_eq!(how(&waits, |_| {}), (S::Waiting, Some("no_progress"), "no_progress: x".to_owned()));
    let other = with(&[stands(Some("two"), ReasonCode::NoProgress)]);
    assert_eq!(how(&other, |_| {}).0, S::Active);
}

#[test]
fn programs_are_told_what_a_ticket_waits_for() {
    let mut survey = world();
    knot(&mut survey);
    let run = fold(&begun());
    let policy = policy();
    let (_, reason) = explain(&Look { run: &run, survey: &survey, policy: &policy }, &survey.tickets[0]);
    assert_eq!(reason.map(|reason| reason.details), Some(json!({ "blocked_by": ["two"] })));
    let chosen = choice(&run, &survey, &policy, true);
    let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
    assert_eq!(reason.message, "no open ticket is ready\n  one: waits for two\n  two: waits for one");
}

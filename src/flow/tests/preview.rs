//! What `next` says: the decision of the next step, over effects that are only imagined.

use super::*;

/// In one line: what a step would do, for whom, and why not.
fn foreseen(run: &RunState, survey: &Survey) -> String {
    let mut looked_at = survey.clone();
    let seen = preview(run, &mut looked_at, &policy());
    assert_eq!(&looked_at, survey, "what is imagined is not left behind");
    let ticket = seen.ticket.map(|ticket| format!(" {ticket}")).unwrap_or_default();
    let agent = seen.agent.map(|agent| format!(" by {agent}")).unwrap_or_default();
    let why = seen.reason.map(|reason| format!(" ({})", reason.code)).unwrap_or_default();
    format!("{}{ticket}{agent}{why}", seen.action.name())
}

fn deciding(what: Decided) -> Survey {
    Survey { decisions: vec![decided("1", what)], ..world() }
}

#[test]
fn it_says_which_turn_would_start_which_is_judged_and_what_is_waited_for() {
    assert_eq!(foreseen(&RunState::default(), &world()), "run_turn one by mine");
    assert_eq!(foreseen(&after_turn(Event::TurnFinished(ended(1))), &world()), "judge one");
    let mut running = fold(&begun());
    apply(&mut running, &[Event::TurnStarted(request(1))]);
    assert_eq!(foreseen(&running, &world()), "judge one by mine");
    let mut user = world();
    user.tickets[0].kind = AgentFact::User;
    assert_eq!(foreseen(&fold(&begun()), &user), "wait one (user_ticket)");
    let mut blocked = world();
    knot(&mut blocked);
    assert_eq!(foreseen(&fold(&begun()), &blocked), "stop (blocked)");
}

#[test]
fn it_foresees_the_end_of_a_run() {
    let mut survey = world();
    survey.tickets.iter_mut().for_each(|ticket| ticket.done = true);
    assert_eq!(foreseen(&fold(&begun()), &survey), "complete (completed)");
    assert_eq!(foreseen(&fold(&begun()), &deciding(Decided::Stop)), "complete (stopped)");
    let mut run = fold(&begun());
    run.decided.insert(".tickets/one.md".into());
    survey.tickets_changes.insert(".tickets/one.md".into(), false);
    assert_eq!(foreseen(&run, &survey), "complete (completed)", "also behind a commit");
}

#[test]
fn it_foresees_what_decisions_and_replies_come_to() {
    let run = fold(&begun());
    assert_eq!(foreseen(&run, &deciding(Decided::Pause)), "wait (operator_pause)");
    assert_eq!(foreseen(&run, &deciding(Decided::Done(id("one")))), "run_turn two by mine");
    let mut both = deciding(Decided::Done(id("one")));
    both.decisions.push(decided("2", Decided::Pause));
    assert_eq!(foreseen(&run, &both), "wait (operator_pause)", "one after the other");
    let mut done = deciding(Decided::Reopen(id("one")));
    done.tickets.iter_mut().for_each(|ticket| ticket.done = true);
    assert_eq!(foreseen(&run, &done), "run_turn one by mine");

    let mut asked = fold(&begun());
    let reason = Reason::new(ReasonCode::UserDispatch, "x");
    apply(&mut asked, &[Event::RunPaused { ticket: Some(id("one")), reason, digest: None }]);
    assert_eq!(foreseen(&asked, &world()), "wait one (user_dispatch)");
    let replied = Survey { reply: Some(reply(|_| {})), ..world() };
    assert_eq!(foreseen(&asked, &replied), "run_turn one by mine");
    assert_eq!(foreseen(&asked, &deciding(Decided::Reply(reply(|_| {})))), "run_turn one by mine");
}

#[test]
fn it_foresees_the_pause_for_an_approval_and_a_reply_that_gives_it() {
    let mut survey = world();
    survey.tickets[0].approval.asks = vec!["x".into()];
    let run = fold(&begun());
    assert_eq!(foreseen(&run, &survey), "wait one (approval_pending)");
    survey.reply = Some(reply(|reply| reply.decision = Some((true, String::new()))));
    assert_eq!(foreseen(&run, &survey), "run_turn one by mine");
}

#[test]
fn what_an_earlier_step_left_open_is_finished_first() {
    let begins = |act: Act| {
        let mut run = fold(&begun());
        apply(&mut run, &[Event::EffectBegun(Begun::Act(ActBegun { ticket: None, turn: None, act }))]);
        run
    };
    let message = Survey { commit_message: Some("x".into()), ..world() };
    assert_eq!(foreseen(&begins(Act::DropMessage), &message), "run_turn one by mine");
    assert_eq!(foreseen(&begins(Act::Restore { items: Vec::new() }), &world()), "run_turn one by mine");
    let (mut run, mut survey) = claimed();
    survey.turn.checks.checks =
        vec![crate::ticket::Check { id: "unit".into(), run: "make".into(), required: true, timeout_ms: None }];
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    assert_eq!(foreseen(&run, &survey), "judge one", "a check runs");
    let (mut run, survey) = claimed();
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    assert_eq!(foreseen(&run, &survey), "judge one", "the finishing commit");
}

#[test]
fn a_claim_that_a_stop_takes_back_is_imagined_as_taken_back() {
    let (_, mut survey) = claimed();
    survey.changes.insert("src/lib.rs".into(), "x".into());
    let run = commit_failed(&survey);
    survey.decisions = vec![decided("1", Decided::Stop)];
    assert_eq!(foreseen(&run, &survey), "complete (stopped)");
}

#[test]
fn every_exit_status_is_a_word_of_next() {
    for (code, action) in [
        (ReasonCode::Completed, Action::Complete),
        (ReasonCode::Blocked, Action::Stop),
        (ReasonCode::LimitTurns, Action::Stop),
        (ReasonCode::AgentFailed, Action::Stop),
        (ReasonCode::UserDispatch, Action::Wait),
        (ReasonCode::Invalid, Action::Wait),
        (ReasonCode::Busy, Action::Wait),
    ] {
        assert_eq!(Action::of(code), action, "{code}");
    }
}

//! Rung 7: which decisions are served and when, whom a reply goes to, and what is said of one that is left.

use super::answers::over;
use super::*;

fn served(run: &RunState, what: Decided) -> Chosen {
    served_in(run, &world(), what)
}

fn served_in(run: &RunState, survey: &Survey, what: Decided) -> Chosen {
    let survey = Survey { decisions: vec![decided("1", what)], ..survey.clone() };
    choice(run, &survey, &policy(), true)
}

/// Why a decision was refused.
fn refused(chosen: &Chosen) -> Option<String> {
    let [Event::DecisionStored { refused, .. }] = &recorded(chosen)[..] else { panic!("{chosen:?}") };
    refused.clone()
}

fn by_hand(run: &RunState, survey: &Survey) -> Option<Choice> {
    let Phase::Quiet(quiet) = run.phase() else { panic!("nothing is in flight") };
    serve_decisions(quiet, survey, &policy())
}

fn done(survey: &mut Survey, ticket: usize) {
    survey.tickets[ticket].done = true;
}

#[test]
fn done_and_reopen_change_a_ticket_that_is_not_so_and_are_noted_otherwise() {
    let (open, mut closed) = (world(), world());
    done(&mut closed, 0);
    let run = fold(&begun());
    let tells = |survey: &Survey, what: Decided| told(&served_in(&run, survey, what));
    assert_eq!(tells(&open, Decided::Done(id("one"))), "7: set done=true of one");
    assert_eq!(tells(&closed, Decided::Done(id("one"))), "7: decision.stored");
    assert_eq!(tells(&closed, Decided::Reopen(id("one"))), "7: set done=false of one");
    assert_eq!(tells(&open, Decided::Reopen(id("one"))), "7: decision.stored");
    closed.tickets[0].claimed = true;
    assert_eq!(tells(&closed, Decided::Done(id("one"))), "7: set done=true of one", "an unjudged claim is no fact");
}

#[test]
fn reopening_what_was_rejected_has_it_asked_for_again() {
    let mut survey = world();
    survey.tickets[0].approval =
        ApprovalFact { asks: vec!["x".into()], digest: "text".into(), ..ApprovalFact::default() };
    let mut run = fold(&begun());
    let what = Asked { digest: "text".into(), ..Asked::default() };
    let decides = Decides { reason: ReasonCode::ApprovalPending, approved: false, what };
    apply(&mut run, &[Event::ApprovalResolved { ticket: id("one"), by: "me".into(), decides }]);
    let reopened = served_in(&run, &survey, Decided::Reopen(id("one")));
    assert_eq!(told(&reopened), "7: decision.stored + ticket.reopened");
    done(&mut survey, 0);
    assert_eq!(told(&served_in(&run, &survey, Decided::Done(id("one")))), "7: decision.stored");
}

#[test]
fn a_decision_that_was_noted_while_no_run_was_open_is_taken_along() {
    let mut survey = world();
    done(&mut survey, 0);
    let run = fold(&begun());
    for (done, kind) in [(Some(true), "ticket.done"), (Some(false), "ticket.reopened"), (None, "ticket.done")] {
        let noted = served_in(&run, &survey, Decided::Noted(id("one"), done));
        assert_eq!(told(&noted), format!("7: decision.stored + {kind}"));
    }
    assert_eq!(told(&served_in(&run, &survey, Decided::Noted(id("gone"), Some(true)))), "7: decision.stored");
}

#[test]
fn stop_ends_an_open_run_and_takes_back_a_claim_that_still_says_so() {
    let mut run = fold(&begun());
    assert_eq!(told(&served(&run, Decided::Stop)), "7: decision.stored + run.stopped");
    run.tickets.entry(id("one")).or_default().claim = true;
    assert_eq!(told(&served(&run, Decided::Stop)), "7: decision.stored + run.stopped", "the file says so no more");
    let mut survey = world();
    done(&mut survey, 0);
    assert_eq!(told(&served_in(&run, &survey, Decided::Stop)), "7: set done=false of one");
    let none = RunState::default();
    assert_eq!(told(&served(&none, Decided::Stop)), "7: run.started + decision.stored", "there is no run to stop");
}

#[test]
fn resume_answers_no_approval_and_says_what_does() {
    let mut run = fold(&begun());
    let pause = |code| Event::RunPaused { ticket: Some(id("one")), reason: Reason::new(code, "x"), digest: None };
    apply(&mut run, &[pause(ReasonCode::ApprovalPending)]);
    let why = refused(&served(&run, Decided::Resume)).expect("it is refused");
    assert!(why.contains("`turnstile approve one`"), "{why}");
}

#[test]
fn resume_accepts_the_branch_with_a_moved_head_and_with_nothing_else() {
    for (code, accepts) in [(ReasonCode::HeadMoved, true), (ReasonCode::NoProgress, false)] {
        let mut run = fold(&begun());
        apply(&mut run, &[Event::RunPaused { ticket: Some(id("one")), reason: Reason::new(code, "x"), digest: None }]);
        let events = recorded(&served(&run, Decided::Resume));
        let [_, Event::RunResumed { branch, by, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!((branch.is_some(), by.as_str()), (accepts, "me"), "{code}");
    }
    assert_eq!(told(&served(&fold(&begun()), Decided::Resume)), "7: decision.stored", "nothing is in the way");
}

#[test]
fn decisions_are_taken_in_where_somebody_is_there_for_them() {
    let none = RunState::default();
    let held = |change: fn(&mut TicketFact)| {
        let mut survey = world();
        survey.tickets.iter_mut().for_each(change);
        told(&served_in(&none, &survey, Decided::Pause))
    };
    assert_eq!(told(&served(&none, Decided::Pause)), "7: run.started + decision.stored + run.paused");
    assert_eq!(held(|ticket| ticket.done = true), "10: completed");
    assert_eq!(held(|ticket| ticket.hold = Some("x".into())), "10: completed");
    let mut survey = world();
    survey.tickets.iter_mut().for_each(|ticket| ticket.done = true);
    assert_eq!(told(&served_in(&fold(&begun()), &survey, Decided::Pause)), "7: decision.stored + run.paused");
}

#[test]
fn a_stored_reply_that_says_nothing_is_over_in_a_run_and_left_without_one() {
    let nothing = || Decided::Reply(reply(|reply| reply.empty = true));
    assert_eq!(told(&served(&fold(&begun()), nothing())), "7: decision.stored");
    assert!(told(&served(&RunState::default(), nothing())).ends_with("turn 1 of one"));
    let to_done = || Decided::Reply(reply(|reply| reply.to = Some(Ok(id("two")))));
    let mut survey = world();
    done(&mut survey, 1);
    let left = served_in(&fold(&begun()), &survey, to_done());
    assert_eq!(told(&left), "17: turn 1 of one", "one that says something is not thrown away");
}

#[test]
fn decisions_are_served_beside_a_run_but_for_final_ones_before_a_judgement() {
    let judging = after_turn(Event::TurnFinished(ended(1)));
    let waiting = |what| Survey { decisions: vec![decided("1", what)], ..world() };
    assert_eq!(by_hand(&judging, &waiting(Decided::Stop)), None, "the turn is judged first");
    assert!(matches!(by_hand(&judging, &waiting(Decided::Pause)), Some(Choice::Record(_))));
    assert!(matches!(by_hand(&fold(&begun()), &waiting(Decided::Stop)), Some(Choice::Record(_))));
    assert_eq!(by_hand(&fold(&begun()), &world()), None);

    let mut begun_to = judging.clone();
    let events = recorded(&choice(&judging, &world(), &policy(), false));
    let verdict = answers::verdict_of(&events).clone();
    apply(&mut begun_to, &[Event::EffectBegun(Begun::Verdict(verdict))]);
    assert_eq!(by_hand(&begun_to, &waiting(Decided::Stop)), None, "so is one whose verdict is not closed");
    let (mut held, mut survey) = claimed();
    survey.changes.insert("src/lib.rs".into(), "x".into());
    held = {
        let _ = held;
        commit_failed(&survey)
    };
    survey.decisions = vec![decided("1", Decided::Stop)];
    assert!(by_hand(&held, &survey).is_some(), "one that waits for a person is not");
}

#[test]
fn a_finishing_commit_is_a_fact_before_any_decision() {
    let (mut run, mut survey) = claimed();
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    apply(&mut run, &[over("finish")]);
    survey.decisions = vec![decided("1", Decided::Reopen(id("one")))];
    let Some(Choice::Record(events)) = by_hand(&run, &survey) else { panic!("it is done") };
    assert!(matches!(events.last(), Some(Event::TicketDone { .. })), "{events:?}");
}

#[test]
fn a_reply_given_before_a_question_was_known_is_taken_in_before_the_question() {
    let run = after_turn(Event::TurnFinished(ended(1)));
    let asks = |to: &str, pause: bool| {
        let given = Decided::Reply(reply(|reply| reply.to = Some(Ok(id(to)))));
        let survey = Survey { outbox: OutboxFact::Message(question(pause)), ..world() };
        let survey = Survey { decisions: vec![decided("1", given)], ..survey };
        told(&choice(&run, &survey, &policy(), false))
    };
    assert_eq!(asks("one", true), "9: reply to one");
    assert_eq!(asks("two", true), "9: archive", "that one is for another ticket");
    assert_eq!(asks("one", false), "9: archive", "it asks nothing that could be answered by mistake");
}

#[test]
fn an_answer_has_to_be_one_of_the_choices_where_there_are_any() {
    let asked = |choices: &[&str], answer: Option<&str>| {
        let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
        let mut run = fold(&begun());
        run.tickets.entry(id("one")).or_default().question = Some(DispatchFact { choices, ..question(true) });
        let given = reply(|reply| reply.answer = answer.map(str::to_owned));
        told(&choice(&run, &Survey { reply: Some(given), ..world() }, &policy(), true))
    };
    assert_eq!(asked(&["red", "blue"], Some("red")), "7: reply to one");
    assert_eq!(asked(&["red", "blue"], Some("green")), "7: reply_invalid");
    assert_eq!(asked(&["red", "blue"], None), "7: reply to one", "words are an answer as well");
    assert_eq!(asked(&[], Some("green")), "7: reply to one");
}

#[test]
fn a_reply_can_decide_what_waits_for_a_decision_and_nothing_else() {
    let deciding = |survey: &Survey| {
        let given = reply(|reply| reply.decision = Some((true, String::new())));
        choice(&fold(&begun()), &Survey { reply: Some(given), ..survey.clone() }, &policy(), true)
    };
    let mut asks = world();
    asks.tickets[0].approval.asks = vec!["`approval: required`".into()];
    let events = recorded(&deciding(&asks));
    let [Event::EffectBegun(Begun::Act(begun))] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(&begun.act, Act::Reply { decides: Some(decides), confirmed: true, .. } if decides.approved));
    assert_eq!(told(&deciding(&world())), "7: reply_invalid", "nothing waits for one");
}

#[test]
fn tickets_that_wait_for_an_answer_are_those_with_a_reason_or_a_question_that_are_open() {
    let mut run = fold(&begun());
    let mut survey = world();
    survey.tickets.extend([ticket("three"), ticket("four")]);
    let pause = |ticket: &str, code| Event::RunPaused {
        ticket: Some(id(ticket)),
        reason: Reason::new(code, "x"),
        digest: None,
    };
    apply(&mut run, &[pause("two", ReasonCode::ApprovalPending), pause("one", ReasonCode::NoProgress)]);
    apply(&mut run, &[pause("four", ReasonCode::DirtyConflict), pause("gone", ReasonCode::NoProgress)]);
    run.tickets.entry(id("three")).or_default().question = Some(question(true));
    let policy = policy();
    let waiting = |survey: &Survey| waiting_tickets(&Look { run: &run, survey, policy: &policy });
    assert_eq!(waiting(&survey), [id("one"), id("three"), id("two")]);
    done(&mut survey, 0);
    assert_eq!(waiting(&survey), [id("three"), id("two")]);
}

#[test]
fn a_reply_that_is_left_is_named_with_the_reason_and_one_that_is_served_is_not() {
    let line = |run: &RunState, survey: &Survey, change: fn(&mut ReplyFact)| {
        let survey = Survey { reply: Some(reply(change)), ..survey.clone() };
        reply_left(&Look { run, survey: &survey, policy: &policy() })
    };
    let run = fold(&begun());
    let suspect = RunState { suspect: Some("s".into()), ..run.clone() };
    let all_done = {
        let mut survey = world();
        survey.tickets.iter_mut().for_each(|ticket| ticket.done = true);
        survey
    };
    let to_one: fn(&mut ReplyFact) = |reply| reply.to = Some(Ok(id("one")));
    let nowhere: fn(&mut ReplyFact) = |reply| reply.to = Some(Ok(id("gone")));
    let faulty: fn(&mut ReplyFact) = |reply| reply.faults = vec!["x".into()];
    let says = [
        (line(&run, &world(), |reply| reply.empty = true), "it has no text"),
        (line(&suspect, &world(), |_| {}), "it appeared during a turn"),
        (line(&run, &world(), nowhere), "there is no ticket gone any more"),
        (line(&run, &all_done, to_one), "one is done; `turnstile reopen one`"),
        (line(&RunState::default(), &all_done, |_| {}), "no ticket is open that it could be for"),
    ];
    for (said, expected) in says {
        let said = said.expect(expected);
        assert!(said.contains(expected) && said.contains("was left where it lies"), "{said}");
    }
    for served in [
        line(&run, &world(), |_| {}),
        line(&run, &world(), to_one),
        line(&suspect, &world(), |reply| reply.committed = true),
        line(&run, &world(), faulty),
        line(&suspect, &world(), faulty),
        reply_left(&Look { run: &run, survey: &world(), policy: &policy() }),
    ] {
        assert_eq!(served, None);
    }
    // Nobody takes in what is kept outside of the worktree where nothing is open, and so nobody else says why.
    let kept: fn(&mut ReplyFact) = |reply| (reply.kept_in, reply.faults) = (Some("/kept".into()), vec!["x".into()]);
    assert!(line(&RunState::default(), &all_done, kept).is_some_and(|said| said.contains("mend it in /kept")));
    assert_eq!(line(&run, &world(), kept), None);
    assert_eq!(line(&RunState::default(), &all_done, faulty), None);
}

#[test]
fn a_reply_answers_its_own_ticket_and_only_what_words_can_answer() {
    let mut run = fold(&begun());
    let pause = |ticket: &str, code| Event::RunPaused {
        ticket: Some(id(ticket)),
        reason: Reason::new(code, "x"),
        digest: None,
    };
    apply(&mut run, &[pause("one", ReasonCode::NoProgress), pause("one", ReasonCode::DirtyConflict)]);
    apply(&mut run, &[pause("two", ReasonCode::NoProgress)]);
    let answered = settle::answered(&run, &id("one"));
    let [Event::RunResumed { ticket, reason, .. }] = &answered[..] else { panic!("{answered:?}") };
    assert_eq!((ticket, *reason), (&Some(id("one")), ReasonCode::NoProgress));
}

#[test]
fn replies_are_delivered_with_a_turn_that_succeeded_and_was_given_some() {
    let lines = |replies: &[u32], end: TurnEnd| {
        let request = TurnRequest { replies: replies.to_vec(), ..request(1) };
        settle::turn(&request, TurnResult::without_facts(end)).iter().map(|event| event.columns().2).collect::<Vec<_>>()
    };
    assert_eq!(lines(&[7], TurnEnd::Succeeded), ["turn.finished", "reply.delivered"]);
    assert_eq!(lines(&[], TurnEnd::Succeeded), ["turn.finished"]);
    assert_eq!(lines(&[7], TurnEnd::Lost), ["turn.interrupted"]);
}

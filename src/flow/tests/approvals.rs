//! Rungs 8, 11 and 13, and row 7: who waits for an approval, what falls by itself, and what a decision is bound to.

use super::answers::{decide_by_hand, go_on};
use super::*;

fn asking() -> Survey {
    let mut survey = world();
    survey.tickets[0].approval = ApprovalFact {
        asks: vec!["`approval: required`".into()],
        digest: "text".into(),
        commands: vec![CommandFact { digest: "line".into(), text: "rm -r /".into() }],
        ..ApprovalFact::default()
    };
    survey
}

fn bound() -> Asked {
    Asked { digest: "text".into(), commands: ["line".to_owned()].into(), ..Asked::default() }
}

fn decides(reason: ReasonCode, approved: bool, what: Asked) -> Decides {
    Decides { reason, approved, what }
}

fn resolved(approved: bool) -> Event {
    let decides = decides(ReasonCode::ApprovalPending, approved, bound());
    Event::ApprovalResolved { ticket: id("one"), by: "me".into(), decides }
}

fn pending() -> RunState {
    let mut run = fold(&begun());
    assert_eq!(go_on(&mut run, &asking(), &policy()).last().map(String::as_str), Some("8: approval_pending"));
    run
}

fn next(run: &RunState, survey: &Survey) -> String {
    told(&choice(run, survey, &policy(), true))
}

#[test]
fn an_approval_is_asked_for_as_the_ticket_is_and_selects_it_where_it_is_not_current() {
    let events = recorded(&choice(&fold(&begun()), &asking(), &policy(), true));
    let [Event::EffectBegun(Begun::Act(begun))] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(&begun.act, Act::AskApproval { asked, .. } if *asked == bound()));
    let mut other = fold(&super::begun());
    other.current = None;
    assert_eq!(next(&other, &asking()), "13: ticket.selected + ask approval of one");
    assert_eq!(next(&RunState::default(), &asking()), "13: run.started + ticket.selected + ask approval of one");
    let mut carried = fold(&super::begun());
    carried.life = Life::Completed;
    assert_eq!(next(&carried, &asking()), "13: run.started + ticket.selected + ask approval of one");
}

#[test]
fn a_pause_for_an_approval_falls_with_an_edit_and_with_a_rejection() {
    let run = pending();
    let mut edited = asking();
    edited.tickets[0].approval.digest = "another text".into();
    assert_eq!(next(&run, &edited), "8: run.resumed");
    assert_eq!(next(&run, &world()), "8: run.resumed", "it needs none any more");
    assert_eq!(next(&run, &asking()), "8: approval_pending");
    let mut rejected = run.clone();
    apply(&mut rejected, &[resolved(false)]);
    assert_eq!(next(&rejected, &asking()), "8: run.resumed");
}

#[test]
fn an_operators_decision_answers_the_pause_of_its_ticket_alone() {
    let mut run = pending();
    let stands = |ticket: &str, code| Event::RunPaused {
        ticket: Some(id(ticket)),
        reason: Reason::new(code, "x"),
        digest: None,
    };
    apply(&mut run, &[stands("two", ReasonCode::ApprovalPending), stands("one", ReasonCode::NoProgress)]);
    let mut survey = asking();
    survey.tickets[1].approval = survey.tickets[0].approval.clone();
    let what = Decided::Approval(id("one"), decides(ReasonCode::ApprovalPending, true, bound()));
    let decision = Survey { decisions: vec![decided("1", what.clone())], ..survey.clone() };
    assert_eq!(next(&run, &decision), "7: decision.stored + approval.resolved + run.resumed");
    decide_by_hand(&mut run, &survey, what);
    let left: Vec<_> = run.standing.iter().map(|stands| (stands.ticket.clone(), stands.reason.code)).collect();
    let expected = [(Some(id("two")), ReasonCode::ApprovalPending), (Some(id("one")), ReasonCode::NoProgress)];
    assert_eq!(left, expected);
}

#[test]
fn a_decision_is_refused_for_a_ticket_that_is_gone_or_done_or_waits_for_nothing() {
    let why = |survey: &Survey, ticket: &str| {
        let what = Decided::Approval(id(ticket), decides(ReasonCode::ApprovalPending, true, bound()));
        let survey = Survey { decisions: vec![decided("1", what)], ..survey.clone() };
        let events = recorded(&choice(&fold(&begun()), &survey, &policy(), true));
        let [Event::DecisionStored { refused, .. }, ..] = &events[..] else { panic!("{events:?}") };
        refused.clone().unwrap_or_default()
    };
    assert_eq!(why(&asking(), "gone"), "gone is gone");
    let mut done = asking();
    done.tickets[0].done = true;
    assert!(why(&done, "one").starts_with("one is done"));
    assert_eq!(why(&world(), "one"), "nothing of one waits for an approval");
    let mut edited = asking();
    edited.tickets[0].approval.digest = "another text".into();
    assert!(why(&edited, "one").starts_with("one is not as it was"));
    assert_eq!(why(&asking(), "one"), "");
}

#[test]
fn of_tickets_that_cannot_go_on_a_rejected_one_is_told_unless_it_is_put_aside_or_done() {
    let mut survey = asking();
    survey.tickets.truncate(1);
    let mut blocked = ticket("two");
    blocked.unresolved = vec!["x".into()];
    survey.tickets.push(blocked);
    let mut run = fold(&begun());
    apply(&mut run, &[resolved(false)]);
    let chosen = choice(&run, &survey, &policy(), true);
    let Choice::Stop(Stop { reason: Some(reason), ticket }) = &chosen.choice else { panic!("{chosen:?}") };
    assert_eq!((chosen.rung, reason.code, ticket), (11, ReasonCode::ApprovalPending, &Some(id("one"))));
    assert!(reason.message.starts_with("one was rejected by me"), "{}", reason.message);
    let mut aside = survey.clone();
    aside.tickets[0].hold = Some("later".into());
    assert_eq!(next(&run, &aside), "11: blocked");
    survey.tickets[0].done = true;
    assert_eq!(next(&run, &survey), "11: blocked");
}

#[test]
fn a_decision_about_something_else_than_what_waits_is_refused() {
    let why = |run: &RunState, survey: &Survey, reason: ReasonCode| {
        let what =
            Decided::Approval(id("one"), decides(reason, true, Asked { digest: "x".into(), ..Asked::default() }));
        let survey = Survey { decisions: vec![decided("1", what)], ..survey.clone() };
        let events = recorded(&choice(run, &survey, &policy(), true));
        let [Event::DecisionStored { refused, .. }, ..] = &events[..] else { panic!("{events:?}") };
        refused.clone().unwrap_or_default()
    };
    let (for_paths, survey) = waits_for_scope(vec![outside("a", "new", "old", Before::Absent)]);
    assert!(why(&for_paths, &survey, ReasonCode::ApprovalPending).starts_with("one is not as it was"));
    assert!(why(&pending(), &asking(), ReasonCode::ScopePending).starts_with("one is not as it was"));
}

/// A path outside of what a turn of `one` may change, as it lies there now and as HEAD has it.
fn outside(path: &str, tree: &str, head: &str, back: Before) -> ScopeFact {
    ScopeFact {
        path: path.into(),
        why: "outside its `scope`",
        tree: tree.into(),
        head: head.into(),
        before: vec!["old".into()],
        back,
        commit: None,
    }
}

fn strayed(facts: Vec<ScopeFact>) -> (RunState, Survey) {
    let mut survey = world();
    survey.turn.scope = facts;
    (after_turn(Event::TurnFinished(ended(1))), survey)
}

fn waits_for_scope(facts: Vec<ScopeFact>) -> (RunState, Survey) {
    let (mut run, survey) = strayed(facts);
    assert_eq!(go_on(&mut run, &survey, &policy()).last().map(String::as_str), Some("8: scope_pending"));
    (run, survey)
}

fn scope_decision(approved: bool, paths: &[(&str, &str)]) -> Decided {
    let paths = paths.iter().map(|(path, digest)| ((*path).to_owned(), vec![(*digest).to_owned()])).collect();
    let what = Asked { paths, ..Asked::default() };
    Decided::Approval(id("one"), decides(ReasonCode::ScopePending, approved, what))
}

#[test]
fn a_request_about_paths_names_the_contents_that_wait_and_which_the_agent_committed() {
    let kept = || Before::Kept { tree: "b".into() };
    let (run, survey) = strayed(vec![
        outside("a", "new", "old", kept()),
        outside("b", "old", "new", kept()),
        outside("c", "old", "old", kept()),
    ]);
    let events = recorded(&choice(&run, &survey, &policy(), false));
    let [Event::ApprovalRequested { asked, .. }, Event::EffectBegun(Begun::Verdict(verdict))] = &events[..] else {
        panic!("{events:?}")
    };
    let new = |path: &str| (path.to_owned(), vec!["new".to_owned()]);
    assert_eq!(asked.paths, BTreeMap::from([new("a"), new("b")]));
    assert_eq!(asked.committed.iter().collect::<Vec<_>>(), ["b"]);
    let message = &verdict.reason.as_ref().expect("it waits").message;
    assert!(message.contains("b (outside its `scope`, committed by the agent)"), "{message}");
    assert!(!message.contains("deleted"), "{message}");
    let (run, survey) = strayed(vec![outside("a", GONE, "old", kept()), outside("b", GONE, "new", kept())]);
    let events = recorded(&choice(&run, &survey, &policy(), false));
    let Some(Event::EffectBegun(Begun::Verdict(verdict))) = events.last() else { panic!("{events:?}") };
    let message = &verdict.reason.as_ref().expect("it waits").message;
    assert!(message.contains("a (outside its `scope`, deleted)"), "{message}");
}

#[test]
fn a_pause_for_paths_falls_once_nothing_of_them_is_left() {
    let (run, mut survey) = waits_for_scope(vec![outside("a", "new", "old", Before::Absent)]);
    assert_eq!(next(&run, &survey), "8: scope_pending");
    survey.turn.scope[0].tree = "old".into();
    assert_eq!(next(&run, &survey), "8: run.resumed");
}

#[test]
fn resume_answers_no_pause_for_paths_and_approve_lets_the_judgement_go_on() {
    let (mut run, survey) = waits_for_scope(vec![outside("a", "new", "old", Before::Absent)]);
    decide_by_hand(&mut run, &survey, Decided::Resume);
    assert_eq!(next(&run, &survey), "8: scope_pending");
    decide_by_hand(&mut run, &survey, scope_decision(true, &[("a", "new")]));
    assert_eq!(next(&run, &survey), "9: checkpoint.made + row 13 progressed []");
    assert!(run.ticket(&id("one")).feedback.iter().all(|line| line.kind != "approval.resolved"), "nobody has to know");
}

#[test]
fn what_nobody_can_put_back_can_be_approved_but_not_rejected() {
    let (run, survey) = waits_for_scope(vec![
        outside("a", "new", "old", Before::Unknown),
        outside("b", "new", "old", Before::Absent),
        outside("c", "old", "new", Before::Unknown),
    ]);
    let refuses = |decision: Decided| {
        let survey = Survey { decisions: vec![decided("1", decision)], ..survey.clone() };
        let events = recorded(&choice(&run, &survey, &policy(), true));
        let [Event::DecisionStored { refused, .. }, ..] = &events[..] else { panic!("{events:?}") };
        refused.clone()
    };
    let why = refuses(scope_decision(false, &[("a", "new"), ("b", "new")])).expect("nobody knows what lay there");
    assert!(why.contains("not kept: a; "), "{why}");
    assert_eq!(refuses(scope_decision(true, &[("a", "new")])), None);
    assert_eq!(refuses(scope_decision(false, &[("b", "new")])), None);
    assert_eq!(refuses(scope_decision(false, &[("c", "new")])), None, "what lies there is as it was");
}

#[test]
fn what_is_rejected_goes_back_and_the_agent_is_told_what_it_owes() {
    let kept = Before::Kept { tree: "b".into() };
    let facts = vec![outside("a", "new", "old", kept), outside("b", "old", "new", Before::Absent)];
    let (mut run, survey) = waits_for_scope(facts);
    let paths = BTreeMap::from([("a".to_owned(), vec!["new".to_owned()]), ("b".to_owned(), vec!["new".to_owned()])]);
    let what = Asked { paths, committed: ["b".to_owned()].into(), ..Asked::default() };
    let decision = Decided::Approval(id("one"), decides(ReasonCode::ScopePending, false, what));
    decide_by_hand(&mut run, &survey, decision);
    let told_next = run.ticket(&id("one")).feedback.last().expect("the agent is told").text.clone();
    assert!(told_next.ends_with("\n  a\n  b: you committed it; commit what reverts it"), "{told_next}");
    let events = recorded(&choice(&run, &survey, &policy(), true));
    let [Event::EffectBegun(Begun::Act(begun))] = &events[..] else { panic!("{events:?}") };
    let Act::PutBack { paths } = &begun.act else { panic!("{begun:?}") };
    let goes_back: Vec<_> = paths.iter().map(|back| (back.item.path.as_str(), back.tree.as_deref())).collect();
    assert_eq!(goes_back, [("a", Some("b"))], "what lies in HEAD alone is the agent's to revert");
}

#[test]
fn a_rejection_of_another_ticket_puts_nothing_back_here() {
    let (mut run, survey) = strayed(vec![outside("a", "new", "old", Before::Absent)]);
    let paths = BTreeMap::from([("a".to_owned(), vec!["new".to_owned()])]);
    let decides = decides(ReasonCode::ScopePending, false, Asked { paths, ..Asked::default() });
    apply(&mut run, &[Event::ApprovalResolved { ticket: id("two"), by: "me".into(), decides }]);
    assert!(next(&run, &survey).contains("row 7 waiting (scope_pending)"));
}

#[test]
fn a_rejection_between_the_request_and_the_pause_is_one_all_the_same() {
    let (mut run, survey) = strayed(vec![outside("a", "new", "old", Before::Absent)]);
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    decide_by_hand(&mut run, &survey, scope_decision(false, &[("a", "new")]));
    let said = go_on_until(&mut run, &survey, "put back 1 path(s)");
    assert!(said.iter().all(|line| !line.contains("run.paused")), "nobody is asked what was answered: {said:?}");
}

#[test]
fn a_rejection_of_some_paths_before_the_pause_leaves_the_others_to_be_asked_about() {
    let fact = |path| outside(path, "new", "old", Before::Absent);
    let (mut run, survey) = strayed(vec![fact("a"), fact("b")]);
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    decide_by_hand(&mut run, &survey, scope_decision(false, &[("a", "new")]));
    assert_eq!(go_on(&mut run, &survey, &policy()).last().map(String::as_str), Some("8: scope_pending"));
}

/// Goes on until something is said, and no further.
fn go_on_until(run: &mut RunState, survey: &Survey, end: &str) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..9 {
        let chosen = choice(run, survey, &policy(), true);
        said.push(told(&chosen));
        if told(&chosen).ends_with(end) {
            return said;
        }
        for event in recorded(&chosen) {
            apply(run, std::slice::from_ref(&event));
            let answer = answers::answer(run, &event);
            apply(run, answer.as_slice());
        }
    }
    panic!("{said:?} and never {end}")
}

#[test]
fn whoever_types_a_decision_now_decides_what_is_there_now() {
    let policy = policy();
    let (run, mut survey) = waits_for_scope(vec![outside("a", "new", "old", Before::Absent)]);
    survey.turn.scope[0].tree = "newer".into();
    let look = Look { run: &run, survey: &survey, policy: &policy };
    let now = decides_now(&look, &survey.tickets[0], true).expect("it waits");
    assert_eq!((now.reason, now.approved), (ReasonCode::ScopePending, true));
    assert_eq!(now.what.paths, BTreeMap::from([("a".to_owned(), vec!["newer".to_owned()])]));
    assert_eq!(decides_now(&look, &survey.tickets[1], true), None);

    let (run, mut survey) = (pending(), asking());
    survey.tickets[0].approval.digest = "another text".into();
    let look = Look { run: &run, survey: &survey, policy: &policy };
    let now = decides_now(&look, &survey.tickets[0], false).expect("it waits");
    assert_eq!((now.reason, now.what.digest.as_str()), (ReasonCode::ApprovalPending, "another text"));
}

#[test]
fn a_reply_decides_about_what_was_asked_and_not_about_what_lies_there_since() {
    let decided_by_reply = |run: &RunState, survey: &Survey| {
        let given = reply(|reply| reply.decision = Some((true, String::new())));
        let survey = Survey { reply: Some(given), ..survey.clone() };
        let events = recorded(&choice(run, &survey, &policy(), true));
        let [Event::EffectBegun(Begun::Act(begun))] = &events[..] else { panic!("{events:?}") };
        let Act::Reply { decides: Some(decides), .. } = &begun.act else { panic!("{begun:?}") };
        decides.what.clone()
    };
    let (run, mut survey) = waits_for_scope(vec![outside("a", "new", "old", Before::Absent)]);
    survey.turn.scope[0].tree = "newer".into();
    assert_eq!(decided_by_reply(&run, &survey).paths, BTreeMap::from([("a".to_owned(), vec!["new".to_owned()])]));
    let mut edited = asking();
    edited.tickets[0].approval.digest = "another text".into();
    assert_eq!(decided_by_reply(&pending(), &edited), bound());
}

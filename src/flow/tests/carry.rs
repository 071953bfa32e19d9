//! What one run leaves to the next, and what a run says of itself.

use super::*;

fn survey() -> Survey {
    let mut survey = world();
    survey.changes =
        ["made", "edited", "old", "changed", "coverage"].map(|path| (path.to_owned(), "x".to_owned())).into();
    survey.as_left = ["made".to_owned()].into();
    survey.tickets_changes = BTreeMap::from([
        (".tickets/two.md".to_owned(), false),
        (".tickets/history/one/0001-dispatch/DISPATCH.md".to_owned(), false),
    ]);
    survey
}

fn run() -> RunState {
    let mut run = fold(&begun());
    run.inherited = [("old", "x"), ("changed", "y")].map(|(path, digest)| (path.to_owned(), digest.to_owned())).into();
    run.droppings = ["coverage".to_owned(), "gone".to_owned()].into();
    let state = run.tickets.entry(id("one")).or_default();
    state.work = ["made".to_owned(), "edited".to_owned()].into();
    state.paperwork = [".tickets/two.md", ".tickets/003.md", ".tickets/history/one/0001-dispatch/", ".tickets/tw"]
        .map(str::to_owned)
        .into();
    state.bases = ["made", "edited", "asked"].map(|path| (path.to_owned(), Base::default())).into();
    let paths = BTreeMap::from([("asked".to_owned(), vec!["d".to_owned()])]);
    state.asked = Some(AskedFor { what: Asked { paths, ..Asked::default() }, committed: true });
    run
}

#[test]
fn the_next_run_takes_over_what_lies_there_as_the_last_one_left_it() {
    let carried = run().carry(&survey());
    let (ticket, work) = carried.work.expect("one was current");
    assert_eq!(ticket, id("one"));
    assert_eq!(work.keys().collect::<Vec<_>>(), ["made", "old"], "what somebody edited since is not taken over");
    assert_eq!(carried.bases.keys().collect::<Vec<_>>(), ["asked", "made"]);
    let paperwork = [".tickets/history/one/0001-dispatch/".to_owned(), ".tickets/two.md".to_owned()].to_vec();
    assert_eq!(carried.paperwork, BTreeMap::from([(id("one"), paperwork)]));
    assert_eq!(carried.droppings.iter().collect::<Vec<_>>(), ["coverage"]);
}

#[test]
fn who_has_nothing_to_leave_leaves_nothing() {
    let mut run = run();
    run.tickets.insert(id("two"), TicketState::default());
    run.current = None;
    let carried = run.carry(&Survey::default());
    assert_eq!(carried, Carried::default());
}

#[test]
fn replies_commands_and_questions_are_left_by_ticket() {
    let mut run = run();
    let stands = |code| Stands { ticket: Some(id("one")), reason: Reason::new(code, "x"), digest: None };
    let codes = [ReasonCode::UserDispatch, ReasonCode::Tampered, ReasonCode::NoProgress];
    run.standing = codes.map(stands).to_vec();
    let state = run.tickets.entry(id("one")).or_default();
    (state.replies, state.written) = (vec![2], ["w".to_owned()].into());
    run.tickets.insert(id("two"), TicketState::default());
    let carried = run.carry(&survey());
    assert_eq!(carried.replies, BTreeMap::from([(id("one"), vec![2])]));
    assert_eq!(carried.written, BTreeMap::from([(id("one"), ["w".to_owned()].into())]));
    let codes: Vec<_> = carried.questions.iter().map(|(_, reason)| reason.code).collect();
    assert_eq!(codes, [ReasonCode::UserDispatch, ReasonCode::Tampered]);
}

#[test]
fn a_turn_is_new_until_anything_of_it_was_judged() {
    let run = after_turn(Event::TurnFinished(ended(1)));
    let new = run.judging().expect("it is judged").clone();
    assert!(new.is_new());
    let finished = Some(Finished { commit: None, tree: None });
    assert!(!Judging { row: 3, ..new.clone() }.is_new());
    assert!(!Judging { finished, ..new.clone() }.is_new());
    let events = recorded(&choice(&run, &world(), &policy(), false));
    let verdict = Some(answers::verdict_of(&events).clone());
    assert!(!Judging { verdict, ..new }.is_new());
}

#[test]
fn a_run_is_at_rest_with_nothing_in_flight_and_nothing_unjudged() {
    let mut run = fold(&begun());
    assert!(run.at_rest() && run.turning().is_none());
    let mut acting = run.clone();
    let events = recorded(&choice(&run, &Survey { commit_message: Some("x".into()), ..world() }, &policy(), true));
    apply(&mut acting, &events);
    assert!(!acting.at_rest());
    apply(&mut run, &[Event::TurnStarted(request(1))]);
    assert!(!run.at_rest());
    assert_eq!(run.turning(), Some(&request(1)));
    apply(&mut run, &[Event::TurnFinished(ended(1))]);
    assert!(!run.at_rest() && run.turning().is_none());
    let Phase::Quiet(quiet) = run.phase() else { panic!("nothing is in flight") };
    assert_eq!(quiet.judging(), run.judging());
}

#[test]
fn of_several_reasons_the_operators_is_shown_then_the_runs_then_a_tickets() {
    let stands =
        |ticket: Option<&str>, code| Stands { ticket: ticket.map(id), reason: Reason::new(code, "x"), digest: None };
    let mut run = fold(&begun());
    assert_eq!(run.shown(), None);
    run.standing.push(stands(Some("one"), ReasonCode::NoProgress));
    run.standing.push(stands(None, ReasonCode::HeadMoved));
    assert_eq!(run.shown().map(|stands| stands.reason.code), Some(ReasonCode::HeadMoved));
    run.standing.push(stands(None, ReasonCode::OperatorPause));
    assert_eq!(run.shown().map(|stands| stands.reason.code), Some(ReasonCode::OperatorPause));
}

#[test]
fn a_question_of_the_last_run_stands_in_the_next() {
    let mut run = fold(&begun());
    let reason = Reason::new(ReasonCode::UserDispatch, "x");
    apply(&mut run, &[Event::RunPaused { ticket: Some(id("one")), reason, digest: None }]);
    apply(&mut run, &[Event::RunStopped { by: "me".into() }]);
    assert_eq!(told(&choice(&run, &world(), &policy(), true)), "8: user_dispatch");
}

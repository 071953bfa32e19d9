//! Whose a change is: a ticket's work or paperwork, the user's, what a person decided, or nobody's.

use super::answers::archived;
use super::*;

fn look<'a>(run: &'a RunState, survey: &'a Survey, policy: &'a Policy) -> Look<'a> {
    Look { run, survey, policy }
}

fn accepted() -> RunState {
    let mut run = fold(&begun());
    apply(&mut run, &[Event::WorktreeAccepted { paths: BTreeMap::from([("mine".to_owned(), "x".to_owned())]) }]);
    run
}

#[test]
fn what_the_user_had_accepted_is_theirs_as_it_lies_there_and_no_further() {
    let changed = |digest: &str| {
        let (mut run, mut survey) = claimed();
        run.accepted = accepted().accepted;
        survey.tickets_changes.clear();
        survey.changes.insert("mine".into(), digest.into());
        told(&choice(&run, &survey, &policy(), false))
    };
    assert_eq!(changed("x"), "9: checkpoint.made + ticket.done", "it does not keep the ticket from being done");
    assert_eq!(changed("y"), "9: dirty_worktree");
}

#[test]
fn work_is_what_turns_changed_or_what_was_inherited_as_it_was_left() {
    let mut run = accepted();
    run.inherited = BTreeMap::from([("old".to_owned(), "x".to_owned())]);
    let state = run.tickets.entry(id("one")).or_default();
    state.work = ["new".to_owned(), "mine".to_owned()].into();
    let (survey, policy) = (world(), policy());
    let is_work = |path: &str, digest: &str| look(&run, &survey, &policy).is_work(&id("one"), path, digest);
    assert!(is_work("new", "x") && is_work("old", "x") && is_work("mine", "since then"));
    assert!(!is_work("mine", "x"), "that is the user's, though a turn touched it");
    assert!(!is_work("old", "y"), "somebody else went on with it");
    assert!(!look(&run, &survey, &policy).is_work(&id("two"), "new", "x"));
}

#[test]
fn paperwork_is_a_tickets_own_file_history_and_messages_and_what_was_decided() {
    let mut run = after_turn(Event::TurnFinished(TurnEnded { changed: vec![".tickets/003.md".into()], ..ended(1) }));
    run.decided.insert(".tickets/004.md".into());
    apply(&mut run, &[archived(&id("one"), 1, question(true))]);
    let theirs = [
        ".tickets/one.md",
        ".tickets/003.md",
        ".tickets/004.md",
        ".tickets/history/one/0001-dispatch/DISPATCH.md",
        ".tickets/history/one/0002-reply/REPLY.md",
    ];
    let others = [
        ".tickets/two.md",
        ".tickets/history/two/0001-dispatch/DISPATCH.md",
        ".tickets/outbox/note.txt",
        ".tickets/config.yaml",
    ];
    let mut survey = world();
    survey.tickets_changes = theirs.iter().chain(&others).map(|path| ((*path).to_owned(), false)).collect();
    survey.tickets_changes.extend([(".tickets/USER_REPLY.md".to_owned(), true), (".tickets/STOP".to_owned(), true)]);
    let policy = policy();
    let look = look(&run, &survey, &policy);
    let mut expected = theirs.to_vec();
    expected.push(".tickets/USER_REPLY.md");
    expected.sort_unstable();
    assert_eq!(look.paperwork(Some(&id("one"))), expected);
    // Without a ticket: what was decided, messages that went, and those that were archived for whomever.
    let expected = [".tickets/004.md", ".tickets/USER_REPLY.md", ".tickets/history/one/0001-dispatch/DISPATCH.md"];
    assert_eq!(look.paperwork(None), expected);
    let expected = [
        ".tickets/004.md",
        ".tickets/USER_REPLY.md",
        ".tickets/history/two/0001-dispatch/DISPATCH.md",
        ".tickets/two.md",
    ];
    assert_eq!(look.paperwork(Some(&id("two"))), expected);
}

#[test]
fn a_message_that_a_turn_wrote_is_no_paperwork_before_it_is_archived() {
    let mut run = fold(&begun());
    run.tickets.entry(id("one")).or_default().paperwork.insert(".tickets/outbox/".into());
    let mut survey = world();
    survey.tickets_changes = BTreeMap::from([(".tickets/outbox/DISPATCH.md".to_owned(), false)]);
    assert_eq!(look(&run, &survey, &policy()).paperwork(Some(&id("one"))), Vec::<String>::new());
}

#[test]
fn the_ticket_at_hand_is_the_judged_one_else_the_next() {
    let (survey, policy) = (world(), policy());
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    run.current = Some(id("two"));
    assert_eq!(look(&run, &survey, &policy).ticket_at_hand(), Some(id("one")));
    let mut run = fold(&begun());
    run.current = Some(id("two"));
    assert_eq!(look(&run, &survey, &policy).ticket_at_hand(), Some(id("two")), "the current one goes on");
    run.current = Some(id("gone"));
    assert_eq!(look(&run, &survey, &policy).ticket_at_hand(), Some(id("one")));
    assert_eq!(look(&run, &Survey::default(), &policy).ticket_at_hand(), None);
}

#[test]
fn a_turn_is_judged_before_a_final_decision_and_behind_whatever_stops_everything() {
    let survey = Survey { decisions: vec![decided("1", Decided::Stop)], ..world() };
    let run = after_turn(Event::TurnFinished(ended(1)));
    let chosen = choice(&run, &survey, &policy(), true);
    assert_eq!(told(&chosen), "9: checkpoint.made + row 13 progressed []");
    assert!(chosen.judges());
    let stopped = Survey { stop_file: Some(String::new()), ..survey };
    assert_eq!(told(&choice(&run, &stopped, &policy(), true)), "1: stop_file");
}

#[test]
fn a_step_knows_whether_it_judges() {
    let judges = |run: &RunState, survey: &Survey| choice(run, survey, &policy(), true).judges();
    assert!(!judges(&fold(&begun()), &world()), "a turn starts");
    assert!(judges(&after_turn(Event::TurnFinished(ended(1))), &world()));
    let (mut run, survey) = claimed();
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    apply(&mut run, &[answers::over("finish")]);
    assert!(judges(&run, &survey), "the finishing commit of an earlier step");
}

//! Rows 0 to 4, 6, 10 and 13: what is looked at once, what a person answers, and where judging goes on from there.

use super::answers::{archived, decide_by_hand, go_on, met};
use super::*;

const GOES_ON: &str = "9: checkpoint.made + row 13 progressed []";

fn judged(run: &RunState, survey: &Survey) -> String {
    told(&choice(run, survey, &policy(), false))
}

fn message() -> Survey {
    Survey { outbox: OutboxFact::Message(question(false)), ..world() }
}

/// A run whose first turn changed a file that is the user's.
fn after_a_turn_in_the_users_files() -> RunState {
    let mut events = begun();
    events.push(Event::WorktreeAccepted { paths: BTreeMap::from([("src/lib.rs".to_owned(), "x".to_owned())]) });
    events.extend([Event::TurnStarted(request(1)), Event::TurnFinished(ended(1))]);
    fold(&events)
}

#[test]
fn what_only_a_person_can_accept_is_told_one_after_the_other_and_then_judging_goes_on() {
    let mut survey = world();
    survey.tampering = vec!["hooks/pre-commit is new".into()];
    survey.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    survey.turn.runner_files = BTreeMap::from([(".tickets/config.yaml".to_owned(), "+x\n".to_owned())]);
    let mut run = after_a_turn_in_the_users_files();
    for (row, code) in [(1, "tampered"), (2, "head_moved"), (3, "runner_files_changed"), (4, "dirty_conflict")] {
        let expected = [format!("9: row {row} waiting ({code}) []"), format!("8: {code}")];
        assert_eq!(go_on(&mut run, &survey, &policy()), expected);
        decide_by_hand(&mut run, &survey, Decided::Resume);
    }
    assert_eq!(go_on(&mut run, &survey, &policy())[0], GOES_ON, "and nothing of it is told twice");
}

#[test]
fn a_file_of_the_users_that_the_turn_left_alone_is_no_conflict() {
    let mut run = after_a_turn_in_the_users_files();
    run.accepted = BTreeMap::from([("notes.txt".to_owned(), "x".to_owned())]);
    assert_eq!(judged(&run, &world()), GOES_ON);
}

#[test]
fn what_lies_there_after_row_0_is_a_persons_and_no_turns() {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    let mut moved = world();
    moved.turn.head = HeadFact::Moved { how: "x".into(), back: "y".into() };
    assert_eq!(go_on(&mut run, &moved, &policy()).last().map(String::as_str), Some("8: head_moved"));
    decide_by_hand(&mut run, &moved, Decided::Resume);
    let mut later = message();
    later.turn.put_back = vec![put_back()];
    later.tickets[0].done = true;
    assert_eq!(judged(&run, &later), GOES_ON);
}

#[test]
fn a_turn_leaves_one_message_and_one_list_of_faults() {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    assert_eq!(judged(&run, &message()), "9: archive");
    apply(&mut run, &[archived(&id("one"), 1, question(false))]);
    assert_eq!(judged(&run, &message()), GOES_ON);

    let mut run = after_turn(Event::TurnFinished(ended(1)));
    let faults = vec!["x".to_owned()];
    let invalid = Survey { outbox: OutboxFact::Invalid(faults.clone()), ..world() };
    assert_eq!(judged(&run, &invalid), "9: outbox.invalid");
    apply(&mut run, &[Event::OutboxInvalid { ticket: id("one"), turn: 1, faults }]);
    assert_eq!(judged(&run, &invalid), "9: lint.failed + checkpoint.made + row 6 retry_asked []");
}

#[test]
fn a_reply_that_the_turn_was_given_unconfirmed_is_taken_in_once_that_turn_ended_well() {
    let quoting = |stamp: &str, end: fn(TurnEnded) -> Event| {
        let asked = TurnRequest { suspect: Some(stamp.into()), ..request(1) };
        let mut events = begun();
        events.extend([Event::TurnStarted(asked), end(ended(1))]);
        let survey = Survey { reply: Some(reply(|_| {})), ..world() };
        choice(&fold(&events), &survey, &policy(), false)
    };
    let taken = quoting("s", Event::TurnFinished);
    assert_eq!(told(&taken), "9: reply to one");
    let [Event::EffectBegun(Begun::Act(begun))] = &recorded(&taken)[..] else { panic!("{taken:?}") };
    assert!(matches!(begun.act, Act::Reply { confirmed: false, spooled: None, .. }), "nobody stands behind it");
    assert_eq!(told(&quoting("another", Event::TurnFinished)), GOES_ON);
    assert!(told(&quoting("s", Event::TurnFailed)).contains("row 5"), "a turn that failed has not had it");
}

#[test]
fn a_claim_is_noted_once() {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    let mut survey = world();
    survey.tickets[0].done = true;
    assert_eq!(judged(&run, &survey), "9: claim.made");
    apply(&mut run, &[Event::ClaimMade { ticket: id("one"), turn: 1 }]);
    assert_eq!(judged(&run, &survey), "9: checkpoint.made + ticket.done");
    survey.tickets[0].done = false;
    assert_eq!(judged(&run, &survey), "9: checkpoint.made + row 13 progressed [Revoke]", "the file says so no more");
}

#[test]
fn a_tree_that_nobody_kept_is_kept_first_but_where_git_may_not_be_called() {
    let run = after_turn(Event::TurnFinished(TurnEnded { after: None, ..ended(1) }));
    let mut survey = world();
    survey.turn.put_back = vec![put_back()];
    assert_eq!(judged(&run, &survey), "9: save Keep []");
    survey.turn.put_back.clear();
    survey.tampering = vec!["hooks/pre-commit is new".into()];
    assert_eq!(judged(&run, &survey), "9: row 1 waiting (tampered) []");
}

#[test]
fn a_question_that_does_not_pause_stands_in_the_way_of_nothing() {
    for (end, row) in [(Event::TurnFailed as fn(TurnEnded) -> Event, "row 5 failed"), (Event::TurnFinished, "row 13")] {
        let mut run = after_turn(end(ended(1)));
        apply(&mut run, &[archived(&id("one"), 1, question(false))]);
        assert!(judged(&run, &world()).contains(row), "{}", judged(&run, &world()));
    }
}

#[test]
fn a_ticket_that_was_unreadable_is_given_back_as_often_as_a_message_and_holds_no_turn() {
    let unreadable = PutBack { path: ".tickets/one.md".into(), unreadable: true, ..put_back() };
    let restored = Event::ContractRestored {
        ticket: id("one"),
        turn: 1,
        items: vec![unreadable],
        rejected: false,
        paths: BTreeMap::new(),
    };
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    apply(&mut run, &[restored]);
    assert_eq!(judged(&run, &world()), "9: lint.failed + checkpoint.made + row 6 retry_asked []");
    run.tickets.entry(id("one")).or_default().lint_failures = 3;
    let said = go_on(&mut run, &world(), &policy());
    assert!(said[0].contains("row 6 waiting (ticket_invalid) [Request"), "{said:?}");
    assert!(run.standing[0].reason.message.contains("an invalid ticket 4 times in a row"));
    assert_eq!(said.last().map(String::as_str), Some("8: ticket_invalid"));
    assert!(run.judging().is_none(), "it is put back already: the turn is judged to its end");
}

#[test]
fn commits_are_asked_for_with_all_that_is_not_committed_and_each_once() {
    let (mut run, mut survey) = claimed();
    let artifact = |path: &str| ArtifactFact { path: path.into(), problem: None, committed: false };
    survey.changes = BTreeMap::from([("src/lib.rs".to_owned(), "x".to_owned())]);
    survey.turn.checks.artifacts = vec![artifact("src/lib.rs"), artifact("out"), artifact("src")];
    run.tickets.entry(id("one")).or_default().verified = Some(Verified {
        tree: String::new(),
        contract: String::new(),
        results: ["src/lib.rs", "out", "src"].map(met).to_vec(),
    });
    let events = recorded(&choice(&run, &survey, &policy(), false));
    let [Event::CommitRequired { paths, left, .. }, _] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&paths[..], *left), (&["src/lib.rs".to_owned(), "out".to_owned()][..], 2));
}

#[test]
fn a_repository_in_the_worktree_and_what_a_hook_refused_are_left_to_the_agent() {
    let by_runner = Policy { commit_by: CommitBy::Runner, ..policy() };
    let asks = |run: &RunState, survey: &Survey| told(&choice(run, survey, &by_runner, false));
    let (run, mut survey) = claimed();
    survey.changes = BTreeMap::from([("src/lib.rs".to_owned(), "x".to_owned())]);
    assert!(asks(&run, &survey).contains("save Finish"));
    let mut refused = run.clone();
    let Choice::Record(events) = choice(&run, &survey, &by_runner, false).choice else { panic!("it commits") };
    apply(&mut refused, &events);
    let said_no =
        Event::CommitFailed { ticket: Some(id("one")), purpose: SavePurpose::Finish, why: "no".into(), hook: true };
    apply(&mut refused, &[said_no]);
    assert_eq!(asks(&refused, &survey), "9: commit.required + row 10 retry_asked []");
    let mut nested = run;
    nested.tickets.entry(id("one")).or_default().work.insert("vendor/".into());
    survey.changes.insert("vendor/".into(), "x".into());
    assert_eq!(asks(&nested, &survey), "9: commit.required + row 10 retry_asked []");
}

#[test]
fn a_verdict_without_chores_is_closed_at_once() {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    let events = recorded(&choice(&run, &world(), &policy(), false));
    apply(&mut run, &events);
    assert!(run.at_rest());
}

#[test]
fn a_message_for_a_commit_that_needs_none_is_dropped_before_its_ticket_is_done() {
    let (run, mut survey) = claimed();
    survey.tickets_changes.clear();
    survey.commit_message = Some("x".into());
    assert_eq!(judged(&run, &survey), "9: drop message");
}

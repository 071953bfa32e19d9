//! An undo: whose content it may write over, what it does to the run, and what is said of one that was cut.

use super::*;

fn file(gets: Gets, found: Option<&str>) -> UndoFile {
    UndoFile { path: "f".into(), gets, found: found.map(str::to_owned) }
}

fn content() -> Gets {
    Gets::Content { id: "b1".into(), mode: 0o100_644, done: None }
}

fn undone(change: impl Fn(&mut Undone)) -> Event {
    let mut made = Undone {
        ticket: id("one"),
        turn: 1,
        through: 1,
        whole: true,
        before: "b".into(),
        paths: vec!["src/lib.rs".into()],
        left: Vec::new(),
        rest: None,
        already: Vec::new(),
        reopened: Vec::new(),
        by: "me".into(),
        commit: None,
        why: None,
    };
    change(&mut made);
    Event::UndoMade(made)
}

fn request() -> UndoRequest {
    UndoRequest {
        number: 1,
        from: 1,
        through: 2,
        whole: true,
        before: "b".into(),
        files: vec![file(content(), Some("100644:a1")), UndoFile { path: "g".into(), ..file(Gets::Absent, None) }],
        already: Vec::new(),
        reopened: vec![id("two")],
        owner: id("one"),
        by: "me".into(),
        commit: None,
    }
}

#[test]
fn an_undo_writes_over_what_it_found_or_gives_and_over_nobodys_work() {
    let is_its = |gets: Gets, found: Option<&str>, lies: &str| file(gets, found).accounts_for(lies);
    assert!(is_its(content(), Some("100644:a1"), "100644:a1"), "as it found it");
    assert!(is_its(content(), Some("100644:a1"), "100644:b1"), "as it gives it: it was cut behind that");
    assert!(!is_its(content(), Some("100644:a1"), "100644:c1"));
    assert!(!is_its(content(), Some("100644:a1"), "100755:b1"), "a mode is a change as well");
    assert!(!is_its(content(), Some("100644:a1"), "gone"));
    assert!(is_its(content(), Some("nothing"), "gone"));
    assert!(!is_its(content(), Some("nothing"), "100644:c1"));
    assert!(is_its(Gets::Absent, Some("100644:a1"), "gone") && !is_its(Gets::Absent, Some("100644:a1"), "100644:c1"));
    assert!(is_its(Gets::Done(false), Some("100644:a1"), "100644:c1"), "it changes one key of whatever lies there");
    assert!(is_its(content(), None, "100644:c1"), "of an old journal nobody knows");
}

#[test]
fn a_turn_is_not_judged_any_more_that_was_undone_as_a_whole_and_earlier_ones_are_not_touched() {
    let judging = |turn: u32| {
        let mut run = after_turn(Event::TurnFinished(ended(1)));
        run.current = None;
        apply(&mut run, &[undone(|made| made.turn = turn)]);
        (run.judging().is_some(), run.current.is_some())
    };
    assert_eq!(judging(1), (false, true));
    assert_eq!(judging(2), (true, true), "the turn that is judged lies before those that were undone");
    let mut run = after_turn(Event::TurnFinished(ended(2)));
    apply(&mut run, &[undone(|made| made.whole = false)]);
    assert!(run.judging().is_some());
}

#[test]
fn tickets_that_are_open_again_keep_their_questions_and_nothing_else_that_stands() {
    let stands = |ticket: &str, code| Event::RunPaused {
        ticket: Some(id(ticket)),
        reason: Reason::new(code, "x"),
        digest: None,
    };
    let mut run = fold(&begun());
    for code in [ReasonCode::UserDispatch, ReasonCode::Tampered, ReasonCode::NoProgress] {
        apply(&mut run, &[stands("two", code)]);
    }
    apply(&mut run, &[stands("one", ReasonCode::NoProgress)]);
    apply(&mut run, &[undone(|made| made.reopened = vec![id("two")])]);
    let left: Vec<_> = run.standing.iter().map(|stands| (stands.ticket.clone(), stands.reason.code)).collect();
    let two = || Some(id("two"));
    let expected =
        [(two(), ReasonCode::UserDispatch), (two(), ReasonCode::Tampered), (Some(id("one")), ReasonCode::NoProgress)];
    assert_eq!(left, expected);
    assert!(run.decided.contains(".tickets/two.md"));
}

#[test]
fn the_agent_is_told_which_files_were_given_back_and_which_are_somebodys() {
    let told = |left: &[&str]| {
        let mut run = fold(&begun());
        apply(&mut run, &[undone(|made| made.left = left.iter().map(|path| (*path).to_owned()).collect())]);
        run.ticket(&id("one")).feedback[0].text.clone()
    };
    let given_back = "turn 1 was undone by me; these files have the content from before it again\n  src/lib.rs";
    assert_eq!(told(&[]), given_back);
    let left = "\nthese files were changed by somebody in the meantime, and are as that left them\n  f";
    assert_eq!(told(&["f"]), format!("{given_back}{left}"));
}

#[test]
fn an_undo_that_was_cut_is_named_with_its_turns() {
    let mut run = fold(&begun());
    assert_eq!(run.cut_undo(), None);
    let act = Act::Undo(Box::new(request()));
    apply(&mut run, &[Event::EffectBegun(Begun::Act(ActBegun { ticket: None, turn: None, act }))]);
    assert!(run.cut_undo().is_some_and(|line| line.starts_with("an undo of turns 1-2 was cut")));
    assert_eq!(turns_in_words(3, 3), "turn 3");
}

#[test]
fn a_preview_imagines_an_undo_that_was_cut_to_its_end() {
    let mut run = fold(&begun());
    let act = Act::Undo(Box::new(request()));
    apply(&mut run, &[Event::EffectBegun(Begun::Act(ActBegun { ticket: None, turn: None, act }))]);
    let foreseen = |lies: &str| {
        let mut survey = world();
        survey.tickets[1].done = true;
        survey.changes = [("f", lies), ("g", "x")].map(|(path, digest)| (path.to_owned(), digest.to_owned())).into();
        let preview = preview(&run, &mut survey, &policy());
        assert!(survey.tickets[1].done, "what is imagined changes nothing");
        (preview.action, preview.reason.map(|reason| reason.code), preview.run.ticket(&id("one")).feedback.len())
    };
    assert_eq!(foreseen("100644:a1"), (Action::RunTurn, None, 1));
    assert_eq!(foreseen("100644:c1"), (Action::Wait, Some(ReasonCode::DirtyWorktree), 1));
}

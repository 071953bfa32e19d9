//! What single lines of the journal do to the state, where no decision shows it on its own.

use super::answers::{archived, go_on, over};
use super::*;

fn one(run: &RunState) -> TicketState {
    run.ticket(&id("one"))
}

fn with(change: impl FnOnce(&mut TicketState)) -> RunState {
    let mut run = fold(&begun());
    change(run.tickets.entry(id("one")).or_default());
    run
}

fn consumed(ticket: &str, confirmed: bool) -> Event {
    Event::ReplyConsumed { ticket: id(ticket), sequence: 7, path: "h".into(), confirmed, spooled: None, brought: None }
}

fn resumed(ticket: Option<&str>, reason: ReasonCode) -> Event {
    Event::RunResumed { ticket: ticket.map(id), reason, by: "me".into(), branch: None, granted: None }
}

fn paused(ticket: Option<&str>, code: ReasonCode) -> Event {
    Event::RunPaused { ticket: ticket.map(id), reason: Reason::new(code, "x"), digest: None }
}

fn standing(run: &RunState) -> Vec<(Option<TicketId>, ReasonCode)> {
    run.standing.iter().map(|stands| (stands.ticket.clone(), stands.reason.code)).collect()
}

/// What the next prompt tells the agent, by the kinds of the lines behind it.
fn told_next(run: &RunState) -> Vec<&'static str> {
    one(run).feedback.iter().map(|line| line.kind).collect()
}

#[test]
fn work_that_the_last_run_left_is_the_current_tickets_until_another_is_selected() {
    let left = BTreeMap::from([("f".to_owned(), "x".to_owned())]);
    let inherits = |current: Option<&str>, selected: &str| {
        let mut run = RunState { current: current.map(id), inherited: left.clone(), ..fold(&begun()) };
        apply(&mut run, &[Event::TicketSelected { ticket: id(selected) }]);
        assert_eq!(run.current, Some(id(selected)));
        !run.inherited.is_empty()
    };
    assert!(inherits(Some("one"), "one") && inherits(None, "one"));
    assert!(!inherits(Some("two"), "one"));
}

#[test]
fn a_reply_is_kept_for_its_ticket_answers_it_and_ends_its_rows() {
    let mut run = with(|state| {
        state.question = Some(question(true));
        (state.lint_failures, state.verify_failures, state.commit_failures) = (1, 1, 1);
        (state.idle_turns, state.retries) = (1, 1);
    });
    let mut unconfirmed = run.clone();
    apply(&mut unconfirmed, &[consumed("one", false)]);
    assert_eq!(one(&unconfirmed).replies, Vec::<u32>::new(), "nobody stands behind it");
    assert_eq!((one(&unconfirmed).question, one(&unconfirmed).idle_turns), (Some(question(true)), 1));
    apply(&mut run, &[consumed("one", true)]);
    let state = one(&run);
    assert_eq!((&state.replies[..], state.question), (&[7][..], None));
    let counters = [state.lint_failures, state.verify_failures, state.commit_failures, state.idle_turns, state.retries];
    assert_eq!(counters, [0; 5]);
    let delivered = Event::ReplyDelivered { ticket: id("one"), turn: 1, sequences: vec![7, 8] };
    run.tickets.entry(id("one")).or_default().replies.push(9);
    apply(&mut run, &[delivered]);
    assert_eq!(one(&run).replies, [9]);
}

#[test]
fn a_reply_answers_a_failure_and_no_other_reason_that_is_looked_at_afresh() {
    for (code, answered) in [(ReasonCode::AgentFailed, true), (ReasonCode::GitFailed, false)] {
        let mut run = fold(&begun());
        apply(&mut run, &[paused(None, code), consumed("one", true)]);
        assert_eq!(run.last_pause.is_none(), answered, "{code}");
    }
}

#[test]
fn only_a_reply_to_the_judged_ticket_before_its_message_was_known_answers_no_question() {
    let unasked = |ticket: &str, asked: bool| {
        let mut run = after_turn(Event::TurnFinished(ended(1)));
        if asked {
            apply(&mut run, &[archived(&id("one"), 1, question(true))]);
        }
        apply(&mut run, &[consumed(ticket, true)]);
        run.judging().expect("it is judged").unasked.clone()
    };
    assert_eq!(unasked("one", false), [7]);
    assert_eq!(unasked("one", true), Vec::<u32>::new());
    assert_eq!(unasked("two", false), Vec::<u32>::new());
}

#[test]
fn what_is_counted_is_counted_one_by_one() {
    let mut run = fold(&begun());
    let lint = Event::LintFailed { ticket: id("one"), turn: 1, faults: vec!["x".into()], left: 1 };
    let stale = Event::VerifyStale { ticket: id("one"), turn: 1, was: "a".into(), tree: "b".into() };
    let commit = Event::CommitRequired { ticket: id("one"), turn: 1, paths: vec!["f".into()], output: None, left: 1 };
    for count in 1..=3 {
        apply(&mut run, &[lint.clone(), stale.clone(), commit.clone()]);
        let so_far = one(&run);
        assert_eq!((so_far.lint_failures, so_far.stale, so_far.commit_failures), (count, count, count));
    }
    for count in 1..=3 {
        apply(&mut run, &[Event::TurnStarted(request(count)), Event::TurnFailed(ended(count)), over("message")]);
        close(&mut run);
        assert_eq!((run.active_ms, one(&run).active_ms), (u64::from(count) * 1000, u64::from(count) * 1000));
        assert_eq!((run.turns, one(&run).turns), (count, count));
    }
    let mut judged = after_turn(Event::TurnFinished(ended(1)));
    let restored = Event::ContractRestored {
        ticket: id("one"),
        turn: 1,
        items: vec![put_back()],
        rejected: false,
        paths: BTreeMap::new(),
    };
    apply(&mut judged, &[restored.clone(), restored]);
    assert_eq!(judged.judging().expect("it is judged").restores, 2);
    assert_eq!(told_next(&judged), ["contract.restored", "contract.restored"]);
}

#[test]
fn one_reason_stands_once_for_each_ticket_and_its_answer_answers_no_other() {
    let mut run = fold(&begun());
    let (no_progress, head_moved) = (ReasonCode::NoProgress, ReasonCode::HeadMoved);
    for (ticket, code) in [("one", no_progress), ("two", no_progress), ("one", head_moved), ("one", no_progress)] {
        apply(&mut run, &[paused(Some(ticket), code)]);
    }
    let (one, two) = (Some(id("one")), Some(id("two")));
    let all = [(two.clone(), no_progress), (one.clone(), head_moved), (one.clone(), no_progress)];
    assert_eq!(standing(&run), all, "told again, it is the newest");
    apply(&mut run, &[resumed(Some("one"), no_progress)]);
    assert_eq!(standing(&run), [(two.clone(), no_progress), (one, head_moved)]);
    apply(&mut run, &[resumed(Some("one"), head_moved)]);
    assert_eq!(standing(&run), [(two, no_progress)]);
}

#[test]
fn what_an_answer_answers_is_forgotten_and_nothing_else() {
    let refused = || {
        let mut run = with(|state| state.asked = Some(AskedFor { what: Asked::default(), committed: true }));
        let in_force = Refusal { code: ReasonCode::LimitTurns, ticket: Some(id("one")), amount: 1, in_force: 1 };
        run.limit = Some(in_force);
        run.accepted = BTreeMap::from([("mine".to_owned(), "x".to_owned()), ("yours".to_owned(), "y".to_owned())]);
        run
    };
    let mut run = refused();
    apply(&mut run, &[resumed(Some("one"), ReasonCode::NoProgress)]);
    assert!(run.limit.is_some() && one(&run).asked.is_some());
    apply(&mut run, &[resumed(Some("one"), ReasonCode::ApprovalPending)]);
    assert!(run.limit.is_some() && one(&run).asked.is_none());
    apply(&mut run, &[resumed(Some("one"), ReasonCode::LimitTurns)]);
    assert!(run.limit.is_none());

    let conflict = Reason::new(ReasonCode::DirtyConflict, "x").details(json!({ "paths": ["mine"] }));
    let stands = Event::RunPaused { ticket: Some(id("one")), reason: conflict, digest: None };
    apply(&mut run, &[stands, resumed(Some("one"), ReasonCode::NoProgress)]);
    assert_eq!(run.accepted.len(), 2);
    apply(&mut run, &[resumed(Some("one"), ReasonCode::DirtyConflict)]);
    assert_eq!(run.accepted.keys().collect::<Vec<_>>(), ["yours"], "from here on it is the ticket's");
}

#[test]
fn a_run_whose_head_is_accepted_detached_has_no_branch() {
    let mut run = fold(&begun());
    let accepted = |branch: &str| Event::RunResumed {
        ticket: Some(id("one")),
        reason: ReasonCode::HeadMoved,
        by: "me".into(),
        branch: Some(branch.into()),
        granted: None,
    };
    apply(&mut run, &[accepted("refs/heads/other")]);
    assert_eq!(run.branch.as_deref(), Some("refs/heads/other"));
    apply(&mut run, &[accepted("")]);
    assert_eq!(run.branch, None);
}

#[test]
fn a_ticket_that_is_done_leaves_its_turn_and_its_place_and_no_other_tickets() {
    let done = |ticket: &str, by: Option<&str>| Event::TicketDone {
        ticket: id(ticket),
        commit: None,
        tree: None,
        verdict: "met".into(),
        by: by.map(str::to_owned),
    };
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    run.inherited.insert("f".into(), "x".into());
    apply(&mut run, &[paused(Some("one"), ReasonCode::Tampered), paused(Some("two"), ReasonCode::NoProgress)]);
    apply(&mut run, &[paused(Some("one"), ReasonCode::NoProgress)]);
    let mut other = run.clone();
    apply(&mut other, &[done("two", None)]);
    assert!(other.judging().is_some() && !other.inherited.is_empty());
    assert_eq!(other.current, Some(id("one")));
    apply(&mut run, &[done("one", Some("me"))]);
    assert!(run.judging().is_none() && run.inherited.is_empty());
    assert_eq!(run.current, None);
    let tampered = (Some(id("one")), ReasonCode::Tampered);
    assert_eq!(standing(&run), [tampered, (Some(id("two")), ReasonCode::NoProgress)], "tampering is the repository's");
    assert!(run.decided.contains(".tickets/one.md"), "a person's decision is committed with the paperwork");
    assert_eq!(one(&run).left_behind.len(), 1, "what was its work is nobody's, and named as such");
}

#[test]
fn a_turn_starts_only_in_an_open_run_with_nothing_unjudged() {
    let starts = |run: &RunState| run.clone().apply(&Event::TurnStarted(request(2))).is_ok();
    assert!(starts(&fold(&begun())));
    assert!(!starts(&RunState::default()), "no run");
    assert!(!starts(&after_turn(Event::TurnFinished(ended(1)))), "a turn to judge");
    let mut over = fold(&begun());
    apply(&mut over, &[Event::RunStopped { by: "me".into() }]);
    assert!(!starts(&over), "a run that is over");
    assert!(fold(&begun()).apply(&Event::TurnFinished(ended(1))).is_err(), "no turn that could end");
}

#[test]
fn nothing_begins_while_something_is_in_flight() {
    let act = Act::DropMessage;
    let begins = Event::EffectBegun(Begun::Act(ActBegun { ticket: None, turn: None, act }));
    let mut run = fold(&begun());
    apply(&mut run, std::slice::from_ref(&begins));
    let error = run.apply(&begins).expect_err("one is in flight");
    assert!(error.to_string().contains("effect.begun"), "{error}");
    apply(&mut run, &[over("message"), begins]);
}

#[test]
fn only_checks_that_are_not_met_count_as_an_unmet_claim() {
    for (row, outcome, counts) in
        [(9, Outcome::ClaimRevoked, 1), (9, Outcome::Waiting, 0), (5, Outcome::ClaimRevoked, 0)]
    {
        let mut run = after_turn(Event::TurnFinished(ended(1)));
        let verdict = Verdict {
            ticket: Some(id("one")),
            turn: Some(1),
            row,
            outcome,
            reason: None,
            hold: None,
            chores: Vec::new(),
            left: None,
            retry: None,
        };
        apply(&mut run, &[Event::EffectBegun(Begun::Verdict(verdict))]);
        assert_eq!(one(&run).verify_failures, counts, "row {row} {outcome:?}");
    }
}

#[test]
fn a_turn_that_ends_well_with_nothing_invalid_ends_the_rows_of_faults() {
    let after = |end: Event, change: fn(&mut RunState)| {
        let mut run = after_turn(end);
        let state = run.tickets.entry(id("one")).or_default();
        (state.lint_failures, state.commit_failures) = (1, 1);
        change(&mut run);
        close(&mut run);
        (one(&run).lint_failures, one(&run).commit_failures)
    };
    let finished = || Event::TurnFinished(ended(1));
    let invalid: fn(&mut RunState) = |run| {
        apply(run, &[Event::OutboxInvalid { ticket: id("one"), turn: 1, faults: vec!["x".into()] }]);
    };
    let claims: fn(&mut RunState) = |run| apply(run, &[Event::ClaimMade { ticket: id("one"), turn: 1 }]);
    assert_eq!(after(finished(), |_| {}), (0, 0));
    assert_eq!(after(Event::TurnFailed(ended(1)), |_| {}), (1, 1));
    assert_eq!(after(finished(), invalid), (2, 0), "that is one more");
    assert_eq!(after(finished(), claims), (0, 1), "its claim still waits for the commit");
}

#[test]
fn a_commit_that_git_cannot_make_stops_the_step_and_one_that_a_hook_refuses_is_the_agents() {
    let failed = |hook: bool, purpose: SavePurpose| {
        let mut run = after_turn(Event::TurnFinished(ended(1)));
        let why = "no".to_owned();
        apply(&mut run, &[Event::CommitFailed { ticket: Some(id("one")), purpose, why, hook }]);
        (run.judging().expect("it is judged").refused.clone(), run.git_failure.clone())
    };
    assert_eq!(failed(true, SavePurpose::Finish), (Some("no".into()), None));
    assert_eq!(failed(false, SavePurpose::Finish), (None, Some("one: no".into())));
    assert_eq!(failed(true, SavePurpose::Paperwork), (None, Some("one: no".into())));
}

#[test]
fn a_head_that_was_brought_back_is_told_to_the_agent() {
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    apply(&mut run, &[Event::HeadAdopted { branch: "refs/heads/main".into(), from: None, to: "c2".into() }]);
    assert_eq!(told_next(&run), ["head.adopted"]);
}

#[test]
fn what_a_turn_changed_in_tickets_and_context_is_paperwork_and_the_rest_of_that_folder_is_nobodys() {
    let changed = ["src/lib.rs", ".tickets/two.md", ".tickets/context/spec.md", ".tickets/STOP", ".tickets/history/x"];
    let changed = changed.map(str::to_owned).to_vec();
    let run = after_turn(Event::TurnFinished(TurnEnded { changed, ..ended(1) }));
    let state = one(&run);
    assert_eq!(state.work.iter().collect::<Vec<_>>(), ["src/lib.rs"]);
    assert_eq!(state.paperwork.iter().collect::<Vec<_>>(), [".tickets/context/spec.md", ".tickets/two.md"]);
    let base = Base { tree: Some("b".into()), head: Some("c1".into()) };
    assert_eq!(state.bases, BTreeMap::from([("src/lib.rs".to_owned(), base)]));
}

#[test]
fn questions_replies_paperwork_and_work_come_over_from_the_last_run() {
    let asked = Reason::new(ReasonCode::UserDispatch, "x").details(json!({ "pause": true, "title": null }));
    let carried = Carried {
        questions: vec![(id("one"), asked), (id("two"), Reason::new(ReasonCode::Tampered, "x"))],
        replies: BTreeMap::from([(id("one"), vec![1])]),
        work: Some((id("one"), BTreeMap::from([("f".to_owned(), "x".to_owned())]))),
        paperwork: BTreeMap::from([(id("one"), vec!["p".to_owned()])]),
        droppings: ["d".to_owned()].into(),
        written: BTreeMap::from([(id("one"), ["w".to_owned()].into())]),
        bases: BTreeMap::from([("f".to_owned(), Base::default())]),
    };
    let branch = Some("refs/heads/main".to_owned());
    let run = fold(&[Event::RunStarted { branch: branch.clone(), head: None, carried }]);
    assert_eq!((run.life, run.branch.clone(), run.current.clone()), (Life::Open, branch, Some(id("one"))));
    assert!(one(&run).question.is_some() && run.ticket(&id("two")).question.is_none());
    assert_eq!(standing(&run).len(), 2);
    let state = one(&run);
    assert!(state.replies == [1] && state.paperwork.contains("p") && state.written.contains("w"));
    assert!(run.inherited.contains_key("f") && state.bases.contains_key("f") && run.droppings.contains("d"));
}

#[test]
fn chores_are_done_in_their_order_and_one_that_is_not_owed_removes_none() {
    let no_progress = Policy { limits: crate::config::Limits { no_progress: Some(1), ..policy().limits }, ..policy() };
    let mut run = after_turn(Event::TurnFinished(TurnEnded { changed: Vec::new(), ..ended(1) }));
    let events = recorded(&choice(&run, &world(), &no_progress, false));
    apply(&mut run, &events);
    let owed = |run: &RunState| {
        run.judging().and_then(|judging| judging.verdict.as_ref()).map_or(0, |verdict| verdict.chores.len())
    };
    assert_eq!(owed(&run), 2);
    for effect in ["paperwork", "checkpoint"] {
        apply(&mut run, &[over(effect)]);
        assert_eq!(owed(&run), 2, "{effect} is not what comes first");
    }
    for (effect, left) in [("request", 1), ("paperwork", 0)] {
        apply(&mut run, &[over(effect)]);
        assert_eq!(owed(&run), left);
    }
    assert_eq!(go_on(&mut run, &world(), &no_progress).last().map(String::as_str), Some("8: no_progress"));
}

#[test]
fn a_kept_tree_comes_into_the_turn_that_nobody_was_left_to_keep() {
    let mut run = after_turn(Event::TurnInterrupted(TurnEnded { after: None, changed: Vec::new(), ..ended(1) }));
    let kept = Event::EffectFinished {
        effect: "keep".into(),
        ticket: Some(id("one")),
        outcome: None,
        path: Some("k".into()),
        changed: vec!["f".into()],
        tickets: Vec::new(),
    };
    apply(&mut run, &[kept]);
    let ended = &run.judging().expect("it is judged").ended;
    assert_eq!((ended.after.as_deref(), &ended.changed[..]), (Some("k"), &["f".to_owned()][..]));
    assert!(one(&run).work.contains("f"));
    assert_eq!(one(&run).after.as_deref(), Some("k"));
}

#[test]
fn a_finishing_commit_without_anything_to_commit_finishes_all_the_same() {
    let (mut run, survey) = claimed();
    let events = recorded(&choice(&run, &survey, &policy(), false));
    apply(&mut run, &events);
    assert!(matches!(run.phase(), Phase::Saving(_)));
    apply(&mut run, &[over("finish")]);
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "4: checkpoint.made + ticket.done");
}

#[test]
fn paperwork_of_a_ticket_that_is_committed_is_no_more_to_be_committed() {
    let made = |purpose| Event::CommitMade { ticket: Some(id("one")), purpose, commit: "c2".into(), tree: "t".into() };
    let mut run = with(|state| {
        state.paperwork.insert("p".into());
        state.asked = Some(AskedFor { what: Asked::default(), committed: false });
    });
    run.decided.insert("d".into());
    let mut paperwork = run.clone();
    apply(&mut paperwork, &[made(SavePurpose::Paperwork)]);
    assert!(paperwork.decided.is_empty() && one(&paperwork).asked.is_some_and(|asked| asked.committed));
    apply(&mut run, &[made(SavePurpose::Finish)]);
    assert!(run.decided.is_empty() && one(&run).paperwork.is_empty() && one(&run).commits.contains("c2"));
}

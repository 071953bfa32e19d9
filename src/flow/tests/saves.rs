//! The commits of turnstile's own: which paths are in each, what its message says, and whether hooks run.

use super::answers::{go_on, met};
use super::*;

/// The commit that comes next.
fn save(run: &RunState, survey: &Survey, policy: &Policy) -> SaveRequest {
    let events = recorded(&choice(run, survey, policy, false));
    let Some(Event::EffectBegun(Begun::Save(begun))) = events.last() else { panic!("{events:?}") };
    begun.save.clone()
}

fn by_runner() -> Policy {
    Policy { commit_by: CommitBy::Runner, subject: "{id}: {what}".into(), ..policy() }
}

/// A claim that is met, with its work in the worktree.
fn met_claim() -> (RunState, Survey) {
    let (run, mut survey) = claimed();
    survey.changes.insert("src/lib.rs".into(), "x".into());
    (run, survey)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn a_finishing_commit_says_whose_it_is_and_holds_done_true() {
    let (mut run, survey) = met_claim();
    run.saves = 4;
    let expected = SaveRequest {
        attempt: 5,
        purpose: SavePurpose::Finish,
        ticket: Some(id("one")),
        turn: Some(1),
        branch: Some("refs/heads/main".into()),
        base: Some("c1".into()),
        paths: vec![".tickets/one.md".into(), "src/lib.rs".into()],
        unclaimed: None,
        subject: "one: The title of one".into(),
        body: String::new(),
        trailers: vec![pair("Turnstile-Ticket", "one"), pair("Turnstile-Turn", "1"), pair("Turnstile-Agent", "mine")],
        hooks: true,
        checked: false,
    };
    assert_eq!(save(&run, &survey, &by_runner()), expected);
    let off = Policy { hooks: false, ..by_runner() };
    assert!(!save(&run, &survey, &off).hooks);
}

#[test]
fn where_the_agent_has_committed_its_work_the_finishing_commit_is_paperwork_without_hooks_or_its_words() {
    let (run, mut survey) = claimed();
    survey.commit_message = Some("Mine".into());
    let save = save(&run, &survey, &by_runner());
    assert_eq!((save.subject.as_str(), save.hooks), ("one: done", false));
}

#[test]
fn the_message_that_the_agent_left_is_taken_without_comments_if_it_says_anything() {
    let (run, mut survey) = met_claim();
    for (message, subject, body) in [
        ("# a comment\nFix it\n\nIt was broken.  \n# another\n", "Fix it", "It was broken."),
        ("Fix it", "Fix it", ""),
        ("# only a comment\n\n", "one: The title of one", ""),
    ] {
        survey.commit_message = Some(message.into());
        let save = save(&run, &survey, &by_runner());
        assert_eq!((save.subject.as_str(), save.body.as_str()), (subject, body));
    }
}

#[test]
fn what_checks_have_seen_is_committed_as_they_saw_it_and_the_commit_says_so() {
    let (mut run, mut survey) = met_claim();
    survey.turn.checks.tree = "t".into();
    survey.turn.checks.artifacts = vec![ArtifactFact { path: "out".into(), problem: None, committed: true }];
    let verified = Verified { tree: "t".into(), contract: String::new(), results: vec![met("out")] };
    run.tickets.entry(id("one")).or_default().verified = Some(verified);
    let seen = save(&run, &survey, &by_runner());
    assert!(seen.checked);
    assert_eq!(seen.trailers.last(), Some(&pair("Turnstile-Verify", "t passed")));
    run.accepted = BTreeMap::from([("mine".to_owned(), "x".to_owned())]);
    survey.changes.insert("mine".into(), "x".into());
    let beside = save(&run, &survey, &by_runner());
    assert_eq!(beside.trailers.last(), Some(&pair("Turnstile-Verify", "t passed, with uncommitted files of the user")));
}

#[test]
fn an_artifact_that_a_check_left_behind_is_committed_with_the_work_and_nothing_beside_it() {
    let (mut run, mut survey) = met_claim();
    survey.turn.checks.artifacts = ["out/", "page", "src/lib.rs"]
        .map(|path| ArtifactFact { path: path.into(), problem: None, committed: false })
        .to_vec();
    let results = ["out/", "page", "src/lib.rs"].map(met).to_vec();
    let verified = Verified { tree: String::new(), contract: String::new(), results };
    run.tickets.entry(id("one")).or_default().verified = Some(verified);
    run.accepted = BTreeMap::from([("out/mine".to_owned(), "x".to_owned())]);
    for path in ["out/report", "out/nested/", "out/mine", "output", "page", "coverage"] {
        survey.changes.insert(path.into(), "x".into());
        run.droppings.insert(path.into());
    }
    let expected = [".tickets/one.md", "src/lib.rs", "out/report", "page"];
    assert_eq!(save(&run, &survey, &by_runner()).paths, expected);
}

#[test]
fn a_checkpoint_holds_what_the_turn_changed_but_nothing_that_nobody_has_approved() {
    let branch = Policy { checkpoint: CheckpointMode::Branch, subject: "{id}: {what}".into(), ..policy() };
    let changed = ["src/lib.rs", "ci/x", "vendor/", ".tickets/two.md"].map(str::to_owned);
    let mut run = after_turn(Event::TurnFailed(TurnEnded { changed: changed.to_vec(), ..ended(1) }));
    let mut survey = world();
    survey.changes = ["src/lib.rs", "ci/x", "vendor/"].map(|path| (path.to_owned(), "x".to_owned())).into();
    survey.tickets_changes = BTreeMap::from([(".tickets/two.md".to_owned(), false)]);
    survey.turn.scope = vec![ScopeFact {
        path: "ci/x".into(),
        why: "outside its `scope`",
        tree: "new".into(),
        head: "old".into(),
        before: vec!["old".into()],
        back: Before::Absent,
        commit: None,
    }];
    let events = recorded(&choice(&run, &survey, &branch, false));
    apply(&mut run, &events);
    let made = save(&run, &survey, &branch);
    assert_eq!(made.paths, [".tickets/two.md", "src/lib.rs"]);
    assert_eq!(
        (made.purpose, made.subject.as_str(), made.hooks),
        (SavePurpose::Checkpoint, "one: turn 1 checkpoint", false)
    );
    survey.turn.scope.clear();
    assert_eq!(save(&run, &survey, &branch).paths, [".tickets/two.md", "ci/x", "src/lib.rs"]);
    survey.changes.clear();
    survey.tickets_changes.clear();
    let said = go_on(&mut run, &survey, &branch);
    assert_eq!(said[..2], ["9: effect.finished", "9: run.paused + effect.finished"], "nothing is left to commit");
}

#[test]
fn a_claim_that_waits_is_committed_as_one_that_is_not_done() {
    let (mut run, mut survey) = met_claim();
    let mut strict = policy();
    strict.retries.commit = 0;
    for expected in ["row 10 waiting", "request"] {
        let chosen = choice(&run, &survey, &strict, false);
        assert!(told(&chosen).contains(expected), "{}", told(&chosen));
        apply(&mut run, &recorded(&chosen));
    }
    apply(&mut run, &[answers::over("request")]);
    assert_eq!(save(&run, &survey, &strict).unclaimed.as_deref(), Some(".tickets/one.md"));
    survey.tickets_changes = BTreeMap::from([(".tickets/USER_REPLY.md".to_owned(), true)]);
    assert_eq!(save(&run, &survey, &strict).unclaimed, None, "its file is not in this commit");
}

#[test]
fn a_request_for_an_approval_is_committed_before_the_run_waits() {
    let mut survey = world();
    survey.tickets[0].approval.asks = vec!["`approval: required`".into()];
    survey.tickets_changes = BTreeMap::from([(".tickets/history/one/0001-request/REQUEST.md".to_owned(), false)]);
    let mut run = fold(&begun());
    run.saves = 4;
    let expected = [
        "13: ask approval of one",
        "13: save Paperwork [\".tickets/history/one/0001-request/REQUEST.md\"]",
        "13: run.paused",
        "8: approval_pending",
    ];
    assert_eq!(go_on(&mut run, &survey, &policy()), expected);
    assert_eq!(run.saves, 5);
}

#[test]
fn what_decisions_left_is_committed_for_every_ticket_that_it_is_about() {
    let run = RunState { saves: 4, ..fold(&begun()) };
    let (survey, policy) = (world(), by_runner());
    let look = Look { run: &run, survey: &survey, policy: &policy };
    let about = |paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let Event::EffectBegun(Begun::Save(begun)) = crate::flow::saves::decisions(&look, paths) else {
            panic!("a commit")
        };
        assert_eq!(begun.save.attempt, 5);
        let tickets: Vec<String> = begun.save.trailers.into_iter().map(|(_, ticket)| ticket).collect();
        (begun.save.subject, tickets.join(" "))
    };
    let one = |subject: &str, ticket: &str| (subject.to_owned(), ticket.to_owned());
    assert_eq!(about(&[".tickets/one.md"]), one("one: as decided", "one"));
    assert_eq!(about(&[".tickets/one.md", ".tickets/two.md"]), one("tickets: as decided", "one two"));
    assert_eq!(about(&[".tickets/area/x.md"]).1, "area/x");
    assert_eq!(about(&[".tickets/history/area/x/0001-reply/REPLY.md"]).1, "area/x");
    assert_eq!(about(&[".tickets/history/one/12345-decision/a.md"]).1, "one");
    let nobodys = [
        ".tickets/USER_REPLY.md",
        ".tickets/history/one/001-reply/x.md",
        ".tickets/history/one/000x-reply/x.md",
        ".tickets/history/one/0001-note/x.md",
        ".tickets/history/0001-reply/x.md",
        "src/lib.rs",
    ];
    assert_eq!(about(&nobodys), one("tickets: as decided", ""));
}

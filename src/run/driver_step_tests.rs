//! What one step does and says, in the world of the kill loop.

use super::*;
use crate::flow::Verdict;

/// A world with one ticket, whose turns do this.
fn one_ticket(deeds: &[Deed]) -> Place {
    Place { done: vec![false], script: vec![deeds.to_vec()], fuel: ENOUGH, ..Place::default() }
}

/// One step from where the journal ends.
fn step_once(place: &mut Place) -> (StepEnd, RunState) {
    let mut run = RunState::default();
    place.journal.iter().for_each(|event| run.apply(event).expect("in order"));
    let end = step(place, &mut run, &Policy::of(&config::Config::default()), &mut |_| {}).expect("nothing cuts it");
    (end, run)
}

/// A world in which a turn has ended that nobody has judged.
fn unjudged(deeds: &[Deed]) -> Place {
    let mut place = Place { pressed: true, ..one_ticket(deeds) };
    let (_, run) = step_once(&mut place);
    assert!(run.judging().is_some_and(Judging::is_new));
    Place { pressed: false, ..place }
}

#[test]
fn a_step_that_finds_a_turn_running_adopts_it_once_and_one_that_began_it_does_not() {
    let adopted = |place: &Place| place.journal.iter().filter(|it| matches!(it, Event::TurnAdopted { .. })).count();
    let mut calm = one_ticket(&[Deed::Nothing]);
    step_once(&mut calm);
    assert_eq!(adopted(&calm), 0);
    for (lost, times) in [(false, 1), (true, 0)] {
        let mut cut = Place { lost, ..one_ticket(&[Deed::Nothing]) };
        let mut run = RunState::default();
        let policy = Policy::of(&config::Config::default());
        cut.fuel = 3;
        assert!(matches!(step(&mut cut, &mut run, &policy, &mut |_| {}), Err(Cut::Crash)));
        assert!(cut.turns.values().any(Option::is_none), "it runs");
        cut.fuel = ENOUGH;
        let (end, _) = step_once(&mut cut);
        assert_eq!((adopted(&cut), end.turn, end.outcome), (times, Some(1), Outcome::Progressed));
        assert_eq!(cut.started, [1]);
    }
}

#[test]
fn a_step_that_git_fails_says_so_and_tries_it_once() {
    let mut place = Place { full: true, by_runner: true, ..unjudged(&[Deed::ClaimUncommitted]) };
    let (end, _) = step_once(&mut place);
    assert_eq!(end.outcome, Outcome::Failed);
    assert_eq!(end.reason.map(|reason| reason.code), Some(ReasonCode::GitFailed));
    assert_eq!(place.saves.len(), 1);

    // What decisions left is committed before any turn, and no other way either.
    let mut place = Place { full: true, done: vec![true], paper: true, ..one_ticket(&[]) };
    place.journal.push(Event::RunStarted {
        branch: Some("refs/heads/main".into()),
        head: None,
        carried: Carried::default(),
    });
    place.journal.push(Event::TicketReopened { ticket: id(0), by: "me".into() });
    let (end, _) = step_once(&mut place);
    assert_eq!(end.reason.map(|reason| reason.code), Some(ReasonCode::GitFailed));
    assert_eq!(place.saves.len(), 1);
}

#[test]
fn a_step_that_has_begun_to_judge_goes_on_to_the_end_whatever_appears() {
    let mut place = Place { stops: true, ..unjudged(&[Deed::Ask]) };
    let (end, run) = step_once(&mut place);
    assert!(run.judging().is_none(), "its verdict is closed");
    assert_eq!(end.outcome, Outcome::Waiting);
    assert_eq!(end.dispatch.as_deref(), Some("h"));
    let (end, _) = step_once(&mut place);
    assert_eq!(end.reason.map(|reason| reason.code), Some(ReasonCode::StopFile), "and the next one sees it");
}

#[test]
fn a_step_that_only_took_in_a_decision_has_not_begun() {
    let mut place = Place { decisions: vec![Decided::Pause], ..unjudged(&[Deed::Nothing]) };
    let (end, run) = step_once(&mut place);
    assert_eq!(end.reason.map(|reason| reason.code), Some(ReasonCode::OperatorPause));
    assert!(run.judging().is_some(), "nothing is judged behind a pause");
}

#[test]
fn the_world_is_looked_at_once_for_what_is_written_down_in_it_and_again_behind_the_end_of_a_run() {
    let mut place = Place { decisions: vec![Decided::Pause], ..one_ticket(&[]) };
    step_once(&mut place);
    assert_eq!(place.looks, 1);
    let mut place = one_ticket(&[Deed::ClaimAndCommit]);
    let (end, run) = step_once(&mut place);
    assert_eq!((end.outcome, run.life), (Outcome::TicketDone, Life::Open));
    place.looks = 0;
    let (end, run) = step_once(&mut place);
    assert_eq!((end.reason.map(|reason| reason.code), run.life), (Some(ReasonCode::Completed), Life::Completed));
    assert_eq!(place.looks, 2);
}

#[test]
fn decisions_are_served_beside_a_run_until_none_is_left_or_the_run_is_over() {
    let served = |decisions: &[Decided]| {
        let mut place = Place { decisions: decisions.to_vec(), ..one_ticket(&[]) };
        place.journal.push(Event::RunStarted {
            branch: Some("refs/heads/main".into()),
            head: None,
            carried: Carried::default(),
        });
        let mut run = RunState::default();
        place.journal.iter().for_each(|event| run.apply(event).expect("in order"));
        serve(&mut place, &mut run, &Policy::of(&config::Config::default())).expect("nothing cuts it");
        (run.served.len(), run.life)
    };
    assert_eq!(served(&[]), (0, Life::Open));
    assert_eq!(served(&[Decided::Pause, Decided::Resume]), (2, Life::Open));
    assert_eq!(served(&[Decided::Stop, Decided::Pause]), (1, Life::Stopped));
}

#[test]
fn a_step_is_about_the_turn_that_it_ran_or_judged_and_says_what_came_of_it() {
    let mut place = Place { verdicts: vec![CheckVerdict::Met], ..one_ticket(&[Deed::ClaimAndCommit]) };
    let (end, _) = step_once(&mut place);
    assert_eq!(
        (end.outcome, end.ticket, end.turn, end.agent.as_deref()),
        (Outcome::TicketDone, Some(id(0)), Some(1), Some("a"))
    );
    assert_eq!(end.verify.iter().map(|result| result.verdict).collect::<Vec<_>>(), [CheckVerdict::Met]);
    assert_eq!(end.commit.as_deref(), Some("c2"), "the finishing commit behind the agent's");

    let mut place = unjudged(&[Deed::Nothing]);
    let (end, _) = step_once(&mut place);
    assert_eq!(
        (end.outcome, end.ticket, end.turn, end.agent.as_deref()),
        (Outcome::Progressed, Some(id(0)), Some(1), Some("a"))
    );
}

#[test]
fn the_last_word_of_each_check_is_told() {
    let mut end = StepEnd::default();
    let mut place = Place { verdicts: vec![CheckVerdict::Unmet], ..one_ticket(&[Deed::ClaimAndCommit]) };
    let (once, _) = step_once(&mut place);
    let unmet = once.verify[0].clone();
    let style = CheckEnded { check: "style".into(), ..unmet.clone() };
    let met = CheckEnded { verdict: CheckVerdict::Met, ..unmet.clone() };
    for result in [unmet, style.clone(), met.clone()] {
        end.note(&Event::VerifyFinished(result));
    }
    assert_eq!(end.verify, [style, met.clone()]);
    assert!(!end.over);
    end.note(&Event::VerifyFinished(CheckEnded { interrupted: true, ..met }));
    assert!(end.over && end.verify.len() == 2, "one that a person ended says nothing");
}

#[test]
fn what_a_turn_ended_as_is_what_its_step_is_about() {
    let mut place = one_ticket(&[Deed::Nothing]);
    step_once(&mut place);
    let ended = place.journal.iter().find(|event| matches!(event, Event::TurnFinished(_))).expect("it ended");
    let mut end = StepEnd { ticket: Some(id(7)), turn: Some(7), agent: Some("b".into()), ..StepEnd::default() };
    end.note(ended);
    assert_eq!((end.ticket, end.turn, end.agent.as_deref()), (Some(id(0)), Some(1), Some("a")));
}

/// What a step has come to so far, and what it is after one more line.
fn noted(outcome: Outcome, event: &Event) -> StepEnd {
    let mut end = StepEnd { outcome, ticket: Some(id(7)), ..StepEnd::default() };
    end.note(event);
    end
}

fn paused(code: ReasonCode) -> Event {
    Event::RunPaused { ticket: Some(id(0)), reason: Reason::new(code, "x"), digest: None }
}

fn reason(end: &StepEnd) -> Option<ReasonCode> {
    end.reason.as_ref().map(|reason| reason.code)
}

#[test]
fn a_verdict_is_what_a_step_came_to_and_its_end_ends_the_step() {
    let verdict = Verdict {
        ticket: Some(id(0)),
        turn: Some(3),
        row: 5,
        outcome: Outcome::Failed,
        reason: Some(Reason::new(ReasonCode::AgentFailed, "x")),
        hold: None,
        chores: Vec::new(),
        left: None,
        retry: None,
    };
    let mut end = StepEnd::default();
    end.note(&Event::EffectBegun(Begun::Verdict(verdict)));
    assert_eq!((end.outcome, reason(&end)), (Outcome::Failed, Some(ReasonCode::AgentFailed)));
    assert_eq!((&end.ticket, end.turn, end.over), (&Some(id(0)), Some(3), false));
    let over = Event::EffectFinished {
        effect: "verdict".into(),
        ticket: Some(id(0)),
        outcome: Some("progressed".into()),
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    };
    end.note(&over);
    assert_eq!((end.outcome, end.over), (Outcome::Failed, true));
    assert_eq!(noted(Outcome::None, &over).outcome, Outcome::Progressed, "its verdict was an earlier step's");
}

#[test]
fn a_pause_is_the_reason_of_a_step_but_an_operators_that_it_only_took_in() {
    let end = noted(Outcome::None, &paused(ReasonCode::OperatorPause));
    assert_eq!((reason(&end), end.outcome), (None, Outcome::None));
    let end = noted(Outcome::Progressed, &paused(ReasonCode::OperatorPause));
    assert_eq!((reason(&end), end.outcome), (Some(ReasonCode::OperatorPause), Outcome::Progressed));
    let end = noted(Outcome::None, &paused(ReasonCode::NoProgress));
    assert_eq!((reason(&end), end.outcome, end.ticket), (Some(ReasonCode::NoProgress), Outcome::None, Some(id(7))));
}

#[test]
fn a_step_that_asked_for_an_approval_and_did_nothing_else_waits_for_it() {
    let end = noted(Outcome::None, &paused(ReasonCode::ApprovalPending));
    assert_eq!((reason(&end), end.outcome), (Some(ReasonCode::ApprovalPending), Outcome::Waiting));
    assert_eq!(end.ticket, Some(id(0)));
    let end = noted(Outcome::Progressed, &paused(ReasonCode::ApprovalPending));
    assert_eq!((reason(&end), end.outcome), (Some(ReasonCode::ApprovalPending), Outcome::Progressed));
    assert_eq!(end.ticket, Some(id(7)));
}

#[test]
fn commits_and_the_end_of_a_run_are_told() {
    let (commit, tree) = ("c2".to_owned(), "t".to_owned());
    let made = Event::CommitMade { ticket: None, purpose: SavePurpose::Paperwork, commit, tree };
    assert_eq!(noted(Outcome::None, &made).commit.as_deref(), Some("c2"));
    let end = noted(Outcome::None, &Event::RunStopped { by: "me".into() });
    assert_eq!((reason(&end), end.over), (Some(ReasonCode::Stopped), true));
}

//! The pure twin of the kill loop: a world small enough to be cut anywhere.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::config;
use crate::flow::{
    Act, AgentFact, Carried, CheckRequest, CheckResult, CheckVerdict, ChecksFact, Decided, Decision, DispatchFact,
    Life, OutboxFact, ReplyFact, SavePurpose, SaveRequest, SaveResult, TicketFact, TurnEnd, TurnFacts, TurnRequest,
    TurnResult,
};
use crate::ticket::{Check, TicketLimits};

/// More than any story here takes. A kernel that goes in circles uses it up, and does not hang the tests.
const ENOUGH: u32 = 20_000;

/// What an agent does in one turn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    WorkAndCommit,
    ClaimAndCommit,
    ClaimUncommitted,
    Fail,
    Busy,
    Nothing,
    Ask,
    ClaimAndAsk,
    BadDispatch,
    ClaimOnDetachedHead,
}

#[derive(Debug)]
enum Cut {
    Crash,
    Journal(OutOfOrder),
}

impl From<OutOfOrder> for Cut {
    fn from(error: OutOfOrder) -> Self {
        Self::Journal(error)
    }
}

#[derive(Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing that lies in the worktree or does not"
)]
struct Place {
    script: Vec<Vec<Deed>>,
    by_runner: bool,
    done: Vec<bool>,
    dirty: bool,
    paper: bool,
    commits: Vec<String>,
    detached: bool,
    outbox: Option<bool>,
    reply: bool,
    archived: Vec<(String, u32)>,
    requests: u32,
    turns: BTreeMap<u32, Option<TurnResult>>,
    started: Vec<u32>,
    saves: BTreeMap<u32, SaveResult>,
    /// What the n-th check of the run says, over and over; empty where nothing is checked.
    verdicts: Vec<CheckVerdict>,
    checks: BTreeMap<u32, CheckResult>,
    kept: u32,
    journal: Vec<Event>,
    fuel: u32,
    /// Whether a person has pressed Ctrl-C again and again once a turn runs.
    pressed: bool,
    /// Whether what runs of a turn only looks at what a lost one left.
    lost: bool,
    /// Whether git cannot commit.
    full: bool,
    /// Whether `.tickets/STOP` appears as the first verdict is written down.
    stops: bool,
    decisions: Vec<Decided>,
    looks: u32,
}

fn id(number: usize) -> TicketId {
    TicketId::new(format!("T{number}"))
}

impl Place {
    fn tick(&mut self) -> Result<(), Cut> {
        self.fuel = self.fuel.checked_sub(1).ok_or(Cut::Crash)?;
        Ok(())
    }

    /// What is asked of claims in this world: one check, on a tree that never changes.
    fn asked(&self) -> ChecksFact {
        if self.verdicts.is_empty() {
            return ChecksFact::default();
        }
        let check = Check { id: "unit".into(), run: "make".into(), required: true, timeout_ms: None };
        ChecksFact { checks: vec![check], artifacts: Vec::new(), contract: "c".into(), tree: "t".into() }
    }

    fn checked(&self, request: &CheckRequest) -> CheckResult {
        let nth = usize::try_from(request.attempt).expect("a small number") - 1;
        let verdict = self.verdicts[nth % self.verdicts.len()];
        CheckResult { exit: Some(0), duration_ms: 1, ..CheckResult::bare(verdict, &request.tree) }
    }

    fn agent_acts(&mut self, request: &TurnRequest) {
        let ticket: usize = request.ticket.as_str()[1..].parse().expect("ids end in a number");
        let nth = self
            .journal
            .iter()
            .filter(|event| matches!(event, Event::TurnStarted(other) if other.ticket == request.ticket))
            .count();
        let deed = self.script[ticket].get(nth - 1).copied().unwrap_or(Deed::ClaimAndCommit);
        let mut end = TurnEnd::Succeeded;
        let mut changed = Vec::new();
        let mut error = None;
        match deed {
            Deed::WorkAndCommit => self.commits.push(format!("agent {}", request.turn)),
            Deed::ClaimAndCommit => {
                self.done[ticket] = true;
                self.dirty = false;
                self.paper = true;
                self.commits.push(format!("agent {}", request.turn));
            }
            Deed::ClaimOnDetachedHead => {
                self.done[ticket] = true;
                self.dirty = false;
                self.detached = true;
                self.paper = true;
                self.commits.push(format!("agent {}", request.turn));
            }
            Deed::ClaimUncommitted => {
                self.done[ticket] = true;
                self.dirty = true;
                self.paper = true;
                changed.push("work".to_owned());
            }
            Deed::Fail => {
                end = TurnEnd::Failed { why: "exit status 1".into(), started: true };
            }
            Deed::Busy => {
                end = TurnEnd::Failed { why: "exit status 75".into(), started: true };
                error = Some(crate::flow::ErrorClass::Transient);
            }
            Deed::Nothing => {}
            Deed::Ask => self.outbox = Some(true),
            Deed::ClaimAndAsk => {
                self.done[ticket] = true;
                self.paper = true;
                self.outbox = Some(true);
            }
            Deed::BadDispatch => self.outbox = Some(false),
        }
        let head = Some(format!("c{}", self.commits.len()));
        let result = TurnResult {
            end,
            duration_ms: 1,
            exit: Some(0),
            error,
            before: Some(format!("before {}", request.turn)),
            after: Some(format!("after {}", request.turn)),
            head,
            changed,
            commits: Vec::new(),
            left_out: Vec::new(),
            tampered: Vec::new(),
            reply: None,
            tickets: Vec::new(),
            settings: std::collections::BTreeMap::new(),
        };
        self.turns.insert(request.turn, Some(result));
    }
}

impl World for Place {
    type Error = Cut;

    fn withhold(&self, _: &mut Event) {}

    fn is_lost(&self) -> bool {
        self.lost
    }

    fn is_pressed(&mut self) -> bool {
        self.pressed && !self.started.is_empty()
    }

    fn survey(&mut self, _: &RunState) -> Result<Survey, Cut> {
        self.looks += 1;
        let judged = |event: &Event| matches!(event, Event::EffectBegun(Begun::Verdict(_)));
        let decision = |(at, what): (usize, &Decided)| Decision {
            id: at.to_string(),
            by: "me".into(),
            at: String::new(),
            what: what.clone(),
        };
        let tickets = self
            .done
            .iter()
            .enumerate()
            .map(|(number, done)| TicketFact {
                id: id(number),
                title: "t".into(),
                agent: "a".into(),
                kind: if self.by_runner { AgentFact::CannotCommit } else { AgentFact::Commits },
                done: *done,
                hold: None,
                blocked_by: Vec::new(),
                unresolved: Vec::new(),
                depends_on: Vec::new(),
                faults: Vec::new(),
                digest: "d".into(),
                limits: TicketLimits::default(),
                claimed_by: None,
                claimed: false,
                approval: crate::flow::ApprovalFact::default(),
            })
            .collect();
        let paper = |number: usize| (id(number).path(), false);
        Ok(Survey {
            tickets,
            stop_file: (self.stops && self.journal.iter().any(judged)).then(String::new),
            decisions: self.decisions.iter().enumerate().map(decision).collect(),
            outbox: match self.outbox {
                None => OutboxFact::Empty,
                Some(true) => OutboxFact::Message(DispatchFact { pause: true, title: None, choices: Vec::new() }),
                Some(false) => OutboxFact::Invalid(vec!["bad".into()]),
            },
            reply: self.reply.then(|| ReplyFact {
                kept_in: None,
                stamp: "s".into(),
                to: None,
                answer: None,
                answer_at: String::new(),
                decision: None,
                faults: Vec::new(),
                empty: false,
                committed: false,
                brought: None,
            }),
            changes: self.dirty.then(|| ("work".to_owned(), "x".to_owned())).into_iter().collect(),
            tickets_changes: if self.paper { (0..self.done.len()).map(paper).collect() } else { BTreeMap::new() },
            head: Some(format!("c{}", self.commits.len())),
            branch: (!self.detached).then(|| "refs/heads/main".to_owned()),
            turn: TurnFacts {
                head: if self.detached {
                    crate::flow::HeadFact::Ahead { commit: format!("c{}", self.commits.len()) }
                } else {
                    crate::flow::HeadFact::InPlace
                },
                checks: self.asked(),
                ..TurnFacts::default()
            },
            ..Survey::default()
        })
    }

    fn prepare(&mut self, _: &RunState, _: &mut Event) -> Result<(), Cut> {
        Ok(())
    }

    fn turn(&mut self, request: &TurnRequest) -> Result<Evidence<TurnResult>, Cut> {
        Ok(match self.turns.get(&request.turn) {
            None => Evidence::NotStarted,
            Some(None) => Evidence::Running,
            Some(Some(result)) => Evidence::Over(result.clone()),
        })
    }

    fn start_turn(&mut self, request: &TurnRequest) -> Result<(), Cut> {
        self.tick()?;
        self.started.push(request.turn);
        self.turns.insert(request.turn, None);
        self.tick()
    }

    fn check(&mut self, request: &CheckRequest) -> Result<Evidence<CheckResult>, Cut> {
        Ok(self.checks.get(&request.attempt).cloned().map_or(Evidence::NotStarted, Evidence::Over))
    }

    fn start_check(&mut self, request: &CheckRequest) -> Result<(), Cut> {
        self.tick()?;
        self.checks.insert(request.attempt, self.checked(request));
        self.tick()
    }

    fn save(&mut self, request: &SaveRequest) -> Result<Evidence<SaveResult>, Cut> {
        Ok(self.saves.get(&request.attempt).cloned().map_or(Evidence::NotStarted, Evidence::Over))
    }

    fn start_save(&mut self, request: &SaveRequest) -> Result<(), Cut> {
        self.tick()?;
        let result = match request.purpose {
            _ if self.full => SaveResult::Failed { why: "the disk is full".into() },
            SavePurpose::Keep => {
                self.kept += 1;
                SaveResult::Kept { commit: format!("kept {}", self.kept), changed: Vec::new(), tickets: Vec::new() }
            }
            SavePurpose::Checkpoint | SavePurpose::Finish | SavePurpose::Paperwork => {
                self.commits.push(request.subject.clone());
                self.paper = false;
                if request.purpose == SavePurpose::Finish && request.paths.iter().any(|path| path == "work") {
                    self.dirty = false;
                }
                SaveResult::Committed { commit: format!("c{}", self.commits.len()), tree: "t".into() }
            }
        };
        self.saves.insert(request.attempt, result);
        self.tick()
    }

    fn act(&mut self, run: &RunState, act: &Act) -> Result<Vec<Event>, Cut> {
        self.tick()?;
        let current = run.judging().map_or_else(|| id(0), |judging| judging.request.ticket.clone());
        let turn = run.judging().map_or(0, |judging| judging.request.turn);
        let events = match act {
            Act::Archive { dispatch, .. } => {
                self.outbox = None;
                self.paper = true;
                let name = (current.as_str().to_owned(), turn);
                if !self.archived.contains(&name) {
                    self.archived.push(name);
                }
                vec![Event::OutboxArchived {
                    ticket: current,
                    turn,
                    sequence: turn,
                    path: "h".into(),
                    dispatch: dispatch.clone(),
                }]
            }
            Act::Reply { to, confirmed, .. } => {
                self.reply = false;
                let mut events = vec![Event::ReplyConsumed {
                    ticket: to.clone(),
                    sequence: 1,
                    path: "h".into(),
                    confirmed: *confirmed,
                    spooled: None,
                    brought: None,
                }];
                events.extend(crate::flow::settle::answered(run, to));
                events
            }
            Act::SetDone { target, done, why, .. } => {
                let number: usize = target.as_str()[1..].parse().expect("ids end in a number");
                self.done[number] = *done;
                vec![Event::ClaimRevoked { ticket: target.clone(), why: why.clone() }]
            }
            Act::Request { .. } => {
                self.requests += 1;
                vec![Event::EffectFinished {
                    effect: "request".into(),
                    ticket: None,
                    outcome: None,
                    path: Some("r".into()),
                    changed: Vec::new(),
                    tickets: Vec::new(),
                }]
            }
            Act::AdoptHead { branch, from, to } => {
                self.detached = false;
                vec![Event::HeadAdopted { branch: branch.clone(), from: from.clone(), to: to.clone() }]
            }
            Act::Restore { .. } | Act::PutBack { .. } | Act::AskApproval { .. } | Act::Undo(_) | Act::DropMessage => {
                unreachable!("this world has nothing to put back and nothing that needs an approval")
            }
        };
        self.tick()?;
        Ok(events)
    }

    fn wait(&mut self) -> Result<(), Cut> {
        let running = self.turns.iter().find(|(_, result)| result.is_none()).map(|(turn, _)| *turn);
        let request = self.journal.iter().rev().find_map(|event| match event {
            Event::TurnStarted(request) if Some(request.turn) == running => Some(request.clone()),
            _ => None,
        });
        self.agent_acts(&request.expect("only a journaled turn runs"));
        self.tick()
    }

    fn append(&mut self, _: &RunState, events: &[Event]) -> Result<(), Cut> {
        self.tick()?;
        self.journal.extend(events.iter().cloned());
        self.tick()
    }
}

/// Steps until something else is needed, as `run` does; answers questions, commits nothing, gives up when stuck.
fn run_to_the_end(place: &mut Place) -> Result<String, Cut> {
    let mut run = RunState::default();
    for event in &place.journal {
        run.apply(event)?;
    }
    // In this world time stands still, and nobody waits in it.
    let policy = Policy { backoff: std::time::Duration::ZERO, ..Policy::of(&config::Config::default()) };
    for _ in 0..ENOUGH {
        let end = step(place, &mut run, &policy, &mut |_| {})?;
        match end.reason.map(|reason| reason.code) {
            None | Some(ReasonCode::AgentFailed) => {}
            Some(ReasonCode::UserDispatch) => {
                place.reply = true;
            }
            Some(code) => return Ok(code.to_string()),
        }
    }
    panic!("it steps for ever")
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        Just(Deed::WorkAndCommit),
        Just(Deed::ClaimAndCommit),
        Just(Deed::ClaimUncommitted),
        Just(Deed::Fail),
        Just(Deed::Busy),
        Just(Deed::Nothing),
        Just(Deed::Ask),
        Just(Deed::ClaimAndAsk),
        Just(Deed::BadDispatch),
        Just(Deed::ClaimOnDetachedHead),
    ]
}

fn verdict() -> impl Strategy<Value = CheckVerdict> {
    prop_oneof![
        4 => Just(CheckVerdict::Met),
        2 => Just(CheckVerdict::Unmet),
        1 => Just(CheckVerdict::Inconclusive),
    ]
}

/// A journal without the marks that only a resumed step makes.
fn story(place: &Place) -> Vec<&Event> {
    place.journal.iter().filter(|event| !matches!(event, Event::TurnAdopted { .. })).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// A run cut anywhere, any number of times, ends exactly as the uncut run does: same journal, same turns, same
    /// commits, same messages.
    #[test]
    fn a_run_cut_anywhere_ends_as_the_uncut_one(
        script in prop::collection::vec(prop::collection::vec(deed(), 0..5), 0..4),
        by_runner: bool,
        verdicts in prop::collection::vec(verdict(), 0..4),
        cuts in prop::collection::vec(0u32..12, 0..14),
    ) {
        let new = Place { done: vec![false; script.len()], script, by_runner, verdicts, fuel: ENOUGH, ..Place::default() };
        let mut calm = new.clone();
        let expected = run_to_the_end(&mut calm).expect("nothing cuts it");
        let mut torn = new;
        let mut ended = None;
        for fuel in cuts {
            torn.fuel = fuel;
            match run_to_the_end(&mut torn) {
                Ok(code) => { ended = Some(code); break; }
                Err(Cut::Crash) => {}
                Err(Cut::Journal(error)) => panic!("{error}"),
            }
        }
        torn.fuel = ENOUGH;
        let ended = match ended { Some(ended) => ended, None => run_to_the_end(&mut torn).expect("nothing cuts it") };
        prop_assert_eq!(ended, expected);
        prop_assert_eq!(story(&torn), story(&calm));
        prop_assert_eq!(&torn.started, &calm.started);
        prop_assert_eq!(&torn.commits, &calm.commits);
        prop_assert_eq!(&torn.archived, &calm.archived);
    }

    /// Every line survives the trip through the journal's columns, so a state folded from disk is the state in memory.
    #[test]
    fn the_fold_of_the_written_journal_is_the_state(
        script in prop::collection::vec(prop::collection::vec(deed(), 0..4), 1..3),
        verdicts in prop::collection::vec(verdict(), 0..4),
    ) {
        let mut place = Place { done: vec![false; script.len()], script, verdicts, fuel: ENOUGH, ..Place::default() };
        run_to_the_end(&mut place).expect("nothing cuts it");
        let (mut memory, mut disk) = (RunState::default(), RunState::default());
        for (seq, event) in (1..).zip(&place.journal) {
            memory.apply(event).expect("in order");
            let (ticket, turn, kind, body) = event.columns();
            let read = Event::from_columns(seq, ticket.as_deref(), turn, &kind, &body).expect("readable");
            prop_assert_eq!(&read, event);
            disk.apply(&read).expect("in order");
        }
        prop_assert_eq!(memory, disk);
    }
}

#[test]
fn who_presses_again_and_again_is_let_go_and_the_next_step_goes_on() {
    let mut place = Place { done: vec![false], script: vec![vec![]], fuel: ENOUGH, pressed: true, ..Place::default() };
    let mut run = RunState::default();
    let policy = Policy::of(&config::Config::default());
    let end = step(&mut place, &mut run, &policy, &mut |_| {}).expect("nothing cuts it");
    assert_eq!((end.reason, end.outcome, end.turn), (None, Outcome::None, Some(1)));
    assert!(run.judging().is_some(), "the turn is over and not judged");
    place.pressed = false;
    assert_eq!(run_to_the_end(&mut place).expect("nothing cuts it"), "completed");
    assert_eq!(place.started, [1], "no turn runs twice");
}

#[test]
fn a_step_that_starts_a_turn_says_nothing_of_who_was_passed_over_before() {
    let mut end = StepEnd::default();
    let reason = Reason::new(ReasonCode::ApprovalPending, "x");
    end.note(&Event::RunPaused { ticket: Some(id(0)), reason: reason.clone(), digest: None });
    assert_eq!(end.reason, Some(reason));
    end.note(&Event::TurnStarted(TurnRequest {
        ticket: id(1),
        turn: 1,
        agent: "a".into(),
        commit_only: false,
        head: None,
        stash: None,
        replies: Vec::new(),
        suspect: None,
    }));
    assert_eq!((end.reason, end.ticket), (None, Some(id(1))));
}

#[test]
fn a_finished_run_says_so_and_writes_nothing_more() {
    let mut place = Place { done: vec![false], script: vec![vec![]], fuel: ENOUGH, ..Place::default() };
    assert_eq!(run_to_the_end(&mut place).expect("nothing cuts it"), "completed");
    let lines = place.journal.len();
    assert_eq!(run_to_the_end(&mut place).expect("nothing cuts it"), "completed");
    assert_eq!(place.journal.len(), lines);
    let mut run = RunState::default();
    place.journal.iter().for_each(|event| run.apply(event).expect("in order"));
    assert_eq!(run.life, Life::Completed);
}

#[path = "driver_step_tests.rs"]
mod steps;

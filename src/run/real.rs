//! The real world: implements what the kernel asks for with files, git and child processes. Decides nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::child::Done;
use super::error::RunError;
use super::machine_files::write_request;
use super::patience::{Patience, Woken};
use super::settings::Settings;
use super::survey;
use super::work::Work;
use super::workspace::{Folded, Options, Workspace};
use crate::agent::environment;
use crate::config::AgentKind;
use crate::crash::{Point, point};
use crate::effect::{self};
use crate::flow::{
    Act, Begun, CheckRequest, CheckResult, Event, Evidence, Moment, RunState, SavePurpose, SaveRequest, SaveResult,
    Survey, TurnEnd, TurnRequest, TurnResult, World,
};
use crate::git::{self};
use crate::secret::Screen;
use crate::store::{self, ChoosingLock, Draft, Journal, StoreError, WorktreeLock};
use crate::ticket::TicketId;

/// How often an effect that left no record is begun again before turnstile gives up on it.
pub(super) const MOST_ATTEMPTS: u32 = 3;

/// What is told to whoever watches.
pub enum Progress<'a> {
    /// A line was written to the journal.
    Event(&'a Event),
    /// Something is waited for.
    Waiting {
        /// The turn that runs, if it is one.
        turn: Option<&'a TurnRequest>,
        /// The check that runs, if it is one.
        check: Option<&'a CheckRequest>,
        /// The output of the turn so far.
        output: Option<PathBuf>,
        /// How long it has been waited for.
        since: Duration,
    },
    /// A retry's time is waited for.
    Parked {
        /// The ticket.
        ticket: &'a TicketId,
        /// Until when.
        until: Moment,
        /// How long that is from now.
        left: Duration,
    },
    /// Something that a person should know and that is no event.
    Note(&'a str),
    /// A person asked for the end.
    Interrupted {
        /// How often.
        times: u32,
    },
}

/// The real world of one command.
pub struct Real<'w> {
    pub(super) workspace: &'w mut Workspace,
    pub(super) settings: Settings,
    pub(super) options: Options,
    pub(super) lock: WorktreeLock,
    pub(super) journal: Option<Journal>,
    pub(super) run: Option<String>,
    pub(super) patience: Patience,
    pub(super) progress: &'w mut dyn FnMut(Progress<'_>),
    pub(super) in_flight: Option<InFlight>,
    pub(super) lost_saves: u32,
    pub(super) lost_checks: u32,
    /// Whether the turn in flight has lost its process.
    pub(super) lost_turn: bool,
    /// The turn whose request this process has written.
    pub(super) prepared: Option<u32>,
    /// The lines about triggers that this command takes up; they wait for a run that they can be written to.
    pub(super) received: Vec<Event>,
    choosing: Option<ChoosingLock>,
}

pub(super) struct InFlight {
    directory: PathBuf,
    turn: Option<TurnRequest>,
    check: Option<CheckRequest>,
    begun: std::time::Instant,
}

impl InFlight {
    pub(super) fn check(directory: PathBuf, request: &CheckRequest) -> Self {
        Self { directory, turn: None, check: Some(request.clone()), begun: std::time::Instant::now() }
    }
}

impl<'w> Real<'w> {
    /// Puts the world together; the lock is held for as long as it lives.
    pub(super) fn new(
        workspace: &'w mut Workspace,
        options: Options,
        lock: WorktreeLock,
        progress: &'w mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, RunError> {
        let settings = workspace.settings()?;
        Ok(Self {
            workspace,
            settings,
            options,
            lock,
            journal: None,
            run: None,
            patience: Patience::new()?,
            progress,
            in_flight: None,
            lost_saves: 0,
            lost_checks: 0,
            lost_turn: false,
            prepared: None,
            received: Vec::new(),
            choosing: None,
        })
    }

    pub(super) fn run_id(&self) -> Result<&str, RunError> {
        self.run.as_deref().ok_or_else(|| RunError::Child("no run is open".to_owned()))
    }

    /// What is a secret.
    pub(super) fn screen(&self) -> &Screen {
        &self.workspace.surroundings.screen
    }

    pub(super) fn turn_directory(&self, turn: u32) -> Result<PathBuf, RunError> {
        Ok(self.workspace.layout.turn(self.run_id()?, turn))
    }

    pub(super) fn save_directory(&self, attempt: u32) -> Result<PathBuf, RunError> {
        Ok(self.workspace.layout.run(self.run_id()?).join("saves").join(format!("{attempt:04}")))
    }

    pub(super) fn launch(
        &mut self,
        directory: PathBuf,
        variables: &[(std::ffi::OsString, std::ffi::OsString)],
        turn: Option<TurnRequest>,
    ) -> Result<(), RunError> {
        if !self.lock.still_ours()? {
            return Err(RunError::LockLost);
        }
        effect::launch(&self.workspace.surroundings.program, &directory, variables, &self.workspace.place.top)?;
        tracing::debug!(directory = %directory.display(), "started an effect");
        self.in_flight = Some(InFlight { directory, turn, check: None, begun: std::time::Instant::now() });
        self.patience.begin();
        Ok(())
    }

    /// The environment of turnstile's own children: everything but what would lead git astray.
    pub(super) fn own_variables(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        let policy = crate::config::EnvPolicy { inherit: crate::config::EnvInherit::All, pass: Vec::new() };
        environment(&policy, &[], AgentKind::Command, &self.workspace.surroundings.variables).passed
    }

    /// Runs something in a child process of its own and waits for it: git's locks outlive a killed runner otherwise.
    pub(super) fn in_child(&mut self, directory: &std::path::Path, work: &Work) -> Result<SaveResult, RunError> {
        for _ in 0..MOST_ATTEMPTS {
            if matches!(effect::evidence::<Done>(directory)?, effect::Evidence::NotStarted) {
                write_request(&self.workspace.layout, directory, work)?;
                let variables = self.own_variables();
                self.launch(directory.to_owned(), &variables, None)?;
            }
            loop {
                match effect::evidence::<Done>(directory)? {
                    effect::Evidence::Running => self.pause()?,
                    effect::Evidence::Over(Ok(Done::Save(result))) => return Ok(result),
                    effect::Evidence::Over(Ok(Done::Turn(_) | Done::Check(_))) => {
                        return Err(RunError::Child("a turn was recorded where a commit was asked for".to_owned()));
                    }
                    effect::Evidence::Over(Err(why)) => return Ok(SaveResult::Failed { why }),
                    // It was launched, so its process has died before it said `started`.
                    effect::Evidence::NotStarted => break,
                    effect::Evidence::Lost => {
                        if let Work::Adopt { place, branch, to, .. } = work {
                            git::recover_adopt(place, branch, to, &directory.join("started"))?;
                        }
                        if let Work::Save { place, request } = work
                            && let Some(marker) = &request.marker
                        {
                            git::recover_save(place, marker)?;
                        }
                        clear(directory)?;
                        break;
                    }
                }
            }
        }
        Err(RunError::Child(format!(
            "an effect ended {MOST_ATTEMPTS} times without a record; its log is in {}",
            directory.display()
        )))
    }

    fn pause(&mut self) -> Result<(), RunError> {
        self.choosing = None;
        let woken = self.patience.wait();
        if let Woken::Asked { times } = woken {
            (self.progress)(Progress::Interrupted { times });
        }
        let now = self.patience.asked() > 1 || decided_now(self.workspace)?;
        if let Some(flight) = &self.in_flight {
            let is_program = flight.turn.is_some() || flight.check.is_some();
            if is_program && now {
                effect::ask_to_stop(&flight.directory)?;
            }
            let output = is_program.then(|| flight.directory.join("stdout.log"));
            let (turn, check) = (flight.turn.as_ref(), flight.check.as_ref());
            (self.progress)(Progress::Waiting { turn, check, output, since: flight.begun.elapsed() });
        }
        Ok(())
    }

    /// Removes files in `.tickets/` that a process of ours that is dead never finished writing.
    fn sweep(&self, survey: &mut Survey) -> Result<(), RunError> {
        let dead = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            store::writer_of(name).is_some_and(|process| !effect::is_alive(process))
        };
        let left: Vec<String> = survey.tickets_changes.keys().filter(|path| dead(path)).cloned().collect();
        for path in left {
            store::remove(&self.workspace.layout.top, &path)?;
            survey.tickets_changes.remove(&path);
        }
        Ok(())
    }

    pub(super) fn settled(&mut self, result: Result<Done, String>) -> TurnResult {
        self.in_flight = None;
        match result {
            Ok(Done::Save(_) | Done::Check(_)) => {
                runner_failed("a commit was recorded where a turn was asked for".to_owned())
            }
            Ok(Done::Turn(done)) => {
                self.workspace.handed = done.seen;
                done.result
            }
            Err(why) => runner_failed(why),
        }
    }
}

/// Whether somebody decided on `--now` while a turn runs.
fn decided_now(workspace: &Workspace) -> Result<bool, RunError> {
    let now = |decision: &store::Decision| decision.draft.arguments.get("now").is_some_and(|now| now == true);
    Ok(store::list_decisions(&workspace.layout)?.iter().any(now))
}

fn runner_failed(why: String) -> TurnResult {
    match crate::flow::follow_turn(Evidence::Lost) {
        crate::flow::Follow::Settle(lost) => TurnResult { end: TurnEnd::RunnerFailed { why }, ..lost },
        crate::flow::Follow::Perform | crate::flow::Follow::Wait => unreachable!("a lost turn is settled"),
    }
}

pub(super) fn clear(directory: &std::path::Path) -> Result<(), RunError> {
    match std::fs::remove_dir_all(directory) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StoreError::Remove { path: directory.to_owned(), source }.into()),
    }
}

impl World for Real<'_> {
    type Error = RunError;

    fn survey(&mut self, run: &RunState) -> Result<Survey, RunError> {
        if !self.lock.still_ours()? {
            return Err(RunError::LockLost);
        }
        // A turn is judged by the settings that it began under.
        if run.judging().is_none() {
            self.settings = self.workspace.settings()?;
            // Nobody else may look at which tickets are taken until what is chosen now is written down.
            if self.choosing.is_none() {
                self.choosing = Some(ChoosingLock::acquire(&self.workspace.layout)?);
            }
        }
        let folded = Folded { id: self.run.clone(), state: run.clone() };
        let begun = std::time::Instant::now();
        let mut survey = survey::survey(self.workspace, &self.settings, &folded, &self.options)?;
        self.sweep(&mut survey)?;
        self.workspace.keep_reads();
        tracing::debug!(
            took = ?begun.elapsed(),
            tickets = survey.tickets.len(),
            changes = survey.changes.len(),
            "looked at the worktree"
        );
        Ok(survey)
    }

    fn withhold(&self, event: &mut Event) {
        super::withheld::withhold(self.screen(), event);
    }

    fn prepare(&mut self, run: &RunState, event: &mut Event) -> Result<(), RunError> {
        match event {
            Event::RunStarted { .. } => {
                if let Some(name) = self.options.branch.clone() {
                    self.switch_to_branch(&name)?;
                }
                self.journal = None;
                self.run = Some(super::session::new_run_id(&self.workspace.layout)?);
            }
            Event::TurnStarted(request) => {
                let id = self.run_id()?.to_owned();
                self.prepare_turn(run, request, &id)?;
            }
            Event::VerifyStarted(request) => self.prepare_check(request)?,
            Event::EffectBegun(Begun::Save(begun)) => {
                if begun.save.purpose != SavePurpose::Keep {
                    let run = self.run_id()?.to_owned();
                    let trailers = &mut begun.save.trailers;
                    let behind = trailers.iter().take_while(|(name, _)| name == "Turnstile-Ticket").count();
                    trailers.insert(behind, ("Turnstile-Run".to_owned(), run));
                }
                let directory = self.save_directory(begun.save.attempt)?;
                write_request(&self.workspace.layout, &directory, &self.save_work(&begun.save)?)?;
                point(Point::SavePrepared);
            }
            Event::EffectBegun(Begun::Act(begun)) => match &mut begun.act {
                Act::Archive { sequence, .. } | Act::Request { sequence, .. } => {
                    if let Some(ticket) = &begun.ticket {
                        *sequence = store::next_sequence(&self.workspace.layout, ticket)?;
                    }
                }
                Act::AskApproval { sequence, ticket, .. } => {
                    *sequence = store::next_sequence(&self.workspace.layout, ticket)?;
                }
                Act::Reply { sequence, to, .. } => *sequence = store::next_sequence(&self.workspace.layout, to)?,
                Act::AdoptHead { branch, from, .. } => *from = git::branch_commit(&self.workspace.place, branch)?,
                Act::Restore { .. } | Act::PutBack { .. } | Act::SetDone { .. } | Act::Undo(_) | Act::DropMessage => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn turn(&mut self, request: &TurnRequest) -> Result<Evidence<TurnResult>, RunError> {
        let directory = self.turn_directory(request.turn)?;
        Ok(match effect::evidence::<Done>(&directory)? {
            effect::Evidence::NotStarted => Evidence::NotStarted,
            effect::Evidence::Running => {
                if self.in_flight.is_none() {
                    let begun = std::time::Instant::now();
                    self.in_flight = Some(InFlight { directory, turn: Some(request.clone()), check: None, begun });
                }
                Evidence::Running
            }
            effect::Evidence::Over(result) => {
                point(Point::EffectSeen);
                super::withheld::withhold_in_logs(&self.workspace.layout, self.screen(), &directory)?;
                Evidence::Over(self.settled(result))
            }
            effect::Evidence::Lost => self.lost_turn(request, &directory)?,
        })
    }

    fn is_lost(&self) -> bool {
        self.lost_turn
    }

    fn start_turn(&mut self, request: &TurnRequest) -> Result<(), RunError> {
        let variables = self.agent_variables(request)?;
        self.lost_turn = false;
        let directory = self.turn_directory(request.turn)?;
        self.freshen(&directory, request.turn)?;
        self.launch(directory, &variables, Some(request.clone()))
    }

    fn check(&mut self, request: &CheckRequest) -> Result<Evidence<CheckResult>, RunError> {
        self.check_evidence(request)
    }

    fn start_check(&mut self, request: &CheckRequest) -> Result<(), RunError> {
        self.launch_check(request)
    }

    fn save(&mut self, request: &SaveRequest) -> Result<Evidence<SaveResult>, RunError> {
        let directory = self.save_directory(request.attempt)?;
        Ok(match effect::evidence::<Done>(&directory)? {
            effect::Evidence::NotStarted => Evidence::NotStarted,
            effect::Evidence::Running => Evidence::Running,
            effect::Evidence::Over(result) => {
                point(Point::EffectSeen);
                self.in_flight = None;
                let failed = matches!(result, Ok(Done::Save(SaveResult::Failed { .. })) | Err(_));
                if failed && directory.join("marker").exists() {
                    // It failed while it held git's locks, and could not even let go of them.
                    return self.lost_save(request, &directory);
                }
                Evidence::Over(match result {
                    Ok(Done::Save(result)) => result,
                    Ok(Done::Turn(_) | Done::Check(_)) => {
                        SaveResult::Failed { why: "a turn was recorded where a commit was asked for".to_owned() }
                    }
                    Err(why) => SaveResult::Failed { why },
                })
            }
            effect::Evidence::Lost => self.lost_save(request, &directory)?,
        })
    }

    fn start_save(&mut self, request: &SaveRequest) -> Result<(), RunError> {
        let directory = self.save_directory(request.attempt)?;
        if !directory.join("request.json").exists() {
            write_request(&self.workspace.layout, &directory, &self.save_work(request)?)?;
        }
        let variables = self.own_variables();
        self.launch(directory, &variables, None)
    }

    fn act(&mut self, run: &RunState, act: &Act) -> Result<Vec<Event>, RunError> {
        point(Point::ActBefore);
        let events = self.perform(run, act)?;
        point(Point::ActDone);
        Ok(events)
    }

    fn is_pressed(&mut self) -> bool {
        // The first asks for no further turn, the second ends this one.
        self.patience.poll() > 2
    }

    fn wait(&mut self) -> Result<(), RunError> {
        self.pause()
    }

    fn append(&mut self, run: &RunState, events: &[Event]) -> Result<(), RunError> {
        let _ = run;
        if !self.lock.still_ours()? {
            return Err(RunError::LockLost);
        }
        let id = self.run_id()?.to_owned();
        let fresh = self.journal.is_none();
        if fresh {
            self.journal = Some(Journal::begin(&self.workspace.layout.journal(&id), &id));
        }
        let mut received = std::mem::take(&mut self.received);
        for event in &mut received {
            self.withhold(event);
        }
        // They belong to the run, and come before all that it does.
        let (begins, rest) = events.split_at(usize::from(matches!(events.first(), Some(Event::RunStarted { .. }))));
        let drafts: Vec<Draft> = begins.iter().chain(&received).chain(rest).map(draft).collect();
        for draft in &drafts {
            tracing::debug!(kind = draft.kind, ticket = draft.ticket, turn = draft.turn, "writes down");
        }
        if let Some(journal) = &mut self.journal {
            journal.append(&drafts, &Workspace::now())?;
        }
        if fresh {
            // Not before the first line is on the disk: whatever a pointer names has a journal.
            point(Point::RunPointer);
            store::set_current_run(&self.workspace.layout, &id)?;
        }
        self.choosing = None;
        for event in begins.iter().chain(&received).chain(rest) {
            (self.progress)(Progress::Event(event));
            if let Some(id) = served(event) {
                point(Point::DecisionServed);
                store::drop_decision(&self.workspace.layout, id)?;
            }
        }
        Ok(())
    }
}

fn served(event: &Event) -> Option<&str> {
    match event {
        Event::DecisionStored { id, .. } => Some(id),
        _ => None,
    }
}

/// A line of the journal.
pub(super) fn draft(event: &Event) -> Draft {
    let (ticket, turn, kind, body) = event.columns();
    Draft { ticket, turn, kind, body }
}

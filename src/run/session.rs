//! The command that makes steps until something else is needed: lock, steps, and what is looked at behind them.

use super::driver::{StepEnd, step};
use super::error::RunError;
use super::hub_sync::Synced;
use super::missing::nothing_is_missing;
use super::parked::{Waited, interrupted_wait};
use super::passing::passed_over;
use super::prune::DAYS;
use super::real::{Progress, Real, draft};
use super::triggers::{received, tell};
use super::workspace::{Folded, Options, Workspace, fold};
use crate::flow::{AskedBy, Event, Life, Outcome, Policy, Reason, ReasonCode, RunState, World as _, preview};
use crate::git;
use crate::store::{self, Draft, Holder, Journal, JournalError, LockError, WorktreeLock};
use crate::trigger::Kept;

/// How far a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// One step.
    Step,
    /// Until something else is needed.
    Needed,
}

/// What a command came to.
#[derive(Debug)]
pub struct DriveEnd {
    /// Its last step.
    pub last: StepEnd,
    /// How many steps there were.
    pub steps: u32,
    /// The run's id.
    pub run: Option<String>,
    /// The run as it stands.
    pub state: RunState,
    /// Turns that the command may still start.
    pub turns_left: Option<u32>,
}

/// What is said of triggers that nobody can serve and that stay.
pub fn left_lying(error: &RunError) -> String {
    format!("what killed hooks and worktrees that are gone have left is still there: {}", error.in_full())
}

impl Workspace {
    /// Who takes the lock, for whoever finds it taken.
    pub(super) fn holder(&self) -> Holder {
        Holder { pid: std::process::id(), since: Self::now(), command: self.surroundings.command.clone() }
    }

    /// Makes steps until something else is needed.
    pub fn drive(
        &mut self,
        until: Until,
        options: &Options,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<DriveEnd, RunError> {
        let lock = match WorktreeLock::acquire(&self.layout, &self.holder()) {
            Ok(lock) => lock,
            Err(error @ LockError::Busy { .. }) => return self.busy(&error),
            Err(LockError::Io { path, source }) => {
                let message = format!("the lock {} cannot be made: {source}", path.display());
                let end = Ok(refused(Reason::new(ReasonCode::RepositoryState, message), None, RunState::default()));
                if let Some(taken) = self.take_up(until, options)? {
                    tell(self.settle_triggers(&taken, &end, options.asked_by), progress);
                }
                return end;
            }
            Err(error) => return Err(error.into()),
        };
        if let Err(error) = self.sweep_triggers() {
            progress(Progress::Note(&left_lying(&error)));
        }
        let taken = self.take_up(until, options)?;
        let mut end = self.steps(until, options, taken.as_deref().unwrap_or_default(), lock, progress);
        if let Some(taken) = &taken {
            tell(self.settle_triggers(taken, &end, options.asked_by), progress);
        }
        if let Ok(end) = &mut end {
            self.serve_late(end, progress)?;
        }
        end
    }

    fn steps(
        &mut self,
        until: Until,
        options: &Options,
        taken: &[Kept],
        lock: WorktreeLock,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<DriveEnd, RunError> {
        let mut world = Real::new(self, options.clone(), lock, progress)?;
        world.received = received(taken);
        let mut state = match world.load() {
            Ok(state) => state,
            Err(error) => match error.unreadable_journal() {
                Some(reason) => return Ok(refused(reason, world.run.clone(), RunState::default())),
                None => return Err(error),
            },
        };
        if let Some(branch) = &options.branch {
            world.may_switch_to_branch(&state, branch)?;
        }
        // Where `.tickets` is no folder, the survey says so in our own words; git would only fail.
        let is_folder = world.workspace.layout.tickets().symlink_metadata().is_ok_and(|found| found.is_dir());
        if is_folder && state.life == Life::None && git::is_ignored(&world.workspace.place, ".tickets/ticket.md")? {
            (world.progress)(Progress::Note(
                "git ignores `.tickets/`: what lies there is kept with every turn, and never committed to a branch",
            ));
        }
        let before = (world.run.clone(), state.life);
        if state.life == Life::Open && !world.received.is_empty() {
            world.append(&state, &[])?;
        }
        if let Err(error) = world.workspace.recover_pruning() {
            world.note(&format!(
                "what a `turnstile prune` that was killed has left is still there: {}",
                error.in_full()
            ));
        }
        match world.sync(&mut state)? {
            Synced::Gone => return Ok(refused(branch_gone(), world.run.clone(), state)),
            Synced::Stands(reason) => return Ok(refused(reason, world.run.clone(), state)),
            Synced::Same | Synced::Moved => {}
        }
        world.tell_what_differs()?;
        let mut rules = world.rules(options);
        let mut steps = 0;
        // What lies there from the beginning is looked at by the first step; what came meanwhile calls for one more.
        let mut known = world.workspace.waiting_decisions(&state)?;
        let last = loop {
            // Whoever typed the command says that the worktree is as it should be.
            if options.asked_by != AskedBy::Person {
                world.await_callers()?;
            }
            rules = Policy { turns_left: rules.turns_left, ..world.rules(options) };
            let mut turns = 0;
            let mut count = |event: &Event| turns += u32::from(matches!(event, Event::TurnStarted(_)));
            let end = match step(&mut world, &mut state, &rules, &mut count) {
                Ok(end) => end,
                Err(error) => match world.blamed(&error) {
                    Some(reason) => break broken(&state, reason, Outcome::Failed),
                    None => match error.reason() {
                        Some(ReasonCode::Invalid) => {
                            let reason = Reason::new(ReasonCode::Invalid, error.told());
                            break broken(&state, reason, Outcome::None);
                        }
                        Some(code) if code == ReasonCode::GitFailed => {
                            let message = format!("{}; the next `turnstile run` tries again", error.in_full());
                            break broken(&state, Reason::new(code, message), Outcome::Failed);
                        }
                        Some(_) | None => return Err(error),
                    },
                },
            };
            let is_awaited = until == Until::Needed && options.asked_by == AskedBy::Person;
            if is_awaited && rules.turns_left != Some(0) {
                match world.wait_for_retry(&state, &end)? {
                    Waited::Not => {}
                    Waited::Over => continue,
                    Waited::Interrupted => break interrupted_wait(end),
                }
            }
            steps += 1;
            rules.turns_left = rules.turns_left.map(|left| left.saturating_sub(turns));
            let interrupted = world.patience.poll() > 0;
            let waiting = world.workspace.waiting_decisions(&state)?;
            let decided = waiting.iter().any(|id| !known.contains(id));
            known = waiting;
            let passed = passed_over(&end, &rules).filter(|_| until == Until::Needed);
            if let Some(told) = &passed {
                world.note(told);
            }
            let synced = world.sync(&mut state)?;
            let synced = match synced {
                Synced::Gone => break StepEnd { reason: Some(branch_gone()), ..end },
                Synced::Stands(reason) => break StepEnd { reason: Some(reason), ..end },
                Synced::Same | Synced::Moved => synced,
            };
            let goes_on = (end.reason.is_none() && end.outcome != Outcome::None)
                || decided
                || passed.is_some()
                || synced == Synced::Moved;
            // Where nothing is open any more, the end of the run is one look away and nothing was interrupted.
            let cut =
                interrupted && (end.reason.is_none() || passed.is_some()) && !is_complete(&mut world, &state, &rules)?;
            if cut {
                break with_interruption(end);
            }
            if until == Until::Step || !goes_on {
                break end;
            }
        };
        note_pause(&mut world, &mut state, &last);
        world.tidy_up(&before, state.life);
        Ok(DriveEnd { last, steps, run: world.run.clone(), state, turns_left: rules.turns_left })
    }

    fn busy(&self, error: &LockError) -> Result<DriveEnd, RunError> {
        let Folded { id, state } = self.folded()?;
        let reason =
            Reason::new(ReasonCode::Busy, format!("{error}; wait for its end, or look with `turnstile status`"));
        Ok(refused(reason, id, state))
    }
}

impl Real<'_> {
    fn note(&mut self, text: &str) {
        (self.progress)(Progress::Note(text));
    }

    /// A run that goes on by a copy of the config says what it goes on without.
    fn tell_what_differs(&mut self) -> Result<(), RunError> {
        if let Some(told) = self.workspace.differs_told()? {
            self.note(&told);
        }
        Ok(())
    }

    /// Where a run came to its end, old ones are dropped. Whatever becomes of that, it is no end of this run.
    pub(super) fn tidy_up(&mut self, before: &(Option<String>, Life), now: Life) {
        let over = matches!(now, Life::Completed | Life::Stopped);
        if !over || *before == (self.run.clone(), now) {
            return;
        }
        match self.workspace.prune_at_the_end() {
            Ok(dropped) if dropped.is_empty() => {}
            Ok(dropped) => self.note(&format!(
                "dropped the kept trees and logs of {} run(s) older than {DAYS} days; their journals stay",
                dropped.len()
            )),
            Err(error) => self.note(&format!("old runs were not dropped: {}", error.in_full())),
        }
    }

    /// What an error comes from if the run's own record is gone, or holds something else than was written.
    fn blamed(&self, error: &RunError) -> Option<Reason> {
        let path = self.workspace.layout.journal(self.run.as_deref()?);
        let is_gone = self.journal.is_some() && !path.exists();
        let why = || format!("it is gone, while its run was under way ({})", error.in_full());
        let gone = is_gone.then(|| RunError::from(JournalError::Unreadable { path, line: 0, why: why() }));
        gone.as_ref().unwrap_or(error).unreadable_journal()
    }

    /// Folds the journal of the worktree's last run, mends a torn tail, and forgets decisions that were served.
    pub(super) fn load(&mut self) -> Result<RunState, RunError> {
        let layout = self.workspace.layout.clone();
        let place = self.workspace.place.clone();
        let Some(id) = store::current_run(&layout)? else {
            nothing_is_missing(&place, &layout, &Folded::default())?;
            return Ok(RunState::default());
        };
        self.run = Some(id.clone());
        let (mut journal, lines, repair) = Journal::open(&layout.journal(&id), &id)?;
        let mut state = fold(&lines)?;
        let folded = Folded { id: Some(id), state };
        nothing_is_missing(&place, &layout, &folded)?;
        state = folded.state;
        if let Some(repair) = repair {
            let event = Event::JournalRepaired { bytes: repair.bytes };
            let drafts: [Draft; 1] = [draft(&event)];
            journal.append(&drafts, &Workspace::now())?;
            state.apply(&event)?;
        }
        self.journal = Some(journal);
        for decision in store::list_decisions(&layout)? {
            if state.served.contains(&decision.id) {
                store::drop_decision(&layout, &decision.id)?;
            }
        }
        Ok(state)
    }

    /// Whether `--branch` can be had; nothing is made before a run begins.
    fn may_switch_to_branch(&self, state: &RunState, name: &str) -> Result<(), RunError> {
        if state.life == Life::Open {
            let branch = state.branch.clone().unwrap_or_else(|| "a detached HEAD".to_owned());
            return Err(RunError::OpenRun { branch });
        }
        if self.is_on_branch(name)? {
            return Ok(());
        }
        git::check_new_branch(&self.workspace.place, name).map_err(RunError::BranchName)
    }

    /// Makes the branch that `--branch` asks for and switches to it, unless it is checked out already.
    pub(super) fn switch_to_branch(&self, name: &str) -> Result<(), RunError> {
        if self.is_on_branch(name)? {
            return Ok(());
        }
        Ok(git::create_branch_here(&self.workspace.place, name)?)
    }

    fn is_on_branch(&self, name: &str) -> Result<bool, RunError> {
        let head = git::head(&self.workspace.place)?;
        Ok(head.branch.as_deref() == Some(&format!("refs/heads/{name}")))
    }
}

/// A run id: when, and four letters against two at once.
pub(super) fn new_run_id(layout: &store::Layout) -> Result<String, RunError> {
    use sha2::{Digest as _, Sha256};
    let now = jiff::Timestamp::now();
    let stamp = now.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d-%H%M%S").to_string();
    for attempt in 0u32..1000 {
        let seed = format!("{now}{}{attempt}", std::process::id());
        let digest = Sha256::digest(seed.as_bytes());
        let tail: String = digest
            .iter()
            .take(4)
            .map(|byte| char::from(b"abcdefghjkmnpqrstuvwxyz23456789"[usize::from(*byte) % 31]))
            .collect();
        let id = format!("{stamp}-{tail}");
        if !layout.run(&id).exists() {
            return Ok(id);
        }
    }
    Err(RunError::Child("no name for a new run could be found".to_owned()))
}

fn branch_gone() -> Reason {
    Reason::new(ReasonCode::Stopped, "the branch that was worked on here was removed")
}

fn refused(reason: Reason, run: Option<String>, state: RunState) -> DriveEnd {
    DriveEnd { last: StepEnd { reason: Some(reason), ..StepEnd::default() }, steps: 0, run, state, turns_left: None }
}

/// A step that an error cut short; what it was about is what it judged.
fn broken(state: &RunState, reason: Reason, outcome: Outcome) -> StepEnd {
    let mut end = StepEnd { reason: Some(reason), outcome, ..StepEnd::default() };
    if let Some(judging) = state.judging() {
        end.judges(judging);
    }
    end
}

/// Writes down a pause that no verdict has: whoever looks later is told the same as whoever waited. Where that cannot
/// be written, what is told now has to do.
fn note_pause(world: &mut Real<'_>, state: &mut RunState, end: &StepEnd) {
    let noted = |reason: &&Reason| matches!(reason.code, ReasonCode::Interrupted | ReasonCode::GitFailed);
    let Some(reason) = end.reason.as_ref().filter(noted) else { return };
    if state.life != Life::Open || state.last_pause.as_ref() == Some(reason) {
        return;
    }
    let mut event = Event::RunPaused { ticket: None, reason: reason.clone(), digest: None };
    world.withhold(&mut event);
    if let Err(error) = world.append(state, std::slice::from_ref(&event)) {
        tracing::debug!(%error, "the pause is not written down");
    } else if let Err(error) = state.apply(&event) {
        tracing::debug!(%error, "the pause does not follow");
    }
}

/// Whether the next step would find nothing open.
fn is_complete(world: &mut Real<'_>, state: &RunState, rules: &Policy) -> Result<bool, RunError> {
    if state.life != Life::Open {
        return Ok(true);
    }
    let mut survey = world.survey(state)?;
    let next = preview(state, &mut survey, rules);
    Ok(next.reason.is_some_and(|reason| reason.code == ReasonCode::Completed))
}

fn with_interruption(end: StepEnd) -> StepEnd {
    let message = "the run was interrupted after its turn; `turnstile run` goes on";
    StepEnd { reason: Some(Reason::new(ReasonCode::Interrupted, message)), ..end }
}

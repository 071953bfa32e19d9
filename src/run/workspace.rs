//! A worktree and everything that turnstile keeps about it: where it is, its settings, its tickets, its run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::RunError;
use super::handed::{HandedLook, to_store};
use super::hub_files::{self, HubBranch};
use super::hub_told::Pushed;
use super::survey;
use crate::config::Config;
use crate::effect;
use crate::flow::{self, AskedBy, Event, Policy, Preview, RunState, Survey};
use crate::git::{self, GitError, Place, Uncommitted};
use crate::secret::Screen;
use crate::store::{self, Journal, Layout, Line, Links, LockError, Scanned, StoredCopy};
use crate::ticket::{Frontmatter, Read, TicketId};

/// What the process around us gives.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Every environment variable.
    pub variables: Vec<(OsString, OsString)>,
    /// This program.
    pub program: PathBuf,
    /// Who types.
    pub who: String,
    /// What was typed, for the holder of the lock.
    pub command: String,
    /// How long a program that is asked to end may take.
    pub grace: Duration,
    /// How long the first retry of an error that may pass is waited for.
    pub backoff: Duration,
    /// What is a secret.
    pub screen: Arc<Screen>,
    /// Whether who types trusts whatever lies here (`TURNSTILE_TRUST=1`): looking tells what a step would do then.
    pub trusts: bool,
}

/// What a command asks of a step.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Take the user's uncommitted changes as they are.
    pub allow_dirty: bool,
    /// Work on a detached HEAD.
    pub allow_detached: bool,
    /// Work on these tickets and what they depend on.
    pub only: Option<Vec<TicketId>>,
    /// At most so many turns.
    pub max_turns: Option<u32>,
    /// Start the run on a new branch.
    pub branch: Option<String>,
    /// Who asks.
    pub asked_by: AskedBy,
    /// Look as if everything here were trusted: a step with `--trust` trusts it first.
    pub trusts: bool,
}

/// A worktree.
#[derive(Debug)]
pub struct Workspace {
    /// Where git says it is.
    pub place: Place,
    /// Where everything lies.
    pub layout: Layout,
    /// What the process around us gives.
    pub surroundings: Surroundings,
    pub(super) scanned: Option<Scanned>,
    /// The last look at the worktree, until it is used up.
    pub(super) seen: Option<Uncommitted>,
    pub(super) judged: Option<survey::JudgedTickets>,
    /// What the child of a turn saw as it was over, until the look that it may stand for.
    pub(super) handed: Option<HandedLook>,
    /// The config and the templates that count here in place of those in the worktree.
    pub copy: Option<StoredCopy>,
    /// The branch of a bare repository that is worked on here.
    pub hub: Option<HubBranch>,
}

/// The run of a worktree, folded from its journal.
#[derive(Debug, Default)]
pub struct Folded {
    /// The run's id; none where none has begun.
    pub id: Option<String>,
    /// What its journal comes to.
    pub state: RunState,
}

/// A look at a worktree without its lock.
#[derive(Debug)]
pub struct View {
    /// The run's id; none where none has begun.
    pub id: Option<String>,
    /// The run as its journal says.
    pub run: RunState,
    /// The run as a new step would find it: the open one, or the one that would begin.
    pub working: RunState,
    /// The worktree.
    pub survey: Survey,
    /// The rules.
    pub policy: Policy,
    /// What a step would do.
    pub preview: Preview,
    /// Who holds the lock, as a sentence.
    pub busy: Option<String>,
    /// Whether a turn is under way: its agent works on, whether or not anybody waits for it.
    pub turn_runs: bool,
    /// In the worktree of a pushed branch: what comes in or goes out before anything else, as a sentence.
    pub pushed: Option<String>,
}

impl View {
    /// The run in which the next step decides; behind the end of one it is the one that would begin.
    pub fn next_run(&self) -> RunState {
        let run = &self.preview.run;
        match run.life {
            flow::Life::Open => run.clone(),
            flow::Life::None | flow::Life::Completed | flow::Life::Stopped => run.successor(&self.survey),
        }
    }

    /// What the next step does before anything else; while another command holds the lock, it may be at it.
    pub fn first(&self) -> Option<String> {
        self.run.cut_undo().or_else(|| self.pushed.clone()).filter(|_| self.busy.is_none())
    }

    /// The limit that would stop the next step.
    pub fn limit(&self) -> Option<flow::Refusal> {
        let limit = self.preview.run.limit.as_ref()?;
        self.preview.reason.as_ref().filter(|reason| reason.code == limit.code).map(|_| limit.clone())
    }

    /// Whether the run's journal cannot be read, so that nothing is known of the run.
    pub fn is_journal_unreadable(&self) -> bool {
        let reason = self.preview.reason.as_ref();
        reason.is_some_and(|reason| reason.code == flow::ReasonCode::JournalUnreadable)
    }
}

impl Workspace {
    /// Finds the worktree around a folder.
    pub fn open(start: &Path, surroundings: Surroundings) -> Result<Self, RunError> {
        git::mind_variables(surroundings.variables.iter().map(|(name, _)| name.as_os_str()));
        let place = git::discover(start)?;
        let layout = layout_of(&place);
        let mut surroundings = surroundings;
        if surroundings.who.is_empty() {
            // Only a name is wanted; that there is none to commit with is said where somebody would commit.
            let identity = git::identity(&place).ok().flatten();
            surroundings.who = identity.map_or_else(|| "somebody".to_owned(), |(name, _)| name);
        }
        let is_below = layout.top.starts_with(layout.hub());
        let hub = if is_below { hub_files::read(&layout, &layout.worktree)? } else { None };
        // A store that trusts nothing has no copy either; what lies here is then asked for like everywhere.
        let copy = if hub.is_some() { store::stored_copy(&layout.common_dir)?.ok().flatten() } else { None };
        Ok(Self { place, layout, surroundings, scanned: None, seen: None, judged: None, handed: None, copy, hub })
    }

    /// The time, as it is written down.
    pub fn now() -> String {
        format!("{:.3}", jiff::Timestamp::now())
    }

    /// The time, as the kernel takes it.
    pub fn moment() -> flow::Moment {
        flow::Moment::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    /// All tickets, read anew only where they changed since the last look.
    pub fn reads(&mut self) -> Result<&[Read], RunError> {
        let scanned = self.scanned.get_or_insert_default();
        store::scan(&self.layout, scanned)?;
        Ok(scanned.reads(&self.layout)?)
    }

    /// One look at everything in the worktree: all tickets, read anew where they changed, and what is uncommitted.
    ///
    /// The first look of a process begins with the tickets as an earlier one read them; not while an agent's turn is
    /// open, for what it could have written is not taken for what turnstile saw.
    pub(super) fn look_at_worktree(&mut self, run: &RunState) -> Result<Result<Uncommitted, GitError>, RunError> {
        if let (Some(handed), Some(known)) = (self.handed.take(), &self.scanned)
            && let Some(uncommitted) = handed.if_it_holds(&self.place, known)
        {
            tracing::debug!("what the turn's own process saw as it ended still holds");
            return Ok(Ok(uncommitted));
        }
        let began = SystemTime::now();
        let recalls = self.scanned.is_none() && run.turning().is_none() && run.judging().is_none();
        let layout = &self.layout;
        let load = || if recalls { Scanned::load(layout, &self.surroundings.program) } else { Scanned::default() };
        let scanned = self.scanned.take().unwrap_or_else(load);
        let seen = git::look(&self.place);
        let scanned = self.scanned.insert(scanned);
        let (uncommitted, listed) = match seen {
            Ok((uncommitted, listed)) => (Ok(uncommitted), listed),
            Err(error) => (Err(error), None),
        };
        match listed {
            Some(listed) => {
                store::scan_listed(layout, scanned, to_store(listed), began)?;
            }
            None => store::scan(layout, scanned)?,
        }
        Ok(uncommitted)
    }

    /// Keeps the tickets for the next process, and what was concluded of them.
    pub(super) fn keep_reads(&mut self) {
        let (Some(scanned), Some(judged)) = (&mut self.scanned, &mut self.judged) else { return };
        let is_new = scanned.can_conclude() && (!judged.is_kept || scanned.concluded().is_none());
        let concluded = if is_new { judged.to_bytes() } else { None };
        match scanned.keep(&self.layout, &self.surroundings.program, concluded.as_deref()) {
            Ok(()) => judged.is_kept |= is_new,
            // They can be read again at any time.
            Err(error) => tracing::debug!(%error, "the tickets that were read are not kept"),
        }
    }

    /// The tickets as the last look found them.
    pub(super) fn reads_of_the_look(&mut self) -> Result<&[Read], RunError> {
        Ok(self.scanned.get_or_insert_default().reads(&self.layout)?)
    }

    /// The tickets as the last look found them; nothing is read.
    pub fn last_reads(&self) -> &[Read] {
        self.scanned.as_ref().map_or(&[], Scanned::known_reads)
    }

    /// What the frontmatter of a ticket says, from the file itself: of the last look no more may be known than that no
    /// ticket changed. None where it cannot be read, which its faults say.
    pub(super) fn front_of(&self, ticket: &TicketId) -> Result<Option<Frontmatter>, RunError> {
        let source = store::read_source(&self.layout.top, &ticket.path(), Links::Any)?.ok().flatten();
        Ok(source.and_then(|source| crate::ticket::read(&source).0).map(|ticket| ticket.front))
    }

    /// The worktree's last run, without taking a lock.
    pub fn folded(&self) -> Result<Folded, RunError> {
        let folded = match store::current_run(&self.layout)? {
            None => Folded::default(),
            Some(id) => Folded { state: fold(&Journal::read(&self.layout.journal(&id))?)?, id: Some(id) },
        };
        super::missing::nothing_is_missing(&self.place, &self.layout, &folded)?;
        Ok(folded)
    }

    /// Whether a reply lies in the worktree.
    pub fn has_reply(&self) -> Result<bool, RunError> {
        Ok(store::look_reply(&self.layout)?.is_some())
    }

    /// Whether a reply that was given during a turn is kept outside the worktree.
    pub fn keeps_reply(&self) -> Result<bool, RunError> {
        Ok(store::list_decisions(&self.layout)?.iter().any(|decision| decision.draft.kind == "reply"))
    }

    /// The lines of the worktree's last run.
    pub fn lines(&self) -> Result<Vec<Line>, RunError> {
        match store::current_run(&self.layout)? {
            Some(id) => Ok(Journal::read(&self.layout.journal(&id))?),
            None => Ok(Vec::new()),
        }
    }

    /// What turns of the open run have left out of the kept trees up to now: it is named once. It is read when somebody
    /// asks.
    pub fn left_out_before(&self) -> impl FnOnce() -> BTreeSet<String> + use<> {
        let run = store::current_run(&self.layout).ok().flatten();
        let journal = run.map(|run| self.layout.journal(&run));
        let length = journal.as_ref().and_then(|journal| Some(journal.metadata().ok()?.len())).unwrap_or_default();
        move || journal.map(|journal| left_out_in(&journal, length)).unwrap_or_default()
    }

    /// Looks at everything a step would look at, writes nothing and takes no lock.
    pub fn look(&mut self, options: &Options) -> Result<View, RunError> {
        let settings = self.settings()?;
        let (folded, unreadable) = match self.folded() {
            Ok(folded) => (folded, None),
            Err(error) => match error.unreadable_journal() {
                Some(reason) => (Folded { id: store::current_run(&self.layout)?, ..Folded::default() }, Some(reason)),
                None => return Err(error),
            },
        };
        let options = &Options { trusts: options.trusts || self.surroundings.trusts, ..options.clone() };
        let mut survey = survey::survey(self, &settings, &folded, options)?;
        let policy = policy(&settings.config, options, &self.surroundings);
        // Whoever only looks may want to know more of a ticket than a decision does.
        self.reads_of_the_look()?;
        let (pushed, stands) = match self.pushed(&folded.state)? {
            Pushed::Nothing => (None, None),
            Pushed::First(pushed) => (Some(pushed), None),
            Pushed::Stands(reason) => (None, Some(reason)),
        };
        let preview = match unreadable.or(stands) {
            Some(reason) => Preview::stopped(reason, folded.state.clone()),
            None => flow::preview(&folded.state, &mut survey, &policy),
        };
        let working = match folded.state.life {
            flow::Life::Open => folded.state.clone(),
            flow::Life::None | flow::Life::Completed | flow::Life::Stopped => folded.state.successor(&survey),
        };
        let busy = match store::look_at_lock(&self.layout) {
            Ok(()) => None,
            Err(error @ LockError::Busy { .. }) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        let turn_runs = match (&folded.id, folded.state.turning()) {
            (Some(id), Some(request)) => effect::is_running(&self.layout.turn(id, request.turn))?,
            (Some(_) | None, _) => false,
        };
        Ok(View { id: folded.id, run: folded.state, working, survey, policy, preview, busy, turn_runs, pushed })
    }
}

/// What the turns of a run left out of the kept trees, as long as its journal was so long; nothing where the run was
/// over.
fn left_out_in(journal: &Path, length: u64) -> BTreeSet<String> {
    // A journal that cannot be read is named by the step itself.
    let lines = Journal::read_until(journal, length).unwrap_or_default();
    let is_over = lines.last().is_some_and(|last| ["run.completed", "run.stopped"].contains(&last.kind.as_str()));
    let of_turns = lines.iter().filter(|line| !is_over && line.kind.starts_with("turn."));
    of_turns
        .filter_map(|line| line.body.get("left_out")?.as_array())
        .flatten()
        .filter_map(|left| left.as_str().map(str::to_owned))
        .collect()
}

/// Where everything of a worktree lies.
pub(super) fn layout_of(place: &Place) -> Layout {
    if place.git_dir == place.common_dir {
        Layout::main(place.top.clone(), place.common_dir.clone())
    } else {
        Layout::linked(place.top.clone(), place.common_dir.clone(), &place.worktree)
    }
}

/// The rules of a command.
pub(super) fn policy(config: &Config, options: &Options, surroundings: &Surroundings) -> Policy {
    Policy {
        backoff: surroundings.backoff,
        allow_dirty: options.allow_dirty,
        only: options.only.clone(),
        turns_left: options.max_turns,
        asked_by: options.asked_by,
        ..Policy::of(config)
    }
}

/// Folds a journal.
pub(super) fn fold(lines: &[Line]) -> Result<RunState, RunError> {
    let mut state = RunState::default();
    for line in lines {
        state.apply(&event(line)?)?;
    }
    Ok(state)
}

/// Reads one line of a journal.
pub fn event(line: &Line) -> Result<Event, RunError> {
    Ok(Event::from_columns(line.seq, line.ticket.as_deref(), line.turn, &line.kind, &line.body)?)
}

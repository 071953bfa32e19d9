//! Undoing turns: which files get which content. What the turns did is in `undo_history`, the act itself in `give_back`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::contract::says_done;
use super::error::RunError;
use super::give_back::{command_back, lies, ticket_of, what, with_done};
use super::real::{Progress, Real};
use super::undo_history::{Answer, History, Records};
use super::work::reference;
use super::workspace::{Options, Workspace, policy};
use crate::config::CheckpointMode;
use crate::flow::{
    Act, ActBegun, Begun, Event, Gets, Life, Phase, ReasonCode, RunState, UndoCommit, UndoFile, UndoRequest, Undone,
    World as _,
};
use crate::git::{self, Blob, Place};
use crate::store::{Journal, WorktreeLock};
use crate::text::shown_line;
use crate::ticket::TicketId;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UndoAsked {
    /// The first turn; the last one that is over where none is named.
    pub turn: Option<u32>,
    /// Single files, and what lies below single folders; everything where none is named.
    pub paths: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoEnd {
    /// It was made.
    Made {
        /// The run.
        run: String,
        /// What was written down.
        undone: Box<Undone>,
        /// Where the files that lay there are kept, if there were any.
        kept: Option<PathBuf>,
        /// The command that takes it back.
        back: String,
        /// Whether the ticket whose work it is can be worked on.
        goes_on: bool,
        /// Whether it was one that an earlier command had begun.
        finished: bool,
    },
    /// Every file is as it was before these turns.
    Nothing {
        /// The run.
        run: String,
        /// The first turn.
        from: u32,
        /// The last one.
        through: u32,
    },
    /// It cannot be made, and nothing was changed.
    Refused(UndoRefused),
}

/// Why an undo cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoRefused {
    /// A step is under way, or one that is not over was left.
    Busy(String),
    /// There is no such turn, or no such file in it.
    Unknown(String),
    /// Somebody else has changed these since.
    Changed(Vec<String>),
    /// The repository or the run is in a state in which nothing can be undone.
    State(String),
}

impl Workspace {
    /// Undoes turns of the worktree's run.
    pub fn undo(&mut self, asked: &UndoAsked, progress: &mut dyn FnMut(Progress<'_>)) -> Result<UndoEnd, RunError> {
        let lock = WorktreeLock::acquire(&self.layout, &self.holder())?;
        let mut world = Real::new(self, Options::default(), lock, progress)?;
        let mut state = world.load()?;
        let begun = match state.phase() {
            Phase::Acting(Act::Undo(request)) => Some((**request).clone()),
            Phase::Turning(request) => {
                let why = format!("turn {} of {} is under way, or nobody has judged it", request.turn, request.ticket);
                return Ok(UndoEnd::Refused(UndoRefused::Busy(why)));
            }
            Phase::Checking(request) => {
                let why = format!("a check of {} is under way, or nobody has judged it", request.ticket);
                return Ok(UndoEnd::Refused(UndoRefused::Busy(why)));
            }
            Phase::Saving(_) | Phase::Acting(_) => {
                let why = "an earlier step was cut short and left something open".to_owned();
                return Ok(UndoEnd::Refused(UndoRefused::Busy(why)));
            }
            Phase::Quiet(_) => None,
        };
        let Some(run) = world.run.clone() else {
            let why = "no turn is over yet in this worktree's run".to_owned();
            return Ok(UndoEnd::Refused(UndoRefused::Unknown(why)));
        };
        let finished = begun.is_some();
        let (request, back) = if let Some(request) = begun {
            (request, String::new())
        } else {
            let mut found = match world.plan(&state, &run, asked)? {
                Ok(found) => found,
                Err(refused) => return Ok(UndoEnd::Refused(refused)),
            };
            if found.request.files.is_empty() {
                let UndoRequest { from, through, .. } = found.request;
                return Ok(UndoEnd::Nothing { run, from, through });
            }
            let act = Act::Undo(Box::new(found.request));
            let begun = ActBegun { ticket: Some(found.owner.clone()), turn: Some(found.from), act };
            let mut event = Event::EffectBegun(Begun::Act(begun));
            world.withhold(&mut event);
            world.append(&state, std::slice::from_ref(&event))?;
            state.apply(&event)?;
            let Phase::Acting(Act::Undo(request)) = state.phase() else {
                return Err(RunError::Child("the undo was not begun".to_owned()));
            };
            (request.as_ref().clone(), std::mem::take(&mut found.back))
        };
        let mut events = world.act(&state, &Act::Undo(Box::new(request)))?;
        for event in &mut events {
            world.withhold(event);
        }
        world.append(&state, &events)?;
        for event in &events {
            state.apply(event)?;
        }
        let Some(Event::UndoMade(undone)) = events.into_iter().next() else {
            return Err(RunError::Child("the undo was not written down".to_owned()));
        };
        let goes_on = world.is_open(&state, &undone.ticket)?;
        let folder = world.workspace.layout.turn(&run, undone.turn).join("overwritten");
        let kept = folder.is_dir().then_some(folder);
        Ok(UndoEnd::Made { run, undone: Box::new(undone), kept, back, goes_on, finished })
    }
}

/// An undo as it can be made.
struct Plan {
    request: UndoRequest,
    owner: TicketId,
    from: u32,
    /// The command that takes it back.
    back: String,
}

impl Real<'_> {
    fn is_open(&mut self, state: &RunState, ticket: &TicketId) -> Result<bool, RunError> {
        let done = self.done_tickets()?;
        Ok(done.get(ticket).is_some_and(|done| !done || state.ticket(ticket).claim))
    }

    /// Every ticket, and whether it says `done: true`.
    fn done_tickets(&mut self) -> Result<BTreeMap<TicketId, bool>, RunError> {
        let done = |read: &crate::ticket::Read| read.ticket.as_ref().is_some_and(|ticket| ticket.front.done);
        Ok(self.workspace.reads()?.iter().map(|read| (read.id.clone(), done(read))).collect())
    }

    fn plan(&mut self, state: &RunState, run: &str, asked: &UndoAsked) -> Result<Answer<Plan>, RunError> {
        if let Some(refused) = refuse_state(self.workspace, state)? {
            return Ok(Err(refused));
        }
        let records = Records::of(&Journal::read(&self.workspace.layout.journal(run))?)?;
        let (from, through) = match records.range(run, asked.turn) {
            Ok(range) => range,
            Err(refused) => return Ok(Err(refused)),
        };
        let place = self.workspace.place.clone();
        let history = match History::of(&place, run, &records, from)? {
            Ok(history) => history,
            Err(refused) => return Ok(Err(refused)),
        };
        let history = match history.only(&asked.paths) {
            Ok(history) => history,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut changed = history.changed_by_others(&place, &self.workspace.layout, &records)?;
        let whole = asked.paths.is_empty();
        let done = self.done_tickets()?;
        let is_done = |ticket: &TicketId| done.get(ticket).copied().unwrap_or_default();
        let reopened: Vec<TicketId> = if whole {
            records.finished_since(from).into_iter().filter(|ticket| is_done(ticket)).collect()
        } else {
            Vec::new()
        };
        let claims = |ticket: &TicketId| whole && state.ticket(ticket).claim;
        let mut files = Vec::new();
        for (path, target) in history.paths.iter().zip(&history.targets) {
            let opens = |ticket: &TicketId| reopened.contains(ticket) || claims(ticket);
            files.extend(file(&place, path, target.as_ref(), &opens)?);
        }
        for ticket in reopened.iter().filter(|ticket| !history.paths.contains(&ticket.path())) {
            files.push(UndoFile { path: ticket.path(), gets: Gets::Done(false), found: None });
        }
        changed.extend(in_the_way(&place, &files)?);
        if !changed.is_empty() {
            return Ok(Err(UndoRefused::Changed(changed.into_iter().collect())));
        }
        let first = records.ticket_of(from);
        let opens = |ticket: &TicketId| reopened.contains(ticket) || !is_done(ticket) || state.ticket(ticket).claim;
        // Whose turn it was, as long as it can be worked on; else who is worked on.
        let owner = match (&first, &state.current) {
            (Some(first), _) if opens(first) => first.clone(),
            (_, Some(current)) => current.clone(),
            (Some(first), None) => first.clone(),
            (None, None) => return Ok(Err(UndoRefused::Unknown(format!("no ticket had turn {from}")))),
        };
        let commit = (self.settings.config.checkpoint == CheckpointMode::Branch && !files.is_empty())
            .then(|| self.undo_commit(&owner, from, through))
            .transpose()?;
        let (there, absent) = records.as_it_lies(&place, &files)?;
        for file in &mut files {
            file.found = Some(lies(&place, &file.path)?);
        }
        let kept = reference(run, through, "after");
        let is_given = |path: &String| files.iter().any(|file| file.path == *path);
        let request = UndoRequest {
            number: records.undos + 1,
            from,
            through,
            whole,
            before: history.before.clone(),
            already: history.paths.iter().filter(|path| !is_given(path)).cloned().collect(),
            files,
            reopened,
            owner: owner.clone(),
            by: self.workspace.surroundings.who.clone(),
            commit,
        };
        Ok(Ok(Plan { request, owner, from, back: command_back(&place.top, &kept, &there, &absent) }))
    }

    fn undo_commit(&mut self, owner: &TicketId, from: u32, through: u32) -> Result<UndoCommit, RunError> {
        let head = git::head(&self.workspace.place)?;
        let title = |read: &crate::ticket::Read| read.ticket.as_ref().map(|ticket| ticket.title.clone());
        let reads = self.workspace.reads()?;
        let title = reads.iter().find(|read| read.id == *owner).and_then(title).unwrap_or_default();
        let rules = policy(&self.settings.config, &self.options, &self.workspace.surroundings);
        let subject = rules.subject(owner, &title, &what(from, through));
        Ok(UndoCommit { branch: head.branch, base: head.commit, subject })
    }
}

/// States in which nothing can be undone: what git is in the middle of, another branch, and reasons that come first.
fn refuse_state(workspace: &Workspace, state: &RunState) -> Result<Option<UndoRefused>, RunError> {
    let place = &workspace.place;
    if let Some(operation) = git::operation(place)? {
        let way_out = if operation == "bisect" { "reset" } else { "--abort" };
        let why = format!("a {operation} is under way; finish it, or `git {operation} {way_out}`");
        return Ok(Some(UndoRefused::State(why)));
    }
    let first = [ReasonCode::Tampered, ReasonCode::HeadMoved];
    if let Some(stands) = state.standing.iter().find(|stands| first.contains(&stands.reason.code)) {
        let why = format!("`{}` comes first: {}", stands.reason.code, stands.reason.code.moves());
        return Ok(Some(UndoRefused::State(why)));
    }
    if state.judging().is_some() && state.shown().is_none() {
        let why = "the last turn is not judged to its end".to_owned();
        return Ok(Some(UndoRefused::Busy(why)));
    }
    let head = git::head(place)?;
    if state.life != Life::None && head.branch != state.branch {
        let name = |branch: &Option<String>| match branch {
            Some(branch) => format!("`{}`", shown_line(branch.strip_prefix("refs/heads/").unwrap_or(branch))),
            None => "a detached HEAD".to_owned(),
        };
        let why = format!("the run is on {}, and {} is checked out", name(&state.branch), name(&head.branch));
        return Ok(Some(UndoRefused::State(why)));
    }
    Ok(None)
}

/// What one file gets; nothing where it is as it was already.
fn file(
    place: &Place,
    path: &str,
    target: Option<&Blob>,
    opens: &dyn Fn(&TicketId) -> bool,
) -> Result<Option<UndoFile>, RunError> {
    if git::lies_as(place, path, target)? {
        let is_claimed = ticket_of(path).is_some_and(|ticket| opens(&ticket))
            && git::file_bytes(place, path)?.is_some_and(|bytes| says_done(path, &bytes));
        return Ok(is_claimed.then(|| UndoFile { path: path.to_owned(), gets: Gets::Done(false), found: None }));
    }
    let Some(target) = target else {
        return Ok(Some(UndoFile { path: path.to_owned(), gets: Gets::Absent, found: None }));
    };
    let mut done = None;
    if let Some(ticket) = ticket_of(path) {
        let text = git::written(place, path, target)?;
        let now = git::file_bytes(place, path)?;
        // A person may have decided since: what is done as a fact stays so, unless it is one of these turns' doing.
        let wanted = now.as_ref().is_some_and(|now| says_done(path, now)) && !opens(&ticket);
        done = (says_done(path, &text) != wanted).then_some(wanted);
        if done.is_some_and(|done| now.as_deref() == Some(&with_done(path, text.clone(), done))) {
            return Ok(None);
        }
    }
    let gets = Gets::Content { id: target.id.clone(), mode: target.mode, done };
    Ok(Some(UndoFile { path: path.to_owned(), gets, found: None }))
}

/// What lies where something is given back and is none of what these turns made.
fn in_the_way(place: &Place, files: &[UndoFile]) -> Result<BTreeSet<String>, RunError> {
    let going: BTreeSet<PathBuf> =
        files.iter().filter(|file| file.gets == Gets::Absent).map(|file| git::file_of(&file.path)).collect();
    let goes = |path: &Path| going.contains(path);
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|file| file.gets != Gets::Absent) {
        if let Some(path) = git::in_the_way(place, &file.path, &goes)? {
            found.insert(path.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

//! The act of an undo: files get what they had, and where that is asked for one commit holds it. It may be performed
//! again from the beginning: what is given back already is as it should be, and a commit is looked for first.

use std::path::Path;

use super::error::RunError;
use super::real::Real;
use super::saves::{MOST_BYTES, MOST_FILES, message_of};
use super::work::Work;
use crate::crash::{Point, point};
use crate::flow::{Event, Gets, RunState, SaveResult, UndoFile, UndoRequest, Undone, turns_in_words};
use crate::git::{self, Blob, Content, Place, SavePath};
use crate::store::{self, Audience, Given, Layout, Links};
use crate::text::{Source, shell_word};
use crate::ticket::{TicketId, read, set_done};

const LINK: u32 = 0o120_000;
const PROGRAM: u32 = 0o100_755;

impl Real<'_> {
    /// Undoes turns.
    pub(super) fn give_back(&mut self, run: &RunState, request: &UndoRequest) -> Result<Event, RunError> {
        let run_id = self.run_id()?.to_owned();
        let (removed, given): (Vec<&UndoFile>, Vec<&UndoFile>) =
            request.files.iter().partition(|file| file.gets == Gets::Absent);
        // What goes makes room for what comes: a file in the place of a folder, and the other way round.
        for file in removed.into_iter().rev().chain(given) {
            give(&self.workspace.place, &self.workspace.layout, &run_id, request.from, file)?;
            point(Point::UndoGiven);
        }
        let (commit, why) = match self.commit_undone(run, request)? {
            Some(Ok(commit)) => (Some(commit), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        Ok(Event::UndoMade(Undone {
            ticket: request.owner.clone(),
            turn: request.from,
            through: request.through,
            whole: request.whole,
            before: request.before.clone(),
            paths: request.files.iter().map(|file| file.path.clone()).collect(),
            already: request.already.clone(),
            reopened: request.reopened.clone(),
            by: request.by.clone(),
            commit,
            why,
        }))
    }

    /// The commit, or why there is none; nothing where none was asked for, or nothing was left to commit.
    fn commit_undone(
        &mut self,
        run: &RunState,
        request: &UndoRequest,
    ) -> Result<Option<Result<String, String>>, RunError> {
        let Some(wanted) = &request.commit else { return Ok(None) };
        let run_id = self.run_id()?.to_owned();
        let directory = self.workspace.layout.run(&run_id).join("undos").join(format!("{:04}", request.number));
        let place = self.workspace.place.clone();
        let branch = wanted.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
        let trailers = vec![
            ("Turnstile-Ticket".to_owned(), crate::text::shown_line(request.owner.as_str())),
            ("Turnstile-Run".to_owned(), run_id),
            ("Turnstile-Turn".to_owned(), request.from.to_string()),
        ];
        let base = wanted.base.as_deref();
        let made = || git::find_saved(&place, &branch, base, &trailers, &wanted.subject);
        if let Some(commit) = made()? {
            return Ok(Some(Ok(commit)));
        }
        let mut paths = Vec::new();
        for file in &request.files {
            // What is the user's and was accepted as it is again is in no commit of turnstile's.
            let accepted = run.accepted.get(&file.path);
            if accepted.is_some() && git::digest(&place, &file.path)?.as_ref() == accepted {
                continue;
            }
            let id = ticket_of(&file.path);
            // A claim that waits is in no commit of turnstile's.
            let claims = !request.whole && id.as_ref().and_then(|id| run.tickets.get(id)).is_some_and(|it| it.claim);
            let content = if claims { self.unclaimed(&file.path)? } else { Content::Worktree };
            paths.push(SavePath { path: file.path.clone(), content });
        }
        let work = Work::Save {
            place: place.clone(),
            request: git::SaveRequest {
                branch: branch.clone(),
                base: wanted.base.clone(),
                paths,
                message: message_of(&wanted.subject, "", &trailers),
                hooks: false,
                checked: false,
                max_files: MOST_FILES,
                max_bytes: MOST_BYTES,
                marker: Some(directory.join("marker")),
            },
        };
        let result = self.in_child(&directory, &work)?;
        self.in_flight = None;
        Ok(match result {
            SaveResult::Committed { commit, .. } => Some(Ok(commit)),
            SaveResult::Clean | SaveResult::Kept { .. } | SaveResult::Changed { .. } => None,
            SaveResult::Refused { output: why } | SaveResult::TooLarge { why } | SaveResult::Failed { why } => {
                // One that died behind the commit finds the branch moved: by itself.
                Some(made()?.ok_or(why))
            }
        })
    }
}

/// The ticket whose file a path is.
pub(super) fn ticket_of(path: &str) -> Option<TicketId> {
    let below = path.strip_prefix(".tickets/").filter(|below| store::is_ticket_path(below))?;
    below.strip_suffix(".md").map(TicketId::new)
}

/// Gives one file back; what lies there is kept first.
fn give(place: &Place, layout: &Layout, run: &str, turn: u32, file: &UndoFile) -> Result<(), RunError> {
    let path = git::file_of(&file.path);
    let given = match &file.gets {
        Gets::Absent => Given::Nothing,
        Gets::Done(done) => return set_only_done(layout, &file.path, *done),
        Gets::Content { id, mode, done } => {
            let bytes = git::written(place, &file.path, &Blob { id: id.clone(), mode: *mode })?;
            match (*mode, done) {
                (LINK, _) => Given::Link(bytes),
                (mode, Some(done)) => {
                    Given::File { bytes: with_done(&file.path, bytes, *done), executable: mode == PROGRAM }
                }
                (mode, None) => Given::File { bytes, executable: mode == PROGRAM },
            }
        }
    };
    if let Some(now) = git::file_bytes(place, &file.path)? {
        let same = matches!(&given, Given::File { bytes, .. } if *bytes == now);
        if !same {
            store::keep_overwritten(layout, run, turn, &file.path, &now)?;
        }
    }
    point(Point::UndoKept);
    Ok(store::give_back(&layout.top, Path::new(&path), &given)?)
}

/// The text of a ticket with another value of `done`; a text of which nobody can say where that stands stays.
pub(super) fn with_done(path: &str, bytes: Vec<u8>, done: bool) -> Vec<u8> {
    let Ok(text) = String::from_utf8(bytes.clone()) else { return bytes };
    set_done(&Source::new(path, text), done).map_or(bytes, String::into_bytes)
}

fn set_only_done(layout: &Layout, path: &str, done: bool) -> Result<(), RunError> {
    let Ok(Some(source)) = store::read_source(&layout.top, path, Links::Any)? else { return Ok(()) };
    if read(&source).0.is_some_and(|ticket| ticket.front.done == done) {
        return Ok(());
    }
    match set_done(&source, done) {
        Ok(text) => Ok(store::write(&layout.top, path, text.as_bytes(), Audience::People)?),
        Err(refused) => Err(RunError::Unusable { path: path.to_owned(), why: refused.to_string() }),
    }
}

/// The command that takes an undo back, for paths whose content from before the undo the tree `kept` has.
pub(super) fn command_back(top: &Path, kept: &str, there: &[String], absent: &[String]) -> String {
    let joined = |words: Vec<String>| words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    let pathspecs = there.iter().map(|path| {
        // A name that holds one of these would be taken for a pattern.
        if path.contains(['*', '?', '[', '\\']) { format!(":(top,literal){path}") } else { format!(":/{path}") }
    });
    let files = absent.iter().map(|path| top.join(git::file_of(path)).to_string_lossy().into_owned());
    let restore = (!there.is_empty())
        .then(|| format!("git restore --source={kept} --worktree -- {}", joined(pathspecs.collect())));
    let remove = (!absent.is_empty()).then(|| format!("rm -- {}", joined(files.collect())));
    [remove, restore].into_iter().flatten().collect::<Vec<_>>().join(" && ")
}

/// What an undo is called in the subject of its commit.
pub(super) fn what(from: u32, through: u32) -> String {
    format!("undo {}", turns_in_words(from, through))
}

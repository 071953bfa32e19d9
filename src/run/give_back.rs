//! The act of an undo: files get what they had, and where that is asked for one commit holds it. It may be performed
//! again from the beginning: what is given back already is as it should be, and a commit is looked for first. A file that
//! somebody has changed in the meantime is theirs, and stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::contract::says_done;
use super::error::RunError;
use super::real::Real;
use super::saves::{MOST_BYTES, MOST_FILES, message_of};
use super::work::{Work, reference};
use crate::crash::{Point, point};
use crate::effect;
use crate::flow::{Event, Gets, RunState, SaveResult, UndoFile, UndoRequest, Undone, turns_in_words};
use crate::git::{self, Blob, Content, Place, SavePath};
use crate::store::{self, Audience, Given, Layout, Links};
use crate::text::{Source, shell_word};
use crate::ticket::{TicketId, read, set_done};

const LINK: u32 = 0o120_000;
const PROGRAM: u32 = 0o100_755;
/// What lies where nothing does.
const NOTHING: &str = "nothing";

impl Real<'_> {
    /// Undoes turns.
    pub(super) fn give_back(&mut self, run: &RunState, request: &UndoRequest) -> Result<Event, RunError> {
        let run_id = self.run_id()?.to_owned();
        let (removed, given): (Vec<&UndoFile>, Vec<&UndoFile>) =
            request.files.iter().partition(|file| file.gets == Gets::Absent);
        sweep(&self.workspace.layout, &request.files)?;
        let mut left = BTreeSet::new();
        // What goes makes room for what comes: a file in the place of a folder, and the other way round.
        for file in removed.into_iter().rev().chain(given) {
            if !give(&self.workspace.place, &self.workspace.layout, &run_id, request.from, file)? {
                left.insert(&file.path);
            }
            point(Point::UndoGiven);
        }
        let files: Vec<&UndoFile> = request.files.iter().filter(|file| !left.contains(&file.path)).collect();
        let (commit, why) = match self.commit_undone(run, request, &files)? {
            Some(Ok(commit)) => (Some(commit), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        let mut reopened = request.reopened.clone();
        for ticket in request.reopened.iter().filter(|ticket| left.contains(&ticket.path())) {
            let now = git::file_bytes(&self.workspace.place, &ticket.path())?;
            if now.is_none_or(|now| says_done(&ticket.path(), &now)) {
                reopened.retain(|reopened| reopened != ticket);
            }
        }
        Ok(Event::UndoMade(Undone {
            ticket: request.owner.clone(),
            turn: request.from,
            through: request.through,
            whole: request.whole,
            before: request.before.clone(),
            paths: files.iter().map(|file| file.path.clone()).collect(),
            rest: self.rest(&run_id, request, &left),
            left: left.iter().map(|path| (*path).clone()).collect(),
            already: request.already.clone(),
            reopened,
            by: request.by.clone(),
            commit,
            why,
        }))
    }

    /// The command that gives back what was left as somebody had changed it.
    fn rest(&self, run: &str, request: &UndoRequest, left: &BTreeSet<&String>) -> Option<String> {
        let files = request.files.iter().filter(|file| left.contains(&file.path));
        let (absent, there): (Vec<&UndoFile>, Vec<&UndoFile>) = files.partition(|file| file.gets == Gets::Absent);
        let names = |files: Vec<&UndoFile>| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        let kept = reference(run, request.from, "before");
        let command = command_back(&self.workspace.place.top, &kept, &names(there), &names(absent));
        (!command.is_empty()).then_some(command)
    }

    /// The commit, or why there is none; nothing where none was asked for, or nothing was left to commit.
    fn commit_undone(
        &mut self,
        run: &RunState,
        request: &UndoRequest,
        files: &[&UndoFile],
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
        for file in files {
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

/// What lies at a path, in one word. A folder is nothing; what is below it lies at other paths.
pub(super) fn lies(place: &Place, path: &str) -> Result<String, RunError> {
    if let Some(digest) = git::digest(place, path)? {
        return Ok(digest);
    }
    Ok(if git::lies_as(place, path, None)? { NOTHING } else { "other" }.to_owned())
}

/// Removes what an undo that died never finished writing, beside the files that it gives.
fn sweep(layout: &Layout, files: &[UndoFile]) -> Result<(), RunError> {
    let files: Vec<PathBuf> = files.iter().map(|file| git::file_of(&file.path)).collect();
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    for folder in folders {
        store::remove_unfinished(&layout.top, folder, &|process| !effect::is_alive(process))?;
    }
    Ok(())
}

/// Whether what lies where a file is given is what was there when that was decided, or what an undo that died has made
/// of it. Everything else is somebody's work since.
fn is_still(place: &Place, file: &UndoFile, given: &Given) -> Result<bool, RunError> {
    // Of an old journal.
    let Some(found) = &file.found else { return Ok(true) };
    if file.gets != Gets::Absent && git::in_the_way(place, &file.path, &|_| false)?.is_some() {
        return Ok(false);
    }
    let now = lies(place, &file.path)?;
    if now == *found {
        return Ok(true);
    }
    Ok(match given {
        Given::Nothing => now == NOTHING,
        // Its mode is set behind its content, and a link makes room first.
        Given::File { bytes, .. } => {
            git::file_bytes(place, &file.path)?.as_ref() == Some(bytes)
                || (now == NOTHING && found.starts_with(&format!("{LINK:o}:")))
        }
        Given::Link(target) => {
            let lies = std::fs::read_link(place.top.join(git::file_of(&file.path)));
            now == NOTHING || lies.is_ok_and(|lies| lies.as_os_str().as_encoded_bytes() == target.as_slice())
        }
    })
}

/// Gives one file back, unless it is somebody's since; what lies there is kept first.
fn give(place: &Place, layout: &Layout, run: &str, turn: u32, file: &UndoFile) -> Result<bool, RunError> {
    let path = git::file_of(&file.path);
    let given = match &file.gets {
        Gets::Absent => Given::Nothing,
        // Whatever else somebody has written there stays.
        Gets::Done(done) => return set_only_done(layout, &file.path, *done).map(|()| true),
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
    if !is_still(place, file, &given)? {
        return Ok(false);
    }
    if let Some(now) = git::file_bytes(place, &file.path)? {
        let same = matches!(&given, Given::File { bytes, .. } if *bytes == now);
        if !same {
            store::keep_overwritten(layout, run, turn, &file.path, &now)?;
        }
    }
    point(Point::UndoKept);
    store::give_back(&layout.top, Path::new(&path), &given)?;
    Ok(true)
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

//! What a turn did to tickets and to `history/` and may not have done, and the bytes that put it right.

use super::error::RunError;
use super::workspace::Workspace;
use crate::crash::{Point, point};
use crate::diagnostic::Diagnostic;
use crate::flow::{Judging, PutBack};
use crate::git;
use crate::store::{self, Audience, Kind, Links, TICKETS};
use crate::text::{Source, shell_word};
use crate::ticket::{ContractVerdict, Role, Unreadable, judge_change, judge_new, read};

/// One file that has to be put back.
pub(super) struct Violation {
    /// As it is told.
    pub item: PutBack,
    /// What belongs there.
    pub wanted: Wanted,
}

/// What belongs at a path.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// A file of these bytes.
    File(Vec<u8>),
    /// A folder.
    Folder,
    /// Nothing.
    Absent,
}

impl From<Option<Vec<u8>>> for Wanted {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        bytes.map_or(Self::Absent, Self::File)
    }
}

/// What a turn is judged by: what is known of it, and what of it is being put back already.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    /// The turn.
    pub judging: &'a Judging,
    /// What an earlier look found; a kill in the middle of putting it back must not forget the rest.
    pub begun: &'a [PutBack],
}

/// Everything that has to be put back.
pub(super) fn violations(workspace: &Workspace, case: Case<'_>) -> Result<Vec<Violation>, RunError> {
    let Case { judging, begun } = case;
    let mut found = folders(workspace, judging)?;
    let (Some(before), Some(after)) = (&judging.ended.before, &judging.ended.after) else { return Ok(found) };
    let place = &workspace.place;
    let own = judging.request.ticket.path();
    let changes = if before == after { Vec::new() } else { git::diff(place, before, after)? };
    let mut paths: Vec<String> = changes.into_iter().map(|change| change.path).collect();
    let by_checks: Vec<String> = judging.checked.iter().filter(|path| !paths.contains(path)).cloned().collect();
    paths.extend(by_checks);
    // A file that nobody may read is in no kept tree, and no difference between two.
    if !paths.contains(&own)
        && store::read_capped(&workspace.layout.top, &own, 0, Links::Any)?.is_err_and(|why| is_forbidden(&why))
    {
        paths.push(own.clone());
    }
    let all_gone = found.iter().map(|found| &found.item).chain(begun).any(|item| item.path == TICKETS);
    for path in paths {
        let is_gone = all_gone && path.starts_with(".tickets/");
        if !is_watched(&path) && !is_gone {
            continue;
        }
        // What took the place of a folder is named above, and a folder is judged by the files in it.
        let is_named = found.iter().any(|found| found.item.path == path);
        let is_folder = place.top.join(&path).symlink_metadata().is_ok_and(|found| found.is_dir());
        let then = git::blob(place, before, &path)?;
        if is_named || (then.is_none() && is_folder && path.starts_with(".tickets/history/")) {
            continue;
        }
        let now = store::read_capped(&workspace.layout.top, &path, store::TEXT_CAP, Links::Any)?;
        let violation = if path.starts_with(".tickets/history/") {
            history(&path, then, &now)
        } else if !is_watched(&path) {
            let lost = then.filter(|_| !matches!(now, Ok(Some(_))));
            lost.map(|then| violation(&path, Vec::new(), "it went with `.tickets/`", Some(then)))
        } else {
            ticket(&path, path == own, then, &now)
        };
        found.extend(violation);
    }
    Ok(found)
}

/// Folders of `.tickets/` that something else has taken the place of. Before the turn they were folders or not there,
/// or no turn would have started. What stands for the templates is looked at as they are, and stays.
fn folders(workspace: &Workspace, judging: &Judging) -> Result<Vec<Violation>, RunError> {
    let misplaced = store::misplaced(&workspace.layout, Some(&judging.request.ticket))?;
    let own = |fault: &Diagnostic| &*fault.path != ".tickets/templates";
    Ok(misplaced
        .into_iter()
        .filter(own)
        .map(|fault| {
            let why = format!("{}; the folder is put back", fault.message);
            Violation { wanted: Wanted::Folder, ..violation(&fault.path, Vec::new(), why, None) }
        })
        .collect())
}

/// Whether a file is there and cannot even be opened.
fn is_forbidden(why: &Unreadable) -> bool {
    matches!(why, Unreadable::Io(_))
}

/// Whether a path is a ticket or belongs to the archive.
fn is_watched(path: &str) -> bool {
    let Some(below) = path.strip_prefix(".tickets/") else { return false };
    below.starts_with("history/") || store::is_ticket_path(below)
}

fn history(path: &str, then: Option<Vec<u8>>, now: &Result<Option<Vec<u8>>, Unreadable>) -> Option<Violation> {
    let why = match (&then, now) {
        (None, Ok(None)) => return None,
        (Some(then), Ok(Some(now))) if then == now => return None,
        (None, Ok(Some(_))) => "a message that nobody sent was removed from the archive",
        (None, Err(_)) => "what is no message was removed from the archive",
        (Some(_), Ok(None)) => "an archived message was deleted",
        (Some(_), Ok(Some(_)) | Err(_)) => "an archived message was rewritten",
    };
    Some(violation(path, Vec::new(), why, then))
}

fn ticket(
    path: &str,
    own: bool,
    then: Option<Vec<u8>>,
    now: &Result<Option<Vec<u8>>, Unreadable>,
) -> Option<Violation> {
    let readable = match now {
        Ok(Some(bytes)) => std::str::from_utf8(bytes).ok().map(|text| Source::new(path, text)),
        Ok(None) | Err(_) => None,
    };
    let Some(then) = then else {
        return match judge_new(&readable?) {
            ContractVerdict::PutBack { text, keys, .. } => {
                Some(violation(path, keys, "a new ticket cannot be done", Some(text.into_bytes())))
            }
            ContractVerdict::Kept | ContractVerdict::Unreadable { .. } => None,
        };
    };
    let Ok(text) = String::from_utf8(then.clone()) else {
        let same = matches!(&now, Ok(Some(now)) if *now == then);
        return (!same)
            .then(|| violation(path, Vec::new(), "it could not be read before the turn and was changed", Some(then)));
    };
    let before = Source::new(path, text);
    let (ticket, _) = read(&before);
    let role = match (own, ticket.is_some_and(|ticket| ticket.front.done)) {
        (true, _) => Role::Own,
        (false, true) => Role::OtherDone,
        (false, false) => Role::OtherOpen,
    };
    if readable.is_none() && !matches!(now, Ok(None)) {
        let why = match now {
            Err(Unreadable::Io(why)) => format!("it cannot be read any more: {why}"),
            Ok(_) | Err(_) => "it is not a regular UTF-8 file within 1 MiB any more".to_owned(),
        };
        let item = PutBack { path: path.to_owned(), keys: Vec::new(), why, unreadable: own, undo: None };
        return Some(Violation { item, wanted: Wanted::File(then) });
    }
    match judge_change(&before, readable.as_ref(), role) {
        ContractVerdict::Kept => None,
        ContractVerdict::PutBack { text, keys, whole } => {
            let why = match (readable.is_some(), whole) {
                (false, _) => "it was deleted".to_owned(),
                (true, true) => "it may not be changed by this turn".to_owned(),
                (true, false) => format!("a turn may not change {}", crate::text::shown_line(&keys.join(", "))),
            };
            let keys = if whole { Vec::new() } else { keys };
            Some(violation(path, keys, why, Some(text.into_bytes())))
        }
        ContractVerdict::Unreadable { text } => {
            let faults = readable.map(|now| super::survey::lines(&read(&now).1).join("\n")).unwrap_or_default();
            let item = PutBack { path: path.to_owned(), keys: Vec::new(), why: faults, unreadable: true, undo: None };
            Some(Violation { item, wanted: Wanted::File(text.into_bytes()) })
        }
    }
}

fn violation(path: &str, keys: Vec<String>, why: impl Into<String>, wanted: Option<Vec<u8>>) -> Violation {
    Violation {
        item: PutBack { path: path.to_owned(), keys, why: why.into(), unreadable: false, undo: None },
        wanted: wanted.into(),
    }
}

/// Puts everything back; what lies there now is kept first.
pub(super) fn restore(workspace: &Workspace, run: &str, case: Case<'_>) -> Result<(), RunError> {
    let turn = case.judging.request.turn;
    for Violation { item, wanted } in violations(workspace, case)? {
        let top = &workspace.layout.top;
        let now = store::read_capped(top, &item.path, store::ATTACHMENTS_BYTES, Links::Any)?;
        let nobody_may_read = now.as_ref().is_err_and(is_forbidden);
        if let Ok(Some(now)) = now {
            store::keep_overwritten(&workspace.layout, run, turn, &item.path, &now)?;
        }
        point(Point::ContractKept);
        let kind = match &wanted {
            Wanted::File(_) | Wanted::Absent if nobody_may_read => None,
            Wanted::File(_) | Wanted::Absent => Some(Kind::File),
            Wanted::Folder => Some(Kind::Folder),
        };
        store::set_aside(&workspace.layout, run, turn, &item.path, kind)?;
        match wanted {
            Wanted::File(bytes) => store::write(top, &item.path, &bytes, Audience::People)?,
            Wanted::Folder => store::make_folder(&workspace.layout, &item.path)?,
            Wanted::Absent => store::remove(top, &item.path)?,
        }
        point(Point::ContractRestored);
    }
    Ok(())
}

/// The command that brings back what lay where something was put back, wherever it is typed. Looked for where it is
/// kept, so that it is found as well by whoever goes on after a kill.
pub(super) fn undo(workspace: &Workspace, run: &str, turn: u32, path: &str) -> Option<String> {
    let overwritten = workspace.layout.turn(run, turn).join("overwritten");
    let (kept, there) = (overwritten.join(path), workspace.layout.top.join(path));
    let there_word = shell_word(&there.to_string_lossy());
    if let Ok(found) = kept.symlink_metadata() {
        if !found.is_dir() && there.symlink_metadata().is_ok_and(|now| now.is_dir()) {
            // What took the place of a folder is nothing to want back.
            return None;
        }
        let kept = shell_word(&kept.to_string_lossy());
        if found.is_file() {
            return Some(format!("cp {kept} {there_word}"));
        }
        // No copy of a folder, a link or a pipe takes the place of a file.
        return Some(format!("rm -rf {there_word} && cp -R {kept} {there_word}"));
    }
    // Something in the place of a folder above it was moved away: no one command puts that back.
    let in_the_way = |above: &std::path::Path| above.symlink_metadata().is_ok_and(|found| !found.is_dir());
    let above = kept.ancestors().take_while(|above| *above != overwritten);
    (!above.into_iter().any(in_the_way)).then(|| format!("rm {there_word}"))
}

/// Whether the text of a ticket says `done: true`.
pub(super) fn says_done(path: &str, bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    read(&Source::new(path, text)).0.is_some_and(|ticket| ticket.front.done)
}

//! What is uncommitted, inside and outside of `.tickets/`.

use std::collections::{BTreeMap, BTreeSet};

use super::error::RunError;
use super::workspace::{Options, Workspace};
use crate::flow::{Life, RunState};
use crate::git::{self, Change, ChangeKind, Place};
use crate::store::TICKETS;

/// Outside of `.tickets/` by digest; inside of it, whether it was removed.
pub(super) type Changes = (BTreeMap<String, String>, BTreeMap<String, bool>);

/// What is uncommitted, outside and inside `.tickets/`. A digest is computed only where somebody will compare it.
pub(super) fn changes(
    workspace: &Workspace,
    run: &RunState,
    options: &Options,
    uncommitted: &[Change],
) -> Result<Changes, RunError> {
    let place = &workspace.place;
    let mut outside = BTreeMap::new();
    let mut inside = BTreeMap::new();
    for change in uncommitted {
        if change.path.starts_with(".tickets/") || change.path == TICKETS {
            let removed = change.kind == ChangeKind::Deleted;
            // A link or a folder is nothing that turnstile reads, and so nothing that it commits.
            if removed || is_file(&place.top.join(&change.path)) {
                inside.insert(change.path.clone(), removed);
            }
            continue;
        }
        let compared = options.allow_dirty
            || run.accepted.contains_key(&change.path)
            || run.inherited.contains_key(&change.path)
            || run.tickets.values().any(|ticket| ticket.work.contains(&change.path));
        let digest = if compared { digest(place, &change.path)? } else { String::new() };
        outside.insert(change.path.clone(), digest);
    }
    Ok((outside, inside))
}

fn digest(place: &Place, path: &str) -> Result<String, RunError> {
    if is_repository(path) {
        return Ok("a repository".to_owned());
    }
    Ok(git::digest(place, path)?.unwrap_or_else(|| "gone".to_owned()))
}

/// A repository inside the worktree is one path to git, and nothing that could be read as a file.
pub(super) fn is_repository(path: &str) -> bool {
    path.ends_with('/')
}

fn is_file(path: &std::path::Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// Where the run is over: the changes that its last ticket's turns made and that nobody has touched since.
pub(super) fn as_left(
    workspace: &Workspace,
    run: &RunState,
    changes: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, RunError> {
    let (Life::Stopped | Life::Completed, Some(current)) = (run.life, &run.current) else {
        return Ok(BTreeSet::new());
    };
    let ticket = run.ticket(current);
    let Some(after) = &ticket.after else { return Ok(BTreeSet::new()) };
    let mut same = BTreeSet::new();
    for (path, digest) in changes.iter().filter(|(path, _)| ticket.work.contains(*path) && !is_repository(path)) {
        // What was undone since the last turn is as the undo left it.
        let left = git::kept_entry(&workspace.place, ticket.undone.get(path).unwrap_or(after), path)?;
        // A folder where a file was is no file: the file is gone.
        let left = left.map_or_else(|| "gone".to_owned(), |left| format!("{:06o}:{}", left.mode, left.id));
        if left == *digest {
            same.insert(path.clone());
        }
    }
    Ok(same)
}

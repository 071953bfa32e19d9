//! A commit of turnstile's on a branch: built in memory from the base and some paths, put on the branch by
//! compare-and-swap, then told to the index for these paths alone. What the user has staged stays staged.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Commit, ErrorCode, Oid, Repository, Tree};

use super::branch::{current, move_branch};
use super::changes::changes;
use super::error::{At, GitError};
use super::hooks::{self, Verdict};
use super::index::IndexLock;
use super::library;
use super::path::text_to_file;
use super::repo::Place;
use super::save_paths::{Builder, Wanted};
use super::save_types::{SaveRequest, SaveResult};
use super::sign::Authors;
use super::survey::head;
use super::trees::{Blob, difference, edited, without};
use crate::crash::{Point, point};
use crate::secret::Screen;

/// How far back a save that left no record is looked for.
const FAR: usize = 10_000;

/// Said to whoever wrote the file, and to people: a file that a person has committed is not asked about again.
const HOLDS_SECRETS: &str =
    "the commit would add a secret; take it out of the file, or commit the file yourself if it is none";

/// Makes the commit that is asked for, or says why not. Paths that git ignores and does not track are passed over,
/// as are repositories inside the worktree. A commit that would add a secret of `screen` is refused.
pub fn save(place: &Place, request: &SaveRequest, screen: &Screen) -> Result<SaveResult, GitError> {
    let repository = library::open(place)?;
    let moved = |found| GitError::Moved { branch: request.branch.clone(), expected: request.base.clone(), found };
    let found = current(place, &repository, &request.branch)?;
    if found != request.base {
        return Err(moved(found));
    }
    let base = match &request.base {
        Some(base) => Some(repository.find_commit(library::oid(place, base)?).at("read a commit", &place.top)?),
        None => None,
    };
    let base_tree = base.as_ref().map(Commit::tree).transpose().at("read a tree", &place.top)?;
    let builder = Builder { place, repository: &repository, base: base_tree.as_ref(), screen };
    let wanted = builder.wanted(&request.paths)?;
    let size = builder.measure(&wanted)?;
    if size.files() > request.max_files || size.bytes > request.max_bytes {
        return Ok(size.too_large());
    }
    let (edits, secrets) = builder.edits(&wanted)?;
    if !secrets.is_empty() {
        return Ok(SaveResult::Refused { why: HOLDS_SECRETS.to_owned(), output: secrets.join("\n") });
    }
    let tree = edited(place, &repository, base_tree.as_ref(), &edits)?;
    if unchanged(base_tree.as_ref(), tree) {
        unstage(place, &repository, request, &wanted, base_tree.as_ref())?;
        return Ok(SaveResult::Clean);
    }
    let authors = Authors::of(place, &repository)?;
    let (tree, message) = if request.hooks {
        match hooks::run(place, &repository, tree, &request.message)? {
            Verdict::Passed { tree: made, message } => {
                let outside = |id| {
                    let tree = repository.find_tree(id).at("read a tree", &place.top)?;
                    without(place, &repository, &tree, ".tickets")
                };
                let (was, now) = (outside(tree)?, outside(made)?);
                if request.checked && was != now {
                    return Ok(SaveResult::Changed { was: was.to_string(), tree: now.to_string() });
                }
                (made, message)
            }
            Verdict::Refused { why, output } => return Ok(SaveResult::Refused { why, output }),
        }
    } else {
        (tree, request.message.clone())
    };
    if unchanged(base_tree.as_ref(), tree) {
        return Ok(SaveResult::Clean);
    }
    let tree = repository.find_tree(tree).at("read a tree", &place.top)?;
    let commit = authors.commit(place, &repository, &tree, &message, base.as_ref())?;
    point(Point::SaveCommit);
    publish(place, &repository, request, &wanted, base_tree.as_ref(), &tree, commit)?;
    Ok(SaveResult::Committed { commit: commit.to_string(), tree: tree.id().to_string() })
}

/// The commit of `branch` behind `base` that has this subject and all of these trailers: whether a save that left
/// no record happened. What a hook of git's wrote before, behind or between them does not hide it.
pub fn find_saved(
    place: &Place,
    branch: &str,
    base: Option<&str>,
    wanted: &[(String, String)],
    subject: &str,
) -> Result<Option<String>, GitError> {
    let repository = library::open(place)?;
    let base = base.map(|base| library::oid(place, base)).transpose()?;
    let mut next = match current(place, &repository, branch)? {
        Some(id) => Some(repository.find_commit(library::oid(place, &id)?).at("read a commit", &place.top)?),
        None => None,
    };
    for _ in 0..FAR {
        let Some(commit) = next.filter(|commit| Some(commit.id()) != base) else { return Ok(None) };
        if matches(&commit, wanted, subject) {
            return Ok(Some(commit.id().to_string()));
        }
        next = match commit.parent(0) {
            Ok(parent) => Some(parent),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error).at("read a commit", &place.top),
        };
    }
    Ok(None)
}

fn matches(commit: &Commit, wanted: &[(String, String)], subject: &str) -> bool {
    let message = String::from_utf8_lossy(commit.message_bytes());
    let mut lines = message.lines().map(str::trim_end);
    // Lines and not git's trailers: to git a block of them is none as soon as a hook has added another line to it.
    lines.next().is_some_and(|first| first.contains(subject.trim_end()))
        && wanted.iter().all(|(key, value)| {
            lines.clone().any(|line| line == format!("{key}: {}", crate::text::shown_line(value)).trim_end())
        })
}

fn unchanged(base: Option<&Tree>, tree: Oid) -> bool {
    // The id of the empty tree is the same everywhere.
    base.map_or_else(|| tree.to_string() == "4b825dc642cb6eb9a060e54bf8d69288fbee4904", |base| base.id() == tree)
}

/// Puts the commit on the branch and tells the index, if the branch is the one that is checked out.
fn publish(
    place: &Place,
    repository: &Repository,
    request: &SaveRequest,
    wanted: &[Wanted],
    before: Option<&Tree>,
    after: &Tree,
    commit: Oid,
) -> Result<(), GitError> {
    let id = commit.to_string();
    let note = format!("commit: {}", request.message.lines().next().unwrap_or_default());
    let swap = || move_branch(place, repository, &request.branch, request.base.as_deref(), &id, &note);
    let mut entries: BTreeMap<String, Option<Blob>> = entries_of(wanted, after);
    for change in difference(place, repository, before, Some(after))? {
        entries.insert(change.path, change.after);
    }
    let entries: Vec<_> = if checked_out(place, request)? { entries.into_iter().collect() } else { Vec::new() };
    let lock = IndexLock::take(place, &request.branch, &id, request.marker.as_deref())?;
    let swapped = lock.prepare(repository, &entries).and_then(|()| swap());
    if swapped.is_ok() {
        point(Point::SaveMoved);
    }
    match swapped {
        Ok(()) if entries.is_empty() => lock.release(),
        Ok(()) => lock.publish(),
        Err(error) => {
            lock.release()?;
            Err(error)
        }
    }
}

/// A path that is as in HEAD again may still be staged with another content: then the index is told.
fn unstage(
    place: &Place,
    repository: &Repository,
    request: &SaveRequest,
    wanted: &[Wanted],
    base: Option<&Tree>,
) -> Result<(), GitError> {
    let (Some(base), Some(commit)) = (base, request.base.as_deref()) else { return Ok(()) };
    if !checked_out(place, request)? || wanted.is_empty() {
        return Ok(());
    }
    let staged: BTreeSet<String> =
        changes(place)?.into_iter().filter(|change| change.staged).map(|change| change.path).collect();
    let entries: Vec<_> = entries_of(wanted, base).into_iter().filter(|(path, _)| staged.contains(path)).collect();
    if entries.is_empty() {
        return Ok(());
    }
    let lock = IndexLock::take(place, &request.branch, commit, request.marker.as_deref())?;
    match lock.prepare(repository, &entries) {
        Ok(()) => lock.publish(),
        Err(error) => {
            lock.release()?;
            Err(error)
        }
    }
}

fn checked_out(place: &Place, request: &SaveRequest) -> Result<bool, GitError> {
    let branch = head(place)?.branch;
    Ok(branch.as_deref().unwrap_or("HEAD") == request.branch)
}

fn entries_of(wanted: &[Wanted], tree: &Tree) -> BTreeMap<String, Option<Blob>> {
    wanted
        .iter()
        .map(|wanted| {
            let entry = tree.get_path(&text_to_file(&wanted.path)).ok();
            let blob = entry.filter(|entry| entry.kind() != Some(git2::ObjectType::Tree)).map(|entry| Blob {
                id: entry.id().to_string(),
                mode: u32::try_from(entry.filemode()).unwrap_or_default(),
            });
            (wanted.path.clone(), blob)
        })
        .collect()
}

#[cfg(test)]
mod tests;

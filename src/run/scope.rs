//! Row 7 in the real world: what lies at the paths that turns of a ticket changed and may not change unasked, and how it
//! is put back.

use std::collections::BTreeMap;

use super::changes::is_repository;
use super::contract;
use super::error::RunError;
use super::head::At;
use super::workspace::Workspace;
use crate::config::Config;
use crate::crash::{Point, point};
use crate::flow::{Base, Before, GONE, Judging, PathBack, PutBack, RunState, ScopeFact};
use crate::git::{self, GitError, Place};
use crate::store::{self, Audience};
use crate::ticket::{Scope, TicketId};

/// What the turns of the judged ticket changed and may not change unasked, approved or not.
pub(super) fn scope_facts(
    workspace: &Workspace,
    config: &Config,
    run: &RunState,
    judging: &Judging,
    at: &At<'_>,
) -> Result<Vec<ScopeFact>, RunError> {
    let ticket = &judging.request.ticket;
    let scope = Scope::new(&globs(workspace, ticket)?, &config.protect);
    let Some(state) = run.tickets.get(ticket) else { return Ok(Vec::new()) };
    let mut facts = Vec::new();
    for (path, base) in &state.bases {
        let Some(why) = scope.refuses(path) else { continue };
        facts.push(fact(&workspace.place, judging, at, (path, base), why)?);
    }
    Ok(facts)
}

/// The globs of a ticket.
fn globs(workspace: &Workspace, ticket: &TicketId) -> Result<Vec<String>, RunError> {
    Ok(workspace.front_of(ticket)?.map(|front| front.scope).unwrap_or_default())
}

fn fact(
    place: &Place,
    judging: &Judging,
    at: &At<'_>,
    (path, base): (&String, &Base),
    why: &'static str,
) -> Result<ScopeFact, RunError> {
    let head = digest_in(place, at.head.commit.as_deref(), path)?;
    // What git does not call changed is as HEAD has it, whatever a filter makes of its bytes.
    let tree =
        if head != GONE && !at.uncommitted.outside.contains_key(path) { head.clone() } else { digest(place, path)? };
    let then = digest_in(place, base.tree.as_deref(), path)?;
    let committed_then = digest_in(place, base.head.as_deref(), path)?;
    let back = match &base.tree {
        _ if is_repository(path) || then.starts_with("160000:") || then == DROPPED => Before::Unknown,
        // A name that is no text is told in another form, and no file is written by that.
        _ if git::text_to_path(path) != path.as_bytes() => Before::Unknown,
        Some(tree) if then != GONE => Before::Kept { tree: tree.clone() },
        // It was there, and no kept tree holds it: too large, or with a secret in it.
        Some(_) if is_left_out(judging, path) => Before::Unknown,
        Some(_) => Before::Absent,
        None => Before::Unknown,
    };
    let before = vec![then, committed_then];
    let commit = if before.contains(&head) { None } else { commit_of(place, judging, path)? };
    Ok(ScopeFact { path: path.clone(), why, tree, head, before, back, commit })
}

fn is_left_out(judging: &Judging, path: &str) -> bool {
    judging.ended.left_out.iter().any(|left| left.strip_prefix(path).is_some_and(|rest| rest.starts_with(": ")))
}

/// The newest commit of the turn that changed a path.
fn commit_of(place: &Place, judging: &Judging, path: &String) -> Result<Option<String>, RunError> {
    for commit in &judging.ended.commits {
        if git::paths_of_commits(place, std::slice::from_ref(commit))?.contains(path) {
            return Ok(Some(commit.clone()));
        }
    }
    Ok(None)
}

fn digest(place: &Place, path: &str) -> Result<String, RunError> {
    if is_repository(path) {
        let there = place.top.join(path).symlink_metadata().is_ok();
        return Ok(if there { "a repository".to_owned() } else { GONE.to_owned() });
    }
    Ok(git::digest(place, path)?.unwrap_or_else(|| GONE.to_owned()))
}

/// The same of a commit; where that holds a folder there is no file either.
fn digest_in(place: &Place, commit: Option<&str>, path: &str) -> Result<String, RunError> {
    let entry = match commit {
        Some(commit) if !is_repository(path) => match git::kept_entry(place, commit, path) {
            Err(GitError::Unknown { .. }) => return Ok(DROPPED.to_owned()),
            entry => entry?,
        },
        Some(_) | None => None,
    };
    Ok(entry.map_or_else(|| GONE.to_owned(), |entry| format!("{:06o}:{}", entry.mode, entry.id)))
}

/// Puts paths back, and says what was done: each with the command that brings back what lay there, and the digest of
/// what lies there now.
pub(super) fn put_back(
    workspace: &Workspace,
    run: &str,
    turn: u32,
    paths: &[PathBack],
) -> Result<(Vec<PutBack>, BTreeMap<String, String>), RunError> {
    for PathBack { tree, item } in paths {
        let wanted = digest_in(&workspace.place, tree.as_deref(), &item.path)?;
        // After a kill it may be in its place already; and what took the place of a folder is no file.
        if digest(&workspace.place, &item.path)? == wanted {
            continue;
        }
        store::set_aside(&workspace.layout, run, turn, &item.path, None)?;
        point(Point::ContractKept);
        if let Some(tree) = tree {
            write(workspace, tree, &item.path)?;
        }
        point(Point::ContractRestored);
    }
    let (mut items, mut digests) = (Vec::new(), BTreeMap::new());
    for PathBack { item, .. } in paths {
        digests.insert(item.path.clone(), digest(&workspace.place, &item.path)?);
        items.push(PutBack { undo: contract::undo(workspace, run, turn, &item.path), ..item.clone() });
    }
    Ok((items, digests))
}

fn write(workspace: &Workspace, tree: &str, path: &str) -> Result<(), RunError> {
    let (place, top) = (&workspace.place, &workspace.layout.top);
    let Some(entry) = git::kept_entry(place, tree, path)? else { return Ok(()) };
    if entry.mode == LINK {
        let target = git::blob(place, tree, path)?.unwrap_or_default();
        return Ok(store::write_link(top, path, &target)?);
    }
    let bytes = git::worktree_bytes(place, path, &entry.id)?;
    let audience = if entry.mode == PROGRAM { Audience::Programs } else { Audience::People };
    Ok(store::write(top, path, &bytes, audience)?)
}

/// Stands for the digest of what a tree held that was dropped with an old run.
const DROPPED: &str = "dropped";

/// The modes of git's that are not those of a plain file.
const LINK: u32 = 0o120_000;
const PROGRAM: u32 = 0o100_755;

//! Where HEAD is after a turn, and what to type to have it back in its place. What is to be typed works as things are,
//! and costs nothing: where going back would lose what a turn made, only HEAD moves and the files stay.

use std::collections::BTreeMap;

use super::error::RunError;
use super::workspace::Workspace;
use crate::flow::{HeadFact, Judging, Life, RunState};
use crate::git::{self, Head};
use crate::text::{shell_word, shown_line};

/// What is uncommitted, by path.
#[derive(Clone, Copy)]
pub(super) struct Uncommitted<'a> {
    /// Outside of `.tickets/`.
    pub outside: &'a BTreeMap<String, String>,
    /// Inside of it.
    pub inside: &'a BTreeMap<String, bool>,
}

/// Where the worktree stands.
pub(super) struct At<'a> {
    /// HEAD.
    pub head: &'a Head,
    /// What it does not hold.
    pub uncommitted: Uncommitted<'a>,
}

/// Where HEAD is, seen from the turn that is judged.
pub(super) fn head_fact(
    workspace: &Workspace,
    run: &RunState,
    judging: &Judging,
    at: &At<'_>,
) -> Result<HeadFact, RunError> {
    let place = &workspace.place;
    let head = at.head;
    let moved = |how: String| {
        let operation = git::operation(place)?;
        let how = operation.map(|operation| format!("a {operation} is under way; {how}")).unwrap_or(how);
        let back = back(workspace, run, judging, at, operation)?;
        Ok(HeadFact::Moved { how, back: back.unwrap_or_else(|| "put it back".to_owned()) })
    };
    let own = run.ticket(&judging.request.ticket).commits;
    if let Some(before) = &judging.request.head {
        let Some(now) = &head.commit else {
            return moved(format!("HEAD was at {} and has no commit any more", short(before)));
        };
        let relation = git::relation(place, before, now)?;
        if let Some(lost) = relation.lost.iter().find(|commit| !own.contains(*commit)) {
            let count = relation.lost.len();
            return moved(format!(
                "{count} commit(s) that were there as the turn began are gone, {} among them",
                short(lost)
            ));
        }
    }
    if head.branch == run.branch {
        return Ok(HeadFact::InPlace);
    }
    let there =
        head.branch.as_deref().map_or_else(|| "detached".to_owned(), |branch| format!("on `{}`", named(branch)));
    let Some(branch) = &run.branch else {
        return moved(format!("the run works on a detached HEAD, and HEAD is {there}"));
    };
    let (Some(tip), Some(now)) = (git::branch_commit(place, branch)?, &head.commit) else {
        return moved(format!("HEAD is {there}, and the run's branch `{}` has no commit", named(branch)));
    };
    if git::relation(place, &tip, now)?.lost.is_empty() {
        return Ok(HeadFact::Ahead { commit: now.clone() });
    }
    moved(format!("HEAD is {there}, and the run's branch `{}` is not among its ancestors", named(branch)))
}

/// What puts HEAD on the run's branch, and that on a commit which holds what was there as the turn began.
fn back(
    workspace: &Workspace,
    run: &RunState,
    judging: &Judging,
    at: &At<'_>,
    operation: Option<&str>,
) -> Result<Option<String>, RunError> {
    let place = &workspace.place;
    let own = run.ticket(&judging.request.ticket).commits;
    let before = judging.request.head.as_ref();
    let now = at.head.commit.as_ref();
    let tip = match &run.branch {
        Some(branch) => git::branch_commit(place, branch)?,
        None => at.head.commit.clone(),
    };
    let mut target = before;
    for commit in [now, tip.as_ref()].into_iter().flatten() {
        let holds = match before {
            Some(before) => git::relation(place, before, commit)?.lost.iter().all(|lost| own.contains(lost)),
            None => true,
        };
        target = if holds { Some(commit) } else { target };
    }
    let files_move = match (target, now) {
        (Some(target), Some(now)) => costs_nothing(workspace, at, now, target)?,
        _ => false,
    };
    let stays = tip.as_ref().is_some_and(|tip| target == Some(tip));
    match (operation, &run.branch) {
        // The branch holds every commit, and only git knows how to leave what is half done.
        (Some("rebase"), Some(_)) if stays => {
            let given_up = "`git rebase --abort` gives it up and goes back to what is committed on";
            return Ok(run.branch.as_ref().map(|branch| format!("{given_up} `{}`", named(branch))));
        }
        (Some("bisect"), Some(branch)) if stays && files_move => {
            return Ok(Some(format!("`git bisect reset {}` puts it back", typed(branch))));
        }
        _ => {}
    }
    let files_move = files_move && operation.is_none();
    let mut commands: Vec<String> = operation.map(quit).into_iter().collect();
    let same_branch = at.head.branch == run.branch;
    match (&run.branch, target) {
        (_, Some(target)) if files_move && same_branch => commands.push(format!("git reset --keep {}", short(target))),
        (Some(branch), Some(_)) if files_move && stays => commands.push(format!("git switch {}", typed(branch))),
        (None, Some(target)) if files_move => commands.push(format!("git switch --detach {}", short(target))),
        (None, Some(target)) => commands.push(format!("git update-ref --no-deref HEAD {}", short(target))),
        (None, None) => {}
        (Some(branch), _) => {
            let name = shell_word(branch);
            let moves = target.filter(|_| !stays);
            commands.extend(moves.map(|target| format!("git update-ref {name} {}", short(target))));
            if !same_branch {
                commands.push(format!("git symbolic-ref HEAD {name}"));
            }
            if now.is_none() {
                // The index of a HEAD without a commit may be empty, and every file in it would be taken for removed.
                commands.push("git reset --quiet".to_owned());
            }
        }
    }
    let files = if files_move { "" } else { " and leaves every file as it is" };
    Ok((!commands.is_empty()).then(|| format!("`{}` puts it back{files}", commands.join(" && "))))
}

/// Whether git can go from one commit to another and nothing is lost: all that the one holds is in the history of the
/// other, and no uncommitted file is in the way.
fn costs_nothing(workspace: &Workspace, at: &At<'_>, now: &str, target: &str) -> Result<bool, RunError> {
    let place = &workspace.place;
    if !git::relation(place, target, now)?.ahead.is_empty() {
        return Ok(false);
    }
    let in_the_way =
        |path: &String| at.uncommitted.outside.contains_key(path) || at.uncommitted.inside.contains_key(path);
    Ok(!git::paths_changed(place, Some(now), target)?.iter().any(in_the_way))
}

/// Leaves what git has under way, and every file as it is.
fn quit(operation: &str) -> String {
    match operation {
        "bisect" => "git bisect reset HEAD".to_owned(),
        _ => format!("git {operation} --quit"),
    }
}

/// What to type between turns where another branch is checked out than the open run's.
pub(super) fn way_back(workspace: &Workspace, run: &RunState, head: &Head) -> Result<Option<String>, RunError> {
    if run.life != Life::Open || run.branch == head.branch {
        return Ok(None);
    }
    let Some(branch) = &run.branch else { return Ok(Some("git switch --detach".to_owned())) };
    let there = git::branch_commit(&workspace.place, branch)?.is_some();
    Ok(Some(match (there, &head.commit) {
        (true, Some(_)) => format!("git switch {}", typed(branch)),
        // It was renamed or deleted.
        (false, Some(_)) => format!("git switch -c {}", typed(branch)),
        // Without a commit, git takes every file for one that it would overwrite.
        (_, None) => format!("git symbolic-ref HEAD {}", shell_word(branch)),
    }))
}

/// A commit as people read it.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// A branch as people know it.
fn named(branch: &str) -> String {
    shown_line(branch.strip_prefix("refs/heads/").unwrap_or(branch))
}

/// A branch as it is typed.
fn typed(branch: &str) -> String {
    shell_word(branch.strip_prefix("refs/heads/").unwrap_or(branch))
}

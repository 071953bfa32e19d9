//! Claims that nobody has judged yet: what a turn that is under way, or that ended and waits to be judged, has set.

use std::collections::{BTreeMap, HashMap};

use super::contract::says_done;
use super::error::RunError;
use super::mail_facts::in_commit;
use super::work;
use super::workspace::{Folded, Workspace};
use crate::flow::TicketFact;
use crate::git;

/// Marks the tickets that say `done: true` and did not say so before the turn.
pub(super) fn mark(
    workspace: &Workspace,
    folded: &Folded,
    head: &git::Head,
    tickets_changes: &BTreeMap<String, bool>,
    tickets: &mut [TicketFact],
) -> Result<(), RunError> {
    let place = &workspace.place;
    let Some(before) = unjudged(place, folded)? else { return Ok(()) };
    // What is neither uncommitted nor another one in HEAD is as it was. A ticket that is in no commit and not
    // uncommitted is ignored by git, which then says nothing of others either.
    let committed: HashMap<String, bool> = match &head.commit {
        Some(now) => {
            git::diff(place, &before, now)?.into_iter().map(|change| (change.path, change.after.is_none())).collect()
        }
        None => HashMap::new(),
    };
    // Nothing lies there uncommitted and nothing was committed: every ticket says what it said then.
    if head.commit.is_some() && committed.is_empty() && tickets_changes.is_empty() {
        return Ok(());
    }
    let is_ignored = |ticket: &TicketFact| {
        let path = ticket.id.path();
        committed.get(&path) == Some(&true) && !tickets_changes.contains_key(&path)
    };
    let cannot_tell = head.commit.is_none() || tickets.iter().any(is_ignored);
    for ticket in tickets.iter_mut().filter(|ticket| ticket.done) {
        let path = ticket.id.path();
        if cannot_tell || tickets_changes.contains_key(&path) || committed.contains_key(&path) {
            let then = in_commit(place, Some(&before), &path)?;
            ticket.claimed = !then.is_some_and(|text| says_done(&path, &text));
        }
    }
    Ok(())
}

/// The tree that was kept before the turn that nobody has begun to judge.
fn unjudged(place: &git::Place, folded: &Folded) -> Result<Option<String>, RunError> {
    if let Some(judging) = folded.state.judging().filter(|judging| judging.is_new()) {
        return Ok(judging.ended.before.clone());
    }
    let (Some(request), Some(run)) = (folded.state.turning(), &folded.id) else { return Ok(None) };
    let name = work::reference(run, request.turn, "before");
    // Before that tree is kept no agent has been started.
    Ok(git::branch_commit(place, &name)?)
}

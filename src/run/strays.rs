//! Triggers of worktrees that are gone: git does not know the worktree any more, or knows another one by its name. They would
//! wait for ever, and the other one would be told of a start that was never its own.

use std::time::{Duration, SystemTime};

use super::error::RunError;
use super::hub_files;
use super::workspace::Workspace;
use crate::effect;
use crate::git;
use crate::store::Layout;
use crate::trigger::{self, Kept, Refused};

/// Clocks of file systems need not be those of processes.
const SLACK: Duration = Duration::from_secs(1);

impl Workspace {
    /// Removes what hooks that were killed have left, and what waits for worktrees that are gone.
    pub fn sweep_triggers(&self) -> Result<(), RunError> {
        trigger::sweep(&self.layout, effect::is_alive)?;
        let gone: Vec<Kept> =
            trigger::kept_by_all(&self.layout)?.into_iter().filter(|kept| is_stray(&self.layout, kept)).collect();
        trigger::drop_kept(&self.layout, &gone)?;
        Ok(trigger::forget_refused(&self.layout, |worktree, refused| is_of_gone(&self.layout, worktree, at(refused)))?)
    }
}

/// Whether a trigger waits for a worktree that is gone.
pub(super) fn is_stray(layout: &Layout, kept: &Kept) -> bool {
    let worktree = kept.trigger.as_ref().and_then(|trigger| trigger.worktree.as_deref());
    worktree.is_some_and(|worktree| is_of_gone(layout, worktree, kept.came()))
}

/// Whether a start was refused in a worktree of this name that is gone.
pub(super) fn is_refusal_of_gone(layout: &Layout, refused: &Refused) -> bool {
    is_of_gone(layout, &layout.worktree, at(refused))
}

fn at(refused: &Refused) -> Option<SystemTime> {
    refused.at.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

/// The worktree of a pushed branch goes and comes back by itself, and what waits for it is for the one that comes back.
fn is_of_gone(layout: &Layout, worktree: &str, came: Option<SystemTime>) -> bool {
    if worktree == "main" || !matches!(hub_files::read(layout, worktree), Ok(None)) {
        return false;
    }
    match git::worktree_since(&layout.common_dir, worktree) {
        Ok(None) => true,
        Ok(Some(since)) => came.is_some_and(|came| came + SLACK < since),
        Err(_) => false,
    }
}

//! Records of a run that must be there because something else says so. A journal detects what was changed in it; that
//! it is gone, or ends too early, is said by the trees that were kept outside of it.

use std::collections::BTreeSet;

use super::error::RunError;
use super::workspace::{Folded, fold};
use crate::flow::Life;
use crate::git::{self, Place};
use crate::store::{self, Journal, JournalError, Layout};

const KEPT: &str = "refs/turnstile/checkpoints/";

/// Whether what was read of the worktree's last run is all there was.
pub(super) fn nothing_is_missing(place: &Place, layout: &Layout, folded: &Folded) -> Result<(), RunError> {
    match &folded.id {
        Some(run) => turns_are_there(place, layout, run, folded.state.turns),
        None => no_run_is_forgotten(place, layout),
    }
}

/// A turn keeps a tree before its agent starts, and after it was written down.
fn turns_are_there(place: &Place, layout: &Layout, run: &str, last: u32) -> Result<(), RunError> {
    let next = super::work::reference(run, last + 1, "before");
    if git::branch_commit(place, &next)?.is_none() {
        return Ok(());
    }
    let why = format!("it ends before turn {}, of which there is a kept tree, {next}", last + 1);
    Err(JournalError::Unreadable { path: layout.journal(run), line: 0, why }.into())
}

/// Only where no run is known: kept trees of a run whose journal is gone, or that was never ended.
fn no_run_is_forgotten(place: &Place, layout: &Layout) -> Result<(), RunError> {
    let kept = git::kept_refs(place, KEPT)?;
    let runs: BTreeSet<&str> =
        kept.iter().filter_map(|kept| kept.name.strip_prefix(KEPT)?.split_once('/')).map(|(run, _)| run).collect();
    if runs.is_empty() {
        return Ok(());
    }
    let elsewhere = store::pointed_at(&layout.common_dir)?;
    for run in runs.into_iter().filter(|run| !elsewhere.contains(*run)) {
        let path = layout.journal(run);
        if !path.exists() {
            let why = format!("it is gone, and trees of its run are kept under {KEPT}{run}");
            return Err(JournalError::Unreadable { path, line: 0, why }.into());
        }
        if fold(&Journal::read(&path)?)?.life == Life::Open {
            let why = format!(
                "its run was never ended, and no worktree is in it; `echo {run} > {}` puts that right",
                layout.run_pointer().display()
            );
            return Err(JournalError::Unreadable { path, line: 0, why }.into());
        }
    }
    Ok(())
}

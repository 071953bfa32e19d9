//! Whether this process was started by a turn of this repository, whatever its environment says.

use super::workspace::{Workspace, fold};
use crate::effect;
use crate::store::{self, Journal};

impl Workspace {
    /// Whether a turn that is under way in one of the repository's worktrees started this process. A journal that
    /// cannot be read answers no: whoever goes on finds that out, and says so.
    pub fn is_inside_turn(&self) -> bool {
        let runs = store::worktree_runs(&self.layout.common_dir).unwrap_or_default();
        runs.iter().any(|(_, run)| self.is_inside_turn_of(run).unwrap_or(false))
    }

    fn is_inside_turn_of(&self, run: &str) -> Option<bool> {
        let state = fold(&Journal::read(&self.layout.journal(run)).ok()?).ok()?;
        let turn = state.turning()?.turn;
        effect::is_inside(&self.layout.turn(run, turn)).ok()
    }
}

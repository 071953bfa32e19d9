//! Whether this process was started by a turn of this repository, whatever its environment says, or by what its
//! environment says.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::workspace::fold;
use crate::effect;
use crate::store::{self, Journal, Layout};

/// How a turn begins and how it ends, and the checks of its claim, which run what it wrote.
const TURN_LINES: [&str; 7] = [
    "turn.started",
    "turn.finished",
    "turn.failed",
    "turn.timed_out",
    "turn.interrupted",
    "verify.started",
    "verify.finished",
];

/// Whether a turn that is under way in one of a repository's worktrees started this process. A journal that cannot be
/// read answers no: whoever goes on finds that out, and says so.
pub fn is_inside_turn(common_dir: &Path) -> bool {
    // Where runs lie depends on no worktree.
    let layout = Layout::main(common_dir, common_dir);
    let runs = store::worktree_runs(common_dir).unwrap_or_default();
    runs.iter().any(|(_, run)| is_inside_turn_of(&layout, run).unwrap_or(false))
}

/// Whether the environment of a turn of this repository says so.
pub fn says_inside_turn(variables: &[(OsString, OsString)], common_dir: &Path) -> bool {
    let named = variables.iter().find(|(name, _)| name == "TURNSTILE_IN_TURN").map(|(_, value)| value.as_os_str());
    let Some(inside) = named.filter(|value| *value != OsStr::new("")) else { return false };
    match (Path::new(inside).canonicalize(), common_dir.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => Path::new(inside) == common_dir,
    }
}

fn is_inside_turn_of(layout: &Layout, run: &str) -> Option<bool> {
    // Most of the time the last turn is over, or none of its processes started this one, and a long journal need not
    // be read for that.
    let last = Journal::last_of(&layout.journal(run), &TURN_LINES).ok()??;
    if last.kind == "verify.started" {
        let attempt = last.body.get("attempt")?.as_u64()?;
        let checks = layout.turn(run, last.turn?).join("checks");
        return effect::is_inside(&checks.join(format!("{attempt:04}"))).ok();
    }
    let begun = last.turn.filter(|_| last.kind == TURN_LINES[0])?;
    if !effect::is_inside(&layout.turn(run, begun)).ok()? {
        return Some(false);
    }
    let state = fold(&Journal::read(&layout.journal(run)).ok()?).ok()?;
    let turn = state.turning()?.turn;
    effect::is_inside(&layout.turn(run, turn)).ok()
}

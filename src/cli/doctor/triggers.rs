//! What `doctor` says of the triggers of git hooks: whether one could be kept, and what becomes of those that wait.

use super::Check;
use crate::run::{Waiting, Workspace};
use crate::store::Layout;

/// What git hooks have asked for, and what came of it.
pub(super) fn check(workspace: &Workspace, waiting: &Waiting) -> Check {
    if let Some(fault) = unkept(&workspace.layout) {
        return fault;
    }
    let log = workspace.layout.runner_log();
    let said = log.exists().then(|| format!("; what their runs have said is in {}", log.display()));
    let count = waiting.triggers.len();
    if let Some(refused) = &waiting.refused {
        let first = refused.reason.message.lines().next().unwrap_or_default();
        let why = format!("the last start by a git hook came to nothing: {}: {first}", refused.reason.code);
        let help = "mend that; the next `turnstile run` or hook serves what waits";
        return Check::fault("triggers", format!("{why}{}", said.unwrap_or_default())).help(help);
    }
    let callers = waiting.callers();
    if !callers.is_empty() {
        let what = super::super::triggers::shown_processes(&callers);
        return Check::ok("triggers", format!("{count} wait(s): {}, {what}", super::super::triggers::CALLED));
    }
    match count {
        0 => Check::ok("triggers", format!("none waits{}", said.unwrap_or_default())),
        _ if super::super::triggers::are_left(&workspace.layout, waiting) => {
            Check::fault("triggers", format!("{count} wait(s) for a run, and the runner was killed"))
                .help("turnstile run")
        }
        _ => Check::ok("triggers", format!("{count} wait(s) for a run{}", said.unwrap_or_default())),
    }
}

/// Why no call of a hook could be kept.
pub(super) fn unkept(layout: &Layout) -> Option<Check> {
    crate::trigger::trouble(layout).map(|trouble| Check::fault("triggers", trouble.what).help(trouble.help))
}

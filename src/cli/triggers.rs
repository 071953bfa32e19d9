//! What `status`, `next` and `doctor` say of the triggers of git hooks: how many wait, and why the last start came to
//! nothing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::run::{Waiting, Workspace};
use crate::store::{self, Layout};
use crate::text::shown_line;
use crate::trigger::Caller;

/// Why a trigger waits for more than a runner.
pub const CALLED: &str = "git, which called the hook, is still at work";

/// What waits; where that cannot be read nothing is known to wait.
pub fn waiting(workspace: &Workspace) -> Waiting {
    workspace.waiting().unwrap_or_else(|error| {
        tracing::debug!(%error, "which triggers wait is not known");
        Waiting::default()
    })
}

/// A trigger that nobody has taken up for so long, while the lock is free, waits for a runner that is gone.
const ABANDONED: Duration = Duration::from_secs(10);

/// Whether nobody works on what waits: whoever keeps a trigger starts a runner for it a moment later.
pub fn are_left(layout: &Layout, waiting: &Waiting) -> bool {
    let oldest = waiting.triggers.first().and_then(|kept| kept.path(layout).symlink_metadata().ok()?.modified().ok());
    let is_old = oldest.is_some_and(|since| since.elapsed().unwrap_or_default() > ABANDONED);
    is_old && waiting.callers().is_empty() && store::look_at_lock(layout).is_ok()
}

/// The same for programs.
pub fn document(waiting: &Waiting) -> Value {
    let refused = waiting.refused.as_ref().map(|refused| {
        json!({
            "at": refused.at,
            "asked_by": refused.asked_by,
            "reason": { "code": refused.reason.code, "message": refused.reason.message, "details": {} },
        })
    });
    let callers: Vec<u32> = waiting.callers().iter().map(|caller| caller.pid).collect();
    json!({ "waiting": waiting.triggers.len(), "callers": callers, "refused": refused })
}

/// Processes, as people name them.
pub fn shown_processes(callers: &[Caller]) -> String {
    let numbers: Vec<String> = callers.iter().map(|caller| caller.pid.to_string()).collect();
    format!("process {}", numbers.join(", "))
}

/// The same for people, in lines of their own; nothing where there is nothing to say. What is `said` beside them is not
/// said again.
pub fn lines(waiting: &Waiting, said: &str) -> String {
    let mut text = String::new();
    let count = waiting.triggers.len();
    if let Some(last) = waiting.triggers.last() {
        let what =
            last.trigger.as_ref().map_or_else(|| "one that cannot be read".to_owned(), crate::trigger::Trigger::shown);
        let latest = if count > 1 { "the latest: " } else { "" };
        text.push_str(&format!("triggers of git hooks that wait for a run: {count} ({latest}{what})\n"));
    }
    let callers = waiting.callers();
    if !callers.is_empty() {
        let what = shown_processes(&callers);
        text.push_str(&format!("  {CALLED}, {what}; the run begins when that has ended\n"));
    }
    if let Some(refused) = &waiting.refused {
        let message = crate::text::shown(&refused.reason.message).replace('\n', "\n    ");
        let is_said = |line: &str| said.contains(line.trim());
        if message.lines().all(is_said) {
            text.push_str(&format!(
                "the last start by a git hook came to nothing for that reason, {}, {}\n",
                shown_line(&refused.at),
                shown_line(&refused.asked_by)
            ));
            return text;
        }
        text.push_str(&format!(
            "the last start by a git hook came to nothing, {}, {}:\n  {}: {}\n",
            shown_line(&refused.at),
            shown_line(&refused.asked_by),
            shown_line(&refused.reason.code),
            message
        ));
    }
    text
}

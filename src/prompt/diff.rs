//! What changed in a ticket's text between two turns. Must not know which turns.

use std::time::Duration;

use similar::TextDiff;

/// A backstop only: the caps below are reached long before it, so that equal texts give equal diffs.
const TIME: Duration = Duration::from_secs(5);

/// Texts of more lines are not compared line by line.
const MAX_LINES: usize = 20_000;

/// A unified diff of a ticket's text, or `None` where nothing changed.
pub fn ticket_diff(path: &str, before: &str, now: &str) -> Option<String> {
    if before == now {
        return None;
    }
    let lines = before.lines().count().max(now.lines().count());
    if lines > MAX_LINES {
        return Some(format!(
            "the text changed from {} to {} bytes; it is too long for a diff\n",
            before.len(),
            now.len()
        ));
    }
    let path = crate::text::shown_line(path);
    let diff = TextDiff::configure().timeout(TIME).diff_lines(before, now);
    Some(
        diff.unified_diff().context_radius(3).header(&format!("{path} (before)"), &format!("{path} (now)")).to_string(),
    )
}

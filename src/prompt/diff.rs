//! What changed in a ticket's text between two turns. Must not know which turns.

use std::time::Duration;

use similar::TextDiff;

/// A backstop only: at the cap below a comparison takes milliseconds, so that equal texts give equal diffs.
const TIME: Duration = Duration::from_secs(5);

/// Texts of more lines are not compared line by line.
const MAX_LINES: usize = 5_000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_no_diff() {
        assert_eq!(ticket_diff("a.md", "x\n", "x\n"), None);
    }

    #[test]
    fn a_change_is_a_unified_diff() {
        let before = "---\nagent: codex\ndone: false\n---\nbody\n";
        let now = "---\nagent: codex\ndone: true\n---\nbody\nmore";
        insta::assert_snapshot!(ticket_diff(".tickets/a.md", before, now).unwrap(), @r"
        --- .tickets/a.md (before)
        +++ .tickets/a.md (now)
        @@ -1,5 +1,6 @@
         ---
         agent: codex
        -done: false
        +done: true
         ---
         body
        +more
        \ No newline at end of file
        ");
    }

    #[test]
    fn texts_that_are_too_long_are_not_compared() {
        let before = "a\n".repeat(MAX_LINES + 1);
        let diff = ticket_diff("a.md", &before, "").unwrap();
        assert_eq!(diff, "the text changed from 10002 to 0 bytes; it is too long for a diff\n");
    }
}

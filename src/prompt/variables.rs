//! The names that a template may use: one table for the reader of templates, the writer of prompts and the manual.

/// What a template variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariableKind {
    /// Quoted blocks, or nothing.
    Blocks,
    /// Paths, one a line, or nothing.
    List,
    /// One line.
    Line,
    /// A number, or `none`.
    Number,
    /// `true` or `false`.
    Flag,
}

impl VariableKind {
    /// As the manual calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::List => "list",
            Self::Line => "line",
            Self::Number => "number",
            Self::Flag => "flag",
        }
    }
}

/// A name that a template may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// What it holds.
    pub kind: VariableKind,
    /// What that stands for.
    pub what: &'static str,
}

const fn variable(name: &'static str, kind: VariableKind, what: &'static str) -> Variable {
    Variable { name, kind, what }
}

/// Every variable; templates that name another one are refused.
pub const VARIABLES: &[Variable] = &[
    variable("ticket_id", VariableKind::Line, "the ticket's id"),
    variable("ticket_path", VariableKind::Line, "its path"),
    variable("ticket_title", VariableKind::Line, "its title"),
    variable("ticket_goal", VariableKind::Line, "its goal, or empty"),
    variable("turn", VariableKind::Number, "the number of this turn in the run"),
    variable("run_limit", VariableKind::Number, "how many turns the run may have"),
    variable("ticket_turn", VariableKind::Number, "the number of this turn among the ticket's"),
    variable("ticket_limit", VariableKind::Number, "how many turns the ticket may have"),
    variable("agent_commits", VariableKind::Flag, "whether the agent commits its work; otherwise turnstile does"),
    variable("outbox", VariableKind::Line, "the folder for dispatches, attachments and `COMMIT_MSG`"),
    variable("history", VariableKind::Line, "the folder of the archived conversation"),
    variable("checks", VariableKind::List, "the checks that decide whether a claim holds, each with its command line"),
    variable("user_paths", VariableKind::List, "uncommitted files of the user's that must not be touched"),
    variable(
        "scope",
        VariableKind::List,
        "globs of what the turn may change besides `.tickets/`, if the ticket has a `scope`",
    ),
    variable("protected", VariableKind::List, "globs of what no turn may change unasked"),
    variable(
        "changed_by_person",
        VariableKind::List,
        "paths of the ticket's work that a person changed since the last turn",
    ),
    variable("interrupted", VariableKind::Flag, "whether the turn before ended without a record"),
    variable("interrupted_paths", VariableKind::List, "what such a turn left behind"),
    variable("stray_attachments", VariableKind::List, "files in the outbox without a `DISPATCH.md`"),
    variable("dirty_paths", VariableKind::List, "what a commit turn is asked to commit"),
    variable("feedback", VariableKind::Blocks, "what the runner judged, why it did not pass, attempts left; never cut"),
    variable("workspace", VariableKind::Blocks, "the files of `.tickets/context/`"),
    variable("replies", VariableKind::Blocks, "answers that were not delivered yet"),
    variable("suspect_reply", VariableKind::Blocks, "a reply that appeared during a turn and may be the agent's own"),
    variable("conversation", VariableKind::Blocks, "the archived messages of the ticket, the oldest first"),
    variable("context", VariableKind::Blocks, "the files that the ticket's `context` names"),
    variable("previous_ticket", VariableKind::Blocks, "the ticket that was finished before this one"),
    variable("ticket_frontmatter", VariableKind::Blocks, "the ticket's frontmatter; never cut"),
    variable("ticket_body", VariableKind::Blocks, "the ticket's body"),
    variable("ticket_diff", VariableKind::Blocks, "what changed in the ticket since the last turn"),
    variable("previous_words", VariableKind::Blocks, "the last words of the turn before"),
];

/// In this order parts get smaller, each as small as it can be before the next one is touched.
pub(super) const SHRINK_ORDER: [&str; 9] = [
    "previous_words",
    "previous_ticket",
    "conversation",
    "context",
    "workspace",
    "ticket_diff",
    "ticket_body",
    "suspect_reply",
    "replies",
];

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../../docs/prompt.md");

    #[test]
    fn the_manual_lists_the_variables() {
        let rows: Vec<String> = VARIABLES
            .iter()
            .map(|variable| format!("| `{}` | {} | {} |\n", variable.name, variable.kind.name(), variable.what))
            .collect();
        let table = rows.concat();
        assert!(MANUAL.ends_with(&format!("|---|---|---|\n{table}")), "the table should be:\n{table}");
    }

    #[test]
    fn the_manual_tells_the_order_in_which_parts_get_smaller() {
        let told: Vec<&str> = MANUAL
            .lines()
            .filter(|line| line.starts_with(|character: char| character.is_ascii_digit()))
            .filter_map(|line| line.split('`').nth(1))
            .collect();
        assert_eq!(told, SHRINK_ORDER);
    }

    #[test]
    fn every_part_that_gets_smaller_is_a_variable() {
        for name in SHRINK_ORDER {
            assert!(VARIABLES.iter().any(|variable| variable.name == name && variable.kind == VariableKind::Blocks));
        }
    }
}

//! The keys that a ticket may have.

/// The keys of the frontmatter.
pub const TICKET_KEYS: &[&str] = &[
    "agent",
    "done",
    "title",
    "goal",
    "priority",
    "depends_on",
    "hold",
    "tags",
    "risk",
    "approval",
    "model",
    "reasoning",
    "verify",
    "artifacts",
    "scope",
    "context",
    "limits",
];

/// The keys of `limits`.
pub const LIMIT_KEYS: &[&str] = &["turns", "time", "no_progress", "cost_usd", "tokens"];

/// The keys of an item of `context`.
pub const CONTEXT_KEYS: &[&str] = &["path", "max_bytes", "required"];

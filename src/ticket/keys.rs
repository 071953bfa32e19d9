//! The keys that a ticket may have, and those of them that this version cannot honour.

use super::yaml::{Node, Value};

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

/// What a key may say where this version would not act on any other value.
enum Harmless {
    /// Nothing but an absent value.
    Nothing,
    /// This word, which is the default.
    Word(&'static str),
    /// The empty list.
    EmptyList,
}

/// Keys that this version knows and cannot honour. To ignore one would be to judge a ticket by less than it asks for,
/// so each is an error. Supporting one means to delete its row.
const UNSUPPORTED: &[(&str, Harmless)] = &[
    ("verify", Harmless::EmptyList),
    ("artifacts", Harmless::EmptyList),
    ("limits.no_progress", Harmless::Nothing),
    ("limits.cost_usd", Harmless::Word("off")),
    ("limits.tokens", Harmless::Word("off")),
];

/// Whether this version can honour the value of a key; a key of `limits` is written `limits.time`.
pub(super) fn is_supported(key: &str, node: &Node) -> bool {
    UNSUPPORTED.iter().find(|(name, _)| *name == key).is_none_or(|(_, harmless)| match (harmless, &node.value) {
        (_, Value::Null) => true,
        (Harmless::Word(word), Value::Scalar { text, .. }) => text == word,
        (Harmless::EmptyList, Value::Sequence(items)) => items.is_empty(),
        (Harmless::Nothing | Harmless::Word(_) | Harmless::EmptyList, _) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unsupported_key_is_a_known_key() {
        for (name, _) in UNSUPPORTED {
            let known =
                name.strip_prefix("limits.").map_or(TICKET_KEYS.contains(name), |key| LIMIT_KEYS.contains(&key));
            assert!(known, "{name}");
        }
    }
}

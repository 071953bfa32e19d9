//! What the format knows and this version does not do yet. It is refused and never ignored: a check that is not run
//! or a cap that is not held would be a promise broken in silence. To support one, delete its row.

use crate::ticket::yaml::{Node, Value};

/// A row of the table.
pub(crate) enum Unsupported {
    /// A key, as its path in the config, and the value that asks for nothing.
    Key(&'static str, Accepted),
    /// A kind of agent.
    Kind(&'static str),
}

/// The value of an unsupported key that is accepted because it asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// No value.
    Nothing,
    /// An empty list or mapping.
    Empty,
}

/// The table. `*` stands for every name of the roster.
pub(crate) const UNSUPPORTED: &[Unsupported] = &[
    Unsupported::Key("agents.*.permissions", Accepted::Nothing),
    Unsupported::Key("agents.*.output", Accepted::Empty),
    Unsupported::Key("agents.*.fallback", Accepted::Nothing),
    Unsupported::Kind("copilot"),
    Unsupported::Kind("goose"),
    Unsupported::Kind("cursor"),
    Unsupported::Kind("amp"),
    Unsupported::Kind("acp"),
];

/// The value that is accepted of a key that is not supported; `None` for a key that is.
pub(crate) fn accepted(path: &str) -> Option<Accepted> {
    UNSUPPORTED.iter().find_map(|row| match row {
        Unsupported::Key(key, accepted) if *key == path => Some(*accepted),
        Unsupported::Key(..) | Unsupported::Kind(_) => None,
    })
}

/// Whether a word is a kind of agent that is not supported.
pub(crate) fn is_kind(word: &str) -> bool {
    UNSUPPORTED.iter().any(|row| matches!(row, Unsupported::Kind(kind) if *kind == word))
}

impl Accepted {
    /// Whether a value is this one.
    pub(crate) fn is(self, node: &Node) -> bool {
        match (self, &node.value) {
            (Self::Empty, Value::Sequence(items)) => items.is_empty(),
            (Self::Empty, Value::Mapping(entries)) => entries.is_empty(),
            (Self::Nothing | Self::Empty, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AgentKind;
    use crate::config::keys::{CONFIG, Key, Shape};

    fn paths(prefix: &str, keys: &[Key], found: &mut Vec<(String, Shape)>) {
        for key in keys {
            let path = format!("{prefix}{}", key.name);
            found.push((path.clone(), key.shape));
            if let Some(keys) = key.shape.table() {
                paths(&format!("{path}."), keys, found);
            }
            if let Some(keys) = key.shape.named() {
                paths(&format!("{path}.*."), keys, found);
            }
        }
    }

    #[test]
    fn every_row_is_a_key_and_what_the_reader_does_not_read_has_a_row() {
        let mut known = Vec::new();
        paths("", CONFIG, &mut known);
        for row in UNSUPPORTED {
            match row {
                Unsupported::Key(path, _) => assert!(known.iter().any(|(known, _)| known == path), "{path}"),
                Unsupported::Kind(kind) => assert_eq!(AgentKind::from_name(kind), None, "{kind}"),
            }
        }
        for (path, shape) in known {
            assert!(!matches!(shape, Shape::Only(_)) || accepted(&path).is_some(), "{path}");
        }
    }
}

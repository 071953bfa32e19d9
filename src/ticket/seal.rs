//! What an approval is bound to: the digest of everything that a ticket asks for. Must not know who approves.

use sha2::{Digest as _, Sha256};

use super::edit::frontmatter;
use super::yaml::{Node, Value};
use crate::text::Source;

/// The digest of a ticket's contract and body. Comments, the order of keys and `done` are no part of it: they ask for
/// nothing. What has no frontmatter is taken as it is.
pub fn seal(source: &Source) -> String {
    let mut hasher = Sha256::new();
    match frontmatter(source) {
        Some((parts, tree)) => {
            let mut entries: Vec<_> = tree.entries().iter().filter(|(key, _)| key.name != "done").collect();
            entries.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
            for (key, node) in entries {
                add(&mut hasher, 'k', &key.name);
                add_value(&mut hasher, node);
            }
            add(&mut hasher, 'b', parts.body.of(&source.text));
        }
        None => add(&mut hasher, 't', &source.text),
    }
    format!("{:x}", hasher.finalize())
}

/// The digest of a text of which nothing but the whole counts.
pub fn digest_of_text(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// Each part with its kind and its length, so that no two values look alike.
fn add(hasher: &mut Sha256, kind: char, text: &str) {
    hasher.update(format!("{kind}{}:", text.len()));
    hasher.update(text);
}

fn add_value(hasher: &mut Sha256, node: &Node) {
    match &node.value {
        Value::Null => add(hasher, 'n', ""),
        Value::Scalar { text, quoted } => add(hasher, if *quoted { 'q' } else { 'p' }, text),
        Value::Sequence(items) => {
            add(hasher, 's', &items.len().to_string());
            for item in items {
                add_value(hasher, item);
            }
        }
        Value::Mapping(entries) => {
            add(hasher, 'm', &entries.len().to_string());
            for (key, node) in entries {
                add(hasher, 'k', &key.name);
                add_value(hasher, node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        seal(&Source::new(".tickets/1.md", text))
    }

    #[test]
    fn done_and_how_it_is_written_are_no_part_of_it_and_everything_else_is() {
        let ticket = "---\ntitle: a # why\ntags: [x, y]\ndone: false\n---\nbody\n";
        let same =
            ["---\ntags: [x, y]\ntitle: a\n---\nbody\n", "---\ndone: true\ntitle: a\ntags:\n  - x\n  - y\n---\nbody\n"];
        for text in same {
            assert_eq!(of(text), of(ticket), "{text}");
        }
        for (from, to) in [
            ("title: a", "title: b"),
            ("[x, y]", "[x]"),
            ("[x, y]", "xy"),
            ("body", "bodies"),
            ("---\ntitle", "---\nrisk: low\ntitle"),
        ] {
            assert_ne!(of(&ticket.replacen(from, to, 1)), of(ticket), "{from} -> {to}");
        }
        assert_ne!(of("no ticket"), of("another"));
    }
}

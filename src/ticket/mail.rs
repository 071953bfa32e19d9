//! What dispatches and replies have in common: a frontmatter of few keys, each of them a text, over free text.

use super::faults::Faults;
use super::split::{Split, split};
use super::yaml::{self, Key, Node, Value};
use crate::diagnostic::Code;
use crate::text::{Source, Span, nearest, shown_line};

/// A message taken apart; without frontmatter its tree is empty.
pub(super) struct Mail {
    pub(super) tree: Node,
    pub(super) body: Span,
}

/// Takes a message apart; `None` where its frontmatter cannot be relied on, which was reported.
pub(super) fn open(source: &Source, known: &[&'static str], faults: &mut Faults<'_>) -> Option<Mail> {
    let parts = match split(&source.text) {
        Split::Frontmatter(parts) => parts,
        Split::None { body } => {
            let tree = Node { span: Span::new(body.start, body.start), value: Value::Null };
            return Some(Mail { tree, body });
        }
        Split::Unterminated { opening } => {
            faults.at_with_help(
                Code::Unterminated,
                opening,
                "the frontmatter has no closing `---`",
                "write a line with `---` behind its last key, or remove the first line",
            );
            return None;
        }
    };
    let (tree, syntax) = yaml::parse(source, parts.yaml);
    faults.extend(syntax);
    let tree = tree?;
    if !matches!(tree.value, Value::Mapping(_) | Value::Null) {
        let message = format!("the frontmatter is {}, not keys with values", tree.kind());
        faults.at_with_help(Code::NotMapping, tree.span, message, "write one `key: value` a line");
        return None;
    }
    for (key, _) in tree.entries() {
        if !known.contains(&key.name.as_str()) {
            let help = match nearest(&key.name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys are {}", known.join(", ")),
            };
            faults.at_with_help(
                Code::UnknownConfigKey,
                key.span,
                format!("unknown key `{}`", shown_line(&key.name)),
                help,
            );
        }
    }
    Some(Mail { tree, body: parts.body })
}

impl Mail {
    /// A key that must be a text, if it is there.
    pub(super) fn text(&self, name: &str, faults: &mut Faults<'_>) -> Option<(String, Span)> {
        let (key, node): &(Key, Node) = self.tree.entries().iter().find(|(key, _)| key.name == name)?;
        match &node.value {
            Value::Null => None,
            Value::Scalar { text, .. } => Some((text.trim().to_owned(), node.span)),
            Value::Sequence(_) | Value::Mapping(_) => {
                let message = format!("`{}` must be a text, not {}", key.name, node.kind());
                faults.at_with_help(Code::WrongType, node.span, message, format!("write `{name}: one text`"));
                None
            }
        }
    }

    /// A key that must be one of some words, if it is there.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)], faults: &mut Faults<'_>) -> Option<T> {
        let (text, span) = self.text(name, faults)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("`{name}` cannot be `{}`", shown_line(&text));
            faults.at_with_help(Code::OutOfRange, span, message, format!("write {}", all.join(" or ")));
        }
        found
    }
}

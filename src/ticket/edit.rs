//! Changes the value of `done` and not one byte else. Whatever cannot be done that way is refused.

use super::read::read;
use super::split::{Parts, Split, split};
use super::yaml::{self, Key, Node, Value};
use crate::text::{Edit, Source, Span, apply};

/// Why a ticket was not edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditRefused {
    /// There is no frontmatter with keys and values in which `done` could stand.
    #[error("its frontmatter cannot be read; `turnstile lint` says why")]
    Unreadable,
    /// `done` is written in a form that is not edited.
    #[error("`done` is not written as one word; write `done: true` or `done: false` on a line of its own")]
    Form,
    /// The result would not say the same as before but for `done`.
    #[error("no edit of `done` alone gives this ticket; write it by hand")]
    Unverified,
}

/// The text of a ticket that says `done`, or no longer says it.
pub fn set_done(source: &Source, done: bool) -> Result<String, EditRefused> {
    let (parts, tree) = frontmatter(source).ok_or(EditRefused::Unreadable)?;
    let edit = match tree.get("done") {
        Some(node) => match &node.value {
            Value::Null if !done => None,
            Value::Null if node.span.start == node.span.end => {
                let colon = if source.text[..node.span.start].trim_end().ends_with(':') { "" } else { ":" };
                Some(Edit { span: node.span, text: format!("{colon} {done}") })
            }
            Value::Null => Some(Edit { span: node.span, text: done.to_string() }),
            Value::Scalar { text, quoted: false } if text.eq_ignore_ascii_case(&done.to_string()) => None,
            Value::Scalar { .. } if is_one_word(node.span.of(&source.text)) => {
                Some(Edit { span: node.span, text: done.to_string() })
            }
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => return Err(EditRefused::Form),
        },
        None if !done => None,
        None if is_flow(&tree, &source.text) => Some(flow_insertion(&tree, done)),
        None => {
            // Where something ends the mapping behind its last key, the first key's place is as good.
            let places = [parts.yaml.end, line_start(&source.text, tree.span.start)];
            let mut texts = places.into_iter().map(|at| insertion(source, parts, &tree, at, done));
            return texts.find_map(|edit| edited(source, parts, &tree, edit, done).ok()).ok_or(EditRefused::Unverified);
        }
    };
    let Some(edit) = edit else { return Ok(source.text.to_string()) };
    edited(source, parts, &tree, edit, done)
}

fn edited(source: &Source, parts: Parts, tree: &Node, edit: Edit, done: bool) -> Result<String, EditRefused> {
    let text = apply(&source.text, &[edit]).map_err(|_| EditRefused::Unverified)?;
    verified(source, parts, tree, text, done)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The first entry of `{…}`: what stands behind the last one may be a comma or a comment.
fn flow_insertion(tree: &Node, done: bool) -> Edit {
    let at = tree.span.start + 1;
    let comma = if tree.entries().is_empty() { "" } else { ", " };
    Edit { span: Span::new(at, at), text: format!("done: {done}{comma}") }
}

fn is_one_word(written: &str) -> bool {
    !written.contains(['\n', '\r']) && !written.starts_with(['|', '>'])
}

fn insertion(source: &Source, parts: Parts, tree: &Node, at: usize, done: bool) -> Edit {
    let before = &source.text[line_start(&source.text, tree.span.start)..tree.span.start];
    let indent = if before.chars().all(|character| character == ' ') { before } else { "" };
    Edit { span: Span::new(at, at), text: format!("{indent}done: {done}{}", parts.newline) }
}

/// The parts and the tree of a text whose frontmatter holds keys and values, each once.
pub(super) fn frontmatter(source: &Source) -> Option<(Parts, Node)> {
    let Split::Frontmatter(parts) = split(&source.text) else { return None };
    let (tree, faults) = yaml::parse(source, parts.yaml);
    let tree = tree.filter(|_| faults.is_empty())?;
    match tree.value {
        Value::Mapping(_) | Value::Null => Some((parts, tree)),
        Value::Scalar { .. } | Value::Sequence(_) => None,
    }
}

pub(super) fn is_flow(tree: &Node, text: &str) -> bool {
    text[tree.span.start..].starts_with('{')
}

fn verified(before: &Source, parts: Parts, tree: &Node, text: String, done: bool) -> Result<String, EditRefused> {
    let after = Source::new(before.path.clone(), text);
    let Some((new_parts, new_tree)) = frontmatter(&after) else { return Err(EditRefused::Unverified) };
    let says_done = read(&after).0.is_some_and(|ticket| ticket.front.done == done);
    let same_body = parts.body.of(&before.text) == new_parts.body.of(&after.text);
    if says_done && same_body && differing(tree, &new_tree).iter().all(|name| name == "done") {
        return Ok(after.text.to_string());
    }
    Err(EditRefused::Unverified)
}

/// The keys of two mappings that one lacks or that say something else, in the order of the texts.
pub(super) fn differing(one: &Node, other: &Node) -> Vec<String> {
    let changed = one.entries().iter().filter(|(key, node)| other.get(&key.name).is_none_or(|it| !same(node, it)));
    let added = other.entries().iter().filter(|(key, _)| one.get(&key.name).is_none());
    changed.chain(added).map(|(key, _): &(Key, Node)| key.name.clone()).collect()
}

/// Whether two values say the same, wherever they stand.
pub(super) fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Sequence(items), Value::Sequence(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(item, other)| same(item, other))
        }
        (Value::Mapping(_), Value::Mapping(_)) => differing(one, other).is_empty(),
        (value, other) => value == other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(text: &str, done: bool) -> Result<String, EditRefused> {
        set_done(&Source::new(".tickets/1.md", text), done)
    }

    #[test]
    fn only_the_value_changes() {
        for (before, after) in [
            ("---\ndone: false # why\n---\n", "---\ndone: true # why\n---\n"),
            ("---\r\ntitle: x\r\ndone:   false\r\n---\r\nb\r\n", "---\r\ntitle: x\r\ndone:   true\r\n---\r\nb\r\n"),
            ("\u{feff}---\ndone: no\n---\n", "\u{feff}---\ndone: true\n---\n"),
            ("---\ndone: 'false' # k\n---\n", "---\ndone: true # k\n---\n"),
            ("---\ndone:\ntitle: x\n---\n", "---\ndone: true\ntitle: x\n---\n"),
            ("---\ndone: ~\n---\n", "---\ndone: true\n---\n"),
            ("---\n---\nbody", "---\ndone: true\n---\nbody"),
            ("---\r\ntitle: x\r\n---\r\n", "---\r\ntitle: x\r\ndone: true\r\n---\r\n"),
            ("---\n  title: x\n---\n", "---\n  title: x\n  done: true\n---\n"),
            ("---\n{title: a, done: false}\n---\n", "---\n{title: a, done: true}\n---\n"),
            ("---\n? done\n: false\n---\n", "---\n? done\n: true\n---\n"),
            ("---\n\"done\": false\n---\n", "---\n\"done\": true\n---\n"),
            (
                "---\ngoal: |\n  done: false\n# done: false\ndone: false\n---\ndone: false\n",
                "---\ngoal: |\n  done: false\n# done: false\ndone: true\n---\ndone: false\n",
            ),
            ("---\ndone: True\n---\n", "---\ndone: True\n---\n"),
            ("---\ngoal: |\n  last\n---\n", "---\ngoal: |\n  last\ndone: true\n---\n"),
            ("---\n{title: a}\n---\n", "---\n{done: true, title: a}\n---\n"),
            ("---\n{\n  title: a, # why\n}\n---\n", "---\n{done: true, \n  title: a, # why\n}\n---\n"),
            ("---\n{}\n---\n", "---\n{done: true}\n---\n"),
            ("---\n{done: , title: a}\n---\n", "---\n{done: true , title: a}\n---\n"),
            ("---\n# why\ntitle: x\n...\n---\n", "---\n# why\ndone: true\ntitle: x\n...\n---\n"),
        ] {
            assert_eq!(set(before, true).as_deref(), Ok(after), "{before:?}");
        }
        assert_eq!(set("---\ntitle: x\n---\n", false).as_deref(), Ok("---\ntitle: x\n---\n"));
        assert_eq!(set("---\ndone: yes\n---\n", false).as_deref(), Ok("---\ndone: false\n---\n"));
    }

    #[test]
    fn exotic_forms_are_refused() {
        for (text, refused) in [
            ("no frontmatter", EditRefused::Unreadable),
            ("---\ndone: true\n", EditRefused::Unreadable),
            ("---\n- done\n---\n", EditRefused::Unreadable),
            ("---\ndone: false\ndone: false\n---\n", EditRefused::Unreadable),
            ("---\ndone: &a false\n---\n", EditRefused::Unreadable),
            ("---\ndone: |\n  false\n---\n", EditRefused::Form),
            ("---\ndone: [false]\n---\n", EditRefused::Form),
        ] {
            assert_eq!(set(text, true), Err(refused), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_other_byte_changes_and_twice_is_once(
            top in prop::sample::select(vec!["", "\u{feff}"]),
            newline in prop::sample::select(vec!["\n", "\r\n"]),
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "title: \"é: x\"", "# done: false", "tags: [a, 'b # c']", "goal: >", "  done: true", "", "priority: 1",
                    "x-y: {done: false}", "done: false", "done:", "done: true # ✓", "  - x", "hold: |+",
                ]),
                0..8,
            ),
            body in "(done: false|\n|\r\n|---|\\PC){0,6}",
            done in any::<bool>(),
        ) {
            let mut text = format!("{top}---{newline}");
            for line in lines {
                text.push_str(line);
                text.push_str(newline);
            }
            text.push_str("---");
            text.push_str(newline);
            text.push_str(&body);
            if let Ok(edited) = set(&text, done) {
                let source = Source::new("1.md", edited.as_str());
                prop_assert_eq!(read(&source).0.unwrap().front.done, done);
                prop_assert_eq!(set(&edited, done), Ok(edited.clone()));
                let head = text.bytes().zip(edited.bytes()).take_while(|(one, other)| one == other).count();
                let tail = text[head..].bytes().rev().zip(edited[head..].bytes().rev()).take_while(|(one, other)| one == other).count();
                let gone = &text[head..text.len() - tail];
                let come = edited[head..edited.len() - tail].trim();
                prop_assert!(gone.len() <= "false".len(), "{:?} -> {:?}", gone, come);
                prop_assert!(come.len() <= "done: true\r\n".len(), "{:?} -> {:?}", gone, come);
            }
        }
    }
}

//! What a turn did to a ticket, against what a turn may do, and the text that sets it right. Must not know of turns,
//! files or who is told.

use super::edit::{differing, frontmatter, is_flow, set_done};
use super::read::read;
use super::split::Parts;
use super::yaml::{Key, Node};
use crate::diagnostic::Code;
use crate::text::{Edit, Source, Span, apply};

/// What a ticket is to the turn that may have changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The ticket that the turn worked on: its body and `done` may change.
    Own,
    /// Another ticket that is open: its body may change.
    OtherOpen,
    /// Another ticket that is done: nothing may change.
    OtherDone,
}

/// What came of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractVerdict {
    /// Nothing that a turn may not change was changed.
    Kept,
    /// Something has to be put back.
    PutBack {
        /// What the file must hold.
        text: String,
        /// The keys that were put back, removed or added again.
        keys: Vec<String>,
        /// Whether the whole file is as it was before.
        whole: bool,
    },
    /// The turn's own ticket cannot be read any more.
    Unreadable {
        /// What the file must hold: the text from before the turn.
        text: String,
    },
}

/// Judges what a turn made of a ticket that was there before; `now` is `None` where it is gone.
pub fn judge_change(before: &Source, now: Option<&Source>, role: Role) -> ContractVerdict {
    let Some(now) = now else { return whole(before) };
    if before.text == now.text {
        return ContractVerdict::Kept;
    }
    let allowed: &[&str] = match role {
        Role::Own => &["done"],
        Role::OtherOpen => &[],
        Role::OtherDone => return whole(before),
    };
    let Some((old_parts, old)) = frontmatter(before) else { return whole(before) };
    let Some((parts, new)) = frontmatter(now).filter(|_| role != Role::Own || is_usable(now)) else {
        return match role {
            Role::Own => ContractVerdict::Unreadable { text: before.text.to_string() },
            Role::OtherOpen | Role::OtherDone => whole(before),
        };
    };
    let keys: Vec<String> =
        differing(&old, &new).into_iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    if keys.is_empty() {
        return ContractVerdict::Kept;
    }
    let comparison = Comparison { before, old: &old, now, new: &new, parts, keys: &keys };
    let is_right = |text: &String| comparison.is_restored(text, allowed);
    let text = comparison.by_keys().filter(is_right).or_else(|| comparison.by_block(old_parts, role).filter(is_right));
    match text {
        Some(text) => ContractVerdict::PutBack { text, keys, whole: false },
        None => whole(before),
    }
}

/// Judges a ticket that a turn created: it may not be done.
pub fn judge_new(now: &Source) -> ContractVerdict {
    let is_done = read(now).0.is_some_and(|ticket| ticket.front.done);
    if !is_done {
        return ContractVerdict::Kept;
    }
    let keys = vec!["done".to_owned()];
    if let Ok(text) = set_done(now, false) {
        return ContractVerdict::PutBack { text, keys, whole: false };
    }
    // Whatever else it says, it is not done: fail closed, with its body.
    let body = frontmatter(now).map_or("", |(parts, _)| parts.body.of(&now.text));
    ContractVerdict::PutBack { text: format!("---\ndone: false\n---\n{body}"), keys, whole: true }
}

/// The text of a ticket that is left of what a turn made of it, once that is judged; none where nothing is left.
/// `own` is whether it is the ticket that the turn worked on.
pub fn kept_text(before: Option<&Source>, now: Option<&Source>, own: bool) -> Option<Source> {
    let verdict = match (before, now) {
        (None, None) => return None,
        (None, Some(now)) => judge_new(now),
        (Some(before), now) => {
            let role = match (own, read(before).0.is_some_and(|ticket| ticket.front.done)) {
                (true, _) => Role::Own,
                (false, true) => Role::OtherDone,
                (false, false) => Role::OtherOpen,
            };
            judge_change(before, now, role)
        }
    };
    match verdict {
        ContractVerdict::Kept => now.cloned(),
        ContractVerdict::PutBack { text, .. } | ContractVerdict::Unreadable { text } => {
            let path = before.or(now).map(|source| source.path.clone())?;
            Some(Source::new(path, text))
        }
    }
}

/// Whether serde and the rules for `done` can make a claim, or none, of the text.
fn is_usable(now: &Source) -> bool {
    let (ticket, faults) = read(now);
    let done = frontmatter(now).and_then(|(_, tree)| tree.get("done").map(|node| node.span));
    ticket.is_some()
        && !faults.iter().any(|fault| fault.code == Code::WrongType && done.is_some() && fault.span == done)
}

fn whole(before: &Source) -> ContractVerdict {
    ContractVerdict::PutBack { text: before.text.to_string(), keys: Vec::new(), whole: true }
}

struct Comparison<'a> {
    before: &'a Source,
    old: &'a Node,
    now: &'a Source,
    new: &'a Node,
    parts: Parts,
    keys: &'a [String],
}

impl Comparison<'_> {
    /// Whether a text keeps the body of now and says what was said before, but for what may change.
    fn is_restored(&self, text: &str, allowed: &[&str]) -> bool {
        let result = Source::new(self.now.path.clone(), text);
        let Some((parts, tree)) = frontmatter(&result) else { return false };
        let is_kept = |name: &String| {
            let (kept, wanted) = (tree.get(name), self.new.get(name));
            allowed.contains(&name.as_str()) && kept.is_some() == wanted.is_some()
        };
        parts.body.of(text) == self.parts.body.of(&self.now.text) && differing(self.old, &tree).iter().all(is_kept)
    }

    /// The text of now with the bytes of the changed keys as they were.
    fn by_keys(&self) -> Option<String> {
        if is_flow(self.old, &self.before.text) || is_flow(self.new, &self.now.text) {
            return None;
        }
        let mut edits = Vec::new();
        for name in self.keys {
            match (entry(self.old, name), entry(self.new, name)) {
                (Some(old), Some(new)) => {
                    let text = trimmed(old, &self.before.text).of(&self.before.text).to_owned();
                    edits.push(Edit { span: trimmed(new, &self.now.text), text });
                }
                (None, Some(new)) => edits.push(Edit { span: lines_of(new, &self.now.text), text: String::new() }),
                (Some(old), None) => edits.push(self.addition(name, old)),
                (None, None) => return None,
            }
        }
        apply(&self.now.text, &edits).ok()
    }

    /// Puts the lines of a removed key behind the key that stood before it, or in front of the one that stood after it.
    fn addition(&self, name: &str, old: &(Key, Node)) -> Edit {
        let entries = self.old.entries();
        let position = entries.iter().position(|(key, _)| key.name == name).unwrap_or_default();
        let found_in_now = |(key, _): &(Key, Node)| entry(self.new, &key.name);
        let earlier = entries[..position].iter().rev().find_map(found_in_now);
        let later = entries[position..].iter().find_map(found_in_now);
        let at = earlier
            .map(|entry| lines_of(entry, &self.now.text).end)
            .or_else(|| later.map(|entry| lines_of(entry, &self.now.text).start))
            .unwrap_or(self.parts.yaml.start);
        let mut text = lines_of(old, &self.before.text).of(&self.before.text).to_owned();
        if !text.ends_with('\n') {
            text.push_str(self.parts.newline);
        }
        Edit { span: Span::new(at, at), text }
    }

    /// The text of now with the whole frontmatter from before; for the turn's own ticket with its `done` of now.
    fn by_block(&self, old_parts: Parts, role: Role) -> Option<String> {
        let block = old_parts.yaml.of(&self.before.text).to_owned();
        let text = apply(&self.now.text, &[Edit { span: self.parts.yaml, text: block }]).ok()?;
        match role {
            Role::Own => {
                let done = read(self.now).0.is_some_and(|ticket| ticket.front.done);
                set_done(&Source::new(self.now.path.clone(), text), done).ok()
            }
            Role::OtherOpen | Role::OtherDone => Some(text),
        }
    }
}

fn entry<'a>(tree: &'a Node, name: &str) -> Option<&'a (Key, Node)> {
    tree.entries().iter().find(|(key, _)| key.name == name)
}

/// A key with its value, without the line breaks that a block scalar ends with.
fn trimmed((key, node): &(Key, Node), text: &str) -> Span {
    let written = Span::new(key.span.start, node.span.end).of(text);
    Span::new(key.span.start, key.span.start + written.trim_end_matches(['\n', '\r']).len())
}

/// The whole lines on which a key and its value stand.
fn lines_of(entry: &(Key, Node), text: &str) -> Span {
    let span = trimmed(entry, text);
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1);
    Span::new(start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "---\r\n# keep\r\ntitle: \"a\" # first\r\ndone: false\r\ndepends_on: [1]\r\ngoal: |\r\n  two\r\n  lines\r\n---\r\nbody\r\n";

    fn source(text: &str) -> Source {
        Source::new(".tickets/1.md", text)
    }

    fn judged(now: &str, role: Role) -> ContractVerdict {
        judge_change(&source(BEFORE), Some(&source(now)), role)
    }

    fn put_back(text: &str, keys: &[&str]) -> ContractVerdict {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        ContractVerdict::PutBack { text: text.to_owned(), keys, whole: false }
    }

    #[test]
    fn a_turn_may_change_its_own_body_and_done_and_the_body_of_other_open_tickets() {
        let claimed = BEFORE.replace("done: false", "done: true").replace("body", "new body");
        assert_eq!(judged(&claimed, Role::Own), ContractVerdict::Kept);
        let other = BEFORE.replace("body", "new body").replace("# keep", "# another remark");
        assert_eq!(judged(&other, Role::OtherOpen), ContractVerdict::Kept);
        assert_eq!(judged(BEFORE, Role::OtherDone), ContractVerdict::Kept);
    }

    #[test]
    fn the_bytes_of_other_keys_are_put_back_and_nothing_else() {
        let claimed = BEFORE.replace("done: false", "done:  true").replace("body", "new body");
        for (from, to, keys) in [
            ("title: \"a\"", "title: b", vec!["title"]),
            ("depends_on: [1]\r\n", "", vec!["depends_on"]),
            ("title: \"a\" # first\r\n", "", vec!["title"]),
            ("depends_on: [1]", "depends_on: []\r\npriority: 0", vec!["depends_on", "priority"]),
            ("  two\r\n", "  2\r\n", vec!["goal"]),
            ("goal: |\r\n  two\r\n  lines\r\n", "", vec!["goal"]),
            ("# keep\r\n", "# keep\r\nverify:\r\n  - true\r\n  - x\r\n", vec!["verify"]),
            ("goal: |\r\n  two\r\n  lines\r\n", "hold: |\r\n  x\r\n", vec!["goal", "hold"]),
        ] {
            let now = claimed.replace(from, to);
            assert_ne!(now, claimed);
            assert_eq!(judged(&now, Role::Own), put_back(&claimed, &keys), "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn another_tickets_done_is_put_back_and_a_finished_ticket_as_a_whole() {
        let now = BEFORE.replace("done: false", "done: true");
        assert_eq!(judged(&now, Role::OtherOpen), put_back(BEFORE, &["done"]));
        assert_eq!(judged(&now, Role::OtherDone), whole(&source(BEFORE)));
        assert_eq!(judge_change(&source(BEFORE), None, Role::Own), whole(&source(BEFORE)));
    }

    #[test]
    fn what_cannot_be_read_goes_back_to_its_text_from_before() {
        for now in [
            "",
            "---\ndone: true\n",
            "---\ndone: [\n---\n",
            "---\ndone: maybe\n---\n",
            "---\ndone: true\ndone: false\n---\n",
        ] {
            assert_eq!(judged(now, Role::Own), ContractVerdict::Unreadable { text: BEFORE.to_owned() }, "{now:?}");
        }
        assert_eq!(judged("---\ndone: [\n---\n", Role::OtherOpen), whole(&source(BEFORE)));
    }

    #[test]
    fn where_keys_cannot_be_told_apart_by_lines_the_block_goes_back_and_the_claim_stays() {
        let before = source("---\n{title: a, done: false}\n---\nbody\n");
        let now = source("---\n{title: b, done: true}\n---\nnew\n");
        let expected = put_back("---\n{title: a, done: true}\n---\nnew\n", &["title"]);
        assert_eq!(judge_change(&before, Some(&now), Role::Own), expected);
    }

    #[test]
    fn a_new_ticket_is_never_done() {
        assert_eq!(judge_new(&source("---\ndone: false\n---\n")), ContractVerdict::Kept);
        assert_eq!(judge_new(&source("no ticket")), ContractVerdict::Kept);
        let verdict = judge_new(&source("---\ndone: True # ha\n---\nx"));
        assert_eq!(verdict, put_back("---\ndone: false # ha\n---\nx", &["done"]));
    }
}

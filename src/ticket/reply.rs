//! A message from people to an agent. Its body is text for the agent and is never searched for a decision.

use super::faults::Faults;
use super::mail;
use crate::diagnostic::Diagnostic;
use crate::text::{LineColumn, Source, Span};

/// A message from a reviewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The ticket that it names: a reference as it is written.
    pub to: Option<String>,
    /// One of the choices of the question that it answers.
    pub answer: Option<String>,
    /// What it decides about an approval.
    pub decision: Option<Decision>,
    /// One line for lists.
    pub title: Option<String>,
    /// Text for the agent.
    pub body: Span,
    /// Whether the body is more than blanks.
    pub has_text: bool,
    /// Where the value of `to` stands.
    pub to_at: LineColumn,
    /// Where the value of `answer` stands.
    pub answer_at: LineColumn,
    /// Where the value of `decision` stands.
    pub decision_at: LineColumn,
}

/// What a reply decides about an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may go on.
    Approve,
    /// It may not.
    Reject,
}

impl Reply {
    /// Whether it says nothing at all, as a file that somebody has only begun.
    pub fn is_empty(&self) -> bool {
        !self.has_text && self.answer.is_none() && self.decision.is_none()
    }
}

/// The keys of a reply.
pub const REPLY_KEYS: &[&str] = &["to", "answer", "decision", "title"];

/// Reads a reply; without frontmatter it is all text.
pub fn read_reply(source: &Source) -> Result<Reply, Vec<Diagnostic>> {
    let mut faults = Faults::new(source);
    let reply = mail::open(source, REPLY_KEYS, &mut faults).map(|mail| {
        let mut text = |name| match mail.text(name, &mut faults) {
            Some((text, span)) if !text.is_empty() => (Some(text), faults.place(span)),
            Some(_) | None => (None, faults.place(mail.body)),
        };
        let ((to, to_at), (answer, answer_at), (title, _)) = (text("to"), text("answer"), text("title"));
        let decisions = [("approve", Decision::Approve), ("reject", Decision::Reject)];
        let decision = mail.word("decision", &decisions, &mut faults);
        let decision_at = mail.tree.get("decision").map_or(mail.body, |node| node.span);
        let decision_at = faults.place(decision_at);
        let has_text = !mail.body.of(&source.text).trim().is_empty();
        Reply { to, answer, decision, title, body: mail.body, has_text, to_at, answer_at, decision_at }
    });
    let faults = faults.into_sorted();
    reply.filter(|_| faults.is_empty()).ok_or(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn read(text: &str) -> Result<Reply, Vec<Code>> {
        read_reply(&Source::new(".tickets/USER_REPLY.md", text))
            .map_err(|faults| faults.iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn everything_of_a_reply_is_optional() {
        let text = "approve: yes, do it\n";
        let reply = read(text).unwrap();
        assert_eq!((reply.body.of(text), reply.decision, reply.is_empty()), (text, None, false));

        let reply = read("---\nto: 010\nanswer: yes\ndecision: reject\n---\n").unwrap();
        assert_eq!(reply.to.as_deref(), Some("010"));
        assert_eq!(reply.answer.as_deref(), Some("yes"));
        assert_eq!((reply.decision, reply.has_text, reply.is_empty()), (Some(Decision::Reject), false, false));
    }

    #[test]
    fn a_reply_that_says_nothing_is_empty() {
        for text in ["", " \n\n", "---\nto: 1\ntitle: x\n---\n \n", "---\nanswer: \"\"\n---\n"] {
            assert!(read(text).unwrap().is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_faulty_reply_is_refused() {
        for (text, code) in [
            ("---\ndecision: ok\n---\n", Code::OutOfRange),
            ("---\nanwser: a\n---\n", Code::UnknownConfigKey),
            ("---\nanswer: [a]\n---\n", Code::WrongType),
            ("---\nanswer: a\n", Code::Unterminated),
        ] {
            assert_eq!(read(text), Err(vec![code]), "{text:?}");
        }
    }
}

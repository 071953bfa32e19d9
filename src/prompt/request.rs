//! The text of `REQUEST.md`: what turnstile asks a human when it cannot go on alone. Must not know where it is put.

use std::fmt::Write as _;

use super::quote::inline;
use crate::text::shown;
use crate::ticket::TicketId;

/// A sentence, a command.
const SENTENCE_MAX: usize = 4000;

/// What a human is told and asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The ticket that waits.
    pub ticket: TicketId,
    /// The code of the reason, as `verify_failed`.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
    /// The last turn that was judged.
    pub turn: Option<u32>,
    /// What was seen: each with a few words that say what it is.
    pub seen: Vec<(String, String)>,
    /// What makes it move, each in a sentence; commands stand in backticks.
    pub answers: Vec<String>,
}

/// Writes the text of a `REQUEST.md`.
pub fn request(request: &Request) -> String {
    let mut out = String::new();
    let ticket = quoted_scalar(request.ticket.as_str());
    let reason = quoted_scalar(&request.reason);
    write!(out, "---\nticket: {ticket}\nreason: {reason}\n").expect("a string takes every write");
    if let Some(turn) = request.turn {
        writeln!(out, "turn: {turn}").expect("a string takes every write");
    }
    let message = inline(&request.message, SENTENCE_MAX);
    write!(out, "---\n# {} waits: {}\n\n{message}\n", request.ticket, inline(&request.reason, SENTENCE_MAX))
        .expect("a string takes every write");
    if !request.seen.is_empty() {
        out.push_str("\n## What was seen\n");
        for (what, text) in &request.seen {
            write!(out, "\n{}:\n\n{}", inline(what, SENTENCE_MAX), fenced(&shown(text)))
                .expect("a string takes every write");
        }
    }
    if !request.answers.is_empty() {
        out.push_str("\n## How to answer\n\n");
        for answer in &request.answers {
            writeln!(out, "- {}", inline(answer, SENTENCE_MAX)).expect("a string takes every write");
        }
    }
    out
}

/// A double-quoted scalar: what YAML and JSON write in the same way.
fn quoted_scalar(text: &str) -> String {
    serde_json::Value::from(crate::text::shown_line(text)).to_string()
}

/// A code block whose fence is longer than every run of backticks in the text.
fn fenced(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}\n{text}{end}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_why_what_was_seen_and_what_to_type() {
        let text = request(&Request {
            ticket: TicketId::new("auth/010-login"),
            reason: "verify_failed".to_owned(),
            message: "the check `unit` did not pass in 4 turns".to_owned(),
            turn: Some(7),
            seen: vec![("The end of the check's output".to_owned(), "```\nred\u{1b}[0m".to_owned())],
            answers: vec![
                "`turnstile resume` lets it try again".to_owned(),
                "a reply, or an edit of the ticket".to_owned(),
            ],
        });
        insta::assert_snapshot!(text, @r#"
        ---
        ticket: "auth/010-login"
        reason: "verify_failed"
        turn: 7
        ---
        # auth/010-login waits: verify_failed

        the check `unit` did not pass in 4 turns

        ## What was seen

        The end of the check's output:

        ````
        ```
        red\x1b[0m
        ````

        ## How to answer

        - `turnstile resume` lets it try again
        - a reply, or an edit of the ticket
        "#);
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let text = request(&Request {
            ticket: TicketId::new("a\": b\n"),
            reason: "approval_pending".to_owned(),
            message: "approve it".to_owned(),
            turn: None,
            seen: Vec::new(),
            answers: Vec::new(),
        });
        assert_eq!(
            text,
            "---\nticket: \"a\\\": b\\\\n\"\nreason: \"approval_pending\"\n---\n# a\": b\\n waits: approval_pending\n\napprove it\n"
        );
    }
}

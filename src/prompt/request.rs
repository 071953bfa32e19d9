//! The text of `REQUEST.md`: what turnstile asks a human when it cannot go on alone. Must not know where it is put.

use crate::ticket::TicketId;

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
    /// What makes it move: commands that can be typed, or short sentences.
    pub answers: Vec<String>,
}

/// Writes the text of a `REQUEST.md`.
pub fn request(request: &Request) -> String {
    format!("# {} waits: {}\n", request.ticket, request.reason)
}

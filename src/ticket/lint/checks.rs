//! E021: where the config requires a check, a ticket without one could only be claimed, never proved.

use super::rules::{LintContext, fault};
use crate::diagnostic::{Code, Diagnostic};
use crate::ticket::Read;

/// The agent whose tickets are decided by a person.
const PERSON: &str = "user";

pub(super) fn judge(tickets: &[Read], context: &LintContext<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for read in tickets {
        let Some(ticket) = &read.ticket else { continue };
        let front = &ticket.front;
        let is_persons = front.agent.as_deref().or(context.default_agent) == Some(PERSON);
        let has_check = front.verify.iter().any(|item| item.required) || !front.artifacts.is_empty();
        if front.done || is_persons || has_check {
            continue;
        }
        let message = "no required check, and the config says `require_verify: true`".to_owned();
        found.push(
            fault(Code::NoRequiredCheck, read, ticket.places.verify.or(ticket.places.top), message)
                .help("add `verify: [COMMAND]` or `artifacts: [PATH]`"),
        );
    }
    found
}

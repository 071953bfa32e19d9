//! E007: whoever is to work on a ticket must be known.

use super::rules::{LintContext, fault};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{nearest, shown_line};
use crate::ticket::Read;

pub(super) fn judge(tickets: &[Read], context: &LintContext<'_>) -> Vec<Diagnostic> {
    tickets.iter().filter_map(|read| judge_one(read, context)).collect()
}

fn judge_one(read: &Read, context: &LintContext<'_>) -> Option<Diagnostic> {
    let ticket = read.ticket.as_ref()?;
    let Some(agent) = &ticket.front.agent else {
        // An agent at fault was reported as what it is.
        let is_absent = ticket.places.agent.is_none() && context.default_agent.is_none();
        return is_absent.then(|| {
            let message = "no agent is named, and the config has no `default_agent`".to_owned();
            fault(Code::UnknownAgent, read, ticket.places.top, message)
                .help(format!("write `agent: …` with one of {}", context.roster.join(", ")))
        });
    };
    if context.roster.contains(agent) {
        return None;
    }
    let help = match nearest(agent, context.roster.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known agents are {}; others are added in `.tickets/config.yaml`", context.roster.join(", ")),
    };
    let message = format!("unknown agent `{}`", shown_line(agent));
    Some(fault(Code::UnknownAgent, read, ticket.places.agent, message).help(help))
}

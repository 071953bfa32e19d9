//! E023: a cap on what an agent uses needs an agent that reports it.

use super::rules::{LintContext, fault};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::shown_line;
use crate::ticket::Read;

pub(super) fn judge(tickets: &[Read], context: &LintContext<'_>) -> Vec<Diagnostic> {
    tickets.iter().flat_map(|read| judge_one(read, context)).collect()
}

fn judge_one(read: &Read, context: &LintContext<'_>) -> Vec<Diagnostic> {
    let Some(ticket) = &read.ticket else { return Vec::new() };
    let agent = ticket.front.agent.as_deref().or(context.default_agent);
    // Whoever is not known was reported as such, and one that reports its usage can be held to it.
    let Some(agent) = agent.filter(|agent| context.silent.iter().any(|silent| silent == agent)) else {
        return Vec::new();
    };
    let (limits, places) = (&ticket.front.limits, &ticket.places);
    let caps = [
        ("limits.cost_usd", limits.cost.is_some(), places.cost_usd),
        ("limits.tokens", limits.tokens.is_some(), places.tokens),
    ];
    let asked = caps.into_iter().filter(|(_, is_asked, _)| *is_asked);
    asked
        .map(|(key, _, place)| {
            let message = format!("`{key}` cannot be observed: `{}` reports no usage", shown_line(agent));
            fault(Code::Unobservable, read, place, message)
                .help("remove it; `limits: {turns: 12, time: 2h}` hold for every agent")
        })
        .collect()
}

//! Rungs 15 and 16: limits only ever refuse to start a turn, and the user's own changes are not for turns.

use serde_json::json;

use super::choose::{Choice, Look};
use super::event::Event;
use super::reason::{Reason, ReasonCode};
use super::state::{Refusal, TicketState};
use super::survey::TicketFact;
use super::usage::Usage;
use crate::config::Usd;
use crate::ticket::TicketId;

pub(super) fn limits(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    if let Some((refusal, message, is_own)) = reached(look, ticket) {
        let file = if is_own { ticket.id.path() } else { ".tickets/config.yaml".to_owned() };
        let more = amount(refusal.code, refusal.amount);
        let message = format!(
            "{message} {}; raise it in `{file}`, or `turnstile resume` grants {more} more",
            amount(refusal.code, refusal.in_force)
        );
        let details = json!({
            "limit": counted(refusal.code, refusal.in_force),
            "resume_grants": counted(refusal.code, refusal.amount),
        });
        if look.run.limit.as_ref() != Some(&refusal) {
            let Refusal { code: limit, ticket, amount, in_force } = refusal;
            return Some(Choice::Record(vec![Event::LimitReached { ticket, limit, amount, in_force }]));
        }
        return Some(Choice::stop(Reason::new(refusal.code, message).details(details), Some(&ticket.id)));
    }
    if look.policy.turns_left == Some(0) {
        let reason =
            Reason::new(ReasonCode::MaxTurns, "this command has had its `--max-turns`; `turnstile run` goes on");
        return Some(Choice::stop(reason, Some(&ticket.id)));
    }
    None
}

/// The limit that refuses the next turn, also where nobody has written that down yet.
pub(super) fn refusal(look: &Look<'_>) -> Option<Refusal> {
    reached(look, look.next_ticket()?).map(|(refusal, ..)| refusal)
}

/// The first limit that refuses a turn of a ticket, what has been used up, as a sentence without its end, and whether
/// it is the ticket's own limit and not the config's.
fn reached(look: &Look<'_>, ticket: &TicketFact) -> Option<(Refusal, String, bool)> {
    let state = look.run.ticket(&ticket.id);
    let limits = &look.policy.limits;
    let refusal = |code, about: Option<&TicketId>, amount: u64, granted: u64, used: u64| {
        let in_force = amount.saturating_add(granted);
        (used >= in_force).then(|| Refusal { code, ticket: about.cloned(), amount, in_force })
    };
    let (all, own) = (u64::from(look.run.turns), u64::from(state.turns));
    if let Some(limit) = limits.total_turns
        && let Some(refusal) = refusal(ReasonCode::LimitTotalTurns, None, limit.into(), look.run.granted_turns, all)
    {
        let had = amount(ReasonCode::LimitTurns, all);
        return Some((refusal, format!("the run has had {had}, and its limit is"), false));
    }
    // A turn that asks only for the commit counts against the total alone.
    if state.claim {
        return None;
    }
    if let Some(limit) = look.policy.turns_of(ticket.limits.turns)
        && let Some(refusal) = refusal(ReasonCode::LimitTurns, Some(&ticket.id), limit.into(), state.granted_turns, own)
    {
        let had = amount(ReasonCode::LimitTurns, own);
        let is_own = ticket.limits.turns.is_some_and(|own| own == limit) && limits.turns != Some(limit);
        return Some((refusal, format!("{} has had {had} in this run, and its limit is", ticket.id), is_own));
    }
    let run = limits.time.map(|limit| (limit, look.run.active_ms, false));
    let of_ticket = ticket.limits.time.map(|limit| (limit, state.active_ms, true));
    let time = [run, of_ticket].into_iter().flatten().find_map(|(limit, used, is_own)| {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let refusal = refusal(ReasonCode::LimitTime, None, limit, look.run.granted_ms, used)?;
        let had = amount(ReasonCode::LimitTime, used);
        let message = if is_own {
            format!("agents have worked on {} for {had} in this run, and its limit is", ticket.id)
        } else {
            format!("agents have worked for {had} in this run, and the limit is")
        };
        Some((refusal, message, is_own))
    });
    time.or_else(|| used_up(look, ticket, &state))
}

/// A limit on what agents report that they use.
fn used_up(look: &Look<'_>, ticket: &TicketFact, state: &TicketState) -> Option<(Refusal, String, bool)> {
    let (run, limits, own) = (look.run, &look.policy.limits, &ticket.limits);
    let about = Some(ticket.id.clone());
    let cost = |cost: Option<Usd>| cost.map(|cost| cost.0);
    let used = |usage: &Usage| (usage.tokens(), usage.cost.unwrap_or_default().0);
    let ((run_tokens, run_cost), (own_tokens, own_cost)) = (used(&run.usage), used(&state.usage));
    let (tokens, money) = (ReasonCode::LimitTokens, ReasonCode::LimitCost);
    let caps = [
        (tokens, None, limits.tokens.map(u64::from), run.granted_tokens, run_tokens),
        (tokens, about.clone(), own.tokens.map(u64::from), state.granted_tokens, own_tokens),
        (money, None, cost(limits.cost), run.granted_cost, run_cost),
        (money, about, cost(own.cost), state.granted_cost, own_cost),
    ];
    caps.into_iter().find_map(|(code, about, limit, granted, used)| {
        let limit = limit?;
        let in_force = limit.saturating_add(granted);
        let whose = about.as_ref().map_or_else(|| "the run".to_owned(), ToString::to_string);
        let message = format!("the agents of {whose} have used {}, and its limit is", amount(code, used));
        let is_own = about.is_some();
        (used >= in_force).then_some((Refusal { code, ticket: about, amount: limit, in_force }, message, is_own))
    })
}

/// The same for programs: US dollars as such, everything else as it is counted.
fn counted(code: ReasonCode, amount: u64) -> serde_json::Value {
    if code == ReasonCode::LimitCost { json!(Usd(amount).dollars()) } else { json!(amount) }
}

/// So much of what a limit counts, in words.
pub fn amount(code: ReasonCode, amount: u64) -> String {
    match (code, amount) {
        (ReasonCode::LimitTime, milliseconds) => format!("{} s", milliseconds / 1000),
        (ReasonCode::LimitCost, millionths) => Usd(millionths).to_string(),
        (ReasonCode::LimitTokens, tokens) => format!("{tokens} tokens"),
        (_, 1) => "1 turn".to_owned(),
        (_, turns) => format!("{turns} turns"),
    }
}

pub(super) fn users_changes(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    let foreign = look.foreign(&ticket.id);
    (!foreign.is_empty()).then(|| dirty(look, &ticket.id, &foreign))
}

/// The user's changes: accepted as they are, or a refusal that names them.
pub(super) fn dirty(look: &Look<'_>, ticket: &TicketId, foreign: &[(String, String)]) -> Choice {
    if look.policy.allow_dirty {
        return Choice::Record(vec![Event::WorktreeAccepted { paths: foreign.iter().cloned().collect() }]);
    }
    let paths: Vec<&String> = foreign.iter().map(|(path, _)| path).collect();
    let left_by: Vec<&TicketId> = look
        .run
        .tickets
        .iter()
        .filter(|(id, _)| *id != ticket)
        .filter(|(_, state)| paths.iter().any(|path| state.work.contains(*path) || state.left_behind.contains(*path)))
        .map(|(id, _)| id)
        .collect();
    let shown: Vec<String> = paths.iter().take(10).map(|path| format!("  {}", crate::text::shown_line(path))).collect();
    let more = paths.len().saturating_sub(10);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    let whose = left_by.first().map(|id| format!(" (left by {id})")).unwrap_or_default();
    let message = format!(
        "uncommitted changes that are not {ticket}'s{whose}; commit them, or take them as they are with `--allow-dirty`\n{}{more}",
        shown.join("\n")
    );
    let reason = Reason::new(ReasonCode::DirtyWorktree, message).details(json!({ "paths": paths, "left_by": left_by }));
    Choice::stop(reason, Some(ticket))
}

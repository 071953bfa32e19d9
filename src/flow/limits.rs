//! Rungs 15 and 16: limits only ever refuse to start a turn, and the user's own changes are not for turns.

use serde_json::json;

use super::choose::{Choice, Look};
use super::event::Event;
use super::reason::{Reason, ReasonCode};
use crate::ticket::TicketId;

pub(super) fn limits(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    let state = look.run.ticket(&ticket.id);
    let limits = &look.policy.limits;
    let commit_only = state.claim;
    let times = |limit: u32, granted: u32| limit.saturating_mul(granted.saturating_add(1));
    let (turns, active_ms) = (look.run.turns, look.run.active_ms);
    let mut reached = None;
    if let Some(limit) = limits.total_turns.map(|limit| times(limit, look.run.granted_turns))
        && turns >= limit
    {
        reached = Some((
            ReasonCode::LimitTotalTurns,
            None,
            format!("the run has had {turns} turns, and its limit is {limit}"),
            limit,
        ));
    } else if let Some(limit) = look.policy.turns_of(ticket.limits.turns).map(|limit| times(limit, state.granted_turns))
        && state.turns >= limit
        && !commit_only
    {
        let message = format!("{} has had {} turns in this run, and its limit is {limit}", ticket.id, state.turns);
        reached = Some((ReasonCode::LimitTurns, Some(ticket.id.clone()), message, limit));
    } else {
        let run = limits.time.map(|limit| (limit, active_ms));
        let own = ticket.limits.time.map(|limit| (limit, state.active_ms));
        for (limit, used) in [run, own].into_iter().flatten() {
            let limit = limit.saturating_mul(look.run.granted_time + 1);
            if u128::from(used) >= limit.as_millis() && reached.is_none() {
                let message =
                    format!("agents have worked for {} s, and the limit is {} s", used / 1000, limit.as_secs());
                reached =
                    Some((ReasonCode::LimitTime, None, message, u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)));
            }
        }
    }
    if let Some((code, about, message, limit)) = reached {
        if look.run.limit != Some((code, about.clone())) {
            return Some(Choice::Record(vec![Event::LimitReached { ticket: about, limit: code }]));
        }
        let message = format!(
            "{message}; raise it in `.tickets/config.yaml`, or `turnstile resume` grants the same amount once more"
        );
        let reason = Reason::new(code, message).details(json!({ "limit": limit }));
        return Some(Choice::stop(reason, Some(&ticket.id)));
    }
    if look.policy.turns_left == Some(0) {
        let reason =
            Reason::new(ReasonCode::MaxTurns, "this command has had its `--max-turns`; `turnstile run` goes on");
        return Some(Choice::stop(reason, Some(&ticket.id)));
    }
    None
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
        .filter(|(id, state)| *id != ticket && paths.iter().any(|path| state.work.contains(*path)))
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

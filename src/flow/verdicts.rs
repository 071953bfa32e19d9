//! What the rows after a turn have in common: how a verdict is given, and what it owes.

use super::choose::{Choice, Look};
use super::event::Event;
use super::parts::{Begun, Chore, Outcome, Verdict};
use super::reason::Reason;
use super::state::Judging;
use crate::config::CheckpointMode;

/// Whether the turn's claim waits: it was made, and the file still says so.
pub(super) fn claims(look: &Look<'_>, judging: &Judging) -> bool {
    let ticket = &judging.request.ticket;
    look.run.ticket(ticket).claim && look.survey.ticket(ticket).is_some_and(|fact| fact.done)
}

/// What a row owes that takes a claim back and keeps the work: revoke, checkpoint, and the truth about it on the branch.
pub(super) fn back(look: &Look<'_>, judging: &Judging) -> Vec<Chore> {
    let mut chores = Vec::new();
    if look.run.ticket(&judging.request.ticket).claim {
        chores.push(Chore::Revoke);
    }
    if look.policy.checkpoint == CheckpointMode::Branch && judging.ended.before != judging.ended.after {
        chores.push(Chore::Checkpoint);
    }
    if look.survey.turn.head_claims {
        chores.push(Chore::Paperwork("not done".to_owned()));
    }
    chores
}

pub(super) fn ends(row: u8, outcome: Outcome, reason: Option<Reason>, chores: Vec<Chore>) -> Verdict {
    Verdict { ticket: None, turn: None, row, outcome, reason, hold: None, chores, left: None, retry: None }
}

pub(super) fn begun(judging: &Judging, verdict: Verdict) -> Event {
    let (ticket, turn) = (Some(judging.request.ticket.clone()), Some(judging.request.turn));
    Event::EffectBegun(Begun::Verdict(Verdict { ticket, turn, ..verdict }))
}

/// In mode `ref` the checkpoint is the kept tree, which is there already. A turn that is judged on has its own.
pub(super) fn kept(look: &Look<'_>, judging: &Judging) -> Vec<Event> {
    let known = look.run.tickets.get(&judging.request.ticket).map(|state| &state.commits);
    match &judging.ended.after {
        Some(after) if known.is_some_and(|known| known.contains(after)) => Vec::new(),
        Some(after) if judging.ended.before.as_ref() != Some(after) => vec![Event::CheckpointMade {
            ticket: judging.request.ticket.clone(),
            turn: judging.request.turn,
            commit: after.clone(),
        }],
        Some(_) | None => Vec::new(),
    }
}

pub(super) fn verdict(look: &Look<'_>, judging: &Judging, verdict: Verdict) -> Choice {
    with_checkpoint(look, judging, Vec::new(), verdict)
}

pub(super) fn with_checkpoint(look: &Look<'_>, judging: &Judging, mut events: Vec<Event>, verdict: Verdict) -> Choice {
    // The rows above the failures keep nothing.
    if verdict.row >= 5 && look.policy.checkpoint == CheckpointMode::Ref {
        events.extend(kept(look, judging));
    }
    // One that owes nothing is closed in the same write: no other look could come to anything else.
    let closed = if verdict.chores.is_empty() { super::chores::close(look, judging, &verdict) } else { Vec::new() };
    events.push(begun(judging, verdict));
    events.extend(closed);
    Choice::Record(events)
}

/// A ticket that a person removed or put aside while its turn was not judged to its end: nothing of it is judged any
/// more. What is there is not done by that.
pub(super) fn put_aside(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let fact = look.survey.ticket(&judging.request.ticket);
    let chores = match fact {
        Some(fact) if fact.hold.is_none() => return None,
        Some(_) if look.run.ticket(&judging.request.ticket).claim => vec![Chore::Revoke],
        Some(_) | None => Vec::new(),
    };
    Some(Choice::Record(vec![begun(judging, ends(13, Outcome::Progressed, None, chores))]))
}

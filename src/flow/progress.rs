//! Row 12: turns in a row that came to nothing. What a turn did is a fact of its end; how many in a row did nothing is
//! folded from the journal.

use serde_json::json;

use super::choose::{Choice, Look, is_message};
use super::parts::{Chore, Outcome};
use super::reason::{Reason, ReasonCode};
use super::state::{EndKind, Feedback, Judging, TicketState};
use super::verdicts::{back, ends, verdict};

/// Whether a turn moved anything: HEAD, a file that is no message, or a reply that it was given.
fn made(judging: &Judging) -> bool {
    let (asked, ended) = (&judging.request, &judging.ended);
    let delivered = judging.end == EndKind::Finished && !asked.replies.is_empty();
    // What turnstile put back as a whole is as it was.
    let is_progress =
        |path: &String| !path.starts_with(".tickets/history/") && !is_message(path) && !judging.put_back.contains(path);
    ended.head != asked.head || delivered || ended.changed.iter().any(is_progress)
}

/// Counts a turn that is judged to its end. Only one that got as far as row 12 is held against its ticket; any turn that
/// moved something ends the row.
pub(super) fn count(state: &mut TicketState, judging: &Judging, row: u8) {
    if made(judging) {
        state.idle_turns = 0;
    } else if row >= 12 {
        state.idle_turns += 1;
    }
}

pub(super) fn progress(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let ticket = &judging.request.ticket;
    let own = look.survey.ticket(ticket).and_then(|fact| fact.limits.no_progress);
    let limit = look.policy.no_progress_of(own)?;
    let idle = look.run.ticket(ticket).idle_turns + 1;
    if made(judging) || idle < limit {
        return None;
    }
    let row = if idle == 1 { "a turn".to_owned() } else { format!("{idle} turns in a row") };
    let message = format!(
        "{row} of {ticket} came to nothing; tell it more with `turnstile reply {typed}` or in the ticket, or `turnstile resume` lets it go on as it is\nno commit, no file but messages changed, and no reply was given; `turnstile show --turn {turn}` shows what the agent said",
        typed = ticket.typed_with("-m TEXT"),
        turn = judging.request.turn
    );
    let reason = Reason::new(ReasonCode::NoProgress, message)
        .details(json!({ "turns": idle, "limit": limit, "turn": judging.request.turn }));
    let mut chores = back(look, judging);
    chores.extend([Chore::Request, Chore::Paperwork("waits for an answer".to_owned())]);
    Some(verdict(look, judging, ends(12, Outcome::Waiting, Some(reason), chores)))
}

/// What the next prompt says from two thirds of the limit on.
pub fn progress_warning(idle_turns: u32, limit: Option<u32>) -> Option<Feedback> {
    let limit = limit.filter(|limit| idle_turns < *limit)?;
    if idle_turns == 0 || u64::from(idle_turns) * 3 < u64::from(limit) * 2 {
        return None;
    }
    let turns = if idle_turns == 1 { "turn".to_owned() } else { format!("{idle_turns} turns") };
    let text = format!(
        "no progress was seen in your last {turns}: no commit and no file but messages changed. If you cannot go on, ask; if the work is finished, say `done: true`"
    );
    Some(Feedback { kind: "no_progress", text, left: Some(limit - idle_turns) })
}

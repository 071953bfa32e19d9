//! What a verdict still owes, one after the other, and how it is closed.

use super::before::begin;
use super::choose::{Choice, Look, Stop};
use super::event::Event;
use super::parts::{Chore, Outcome, Verdict};
use super::reason::{Reason, ReasonCode};
use super::request::Act;
use super::saves;
use super::state::Judging;

/// The next thing owed, or the end of the verdict.
pub(super) fn next(look: &Look<'_>, judging: &Judging, verdict: &Verdict) -> Choice {
    let ticket = &judging.request.ticket;
    let done = |effect: &str| Event::EffectFinished {
        effect: effect.to_owned(),
        ticket: Some(ticket.clone()),
        outcome: None,
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    };
    match verdict.chores.first() {
        Some(Chore::Revoke) => begin(
            Some(ticket),
            Some(judging.request.turn),
            Act::SetDone { target: ticket.clone(), done: false, decision: None, why: why_back(look, verdict) },
        ),
        Some(Chore::Checkpoint) => {
            Choice::Record(vec![saves::checkpoint(look, judging).unwrap_or_else(|| done("checkpoint"))])
        }
        Some(Chore::Request) => match &verdict.reason {
            Some(reason) => {
                begin(Some(ticket), Some(judging.request.turn), Act::Request { sequence: 0, reason: reason.clone() })
            }
            None => Choice::Record(vec![done("request")]),
        },
        Some(Chore::Paperwork(what)) => {
            Choice::Record(vec![saves::paperwork(look, judging, what).unwrap_or_else(|| done("paperwork"))])
        }
        None => Choice::Record(close(look, judging, verdict)),
    }
}

fn why_back(look: &Look<'_>, verdict: &Verdict) -> String {
    let fact = verdict.ticket.as_ref().and_then(|ticket| look.survey.ticket(ticket));
    let claims = fact.is_some_and(|fact| fact.done);
    let is_held = fact.is_some_and(|fact| fact.hold.is_some());
    match (&verdict.reason, verdict.row) {
        (None, 13) if is_held => "the ticket is put aside with `hold`".to_owned(),
        _ if !claims => "the ticket says `done: false` again".to_owned(),
        (_, 9) => match verdict.left {
            None | Some(0) => "its checks are not met".to_owned(),
            Some(1) => "its checks are not met; one more turn is asked for".to_owned(),
            Some(left) => format!("its checks are not met; up to {left} more turns are asked for"),
        },
        (Some(reason), 8) => format!("a question was asked in the same turn ({})", reason.code),
        (Some(reason), _) => format!("the turn ended with {}", reason.code),
        (None, 5) if verdict.retry.is_some() => "the turn failed, and is tried again".to_owned(),
        (None, 5) => "the turn was interrupted".to_owned(),
        (None, 6) => "the turn left something that cannot be used".to_owned(),
        (None, _) => "the turn did not end as it should".to_owned(),
    }
}

/// The pause, if there is one, and the end of the verdict.
/// The end of a verdict that owes nothing any more.
pub(super) fn close(look: &Look<'_>, judging: &Judging, verdict: &Verdict) -> Vec<Event> {
    let ticket = &judging.request.ticket;
    let mut events = Vec::new();
    // A decision may have come between the request and the pause, where a kill did.
    let decided =
        |reason: &&Reason| reason.code == ReasonCode::ScopePending && super::scope::fallen(look, ticket).is_some();
    if let Some(reason) = verdict.reason.as_ref().filter(|reason| !decided(reason)) {
        let digest = look.survey.ticket(ticket).map(|fact| fact.digest.clone());
        events.push(Event::RunPaused { ticket: Some(ticket.clone()), reason: reason.clone(), digest });
    }
    events.push(Event::EffectFinished {
        effect: "verdict".to_owned(),
        ticket: Some(ticket.clone()),
        outcome: Some(name(verdict.outcome).to_owned()),
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    });
    events
}

/// The stable name of an outcome.
pub fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::TicketDone => "ticket_done",
        Outcome::ClaimRevoked => "claim_revoked",
        Outcome::RetryAsked => "retry_asked",
        Outcome::Progressed => "progressed",
        Outcome::Failed => "failed",
        Outcome::Waiting => "waiting",
        Outcome::None => "none",
    }
}

impl Stop {
    /// A stop with a reason that concerns the run.
    pub fn because(reason: Reason) -> Self {
        Self { reason: Some(reason), ticket: None }
    }
}

//! `on_wait: next`: tickets that wait for a person are passed over, and taken up again when the answer is there.

use super::before::user_ticket;
use super::choose::Look;
use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::state::{RunState, Stands};
use super::survey::{AgentFact, TicketFact};
use crate::config::OnWait;

/// Whether a run goes on beside a ticket that waits for this.
pub fn is_passed_over(policy: &Policy, code: ReasonCode) -> bool {
    policy.on_wait == OnWait::Next
        && matches!(code, ReasonCode::UserDispatch | ReasonCode::UserTicket | ReasonCode::ApprovalPending)
}

/// Whether a ticket waits for a person, and others go on meanwhile.
pub(super) fn passes_over(look: &Look<'_>, ticket: &TicketFact) -> bool {
    reason(look, ticket).is_some()
}

/// The first ticket that waits for a person and could be worked on otherwise, and what for.
pub(super) fn first_that_waits<'a>(look: &Look<'a>) -> Option<(&'a TicketFact, Reason)> {
    let waits = |ticket: &'a TicketFact| Some((ticket, reason(look, ticket)?));
    look.allowed().into_iter().filter(|ticket| look.is_ready(ticket)).find_map(waits)
}

fn reason(look: &Look<'_>, ticket: &TicketFact) -> Option<Reason> {
    let is_its = |stands: &&Stands| stands.ticket.as_ref() == Some(&ticket.id);
    let mut standing = look.run.standing.iter().filter(is_its).map(|stands| &stands.reason);
    let stands = standing.find(|reason| is_passed_over(look.policy, reason.code)).cloned();
    let human = (ticket.kind == AgentFact::User && ticket.faults.is_empty()).then(|| user_ticket(ticket));
    stands.or(human).filter(|reason| is_passed_over(look.policy, reason.code))
}

/// The reason that `resume` answers: the one that is shown. What is passed over is shown only where nothing else is in
/// the way, be it a reason or a limit.
pub fn resume_answers<'a>(run: &'a RunState, policy: &Policy) -> Option<&'a Stands> {
    let is_passed_over = |stands: &Stands| is_passed_over(policy, stands.reason.code);
    let shown = run.standing.iter().filter(|stands| run.limit.is_none() || !is_passed_over(stands));
    shown.min_by_key(|stands| {
        (is_passed_over(stands), stands.reason.code != ReasonCode::OperatorPause, stands.ticket.is_some())
    })
}

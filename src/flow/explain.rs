//! Why each ticket stands where it stands, in words.

use serde_json::{Value, json};

use super::choose::Look;
use super::reason::ReasonCode;
use super::state::Life;
use super::survey::{AgentFact, TicketFact};

/// The states in which `list` shows a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStanding {
    /// Done, as a fact.
    Done,
    /// Could be worked on now.
    Ready,
    /// Something else has to come first.
    Blocked,
    /// A human has to come first, or it is put aside.
    Waiting,
    /// Worked on in an open run.
    Active,
    /// Has errors.
    Invalid,
}

impl TicketStanding {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Invalid => "invalid",
        }
    }
}

/// Why a ticket is not worked on, as `list` tells it. The codes are those of [`ReasonCode`], and two of tickets alone:
/// `held` and `claimed_elsewhere`.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketReason {
    /// Which one.
    pub code: &'static str,
    /// What is the matter and what to type next.
    pub message: String,
    /// The same for programs.
    pub details: Value,
}

impl TicketReason {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, details: json!({}) }
    }

    fn details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// The reason in one text: the code goes without saying where the state says the same.
    fn sentence(&self) -> String {
        if self.code == ReasonCode::Blocked.name() || self.code == ReasonCode::Invalid.name() {
            self.message.clone()
        } else {
            format!("{}: {}", self.code, self.message)
        }
    }
}

/// How one ticket stands, and why.
pub fn standing(look: &Look<'_>, ticket: &TicketFact) -> (TicketStanding, String) {
    let (standing, reason) = explain(look, ticket);
    let why = match (standing, reason) {
        (_, Some(reason)) => reason.sentence(),
        (TicketStanding::Active, None) => "current in the open run".to_owned(),
        (other, None) => other.name().to_owned(),
    };
    (standing, why)
}

/// How one ticket stands, and the reason where it could not be worked on now.
pub fn explain(look: &Look<'_>, ticket: &TicketFact) -> (TicketStanding, Option<TicketReason>) {
    let waits = look.run.standing.iter().find(|stands| stands.ticket.as_ref() == Some(&ticket.id));
    if !look.is_open(ticket) {
        (TicketStanding::Done, None)
    } else if !ticket.faults.is_empty() {
        let reason = TicketReason::new(ReasonCode::Invalid.name(), ticket.faults.join("\n"));
        (TicketStanding::Invalid, Some(reason.details(json!({ "faults": ticket.faults }))))
    } else if let Some(hold) = &ticket.hold {
        (TicketStanding::Waiting, Some(held(hold)))
    } else if let Some(waits) = waits {
        let reason = TicketReason::new(waits.reason.code.name(), waits.reason.message.clone());
        (TicketStanding::Waiting, Some(reason.details(waits.reason.details.clone())))
    } else if let Some(reason) = not_ready(look, ticket) {
        (TicketStanding::Blocked, Some(reason))
    } else if ticket.kind == AgentFact::User {
        let message = format!("for a human; `turnstile done {}` when it is done", ticket.id.typed());
        (TicketStanding::Waiting, Some(TicketReason::new(ReasonCode::UserTicket.name(), message)))
    } else if let Some(waits) = super::approval::why_waits(look, ticket) {
        let reason = TicketReason::new(waits.code.name(), waits.message);
        (TicketStanding::Waiting, Some(reason.details(waits.details)))
    } else if look.run.life == Life::Open && look.run.current.as_ref() == Some(&ticket.id) {
        (TicketStanding::Active, None)
    } else {
        (TicketStanding::Ready, None)
    }
}

/// Why a ticket that is open cannot be worked on now.
pub fn why_not_ready(look: &Look<'_>, ticket: &TicketFact) -> String {
    not_ready(look, ticket).map_or_else(|| "ready".to_owned(), |reason| reason.sentence())
}

fn not_ready(look: &Look<'_>, ticket: &TicketFact) -> Option<TicketReason> {
    if let Some(hold) = &ticket.hold {
        return Some(held(hold));
    }
    if let Some(worktree) = &ticket.claimed_by {
        let message = format!("current in the open run of worktree `{}`", crate::text::shown_line(worktree));
        return Some(TicketReason::new("claimed_elsewhere", message).details(json!({ "worktree": worktree })));
    }
    let blocked = |message: String| TicketReason::new(ReasonCode::Blocked.name(), message);
    if !ticket.unresolved.is_empty() {
        let references = crate::text::shown_line(&ticket.unresolved.join(", "));
        let message = format!("depends on {references}, which leads nowhere or to several tickets");
        return Some(blocked(message).details(json!({ "unresolved": ticket.unresolved })));
    }
    let open = look.open_dependencies(ticket);
    if open.is_empty() {
        return None;
    }
    let names: Vec<String> = open.iter().map(ToString::to_string).collect();
    Some(blocked(format!("waits for {}", names.join(", "))).details(json!({ "blocked_by": open })))
}

fn held(hold: &str) -> TicketReason {
    TicketReason::new("held", crate::text::shown_line(hold)).details(json!({ "hold": hold }))
}

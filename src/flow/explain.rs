//! Why each ticket stands where it stands, in words.

use super::choose::Look;
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

/// How one ticket stands, and why.
pub fn standing(look: &Look<'_>, ticket: &TicketFact) -> (TicketStanding, String) {
    let waits = look.run.standing.iter().find(|stands| stands.ticket.as_ref() == Some(&ticket.id));
    if !look.is_open(ticket) {
        (TicketStanding::Done, "done".to_owned())
    } else if !ticket.faults.is_empty() {
        (TicketStanding::Invalid, ticket.faults.join("\n"))
    } else if let Some(hold) = &ticket.hold {
        (TicketStanding::Waiting, format!("held: {}", crate::text::shown_line(hold)))
    } else if let Some(waits) = waits {
        (TicketStanding::Waiting, format!("{}: {}", waits.reason.code, waits.reason.message))
    } else if !look.is_ready(ticket) {
        (TicketStanding::Blocked, why_not_ready(look, ticket))
    } else if ticket.kind == AgentFact::User {
        (TicketStanding::Waiting, format!("user_ticket: for a human; `turnstile done {}` when it is done", ticket.id))
    } else if look.run.life == Life::Open && look.run.current.as_ref() == Some(&ticket.id) {
        (TicketStanding::Active, "current in the open run".to_owned())
    } else {
        (TicketStanding::Ready, "ready".to_owned())
    }
}

/// Why a ticket that is open cannot be worked on now.
pub fn why_not_ready(look: &Look<'_>, ticket: &TicketFact) -> String {
    if let Some(hold) = &ticket.hold {
        return format!("held: {}", crate::text::shown_line(hold));
    }
    if let Some(worktree) = &ticket.claimed_by {
        return format!(
            "claimed_elsewhere: current in the open run of worktree `{}`",
            crate::text::shown_line(worktree)
        );
    }
    if !ticket.unresolved.is_empty() {
        return format!(
            "depends on {}, which leads nowhere or to several tickets",
            crate::text::shown_line(&ticket.unresolved.join(", "))
        );
    }
    let open: Vec<String> = look.open_dependencies(ticket).into_iter().map(ToString::to_string).collect();
    if open.is_empty() {
        return "ready".to_owned();
    }
    format!("waits for {}", open.join(", "))
}

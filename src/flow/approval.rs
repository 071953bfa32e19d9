//! Approvals: what a ticket waits for before its next turn, who may answer that, and what an answer is bound to.

use std::collections::BTreeSet;

use serde_json::json;

use super::before::begin;
use super::choose::{Choice, Look};
use super::event::Event;
use super::parts::{Asked, Decides, TicketWritten};
use super::reason::{Reason, ReasonCode};
use super::request::Act;
use super::saves;
use super::state::{Life, RunState, Stands, TicketState};
use super::survey::{CommandFact, TicketFact};
use crate::ticket::TicketId;

/// How a ticket stands with approvals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It needs none, or has it.
    None,
    /// It needs one, for these reasons.
    Missing(Vec<String>),
    /// Somebody has rejected it as it is.
    Rejected {
        /// Who.
        by: String,
    },
}

/// How a ticket stands with approvals. What was decided about another text than this one counts for nothing.
pub(super) fn need(look: &Look<'_>, ticket: &TicketFact) -> Need {
    let fact = &ticket.approval;
    let decided = look.run.tickets.get(&ticket.id).and_then(|state| state.approval.as_ref());
    let decided = decided.filter(|decided| decided.what.digest == fact.digest);
    if let Some(decided) = decided.filter(|decided| !decided.approved && !decided.what.inline.is_empty()) {
        // Whoever rejected what a push brought has not rejected it for pushes alone.
        return Need::Rejected { by: decided.by.clone() };
    }
    let mut asks = fact.asks.clone();
    if look.policy.holds_commands() && !fact.inline.is_empty() {
        asks.push("a push started this run, and it runs command lines of its own".to_owned());
    }
    if !fact.commands.is_empty() {
        asks.push("turns wrote command lines that it runs".to_owned());
    }
    if asks.is_empty() {
        return Need::None;
    }
    let covers = |what: &Asked| {
        let is_held = look.policy.holds_commands();
        digests(&fact.commands).is_subset(&what.commands) && (!is_held || digests(&fact.inline).is_subset(&what.inline))
    };
    match decided {
        Some(decided) if !decided.approved => Need::Rejected { by: decided.by.clone() },
        Some(decided) if covers(&decided.what) => Need::None,
        Some(_) | None => Need::Missing(asks),
    }
}

/// Whether a ticket is skipped because somebody has rejected it.
pub(super) fn is_rejected(look: &Look<'_>, ticket: &TicketFact) -> bool {
    matches!(need(look, ticket), Need::Rejected { .. })
}

/// What an approval of a ticket as it is now would be bound to.
fn as_it_is(ticket: &TicketFact) -> Asked {
    let fact = &ticket.approval;
    let (commands, inline) = (digests(&fact.commands), digests(&fact.inline));
    Asked { digest: fact.digest.clone(), commands, inline, ..Asked::default() }
}

fn digests(commands: &[CommandFact]) -> BTreeSet<String> {
    commands.iter().map(|command| command.digest.clone()).collect()
}

/// Rung 13: the request is archived and committed before the pause, so that whoever pulls sees what is asked.
pub(super) fn approval(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    let Need::Missing(asks) = need(look, ticket) else { return None };
    let asked = as_it_is(ticket);
    let reason = pending(ticket, &asks);
    let known = look.run.tickets.get(&ticket.id).and_then(|state| state.asked.as_ref());
    let Some(known) = known.filter(|known| known.what == asked) else {
        let act = Act::AskApproval { sequence: 0, ticket: ticket.id.clone(), reason, asked };
        let Choice::Record(mut events) = begin(Some(&ticket.id), None, act) else { return None };
        if look.run.current.as_ref() != Some(&ticket.id) || look.run.life != Life::Open {
            events.insert(0, Event::TicketSelected { ticket: ticket.id.clone() });
        }
        return Some(Choice::Record(events));
    };
    let save = (!known.committed).then(|| saves::waiting(look, &ticket.id)).flatten();
    let paused = || Event::RunPaused {
        ticket: Some(ticket.id.clone()),
        reason: reason.clone(),
        digest: Some(ticket.digest.clone()),
    };
    Some(Choice::Record(vec![save.unwrap_or_else(paused)]))
}

fn pending(ticket: &TicketFact, asks: &[String]) -> Reason {
    let id = &ticket.id;
    let is_held = !ticket.approval.inline.is_empty();
    let commands = if is_held { &ticket.approval.inline } else { &ticket.approval.commands };
    let shown: Vec<String> = commands
        .iter()
        .flat_map(|command| command.text.trim_end().lines())
        .map(|line| format!("  {}", crate::text::shown_line(line)))
        .collect();
    let seen = if shown.is_empty() { String::new() } else { format!("\n{}", shown.join("\n")) };
    let typed = id.typed();
    let message = format!(
        "{id} needs an approval before its next turn ({}): {}; `turnstile approve {typed}`{}, or `turnstile reject {typed}` puts it aside{seen}",
        asks.join(", "),
        crate::text::shown_line(&ticket.title),
        if is_held { " on this machine" } else { "" },
    );
    let texts: Vec<&str> = commands.iter().map(|command| command.text.as_str()).collect();
    let mut details = json!({ "asks": asks, "commands": texts });
    if is_held {
        details["by_reply"] = json!(false);
    }
    Reason::new(ReasonCode::ApprovalPending, message).details(details)
}

/// Why a ticket cannot be worked on before somebody decides, for whoever lists it.
pub(super) fn why_waits(look: &Look<'_>, ticket: &TicketFact) -> Option<Reason> {
    let id = &ticket.id;
    match need(look, ticket) {
        Need::None => None,
        Need::Missing(asks) => Some(pending(ticket, &asks)),
        Need::Rejected { by } => {
            let typed = id.typed();
            let message = format!(
                "{id} was rejected by {}; edit it, or `turnstile approve {typed}`, or `turnstile reopen {typed}` has it asked for again",
                crate::text::shown_line(&by)
            );
            Some(Reason::new(ReasonCode::ApprovalPending, message).details(json!({ "rejected_by": by })))
        }
    }
}

/// Rung 11: of tickets that wait for a person the first is named, before what is blocked by it.
pub(super) fn first_rejected(look: &Look<'_>) -> Option<Choice> {
    let is_it = |ticket: &&TicketFact| look.is_open(ticket) && ticket.hold.is_none() && is_rejected(look, ticket);
    let rejected = look.allowed().into_iter().find(is_it)?;
    Some(Choice::stop(why_waits(look, rejected)?, Some(&rejected.id)))
}

/// Whether the pause for an approval is answered by what lies in the files now.
pub(super) fn fallen(look: &Look<'_>, ticket: &TicketFact) -> Option<&'static str> {
    let held = asked_for_commands(look, &ticket.id);
    match need(look, ticket) {
        Need::None if held && !look.policy.holds_commands() => Some("a person, who asks for this run"),
        Need::None => Some("an edit that needs no approval"),
        Need::Rejected { .. } => Some("a rejection"),
        Need::Missing(_) => {
            let asked = look.run.tickets.get(&ticket.id).and_then(|state| state.asked.as_ref());
            asked.is_none_or(|asked| asked.what != as_it_is(ticket)).then_some("an edit of the ticket")
        }
    }
}

/// What a decision about a ticket is about, and what it is bound to: what was asked, and where nothing was, what is there
/// now. None where nothing of the ticket waits for one.
pub(super) fn decides(look: &Look<'_>, ticket: &TicketFact, approved: bool) -> Option<Decides> {
    let state = look.run.tickets.get(&ticket.id);
    let asked = state.and_then(|state| state.asked.as_ref()).map(|asked| asked.what.clone());
    if waits_for_scope(look, &ticket.id) {
        let now = super::scope::decides_now(look, &ticket.id, approved);
        return Some(Decides { what: asked.unwrap_or(now.what), ..now });
    }
    match need(look, ticket) {
        Need::None if !asked_for_commands(look, &ticket.id) => None,
        Need::None | Need::Missing(_) | Need::Rejected { .. } => Some(Decides {
            reason: ReasonCode::ApprovalPending,
            approved,
            what: asked.unwrap_or_else(|| as_it_is(ticket)),
        }),
    }
}

/// Whether a reason is that somebody on this machine has to say whether command lines of a ticket may run.
pub fn waits_for_commands(run: &RunState, reason: &Reason) -> bool {
    reason.code == ReasonCode::ApprovalPending && run.asked_for_commands()
}

impl RunState {
    /// Whether a run that a push started has asked whether command lines of a ticket may run, and nobody has answered.
    pub fn asked_for_commands(&self) -> bool {
        let asks = |state: &TicketState| state.asked.as_ref().is_some_and(|asked| !asked.what.inline.is_empty());
        self.tickets.values().any(asks)
    }
}

/// Whether a run that a push started has asked whether command lines of a ticket may run: only a command on this machine
/// answers that.
pub(super) fn asked_for_commands(look: &Look<'_>, ticket: &TicketId) -> bool {
    let asked = look.run.tickets.get(ticket).and_then(|state| state.asked.as_ref());
    asked.is_some_and(|asked| !asked.what.inline.is_empty())
}

/// The same for whoever looks at the ticket as it is now and types a command.
pub fn decides_now(look: &Look<'_>, ticket: &TicketFact, approved: bool) -> Option<Decides> {
    let decides = decides(look, ticket, approved)?;
    if decides.reason == ReasonCode::ScopePending {
        return Some(super::scope::decides_now(look, &ticket.id, approved));
    }
    Some(Decides { what: as_it_is(ticket), ..decides })
}

/// Whether a ticket waits for a decision about what its turn changed, or is about to: a kill may have come between the
/// request and the pause.
fn waits_for_scope(look: &Look<'_>, ticket: &TicketId) -> bool {
    let stands =
        |stands: &Stands| stands.reason.code == ReasonCode::ScopePending && stands.ticket.as_ref() == Some(ticket);
    let comes = look.run.judging().filter(|judging| judging.request.ticket == *ticket).is_some_and(|judging| {
        let reason = judging.verdict.as_ref().and_then(|verdict| verdict.reason.as_ref());
        reason.is_some_and(|reason| reason.code == ReasonCode::ScopePending)
    });
    comes || look.run.standing.iter().any(stands)
}

/// The events that a decision comes to.
pub fn resolved(run: &RunState, ticket: &TicketId, decides: &Decides, by: &str) -> Vec<Event> {
    let mut events =
        vec![Event::ApprovalResolved { ticket: ticket.clone(), by: by.to_owned(), decides: decides.clone() }];
    let stands = |stands: &&Stands| stands.ticket.as_ref() == Some(ticket) && stands.reason.code == decides.reason;
    events.extend(run.standing.iter().filter(stands).map(|_| Event::RunResumed {
        ticket: Some(ticket.clone()),
        reason: decides.reason,
        by: by.to_owned(),
        branch: None,
        granted: None,
    }));
    events
}

/// Why a decision of an operator's cannot be served; none where it can.
pub(super) fn refused(look: &Look<'_>, ticket: &TicketId, decides: &Decides) -> Option<String> {
    let Some(fact) = look.survey.ticket(ticket) else { return Some(format!("{ticket} is gone")) };
    if !look.is_open(fact) {
        return Some(format!("{ticket} is done; `turnstile reopen {}` opens it again", ticket.typed()));
    }
    match self::decides(look, fact, decides.approved) {
        None => Some(format!("nothing of {ticket} waits for an approval")),
        Some(now) if now.reason == ReasonCode::ScopePending && decides.reason == ReasonCode::ScopePending => {
            super::scope::cannot_be_put_back(look, ticket, decides)
        }
        Some(_) if decides.what != as_it_is(fact) => {
            let typed = ticket.typed();
            Some(format!("{ticket} is not as it was when that was typed; look at it again (`turnstile show {typed}`)"))
        }
        Some(_) => None,
    }
}

impl RunState {
    /// An approval holds through what a turn may make of a ticket; for command lines it does not.
    pub(super) fn wrote(&mut self, tickets: &[TicketWritten]) {
        for TicketWritten { id, before, after, commands } in tickets {
            let state = self.tickets.entry(id.clone()).or_default();
            state.written.extend(commands.iter().cloned());
            if let Some(approval) = state.approval.as_mut().filter(|known| Some(&known.what.digest) == before.as_ref())
            {
                approval.what.digest.clone_from(after);
            }
        }
    }

    /// The requests for approvals are committed, as far as git lets them.
    pub(super) fn requests_committed(&mut self) {
        for asked in self.tickets.values_mut().filter_map(|ticket| ticket.asked.as_mut()) {
            asked.committed = true;
        }
    }
}

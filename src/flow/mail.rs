//! Rung 7: operators' decisions and replies are taken in.

use serde_json::json;

use super::before::begin;
use super::choose::{Choice, Look};
use super::event::Event;
use super::reason::{Reason, ReasonCode};
use super::request::Act;
use super::state::{Life, Stands};
use super::survey::{Decided, Decision, ReplyFact};
use crate::ticket::TicketId;

pub(super) fn mail(look: &Look<'_>) -> Option<Choice> {
    let waiting = look.survey.decisions.iter().find(|decision| !look.run.served.contains(&decision.id));
    // Where nothing is open no run begins, and so nobody is there to take a decision in.
    let nobody = look.run.life != Life::Open && !look.survey.tickets.iter().any(|ticket| look.is_open(ticket));
    if let Some(decision) = waiting.filter(|_| !nobody) {
        return Some(serve(look, decision));
    }
    let reply = look.survey.reply.as_ref()?;
    if look.run.suspect.as_ref() == Some(&reply.stamp) && !reply.committed {
        return None;
    }
    take_reply(look, reply, None)
}

/// Serves the operators' decisions that wait and nothing else; none once all are served.
pub fn serve_decisions(quiet: super::Quiet<'_>, survey: &super::Survey, policy: &super::Policy) -> Option<Choice> {
    let look = Look { run: quiet.run(), survey, policy };
    let waiting = survey.decisions.iter().find(|decision| !look.run.served.contains(&decision.id));
    waiting.map(|decision| serve(&look, decision))
}

fn serve(look: &Look<'_>, decision: &Decision) -> Choice {
    let stored = |name: &str| Event::DecisionStored {
        id: decision.id.clone(),
        decision: name.to_owned(),
        by: decision.by.clone(),
        at: decision.at.clone(),
    };
    match &decision.what {
        Decided::Pause => {
            let message = format!("{} paused the run; `turnstile resume` goes on", decision.by);
            let reason = Reason::new(ReasonCode::OperatorPause, message)
                .details(json!({ "by": decision.by, "at": decision.at }));
            Choice::Record(vec![stored("pause"), Event::RunPaused { ticket: None, reason, digest: None }])
        }
        Decided::Resume => {
            let mut events = vec![stored("resume")];
            events.extend(resumed(look, &decision.by));
            Choice::Record(events)
        }
        Decided::Stop => {
            let claims = look.run.tickets.iter().find(|(_, ticket)| ticket.claim).map(|(id, _)| id);
            match claims {
                Some(ticket) if look.survey.ticket(ticket).is_some_and(|fact| fact.done) => begin(
                    Some(ticket),
                    None,
                    Act::SetDone {
                        target: ticket.clone(),
                        done: false,
                        decision: None,
                        why: "the run was stopped before the claim was judged to its end".into(),
                    },
                ),
                Some(_) | None if look.run.life == Life::Open => {
                    Choice::Record(vec![stored("stop"), Event::RunStopped { by: decision.by.clone() }])
                }
                Some(_) | None => Choice::Record(vec![stored("stop")]),
            }
        }
        Decided::Done(ticket) => set_done(look, decision, ticket, true, stored("done")),
        Decided::Reopen(ticket) => set_done(look, decision, ticket, false, stored("reopen")),
        Decided::Noted(ticket) => {
            let noted = look.survey.ticket(ticket).map(|fact| super::settle::decided(ticket, fact.done, &decision.by));
            Choice::Record(std::iter::once(stored("noted")).chain(noted).collect())
        }
        Decided::Reply(reply) => take_reply(look, reply, Some(&decision.id))
            .or_else(|| keep_reply(look, reply, &decision.id))
            .unwrap_or_else(|| Choice::Record(vec![stored("reply that says nothing")])),
    }
}

/// What `resume` answers: the reason that is shown, else the limit that refused the last turn.
fn resumed(look: &Look<'_>, by: &str) -> Option<Event> {
    if let Some(Stands { ticket, reason, .. }) = look.run.shown() {
        let branch = (reason.code == ReasonCode::HeadMoved).then(|| look.survey.branch.clone().unwrap_or_default());
        return Some(Event::RunResumed { ticket: ticket.clone(), reason: reason.code, by: by.to_owned(), branch });
    }
    let (code, ticket) = look.run.limit.clone()?;
    Some(Event::RunResumed { ticket, reason: code, by: by.to_owned(), branch: None })
}

fn set_done(look: &Look<'_>, decision: &Decision, ticket: &TicketId, done: bool, stored: Event) -> Choice {
    match look.survey.ticket(ticket) {
        Some(fact) if fact.done != done || (done && look.is_open(fact)) => begin(
            Some(ticket),
            None,
            Act::SetDone {
                target: ticket.clone(),
                done,
                decision: Some(decision.id.clone()),
                why: decision.by.clone(),
            },
        ),
        Some(_) | None => Choice::Record(vec![stored]),
    }
}

/// A stored reply whose ticket is not open any more goes to its ticket all the same: who opens it again finds it there.
fn keep_reply(look: &Look<'_>, reply: &ReplyFact, id: &str) -> Option<Choice> {
    let named = reply.to.as_ref().and_then(|to| to.as_ref().ok()).or(look.run.current.as_ref());
    let to = named.or(look.survey.tickets.first().map(|ticket| &ticket.id)).filter(|_| !reply.empty)?.clone();
    let act = Act::Reply { sequence: 0, to: to.clone(), spooled: Some(id.to_owned()), confirmed: true };
    Some(begin(Some(&to), None, act))
}

/// Takes a reply in, refuses it, or leaves it where it lies.
fn take_reply(look: &Look<'_>, reply: &ReplyFact, spooled: Option<&String>) -> Option<Choice> {
    match reply_target(look, reply) {
        Ok(target) => {
            let to = target?;
            let act = Act::Reply { sequence: 0, to: to.clone(), spooled: spooled.cloned(), confirmed: true };
            Some(begin(Some(&to), None, act))
        }
        Err(reason) => Some(Choice::stop(reason, None)),
    }
}

/// The ticket that a reply goes to; none leaves it where it lies.
pub fn reply_target(look: &Look<'_>, reply: &ReplyFact) -> Result<Option<TicketId>, Reason> {
    let refuse = |why: String| {
        let message = format!("`.tickets/USER_REPLY.md` cannot be used: {why}");
        Err(Reason::new(ReasonCode::ReplyInvalid, message).details(json!({ "why": why })))
    };
    if !reply.faults.is_empty() {
        return refuse(reply.faults.join("\n"));
    }
    if reply.empty {
        return Ok(None);
    }
    let target = match &reply.to {
        Some(Err(why)) => return refuse(why.clone()),
        Some(Ok(ticket)) => Some(ticket.clone()),
        None => {
            let waiting = waiting_tickets(look);
            match waiting.as_slice() {
                [] => look.run.current.clone().or_else(|| look.next_ticket().map(|ticket| ticket.id.clone())),
                [one] => Some(one.clone()),
                several => {
                    let names: Vec<_> = several.iter().map(ToString::to_string).collect();
                    return refuse(format!(
                        "several tickets wait ({}); name one with `to: {}` in its frontmatter",
                        names.join(", "),
                        names[0]
                    ));
                }
            }
        }
    };
    let Some(target) = target else { return Ok(None) };
    let Some(fact) = look.survey.ticket(&target) else { return Ok(None) };
    if !look.is_open(fact) {
        return Ok(None);
    }
    let question = look.run.tickets.get(&target).and_then(|ticket| ticket.question.as_ref());
    if let (Some(answer), Some(question)) = (&reply.answer, question)
        && !question.choices.is_empty()
        && !question.choices.contains(answer)
    {
        return refuse(format!(
            "`answer: {}` is not among the choices of {target}: {}",
            crate::text::shown_line(answer),
            crate::text::shown_line(&question.choices.join(", "))
        ));
    }
    Ok(Some(target))
}

/// Why a reply stays where it lies, if nothing takes it in: nothing is silent.
pub fn reply_left(look: &Look<'_>) -> Option<String> {
    let reply = look.survey.reply.as_ref()?;
    if !reply.faults.is_empty() {
        return None;
    }
    let why = if reply.empty {
        "it has no text, no answer and no decision".to_owned()
    } else if look.run.suspect.as_ref() == Some(&reply.stamp) && !reply.committed {
        "it appeared during a turn and may be the agent's own; save it again, or commit it, to say that it is yours"
            .to_owned()
    } else {
        match (&reply.to, reply_target(look, reply)) {
            (_, Ok(Some(_)) | Err(_)) => return None,
            (Some(Ok(to)), Ok(None)) => format!("{to} is done; `turnstile reopen {to}` opens it again"),
            (Some(Err(_)) | None, Ok(None)) => "no ticket is open that it could be for".to_owned(),
        }
    };
    Some(format!("`.tickets/USER_REPLY.md` was left where it lies: {why}"))
}

/// Tickets that wait for what a reply can give.
pub fn waiting_tickets(look: &Look<'_>) -> Vec<TicketId> {
    let mut waiting: Vec<TicketId> = look
        .run
        .standing
        .iter()
        .filter(|stands| stands.reason.code.answered_by_reply())
        .filter_map(|stands| stands.ticket.clone())
        .collect();
    let questions = look.run.tickets.iter().filter(|(_, ticket)| ticket.question.is_some()).map(|(id, _)| id.clone());
    waiting.extend(questions);
    waiting.sort();
    waiting.dedup();
    waiting.retain(|id| look.survey.ticket(id).is_some_and(|ticket| look.is_open(ticket)));
    waiting
}

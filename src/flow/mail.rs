//! Rung 7: operators' decisions and replies are taken in.

use serde_json::json;

use super::before::begin;
use super::choose::{Choice, Look};
use super::event::Event;
use super::parts::Decides;
use super::reason::{Reason, ReasonCode};
use super::request::Act;
use super::state::{Judging, Life, Refusal, Stands};
use super::survey::{Decided, Decision, ReplyFact, TicketFact};
use crate::ticket::TicketId;

pub(super) fn mail(look: &Look<'_>) -> Option<Choice> {
    let decisions = decisions(look).filter(|_| !nobody(look)).filter_map(|decision| serve(look, decision));
    let is_mine = |reply: &&ReplyFact| look.run.suspect.as_ref() != Some(&reply.stamp) || reply.committed;
    let reply = look.survey.reply.as_ref().filter(is_mine).and_then(|reply| take_reply(look, reply, None));
    recorded_or_first(decisions.chain(reply))
}

/// Serves the operators' decisions that wait and nothing else; none once no more can be served.
pub fn serve_decisions(quiet: super::Quiet<'_>, survey: &super::Survey, policy: &super::Policy) -> Option<Choice> {
    let look = Look { run: quiet.run(), survey, policy };
    if let Some(fact) = super::finish::finished(&look) {
        return Some(fact);
    }
    let waits = |decision: &&Decision| decision.what.is_final() && judged_first(&look).is_some();
    recorded_or_first(
        decisions(&look).filter(|decision| !waits(decision)).filter_map(|decision| serve(&look, decision)),
    )
}

/// The turn that is judged before a decision on the end of the run or of a ticket is served, as it is where the runner
/// of that turn lives: what was claimed and asked in it would be forgotten.
pub(super) fn judged_first<'a>(look: &Look<'a>) -> Option<&'a Judging> {
    let begun = |judging: &&Judging| judging.is_new() || judging.verdict.is_some();
    look.run.judging().filter(begun).filter(|_| decisions(look).any(|decision| decision.what.is_final()))
}

/// Takes in a stored reply to a ticket.
pub(super) fn reply_to(look: &Look<'_>, ticket: &TicketId) -> Option<Choice> {
    decisions(look).find_map(|decision| {
        let reply = decision.reply()?;
        let target = reply_target(look, reply).ok()??;
        (target == *ticket).then(|| take(look, reply, &target, Some(&decision.id)))
    })
}

/// The decisions that nobody has served, oldest first.
fn decisions<'a>(look: &Look<'a>) -> impl Iterator<Item = &'a Decision> {
    let (run, survey) = (look.run, look.survey);
    survey.decisions.iter().filter(|decision| !run.served.contains(&decision.id))
}

/// Where nothing is open no run begins, and so nobody is there to take a decision in.
fn nobody(look: &Look<'_>) -> bool {
    let can_be_chosen = |ticket: &TicketFact| look.is_open(ticket) && ticket.hold.is_none();
    look.run.life != Life::Open && !look.survey.tickets.iter().any(can_be_chosen)
}

/// What cannot be used stops the run, and never stands in the way of what can.
fn recorded_or_first(choices: impl Iterator<Item = Choice>) -> Option<Choice> {
    let mut first = None;
    for choice in choices {
        match choice {
            Choice::Record(_) => return Some(choice),
            Choice::Stop(_) => first = first.or(Some(choice)),
        }
    }
    first
}

/// Serves a decision, or refuses it; none leaves it where it lies.
fn serve(look: &Look<'_>, decision: &Decision) -> Option<Choice> {
    let line = |name: &str, refused: Option<String>| Event::DecisionStored {
        id: decision.id.clone(),
        decision: name.to_owned(),
        by: decision.by.clone(),
        at: decision.at.clone(),
        refused,
    };
    let stored = |name: &str| line(name, None);
    let refused = |name: &str, why: String| Choice::Record(vec![line(name, Some(why))]);
    Some(match &decision.what {
        Decided::Pause => {
            let message = format!("{} paused the run; `turnstile resume` goes on", decision.by);
            let reason = Reason::new(ReasonCode::OperatorPause, message)
                .details(json!({ "by": decision.by, "at": decision.at }));
            Choice::Record(vec![stored("pause"), Event::RunPaused { ticket: None, reason, digest: None }])
        }
        Decided::Resume if look.run.shown().is_some_and(|stands| stands.reason.code.answered_by_decision()) => {
            let stands = look.run.shown();
            let (code, id) = stands.map(|stands| (stands.reason.code, stands.ticket.clone())).unzip();
            let (code, id) = (code.unwrap_or(ReasonCode::ApprovalPending), id.flatten());
            let id = id.map(|id| format!(" {id}")).unwrap_or_default();
            refused("resume", format!("{code} is answered by `turnstile approve{id}` or `turnstile reject{id}`"))
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
        Decided::Done(ticket) | Decided::Reopen(ticket) if look.survey.ticket(ticket).is_none() => {
            refused(decision.what.name(), format!("{ticket} is gone"))
        }
        Decided::Done(ticket) => set_done(look, decision, ticket, true, stored("done")),
        Decided::Reopen(ticket) => set_done(look, decision, ticket, false, stored("reopen")),
        Decided::Approval(ticket, decides) => {
            if let Some(why) = super::approval::refused(look, ticket, decides) {
                return Some(refused(decision.what.name(), why));
            }
            let resolved = super::approval::resolved(look.run, ticket, decides, &decision.by);
            Choice::Record(std::iter::once(stored(decision.what.name())).chain(resolved).collect())
        }
        Decided::Noted(ticket, done) => {
            let noted = look
                .survey
                .ticket(ticket)
                .map(|fact| super::settle::decided(ticket, done.unwrap_or(fact.done), &decision.by));
            Choice::Record(std::iter::once(stored(decision.what.name())).chain(noted).collect())
        }
        Decided::Reply(reply) => {
            // To a ticket that is done it is left where it lies, and named: it reopens nothing by itself.
            let says_nothing = reply.empty && look.run.life == Life::Open;
            let nothing = || Choice::Record(vec![stored("reply that says nothing")]);
            return take_reply(look, reply, Some(&decision.id)).or_else(|| says_nothing.then(nothing));
        }
        Decided::Unusable(why) => refused(decision.what.name(), why.clone()),
    })
}

/// What `resume` answers: the reason that is shown, else the limit that refused the last turn, or that would refuse the
/// next.
fn resumed(look: &Look<'_>, by: &str) -> Option<Event> {
    if let Some(Stands { ticket, reason, .. }) = super::wait::resume_answers(look.run, look.policy) {
        let branch = (reason.code == ReasonCode::HeadMoved).then(|| look.survey.branch.clone().unwrap_or_default());
        let (ticket, reason, by) = (ticket.clone(), reason.code, by.to_owned());
        return Some(Event::RunResumed { ticket, reason, by, branch, granted: None });
    }
    let limit = look.run.limit.clone().or_else(|| super::limits::refusal(look));
    let Refusal { code: reason, ticket, amount, .. } = limit?;
    Some(Event::RunResumed { ticket, reason, by: by.to_owned(), branch: None, granted: Some(amount) })
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
        // What was rejected is open already, and is asked for again.
        Some(fact) if !done && super::approval::is_rejected(look, fact) => {
            Choice::Record(vec![stored, super::settle::decided(ticket, false, &decision.by)])
        }
        Some(_) | None => Choice::Record(vec![stored]),
    }
}

/// Takes a reply in, refuses it, or leaves it where it lies.
fn take_reply(look: &Look<'_>, reply: &ReplyFact, spooled: Option<&String>) -> Option<Choice> {
    match reply_target(look, reply) {
        Ok(target) => Some(take(look, reply, &target?, spooled)),
        Err(reason) => Some(Choice::stop(reason, None)),
    }
}

fn take(look: &Look<'_>, reply: &ReplyFact, to: &TicketId, spooled: Option<&String>) -> Choice {
    let decides = decides(look, reply, to);
    let act = Act::Reply {
        sequence: 0,
        to: to.clone(),
        spooled: spooled.cloned(),
        confirmed: true,
        decides,
        brought: reply.brought.clone(),
    };
    begin(Some(to), None, act)
}

/// What a reply decides about an approval of the ticket that it goes to.
fn decides(look: &Look<'_>, reply: &ReplyFact, to: &TicketId) -> Option<Decides> {
    let (approved, _) = reply.decision.as_ref()?;
    super::approval::decides(look, look.survey.ticket(to)?, *approved)
}

/// The ticket that a reply goes to; none leaves it where it lies.
pub fn reply_target(look: &Look<'_>, reply: &ReplyFact) -> Result<Option<TicketId>, Reason> {
    let refuse = |why: String| {
        let message = match &reply.kept_in {
            None => format!("`.tickets/USER_REPLY.md` cannot be used: {why}"),
            Some(folder) => {
                let folder = crate::text::shown_line(folder);
                format!(
                    "a reply that was given during a turn cannot be used: {why}\nmend it in {folder}/USER_REPLY.md, or `rm -r {folder}` throws it away"
                )
            }
        };
        Err(Reason::new(ReasonCode::ReplyInvalid, message).details(json!({ "why": why })))
    };
    if !reply.faults.is_empty() {
        return refuse(reply.faults.join("\n"));
    }
    if reply.empty {
        return Ok(None);
    }
    let reviewers = &look.policy.reviewers;
    if let Some(brought) =
        reply.brought.as_ref().filter(|brought| !reviewers.is_empty() && !brought.is_one_of(reviewers))
    {
        return refuse(format!(
            "it is from {}, and only these may answer with a commit (`triggers.reviewers`): {}\na commit by one of them that \
             changes it makes it theirs; on this machine `turnstile reply` answers as well, once it is removed",
            brought.shown(),
            crate::text::shown_list(reviewers)
        ));
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
            "{}`answer: {}` is not among the choices of {target}: {}",
            reply.answer_at,
            crate::text::shown_line(answer),
            crate::text::shown_list(&question.choices)
        ));
    }
    if let Some((true, at)) = &reply.decision
        && super::approval::asked_for_commands(look, &target)
    {
        return refuse(format!(
            "{at}`decision: approve`, and what a push brought runs only after `turnstile approve {}` on this machine; without that line it is a reply like any other",
            target.typed()
        ));
    }
    let decided = decides(look, reply, &target);
    if let Some(why) = decided.as_ref().and_then(|decides| super::scope::cannot_be_put_back(look, &target, decides)) {
        return refuse(why);
    }
    if let Some((approved, at)) = reply.decision.as_ref().filter(|_| decided.is_none()) {
        let word = if *approved { "approve" } else { "reject" };
        return refuse(format!(
            "{at}`decision: {word}`, and nothing of {target} waits for one; without that line it is a reply like any other"
        ));
    }
    Ok(Some(target))
}

/// Why replies stay where they lie, where nothing takes them in: nothing is silent.
pub fn reply_left(look: &Look<'_>) -> Option<String> {
    let replies = decisions(look).filter_map(Decision::reply).chain(&look.survey.reply);
    let lines: Vec<String> = replies.filter_map(|reply| left(look, reply)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn left(look: &Look<'_>, reply: &ReplyFact) -> Option<String> {
    let target = reply_target(look, reply);
    let to = match &reply.to {
        Some(Ok(to)) => Some(to),
        Some(Err(_)) | None => None,
    };
    let is_suspect = look.run.suspect.as_ref() == Some(&reply.stamp) && !reply.committed;
    let why = match (&target, to) {
        _ if reply.empty => "it has no text, no answer and no decision".to_owned(),
        _ if is_suspect && reply.faults.is_empty() => {
            "it appeared during a turn and may be the agent's own; save it again, or commit it, to say that it is yours"
                .to_owned()
        }
        // The step stops with `reply_invalid`, which says more.
        (Err(_), _) if reply.kept_in.is_none() || !nobody(look) => return None,
        (Err(reason), _) => return Some(reason.message.clone()),
        (Ok(Some(_)), _) => return None,
        (Ok(None), Some(to)) if look.survey.ticket(to).is_none() => {
            format!("there is no ticket {to} any more; the reply waits until there is one again")
        }
        (Ok(None), Some(to)) => format!("{to} is done; `turnstile reopen {}` opens it again", to.typed()),
        (Ok(None), None) => "no ticket is open that it could be for".to_owned(),
    };
    Some(match &reply.kept_in {
        None => format!("`.tickets/USER_REPLY.md` was left where it lies: {why}"),
        Some(folder) => {
            let folder = crate::text::shown_line(folder);
            format!(
                "a reply that was given during a turn is kept in {folder}/USER_REPLY.md: {why}; another `to:` in it sends it to another ticket, `rm -r {folder}` throws it away"
            )
        }
    })
}

/// Tickets that wait for what a reply can give.
pub fn waiting_tickets(look: &Look<'_>) -> Vec<TicketId> {
    let mut waiting: Vec<TicketId> = look
        .run
        .standing
        .iter()
        .filter(|stands| stands.reason.code.answered_by_reply() || stands.reason.code.answered_by_decision())
        .filter_map(|stands| stands.ticket.clone())
        .collect();
    let questions = look.run.tickets.iter().filter(|(_, ticket)| ticket.question.is_some()).map(|(id, _)| id.clone());
    waiting.extend(questions);
    waiting.sort();
    waiting.dedup();
    waiting.retain(|id| look.survey.ticket(id).is_some_and(|ticket| look.is_open(ticket)));
    waiting
}

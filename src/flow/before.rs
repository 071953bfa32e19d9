//! The before-turn list: whether a turn starts at all. First match wins.

use serde_json::json;

use super::choose::{Choice, Look, Rung, Stop, judge};
use super::event::{ActBegun, Begun, Event};
use super::reason::{Reason, ReasonCode};
use super::request::{Act, TurnRequest};
use super::saves;
use super::state::{Life, Stands};
use super::survey::{AgentFact, Decided, Decision, ReplyFact, TicketFact};
use crate::ticket::TicketId;

/// The list in its order.
pub const BEFORE: [Rung; 17] = [
    Rung {
        number: 1,
        name: "stop file",
        doc: "`.tickets/STOP` exists: `stop_file`, and nothing is recorded.",
        answer: stop_file,
    },
    Rung {
        number: 2,
        name: "lock",
        doc: "Another process holds this worktree's lock: `busy`. Seen by the driver before it looks at anything else.",
        answer: seen_earlier,
    },
    Rung {
        number: 3,
        name: "journal",
        doc: "The journal cannot be read: `journal_unreadable`. Seen by the driver as it folds the journal.",
        answer: seen_earlier,
    },
    Rung {
        number: 4,
        name: "open effects",
        doc: "What an earlier step left in flight is finished, waited for or recorded. Seen by the driver: nothing is decided until the tree is quiet.",
        answer: seen_earlier,
    },
    Rung {
        number: 5,
        name: "repository",
        doc: "A merge, rebase, cherry-pick or bisect under way, HEAD detached or on another branch than the run's, no git identity, `.git` not writable or nearly full: `repository_state`.",
        answer: repository,
    },
    Rung { number: 6, name: "config", doc: "Faults of the config or the templates: `invalid`.", answer: config },
    Rung {
        number: 7,
        name: "mail and decisions",
        doc: "Operators' decisions and replies are taken in; one that cannot be used is `reply_invalid`.",
        answer: mail,
    },
    Rung {
        number: 8,
        name: "standing reasons",
        doc: "A reason that nothing has answered is given again; no turn is spent.",
        answer: standing,
    },
    Rung {
        number: 9,
        name: "unjudged turn",
        doc: "A turn that is not judged to its end is judged; no turn is spent, and no limit counts.",
        answer: unjudged,
    },
    Rung {
        number: 10,
        name: "nothing open",
        doc: "No open ticket but held ones: what operators' decisions left is committed, then `completed`.",
        answer: nothing_open,
    },
    Rung { number: 11, name: "nothing ready", doc: "No ticket is ready: `blocked`.", answer: nothing_ready },
    Rung {
        number: 12,
        name: "ticket at fault",
        doc: "The chosen ticket has errors: `invalid`.",
        answer: ticket_at_fault,
    },
    Rung { number: 13, name: "human", doc: "The chosen ticket's agent is `user`: `user_ticket`.", answer: human },
    Rung {
        number: 14,
        name: "breaker",
        doc: "The breaker is open, or a retry's time is not reached. Nothing opens it in this version.",
        answer: seen_earlier,
    },
    Rung {
        number: 15,
        name: "limits",
        doc: "A limit on turns or time is reached: `limit_…`, or `max_turns` for this command's own.",
        answer: limits,
    },
    Rung {
        number: 16,
        name: "user's changes",
        doc: "Uncommitted changes of the user's without `--allow-dirty`: `dirty_worktree`.",
        answer: users_changes,
    },
    Rung { number: 17, name: "turn", doc: "Otherwise a turn starts.", answer: turn },
];

fn seen_earlier(_: &Look<'_>) -> Option<Choice> {
    None
}

fn stop_file(look: &Look<'_>) -> Option<Choice> {
    let text = look.survey.stop_file.as_ref()?;
    let why = text.trim();
    let why = if why.is_empty() { String::new() } else { format!(": {}", crate::text::shown_line(why)) };
    let message = format!("`.tickets/STOP` exists{why}; remove it to go on (`rm .tickets/STOP`)");
    let reason = Reason::new(ReasonCode::StopFile, message).details(json!({ "text": text.trim() }));
    Some(Choice::stop(reason, None))
}

fn repository(look: &Look<'_>) -> Option<Choice> {
    let moved = look.run.standing.iter().any(|stands| stands.reason.code == ReasonCode::HeadMoved);
    let unsettled = look.run.judging().is_some_and(|judging| judging.row <= 2 && judging.verdict.is_none());
    let on_the_way = moved || unsettled;
    if let Some(problem) = &look.survey.repository
        && !(on_the_way && look.survey.branch.is_none())
    {
        return Some(Choice::stop(Reason::new(ReasonCode::RepositoryState, problem.clone()), None));
    }
    if look.run.life == Life::Open && !on_the_way && look.run.branch != look.survey.branch {
        let name = |branch: &Option<String>| match branch {
            Some(branch) => format!("`{}`", short(branch)),
            None => "a detached HEAD".to_owned(),
        };
        let back = match &look.run.branch {
            Some(branch) => format!("`git switch {}` goes back", short(branch)),
            None => "`turnstile stop` ends the run".to_owned(),
        };
        let message = format!(
            "the run is on {} and {} is checked out; {back}, or `turnstile stop` ends the run so that a new one begins here",
            name(&look.run.branch),
            name(&look.survey.branch),
        );
        let details = json!({ "branch": look.run.branch, "checked_out": look.survey.branch });
        return Some(Choice::stop(Reason::new(ReasonCode::RepositoryState, message).details(details), None));
    }
    None
}

/// A branch as people type it.
pub(super) fn short(branch: &str) -> String {
    crate::text::shown_line(branch.strip_prefix("refs/heads/").unwrap_or(branch))
}

fn config(look: &Look<'_>) -> Option<Choice> {
    if look.survey.config.is_empty() {
        return None;
    }
    let message =
        format!("the configuration has faults; `turnstile lint` shows them\n{}", look.survey.config.join("\n"));
    let reason = Reason::new(ReasonCode::Invalid, message).details(json!({ "faults": look.survey.config }));
    Some(Choice::stop(reason, None))
}

fn mail(look: &Look<'_>) -> Option<Choice> {
    let waiting = look.survey.decisions.iter().find(|decision| !look.run.served.contains(&decision.id));
    if let Some(decision) = waiting {
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
        Decided::Reply(reply) => take_reply(look, reply, Some(&decision.id))
            .unwrap_or_else(|| Choice::Record(vec![stored("reply that nothing open wants")])),
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

fn standing(look: &Look<'_>) -> Option<Choice> {
    let fallen: Vec<Event> = look.run.standing.iter().filter_map(|stands| fallen(look, stands)).collect();
    if !fallen.is_empty() {
        return Some(Choice::Record(fallen));
    }
    let allowed: Vec<_> = look.allowed().iter().map(|ticket| &ticket.id).collect();
    let in_the_way = |stands: &&Stands| match &stands.ticket {
        Some(ticket) => {
            allowed.contains(&ticket) || look.run.judging().is_some_and(|judging| judging.request.ticket == *ticket)
        }
        None => true,
    };
    let mut ways: Vec<&Stands> = look.run.standing.iter().filter(in_the_way).collect();
    ways.sort_by_key(|stands| (stands.reason.code != ReasonCode::OperatorPause, stands.ticket.is_some()));
    let stands = ways.first()?;
    Some(Choice::stop(stands.reason.clone(), stands.ticket.as_ref()))
}

/// Why a standing reason does not stand any more, if so.
fn fallen(look: &Look<'_>, stands: &Stands) -> Option<Event> {
    let code = stands.reason.code;
    let by = match &stands.ticket {
        Some(ticket) => match look.survey.ticket(ticket) {
            None => Some("the ticket is gone"),
            Some(fact) if !look.is_open(fact) => Some("the ticket is done"),
            Some(fact) if fact.hold.is_some() => Some("the ticket is held"),
            Some(fact) => answered_by_files(look, stands, fact),
        },
        None => None,
    };
    let in_place = look.survey.turn.head == super::survey::HeadFact::InPlace && look.survey.branch == look.run.branch;
    let by = by.or_else(|| (code == ReasonCode::HeadMoved && in_place).then_some("HEAD is back"));
    by.map(|by| Event::RunResumed { ticket: stands.ticket.clone(), reason: code, by: by.to_owned(), branch: None })
}

fn answered_by_files(look: &Look<'_>, stands: &Stands, fact: &TicketFact) -> Option<&'static str> {
    let edited = stands.digest.as_ref().is_some_and(|digest| *digest != fact.digest);
    match stands.reason.code {
        ReasonCode::TicketInvalid | ReasonCode::NoProgress | ReasonCode::VerifyFailed if edited => {
            Some("an edit of the ticket")
        }
        ReasonCode::DispatchInvalid if edited => Some("an edit of the ticket"),
        ReasonCode::DispatchInvalid if !matches!(look.survey.outbox, super::survey::OutboxFact::Invalid(_)) => {
            Some("the message is mended or gone")
        }
        ReasonCode::CommitFailed if !fact.done => Some("a person set `done: false`"),
        ReasonCode::CommitFailed if is_clean(look) => Some("a clean tree"),
        _ => None,
    }
}

/// Nothing uncommitted outside `.tickets/` but what was accepted.
pub(super) fn is_clean(look: &Look<'_>) -> bool {
    look.survey.changes.iter().all(|(path, digest)| look.is_accepted(path, digest))
}

fn unjudged(look: &Look<'_>) -> Option<Choice> {
    let judging = look.run.judging()?;
    let foreign = look.foreign(&judging.request.ticket);
    if judging.row >= 9 && judging.verdict.is_none() && !foreign.is_empty() {
        return Some(dirty(look, &judging.request.ticket, &foreign));
    }
    Some(judge(look, judging))
}

fn nothing_open(look: &Look<'_>) -> Option<Choice> {
    let open: Vec<&TicketFact> = look.allowed().into_iter().filter(|ticket| look.is_open(ticket)).collect();
    if open.iter().any(|ticket| ticket.hold.is_none()) {
        return None;
    }
    if look.policy.only.is_some() {
        return Some(Choice::Stop(Stop { reason: None, ticket: None }));
    }
    let paperwork = look.paperwork(None);
    if !paperwork.is_empty() && look.run.life == Life::Open {
        return Some(Choice::Record(vec![saves::decisions(look, paperwork)]));
    }
    let held: Vec<TicketId> = open.iter().map(|ticket| ticket.id.clone()).collect();
    if look.run.life == Life::Open {
        return Some(Choice::Record(vec![Event::RunCompleted { held }]));
    }
    let message = match (look.survey.tickets.len(), held.as_slice()) {
        (0, _) => "there are no tickets; `turnstile new TITLE` makes one".to_owned(),
        (_, []) => "every ticket is done".to_owned(),
        (_, held) => {
            let names: Vec<_> = held.iter().map(ToString::to_string).collect();
            format!("every ticket is done but what is put aside with `hold`: {}", names.join(", "))
        }
    };
    Some(Choice::stop(Reason::new(ReasonCode::Completed, message).details(json!({ "held": held })), None))
}

fn nothing_ready(look: &Look<'_>) -> Option<Choice> {
    if look.next_ticket().is_some() {
        return None;
    }
    let why: Vec<_> = look
        .allowed()
        .into_iter()
        .filter(|ticket| look.is_open(ticket))
        .map(|ticket| json!({ "ticket": ticket.id, "why": super::explain::why_not_ready(look, ticket) }))
        .collect();
    let lines: Vec<String> = why
        .iter()
        .take(5)
        .map(|line| {
            format!("  {}: {}", line["ticket"].as_str().unwrap_or_default(), line["why"].as_str().unwrap_or_default())
        })
        .collect();
    let more = why.len().saturating_sub(5);
    let more = if more > 0 { format!("\n  and {more} more; `turnstile next` explains each") } else { String::new() };
    let message = format!("no open ticket is ready\n{}{more}", lines.join("\n"));
    Some(Choice::stop(Reason::new(ReasonCode::Blocked, message).details(json!({ "tickets": why })), None))
}

fn ticket_at_fault(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    if ticket.faults.is_empty() {
        return None;
    }
    let message = format!("{} has errors; `turnstile lint` shows them\n{}", ticket.id, ticket.faults.join("\n"));
    let reason = Reason::new(ReasonCode::Invalid, message).details(json!({ "faults": ticket.faults }));
    Some(Choice::stop(reason, Some(&ticket.id)))
}

fn human(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    if ticket.kind != AgentFact::User {
        return None;
    }
    let message = format!(
        "{} is for a human: {}; `turnstile done {}` when it is done",
        ticket.id,
        crate::text::shown_line(&ticket.title),
        ticket.id
    );
    Some(Choice::stop(Reason::new(ReasonCode::UserTicket, message), Some(&ticket.id)))
}

fn limits(look: &Look<'_>) -> Option<Choice> {
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

fn users_changes(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    let foreign = look.foreign(&ticket.id);
    (!foreign.is_empty()).then(|| dirty(look, &ticket.id, &foreign))
}

/// The user's changes: accepted as they are, or a refusal that names them.
fn dirty(look: &Look<'_>, ticket: &TicketId, foreign: &[(String, String)]) -> Choice {
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

fn turn(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    let state = look.run.ticket(&ticket.id);
    let mut events = Vec::new();
    if look.run.current.as_ref() != Some(&ticket.id) || look.run.life != Life::Open {
        if look.survey.commit_message.is_some() && state.last_turn.is_none() {
            return Some(begin(Some(&ticket.id), None, Act::DropMessage));
        }
        events.push(Event::TicketSelected { ticket: ticket.id.clone() });
    }
    let suspect =
        look.survey.reply.as_ref().map(|reply| &reply.stamp).filter(|stamp| look.run.suspect.as_ref() == Some(*stamp));
    events.push(Event::TurnStarted(TurnRequest {
        ticket: ticket.id.clone(),
        turn: look.run.turns + 1,
        agent: ticket.agent.clone(),
        commit_only: state.claim,
        head: look.survey.head.clone(),
        replies: state.replies,
        suspect: suspect.cloned(),
    }));
    Some(Choice::Record(events))
}

/// Begins a small effect.
pub(super) fn begin(ticket: Option<&TicketId>, turn: Option<u32>, act: Act) -> Choice {
    Choice::Record(vec![Event::EffectBegun(Begun::Act(ActBegun { ticket: ticket.cloned(), turn, act }))])
}

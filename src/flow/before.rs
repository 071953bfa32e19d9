//! The before-turn list: whether a turn starts at all. First match wins.

use serde_json::json;

use super::choose::{Choice, Look, Rung, Stop, judge};
use super::event::Event;
use super::finish::finished;
use super::limits::{limits, users_changes};
use super::mail::mail;
use super::parts::{ActBegun, Begun};
use super::reason::{Reason, ReasonCode};
use super::request::{Act, TurnRequest};
use super::saves;
use super::standing::standing;
use super::state::Life;
use super::survey::{AgentFact, TicketFact};
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
        doc: "What an earlier step left in flight is finished, waited for or recorded. Seen by the driver: nothing is decided until the tree is quiet. A finishing commit that is found to be made is a fact: its ticket is done before anything else is looked at.",
        answer: finished,
    },
    Rung {
        number: 5,
        name: "repository",
        doc: "A merge, rebase, cherry-pick or bisect under way, HEAD detached or on another branch than the run's, no git identity, `.git` not writable or nearly full: `repository_state`.",
        answer: repository,
    },
    Rung {
        number: 6,
        name: "trust and config",
        doc: "The config, a template or an agent's own project settings are not what a person on this machine has trusted: `untrusted`. Then faults of the config or the templates: `invalid`. Neither for what a turn made of them: of config and templates that is row 3's, and of agents' settings it was listed as the turn ended.",
        answer: config,
    },
    Rung {
        number: 7,
        name: "mail and decisions",
        doc: "Operators' decisions and replies are taken in; one that cannot be used is `reply_invalid`. `stop`, `done` and `reopen` wait until a turn that ended is judged.",
        answer: mail,
    },
    Rung {
        number: 8,
        name: "standing reasons",
        doc: "A reason that nothing has answered is given again; no turn is spent. `agent_failed` is one where no person asks. `on_wait: next` passes over tickets at `user_dispatch`, `user_ticket` and `approval_pending`.",
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
    Rung {
        number: 11,
        name: "nothing ready",
        doc: "No ticket is ready: the reason of the first that waits for a person, where `on_wait: next` passes over it or where it was rejected (`approval_pending`); otherwise `blocked`.",
        answer: nothing_ready,
    },
    Rung {
        number: 12,
        name: "ticket at fault",
        doc: "The chosen ticket has errors: `invalid`.",
        answer: ticket_at_fault,
    },
    Rung {
        number: 13,
        name: "human",
        doc: "The chosen ticket's agent is `user`: `user_ticket`. It needs an approval that it does not have, which in a run that a push started command lines of its own do as well: a request is archived and committed, then `approval_pending`.",
        answer: human,
    },
    Rung {
        number: 14,
        name: "breaker",
        doc: "The breaker is open and no person asks: `circuit_open`. A retry's time is not reached: `parked`.",
        answer: breaker,
    },
    Rung {
        number: 15,
        name: "limits",
        doc: "A limit on turns, time, tokens or cost is reached: `limit_…`, or `max_turns` for this command's own.",
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
    let message = format!("`.tickets/STOP` exists{why}; remove it to go on (`rm -r .tickets/STOP`)");
    let reason = Reason::new(ReasonCode::StopFile, message).details(json!({ "text": text.trim() }));
    Some(Choice::stop(reason, None))
}

fn repository(look: &Look<'_>) -> Option<Choice> {
    let moved = look.run.standing.iter().any(|stands| stands.reason.code == ReasonCode::HeadMoved);
    let unsettled = look.run.judging().is_some_and(|judging| judging.row <= 2);
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
        let back = look.survey.way_back.as_ref().map(|back| format!("`{back}` goes back, or ")).unwrap_or_default();
        let message = format!(
            "the run is on {} and {} is checked out; {back}`turnstile stop` ends the run so that a new one begins here",
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
    if let Some(untrusted) = super::trust::untrusted_files(look) {
        return Some(untrusted);
    }
    if look.survey.config.is_empty() || changed_by_turn(look) {
        return None;
    }
    let message =
        format!("the configuration has faults; `turnstile lint` shows them\n{}", look.survey.config.join("\n"));
    let reason = Reason::new(ReasonCode::Invalid, message).details(json!({ "faults": look.survey.config }));
    Some(Choice::stop(reason, None))
}

/// Whether what turnstile goes by is what the last turn made of it: that is row 3's, and stands as such.
pub(super) fn changed_by_turn(look: &Look<'_>) -> bool {
    let stands = look.run.standing.iter().any(|stands| stands.reason.code == ReasonCode::RunnerFilesChanged);
    let comes = look.run.judging().is_some_and(|judging| judging.row <= 3);
    stands || comes && !look.survey.turn.runner_files.is_empty()
}

/// Nothing of the ticket's work uncommitted, be it in the worktree or in git's stash, and nothing of the user's outside
/// `.tickets/` but what was accepted.
pub(super) fn is_clean(look: &Look<'_>, ticket: &TicketId) -> bool {
    let counts = |path: &String| !look.run.droppings.contains(path);
    let mut changes = look.survey.changes.iter().filter(|(path, _)| counts(path));
    changes.all(|(path, digest)| look.is_accepted(path, digest)) && look.stashed(ticket).is_none()
}

fn unjudged(look: &Look<'_>) -> Option<Choice> {
    look.run.judging().map(|judging| judge(look, judging))
}

fn nothing_open(look: &Look<'_>) -> Option<Choice> {
    let open: Vec<&TicketFact> = look.allowed().into_iter().filter(|ticket| look.is_open(ticket)).collect();
    if open.iter().any(|ticket| ticket.hold.is_none()) {
        return None;
    }
    if look.policy.only.is_some() {
        let why = |ticket: &&TicketFact| {
            let hold = ticket.hold.as_deref().map(crate::text::shown_line).unwrap_or_default();
            format!("{} is put aside: {hold}; remove its `hold` to work on it", ticket.id)
        };
        let held: Vec<String> = open.iter().map(why).collect();
        let reason = (!held.is_empty()).then(|| Reason::new(ReasonCode::Completed, held.join("\n")));
        return Some(Choice::Stop(Stop { reason, ticket: None }));
    }
    let paperwork = look.paperwork(None);
    if !paperwork.is_empty() && look.run.life == Life::Open {
        return Some(Choice::Record(vec![saves::decisions(look, paperwork)]));
    }
    let held: Vec<TicketId> = open.iter().map(|ticket| ticket.id.clone()).collect();
    if look.run.life == Life::Open {
        return Some(Choice::Record(vec![Event::RunCompleted { held }]));
    }
    Some(Choice::stop(completed(look.survey.tickets.len(), &held), None))
}

/// Nothing is open but what is put aside.
pub(super) fn completed(tickets: usize, held: &[TicketId]) -> Reason {
    let message = match (tickets, held) {
        (0, _) => "there are no tickets; `turnstile new TITLE` makes one".to_owned(),
        (_, []) => "every ticket is done".to_owned(),
        (_, held) => {
            let names: Vec<_> = held.iter().map(ToString::to_string).collect();
            format!("every ticket is done but what is put aside with `hold`: {}", names.join(", "))
        }
    };
    Reason::new(ReasonCode::Completed, message).details(json!({ "held": held }))
}

fn nothing_ready(look: &Look<'_>) -> Option<Choice> {
    if look.next_ticket().is_some() {
        return None;
    }
    if let Some(rejected) = super::approval::first_rejected(look) {
        return Some(rejected);
    }
    if let Some((ticket, reason)) = super::wait::first_that_waits(look) {
        return Some(Choice::stop(reason, Some(&ticket.id)));
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
        return super::approval::approval(look);
    }
    Some(Choice::stop(user_ticket(ticket), Some(&ticket.id)))
}

/// A ticket that a person works on.
pub(super) fn user_ticket(ticket: &TicketFact) -> Reason {
    let message = format!(
        "{} is for a human: {}; `turnstile done {}` when it is done",
        ticket.id,
        crate::text::shown_line(&ticket.title),
        ticket.id.typed()
    );
    Reason::new(ReasonCode::UserTicket, message)
}

fn breaker(look: &Look<'_>) -> Option<Choice> {
    super::breaker::circuit_open(look).or_else(|| super::retry::parked(look))
}

fn turn(look: &Look<'_>) -> Option<Choice> {
    let ticket = look.next_ticket()?;
    let state = look.run.ticket(&ticket.id);
    let mut events = Vec::new();
    // It was left for another ticket's commit.
    let changes = look.run.current.as_ref().is_some_and(|current| *current != ticket.id);
    if look.survey.commit_message.is_some() && (changes || state.last_turn.is_none()) {
        return Some(begin(Some(&ticket.id), None, Act::DropMessage));
    }
    if look.run.current.as_ref() != Some(&ticket.id) || look.run.life != Life::Open {
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
        stash: look.survey.stash.clone(),
        replies: state.replies,
        suspect: suspect.cloned(),
    }));
    Some(Choice::Record(events))
}

/// Begins a small effect.
pub(super) fn begin(ticket: Option<&TicketId>, turn: Option<u32>, act: Act) -> Choice {
    Choice::Record(vec![Event::EffectBegun(Begun::Act(ActBegun { ticket: ticket.cloned(), turn, act }))])
}

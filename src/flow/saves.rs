//! The commits that turnstile makes: what is in each, and what its message says.

use std::collections::BTreeSet;

use super::choose::Look;
use super::event::Event;
use super::parts::{Begun, SaveBegun};
use super::request::{SavePurpose, SaveRequest};
use super::state::Judging;
use crate::config::CommitBy;
use crate::text::{shown, shown_line};
use crate::ticket::{TicketId, is_ticket_path};

/// Whether turnstile commits the work of this turn.
pub(super) fn by_runner(look: &Look<'_>, judging: &Judging) -> bool {
    let agent = look.survey.ticket(&judging.request.ticket).map(|ticket| ticket.kind);
    look.policy.commit_by == CommitBy::Runner || agent == Some(super::survey::AgentFact::CannotCommit)
}

/// The one commit that finishes a ticket; none where nothing is left to commit.
pub(super) fn finish(look: &Look<'_>, judging: &Judging) -> Option<Event> {
    let ticket = &judging.request.ticket;
    let title = look.survey.ticket(ticket).map(|fact| fact.title.clone()).unwrap_or_default();
    let work = if by_runner(look, judging) { look.work(ticket) } else { Vec::new() };
    let commits_work = !work.is_empty();
    let mut paths = look.paperwork(Some(ticket));
    paths.extend(work);
    if by_runner(look, judging) {
        paths.extend(artifacts(look, &paths));
    }
    if paths.is_empty() {
        return None;
    }
    let (subject, body) = match (&look.survey.commit_message, commits_work) {
        (Some(message), true) => {
            message_of(message).unwrap_or_else(|| (look.policy.subject(ticket, &title, &title), String::new()))
        }
        (None, true) => (look.policy.subject(ticket, &title, &title), String::new()),
        (_, false) => (look.policy.subject(ticket, &title, "done"), String::new()),
    };
    let mut request = SaveRequest {
        unclaimed: None,
        body,
        hooks: commits_work && look.policy.hooks,
        checked: !look.survey.turn.checks.is_empty(),
        ..request(look, judging, SavePurpose::Finish, paths, subject)
    };
    request.trailers.extend(super::checks::trailer(look));
    Some(begun(request))
}

/// Artifacts that a check left behind are nobody's work, and belong into the finishing commit all the same.
fn artifacts(look: &Look<'_>, known: &[String]) -> Vec<String> {
    let asked: Vec<&str> =
        look.survey.turn.checks.uncommitted().map(|artifact| artifact.path.trim_end_matches('/')).collect();
    let is_one = |path: &str| {
        let below =
            |artifact: &str| path.strip_prefix(artifact).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        asked.iter().any(|artifact| below(artifact))
    };
    let changes = look.survey.changes.keys().filter(|path| is_one(path) && !known.contains(path));
    changes.filter(|path| !path.ends_with('/') && !look.run.accepted.contains_key(*path)).cloned().collect()
}

/// The message that the agent left, split into its first line and the rest.
fn message_of(text: &str) -> Option<(String, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.starts_with('#')).collect();
    let text = lines.join("\n");
    let text = text.trim();
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    (!subject.is_empty()).then(|| (shown_line(subject), shown(body.trim())))
}

/// A turn's work on the branch as it is, without a judgement on it.
pub(super) fn checkpoint(look: &Look<'_>, judging: &Judging) -> Option<Event> {
    let ticket = &judging.request.ticket;
    let mut paths = look.paperwork(Some(ticket));
    // A repository inside the worktree is in no commit of turnstile's.
    let is_withheld = |path: &String| super::scope::is_withheld(look, ticket, path);
    paths.extend(look.work(ticket).into_iter().filter(|path| !path.ends_with('/') && !is_withheld(path)));
    if paths.is_empty() {
        return None;
    }
    let title = look.survey.ticket(ticket).map(|fact| fact.title.clone()).unwrap_or_default();
    let subject = look.policy.subject(ticket, &title, &format!("turn {} checkpoint", judging.request.turn));
    Some(begun(request(look, judging, SavePurpose::Checkpoint, paths, subject)))
}

/// What a paused or taken-back ticket leaves in `.tickets/`.
pub(super) fn paperwork(look: &Look<'_>, judging: &Judging, what: &str) -> Option<Event> {
    let ticket = &judging.request.ticket;
    let paths = look.paperwork(Some(ticket));
    if paths.is_empty() {
        return None;
    }
    let title = look.survey.ticket(ticket).map(|fact| fact.title.clone()).unwrap_or_default();
    let subject = look.policy.subject(ticket, &title, what);
    Some(begun(request(look, judging, SavePurpose::Paperwork, paths, subject)))
}

/// What a ticket leaves in `.tickets/` that waits for a person before any turn; none where nothing is left to commit.
pub(super) fn waiting(look: &Look<'_>, ticket: &TicketId) -> Option<Event> {
    let paths = look.paperwork(Some(ticket));
    if paths.is_empty() {
        return None;
    }
    let title = look.survey.ticket(ticket).map(|fact| fact.title.clone()).unwrap_or_default();
    let claims = look.run.tickets.get(ticket).is_some_and(|state| state.claim);
    Some(begun(SaveRequest {
        attempt: look.run.saves + 1,
        purpose: SavePurpose::Paperwork,
        ticket: Some(ticket.clone()),
        turn: None,
        branch: look.run.branch.clone(),
        base: look.survey.head.clone(),
        unclaimed: claims.then(|| ticket.path()).filter(|path| paths.contains(path)),
        paths,
        subject: look.policy.subject(ticket, &title, "waits for an answer"),
        body: String::new(),
        trailers: vec![about(ticket)],
        hooks: false,
        checked: false,
    }))
}

/// The tree after a turn that nobody was left to keep.
pub(super) fn keep(look: &Look<'_>, judging: &Judging) -> Event {
    begun(request(look, judging, SavePurpose::Keep, Vec::new(), String::new()))
}

/// What operators' decisions left in `.tickets/`.
pub(super) fn decisions(look: &Look<'_>, paths: Vec<String>) -> Event {
    let tickets: BTreeSet<TicketId> = paths.iter().filter_map(|path| ticket_of(path)).collect();
    let what = "as decided";
    let subject = match tickets.first().filter(|_| tickets.len() == 1) {
        Some(one) => {
            let title = look.survey.ticket(one).map(|fact| fact.title.clone()).unwrap_or_default();
            look.policy.subject(one, &title, what)
        }
        None => format!("tickets: {what}"),
    };
    begun(SaveRequest {
        attempt: look.run.saves + 1,
        purpose: SavePurpose::Paperwork,
        ticket: None,
        turn: None,
        branch: look.run.branch.clone(),
        base: look.survey.head.clone(),
        paths,
        unclaimed: None,
        subject,
        body: String::new(),
        trailers: tickets.iter().map(about).collect(),
        hooks: false,
        checked: false,
    })
}

/// The ticket that a path of `.tickets/` belongs to: its own file, or a message of its history.
fn ticket_of(path: &str) -> Option<TicketId> {
    let below = path.strip_prefix(".tickets/")?;
    let Some(history) = below.strip_prefix("history/") else {
        return is_ticket_path(below).then(|| TicketId::new(below.strip_suffix(".md").unwrap_or(below)));
    };
    let is_message = |folder: &str| {
        folder.split_once('-').is_some_and(|(number, kind)| {
            number.len() >= 4
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && ["dispatch", "reply", "request", "decision"].contains(&kind)
        })
    };
    let folders: Vec<&str> = history.split('/').take_while(|folder| !is_message(folder)).collect();
    let id = folders.join("/");
    (!id.is_empty() && id.len() < history.len()).then(|| TicketId::new(id))
}

fn request(
    look: &Look<'_>,
    judging: &Judging,
    purpose: SavePurpose,
    paths: Vec<String>,
    subject: String,
) -> SaveRequest {
    let ticket = &judging.request.ticket;
    let claims = look.run.tickets.get(ticket).is_some_and(|state| state.claim);
    SaveRequest {
        attempt: look.run.saves + 1,
        purpose,
        ticket: Some(ticket.clone()),
        turn: Some(judging.request.turn),
        branch: look.run.branch.clone(),
        base: look.survey.head.clone(),
        unclaimed: claims.then(|| ticket.path()).filter(|path| paths.contains(path)),
        paths,
        subject,
        body: String::new(),
        trailers: trailers(ticket, judging),
        hooks: false,
        checked: false,
    }
}

fn about(ticket: &TicketId) -> (String, String) {
    ("Turnstile-Ticket".to_owned(), shown_line(ticket.as_str()))
}

fn trailers(ticket: &TicketId, judging: &Judging) -> Vec<(String, String)> {
    vec![
        about(ticket),
        ("Turnstile-Turn".to_owned(), judging.request.turn.to_string()),
        ("Turnstile-Agent".to_owned(), judging.ended.agent.clone()),
    ]
}

fn begun(save: SaveRequest) -> Event {
    Event::EffectBegun(Begun::Save(SaveBegun { ticket: save.ticket.clone(), turn: save.turn, save }))
}

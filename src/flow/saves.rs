//! The commits that turnstile makes: what is in each, and what its message says.

use super::choose::Look;
use super::event::Event;
use super::parts::{Begun, SaveBegun};
use super::request::{SavePurpose, SaveRequest};
use super::state::Judging;
use crate::config::CommitBy;
use crate::ticket::TicketId;

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
    let request = SaveRequest {
        unclaimed: None,
        body,
        hooks: commits_work && look.policy.hooks,
        ..request(look, judging, SavePurpose::Finish, paths, subject)
    };
    Some(begun(request))
}

/// The message that the agent left, split into its first line and the rest.
fn message_of(text: &str) -> Option<(String, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.starts_with('#')).collect();
    let text = lines.join("\n");
    let text = text.trim();
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    (!subject.is_empty()).then(|| (subject.to_owned(), body.trim().to_owned()))
}

/// A turn's work on the branch as it is, without a judgement on it.
pub(super) fn checkpoint(look: &Look<'_>, judging: &Judging) -> Option<Event> {
    let ticket = &judging.request.ticket;
    let mut paths = look.paperwork(Some(ticket));
    // A repository inside the worktree is in no commit of turnstile's.
    paths.extend(look.work(ticket).into_iter().filter(|path| !path.ends_with('/')));
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

/// The tree after a turn that nobody was left to keep.
pub(super) fn keep(look: &Look<'_>, judging: &Judging) -> Event {
    begun(request(look, judging, SavePurpose::Keep, Vec::new(), String::new()))
}

/// What operators' decisions left in `.tickets/`.
pub(super) fn decisions(look: &Look<'_>, paths: Vec<String>) -> Event {
    let ids: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(".tickets/")?.strip_suffix(".md")).collect();
    let what = match ids.as_slice() {
        [one] => format!("{one}: as decided"),
        _ => "tickets: as decided".to_owned(),
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
        subject: what,
        body: String::new(),
        trailers: Vec::new(),
        hooks: false,
    })
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
    }
}

fn trailers(ticket: &TicketId, judging: &Judging) -> Vec<(String, String)> {
    vec![
        ("Turnstile-Ticket".to_owned(), ticket.as_str().to_owned()),
        ("Turnstile-Turn".to_owned(), judging.request.turn.to_string()),
        ("Turnstile-Agent".to_owned(), judging.ended.agent.clone()),
    ]
}

fn begun(save: SaveRequest) -> Event {
    Event::EffectBegun(Begun::Save(SaveBegun { ticket: save.ticket.clone(), turn: save.turn, save }))
}

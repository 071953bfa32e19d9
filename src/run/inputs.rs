//! Everything that a prompt is made of, read from where it lies.

use std::path::Path;

use super::changes::is_repository;
use super::error::RunError;
use super::settings::Settings;
use super::workspace::Workspace;
use crate::config::CommitBy;
use crate::diagnostic::Diagnostic;
use crate::flow::{RunState, TurnRequest, progress_warning, tighter};
use crate::git;
use crate::prompt::{
    self, ContextText, Feedback, Message, MessageKind, PromptInputs, Quoted, Reply, Task, TicketText, TurnCount,
};
use crate::store::{self, Links, TICKETS};
use crate::text::Source;
use crate::ticket::{Split, Ticket, TicketId, read, read_reply, resolve_checks, split};

/// At most so much of one archived message.
const MESSAGE: usize = 64 * 1024;

/// The prompt of a turn.
pub(super) fn prompt(
    workspace: &Workspace,
    settings: &Settings,
    run: &RunState,
    run_id: Option<&str>,
    request: &TurnRequest,
) -> Result<String, RunError> {
    Ok(filled(&gather(workspace, settings, run, run_id, request)?, settings)?.text)
}

/// The prompt that some inputs make.
pub(super) fn filled(inputs: &PromptInputs, settings: &Settings) -> Result<prompt::Prompt, RunError> {
    rendered(inputs, settings).map_err(|faults| RunError::Unusable {
        path: "the prompt".to_owned(),
        why: super::survey::lines(&faults).join("\n"),
    })
}

/// The prompt, or what is wrong with the settings that it is made by, where that stands.
pub(super) fn rendered(inputs: &PromptInputs, settings: &Settings) -> Result<prompt::Prompt, Vec<Diagnostic>> {
    prompt::render(inputs, &settings.templates, settings.config.prompt.max_bytes).map_err(|mut faults| {
        for fault in faults.iter_mut().filter(|fault| fault.path.ends_with("/config.yaml")) {
            fault.place = settings.max_bytes_at.unwrap_or(fault.place);
        }
        faults
    })
}

/// Reads everything that a prompt is made of.
pub(super) fn gather(
    workspace: &Workspace,
    settings: &Settings,
    run: &RunState,
    run_id: Option<&str>,
    request: &TurnRequest,
) -> Result<PromptInputs, RunError> {
    let id = &request.ticket;
    let state = run.ticket(id);
    let source = source_of(workspace, id)?;
    let ticket = read(&source).0;
    let entry = settings.config.agent(&request.agent);
    let agent_commits = settings.config.commit.by == CommitBy::Agent && entry.is_none_or(|entry| entry.can_commit);
    let outbox = store::look_outbox(&workspace.layout)?;
    let stray = match outbox.message {
        None => outbox.attachments.into_iter().map(|(path, _)| format!("{TICKETS}/outbox/{path}")).collect(),
        Some(_) => Vec::new(),
    };
    let dirty_paths = if request.commit_only { dirty(workspace, run)? } else { Vec::new() };
    let limits = &settings.config.limits;
    let own_limits = ticket.as_ref().map(|ticket| ticket.front.limits).unwrap_or_default();
    let warning = progress_warning(state.idle_turns, tighter(limits.no_progress, own_limits.no_progress));
    let feedback = state.feedback.iter().chain(&warning).map(feedback).collect();
    let interrupted = state.feedback.iter().any(|feedback| feedback.kind == "turn.interrupted");
    let previous = state.last_turn.zip(run_id).map(|(turn, run)| workspace.layout.turn(run, turn).join("final.md"));
    let inputs = PromptInputs {
        task: if request.commit_only { Task::Commit { dirty_paths } } else { Task::Work },
        turns: TurnCount {
            turn: request.turn,
            of_ticket: state.turns + u32::from(!request.commit_only),
            ticket_limit: tighter(limits.turns, own_limits.turns).map(|limit| with_granted(limit, state.granted_turns)),
            run_limit: limits.total_turns.map(|limit| with_granted(limit, run.granted_turns)),
        },
        agent_commits,
        outbox: format!("{TICKETS}/outbox"),
        checks: ticket.as_ref().map(|ticket| checks(settings, ticket)).unwrap_or_default(),
        user_paths: run.accepted.keys().cloned().collect(),
        scope: ticket.as_ref().map(|ticket| ticket.front.scope.clone()).unwrap_or_default(),
        protected: settings.config.protect.clone(),
        changed_by_person: changed_by_person(workspace, run, id)?,
        interrupted: interrupted.then(|| state.work.iter().cloned().collect()),
        stray_attachments: stray,
        feedback,
        workspace: workspace_docs(workspace)?,
        replies: replies(workspace, id, &request.replies)?,
        suspect_reply: suspect(workspace, request)?,
        conversation: conversation(workspace, id)?,
        context: ticket.as_ref().map(|ticket| context(workspace, ticket)).transpose()?.unwrap_or_default(),
        previous_ticket: previous_ticket(workspace, settings, id)?,
        ticket_diff: ticket_diff(workspace, &state, &source)?,
        previous_words: previous.and_then(|path| previous_words(&path)),
        ticket: ticket_text(id, &source, ticket.as_ref()),
    };
    let screen = &workspace.surroundings.screen;
    // A prompt is kept, and it goes to whoever runs the model.
    Ok(inputs.mapped(&|text| screen.redact(text).into_owned()))
}

/// What decides whether a claim holds, as the agent can run it itself.
fn checks(settings: &Settings, ticket: &Ticket) -> Vec<String> {
    let config = &settings.config;
    let told = |check: crate::ticket::Check| {
        let optional = if check.required { "" } else { " (only told, not required)" };
        if check.id == check.run {
            format!("{}{optional}", check.run)
        } else {
            format!("{}: {}{optional}", check.id, check.run)
        }
    };
    let checks = resolve_checks(&config.checks, &config.verify, &ticket.front.verify).into_iter().map(told);
    let artifacts = ticket.front.artifacts.iter().map(|path| format!("{path} is there, not empty and committed"));
    checks.chain(artifacts).collect()
}

fn with_granted(limit: u32, granted: u64) -> u32 {
    limit.saturating_add(u32::try_from(granted).unwrap_or(u32::MAX))
}

/// The text of a ticket that has to be there.
pub(super) fn source_of(workspace: &Workspace, id: &TicketId) -> Result<Source, RunError> {
    let path = id.path();
    let unusable = |why: String| RunError::Unusable { path: path.clone(), why };
    store::read_source(&workspace.layout.top, &path, Links::Any)?
        .map_err(|why| unusable(why.diagnostic(path.as_str()).message))?
        .ok_or_else(|| unusable("it is not there".to_owned()))
}

fn ticket_text(id: &TicketId, source: &Source, ticket: Option<&Ticket>) -> TicketText {
    let (frontmatter, body) = match split(&source.text) {
        Split::Frontmatter(parts) => (parts.yaml.of(&source.text).to_owned(), parts.body.of(&source.text).to_owned()),
        Split::Unterminated { .. } | Split::None { .. } => (String::new(), source.text.to_string()),
    };
    TicketText {
        id: id.clone(),
        path: id.path(),
        frontmatter,
        body,
        title: ticket.map_or_else(|| id.as_str().to_owned(), |ticket| ticket.title.clone()),
        goal: ticket.and_then(|ticket| ticket.front.goal.clone()),
    }
}

fn feedback(feedback: &crate::flow::Feedback) -> Feedback {
    let judged = match feedback.kind {
        "turn.failed" => "the end of your last turn",
        "turn.interrupted" => "your last turn",
        "lint.failed" => "what you left in `.tickets/`",
        "contract.restored" => "what you may change",
        "verify.finished" => "the checks of your claim",
        "no_progress" => "your progress",
        "approval.resolved" => "what you changed",
        "commit.required" => "the commit of your work",
        "claim.revoked" => "your claim",
        "checkpoint.failed" => "the checkpoint of your work",
        _ => "the state of the repository",
    };
    let (why, seen) = feedback.text.split_once('\n').unwrap_or((&feedback.text, ""));
    let seen = match seen.trim_end() {
        "" => None,
        seen => Some(Quoted::whole("what turnstile saw", seen)),
    };
    Feedback { judged: judged.to_owned(), why: why.to_owned(), seen, attempts_left: feedback.left }
}

fn dirty(workspace: &Workspace, run: &RunState) -> Result<Vec<String>, RunError> {
    let changes = git::changes(&workspace.place)?;
    let outside = changes.into_iter().map(|change| change.path).filter(|path| !path.starts_with(".tickets/"));
    Ok(outside.filter(|path| !run.accepted.contains_key(path) && !run.droppings.contains(path)).collect())
}

/// Work of the ticket that is not as the last turn left it.
fn changed_by_person(workspace: &Workspace, run: &RunState, id: &TicketId) -> Result<Vec<String>, RunError> {
    let state = run.ticket(id);
    let Some(after) = state.after.as_ref().filter(|_| !state.work.is_empty()) else { return Ok(Vec::new()) };
    let place = &workspace.place;
    let mut changed = Vec::new();
    for change in git::changes(place)? {
        // What a person rejected was put back by turnstile, and the agent is told so.
        let rejected = state.scope_rejected.contains_key(&change.path);
        if !state.work.contains(&change.path) || rejected || is_repository(&change.path) {
            continue;
        }
        let then = git::blob(place, after, &change.path)?;
        let now = store::read_capped(&workspace.layout.top, &change.path, store::ATTACHMENTS_BYTES, Links::Any)?;
        if now.is_ok_and(|now| now != then) {
            changed.push(change.path);
        }
    }
    Ok(changed)
}

fn workspace_docs(workspace: &Workspace) -> Result<Vec<Quoted>, RunError> {
    const FIRST: [&str; 3] = ["active_context.md", "spec.md", "decisions.md"];
    let mut docs = Vec::new();
    for (path, read) in workspace.files_below("context")? {
        let text = match read {
            Ok(source) => source.text.to_string(),
            Err(fault) => format!("({})", fault.message),
        };
        docs.push(Quoted::whole(path, text));
    }
    docs.sort_by_key(|doc| {
        let name = doc.origin.rsplit('/').next().unwrap_or_default();
        FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len())
    });
    Ok(docs)
}

fn replies(workspace: &Workspace, id: &TicketId, sequences: &[u32]) -> Result<Vec<Reply>, RunError> {
    let messages = store::conversation(&workspace.layout, id, store::TEXT_CAP.try_into().unwrap_or(usize::MAX))?;
    let wanted = messages
        .into_iter()
        .filter(|message| message.kind == store::MessageKind::Reply && sequences.contains(&message.sequence));
    Ok(wanted
        .map(|message| {
            let text = message.text.unwrap_or_else(|why| format!("({})", why.diagnostic("").message));
            let folder = message.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let attachments = message.attachments.iter().map(|name| format!("{folder}/{name}")).collect();
            reply(&message.path, &text, attachments)
        })
        .collect())
}

/// A reply as the prompt quotes it.
pub(super) fn reply(path: &str, text: &str, attachments: Vec<String>) -> Reply {
    let source = Source::new(path, text);
    let (answer, body) = match read_reply(&source) {
        Ok(reply) => (reply.answer.clone(), reply.body.of(text).to_owned()),
        Err(_) => (None, text.to_owned()),
    };
    Reply { quoted: Quoted::whole(path, body), answer, attachments }
}

/// A reply that appeared during a turn, from where it lies.
fn suspect(workspace: &Workspace, request: &TurnRequest) -> Result<Option<Reply>, RunError> {
    let Some(stamp) = &request.suspect else { return Ok(None) };
    let Some(file) = store::look_reply(&workspace.layout)?.filter(|file| file.stamp == *stamp) else { return Ok(None) };
    let Ok(source) = file.content else { return Ok(None) };
    let attachments = file.attachments.into_iter().map(|(name, _)| format!("{TICKETS}/reply/{name}")).collect();
    Ok(Some(reply(&source.path, &source.text, attachments)))
}

fn conversation(workspace: &Workspace, id: &TicketId) -> Result<Vec<Message>, RunError> {
    let messages = store::conversation(&workspace.layout, id, MESSAGE)?;
    Ok(messages
        .into_iter()
        .map(|message| Message {
            seq: message.sequence,
            kind: match message.kind {
                store::MessageKind::Dispatch => MessageKind::Dispatch,
                store::MessageKind::Reply => MessageKind::Reply,
                store::MessageKind::Request => MessageKind::Request,
                store::MessageKind::Decision => MessageKind::Decision,
            },
            quoted: Quoted {
                text: message.text.unwrap_or_else(|why| format!("({})", why.diagnostic("").message)),
                origin: message.path,
                left_out: u64::try_from(message.left_out).unwrap_or(u64::MAX),
            },
        })
        .collect())
}

fn context(workspace: &Workspace, ticket: &Ticket) -> Result<Vec<ContextText>, RunError> {
    let mut texts = Vec::new();
    for file in &ticket.front.context {
        let read = store::read_capped(&workspace.layout.top, &file.path, store::ATTACHMENTS_BYTES, Links::Any)?;
        let text = match read {
            Ok(Some(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(None) if !file.required => None,
            Ok(None) => {
                let why = format!("`context` requires `{}`, which is not there", crate::text::shown_line(&file.path));
                return Err(RunError::Unusable { path: ticket.id.path(), why });
            }
            Err(why) => Some(format!("({})", why.diagnostic(file.path.as_str()).message)),
        };
        texts.push(ContextText {
            path: file.path.clone(),
            max_bytes: file.max_bytes,
            text: text.map(|text| Quoted::whole(file.path.clone(), text)),
        });
    }
    Ok(texts)
}

/// The ticket that was finished last, if the config asks for it.
fn previous_ticket(workspace: &Workspace, settings: &Settings, current: &TicketId) -> Result<Option<Quoted>, RunError> {
    if !settings.config.prompt.previous_ticket {
        return Ok(None);
    }
    let lines = workspace.lines()?;
    let last =
        lines.iter().rev().find(|line| line.kind == "ticket.done" && line.ticket.as_deref() != Some(current.as_str()));
    let Some(ticket) = last.and_then(|line| line.ticket.as_deref()).map(TicketId::new) else { return Ok(None) };
    let source = store::read_source(&workspace.layout.top, &ticket.path(), Links::Any)?;
    Ok(source.ok().flatten().map(|source| Quoted::whole(ticket.path(), source.text.to_string())))
}

fn ticket_diff(
    workspace: &Workspace,
    state: &crate::flow::TicketState,
    now: &Source,
) -> Result<Option<String>, RunError> {
    let Some(after) = &state.after else { return Ok(None) };
    let then = git::blob(&workspace.place, after, &now.path)?;
    let then = then.map(|then| String::from_utf8_lossy(&then).into_owned());
    Ok(then.and_then(|then| prompt::ticket_diff(&now.path, &then, &now.text)))
}

fn previous_words(path: &Path) -> Option<Quoted> {
    let words = std::fs::read_to_string(path).ok().filter(|words| !words.trim().is_empty())?;
    let name =
        path.parent().and_then(Path::file_name).map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Some(Quoted::whole(format!("the last words of turn {name}"), words))
}

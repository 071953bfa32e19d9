//! `next`: what a step would do, and why; for every ticket why it stands where it stands.

use serde_json::json;

use super::run::shown_reason;
use super::{CliError, Context, Exit};
use crate::flow::{Action, Look, Reason, ReasonCode, reply_left, standing};
use crate::git::GitError;
use crate::run::{Options, RunError, Workspace};
use crate::ticket::TicketId;

/// Say what a step would do, and why
///
/// Writes nothing and takes no lock.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Look at these tickets and what they depend on
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

/// Says what a step would do.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    look(context, &arguments.ids, &Options::default())
}

/// A reason after the word of the action, which is not said twice.
fn said(reason: &Reason) -> String {
    match reason.code {
        ReasonCode::Completed => reason.message.clone(),
        code => format!("{code}: {}", reason.message),
    }
}

/// The same with the options of a step.
pub fn look(context: &Context, ids: &[String], options: &Options) -> Result<Exit, CliError> {
    let mut workspace = match Workspace::open(&context.directory, context.surroundings()) {
        Ok(workspace) => workspace,
        Err(RunError::Git(GitError::Bare { path })) if ids.is_empty() => return super::bare::next(context, &path),
        Err(error) => return Err(error.into()),
    };
    let only: Vec<TicketId> = ids.iter().map(|id| context.ticket(&mut workspace, id)).collect::<Result<_, _>>()?;
    let options = Options { only: (!only.is_empty()).then_some(only), ..options.clone() };
    let view = workspace.look(&options)?;
    let run = view.next_run();
    let look = Look { run: &run, survey: &view.survey, policy: &view.policy };
    let explain: Vec<_> = view
        .survey
        .tickets
        .iter()
        .map(|ticket| {
            let (standing, why) = standing(&look, ticket);
            (ticket.id.clone(), standing.name(), why)
        })
        .collect();
    let (action, reason) = match &view.busy {
        Some(busy) => (Action::Wait, Some(Reason::new(ReasonCode::Busy, busy.clone()))),
        None => match (view.preview.action, &view.preview.ticket) {
            (Action::RunTurn, Some(ticket)) => match workspace.unusable(&view, ticket)? {
                Some(reason) => (Action::of(reason.code), Some(reason)),
                None => (Action::RunTurn, None),
            },
            _ => (view.preview.action, view.preview.reason.clone()),
        },
    };
    let left = reply_left(&look);
    let waiting = super::triggers::waiting(&workspace);
    let first = view.first();
    let exit = if view.is_journal_unreadable() { Exit::FAILED } else { Exit::SUCCESS };
    if context.printer.json {
        let explain: Vec<_> = explain
            .iter()
            .map(|(ticket, state, why)| json!({ "ticket": ticket, "state": state, "why": why }))
            .collect();
        context.printer.document(&json!({
            "action": action.name(),
            "ticket": view.preview.ticket,
            "agent": view.preview.agent.as_ref().filter(|_| reason.is_none()),
            "reason": shown_reason(reason.as_ref()),
            "explain": explain,
            "reply_left": left,
            "first": first,
            "triggers": super::triggers::document(&waiting),
            "turn_runs": view.turn_runs,
        }));
        return Ok(exit);
    }
    let what = match (action, &view.preview.ticket) {
        (Action::RunTurn, Some(ticket)) => {
            let agent = view.preview.agent.as_deref().unwrap_or_default();
            format!("a turn of {ticket} by `{}`", crate::text::shown_line(agent))
        }
        (Action::Judge, Some(ticket)) if view.turn_runs => {
            format!("{ticket}'s turn goes on, and its runner is gone; a step waits for its end and judges it")
        }
        (Action::Judge, Some(ticket)) => format!("{ticket}'s turn is judged; that step starts no other"),
        _ => reason.as_ref().map_or_else(|| "nothing to do".to_owned(), said),
    };
    let mut text = first.map(|first| format!("first: {first}\n")).unwrap_or_default();
    text.push_str(&format!("{}: {what}\n", action.name()));
    if let Some(reason) = reason.filter(|reason| reason.code.exit() != 0) {
        text.push_str(&format!("  what makes it move: {}\n", reason.code.moves()));
    }
    for (ticket, state, why) in explain.iter().filter(|(_, state, _)| *state != "done") {
        let why = why.lines().next().unwrap_or_default();
        let more = if why == *state { String::new() } else { format!("  {why}") };
        text.push_str(&format!("  {state:<8} {ticket}{more}\n"));
    }
    // A step that goes on says nothing of what stopped the last one.
    if matches!(action, Action::RunTurn | Action::Judge)
        && let Some(last) = view.run.last_pause.as_ref().filter(|last| last.code == ReasonCode::GitFailed)
    {
        text.push_str(&format!("the last step stopped with {}: {}\n", last.code, last.message));
    }
    if let Some(left) = left {
        text.push_str(&format!("{left}\n"));
    }
    text.push_str(&super::triggers::lines(&waiting));
    context.printer.data(&text);
    Ok(exit)
}

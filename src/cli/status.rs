//! `status`.

use serde_json::{Value, json};

use super::run::shown_reason;
use super::{CliError, Context, Exit};
use crate::flow::{Action, Life, Look, Reason, ReasonCode, RunState, TicketStanding, reply_left, standing};
use crate::git::GitError;
use crate::run::{Options, RunError, View, Workspace};

/// Show where the run stands and why
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Shows where the run stands.
pub fn run(context: &Context, _: &Arguments) -> Result<Exit, CliError> {
    let mut workspace = match Workspace::open(&context.directory, context.surroundings()) {
        Ok(workspace) => workspace,
        Err(RunError::Git(GitError::Bare { path })) => return super::bare::status(context, &path),
        Err(error) => return Err(error.into()),
    };
    let said = look(&mut workspace, &Options::default())?;
    if context.printer.json {
        context.printer.document(&said.document);
    } else {
        context.printer.data(&said.text);
        let log = workspace.layout.runner_log();
        if log.exists() {
            let log = crate::text::shell_word(&log.to_string_lossy());
            context.printer.detail(&format!("what the runs that git hooks started have said is in {log}"));
        }
        if let Some(left) = said.left {
            context.printer.line(&left);
        }
    }
    Ok(said.exit)
}

/// What is said of a worktree.
pub(super) struct Said {
    pub document: Value,
    pub text: String,
    left: Option<String>,
    exit: Exit,
}

/// Looks at a worktree.
pub(super) fn look(workspace: &mut Workspace, options: &Options) -> Result<Said, CliError> {
    let view = workspace.look(options)?;
    let reason = reason(&view);
    let exit = if view.is_journal_unreadable() { Exit::FAILED } else { Exit::SUCCESS };
    let mut document = document(&view, reason.as_ref());
    let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
    let left = reply_left(&look);
    document["reply_left"] = json!(left);
    document["first"] = json!(view.first());
    let waiting = super::triggers::waiting(workspace);
    document["triggers"] = super::triggers::document(&waiting);
    let pushed_to = super::pushed_to::look(workspace);
    document["pushes"] = super::pushed_to::document(pushed_to.as_ref());
    let refused = pushed_to.as_ref().and_then(|pushed_to| super::pushed_to::refused(pushed_to, view.busy.is_some()));
    let text = text(&view, reason.as_ref(), &document);
    let is_idle = view.busy.is_none() && !view.turn_runs && view.run.life == Life::Open && reason.is_none();
    let goes_on =
        is_idle && waiting.callers().is_empty() && matches!(view.preview.action, Action::RunTurn | Action::Judge);
    let waiting = super::triggers::lines(&waiting, &text);
    let waiting =
        if goes_on { format!("nobody is at work on it just now; `turnstile run` goes on\n{waiting}") } else { waiting };
    let text = format!(
        "{text}{waiting}{}",
        refused.map(|refused| format!("{}\n  {}\n", refused.what, refused.way_out)).unwrap_or_default()
    );
    Ok(Said { document, text, left, exit })
}

/// Why the run does not move, if it does not.
fn reason(view: &View) -> Option<Reason> {
    if let Some(busy) = &view.busy {
        return Some(Reason::new(ReasonCode::Busy, busy.clone()));
    }
    match view.preview.action {
        Action::RunTurn | Action::Judge => view.run.last_pause.clone().filter(|_| view.run.life == Life::Open),
        // What comes before the standing reasons is told first, as the next step would tell it.
        Action::Wait | Action::Stop | Action::Complete => view.preview.reason.clone(),
    }
}

/// The status of a run in one word.
pub fn word(run: &RunState, reason: Option<&Reason>) -> &'static str {
    let code = reason.map(|reason| reason.code);
    match (run.life, code) {
        (_, Some(ReasonCode::JournalUnreadable)) => "failed",
        (Life::None, _) => "idle",
        (Life::Completed, _) => "completed",
        (Life::Stopped, _) => "stopped",
        (Life::Open, None | Some(ReasonCode::Busy | ReasonCode::MaxTurns | ReasonCode::Completed)) => "running",
        (Life::Open, Some(_)) => "paused",
    }
}

fn document(view: &View, reason: Option<&Reason>) -> Value {
    let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
    let mut counts = [0_usize; 6];
    for ticket in &view.survey.tickets {
        let place = match standing(&look, ticket).0 {
            TicketStanding::Done => 0,
            TicketStanding::Ready | TicketStanding::Active => 1,
            TicketStanding::Blocked => 2,
            TicketStanding::Waiting => 3,
            TicketStanding::Invalid => 4,
        };
        counts[place] += 1;
    }
    let total = view.survey.tickets.len();
    json!({
        "run": view.id,
        "status": word(&view.run, reason),
        "reason": shown_reason(reason),
        "current_ticket": view.run.current,
        "turns": view.run.turns,
        "active_seconds": view.run.active_ms / 1000,
        "usage": view.run.usage.document(),
        "tickets": {
            "total": total,
            "done": counts[0],
            "open": total - counts[0],
            "ready": counts[1],
            "blocked": counts[2],
            "waiting": counts[3],
            "invalid": counts[4],
        },
        "breaker": {
            "state": if view.run.breaker.open { "open" } else { "closed" },
            "failures": view.run.breaker.failures,
        },
    })
}

fn text(view: &View, reason: Option<&Reason>, document: &Value) -> String {
    let mut text = match &view.id {
        Some(id) => format!("run {id}: {}\n", word(&view.run, reason)),
        None => "no run has begun here\n".to_owned(),
    };
    if let Some(first) = document["first"].as_str() {
        text.push_str(&format!("  {first}\n"));
    }
    if let Some(reason) = reason {
        text.push_str(&format!("  {}: {}\n", reason.code, reason.message.replace('\n', "\n  ")));
        if reason.code.exit() != 0 {
            text.push_str(&format!("  what makes it move: {}\n", reason.code.moves()));
        }
    }
    if let Some(current) = &view.run.current {
        text.push_str(&format!("current ticket: {current}\n"));
    }
    if let Some(request) = view.run.turning() {
        text.push_str(&format!(
            "turn {} of {} by `{}` {}\n",
            request.turn,
            request.ticket,
            crate::text::shown_line(&request.agent),
            if view.turn_runs { "is under way" } else { "ended, and nobody has judged it" }
        ));
    }
    let tickets = &document["tickets"];
    text.push_str(&format!(
        "tickets: {} done, {} open ({} ready, {} blocked, {} waiting, {} invalid)\n",
        tickets["done"], tickets["open"], tickets["ready"], tickets["blocked"], tickets["waiting"], tickets["invalid"]
    ));
    if view.id.is_some() {
        text.push_str(&format!("turns: {}, agents' time: {} s\n", view.run.turns, view.run.active_ms / 1000));
    }
    let breaker = view.run.breaker;
    if breaker.failures > 0 {
        let state = if breaker.open { "open" } else { "closed" };
        text.push_str(&format!("failures in a row: {}, the breaker is {state}\n", breaker.failures));
    }
    text
}

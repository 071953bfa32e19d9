//! `dispatch`: how an agent asks or tells people something, for agents that would rather type than write a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::input::text_from_stdin;
use super::{CliError, Context, Exit};
use crate::run::Workspace;
use crate::store::{self, StoreError};
use crate::ticket::{DispatchDraft, dispatch_text};

/// Write a message to people (for agents)
///
/// Writes `.tickets/outbox/DISPATCH.md`, its attachments first. The message is taken in when the turn ends; with
/// --pause the run then waits for an answer, so end the turn after it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  turnstile dispatch --pause --title 'Which database?' --choice sqlite --choice postgres\n  \
                        turnstile dispatch --title 'Figures attached' --attach report.csv -m 'As asked.'"
)]
pub struct Arguments {
    /// Ask: the run waits for an answer
    #[arg(long)]
    pause: bool,
    /// One line that says what it is about
    #[arg(long, value_name = "TITLE", required_unless_present = "message", allow_hyphen_values = true)]
    title: Option<String>,
    /// An answer that is accepted; may be given several times
    #[arg(long, value_name = "CHOICE", requires = "pause", allow_hyphen_values = true)]
    choice: Vec<String>,
    /// The text; `-` reads it from stdin
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: Option<String>,
    /// Send this file along; may be given several times
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Writes the message.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let workspace = outbox_of(context)?;
    let title = arguments.title.as_deref().map(one_line).filter(|title| !title.is_empty());
    let choices: Vec<String> = arguments.choice.iter().map(|choice| choice.trim().to_owned()).collect();
    if choices.iter().any(String::is_empty) {
        return Err(CliError::usage("a choice cannot be empty"));
    }
    let body = match arguments.message.as_deref() {
        Some("-") => text_from_stdin()?,
        // stdin is never read unasked: it may be the agent's own prompt.
        message => message.unwrap_or_default().to_owned(),
    };
    if title.is_none() && body.trim().is_empty() {
        return Err(CliError::usage("the message says nothing; nothing was written").hint("`--title` or `-m TEXT`"));
    }
    let draft = DispatchDraft { pause: arguments.pause, title: title.as_deref(), choices: &choices, body: &body };
    let attachments: Vec<PathBuf> = arguments.attach.iter().map(|file| context.directory.join(file)).collect();
    let path = match store::write_dispatch(&workspace.layout, &dispatch_text(&draft), &attachments) {
        Ok(path) => path,
        Err(StoreError::Exists { path }) if path == workspace.layout.dispatch_file() => {
            return Err(CliError::invalid("`.tickets/outbox/DISPATCH.md` is there already; nothing was written")
                .hint("put both into one message, or end the turn: the next one may write again"));
        }
        Err(error) => return Err(error.into()),
    };
    let mode = if arguments.pause { "pause" } else { "notify" };
    if context.printer.json {
        context.printer.document(&json!({ "path": path, "mode": mode, "title": title, "choices": choices }));
    } else {
        let then = if arguments.pause {
            "end the turn now; the run waits for the answer, and the next turn is given it"
        } else {
            "it is taken in when the turn ends; nobody has to answer"
        };
        context.printer.line(&format!("`.tickets/outbox/DISPATCH.md` is written; {then}"));
    }
    Ok(Exit::SUCCESS)
}

/// The worktree of the turn that this runs in, wherever its agent has gone to; else the one around the directory.
fn outbox_of(context: &Context) -> Result<Workspace, CliError> {
    let tickets = context.environment.get("TURNSTILE_OUTBOX").and_then(|outbox| Path::new(outbox).parent());
    match tickets.filter(|tickets| context.environment.get("TURNSTILE_IN_TURN").is_some() && tickets.is_dir()) {
        Some(tickets) => Ok(Workspace::open(tickets, context.surroundings())?),
        None => context.workspace(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

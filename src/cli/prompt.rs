//! `prompt`: what the next turn would be sent.

use serde_json::json;

use super::{CliError, Context, Exit};
use crate::flow::{Action, Look, TicketStanding, standing};
use crate::run::{Options, Workspace};
use crate::store::TICKETS;
use crate::text::shown_line;

/// Print what the next turn would be sent
///
/// Runs nothing, writes nothing and takes no lock. Equal state gives the same prompt, byte for byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile prompt | less\n  turnstile prompt 002 --sections")]
pub struct Arguments {
    /// The ticket; by default the one whose turn is next
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Print how many bytes each part takes, and how many were left out
    #[arg(long)]
    sections: bool,
}

/// Prints the prompt.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let mut workspace = context.workspace()?;
    let named = arguments.id.as_deref().map(|id| context.ticket(&mut workspace, id)).transpose()?;
    let view = workspace.look(&Options::default())?;
    // Where `.tickets` is no folder, it stands among the tickets and is none.
    let foreseen = || Workspace::foreseen(&view).filter(|id| id.as_str() != TICKETS);
    let id = named.or_else(foreseen).ok_or_else(|| {
        CliError::invalid("no ticket is ready for a turn")
            .hint("`turnstile next` says why; `turnstile prompt ID` prints a prompt all the same")
    })?;
    let prompt = workspace.prompt(&view, &id)?;
    let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
    let fact = view.survey.ticket(&id).filter(|_| arguments.id.is_some());
    if let Some((standing, why)) = fact.map(|fact| standing(&look, fact))
        && !matches!(standing, TicketStanding::Ready | TicketStanding::Active)
    {
        context.printer.note(&format!("no turn of {id} starts as it is: {why}"));
    } else if let (Action::Wait | Action::Stop, Some(reason)) = (view.preview.action, &view.preview.reason) {
        let message = reason.message.lines().next().unwrap_or_default();
        context.printer.note(&format!("no turn starts as it is: {}: {message}", reason.code));
    }
    for fault in workspace.settings()?.faults.iter().filter(|fault| fault.path.starts_with(".tickets/templates")) {
        let (path, why) = (shown_line(&fault.path), shown_line(&fault.message));
        context.printer.note(&format!("{path} is not used, and the built-in template is: {why}"));
    }
    if context.printer.json {
        let sections: Vec<_> = prompt
            .sections
            .iter()
            .map(|section| json!({ "name": section.name, "bytes": section.bytes, "cut": section.cut }))
            .collect();
        let bytes = prompt.text.len();
        let document = json!({ "ticket": id, "bytes": bytes, "text": prompt.text, "sections": sections });
        context.printer.document(&document);
    } else if arguments.sections {
        let mut text = String::new();
        for section in &prompt.sections {
            let cut = if section.cut > 0 { format!("  ({} left out)", section.cut) } else { String::new() };
            text.push_str(&format!("{:>8}  {}{cut}\n", section.bytes, section.name));
        }
        text.push_str(&format!("{:>8}  in all\n", prompt.text.len()));
        context.printer.data(&text);
    } else {
        context.printer.verbatim(&prompt.text);
    }
    Ok(Exit::SUCCESS)
}

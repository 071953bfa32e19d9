//! `approve` and `reject`: a person's word on what a ticket waits for. Given during a step they are stored and served
//! when the turn ends, and count for what was there when they were typed.

use serde_json::{Value, json};

use super::{CliError, Context, Exit};
use crate::run::{Decidable, Decided, Options, Workspace};
use crate::ticket::TicketId;

/// Let tickets that wait for an approval go on
///
/// Counts for each ticket as it is now: an edit between turns is asked about again, what a turn may change is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile approve 003-deploy && turnstile run")]
pub struct ApproveArguments {
    /// The tickets
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Refuse tickets that wait for an approval
///
/// A rejected ticket is skipped until it is edited, approved or reopened.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile reject 003-deploy")]
pub struct RejectArguments {
    /// The tickets
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// `approve`
pub fn approve(context: &Context, arguments: &ApproveArguments) -> Result<Exit, CliError> {
    decide(context, &arguments.ids, true)
}

/// `reject`
pub fn reject(context: &Context, arguments: &RejectArguments) -> Result<Exit, CliError> {
    decide(context, &arguments.ids, false)
}

fn decide(context: &Context, typed: &[String], approved: bool) -> Result<Exit, CliError> {
    let kind = if approved { "approve" } else { "reject" };
    let mut workspace = context.workspace_outside_turns()?;
    let mut tickets: Vec<TicketId> = Vec::new();
    for id in typed {
        let ticket = context.ticket(&mut workspace, id)?;
        if !tickets.contains(&ticket) {
            tickets.push(ticket);
        }
    }
    let view = workspace.look(&Options::default())?;
    let decidable = |ticket: &TicketId| Workspace::decidable(&view, ticket, approved);
    // All of them or none: whoever mistyped one looks again.
    if let Some(done) = tickets.iter().find(|ticket| decidable(ticket) == Decidable::Done) {
        return Err(CliError::invalid(format!(
            "{done} is done, so no turn of it waits for anything; nothing is decided"
        ))
        .hint(format!("`turnstile reopen {done}` opens it again")));
    }
    let decisions: Vec<(TicketId, Decidable)> =
        tickets.into_iter().map(|ticket| (ticket.clone(), decidable(&ticket))).collect();
    let mut told = Vec::new();
    for (ticket, decidable) in decisions {
        let decided = match decidable {
            Decidable::Yes(decides) => {
                workspace.decide(kind, json!({ "ticket": ticket.as_str(), "decides": decides }))?
            }
            Decidable::No | Decidable::Done => Decided::Nothing,
        };
        told.push(tell(&ticket, kind, decided)?);
    }
    if context.printer.json {
        let tickets: Vec<Value> = told
            .iter()
            .map(|(ticket, state, message)| json!({ "ticket": ticket, "state": state, "message": message }))
            .collect();
        context.printer.document(&json!({ "decision": kind, "tickets": tickets }));
    } else {
        told.iter().for_each(|(_, _, message)| context.printer.line(message));
    }
    Ok(Exit::SUCCESS)
}

fn tell(ticket: &TicketId, kind: &str, decided: Decided) -> Result<(TicketId, &'static str, String), CliError> {
    let (state, message) = match decided {
        Decided::Served if kind == "approve" => ("served", format!("{ticket} is approved; `turnstile run` goes on")),
        Decided::Served => ("served", format!("{ticket} is rejected; `turnstile run` goes on")),
        Decided::Stored => {
            ("stored", format!("a step is under way; `{kind} {ticket}` is stored and served when its turn ends"))
        }
        Decided::Left => (
            "stored",
            format!(
                "an earlier step left something open; the next `turnstile run` finishes that and serves `{kind} {ticket}`"
            ),
        ),
        Decided::Held => ("held", format!("no run is open; `{kind} {ticket}` is stored, and the next one serves it")),
        Decided::Nothing => ("nothing", format!("nothing of {ticket} waits for an approval; nothing is stored")),
        Decided::Refused(why) => {
            return Err(
                CliError::invalid(format!("`{kind} {ticket}` cannot be carried out: {why}")).hint("nothing is stored")
            );
        }
    };
    Ok((ticket.clone(), state, message))
}

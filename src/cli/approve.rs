//! `approve` and `reject`: a person's word on what a ticket waits for. Given during a step they are stored and served
//! when the turn ends, and count for what was there when they were typed.

use serde_json::{Value, json};

use super::{CliError, Context, Decision, Exit};
use crate::flow::{AskedBy, ReasonCode};
use crate::run::{Decidable, Decided, Options, Workspace};
use crate::ticket::TicketId;

/// Let tickets that wait for an approval go on
///
/// Before a turn, the ticket; behind one, what it changed outside of its `scope` or inside `protect.paths`. Counts for each ticket as it is now: an edit between turns is asked about again, what a turn may change is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile approve 003-deploy && turnstile run")]
pub struct ApproveArguments {
    /// The tickets
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Refuse tickets that wait for an approval
///
/// Before a turn, the ticket is skipped until it is edited, approved or reopened. Behind one, the next `run` puts back
/// what was changed outside of its `scope` or inside `protect.paths`, keeps what lies there, and tells the agent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile reject 003-deploy")]
pub struct RejectArguments {
    /// The tickets
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// `approve`
pub fn approve(context: &Context, arguments: &ApproveArguments) -> Result<Decision, CliError> {
    decide(context, &arguments.ids, true)
}

/// `reject`
pub fn reject(context: &Context, arguments: &RejectArguments) -> Result<Decision, CliError> {
    decide(context, &arguments.ids, false)
}

fn decide(context: &Context, typed: &[String], approved: bool) -> Result<Decision, CliError> {
    let kind = if approved { "approve" } else { "reject" };
    let mut workspace = context.workspace_outside_turns()?;
    let mut tickets: Vec<TicketId> = Vec::new();
    for id in typed {
        let ticket = context.ticket(&mut workspace, id)?;
        if !tickets.contains(&ticket) {
            tickets.push(ticket);
        }
    }
    let mut view = workspace.look(&Options::default())?;
    if view.run.asked_for_commands() {
        // To a run that a person asks for the question falls by itself; whoever answers it means the push that waits.
        view = workspace.look(&Options { asked_by: AskedBy::Trigger, ..Options::default() })?;
    }
    let decidable = |ticket: &TicketId| Workspace::decidable(&view, ticket, approved);
    // All of them or none: whoever mistyped one looks again.
    if let Some(done) = tickets.iter().find(|ticket| decidable(ticket) == Decidable::Done) {
        return Err(CliError::invalid(format!(
            "{done} is done, so no turn of it waits for anything; nothing is decided"
        ))
        .hint(format!("`turnstile reopen {}` opens it again", done.typed())));
    }
    let decisions: Vec<(TicketId, Decidable)> =
        tickets.into_iter().map(|ticket| (ticket.clone(), decidable(&ticket))).collect();
    let mut told = Vec::new();
    for (ticket, decidable) in decisions {
        let decided = match decidable {
            Decidable::Yes(decides) => {
                let state = workspace.decide(kind, json!({ "ticket": ticket.as_str(), "decides": decides }))?;
                (state, decides.reason == ReasonCode::ScopePending)
            }
            Decidable::No | Decidable::Done => (Decided::Nothing, false),
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
        for (_, _, message) in &told {
            context.printer.line(message);
        }
    }
    Ok(Decision { exit: Exit::SUCCESS, is_given: told.iter().any(|(_, state, _)| *state != "nothing") })
}

fn tell(
    ticket: &TicketId,
    kind: &str,
    (decided, of_scope): (Decided, bool),
) -> Result<(TicketId, &'static str, String), CliError> {
    let (state, message) = match decided {
        Decided::Served if of_scope && kind == "approve" => {
            ("served", format!("what {ticket} changed stands; `turnstile run` goes on"))
        }
        Decided::Served if of_scope => {
            ("served", format!("what {ticket} changed is rejected; the next `turnstile run` puts it back and goes on"))
        }
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

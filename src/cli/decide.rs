//! Operators' decisions: `done`, `reopen`, `pause`, `resume`, `stop`. Given during a step they are stored and served
//! when the turn ends.

use serde_json::json;

use super::notify::Notifier;
use super::{CliError, Context, Exit};
use crate::flow::{Life, Policy, ReasonCode, amount, resume_answers};
use crate::run::{Decided, Options};
use crate::ticket::{Read, TicketId};

/// What came of a command by which a person decides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its exit status.
    pub exit: Exit,
    /// Whether anything was decided: by what changes nothing nothing goes on.
    pub is_given: bool,
}

/// Decide that a ticket is done
#[derive(Debug, clap::Args)]
pub struct DoneArguments {
    /// The ticket
    #[arg(value_name = "ID")]
    id: String,
}

/// Open a ticket again
#[derive(Debug, clap::Args)]
pub struct ReopenArguments {
    /// The ticket
    #[arg(value_name = "ID")]
    id: String,
}

/// Let no further turn start
#[derive(Debug, clap::Args)]
pub struct PauseArguments {
    /// End the turn that is under way as well
    #[arg(long)]
    now: bool,
}

/// Answer the reason that is shown; the next `run` goes on
#[derive(Debug, clap::Args)]
pub struct ResumeArguments {}

/// End the run
#[derive(Debug, clap::Args)]
pub struct StopArguments {
    /// End the turn that is under way as well
    #[arg(long)]
    now: bool,
}

/// `done`
pub fn done(context: &Context, arguments: &DoneArguments) -> Result<Decision, CliError> {
    set_done(context, &arguments.id, true)
}

/// `reopen`
pub fn reopen(context: &Context, arguments: &ReopenArguments) -> Result<Decision, CliError> {
    set_done(context, &arguments.id, false)
}

/// `pause`
pub fn pause(context: &Context, arguments: &PauseArguments) -> Result<Exit, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let notifier = Notifier::begin(context, &workspace);
    let decided = workspace.decide("pause", json!({ "now": arguments.now }))?;
    let exit = tell(context, "pause", None, decided, "the run is paused; `turnstile resume` goes on");
    notifier.end(&workspace, None);
    Ok(exit?.exit)
}

/// `resume`
pub fn resume(context: &Context, _: &ResumeArguments) -> Result<Decision, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let before = workspace.folded()?.state;
    let policy = Policy::of(&workspace.settings()?.config);
    let shown = resume_answers(&before, &policy);
    let foreseen = if shown.is_none() && before.limit.is_none() && before.life == Life::Open {
        workspace.look(&Options::default())?.limit()
    } else {
        None
    };
    let refusal = before.limit.as_ref().or(foreseen.as_ref()).filter(|_| shown.is_none());
    let answered = shown
        .map(|stands| stands.reason.code)
        .or(refusal.map(|refusal| refusal.code))
        .filter(|_| before.life == Life::Open);
    let accepted = match answered {
        Some(ReasonCode::RunnerFilesChanged) => workspace.made_of_runner_files(&before)?,
        Some(_) | None => Vec::new(),
    };
    let decided = match (answered, before.life) {
        (None, Life::Open) => Decided::Nothing,
        _ => workspace.decide("resume", json!({}))?,
    };
    // By whoever typed this, and by nobody else: a decision that was found stored trusts nothing.
    if decided == Decided::Served
        && !accepted.is_empty()
        && let Err(refused) = workspace.trust_items(&accepted)?
    {
        context.printer.note(&format!("what is accepted is not trusted: {refused}"));
    }
    let granted = refusal.map_or_else(String::new, |refusal| {
        let in_all = refusal.in_force.saturating_add(refusal.amount);
        let (more, in_all) = (amount(refusal.code, refusal.amount), amount(refusal.code, in_all));
        format!(" with the same amount once more: {more}, so that the limit is now {in_all}")
    });
    let what = answered.map_or_else(
        || "the pause that was to hold the next run is taken back".to_owned(),
        |code| format!("{code} is answered{granted}; `turnstile run` goes on"),
    );
    tell(context, "resume", None, decided, &what)
}

/// `stop`
pub fn stop(context: &Context, arguments: &StopArguments) -> Result<Exit, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let decided = workspace.decide("stop", json!({ "now": arguments.now }))?;
    Ok(tell(context, "stop", None, decided, "the run is stopped; the next `turnstile run` begins a new one")?.exit)
}

fn set_done(context: &Context, typed: &str, done: bool) -> Result<Decision, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let ticket = context.ticket(&mut workspace, typed)?;
    let kind = if done { "done" } else { "reopen" };
    let what = if done { format!("{ticket} is done") } else { format!("{ticket} is open") };
    let decided = if workspace.folded()?.state.life == Life::Open {
        workspace.decide(kind, json!({ "ticket": ticket.as_str() }))?
    } else if is_done(workspace.reads()?, &ticket) == done {
        Decided::Nothing
    } else {
        workspace.set_done_without_run(&ticket, done)?;
        Decided::Served
    };
    tell(context, kind, Some(&ticket), decided, &what)
}

fn is_done(reads: &[Read], ticket: &TicketId) -> bool {
    let read = reads.iter().find(|read| read.id == *ticket);
    read.and_then(|read| read.ticket.as_ref()).is_some_and(|ticket| ticket.front.done)
}

fn tell(
    context: &Context,
    kind: &str,
    ticket: Option<&TicketId>,
    decided: Decided,
    served: &str,
) -> Result<Decision, CliError> {
    let is_given = decided != Decided::Nothing;
    let (word, sentence) = match decided {
        Decided::Served => ("served", served.to_owned()),
        Decided::Stored => ("stored", format!("a step is under way; `{kind}` is stored and served when its turn ends")),
        Decided::Left => (
            "stored",
            format!("an earlier step left something open; the next `turnstile run` finishes that and serves `{kind}`"),
        ),
        Decided::Refused(why) => {
            return Err(CliError::invalid(format!("`{kind}` cannot be carried out: {why}")).hint("nothing is stored"));
        }
        Decided::Held => {
            let sentence = match kind {
                "pause" => {
                    "no run is open; the next one begins paused, and `turnstile resume` takes that back".to_owned()
                }
                _ => format!("the run has come to its end; `{kind}` is stored, and the next one serves it"),
            };
            ("held", sentence)
        }
        Decided::Nothing => ("nothing", format!("there is nothing that `{kind}` could change")),
    };
    if context.printer.json {
        context.printer.document(&json!({ "decision": kind, "ticket": ticket, "state": word, "message": sentence }));
    } else {
        context.printer.line(&sentence);
    }
    Ok(Decision { exit: Exit::SUCCESS, is_given })
}

//! `step` and `run`.

use serde_json::{Value, json};

use super::notify::Notifier;
use super::printer::Volume;
use super::progress::Live;
use super::trust::Settled;
use super::{CliError, Context, Exit};
use crate::flow::{CheckEnded, Look, Outcome, Reason, ReasonCode, outcome_name, reply_left};
use crate::git::{self, GitError};
use crate::run::{DriveEnd, Options, Until, Workspace, hub};
use crate::ticket::TicketId;

/// Make one step: at most one turn, judged
///
/// Recovers what an earlier step left open, chooses a ticket, runs one turn of its agent and judges the result.
#[derive(Debug, clap::Args)]
pub struct StepArguments {
    /// Work on this ticket and what it depends on
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Say what a step would do, and do nothing; the same as `next`
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    shared: Shared,
}

/// Make steps until something else is needed
///
/// Goes on until every ticket is done, somebody is asked, or something is wrong. The exit status says which; see
/// docs/exit-codes.md. Waits for a retry whose time is at most 10 minutes away. Ctrl-C ends the run after the turn that is under way; a second Ctrl-C ends the turn as well.
#[derive(Debug, clap::Args)]
pub struct RunArguments {
    /// Work on these tickets and what they depend on
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Start at most so many turns
    #[arg(long, value_name = "N")]
    max_turns: Option<u32>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, clap::Args)]
struct Shared {
    #[command(flatten)]
    allowed: Allowed,
    /// Start the run on a new branch at HEAD
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
}

impl Shared {
    fn options(&self) -> Options {
        Options { branch: self.branch.clone(), ..self.allowed.options() }
    }
}

/// What a person lets a command do that it asks for otherwise.
#[derive(Debug, clap::Args)]
pub struct Allowed {
    /// Take uncommitted changes that are not the ticket's as they are
    #[arg(long)]
    allow_dirty: bool,
    /// Work where HEAD is detached
    #[arg(long)]
    allow_detached: bool,
    /// Trust what may start programs here, as it lies there now, without looking at it; see `trust`
    #[arg(long)]
    trust: bool,
}

impl Allowed {
    /// The same as options of a run.
    pub fn options(&self) -> Options {
        Options {
            allow_dirty: self.allow_dirty,
            allow_detached: self.allow_detached,
            trusts: self.trust,
            ..Options::default()
        }
    }
}

/// One step.
pub fn step(context: &Context, arguments: &StepArguments) -> Result<Exit, CliError> {
    let ids: Vec<String> = arguments.id.iter().cloned().collect();
    if arguments.dry_run {
        return super::next::look(context, &ids, &arguments.shared.options());
    }
    drive(context, Until::Step, &ids, arguments.shared.options())
}

/// Steps until something else is needed.
pub fn run(context: &Context, arguments: &RunArguments) -> Result<Exit, CliError> {
    if let Some(git_dir) = context.bare_to_look_at()? {
        context.refuse_inside_turn(&git_dir)?;
        hub::look_now(&git_dir, &context.surroundings())?;
        context.printer.note("a runner looks at what was pushed; `turnstile status` shows what comes of it");
        return Ok(Exit::SUCCESS);
    }
    let options = Options { max_turns: arguments.max_turns, ..arguments.shared.options() };
    let exit = drive(context, Until::Needed, &arguments.ids, options)?;
    // What waits for a bare repository as a whole waits for no worktree of it.
    if let Err(GitError::Bare { path }) = git::discover(&context.directory) {
        hub::go_on(&path, &context.surroundings())?;
    }
    Ok(exit)
}

fn drive(context: &Context, until: Until, ids: &[String], mut options: Options) -> Result<Exit, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let only: Vec<TicketId> = ids.iter().map(|id| context.ticket(&mut workspace, id)).collect::<Result<_, _>>()?;
    options.only = (!only.is_empty()).then_some(only);
    let unseen = options.trusts || context.environment.trusts();
    let mut settled = super::trust::settle(context, &mut workspace, &options, unseen)?;
    let mut driven = make_steps(context, &mut workspace, until, &options)?;
    // A person may change what starts programs between two steps, and is asked in the middle of the run then.
    while is_untrusted(&driven.end) && settled != Settled::Refused {
        settled = super::trust::settle(context, &mut workspace, &options, unseen)?;
        if settled != Settled::Trusted {
            break;
        }
        options.max_turns = driven.end.turns_left;
        let steps = driven.end.steps;
        driven = make_steps(context, &mut workspace, until, &options)?;
        driven.end.steps = driven.end.steps.saturating_add(steps);
    }
    if context.printer.json {
        let mut document = driven.document;
        if until == Until::Needed {
            document["steps"] = json!(driven.end.steps);
        }
        context.printer.document(&document);
    } else {
        context.printer.note(&sentence(&driven.end));
    }
    if context.printer.volume != Volume::Quiet && (workspace.has_reply()? || workspace.keeps_reply()?) {
        let view = workspace.look(&Options::default())?;
        let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
        if let Some(left) = reply_left(&look) {
            context.printer.note(&left);
        }
    }
    // Nobody waits for the lock meanwhile, and what the step came to has been said.
    driven.notifier.end(&workspace, Some((&driven.end, &document(&driven.end, driven.exit))));
    hand_over(context, &workspace);
    // The process is about to end: taking thousands of tickets apart one by one would be work for nobody.
    std::mem::forget(workspace);
    Ok(Exit(driven.exit))
}

/// Runners that hooks started meanwhile found the lock taken and went away: somebody has to look for their triggers.
pub fn hand_over(context: &Context, workspace: &Workspace) {
    match workspace.hand_over() {
        Ok(false) => {}
        Ok(true) => context.printer.note("a git hook was called meanwhile: a run was started for it, on its own"),
        Err(error) => context.printer.note(&format!(
            "a git hook was called meanwhile, and no run could be started for it: {}; `turnstile run` does what it asked for",
            error.in_full()
        )),
    }
}

/// What steps came to, before anybody is told.
pub struct Driven<'c> {
    /// The end of it.
    pub end: DriveEnd,
    /// The same as a document.
    pub document: Value,
    /// The exit status.
    pub exit: u8,
    /// Who is still to be told.
    pub notifier: Notifier<'c>,
}

/// Makes steps, and shows what happens meanwhile.
pub fn make_steps<'c>(
    context: &'c Context,
    workspace: &mut Workspace,
    until: Until,
    options: &Options,
) -> Result<Driven<'c>, CliError> {
    let notifier = Notifier::begin(context, workspace);
    let mut live = Live::new(&context.printer, workspace.left_out_before());
    // Whatever is trusted unseen was trusted before, and told.
    let options = Options { trusts: false, ..options.clone() };
    let end = workspace.drive(until, &options, &mut |progress| live.show(progress))?;
    live.finish();
    let exit = exit_of(&end);
    Ok(Driven { document: document(&end, exit), end, exit, notifier })
}

fn is_untrusted(end: &DriveEnd) -> bool {
    end.last.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Untrusted)
}

fn exit_of(end: &DriveEnd) -> u8 {
    end.last.reason.as_ref().map_or(0, |reason| reason.code.exit())
}

/// What steps came to, as a document.
pub fn document(end: &DriveEnd, exit: u8) -> Value {
    let last = &end.last;
    // A pause that was asked for meanwhile holds the run, whatever the step came to.
    let held = end.state.shown().filter(|stands| stands.ticket.is_none()).map(|stands| &stands.reason);
    json!({
        "run": end.run,
        "status": super::status::word(&end.state, last.reason.as_ref().or(held)),
        "ticket": last.ticket,
        "turn": last.turn,
        "agent": last.agent,
        "outcome": outcome_name(last.outcome),
        "reason": shown_reason(last.reason.as_ref()),
        "commit": last.commit,
        "dispatch": last.dispatch,
        "verify": last.verify.iter().map(checked).collect::<Vec<_>>(),
        "exit": exit,
    })
}

/// What a check found, in a document.
fn checked(ended: &CheckEnded) -> Value {
    json!({
        "id": ended.check,
        "verdict": ended.verdict.name(),
        "exit": ended.exit,
        "duration_ms": ended.duration_ms,
        "tree": ended.tree,
    })
}

/// A reason in a document; `completed` and what else is no obstacle is told as well.
pub fn shown_reason(reason: Option<&Reason>) -> Value {
    reason.map_or(
        Value::Null,
        |reason| json!({ "code": reason.code, "message": reason.message, "details": reason.details }),
    )
}

/// What steps came to, in a sentence.
pub fn sentence(end: &DriveEnd) -> String {
    let last = &end.last;
    match &last.reason {
        Some(reason) if reason.code == ReasonCode::Completed => format!("completed: {}", reason.message),
        Some(reason) => format!("{}: {}", reason.code, reason.message),
        None => match (last.outcome, &last.ticket) {
            // That the ticket is done was said as it was judged.
            (Outcome::TicketDone, Some(_)) => "`turnstile run` takes the next step".to_owned(),
            (Outcome::Progressed, Some(ticket)) => format!("{ticket} goes on; `turnstile run` takes the next step"),
            (Outcome::ClaimRevoked, Some(ticket)) => {
                format!("{ticket} is not done: its checks are not met; `turnstile run` takes the next step")
            }
            (Outcome::RetryAsked, Some(ticket)) => {
                format!("{ticket} gets another turn; `turnstile run` takes the next step")
            }
            _ => "nothing to do".to_owned(),
        },
    }
}

//! `undo`: files get the content back that they had before a turn.

use serde_json::json;

use super::exit::Exit;
use super::show::named_turn;
use super::{CliError, Context, Decision};
use crate::flow::{Undone, turns_in_words};
use crate::run::{Progress, RunError, UndoAsked, UndoEnd, UndoRefused, Workspace};
use crate::store::{self, LockError};
use crate::text::{shell_word, shown, shown_line};

/// What to type where something is under way.
const WAIT: &str = "`turnstile status` says where it stands; `turnstile run` finishes what nobody is at";

/// How many names are printed.
const MOST: usize = 20;

/// Give files the content that they had before a turn
///
/// Everything that TURN and later turns changed is as it was before TURN, tickets included, messages not. With
/// `checkpoint.mode: branch` it is a new commit, otherwise uncommitted work of the ticket; no branch is moved back. A
/// ticket that one of these turns finished is open again. Where anybody else has changed one of the files since,
/// nothing is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile undo\n  turnstile undo 3\n  turnstile undo 3 --paths src/main.rs")]
pub struct Arguments {
    /// The first turn of the worktree's last run that is undone; without it the last one alone
    #[arg(value_name = "TURN")]
    turn: Option<String>,
    /// Only these files, and what lies below these folders; from the top of the worktree. No ticket is reopened
    #[arg(long, value_name = "PATH", num_args = 1..)]
    paths: Vec<String>,
}

/// Undoes turns.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Decision, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let turn = arguments.turn.as_deref().map(|typed| turn(&workspace, typed)).transpose()?;
    let asked = UndoAsked { turn, paths: arguments.paths.clone() };
    // What was done is told below, as a whole.
    let mut notes = |progress: Progress<'_>| {
        if let Progress::Note(text) = progress {
            context.printer.note(text);
        }
    };
    let end = workspace.undo(&asked, &mut notes).map_err(|error| match error {
        RunError::Lock(LockError::Busy { .. }) => CliError::from(error).hint(WAIT),
        other => other.into(),
    })?;
    match end {
        UndoEnd::Refused(refused) => Err(refusal(&refused)),
        UndoEnd::Nothing { run, from, through } => {
            let turns = turns_in_words(from, through);
            if context.printer.json {
                context.printer.document(&json!({
                    "run": run,
                    "turn": from,
                    "through": through,
                    "ticket": null,
                    "paths": [],
                    "left": [],
                    "rest": null,
                    "reopened": [],
                    "commit": null,
                    "why": null,
                    "kept": null,
                    "back": null,
                    "finished": false,
                }));
            } else {
                context.printer.line(&format!("nothing to undo: every file is as it was before {turns}"));
                if from > 1 {
                    context.printer.note(&format!("`turnstile undo {}` goes back one turn further", from - 1));
                }
            }
            Ok(Decision { exit: Exit::SUCCESS, is_given: false })
        }
        UndoEnd::Made { run, undone, kept, back, goes_on, finished } => {
            if context.printer.json {
                context.printer.document(&json!({
                    "run": run,
                    "turn": undone.turn,
                    "through": undone.through,
                    "ticket": undone.ticket,
                    "paths": undone.paths,
                    "left": undone.left,
                    "rest": undone.rest,
                    "reopened": undone.reopened,
                    "commit": undone.commit,
                    "why": undone.why,
                    "kept": kept.as_ref().map(|kept| kept.to_string_lossy()),
                    "back": (!back.is_empty()).then_some(&back),
                    "finished": finished,
                }));
            } else {
                context.printer.data(&told(&undone, goes_on, finished));
                let kept =
                    kept.map(|kept| format!("what lay there is kept in {}", shell_word(&kept.to_string_lossy())));
                let back = (!back.is_empty()).then(|| format!("to take it back: {}", shown_line(&back)));
                for line in [kept, back].into_iter().flatten() {
                    context.printer.note(&line);
                }
            }
            let exit = match (&undone.why, &undone.rest) {
                (Some(_), _) => Exit::FAILED,
                (None, Some(_)) => Exit::INVALID,
                (None, None) => Exit::SUCCESS,
            };
            Ok(Decision { exit, is_given: true })
        }
    }
}

/// The turn that somebody typed: one of the worktree's last run.
fn turn(workspace: &Workspace, typed: &str) -> Result<u32, CliError> {
    let (run, number) = named_turn(workspace, typed)?;
    if store::current_run(&workspace.layout)?.as_deref() == Some(&*run) {
        return Ok(number);
    }
    let message = format!("run {} is not this worktree's last one, and only that can be undone", shown_line(&run));
    Err(CliError::usage(message).hint(format!("`turnstile diff {}` shows what the turn changed", shell_word(typed))))
}

fn told(undone: &Undone, goes_on: bool, finished: bool) -> String {
    let turns = turns_in_words(undone.turn, undone.through);
    let files = undone.paths.len();
    let mut text = if finished {
        format!("the undo of {turns} that was cut short is finished; {files} file(s) have the content from before:\n")
    } else {
        let verb = if undone.turn == undone.through { "is" } else { "are" };
        format!("{turns} {verb} undone; {files} file(s) have the content from before turn {}:\n", undone.turn)
    };
    for path in undone.paths.iter().take(MOST) {
        text.push_str(&format!("  {}\n", shown_line(path)));
    }
    if files > MOST {
        text.push_str(&format!("  and {} more; `turnstile log --json` names all\n", files - MOST));
    }
    if let Some(rest) = &undone.rest {
        text.push_str("left as somebody has changed it since the undo began:\n");
        for path in undone.left.iter().take(MOST) {
            text.push_str(&format!("  {}\n", shown_line(path)));
        }
        if undone.left.len() > MOST {
            text.push_str(&format!("  and {} more; `turnstile log --json` names all\n", undone.left.len() - MOST));
        }
        text.push_str(&format!("  to undo that as well: {}\n", shown_line(rest)));
    }
    for ticket in &undone.reopened {
        text.push_str(&format!("{ticket} is open again\n"));
    }
    text.push_str(&match (&undone.commit, &undone.why) {
        (Some(commit), _) => format!("committed {}\n", commit.get(..10).unwrap_or(commit)),
        (None, Some(why)) => format!(
            "could not commit: {}\nthe files are given back all the same, as uncommitted work of {}\n",
            shown(why).trim_end(),
            undone.ticket
        ),
        (None, None) if goes_on => {
            format!("they are the work of {}; `turnstile run` goes on with it\n", undone.ticket)
        }
        (None, None) => {
            format!(
                "{} is done: commit them yourself, or `turnstile reopen {}`\n",
                undone.ticket,
                undone.ticket.typed()
            )
        }
    });
    text
}

fn refusal(refused: &UndoRefused) -> CliError {
    match refused {
        UndoRefused::Busy(why) => CliError::new("busy", why.clone(), Exit::BUSY).hint(WAIT),
        UndoRefused::Unknown(why) => CliError::unknown(why.clone())
            .hint("`turnstile report` shows the turns, `turnstile diff TURN` what one changed"),
        UndoRefused::State(why) => CliError::new("repository_state", why.clone(), Exit::INVALID)
            .hint("nothing was changed; `turnstile diff TURN` shows what a turn changed"),
        UndoRefused::Changed(paths) => {
            let names: Vec<String> = paths.iter().take(MOST).map(|path| format!("  {}", shown_line(path))).collect();
            let more = paths.len().saturating_sub(MOST);
            let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            let message = format!("somebody else has changed these since:\n{}{more}", names.join("\n"));
            CliError::new("changed_since", message, Exit::INVALID)
                .details(json!({ "paths": paths }))
                .hint("nothing was undone; `turnstile undo TURN --paths FILE…` takes the others alone")
        }
    }
}

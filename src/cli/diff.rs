//! `diff`: what a turn changed, between the trees that were kept before and after it.

use serde_json::json;

use super::show::named_turn;
use super::turn_record::of_lines;
use super::{CliError, Context, Exit};
use crate::git;
use crate::run::{RunError, Workspace};
use crate::store::{self, Journal};
use crate::text::shown;

/// Show what a turn changed
///
/// A unified diff of the worktree from before the turn to after it, committed or not, tickets included. What the kept
/// trees leave out (files over 50 MiB, repositories inside the worktree) is not in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile diff\n  turnstile diff 3\n  turnstile diff 3 --paths src | less")]
pub struct Arguments {
    /// The turn of the current run, or of another one as RUN/N; without it the last turn that is over
    #[arg(value_name = "TURN")]
    turn: Option<String>,
    /// Only these files, and what lies below these folders; from the top of the worktree
    #[arg(long, value_name = "PATH", num_args = 1..)]
    paths: Vec<String>,
}

/// Shows it.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let workspace = context.workspace()?;
    let (run, number) = match &arguments.turn {
        Some(typed) => named_turn(&workspace, typed)?,
        None => last_turn(&workspace)?,
    };
    let lines = Journal::read(&workspace.layout.journal(&run)).map_err(RunError::from)?;
    let turns = of_lines(&lines);
    let Some(turn) = turns.iter().find(|turn| turn.request.turn == number) else {
        return Err(CliError::unknown(format!("run {run} has no turn {number}; it has {}", turns.len())));
    };
    let (before, after) = match turn.ended.as_ref().map(|ended| (&ended.before, &ended.after)) {
        Some((Some(before), Some(after))) => (before, after),
        Some(_) => {
            let message = format!("no trees were kept around turn {number} of run {run}");
            return Err(CliError::unknown(message).hint(format!("`turnstile show --turn {number}` says how it ended")));
        }
        None => {
            let message = format!("turn {number} of run {run} is under way, or ended without a record");
            return Err(CliError::unknown(message).hint("`turnstile status` says which"));
        }
    };
    if store::pruned(&workspace.layout, &run)?.is_some() {
        let message = format!("the trees around turn {number} of run {run} were dropped by `turnstile prune`");
        return Err(CliError::unknown(message).hint("its commits, if it made any, are where they were"));
    }
    let place = &workspace.place;
    let changed = git::diff(place, before, after).map_err(RunError::from)?;
    let is_asked = |path: &str| arguments.paths.is_empty() || arguments.paths.iter().any(|asked| is_at(path, asked));
    let paths: Vec<String> = changed.into_iter().map(|change| change.path).filter(|path| is_asked(path)).collect();
    let text = match paths.as_slice() {
        [] => String::new(),
        paths => git::unified(place, before, after, paths).map_err(RunError::from)?,
    };
    if context.printer.json {
        context.printer.document(&json!({
            "run": run,
            "turn": number,
            "ticket": turn.request.ticket,
            "before": before,
            "after": after,
            "changed": paths,
            "diff": text,
        }));
    } else if text.is_empty() {
        context.printer.note(&format!("turn {number} of {} changed nothing{}", turn.request.ticket, there(arguments)));
    } else {
        context.printer.data(&shown(&text));
    }
    Ok(Exit::SUCCESS)
}

/// Whether a path is what was asked for, or lies below it.
fn is_at(path: &str, asked: &str) -> bool {
    let asked = asked.trim_start_matches("./").trim_end_matches('/');
    asked == "."
        || asked.is_empty()
        || path.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn there(arguments: &Arguments) -> &'static str {
    if arguments.paths.is_empty() { "" } else { " there" }
}

fn last_turn(workspace: &Workspace) -> Result<(String, u32), CliError> {
    let none = || {
        CliError::unknown("no turn is over yet in this worktree's run")
            .hint("`turnstile run` starts one; RUN/N names one of another run")
    };
    let run = workspace.folded()?.id.ok_or_else(none)?;
    let lines = Journal::read(&workspace.layout.journal(&run)).map_err(RunError::from)?;
    let last = of_lines(&lines).into_iter().rfind(|turn| turn.ended.is_some()).ok_or_else(none)?;
    Ok((run, last.request.turn))
}

//! `prune`: drops what old runs have left.

use serde_json::{Value, json};

use super::{CliError, Context, Exit};
use crate::run::{DAYS, LeftRun, PrunedRun, Pruning};
use crate::text::shown_line;

/// Drop kept trees and logs of runs older than 30 days
///
/// Of a run whose last event is older than 30 days go the references of its kept trees
/// (`refs/turnstile/checkpoints/RUN/…`), its prompts, outputs and records. Its journal stays, and so does what was put
/// aside for you (`overwritten/`). The last run of every worktree is never touched, open or not. Git collects the
/// objects of dropped references in its own time. The end of a run does the same for runs beyond the last 20.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile prune --dry-run\n  turnstile prune")]
pub struct Arguments {
    /// Say what would be dropped, and drop nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Drops it.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let pruning = if arguments.dry_run {
        context.workspace()?.prunable()?
    } else {
        context.workspace_outside_turns()?.prune()?
    };
    let (runs, left) = match pruning {
        Pruning::Done { runs, left } => (runs, left),
        Pruning::Busy => {
            let message = "old runs of this repository are dropped by another process just now";
            return Err(CliError::new("busy", message, Exit::BUSY).hint("wait for its end"));
        }
    };
    let printer = &context.printer;
    if printer.json {
        printer.document(&document(arguments.dry_run, &runs, &left));
        return Ok(Exit::SUCCESS);
    }
    let dropped = if arguments.dry_run { "would drop" } else { "dropped" };
    let mut text = String::new();
    for run in &runs {
        let parts = amount(run.references, run.logs.files, run.logs.bytes);
        text.push_str(&format!("{dropped} {}, ended {}: {parts}\n", shown_line(&run.run), day(run)));
    }
    for left in &left {
        text.push_str(&format!("left {}: {}\n", shown_line(&left.run), shown_line(&left.why)));
    }
    printer.data(&text);
    let total = Total::of(&runs);
    printer.note(&match runs.len() {
        0 => format!("nothing to drop: no run older than {DAYS} days has left anything but its journal"),
        count => format!(
            "{dropped} {} of {count} run(s) older than {DAYS} days; their journals stay",
            amount(total.references, total.files, total.bytes)
        ),
    });
    Ok(Exit::SUCCESS)
}

#[derive(Default)]
struct Total {
    references: u64,
    files: u64,
    bytes: u64,
}

impl Total {
    fn of(runs: &[PrunedRun]) -> Self {
        runs.iter().fold(Self::default(), |total, run| Self {
            references: total.references + run.references,
            files: total.files + run.logs.files,
            bytes: total.bytes + run.logs.bytes,
        })
    }
}

fn document(dry_run: bool, runs: &[PrunedRun], left: &[LeftRun]) -> Value {
    let total = Total::of(runs);
    let entries: Vec<Value> = runs
        .iter()
        .map(|run| {
            json!({
                "run": run.run,
                "ended": format!("{:.3}", run.ended),
                "refs": run.references,
                "files": run.logs.files,
                "bytes": run.logs.bytes,
            })
        })
        .collect();
    json!({
        "dry_run": dry_run,
        "days": DAYS,
        "runs": entries,
        "refs": total.references,
        "files": total.files,
        "bytes": total.bytes,
        "left": left.iter().map(|left| json!({ "run": left.run, "why": left.why })).collect::<Vec<_>>(),
    })
}

fn amount(references: u64, files: u64, bytes: u64) -> String {
    format!("{references} reference(s), {files} file(s), {}", size(bytes))
}

/// The day on the reader's own calendar.
fn day(run: &PrunedRun) -> String {
    run.ended.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string()
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", tenths(1024)),
        _ => format!("{} MiB", tenths(1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_people() {
        for (bytes, expected) in
            [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB")]
        {
            assert_eq!(size(bytes), expected);
        }
    }
}

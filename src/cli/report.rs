//! `report`: a run in figures, as Markdown or JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::progress::clock;
use super::{CliError, Context, Exit};
use crate::run::{CheckReport, Pause, Report, RunError, TicketReport, TicketState};
use crate::store::{self, Journal};
use crate::text::shown_line;

/// Tell a run in figures: turns, time, retries, commits, questions and how long they waited
///
/// Everything is taken from the run's journal: the same journal gives the same report, byte for byte. Times are UTC;
/// what an agent took is its own time, without turnstile's.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile report > report.md\n  turnstile report --json\n  turnstile report \
                        20260131-080000-k3fa")]
pub struct Arguments {
    /// The run; without it the current one, or the last
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

/// Prints it.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let workspace = context.workspace()?;
    let layout = &workspace.layout;
    let run = match &arguments.run {
        Some(run) if store::runs(layout)?.contains(run) => run.clone(),
        Some(run) => {
            let message = format!("there is no run `{}` in this repository", shown_line(run));
            return Err(CliError::unknown(message).hint("`turnstile report` alone is about the last one"));
        }
        None => match workspace.folded()?.id {
            Some(run) => run,
            None => {
                return Err(CliError::unknown("no run has begun in this worktree").hint("`turnstile run` begins one"));
            }
        },
    };
    let lines = Journal::read(&layout.journal(&run)).map_err(RunError::from)?;
    let Some(report) = Report::of(&lines)? else {
        return Err(CliError::unknown(format!("the journal of run {run} is empty")));
    };
    if context.printer.json {
        context.printer.document(&document(&report));
    } else {
        context.printer.data(&markdown(&report));
    }
    Ok(Exit::SUCCESS)
}

fn status(report: &Report) -> &'static str {
    super::status::word(&report.state, report.pauses.last().filter(|pause| pause.lasted.is_none()).map(|p| &p.reason))
}

fn document(report: &Report) -> Value {
    json!({
        "run": report.run,
        "branch": report.branch,
        "status": status(report),
        "began": report.began,
        "last": report.last,
        "turns": report.state.turns,
        "active_seconds": report.active().as_secs(),
        "paused_seconds": report.paused().as_secs(),
        "pauses": report.pauses.iter().map(|pause| json!({
            "since": pause.since,
            "code": pause.reason.code,
            "message": pause.reason.message,
            "seconds": pause.lasted.map(|lasted| lasted.as_secs()),
        })).collect::<Vec<_>>(),
        "tickets": report.tickets.iter().map(|ticket| json!({
            "id": ticket.ticket,
            "state": state(ticket.state),
            "turns": ticket.turns,
            "active_seconds": ticket.active.as_secs(),
            "retries": ticket.retries,
            "checks": ticket.checks.iter().map(|check| json!({
                "id": check.check,
                "met": check.met,
                "unmet": check.unmet,
                "inconclusive": check.inconclusive,
            })).collect::<Vec<_>>(),
            "commits": ticket.commits,
            "questions": ticket.questions,
            "notices": ticket.notices,
            "answer_seconds": ticket.answers.iter().map(Duration::as_secs).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn state(state: TicketState) -> &'static str {
    match state {
        TicketState::Done => "done",
        TicketState::DoneByPerson => "done_by_person",
        TicketState::Open => "open",
    }
}

fn markdown(report: &Report) -> String {
    let branch = report.branch.as_deref().map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
    let mut text = format!("# Run {}\n\n", cell(&report.run));
    let mut fact = |name: &str, value: String| text.push_str(&format!("- {name}: {value}\n"));
    fact("status", status(report).to_owned());
    fact("branch", branch.map_or_else(|| "none (HEAD was detached)".to_owned(), cell));
    fact("from", format!("{} to {}", second(&report.began), second(&report.last)));
    fact("turns", format!("{}, {} of agents' time", report.state.turns, clock(report.active())));
    fact("stood still", format!("{}, {}", times(report.pauses.len()), clock(report.paused())));
    text.push_str("\n## Tickets\n\n");
    if report.tickets.is_empty() {
        text.push_str("None was worked on.\n");
    } else {
        text.push_str("| ticket | state | turns | time | retries | checks | commits | questions | answered after |\n");
        text.push_str("|---|---|---:|---:|---|---|---:|---:|---|\n");
        for ticket in &report.tickets {
            text.push_str(&row(ticket));
        }
    }
    if !report.pauses.is_empty() {
        text.push_str(
            "\n## Where it stood still\n\n| since | reason | how long | what it said |\n|---|---|---:|---|\n",
        );
        for pause in &report.pauses {
            text.push_str(&pause_row(pause));
        }
    }
    text
}

fn row(ticket: &TicketReport) -> String {
    let state = match ticket.state {
        TicketState::Done => "done",
        TicketState::DoneByPerson => "done, by a person",
        TicketState::Open => "open",
    };
    let retries: Vec<String> =
        ticket.retries.iter().map(|(cause, count)| format!("{count} {}", cause.replace('_', " "))).collect();
    let checks: Vec<String> = ticket.checks.iter().map(checked).collect();
    let answers: Vec<String> = ticket.answers.iter().map(|took| clock(*took)).collect();
    format!(
        "| {} | {state} | {} | {} | {} | {} | {} | {} | {} |\n",
        cell(ticket.ticket.as_str()),
        ticket.turns,
        clock(ticket.active),
        retries.join(", "),
        checks.join("; "),
        ticket.commits.len(),
        ticket.questions,
        answers.join(", "),
    )
}

/// `unit: 2 unmet, 1 met`.
fn checked(check: &CheckReport) -> String {
    let counts = [(check.unmet, "unmet"), (check.inconclusive, "without an answer"), (check.met, "met")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!("{}: {}", cell(&check.check), counts.join(", "))
}

fn pause_row(pause: &Pause) -> String {
    let lasted = pause.lasted.map_or_else(|| "still does".to_owned(), clock);
    format!("| {} | `{}` | {lasted} | {} |\n", second(&pause.since), pause.reason.code, cell(&pause.reason.message))
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// A time to the second, as it is in the journal.
fn second(ts: &str) -> String {
    ts.parse::<jiff::Timestamp>().map_or_else(|_| cell(ts), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A text in a cell of a table: nothing in it ends the cell or the row, nor is taken for markup.
fn cell(text: &str) -> String {
    let mut shown = String::new();
    for character in shown_line(text).chars() {
        if matches!(character, '|' | '\\' | '<' | '*' | '[') {
            shown.push('\\');
        }
        shown.push(character);
    }
    shown
}

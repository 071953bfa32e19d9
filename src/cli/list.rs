//! `list`: every ticket in selection order, with its state and why.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{CliError, Context, Exit};
use crate::flow::{Look, TicketFact, TicketReason, TicketStanding, explain};
use crate::run::{Options, View, Workspace};
use crate::text::shown_line;
use crate::ticket::{Read, TicketId};

/// A title longer than this is cut in the table.
const TITLE_WIDTH: usize = 60;

/// List the tickets in the order in which they are chosen
///
/// Each with its state and why: done, ready, active (current in the open run), blocked, waiting (for a human, or put
/// aside), invalid. Several of the options list what any of them names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile list --open")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Arguments {
    /// Those that could be worked on now
    #[arg(long)]
    ready: bool,
    /// Those that are not done
    #[arg(long)]
    open: bool,
    /// Those that are done
    #[arg(long)]
    done: bool,
    /// Those that something else has to come before
    #[arg(long)]
    blocked: bool,
}

impl Arguments {
    fn wants(&self, standing: TicketStanding) -> bool {
        if !(self.ready || self.open || self.done || self.blocked) {
            return true;
        }
        match standing {
            TicketStanding::Done => self.done,
            TicketStanding::Ready | TicketStanding::Active => self.ready || self.open,
            TicketStanding::Blocked => self.blocked || self.open,
            TicketStanding::Waiting | TicketStanding::Invalid => self.open,
        }
    }
}

/// One ticket as it is listed.
pub struct Entry<'v> {
    /// What the kernel knows of it.
    pub fact: &'v TicketFact,
    /// How it stands.
    pub standing: TicketStanding,
    /// Why, where it could not be worked on now.
    pub reason: Option<TicketReason>,
    blocked_by: Vec<&'v TicketId>,
    priority: u8,
}

impl Entry<'_> {
    /// As programs are told.
    pub fn document(&self) -> Value {
        let reason = self.reason.as_ref();
        json!({
            "id": self.fact.id,
            "path": self.fact.id.path(),
            "title": self.fact.title,
            "agent": (!self.fact.agent.is_empty()).then_some(&self.fact.agent),
            "priority": self.priority,
            "done": self.standing == TicketStanding::Done,
            "state": self.standing.name(),
            "blocked_by": self.blocked_by,
            "reason": reason.map(|why| json!({ "code": why.code, "message": why.message, "details": why.details })),
        })
    }
}

/// Every ticket of a look, in selection order.
pub fn entries<'v>(workspace: &Workspace, view: &'v View) -> Vec<Entry<'v>> {
    let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
    let priority = |read: &Read| read.ticket.as_ref().map(|ticket| ticket.front.priority);
    let priorities: HashMap<&TicketId, u8> =
        workspace.last_reads().iter().filter_map(|read| Some((&read.id, priority(read)?))).collect();
    let entry = |fact: &'v TicketFact| {
        let (standing, reason) = explain(&look, fact);
        let blocked_by = look.open_dependencies(fact);
        // One that cannot be read stands where the default puts it.
        let priority = priorities.get(&fact.id).copied().unwrap_or(2);
        Entry { fact, standing, reason, blocked_by, priority }
    };
    view.survey.tickets.iter().map(entry).collect()
}

/// Lists the tickets.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let mut workspace = context.workspace()?;
    let view = workspace.look(&Options::default())?;
    let all = entries(&workspace, &view);
    let listed: Vec<&Entry<'_>> = all.iter().filter(|entry| arguments.wants(entry.standing)).collect();
    let unreadable = view.preview.reason.as_ref().filter(|_| view.is_journal_unreadable());
    let exit = if unreadable.is_some() { Exit::FAILED } else { Exit::SUCCESS };
    if let Some(reason) = unreadable {
        context.printer.note(&format!("what the run knows of them is missing: {}: {}", reason.code, reason.message));
    }
    if context.printer.json {
        context.printer.document(&listed.iter().map(|entry| entry.document()).collect());
        return Ok(exit);
    }
    context.printer.data(&table(&listed));
    if all.is_empty() {
        context.printer.note("there are no tickets; `turnstile new TITLE` makes one");
    } else if listed.is_empty() {
        context.printer.note(&format!("none of the {} tickets is like that", all.len()));
    }
    Ok(exit)
}

/// State, id, priority, agent and title in columns; below it the first line of the reason.
fn table(entries: &[&Entry<'_>]) -> String {
    let rows: Vec<[String; 5]> = entries
        .iter()
        .map(|entry| {
            [
                entry.standing.name().to_owned(),
                entry.fact.id.to_string(),
                entry.priority.to_string(),
                if entry.fact.agent.is_empty() { "-".to_owned() } else { shown_line(&entry.fact.agent) },
                cut(&shown_line(&entry.fact.title)),
            ]
        })
        .collect();
    let widths = widths(&rows);
    let mut text = String::new();
    for (row, entry) in rows.iter().zip(entries) {
        text.push_str(&line(row, &widths));
        if let Some(reason) = &entry.reason {
            let indent = " ".repeat(widths[0] + 2);
            let first = shown_line(reason.message.lines().next().unwrap_or_default());
            let repeats = [TicketStanding::Blocked.name(), TicketStanding::Invalid.name()].contains(&reason.code);
            let code = if repeats { String::new() } else { format!("{}: ", reason.code) };
            text.push_str(&format!("{indent}{code}{first}\n"));
        }
    }
    text
}

/// The widths of the columns, in characters.
pub fn widths<const N: usize>(rows: &[[String; N]]) -> [usize; N] {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

/// A row in columns of these widths; nothing trails it.
pub fn line<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        text.push_str(&format!("{cell:width$}  "));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn cut(title: &str) -> String {
    match title.char_indices().nth(TITLE_WIDTH) {
        Some((at, _)) => format!("{}...", &title[..at]),
        None => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_nothing_trails() {
        let rows = [["a".to_owned(), "é".to_owned()], ["bcd".to_owned(), String::new()]];
        let widths = widths(&rows);
        assert_eq!(widths, [3, 1]);
        let text: String = rows.iter().map(|row| line(row, &widths)).collect();
        assert_eq!(text, "a    é\nbcd\n");
    }

    #[test]
    fn options_are_a_union_and_none_is_everything() {
        let arguments = |ready, open, done, blocked| Arguments { ready, open, done, blocked };
        let all = [
            TicketStanding::Done,
            TicketStanding::Ready,
            TicketStanding::Active,
            TicketStanding::Blocked,
            TicketStanding::Waiting,
            TicketStanding::Invalid,
        ];
        for (arguments, expected) in [
            (arguments(false, false, false, false), "done ready active blocked waiting invalid"),
            (arguments(true, false, false, false), "ready active"),
            (arguments(false, true, false, false), "ready active blocked waiting invalid"),
            (arguments(false, false, true, true), "done blocked"),
        ] {
            let wanted: Vec<_> =
                all.into_iter().filter(|one| arguments.wants(*one)).map(TicketStanding::name).collect();
            assert_eq!(wanted.join(" "), expected);
        }
    }
}

//! E012: files that `context` requires. Whether one is there is asked of whoever can look.

use super::rules::fault;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::shown_line;
use crate::ticket::{Ids, Read, queue};

/// Whether an open ticket requires a file.
pub fn requires_context(tickets: &[Read]) -> bool {
    tickets.iter().any(requires)
}

fn requires(read: &Read) -> bool {
    read.ticket.as_ref().is_some_and(|it| !it.front.done && it.front.context.iter().any(|file| file.required))
}

/// Names what open tickets require and is not there. A ticket that waits for others is left in peace: they may make it.
pub fn missing_context(tickets: &[Read], ids: &Ids, is_there: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let wanting: Vec<&Read> = tickets.iter().filter(|read| requires(read)).collect();
    if wanting.is_empty() {
        return Vec::new();
    }
    let waits = |read: &Read| {
        let placed = queue(tickets, ids).tickets.into_iter().find(|placed| placed.id == read.id);
        placed.is_some_and(|placed| !placed.blocked_by.is_empty() || placed.hold.is_some())
    };
    let mut found = Vec::new();
    for read in wanting {
        let Some(ticket) = &read.ticket else { continue };
        let missing = |path: &&str| !is_there(path);
        let files = ticket.front.context.iter().filter(|file| file.required).map(|file| file.path.as_str());
        for path in files.filter(missing) {
            let message = format!("`context` requires `{}`, which is not there", shown_line(path));
            found.push(
                fault(Code::OutOfRange, read, ticket.places.context, message)
                    .help("make the file, mend its path, or remove `required: true`"),
            );
        }
        if found.last().is_some_and(|fault| fault.path == read.path) && waits(read) {
            found.retain(|fault| fault.path != read.path);
        }
    }
    found
}

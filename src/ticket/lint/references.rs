//! E008 and E009: what a ticket depends on must be one ticket.

use super::rules::fault;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::shown_line;
use crate::ticket::references::Found;
use crate::ticket::{Ids, Read, TicketId, Unresolved, resolve};

/// For so many unknown references a near one is looked for; with more of them something else is wrong.
const MOST_GUESSES: usize = 20;

pub(super) fn judge(tickets: &[Read], ids: &Ids) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut guesses = 0;
    for read in tickets {
        let Some(ticket) = &read.ticket else { continue };
        for (index, reference) in ticket.front.depends_on.iter().enumerate() {
            let place = ticket.places.depends_on.get(index).copied().or(ticket.places.top);
            let shown = shown_line(reference);
            match ids.find(reference, read.id.folder()) {
                Found::One(_) => {}
                Found::Several(several) => {
                    let all: Vec<&str> = several.iter().map(|index| ids.id(*index).as_str()).collect();
                    let message = format!("`{shown}` names {} tickets: {}", all.len(), all.join(", "));
                    let help = "write the whole id of the one that is meant";
                    found.push(fault(Code::AmbiguousReference, read, place, message).help(help));
                }
                Found::Nothing => {
                    let near = (guesses < MOST_GUESSES).then(|| near(reference, read.id.folder(), ids)).flatten();
                    guesses += 1;
                    let help = match near {
                        Some(id) => format!("did you mean `{id}`?"),
                        None => "write the id of a ticket, its file name or its number; `turnstile list` shows them"
                            .to_owned(),
                    };
                    let message = format!("`{shown}` names no ticket");
                    found.push(fault(Code::UnknownDependency, read, place, message).help(help));
                }
            }
        }
    }
    found
}

fn near(reference: &str, folder: &str, ids: &Ids) -> Option<TicketId> {
    match resolve(reference, folder, ids) {
        Err(Unresolved::None { nearest }) => nearest,
        Ok(_) | Err(Unresolved::Ambiguous(_)) => None,
    }
}

//! Every rule across tickets, once.

use std::collections::HashMap;
use std::sync::Arc;

use super::{agents, caps, checks, cycles, identity, references};
use crate::diagnostic::{Code, Diagnostic};
use crate::ticket::{Ids, Place, Read};

/// What the rules must be told, besides the tickets.
#[derive(Clone, Copy, Debug)]
pub struct LintContext<'a> {
    /// The names that a ticket may give as its agent, `user` and `shell` among them.
    pub roster: &'a [String],
    /// The agent of tickets that name none.
    pub default_agent: Option<&'a str>,
    /// Whether every ticket needs a required check of its own: the config asks for one and has none itself.
    pub needs_check: bool,
    /// Those of the roster whose programs do not say what they use.
    pub silent: &'a [String],
}

/// The faults that show only across tickets, in the order of the tickets that were given.
/// `ids` are the ids of all of them.
pub fn lint(tickets: &[Read], ids: &Ids, context: &LintContext<'_>) -> Vec<Diagnostic> {
    let mut found = agents::judge(tickets, context);
    found.extend(caps::judge(tickets, context));
    found.extend(references::judge(tickets, ids));
    found.extend(cycles::judge(tickets, ids));
    found.extend(identity::judge(tickets));
    if context.needs_check {
        found.extend(checks::judge(tickets, context));
    }
    if found.is_empty() {
        return found;
    }
    let order: HashMap<&str, usize> = tickets.iter().enumerate().map(|(at, read)| (&*read.path, at)).collect();
    found.sort_by_key(|fault| (order.get(&*fault.path).copied(), fault.span.map_or(0, |span| span.start), fault.code));
    found
}

/// Gives each fault to the ticket that it is about, so that the queue knows of it.
pub fn attach(tickets: &mut [Read], diagnostics: Vec<Diagnostic>) {
    let order: HashMap<Arc<str>, usize> =
        tickets.iter().enumerate().map(|(at, read)| (read.path.clone(), at)).collect();
    for diagnostic in diagnostics {
        if let Some(at) = order.get(&diagnostic.path) {
            tickets[*at].diagnostics.push(diagnostic);
        }
    }
    for read in tickets {
        read.diagnostics.sort_by_key(|fault| (fault.place, fault.code));
    }
}

/// A fault at a place of a ticket; of the whole file where there is no place.
pub(super) fn fault(code: Code, read: &Read, place: Option<Place>, message: String) -> Diagnostic {
    let whole = Diagnostic::of_file(code, read.path.clone(), message);
    match place {
        Some(place) => Diagnostic { span: Some(place.span), place: place.at, ..whole },
        None => whole,
    }
}

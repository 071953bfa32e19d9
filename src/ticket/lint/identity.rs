//! E011 and W102: tickets that are hard or impossible to tell apart by name.

use std::collections::HashMap;

use super::rules::fault;
use crate::diagnostic::{Code, Diagnostic};
use crate::ticket::references::number_of;
use crate::ticket::{Place, Read, natural_order};

pub(super) fn judge(tickets: &[Read]) -> Vec<Diagnostic> {
    let mut ordered: Vec<&Read> = tickets.iter().collect();
    ordered.sort_by(|one, other| natural_order(one.id.as_str(), other.id.as_str()));
    let mut found = Vec::new();
    let mut by_case: HashMap<String, &Read> = HashMap::new();
    let mut by_number: HashMap<(&str, &str), &Read> = HashMap::new();
    for read in ordered {
        let earlier = by_case.entry(read.id.as_str().to_lowercase()).or_insert(read);
        if earlier.id != read.id {
            let message = format!("`{}` and `{}` are equal but for case", earlier.id, read.id);
            let help = "rename one: some file systems cannot hold both";
            found.push(fault(Code::CaseCollision, read, top(read), message).help(help));
            continue;
        }
        let Some(number) = number_of(read.id.name()) else { continue };
        let earlier = by_number.entry((read.id.folder(), number)).or_insert(read);
        if earlier.id != read.id {
            let message = format!("`{}` has the number {number} as well", earlier.id);
            let help = "rename one: the number alone finds neither";
            found.push(fault(Code::SameNumber, read, top(read), message).help(help));
        }
    }
    found
}

fn top(read: &Read) -> Option<Place> {
    read.ticket.as_ref().and_then(|ticket| ticket.places.top)
}

//! E010: tickets that wait for one another never begin. Each cycle is reported once, at the first of its tickets.

use super::rules::fault;
use crate::diagnostic::{Code, Diagnostic};
use crate::ticket::references::Found;
use crate::ticket::{Ids, Place, Read};

/// Longer cycles are cut in the message.
const MOST_SHOWN: usize = 30;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    OnPath,
    Over,
}

struct Dependency {
    on: usize,
    place: Option<Place>,
}

/// Follows the dependencies depth first, without recursion: a chain of ten thousand tickets is an ordinary one.
pub(super) fn judge(tickets: &[Read], ids: &Ids) -> Vec<Diagnostic> {
    let mut reads: Vec<Option<&Read>> = vec![None; ids.all().len()];
    for read in tickets {
        if let Some(index) = ids.index(&read.id) {
            reads[index] = Some(read);
        }
    }
    let dependencies: Vec<Vec<Dependency>> = reads.iter().map(|read| dependencies(*read, ids)).collect();
    let mut visits = vec![Visit::New; dependencies.len()];
    let mut reported = vec![false; dependencies.len()];
    let mut found = Vec::new();
    for start in 0..dependencies.len() {
        if visits[start] != Visit::New {
            continue;
        }
        visits[start] = Visit::OnPath;
        let mut path = vec![(start, 0)];
        while let Some((at, next)) = path.last_mut() {
            let Some(dependency) = dependencies[*at].get(*next) else {
                visits[*at] = Visit::Over;
                path.pop();
                continue;
            };
            *next += 1;
            match visits[dependency.on] {
                Visit::Over => {}
                Visit::New => {
                    visits[dependency.on] = Visit::OnPath;
                    path.push((dependency.on, 0));
                }
                // A knot of tickets has more cycles than anybody reads; the first through a ticket stands for them.
                Visit::OnPath if reported[dependency.on] => {}
                Visit::OnPath => {
                    let from = path.iter().position(|(index, _)| *index == dependency.on).unwrap_or_default();
                    let cycle: Vec<usize> = path[from..].iter().map(|(index, _)| *index).collect();
                    for index in &cycle {
                        reported[*index] = true;
                    }
                    found.extend(report(&cycle, &dependencies, &reads, ids));
                }
            }
        }
    }
    found
}

fn dependencies(read: Option<&Read>, ids: &Ids) -> Vec<Dependency> {
    let Some((read, ticket)) = read.and_then(|read| Some((read, read.ticket.as_ref()?))) else { return Vec::new() };
    let references = ticket.front.depends_on.iter().enumerate();
    let mut dependencies: Vec<Dependency> = references
        .filter_map(|(index, reference)| match ids.find(reference, read.id.folder()) {
            Found::One(on) => Some(Dependency { on, place: ticket.places.depends_on.get(index).copied() }),
            Found::Nothing | Found::Several(_) => None,
        })
        .collect();
    // One ticket named in two ways is one dependency, and one cycle.
    dependencies.sort_by_key(|dependency| dependency.on);
    dependencies.dedup_by_key(|dependency| dependency.on);
    dependencies
}

fn report(cycle: &[usize], dependencies: &[Vec<Dependency>], reads: &[Option<&Read>], ids: &Ids) -> Option<Diagnostic> {
    // It is told from the ticket that comes first, wherever it was entered.
    let first = cycle.iter().enumerate().min_by_key(|(_, index)| **index).map(|(position, _)| position)?;
    let mut ring: Vec<usize> = cycle[first..].iter().chain(&cycle[..first]).copied().collect();
    ring.push(ring[0]);
    let shown: Vec<&str> = ring.iter().map(|index| ids.id(*index).as_str()).collect();
    let place = dependencies[ring[0]].iter().find(|dependency| dependency.on == ring[1])?.place;
    let message = if shown.len() > MOST_SHOWN {
        format!("dependency cycle of {} tickets: {} -> …", shown.len() - 1, shown[..MOST_SHOWN].join(" -> "))
    } else {
        format!("dependency cycle: {}", shown.join(" -> "))
    };
    Some(fault(Code::DependencyCycle, reads[ring[0]]?, place, message).help("remove one of these dependencies"))
}

//! The tickets in the order in which they are chosen, with what stands between each and its turn. Chooses nothing.

use super::references::{Found, Ids};
use super::types::{ContextFile, Frontmatter, Read, Risk, TicketId, TicketLimits};
use crate::diagnostic::Diagnostic;

/// All tickets in selection order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// Lowest priority number first, then natural order of the path. One whose dependencies are not all done keeps its
    /// place and is passed over.
    pub tickets: Vec<Placed>,
}

/// One ticket in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Its id.
    pub id: TicketId,
    /// The file, as messages name it.
    pub path: String,
    /// Its title; the id where it has none or cannot be read.
    pub title: String,
    /// One sentence.
    pub goal: Option<String>,
    /// The agent that it names; `None` means the config's `default_agent`.
    pub agent: Option<String>,
    /// 0 to 4.
    pub priority: u8,
    /// What the file says; never true of one that cannot be read.
    pub done: bool,
    /// Why it is put aside.
    pub hold: Option<String>,
    /// The tickets that it depends on.
    pub depends_on: Vec<TicketId>,
    /// Those of them that are not done.
    pub blocked_by: Vec<TicketId>,
    /// References that name no ticket, or several: they block like an open one.
    pub unresolved: Vec<String>,
    /// Its errors; warnings stop nothing.
    pub faults: Vec<Diagnostic>,
    /// Whether its frontmatter could be read; if not, it stands here with the defaults.
    pub readable: bool,
    /// Its own caps.
    pub limits: TicketLimits,
    /// Passed to the agent.
    pub model: Option<String>,
    /// Passed to the agent.
    pub reasoning: Option<String>,
    /// Files quoted in the prompt.
    pub context: Vec<ContextFile>,
    /// Free words.
    pub tags: Vec<String>,
    /// How much can go wrong.
    pub risk: Risk,
    /// Whether a person must approve before a turn, whatever the config says.
    pub needs_approval: bool,
}

impl Placed {
    /// Whether every dependency is known and done.
    pub fn dependencies_are_done(&self) -> bool {
        self.blocked_by.is_empty() && self.unresolved.is_empty()
    }
}

impl Queue {
    /// The ticket with this id.
    pub fn get(&self, id: &TicketId) -> Option<&Placed> {
        self.tickets.iter().find(|placed| placed.id == *id)
    }
}

/// Puts tickets in selection order and follows their references, each once.
/// `ids` are the ids of all of them.
pub fn queue(reads: &[Read], ids: &Ids) -> Queue {
    let mut done = vec![false; ids.all().len()];
    for read in reads {
        if let (Some(index), Some(ticket)) = (ids.index(&read.id), &read.ticket) {
            done[index] = ticket.front.done;
        }
    }
    let mut tickets: Vec<Placed> = reads.iter().map(|read| placed(read, ids, &done)).collect();
    // Ids are listed in natural order.
    tickets.sort_by_cached_key(|placed| (placed.priority, ids.index(&placed.id)));
    Queue { tickets }
}

fn placed(read: &Read, ids: &Ids, done: &[bool]) -> Placed {
    let front = read.ticket.as_ref().map_or_else(Frontmatter::default, |ticket| ticket.front.clone());
    let mut depends_on = Vec::new();
    let mut blocked_by = Vec::new();
    let mut unresolved = Vec::new();
    for reference in front.depends_on {
        match ids.find(&reference, read.id.folder()) {
            Found::One(index) => {
                let id = ids.id(index);
                if depends_on.contains(id) {
                    continue;
                }
                depends_on.push(id.clone());
                if !done[index] {
                    blocked_by.push(id.clone());
                }
            }
            Found::Nothing | Found::Several(_) => unresolved.push(reference),
        }
    }
    Placed {
        id: read.id.clone(),
        path: read.path.to_string(),
        title: read.ticket.as_ref().map_or_else(|| read.id.as_str().to_owned(), |ticket| ticket.title.clone()),
        goal: front.goal,
        agent: front.agent,
        priority: front.priority,
        done: front.done,
        hold: front.hold,
        depends_on,
        blocked_by,
        unresolved,
        faults: read.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).cloned().collect(),
        readable: read.ticket.is_some(),
        limits: front.limits,
        model: front.model,
        reasoning: front.reasoning,
        context: front.context,
        tags: front.tags,
        risk: front.risk,
        needs_approval: front.needs_approval,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;
    use crate::ticket::read_ticket;

    fn reads(tickets: &[(&str, &str)]) -> Vec<Read> {
        tickets.iter().map(|(id, text)| read_ticket(&Source::new(TicketId::new(*id).path(), *text))).collect()
    }

    fn queue_of(tickets: &[(&str, &str)]) -> Queue {
        let reads = reads(tickets);
        queue(&reads, &Ids::of(&reads))
    }

    fn order(queue: &Queue) -> Vec<&str> {
        queue.tickets.iter().map(|placed| placed.id.as_str()).collect()
    }

    #[test]
    fn priority_first_then_the_natural_order_of_the_path() {
        let queue = queue_of(&[
            ("10-x", "---\ndone: false\n---\n"),
            ("2-x", "---\ndone: false\n---\n"),
            ("99-urgent", "---\npriority: 0\n---\n"),
            ("1-later", "---\npriority: 4\n---\n"),
            ("3-broken", "no frontmatter\n"),
        ]);
        assert_eq!(order(&queue), ["99-urgent", "2-x", "3-broken", "10-x", "1-later"]);
    }

    #[test]
    fn what_is_open_unknown_or_ambiguous_blocks() {
        let queue = queue_of(&[
            ("1", "---\ndone: true\n---\n"),
            ("2", "---\ndone: false\n---\n"),
            ("a/3", "---\ndone: true\n---\n"),
            ("b/3", "---\ndone: true\n---\n"),
            ("broken", "---\ndone: true\n"),
            ("z", "---\ndepends_on: [1, 2, 02, '3', nobody, broken]\n---\n"),
        ]);
        let placed = queue.get(&TicketId::new("z")).unwrap();
        let blocked: Vec<&str> = placed.blocked_by.iter().map(TicketId::as_str).collect();
        assert_eq!(blocked, ["2", "broken"]);
        assert_eq!(placed.depends_on.len(), 3);
        assert_eq!(placed.unresolved, ["3", "nobody"]);
        assert!(!placed.dependencies_are_done());
    }

    #[test]
    fn a_ticket_that_cannot_be_read_stands_there_with_defaults_and_its_faults() {
        let queue = queue_of(&[("1-x", "---\ndone: true\npriority: 0\n")]);
        let placed = &queue.tickets[0];
        assert!(!placed.readable && !placed.done);
        assert_eq!((placed.priority, placed.title.as_str(), placed.faults.len()), (2, "1-x", 1));
    }

    #[test]
    fn a_fault_in_one_key_leaves_the_others_readable() {
        let queue = queue_of(&[("1-x", "---\ndone: true\npriority: high\ntitle: t\n---\n")]);
        let placed = &queue.tickets[0];
        assert!(placed.readable && placed.done);
        assert_eq!((placed.priority, placed.title.as_str(), placed.faults.len()), (2, "t", 1));
    }
}

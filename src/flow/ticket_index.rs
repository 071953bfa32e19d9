//! Where each ticket stands in a survey, so that following dependencies does not read the whole list each time.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::survey::TicketFact;
use crate::ticket::TicketId;

/// Positions by id, found out when they are first asked for. It says nothing of its own about a survey: all indices are
/// equal, and a position that does not hold any more is not believed.
#[derive(Default)]
pub struct TicketIndex(OnceLock<HashMap<TicketId, usize>>);

impl TicketIndex {
    /// Finds a ticket in the list that this index belongs to.
    pub fn find<'t>(&self, tickets: &'t [TicketFact], id: &TicketId) -> Option<&'t TicketFact> {
        let positions = self.0.get_or_init(|| {
            // The first of two with one id counts, as in a search from the front.
            tickets.iter().enumerate().rev().map(|(at, ticket)| (ticket.id.clone(), at)).collect()
        });
        let found = positions.get(id).and_then(|at| tickets.get(*at)).filter(|ticket| ticket.id == *id);
        // The list may have been changed since.
        found.or_else(|| tickets.iter().find(|ticket| ticket.id == *id))
    }
}

impl Clone for TicketIndex {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for TicketIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for TicketIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TicketIndex")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::AgentFact;
    use crate::ticket::TicketLimits;

    fn ticket(number: u8) -> TicketFact {
        TicketFact {
            id: TicketId::new(number.to_string()),
            title: String::new(),
            agent: String::new(),
            kind: AgentFact::Commits,
            done: false,
            hold: None,
            blocked_by: Vec::new(),
            unresolved: Vec::new(),
            depends_on: Vec::new(),
            faults: Vec::new(),
            digest: String::new(),
            limits: TicketLimits::default(),
            claimed_by: None,
            claimed: false,
            approval: crate::flow::ApprovalFact::default(),
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_finds_also_after_the_list_has_changed(
            before in proptest::collection::vec(0_u8..9, 0..9),
            after in proptest::collection::hash_set(0_u8..9, 0..9),
            asked in 0_u8..9,
        ) {
            let index = TicketIndex::default();
            let id = TicketId::new(asked.to_string());
            let before: Vec<TicketFact> = before.into_iter().map(ticket).collect();
            prop_assert_eq!(index.find(&before, &id), before.iter().find(|ticket| ticket.id == id));
            let after: Vec<TicketFact> = after.into_iter().map(ticket).collect();
            prop_assert_eq!(index.find(&after, &id), after.iter().find(|ticket| ticket.id == id));
        }
    }
}

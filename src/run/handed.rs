//! One look for two processes. As a turn is over its child looks at the worktree to keep it, and the runner that waits
//! looks at the same quiet worktree a moment later: what the child saw is handed back with the end of the turn.
//!
//! It stands for a look of the runner's own only where that would have begun a moment later and nothing tells that it
//! would have seen anything else. Whoever finds the record later, or has not looked before the turn began, looks itself.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::git::{self, Place, Uncommitted};
use crate::store::{self, Listed, Scanned};

/// From the beginning of the child's look to the moment at which the runner would begin its own: what comes between is
/// a kept tree and a record on the disk.
const A_MOMENT: Duration = Duration::from_secs(1);
/// More changed paths are looked for again rather than written down.
const MOST: usize = 1000;

/// What else was there to see at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Around {
    /// When, by the clock of the machine that both processes run on.
    at: SystemTime,
    /// The commit that HEAD names.
    head: Option<String>,
    /// Differs wherever the index was written to.
    index: Option<String>,
    /// Stands for every ticket's path and stamp, as they were listed.
    tickets: Option<u64>,
}

impl Around {
    /// As it is now, but for the tickets.
    fn now(place: &Place) -> Option<Self> {
        let at = SystemTime::now();
        Some(Self { at, head: git::head(place).ok()?.commit, index: git::index_stamp(place), tickets: None })
    }

    /// Whether this is what a look that begins now would find around it.
    fn still_is(&self, now: &Self) -> bool {
        // A clock that was set back makes it none that is known.
        let is_fresh = now.at.duration_since(self.at).is_ok_and(|age| age <= A_MOMENT);
        is_fresh && self.head == now.head && self.index == now.index && is_same(self.tickets, now.tickets)
    }
}

/// What is not known is never the same.
fn is_same(one: Option<u64>, other: Option<u64>) -> bool {
    one.is_some() && one == other
}

/// A look that somebody else may take for its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedLook {
    uncommitted: Uncommitted,
    around: Around,
}

impl HandedLook {
    /// Looks, and says by what to recognise that the look still holds; none where too little is known for that.
    pub(super) fn take(place: &Place) -> Result<(Uncommitted, Option<Self>), git::GitError> {
        // What is around is asked for first: whatever changes during the look makes it an old one.
        let around = Around::now(place);
        let (uncommitted, listed) = git::look(place)?;
        let tickets = listed.map(to_store).and_then(|listed| store::listing(&listed));
        let is_small = uncommitted.changes.len() <= MOST;
        let around = around.filter(|_| tickets.is_some() && is_small).map(|around| Around { tickets, ..around });
        let handed = around.map(|around| Self { uncommitted: uncommitted.clone(), around });
        Ok((uncommitted, handed))
    }

    /// What was seen, if a look that begins now would see the same: HEAD, index and clock are asked, and each ticket has
    /// the stamp by which the runner knows it.
    pub(super) fn if_it_holds(self, place: &Place, known: &Scanned) -> Option<Uncommitted> {
        let now = Around { tickets: known.listing(), ..Around::now(place)? };
        self.around.still_is(&now).then_some(self.uncommitted)
    }
}

/// What git listed, as the store takes it.
pub(super) fn to_store(listed: Vec<git::Listed>) -> Vec<Listed> {
    listed.into_iter().map(|git::Listed { path, kind, stat }| Listed { path, kind, stat }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_holds_for_a_moment_in_which_nothing_around_it_has_changed() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let seen = Around { at, head: Some("a".into()), index: Some("1".into()), tickets: Some(7) };
        let later = |milliseconds: u64| Around { at: at + Duration::from_millis(milliseconds), ..seen.clone() };
        assert!(seen.still_is(&later(0)) && seen.still_is(&later(20)) && seen.still_is(&later(1000)));
        let others = [
            ("an old one", later(1001)),
            ("a clock that was set back", Around { at: at - Duration::from_millis(1), ..seen.clone() }),
            ("another commit", Around { head: Some("b".into()), ..later(20) }),
            ("no commit", Around { head: None, ..later(20) }),
            ("an index that was written", Around { index: Some("2".into()), ..later(20) }),
            ("no index", Around { index: None, ..later(20) }),
            ("another ticket", Around { tickets: Some(8), ..later(20) }),
            ("tickets that are not known by their stamps", Around { tickets: None, ..later(20) }),
        ];
        for (what, now) in others {
            assert!(!seen.still_is(&now), "{what}");
        }
        let unknown = Around { tickets: None, ..seen.clone() };
        assert!(!unknown.still_is(&unknown), "what nobody knows is not the same");
    }
}

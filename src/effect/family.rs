//! All that a program has started, and how it is ended: asked, given time, killed, looked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process::{self, Process, adopts_orphans, reap, signal, signal_group};

/// The processes of one program: its group, its descendants, and, where this process adopts orphans, those that left
/// the group, the session and their parents.
///
/// What else this process started before is not among them. Orphans cannot be told apart by who left them, so a
/// process that adopts them supervises one program at a time.
pub(super) struct Family {
    leader: u32,
    own: u32,
    adopts: bool,
    others: BTreeSet<u32>,
}

impl Family {
    /// What this process has started already, to be told before the leader is spawned.
    pub(super) fn others() -> BTreeSet<u32> {
        // The table of all processes costs milliseconds on a busy machine.
        if !process::has_children() {
            return BTreeSet::new();
        }
        let own = std::process::id();
        let table = process::table().unwrap_or_default();
        table.values().filter(|process| process.parent == own).map(|process| process.pid).collect()
    }

    pub(super) fn new(leader: u32, others: BTreeSet<u32>) -> Self {
        Self { leader, own: std::process::id(), adopts: adopts_orphans(), others }
    }

    /// Those that are not over. Where the system does not tell, the leader stands for all.
    pub(super) fn alive(&self) -> Vec<u32> {
        // Whatever a leader leaves behind is ours before it counts as over.
        if self.adopts && process::is_over(self.leader) && process::is_only_child(self.leader) {
            return Vec::new();
        }
        let Ok(table) = process::table() else { return vec![self.leader] };
        let belongs = |process: &&Process| !process.over && self.belongs(process, &table);
        table.values().filter(belongs).map(|process| process.pid).collect()
    }

    fn belongs(&self, process: &Process, table: &BTreeMap<u32, Process>) -> bool {
        if process.group == self.leader {
            return true;
        }
        let mut current = process;
        // The table is not of one moment; a circle in it must not hold us.
        for _ in 0..table.len() {
            if current.pid == self.leader {
                return true;
            }
            if current.pid == self.own || self.others.contains(&current.pid) {
                return false;
            }
            if current.parent == self.own {
                return self.adopts;
            }
            let Some(parent) = table.get(&current.parent) else { return false };
            current = parent;
        }
        false
    }

    /// Signals the whole group, and each of the listed that is not in it. The leader's number is not given again
    /// before its exit status is collected, so that the group cannot be somebody else's.
    fn signal(&self, listed: &[u32], which: Signal) {
        signal_group(self.leader, which);
        for pid in listed {
            signal(*pid, which);
        }
    }

    /// Collects adopted processes that are over.
    pub(super) fn reap_adopted(&self) {
        if !self.adopts || !process::has_children() {
            return;
        }
        for process in process::table().unwrap_or_default().values() {
            let adopted = process.parent == self.own && process.pid != self.leader;
            if adopted && process.over && !self.others.contains(&process.pid) {
                reap(process.pid);
            }
        }
    }
}

/// How far the ending of a family has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// They were asked to end and have until then.
    Asked { until: Instant },
    /// They were killed so often; the next look is then.
    Killed { rounds: u32, next: Instant },
    /// Some of them cannot be killed.
    GivenUp,
}

/// A kill is seen within microseconds, or the process hangs in the kernel. Each round finds what the ones before
/// could not see yet.
const ROUNDS: u32 = 6;
const BETWEEN_ROUNDS: Duration = Duration::from_millis(100);

impl Ending {
    /// Asks all to end.
    pub(super) fn begin(family: &Family, listed: &[u32], grace: Duration) -> Self {
        family.signal(listed, Signal::TERM);
        // What is stopped would not hear it.
        family.signal(listed, Signal::CONT);
        let now = Instant::now();
        Self::Asked { until: now.checked_add(grace).unwrap_or(now) }
    }

    /// Goes on, where it is time to.
    pub(super) fn go_on(self, family: &Family, listed: &[u32]) -> Self {
        let now = Instant::now();
        let rounds = match self {
            Self::Asked { until } if now >= until => 0,
            Self::Killed { rounds, next } if now >= next => rounds,
            Self::Asked { .. } | Self::Killed { .. } | Self::GivenUp => return self,
        };
        if rounds == ROUNDS {
            return Self::GivenUp;
        }
        // First they are stopped, so that none starts another while the others die.
        family.signal(listed, Signal::STOP);
        family.signal(&family.alive(), Signal::KILL);
        Self::Killed { rounds: rounds + 1, next: now + BETWEEN_ROUNDS }
    }
}

//! Dropping what old runs have left: the references of their kept trees, and their logs. Their journals stay.
//!
//! A run is as old as the last line of its journal: times of files change when a repository is copied or restored, the
//! journal's do not. No lock of a worktree is needed: the run that a worktree points at is never touched, whatever its
//! age, and no worktree ever points at a run again that it has left. What cannot be read, and a run that was never ended
//! and that no worktree was in last, stay: their kept trees are the evidence that something was taken away.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::error::RunError;
use super::workspace::{Workspace, fold};
use crate::flow::Life;
use crate::git::{self, KeptName};
use crate::store::{self, Journal, JournalError, Logs, PruneLock, PrunedNote};

/// How old a run is that is dropped, in days.
pub const DAYS: i64 = 30;
/// So many runs are spared by the end of a run, however old they are.
const SPARED: usize = 20;
/// At most so many runs are dropped at the end of one: the next end goes on.
const AT_ONCE: usize = 10;
/// Everything that is kept of a run.
const CHECKPOINTS: &str = "refs/turnstile/checkpoints/";

/// What was, or would be, dropped of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrunedRun {
    /// The run.
    pub run: String,
    /// When it ended: the time of the last thing that is known of it.
    pub ended: Timestamp,
    /// How many references.
    pub references: u64,
    /// Its logs.
    pub logs: Logs,
}

/// An old run that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftRun {
    /// The run.
    pub run: String,
    /// Why.
    pub why: String,
}

/// What pruning came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pruning {
    /// Another process is at it.
    Busy,
    /// It was done, or looked at.
    Done {
        /// What was, or would be, dropped; the oldest first.
        runs: Vec<PrunedRun>,
        /// What was not.
        left: Vec<LeftRun>,
    },
}

/// What lies there of a run that may be dropped.
struct Old {
    run: String,
    ended: Timestamp,
    names: Vec<KeptName>,
    logs: Logs,
}

impl Workspace {
    /// What pruning would drop; changes nothing and takes no lock.
    pub fn prunable(&self) -> Result<Pruning, RunError> {
        let (old, left) = self.old_runs(Timestamp::now())?;
        let runs = old
            .into_iter()
            .map(|Old { run, ended, names, logs }| PrunedRun { run, ended, references: names.len() as u64, logs })
            .collect();
        Ok(Pruning::Done { runs, left })
    }

    /// Drops what every run has left that is older than [`DAYS`] and that no worktree is in.
    pub fn prune(&self) -> Result<Pruning, RunError> {
        let Some(mut lock) = self.prune_lock()? else { return Ok(Pruning::Busy) };
        let (old, left) = self.old_runs(Timestamp::now())?;
        let runs = old.iter().map(|old| self.drop_run(&mut lock, old)).collect::<Result<_, _>>()?;
        Ok(Pruning::Done { runs, left })
    }

    /// The same at the end of a run, for runs beyond the last [`SPARED`]; looks at nothing but these.
    pub(super) fn prune_at_the_end(&self) -> Result<Vec<PrunedRun>, RunError> {
        let runs = store::runs(&self.layout)?;
        let beyond = &runs[..runs.len().saturating_sub(SPARED)];
        let now = Timestamp::now();
        let mut lock = None;
        let mut dropped = Vec::new();
        if beyond.is_empty() {
            return Ok(dropped);
        }
        let (pinned, pointed) = (self.pinned()?, store::pointed_at(&self.layout.common_dir)?);
        for run in beyond.iter().filter(|run| !pinned.contains_key(*run) && may_be_old(run, now)) {
            if store::pruned(&self.layout, run)?.is_some() {
                continue;
            }
            // What cannot be read is told by `turnstile prune`.
            let Ok((ended, life)) = self.last_of(run) else { continue };
            if !is_old(ended, now) || (life == Life::Open && !pointed.contains(run)) {
                continue;
            }
            if lock.is_none() {
                lock = self.prune_lock()?;
            }
            let Some(lock) = &mut lock else { return Ok(dropped) };
            let names = git::kept_names(&self.place, &format!("{CHECKPOINTS}{run}/"))?;
            let old = Old { run: run.clone(), ended, names, logs: Logs::default() };
            dropped.push(self.drop_run(lock, &old)?);
            if dropped.len() == AT_ONCE {
                break;
            }
        }
        Ok(dropped)
    }

    /// Removes git's locks that a process left which died while it dropped an old run. Costs a look at one file.
    pub(super) fn recover_pruning(&self) -> Result<(), RunError> {
        if PruneLock::is_noted(&self.layout) {
            self.prune_lock()?;
        }
        Ok(())
    }

    /// Takes the lock, and cleans up after whoever died with it.
    fn prune_lock(&self) -> Result<Option<PruneLock>, RunError> {
        let Some(mut lock) = PruneLock::acquire(&self.layout)? else { return Ok(None) };
        if let Some(run) = lock.left()? {
            git::recover_drop(&self.place, &format!("{CHECKPOINTS}{run}"), &self.layout.pruning_file())?;
        }
        lock.clear()?;
        Ok(Some(lock))
    }

    /// Runs that worktrees point at, and these worktrees.
    fn pinned(&self) -> Result<BTreeMap<String, String>, RunError> {
        let pointed = store::pointed_runs(&self.layout.common_dir)?;
        Ok(pointed.into_iter().map(|(worktree, run)| (run, worktree)).collect())
    }

    /// Every old run that has left something besides its journal, the oldest first, and old ones that stay.
    fn old_runs(&self, now: Timestamp) -> Result<(Vec<Old>, Vec<LeftRun>), RunError> {
        let (pinned, pointed) = (self.pinned()?, store::pointed_at(&self.layout.common_dir)?);
        let mut names: BTreeMap<String, Vec<KeptName>> = BTreeMap::new();
        for kept in git::kept_names(&self.place, CHECKPOINTS)? {
            if let Some(run) = kept.name.strip_prefix(CHECKPOINTS).and_then(|below| below.split('/').next()) {
                names.entry(run.to_owned()).or_default().push(kept);
            }
        }
        let mut runs: BTreeSet<String> = store::runs(&self.layout)?.into_iter().collect();
        runs.extend(names.keys().cloned());
        let (mut old, mut left) = (Vec::new(), Vec::new());
        for run in runs.into_iter().filter(|run| may_be_old(run, now)) {
            let names = names.remove(&run).unwrap_or_default();
            let logs = store::logs(&self.layout, &run)?;
            if names.is_empty() && logs == Logs::default() {
                continue;
            }
            match self.last_of(&run) {
                Ok((ended, life)) if is_old(ended, now) => match (pinned.get(&run), life) {
                    (Some(worktree), _) => {
                        let why = format!("it is the last run of the worktree `{worktree}`");
                        left.push(LeftRun { run, why });
                    }
                    (None, Life::Open) if !pointed.contains(&run) => {
                        left.push(LeftRun { run, why: "it was never ended, and no worktree is in it".to_owned() });
                    }
                    (None, _) => old.push(Old { run, ended, names, logs }),
                },
                Ok(_) => {}
                Err(error) if error.unreadable_journal().is_some() => {
                    left.push(LeftRun { run, why: format!("nothing says how old it is: {}", error.in_full()) });
                }
                Err(error) => return Err(error),
            }
        }
        Ok((old, left))
    }

    /// When the last thing happened that a run's journal tells, and whether the run was ended.
    fn last_of(&self, run: &str) -> Result<(Timestamp, Life), RunError> {
        let path = self.layout.journal(run);
        let lines = Journal::read(&path)?;
        let last = lines.last().map(|line| line.ts.as_str()).unwrap_or_default();
        let damaged = |error: jiff::Error| JournalError::Unreadable { path, line: lines.len(), why: error.to_string() };
        Ok((last.parse().map_err(damaged)?, fold(&lines)?.life))
    }

    /// Can be cut anywhere: what is left of it is found again, by the next one, where it lies.
    fn drop_run(&self, lock: &mut PruneLock, old: &Old) -> Result<PrunedRun, RunError> {
        lock.note(&old.run)?;
        let dropped = self.drop_noted(old);
        // Also where it failed: a process that goes on has let go of git's locks itself.
        lock.clear()?;
        dropped
    }

    fn drop_noted(&self, old: &Old) -> Result<PrunedRun, RunError> {
        let references = git::drop_kept(&self.place, &old.names)?;
        let logs = store::drop_logs(&self.layout, &old.run)?;
        store::mark_pruned(&self.layout, &old.run, &PrunedNote { at: Self::now() })?;
        Ok(PrunedRun { run: old.run.clone(), ended: old.ended, references, logs })
    }
}

fn is_old(ended: Timestamp, now: Timestamp) -> bool {
    now.duration_since(ended) > SignedDuration::from_hours(24 * DAYS)
}

/// By the name of a run, which begins with the time of its beginning: it did not end before that. A name of another
/// form says nothing.
fn may_be_old(run: &str, now: Timestamp) -> bool {
    let began = run.get(..15).and_then(|stamp| jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", stamp).ok());
    let began = began.and_then(|began| began.to_zoned(jiff::tz::TimeZone::UTC).ok());
    began.is_none_or(|began| is_old(began.timestamp(), now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_old_after_thirty_days_and_its_name_tells_when_it_cannot_be() {
        let now: Timestamp = "2026-03-31T08:00:00Z".parse().unwrap();
        let of = |text: &str| is_old(text.parse().unwrap(), now);
        assert!(of("2026-03-01T07:59:59Z") && !of("2026-03-01T08:00:00Z") && !of("2027-01-01T00:00:00Z"));
        for (run, expected) in [
            ("20260131-080000-k3fa", true),
            ("20260301-080000-k3fa", false),
            ("20260330-080000-k3fa", false),
            ("made-by-hand", true),
            ("", true),
        ] {
            assert_eq!(may_be_old(run, now), expected, "{run}");
        }
    }
}

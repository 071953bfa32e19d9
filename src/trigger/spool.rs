//! The folder of triggers: one file a trigger, there as a whole or not at all, until a run has served it. No name is
//! used twice, so that a trigger that comes while others are served is never dropped with them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::words::Trigger;
use crate::crash::{Point, point};
use crate::store::{self, Audience, Layout, Links, StoreError};

/// More than this no trigger needs.
const CAP: u64 = 1 << 20;
const ENDING: &str = ".json";

/// A trigger that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name: names sort in the order in which triggers came, as far as the clock goes.
    pub id: String,
    /// What it says; none where that cannot be read. It asks for a look all the same.
    pub trigger: Option<Trigger>,
}

impl Kept {
    /// Its file.
    pub fn path(&self, layout: &Layout) -> PathBuf {
        layout.triggers().join(format!("{}{ENDING}", self.id))
    }

    /// When it came; none where its name does not say.
    pub fn came(&self) -> Option<SystemTime> {
        let nanoseconds = self.id.split('-').next()?.parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
    }

    /// Which triggers ask for the same.
    pub fn key(&self) -> &str {
        self.id.split('-').nth(1).unwrap_or_default()
    }
}

/// Keeps a trigger: it survives a power cut once this has returned. Gives back its name.
pub fn keep(layout: &Layout, trigger: &Trigger) -> Result<String, StoreError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let folder = layout.triggers();
    let text = serde_json::to_vec(trigger).map_err(|error| StoreError::write(&folder, error))?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    loop {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:020}-{}-{:08x}{count:02x}", since.as_nanos(), trigger.key(), std::process::id());
        match store::write_new(
            &layout.machine(),
            Path::new("triggers").join(format!("{id}{ENDING}")),
            &text,
            Audience::Machine,
        ) {
            Ok(()) => {
                point(Point::TriggerKept);
                return Ok(id);
            }
            Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The triggers that wait for this worktree, oldest first; those that cannot be read wait for whoever looks.
pub fn kept(layout: &Layout) -> Result<Vec<Kept>, StoreError> {
    let is_here = |kept: &Kept| {
        kept.trigger.as_ref().is_none_or(|trigger| match &trigger.worktree {
            Some(worktree) => *worktree == layout.worktree,
            // A bare repository hands it on to the worktrees of its branches.
            None => layout.worktree == "main",
        })
    };
    Ok(kept_by_all(layout)?.into_iter().filter(is_here).collect())
}

/// The triggers that wait for any worktree.
pub fn kept_by_all(layout: &Layout) -> Result<Vec<Kept>, StoreError> {
    let mut found = Vec::new();
    for id in ids(layout)? {
        let name = format!("{id}{ENDING}");
        let path = Path::new("triggers").join(name);
        let bytes = match store::read_capped(&layout.machine(), path, CAP, Links::Any)? {
            // Served by somebody else between the listing and now.
            Ok(None) => continue,
            Ok(Some(bytes)) => bytes,
            Err(_) => Vec::new(),
        };
        let trigger: Option<Trigger> = serde_json::from_slice(&bytes).ok();
        found.push(Kept { id, trigger });
    }
    Ok(found)
}

/// Drops triggers that a run has served, and no other; those that are gone already are no error.
pub fn drop_kept(layout: &Layout, served: &[Kept]) -> Result<(), StoreError> {
    if served.is_empty() {
        return Ok(());
    }
    point(Point::TriggerServed);
    let names: Vec<String> = served.iter().map(|kept| format!("{}{ENDING}", kept.id)).collect();
    store::remove_together(&layout.triggers(), &names, || point(Point::TriggerDropped))
}

/// Removes what hooks that were killed never finished writing; `is_alive` says whether a process is there.
pub fn sweep(layout: &Layout, is_alive: impl Fn(i32) -> bool) -> Result<(), StoreError> {
    let names = store::list_capped(&layout.machine(), Path::new("triggers"), usize::MAX)?.unwrap_or_default();
    let dead = |name: &String| store::writer_of(name).is_some_and(|process| !is_alive(process));
    let dead: Vec<String> = names.into_iter().filter(dead).collect();
    store::remove_together(&layout.triggers(), &dead, || {})
}

fn ids(layout: &Layout) -> Result<Vec<String>, StoreError> {
    let names = store::list_capped(&layout.machine(), Path::new("triggers"), usize::MAX)?.unwrap_or_default();
    let id = |name: String| {
        let id = name.strip_suffix(ENDING)?;
        let began = id.split('-').next()?;
        let is_one = began.len() == 20 && began.bytes().all(|byte| byte.is_ascii_digit());
        is_one.then(|| id.to_owned())
    };
    Ok(names.into_iter().filter_map(id).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::trigger::{Moved, RefName};

    fn worktree() -> (tempfile::TempDir, Layout) {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        (room, layout)
    }

    fn trigger(worktree: &str, new: &str) -> Trigger {
        let moved = Moved { name: RefName::of(b"refs/heads/main"), old: "0".repeat(40), new: new.repeat(40) };
        Trigger::new("post-receive", "now".into(), Some(worktree.into()), vec![moved])
    }

    fn names(layout: &Layout) -> Vec<String> {
        kept(layout).unwrap().into_iter().map(|kept| kept.id).collect()
    }

    #[test]
    fn triggers_wait_in_the_order_in_which_they_came_until_they_are_dropped() {
        let (_room, layout) = worktree();
        assert_eq!(names(&layout), [""; 0]);
        let ids: Vec<String> = ["a", "b", "a"].map(|new| keep(&layout, &trigger("main", new)).unwrap()).into();
        let waiting = kept(&layout).unwrap();
        assert_eq!(names(&layout), ids);
        assert_eq!(waiting[0].trigger, Some(trigger("main", "a")));
        assert!(waiting[0].key() == waiting[2].key() && waiting[0].key() != waiting[1].key());
        let late = keep(&layout, &trigger("main", "a")).unwrap();
        for _ in 0..2 {
            drop_kept(&layout, &waiting).unwrap();
            assert_eq!(names(&layout), [late.as_str()], "what came later says the same and is another one");
        }
    }

    #[test]
    fn each_worktree_has_its_own_and_nobody_else_may_read_them() {
        let (room, layout) = worktree();
        let id = keep(&layout, &trigger("other", "a")).unwrap();
        assert_eq!(names(&layout), [""; 0]);
        assert_eq!(names(&Layout::linked(room.path(), room.path().join(".git"), "other")), [id.as_str()]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&layout.triggers()), mode(&layout.triggers().join(format!("{id}.json")))), (0o700, 0o600));
    }

    #[test]
    fn what_cannot_be_read_asks_for_a_look_and_half_a_file_is_none() {
        let (_room, layout) = worktree();
        let id = keep(&layout, &trigger("main", "a")).unwrap();
        std::fs::write(layout.triggers().join(format!("{id}.json")), "{").unwrap();
        std::fs::write(layout.triggers().join("last.json"), "{}").unwrap();
        std::fs::write(layout.triggers().join(".turnstile-1-0.tmp"), "{").unwrap();
        assert_eq!(kept(&layout).unwrap(), [Kept { id, trigger: None }]);
        sweep(&layout, |process| process == 1).unwrap();
        assert!(layout.triggers().join(".turnstile-1-0.tmp").exists(), "somebody may be at it");
        sweep(&layout, |_| false).unwrap();
        assert!(!layout.triggers().join(".turnstile-1-0.tmp").exists());
        assert_eq!(kept(&layout).unwrap().len(), 1);
    }
}

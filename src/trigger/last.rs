//! `triggers/last.json`: why the last start of a worktree was refused, until one serves its triggers. For people.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spool::{Kept, kept};
use crate::crash::{Point, point};
use crate::store::{self, Audience, Layout, Links, StoreError};

const NAME: &str = "last.json";
const CAP: u64 = 1 << 20;

/// Whoever holds the lock writes one small file.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(5);

/// A start that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: String,
    /// What asked for it, in a few words.
    pub asked_by: String,
    /// Why.
    pub reason: Why,
    /// The triggers that it was to serve; one that is not among them wants a start of its own.
    #[serde(default)]
    pub triggers: Vec<String>,
}

/// Why a start came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The reason's stable word; `io` where the machine refused something.
    pub code: String,
    /// What is the matter and what to type next.
    pub message: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Last {
    version: u32,
    /// By the machine folder of the worktree.
    refused: BTreeMap<String, Refused>,
}

/// Why the last start of this worktree was refused, if no start has served its triggers since. A file that cannot be
/// read says nothing: it is no state.
pub fn last_refused(layout: &Layout) -> Option<Refused> {
    read(layout).refused.remove(&layout.worktree)
}

/// Writes down why a start was refused. `of` are the triggers that it was to serve; where another start has served all
/// of them meanwhile, nothing was refused.
pub fn note_refused(layout: &Layout, of: &[Kept], refused: Refused) -> Result<(), StoreError> {
    let _lock = lock(layout)?;
    if !of.is_empty() {
        let waiting = kept(layout)?;
        if !of.iter().any(|one| waiting.iter().any(|kept| kept.id == one.id)) {
            return Ok(());
        }
    }
    let mut last = read(layout);
    last.refused.insert(layout.worktree.clone(), refused);
    point(Point::TriggerRefused);
    write(layout, &last)
}

/// A start was served.
pub fn clear_refused(layout: &Layout) -> Result<(), StoreError> {
    forget_refused(layout, |worktree, _| worktree == layout.worktree)
}

/// Forgets the refusals that are for nobody any more.
pub fn forget_refused(layout: &Layout, is_over: impl Fn(&str, &Refused) -> bool) -> Result<(), StoreError> {
    if !read(layout).refused.iter().any(|(worktree, refused)| is_over(worktree, refused)) {
        return Ok(());
    }
    let _lock = lock(layout)?;
    let mut last = read(layout);
    last.refused.retain(|worktree, refused| !is_over(worktree, refused));
    if last.refused.is_empty() { store::remove(&layout.machine(), below()) } else { write(layout, &last) }
}

fn read(layout: &Layout) -> Last {
    let bytes = store::read_capped(&layout.machine(), below(), CAP, Links::Any);
    let bytes = bytes.ok().and_then(Result::ok).flatten().unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or(Last { version: 1, refused: BTreeMap::new() })
}

fn write(layout: &Layout, last: &Last) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec_pretty(last).map_err(|error| StoreError::write(&layout.triggers(), error))?;
    text.push(b'\n');
    store::write(&layout.machine(), below(), &text, Audience::Machine)
}

/// Where it lies below the machine part; a link in the place of the folder is never followed.
fn below() -> PathBuf {
    Path::new("triggers").join(NAME)
}

/// Two worktrees have one file.
fn lock(layout: &Layout) -> Result<File, StoreError> {
    let folder = layout.triggers();
    if folder.is_symlink() {
        return Err(StoreError::NotAFolder { path: folder });
    }
    store::make_machine_folder(&folder)?;
    let path = folder.join(".lock");
    let failed = |error: std::io::Error| StoreError::write(&path, error);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(failed(std::io::ErrorKind::WouldBlock.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::{Trigger, drop_kept, keep};

    fn refused(code: &str) -> Refused {
        Refused {
            at: "now".into(),
            asked_by: "pre-push".into(),
            reason: Why { code: code.into(), message: "why".into() },
            triggers: Vec::new(),
        }
    }

    #[test]
    fn each_worktree_has_its_last_refusal_until_it_is_served() {
        let room = tempfile::tempdir().unwrap();
        let main = Layout::main(room.path(), room.path().join(".git"));
        let linked = Layout::linked(room.path(), room.path().join(".git"), "linked");
        assert_eq!(last_refused(&main), None);
        clear_refused(&main).unwrap();
        note_refused(&main, &[], refused("dirty_worktree")).unwrap();
        note_refused(&linked, &[], refused("untrusted")).unwrap();
        note_refused(&main, &[], refused("invalid")).unwrap();
        assert_eq!(last_refused(&main), Some(refused("invalid")));
        clear_refused(&main).unwrap();
        assert_eq!((last_refused(&main), last_refused(&linked)), (None, Some(refused("untrusted"))));
        clear_refused(&linked).unwrap();
        assert!(!main.triggers().join(NAME).exists());
    }

    #[test]
    fn what_another_start_has_served_meanwhile_was_not_refused() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        keep(&layout, &Trigger::new("post-commit", "now".into(), Some("main".into()), Vec::new())).unwrap();
        let waiting = kept(&layout).unwrap();
        note_refused(&layout, &waiting, refused("invalid")).unwrap();
        clear_refused(&layout).unwrap();
        drop_kept(&layout, &waiting).unwrap();
        note_refused(&layout, &waiting, refused("invalid")).unwrap();
        assert_eq!(last_refused(&layout), None);
    }

    #[test]
    fn a_damaged_file_says_nothing_and_is_written_anew() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        note_refused(&layout, &[], refused("invalid")).unwrap();
        std::fs::write(layout.triggers().join(NAME), "{").unwrap();
        assert_eq!(last_refused(&layout), None);
        note_refused(&layout, &[], refused("untrusted")).unwrap();
        assert_eq!(last_refused(&layout), Some(refused("untrusted")));
    }
}

//! What an operator decided while a step was under way: kept beside the worktree's lock until the step serves it.
//!
//! Each decision is a folder of its own, `000001-<8 digits>`, with `decision.json` and, for a reply, `USER_REPLY.md`
//! and `reply/`. It is made under a hidden name and then renamed, so that it is there as a whole or not at all.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::atomic::TEXT_CAP;
use super::folder::{Audience, Folder, Links};
use super::mail::write_spooled;
use super::{Layout, StoreError};
use crate::crash::{Point, point};

const FILE: &str = "decision.json";

/// A decision as it is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionDraft {
    /// What is to be done: `done`, `approve`, `reply`, …
    pub kind: String,
    /// About what.
    pub arguments: Value,
    /// By whom.
    pub who: String,
    /// When.
    pub at: String,
}

/// A decision that waits for a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Its name: ids sort in the order in which they were given, and none is used twice.
    pub id: String,
    /// What was decided.
    pub draft: DecisionDraft,
    /// The folder that it lies in; where the decision is a reply, the message is there too.
    pub folder: PathBuf,
}

/// Stores a decision and gives back its id.
pub fn store_decision(layout: &Layout, draft: &DecisionDraft) -> Result<String, StoreError> {
    store(layout, draft, |_| Ok(()))
}

/// Stores a reply as a decision: its text and its attachments lie in the decision's folder.
pub fn store_reply(
    layout: &Layout,
    draft: &DecisionDraft,
    text: &str,
    attachments: &[PathBuf],
) -> Result<String, StoreError> {
    store(layout, draft, |folder| write_spooled(folder, text, attachments).map(drop))
}

/// The decisions that wait, oldest first.
pub fn list_decisions(layout: &Layout) -> Result<Vec<Decision>, StoreError> {
    let Some(folder) = Folder::open(&layout.decisions())? else { return Ok(Vec::new()) };
    let mut decisions = Vec::new();
    for id in ids(&folder)? {
        let Some(one) = folder.below(Path::new(&id))? else { continue };
        let path = one.path().join(FILE);
        let contents = match one.read(OsStr::new(FILE), TEXT_CAP, Links::Any)? {
            Ok(Some(contents)) => contents,
            // Dropped by somebody else between the listing and now.
            Ok(None) if folder.kind(OsStr::new(&id))?.is_none() => continue,
            Ok(None) => return Err(StoreError::Damaged { path, why: "it is missing".to_owned() }),
            Err(why) => return Err(StoreError::Unusable { path, why }),
        };
        let draft = serde_json::from_slice(&contents.bytes)
            .map_err(|error| StoreError::Damaged { path, why: error.to_string() })?;
        decisions.push(Decision { id, draft, folder: one.path().to_owned() });
    }
    Ok(decisions)
}

/// Removes a decision that was served; one that is gone already is no error.
pub fn drop_decision(layout: &Layout, id: &str) -> Result<(), StoreError> {
    let Some(folder) = Folder::open(&layout.decisions())? else { return Ok(()) };
    if counter(id).is_none() || id.contains('/') {
        return Err(StoreError::Outside { path: layout.decisions(), name: id.to_owned() });
    }
    // Gone at once, whatever happens to the removal of what it held.
    let gone = format!(".gone-{id}");
    match folder.move_new(OsStr::new(id), &folder, OsStr::new(&gone)) {
        Ok(()) => {
            point(Point::DecisionDropped);
            folder.sync()?;
        }
        Err(StoreError::Move { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    sweep(&folder)
}

fn store(
    layout: &Layout,
    draft: &DecisionDraft,
    fill: impl FnOnce(&Folder) -> Result<(), StoreError>,
) -> Result<String, StoreError> {
    let folder = Folder::make(&layout.decisions(), Audience::Machine)?;
    let json = serde_json::to_vec(draft).map_err(|error| StoreError::write(&layout.decisions(), error))?;
    let mark = mark(&json);
    let growing = format!(".new-{mark}");
    let new = folder.make_below(Path::new(&growing), Audience::Machine)?;
    let filled = fill(&new).and_then(|()| new.write(OsStr::new(FILE), &json, Audience::Machine));
    if let Err(error) = filled {
        // What was refused leaves nothing; that its remains could not be removed is worth less than the refusal.
        let _ = std::fs::remove_dir_all(new.path());
        return Err(error);
    }
    point(Point::DecisionFilled);
    let id = format!("{:06}-{mark}", ids(&folder)?.last().and_then(|id| counter(id)).unwrap_or(0) + 1);
    folder.move_new(OsStr::new(&growing), &folder, OsStr::new(&id))?;
    point(Point::DecisionStored);
    folder.sync()?;
    Ok(id)
}

/// Eight digits that no other decision has: the counter starts again once all were dropped, and an id that came twice
/// would pass for one that was served already.
fn mark(json: &[u8]) -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut hasher = Sha256::new();
    hasher.update(json);
    hasher.update(since.as_nanos().to_le_bytes());
    hasher.update(std::process::id().to_le_bytes());
    hasher.update(COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    let mut digits = format!("{:x}", hasher.finalize());
    digits.truncate(8);
    digits
}

fn ids(folder: &Folder) -> Result<Vec<String>, StoreError> {
    let mut ids: Vec<String> = folder
        .names()?
        .into_iter()
        .filter_map(|name| CString::into_string(name).ok())
        .filter(|name| counter(name).is_some())
        .collect();
    ids.sort_by_key(|id| counter(id));
    Ok(ids)
}

fn counter(id: &str) -> Option<u64> {
    let (number, _) = id.split_once('-')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()
}

/// Removes what was dropped. A folder that is just being made is left alone.
fn sweep(folder: &Folder) -> Result<(), StoreError> {
    for name in folder.names()? {
        if name.as_bytes().starts_with(b".gone-") {
            let path = folder.path().join(OsStr::from_bytes(name.as_bytes()));
            match std::fs::remove_dir_all(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::remove(&path, error)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worktree() -> (tempfile::TempDir, Layout) {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        (room, layout)
    }

    fn draft(kind: &str) -> DecisionDraft {
        DecisionDraft { kind: kind.into(), arguments: Value::Null, who: "ann".into(), at: "now".into() }
    }

    fn kinds(layout: &Layout) -> Vec<String> {
        list_decisions(layout).unwrap().into_iter().map(|decision| decision.draft.kind).collect()
    }

    #[test]
    fn decisions_are_listed_in_the_order_in_which_they_were_given_until_they_are_dropped() {
        let (_room, layout) = worktree();
        assert_eq!(kinds(&layout), [""; 0]);
        let ids: Vec<String> =
            ["pause", "done", "approve"].map(|kind| store_decision(&layout, &draft(kind)).unwrap()).into();
        assert_eq!(kinds(&layout), ["pause", "done", "approve"]);
        for _ in 0..2 {
            drop_decision(&layout, &ids[1]).unwrap();
            assert_eq!(kinds(&layout), ["pause", "approve"]);
        }
        store_decision(&layout, &draft("resume")).unwrap();
        assert_eq!(kinds(&layout), ["pause", "approve", "resume"]);
    }

    #[test]
    fn an_id_is_not_used_twice_even_after_all_were_dropped() {
        let (_room, layout) = worktree();
        let first = store_decision(&layout, &draft("pause")).unwrap();
        drop_decision(&layout, &first).unwrap();
        let second = store_decision(&layout, &draft("pause")).unwrap();
        assert_ne!(first, second);
        assert_eq!(list_decisions(&layout).unwrap()[0].id, second);
    }

    #[test]
    fn half_a_decision_is_none_and_a_damaged_one_is_said_to_be() {
        let (_room, layout) = worktree();
        let id = store_decision(&layout, &draft("pause")).unwrap();
        std::fs::create_dir(layout.decisions().join(".new-12345678")).unwrap();
        std::fs::create_dir_all(layout.decisions().join(".gone-000009-1/reply")).unwrap();
        assert_eq!(kinds(&layout), ["pause"]);
        std::fs::write(layout.decisions().join(&id).join(FILE), "{").unwrap();
        assert!(matches!(list_decisions(&layout), Err(StoreError::Damaged { .. })));
        drop_decision(&layout, &id).unwrap();
        assert!(!layout.decisions().join(".gone-000009-1").exists(), "what a kill left is swept");
        assert!(layout.decisions().join(".new-12345678").exists(), "somebody may be at it");
    }

    #[test]
    fn only_a_decision_can_be_dropped() {
        let (room, layout) = worktree();
        store_decision(&layout, &draft("pause")).unwrap();
        std::fs::create_dir(room.path().join("1-x")).unwrap();
        for id in ["..", "../1-x", "1-x/../../../1-x", "", ".new-1"] {
            assert!(drop_decision(&layout, id).is_err(), "{id}");
        }
        assert_eq!(kinds(&layout), ["pause"]);
    }
}

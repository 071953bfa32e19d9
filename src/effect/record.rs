//! What is on disk about an effect, and what it proves.
//!
//! | killed where | found | so |
//! |---|---|---|
//! | before the child is spawned | lease free, no `started` | not started |
//! | child spawned, not yet itself | lease held: it was locked before the fork | running |
//! | child alive, `started` not yet written | lease held | running |
//! | child dead before `started` | lease free, no `started`; nothing was done | not started |
//! | child dead after `started` | lease free, no `exit.json` | lost |
//! | after `exit.json` | `exit.json` | over |

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::EffectError;
use super::process::Identity;

/// What the world shows about an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<T> {
    /// Nothing of it was done, and nobody is about to.
    NotStarted,
    /// Its child holds the lease.
    Running,
    /// It came to its end: what it returned, or why it could not.
    Over(Result<T, String>),
    /// It began, and its child was gone before the end was recorded. What it ran may still be alive: see
    /// [`end_leftovers`](super::end_leftovers).
    Lost,
}

/// Reads what there is about the effect in `directory`. Changes nothing, and stands in nobody's way.
pub fn evidence<T: DeserializeOwned>(directory: &Path) -> Result<Evidence<T>, EffectError> {
    if let Some(exit) = read::<Exit<T>>(&exit_path(directory))? {
        return Ok(Evidence::Over(exit.into()));
    }
    if is_held(directory)? {
        return Ok(Evidence::Running);
    }
    // The end may have been recorded between the two looks; from here on nobody writes any more.
    if let Some(exit) = read::<Exit<T>>(&exit_path(directory))? {
        return Ok(Evidence::Over(exit.into()));
    }
    match read::<Identity>(&started_path(directory))? {
        Some(_) => Ok(Evidence::Lost),
        None => Ok(Evidence::NotStarted),
    }
}

/// Whether the effect in `directory` is under way.
pub fn is_running(directory: &Path) -> Result<bool, EffectError> {
    Ok(!exit_path(directory).exists() && is_held(directory)?)
}

/// The process that carries the effect out, if it lives.
pub fn child_pid(directory: &Path) -> Result<Option<u32>, EffectError> {
    let started = read::<Identity>(&started_path(directory))?;
    Ok(started.filter(Identity::lives).map(|identity| identity.pid))
}

/// Whether this process runs inside the effect: the process that carries it out started this one, or whoever did.
pub fn is_inside(directory: &Path) -> Result<bool, EffectError> {
    Ok(child_pid(directory)?.is_some_and(super::process::is_ancestor))
}

/// How an effect ended, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Exit<T> {
    /// What it returned.
    Ok(T),
    /// Why it could not.
    Err(String),
}

impl<T> From<Exit<T>> for Result<T, String> {
    fn from(exit: Exit<T>) -> Self {
        match exit {
            Exit::Ok(value) => Ok(value),
            Exit::Err(why) => Err(why),
        }
    }
}

/// Whether somebody carries the effect out. Readers share the lock, so that they never take each other for a child.
pub(super) fn is_held(directory: &Path) -> Result<bool, EffectError> {
    let path = lease_path(directory);
    let lease = match File::open(&path) {
        Ok(lease) => lease,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(EffectError::Read { path, source }),
    };
    match lease.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(EffectError::Lock { path, source }),
    }
}

/// A record; `None` if there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EffectError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(EffectError::Read { path: path.to_path_buf(), source }),
    };
    let record = serde_json::from_slice(&text);
    record.map(Some).map_err(|source| EffectError::Damaged { path: path.to_path_buf(), source })
}

/// Whether there is such a file.
pub(super) fn is_there(path: &Path) -> Result<bool, EffectError> {
    path.try_exists().map_err(|source| EffectError::Read { path: path.to_path_buf(), source })
}

pub(super) fn lease_path(directory: &Path) -> PathBuf {
    directory.join("lease")
}

pub(super) fn started_path(directory: &Path) -> PathBuf {
    directory.join("started")
}

pub(super) fn exit_path(directory: &Path) -> PathBuf {
    directory.join("exit.json")
}

pub(super) fn program_path(directory: &Path) -> PathBuf {
    directory.join("program.json")
}

pub(super) fn stop_path(directory: &Path) -> PathBuf {
    directory.join("stop")
}

pub(super) fn log_path(directory: &Path) -> PathBuf {
    directory.join("child.log")
}

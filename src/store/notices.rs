//! What was told to the program that the config names: a folder per event beside the run's journal, with what it was
//! given, what it printed, and what became of it. Must not know what an event is.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde_json::Value;

use super::folder::{Audience, Folder, Links};
use super::{Layout, StoreError};
use crate::crash::{Point, point};

const NOTICES: &str = "notices";
const DOCUMENT: &str = "document.json";
const TOLD: &str = "told.json";
const CAP: u64 = 1 << 20;

/// An event that is being told by this process and by no other.
#[derive(Debug)]
pub struct Telling {
    folder: Folder,
    /// It is let go of when the process ends, however it ends.
    _lock: File,
}

/// Takes up an event of a run; none where it was told already, or another process tells it just now.
pub fn take_up_notice(layout: &Layout, run: &str, name: &str) -> Result<Option<Telling>, StoreError> {
    let Some(top) = Folder::open(&layout.run(run))? else { return Ok(None) };
    let folder = top.make_below(&Path::new(NOTICES).join(name), Audience::Machine)?;
    let path = folder.path().join("lock");
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lock = rustix::fs::openat(&folder.handle, "lock", flags, Mode::RUSR | Mode::WUSR)
        .map(File::from)
        .map_err(|error| StoreError::write(&path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(StoreError::write(&path, error)),
    }
    // Not before the lock is held: whoever held it may have told it meanwhile.
    let told = folder.kind(TOLD.as_ref())?.is_some();
    Ok((!told).then_some(Telling { folder, _lock: lock }))
}

/// The last event that was taken up, and what was to be told of it.
pub fn last_notice(layout: &Layout, run: &str) -> Result<Option<(String, Value)>, StoreError> {
    let Some(top) = Folder::open(&layout.run(run))? else { return Ok(None) };
    let Some(folder) = top.below(NOTICES.as_ref())? else { return Ok(None) };
    let names = folder.names()?;
    let Some(name) = names.last().and_then(|name| name.to_str().ok()) else { return Ok(None) };
    let Some(one) = folder.below(name.as_ref())? else { return Ok(None) };
    // What nobody can read was not told as far as anybody knows.
    let document = one.read(DOCUMENT.as_ref(), CAP, Links::Any)?.ok().flatten();
    let document = document.and_then(|contents| serde_json::from_slice(&contents.bytes).ok());
    Ok(document.map(|document| (name.to_owned(), document)))
}

impl Telling {
    /// The folder: what the program prints is kept here.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes down what is told, and gives back where.
    pub fn write(&self, document: &Value) -> Result<PathBuf, StoreError> {
        self.folder.write(DOCUMENT.as_ref(), format!("{document}\n").as_bytes(), Audience::Machine)?;
        point(Point::NoticeWritten);
        Ok(self.folder.path().join(DOCUMENT))
    }

    /// Writes down what became of it: from here on it is told, or given up.
    pub fn close(&self, outcome: &Value) -> Result<(), StoreError> {
        point(Point::NoticeTold);
        self.folder.write(TOLD.as_ref(), format!("{outcome}\n").as_bytes(), Audience::Machine)
    }
}

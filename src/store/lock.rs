//! The lock of a worktree, held for the whole of a step: an flock, which the kernel lets go of when its holder dies.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::folder::{Audience, Folder, Links};
use super::{Layout, StoreError};
use crate::crash::{Point, point};

/// A process that was forked and not yet replaced holds a dead runner's lock for moments: look again for a second.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// Where the holder lives, it is at work, and a second more would not change that.
const TRIES_BESIDE_THE_LIVING: u32 = 8;

/// Who holds a lock, as the holder wrote it down for people. It decides for how long the lock is waited for, no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub since: String,
    /// What it does, as it was typed.
    pub command: String,
}

/// A lock that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else holds it.
    #[error("another step holds the lock of this worktree{}", shown(.holder.as_ref()))]
    Busy {
        /// Who says to hold it; `None` where nobody could be read.
        holder: Option<Holder>,
    },
    /// Another worktree is choosing a ticket and does not come to an end.
    #[error("another worktree of this repository holds {} for a minute; is its process stopped?", .path.display())]
    Choosing {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be made, opened or locked.
    #[error("cannot lock {}", .path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder of the lock cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn shown(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(
            ": process {} since {}, {}",
            holder.pid,
            crate::text::shown_line(&holder.since),
            crate::text::shown_line(&holder.command)
        )
    })
}

/// The lock of a worktree; it is let go of when this value is dropped, or its process dies.
#[derive(Debug)]
pub struct WorktreeLock {
    file: File,
    path: PathBuf,
}

impl WorktreeLock {
    /// Takes the lock; waits at most a second for it, and only moments where its holder lives. `holder` is written into
    /// the file for whoever finds it taken.
    pub fn acquire(layout: &Layout, holder: &Holder) -> Result<Self, LockError> {
        let folder = Folder::make(&layout.worktree_folder(), Audience::Machine)?;
        let path = layout.lock_file();
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&folder.handle, "lock", flags, Mode::RUSR | Mode::WUSR)
                .map(File::from)
                .map_err(|error| LockError::Io { path: path.clone(), source: error.into() })?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if attempt + 1 >= TRIES_BESIDE_THE_LIVING && is_held(&folder) => break,
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(source)) => return Err(LockError::Io { path, source }),
            }
            let mut lock = Self { file, path: path.clone() };
            // Whoever removed the file in between let a second holder lock its successor.
            if lock.still_ours()? {
                lock.introduce(holder)?;
                point(Point::LockTaken);
                return Ok(lock);
            }
        }
        Err(LockError::Busy { holder: read_holder(&folder) })
    }

    /// Whether the file that is locked is still the one that others would lock.
    pub fn still_ours(&self) -> Result<bool, LockError> {
        let failed = |source| LockError::Io { path: self.path.clone(), source };
        let ours = self.file.metadata().map_err(failed)?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(failed(source)),
        }
    }

    fn introduce(&mut self, holder: &Holder) -> Result<(), LockError> {
        let mut line = serde_json::to_vec(holder).expect("a number and two strings are JSON");
        line.push(b'\n');
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(&line))
            .map_err(|source| LockError::Io { path: self.path.clone(), source })
    }
}

/// Held from the look at which tickets other worktrees have to the line that says which one this worktree takes, so
/// that two of them never take the same. Never held while something is waited for.
#[derive(Debug)]
pub struct ChoosingLock {
    _file: File,
}

impl ChoosingLock {
    /// Takes the lock; whoever holds it chooses, which takes moments.
    pub fn acquire(layout: &Layout) -> Result<Self, LockError> {
        let path = layout.choosing_file();
        let failed = |source| LockError::Io { path: path.clone(), source };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let folder = Folder::make(path.parent().unwrap_or(&layout.common_dir), Audience::Machine)?;
        let file = rustix::fs::openat(&folder.handle, "choosing", flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|error| failed(error.into()))?;
        for _ in 0..CHOOSING_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(CHOOSING_PAUSE),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Err(LockError::Choosing { path })
    }
}

/// A look at a very large repository may take seconds; a minute is nobody's.
const CHOOSING_TRIES: u32 = 6000;
const CHOOSING_PAUSE: Duration = Duration::from_millis(10);

/// For lookers: `Busy` if somebody holds the lock just now. The shared lock that asks is let go of at once, and
/// whoever wants to take it meanwhile tries again.
pub fn look_at_lock(layout: &Layout) -> Result<(), LockError> {
    let Some(folder) = Folder::open(&layout.worktree_folder())? else { return Ok(()) };
    let path = layout.lock_file();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&folder.handle, "lock", flags, Mode::empty()) {
        Ok(handle) => File::from(handle),
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(LockError::Io { path, source: error.into() }),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(LockError::Busy { holder: read_holder(&folder) }),
        Err(TryLockError::Error(source)) => Err(LockError::Io { path, source }),
    }
}

/// Whether another process that lives says that it holds the lock.
fn is_held(folder: &Folder) -> bool {
    let holder = read_holder(folder).filter(|holder| holder.pid != std::process::id());
    let process = holder.and_then(|holder| Pid::from_raw(i32::try_from(holder.pid).ok()?));
    process.is_some_and(|process| test_kill_process(process) != Err(Errno::SRCH))
}

fn read_holder(folder: &Folder) -> Option<Holder> {
    let contents = folder.read(OsStr::new("lock"), 64 * 1024, Links::Any).ok()?.ok()??;
    serde_json::from_slice(&contents.bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder { pid: 7, since: "2026-01-31T08:00:00Z".into(), command: "turnstile run".into() }
    }

    #[test]
    fn one_holder_at_a_time_and_the_second_is_told_who_it_is() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        look_at_lock(&layout).unwrap();
        let lock = WorktreeLock::acquire(&layout, &holder()).unwrap();
        for busy in [WorktreeLock::acquire(&layout, &holder()).map(drop), look_at_lock(&layout)] {
            let Err(LockError::Busy { holder: Some(found) }) = busy else { panic!("{busy:?}") };
            assert_eq!(found, holder());
        }
        drop(lock);
        look_at_lock(&layout).unwrap();
        WorktreeLock::acquire(&layout, &holder()).unwrap();
        assert!(layout.lock_file().exists(), "an unlinked lock file would let two in");
    }

    #[test]
    fn a_living_holder_is_not_waited_for_and_the_remains_of_a_dead_one_are() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let waited = |pid: u32| {
            let _lock = WorktreeLock::acquire(&layout, &Holder { pid, ..holder() }).unwrap();
            let begin = std::time::Instant::now();
            assert!(matches!(WorktreeLock::acquire(&layout, &holder()), Err(LockError::Busy { .. })));
            begin.elapsed()
        };
        let (beside_the_living, behind_the_dead) = (waited(std::os::unix::process::parent_id()), waited(dead.id()));
        assert!(beside_the_living * 2 < behind_the_dead, "{beside_the_living:?} {behind_the_dead:?}");
    }

    #[test]
    fn a_holder_notices_that_its_file_was_removed_or_replaced() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        let lock = WorktreeLock::acquire(&layout, &holder()).unwrap();
        assert!(lock.still_ours().unwrap());
        std::fs::remove_file(layout.lock_file()).unwrap();
        assert!(!lock.still_ours().unwrap());
        std::fs::write(layout.lock_file(), "").unwrap();
        assert!(!lock.still_ours().unwrap());
    }

    #[test]
    fn a_lock_that_cannot_be_made_is_not_taken_for_a_free_one() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        std::fs::create_dir_all(layout.lock_file()).unwrap();
        assert!(matches!(WorktreeLock::acquire(&layout, &holder()), Err(LockError::Io { .. })));
        std::fs::remove_dir(layout.lock_file()).unwrap();
        std::os::unix::fs::symlink("/dev/null", layout.lock_file()).unwrap();
        assert!(matches!(WorktreeLock::acquire(&layout, &holder()), Err(LockError::Io { .. })));
        assert!(matches!(look_at_lock(&layout), Err(LockError::Io { .. })));
    }
}

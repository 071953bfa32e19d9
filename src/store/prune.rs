//! Old runs: which there are, what lies there besides their journals, and dropping it. Must not decide what is old.
//!
//! Of a run that is dropped stay its journal and what turnstile put aside for people (`turns/NNNN/overwritten/`).

use std::ffi::{CStr, OsStr};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::folder::{Audience, Folder, Kind, Links};
use super::pointer::is_run_id;
use super::{Layout, LockError, StoreError};
use crate::crash::{Point, point};

/// The folders of a run that hold logs.
const LOGS: [&str; 4] = ["turns", "saves", "notices", "undos"];
/// What a turn had changed and turnstile put back lies here, and it may be the only copy.
const PUT_ASIDE: &str = "overwritten";
const CAP: u64 = 4096;

/// How many files, and how many bytes they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// Files.
    pub files: u64,
    /// Their sizes, added up.
    pub bytes: u64,
}

/// What a run says of its own pruning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedNote {
    /// When.
    pub at: String,
}

/// The runs of a repository, in the order in which they began.
pub fn runs(layout: &Layout) -> Result<Vec<String>, StoreError> {
    let Some(folder) = Folder::open(&layout.runs())? else { return Ok(Vec::new()) };
    let names = folder.names()?.into_iter().filter_map(|name| name.into_string().ok());
    Ok(names.filter(|name| is_run_id(name)).collect())
}

/// What a run holds besides its journal and what was put aside.
pub fn logs(layout: &Layout, run: &str) -> Result<Logs, StoreError> {
    each_log(layout, run, &mut |_, _| Ok(true), &mut |_, _| Ok(()))
}

/// Drops that; gives back what this process has dropped.
pub fn drop_logs(layout: &Layout, run: &str) -> Result<Logs, StoreError> {
    let dropped = each_log(layout, run, &mut drop_file, &mut drop_empty)?;
    if let Some(folder) = Folder::open(&layout.run(run))? {
        folder.sync()?;
    }
    Ok(dropped)
}

/// Says in the run's folder that it was pruned.
pub fn mark_pruned(layout: &Layout, run: &str, note: &PrunedNote) -> Result<(), StoreError> {
    let path = layout.pruned(run);
    let text = serde_json::to_vec(note).map_err(|error| StoreError::write(&path, std::io::Error::from(error)))?;
    let Some(folder) = Folder::open(&layout.run(run))? else { return Ok(()) };
    folder.write(OsStr::new("pruned"), &text, Audience::Machine)?;
    point(Point::PruneMarked);
    Ok(())
}

/// What the run says of its own pruning; a note that nobody understands is one without a time.
pub fn pruned(layout: &Layout, run: &str) -> Result<Option<PrunedNote>, StoreError> {
    let Some(folder) = Folder::open(&layout.run(run))? else { return Ok(None) };
    let path = layout.pruned(run);
    match folder.read(OsStr::new("pruned"), CAP, Links::Any)? {
        Ok(None) => Ok(None),
        Ok(Some(found)) => {
            let unknown = PrunedNote { at: String::new() };
            Ok(Some(serde_json::from_slice(&found.bytes).unwrap_or(unknown)))
        }
        Err(why) => Err(StoreError::Unusable { path, why }),
    }
}

type OnFile<'a> = &'a mut dyn FnMut(&Folder, &CStr) -> Result<bool, StoreError>;
type OnFolder<'a> = &'a mut dyn FnMut(&Folder, &CStr) -> Result<(), StoreError>;

/// Comes by every log of a run; counts those for which `file` says yes.
fn each_log(layout: &Layout, run: &str, file: OnFile<'_>, folder: OnFolder<'_>) -> Result<Logs, StoreError> {
    let mut seen = Logs::default();
    let Some(top) = Folder::open(&layout.run(run))? else { return Ok(seen) };
    for name in LOGS {
        let Some(logs) = top.below(Path::new(name))? else { continue };
        for one in logs.names()? {
            each_below(&logs, &one, &mut seen, file, folder)?;
        }
        let name = std::ffi::CString::new(name).map_err(|_| StoreError::remove(&layout.run(run), Errno::INVAL))?;
        folder(&top, &name)?;
    }
    Ok(seen)
}

fn each_below(
    above: &Folder,
    name: &CStr,
    seen: &mut Logs,
    file: OnFile<'_>,
    folder: OnFolder<'_>,
) -> Result<(), StoreError> {
    let shown = OsStr::from_bytes(name.to_bytes());
    let Some(stat) = above.stat(shown)? else { return Ok(()) };
    if Kind::of(&stat) != Kind::Folder {
        // A link is dropped, not followed.
        if file(above, name)? {
            seen.files += 1;
            seen.bytes += u64::try_from(stat.st_size).unwrap_or_default();
        }
        return Ok(());
    }
    let Some(here) = above.below(Path::new(shown))? else { return Ok(()) };
    for one in here.names()?.iter().filter(|one| one.to_bytes() != PUT_ASIDE.as_bytes()) {
        each_below(&here, one, seen, file, folder)?;
    }
    folder(above, name)
}

/// Whether it was this process that dropped it.
fn drop_file(folder: &Folder, name: &CStr) -> Result<bool, StoreError> {
    match rustix::fs::unlinkat(&folder.handle, name, AtFlags::empty()) {
        Ok(()) => {
            point(Point::PruneFile);
            Ok(true)
        }
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(StoreError::remove(&folder.path.join(OsStr::from_bytes(name.to_bytes())), error)),
    }
}

/// A folder that still holds something stays.
fn drop_empty(folder: &Folder, name: &CStr) -> Result<(), StoreError> {
    match rustix::fs::unlinkat(&folder.handle, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(error) => Err(StoreError::remove(&folder.path.join(OsStr::from_bytes(name.to_bytes())), error)),
    }
}

/// Held while old runs are dropped, by one process of the repository. The kernel lets go of it when that dies, and the
/// text of the file then says which run it was about to drop: git's locks outlive it.
#[derive(Debug)]
pub struct PruneLock {
    file: File,
    path: std::path::PathBuf,
}

impl PruneLock {
    /// Takes the lock; `None` where another process drops old runs just now.
    pub fn acquire(layout: &Layout) -> Result<Option<Self>, LockError> {
        let path = layout.pruning_file();
        let failed = |source| LockError::Io { path: path.clone(), source };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let folder = Folder::make(&layout.machine(), Audience::Machine)?;
        let file = rustix::fs::openat(&folder.handle, "pruning", flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|error| failed(error.into()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, path })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether a process that drops old runs is at work or has died over it; taken for a look at no price.
    pub fn is_noted(layout: &Layout) -> bool {
        layout.pruning_file().symlink_metadata().is_ok_and(|found| found.len() > 0)
    }

    /// The run that a process was dropping which is dead by now.
    pub fn left(&mut self) -> Result<Option<String>, StoreError> {
        let mut text = String::new();
        self.file
            .rewind()
            .and_then(|()| (&mut self.file).take(CAP).read_to_string(&mut text))
            .map_err(|error| StoreError::read(&self.path, error))?;
        Ok(Some(text.trim().to_owned()).filter(|run| is_run_id(run)))
    }

    /// Writes down which run is about to be dropped.
    pub fn note(&mut self, run: &str) -> Result<(), StoreError> {
        self.write(&format!("{run}\n"))?;
        point(Point::PruneNoted);
        Ok(())
    }

    /// Writes down that none is.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.write("")
    }

    fn write(&mut self, text: &str) -> Result<(), StoreError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| StoreError::write(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_go_and_the_journal_and_what_was_put_aside_stay() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        assert_eq!(runs(&layout).unwrap(), [""; 0]);
        let put = |path: &str, text: &str| {
            let path = layout.run("r1").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("journal.jsonl", "{}\n");
        put("turns/0001/prompt.md", "12345");
        put("turns/0001/keep/exit.json", "123");
        put("turns/0001/overwritten/a/turns/b", "a person's");
        put("turns/0002/stdout.log", "1");
        put("saves/0001/request.json", "12");
        std::os::unix::fs::symlink(room.path().join("elsewhere"), layout.run("r1").join("turns/0002/link")).unwrap();
        std::fs::create_dir(room.path().join("elsewhere")).unwrap();
        std::fs::write(room.path().join("elsewhere/file"), "x").unwrap();
        assert_eq!(runs(&layout).unwrap(), ["r1"]);

        let found = logs(&layout, "r1").unwrap();
        assert_eq!((found.files, found.bytes > 11), (5, true), "the link counts as itself");
        assert_eq!(drop_logs(&layout, "r1").unwrap(), found);
        assert_eq!((logs(&layout, "r1").unwrap(), drop_logs(&layout, "r1").unwrap()), Default::default());
        let mut left: Vec<_> = walkdir::WalkDir::new(layout.run("r1")).into_iter().map(Result::unwrap).collect();
        left.retain(|entry| entry.file_type().is_file());
        let left: Vec<_> = left.iter().map(|entry| entry.path().strip_prefix(layout.run("r1")).unwrap()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(!layout.run("r1").join("saves").exists() && !layout.turn("r1", 2).exists());
        assert!(room.path().join("elsewhere/file").exists());

        assert_eq!(pruned(&layout, "r1").unwrap(), None);
        let note = PrunedNote { at: "2026-01-31T08:00:00.000Z".to_owned() };
        mark_pruned(&layout, "r1", &note).unwrap();
        assert_eq!(pruned(&layout, "r1").unwrap(), Some(note));
    }

    #[test]
    fn one_process_drops_old_runs_and_the_next_one_learns_of_a_dead_one() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        assert!(!PruneLock::is_noted(&layout));
        let mut lock = PruneLock::acquire(&layout).unwrap().unwrap();
        assert_eq!(lock.left().unwrap(), None);
        lock.note("r1").unwrap();
        assert!(PruneLock::is_noted(&layout));
        assert!(PruneLock::acquire(&layout).unwrap().is_none());
        drop(lock);
        let mut lock = PruneLock::acquire(&layout).unwrap().unwrap();
        assert_eq!(lock.left().unwrap().as_deref(), Some("r1"));
        lock.note("r2").unwrap();
        assert_eq!(lock.left().unwrap().as_deref(), Some("r2"));
        lock.clear().unwrap();
        assert_eq!((lock.left().unwrap(), PruneLock::is_noted(&layout)), (None, false));
    }
}

//! Finding and reading the tickets of a worktree. A second look reads only the files that changed since the first.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::num::NonZero;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

use super::atomic::{TEXT_CAP, unreadable};
use super::folder::{Answer, Folder, Kind, Links};
use super::layout::TICKETS;
use super::{Layout, StoreError};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::Source;
use crate::ticket::{Read, TicketId, Unreadable, natural_order, read_ticket};

mod cache;
mod discover;

pub use crate::ticket::is_ticket_path;
use discover::{Found, Named, discover, discover_listed};

/// A file whose last change is younger than this could change again without a difference in its stamp: the clocks of
/// file systems tick this slowly.
const RACY: Duration = Duration::from_millis(10);
/// Fewer files are read faster than a thread is started.
const ALONE: usize = 256;
/// Looking at a file that is known takes so much less than reading one.
const READ_TO_LOOK: usize = 8;
const THREADS: usize = 4;
/// So many bytes are loaded in less time than a thread takes to start.
const WORTH_A_THREAD: u64 = 32 * 1024;

/// How a text becomes a ticket.
type Reader = fn(&Source) -> Read;

/// The tickets of a worktree as they were when it was last looked at, in the natural order of their paths.
#[derive(Debug, Default)]
pub struct Scanned {
    reads: Vec<Read>,
    /// One for each of `reads`; `None` where the file has to be read again in any case.
    stamps: Vec<Option<Stamp>>,
    generation: u64,
    /// The file that holds exactly this.
    kept_as: Option<Stamp>,
}

impl Scanned {
    /// What the last process that kept its tickets had read, for a look that reads only what changed since. Whoever
    /// may write below the git directory, such as an agent whose turn is not over, could have written it.
    pub fn load(layout: &Layout, program: &Path) -> Self {
        cache::load(layout, program)
    }

    /// Whether there is so much to load that it is worth a thread.
    pub fn is_worth_a_thread(layout: &Layout) -> bool {
        layout.ticket_cache().metadata().is_ok_and(|found| found.len() > WORTH_A_THREAD)
    }

    /// Keeps the tickets for the next process; the lock of the worktree has to be held. `program` is this program.
    pub fn keep(&mut self, layout: &Layout, program: &Path) -> Result<(), StoreError> {
        cache::keep(layout, program, self)
    }

    /// The tickets, in the natural order of their paths. What cannot be read stands among them, with its fault.
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Counts the looks that found something else than the look before.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// Looks at all tickets of a worktree; reads those that are new or changed since the look that `scanned` holds.
pub fn scan(layout: &Layout, scanned: &mut Scanned) -> Result<(), StoreError> {
    scan_with(layout, scanned, read_ticket)
}

/// The same for a caller who has just listed everything below `.tickets` that is no folder, beginning at `began`.
pub fn scan_listed(
    layout: &Layout,
    scanned: &mut Scanned,
    listed: Vec<Listed>,
    began: SystemTime,
) -> Result<(), StoreError> {
    scan_found(layout, scanned, discover_listed(layout, listed)?, read_ticket, began)
}

/// What somebody else listed.
#[derive(Debug)]
pub struct Listed {
    /// Path from the top of the worktree.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FileType,
    /// What is known of it, if anything.
    pub stat: Option<Stat>,
}

fn scan_with(layout: &Layout, scanned: &mut Scanned, reader: Reader) -> Result<(), StoreError> {
    let began = SystemTime::now();
    scan_found(layout, scanned, discover(layout)?, reader, began)
}

fn scan_found(
    layout: &Layout,
    scanned: &mut Scanned,
    found: Vec<Found>,
    reader: Reader,
    began: SystemTime,
) -> Result<(), StoreError> {
    let tasks = match_up(found, scanned);
    let looked = look_at_all(layout, &tasks, reader, began).into_iter();
    let looked: Vec<Looked> = looked.collect::<Result<_, _>>()?;
    let is_same_list =
        tasks.len() == scanned.reads.len() && tasks.iter().zip(0..).all(|(task, at)| task.at == Some(at));
    // Most of the time nothing has changed, and then nothing is moved.
    if is_same_list && looked.iter().all(|looked| matches!(looked, Looked::Unchanged)) {
        return Ok(());
    }
    let old = std::mem::take(scanned);
    let mut known: Vec<Option<Read>> = old.reads.into_iter().map(Some).collect();
    let mut is_same = true;
    let mut is_kept = true;
    for (looked, task) in looked.into_iter().zip(tasks) {
        let before = task.at.and_then(|at| known.get_mut(at)?.take());
        let (read, stamp) = match (looked, before) {
            // Only a known file is called unchanged.
            (Looked::Unchanged, Some(read)) => (read, task.stamp),
            (Looked::Read(read, stamp), before) => {
                is_same &= before.is_some_and(|before| before == *read);
                is_kept &= stamp == task.stamp;
                (*read, stamp)
            }
            (Looked::Gone, _) | (Looked::Unchanged, None) => continue,
        };
        scanned.reads.push(read);
        scanned.stamps.push(stamp);
    }
    is_same &= scanned.reads.len() == known.len();
    scanned.generation = if is_same { old.generation } else { old.generation + 1 };
    scanned.kept_as = old.kept_as.filter(|_| is_kept && is_same);
    Ok(())
}

/// One file, and what is known of it.
struct Task {
    found: Found,
    /// Where it stands among the known ones.
    at: Option<usize>,
    stamp: Option<Stamp>,
}

/// What was found, in the natural order of the paths, beside what is known of it.
fn match_up(mut found: Vec<Found>, scanned: &Scanned) -> Vec<Task> {
    let known: HashMap<&str, usize> = scanned.reads.iter().zip(0..).map(|(read, at)| (&*read.path, at)).collect();
    let place = |found: &Found| known.get(found.path.as_str()).copied();
    // The known ones are in order, and a new one is rare.
    if found.iter().all(|found| place(found).is_some()) {
        found.sort_by_cached_key(place);
    } else {
        found.sort_unstable_by(|one, other| natural_order(&one.path, &other.path));
    }
    let task = |found| {
        let at = place(&found);
        Task { found, at, stamp: at.and_then(|at| *scanned.stamps.get(at)?) }
    };
    found.into_iter().map(task).collect()
}

enum Looked {
    Gone,
    Unchanged,
    Read(Box<Read>, Option<Stamp>),
}

fn look_at_all(layout: &Layout, tasks: &[Task], reader: Reader, began: SystemTime) -> Vec<Result<Looked, StoreError>> {
    let unread = tasks.iter().filter(|task| task.stamp.is_none()).count();
    if unread + tasks.len() / READ_TO_LOOK < ALONE {
        return look_at_some(layout, tasks, reader, began);
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    if threads == 1 {
        return look_at_some(layout, tasks, reader, began);
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = tasks
            .chunks(tasks.len().div_ceil(threads))
            .map(|some| scope.spawn(move || look_at_some(layout, some, reader, began)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| match worker.join() {
                Ok(looked) => looked,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn look_at_some(layout: &Layout, tasks: &[Task], reader: Reader, began: SystemTime) -> Vec<Result<Looked, StoreError>> {
    // Tickets come folder by folder, so that one open folder at a time is enough.
    let mut open: Option<(&str, Result<Answer<Folder>, StoreError>)> = None;
    let mut looked = Vec::with_capacity(tasks.len());
    for Task { found, stamp, .. } in tasks {
        looked.push(match &found.named {
            Named::Fault(fault) => Ok(faulty(found, fault.clone())),
            Named::File => {
                let (folder, name) = found.path.rsplit_once('/').unwrap_or((TICKETS, &found.path));
                if open.as_ref().is_none_or(|(opened, _)| *opened != folder) {
                    open = Some((folder, open_folder(&layout.top, folder)));
                }
                match open.as_ref().map(|(_, result)| result) {
                    Some(Ok(Ok(Some(folder)))) => look_at_one(folder, OsStr::new(name), found, *stamp, reader, began),
                    Some(Ok(Err(why))) => Ok(faulty(found, why.diagnostic(found.path.as_str()))),
                    Some(Ok(Ok(None))) | None => Ok(Looked::Gone),
                    Some(Err(_)) => match open.take() {
                        Some((_, Err(error))) => Err(error),
                        Some((_, Ok(_))) | None => Ok(Looked::Gone),
                    },
                }
            }
        });
    }
    looked
}

fn open_folder(top: &Path, folder: &str) -> Result<Answer<Folder>, StoreError> {
    let opened = Folder::open(top).and_then(|top| match top {
        Some(top) => top.below(Path::new(folder)),
        None => Ok(None),
    });
    match opened {
        Ok(folder) => Ok(Ok(folder)),
        Err(error) => unreadable(error).map(Err),
    }
}

fn look_at_one(
    folder: &Folder,
    name: &OsStr,
    found: &Found,
    known: Option<Stamp>,
    reader: Reader,
    began: SystemTime,
) -> Result<Looked, StoreError> {
    if let Some(known) = known
        && let Ok(Some(stat)) = found.stat.map_or_else(|| folder.stat(name), |stat| Ok(Some(stat)))
        && Kind::of(&stat) == Kind::File
        && Stamp::of(&stat) == known
    {
        return Ok(Looked::Unchanged);
    }
    let contents = match folder.read(name, TEXT_CAP, Links::Any)? {
        Ok(Some(contents)) => contents,
        Ok(None) => return Ok(Looked::Gone),
        Err(why) => return Ok(faulty(found, why.diagnostic(found.path.as_str()))),
    };
    let stamp = Some(Stamp::of(&contents.stat)).filter(|stamp| stamp.is_older_than(began, RACY));
    Ok(match contents.text() {
        Ok(text) => Looked::Read(Box::new(reader(&Source::new(found.path.as_str(), text))), stamp),
        Err(why) => faulty(found, why.diagnostic(found.path.as_str())),
    })
}

fn faulty(found: &Found, fault: Diagnostic) -> Looked {
    let path = found.path.as_str().into();
    let read = Read { id: found.id(), path, ticket: None, diagnostics: vec![fault] };
    Looked::Read(Box::new(read), None)
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    // The widest number: the fields' types differ between systems.
    file: (i128, i128),
    length: i128,
    modified: (i128, i128),
    changed: (i128, i128),
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            file: (i128::from(stat.st_dev), i128::from(stat.st_ino)),
            length: i128::from(stat.st_size),
            modified: (i128::from(stat.st_mtime), i128::from(stat.st_mtime_nsec)),
            changed: (i128::from(stat.st_ctime), i128::from(stat.st_ctime_nsec)),
        }
    }

    /// The change time alone counts: unlike the modification time nobody can set it.
    fn is_older_than(&self, moment: SystemTime, margin: Duration) -> bool {
        let Some(limit) =
            moment.checked_sub(margin).and_then(|limit| limit.duration_since(SystemTime::UNIX_EPOCH).ok())
        else {
            return false;
        };
        let limit = (i128::from(limit.as_secs()), i128::from(limit.subsec_nanos()));
        self.changed < limit
    }
}

#[cfg(test)]
mod tests;

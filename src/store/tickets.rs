//! Finding and reading the tickets of a worktree. A second look reads only the files that changed since the first.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::Stat;

use super::atomic::{TEXT_CAP, unreadable};
use super::folder::{Answer, Folder, Kind, Links};
use super::layout::TICKETS;
use super::{Layout, StoreError};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::Source;
use crate::ticket::{Read, TicketId, Unreadable, natural_order, read_ticket};

mod discover;

pub use crate::ticket::is_ticket_path;
use discover::{Found, Named, discover};

/// A file whose last change is younger than this could change again without a difference in its stamp: the clocks of
/// file systems tick this slowly.
const RACY: Duration = Duration::from_millis(10);
/// Fewer files are read faster than a thread is started.
const ALONE: usize = 256;
const THREADS: usize = 4;

/// How a text becomes a ticket.
type Reader = fn(&Source) -> Read;

/// The tickets of a worktree as they were when it was last looked at, in the natural order of their paths.
#[derive(Debug, Default)]
pub struct Scanned {
    reads: Vec<Read>,
    /// One for each of `reads`; `None` where the file has to be read again in any case.
    stamps: Vec<Option<Stamp>>,
    generation: u64,
}

impl Scanned {
    /// The tickets, in the natural order of their paths. What cannot be read stands among them, with its fault.
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Counts the looks that found something else than the look before.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The same, for keeps.
    pub fn into_reads(self) -> Vec<Read> {
        self.reads
    }
}

/// Looks at all tickets of a worktree; reads those that are new or changed since the look that `scanned` holds.
pub fn scan(layout: &Layout, scanned: &mut Scanned) -> Result<(), StoreError> {
    scan_with(layout, scanned, read_ticket)
}

fn scan_with(layout: &Layout, scanned: &mut Scanned, reader: Reader) -> Result<(), StoreError> {
    let began = SystemTime::now();
    let found = discover(layout)?;
    let old = std::mem::take(scanned);
    let before = (old.generation, old.reads.len());
    let mut is_same = true;
    let mut known: HashMap<Arc<str>, (Option<Stamp>, Read)> =
        old.reads.into_iter().zip(old.stamps).map(|(read, stamp)| (read.path.clone(), (stamp, read))).collect();
    let tasks: Vec<(Found, Option<Stamp>)> = found
        .into_iter()
        .map(|found| {
            let stamp = known.get(found.path.as_str()).and_then(|(stamp, _)| *stamp);
            (found, stamp)
        })
        .collect();
    for (result, (found, _)) in look_at_all(layout, &tasks, reader, began).into_iter().zip(&tasks) {
        match result {
            Looked::Failed(error) => return Err(error),
            Looked::Gone => is_same = false,
            Looked::Unchanged => {
                // Only a known file is called unchanged.
                if let Some((stamp, read)) = known.remove(found.path.as_str()) {
                    scanned.reads.push(read);
                    scanned.stamps.push(stamp);
                }
            }
            Looked::Read(read, stamp) => {
                is_same &= known.remove(found.path.as_str()).is_some_and(|(_, known)| known == *read);
                scanned.reads.push(*read);
                scanned.stamps.push(stamp);
            }
        }
    }
    let (generation, count) = before;
    let is_same = is_same && scanned.reads.len() == count;
    scanned.generation = if is_same { generation } else { generation + 1 };
    Ok(())
}

enum Looked {
    /// The machine could not look: nothing is known of the file.
    Failed(StoreError),
    Gone,
    Unchanged,
    Read(Box<Read>, Option<Stamp>),
}

fn look_at_all(layout: &Layout, tasks: &[(Found, Option<Stamp>)], reader: Reader, began: SystemTime) -> Vec<Looked> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    if tasks.len() < ALONE || threads == 1 {
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

fn look_at_some(layout: &Layout, tasks: &[(Found, Option<Stamp>)], reader: Reader, began: SystemTime) -> Vec<Looked> {
    // Tickets come folder by folder, so that one open folder at a time is enough.
    let mut open: Option<(&str, Result<Answer<Folder>, StoreError>)> = None;
    let mut looked = Vec::with_capacity(tasks.len());
    for (found, known) in tasks {
        looked.push(match &found.named {
            Named::Fault(fault) => faulty(found, fault.clone()),
            Named::File => {
                let (folder, name) = found.path.rsplit_once('/').unwrap_or((TICKETS, &found.path));
                if open.as_ref().is_none_or(|(opened, _)| *opened != folder) {
                    open = Some((folder, open_folder(&layout.top, folder)));
                }
                match open.as_ref().map(|(_, result)| result) {
                    Some(Ok(Ok(Some(folder)))) => look_at_one(folder, OsStr::new(name), found, *known, reader, began),
                    Some(Ok(Err(why))) => faulty(found, why.diagnostic(found.path.as_str())),
                    Some(Ok(Ok(None))) | None => Looked::Gone,
                    Some(Err(_)) => match open.take() {
                        Some((_, Err(error))) => Looked::Failed(error),
                        Some((_, Ok(_))) | None => Looked::Gone,
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
) -> Looked {
    if let Some(known) = known
        && let Ok(Some(stat)) = folder.stat(name)
        && Kind::of(&stat) == Kind::File
        && Stamp::of(&stat) == known
    {
        return Looked::Unchanged;
    }
    let contents = match folder.read(name, TEXT_CAP, Links::Any) {
        Ok(Ok(Some(contents))) => contents,
        Ok(Ok(None)) => return Looked::Gone,
        Ok(Err(why)) => return faulty(found, why.diagnostic(found.path.as_str())),
        Err(error) => return Looked::Failed(error),
    };
    let stamp = Some(Stamp::of(&contents.stat)).filter(|stamp| stamp.is_older_than(began, RACY));
    match contents.text() {
        Ok(text) => Looked::Read(Box::new(reader(&Source::new(found.path.as_str(), text))), stamp),
        Err(why) => faulty(found, why.diagnostic(found.path.as_str())),
    }
}

fn faulty(found: &Found, fault: Diagnostic) -> Looked {
    let path = found.path.as_str().into();
    let read = Read { id: found.id(), path, ticket: None, diagnostics: vec![fault] };
    Looked::Read(Box::new(read), None)
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

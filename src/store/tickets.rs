//! Finding and reading the tickets of a worktree. A second look reads only the files that changed since the first.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::Hasher as _;
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
use cache::Kept;
use discover::{Found, Named, could_be_ticket, discover, discover_listed, is_folder};

/// A file whose last change is younger than this could change again without a difference in its stamp: the clocks of
/// file systems tick this slowly.
const RACY: Duration = Duration::from_millis(10);
/// Fewer files are read faster than a thread is started.
const ALONE: usize = 256;
/// Looking at a file that is known takes so much less than reading one.
const READ_TO_LOOK: usize = 8;
const THREADS: usize = 4;

/// How a text becomes a ticket.
type Reader = fn(&Source) -> Read;

/// The tickets of a worktree as they were when it was last looked at, in the natural order of their paths.
#[derive(Debug, Default)]
pub struct Scanned {
    reads: Vec<Read>,
    /// One for each of `reads`; `None` where the file has to be read again in any case.
    stamps: Vec<Option<Stamp>>,
    /// Their paths in the order in which the last listing met them; empty where nobody listed them.
    met: Vec<Vec<u8>>,
    generation: u64,
    /// The same as it is kept for the next process, or was by an earlier one.
    kept: Option<Kept>,
    /// Whether the tickets are still to be taken out of what is kept.
    is_packed: bool,
}

impl Scanned {
    /// What the last process that kept its tickets had read, for a look that reads only what changed since. Whoever
    /// may write below the git directory, such as an agent whose turn is not over, could have written it.
    pub fn load(layout: &Layout, program: &Path) -> Self {
        let kept = cache::load(layout, program);
        Self { is_packed: kept.is_some(), kept, ..Self::default() }
    }

    /// Keeps the tickets for the next process; the lock of the worktree has to be held. `program` is this program,
    /// `concluded` is what the caller makes of these tickets if it is not what [`Scanned::concluded`] gave.
    pub fn keep(&mut self, layout: &Layout, program: &Path, concluded: Option<&[u8]>) -> Result<(), StoreError> {
        cache::keep(layout, program, self, concluded)
    }

    /// What the last keeper concluded of exactly these tickets.
    pub fn concluded(&self) -> Option<&[u8]> {
        self.kept.as_ref()?.concluded()
    }

    /// The tickets, in the natural order of their paths. What cannot be read stands among them, with its fault.
    pub fn reads(&mut self, layout: &Layout) -> Result<&[Read], StoreError> {
        if !self.unpack() {
            scan(layout, self)?;
        }
        Ok(&self.reads)
    }

    /// The same for whoever knows that somebody asked for them since they were loaded.
    pub fn known_reads(&self) -> &[Read] {
        &self.reads
    }

    /// Counts the looks that found something else than the look before.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether something can be kept that was concluded of these tickets: they are all there are, and each is known by
    /// its stamp.
    pub fn can_conclude(&self) -> bool {
        self.kept.as_ref().is_some_and(Kept::knows_the_listing) || self.is_whole()
    }

    fn is_whole(&self) -> bool {
        !self.met.is_empty() && self.met.len() == self.reads.len() && self.stamps.iter().all(Option::is_some)
    }

    /// Stands for all that is known of the tickets by their stamps, as [`listing`] does for what somebody lists.
    pub fn listing(&self) -> Option<u64> {
        Some(digest(self.kept.as_ref().filter(|kept| kept.knows_the_listing())?.listing()))
    }

    /// Takes what is kept apart. False: it is damaged, and nothing is known.
    fn unpack(&mut self) -> bool {
        if !std::mem::take(&mut self.is_packed) {
            return true;
        }
        let Some(reads) = self.kept.as_ref().and_then(Kept::reads) else {
            *self = Self { generation: self.generation + 1, ..Self::default() };
            return false;
        };
        (self.stamps, self.reads) = reads.into_iter().map(|(stamp, read)| (Some(stamp), read)).unzip();
        true
    }

    /// Whether a listing meets exactly the tickets that are kept, each with the stamp that it had when it was read.
    /// Whatever is out of the ordinary does not fit, and is looked at one by one.
    fn fits(&self, listed: &[Listed]) -> bool {
        let Some(kept) = self.kept.as_ref().filter(|kept| kept.knows_the_listing()) else { return false };
        let mut all = kept.met();
        let mut next = all.next();
        for listed in listed {
            match next {
                Some(None) => return false,
                Some(Some((stamp, path))) if path == listed.path.as_slice() => {
                    let is_same = |stat: Stat| Kind::of(&stat) == Kind::File && Stamp::of(&stat).to_bytes() == stamp;
                    if listed.kind != FileType::RegularFile || !listed.stat.is_some_and(is_same) {
                        return false;
                    }
                    next = all.next();
                }
                Some(Some(_)) | None if could_be_ticket(listed) => return false,
                Some(Some(_)) | None => {}
            }
        }
        next.is_none()
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
    // Most of the time nothing has changed, and then nothing is taken apart.
    if scanned.fits(&listed) && is_folder(layout)? {
        return Ok(());
    }
    let met = listed.iter().filter(|listed| could_be_ticket(listed)).map(|listed| listed.path.clone()).collect();
    scan_found(layout, scanned, discover_listed(layout, listed)?, read_ticket, began)?;
    scanned.met = met;
    // A folder may list the same files in another order from now on; by the old one no listing would ever fit again.
    let is_met_so = |kept: &Kept| kept.met().flatten().map(|(_, path)| path).eq(scanned.met.iter().map(Vec::as_slice));
    if scanned.is_whole() && !scanned.kept.as_ref().is_some_and(is_met_so) {
        scanned.kept = None;
    }
    Ok(())
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

/// Stands for the paths and stamps of all tickets in a listing. None where one of them is out of the ordinary.
pub fn listing(listed: &[Listed]) -> Option<u64> {
    let mut all = Vec::new();
    for listed in listed.iter().filter(|listed| could_be_ticket(listed)) {
        let stat = listed.stat.filter(|stat| Kind::of(stat) == Kind::File && listed.kind == FileType::RegularFile)?;
        cache::extend_listing(&mut all, Stamp::of(&stat), &listed.path)?;
    }
    Some(digest(&all))
}

/// Of this program only: both sides are the same one, and a difference is a look more.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
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
    // Where it is damaged, nothing is known and everything is read.
    scanned.unpack();
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
    scanned.met = old.met;
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
    scanned.kept = old.kept.filter(|_| is_kept && is_same);
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

    /// All of it in a row: a thousand of them are compared in this form.
    fn to_bytes(self) -> [u8; Self::BYTES] {
        let (file, modified, changed) = (self.file, self.modified, self.changed);
        let parts = [file.0, file.1, self.length, modified.0, modified.1, changed.0, changed.1];
        let mut bytes = [0; Self::BYTES];
        for (place, part) in bytes.chunks_exact_mut(size_of::<i128>()).zip(parts) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        bytes
    }

    const BYTES: usize = 7 * size_of::<i128>();

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

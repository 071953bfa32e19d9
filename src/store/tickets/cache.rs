//! What was read of the tickets, kept between two processes. It can be lost or wrong at any time without harm: an entry
//! counts only for the file that it was read from, and the whole only for the program that wrote it.
//!
//! What is kept lies in three parts, so that a look that finds nothing changed takes apart none of what was read: the
//! tickets' stamps in the order in which a listing meets them, what the caller concluded of exactly these tickets, and
//! the tickets.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Read, Scanned, Stamp};
use crate::store::atomic::read_capped;
use crate::store::folder::{Audience, Folder, Links};
use crate::store::{Layout, StoreError};

/// More is not read: of so many tickets nobody ever heard.
const CAP: u64 = 256 << 20;
const CHECKSUM: usize = size_of::<u32>();

/// The content of the file, behind its checksum.
#[derive(Serialize, Deserialize)]
struct Content<'b> {
    /// Another program may read the same text in another way.
    program: Stamp,
    /// For each ticket its stamp, the length of its path and the path; empty where they are not all the tickets that
    /// there were.
    met: &'b [u8],
    /// Empty where nothing was concluded, or of other tickets than these.
    concluded: &'b [u8],
    /// `Vec<(Stamp, Read)>`
    reads: &'b [u8],
}

/// What is kept, as it lies in the file.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    met: Range<usize>,
    concluded: Range<usize>,
    reads: Range<usize>,
    /// The file that holds exactly this.
    file: Option<Stamp>,
}

impl Kept {
    /// None where it is damaged.
    fn of(bytes: Vec<u8>, file: Option<Stamp>) -> Option<(Self, Stamp)> {
        let (checksum, content) = bytes.split_at_checked(CHECKSUM)?;
        if checksum != crc32fast::hash(content).to_le_bytes() {
            return None;
        }
        let Content { program, met, concluded, reads } = postcard::from_bytes(content).ok()?;
        // The parts lie behind the program, one behind the other, and each behind its length.
        let place = |part: &[u8]| {
            let from = part.as_ptr().addr() - bytes.as_ptr().addr();
            from..from + part.len()
        };
        let (met, concluded, reads) = (place(met), place(concluded), place(reads));
        Some((Self { bytes, met, concluded, reads, file }, program))
    }

    fn part(&self, part: &Range<usize>) -> &[u8] {
        self.bytes.get(part.clone()).unwrap_or_default()
    }

    /// What the caller concluded of these tickets, if anything.
    pub(super) fn concluded(&self) -> Option<&[u8]> {
        Some(self.part(&self.concluded)).filter(|concluded| !concluded.is_empty())
    }

    /// Every ticket in the order in which a listing met them. None where it is not known, or where the rest is damaged.
    pub(super) fn met(&self) -> impl Iterator<Item = Option<OneMet<'_>>> {
        let mut rest = self.part(&self.met);
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let first = first_met(rest);
            rest = first.map_or(&[], |(_, behind)| behind);
            Some(first.map(|(met, _)| met))
        })
    }

    /// The same in one piece.
    pub(super) fn listing(&self) -> &[u8] {
        self.part(&self.met)
    }

    /// Whether it says which tickets a listing meets.
    pub(super) fn knows_the_listing(&self) -> bool {
        !self.met.is_empty()
    }

    /// The tickets with the stamps of their files; none where they are damaged.
    pub(super) fn reads(&self) -> Option<Vec<(Stamp, Read)>> {
        postcard::from_bytes(self.part(&self.reads)).ok()
    }
}

type OneMet<'b> = ([u8; Stamp::BYTES], &'b [u8]);

/// One more ticket as a listing meets it.
pub(super) fn extend_listing(bytes: &mut Vec<u8>, stamp: Stamp, path: &[u8]) -> Option<()> {
    let length = u32::try_from(path.len()).ok()?;
    bytes.extend(stamp.to_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(path);
    Some(())
}

/// A stamp and a path, and what stands behind them.
fn first_met(bytes: &[u8]) -> Option<(OneMet<'_>, &[u8])> {
    let (stamp, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (path, behind) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some(((*stamp, path), behind))
}

/// What the last keeper kept. Nothing where there is none, where another program wrote it, or where it is damaged.
pub(super) fn load(layout: &Layout, program: &Path) -> Option<Kept> {
    let path = layout.ticket_cache();
    let below = path.strip_prefix(&layout.common_dir).ok()?;
    // Stamped before it is read: whoever writes it meanwhile makes the stamp an old one.
    let file = stamp(&path)?;
    let bytes = read_capped(&layout.common_dir, below, CAP, Links::One).ok()?.ok()??;
    let (kept, wrote) = Kept::of(bytes, Some(file))?;
    (Some(wrote) == stamp(program)).then_some(kept)
}

/// Keeps what was read, where what lies there is anything else. `concluded` is what is new of it.
pub(super) fn keep(
    layout: &Layout,
    program: &Path,
    scanned: &mut Scanned,
    concluded: Option<&[u8]>,
) -> Result<(), StoreError> {
    let path = layout.ticket_cache();
    let Some((folder, name)) = path.parent().zip(path.file_name()) else { return Ok(()) };
    if let (Some(kept), None) = (&mut scanned.kept, concluded) {
        if kept.file.is_none() || kept.file != stamp(&path) {
            write(folder, name, &kept.bytes)?;
            kept.file = stamp(&path);
        }
        return Ok(());
    }
    if scanned.is_packed {
        return Ok(());
    }
    let Some(bytes) = packed(program, scanned, concluded.unwrap_or_default()) else { return Ok(()) };
    write(folder, name, &bytes)?;
    scanned.kept = Kept::of(bytes, stamp(&path)).map(|(kept, _)| kept);
    Ok(())
}

fn write(folder: &Path, name: &OsStr, bytes: &[u8]) -> Result<(), StoreError> {
    Folder::make(folder, Audience::Machine)?.write_disposable(name, bytes)
}

/// None: what cannot be expressed cannot be kept either, and is read anew.
fn packed(program: &Path, scanned: &Scanned, concluded: &[u8]) -> Option<Vec<u8>> {
    let whole = scanned.stamps.iter().zip(&scanned.reads);
    let kept: Vec<(Stamp, &Read)> = whole.filter_map(|(stamp, read)| Some(((*stamp)?, read))).collect();
    let reads = postcard::to_allocvec(&kept).ok()?;
    let met = met(scanned, &kept).unwrap_or_default();
    // What was concluded was concluded of all of them.
    let concluded = if met.is_empty() { &[] } else { concluded };
    let content = Content { program: stamp(program)?, met: &met, concluded, reads: &reads };
    let mut bytes = postcard::to_extend(&content, vec![0; CHECKSUM]).ok()?;
    let checksum = crc32fast::hash(bytes.get(CHECKSUM..).unwrap_or_default());
    bytes.splice(..CHECKSUM, checksum.to_le_bytes());
    Some(bytes)
}

/// What a listing meets, as it is kept. None where one of the tickets may have changed in spite of its stamp, or is no
/// file of that name.
fn met(scanned: &Scanned, kept: &[(Stamp, &Read)]) -> Option<Vec<u8>> {
    if let Some(kept) = scanned.kept.as_ref().filter(|kept| kept.knows_the_listing()) {
        return Some(kept.listing().to_vec());
    }
    if !scanned.is_whole() {
        return None;
    }
    let stamps: HashMap<&[u8], Stamp> = kept.iter().map(|(stamp, read)| (read.path.as_bytes(), *stamp)).collect();
    let mut bytes = Vec::new();
    for path in &scanned.met {
        let stamp = *stamps.get(path.as_slice())?;
        extend_listing(&mut bytes, stamp, path)?;
    }
    Some(bytes)
}

fn stamp(path: &Path) -> Option<Stamp> {
    rustix::fs::stat(path).ok().map(|stat| Stamp::of(&stat))
}

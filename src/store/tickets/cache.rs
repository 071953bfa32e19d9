//! What was read of the tickets, kept between two processes. It can be lost or wrong at any time without harm: an entry
//! counts only for the file that it was read from, and the whole only for the program that wrote it.

use std::ffi::OsStr;
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
struct Content<Reads> {
    /// Another program may read the same text in another way.
    program: Stamp,
    reads: Reads,
}

/// What the last keeper read. Nothing where there is none, where another program wrote it, or where it is damaged.
pub(super) fn load(layout: &Layout, program: &Path) -> Scanned {
    loaded(layout, program).unwrap_or_default()
}

fn loaded(layout: &Layout, program: &Path) -> Option<Scanned> {
    let path = layout.ticket_cache();
    let below = path.strip_prefix(&layout.common_dir).ok()?;
    // Stamped before it is read: whoever writes it meanwhile makes the stamp an old one.
    let file = stamp(&path)?;
    let bytes = read_capped(&layout.common_dir, below, CAP, Links::One).ok()?.ok()??;
    let (checksum, content) = bytes.split_at_checked(CHECKSUM)?;
    if checksum != crc32fast::hash(content).to_le_bytes() {
        return None;
    }
    let content: Content<Vec<(Stamp, Read)>> = postcard::from_bytes(content).ok()?;
    if Some(content.program) != stamp(program) {
        return None;
    }
    let (stamps, reads) = content.reads.into_iter().map(|(stamp, read)| (Some(stamp), read)).unzip();
    Some(Scanned { reads, stamps, kept_as: Some(file), ..Scanned::default() })
}

/// Keeps what was read, where what lies there is anything else.
pub(super) fn keep(layout: &Layout, program: &Path, scanned: &mut Scanned) -> Result<(), StoreError> {
    let path = layout.ticket_cache();
    if scanned.kept_as.is_some() && scanned.kept_as == stamp(&path) {
        return Ok(());
    }
    let (Some(program), Some((folder, name))) = (stamp(program), parts(&path)) else { return Ok(()) };
    let whole = scanned.stamps.iter().zip(&scanned.reads);
    let reads: Vec<(Stamp, &Read)> = whole.filter_map(|(stamp, read)| Some(((*stamp)?, read))).collect();
    // What cannot be expressed cannot be kept either, and is read anew.
    let Ok(mut bytes) = postcard::to_extend(&Content { program, reads }, vec![0; CHECKSUM]) else {
        return Ok(());
    };
    let checksum = crc32fast::hash(bytes.get(CHECKSUM..).unwrap_or_default());
    bytes.splice(..CHECKSUM, checksum.to_le_bytes());
    Folder::make(folder, Audience::Machine)?.write_disposable(name, &bytes)?;
    scanned.kept_as = stamp(&path);
    Ok(())
}

fn parts(path: &Path) -> Option<(&Path, &OsStr)> {
    path.parent().zip(path.file_name())
}

fn stamp(path: &Path) -> Option<Stamp> {
    rustix::fs::stat(path).ok().map(|stat| Stamp::of(&stat))
}

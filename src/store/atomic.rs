//! Whole files, written so that there is always the old one or the new one, and read with a cap. Paths are taken in
//! two parts: a root that may be reached over links, and what lies below it, which may not.

use std::ffi::OsStr;
use std::path::Path;

use super::StoreError;
use super::folder::{Audience, Folder, Links};
use crate::text::Source;
use crate::ticket::Unreadable;

/// At most so many bytes of a ticket, a dispatch, a reply, a config: 1 MiB.
pub const TEXT_CAP: u64 = 1 << 20;

/// Writes a file below a root; folders that are missing are made.
pub fn write(root: &Path, relative: impl AsRef<Path>, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    Folder::make(root, audience)?.make_below(folder, audience)?.write(name, bytes, audience)
}

/// The same, but only where there is none yet: `StoreError::Exists` otherwise.
pub fn write_new(root: &Path, relative: impl AsRef<Path>, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    Folder::make(root, audience)?.make_below(folder, audience)?.write_new(name, bytes, audience)
}

/// Removes a file below a root; one that is gone already is no error.
pub fn remove(root: &Path, relative: impl AsRef<Path>) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    let Some(root) = Folder::open(root)? else { return Ok(()) };
    let Some(folder) = root.below(folder)? else { return Ok(()) };
    folder.remove_file(name)?;
    folder.sync()
}

/// Reads a file below a root, at most `cap` bytes; only a file that does not exist is `None`.
pub fn read_capped(
    root: &Path,
    relative: impl AsRef<Path>,
    cap: u64,
    links: Links,
) -> Result<Option<Vec<u8>>, Unreadable> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative).map_err(unreadable)?;
    let Some(root) = Folder::open(root).map_err(unreadable)? else { return Ok(None) };
    let Some(folder) = root.below(folder).map_err(unreadable)? else { return Ok(None) };
    Ok(folder.read(name, cap, links)?.map(|contents| contents.bytes))
}

/// Reads a text below a root, at most 1 MiB of UTF-8, named by its path below the root.
pub fn read_source(root: &Path, relative: &str, links: Links) -> Result<Option<Source>, Unreadable> {
    match read_capped(root, relative, TEXT_CAP, links)? {
        None => Ok(None),
        Some(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Source::new(relative, text))),
            Err(error) => Err(Unreadable::NotUtf8 { at: error.utf8_error().valid_up_to() }),
        },
    }
}

fn parts<'a>(root: &Path, relative: &'a Path) -> Result<(&'a Path, &'a OsStr), StoreError> {
    match (relative.parent(), relative.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(StoreError::Outside { path: root.to_owned(), name: relative.display().to_string() }),
    }
}

/// A folder that cannot be opened makes the file in it unreadable.
pub(super) fn unreadable(error: StoreError) -> Unreadable {
    match error {
        StoreError::Unusable { why, .. } => why,
        other => Unreadable::Io(describe(&other)),
    }
}

fn describe(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

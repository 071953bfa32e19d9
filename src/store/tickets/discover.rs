//! Which files are tickets: names alone, nothing is opened.

use std::os::unix::ffi::OsStrExt as _;

use walkdir::{DirEntry, WalkDir};

use super::super::error::is_shortage;
use super::{
    Code, Diagnostic, Folder, Kind, Layout, OsStr, Path, StoreError, TICKETS, TicketId, Unreadable, natural_order,
};
use crate::ticket::{RESERVED_FILES, RESERVED_FOLDERS};

/// Something that stands where a ticket may stand.
#[derive(Debug)]
pub(super) struct Found {
    /// Below the top of the worktree, with `/`.
    pub path: String,
    pub named: Named,
}

#[derive(Debug)]
pub(super) enum Named {
    /// A regular file with the name of a ticket.
    File,
    /// Something that is not opened, and why.
    Fault(Diagnostic),
}

impl Found {
    pub(super) fn id(&self) -> TicketId {
        let path = self.path.strip_prefix(TICKETS).and_then(|path| path.strip_prefix('/')).unwrap_or(&self.path);
        TicketId::new(path.strip_suffix(".md").unwrap_or(path))
    }
}

/// Finds all tickets of a worktree, in the natural order of their paths.
pub(super) fn discover(layout: &Layout) -> Result<Vec<Found>, StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(Vec::new()) };
    match top.kind(OsStr::new(TICKETS))? {
        None => return Ok(Vec::new()),
        Some(Kind::Folder) => {}
        Some(Kind::Symlink) => return Ok(vec![fault(TICKETS.to_owned(), &Unreadable::Symlink)]),
        Some(Kind::File | Kind::Other) => return Ok(vec![fault(TICKETS.to_owned(), &Unreadable::NotRegular)]),
    }
    let mut found = Vec::new();
    let walk = WalkDir::new(layout.tickets()).follow_root_links(false).min_depth(1);
    for entry in walk.into_iter().filter_entry(|entry| !is_reserved(entry)) {
        match entry {
            Ok(entry) => found.extend(look_at(&layout.top, &entry)),
            Err(error) => found.extend(unlisted(&layout.top, error)?),
        }
    }
    found.sort_unstable_by(|one, other| natural_order(&one.path, &other.path));
    Ok(found)
}

fn is_reserved(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    if entry.depth() == 0 {
        return false;
    }
    matches!(name.as_bytes().first(), Some(b'.' | b'_'))
        || RESERVED_FILES.iter().any(|reserved| name == *reserved)
        || (entry.depth() == 1 && RESERVED_FOLDERS.iter().any(|reserved| name == *reserved))
}

fn look_at(top: &Path, entry: &DirEntry) -> Option<Found> {
    let kind = entry.file_type();
    let is_ticket = entry.file_name().as_bytes().ends_with(b".md");
    if kind.is_dir() || !(is_ticket || kind.is_symlink()) {
        return None;
    }
    // A link to a folder could hide tickets; one to anything else that is not called a ticket is nobody's business.
    if !is_ticket && !std::fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
        return None;
    }
    let Some(path) = below(top, entry.path()).to_str() else {
        let path = below(top, entry.path()).to_string_lossy().into_owned();
        let diagnostic =
            Diagnostic::of_file(Code::NotUtf8, path.as_str(), "the name of this file is not UTF-8").help("rename it");
        return Some(Found { path, named: Named::Fault(diagnostic) });
    };
    Some(if kind.is_file() {
        Found { path: path.to_owned(), named: Named::File }
    } else if kind.is_symlink() {
        fault(path.to_owned(), &Unreadable::Symlink)
    } else {
        fault(path.to_owned(), &Unreadable::NotRegular)
    })
}

/// A folder that cannot be listed may hold tickets: it stands in the order with its fault.
fn unlisted(top: &Path, error: walkdir::Error) -> Result<Option<Found>, StoreError> {
    let whole = error.path().unwrap_or(top).to_owned();
    let path = below(top, &whole).to_string_lossy().into_owned();
    match error.io_error() {
        Some(io) if io.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Some(io) if is_shortage(io) => Err(StoreError::list(&whole, error)),
        Some(io) => Ok(Some(fault(path, &Unreadable::Io(io.to_string())))),
        None => Ok(Some(fault(path, &Unreadable::Io(error.to_string())))),
    }
}

/// The walk begins at the top, so what it finds begins with the top's bytes.
fn below<'a>(top: &Path, path: &'a Path) -> &'a Path {
    let below = path.as_os_str().as_bytes().strip_prefix(top.as_os_str().as_bytes());
    below.and_then(|below| below.strip_prefix(b"/")).map_or(path, |below| Path::new(OsStr::from_bytes(below)))
}

fn fault(path: String, why: &Unreadable) -> Found {
    let diagnostic = why.diagnostic(path.as_str());
    Found { path, named: Named::Fault(diagnostic) }
}

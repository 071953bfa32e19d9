//! Which files are tickets: names alone, nothing is opened.

use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{FileType, Stat};
use walkdir::WalkDir;

use super::super::error::is_shortage;
use super::{Code, Diagnostic, Folder, Kind, Layout, Listed, OsStr, Path, StoreError, TICKETS, TicketId, Unreadable};
use crate::ticket::{RESERVED_FILES, RESERVED_FOLDERS};

/// Something that stands where a ticket may stand.
#[derive(Debug)]
pub(super) struct Found {
    /// Below the top of the worktree, with `/`.
    pub path: String,
    pub named: Named,
    /// What is known of it already.
    pub stat: Option<Stat>,
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

/// Finds all tickets of a worktree, in no order.
pub(super) fn discover(layout: &Layout) -> Result<Vec<Found>, StoreError> {
    if let Some(found) = without_folder(layout)? {
        return Ok(found);
    }
    let mut found = Vec::new();
    let walk = WalkDir::new(layout.tickets()).follow_root_links(false).min_depth(1);
    for entry in
        walk.into_iter().filter_entry(|entry| entry.depth() == 0 || !is_reserved(entry.file_name(), entry.depth()))
    {
        match entry {
            Ok(entry) => {
                let kind = kind_of(entry.file_type());
                found.extend(look_at(&layout.top, below(&layout.top, entry.path()).as_os_str().as_bytes(), kind, None));
            }
            Err(error) => found.extend(unlisted(&layout.top, error)?),
        }
    }
    Ok(found)
}

/// The same, of what somebody else has listed.
pub(super) fn discover_listed(layout: &Layout, listed: Vec<Listed>) -> Result<Vec<Found>, StoreError> {
    if let Some(found) = without_folder(layout)? {
        return Ok(found);
    }
    let candidates = listed.into_iter().filter(could_be_ticket);
    Ok(candidates.filter_map(|listed| look_at(&layout.top, &listed.path, listed.kind, listed.stat)).collect())
}

/// Whether what somebody listed below `.tickets` could be a ticket, or lead to some.
pub(super) fn could_be_ticket(listed: &Listed) -> bool {
    let Some(below) = listed.path.strip_prefix(TICKETS.as_bytes()).and_then(|path| path.strip_prefix(b"/")) else {
        return false;
    };
    let may_be_called_so = below.ends_with(b".md") || listed.kind == FileType::Symlink;
    may_be_called_so
        && below.split(|byte| *byte == b'/').zip(1..).all(|(name, depth)| !is_reserved(OsStr::from_bytes(name), depth))
}

/// Whether the folder of tickets is one.
pub(super) fn is_folder(layout: &Layout) -> Result<bool, StoreError> {
    Ok(without_folder(layout)?.is_none())
}

/// What is found where the folder of tickets is none; nothing where it is one.
fn without_folder(layout: &Layout) -> Result<Option<Vec<Found>>, StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(Some(Vec::new())) };
    Ok(match top.kind(OsStr::new(TICKETS))? {
        None => Some(Vec::new()),
        Some(Kind::Folder) => None,
        Some(Kind::Symlink) => Some(vec![fault(TICKETS.to_owned(), &Unreadable::Symlink)]),
        Some(Kind::File | Kind::Other) => Some(vec![fault(TICKETS.to_owned(), &Unreadable::NotRegular)]),
    })
}

fn kind_of(kind: std::fs::FileType) -> FileType {
    if kind.is_file() {
        FileType::RegularFile
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::Unknown
    }
}

fn is_reserved(name: &OsStr, depth: usize) -> bool {
    matches!(name.as_bytes().first(), Some(b'.' | b'_'))
        || RESERVED_FILES.iter().any(|reserved| name == *reserved)
        || (depth == 1 && RESERVED_FOLDERS.iter().any(|reserved| name == *reserved))
}

fn look_at(top: &Path, path: &[u8], kind: FileType, stat: Option<Stat>) -> Option<Found> {
    let is_ticket = path.ends_with(b".md");
    let is_link = kind == FileType::Symlink;
    if kind == FileType::Directory || !(is_ticket || is_link) {
        return None;
    }
    // A link to a folder could hide tickets; one to anything else that is not called a ticket is nobody's business.
    if !is_ticket && !std::fs::metadata(top.join(OsStr::from_bytes(path))).is_ok_and(|target| target.is_dir()) {
        return None;
    }
    let Ok(path) = std::str::from_utf8(path) else {
        let path = String::from_utf8_lossy(path).into_owned();
        let diagnostic =
            Diagnostic::of_file(Code::NotUtf8, path.as_str(), "the name of this file is not UTF-8").help("rename it");
        return Some(Found { path, named: Named::Fault(diagnostic), stat: None });
    };
    Some(if kind == FileType::RegularFile {
        Found { path: path.to_owned(), named: Named::File, stat }
    } else if is_link {
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
    Found { path, named: Named::Fault(diagnostic), stat: None }
}

//! Whether the folders of `.tickets/` are folders. Nothing is followed: a link in their place is a fault with a name.

use std::ffi::OsStr;

use super::folder::{Audience, Folder, Kind};
use super::layout::{TICKETS, history_below_top};
use super::{Layout, StoreError};
use crate::diagnostic::{Code, Diagnostic};
use crate::ticket::TicketId;

/// The folders that turnstile reads from or writes to.
const FOLDERS: [&str; 5] = ["context", "history", "outbox", "reply", "templates"];

/// What stands where a folder of `.tickets/` belongs and is none: `.tickets` itself, its reserved folders, and with a
/// ticket the way to its archive.
pub fn misplaced(layout: &Layout, ticket: Option<&TicketId>) -> Result<Vec<Diagnostic>, StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut ways: Vec<String> = FOLDERS.iter().map(|folder| format!("{TICKETS}/{folder}")).collect();
    ways.extend(ticket.map(history_below_top));
    for way in ways {
        if let Some(fault) = first_on(&top, &way)?
            && !found.iter().any(|other: &Diagnostic| other.path == fault.path)
        {
            found.push(fault);
        }
    }
    Ok(found)
}

/// Makes a folder below the top of the worktree, and those above it.
pub fn make_folder(layout: &Layout, path: &str) -> Result<(), StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(()) };
    top.make_below(path.as_ref(), Audience::People).map(drop)
}

/// The first component of a path that is there and is no folder.
fn first_on(top: &Folder, way: &str) -> Result<Option<Diagnostic>, StoreError> {
    let mut path = String::new();
    let mut above: Option<Folder> = None;
    for name in way.split('/') {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
        let folder = above.as_ref().unwrap_or(top);
        match folder.kind(OsStr::new(name))? {
            None => return Ok(None),
            Some(Kind::Folder) => {}
            Some(Kind::Symlink) => return Ok(Some(fault(path, "a symbolic link, which is never followed"))),
            Some(Kind::File) => return Ok(Some(fault(path, "a file where a folder belongs"))),
            Some(Kind::Other) => return Ok(Some(fault(path, "neither a folder nor a file"))),
        }
        match folder.below(name.as_ref())? {
            Some(next) => above = Some(next),
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn fault(path: String, what: &str) -> Diagnostic {
    let help = format!("`rm {path}`, and put a folder there if it had something in it");
    Diagnostic::of_file(Code::NotRegular, path, what).help(help)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_folder_is_named_once_at_its_first_component() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path().to_owned(), room.path().join(".git"));
        let ticket = TicketId::new("auth/1");
        let shown = || -> Vec<String> {
            let found = misplaced(&layout, Some(&ticket)).unwrap();
            found.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
        };
        assert_eq!(shown(), Vec::<String>::new(), "nothing is there yet");
        fs::create_dir_all(layout.tickets().join("history/auth")).unwrap();
        assert_eq!(shown(), Vec::<String>::new());
        symlink("/tmp", layout.tickets().join("history/auth/1")).unwrap();
        fs::write(layout.tickets().join("outbox"), "x").unwrap();
        assert_eq!(
            shown(),
            [
                ".tickets/outbox: a file where a folder belongs",
                ".tickets/history/auth/1: a symbolic link, which is never followed",
            ]
        );
        fs::rename(layout.tickets(), room.path().join("elsewhere")).unwrap();
        symlink("elsewhere", layout.tickets()).unwrap();
        assert_eq!(shown(), [".tickets: a symbolic link, which is never followed"]);
    }
}

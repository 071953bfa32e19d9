//! Moving messages into the history of a ticket, so that a kill at any point loses nothing and doubles nothing.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use super::attachments::{ATTACHMENTS_BYTES, stays};
use super::{
    Audience, Folder, Kind, Layout, Links, MessageKind, OsStr, Path, PathBuf, StoreError, TEXT_CAP, TICKETS, TicketId,
    history_below_top, survey,
};
use crate::crash::{Point, point};
use crate::secret::Screen;
use crate::store::layout::turn_below_run;

/// Where a reply is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyFrom {
    /// `.tickets/USER_REPLY.md` and `.tickets/reply/`.
    Worktree,
    /// The folder of a decision that was stored during a step; it stays until the decision is dropped.
    Spool(PathBuf),
}

/// Moves the outbox to `history/<ticket>/NNNN-dispatch/`; the message of a commit stays. To be repeated with the same
/// sequence number until it succeeds; once it has, it changes nothing more.
pub fn archive_outbox(
    layout: &Layout,
    ticket: &TicketId,
    sequence: u32,
    screen: &Screen,
) -> Result<PathBuf, StoreError> {
    let archive = Archive::open(layout, ticket, sequence, MessageKind::Dispatch)?;
    archive.finish(Some(screen), |part| {
        let Some(outbox) = archive.top.below(&Path::new(TICKETS).join("outbox"))? else {
            return Err(StoreError::NoMessage { path: layout.dispatch_file() });
        };
        take(&outbox, Some(&outbox), &part, MessageKind::Dispatch)
    })
}

/// Moves a reply to `history/<ticket>/NNNN-reply/`; otherwise like [`archive_outbox`].
pub fn archive_reply(
    layout: &Layout,
    from: &ReplyFrom,
    ticket: &TicketId,
    sequence: u32,
    screen: &Screen,
) -> Result<PathBuf, StoreError> {
    let archive = Archive::open(layout, ticket, sequence, MessageKind::Reply)?;
    archive.finish(Some(screen), |part| match from {
        ReplyFrom::Worktree => {
            let Some(tickets) = archive.top.below(Path::new(TICKETS))? else {
                return Err(StoreError::NoMessage { path: layout.reply_file() });
            };
            let attached = tickets.below(Path::new("reply"))?;
            take(&tickets, attached.as_ref(), &part, MessageKind::Reply)
        }
        ReplyFrom::Spool(path) => {
            let Some(spool) = Folder::open(path)? else { return Err(StoreError::NoMessage { path: path.clone() }) };
            copy(&spool, &part)
        }
    })
}

/// Writes `history/<ticket>/NNNN-request/REQUEST.md`. May be repeated with the same sequence number.
pub fn write_request(layout: &Layout, ticket: &TicketId, sequence: u32, text: &str) -> Result<PathBuf, StoreError> {
    write_note(layout, ticket, sequence, MessageKind::Request, text)
}

/// Writes `history/<ticket>/NNNN-decision/DECISION.md`. May be repeated with the same sequence number.
pub fn write_decision(layout: &Layout, ticket: &TicketId, sequence: u32, text: &str) -> Result<PathBuf, StoreError> {
    write_note(layout, ticket, sequence, MessageKind::Decision, text)
}

fn write_note(
    layout: &Layout,
    ticket: &TicketId,
    sequence: u32,
    kind: MessageKind,
    text: &str,
) -> Result<PathBuf, StoreError> {
    let archive = Archive::open(layout, ticket, sequence, kind)?;
    archive.finish(None, |part| part.make()?.write(OsStr::new(kind.file()), text.as_bytes(), Audience::People))
}

fn overwritten(layout: &Layout, run: &str, turn: u32, parent: Option<&Path>) -> Result<Folder, StoreError> {
    let run = Folder::make(&layout.run(run), Audience::Machine)?;
    let below = Path::new(&turn_below_run(turn)).join("overwritten").join(parent.unwrap_or(Path::new("")));
    run.make_below(&below, Audience::Machine)
}

/// Moves away what stands where a file or a folder has to be put back and is none: a link or a pipe in its place, or
/// something in the place of a folder above it. It lies beside what [`keep_overwritten`] keeps; on another file
/// system it stays where it was, under a hidden name. `wanted` is what belongs there; none where whatever is there,
/// such as a file that nobody may read, has to go.
pub fn set_aside(layout: &Layout, run: &str, turn: u32, path: &str, wanted: Option<Kind>) -> Result<(), StoreError> {
    let relative = Path::new(path);
    let Some(mut folder) = Folder::open(&layout.top)? else { return Ok(()) };
    let mut above = PathBuf::new();
    for name in relative {
        let last = above.join(name) == relative;
        match folder.kind(name)? {
            None => return Ok(()),
            Some(kind) if last && wanted == Some(kind) => return Ok(()),
            Some(Kind::Folder) if !last => {}
            Some(Kind::File | Kind::Folder | Kind::Symlink | Kind::Other) => {
                let kept = overwritten(layout, run, turn, Some(&above))?;
                return move_numbered(&folder, name, &kept, name).or_else(|_| {
                    let mut hidden = OsString::from(".");
                    hidden.push(name);
                    hidden.push(format!(".turn-{turn}"));
                    move_numbered(&folder, name, &folder, &hidden)
                });
            }
        }
        let Some(next) = folder.below(Path::new(name))? else { return Ok(()) };
        folder = next;
        above.push(name);
    }
    Ok(())
}

/// Moves a name to the first free number of another.
fn move_numbered(from: &Folder, name: &OsStr, to: &Folder, wanted: &OsStr) -> Result<(), StoreError> {
    let mut count = 1;
    loop {
        match from.move_new(name, to, &numbered(wanted, count)) {
            Err(StoreError::Exists { .. }) => count += 1,
            other => return other,
        }
    }
}

/// Keeps a file that is about to be put back, under `turns/NNNN/overwritten/<path>`, and says where it lies. Another
/// version that was kept before is kept as well.
pub fn keep_overwritten(
    layout: &Layout,
    run: &str,
    turn: u32,
    path: &str,
    bytes: &[u8],
) -> Result<PathBuf, StoreError> {
    let relative = Path::new(path);
    let Some(name) = relative.file_name() else {
        return Err(StoreError::Outside { path: layout.turn(run, turn), name: path.to_owned() });
    };
    let folder = overwritten(layout, run, turn, relative.parent())?;
    let mut count = 1;
    loop {
        let name = numbered(name, count);
        match folder.write_new(&name, bytes, Audience::Machine) {
            Ok(()) => return Ok(folder.path().join(name)),
            Err(StoreError::Exists { path }) => {
                let kept = folder.read(&name, bytes.len() as u64, Links::Any)?;
                if kept.is_ok_and(|kept| kept.is_some_and(|kept| kept.bytes == bytes)) {
                    return Ok(path);
                }
            }
            Err(error) => return Err(error),
        }
        count += 1;
    }
}

/// `name`, `name~2`, `name~3`.
fn numbered(name: &OsStr, count: usize) -> OsString {
    let mut numbered = name.to_owned();
    if count > 1 {
        numbered.push(format!("~{count}"));
    }
    numbered
}

/// The folder that a message is to become, and the hidden one that it grows in.
struct Archive {
    top: Folder,
    history: Folder,
    kind: MessageKind,
    finished: OsString,
    growing: OsString,
}

impl Archive {
    fn open(layout: &Layout, ticket: &TicketId, sequence: u32, kind: MessageKind) -> Result<Self, StoreError> {
        let top = Folder::open(&layout.top)?
            .ok_or_else(|| StoreError::folder(&layout.top, std::io::Error::from(std::io::ErrorKind::NotFound)))?;
        let history = top.make_below(Path::new(&history_below_top(ticket)), Audience::People)?;
        let finished = kind.folder(sequence);
        let growing = format!(".{finished}.part").into();
        Ok(Self { top, history, kind, finished: finished.into(), growing })
    }

    /// Fills the part folder with `fill`, unless an earlier attempt did, and publishes it.
    fn finish(
        &self,
        screen: Option<&Screen>,
        fill: impl FnOnce(Part<'_>) -> Result<(), StoreError>,
    ) -> Result<PathBuf, StoreError> {
        let path = self.history.path().join(&self.finished);
        if self.history.kind(&self.finished)?.is_some() {
            return Ok(path);
        }
        let complete = match self.history.below(Path::new(&self.growing))? {
            Some(part) => part.kind(OsStr::new(self.kind.file()))?.is_some(),
            None => false,
        };
        if !complete {
            fill(Part(self))?;
        }
        point(Point::ArchiveText);
        if let (Some(screen), Some(part)) = (screen, self.history.below(Path::new(&self.growing))?) {
            redact_all(&part, screen)?;
        }
        self.history.move_new(&self.growing, &self.history, &self.finished)?;
        point(Point::ArchivePublished);
        self.history.sync()?;
        Ok(path)
    }
}

/// The hidden folder; it is made when there is something to put into it.
struct Part<'a>(&'a Archive);

impl Part<'_> {
    fn make(&self) -> Result<Folder, StoreError> {
        self.0.history.make_below(Path::new(&self.0.growing), Audience::People)
    }
}

/// Moves a message: attachments first, its text last.
fn take(from: &Folder, attached: Option<&Folder>, part: &Part<'_>, kind: MessageKind) -> Result<(), StoreError> {
    let text = OsStr::new(kind.file());
    let path = from.path().join(text);
    match from.stat(text)? {
        None => return Err(StoreError::NoMessage { path }),
        Some(stat) if Kind::of(&stat) != Kind::File || stat.st_nlink > 1 => {
            return Err(StoreError::Refused { path, why: "it is not a regular file of one name".to_owned() });
        }
        Some(_) => {}
    }
    let problem =
        attached.map(|attached| survey(attached, kind.left_in_place())).transpose()?.and_then(|found| found.problem);
    if let Some(why) = problem {
        return Err(StoreError::Refused { path, why });
    }
    let part = part.make()?;
    point(Point::ArchivePart);
    if let Some(attached) = attached {
        for name in attached.names()? {
            let name = OsStr::from_bytes(name.as_bytes());
            if !stays(name, kind.left_in_place()) {
                sync_all(attached, name)?;
                // The text's own name is not for an attachment: it would pass for the text.
                move_beside(attached, name, &part, if name == text { 2 } else { 1 })?;
            }
        }
        attached.sync()?;
    }
    point(Point::ArchiveAttached);
    // The attachments have to be there, also after a power cut, before the text says that they are.
    part.sync()?;
    from.sync_file(text)?;
    from.move_new(text, &part, text)?;
    part.sync()?;
    from.sync()
}

/// Copies a spooled reply: the spool may lie on another file system.
fn copy(spool: &Folder, part: &Part<'_>) -> Result<(), StoreError> {
    let kind = MessageKind::Reply;
    let text = OsStr::new(kind.file());
    let unusable = |path: PathBuf| move |why| StoreError::Unusable { path, why };
    let path = spool.path().join(text);
    let Some(message) = spool.read(text, TEXT_CAP, Links::One)?.map_err(unusable(path.clone()))? else {
        return Err(StoreError::NoMessage { path });
    };
    let part = part.make()?;
    if let Some(attached) = spool.below(Path::new("reply"))? {
        for name in attached.names()? {
            let name = OsStr::from_bytes(name.as_bytes());
            let read = attached.read(name, ATTACHMENTS_BYTES, Links::One)?;
            if let Some(contents) = read.map_err(unusable(attached.path().join(name)))? {
                part.write(name, &contents.bytes, Audience::People)?;
            }
        }
    }
    point(Point::ReplyCopied);
    part.write(text, &message.bytes, Audience::People)
}

/// Moves a file or a folder; one of the same name that an earlier attempt moved is kept beside it.
fn move_beside(from: &Folder, name: &OsStr, to: &Folder, first: usize) -> Result<(), StoreError> {
    let mut count = first;
    loop {
        match from.move_new(name, to, &numbered(name, count)) {
            Err(StoreError::Exists { .. }) => count += 1,
            result => return result,
        }
    }
}

/// Takes the secrets out of every file of a message, before anybody can find it where it is archived.
fn redact_all(folder: &Folder, screen: &Screen) -> Result<(), StoreError> {
    for name in folder.names()? {
        let name = OsStr::from_bytes(name.as_bytes());
        match folder.kind(name)? {
            Some(Kind::File) => {
                let read = folder.read(name, ATTACHMENTS_BYTES, Links::Any)?;
                let path = folder.path().join(name);
                let contents = read.map_err(|why| StoreError::Unusable { path, why })?;
                if let Some(redacted) = contents.and_then(|contents| screen.redact_bytes(&contents.bytes)) {
                    folder.write(name, &redacted, Audience::People)?;
                }
            }
            Some(Kind::Folder) => {
                if let Some(child) = folder.below(Path::new(name))? {
                    redact_all(&child, screen)?;
                }
            }
            Some(Kind::Symlink | Kind::Other) | None => {}
        }
    }
    Ok(())
}

fn sync_all(folder: &Folder, name: &OsStr) -> Result<(), StoreError> {
    if folder.kind(name)? != Some(Kind::Folder) {
        return folder.sync_file(name);
    }
    let Some(child) = folder.below(Path::new(name))? else { return Ok(()) };
    for name in child.names()? {
        sync_all(&child, OsStr::from_bytes(name.as_bytes()))?;
    }
    child.sync()
}

//! Messages between agents and people: what lies in the outbox, the reply, the archived conversation of a ticket.
//!
//! A message is a folder of files of which its text comes last: whoever finds the text finds the attachments too.
//! An archive begins as a hidden part folder, takes the attachments, then the text, and is then renamed; each of these
//! steps may be repeated after a kill, and what somebody puts into the outbox meanwhile is left or kept beside.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::atomic::TEXT_CAP;
use super::folder::{Audience, Contents, Folder, Kind, Links};
use super::layout::{COMMIT_MSG, DECISION, DISPATCH, REQUEST, TICKETS, USER_REPLY, history_below_top};
use super::{Layout, StoreError};
use crate::text::Source;
use crate::ticket::{TicketId, Unreadable};

mod archive;
mod attachments;
mod conversation;
mod send;

pub use archive::{
    ReplyFrom, archive_outbox, archive_reply, keep_overwritten, set_aside, write_decision, write_request,
};
pub use attachments::{ATTACHMENTS_BYTES, ATTACHMENTS_FILES};
pub use conversation::{Message, conversation, next_sequence};
pub(super) use send::write_spooled;
pub use send::{write_dispatch, write_reply};

use attachments::{Attachments, survey};

/// The kinds of archived messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// From agent to human.
    Dispatch,
    /// From human to agent.
    Reply,
    /// From turnstile to human.
    Request,
    /// An operator's decision.
    Decision,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dispatch, Self::Reply, Self::Request, Self::Decision];

    /// The end of the folder's name: `0001-dispatch`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Reply => "reply",
            Self::Request => "request",
            Self::Decision => "decision",
        }
    }

    /// The file that holds the text.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Dispatch => DISPATCH,
            Self::Reply => USER_REPLY,
            Self::Request => REQUEST,
            Self::Decision => DECISION,
        }
    }

    /// What lies among the attachments of a message that waits, and is none.
    const fn left_in_place(self) -> &'static [&'static str] {
        match self {
            Self::Dispatch => &[DISPATCH, COMMIT_MSG],
            Self::Reply | Self::Request | Self::Decision => &[],
        }
    }

    fn folder(self, sequence: u32) -> String {
        format!("{sequence:04}-{}", self.word())
    }
}

/// What lies in the outbox.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    /// `DISPATCH.md`, if there is one.
    pub message: Option<Result<Source, Unreadable>>,
    /// The other files, by their paths below the outbox, and their sizes.
    pub attachments: Vec<(String, u64)>,
    /// Whether the agent left the message of a commit.
    pub commit_message: bool,
    /// Why nothing of it may be moved.
    pub problem: Option<String>,
}

/// A reply as it lies there.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplyFile {
    /// `USER_REPLY.md`.
    pub content: Result<Source, Unreadable>,
    /// The files beside it, by their paths below `reply/`, and their sizes.
    pub attachments: Vec<(String, u64)>,
    /// Changes when the file is saved again, also with the same content.
    pub stamp: String,
    /// Why nothing of it may be moved.
    pub problem: Option<String>,
}

/// Makes sure that there is an outbox to write into.
pub fn make_outbox(layout: &Layout) -> Result<(), StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(()) };
    top.make_below(&Path::new(TICKETS).join("outbox"), super::Audience::People).map(drop)
}

/// Looks into the outbox, and for a message that was left beside it; changes nothing.
pub fn look_outbox(layout: &Layout) -> Result<Outbox, StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(Outbox::default()) };
    let tickets = match top.below(Path::new(TICKETS)) {
        Ok(Some(tickets)) => tickets,
        Ok(None) => return Ok(Outbox::default()),
        Err(error) => return blocked(error),
    };
    let outbox = match tickets.below(Path::new("outbox")) {
        Ok(Some(outbox)) => outbox,
        Ok(None) => return message_beside(&tickets, Outbox::default()),
        Err(error) => return blocked(error),
    };
    let Attachments { files, problem } = survey(&outbox, MessageKind::Dispatch.left_in_place())?;
    let message = read_message(&outbox, DISPATCH, &format!("{TICKETS}/outbox/{DISPATCH}"))?;
    let outbox = Outbox {
        attachments: files,
        commit_message: outbox.kind(OsStr::new(COMMIT_MSG))? == Some(Kind::File),
        problem: problem.or_else(|| message.as_ref().and_then(|message| message.problem.clone())),
        message: message.map(|message| message.content),
    };
    message_beside(&tickets, outbox)
}

/// What stands in the outbox's place has a name of its own among the faults of `.tickets/`.
fn blocked(error: StoreError) -> Result<Outbox, StoreError> {
    if error.in_the_way().is_some() {
        return Ok(Outbox { problem: Some(error.to_string()), ..Outbox::default() });
    }
    Err(error)
}

/// A message that an agent wrote into `.tickets/` itself would be read by nobody: it is one that cannot be moved.
fn message_beside(tickets: &Folder, outbox: Outbox) -> Result<Outbox, StoreError> {
    let beside = format!("{TICKETS}/{DISPATCH}");
    if outbox.message.is_some() {
        return Ok(outbox);
    }
    let Some(found) = read_message(tickets, DISPATCH, &beside)? else { return Ok(outbox) };
    let why = format!(
        "{beside} lies beside the outbox, where nobody reads it; move it to {TICKETS}/outbox/{DISPATCH}, after its \
         attachments, or remove it"
    );
    Ok(Outbox { message: Some(found.content), problem: Some(why), ..outbox })
}

/// Looks at the reply in the worktree; changes nothing.
pub fn look_reply(layout: &Layout) -> Result<Option<ReplyFile>, StoreError> {
    let Some(top) = Folder::open(&layout.top)? else { return Ok(None) };
    let tickets = match top.below(Path::new(TICKETS)) {
        Ok(Some(tickets)) => tickets,
        Ok(None) => return Ok(None),
        Err(error) if error.in_the_way().is_some() => return Ok(None),
        Err(error) => return Err(error),
    };
    look_reply_in(&tickets, &format!("{TICKETS}/{USER_REPLY}"))
}

/// Looks at a reply that was given during a step; changes nothing.
pub fn look_spooled_reply(spool: &Path) -> Result<Option<ReplyFile>, StoreError> {
    let Some(folder) = Folder::open(spool)? else { return Ok(None) };
    look_reply_in(&folder, USER_REPLY)
}

fn look_reply_in(folder: &Folder, shown: &str) -> Result<Option<ReplyFile>, StoreError> {
    let Some(message) = read_message(folder, USER_REPLY, shown)? else { return Ok(None) };
    let Attachments { files, problem } = match folder.below(Path::new("reply")) {
        Ok(Some(attached)) => survey(&attached, MessageKind::Reply.left_in_place())?,
        Ok(None) => Attachments::default(),
        Err(error) if error.is_shortage() => return Err(error),
        Err(error) => Attachments { files: Vec::new(), problem: Some(error.to_string()) },
    };
    Ok(Some(ReplyFile {
        content: message.content,
        attachments: files,
        stamp: message.stamp,
        problem: message.problem.or(problem),
    }))
}

struct Found {
    content: Result<Source, Unreadable>,
    stamp: String,
    problem: Option<String>,
}

/// Reads the text of a message; what is wrong with it is part of the answer.
fn read_message(folder: &Folder, name: &str, shown: &str) -> Result<Option<Found>, StoreError> {
    let Some(stat) = folder.stat(OsStr::new(name))? else { return Ok(None) };
    let read = match folder.read(OsStr::new(name), TEXT_CAP, Links::One)? {
        Ok(None) => return Ok(None),
        Ok(Some(contents)) => Ok(contents),
        Err(why) => Err(why),
    };
    let problem = (Kind::of(&stat) == Kind::File && stat.st_nlink > 1)
        .then(|| format!("{name} has a second name (a hard link); save a copy in its place"));
    let mut stamp = String::new();
    let content = read.and_then(|Contents { bytes, stat }| {
        stamp = format!("{:x}", Sha256::digest(&bytes));
        Contents { bytes, stat }.text().map(|text| Source::new(shown, text))
    });
    stamp = format!("{stamp}:{}.{:09}:{}", stat.st_mtime, stat.st_mtime_nsec, stat.st_ino);
    Ok(Some(Found { content, stamp, problem }))
}

#[cfg(test)]
mod tests;

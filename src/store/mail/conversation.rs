//! What was said about a ticket, in order.

use std::os::unix::ffi::OsStrExt as _;

use super::{
    Folder, Layout, Links, MessageKind, OsStr, Path, StoreError, TEXT_CAP, TicketId, Unreadable, history_below_top,
    survey,
};

/// One archived message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its place in the conversation.
    pub sequence: u32,
    /// Who speaks to whom.
    pub kind: MessageKind,
    /// The file, below the top of the worktree.
    pub path: String,
    /// Its text, or its beginning, or why it is not there.
    pub text: Result<String, Unreadable>,
    /// How many bytes of the text were left out at the end.
    pub left_out: usize,
    /// The files beside it, below its folder.
    pub attachments: Vec<String>,
}

/// The conversation of a ticket, oldest first; of each text at most `cap` bytes.
pub fn conversation(layout: &Layout, ticket: &TicketId, cap: usize) -> Result<Vec<Message>, StoreError> {
    let below_top = history_below_top(ticket);
    let Some(history) = open(layout, &below_top)? else { return Ok(Vec::new()) };
    let mut messages = Vec::new();
    for (sequence, kind, name) in archived(&history)? {
        let Some(folder) = history.below(Path::new(&name))? else { continue };
        let path = format!("{below_top}/{name}/{}", kind.file());
        let read = folder.read(OsStr::new(kind.file()), TEXT_CAP, Links::Any)?;
        let text = match read.and_then(|found| found.map(super::Contents::text).transpose()) {
            Ok(Some(text)) => Ok(text),
            // Somebody removed the text and left the folder: there is nothing to quote.
            Ok(None) => continue,
            Err(why) => Err(why),
        };
        let whole = text.as_ref().map_or(0, String::len);
        let text = text.map(|text| beginning(text, cap));
        let left_out = whole - text.as_ref().map_or(0, String::len);
        let attachments = survey(&folder, &[kind.file()])?.files.into_iter().map(|(path, _)| path).collect();
        messages.push(Message { sequence, kind, path, text, left_out, attachments });
    }
    Ok(messages)
}

/// The number that the next message of a ticket gets.
pub fn next_sequence(layout: &Layout, ticket: &TicketId) -> Result<u32, StoreError> {
    let Some(history) = open(layout, &history_below_top(ticket))? else { return Ok(1) };
    Ok(archived(&history)?.last().map_or(1, |(sequence, ..)| sequence.saturating_add(1)))
}

fn open(layout: &Layout, below_top: &str) -> Result<Option<Folder>, StoreError> {
    match Folder::open(&layout.top)? {
        Some(top) => top.below(Path::new(below_top)),
        None => Ok(None),
    }
}

/// The folders of messages; anything else, such as the history of a ticket in an epic of this name, is passed over.
fn archived(history: &Folder) -> Result<Vec<(u32, MessageKind, String)>, StoreError> {
    let mut found = Vec::new();
    for name in history.names()? {
        let Some(name) = OsStr::from_bytes(name.as_bytes()).to_str() else { continue };
        let Some((number, word)) = name.split_once('-') else { continue };
        let kind = MessageKind::ALL.into_iter().find(|kind| kind.word() == word);
        if let (Some(kind), true, Ok(sequence)) = (kind, is_number(number), number.parse()) {
            found.push((sequence, kind, name.to_owned()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn is_number(text: &str) -> bool {
    text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn beginning(mut text: String, cap: usize) -> String {
    let end = (0..=cap.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

//! The journal of a run: one JSON object a line, appended and never rewritten.
//!
//! A line is `{"seq":1,"ts":…,"run":…,"ticket":…,"turn":…,"kind":…,<body>,"sum":"xxxxxxxx"}` and a newline: `ticket`
//! and `turn` only where there is one, the keys of the body in their order as text. `sum` is always the last member:
//! the CRC-32 (IEEE), as eight lower-case hexadecimal digits, of the line's bytes without that member, which are
//! those before `,"sum":` and the closing brace. The first line's body holds the `version` of the format.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde_json::{Map, Value};

use super::StoreError;
use super::folder::{Audience, Folder};
use crate::crash::{Point, cut, point};

mod line;

use line::{VERSION, parse, serialise};

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// One line of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Gapless, from 1.
    pub seq: u64,
    /// When, as it was given.
    pub ts: String,
    /// The run that the journal belongs to.
    pub run: String,
    /// The ticket that it is about.
    pub ticket: Option<String>,
    /// The turn that it is about.
    pub turn: Option<u32>,
    /// What happened.
    pub kind: String,
    /// Everything else.
    pub body: Map<String, Value>,
}

impl Line {
    /// The line as JSON, without its newline, with the checksum that belongs to it.
    pub fn to_json(&self) -> String {
        serialise(self)
    }
}

/// What is to become a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The ticket that it is about.
    pub ticket: Option<String>,
    /// The turn that it is about.
    pub turn: Option<u32>,
    /// What happened.
    pub kind: String,
    /// Everything else; must not hold a key that lines have of their own.
    pub body: Map<String, Value>,
}

/// A torn last line that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// How many bytes went.
    pub bytes: u64,
}

/// A journal that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It does not hold what turnstile writes. Nothing was changed.
    #[error("{}{}: {why}", .path.display(), in_line(*line))]
    Unreadable {
        /// The journal.
        path: PathBuf,
        /// The line, from 1; 0 is the file as a whole.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// It could not be read.
    #[error("cannot read the journal {}", .path.display())]
    Read {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It could not be written; what was there before is still there.
    #[error("cannot append to the journal {}", .path.display())]
    Append {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An append failed in a way that leaves open what the file holds; it has to be opened again.
    #[error("the journal {} is not appended to after a failed write; start again", .path.display())]
    Poisoned {
        /// The journal.
        path: PathBuf,
    },
    /// Somebody else wrote to it, or took it away, while it was open.
    #[error("the journal {} was changed by somebody else", .path.display())]
    Changed {
        /// The journal.
        path: PathBuf,
    },
    /// A draft whose body has a key that lines have of their own.
    #[error("a line's body cannot have the key `{key}`")]
    ReservedKey {
        /// The key.
        key: String,
    },
    /// The folder of the journal cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn in_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}") }
}

/// A journal that is open for appending; its owner holds the lock of the worktree.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    run: String,
    /// `None` until the first append makes the file: a run that nothing happened in leaves nothing.
    file: Option<File>,
    good_length: u64,
    next_seq: u64,
    poisoned: bool,
}

impl Journal {
    /// The journal of a run that is about to begin. The first append makes the file, and fails where one is there.
    pub fn begin(path: &Path, run: &str) -> Self {
        Self { path: path.to_owned(), run: run.to_owned(), file: None, good_length: 0, next_seq: 1, poisoned: false }
    }

    /// Opens the journal of a run that has begun and gives back what it holds. A torn last line is cut off: the caller
    /// appends a `journal.repaired` for it. Any other damage is an error, and nothing is changed.
    ///
    /// A run has begun once its first line is on the disk; only then does anything point to it. A journal that is not
    /// there, or holds no whole line, has lost what it held.
    pub fn open(path: &Path, run: &str) -> Result<(Self, Vec<Line>, Option<Repair>), JournalError> {
        let mut journal = Self::begin(path, run);
        let file = open_file(path, OFlags::RDWR | OFlags::APPEND)?.ok_or_else(|| lost(path, "it is gone"))?;
        let bytes = read_from_offset(&file, path, 0)?;
        let whole = whole_lines(&bytes);
        let lines = parse_lines(path, whole, Some(run), Some(1))?;
        if lines.is_empty() {
            return Err(lost(path, "it is empty"));
        }
        let torn = bytes.len() as u64 - whole.len() as u64;
        journal.good_length = whole.len() as u64;
        journal.next_seq = lines.last().map_or(1, |line| line.seq + 1);
        let repair = (torn > 0).then_some(Repair { bytes: torn });
        if repair.is_some() {
            file.set_len(journal.good_length)
                .and_then(|()| file.sync_data())
                .map_err(|source| JournalError::Append { path: path.to_owned(), source })?;
        }
        journal.file = Some(file);
        Ok((journal, lines, repair))
    }

    /// For lookers: the whole lines of a run that has begun. Changes nothing; a torn last line is passed over.
    pub fn read(path: &Path) -> Result<Vec<Line>, JournalError> {
        Ok(Self::read_from(path, 0)?.0)
    }

    /// For followers: the whole lines behind an offset that an earlier call gave back, and the offset behind them.
    pub fn read_from(path: &Path, offset: u64) -> Result<(Vec<Line>, u64), JournalError> {
        let file = open_file(path, OFlags::RDONLY)?.ok_or_else(|| lost(path, "it is gone"))?;
        let bytes = read_from_offset(&file, path, offset)?;
        let whole = whole_lines(&bytes);
        let lines = parse_lines(path, whole, None, (offset == 0).then_some(1))?;
        if offset == 0 && lines.is_empty() {
            return Err(lost(path, "it is empty"));
        }
        Ok((lines, offset + whole.len() as u64))
    }

    /// For lookers: the whole lines of what was there when it was so long.
    pub fn read_until(path: &Path, length: u64) -> Result<Vec<Line>, JournalError> {
        let file = open_file(path, OFlags::RDONLY)?.ok_or_else(|| lost(path, "it is gone"))?;
        let mut bytes = read_from_offset(&file, path, 0)?;
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        parse_lines(path, whole_lines(&bytes), None, Some(1))
    }

    /// For lookers: the last line of one of these kinds. Only what stands behind it is taken apart as well.
    pub fn last_of(path: &Path, kinds: &[&str]) -> Result<Option<Line>, JournalError> {
        let file = open_file(path, OFlags::RDONLY)?.ok_or_else(|| lost(path, "it is gone"))?;
        let bytes = read_from_offset(&file, path, 0)?;
        let lines = whole_lines(&bytes).split(|byte| *byte == b'\n').rev().skip(1);
        for text in lines {
            let unreadable = |why| JournalError::Unreadable { path: path.to_owned(), line: 0, why };
            let line = parse(text).map_err(unreadable)?;
            if kinds.contains(&line.kind.as_str()) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Appends lines with one write and makes them durable; they are all there afterwards, or the journal takes no more.
    pub fn append(&mut self, drafts: &[Draft], ts: &str) -> Result<Vec<Line>, JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned { path: self.path.clone() });
        }
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let lines = self.number(drafts, ts)?;
        let mut bytes = Vec::new();
        for line in &lines {
            bytes.extend_from_slice(serialise(line).as_bytes());
            bytes.push(b'\n');
        }
        let fresh = self.file.is_none();
        let file = match self.file.take() {
            Some(file) => file,
            None => create_file(&self.path)?,
        };
        let result = self.write(&file, &bytes, fresh);
        self.file = Some(file);
        result?;
        self.good_length += bytes.len() as u64;
        self.next_seq += lines.len() as u64;
        Ok(lines)
    }

    fn number(&self, drafts: &[Draft], ts: &str) -> Result<Vec<Line>, JournalError> {
        let mut lines = Vec::with_capacity(drafts.len());
        for (seq, draft) in (self.next_seq..).zip(drafts) {
            if let Some(key) = draft.body.keys().find(|key| line::is_reserved(key)) {
                return Err(JournalError::ReservedKey { key: key.clone() });
            }
            let mut body = draft.body.clone();
            if seq == 1 {
                body.insert("version".to_owned(), VERSION.into());
            }
            lines.push(Line {
                seq,
                ts: ts.to_owned(),
                run: self.run.clone(),
                ticket: draft.ticket.clone(),
                turn: draft.turn,
                kind: draft.kind.clone(),
                body,
            });
        }
        Ok(lines)
    }

    fn write(&mut self, mut file: &File, bytes: &[u8], fresh: bool) -> Result<(), JournalError> {
        let failed = |source| JournalError::Append { path: self.path.clone(), source };
        let found = file.metadata().map_err(failed)?;
        if found.len() != self.good_length || found.nlink() == 0 {
            self.poisoned = true;
            return Err(JournalError::Changed { path: self.path.clone() });
        }
        point(Point::JournalBefore);
        cut(Point::JournalTorn, || {
            // The process is about to end.
            let _ = file.write_all(&bytes[..bytes.len() / 2]);
        });
        if let Err(error) = file.write_all(bytes) {
            // Part of it may be there. Either the file is as before, or nobody may append behind the torn line.
            let undone = file.set_len(self.good_length).and_then(|()| file.sync_data());
            self.poisoned = undone.is_err();
            return Err(failed(error));
        }
        point(Point::JournalWritten);
        let synced = file.sync_data().and_then(|()| if fresh { sync_parent(&self.path) } else { Ok(()) });
        // After a failed fsync nobody knows what is on the disk; a second one may wrongly say that all is well.
        synced.map_err(|source| {
            self.poisoned = true;
            JournalError::Append { path: self.path.clone(), source }
        })?;
        point(Point::JournalSynced);
        Ok(())
    }
}

/// A journal without what it held.
fn lost(path: &Path, how: &str) -> JournalError {
    let why = format!("{how}, and a run has begun in it; what it knew of questions, replies and work is lost with it");
    JournalError::Unreadable { path: path.to_owned(), line: 0, why }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or_else(|| Path::new("/")))?.sync_all()
}

fn open_file(path: &Path, flags: OFlags) -> Result<Option<File>, JournalError> {
    let failed = |source| JournalError::Read { path: path.to_owned(), source };
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(handle) => File::from(handle),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(failed(error.into())),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        let why = "not a regular file".to_owned();
        return Err(JournalError::Unreadable { path: path.to_owned(), line: 0, why });
    }
    Ok(Some(file))
}

fn create_file(path: &Path) -> Result<File, JournalError> {
    if let Some(folder) = path.parent() {
        Folder::make(folder, Audience::Machine)?;
    }
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, FILE_MODE)
        .map(File::from)
        .map_err(|error| JournalError::Append { path: path.to_owned(), source: error.into() })
}

/// Reads what was there when it began: a writer may be at work.
fn read_from_offset(file: &File, path: &Path, offset: u64) -> Result<Vec<u8>, JournalError> {
    let failed = |source| JournalError::Read { path: path.to_owned(), source };
    let length = file.metadata().map_err(failed)?.len();
    let unreadable = |why: String| JournalError::Unreadable { path: path.to_owned(), line: 0, why };
    if length > line::FILE_CAP {
        return Err(unreadable(format!("{length} bytes are more than a journal holds")));
    }
    let Some(rest) = length.checked_sub(offset) else {
        return Err(unreadable("shorter than it was".to_owned()));
    };
    let mut bytes = vec![0; usize::try_from(rest).map_err(|error| unreadable(error.to_string()))?];
    file.read_exact_at(&mut bytes, offset).map_err(failed)?;
    Ok(bytes)
}

fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

fn parse_lines(
    path: &Path,
    bytes: &[u8],
    run: Option<&str>,
    first_seq: Option<u64>,
) -> Result<Vec<Line>, JournalError> {
    let mut lines: Vec<Line> = Vec::new();
    for (index, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let unreadable = |why| JournalError::Unreadable { path: path.to_owned(), line: index + 1, why };
        let line = parse(text).map_err(unreadable)?;
        let expected = lines.last().map(|line| line.seq + 1).or(first_seq);
        if expected.is_some_and(|expected| line.seq != expected) {
            return Err(unreadable(format!("line {} follows where {} is due", line.seq, expected.unwrap_or_default())));
        }
        let owner = lines.first().map(|line| line.run.as_str()).or(run);
        if owner.is_some_and(|owner| owner != line.run) {
            return Err(unreadable("a line of another run".to_owned()));
        }
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;

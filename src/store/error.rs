//! What the file system, or somebody in it, refused.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::ticket::Unreadable;

/// An operation on files that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A folder could not be listed.
    #[error("cannot list {}", .path.display())]
    List {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A folder could not be made or opened.
    #[error("cannot open the folder {}", .path.display())]
    Folder {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something could not be moved.
    #[error("cannot move {} to {}", .path.display(), .to.display())]
    Move {
        /// What was touched.
        path: PathBuf,
        /// Where it should have gone.
        to: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something could not be removed.
    #[error("cannot remove {}", .path.display())]
    Remove {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is there, but is not of a kind that is used.
    #[error("cannot use {}: {}", .path.display(), .why.diagnostic("").message)]
    Unusable {
        /// What was touched.
        path: PathBuf,
        /// What is wrong with it.
        why: Unreadable,
    },
    /// Something stands where a folder is needed.
    #[error("{} is no folder; move it away (`mv {word} {word}.old`)", .path.display(), word = crate::text::shell_word(&.path.to_string_lossy()))]
    NotAFolder {
        /// What was touched.
        path: PathBuf,
    },
    /// A path that would leave the folder it belongs to.
    #[error("{name:?} is not a path inside {}", .path.display())]
    Outside {
        /// The folder.
        path: PathBuf,
        /// What was asked for.
        name: String,
    },
    /// Something is in the way and is not overwritten.
    #[error("{} is there already; remove it or wait until the next step has taken it", .path.display())]
    Exists {
        /// What is in the way.
        path: PathBuf,
    },
    /// A message that was to be moved is not there.
    #[error("there is no message at {}", .path.display())]
    NoMessage {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A message that may not be moved as it is.
    #[error("the message at {} is refused: {why}", .path.display())]
    Refused {
        /// The message.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of turnstile's own that does not hold what turnstile writes.
    #[error("{} is damaged: {why}; remove it to go on without it", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Whether the system ran out of something or its disk failed, in contrast to a refusal that a person can mend.
pub fn is_shortage(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw_os_error).is_some_and(|number| {
        matches!(number, Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::INTR | Errno::IO | Errno::ROFS)
    })
}

impl StoreError {
    /// What a link, a file or a pipe has taken the place of, if that is the error: a person or a turn put it there.
    pub fn in_the_way(&self) -> Option<&Path> {
        match self {
            Self::Unusable { path, why: Unreadable::Symlink | Unreadable::NotRegular } | Self::NotAFolder { path } => {
                Some(path)
            }
            Self::Unusable {
                why: Unreadable::TooLarge { .. } | Unreadable::NotUtf8 { .. } | Unreadable::Io(_),
                ..
            }
            | Self::List { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Folder { .. }
            | Self::Move { .. }
            | Self::Remove { .. }
            | Self::Outside { .. }
            | Self::Exists { .. }
            | Self::NoMessage { .. }
            | Self::Refused { .. }
            | Self::Damaged { .. } => None,
        }
    }

    /// Whether the machine could not answer: that is no fault of what it was asked about, and says nothing of it.
    pub fn is_shortage(&self) -> bool {
        match self {
            Self::List { source, .. }
            | Self::Read { source, .. }
            | Self::Write { source, .. }
            | Self::Folder { source, .. }
            | Self::Move { source, .. }
            | Self::Remove { source, .. } => is_shortage(source),
            Self::Unusable { .. }
            | Self::NotAFolder { .. }
            | Self::Outside { .. }
            | Self::Exists { .. }
            | Self::NoMessage { .. }
            | Self::Refused { .. }
            | Self::Damaged { .. } => false,
        }
    }

    pub(super) fn list(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::List { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn read(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Read { path: path.to_owned(), source: source.into() }
    }

    /// A file or folder that cannot be written.
    pub fn write(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Write { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn folder(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Folder { path: path.to_owned(), source: source.into() }
    }

    pub(super) fn moving(path: &Path, to: &Path, source: impl Into<io::Error>) -> Self {
        Self::Move { path: path.to_owned(), to: to.to_owned(), source: source.into() }
    }

    pub(super) fn remove(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Remove { path: path.to_owned(), source: source.into() }
    }
}

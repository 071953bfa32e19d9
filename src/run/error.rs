//! What can go wrong around a step, apart from everything that is a reason.

use std::path::PathBuf;

use crate::effect::EffectError;
use crate::flow::{OutOfOrder, Reason, ReasonCode, Unreadable};
use crate::git::GitError;
use crate::store::{JournalError, LockError, StoreError, is_shortage};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// git could not answer.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A line of the journal does not mean anything.
    #[error(transparent)]
    Event(#[from] Unreadable),
    /// A line of the journal does not follow from the ones before.
    #[error(transparent)]
    Order(#[from] OutOfOrder),
    /// A child process could not be started or asked.
    #[error(transparent)]
    Effect(#[from] EffectError),
    /// The lock could not be made.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lock file was taken away while the step went on.
    #[error("the lock of this worktree was taken away while the step went on; nothing further was done")]
    LockLost,
    /// A child process could not do its work.
    #[error("{0}")]
    Child(String),
    /// A file that is needed cannot be used.
    #[error("{path}: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A request could not be written down.
    #[error("cannot write down {}", .path.display())]
    Express {
        /// Where.
        path: PathBuf,
        /// What serde said.
        #[source]
        source: serde_json::Error,
    },
    /// The machinery of waiting could not be built.
    #[error("cannot wait for signals")]
    Wait(#[source] std::io::Error),
    /// `--branch` with a name that cannot be had.
    #[error(transparent)]
    BranchName(GitError),
    /// `--branch` with an open run.
    #[error("a run is open on `{branch}`; `turnstile stop` ends it, or leave `--branch` away")]
    OpenRun {
        /// Its branch.
        branch: String,
    },
}

impl RunError {
    /// The reason that this is, where `decide` would have answered with one.
    pub fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::Journal(JournalError::Read { source, .. }) if is_shortage(source) => Some(ReasonCode::GitFailed),
            Self::Journal(JournalError::Unreadable { .. } | JournalError::Read { .. })
            | Self::Event(_)
            | Self::Order(_) => Some(ReasonCode::JournalUnreadable),
            Self::Lock(LockError::Busy { .. }) => Some(ReasonCode::Busy),
            Self::Store(store) if store.in_the_way().is_some() => Some(ReasonCode::Invalid),
            Self::Unusable { .. } => Some(ReasonCode::Invalid),
            Self::Git(_) | Self::Child(_) | Self::Effect(_) | Self::Store(_) | Self::Journal(_) | Self::LockLost => {
                Some(ReasonCode::GitFailed)
            }
            Self::Lock(_) => Some(ReasonCode::RepositoryState),
            Self::Express { .. } | Self::Wait(_) | Self::BranchName(_) | Self::OpenRun { .. } => None,
        }
    }

    /// The error, and what to type where something stands in the way of turnstile's.
    pub fn told(&self) -> String {
        match self {
            Self::Store(store) => match store.in_the_way() {
                Some(path) => format!("{}; `rm {}` takes it away", self.in_full(), path.display()),
                None => self.in_full(),
            },
            Self::Git(_)
            | Self::Journal(_)
            | Self::Event(_)
            | Self::Order(_)
            | Self::Effect(_)
            | Self::Lock(_)
            | Self::LockLost
            | Self::Child(_)
            | Self::Unusable { .. }
            | Self::Express { .. }
            | Self::Wait(_)
            | Self::BranchName(_)
            | Self::OpenRun { .. } => self.in_full(),
        }
    }

    /// The reason that a journal is which cannot be read, if this is that.
    pub fn unreadable_journal(&self) -> Option<Reason> {
        (self.reason() == Some(ReasonCode::JournalUnreadable)).then(|| {
            let message = format!("{}; `turnstile doctor` says more, and nothing was changed", self.in_full());
            Reason::new(ReasonCode::JournalUnreadable, message)
        })
    }

    /// The error and what is behind it, in one line.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(deeper) = cause {
            let more = deeper.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = deeper.source();
        }
        text
    }
}

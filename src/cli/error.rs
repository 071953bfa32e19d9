//! Errors as people and programs are told them: what went wrong, and what to type next.

use serde_json::{Value, json};

use super::exit::Exit;
use crate::flow::ReasonCode;
use crate::git::GitError;
use crate::run::RunError;
use crate::store::{JournalError, StoreError};

/// What has no answer: usage, no repository, an unknown id, I/O.
#[derive(Clone, Debug, PartialEq)]
pub struct CliError {
    /// A stable word for programs.
    pub code: &'static str,
    /// What went wrong, where, and what to type next.
    pub message: String,
    /// The same for programs.
    pub details: Value,
    /// What to try, a line each.
    pub hints: Vec<String>,
    /// The exit status.
    pub exit: Exit,
}

impl CliError {
    /// The command line cannot be understood.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", message, Exit::USAGE)
    }

    /// Something that was named does not exist.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new("unknown_id", message, Exit::INVALID)
    }

    /// Something that was given cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid", message, Exit::INVALID)
    }

    /// A file or a program did not do as asked.
    pub fn io(message: impl Into<String>) -> Self {
        Self::new("io", message, Exit::FAILED)
    }

    /// Any error.
    pub fn new(code: &'static str, message: impl Into<String>, exit: Exit) -> Self {
        Self { code, message: message.into(), details: json!({}), hints: Vec::new(), exit }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what programs want to know.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The document that `--json` prints on stderr.
    pub fn document(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message, "details": self.details } })
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        let message = error.in_full();
        match &error {
            RunError::Git(git) => from_git(git, message),
            RunError::BranchName(_) => Self::usage(message),
            RunError::OpenRun { branch } => Self::usage(message).details(json!({ "branch": branch })),
            RunError::Unusable { path, .. } => {
                Self::new("invalid", message, Exit::INVALID).details(json!({ "path": path }))
            }
            RunError::Lock(crate::store::LockError::Busy { .. }) => Self::new("busy", message, Exit::BUSY),
            RunError::Journal(JournalError::Unreadable { .. }) | RunError::Event(_) | RunError::Order(_) => {
                Self::new(ReasonCode::JournalUnreadable.name(), message, Exit::FAILED)
                    .hint("`turnstile doctor` says more; nothing was changed")
            }
            RunError::Store(_)
            | RunError::Journal(_)
            | RunError::Effect(_)
            | RunError::Lock(_)
            | RunError::LockLost
            | RunError::Child(_)
            | RunError::Express { .. }
            | RunError::Wait(_) => Self::new("io", message, Exit::FAILED),
        }
    }
}

fn from_git(error: &GitError, message: String) -> CliError {
    match error {
        GitError::NotARepository { .. } => CliError::new("not_a_repository", message, Exit::INVALID),
        GitError::Bare { .. } => CliError::new("bare_repository", message, Exit::INVALID),
        GitError::Owner { .. } => CliError::new("owner", message, Exit::INVALID),
        GitError::UnsupportedExtension { .. } => CliError::new("unsupported_repository", message, Exit::INVALID),
        _ => CliError::new("git_failed", message, Exit::FAILED),
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        RunError::from(error).into()
    }
}

impl From<GitError> for CliError {
    fn from(error: GitError) -> Self {
        RunError::from(error).into()
    }
}

//! What git and the file system can answer instead of what was asked. Knows no policy: callers decide what stops.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// What libgit2 said, as text: its own type does not leave this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(pub String);

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Cause {}

/// Why an operation on the repository has no answer.
#[derive(Debug, Error)]
pub enum GitError {
    /// No repository at this path or above it.
    #[error("no git repository at {path} or above it; `git init` makes one")]
    NotARepository {
        /// Where the search began.
        path: PathBuf,
    },
    /// The repository has no worktree.
    #[error("{path} is a bare repository; give a worktree of it, or make one with `git worktree add`")]
    Bare {
        /// The git directory.
        path: PathBuf,
    },
    /// Git's owner check refuses the repository.
    #[error("{path} belongs to another user; if you trust it: `git config --global --add safe.directory {path}`")]
    Owner {
        /// The directory that was refused.
        path: PathBuf,
    },
    /// The repository uses a format that cannot be opened.
    #[error("{path} uses the repository extension `{name}`, which turnstile cannot open; use a repository without it")]
    UnsupportedExtension {
        /// The repository.
        path: PathBuf,
        /// Name of the extension, for example `objectformat=sha256` or `refstorage`.
        name: String,
    },
    /// libgit2 could not do something.
    #[error("cannot {operation} in {path}")]
    Library {
        /// What was asked.
        operation: &'static str,
        /// The repository, or the file in question.
        path: PathBuf,
        /// libgit2's words.
        #[source]
        source: Cause,
    },
    /// The file system refused.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was asked.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The git program cannot be started.
    #[error("cannot start the `git` program in {path}; is git installed and on PATH?")]
    ProgramMissing {
        /// Where it was to run.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The git program failed.
    #[error("`git {command}` failed in {path}")]
    Program {
        /// The subcommand.
        command: String,
        /// Where it ran.
        path: PathBuf,
        /// What it printed.
        #[source]
        source: Cause,
    },
    /// The git directory may make the git program run something else.
    #[error("`git {command}` is not run in {path} while what the git directory says about programs is in question")]
    ProgramRefused {
        /// The subcommand.
        command: String,
        /// Where it would have run.
        path: PathBuf,
    },
    /// The git program did not come to an end.
    #[error("`git {command}` in {path} did not end within {} s and was stopped", limit.as_secs())]
    ProgramSlow {
        /// The subcommand.
        command: String,
        /// Where it ran.
        path: PathBuf,
        /// How long it had.
        limit: Duration,
    },
    /// A lock of somebody else did not go away.
    #[error("{path} exists for {} s: another git process is at work, or one died; if none runs, remove it", age.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Its age.
        age: Duration,
    },
    /// A branch is not where it was expected to be.
    #[error("{branch} is at {}, not at {} as expected", shown(found.as_deref()), shown(expected.as_deref()))]
    Moved {
        /// Full name of the reference.
        branch: String,
        /// The commit that was expected; none: that it did not exist.
        expected: Option<String>,
        /// The commit that it holds; none: it does not exist.
        found: Option<String>,
    },
    /// Files whose content git would send through a filter that did not work.
    #[error("the filter of {} did not work ({why}); the content is not committed unfiltered", paths.join(", "))]
    Filter {
        /// The files.
        paths: Vec<String>,
        /// What was wrong.
        why: String,
    },
    /// Git is to sign commits and the signer did not.
    #[error("cannot sign the commit in {path}: {why}; mend the signer, or `git config commit.gpgsign false`")]
    Signing {
        /// The repository.
        path: PathBuf,
        /// What the signer said.
        why: String,
    },
    /// Nobody to write into commits.
    #[error("git does not know who you are in {path}; set `git config user.name` and `git config user.email`")]
    Identity {
        /// The repository.
        path: PathBuf,
    },
    /// A path that cannot be in a commit.
    #[error("`{path}` is not a path inside the repository")]
    BadPath {
        /// The path.
        path: String,
    },
    /// A name that no branch can have.
    #[error("`{name}` is not a name for a branch; see `git check-ref-format --help`")]
    BadBranch {
        /// The name.
        name: String,
    },
    /// A branch of this name is there already.
    #[error("branch `{name}` exists already; choose another name, or `git switch {name}`")]
    BranchExists {
        /// The name.
        name: String,
    },
    /// A branch whose name begins with this one, or the other way round.
    #[error("branch `{name}` cannot be made beside `{other}`; choose another name")]
    BranchInTheWay {
        /// The name.
        name: String,
        /// The branch that is there.
        other: String,
    },
    /// A commit, tree or reference that does not exist.
    #[error("{what} is not in the repository {path}")]
    Unknown {
        /// What was looked for.
        what: String,
        /// The repository.
        path: PathBuf,
    },
}

fn shown(commit: Option<&str>) -> &str {
    commit.unwrap_or("(nothing)")
}

/// Puts the operation and the path on a foreign error.
pub(super) trait At<T> {
    fn at(self, operation: &'static str, path: &Path) -> Result<T, GitError>;
}

impl<T> At<T> for Result<T, git2::Error> {
    fn at(self, operation: &'static str, path: &Path) -> Result<T, GitError> {
        self.map_err(|error| GitError::Library {
            operation,
            path: path.to_path_buf(),
            source: Cause(error.message().to_owned()),
        })
    }
}

impl<T> At<T> for io::Result<T> {
    fn at(self, operation: &'static str, path: &Path) -> Result<T, GitError> {
        self.map_err(|source| GitError::Io { operation, path: path.to_path_buf(), source })
    }
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, operation: &'static str, path: &Path) -> Result<T, GitError> {
        self.map_err(|error| GitError::Io { operation, path: path.to_path_buf(), source: error.into() })
    }
}

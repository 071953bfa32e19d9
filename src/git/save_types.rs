//! What is asked of a commit of turnstile's, and what came of it. Knows no git.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the content of a path comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// What lies in the worktree; a path that is not there is removed from the commit.
    Worktree,
    /// This text, whatever lies in the worktree.
    Text(String),
    /// The path is removed.
    Remove,
}

/// One path of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavePath {
    /// Path from the top of the worktree.
    pub path: String,
    /// Its content in the commit.
    pub content: Content,
}

/// A commit to be made on a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveRequest {
    /// Full name of the branch, or `HEAD` where HEAD is detached.
    pub branch: String,
    /// The commit that the branch must hold now; none: it must not exist yet.
    pub base: Option<String>,
    /// What the commit changes.
    pub paths: Vec<SavePath>,
    /// The whole message, trailers included.
    pub message: String,
    /// Whether the commit hooks of the repository run.
    pub hooks: bool,
    /// Whether no hook may change what is committed outside `.tickets`: it was checked as it is.
    pub checked: bool,
    /// More new files than this are not committed.
    pub max_files: usize,
    /// More bytes than this are not committed.
    pub max_bytes: u64,
    /// File that tells [`super::recover_save`] which locks are ours, should this process die.
    pub marker: Option<PathBuf>,
}

/// What came of a [`SaveRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaveResult {
    /// The branch holds the new commit.
    Committed {
        /// The commit.
        commit: String,
        /// Its tree.
        tree: String,
    },
    /// Nothing differs from the base; no commit was made.
    Clean,
    /// A hook said no.
    Refused {
        /// Which hook, and how it ended.
        why: String,
        /// What it printed.
        output: String,
    },
    /// A hook changed what was checked; no commit was made. Trees without `.tickets`.
    Changed {
        /// What was to be committed.
        was: String,
        /// What the hook made of it.
        tree: String,
    },
    /// The request is over its limits; no commit was made.
    TooLarge {
        /// The folders that hold the new files, most files first.
        folders: Vec<String>,
        /// How many files are new.
        files: usize,
        /// Bytes of all contents.
        bytes: u64,
    },
}

//! placeholder
use serde::{Deserialize, Serialize};

use super::error::GitError;
use super::repo::Place;
use super::trees::TreeChange;

/// A worktree as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The commit that holds it.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// Id of the same tree without `.tickets`.
    pub outside_tickets: String,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
}

/// A path that a kept tree does not hold as it lies in the worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Path from the top.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Why it was left out.
    pub why: String,
}

/// A kept tree, found by its reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRef {
    /// Full name of the reference.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// When it was made, in seconds since 1970.
    pub seconds: i64,
}

/// Keeps the worktree as a commit at `refname`: HEAD's tree, every uncommitted file, and all of `.tickets`.
pub fn keep(place: &Place, refname: &str, message: &str, parent: Option<&str>) -> Result<Kept, GitError> {
    keep_screened(place, refname, message, parent, &[])
}

/// The same, without files that hold one of the `secrets`.
pub fn keep_screened(
    place: &Place,
    refname: &str,
    message: &str,
    parent: Option<&str>,
    secrets: &[Vec<u8>],
) -> Result<Kept, GitError> {
    let _ = (refname, message, parent, secrets);
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// Every path that differs between two commits, trees or references.
pub fn diff(place: &Place, a: &str, b: &str) -> Result<Vec<TreeChange>, GitError> {
    let _ = (a, b);
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// The content of a path in a commit, a tree or a reference.
pub fn blob(place: &Place, commitish: &str, path: &str) -> Result<Option<Vec<u8>>, GitError> {
    let _ = (commitish, path);
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// A unified diff of these paths (none: of all) between two commits, trees or references.
pub fn unified(place: &Place, a: &str, b: &str, paths: &[String]) -> Result<String, GitError> {
    let _ = (a, b, paths);
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// The kept trees below a prefix that ends with `/`, sorted by name.
pub fn kept_refs(place: &Place, prefix: &str) -> Result<Vec<KeptRef>, GitError> {
    let _ = prefix;
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// Drops a kept tree: its reference; git collects the objects.
pub fn forget(place: &Place, refname: &str) -> Result<(), GitError> {
    let _ = refname;
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

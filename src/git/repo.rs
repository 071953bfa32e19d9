//! Where the repository is. The answer is kept by callers and given to every other function of this room; no
//! variable of the environment takes part in it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{At, GitError};
use super::library;
use super::path::{file_to_text, text_to_file};

/// A worktree and its repository, all paths absolute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Top of the worktree.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub top: PathBuf,
    /// The git directory of this worktree.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub git_dir: PathBuf,
    /// The git directory that all worktrees of the repository share.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub common_dir: PathBuf,
    /// `main`, or git's name of the linked worktree.
    pub worktree: String,
}

/// Finds the worktree that holds `start`.
pub fn discover(start: &Path) -> Result<Place, GitError> {
    let repository = library::open_from(start)?;
    let real = |path: &Path| path.canonicalize().at("resolve", path);
    let Some(top) = repository.workdir() else {
        return Err(GitError::Bare { path: real(repository.path())? });
    };
    let git_dir = real(repository.path())?;
    let worktree = match git_dir.file_name() {
        Some(name) if repository.is_worktree() => file_to_text(Path::new(name)),
        Some(_) | None => "main".to_owned(),
    };
    Ok(Place { top: real(top)?, common_dir: real(repository.commondir())?, git_dir, worktree })
}

fn write_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&file_to_text(path))
}

fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    String::deserialize(deserializer).map(|text| text_to_file(&text))
}

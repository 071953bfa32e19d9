//! placeholder
use super::error::GitError;
use super::repo::Place;

/// Bytes that a checkout would write at `path` for the blob `id`: line endings and filters applied.
pub fn worktree_bytes(place: &Place, path: &str, id: &str) -> Result<Vec<u8>, GitError> {
    let _ = (path, id);
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

//! placeholder
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::error::GitError;
use super::repo::Place;

/// What [`recover_save`] found and finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// The commit had reached the branch; the index was brought to it.
    Finished {
        /// The commit.
        commit: String,
    },
    /// The commit had not reached the branch; our locks are gone.
    Undone,
}

/// Finishes or undoes what a [`super::save`] that died left behind, by the marker that it wrote. Call it only when
/// that process is known to be dead. None: there is no marker, so nothing was left.
pub fn recover_save(place: &Place, marker: &Path) -> Result<Option<Recovered>, GitError> {
    let _ = marker;
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// How long somebody else's lock is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// Repeats an attempt that answers none while somebody else holds `lock`.
pub(super) fn patiently<T>(
    lock: &Path,
    mut attempt: impl FnMut() -> Result<Option<T>, GitError>,
) -> Result<T, GitError> {
    let began = Instant::now();
    loop {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        if began.elapsed() >= WAIT {
            let modified = lock.symlink_metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default();
            return Err(GitError::Locked { path: lock.to_path_buf(), age });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

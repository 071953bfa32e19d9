//! placeholder
use super::error::GitError;
use super::repo::Place;
use super::save_types::{SaveRequest, SaveResult};

/// Makes the commit that is asked for, or says why not.
pub fn save(place: &Place, request: &SaveRequest) -> Result<SaveResult, GitError> {
    let _ = request;
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

/// The commit of `branch` behind `base` that has this subject and all of these trailers: whether a save that left
/// no record happened.
pub fn find_saved(
    place: &Place,
    branch: &str,
    base: Option<&str>,
    wanted: &[(String, String)],
    subject: &str,
) -> Result<Option<String>, GitError> {
    let _ = (branch, base, wanted, subject);
    Err(GitError::Unknown { what: "unfinished".to_owned(), path: place.top.clone() })
}

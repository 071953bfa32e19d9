//! What other programs wrote into the repository, made to survive a power cut.

use std::fs::File;

use super::error::{At, GitError};
use super::repo::Place;

/// Makes everything that lies in the git directory durable. The git program does not sync loose objects: after a power
/// cut a commit of an agent's would be there and its content not, and a commit of ours on top of it could not be read.
pub fn settle_on_disk(place: &Place) -> Result<(), GitError> {
    let folder = File::open(&place.common_dir).at("open", &place.common_dir)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&folder).map_err(std::io::Error::from).at("sync", &place.common_dir)?;
    #[cfg(not(target_os = "linux"))]
    {
        drop(folder);
        rustix::fs::sync();
    }
    Ok(())
}

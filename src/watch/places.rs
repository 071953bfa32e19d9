//! What is worth a look: which folders are watched, and which names in them.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// One folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// Whether what lies below its folders counts as well.
    pub deep: bool,
    /// The names in it that count; none: all.
    pub names: Option<Vec<String>>,
}

/// Everything that is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(pub Vec<Place>);

/// What git itself renames over its files: the file under its own name is what counts.
const UNFINISHED: &str = ".lock";

impl Places {
    /// Whether a change at a path calls for a look.
    pub fn counts(&self, path: &Path) -> bool {
        if path.extension().is_some_and(|extension| extension == &UNFINISHED[1..]) {
            return false;
        }
        self.0.iter().any(|place| {
            let Ok(below) = path.strip_prefix(&place.folder) else { return false };
            let mut components = below.components();
            let Some(first) = components.next() else { return place.names.is_none() };
            let is_near = place.deep || components.next().is_none();
            let is_named =
                place.names.as_ref().is_none_or(|names| names.iter().any(|name| first.as_os_str() == name.as_str()));
            is_near && is_named
        })
    }

    /// Device and inode of every folder; none where it is not there.
    pub(super) fn identities(&self) -> Vec<Option<(u64, u64)>> {
        let identity = |place: &Place| std::fs::metadata(&place.folder).ok().map(|stat| (stat.dev(), stat.ino()));
        self.0.iter().map(identity).collect()
    }
}

//! Whether a repository's settings leave the comparison as plain as this process makes it, and which files of patterns
//! lie outside of the worktree.

use std::path::{Path, PathBuf};

use git2::Config;

use crate::git::ignore::Rules;
use crate::git::library;
use crate::git::path::as_file;
use crate::git::repo::Place;

/// Settings under which a plain comparison is git's.
pub(super) fn is_ordinary(config: &Config) -> Option<bool> {
    let says = |key: &str, default: bool| match config.get_bool(key) {
        Ok(value) => Some(value),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Some(default),
        Err(_) => None,
    };
    // libgit2 knows fewer conditions than git.
    let mut conditional = config.entries(Some("^includeif\\.")).ok()?;
    Some(
        says("core.fileMode", true)?
            && says("core.symlinks", true)?
            && !says("core.ignoreCase", false)?
            && !says("core.sparseCheckout", false)?
            && !says("extensions.worktreeConfig", false)?
            && conditional.next().is_none(),
    )
}

/// The file of `core.excludesFile`, or where git looks without it. The outer none: only git knows.
#[expect(clippy::option_option, reason = "no file and no answer differ")]
pub(super) fn personal_excludes(place: &Place, config: &Config) -> Option<Option<PathBuf>> {
    match config.get_bytes("core.excludesFile") {
        Ok(b"") => Some(None),
        Ok([b'%' | b':', ..]) => None,
        Ok(_) => config.get_path("core.excludesFile").ok().map(|path| Some(place.top.join(path))),
        Err(error) if error.code() == git2::ErrorCode::NotFound => {
            let folders = library::personal_folder()?;
            match folders.as_slice() {
                b"" => Some(None),
                folder if folder.contains(&b':') => None,
                folder => Some(Some(as_file(folder).join("ignore"))),
            }
        }
        Err(_) => None,
    }
}

/// Patterns in a file outside the worktree; none where there is one that is not understood.
pub(super) fn rules_outside(path: &Path) -> Option<Rules> {
    match std::fs::read(path) {
        Ok(text) => Rules::read(&text, 0),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Some(Rules::none())
        }
        Err(_) => None,
    }
}

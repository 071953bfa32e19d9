//! The git program that calls of this room would start.

use std::path::Path;

use super::error::GitError;
use super::program::Git;
use super::repo::Place;

/// The oldest git that has everything that is asked of it: `git hook run`.
pub const OLDEST_GIT: (u32, u32) = (2, 36);

/// What `git version` prints, without the words in front. No repository is needed; `directory` is where it runs.
pub fn version(directory: &Path) -> Result<String, GitError> {
    let directory = directory.to_path_buf();
    let place =
        Place { top: directory.clone(), git_dir: directory.clone(), common_dir: directory, worktree: String::new() };
    let printed = Git::plain(&place, "git", &["version"]).succeed()?;
    let printed = String::from_utf8_lossy(&printed);
    Ok(printed.trim().trim_start_matches("git version ").to_owned())
}

/// Whether a version is at least [`OLDEST_GIT`]; one that cannot be read is taken for a newer one.
pub fn is_recent(version: &str) -> bool {
    let mut numbers = version.split(|character: char| !character.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST_GIT,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_says_its_version_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let version = version(folder.path()).unwrap();
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
        assert!(is_recent(&version));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("2.36.0", true),
            ("2.35.9", false),
            ("2.9.1", false),
            ("10.0", true),
            ("2.55.GIT", true),
            ("2.39.5 (Apple Git-154)", true),
            ("unheard of", true),
        ] {
            assert_eq!(is_recent(version), expected, "{version}");
        }
    }
}

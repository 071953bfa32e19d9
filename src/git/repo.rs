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
    let place = Place { top: real(top)?, common_dir: real(repository.commondir())?, git_dir, worktree };
    library::remember(&place, repository);
    Ok(place)
}

fn write_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&file_to_text(path))
}

fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    String::deserialize(deserializer).map(|text| text_to_file(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::{TestRepo, run};

    #[test]
    fn a_worktree_is_found_from_below() {
        let repo = TestRepo::with(&[("deep/er/file", "1")]);
        let place = discover(&repo.path("deep/er")).unwrap();
        assert_eq!(place, repo.place);
        assert_eq!((place.worktree.as_str(), &place.git_dir), ("main", &place.common_dir));
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let repo = TestRepo::unborn();
        let outside = repo.around().join("outside");
        std::fs::create_dir(&outside).unwrap();
        assert!(matches!(discover(&outside), Err(GitError::NotARepository { .. })));
        run(&outside, "git", &["init", "-q", "--bare"]);
        assert!(matches!(discover(&outside), Err(GitError::Bare { .. })));
        let init = |name: &str, option: &str| {
            let folder = repo.around().join(name);
            std::fs::create_dir(&folder).unwrap();
            run(&folder, "git", &["init", "-q", option]);
            discover(&folder)
        };
        let named = |result, wanted: &str| match result {
            Err(GitError::UnsupportedExtension { name, .. }) => assert_eq!(name, wanted),
            other => panic!("{other:?}"),
        };
        named(init("sha", "--object-format=sha256"), "objectformat=sha256");
        // Older programs cannot make one.
        if super::super::version(&outside).is_ok_and(|version| version.as_str() >= "2.45") {
            named(init("table", "--ref-format=reftable"), "refstorage");
        }
        repo.git(&["config", "core.repositoryFormatVersion", "1"]);
        repo.git(&["config", "extensions.fromTheFuture", "true"]);
        named(discover(&repo.place.top), "fromthefuture");
    }

    #[test]
    fn a_repository_of_somebody_else_is_refused_with_the_way_out() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let repo = TestRepo::with(&[("a", "1")]);
        for path in [&repo.place.top, &repo.place.git_dir] {
            std::os::unix::fs::chown(path, Some(12345), None).unwrap();
        }
        let error = discover(&repo.place.top).unwrap_err();
        assert!(matches!(error, GitError::Owner { .. }), "{error:?}");
        assert!(error.to_string().contains("safe.directory"));
        assert!(matches!(crate::git::changes(&repo.place), Err(GitError::Owner { .. })));
    }
}

//! Single questions about a worktree. Every answer is read anew; nothing is written and nothing is locked.

use std::path::Path;

use git2::{ErrorCode, RepositoryState};
use rustix::fs::{Access, AtFlags};
use serde::{Deserialize, Serialize};

use super::error::{At, GitError};
use super::library;
use super::path::{components, path_to_text, text_to_path};
use super::program::Git;
use super::repo::Place;
use super::worktree::{Found, look};

/// Below this many free bytes nothing is begun.
const FLOOR: u64 = 64 * 1024 * 1024;

/// Where HEAD is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commit; none where the branch has no commit yet.
    pub commit: Option<String>,
    /// Full name of the branch, also of an unborn one; none where HEAD is detached.
    pub branch: Option<String>,
}

/// The commit and the branch that are checked out.
pub fn head(place: &Place) -> Result<Head, GitError> {
    let repository = library::open(place)?;
    let head = repository.find_reference("HEAD").at("read HEAD", &place.git_dir)?;
    let branch = head.symbolic_target_bytes().map(path_to_text);
    let commit = match head.resolve() {
        Ok(resolved) => resolved.target().map(|id| id.to_string()),
        Err(error) if error.code() == ErrorCode::NotFound && branch.is_some() => None,
        Err(error) => return Err(error).at("resolve HEAD", &place.git_dir),
    };
    Ok(Head { commit, branch })
}

/// The operation of git's that waits to be finished.
pub fn operation(place: &Place) -> Result<Option<&'static str>, GitError> {
    Ok(match library::open(place)?.state() {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("cherry-pick"),
        RepositoryState::Bisect => Some("bisect"),
        RepositoryState::Rebase
        | RepositoryState::RebaseInteractive
        | RepositoryState::RebaseMerge
        | RepositoryState::ApplyMailboxOrRebase => Some("rebase"),
        RepositoryState::ApplyMailbox => Some("am"),
    })
}

/// Name and address of git's configuration; none where one of them is missing or empty.
pub fn identity(place: &Place) -> Result<Option<(String, String)>, GitError> {
    let repository = library::open(place)?;
    match repository.signature() {
        Ok(signature) => Ok(Some((path_to_text(signature.name_bytes()), path_to_text(signature.email_bytes())))),
        Err(error) if error.code() == ErrorCode::NotFound || error.class() == git2::ErrorClass::Invalid => Ok(None),
        Err(error) => Err(error).at("read the identity", &place.top),
    }
}

/// Why nothing can be written to the git directory, or none.
pub fn writable(place: &Place) -> Result<Option<String>, GitError> {
    for path in [&place.git_dir, &place.common_dir, &place.common_dir.join("objects"), &place.common_dir.join("refs")] {
        match rustix::fs::accessat(rustix::fs::CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => {}
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => {
                return Ok(Some(format!("{} is not writable for this user", path.display())));
            }
            Err(rustix::io::Errno::ROFS) => {
                return Ok(Some(format!("{} is on a read-only file system", path.display())));
            }
            Err(error) => return Err(error).at("ask for write access to", path),
        }
    }
    let space = rustix::fs::statvfs(&place.common_dir).at("ask for the free space of", &place.common_dir)?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    Ok((free < FLOOR)
        .then(|| format!("{} has {} MiB free, less than {} MiB", place.common_dir.display(), free >> 20, FLOOR >> 20)))
}

/// Identifies what lies at a path now: file mode and id of the raw content (of a link: its target; of a repository:
/// its commit). None where nothing lies there that git could hold.
pub fn digest(place: &Place, path: &str) -> Result<Option<String>, GitError> {
    let parts = components(path)?;
    Ok(match look(place, &parts)? {
        Found::File(file) => {
            Some(format!("{}:{}", if file.executable { "100755" } else { "100644" }, file.hash(place)?))
        }
        Found::Link(target) => {
            let id = git2::Oid::hash_object(git2::ObjectType::Blob, &target).at("hash a link in", &place.top)?;
            Some(format!("120000:{id}"))
        }
        Found::Repository(Some(commit)) => Some(format!("160000:{commit}")),
        Found::Repository(None) | Found::Directory | Found::Special | Found::Absent => None,
    })
}

/// Whether git ignores the path. A tracked path is not ignored, whatever the patterns say.
pub fn is_ignored(place: &Place, path: &str) -> Result<bool, GitError> {
    Ok(ignored_among(place, &[path])?.contains(&path.to_owned()))
}

/// Those of the paths that git ignores.
pub(super) fn ignored_among(place: &Place, paths: &[&str]) -> Result<Vec<String>, GitError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    library::open(place)?;
    let mut input = Vec::new();
    for path in paths {
        components(path.trim_end_matches('/'))?;
        // Without it a name that begins with `:` would be taken for a pattern.
        input.extend(b"./");
        input.extend(text_to_path(path));
        input.push(0);
    }
    let ended = Git::hardened(place, &["check-ignore", "-z", "--stdin"]).input(input).run()?;
    match ended.status.code() {
        // 0: at least one is ignored; 1: none is.
        Some(0 | 1) => {
            let paths = ended.stdout.split(|byte| *byte == 0).filter_map(|path| path.strip_prefix(b"./"));
            Ok(paths.map(path_to_text).collect())
        }
        Some(_) | None => Err(GitError::Program {
            command: "check-ignore".to_owned(),
            path: place.top.clone(),
            source: super::error::Cause(ended.words()),
        }),
    }
}

/// The commit on top of the stash.
pub fn stash_top(place: &Place) -> Result<Option<String>, GitError> {
    let repository = library::open(place)?;
    match repository.find_reference("refs/stash") {
        Ok(reference) => Ok(reference.target().map(|id| id.to_string())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).at("read the stash of", Path::new(&place.top)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::git::testing::TestRepo;

    #[test]
    fn head_is_a_commit_a_branch_or_both() {
        let repo = TestRepo::unborn();
        let main = Some("refs/heads/main".to_owned());
        assert_eq!(head(&repo.place).unwrap(), Head { commit: None, branch: main.clone() });
        repo.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
        let commit = Some(repo.commit_of("HEAD"));
        assert_eq!(head(&repo.place).unwrap(), Head { commit: commit.clone(), branch: main });
        repo.git(&["switch", "-q", "--detach"]);
        assert_eq!(head(&repo.place).unwrap(), Head { commit, branch: None });
    }

    #[test]
    fn operations_that_wait_have_names() {
        let files = [
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
            ("BISECT_LOG", "bisect"),
            ("rebase-merge/interactive", "rebase"),
            ("rebase-apply/rebasing", "rebase"),
            ("rebase-apply/applying", "am"),
        ];
        for (file, name) in files {
            let repo = TestRepo::with(&[("a", "1")]);
            assert_eq!(operation(&repo.place).unwrap(), None);
            repo.write(&format!(".git/{file}"), repo.commit_of("HEAD"));
            assert_eq!(operation(&repo.place).unwrap(), Some(name));
        }
    }

    #[test]
    fn an_identity_is_a_name_and_an_address() {
        let repo = TestRepo::unborn();
        let ada = ("Ada".to_owned(), "ada@example.org".to_owned());
        assert_eq!(identity(&repo.place).unwrap(), Some(ada));
        repo.git(&["config", "user.name", " "]);
        assert_eq!(identity(&repo.place).unwrap(), None);
        repo.git(&["config", "--unset", "user.name"]);
        assert_eq!(identity(&repo.place).unwrap(), None);
    }

    #[test]
    fn an_ordinary_repository_is_writable() {
        let repo = TestRepo::unborn();
        assert_eq!(writable(&repo.place).unwrap(), None);
    }

    #[test]
    fn a_digest_tells_content_kind_and_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let repo = TestRepo::with(&[("a", "1\n")]);
        let blob = repo.git(&["rev-parse", "HEAD:a"]);
        let of = |path: &str| digest(&repo.place, path).unwrap();
        assert_eq!(of("a"), Some(format!("100644:{blob}")));
        std::fs::set_permissions(repo.path("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(of("a"), Some(format!("100755:{blob}")));
        symlink("a", repo.path("link")).unwrap();
        assert!(of("link").unwrap().starts_with("120000:"));
        symlink(".", repo.path("here")).unwrap();
        assert_eq!(of("here/a"), None, "nothing of ours lies behind a link");
        assert_eq!(of("none"), None);
        let large = std::fs::File::create(repo.path("large")).unwrap();
        large.set_len(9 << 20).unwrap();
        assert_eq!(of("large"), Some(format!("100644:{}", repo.git(&["hash-object", "large"]))));
        assert!(digest(&repo.place, "../a").is_err());
    }

    #[test]
    fn ignored_is_what_git_ignores() {
        let repo = TestRepo::with(&[(".gitignore", "*.log\n!keep.log\nout/\n"), ("a", "1")]);
        repo.write("tracked.log", "x");
        repo.git(&["add", "-f", "tracked.log"]);
        let cases = [
            ("x.log", true),
            ("deep/x.log", true),
            ("keep.log", false),
            ("out/x", true),
            ("tracked.log", false),
            (":odd.log", true),
            (":(glob)a", false),
            ("-rf.log", true),
        ];
        for (path, wanted) in cases {
            assert_eq!(is_ignored(&repo.place, path).unwrap(), wanted, "{path}");
        }
    }

    #[test]
    fn the_stash_has_a_top() {
        let repo = TestRepo::with(&[("a", "1")]);
        assert_eq!(stash_top(&repo.place).unwrap(), None);
        repo.write("a", "2");
        repo.git(&["stash", "-q"]);
        assert_eq!(stash_top(&repo.place).unwrap(), Some(repo.commit_of("refs/stash")));
    }
}

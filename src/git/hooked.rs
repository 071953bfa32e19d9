//! What a git hook needs to know of the repository that it was called in, found fast and without the git program.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::error::GitError;
use super::library;
use super::path::{as_file, text_to_file};
use super::repo::{Place, discover};

/// Where a hook was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In a worktree, or for the repository of one.
    Worktree(Place),
    /// In a repository without a worktree; its git directory.
    Bare(PathBuf),
}

/// The repository of a hook: what git says in `GIT_DIR`, which may be relative, or else what lies around `here`. All
/// that comes out of it is absolute, and holds when the variable is gone and the current directory is another one.
pub fn home_of_hook(git_dir: Option<&OsStr>, here: &Path) -> Result<Home, GitError> {
    let start = git_dir.map_or_else(|| here.to_owned(), |git_dir| here.join(git_dir));
    // A git directory that lies elsewhere does not know its worktree; whoever is in the worktree finds both.
    let around = git_dir.and_then(|_| discover(here).ok()).filter(|place| is_same(&place.git_dir, &start));
    match around.map_or_else(|| discover(&start), Ok) {
        Ok(place) => Ok(Home::Worktree(place)),
        Err(GitError::Bare { path }) => Ok(Home::Bare(path)),
        Err(error) => Err(error),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// A branch that is checked out, and the worktree that it is checked out in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedOut {
    /// The full name of the branch, as bytes.
    pub branch: Vec<u8>,
    /// Top of the worktree, or its git directory.
    pub start: PathBuf,
}

/// Every branch that a worktree of the repository has checked out. What cannot be read is none.
pub fn checked_out(place: &Place) -> Vec<CheckedOut> {
    let branch = |git_dir: &Path| {
        let head = std::fs::read(git_dir.join("HEAD")).ok()?;
        Some(head.strip_prefix(b"ref: ")?.trim_ascii_end().to_owned())
    };
    let mut found = Vec::new();
    if let Some(branch) = branch(&place.common_dir) {
        found.push(CheckedOut { branch, start: place.common_dir.clone() });
    }
    for entry in std::fs::read_dir(place.common_dir.join("worktrees")).into_iter().flatten().flatten() {
        let git_dir = entry.path();
        let Ok(link) = std::fs::read(git_dir.join("gitdir")) else { continue };
        let dot_git = git_dir.join(OsStr::from_bytes(link.trim_ascii_end()));
        if let (Some(branch), Some(top)) = (branch(&git_dir), dot_git.parent()) {
            found.push(CheckedOut { branch, start: top.to_owned() });
        }
    }
    found
}

/// Since when git knows a linked worktree by this name; none where it does not. The file is written once, as the worktree is
/// made, and neither a move nor a repair changes it.
pub fn worktree_since(common_dir: &Path, name: &str) -> std::io::Result<Option<std::time::SystemTime>> {
    let folder = common_dir.join("worktrees").join(text_to_file(name));
    match std::fs::metadata(folder.join("commondir")) {
        Ok(found) => found.modified().map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a line `name: value` of a commit's message says; none where there is no such line, or no such commit.
pub fn named_in_message(git_dir: &Path, commit: &str, name: &str) -> Result<Option<String>, GitError> {
    let repository = library::open_from(git_dir)?;
    let Ok(id) = git2::Oid::from_str(commit) else { return Ok(None) };
    let Ok(found) = repository.find_commit(id) else { return Ok(None) };
    let message = String::from_utf8_lossy(found.message_bytes()).into_owned();
    let value = message.lines().rev().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Ok(value.map(|value| value.trim().to_owned()))
}

/// The parent of a commit that has one, and no other.
pub fn only_parent(git_dir: &Path, commit: &str) -> Result<Option<String>, GitError> {
    let repository = library::open_from(git_dir)?;
    let Ok(found) = git2::Oid::from_str(commit).and_then(|id| repository.find_commit(id)) else { return Ok(None) };
    Ok(if found.parent_count() == 1 { found.parent_id(0).ok().map(|id| id.to_string()) } else { None })
}

/// Whether a commit holds a folder at its top.
pub fn has_folder(git_dir: &Path, commit: &str, name: &str) -> Result<bool, GitError> {
    Ok(kind_at(git_dir, commit, name)? == Some(git2::ObjectType::Tree))
}

/// Whether a commit holds a file at a path.
pub fn has_file(git_dir: &Path, commit: &str, path: &str) -> Result<bool, GitError> {
    Ok(kind_at(git_dir, commit, path)? == Some(git2::ObjectType::Blob))
}

fn kind_at(git_dir: &Path, commit: &str, path: &str) -> Result<Option<git2::ObjectType>, GitError> {
    let repository = library::open_from(git_dir)?;
    let Ok(id) = git2::Oid::from_str(commit) else { return Ok(None) };
    let Ok(tree) = repository.find_object(id, None).and_then(|object| object.peel_to_tree()) else { return Ok(None) };
    Ok(tree.get_path(as_file(path.as_bytes())).ok().and_then(|entry| entry.kind()))
}

/// Where the machine part of a repository would lie that cannot be opened, found by names alone: git's common directory
/// and, unless it is bare, the top of the worktree.
pub fn guessed_home(git_dir: Option<&OsStr>, here: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let start = git_dir.map_or_else(|| here.to_owned(), |git_dir| here.join(git_dir)).canonicalize().ok()?;
    let is_git_dir = |path: &Path| path.join("HEAD").is_file() && path.join("objects").is_dir();
    for folder in start.ancestors() {
        if is_git_dir(folder) {
            let top = (folder.file_name() == Some(OsStr::new(".git"))).then(|| folder.parent()).flatten();
            return Some((folder.to_owned(), top.map(Path::to_owned)));
        }
        let dot_git = folder.join(".git");
        if is_git_dir(&dot_git) {
            return Some((dot_git, Some(folder.to_owned())));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::{TestRepo, run};

    #[test]
    fn the_repository_of_a_hook_is_found_from_wherever_git_calls_it() {
        let repo = TestRepo::with(&[("a", "1")]);
        let git_dir = &repo.place.git_dir;
        let here = Home::Worktree(repo.place.clone());
        assert_eq!(home_of_hook(None, &repo.place.top).unwrap(), here);
        assert_eq!(home_of_hook(Some(OsStr::new(".")), git_dir).unwrap(), here, "as post-receive is called");
        assert_eq!(home_of_hook(Some(git_dir.as_os_str()), Path::new("/")).unwrap(), here);
        let linked = repo.around().join("linked");
        repo.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
        let of_linked = git_dir.join("worktrees/linked");
        let Home::Worktree(place) = home_of_hook(Some(of_linked.as_os_str()), &linked).unwrap() else { panic!() };
        assert_eq!((place.top, place.worktree.as_str()), (linked.canonicalize().unwrap(), "linked"));
        let bare = repo.around().join("bare.git");
        run(repo.around(), "git", &["init", "-q", "--bare", "bare.git"]);
        assert_eq!(home_of_hook(Some(OsStr::new(".")), &bare).unwrap(), Home::Bare(bare.canonicalize().unwrap()));
        assert_eq!(guessed_home(Some(OsStr::new(".")), git_dir), Some((git_dir.clone(), Some(repo.place.top.clone()))));
        assert_eq!(guessed_home(None, &repo.place.top), Some((git_dir.clone(), Some(repo.place.top.clone()))));
        assert_eq!(guessed_home(None, &bare), Some((bare.canonicalize().unwrap(), None)));
    }

    #[test]
    fn a_worktree_whose_git_directory_lies_elsewhere_is_found_by_where_the_hook_is_called() {
        let repo = TestRepo::with(&[("a", "1")]);
        let real = repo.around().join("real.git");
        run(repo.around(), "git", &["init", "-q", "--separate-git-dir", real.to_str().unwrap(), "apart"]);
        let top = repo.around().join("apart").canonicalize().unwrap();
        let real = real.canonicalize().unwrap();
        let place =
            Place { top: top.clone(), git_dir: real.clone(), common_dir: real.clone(), worktree: "main".into() };
        assert_eq!(home_of_hook(Some(real.as_os_str()), &top).unwrap(), Home::Worktree(place));
        // Somebody else's repository around the current directory is not the one that is meant.
        let here = Home::Worktree(repo.place.clone());
        assert_eq!(home_of_hook(Some(repo.place.git_dir.as_os_str()), &top).unwrap(), here);
    }

    #[test]
    fn branches_are_found_in_the_worktrees_that_have_them() {
        let repo = TestRepo::with(&[("a", "1")]);
        let linked = repo.around().join("linked");
        repo.git(&["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
        repo.git(&["worktree", "add", "-q", "--detach", repo.around().join("loose").to_str().unwrap()]);
        let found = checked_out(&repo.place);
        let side = CheckedOut { branch: b"refs/heads/side".to_vec(), start: linked.canonicalize().unwrap() };
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.contains(&side), "{found:?}");
        assert_eq!(discover(&found[0].start).unwrap(), repo.place);
    }

    #[test]
    fn a_commit_says_which_run_made_it_and_what_it_holds() {
        let repo = TestRepo::with(&[(".tickets/001-a.md", "x")]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", "one\n\nTurnstile-Run: r1\nTurnstile-Turn: 2"]);
        let head = repo.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let git_dir = &repo.place.git_dir;
        assert_eq!(named_in_message(git_dir, &head, "Turnstile-Run").unwrap().as_deref(), Some("r1"));
        assert_eq!(named_in_message(git_dir, &head, "Turnstile-Ticket").unwrap(), None);
        assert_eq!(named_in_message(git_dir, &"0".repeat(40), "Turnstile-Run").unwrap(), None);
        assert!(has_folder(git_dir, &head, ".tickets").unwrap());
        assert!(!has_folder(git_dir, &head, "src").unwrap());
        assert!(!has_folder(git_dir, &"0".repeat(40), ".tickets").unwrap());
    }
}

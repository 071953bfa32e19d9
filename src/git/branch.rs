//! Branches: how two commits relate, what lies between them, and moving a branch or HEAD. Files and index stay.

use std::collections::BTreeSet;

use git2::{ErrorCode, Oid, Reference, Repository};
use serde::{Deserialize, Serialize};

use super::error::{At, GitError};
use super::library;
use super::path::{path_to_text, text_to_path};
use super::repo::Place;
use super::trees::difference;
use crate::crash::{Point, point};

/// A history longer than this is not told to its end.
const LONGEST: usize = 10_000;

/// How a commit relates to an earlier state of its branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Commits of the new state that the old one did not have, newest first.
    pub ahead: Vec<String>,
    /// Commits of the old state that the new one has no more, newest first.
    pub lost: Vec<String>,
}

/// Compares two commits; each side is cut at 10,000 commits.
pub fn relation(place: &Place, old: &str, new: &str) -> Result<Relation, GitError> {
    let repository = library::open(place)?;
    let (old, new) = (commit(place, &repository, old)?, commit(place, &repository, new)?);
    Ok(Relation { ahead: between(place, &repository, old, new)?, lost: between(place, &repository, new, old)? })
}

/// Every path that differs between two commits, sorted; `old` none: the empty tree.
pub fn paths_changed(place: &Place, old: Option<&str>, new: &str) -> Result<Vec<String>, GitError> {
    let repository = library::open(place)?;
    let before = old.map(|old| library::tree(place, &repository, old)).transpose()?;
    let after = library::tree(place, &repository, new)?;
    let changes = difference(place, &repository, before.as_ref(), Some(&after))?;
    Ok(changes.into_iter().map(|change| change.path).collect())
}

/// Every path that one of the commits changed against its first parent, sorted: also what a later one took back.
pub fn paths_of_commits(place: &Place, commits: &[String]) -> Result<Vec<String>, GitError> {
    let repository = library::open(place)?;
    let mut paths = BTreeSet::new();
    for name in commits {
        let id = commit(place, &repository, name)?;
        let found = repository.find_commit(id).at("read a commit", &place.top)?;
        let after = found.tree().at("read a tree", &place.top)?;
        let before = match found.parent(0) {
            Ok(parent) => Some(parent.tree().at("read a tree", &place.top)?),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error).at("read a commit", &place.top),
        };
        let changes = difference(place, &repository, before.as_ref(), Some(&after))?;
        paths.extend(changes.into_iter().map(|change| change.path));
    }
    Ok(paths.into_iter().collect())
}

/// Moves `branch` from `expected_old` to `commit`, and makes HEAD point to the branch. Repeating it is harmless.
pub fn adopt_head(place: &Place, branch: &str, commit: &str, expected_old: Option<&str>) -> Result<(), GitError> {
    let repository = library::open(place)?;
    if !branch.starts_with("refs/heads/") || !Reference::is_valid_name(branch) {
        return Err(GitError::BadBranch { name: branch.to_owned() });
    }
    if branch_commit(place, branch)?.as_deref() != Some(commit) {
        move_branch(place, &repository, branch, expected_old, commit, "turnstile: brought forward to HEAD")?;
    }
    point(Point::AdoptMoved);
    repository.set_head_bytes(&text_to_path(branch)).at("set HEAD in", &place.git_dir)?;
    point(Point::AdoptDone);
    Ok(())
}

/// Whether a branch of this name can be made; changes nothing. `name` is short, as one types it.
pub fn check_new_branch(place: &Place, name: &str) -> Result<(), GitError> {
    let repository = library::open(place)?;
    if !matches!(git2::Branch::name_is_valid(name), Ok(true)) {
        return Err(GitError::BadBranch { name: name.to_owned() });
    }
    if branch_commit(place, &format!("refs/heads/{name}"))?.is_some() {
        return Err(GitError::BranchExists { name: name.to_owned() });
    }
    // A reference is a file, and a folder for those below it: `main/x` and `main` cannot both be there.
    let above = name.match_indices('/').map(|(at, _)| name[..at].to_owned());
    for other in above {
        if branch_commit(place, &format!("refs/heads/{other}"))?.is_some() {
            return Err(GitError::BranchInTheWay { name: name.to_owned(), other });
        }
    }
    let mut below =
        repository.references_glob(&format!("refs/heads/{name}/*")).at("list the branches of", &place.top)?;
    match below.names().next() {
        None => Ok(()),
        Some(Err(error)) => Err(error).at("list the branches of", &place.top),
        Some(Ok(other)) => {
            let other = other.strip_prefix("refs/heads/").unwrap_or(other).to_owned();
            Err(GitError::BranchInTheWay { name: name.to_owned(), other })
        }
    }
}

/// Makes a branch at HEAD and switches to it. `name` is short, as one types it.
pub fn create_branch_here(place: &Place, name: &str) -> Result<(), GitError> {
    check_new_branch(place, name)?;
    let repository = library::open(place)?;
    let full = format!("refs/heads/{name}");
    if let Some(commit) = branch_commit(place, "HEAD")? {
        move_branch(place, &repository, &full, None, &commit, "branch: created by turnstile from HEAD")?;
    }
    repository.set_head(&full).at("set HEAD in", &place.git_dir)
}

/// The commit that a branch holds; `branch` is the full name of any reference, or `HEAD`.
pub fn branch_commit(place: &Place, branch: &str) -> Result<Option<String>, GitError> {
    let repository = library::open(place)?;
    current(place, &repository, branch)
}

/// The commit that a reference holds now.
pub(super) fn current(place: &Place, repository: &Repository, name: &str) -> Result<Option<String>, GitError> {
    match repository.find_reference(name).and_then(|reference| reference.peel_to_commit()) {
        Ok(commit) => Ok(Some(commit.id().to_string())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) if error.code() == ErrorCode::InvalidSpec => Err(GitError::BadBranch { name: name.to_owned() }),
        Err(error) => Err(error).at("read a reference", &place.top),
    }
}

/// Compare-and-swap of a reference, synced to the disk and noted in its log. A lock is waited for.
pub(super) fn move_branch(
    place: &Place,
    repository: &Repository,
    name: &str,
    expected: Option<&str>,
    commit: &str,
    note: &str,
) -> Result<(), GitError> {
    let new = library::oid(place, commit)?;
    let old = expected.map(|expected| library::oid(place, expected)).transpose()?;
    let lock = super::index::reference_lock(place, name);
    super::index::patiently(&lock, || {
        let result = match old {
            Some(old) => repository.reference_matching(name, new, true, old, note),
            None => repository.reference(name, new, false, note),
        };
        match result {
            Ok(_) => Ok(Some(())),
            Err(error) if error.code() == ErrorCode::Locked => Ok(None),
            Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists | ErrorCode::NotFound) => {
                Err(GitError::Moved {
                    branch: name.to_owned(),
                    expected: expected.map(str::to_owned),
                    found: current(place, repository, name)?,
                })
            }
            Err(error) => Err(error).at("move a branch", &place.top),
        }
    })
}

/// The id of a commit that exists.
pub(super) fn commit(place: &Place, repository: &Repository, name: &str) -> Result<Oid, GitError> {
    let id = library::oid(place, name)?;
    match repository.find_commit(id) {
        Ok(_) => Ok(id),
        Err(error) if error.code() == ErrorCode::NotFound => {
            Err(GitError::Unknown { what: path_to_text(name.as_bytes()), path: place.top.clone() })
        }
        Err(error) => Err(error).at("read a commit", &place.top),
    }
}

fn between(place: &Place, repository: &Repository, hidden: Oid, shown: Oid) -> Result<Vec<String>, GitError> {
    let mut walk = repository.revwalk().at("walk the history", &place.top)?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::TIME).at("walk the history", &place.top)?;
    walk.push(shown).at("walk the history", &place.top)?;
    walk.hide(hidden).at("walk the history", &place.top)?;
    walk.take(LONGEST).map(|id| id.map(|id| id.to_string()).at("walk the history", &place.top)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::survey::head;
    use crate::git::testing::TestRepo;

    fn commit(repo: &TestRepo, file: &str) -> String {
        repo.write(file, "x");
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-qm", file]);
        repo.commit_of("HEAD")
    }

    #[test]
    fn commits_are_ahead_or_lost() {
        let repo = TestRepo::with(&[("a", "1")]);
        let base = repo.commit_of("HEAD");
        let (one, two) = (commit(&repo, "one"), commit(&repo, "two"));
        let forward = relation(&repo.place, &base, &two).unwrap();
        assert_eq!(forward, Relation { ahead: vec![two.clone(), one.clone()], lost: Vec::new() });
        repo.git(&["reset", "-q", "--hard", &one]);
        let other = commit(&repo, "other");
        let rewritten = relation(&repo.place, &two, &other).unwrap();
        assert_eq!(rewritten, Relation { ahead: vec![other], lost: vec![two.clone()] });
        assert_eq!(relation(&repo.place, &two, &two).unwrap(), Relation { ahead: Vec::new(), lost: Vec::new() });
        let nowhere = "0123456789012345678901234567890123456789";
        assert!(matches!(relation(&repo.place, nowhere, &two), Err(GitError::Unknown { .. })));
        assert!(matches!(relation(&repo.place, "main", &two), Err(GitError::Unknown { .. })));
    }

    #[test]
    fn changed_paths_of_a_range_and_of_its_commits_differ() {
        let repo = TestRepo::with(&[("a", "1")]);
        let base = repo.commit_of("HEAD");
        let one = commit(&repo, "brief");
        repo.git(&["rm", "-q", "brief"]);
        let two = commit(&repo, "stays");
        assert_eq!(paths_changed(&repo.place, Some(&base), &two).unwrap(), ["stays"]);
        assert_eq!(paths_changed(&repo.place, None, &base).unwrap(), ["a"]);
        assert_eq!(paths_of_commits(&repo.place, &[one, two, base]).unwrap(), ["a", "brief", "stays"]);
    }

    #[test]
    fn a_head_that_went_elsewhere_is_adopted_with_files_and_index_as_they_are() {
        let repo = TestRepo::with(&[("a", "1")]);
        let base = repo.commit_of("HEAD");
        repo.git(&["switch", "-qc", "agents-own"]);
        let ahead = commit(&repo, "work");
        repo.write("a", "staged");
        repo.git(&["add", "a"]);
        adopt_head(&repo.place, "refs/heads/main", &ahead, Some(&base)).unwrap();
        adopt_head(&repo.place, "refs/heads/main", &ahead, Some(&base)).unwrap();
        let now = head(&repo.place).unwrap();
        assert_eq!((now.commit, now.branch), (Some(ahead), Some("refs/heads/main".to_owned())));
        assert_eq!(repo.git(&["status", "--porcelain"]), "M  a");
    }

    #[test]
    fn a_branch_that_moved_is_not_adopted() {
        let repo = TestRepo::with(&[("a", "1")]);
        let base = repo.commit_of("HEAD");
        let now = commit(&repo, "somebody");
        repo.git(&["switch", "-qc", "agents-own", &base]);
        let ahead = commit(&repo, "work");
        let refused = adopt_head(&repo.place, "refs/heads/main", &ahead, Some(&base));
        assert!(matches!(refused, Err(GitError::Moved { found: Some(found), .. }) if found == now));
        assert_eq!(head(&repo.place).unwrap().branch.unwrap(), "refs/heads/agents-own");
        assert!(matches!(adopt_head(&repo.place, "main", &ahead, None), Err(GitError::BadBranch { .. })));
    }

    #[test]
    fn a_new_branch_begins_here() {
        for repo in [TestRepo::with(&[("a", "1")]), TestRepo::unborn()] {
            repo.write("dirty", "x");
            let before = head(&repo.place).unwrap().commit;
            create_branch_here(&repo.place, "topic/x").unwrap();
            let now = head(&repo.place).unwrap();
            assert_eq!((now.commit, now.branch.as_deref()), (before.clone(), Some("refs/heads/topic/x")));
            assert_eq!(repo.git(&["status", "--porcelain"]), "?? dirty");
            assert_eq!(branch_commit(&repo.place, "refs/heads/topic/x").unwrap(), before);
        }
        let repo = TestRepo::with(&[("a", "1")]);
        assert!(matches!(create_branch_here(&repo.place, "main"), Err(GitError::BranchExists { .. })));
        for bad in ["", "-x", "a..b", "a b", "HEAD", "x.lock"] {
            assert!(matches!(create_branch_here(&repo.place, bad), Err(GitError::BadBranch { .. })), "{bad:?}");
        }
        assert_eq!(branch_commit(&repo.place, "refs/heads/none").unwrap(), None);
        create_branch_here(&repo.place, "topic/x").unwrap();
        for bad in ["main/x", "main/x/y", "topic", "topic/x/y"] {
            assert!(matches!(create_branch_here(&repo.place, bad), Err(GitError::BranchInTheWay { .. })), "{bad:?}");
        }
    }
}

//! A worktree whose checked-out branch takes pushes (`receive.denyCurrentBranch = updateInstead`): when git refuses one.

use super::changes::{Change, ChangeKind, changes};
use super::error::{At, GitError};
use super::library;
use super::path::text_to_file;
use super::repo::Place;
use super::survey::head;

/// A branch that is pushed to while somebody works on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedTo {
    /// Its full name.
    pub branch: String,
    /// The tracked files that differ from its last commit, sorted: as long as there is one, git refuses every push to it.
    pub refused_for: Vec<String>,
}

/// The mode of a submodule in the index; git does not look into them before it takes a push.
const SUBMODULE: u32 = 0o160_000;

/// Whether git lets others push to what is checked out here, and brings the worktree forward with it.
pub(super) fn updates_instead(place: &Place) -> Result<bool, GitError> {
    let config = library::open(place)?.config().at("read the configuration", &place.top)?;
    // Git compares the word in this way.
    Ok(config.get_string("receive.denyCurrentBranch").is_ok_and(|value| value.eq_ignore_ascii_case("updateInstead")))
}

/// The branch that is checked out, where it takes pushes. The worktree is looked at in such a repository only.
pub fn pushed_to(place: &Place) -> Result<Option<PushedTo>, GitError> {
    // Where a hook does it, what it refuses is its own business.
    if !updates_instead(place)? || place.common_dir.join("hooks/push-to-checkout").exists() {
        return Ok(None);
    }
    let head = head(place)?;
    let (Some(branch), Some(_)) = (head.branch, head.commit) else { return Ok(None) };
    let repository = library::open_alone(place)?;
    let index = repository.index().at("read the index", &place.top)?;
    let is_submodule = |path: &str| index.get_path(&text_to_file(path), 0).is_some_and(|entry| entry.mode == SUBMODULE);
    let stands_in_the_way = |change: &Change| change.kind != ChangeKind::Untracked && !is_submodule(&change.path);
    let changes = changes(place)?.into_iter().filter(stands_in_the_way);
    Ok(Some(PushedTo { branch, refused_for: changes.map(|change| change.path).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::{TestRepo, run};

    fn push(repo: &TestRepo) -> std::process::Output {
        let clone = repo.around().join("clone");
        let commit = ["-c", "user.name=r", "-c", "user.email=r@e", "commit", "-q", "--allow-empty", "-m", "x"];
        let git = || std::process::Command::new("git");
        assert!(git().current_dir(&clone).args(commit).status().unwrap().success());
        git().current_dir(&clone).args(["push", "origin", "HEAD:main"]).output().unwrap()
    }

    #[test]
    fn git_refuses_a_push_just_where_a_tracked_file_differs() {
        let repo = TestRepo::with(&[("a", "1"), ("b", "1")]);
        assert_eq!(pushed_to(&repo.place).unwrap(), None, "git takes no push at all");
        repo.git(&["config", "receive.denyCurrentBranch", "updateinstead"]);
        run(repo.around(), "git", &["clone", "-q", "work", "clone"]);
        let refused_for = || pushed_to(&repo.place).unwrap().unwrap().refused_for;
        assert_eq!((refused_for(), push(&repo).status.success()), (vec![], true));
        repo.write("new", "1");
        assert_eq!((refused_for(), push(&repo).status.success()), (vec![], true), "one that git does not know");
        repo.write("b", "2");
        assert_eq!((refused_for(), push(&repo).status.success()), (vec!["b".to_owned()], false));
        repo.git(&["add", "--all"]);
        assert_eq!((refused_for(), push(&repo).status.success()), (vec!["b".to_owned(), "new".to_owned()], false));
        repo.git(&["switch", "-q", "--detach"]);
        assert_eq!(pushed_to(&repo.place).unwrap(), None, "no branch is checked out");
    }

    #[test]
    fn git_takes_a_push_whatever_a_submodule_is_at_and_leaves_it_to_a_hook_that_is_there() {
        let repo = TestRepo::with(&[("a", "1")]);
        repo.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
        run(repo.around(), "git", &["clone", "-q", "work", "other"]);
        repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../other", "sm"]);
        repo.git(&["commit", "-qm", "a submodule"]);
        run(repo.around(), "git", &["clone", "-q", "work", "clone"]);
        let commit = ["-c", "user.name=r", "-c", "user.email=r@e", "commit", "-q", "--allow-empty", "-m", "x"];
        run(&repo.path("sm"), "git", &commit);
        let refused_for = || pushed_to(&repo.place).unwrap().unwrap().refused_for;
        assert_eq!((refused_for(), push(&repo).status.success()), (vec![], true));
        repo.write("a", "2");
        assert_eq!(refused_for(), ["a"]);
        std::fs::create_dir_all(repo.place.common_dir.join("hooks")).unwrap();
        std::fs::write(repo.place.common_dir.join("hooks/push-to-checkout"), "").unwrap();
        assert_eq!(pushed_to(&repo.place).unwrap(), None);
    }
}

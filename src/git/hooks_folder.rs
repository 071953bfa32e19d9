//! Where git looks for hooks, asked of git itself: what it says is what it does, whatever the settings are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::error::{At, GitError};
use super::library;
use super::path::path_to_text;
use super::program::Git;
use super::pushed_to::updates_instead;
use super::repo::{Place, discover};

/// A repository, bare or not, as its hooks see it.
#[derive(Clone, Debug)]
pub struct HooksPlace {
    /// Where it is; of a bare one, the top is its git directory.
    pub place: Place,
    /// Whether somebody works here.
    pub has_worktree: bool,
    /// Whether others push to it: it is bare, or takes pushes to the branch that is checked out.
    pub is_pushed_to: bool,
    /// The folder that git takes hooks from.
    pub folder: PathBuf,
    /// What leads git there, if anything does.
    pub setting: Option<HooksSetting>,
}

/// `core.hooksPath`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksSetting {
    /// Its value, as it is written.
    pub value: String,
    /// `local`, `worktree`, `global`, `system`, `command`.
    pub scope: String,
    /// The file that it stands in.
    pub file: String,
}

/// Finds the repository that holds `start`, and asks git for its hooks.
pub fn hooks_place(start: &Path) -> Result<HooksPlace, GitError> {
    let (place, has_worktree) = match discover(start) {
        Ok(place) => (place, true),
        Err(GitError::Bare { path }) => {
            let place =
                Place { top: path.clone(), git_dir: path.clone(), common_dir: path, worktree: "main".to_owned() };
            (place, false)
        }
        Err(error) => return Err(error),
    };
    let git = |arguments: &[&str]| Git::plain(&place, "git", arguments).variable("GIT_DIR", &place.git_dir);
    let told = git(&["rev-parse", "--git-path", "hooks"]).succeed()?;
    let told = told.strip_suffix(b"\n").unwrap_or(&told);
    let folder = place.top.join(OsStr::from_bytes(told));
    let found = git(&["config", "--null", "--show-scope", "--show-origin", "--get", "core.hooksPath"]).run()?;
    let setting = if found.status.success() { setting(&found.stdout) } else { None };
    let is_pushed_to = takes_pushes(&place, has_worktree)?;
    Ok(HooksPlace { place, has_worktree, is_pushed_to, folder, setting })
}

/// Scope, origin and value, each with a NUL behind it.
fn setting(told: &[u8]) -> Option<HooksSetting> {
    let mut parts = told.split(|byte| *byte == 0).map(path_to_text);
    let (scope, origin, value) = (parts.next()?, parts.next()?, parts.next()?);
    let file = origin.strip_prefix("file:").unwrap_or(&origin).to_owned();
    Some(HooksSetting { value, scope, file })
}

fn takes_pushes(place: &Place, has_worktree: bool) -> Result<bool, GitError> {
    if !has_worktree {
        return Ok(true);
    }
    let repository = library::open(place)?;
    let config = repository.config().at("read the configuration", &place.top)?;
    let is_bare = config.get_bool("core.bare").unwrap_or(false);
    Ok(is_bare || updates_instead(place)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::{TestRepo, run};

    #[test]
    fn git_itself_says_where_its_hooks_are_and_what_leads_there() {
        let repo = TestRepo::with(&[("a/b", "1")]);
        let place = hooks_place(&repo.path("a")).unwrap();
        assert_eq!(place.folder, repo.place.common_dir.join("hooks"));
        assert_eq!((place.setting, place.has_worktree, place.is_pushed_to), (None, true, false));

        repo.git(&["config", "core.hooksPath", ".husky/_"]);
        let place = hooks_place(&repo.path("a")).unwrap();
        assert_eq!(place.folder, repo.path(".husky/_"));
        let setting = place.setting.unwrap();
        assert_eq!((setting.value.as_str(), setting.scope.as_str()), (".husky/_", "local"));
        assert!(setting.file.ends_with("config"), "{}", setting.file);
    }

    #[test]
    fn a_bare_repository_and_one_that_updates_its_worktree_are_pushed_to() {
        let repo = TestRepo::with(&[("a", "1")]);
        run(repo.around(), "git", &["clone", "-q", "--bare", "work", "hub.git"]);
        let hub = hooks_place(&repo.around().join("hub.git")).unwrap();
        assert_eq!((hub.has_worktree, hub.is_pushed_to), (false, true));
        assert_eq!(hub.folder, hub.place.common_dir.join("hooks"));
        repo.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
        let place = hooks_place(&repo.place.top).unwrap();
        assert_eq!((place.has_worktree, place.is_pushed_to), (true, true));
    }

    #[test]
    fn linked_worktrees_share_the_hooks_of_the_repository() {
        let repo = TestRepo::with(&[("a", "1")]);
        repo.git(&["worktree", "add", "-q", "../linked"]);
        let place = hooks_place(&repo.around().join("linked")).unwrap();
        assert_eq!(place.folder, repo.place.common_dir.join("hooks"));
    }
}

//! The commit hooks of the repository, run for a commit that is not in any index yet: they see a temporary index
//! that holds exactly that commit, and what they change in it or in the message is taken in.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use git2::{Oid, Repository};

use super::error::{At, GitError};
use super::index::copy_index;
use super::library;
use super::program::{Ended, Git, configured_hooks, hooks_folder};
use super::repo::Place;

const NAMES: [&str; 3] = ["pre-commit", "prepare-commit-msg", "commit-msg"];

/// What the hooks made of a commit.
pub(super) enum Verdict {
    Passed { tree: Oid, message: String },
    Refused { why: String, output: String },
}

/// Runs the hooks, if there are any.
pub(super) fn run(place: &Place, repository: &Repository, tree: Oid, message: &str) -> Result<Verdict, GitError> {
    if !present(place, repository)? {
        return Ok(Verdict::Passed { tree, message: message.to_owned() });
    }
    let folder = tempfile::Builder::new().prefix("turnstile-commit-").tempdir_in(&place.git_dir);
    let folder = folder.at("make a folder in", &place.git_dir)?;
    let (index, text) = (folder.path().join("index"), folder.path().join("COMMIT_EDITMSG"));
    fill(place, repository, &index, tree)?;
    fs::write(&text, message).at("write", &text)?;
    for name in NAMES {
        let mut arguments = Vec::new();
        if name != "pre-commit" {
            arguments.push(text.as_os_str());
        }
        if name == "prepare-commit-msg" {
            arguments.push("message".as_ref());
        }
        let ended = call(place, repository, name, &arguments, &index)?;
        if let Some(ended) = ended.filter(|ended| !ended.status.success()) {
            return Ok(Verdict::Refused { why: format!("hook {name}: {}", ended.how()), output: ended.words() });
        }
    }
    let written = Git::hardened(place, &["write-tree"]).variable("GIT_INDEX_FILE", &index).succeed()?;
    let tree = library::oid(place, String::from_utf8_lossy(&written).trim())?;
    let message = String::from_utf8_lossy(&fs::read(&text).at("read", &text)?).into_owned();
    if message.trim().is_empty() {
        return Ok(Verdict::Refused { why: "the hooks left an empty message".to_owned(), output: String::new() });
    }
    Ok(Verdict::Passed { tree, message })
}

fn present(place: &Place, repository: &Repository) -> Result<bool, GitError> {
    let folder = hooks_folder(place, repository)?;
    Ok(NAMES.iter().any(|name| folder.join(name).exists()) || !configured_hooks(place, repository)?.is_empty())
}

/// An index that holds exactly the tree; what the real one knows of unchanged files is kept, so that hooks are fast.
fn fill(place: &Place, repository: &Repository, index: &Path, tree: Oid) -> Result<(), GitError> {
    copy_index(&place.git_dir.join("index"), index)?;
    let git = |arguments: &[&str]| {
        let git = Git::hardened(place, arguments).without_configured_hooks(repository)?;
        Ok::<_, GitError>(git.variable("GIT_INDEX_FILE", index))
    };
    git(&["read-tree", "--reset", &tree.to_string()])?.succeed()?;
    // It fails for files that differ from the commit, which is an ordinary case.
    git(&["update-index", "-q", "--refresh"])?.run()?;
    Ok(())
}

/// None: git before 2.36, and there is no such hook.
fn call(
    place: &Place,
    repository: &Repository,
    name: &str,
    arguments: &[&std::ffi::OsStr],
    index: &Path,
) -> Result<Option<Ended>, GitError> {
    let mut git = if knows_hook_run(place)? {
        Git::plain(place, "git", &["hook", "run", "--ignore-missing", name, "--"])
    } else {
        let file = hooks_folder(place, repository)?.join(name);
        if rustix::fs::access(&file, rustix::fs::Access::EXEC_OK).is_err() {
            return Ok(None);
        }
        Git::plain(place, file, &[])
    };
    for argument in arguments {
        git = git.argument(argument);
    }
    // How long hooks may take is the business of whoever supervises this process.
    git.variable("GIT_INDEX_FILE", index).limit(None).run().map(Some)
}

/// `git hook run` came with git 2.36.
fn knows_hook_run(place: &Place) -> Result<bool, GitError> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(*known);
    }
    let output = Git::hardened(place, &["version"]).succeed()?;
    let known = version(&String::from_utf8_lossy(&output)).is_some_and(|version| version >= (2, 36));
    Ok(*KNOWN.get_or_init(|| known))
}

/// Major and minor number of `git version 2.47.3 (Apple Git-1)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(2)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_git_prints() {
        assert_eq!(version("git version 2.47.3\n"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("git version 2.55.GIT"), Some((2, 55)));
        assert_eq!(version("something else"), None);
    }
}

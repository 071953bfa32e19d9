//! Which commit brought what lies at some paths, who wrote it, and what its signature is worth.

use git2::{Commit, Oid, Repository};

use super::branch;
use super::error::{At, GitError};
use super::hub::is_within;
use super::library;
use super::path::{path_to_text, text_to_file};
use super::program::Git;
use super::repo::Place;

/// Who wrote a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The commit.
    pub commit: String,
    /// Its author's name.
    pub name: String,
    /// Its author's address.
    pub address: String,
    /// What its signature is worth; none where it has none.
    pub signature: Option<Signed>,
}

/// What a signature is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Whether what was signed is what lies there, by a key that has neither expired nor been revoked.
    pub is_good: bool,
    /// The fingerprints of the key, and of the one that it belongs to.
    pub keys: Vec<String>,
}

/// More commits than these nobody puts on top of a message before it is read.
const FURTHEST: usize = 10_000;

/// The commit of HEAD's history that brought what the paths hold in HEAD; none where the first of them holds nothing.
/// What a merge takes from a history that was there already, the merge has brought.
pub fn brought(place: &Place, paths: &[&str]) -> Result<Option<Written>, GitError> {
    let repository = library::open(place)?;
    let Some(head) = branch::branch_commit(place, "HEAD")? else { return Ok(None) };
    let mut commit = repository.find_commit(library::oid(place, &head)?).at("read HEAD", &place.top)?;
    let wanted = held(place, &commit, paths)?;
    if wanted.first().copied().flatten().is_none() {
        return Ok(None);
    }
    for _ in 0..FURTHEST {
        let parents: Vec<Commit> = commit.parents().collect();
        let (mut alike, mut others) = (Vec::new(), Vec::new());
        for parent in parents {
            let is_alike = held(place, &parent, paths)? == wanted;
            if is_alike { alike.push(parent) } else { others.push(parent.id().to_string()) }
        }
        let mut from = None;
        for parent in alike {
            let id = parent.id().to_string();
            let mut is_old = false;
            for other in &others {
                is_old |= is_within(place, &id, other)?;
            }
            if !is_old {
                from = Some(parent);
                break;
            }
        }
        match from {
            Some(parent) => commit = parent,
            None => break,
        }
    }
    written(place, &repository, &commit).map(Some)
}

fn held(place: &Place, commit: &Commit, paths: &[&str]) -> Result<Vec<Option<Oid>>, GitError> {
    let tree = commit.tree().at("read a tree", &place.top)?;
    Ok(paths.iter().map(|path| tree.get_path(&text_to_file(path)).ok().map(|entry| entry.id())).collect())
}

fn written(place: &Place, repository: &Repository, commit: &Commit) -> Result<Written, GitError> {
    let author = commit.author();
    let is_signed = repository.extract_signature(&commit.id(), None).is_ok();
    let id = commit.id().to_string();
    Ok(Written {
        signature: if is_signed { Some(signed(place, repository, &id)?) } else { None },
        commit: id,
        name: path_to_text(author.name_bytes()),
        address: path_to_text(author.email_bytes()),
    })
}

/// What git, and the programs that it checks signatures with, say of one.
fn signed(place: &Place, repository: &Repository, commit: &str) -> Result<Signed, GitError> {
    let mut git = Git::hardened(place, &["log", "-1", "--no-show-signature", "--format=%G?%n%GF%n%GP"]);
    let config = repository.config().at("read the configuration", &place.top)?;
    if config.get_entry("gpg.ssh.allowedSignersFile").is_err() {
        // Without one git does not look at all. That nobody is listed says nothing of the signature itself.
        git = git.setting("gpg.ssh.allowedSignersFile", "/dev/null");
    }
    let ended = git.argument(commit).argument("--").run()?;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    let mut lines = text.lines();
    // `G` and `U` are both sound; whether somebody else vouches for the key is not asked.
    let is_good = ended.status.success() && matches!(lines.next(), Some("G" | "U"));
    let mut keys: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    keys.dedup();
    Ok(Signed { is_good, keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    fn commit(repo: &TestRepo, author: &str, file: &str, text: &str) -> String {
        repo.write(file, text);
        repo.git(&["add", "--all"]);
        repo.git(&["commit", "-q", "--allow-empty", "--author", &format!("{author} <{author}@x>"), "-m", file]);
        repo.commit_of("HEAD")
    }

    fn who(repo: &TestRepo) -> Option<(String, String)> {
        let found = brought(&repo.place, &["reply", "more"]).unwrap();
        found.map(|found| (found.commit, found.address))
    }

    #[test]
    fn whoever_wrote_what_lies_there_now_has_brought_it() {
        let repo = TestRepo::with(&[("a", "1")]);
        assert_eq!(who(&repo), None);
        let ada = commit(&repo, "ada", "reply", "yes");
        commit(&repo, "bob", "other", "x");
        assert_eq!(who(&repo), Some((ada, "ada@x".into())));
        let bob = commit(&repo, "bob", "more", "attached");
        assert_eq!(who(&repo), Some((bob, "bob@x".into())), "what is attached belongs to it");
        commit(&repo, "bob", "reply", "no");
        let ada = commit(&repo, "ada", "reply", "yes");
        assert_eq!(who(&repo), Some((ada, "ada@x".into())));
    }

    #[test]
    fn a_merge_brings_what_a_side_branch_has_but_not_what_was_there_before() {
        let repo = TestRepo::with(&[("a", "1")]);
        repo.git(&["switch", "-qc", "side"]);
        let ada = commit(&repo, "ada", "reply", "yes");
        repo.git(&["switch", "-q", "main"]);
        commit(&repo, "bob", "other", "x");
        repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        assert_eq!(who(&repo), Some((ada.clone(), "ada@x".into())));
        repo.git(&["rm", "-q", "reply"]);
        repo.git(&["commit", "-qm", "taken in"]);
        // An old commit of hers with what she said then, put beside what is there by somebody else.
        let tree = format!("{ada}^{{tree}}");
        let forged = repo.git(&["commit-tree", &tree, "-p", "HEAD", "-p", &ada, "-m", "forged"]);
        repo.git(&["reset", "-q", "--hard", forged.trim()]);
        assert_eq!(who(&repo).unwrap().0, forged.trim());
    }
}

//! Writing a commit object: author and committer from git's configuration, signed where git is told to sign.

use std::time::Duration;

use git2::{Commit, ErrorCode, Oid, Repository, Signature, Tree};

use super::error::{At, Cause, GitError};
use super::library;
use super::program::Git;
use super::repo::Place;

/// How long a signer may take.
const SIGNER: Duration = Duration::from_secs(60);

/// Who writes the commit, by git's configuration.
pub(super) struct Authors {
    author: Signature<'static>,
    committer: Signature<'static>,
}

impl Authors {
    pub fn of(place: &Place, repository: &Repository) -> Result<Self, GitError> {
        let config = repository.config().at("read the configuration", &place.top)?;
        let value = |role: &str, key: &str| match config.get_string(&format!("{role}.{key}")) {
            Ok(value) if !value.trim().is_empty() => Ok(Some(value)),
            Ok(_) => Ok(None),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error).at("read the identity", &place.top),
        };
        let person = |role: &str| {
            let part = |key: &str| match value(role, key)? {
                Some(own) => Ok(Some(own)),
                None => value("user", key),
            };
            let (Some(name), Some(email)) = (part("name")?, part("email")?) else {
                return Err(GitError::Identity { path: place.top.clone() });
            };
            Signature::now(&name, &email).map_err(|_| GitError::Identity { path: place.top.clone() })
        };
        Ok(Self { author: person("author")?, committer: person("committer")? })
    }

    pub fn commit(
        &self,
        place: &Place,
        repository: &Repository,
        tree: &Tree,
        message: &str,
        base: Option<&Commit>,
    ) -> Result<Oid, GitError> {
        let message = git2::message_prettify(message, None).at("read the message for", &place.top)?;
        let config = repository.config().at("read the configuration", &place.top)?;
        let signed = match config.get_bool("commit.gpgSign") {
            Ok(signed) => signed,
            Err(error) if error.code() == ErrorCode::NotFound => false,
            Err(error) => return Err(error).at("read commit.gpgSign", &place.top),
        };
        if signed {
            return sign(place, repository, tree, &message, base);
        }
        let parents: Vec<&Commit> = base.into_iter().collect();
        repository
            .commit(None, &self.author, &self.committer, &message, tree, &parents)
            .at("write a commit", &place.top)
    }
}

/// A commit that the git program signs, with the user's own signer.
fn sign(
    place: &Place,
    repository: &Repository,
    tree: &Tree,
    message: &str,
    base: Option<&Commit>,
) -> Result<Oid, GitError> {
    let failed = |why: String| GitError::Signing { path: place.top.clone(), why };
    let mut git = Git::hardened(place, &["commit-tree", "-S", "-F", "-"]);
    if let Some(base) = base {
        git = git.argument("-p").argument(base.id().to_string());
    }
    let git = git.argument(tree.id().to_string()).input(message.as_bytes().to_vec()).limit(Some(SIGNER));
    let output = match git.succeed() {
        Ok(output) => output,
        Err(GitError::Program { source: Cause(words), .. }) => return Err(failed(words)),
        Err(GitError::ProgramSlow { limit, .. }) => {
            return Err(failed(format!("the signer did not answer within {} s", limit.as_secs())));
        }
        Err(error) => return Err(error),
    };
    let id = library::oid(place, String::from_utf8_lossy(&output).trim())?;
    let commit = repository.find_commit(id).at("read the signed commit", &place.top)?;
    let header = commit.raw_header_bytes();
    let is_signed = header.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"gpgsig"));
    if !is_signed || commit.tree_id() != tree.id() || commit.parent_ids().ne(base.map(Commit::id)) {
        return Err(failed("git did not sign what it was given".to_owned()));
    }
    Ok(id)
}

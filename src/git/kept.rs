//! Looking into kept trees and other commits: what differs, what a path held, which ones there are.

use git2::{DiffFormat, DiffOptions, ErrorCode, ObjectType};
use serde::{Deserialize, Serialize};

use super::error::{At, GitError};
use super::library;
use super::path::{path_to_text, text_to_file};
use super::repo::Place;
use super::trees::{Blob, TreeChange, difference};

/// A kept tree, found by its reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRef {
    /// Full name of the reference.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// When it was made, in seconds since 1970.
    pub seconds: i64,
}

/// Every path that differs between two commits, trees or references, sorted.
pub fn diff(place: &Place, a: &str, b: &str) -> Result<Vec<TreeChange>, GitError> {
    let repository = library::open(place)?;
    let (before, after) = (library::tree(place, &repository, a)?, library::tree(place, &repository, b)?);
    difference(place, &repository, Some(&before), Some(&after))
}

/// The content of a path in a commit, a tree or a reference; none where it holds no file or link there.
pub fn blob(place: &Place, commitish: &str, path: &str) -> Result<Option<Vec<u8>>, GitError> {
    let repository = library::open(place)?;
    let tree = library::tree(place, &repository, commitish)?;
    let entry = match tree.get_path(&text_to_file(path)) {
        Ok(entry) => entry,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(error).at("read a tree", &place.top),
    };
    if entry.kind() != Some(ObjectType::Blob) {
        return Ok(None);
    }
    let blob = repository.find_blob(entry.id()).at("read a blob", &place.top)?;
    Ok(Some(blob.content().to_vec()))
}

/// Identifies what a commit, a tree or a reference holds at a path, in the form of [`super::digest`]. Where git converts
/// a file on its way in (line ends, filters) the two differ although nobody touched it: whoever compares them must be
/// ready to ask a person.
pub fn kept_digest(place: &Place, commitish: &str, path: &str) -> Result<Option<String>, GitError> {
    let repository = library::open(place)?;
    let tree = library::tree(place, &repository, commitish)?;
    match tree.get_path(&text_to_file(path)) {
        Ok(entry) => Ok(Some(format!("{:06o}:{}", entry.filemode(), entry.id()))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).at("read a tree", &place.top),
    }
}

/// What a commit, a tree or a reference holds at a path: a file, a link or a submodule; none where it holds nothing or a
/// folder there.
pub fn kept_entry(place: &Place, commitish: &str, path: &str) -> Result<Option<Blob>, GitError> {
    let repository = library::open(place)?;
    let tree = library::tree(place, &repository, commitish)?;
    match tree.get_path(&text_to_file(path)) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => Ok(None),
        Ok(entry) => Ok(Some(Blob { id: entry.id().to_string(), mode: entry.filemode().unsigned_abs() })),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).at("read a tree", &place.top),
    }
}

/// A unified diff of these paths (none: of all) between two commits, trees or references, as git prints it.
pub fn unified(place: &Place, a: &str, b: &str, paths: &[String]) -> Result<String, GitError> {
    let repository = library::open(place)?;
    let (before, after) = (library::tree(place, &repository, a)?, library::tree(place, &repository, b)?);
    let mut options = DiffOptions::new();
    options.include_typechange(true).disable_pathspec_match(true);
    for path in paths {
        options.pathspec(text_to_file(path));
    }
    let diff = repository
        .diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options))
        .at("compare trees", &place.top)?;
    let mut text = Vec::new();
    diff.print(DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), '+' | '-' | ' ') {
            text.extend(line.origin().to_string().bytes());
        }
        text.extend_from_slice(line.content());
        true
    })
    .at("print a diff", &place.top)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The kept trees whose names begin with `prefix` (below `refs/turnstile/`), sorted by name.
pub fn kept_refs(place: &Place, prefix: &str) -> Result<Vec<KeptRef>, GitError> {
    let repository = library::open(place)?;
    let mut found = Vec::new();
    for reference in repository.references_glob(&format!("{prefix}*")).at("list the kept trees", &place.top)? {
        let reference = reference.at("list the kept trees", &place.top)?;
        let name = path_to_text(reference.name_bytes());
        if name.starts_with(prefix) {
            let commit = reference.peel_to_commit().at("read a kept tree", &place.top)?;
            found.push(KeptRef { name, commit: commit.id().to_string(), seconds: commit.time().seconds() });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The tree of a commit, given by its id or the full name of a reference.
pub fn tree_of(place: &Place, name: &str) -> Result<String, GitError> {
    let repository = library::open(place)?;
    Ok(library::tree(place, &repository, name)?.id().to_string())
}

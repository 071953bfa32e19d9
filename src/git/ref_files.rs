//! Files of a commit, straight out of the object database: of a repository with or without a worktree.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ObjectType, Repository, TreeWalkMode, TreeWalkResult};

use super::error::{At, GitError};
use super::library;
use super::path::path_to_text;

/// Some files of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefFiles {
    /// The reference that was named, in full; what was typed where it is none.
    pub reference: String,
    /// The commit.
    pub commit: String,
    /// Contents by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Links and submodules whose names begin with a dot, and below folders of such names: what lies behind them is not
    /// known.
    pub links: Vec<String>,
}

/// The bare repository around a folder, by its git directory.
pub fn bare_at(start: &Path) -> Result<std::path::PathBuf, GitError> {
    let repository = library::open_from(start)?;
    repository.path().canonicalize().at("resolve", repository.path())
}

/// The files of a commit whose paths are wanted; none is HEAD's branch. Links and submodules are no files.
pub fn files_of(git_dir: &Path, reference: Option<&str>, wanted: &dyn Fn(&str) -> bool) -> Result<RefFiles, GitError> {
    let repository = library::open_from(git_dir)?;
    let typed = reference.unwrap_or("HEAD");
    let unknown = || GitError::Unknown { what: typed.to_owned(), path: git_dir.to_owned() };
    let (object, found) = repository.revparse_ext(typed).map_err(|_| unknown())?;
    let name = found.and_then(|found| found.resolve().ok()).and_then(|found| found.name().map(str::to_owned).ok());
    let commit = object.peel_to_commit().map_err(|_| unknown())?;
    let tree = commit.tree().at("read a tree", git_dir)?;
    let (mut paths, mut links) = (Vec::new(), Vec::new());
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        let (is_top, is_folder) = (folder.is_empty(), entry.kind() == Some(ObjectType::Tree));
        // What may start programs lies in folders whose names begin with a dot.
        if is_top && !entry.name_bytes().starts_with(b".") {
            return if is_folder { TreeWalkResult::Skip } else { TreeWalkResult::Ok };
        }
        let mut path = folder.as_bytes().to_vec();
        path.extend_from_slice(entry.name_bytes());
        let path = path_to_text(&path);
        let is_file = matches!(entry.filemode(), 0o100_644 | 0o100_755 | 0o100_664);
        if !is_file && !is_folder {
            links.push(path);
        } else if is_file && wanted(&path) {
            paths.push((path, entry.id()));
        }
        TreeWalkResult::Ok
    })
    .at("read a tree", git_dir)?;
    let files = paths.into_iter().map(|(path, id)| Ok((path, content(&repository, git_dir, id)?)));
    let files = files.collect::<Result<BTreeMap<_, _>, GitError>>()?;
    let reference = name.unwrap_or_else(|| typed.to_owned());
    Ok(RefFiles { reference, commit: commit.id().to_string(), files, links })
}

fn content(repository: &Repository, git_dir: &Path, id: git2::Oid) -> Result<Vec<u8>, GitError> {
    Ok(repository.find_blob(id).at("read a blob", git_dir)?.content().to_vec())
}

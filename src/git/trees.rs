//! Trees: what differs between two, and a new one from an old one and some edits. Works in the object database
//! alone; no index and no worktree takes part.

use std::collections::{BTreeMap, HashSet};

use git2::{Delta, DiffOptions, ObjectType, Oid, Repository, Tree};
use serde::{Deserialize, Serialize};

use super::error::{At, GitError};
use super::path::path_to_text;
use super::repo::Place;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Object id.
    pub id: String,
    /// Git's file mode: 0o100644, 0o100755, 0o120000, 0o160000.
    pub mode: u32,
}

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeChange {
    /// Path from the top.
    pub path: String,
    /// What the first tree holds there.
    pub before: Option<Blob>,
    /// What the second tree holds there.
    pub after: Option<Blob>,
}

/// What a new tree holds at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    Put { id: Oid, mode: i32 },
    Remove,
}

/// Edits by path.
#[derive(Debug, Default)]
pub(super) struct Edits {
    leaf: Option<Edit>,
    below: BTreeMap<Vec<u8>, Edits>,
}

impl Edits {
    pub fn add(&mut self, components: &[Vec<u8>], edit: Edit) {
        let mut node = self;
        for component in components {
            node = node.below.entry(component.clone()).or_default();
        }
        node.leaf = Some(edit);
    }
}

/// The tree that `base` becomes by the edits.
pub(super) fn edited(
    place: &Place,
    repository: &Repository,
    base: Option<&Tree>,
    edits: &Edits,
) -> Result<Oid, GitError> {
    match write(place, repository, base, edits)? {
        Some(id) => Ok(id),
        None => empty(place, repository),
    }
}

fn empty(place: &Place, repository: &Repository) -> Result<Oid, GitError> {
    repository.treebuilder(None).and_then(|builder| builder.write()).at("write a tree", &place.top)
}

/// None: the tree has become empty, and git holds no empty folders.
fn write(place: &Place, repository: &Repository, base: Option<&Tree>, edits: &Edits) -> Result<Option<Oid>, GitError> {
    let mut builder = repository.treebuilder(base).at("begin a tree", &place.top)?;
    for (name, edit) in &edits.below {
        let known = base.and_then(|tree| tree.get_name_bytes(name)).map(|entry| (entry.id(), entry.kind()));
        let folder = match known {
            Some((id, Some(ObjectType::Tree))) => Some(repository.find_tree(id).at("read a tree", &place.top)?),
            Some(_) | None => None,
        };
        let below = if edit.below.is_empty() { None } else { write(place, repository, folder.as_ref(), edit)? };
        let put = match (edit.leaf, below) {
            (_, Some(id)) => Some((id, 0o040_000)),
            (Some(Edit::Put { id, mode }), None) => Some((id, mode)),
            (Some(Edit::Remove), None) => None,
            // Only removals below, and nothing is left of the folder; a file of this name stays.
            (None, None) => match known {
                Some((_, Some(ObjectType::Tree))) | None => None,
                Some(_) => continue,
            },
        };
        match put {
            Some((id, mode)) => {
                builder.insert(name.as_slice(), id, mode).at("write a tree entry", &place.top)?;
            }
            None if known.is_some() => builder.remove(name.as_slice()).at("remove a tree entry", &place.top)?,
            None => {}
        }
    }
    if builder.is_empty() {
        return Ok(None);
    }
    builder.write().map(Some).at("write a tree", &place.top)
}

/// The tree without one entry of its top.
pub(super) fn without(place: &Place, repository: &Repository, tree: &Tree, name: &str) -> Result<Oid, GitError> {
    if tree.get_name(name).is_none() {
        return Ok(tree.id());
    }
    let mut builder = repository.treebuilder(Some(tree)).at("begin a tree", &place.top)?;
    builder.remove(name).at("remove a tree entry", &place.top)?;
    builder.write().at("write a tree", &place.top)
}

/// Every path of the files and links below one folder of the tree's top. Large trees are read anew each time that one of
/// their entries is looked up, so whoever asks for many paths asks once for all.
pub(super) fn paths_below(
    place: &Place,
    repository: &Repository,
    tree: &Tree,
    name: &str,
) -> Result<HashSet<String>, GitError> {
    let mut found = HashSet::new();
    let mut folders: Vec<(Vec<u8>, Oid)> = tree
        .get_name(name)
        .filter(|entry| entry.kind() == Some(ObjectType::Tree))
        .map(|entry| (name.as_bytes().to_vec(), entry.id()))
        .into_iter()
        .collect();
    while let Some((path, id)) = folders.pop() {
        let folder = repository.find_tree(id).at("read a tree", &place.top)?;
        for entry in &folder {
            let mut below = path.clone();
            below.push(b'/');
            below.extend_from_slice(entry.name_bytes());
            if entry.kind() == Some(ObjectType::Tree) {
                folders.push((below, entry.id()));
            } else {
                found.insert(path_to_text(&below));
            }
        }
    }
    Ok(found)
}

/// Every path that differs, sorted; a rename is a removal and an addition.
pub(super) fn difference(
    place: &Place,
    repository: &Repository,
    before: Option<&Tree>,
    after: Option<&Tree>,
) -> Result<Vec<TreeChange>, GitError> {
    let mut options = DiffOptions::new();
    options.include_typechange(true).skip_binary_check(true).ignore_submodules(false);
    let diff = repository.diff_tree_to_tree(before, after, Some(&mut options)).at("compare trees", &place.top)?;
    let mut found: BTreeMap<String, TreeChange> = BTreeMap::new();
    for delta in diff.deltas() {
        let side = |file: &git2::DiffFile| Blob { id: file.id().to_string(), mode: u32::from(file.mode()) };
        let (old, new) = (delta.old_file(), delta.new_file());
        let path = path_to_text(new.path_bytes().or(old.path_bytes()).unwrap_or_default());
        let change = found.entry(path.clone()).or_insert(TreeChange { path, before: None, after: None });
        if delta.status() != Delta::Added {
            change.before = Some(side(&old));
        }
        if delta.status() != Delta::Deleted {
            change.after = Some(side(&new));
        }
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    #[test]
    fn every_path_below_a_folder_is_found_and_none_beside_it() {
        let repo = TestRepo::with(&[
            (".tickets/1.md", "1"),
            (".tickets/epic/deep/2 é.md", "2"),
            (".tickets-not/3.md", "3"),
            ("src/.tickets/4.md", "4"),
        ]);
        let repository = crate::git::library::open(&repo.place).unwrap();
        let tree = repository.head().unwrap().peel_to_tree().unwrap();
        let below = |name| {
            let mut paths: Vec<_> = paths_below(&repo.place, &repository, &tree, name).unwrap().into_iter().collect();
            paths.sort();
            paths
        };
        assert_eq!(below(".tickets"), [".tickets/1.md", ".tickets/epic/deep/2 é.md"]);
        assert_eq!(below("nothing"), [""; 0]);
    }
}

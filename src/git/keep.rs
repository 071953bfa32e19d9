//! Kept trees: the worktree as it was, as a commit that no branch knows. Branch, index and worktree stay untouched.

use std::collections::{BTreeSet, HashSet};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use git2::{Oid, Repository, Signature, Tree};
use serde::{Deserialize, Serialize};

use super::changes::{ChangeKind, Uncommitted, uncommitted};
use super::content::{Cleaner, OnFailure};
use super::error::{At, GitError};
use super::index::{patiently, reference_lock};
use super::library;
use super::path::{components, text_to_file};
use super::repo::Place;
use super::trees::{Edit, Edits, edited, paths_below, without};
use super::worktree::{Found, look};
use crate::crash::{Point, point};
use crate::secret::Screen;

/// Files larger than this are not kept.
const LARGEST: u64 = 50 * 1024 * 1024;

const TICKETS: &str = ".tickets";

/// A worktree as it was at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The commit that holds it.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// Id of the same tree without `.tickets`.
    pub outside_tickets: String,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
}

/// A path that a kept tree does not hold as it lies in the worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Path from the top.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Why it was left out.
    pub why: String,
    /// Differs where it was written to; empty for what is no file.
    pub stamp: String,
}

/// Keeps the worktree as a commit at `refname` (below `refs/turnstile/`): HEAD's tree, every uncommitted file, and
/// all of `.tickets`, ignored or not. Where nothing changed since `parent`, the name points to that same commit.
/// Files with a known value of `screen` are left out.
pub fn keep(
    place: &Place,
    refname: &str,
    message: &str,
    parent: Option<&str>,
    screen: &Screen,
) -> Result<Kept, GitError> {
    keep_seen(place, refname, message, parent, screen, uncommitted(place)?)
}

/// The same for a caller that has looked at the worktree just now.
pub fn keep_seen(
    place: &Place,
    refname: &str,
    message: &str,
    parent: Option<&str>,
    screen: &Screen,
    seen: Uncommitted,
) -> Result<Kept, GitError> {
    if !refname.starts_with("refs/turnstile/") || !git2::Reference::is_valid_name(refname) {
        return Err(GitError::BadBranch { name: refname.to_owned() });
    }
    let repository = library::open(place)?;
    let head = match super::branch::current(place, &repository, "HEAD")? {
        Some(id) => Some(repository.find_commit(library::oid(place, &id)?).at("read HEAD", &place.top)?),
        None => None,
    };
    let base = head.as_ref().map(git2::Commit::tree).transpose().at("read the tree of HEAD", &place.top)?;
    let mut keeper = Keeper {
        place,
        repository: &repository,
        base: base.as_ref(),
        cleaner: Cleaner::new(place, &repository)?,
        screen,
        edits: Edits::default(),
        left_out: Vec::new(),
    };
    keeper.take_worktree(seen)?;
    let Keeper { edits, left_out, cleaner, .. } = keeper;
    cleaner.finish()?;
    let id = edited(place, &repository, base.as_ref(), &edits)?;
    let tree = repository.find_tree(id).at("read a tree", &place.top)?;
    point(Point::KeepTree);
    let commit = commit(place, &repository, &tree, message, head.as_ref(), parent)?;
    point(Point::KeepCommit);
    patiently(&reference_lock(place, refname), || {
        match repository.reference(refname, commit, true, "turnstile: kept") {
            Ok(_) => Ok(Some(())),
            Err(error) if error.code() == git2::ErrorCode::Locked => Ok(None),
            Err(error) => Err(error).at("write a kept tree", &place.top),
        }
    })?;
    point(Point::KeepNamed);
    Ok(Kept {
        commit: commit.to_string(),
        tree: id.to_string(),
        outside_tickets: without(place, &repository, &tree, TICKETS)?.to_string(),
        left_out,
    })
}

/// The trees of what lies in the worktree, without these paths: the whole, and what is outside `.tickets`. They are
/// written to the object database, where the checks of a claim are bound to the second; no reference names them.
pub fn work_trees(
    place: &Place,
    screen: &Screen,
    seen: Uncommitted,
    without_paths: &[String],
) -> Result<(String, String), GitError> {
    let repository = library::open(place)?;
    let head = super::branch::current(place, &repository, "HEAD")?;
    let base = match &head {
        Some(id) => {
            let commit = repository.find_commit(library::oid(place, id)?).at("read HEAD", &place.top)?;
            Some(commit.tree().at("read the tree of HEAD", &place.top)?)
        }
        None => None,
    };
    let mut keeper = Keeper {
        place,
        repository: &repository,
        base: base.as_ref(),
        cleaner: Cleaner::new(place, &repository)?,
        screen,
        edits: Edits::default(),
        left_out: Vec::new(),
    };
    let Uncommitted { changes, ignored_tickets } = seen;
    let changes = changes.into_iter().filter(|change| !without_paths.contains(&change.path)).collect();
    keeper.take_worktree(Uncommitted { changes, ignored_tickets })?;
    let Keeper { edits, cleaner, .. } = keeper;
    cleaner.finish()?;
    let id = edited(place, &repository, base.as_ref(), &edits)?;
    let tree = repository.find_tree(id).at("read a tree", &place.top)?;
    Ok((id.to_string(), without(place, &repository, &tree, TICKETS)?.to_string()))
}

/// A commit of the tree. HEAD is its first parent, so that git does not collect the commits of a branch that a turn
/// has moved back.
fn commit(
    place: &Place,
    repository: &Repository,
    tree: &Tree,
    message: &str,
    head: Option<&git2::Commit>,
    parent: Option<&str>,
) -> Result<Oid, GitError> {
    let parent = match parent {
        Some(parent) => {
            let id = super::branch::commit(place, repository, parent)?;
            Some(repository.find_commit(id).at("read a commit", &place.top)?)
        }
        None => None,
    };
    if let Some(parent) = parent.as_ref().filter(|parent| parent.tree_id() == tree.id()) {
        return Ok(parent.id());
    }
    let mut parents: Vec<&git2::Commit> = head.into_iter().chain(parent.as_ref()).collect();
    parents.dedup_by_key(|commit| commit.id());
    let keeper = match repository.signature() {
        Ok(signature) => signature,
        // A kept tree is nobody's work: it needs no identity, and must not be refused for the lack of one.
        Err(_) => Signature::now("turnstile", "turnstile@localhost").at("make a signature", &place.top)?,
    };
    repository.commit(None, &keeper, &keeper, message, tree, &parents).at("write a kept tree", &place.top)
}

struct Keeper<'r> {
    place: &'r Place,
    repository: &'r Repository,
    base: Option<&'r Tree<'r>>,
    cleaner: Cleaner<'r>,
    screen: &'r Screen,
    edits: Edits,
    left_out: Vec<LeftOut>,
}

impl Keeper<'_> {
    fn take_worktree(&mut self, Uncommitted { changes, ignored_tickets }: Uncommitted) -> Result<(), GitError> {
        let mut seen = BTreeSet::new();
        for change in changes {
            // Taken from the index and still there is a file that git ignores from now on; `.tickets` is kept anyhow.
            if change.kind == ChangeKind::Deleted && !change.path.starts_with(".tickets/") {
                self.edits.add(&components(&change.path)?, Edit::Remove);
            } else {
                self.take(&change.path)?;
            }
            seen.insert(change.path);
        }
        let ignored = match ignored_tickets {
            Some(ignored) => ignored,
            None => self.untracked_tickets()?,
        };
        for path in ignored {
            if !seen.contains(&path) {
                self.take(&path)?;
            }
        }
        Ok(())
    }

    /// The files of `.tickets` that HEAD does not hold: git's status does not tell of ignored ones.
    fn untracked_tickets(&mut self) -> Result<Vec<String>, GitError> {
        let tracked = match self.base {
            Some(tree) => paths_below(self.place, self.repository, tree, TICKETS)?,
            None => HashSet::new(),
        };
        let mut found = self.tickets()?;
        found.retain(|path| !tracked.contains(path));
        Ok(found)
    }

    /// Every file of `.tickets` on the disk.
    fn tickets(&mut self) -> Result<Vec<String>, GitError> {
        let root = self.place.top.join(TICKETS);
        let mut found = Vec::new();
        let is_repository = |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.path().join(".git").exists();
        let mut walk = walkdir::WalkDir::new(&root).follow_links(false).follow_root_links(false).into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(&root).to_path_buf();
                    let source = error.into_io_error().unwrap_or_else(|| ErrorKind::Other.into());
                    match source.kind() {
                        ErrorKind::NotFound => continue,
                        ErrorKind::PermissionDenied => {
                            let path = self.relative(&path);
                            self.leave_out(path, 0, "cannot be read: permission denied");
                            continue;
                        }
                        _ => return Err(source).at("read the folder", &path),
                    }
                }
            };
            if entry.file_type().is_dir() && is_repository(&entry) {
                walk.skip_current_dir();
                let path = self.relative(entry.path());
                if !self.left_out.iter().any(|out| out.path.trim_end_matches('/') == path) {
                    self.leave_out(path, 0, EMBEDDED);
                }
            } else if !entry.file_type().is_dir() && entry.depth() > 0 {
                found.push(self.relative(entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn relative(&self, path: &Path) -> String {
        super::path::file_to_text(path.strip_prefix(&self.place.top).unwrap_or(path))
    }

    fn take(&mut self, path: &str) -> Result<(), GitError> {
        if let Some(folder) = path.strip_suffix('/') {
            self.leave_out(folder.to_owned(), 0, EMBEDDED);
            return Ok(());
        }
        let parts = components(path)?;
        let found = match look(self.place, &parts) {
            Err(GitError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
                self.leave_out(path.to_owned(), 0, "cannot be read: permission denied");
                return Ok(());
            }
            other => other?,
        };
        let edit = match found {
            Found::Absent | Found::Directory | Found::Special => Edit::Remove,
            Found::Link(target) => Edit::Put { id: self.cleaner.store_raw(&target)?, mode: 0o120_000 },
            Found::Repository(Some(commit)) => Edit::Put { id: library::oid(self.place, &commit)?, mode: 0o160_000 },
            Found::Repository(None) => {
                self.leave_out(path.to_owned(), 0, EMBEDDED);
                return Ok(());
            }
            Found::File(file) => {
                let known = self.base.and_then(|tree| tree.get_path(&text_to_file(path)).ok());
                let mode = self.cleaner.mode(file.executable, known.map(|entry| entry.filemode()));
                let bytes = file.bytes;
                if bytes > LARGEST {
                    self.leave_out(path.to_owned(), bytes, "larger than 50 MiB");
                    return Ok(());
                }
                let content = file.read()?;
                if self.screen.knows_values()
                    && let Some(hit) = self.screen.find(&content).into_iter().find(|hit| hit.known)
                {
                    self.leave_out(path.to_owned(), bytes, &format!("holds the value of {}", hit.name));
                    return Ok(());
                }
                Edit::Put { id: self.cleaner.store(path, &content, OnFailure::StoreAsItIs)?, mode }
            }
        };
        self.edits.add(&parts, edit);
        Ok(())
    }

    fn leave_out(&mut self, path: String, bytes: u64, why: &str) {
        let seen = self.place.top.join(super::path::text_to_file(&path)).symlink_metadata();
        let stamp = seen
            .ok()
            .filter(std::fs::Metadata::is_file)
            .map(|seen| format!("{}.{:09} {}", seen.mtime(), seen.mtime_nsec(), seen.ino()))
            .unwrap_or_default();
        self.left_out.push(LeftOut { path, bytes, why: why.to_owned(), stamp });
    }
}

const EMBEDDED: &str = "a repository inside the worktree";

#[cfg(test)]
mod tests;

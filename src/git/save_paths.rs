//! From the paths of a save to the edits of a tree. Contents are read without following links; what git ignores and
//! does not track, and repositories inside the worktree, stay out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use git2::{Oid, Repository, Tree};

use super::content::{Cleaner, OnFailure};
use super::error::{At as _, GitError};
use super::library;
use super::path::{components, text_to_file};
use super::repo::Place;
use super::save_types::{Content, SavePath, SaveResult};
use super::survey::ignored_among;
use super::trees::{Edit, Edits};
use super::worktree::{Found, look};
use crate::secret::Screen;

/// A path that will be looked at, and where its content comes from.
pub(super) struct Wanted {
    pub path: String,
    parts: Vec<Vec<u8>>,
    content: Content,
}

/// How much a request would put into the repository.
#[derive(Default)]
pub(super) struct Size {
    /// New files by their folder.
    files: BTreeMap<String, usize>,
    pub bytes: u64,
}

impl Size {
    pub fn files(&self) -> usize {
        self.files.values().sum()
    }

    pub fn too_large(&self) -> SaveResult {
        let mut folders: Vec<(&String, &usize)> = self.files.iter().collect();
        folders.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
        SaveResult::TooLarge {
            folders: folders.into_iter().map(|(folder, _)| folder.clone()).collect(),
            files: self.files(),
            bytes: self.bytes,
        }
    }
}

/// Turns the paths of a request into edits of the base's tree.
pub(super) struct Builder<'r> {
    pub place: &'r Place,
    pub repository: &'r Repository,
    pub base: Option<&'r Tree<'r>>,
    /// What no commit may add.
    pub screen: &'r Screen,
}

impl Builder<'_> {
    /// The paths that may be in the commit; of a path that is named twice the last content counts.
    pub fn wanted(&self, paths: &[SavePath]) -> Result<Vec<Wanted>, GitError> {
        let mut unknown = Vec::new();
        for SavePath { path, content } in paths.iter().filter(|path| !path.path.ends_with('/')) {
            // What is not there cannot be added, and git refuses to be asked about what lies behind a link.
            let there = match content {
                Content::Worktree => !matches!(look(self.place, &components(path)?)?, Found::Absent),
                Content::Text(_) => true,
                Content::Remove => false,
            };
            if there && self.entry(path).is_none() {
                unknown.push(path.as_str());
            }
        }
        let ignored: BTreeSet<String> = ignored_among(self.place, &unknown)?.into_iter().collect();
        let mut wanted = BTreeMap::new();
        for SavePath { path, content } in paths {
            if path.ends_with('/') || ignored.contains(path) {
                continue;
            }
            let parts = components(path)?;
            wanted.insert(path.clone(), Wanted { path: path.clone(), parts, content: content.clone() });
        }
        Ok(wanted.into_values().collect())
    }

    fn entry(&self, path: &str) -> Option<(Oid, i32)> {
        let entry = self.base?.get_path(&text_to_file(path)).ok()?;
        (entry.kind() != Some(git2::ObjectType::Tree)).then(|| (entry.id(), entry.filemode()))
    }

    /// The secrets that a file holds and that it did not hold in the base: where they are, never what they are.
    fn added_secrets(&self, path: &str, bytes: &[u8], known: Option<(Oid, i32)>) -> Result<Vec<String>, GitError> {
        let found = self.screen.find(bytes);
        if !found.iter().any(|hit| hit.refused) {
            return Ok(Vec::new());
        }
        let base = match known {
            Some((id, mode)) if mode != 0o160_000 => {
                self.repository.find_blob(id).at("read a blob", &self.place.top)?.content().to_vec()
            }
            Some(_) | None => Vec::new(),
        };
        let line = |start: usize| bytes[..start].split(|byte| *byte == b'\n').count();
        let added = self.screen.added(&base, bytes);
        Ok(added.iter().map(|hit| format!("{path}:{}: {}", line(hit.start), hit.name)).collect())
    }

    /// Sums up sizes before anything is read.
    pub fn measure(&self, wanted: &[Wanted]) -> Result<Size, GitError> {
        let mut size = Size::default();
        for Wanted { path, parts, content } in wanted {
            let bytes = match content {
                Content::Worktree => match look(self.place, parts)? {
                    Found::File(file) => file.bytes,
                    Found::Link(target) => target.len() as u64,
                    Found::Repository(_) => 0,
                    Found::Absent | Found::Directory | Found::Special => continue,
                },
                Content::Text(text) => text.len() as u64,
                Content::Remove => continue,
            };
            size.bytes += bytes;
            if self.entry(path).is_none() {
                let folder = Path::new(path).parent().map_or_else(String::new, |folder| folder.display().to_string());
                *size.files.entry(if folder.is_empty() { ".".to_owned() } else { folder }).or_default() += 1;
            }
        }
        Ok(size)
    }

    /// The edits, and where they would add secrets. Contents are in the object database afterwards, but for those with
    /// secrets.
    pub fn edits(&self, wanted: &[Wanted]) -> Result<(Edits, Vec<String>), GitError> {
        let mut secrets = Vec::new();
        let mut cleaner = Cleaner::new(self.place, self.repository)?;
        let mut edits = Edits::default();
        let mut refused: Vec<String> = Vec::new();
        let mut reason = String::new();
        for Wanted { path, parts, content } in wanted {
            let known = self.entry(path);
            let stored = match content {
                Content::Remove => Ok(Edit::Remove),
                Content::Text(text) => {
                    secrets.extend(self.added_secrets(path, text.as_bytes(), known)?);
                    let mode = known.map(|(_, mode)| mode).filter(|mode| *mode == 0o100_755).unwrap_or(0o100_644);
                    let id = cleaner.store(path, text.as_bytes(), OnFailure::Refuse);
                    id.map(|id| Edit::Put { id, mode })
                }
                Content::Worktree => match look(self.place, parts)? {
                    Found::Absent | Found::Directory | Found::Special => Ok(Edit::Remove),
                    Found::Link(target) => Ok(Edit::Put { id: cleaner.store_raw(&target)?, mode: 0o120_000 }),
                    Found::Repository(commit) => match (commit, known) {
                        // A submodule goes on to its new commit; a repository that nobody added does not become one.
                        (Some(commit), Some((_, mode @ 0o160_000))) => {
                            Ok(Edit::Put { id: library::oid(self.place, &commit)?, mode })
                        }
                        (_, Some((_, 0o160_000)) | None) => continue,
                        (_, Some(_)) => Ok(Edit::Remove),
                    },
                    Found::File(file) => {
                        let mode = cleaner.mode(file.executable, known.map(|(_, mode)| mode));
                        let bytes = file.read()?;
                        secrets.extend(self.added_secrets(path, &bytes, known)?);
                        if secrets.is_empty() {
                            cleaner.store(path, &bytes, OnFailure::Refuse).map(|id| Edit::Put { id, mode })
                        } else {
                            continue;
                        }
                    }
                },
            };
            match stored {
                Ok(edit) => edits.add(parts, edit),
                // All names at once: mending one filter after the other would be a guessing game.
                Err(GitError::Filter { paths, why }) => {
                    refused.extend(paths);
                    reason = why;
                }
                Err(error) => return Err(error),
            }
        }
        if refused.is_empty() {
            cleaner.finish()?;
            return Ok((edits, secrets));
        }
        Err(GitError::Filter { paths: refused, why: reason })
    }
}

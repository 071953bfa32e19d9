//! Changing the index for single paths. Git's own lock is held from the look at the index to its replacement, and
//! it carries a token of ours: after a crash exactly that lock is removed, and never one of somebody else.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use git2::Repository;
use serde::{Deserialize, Serialize};

use super::branch::{commit as find_commit, current};
use super::error::{At, GitError};
use super::library;
use super::path::{file_to_text, text_to_file, text_to_path};
use super::program::Git;
use super::repo::Place;
use super::trees::Blob;
use crate::crash::{Point, point};

/// How long somebody else's lock is waited for.
pub(super) const WAIT: Duration = Duration::from_secs(5);

/// What [`recover_save`] found and finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// The commit had reached the branch; the index was brought to it.
    Finished {
        /// The commit.
        commit: String,
    },
    /// The commit had not reached the branch; our locks are gone.
    Undone,
}

/// What a save is about to do, written before it takes a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    token: String,
    lock: String,
    spare: String,
    prepared: String,
    branch: String,
    branch_lock: String,
    commit: String,
}

/// Git's lock on the index, held by us.
pub(super) struct IndexLock<'a> {
    place: &'a Place,
    marker: Marker,
    file: Option<PathBuf>,
}

impl<'a> IndexLock<'a> {
    /// Waits for the lock and takes it. `file` is where the marker is kept meanwhile.
    pub fn take(place: &'a Place, branch: &str, commit: &str, file: Option<&Path>) -> Result<Self, GitError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("turnstile-{}-{}", std::process::id(), since.as_nanos());
        let inside = |name: String| file_to_text(&place.git_dir.join(name));
        let marker = Marker {
            token: format!("{name} {commit}\n"),
            lock: inside("index.lock".to_owned()),
            spare: inside(format!("{name}.lock")),
            prepared: inside(format!("{name}.index")),
            branch: branch.to_owned(),
            branch_lock: file_to_text(&reference_lock(place, branch)),
            commit: commit.to_owned(),
        };
        if let Some(file) = file {
            write_marker(file, &marker)?;
        }
        point(Point::SaveMarker);
        let held = Self { place, marker, file: file.map(Path::to_path_buf) };
        let lock = held.lock();
        let taken = patiently(&lock, || {
            take_lock(&text_to_file(&held.marker.spare), &lock, &held.marker.token).at("make the lock", &lock)
        });
        match taken {
            Ok(()) => {
                point(Point::SaveLocked);
                Ok(held)
            }
            Err(error) => {
                held.give_up()?;
                Err(error)
            }
        }
    }

    /// The lock was not taken. Where a name of ours lies there all the same, because it could not be removed, the marker
    /// stays for [`recover_save`].
    fn give_up(&self) -> Result<(), GitError> {
        let is_ours = fs::read(self.lock()).is_ok_and(|content| content == self.marker.token.as_bytes());
        if is_ours || text_to_file(&self.marker.spare).symlink_metadata().is_ok() {
            return Ok(());
        }
        self.forget_marker()
    }

    /// Writes a copy of the index in which these paths, and only these, are changed.
    pub fn prepare(&self, repository: &Repository, entries: &[(String, Option<Blob>)]) -> Result<(), GitError> {
        let index = self.place.git_dir.join("index");
        let prepared = text_to_file(&self.marker.prepared);
        copy_index(&index, &prepared)?;
        let mut input = Vec::new();
        // Removals first: a folder may stand where a file was, and the other way round.
        for wanted in [false, true] {
            for (path, blob) in entries.iter().filter(|(_, blob)| blob.is_some() == wanted) {
                let line = match blob {
                    Some(blob) => format!("{:o} {}\t", blob.mode, blob.id),
                    None => format!("0 {}\t", git2::Oid::ZERO_SHA1),
                };
                input.extend(line.into_bytes());
                input.extend(text_to_path(path));
                input.push(0);
            }
        }
        if input.is_empty() {
            return Ok(());
        }
        let git = Git::hardened(self.place, &["update-index", "-z", "--index-info"]);
        git.without_configured_hooks(repository)?.variable("GIT_INDEX_FILE", &prepared).input(input).succeed()?;
        File::open(&prepared).and_then(|file| file.sync_all()).at("sync", &prepared)?;
        point(Point::SaveIndexed);
        Ok(())
    }

    /// Puts the prepared index in place and lets go of the lock.
    pub fn publish(self) -> Result<(), GitError> {
        let prepared = text_to_file(&self.marker.prepared);
        let index = self.place.git_dir.join("index");
        replace(&prepared, &index)?;
        point(Point::SavePublished);
        self.release()
    }

    /// Lets go of the lock and leaves the index as it is.
    pub fn release(self) -> Result<(), GitError> {
        remove(&text_to_file(&self.marker.prepared))?;
        remove(&self.lock())?;
        point(Point::SaveReleased);
        self.forget_marker()?;
        point(Point::SaveForgotten);
        Ok(())
    }

    fn lock(&self) -> PathBuf {
        text_to_file(&self.marker.lock)
    }

    fn forget_marker(&self) -> Result<(), GitError> {
        self.file.as_deref().map_or(Ok(()), remove)
    }
}

/// Finishes or undoes what a [`super::save`] that died left behind, by the marker that it wrote. Call it only when
/// that process is known to be dead. None: there is no marker, so nothing was left.
pub fn recover_save(place: &Place, marker: &Path) -> Result<Option<Recovered>, GitError> {
    let bytes = match fs::read(marker) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at("read", marker),
    };
    let left: Marker = serde_json::from_slice(&bytes).map_err(io::Error::from).at("understand", marker)?;
    point(Point::RecoverBegun);
    let repository = library::open(place)?;
    remove_branch_lock(&left, marker)?;
    point(Point::RecoverBranch);
    let reached = reached(place, &repository, &left)?;
    let (lock, prepared) = (text_to_file(&left.lock), text_to_file(&left.prepared));
    let held = match fs::read(&lock) {
        Ok(content) => content == left.token.as_bytes(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error).at("read", &lock),
    };
    if held && reached {
        // Our lock is still there, so nobody has touched the index since it was copied.
        replace(&prepared, &place.git_dir.join("index"))?;
        point(Point::RecoverIndex);
    }
    remove(&prepared)?;
    remove(&prepared.with_extension("index.lock"))?;
    remove(&text_to_file(&left.spare))?;
    if held {
        remove(&lock)?;
    }
    point(Point::RecoverLock);
    remove(marker)?;
    Ok(Some(if reached { Recovered::Finished { commit: left.commit } } else { Recovered::Undone }))
}

/// Whether the branch holds the commit, or something that was built on it.
fn reached(place: &Place, repository: &Repository, left: &Marker) -> Result<bool, GitError> {
    let Some(now) = current(place, repository, &left.branch)? else { return Ok(false) };
    if now == left.commit {
        return Ok(true);
    }
    let (now, ours) = (find_commit(place, repository, &now)?, library::oid(place, &left.commit)?);
    match repository.graph_descendant_of(now, ours) {
        Ok(answer) => Ok(answer),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(false),
        Err(error) => Err(error).at("walk the history", &place.top),
    }
}

/// The lock of the reference is written by libgit2: it is ours if it holds our commit. Killed before it wrote, it is
/// empty; no living process keeps an empty lock for seconds, so one that is younger is waited for.
fn remove_branch_lock(left: &Marker, marker: &Path) -> Result<(), GitError> {
    remove_lock(&text_to_file(&left.branch_lock), &left.commit, marker)
}

/// Removes what an [`super::adopt_head`] that died left behind: the locks of the branch and of HEAD that it took
/// after it wrote `since`. Call it only when that process is known to be dead.
pub fn recover_adopt(place: &Place, branch: &str, commit: &str, since: &Path) -> Result<(), GitError> {
    remove_lock(&reference_lock(place, branch), commit, since)?;
    remove_lock(&reference_lock(place, "HEAD"), &format!("ref: {branch}"), since)
}

fn remove_lock(lock: &Path, ours: &str, since: &Path) -> Result<(), GitError> {
    while !judge_lock(lock, ours, since)? {
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Whether there is an answer: it was ours and is gone, or it is not ours.
fn judge_lock(lock: &Path, ours: &str, since: &Path) -> Result<bool, GitError> {
    let content = match fs::read(lock) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error).at("read", lock),
    };
    let changed = |path: &Path| path.symlink_metadata().and_then(|metadata| metadata.modified());
    let locked = match changed(lock) {
        Ok(locked) => locked,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error).at("look at", lock),
    };
    let written = changed(since).at("look at", since)?;
    let suspicious = content.is_empty() && locked >= written;
    // A clock that was set back makes no lock young for ever.
    let age = SystemTime::now().duration_since(locked).unwrap_or(WAIT);
    if suspicious && age < WAIT {
        return Ok(false);
    }
    if content.trim_ascii() == ours.as_bytes() || suspicious {
        remove(lock)?;
    }
    Ok(true)
}

/// The file that git locks a reference with.
pub(super) fn reference_lock(place: &Place, name: &str) -> PathBuf {
    let folder = if name == "HEAD" { &place.git_dir } else { &place.common_dir };
    folder.join(text_to_file(&format!("{name}.lock")))
}

/// Repeats an attempt that answers none while somebody else holds `lock`.
pub(super) fn patiently<T>(
    lock: &Path,
    mut attempt: impl FnMut() -> Result<Option<T>, GitError>,
) -> Result<T, GitError> {
    let began = Instant::now();
    loop {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        if began.elapsed() >= WAIT {
            let modified = lock.symlink_metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default();
            return Err(GitError::Locked { path: lock.to_path_buf(), age });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A copy of the index with its time of change, by which git tells entries that it must read again.
pub(super) fn copy_index(index: &Path, copy: &Path) -> Result<(), GitError> {
    let modified = match index.metadata() {
        Ok(metadata) => metadata.modified().at("look at", index)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).at("look at", index),
    };
    fs::copy(index, copy).at("copy", index)?;
    let times = FileTimes::new().set_modified(modified);
    OpenOptions::new().write(true).open(copy).and_then(|file| file.set_times(times)).at("set the time of", copy)
}

/// None: somebody else holds the lock. The name appears with its content, so that a lock of ours is never mute.
fn take_lock(spare: &Path, lock: &Path, token: &str) -> io::Result<Option<()>> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(spare)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    point(Point::SaveSpare);
    let linked = match fs::hard_link(spare, lock) {
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            // A file system without hard links: here the content comes a moment after the name.
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(lock)
                .and_then(|mut file| file.write_all(token.as_bytes()))
        }
        other => other,
    };
    fs::remove_file(spare)?;
    match linked {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_marker(file: &Path, marker: &Marker) -> Result<(), GitError> {
    let folder = file.parent().unwrap_or(file);
    let write = || {
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut temporary, marker)?;
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().at("write", file)
}

/// Renames if the source is there, and syncs the folder.
fn replace(from: &Path, to: &Path) -> Result<(), GitError> {
    match fs::rename(from, to) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).at("replace", to),
    }
    let folder = to.parent().unwrap_or(to);
    File::open(folder).and_then(|folder| folder.sync_all()).at("sync", folder)
}

fn remove(path: &Path) -> Result<(), GitError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).at("remove", path),
    }
}

#[cfg(test)]
mod tests;

//! Reading one path of the worktree. No symbolic link is followed, neither the path itself nor a folder above it:
//! what lies behind a link is not content of the repository.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::error::{At, GitError};
use super::path::as_file;
use super::repo::Place;

/// What lies at a path.
pub(super) enum Found {
    Absent,
    File(OpenFile),
    Link(Vec<u8>),
    Directory,
    /// A folder with a repository of its own, and the commit that is checked out there.
    Repository(Option<String>),
    /// A pipe, a socket, a device: nothing that git holds.
    Special,
}

/// A regular file, open for reading.
pub(super) struct OpenFile {
    pub path: PathBuf,
    pub executable: bool,
    pub bytes: u64,
    file: File,
}

impl OpenFile {
    pub fn read(mut self) -> Result<Vec<u8>, GitError> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        self.file.read_to_end(&mut bytes).at("read", &self.path)?;
        Ok(bytes)
    }

    /// Id of the content as a blob, without any filter.
    pub fn hash(self, place: &Place) -> Result<String, GitError> {
        const IN_MEMORY: u64 = 8 * 1024 * 1024;
        if self.bytes > IN_MEMORY {
            let id = git2::Oid::hash_file(git2::ObjectType::Blob, &self.path).at("hash a file in", &place.top)?;
            return Ok(id.to_string());
        }
        let bytes = self.read()?;
        let id = git2::Oid::hash_object(git2::ObjectType::Blob, &bytes).at("hash a file in", &place.top)?;
        Ok(id.to_string())
    }
}

/// Looks at a path, component by component.
pub(super) fn look(place: &Place, components: &[Vec<u8>]) -> Result<Found, GitError> {
    let Some((name, parents)) = components.split_last() else { return Ok(Found::Directory) };
    let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut path = place.top.clone();
    let mut folder: OwnedFd = rustix::fs::open(&path, folder_flags, Mode::empty()).at("open", &path)?;
    for parent in parents {
        path.push(as_file(parent));
        match rustix::fs::openat(&folder, as_file(parent), folder_flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(next) => folder = next,
            // A file or a link in place of the folder: below it there is nothing of this repository.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => return Ok(Found::Absent),
            Err(error) => return Err(error).at("open", &path),
        }
    }
    let name = as_file(name);
    path.push(name);
    let stat = match rustix::fs::statat(&folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Found::Absent),
        Err(error) => return Err(error).at("look at", &path),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let file = File::from(rustix::fs::openat(&folder, name, flags, Mode::empty()).at("open", &path)?);
            let metadata = file.metadata().at("look at", &path)?;
            if !metadata.is_file() {
                return Ok(Found::Special);
            }
            Ok(Found::File(OpenFile { executable: stat.st_mode & 0o100 != 0, bytes: metadata.len(), path, file }))
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&folder, name, Vec::new()).at("read the link", &path)?;
            Ok(Found::Link(target.into_bytes()))
        }
        FileType::Directory => directory(&path),
        FileType::Fifo | FileType::Socket | FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => {
            Ok(Found::Special)
        }
    }
}

fn directory(path: &Path) -> Result<Found, GitError> {
    match path.join(".git").symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Directory),
        Err(error) => return Err(error).at("look at", &path.join(".git")),
    }
    // Whatever keeps libgit2 from opening it, the folder is a repository; only its commit stays unknown.
    let commit = git2::Repository::open(path).ok().and_then(|repository| repository.head().ok()?.target());
    Ok(Found::Repository(commit.map(|id| id.to_string())))
}

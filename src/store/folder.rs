//! A folder that is held open: everything below it is reached component by component, and no symbolic link is
//! followed on the way, whoever puts one there in the meantime.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::StoreError;
use super::error::is_shortage;
use crate::crash::{Point, point};
use crate::ticket::Unreadable;

mod write;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Never waits for a writer of a pipe, never follows a link.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The beginning of the names of files that are being written.
const TEMPORARY: &str = ".turnstile-";

/// The process that was writing a file with this name, if it is the name of one that was never finished.
pub fn writer_of(name: &str) -> Option<i32> {
    let (process, count) = name.strip_prefix(TEMPORARY)?.strip_suffix(".tmp")?.split_once('-')?;
    count.parse::<u64>().ok()?;
    process.parse().ok()
}

/// How many names a file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Any number.
    Any,
    /// One: a message with a second name may be somebody's secret.
    One,
}

/// Who may see what is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People: a replaced file keeps its mode, a new one gets what the umask leaves.
    People,
    /// People, who may run it as far as the umask lets them.
    Programs,
    /// This user alone: folders 0700, files 0600.
    Machine,
}

impl Audience {
    fn folder_mode(self) -> Mode {
        match self {
            Self::People | Self::Programs => Mode::from_raw_mode(0o777),
            Self::Machine => Mode::RWXU,
        }
    }

    fn file_mode(self) -> Mode {
        match self {
            Self::People => Mode::from_raw_mode(0o666),
            Self::Programs => Mode::from_raw_mode(0o777),
            Self::Machine => Mode::RUSR | Mode::WUSR,
        }
    }
}

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Anything else: a pipe, a device, a socket.
    Other,
}

impl Kind {
    pub(super) fn of(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

/// A folder that is held open.
#[derive(Debug)]
pub struct Folder {
    pub(super) handle: OwnedFd,
    pub(super) path: PathBuf,
}

impl Folder {
    /// Opens a folder by a path that may hold links; `None` where there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        match rustix::fs::open(path, DIRECTORY, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { handle, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(StoreError::folder(path, error)),
        }
    }

    /// Opens a folder by a path that may hold links, and makes what is missing of it.
    pub fn make(path: &Path, audience: Audience) -> Result<Self, StoreError> {
        if let Some(folder) = Self::open(path)? {
            return Ok(folder);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(StoreError::folder(path, Errno::NOENT));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        Self::make(parent, audience)?.make_child(name, audience)
    }

    /// The folder itself, as messages name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens what lies below, one component at a time; `None` where one is missing.
    pub fn below(&self, relative: &Path) -> Result<Option<Self>, StoreError> {
        let mut at: Option<Self> = None;
        for name in self.components(relative)? {
            match at.as_ref().unwrap_or(self).child(name)? {
                Some(folder) => at = Some(folder),
                None => return Ok(None),
            }
        }
        at.map_or_else(|| self.again(), Ok).map(Some)
    }

    /// The same, and makes what is missing.
    pub fn make_below(&self, relative: &Path, audience: Audience) -> Result<Self, StoreError> {
        let mut at: Option<Self> = None;
        for name in self.components(relative)? {
            at = Some(at.as_ref().unwrap_or(self).make_child(name, audience)?);
        }
        at.map_or_else(|| self.again(), Ok)
    }

    fn again(&self) -> Result<Self, StoreError> {
        let handle = self.handle.try_clone().map_err(|error| StoreError::folder(&self.path, error))?;
        Ok(Self { handle, path: self.path.clone() })
    }

    fn components<'a>(&self, relative: &'a Path) -> Result<Vec<&'a OsStr>, StoreError> {
        relative
            .components()
            .map(|component| match component {
                Component::Normal(name) => Ok(name),
                Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
                    Err(StoreError::Outside { path: self.path.clone(), name: relative.display().to_string() })
                }
            })
            .collect()
    }

    fn child(&self, name: &OsStr) -> Result<Option<Self>, StoreError> {
        let path = self.path.join(name);
        match rustix::fs::openat(&self.handle, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { handle, path })),
            Err(Errno::NOENT) => Ok(None),
            // A link and a file answer alike; which of the two it is, is asked for the message alone.
            Err(Errno::NOTDIR | Errno::LOOP) => Err(match self.kind(name) {
                Ok(Some(Kind::Symlink)) => StoreError::Unusable { path, why: Unreadable::Symlink },
                _ => StoreError::NotAFolder { path },
            }),
            Err(error) => Err(StoreError::folder(&path, error)),
        }
    }

    fn make_child(&self, name: &OsStr, audience: Audience) -> Result<Self, StoreError> {
        let path = self.path.join(name);
        match rustix::fs::mkdirat(&self.handle, name, audience.folder_mode()) {
            Ok(()) => {
                point(Point::FolderMade);
                self.sync()?;
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(StoreError::folder(&path, error)),
        }
        self.child(name)?.ok_or_else(|| StoreError::folder(&path, Errno::NOENT))
    }

    /// What a name stands for; `None` where it is missing.
    pub fn kind(&self, name: &OsStr) -> Result<Option<Kind>, StoreError> {
        Ok(self.stat(name)?.map(|stat| Kind::of(&stat)))
    }

    /// What is known of a name, without following it.
    pub(super) fn stat(&self, name: &OsStr) -> Result<Option<Stat>, StoreError> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(StoreError::read(&self.path.join(name), error)),
        }
    }

    /// The names in this folder, in byte order.
    pub fn names(&self) -> Result<Vec<CString>, StoreError> {
        Ok(self.names_at_most(usize::MAX)?.unwrap_or_default())
    }

    /// The same; `None` where there are more than `most`, which are then not listed to their end.
    pub fn names_at_most(&self, most: usize) -> Result<Option<Vec<CString>>, StoreError> {
        let listing = rustix::fs::Dir::read_from(&self.handle).map_err(|error| StoreError::list(&self.path, error))?;
        let mut names = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| StoreError::list(&self.path, error))?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                if names.len() == most {
                    return Ok(None);
                }
                names.push(entry.file_name().to_owned());
            }
        }
        names.sort_unstable();
        Ok(Some(names))
    }

    /// Reads a file of at most `cap` bytes; `None` where there is none. Nothing is read before kind and size are known.
    /// What is wrong with the file is the answer; an error is a machine that could not look.
    pub fn read(&self, name: &OsStr, cap: u64, links: Links) -> Result<Answer<Contents>, StoreError> {
        match self.read_it(name, cap, links) {
            Ok(found) => Ok(Ok(found)),
            Err(Refused::File(why)) => Ok(Err(why)),
            Err(Refused::System(error)) => {
                let error = std::io::Error::from(error);
                if is_shortage(&error) {
                    return Err(StoreError::read(&self.path.join(name), error));
                }
                Ok(Err(Unreadable::Io(error.to_string())))
            }
        }
    }

    fn read_it(&self, name: &OsStr, cap: u64, links: Links) -> Result<Option<Contents>, Refused> {
        let handle = match rustix::fs::openat(&self.handle, name, READ, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::MLINK) => return Err(Unreadable::Symlink.into()),
            // A socket, or a device without a driver, cannot be opened at all.
            Err(Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP) => return Err(Unreadable::NotRegular.into()),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&handle)?;
        if Kind::of(&stat) != Kind::File {
            return Err(Unreadable::NotRegular.into());
        }
        if links == Links::One && stat.st_nlink > 1 {
            return Err(Unreadable::NotRegular.into());
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size > cap {
            return Err(Unreadable::TooLarge { bytes: size }.into());
        }
        let bytes = read_whole(handle, size, cap)?;
        Ok(Some(Contents { bytes, stat }))
    }

    /// Moves a name into another folder of the same file system, never over something that is there.
    pub fn move_new(&self, from: &OsStr, folder: &Self, to: &OsStr) -> Result<(), StoreError> {
        let from = CString::new(from.as_bytes()).map_err(|_| StoreError::read(&self.path.join(from), Errno::INVAL))?;
        self.rename(&from, folder, to, RenameFlags::NOREPLACE)
    }

    fn rename(&self, from: &CString, folder: &Self, to: &OsStr, flags: RenameFlags) -> Result<(), StoreError> {
        let result = if flags.is_empty() {
            rustix::fs::renameat(&self.handle, from, &folder.handle, to)
        } else {
            match rustix::fs::renameat_with(&self.handle, from, &folder.handle, to, flags) {
                // Some file systems know no rename that spares; then looking first is the best there is.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match folder.stat(to)? {
                    Some(_) => Err(Errno::EXIST),
                    None => rustix::fs::renameat(&self.handle, from, &folder.handle, to),
                },
                result => result,
            }
        };
        match result {
            Ok(()) => Ok(()),
            Err(Errno::EXIST | Errno::NOTEMPTY) => Err(StoreError::Exists { path: folder.path.join(to) }),
            Err(error) => Err(StoreError::moving(
                &self.path.join(OsStr::from_bytes(from.as_bytes())),
                &folder.path.join(to),
                error,
            )),
        }
    }

    /// Removes a file; one that is gone already is no error.
    pub fn remove_file(&self, name: &OsStr) -> Result<(), StoreError> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(StoreError::remove(&self.path.join(name), error)),
        }
    }

    /// Makes the names of this folder survive a power cut.
    pub fn sync(&self) -> Result<(), StoreError> {
        rustix::fs::fsync(&self.handle).map_err(|error| StoreError::write(&self.path, error))
    }

    /// Makes the content of a file survive a power cut.
    pub fn sync_file(&self, name: &OsStr) -> Result<(), StoreError> {
        rustix::fs::openat(&self.handle, name, READ, Mode::empty())
            .and_then(rustix::fs::fsync)
            .map_err(|error| StoreError::write(&self.path.join(name), error))
    }
}

/// A file if there is one, or what is wrong with it.
pub type Answer<T> = Result<Option<T>, Unreadable>;

/// Why a file was not read: what it is, or what the system said.
enum Refused {
    File(Unreadable),
    System(Errno),
}

impl From<Unreadable> for Refused {
    fn from(why: Unreadable) -> Self {
        Self::File(why)
    }
}

impl From<Errno> for Refused {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

/// A file as it was read.
#[derive(Debug)]
pub struct Contents {
    /// All of it.
    pub bytes: Vec<u8>,
    pub(super) stat: Stat,
}

impl Contents {
    /// The text, or where it stops being one.
    pub fn text(self) -> Result<String, Unreadable> {
        String::from_utf8(self.bytes).map_err(|error| Unreadable::NotUtf8 { at: error.utf8_error().valid_up_to() })
    }
}

fn read_whole(handle: OwnedFd, size: u64, cap: u64) -> Result<Vec<u8>, Refused> {
    let room = usize::try_from(size).map_err(|_| Unreadable::TooLarge { bytes: size })?;
    // With room for one byte more, a single read proves that the end was reached.
    let mut bytes = Vec::with_capacity(room + 1);
    let first = rustix::io::read(&handle, rustix::buffer::spare_capacity(&mut bytes))?;
    if first != room {
        // Somebody writes while we read.
        File::from(handle)
            .take((cap + 1).saturating_sub(first as u64))
            .read_to_end(&mut bytes)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        if bytes.len() as u64 > cap {
            return Err(Unreadable::TooLarge { bytes: bytes.len() as u64 }.into());
        }
    }
    Ok(bytes)
}

//! Writing whole files into a folder that is held open.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::{Audience, Folder, Kind, TEMPORARY};
use crate::crash::{Point, point};
use crate::store::StoreError;
use crate::ticket::Unreadable;

impl Folder {
    /// Writes a whole file: at any moment there is the old one or the new one, also after a power cut.
    pub fn write(&self, name: &OsStr, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
        self.write_as(name, bytes, audience, RenameFlags::empty())
    }

    /// The same, but only where there is none yet.
    pub fn write_new(&self, name: &OsStr, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
        self.write_as(name, bytes, audience, RenameFlags::NOREPLACE)
    }

    /// Writes a file that can be lost or torn at any time without harm. One writer at a time.
    pub(in crate::store) fn write_disposable(&self, name: &OsStr, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Always the same name, so that what a killed writer leaves behind does not pile up.
        let mut temporary = name.as_bytes().to_vec();
        temporary.extend_from_slice(b".new");
        rustix::fs::openat(&self.handle, temporary.as_slice(), flags, Audience::Machine.file_mode())
            .map_err(std::io::Error::from)
            .and_then(|handle| File::from(handle).write_all(bytes))
            .and_then(|()| Ok(rustix::fs::renameat(&self.handle, temporary.as_slice(), &self.handle, name)?))
            .map_err(|error| StoreError::write(&path, error))
    }

    /// Writes several files and waits for the disk once. Until this returns any of them may be missing, empty or old
    /// after a power cut.
    pub(in crate::store) fn write_together(
        &self,
        files: &[(&str, &[u8])],
        audience: Audience,
    ) -> Result<(), StoreError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut written = Vec::with_capacity(files.len());
        for (name, bytes) in files {
            let path = self.path.join(name);
            let file = rustix::fs::openat(&self.handle, *name, flags, audience.file_mode())
                .map_err(std::io::Error::from)
                .and_then(|handle| {
                    let mut file = File::from(handle);
                    file.write_all(bytes)?;
                    Ok(file)
                })
                .map_err(|error| StoreError::write(&path, error))?;
            written.push((path, file));
            point(Point::FileFilled);
        }
        for (path, file) in written {
            file.sync_all().map_err(|error| StoreError::write(&path, error))?;
        }
        self.sync()
    }

    fn write_as(&self, name: &OsStr, bytes: &[u8], audience: Audience, flags: RenameFlags) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let existing = self.stat(name)?;
        match existing.as_ref().map(Kind::of) {
            None | Some(Kind::File) => {}
            Some(Kind::Symlink) => return Err(StoreError::Unusable { path, why: Unreadable::Symlink }),
            Some(Kind::Folder | Kind::Other) => return Err(StoreError::Unusable { path, why: Unreadable::NotRegular }),
        }
        let (temporary, mut file) = self.temporary(name, audience)?;
        let kept = existing.filter(|_| audience == Audience::People).map(|stat| Mode::from_raw_mode(stat.st_mode));
        let result = fill(&mut file, bytes, kept).map_err(|error| StoreError::write(&path, error)).and_then(|()| {
            point(Point::FileFilled);
            self.rename(&temporary, self, name, flags)
        });
        if result.is_err() {
            // The temporary file is garbage by now; that it could not be removed is worth less than the first error.
            let _ = rustix::fs::unlinkat(&self.handle, &temporary, AtFlags::empty());
            return result;
        }
        point(Point::FileRenamed);
        self.sync()
    }

    /// Makes a symbolic link where nothing lies.
    pub(in crate::store) fn write_link(&self, name: &OsStr, target: &[u8]) -> Result<(), StoreError> {
        let path = self.path.join(name);
        rustix::fs::symlinkat(OsStr::from_bytes(target), &self.handle, name)
            .map_err(|error| StoreError::write(&path, std::io::Error::from(error)))?;
        self.sync()
    }

    fn temporary(&self, name: &OsStr, audience: Audience) -> Result<(CString, File), StoreError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let temporary = format!("{TEMPORARY}{}-{count}.tmp", std::process::id());
            match rustix::fs::openat(&self.handle, &temporary, flags, audience.file_mode()) {
                Ok(handle) => {
                    let temporary = CString::new(temporary).expect("digits hold no NUL");
                    return Ok((temporary, File::from(handle)));
                }
                // Left behind by a process of the same number that was killed.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(StoreError::write(&self.path.join(name), error)),
            }
        }
    }
}

fn fill(file: &mut File, bytes: &[u8], kept: Option<Mode>) -> std::io::Result<()> {
    if let Some(mode) = kept {
        rustix::fs::fchmod(&*file, mode)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

//! Whole files, written so that there is always the old one or the new one, and read with a cap. Paths are taken in
//! two parts: a root that may be reached over links, and what lies below it, which may not.

use std::ffi::OsStr;
use std::path::Path;

use super::StoreError;
use super::folder::{Answer, Audience, Folder, Links};
use crate::crash::{Point, point};
use crate::text::Source;
use crate::ticket::Unreadable;

/// At most so many bytes of a ticket, a dispatch, a reply, a config: 1 MiB.
pub const TEXT_CAP: u64 = 1 << 20;

/// Writes a file below a root; folders that are missing are made.
pub fn write(root: &Path, relative: impl AsRef<Path>, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    Folder::make(root, audience)?.make_below(folder, audience)?.write(name, bytes, audience)
}

/// Writes several files into one folder below a root. After a power cut before this returns, any of them may be
/// missing, empty or old.
pub fn write_together(
    root: &Path,
    folder: &Path,
    files: &[(&str, &[u8])],
    audience: Audience,
) -> Result<(), StoreError> {
    Folder::make(root, audience)?.make_below(folder, audience)?.write_together(files, audience)
}

/// The same, but only where there is none yet: `StoreError::Exists` otherwise.
pub fn write_new(root: &Path, relative: impl AsRef<Path>, bytes: &[u8], audience: Audience) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    Folder::make(root, audience)?.make_below(folder, audience)?.write_new(name, bytes, audience)
}

/// Makes a symbolic link below a root, where nothing lies; folders that are missing are made.
pub fn write_link(root: &Path, relative: impl AsRef<Path>, target: &[u8]) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    Folder::make(root, Audience::People)?.make_below(folder, Audience::People)?.write_link(name, target)
}

/// Removes a file below a root; one that is gone already is no error.
pub fn remove(root: &Path, relative: impl AsRef<Path>) -> Result<(), StoreError> {
    let relative = relative.as_ref();
    let (folder, name) = parts(root, relative)?;
    let Some(root) = Folder::open(root)? else { return Ok(()) };
    let Some(folder) = root.below(folder)? else { return Ok(()) };
    folder.remove_file(name)?;
    point(Point::FileRemoved);
    folder.sync()
}

/// Removes files of one folder and waits for the disk once; those that are gone already are no error. `each` is called
/// behind every one.
pub fn remove_together(folder: &Path, names: &[String], each: impl Fn()) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let Some(folder) = Folder::open(folder)? else { return Ok(()) };
    for name in names {
        folder.remove_file(OsStr::new(name))?;
        each();
    }
    folder.sync()
}

/// Makes a folder of the machine's own, and what is missing above it.
pub fn make_machine_folder(path: &Path) -> Result<(), StoreError> {
    Folder::make(path, Audience::Machine).map(drop)
}

/// Reads a file below a root, at most `cap` bytes; only a file that does not exist is `None`. What is wrong with the
/// file is the answer; an error is a machine that could not look.
pub fn read_capped(
    root: &Path,
    relative: impl AsRef<Path>,
    cap: u64,
    links: Links,
) -> Result<Answer<Vec<u8>>, StoreError> {
    let relative = relative.as_ref();
    let opened = parts(root, relative).and_then(|(folder, name)| {
        let Some(root) = Folder::open(root)? else { return Ok(None) };
        Ok(root.below(folder)?.map(|folder| (folder, name)))
    });
    Ok(match opened {
        Ok(Some((folder, name))) => folder.read(name, cap, links)?.map(|found| found.map(|contents| contents.bytes)),
        Ok(None) => Ok(None),
        Err(error) => Err(unreadable(error)?),
    })
}

/// The names in a folder below a root, in order, those that are no UTF-8 left out; `None` where there is no such folder,
/// or one with more than `most` of them.
pub fn list_capped(root: &Path, relative: &Path, most: usize) -> Result<Option<Vec<String>>, StoreError> {
    let listed =
        Folder::open(root).and_then(|root| match root.map(|root| root.below(relative)).transpose()?.flatten() {
            Some(folder) => folder.names_at_most(most),
            None => Ok(None),
        });
    match listed {
        Ok(names) => Ok(names.map(|names| names.into_iter().filter_map(|name| name.into_string().ok()).collect())),
        Err(error) => unreadable(error).map(|_| None),
    }
}

/// Reads a text below a root, at most 1 MiB of UTF-8, named by its path below the root.
pub fn read_source(root: &Path, relative: &str, links: Links) -> Result<Answer<Source>, StoreError> {
    Ok(match read_capped(root, relative, TEXT_CAP, links)? {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Source::new(relative, text))),
            Err(error) => Err(Unreadable::NotUtf8 { at: error.utf8_error().valid_up_to() }),
        },
        Err(why) => Err(why),
    })
}

fn parts<'a>(root: &Path, relative: &'a Path) -> Result<(&'a Path, &'a OsStr), StoreError> {
    match (relative.parent(), relative.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(StoreError::Outside { path: root.to_owned(), name: relative.display().to_string() }),
    }
}

/// A folder that cannot be opened makes the file in it unreadable, unless it is the machine that cannot open it.
pub(super) fn unreadable(error: StoreError) -> Result<Unreadable, StoreError> {
    match error {
        shortage if shortage.is_shortage() => Err(shortage),
        StoreError::Unusable { why, .. } => Ok(why),
        other => Ok(Unreadable::Io(describe(&other))),
    }
}

fn describe(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_keeps_its_mode_and_the_machines_files_are_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "a/run.sh", b"one", Audience::People).unwrap();
        fs::set_permissions(root.join("a/run.sh"), fs::Permissions::from_mode(0o754)).unwrap();
        write(root, "a/run.sh", b"two", Audience::People).unwrap();
        assert_eq!((fs::read(root.join("a/run.sh")).unwrap(), mode(&root.join("a/run.sh"))), (b"two".to_vec(), 0o754));

        write(root, "m/n/state", b"x", Audience::Machine).unwrap();
        assert_eq!((mode(&root.join("m/n")), mode(&root.join("m/n/state"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(root.join("a")).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn nothing_is_written_or_read_through_a_link_or_out_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(folder.path().join("out")).unwrap();
        fs::create_dir_all(&root).unwrap();
        fs::write(folder.path().join("out/secret"), "key").unwrap();
        symlink("../out", root.join("folder")).unwrap();
        symlink("../out/secret", root.join("file")).unwrap();
        for name in ["folder/secret", "file", "../out/secret", "folder/../../out/secret", "/etc/passwd", "", ".", ".."]
        {
            assert!(read_capped(&root, name, 9, Links::Any).unwrap().is_err(), "{name}");
            assert!(write(&root, name, b"x", Audience::People).is_err(), "{name}");
            assert!(write_new(&root, name, b"x", Audience::People).is_err(), "{name}");
        }
        assert!(remove(&root, "folder/secret").is_err());
        assert_eq!(fs::read_to_string(folder.path().join("out/secret")).unwrap(), "key");
        assert_eq!(list_capped(&root, Path::new("folder"), 9).unwrap(), None);
        assert_eq!(list_capped(&root, Path::new(""), 9).unwrap(), Some(vec!["file".to_owned(), "folder".to_owned()]));
        assert_eq!(list_capped(&root, Path::new(""), 1).unwrap(), None);
        assert_eq!(read_capped(&root, "folder/secret", 9, Links::Any).unwrap(), Err(Unreadable::Symlink));
    }

    #[test]
    fn only_what_does_not_exist_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("five"), "12345").unwrap();
        fs::hard_link(root.join("five"), root.join("twin")).unwrap();
        let read = |name: &str, cap, links| read_capped(root, name, cap, links).unwrap();
        assert_eq!(read("none", 9, Links::Any), Ok(None));
        assert_eq!(read("none/none", 9, Links::Any), Ok(None));
        assert_eq!(read("five", 5, Links::Any), Ok(Some(b"12345".to_vec())));
        assert_eq!(read("five", 4, Links::Any), Err(Unreadable::TooLarge { bytes: 5 }));
        assert_eq!(read("five", 5, Links::One), Err(Unreadable::NotRegular));
        assert!(matches!(read("five/x", 9, Links::Any), Err(Unreadable::Io(_))));
        fs::create_dir(root.join("folder")).unwrap();
        assert_eq!(read("folder", 9, Links::Any), Err(Unreadable::NotRegular));
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        assert_eq!(read("socket", 9, Links::Any), Err(Unreadable::NotRegular));
        assert_eq!(
            read_capped(Path::new("/proc/self"), "maps", 1 << 20, Links::Any).unwrap().map(|found| found.is_some()),
            Ok(true)
        );
    }

    #[test]
    fn a_new_file_is_not_written_over_an_old_one_and_what_is_gone_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        write_new(folder.path(), "a", b"one", Audience::People).unwrap();
        assert!(matches!(write_new(folder.path(), "a", b"two", Audience::People), Err(StoreError::Exists { .. })));
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for _ in 0..2 {
            remove(folder.path(), "a").unwrap();
        }
        assert!(!folder.path().join("a").exists());
    }
}

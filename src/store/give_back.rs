//! One path of the worktree gets what it had before: a file, a program, a link, or nothing. No link is followed, and
//! doing it again changes nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use super::StoreError;
use super::folder::{Audience, Folder, Kind, writer_of};
use crate::ticket::Unreadable;

/// What a path gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing: what is there is removed, and folders that are empty then.
    Nothing,
    /// A regular file.
    File {
        /// Its content.
        bytes: Vec<u8>,
        /// Whether it can be run.
        executable: bool,
    },
    /// A symbolic link to this.
    Link(Vec<u8>),
}

/// Gives it.
pub fn give_back(root: &Path, relative: &Path, given: &Given) -> Result<(), StoreError> {
    let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
        return Err(StoreError::Outside { path: root.to_owned(), name: relative.display().to_string() });
    };
    let Some(top) = Folder::open(root)? else { return Ok(()) };
    if *given == Given::Nothing {
        let folder = match top.below(parent) {
            Ok(Some(folder)) => folder,
            // Where a file or a link has its folder's place again, nothing lies below it.
            Ok(None) | Err(StoreError::NotAFolder { .. } | StoreError::Unusable { why: Unreadable::Symlink, .. }) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if folder.kind(name)? != Some(Kind::Folder) {
            folder.remove_file(name)?;
            folder.sync()?;
        }
        drop(folder);
        return remove_empty(&top, parent);
    }
    let folder = top.make_below(parent, Audience::People)?;
    match (folder.kind(name)?, given) {
        (Some(Kind::Folder), _) => remove_folder(&folder, name)?,
        // Neither is written over the other.
        (Some(Kind::Symlink | Kind::Other), _) | (Some(Kind::File), Given::Link(_)) => folder.remove_file(name)?,
        (Some(Kind::File) | None, _) => {}
    }
    match given {
        Given::Nothing => {}
        Given::File { bytes, executable } => {
            folder.write(name, bytes, Audience::People)?;
            set_executable(&folder, name, *executable)?;
        }
        Given::Link(target) => {
            rustix::fs::symlinkat(target.as_slice(), &folder.handle, name)
                .map_err(|error| StoreError::write(&folder.path.join(name), error))?;
        }
    }
    folder.sync()
}

/// Removes the files in a folder that a process which is dead never finished writing. What is no folder, or is reached
/// through a link, has none of ours.
pub fn remove_unfinished(root: &Path, relative: &Path, is_dead: &dyn Fn(i32) -> bool) -> Result<(), StoreError> {
    let Some(top) = Folder::open(root)? else { return Ok(()) };
    let folder = match top.below(relative) {
        Ok(Some(folder)) => folder,
        Ok(None) | Err(StoreError::NotAFolder { .. } | StoreError::Unusable { why: Unreadable::Symlink, .. }) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for name in folder.names()? {
        let Some(process) = name.to_str().ok().and_then(writer_of) else { continue };
        let name = OsStr::from_bytes(name.as_bytes());
        if is_dead(process) && folder.kind(name)? == Some(Kind::File) {
            folder.remove_file(name)?;
        }
    }
    Ok(())
}

/// Sets or takes the right to run a file, for whoever may read it.
fn set_executable(folder: &Folder, name: &OsStr, executable: bool) -> Result<(), StoreError> {
    let failed = |error: Errno| StoreError::write(&folder.path.join(name), error);
    let Some(stat) = folder.stat(name)? else { return Ok(()) };
    let mode = stat.st_mode & 0o7777;
    if (mode & 0o100 != 0) == executable {
        return Ok(());
    }
    let wanted = if executable { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 };
    rustix::fs::chmodat(&folder.handle, name, Mode::from_raw_mode(wanted), AtFlags::empty()).map_err(failed)
}

fn remove_folder(folder: &Folder, name: &OsStr) -> Result<(), StoreError> {
    rustix::fs::unlinkat(&folder.handle, name, AtFlags::REMOVEDIR)
        .map_err(|error| StoreError::remove(&folder.path.join(name), error))
}

/// Removes a folder and those above it as long as they are empty, as git does. The root stays.
fn remove_empty(top: &Folder, folder: &Path) -> Result<(), StoreError> {
    for empty in folder.ancestors() {
        let (Some(parent), Some(name)) = (empty.parent(), empty.file_name()) else { return Ok(()) };
        let Some(above) = top.below(parent)? else { return Ok(()) };
        match rustix::fs::unlinkat(&above.handle, name, AtFlags::REMOVEDIR) {
            Ok(()) => above.sync()?,
            Err(Errno::NOENT) => {}
            // Somebody has something else in it.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn whatever_is_there_a_path_gets_what_it_had_twice_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let outside = folder.path().join("outside");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(&outside, "untouched").unwrap();
        symlink(&outside, root.join("link")).unwrap();
        fs::write(root.join("file"), "new").unwrap();
        let file = |text: &str, executable| Given::File { bytes: text.as_bytes().to_vec(), executable };
        for _ in 0..2 {
            for (path, given) in [
                ("link", file("a file again", true)),
                ("file", Given::Link(b"../outside".to_vec())),
                ("folder", file("no folder", false)),
                ("a/b/c", file("deep", true)),
                ("a/b/d", Given::Nothing),
                ("folder/below", Given::Nothing),
                ("file/below", Given::Nothing),
            ] {
                give_back(&root, Path::new(path), &given).unwrap();
            }
        }
        assert_eq!(fs::read_to_string(root.join("link")).unwrap(), "a file again");
        assert!(fs::symlink_metadata(root.join("link")).unwrap().is_file());
        assert_eq!(fs::read_link(root.join("file")).unwrap(), Path::new("../outside"));
        assert_eq!(fs::read_to_string(root.join("folder")).unwrap(), "no folder");
        let executable = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o111 != 0;
        assert!(executable("link") && executable("a/b/c") && !executable("folder"));
        give_back(&root, Path::new("link"), &file("a file again", false)).unwrap();
        assert!(!executable("link"));
        give_back(&root, Path::new("a/b/c"), &Given::Nothing).unwrap();
        assert!(!root.join("a").exists(), "empty folders go");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "untouched");
    }

    #[test]
    fn nothing_is_given_through_a_link_or_into_a_folder_that_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(folder.path().join("outside")).unwrap();
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("folder/mine"), "x").unwrap();
        symlink("../outside", root.join("out")).unwrap();
        let given = Given::File { bytes: b"x".to_vec(), executable: false };
        assert!(give_back(&root, Path::new("out/file"), &given).is_err());
        assert!(give_back(&root, Path::new("../outside/file"), &given).is_err());
        assert!(give_back(&root, Path::new("folder"), &given).is_err());
        assert!(root.join("folder/mine").exists());
        assert_eq!(fs::read_dir(folder.path().join("outside")).unwrap().count(), 0);
    }
}

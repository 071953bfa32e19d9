//! Whether a path of the worktree is as a tree has it, and what a checkout would write there.

use std::path::Path;

use git2::{ErrorCode, ObjectType};

use super::content::{is_converted, worktree_bytes};
use super::error::{At, GitError};
use super::library;
use super::path::{components, text_to_file};
use super::repo::Place;
use super::trees::Blob;
use super::worktree::{Found, look};

const LINK: u32 = 0o120_000;

/// What a commit, a tree or a reference holds at each of these paths; none where it holds nothing, or a folder.
pub fn entries(place: &Place, commitish: &str, paths: &[String]) -> Result<Vec<Option<Blob>>, GitError> {
    let repository = library::open(place)?;
    let tree = library::tree(place, &repository, commitish)?;
    let entry = |path: &String| match tree.get_path(&text_to_file(path)) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => Ok(None),
        Ok(entry) => {
            Ok(Some(Blob { id: entry.id().to_string(), mode: u32::try_from(entry.filemode()).unwrap_or_default() }))
        }
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error).at("read a tree", &place.top),
    };
    paths.iter().map(entry).collect()
}

/// Whether what lies at a path is what the tree has there, also where git would convert it on its way out. A folder is
/// nothing; what git could not hold is something else than whatever is expected.
pub fn lies_as(place: &Place, path: &str, expected: Option<&Blob>) -> Result<bool, GitError> {
    let found = look(place, &components(path)?)?;
    let Some(expected) = expected else { return Ok(matches!(found, Found::Absent | Found::Directory)) };
    Ok(match found {
        Found::Absent | Found::Directory | Found::Repository(_) | Found::Special => false,
        Found::Link(target) => {
            let id = git2::Oid::hash_object(ObjectType::Blob, &target).at("hash a link in", &place.top)?;
            expected.mode == LINK && id.to_string() == expected.id
        }
        Found::File(file) => {
            let mode = if file.executable { 0o100_755 } else { 0o100_644 };
            if mode != expected.mode {
                return Ok(false);
            }
            let bytes = file.read()?;
            let id = git2::Oid::hash_object(ObjectType::Blob, &bytes).at("hash a file in", &place.top)?;
            id.to_string() == expected.id || (is_converted(place, path)? && bytes == written(place, path, expected)?)
        }
    })
}

/// What a checkout writes at a path for an entry; of a link its target.
pub fn written(place: &Place, path: &str, entry: &Blob) -> Result<Vec<u8>, GitError> {
    if entry.mode != LINK && is_converted(place, path)? {
        return worktree_bytes(place, path, &entry.id);
    }
    let repository = library::open(place)?;
    let blob = repository.find_blob(library::oid(place, &entry.id)?).at("read a blob", &place.top)?;
    Ok(blob.content().to_vec())
}

/// The path of the file system, below the top, that a text stands for.
pub fn file_of(path: &str) -> std::path::PathBuf {
    text_to_file(path)
}

/// The bytes of a regular file of the worktree; none for anything else.
pub fn file_bytes(place: &Place, path: &str) -> Result<Option<Vec<u8>>, GitError> {
    match look(place, &components(path)?)? {
        Found::File(file) => file.read().map(Some),
        Found::Absent | Found::Link(_) | Found::Directory | Found::Repository(_) | Found::Special => Ok(None),
    }
}

/// What is in the way of a file at a path, below the top: something that is no folder where a folder belongs, or a
/// file in a folder where the file belongs. `goes` says what will not be there any more.
pub fn in_the_way(
    place: &Place,
    path: &str,
    goes: &dyn Fn(&Path) -> bool,
) -> Result<Option<std::path::PathBuf>, GitError> {
    let relative = text_to_file(path);
    let folders = relative.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    for above in folders {
        let full = place.top.join(above);
        match full.symlink_metadata() {
            Ok(found) if !found.is_dir() && !goes(above) => return Ok(Some(above.to_owned())),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error).at("look at", &full),
        }
    }
    let full = place.top.join(&relative);
    if !full.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Ok(None);
    }
    for entry in walkdir::WalkDir::new(&full).min_depth(1) {
        let entry = entry.map_err(std::io::Error::from).at("list", &full)?;
        let Ok(below) = entry.path().strip_prefix(&place.top) else { continue };
        // A folder that is empty of everything else goes with what was in it, unless it is empty already.
        let stays = if entry.file_type().is_dir() {
            std::fs::read_dir(entry.path()).at("list", entry.path())?.next().is_none()
        } else {
            !goes(below)
        };
        if stays {
            return Ok(Some(below.to_owned()));
        }
    }
    Ok(None)
}

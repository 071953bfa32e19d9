//! Opening the repository with libgit2. Owner validation stays on; what is written is synced to the disk.

use std::ffi::c_int;
use std::path::Path;
use std::sync::Once;

use git2::{Oid, Repository, RepositoryOpenFlags};

use super::error::{At, Cause, GitError};
use super::repo::Place;

static OPTIONS: Once = Once::new();

/// Switches on the fsync of objects and references, and the checks of what is written, once per process.
fn set_options() {
    OPTIONS.call_once(|| {
        sync_git_directory();
        git2::opts::strict_object_creation(true);
        git2::opts::strict_hash_verification(true);
    });
}

#[expect(unsafe_code, reason = "git2 has no binding for this option; without it a power cut loses commits")]
fn sync_git_directory() {
    // git2 initialises libgit2 in the first call that needs it; options set before would be set on nothing.
    git2::opts::strict_hash_verification(true);
    // SAFETY: the option takes one int by value, touches no memory of ours, and runs under a `Once`.
    unsafe {
        libgit2_sys::git_libgit2_opts(libgit2_sys::GIT_OPT_ENABLE_FSYNC_GITDIR.cast_signed(), 1 as c_int);
    }
}

/// The folder of a person's own files for git (`~/.config/git` in most cases), as libgit2 found it.
#[expect(unsafe_code, reason = "git2 has no safe way to ask, and the environment is no business of this room")]
pub(super) fn personal_folder() -> Option<Vec<u8>> {
    // SAFETY: reads a setting that no code but the tests' first line ever changes.
    let path = unsafe { git2::opts::get_search_path(git2::ConfigLevel::XDG) };
    path.ok().map(std::ffi::CString::into_bytes)
}

/// Opens the repository that holds `start`, or the error that says what is in the way.
pub(super) fn open_from(start: &Path) -> Result<Repository, GitError> {
    set_options();
    Repository::open_ext(start, RepositoryOpenFlags::empty(), std::iter::empty::<&Path>())
        .map_err(|error| opening(start, &error))
}

/// Opens a place that was discovered before.
pub(super) fn open(place: &Place) -> Result<Repository, GitError> {
    set_options();
    Repository::open_ext(&place.top, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&Path>())
        .map_err(|error| opening(&place.top, &error))
}

fn opening(path: &Path, error: &git2::Error) -> GitError {
    let path = path.to_path_buf();
    if error.code() == git2::ErrorCode::Owner {
        return GitError::Owner { path };
    }
    if let Some(name) = extension(error.message()) {
        return GitError::UnsupportedExtension { path, name };
    }
    if error.code() == git2::ErrorCode::NotFound {
        return GitError::NotARepository { path };
    }
    GitError::Library { operation: "open the repository", path, source: Cause(error.message().to_owned()) }
}

/// The extension that a message of libgit2 complains about.
fn extension(message: &str) -> Option<String> {
    if let Some((_, name)) = message.split_once("unsupported extension name extensions.") {
        return Some(name.trim().to_owned());
    }
    if let Some((_, format)) = message.split_once("unknown object format") {
        return Some(format!("objectformat={}", format.trim().trim_matches('\'')));
    }
    message
        .split_once("unsupported repository version")
        .map(|(_, version)| format!("repositoryformatversion {}", version.trim()))
}

/// An object id from text that somebody kept.
pub(super) fn oid(place: &Place, text: &str) -> Result<Oid, GitError> {
    if text.len() != 40 {
        return Err(GitError::Unknown { what: text.to_owned(), path: place.top.clone() });
    }
    Oid::from_str(text).at("read an object id", &place.top)
}

/// The tree of a commit, a tree or a reference.
pub(super) fn tree<'r>(place: &Place, repository: &'r Repository, name: &str) -> Result<git2::Tree<'r>, GitError> {
    let unknown = || GitError::Unknown { what: name.to_owned(), path: place.top.clone() };
    let object = if name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        repository.find_object(oid(place, name)?, None)
    } else {
        repository.find_reference(name).and_then(|reference| reference.peel(git2::ObjectType::Any))
    };
    let object = match object {
        Ok(object) => object,
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Err(unknown()),
        Err(error) => return Err(error).at("read an object", &place.top),
    };
    object.peel_to_tree().at("read a tree", &place.top)
}

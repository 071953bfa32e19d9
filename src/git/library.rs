//! Opening the repository with libgit2. Owner validation stays on; what is written is synced to the disk.

use std::cell::RefCell;
use std::ffi::c_int;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Once;

use git2::{Oid, Repository, RepositoryOpenFlags};

use super::error::{At, Cause, GitError};
use super::repo::Place;
use super::shared::share;

static OPTIONS: Once = Once::new();

/// Switches on the fsync of objects and references, and the checks of what is written, once per process.
fn set_options() {
    OPTIONS.call_once(|| {
        sync_git_directory();
        remember_large_trees();
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

/// libgit2 keeps what it read, but of trees only those under 4 KiB; a folder of a hundred tickets is larger, and one
/// question after the other is asked about it.
#[expect(unsafe_code, reason = "git2 marks this setting as unsafe: it must not be changed beside other calls")]
fn remember_large_trees() {
    // SAFETY: runs under a `Once` before this process has opened its first repository.
    unsafe {
        // Without it larger trees are read each time anew, which is slower and nothing else.
        let _ = git2::opts::set_cache_object_limit(git2::ObjectType::Tree, 4 * 1024 * 1024);
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
    let repository = Repository::open_ext(start, RepositoryOpenFlags::empty(), std::iter::empty::<&Path>())
        .map_err(|error| opening(start, &error))?;
    share(&repository);
    Ok(repository)
}

/// What stands for the repository as it was opened: where one of these changed, it is opened anew. Settings (who owns
/// it, its format), the worktree and the `.git` in it, its index, which may hold attributes, and its packs, which
/// libgit2 maps.
type Identity = [Option<(u64, u64, u64, i64, i64, u32)>; 6];

thread_local! {
    /// The repository that was opened last. Opening one reads all settings; a step asks dozens of questions.
    static OPENED: RefCell<Option<(Place, Identity, Rc<Repository>)>> = const { RefCell::new(None) };
}

fn identity(place: &Place) -> Identity {
    let config = place.common_dir.join("config");
    let index = place.git_dir.join("index");
    let packs = place.common_dir.join("objects/pack");
    [&place.top, &place.top.join(".git"), &place.git_dir, &config, &index, &packs].map(|path| {
        let seen = std::fs::metadata(path).ok()?;
        // What is written in these folders is no change of them, but where packs are.
        let (size, time, nanoseconds) =
            if seen.is_file() || path == &packs { (seen.size(), seen.mtime(), seen.mtime_nsec()) } else { (0, 0, 0) };
        Some((seen.dev(), seen.ino(), size, time, nanoseconds, seen.uid()))
    })
}

/// Opens a place that was discovered before. Its index is not read through it: that would be remembered.
pub(super) fn open(place: &Place) -> Result<Rc<Repository>, GitError> {
    let identity = identity(place);
    let known = OPENED.with_borrow(|opened| {
        let (known_place, known_identity, repository) = opened.as_ref()?;
        (known_place == place && *known_identity == identity).then(|| Rc::clone(repository))
    });
    if let Some(repository) = known {
        return Ok(repository);
    }
    let repository = Rc::new(open_alone(place)?);
    OPENED.set(Some((place.clone(), identity, Rc::clone(&repository))));
    Ok(repository)
}

/// The same, for a caller that changes what it opens.
pub(super) fn open_alone(place: &Place) -> Result<Repository, GitError> {
    set_options();
    let repository = Repository::open_ext(&place.top, RepositoryOpenFlags::NO_SEARCH, std::iter::empty::<&Path>())
        .map_err(|error| opening(&place.top, &error))?;
    share(&repository);
    Ok(repository)
}

/// Keeps what was opened to find the place.
pub(super) fn remember(place: &Place, repository: Repository) {
    OPENED.set(Some((place.clone(), identity(place), Rc::new(repository))));
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

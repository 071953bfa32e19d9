//! Dropping kept trees: their references alone; git collects the objects in its own time. libgit2 locks what it drops,
//! and its locks outlive a process that is killed: whoever goes on after it removes exactly these.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

use git2::ErrorCode;

use super::error::{At, GitError};
use super::index::{WAIT, patiently, reference_lock};
use super::library;
use super::path::path_to_text;
use super::repo::Place;
use crate::crash::{Point, point};

const KEPT: &str = "refs/turnstile/";

/// A reference below `refs/turnstile/`, and the object that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptName {
    /// Full name.
    pub name: String,
    /// The object; it may be gone.
    pub object: String,
}

/// The references whose names begin with `prefix` (below `refs/turnstile/`), sorted by name. What they name is not
/// looked at.
pub fn kept_names(place: &Place, prefix: &str) -> Result<Vec<KeptName>, GitError> {
    let repository = library::open(place)?;
    let mut found = Vec::new();
    for reference in repository.references_glob(&format!("{prefix}*")).at("list the kept trees", &place.top)? {
        let reference = reference.at("list the kept trees", &place.top)?;
        let name = path_to_text(reference.name_bytes());
        // A symbolic one is nobody's that is known here.
        if let Some(object) = reference.target().filter(|_| name.starts_with(prefix) && name.starts_with(KEPT)) {
            found.push(KeptName { name, object: object.to_string() });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Drops these references, each only if it still names that object; gives back how many this process has dropped.
pub fn drop_kept(place: &Place, kept: &[KeptName]) -> Result<u64, GitError> {
    let repository = library::open(place)?;
    let mut dropped = 0;
    for KeptName { name, object } in kept {
        if !name.starts_with(KEPT) {
            return Err(GitError::BadBranch { name: name.clone() });
        }
        let expected = library::oid(place, object)?;
        let lock = reference_lock(place, name);
        let done = patiently(&lock, || {
            let mut reference = match repository.find_reference(name) {
                Ok(reference) => reference,
                Err(error) if error.code() == ErrorCode::NotFound => return Ok(Some(false)),
                Err(error) => return Err(error).at("drop a kept tree", &place.top),
            };
            if reference.target() != Some(expected) {
                return Ok(Some(false));
            }
            // It is compared once more under its lock.
            match reference.delete() {
                Ok(()) => Ok(Some(true)),
                Err(error) if error.code() == ErrorCode::Locked => Ok(None),
                Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::NotFound) => Ok(Some(false)),
                Err(error) => Err(error).at("drop a kept tree", &place.top),
            }
        });
        match done {
            Ok(true) => {
                dropped += 1;
                point(Point::PruneReference);
            }
            Ok(false) => {}
            // Packed references are in one file, with one lock.
            Err(GitError::Locked { path, age }) if !path.exists() => {
                return Err(GitError::Locked { path: packed_lock(place), age });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

/// Removes git's locks that a process left which died while it dropped the references below `folder` (as
/// `refs/turnstile/checkpoints/RUN`): those that are younger than its note, and that nobody has touched for seconds.
/// Call it only when that process is known to be dead.
pub fn recover_drop(place: &Place, folder: &str, since: &Path) -> Result<(), GitError> {
    let written = changed(since).at("look at", since)?;
    let walk = walkdir::WalkDir::new(place.common_dir.join(folder)).into_iter().filter_map(Result::ok);
    let is_lock = |entry: &walkdir::DirEntry| entry.path().extension().is_some_and(|name| name == "lock");
    let locks: Vec<_> = walk.filter(is_lock).map(walkdir::DirEntry::into_path).collect();
    for lock in locks.iter().chain([&packed_lock(place)]) {
        remove_stale(lock, written)?;
    }
    Ok(())
}

fn packed_lock(place: &Place) -> std::path::PathBuf {
    place.common_dir.join("packed-refs.lock")
}

fn remove_stale(lock: &Path, since: SystemTime) -> Result<(), GitError> {
    loop {
        let touched = match changed(lock) {
            Ok(touched) => touched,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).at("look at", lock),
        };
        if touched < since {
            return Ok(());
        }
        // A clock that was set back makes no lock young for ever.
        if SystemTime::now().duration_since(touched).unwrap_or(WAIT) >= WAIT {
            return match std::fs::remove_file(lock) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("remove", lock),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn changed(path: &Path) -> std::io::Result<SystemTime> {
    path.symlink_metadata()?.modified()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    const PREFIX: &str = "refs/turnstile/checkpoints/r/";

    fn kept() -> (TestRepo, Vec<KeptName>) {
        let repo = TestRepo::with(&[("a", "1")]);
        for name in ["1/before", "1/after", "10/after"] {
            repo.git(&["update-ref", &format!("{PREFIX}{name}"), "HEAD"]);
        }
        repo.git(&["update-ref", "refs/turnstile/checkpoints/rest/1/after", "HEAD"]);
        let names = kept_names(&repo.place, PREFIX).unwrap();
        (repo, names)
    }

    fn references(repo: &TestRepo) -> Vec<String> {
        repo.git(&["for-each-ref", "--format=%(refname)", "refs/turnstile"]).lines().map(str::to_owned).collect()
    }

    #[test]
    fn references_of_one_run_go_also_from_the_packed_ones_and_no_other() {
        for packed in [false, true] {
            let (repo, names) = kept();
            assert_eq!(names.len(), 3);
            if packed {
                repo.git(&["pack-refs", "--all"]);
            }
            assert_eq!(drop_kept(&repo.place, &names).unwrap(), 3);
            assert_eq!(drop_kept(&repo.place, &names).unwrap(), 0, "one that is gone is fine");
            assert_eq!(references(&repo), ["refs/turnstile/checkpoints/rest/1/after"]);
        }
        let (repo, _) = kept();
        let branch = KeptName { name: "refs/heads/main".to_owned(), object: repo.commit_of("HEAD") };
        assert!(matches!(drop_kept(&repo.place, &[branch]), Err(GitError::BadBranch { .. })));
    }

    #[test]
    fn a_reference_that_somebody_moved_stays() {
        let (repo, names) = kept();
        repo.write("a", "2");
        repo.git(&["commit", "-qam", "two"]);
        repo.git(&["update-ref", &names[0].name, "HEAD"]);
        assert_eq!(drop_kept(&repo.place, &names).unwrap(), 2);
        assert!(references(&repo).contains(&names[0].name));
    }

    #[test]
    fn locks_of_a_dead_process_go_and_older_ones_stay() {
        let (repo, names) = kept();
        let place = &repo.place;
        let ours = [reference_lock(place, &names[0].name), packed_lock(place)];
        let foreign = reference_lock(place, &names[1].name);
        let note = place.common_dir.join("note");
        let stamp = |path: &Path, age: u64| {
            let file = std::fs::File::create(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        stamp(&foreign, 300);
        stamp(&note, 200);
        stamp(&ours[0], 100);
        stamp(&ours[1], 100);
        recover_drop(place, "refs/turnstile/checkpoints/r", &note).unwrap();
        assert!(ours.iter().all(|lock| !lock.exists()) && foreign.exists());
        std::fs::remove_file(foreign).unwrap();
        assert_eq!(drop_kept(place, &names).unwrap(), 3);
    }
}

//! A file that somebody still writes is left alone until it has been the same for a while.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long a file has to be the same before it is taken up.
pub const QUIET: Duration = Duration::from_secs(2);

/// What a file was when it was looked at; another save is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What is known of files that were changed a moment ago.
#[derive(Debug, Default)]
pub struct Quiet {
    seen: BTreeMap<PathBuf, (Stamp, Instant)>,
}

impl Quiet {
    /// How long the files have still to be left alone; none if they have been quiet for long enough. A file that is not
    /// there is quiet.
    pub fn left(&mut self, files: &[PathBuf]) -> Option<Duration> {
        let left: Vec<Duration> = files.iter().filter_map(|file| self.left_of(file)).collect();
        if left.is_empty() {
            // Nothing is remembered of what is taken up.
            self.seen.clear();
        }
        left.into_iter().max()
    }

    fn left_of(&mut self, file: &Path) -> Option<Duration> {
        let stat = std::fs::symlink_metadata(file).ok()?;
        // A clock that was set, or a time that somebody gave the file, says nothing: then it is watched for the time.
        let age = stat.modified().ok().and_then(|then| SystemTime::now().duration_since(then).ok());
        if age.is_some_and(|age| age >= QUIET) {
            return None;
        }
        let stamp = Stamp { inode: stat.ino(), size: stat.size(), modified: (stat.mtime(), stat.mtime_nsec()) };
        let now = Instant::now();
        let (known, since) = self.seen.entry(file.to_owned()).or_insert((stamp, now));
        if *known != stamp {
            (*known, *since) = (stamp, now);
        }
        let left = QUIET.saturating_sub(since.elapsed());
        // What was there before anybody looked has been quiet for as long as its own time says.
        let left = age.map_or(left, |age| left.min(QUIET.saturating_sub(age)));
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(age: Duration) -> (tempfile::TempDir, PathBuf) {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("1-a.md");
        fs::write(&path, "one").unwrap();
        set_age(&path, age);
        (room, path)
    }

    fn set_age(path: &Path, age: Duration) {
        fs::File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_file_that_was_just_written_is_left_alone_for_the_rest_of_the_time() {
        let (_room, path) = file(Duration::from_millis(500));
        let mut quiet = Quiet::default();
        let left = quiet.left(std::slice::from_ref(&path)).unwrap();
        assert!(left <= Duration::from_millis(1500) && left > Duration::from_millis(500), "{left:?}");
        set_age(&path, QUIET);
        assert_eq!(quiet.left(&[path]), None);
    }

    #[test]
    fn another_save_begins_the_time_anew_and_what_was_taken_up_is_forgotten() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("1-a.md");
        let save = |text: &str| {
            fs::write(&path, text).unwrap();
            let future = SystemTime::now() + 100 * QUIET;
            fs::File::options().append(true).open(&path).unwrap().set_modified(future).unwrap();
        };
        save("one");
        let mut quiet = Quiet::default();
        let files = [path.clone()];
        assert!(quiet.left(&files).is_some());
        let (_, since) = quiet.seen.get_mut(&path).unwrap();
        *since = since.checked_sub(QUIET / 2).unwrap();
        save("one and more");
        assert!(quiet.left(&files).unwrap() > QUIET / 2, "it is another one");
        set_age(&path, QUIET);
        assert_eq!(quiet.left(&files), None);
        assert!(quiet.seen.is_empty());
    }

    #[test]
    fn what_is_old_or_missing_is_taken_up_at_once() {
        let (room, path) = file(Duration::from_secs(60));
        assert_eq!(Quiet::default().left(&[path, room.path().join("2-b.md")]), None);
    }

    #[test]
    fn a_time_in_the_future_is_waited_out_by_a_clock_that_nobody_sets() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("1-a.md");
        fs::write(&path, "one").unwrap();
        fs::File::options().append(true).open(&path).unwrap().set_modified(SystemTime::now() + 100 * QUIET).unwrap();
        let mut quiet = Quiet::default();
        assert!(quiet.left(std::slice::from_ref(&path)).is_some());
        let (_, since) = quiet.seen.get_mut(&path).unwrap();
        *since = since.checked_sub(QUIET).unwrap();
        assert_eq!(quiet.left(&[path]), None);
    }
}

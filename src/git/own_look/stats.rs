//! What is known of the files of a large folder, asked for by two threads: the system looks names up side by side.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Stat};

/// Fewer are asked for one by one: a thread has its price.
const MANY: usize = 400;

/// The stat of every file and link of a folder, in the order of its names; nothing where the index knows few of them.
/// `names` is one text for all of them, `ends` where each ends in it.
pub(super) fn of_many(folder: &OwnedFd, names: &[u8], ends: &[(usize, FileType)], known: usize) -> Vec<Option<Stat>> {
    // Where most are not git's, most need not be asked for.
    if ends.len() < MANY || known < ends.len() / 2 {
        return Vec::new();
    }
    let (first, second) = ends.split_at(ends.len() / 2);
    let middle = first.last().map_or(0, |(end, _)| *end);
    std::thread::scope(|scope| {
        let other = std::thread::Builder::new().spawn_scoped(scope, || some(folder, names, middle, second));
        let mut stats = some(folder, names, 0, first);
        match other.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(more)) => stats.extend(more),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // The system has no thread to give.
            Err(_) => stats.extend(some(folder, names, middle, second)),
        }
        stats
    })
}

fn some(folder: &OwnedFd, names: &[u8], mut begin: usize, ends: &[(usize, FileType)]) -> Vec<Option<Stat>> {
    let mut stats = Vec::with_capacity(ends.len());
    for (end, kind) in ends {
        let name = names.get(begin..*end).unwrap_or_default();
        begin = *end;
        let is_asked = matches!(kind, FileType::RegularFile | FileType::Symlink);
        // What cannot be looked at is met again by whoever needs it.
        stats.push(is_asked.then(|| rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()).flatten());
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_large_folder_is_met_once_and_in_order() {
        let room = tempfile::tempdir().unwrap();
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        for number in 0..MANY + 1 {
            let name = format!("{number}");
            std::fs::write(room.path().join(&name), "x".repeat(number)).unwrap();
            names.extend_from_slice(name.as_bytes());
            ends.push((names.len(), FileType::RegularFile));
        }
        names.extend_from_slice(b"gone");
        ends.push((names.len(), FileType::RegularFile));
        ends.push((names.len(), FileType::Directory));
        let folder = OwnedFd::from(std::fs::File::open(room.path()).unwrap());
        let sizes: Vec<_> =
            of_many(&folder, &names, &ends, MANY).iter().map(|stat| stat.map(|it| it.st_size)).collect();
        let files = (0..=i64::try_from(MANY).unwrap()).map(Some);
        assert_eq!(sizes, files.chain([None, None]).collect::<Vec<_>>());
        assert!(of_many(&folder, &names, &ends, 3).is_empty(), "most of them are not git's");
    }
}

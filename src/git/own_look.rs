//! Everything uncommitted, found in this process: the worktree's stamps against those of the index, the index against
//! HEAD. It answers for ordinary repositories only; none means that the git program has to be asked, and whatever is
//! out of the ordinary is none.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{Delta, DiffOptions, Oid, Repository};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::content::Cleaner;
use super::ignore::Rules;
use super::index_file::{Entry, IndexFile};
use super::path::path_to_text;
use super::repo::Place;

/// Larger files are left to the git program, which reads them piece by piece.
const LARGEST: u64 = 50 * 1024 * 1024;

mod ordinary;
mod stats;

use ordinary::{is_ordinary, personal_excludes, rules_outside};

static PROGRAM_ONLY: AtomicBool = AtomicBool::new(false);

/// Has the git program asked for everything from now on if one of these variables, that git obeys and libgit2 does
/// not, leads it to another configuration.
pub fn mind_variables<'a>(mut names: impl Iterator<Item = &'a std::ffi::OsStr>) {
    use std::os::unix::ffi::OsStrExt as _;
    let leads_away = |name: &std::ffi::OsStr| {
        [&b"GIT_CONFIG_"[..], b"GIT_ATTR_", b"GIT_TEST_"].iter().any(|prefix| name.as_bytes().starts_with(prefix))
    };
    if names.any(leads_away) {
        PROGRAM_ONLY.store(true, Ordering::Relaxed);
    }
}

/// The letters of git's status by path, `.` for no difference: index against HEAD, worktree against index.
pub(super) struct Seen {
    pub tracked: BTreeMap<Vec<u8>, (u8, u8)>,
    pub untracked: Vec<Vec<u8>>,
    /// Files below `.tickets` that git ignores.
    pub ignored_tickets: Vec<Vec<u8>>,
    /// Everything below `.tickets` that is no folder.
    pub tickets: Vec<Listed>,
}

/// What a look at the worktree met.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Path from the top.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FileType,
    /// What is known of it, where the look had to ask.
    pub stat: Option<Stat>,
}

/// Looks without writing anything.
pub(super) fn look(place: &Place, repository: &Repository) -> Option<Seen> {
    if PROGRAM_ONLY.load(Ordering::Relaxed) {
        return None;
    }
    let config = repository.config().ok()?.snapshot().ok()?;
    if !is_ordinary(&config)? {
        return None;
    }
    let path = place.git_dir.join("index");
    let (bytes, stamp) = read_index(&path)?;
    let index = match &bytes {
        Some(bytes) => IndexFile::read(bytes)?,
        None => IndexFile::empty(),
    };
    let mut look = Look {
        index: &index,
        written: stamp.as_ref().map_or((0, 0), modified),
        letters: vec![b'D'; index.entries.len()],
        untracked: Vec::new(),
        ignored_tickets: Vec::new(),
        tickets: Vec::new(),
        rules: Vec::new(),
        shared: vec![
            rules_outside(&place.common_dir.join("info/exclude")),
            match personal_excludes(place, &config)? {
                Some(path) => rules_outside(&path),
                None => Some(Rules::none()),
            },
        ],
        cleaner: Cleaner::new(place, repository).ok()?,
    };
    let top = rustix::fs::open(&place.top, FOLDER, Mode::empty()).ok()?;
    look.folder(&top, &mut Vec::new(), 0..index.entries.len(), false)?;
    let Look { letters, untracked, ignored_tickets, tickets, .. } = look;
    let mut tracked = staged(repository, &path, &index)?;
    // Somebody wrote the index meanwhile: the two looks at it may differ.
    if read_stamp(&path)?.as_ref().map(identity) != stamp.as_ref().map(identity) {
        return None;
    }
    for (entry, letter) in index.entries.iter().zip(letters).filter(|(_, letter)| *letter != b'.') {
        tracked.entry(entry.path.to_vec()).or_insert((b'.', b'.')).1 = letter;
    }
    Some(Seen { tracked, untracked, ignored_tickets, tickets })
}

type Index = (Option<Vec<u8>>, Option<Stat>);

fn read_index(path: &Path) -> Option<Index> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some((None, None)),
        Err(_) => return None,
    };
    let stat = rustix::fs::fstat(&file).ok()?;
    let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).ok()?);
    file.read_to_end(&mut bytes).ok()?;
    Some((Some(bytes), Some(stat)))
}

#[expect(clippy::option_option, reason = "an absent index and an unreadable one differ")]
fn read_stamp(path: &Path) -> Option<Option<Stat>> {
    match rustix::fs::stat(path) {
        Ok(stat) => Some(Some(stat)),
        Err(rustix::io::Errno::NOENT) => Some(None),
        Err(_) => None,
    }
}

/// Differs wherever the index was written to; none where there is none, or where it cannot be looked at.
pub fn index_stamp(place: &Place) -> Option<String> {
    let stat = read_stamp(&place.git_dir.join("index"))??;
    Some(format!("{:?}", identity(&stat)))
}

fn identity(stat: &Stat) -> (i128, i128, (u32, u32), (u32, u32)) {
    (i128::from(stat.st_ino), i128::from(stat.st_size), modified(stat), changed(stat))
}

/// As the index holds them, 32 bits of each.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "git truncates them in the same way")]
fn modified(stat: &Stat) -> (u32, u32) {
    (stat.st_mtime as u32, stat.st_mtime_nsec as u32)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "git truncates them in the same way")]
fn changed(stat: &Stat) -> (u32, u32) {
    (stat.st_ctime as u32, stat.st_ctime_nsec as u32)
}

/// The index, which is the file there, against HEAD.
fn staged(repository: &Repository, path: &Path, index: &IndexFile) -> Option<BTreeMap<Vec<u8>, (u8, u8)>> {
    let mut found = BTreeMap::new();
    let tree = match repository.head() {
        Ok(head) => Some(head.peel_to_commit().ok()?.tree_id()),
        Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
        Err(_) => return None,
    };
    if tree.is_some() && tree == index.tree {
        return Some(found);
    }
    let tree = tree.map(|id| repository.find_tree(id)).transpose().ok()?;
    let entries = git2::Index::open(path).ok()?;
    let mut options = DiffOptions::new();
    options.include_typechange(true).skip_binary_check(true);
    let diff = repository.diff_tree_to_index(tree.as_ref(), Some(&entries), Some(&mut options)).ok()?;
    for delta in diff.deltas() {
        let letter = match delta.status() {
            Delta::Added => b'A',
            Delta::Deleted => b'D',
            Delta::Modified => b'M',
            Delta::Typechange => b'T',
            _ => return None,
        };
        let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes())?;
        found.insert(path.to_vec(), (letter, b'.'));
    }
    Some(found)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

struct Look<'l> {
    index: &'l IndexFile<'l>,
    /// When the index was written; what was modified then or later may differ in spite of its stamp.
    written: (u32, u32),
    /// One for each entry of the index; what is not met is deleted.
    letters: Vec<u8>,
    untracked: Vec<Vec<u8>>,
    ignored_tickets: Vec<Vec<u8>>,
    tickets: Vec<Listed>,
    /// Of the folders above, the nearest last; none where they are not understood, which matters only if they are
    /// asked.
    rules: Vec<Option<Rules>>,
    /// Of the repository and of the person.
    shared: Vec<Option<Rules>>,
    cleaner: Cleaner<'l>,
}

/// One name of a folder.
struct Met<'n> {
    name: &'n [u8],
    kind: FileType,
    /// What is known of it already.
    stat: Option<Stat>,
}

impl Met<'_> {
    fn stat(&self, folder: &OwnedFd) -> Option<Stat> {
        self.stat.or_else(|| rustix::fs::statat(folder, self.name, AtFlags::SYMLINK_NOFOLLOW).ok())
    }
}

impl Look<'_> {
    /// Looks at a folder; `path` is its path with a slash at the end, `known` the entries of the index below it.
    fn folder(&mut self, folder: &OwnedFd, path: &mut Vec<u8>, known: Range<usize>, ignored: bool) -> Option<()> {
        // One text for all names, and where each of them ends: a folder of tickets has a thousand.
        let (mut names, mut ends) = (Vec::new(), Vec::new());
        let mut patterns = None;
        for entry in Dir::read_from(folder).ok()? {
            let entry = entry.ok()?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || (path.is_empty() && name == b".git") {
                continue;
            }
            // A repository inside the worktree.
            if name.eq_ignore_ascii_case(b".git") {
                return None;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                let stat = rustix::fs::statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
                kind = FileType::from_raw_mode(stat.st_mode);
            }
            if name == b".gitignore" {
                patterns = Some(kind);
            }
            names.extend_from_slice(name);
            ends.push((names.len(), kind));
        }
        self.rules.push(match patterns {
            Some(FileType::RegularFile) if !ignored => {
                read(folder, b".gitignore").and_then(|text| Rules::read(&text, path.len()))
            }
            Some(_) if !ignored => None,
            Some(_) | None => Some(Rules::none()),
        });
        let length = path.len();
        let mut stats = stats::of_many(folder, &names, &ends, known.len()).into_iter();
        let mut begin = 0;
        for (end, kind) in ends {
            let name = names.get(begin..end)?;
            begin = end;
            path.truncate(length);
            path.extend_from_slice(name);
            let met = Met { name, kind, stat: stats.next().flatten() };
            self.one(folder, &met, path, known.clone(), ignored)?;
        }
        path.truncate(length);
        self.rules.pop();
        Some(())
    }

    fn one(
        &mut self,
        folder: &OwnedFd,
        met: &Met<'_>,
        path: &mut Vec<u8>,
        known: Range<usize>,
        ignored: bool,
    ) -> Option<()> {
        let Met { name, kind, .. } = *met;
        match kind {
            FileType::Directory => {
                path.push(b'/');
                let below = self.index.below(known, path);
                path.pop();
                let ignored = ignored || self.ignores(path, true)?;
                if ignored && below.is_empty() && !is_in_tickets(path) {
                    return Some(());
                }
                let folder = rustix::fs::openat(folder, name, FOLDER, Mode::empty()).ok()?;
                path.push(b'/');
                self.folder(&folder, path, below, ignored)
            }
            FileType::RegularFile | FileType::Symlink => {
                let mut listed = None;
                if let Some(position) = self.index.position(known, path) {
                    let entry = *self.index.entries.get(position)?;
                    let stat = met.stat(folder)?;
                    let letter = self.compare(folder, name, &stat, &entry)?;
                    *self.letters.get_mut(position)? = letter;
                    listed = Some(stat);
                } else if !ignored && !self.ignores(path, false)? {
                    self.untracked.push(path.clone());
                } else if is_in_tickets(path) {
                    self.ignored_tickets.push(path.clone());
                }
                if listed.is_none() && kind == FileType::RegularFile && is_in_tickets(path) {
                    // Whoever reads the tickets would ask for it one by one.
                    listed = met.stat(folder);
                }
                self.list(path, kind, listed);
                Some(())
            }
            _ => {
                self.list(path, kind, None);
                // No file of git's; where the index knows one of this name, git shall say what it makes of it.
                self.index.position(known, path).is_none().then_some(())
            }
        }
    }

    fn list(&mut self, path: &[u8], kind: FileType, stat: Option<Stat>) {
        if is_in_tickets(path) {
            self.tickets.push(Listed { path: path.to_vec(), kind, stat });
        }
    }

    /// Whether a path in a folder that is not ignored is ignored itself. None: only git knows.
    fn ignores(&self, path: &[u8], is_folder: bool) -> Option<bool> {
        for rules in self.rules.iter().rev().chain(&self.shared) {
            if let Some(ignored) = rules.as_ref()?.decide(path, is_folder) {
                return Some(ignored);
            }
        }
        Some(false)
    }

    /// The letter of an entry that is there.
    fn compare(&mut self, folder: &OwnedFd, name: &[u8], stat: &Stat, entry: &Entry) -> Option<u8> {
        let is_link = entry.mode == 0o120_000;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink if is_link => {}
            FileType::RegularFile if !is_link => {}
            FileType::Symlink | FileType::RegularFile => return Some(b'T'),
            _ => return None,
        }
        if !is_link && (stat.st_mode & 0o100 != 0) != (entry.mode == 0o100_755) {
            return Some(b'M');
        }
        if is_unchanged(entry, stat) && modified(stat) < self.written {
            return Some(b'.');
        }
        let content = if is_link {
            rustix::fs::readlinkat(folder, name, Vec::new()).ok()?.into_bytes()
        } else if u64::try_from(stat.st_size).ok()? > LARGEST {
            return None;
        } else {
            let content = read(folder, name)?;
            if self.cleaner.converts(&path_to_text(entry.path), &content).ok()? {
                return None;
            }
            content
        };
        let id = Oid::hash_object(git2::ObjectType::Blob, &content).ok()?;
        Some(if id.as_bytes() == entry.id { b'.' } else { b'M' })
    }
}

fn is_in_tickets(path: &[u8]) -> bool {
    path.strip_prefix(b".tickets").is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "git truncates them in the same way")]
fn is_unchanged(entry: &Entry, stat: &Stat) -> bool {
    entry.modified == modified(stat)
        && entry.changed == changed(stat)
        && entry.inode == stat.st_ino as u32
        && entry.user == stat.st_uid
        && entry.group == stat.st_gid
        && entry.size == stat.st_size as u32
}

fn read(folder: &OwnedFd, name: &[u8]) -> Option<Vec<u8>> {
    let file = rustix::fs::openat(folder, name, FILE, Mode::empty()).ok()?;
    let mut bytes = Vec::new();
    std::fs::File::from(file).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests;

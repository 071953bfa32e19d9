//! What a person on this machine has trusted: `trusted/` below the machine's folder, for all worktrees of the repository.
//! Digests by path in `list.json`, contents beside it, and the stored copy of a repository without a worktree. What
//! is not certainly ours trusts nothing. Must not know what is asked, nor what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::atomic::TEXT_CAP;
use super::error::is_shortage;
use super::folder::{Audience, Folder, Links};
use super::trust_types::{StoredCopy, TrustAnswer, TrustItem, TrustRefused, TrustedBy};
use super::{Layout, StoreError};
use crate::text::shell_word;
use crate::ticket::Unreadable;

/// Digests by path.
const LIST: &str = "list.json";
/// The stored copy.
const COPY: &str = "copy.json";
/// Held with flock(2) while something is trusted. It is made once and never replaced: the other files name it by its
/// inode, so that a folder that was copied here from elsewhere is not taken for what this machine trusted.
const LOCK: &str = "lock";
/// How the names of contents begin.
const CONTENT: &str = "content-";
/// The version of both files.
const VERSION: u32 = 1;
/// At most so many digests of one path; the oldest is asked about again.
const MOST: usize = 32;
/// At most so many bytes of a list: a template each of a few hundred, with all their digests.
const LIST_CAP: u64 = 8 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    lock: u64,
    /// Whether everything that lay somewhere was trusted once. What has no digest yet was not there then, so that it is
    /// not there was trusted as well.
    #[serde(default)]
    whole: bool,
    files: BTreeMap<String, Vec<Entry>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    digest: String,
    at: String,
    by: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct CopyFile {
    version: u32,
    lock: u64,
    reference: String,
    commit: String,
    at: String,
    by: String,
    files: BTreeMap<String, String>,
}

/// The word for no content at all.
const GONE: &str = "gone";

/// The digest by which a content is trusted.
pub fn digest_of_content(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// The digests that were trusted at each path, the last one last.
pub fn read_trust(common_dir: &Path) -> TrustAnswer<BTreeMap<String, Vec<String>>> {
    let folder = match ours(common_dir)? {
        Ok(Some(folder)) => folder,
        Ok(None) => return Ok(Ok(BTreeMap::new())),
        Err(refused) => return Ok(Err(refused)),
    };
    let list = match list(&folder)? {
        Ok(list) => list,
        Err(refused) => return Ok(Err(refused)),
    };
    let digests = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.digest).collect();
    let files = list.map(|list| list.files).unwrap_or_default();
    Ok(Ok(files.into_iter().map(|(path, entries)| (path, digests(entries))).collect()))
}

/// A content that was trusted, if it is still there as it was.
pub fn trusted_content(common_dir: &Path, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let Ok(Some(folder)) = ours(common_dir)? else { return Ok(None) };
    content(&folder, digest)
}

/// Trusts contents; nothing of it counts before all of it does. `is_whole` says that everything is trusted then that
/// lies where they lie, and so that nothing else does.
pub fn trust(common_dir: &Path, items: &[TrustItem], is_whole: bool, by: &TrustedBy) -> TrustAnswer<()> {
    let (folder, lock) = match make(common_dir)? {
        Ok(made) => made,
        Err(refused) => return Ok(Err(refused)),
    };
    let (was_whole, mut files) = match list(&folder)? {
        Ok(list) => list.map(|list| (list.whole, list.files)).unwrap_or_default(),
        Err(refused) => return Ok(Err(refused)),
    };
    for item in items {
        let digest = match &item.content {
            Some(content) => keep(&folder, content)?,
            None => GONE.to_owned(),
        };
        let entry = |digest: String| Entry { digest, at: by.at.clone(), by: by.who.clone() };
        let entries = files.entry(item.path.clone()).or_default();
        if entries.is_empty() && was_whole {
            entries.push(entry(GONE.to_owned()));
        }
        entries.retain(|known| known.digest != digest);
        entries.push(entry(digest));
        let old = entries.len().saturating_sub(MOST);
        entries.drain(..old);
    }
    let list = List { version: VERSION, lock: lock.inode, whole: was_whole || is_whole, files };
    folder.write(OsStr::new(LIST), &json(&folder, LIST, &list)?, Audience::Machine)?;
    sweep(&folder, &list.files)?;
    Ok(Ok(()))
}

/// Stores the copy that runs without a worktree of their own go by, in place of the one before.
pub fn store_copy(common_dir: &Path, copy: &StoredCopy) -> TrustAnswer<()> {
    let (folder, lock) = match make(common_dir)? {
        Ok(made) => made,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut files = BTreeMap::new();
    for (path, content) in &copy.files {
        files.insert(path.clone(), keep(&folder, content)?);
    }
    let stored = CopyFile {
        version: VERSION,
        lock: lock.inode,
        reference: copy.reference.clone(),
        commit: copy.commit.clone(),
        at: copy.by.at.clone(),
        by: copy.by.who.clone(),
        files,
    };
    folder.write(OsStr::new(COPY), &json(&folder, COPY, &stored)?, Audience::Machine)?;
    Ok(Ok(()))
}

/// The stored copy; none where no person has stored one.
pub fn stored_copy(common_dir: &Path) -> TrustAnswer<Option<StoredCopy>> {
    let folder = match ours(common_dir)? {
        Ok(Some(folder)) => folder,
        Ok(None) => return Ok(Ok(None)),
        Err(refused) => return Ok(Err(refused)),
    };
    let stored: CopyFile = match read(&folder, COPY)? {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(Ok(None)),
        Err(refused) => return Ok(Err(refused)),
    };
    if let Err(refused) = is_made_here(&folder, COPY, stored.version, stored.lock)? {
        return Ok(Err(refused));
    }
    let mut files = BTreeMap::new();
    for (path, digest) in stored.files {
        let Some(content) = content(&folder, &digest)? else {
            let why =
                format!("the stored copy of {} is missing, or is not what was stored", crate::text::shown_line(&path));
            return Ok(Err(TrustRefused { why, way_out: remove(folder.path()) }));
        };
        files.insert(path, content);
    }
    let by = TrustedBy { who: stored.by, at: stored.at };
    Ok(Ok(Some(StoredCopy { reference: stored.reference, commit: stored.commit, by, files })))
}

/// The folder, if it is there and nobody else can have written it.
fn ours(common_dir: &Path) -> TrustAnswer<Option<Folder>> {
    let machine = Layout::main(common_dir, common_dir).machine();
    let open = || -> Result<Option<(Folder, Folder)>, StoreError> {
        let Some(root) = Folder::open(common_dir)? else { return Ok(None) };
        let Some(outer) = root.below(Path::new("turnstile"))? else { return Ok(None) };
        Ok(outer.below(Path::new("trusted"))?.map(|inner| (outer, inner)))
    };
    let folder = machine.join("trusted");
    match open() {
        Ok(None) => Ok(Ok(None)),
        Ok(Some((outer, inner))) => Ok(is_ours(&outer).and_then(|()| is_ours(&inner)).map(|()| Some(inner))),
        Err(error) if error.is_shortage() => Err(error),
        // A link, something that is no folder, or one that may not be opened.
        Err(error) => {
            let why = match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            Ok(Err(TrustRefused { why, way_out: remove(&folder) }))
        }
    }
}

/// The same, made where it is missing, with its lock held.
fn make(common_dir: &Path) -> TrustAnswer<(Folder, Lock)> {
    let folder = match ours(common_dir)? {
        Ok(Some(folder)) => folder,
        Ok(None) => {
            Folder::make(common_dir, Audience::Machine)?
                .make_below(Path::new("turnstile/trusted"), Audience::Machine)?;
            match ours(common_dir)? {
                Ok(Some(folder)) => folder,
                Ok(None) => return Err(StoreError::NotAFolder { path: common_dir.join("turnstile/trusted") }),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        Err(refused) => return Ok(Err(refused)),
    };
    let path = folder.path().join(LOCK);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let failed = |error: std::io::Error| StoreError::write(&path, error);
    let opened = rustix::fs::openat(&folder.handle, LOCK, flags, Mode::RUSR | Mode::WUSR);
    let file = File::from(opened.map_err(|error| failed(error.into()))?);
    // Whoever holds it writes two small files.
    file.lock().map_err(failed)?;
    folder.sync()?;
    let stat = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
    Ok(Ok((folder, Lock { _file: file, inode: inode(&stat) })))
}

/// Held while something is trusted.
struct Lock {
    _file: File,
    inode: u64,
}

#[expect(clippy::useless_conversion, reason = "the type differs between systems")]
fn inode(stat: &Stat) -> u64 {
    u64::from(stat.st_ino)
}

fn is_ours(folder: &Folder) -> Result<(), TrustRefused> {
    let stat = rustix::fs::fstat(&folder.handle).map_err(|error| TrustRefused {
        why: format!("{} cannot be looked at: {}", folder.path().display(), std::io::Error::from(error)),
        way_out: remove(folder.path()),
    })?;
    is_of_this_user(folder.path(), &stat)
}

/// Whether this user alone can have written it.
fn is_of_this_user(path: &Path, stat: &Stat) -> Result<(), TrustRefused> {
    let shown = path.display();
    let user = rustix::process::geteuid().as_raw();
    let why = if stat.st_uid != user {
        format!("{shown} belongs to user {}, and not to user {user}, who asks", stat.st_uid)
    } else if Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        format!("others than its owner may write {shown}")
    } else {
        return Ok(());
    };
    // Above the store lie the records of runs, which nobody should remove for this.
    let way_out = if path.ends_with("turnstile") {
        format!("mend that (`chmod go-w {}`, `chown`)", shell_word(&path.to_string_lossy()))
    } else {
        remove(path.parent().filter(|_| stat_is_file(stat)).unwrap_or(path))
    };
    Err(TrustRefused { why, way_out })
}

fn stat_is_file(stat: &Stat) -> bool {
    super::folder::Kind::of(stat) == super::folder::Kind::File
}

/// What makes a store that trusts nothing one that can be used again.
fn remove(folder: &Path) -> String {
    format!(
        "`rm -r {}` forgets what was trusted, and `turnstile trust` asks anew",
        shell_word(&folder.to_string_lossy())
    )
}

fn list(folder: &Folder) -> TrustAnswer<Option<List>> {
    let list: List = match read(folder, LIST)? {
        Ok(Some(list)) => list,
        Ok(None) => return Ok(Ok(None)),
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(is_made_here(folder, LIST, list.version, list.lock)?.map(|()| Some(list)))
}

fn is_made_here(folder: &Folder, name: &str, version: u32, lock: u64) -> TrustAnswer<()> {
    let path = folder.path().join(name);
    if version > VERSION {
        let why = format!("{} is of a newer turnstile (version {version})", path.display());
        return Ok(Err(TrustRefused { why, way_out: "use that one".to_owned() }));
    }
    let found = folder.stat(OsStr::new(LOCK))?.map(|stat| inode(&stat));
    if found != Some(lock) {
        let why = format!("{} was not made here: it was copied or restored from elsewhere", path.display());
        return Ok(Err(TrustRefused { why, way_out: remove(folder.path()) }));
    }
    Ok(Ok(()))
}

fn read<T: serde::de::DeserializeOwned>(folder: &Folder, name: &str) -> TrustAnswer<Option<T>> {
    let path: PathBuf = folder.path().join(name);
    let refused = |why: String| {
        let why = format!("{} cannot be used: {why}", path.display());
        Ok(Err(TrustRefused { why, way_out: remove(folder.path()) }))
    };
    let contents = match folder.read(OsStr::new(name), LIST_CAP, Links::One)? {
        Ok(Some(contents)) => contents,
        Ok(None) => return Ok(Ok(None)),
        Err(why) => return refused(described(&why)),
    };
    if let Err(not_ours) = is_of_this_user(&path, &contents.stat) {
        return Ok(Err(not_ours));
    }
    match serde_json::from_slice(&contents.bytes) {
        Ok(read) => Ok(Ok(Some(read))),
        Err(error) => refused(format!("it is damaged ({error})")),
    }
}

fn described(why: &Unreadable) -> String {
    why.diagnostic("").message
}

fn content_name(digest: &str) -> Option<String> {
    let is_one = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| format!("{CONTENT}{digest}"))
}

/// A content by its digest, and only if it has that digest.
fn content(folder: &Folder, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(name) = content_name(digest) else { return Ok(None) };
    let read = folder.read(OsStr::new(&name), TEXT_CAP, Links::Any)?.ok().flatten().map(|contents| contents.bytes);
    Ok(read.filter(|bytes| digest_of_content(bytes) == digest))
}

/// Keeps a content by its digest.
fn keep(folder: &Folder, bytes: &[u8]) -> Result<String, StoreError> {
    let digest = digest_of_content(bytes);
    if content(folder, &digest)?.is_none() {
        let name = format!("{CONTENT}{digest}");
        folder.write(OsStr::new(&name), bytes, Audience::Machine)?;
    }
    Ok(digest)
}

fn json<T: Serialize>(folder: &Folder, name: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec_pretty(value);
    text.map_err(|error| StoreError::write(&folder.path().join(name), std::io::Error::from(error)))
}

/// Removes contents that nothing names any more; the copy's stay as long as it does.
fn sweep(folder: &Folder, files: &BTreeMap<String, Vec<Entry>>) -> Result<(), StoreError> {
    let copy = match read::<CopyFile>(folder, COPY)? {
        Ok(copy) => copy.map(|copy| copy.files).unwrap_or_default(),
        // What cannot be read names who knows what.
        Err(_) => return Ok(()),
    };
    let mut named: BTreeSet<&str> = copy.values().map(String::as_str).collect();
    named.extend(files.values().flatten().map(|entry| entry.digest.as_str()));
    for name in folder.names()? {
        let Some(digest) = name.to_str().ok().and_then(|name| name.strip_prefix(CONTENT)) else { continue };
        if !named.contains(digest) {
            folder.remove_file(OsStr::from_bytes(name.as_bytes()))?;
        }
    }
    Ok(())
}

/// A file that an agent's program reads below the worktree: links are followed, as it follows them. None where there is
/// none; what cannot be read is the answer, and an error a machine that could not look.
pub fn read_followed(path: &Path) -> Result<Result<Option<Vec<u8>>, String>, StoreError> {
    use std::io::Read as _;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let read = rustix::fs::open(path, flags, Mode::empty()).map_err(std::io::Error::from).and_then(|handle| {
        let file = File::from(handle);
        let seen = file.metadata()?;
        if !seen.is_file() {
            return Ok(Err("it is not a regular file".to_owned()));
        }
        let mut bytes = Vec::new();
        file.take(TEXT_CAP + 1).read_to_end(&mut bytes)?;
        Ok(if bytes.len() as u64 > TEXT_CAP { Err("it is larger than 1 MiB".to_owned()) } else { Ok(Some(bytes)) })
    });
    match read {
        Ok(read) => Ok(read),
        // A link that leads nowhere is read by nobody.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(Ok(None))
        }
        Err(error) if is_shortage(&error) => Err(StoreError::read(path, error)),
        Err(error) => Ok(Err(error.to_string())),
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;

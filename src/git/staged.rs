//! What the next commit will hold, as the index says that git names to its hooks. The worktree takes no part in it.

use std::collections::BTreeSet;
use std::path::Path;

use super::error::{At, GitError};
use super::library;
use super::path::path_to_text;
use super::program::Git;
use super::repo::Place;
use super::survey::head;

/// The tree without anything in it; git knows it without having it.
const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// A file of an index or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    /// Its path, from the top.
    pub path: Vec<u8>,
    /// Git's mode of it: `0o120000` is a link, `0o160000` another repository.
    pub mode: u32,
    /// Its content.
    pub id: String,
}

/// A folder as the next commit will hold it, and as the last one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The next commit's files, but for those that are only announced (`git add -N`).
    pub files: Vec<StagedFile>,
    /// The last commit's.
    pub committed: Vec<StagedFile>,
    /// What differs, deleted paths included.
    pub changed: BTreeSet<Vec<u8>>,
}

/// Compares an index with HEAD, below one path.
pub fn staged(place: &Place, index: &Path, below: &str) -> Result<Staged, GitError> {
    let git = |arguments: &[&str]| {
        Git::hardened(place, arguments).variable("GIT_INDEX_FILE", index).argument("--").argument(below).succeed()
    };
    let commit = head(place)?.commit;
    let before = commit.as_deref().unwrap_or(EMPTY);
    let changed =
        git(&["diff-index", "--cached", "--ita-invisible-in-index", "--no-renames", "--name-only", "-z", before])?;
    let changed: BTreeSet<Vec<u8>> = parts(&changed).map(<[u8]>::to_vec).collect();
    let committed = match &commit {
        // Mode, kind, id, and behind a tab the path.
        Some(commit) => listed(&git(&["ls-tree", "-r", "-z", "--full-tree", commit])?, 2),
        None => Vec::new(),
    };
    // Mode, id, stage, and behind a tab the path.
    let mut files = listed(&git(&["ls-files", "--stage", "-z"])?, 1);
    let known: BTreeSet<&[u8]> = committed.iter().map(|file| file.path.as_slice()).collect();
    files.retain(|file| changed.contains(&file.path) || known.contains(file.path.as_slice()));
    Ok(Staged { files, committed, changed })
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

fn listed(bytes: &[u8], id: usize) -> Vec<StagedFile> {
    let file = |line: &[u8]| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let words: Vec<&str> = std::str::from_utf8(&line[..tab]).ok()?.split(' ').collect();
        Some(StagedFile {
            path: line[tab + 1..].to_vec(),
            mode: u32::from_str_radix(words.first()?, 8).ok()?,
            id: (*words.get(id)?).to_owned(),
        })
    };
    parts(bytes).filter_map(file).collect()
}

/// The content of a file, or its size where it has more than `most` bytes.
pub fn blob_at_most(place: &Place, file: &StagedFile, most: u64) -> Result<Result<Vec<u8>, u64>, GitError> {
    let repository = library::open(place)?;
    let id = library::oid(place, &file.id)?;
    let path = place.top.join(path_to_text(&file.path));
    let (size, _) = repository.odb().and_then(|odb| odb.read_header(id)).at("read what is staged of", &path)?;
    if size as u64 > most {
        return Ok(Err(size as u64));
    }
    Ok(Ok(repository.find_blob(id).at("read what is staged of", &path)?.content().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    fn told(repo: &TestRepo) -> String {
        let staged = staged(&repo.place, &repo.place.git_dir.join("index"), "a").unwrap();
        let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        let files: Vec<String> = staged
            .files
            .iter()
            .map(|file| {
                let bytes = blob_at_most(&repo.place, file, 3).unwrap();
                format!("{}={}", text(&file.path), bytes.map_or_else(|size| size.to_string(), |it| text(&it)))
            })
            .collect();
        let changed: Vec<String> = staged.changed.iter().map(|path| text(path)).collect();
        format!("{} | {}", files.join(" "), changed.join(" "))
    }

    #[test]
    fn the_index_is_compared_with_the_commit_and_the_worktree_takes_no_part() {
        let repo = TestRepo::with(&[("a/1", "one"), ("a/2", "two"), ("b/1", "x")]);
        assert_eq!(told(&repo), "a/1=one a/2=two | ");
        repo.write("a/1", "uno");
        repo.write("a/4", "announced");
        repo.git(&["add", "a/1"]);
        repo.git(&["add", "-N", "a/4"]);
        repo.git(&["rm", "-q", "--cached", "a/2"]);
        repo.write("a/1", "not staged");
        repo.write("a/3", "four");
        repo.write("b/1", "y");
        repo.git(&["add", "a/3", "b/1"]);
        assert_eq!(told(&repo), "a/1=uno a/3=4 | a/1 a/2 a/3");
    }

    #[test]
    fn before_the_first_commit_everything_is_new() {
        let repo = TestRepo::unborn();
        repo.write("a/1", "one");
        repo.git(&["add", "a"]);
        assert_eq!(told(&repo), "a/1=one | a/1");
    }
}

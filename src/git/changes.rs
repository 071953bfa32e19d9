//! Everything uncommitted, as git itself sees it. The program is asked and not libgit2, whose answer differs for
//! filters, sparse checkouts and nested negated ignore patterns, and takes twice as long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Cause, GitError};
use super::library;
use super::path::path_to_text;
use super::program::Git;
use super::repo::Place;

/// How a path differs from HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// In the index, not in HEAD.
    Added,
    /// Another content or mode.
    Modified,
    /// In HEAD, gone from the index or the worktree.
    Deleted,
    /// Known neither to HEAD nor to the index. A repository inside the worktree is one path that ends with `/`.
    Untracked,
    /// A file became a link, or the like.
    TypeChange,
    /// A merge left it unresolved.
    Conflicted,
}

/// One uncommitted path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Path from the top of the worktree.
    pub path: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// Whether the index differs from HEAD here.
    pub staged: bool,
}

/// Everything uncommitted, sorted by path: tracked paths whose index or worktree differs from HEAD, and untracked
/// files one by one. Ignored files are never in it, and submodules only for their commit.
pub fn changes(place: &Place) -> Result<Vec<Change>, GitError> {
    library::open(place)?;
    let arguments = [
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=all",
        "--ignored=no",
        "--ignore-submodules=dirty",
        "--no-renames",
        "--no-ahead-behind",
    ];
    let output = Git::hardened(place, &arguments).succeed()?;
    parse(&output).ok_or_else(|| GitError::Program {
        command: "status".to_owned(),
        path: place.top.clone(),
        source: Cause("its output is not understood".to_owned()),
    })
}

/// Reads `--porcelain=v2 -z`.
fn parse(output: &[u8]) -> Option<Vec<Change>> {
    let mut found: BTreeMap<String, Change> = BTreeMap::new();
    for record in output.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
        let (path, kind, staged) = match record.first()? {
            b'1' => {
                let mut fields = record.splitn(9, |byte| *byte == b' ').skip(1);
                let (index, worktree) = letters(fields.next()?)?;
                (fields.nth(6)?, tracked(index, worktree)?, index != b'.')
            }
            b'u' => (record.splitn(11, |byte| *byte == b' ').nth(10)?, ChangeKind::Conflicted, true),
            b'?' => (record.get(2..)?, ChangeKind::Untracked, false),
            b'#' => continue,
            _ => return None,
        };
        let path = path_to_text(path);
        match found.get_mut(&path) {
            // Removed from the index and still in the worktree: git says both, for us it is one path that differs.
            Some(known) => *known = Change { path, kind: ChangeKind::Modified, staged: true },
            None => {
                found.insert(path.clone(), Change { path, kind, staged });
            }
        }
    }
    Some(found.into_values().collect())
}

fn letters(field: &[u8]) -> Option<(u8, u8)> {
    match field {
        [index, worktree] => Some((*index, *worktree)),
        _ => None,
    }
}

/// The kind against HEAD: what the index says comes first.
fn tracked(index: u8, worktree: u8) -> Option<ChangeKind> {
    let decisive = match (index, worktree) {
        (b'.' | b'M' | b'T', b'D') => b'D',
        (b'.', other) | (other, _) => other,
    };
    match decisive {
        b'A' => Some(ChangeKind::Added),
        b'M' => Some(ChangeKind::Modified),
        b'D' => Some(ChangeKind::Deleted),
        b'T' => Some(ChangeKind::TypeChange),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_letters_of_git_are_one_kind() {
        let cases = [
            ("A.", ChangeKind::Added),
            ("AM", ChangeKind::Added),
            (".M", ChangeKind::Modified),
            ("M.", ChangeKind::Modified),
            ("MM", ChangeKind::Modified),
            ("MD", ChangeKind::Deleted),
            (".D", ChangeKind::Deleted),
            ("D.", ChangeKind::Deleted),
            (".T", ChangeKind::TypeChange),
            (".A", ChangeKind::Added),
        ];
        for (pair, kind) in cases {
            let (index, worktree) = letters(pair.as_bytes()).unwrap();
            assert_eq!(tracked(index, worktree), Some(kind), "{pair}");
        }
    }

    #[test]
    fn output_that_is_not_understood_is_not_taken_for_clean() {
        assert_eq!(parse(b"1 M"), None);
        assert_eq!(parse(b"x what\0"), None);
        assert_eq!(parse(b""), Some(Vec::new()));
    }
}

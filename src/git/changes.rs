//! Everything uncommitted, as git itself sees it. In an ordinary repository this process looks itself; for everything
//! else the program is asked and not libgit2, whose answer differs for filters, sparse checkouts and nested negated
//! ignore patterns, and takes twice as long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Cause, GitError};
use super::library;
use super::own_look::{self, Listed, Seen};
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

/// What one look at a worktree finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncommitted {
    /// Everything that differs from HEAD, as [`changes`] tells it.
    pub changes: Vec<Change>,
    /// The files below `.tickets` that git ignores; none where only the program answers, which does not tell them.
    pub(super) ignored_tickets: Option<Vec<String>>,
}

/// Everything uncommitted, sorted by path: tracked paths whose index or worktree differs from HEAD, and untracked
/// files one by one. Ignored files are never in it, and submodules only for their commit.
pub fn changes(place: &Place) -> Result<Vec<Change>, GitError> {
    Ok(uncommitted(place)?.changes)
}

/// The same, with what else a kept tree is made of.
pub fn uncommitted(place: &Place) -> Result<Uncommitted, GitError> {
    Ok(look(place)?.0)
}

/// The same, and everything below `.tickets` that is no folder, where this process looked itself.
pub fn look(place: &Place) -> Result<(Uncommitted, Option<Vec<Listed>>), GitError> {
    let repository = library::open(place)?;
    Ok(match own_look::look(place, &repository).and_then(|seen| told(&seen).map(|found| (found, seen))) {
        Some((changes, seen)) => {
            let ignored = seen.ignored_tickets.iter().map(|path| path_to_text(path)).collect();
            (Uncommitted { changes, ignored_tickets: Some(ignored) }, Some(seen.tickets))
        }
        None => (Uncommitted { changes: changes_by_program(place)?, ignored_tickets: None }, None),
    })
}

/// What this process saw, in the same words.
fn told(seen: &Seen) -> Option<Vec<Change>> {
    let mut found = Found::default();
    for (path, (index, worktree)) in &seen.tracked {
        found.add(path, tracked(*index, *worktree)?, *index != b'.');
    }
    for path in &seen.untracked {
        found.add(path, ChangeKind::Untracked, false);
    }
    Some(found.into_changes())
}

fn changes_by_program(place: &Place) -> Result<Vec<Change>, GitError> {
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
    let mut found = Found::default();
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
        found.add(path, kind, staged);
    }
    Some(found.into_changes())
}

#[derive(Default)]
struct Found(BTreeMap<String, Change>);

impl Found {
    fn add(&mut self, path: &[u8], kind: ChangeKind, staged: bool) {
        let path = path_to_text(path);
        match self.0.get_mut(&path) {
            // Removed from the index and still in the worktree: git says both, for us it is one path that differs.
            Some(known) => *known = Change { path, kind: ChangeKind::Modified, staged: true },
            None => {
                self.0.insert(path.clone(), Change { path, kind, staged });
            }
        }
    }

    fn into_changes(self) -> Vec<Change> {
        self.0.into_values().collect()
    }
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
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::git::testing::TestRepo;

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

    /// One step of a random history of a worktree.
    #[derive(Debug, Clone)]
    enum Step {
        Write(usize, u8),
        Remove(usize),
        Ignore(usize, usize),
        Link(usize),
        Run(usize),
        Add,
        AddOne(usize),
        Unstage(usize),
        Commit,
    }

    const PATHS: [&str; 9] = ["a", "b.log", "d/a", "d/b.log", "d/e/a", "d/e/b.log", "e", "e/x", "out/b.log"];
    const PATTERNS: [&str; 8] = ["*.log", "!b.log", "d/", "!d/e/", "/e", "out/*", "!*.log", "**/a"];
    const FOLDERS: [&str; 3] = ["", "d/", "d/e/"];

    fn step() -> impl Strategy<Value = Step> {
        let path = 0..PATHS.len();
        prop_oneof![
            4 => (path.clone(), 0..3_u8).prop_map(|(path, content)| Step::Write(path, content)),
            2 => path.clone().prop_map(Step::Remove),
            2 => (0..FOLDERS.len(), 0..PATTERNS.len()).prop_map(|(folder, pattern)| Step::Ignore(folder, pattern)),
            1 => path.clone().prop_map(Step::Link),
            1 => path.clone().prop_map(Step::Run),
            1 => Just(Step::Add),
            1 => path.clone().prop_map(Step::AddOne),
            1 => path.prop_map(Step::Unstage),
            1 => Just(Step::Commit),
        ]
    }

    /// Steps that the file system or git refuses change nothing, which is fine here.
    fn take(repo: &TestRepo, step: &Step) {
        let quietly = |arguments: &[&str]| {
            let mut command = std::process::Command::new("git");
            crate::git::testing::isolate(&mut command);
            command.args(arguments).current_dir(&repo.place.top).output().unwrap();
        };
        let parent = |path: &str| drop(fs::create_dir_all(repo.path(path).parent().unwrap()));
        match step {
            Step::Write(path, content) => {
                parent(PATHS[*path]);
                drop(fs::write(repo.path(PATHS[*path]), [*content]));
            }
            Step::Remove(path) => {
                drop(fs::remove_file(repo.path(PATHS[*path])));
                drop(fs::remove_dir_all(repo.path(PATHS[*path])));
            }
            Step::Ignore(folder, pattern) => {
                let path = format!("{}.gitignore", FOLDERS[*folder]);
                parent(&path);
                let known = fs::read_to_string(repo.path(&path)).unwrap_or_default();
                drop(fs::write(repo.path(&path), format!("{known}{}\n", PATTERNS[*pattern])));
            }
            Step::Link(path) => {
                parent(PATHS[*path]);
                drop(std::os::unix::fs::symlink("a", repo.path(PATHS[*path])));
            }
            Step::Run(path) => {
                use std::os::unix::fs::PermissionsExt as _;
                drop(fs::set_permissions(repo.path(PATHS[*path]), fs::Permissions::from_mode(0o755)));
            }
            Step::Add => quietly(&["add", "-A"]),
            Step::AddOne(path) => quietly(&["add", "-f", PATHS[*path]]),
            Step::Unstage(path) => quietly(&["rm", "-q", "--cached", PATHS[*path]]),
            Step::Commit => quietly(&["commit", "-qm", "x"]),
        }
    }

    /// What a person sees: the paths of `git status --porcelain -uall`.
    fn seen(repo: &TestRepo) -> Vec<(String, bool)> {
        let mut command = std::process::Command::new("git");
        crate::git::testing::isolate(&mut command);
        let arguments = ["-c", "status.renames=false", "status", "--porcelain", "-uall", "-z"];
        let output = command.args(arguments).current_dir(&repo.place.top).output().unwrap();
        assert!(output.status.success());
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        for line in output.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            *found.entry(path_to_text(&line[3..])).or_default() |= !matches!(line[0], b' ' | b'?');
        }
        found.into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn we_see_what_git_status_shows(steps in proptest::collection::vec(step(), 1..25)) {
            let repo = TestRepo::with(&[("a", "0"), ("d/a", "0"), ("e", "0")]);
            for step in &steps {
                take(&repo, step);
            }
            let index = fs::read(repo.place.git_dir.join("index")).unwrap();
            let ours: Vec<_> =
                changes(&repo.place).unwrap().into_iter().map(|change| (change.path, change.staged)).collect();
            prop_assert_eq!(fs::read(repo.place.git_dir.join("index")).unwrap(), index, "looking writes no index");
            prop_assert_eq!(ours, seen(&repo));
            // Both readers give the same answer; these repositories are ordinary enough for ours to give one.
            let repository = library::open(&repo.place).unwrap();
            let own = own_look::look(&repo.place, &repository).and_then(|seen| told(&seen));
            prop_assert_eq!(own, Some(changes_by_program(&repo.place).unwrap()));
            // What is kept is what git itself would commit of this worktree.
            let kept = crate::git::keep(&repo.place, "refs/turnstile/checkpoints/r/1/before", "x", None, &crate::secret::Screen::new(&[])).unwrap();
            let copy = repo.around().join("index");
            fs::copy(repo.place.git_dir.join("index"), &copy).unwrap();
            let with_copy = |arguments: &[&str]| {
                let mut command = std::process::Command::new("git");
                crate::git::testing::isolate(&mut command);
                command.args(arguments).current_dir(&repo.place.top).env("GIT_INDEX_FILE", &copy).output().unwrap()
            };
            assert!(with_copy(&["add", "-A"]).status.success());
            let tree = String::from_utf8(with_copy(&["write-tree"]).stdout).unwrap();
            prop_assert_eq!(kept.tree, tree.trim());
        }
    }

    #[test]
    fn sparse_checkouts_filters_and_conflicts_are_seen_as_git_sees_them() {
        let repo = TestRepo::with(&[("in/a", "1"), ("out/b", "1"), (".gitattributes", "*.bin filter=shout\n")]);
        repo.git(&["config", "filter.shout.clean", "tr a-z A-Z"]);
        repo.write("x.bin", "quiet");
        repo.git(&["add", "x.bin"]);
        repo.git(&["commit", "-qm", "filtered"]);
        repo.git(&["sparse-checkout", "set", "in"]);
        assert!(!repo.path("out/b").exists());
        assert_eq!(changes(&repo.place).unwrap(), []);
        repo.git(&["switch", "-qc", "other", "HEAD~"]);
        repo.write("in/a", "theirs");
        repo.git(&["commit", "-qam", "theirs"]);
        repo.git(&["switch", "-q", "main"]);
        repo.write("in/a", "ours");
        repo.git(&["commit", "-qam", "ours"]);
        let merge = std::process::Command::new("git").args(["merge", "other"]).current_dir(&repo.place.top).output();
        assert!(!merge.unwrap().status.success());
        let found = changes(&repo.place).unwrap();
        let conflict = Change { path: "in/a".to_owned(), kind: ChangeKind::Conflicted, staged: true };
        assert_eq!(found, [conflict]);
    }
}

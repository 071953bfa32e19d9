//! Kept trees: the worktree as it was, as a commit that no branch knows. Branch, index and worktree stay untouched.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use git2::{Oid, Repository, Signature, Tree};
use serde::{Deserialize, Serialize};

use super::changes::changes;
use super::content::{Cleaner, OnFailure, contains};
use super::error::{At, GitError};
use super::index::{patiently, reference_lock};
use super::library;
use super::path::{components, text_to_file};
use super::repo::Place;
use super::trees::{Edit, Edits, edited, without};
use super::worktree::{Found, look};

/// Files larger than this are not kept.
const LARGEST: u64 = 50 * 1024 * 1024;

const TICKETS: &str = ".tickets";

/// A worktree as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The commit that holds it.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// Id of the same tree without `.tickets`.
    pub outside_tickets: String,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
}

/// A path that a kept tree does not hold as it lies in the worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Path from the top.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Why it was left out.
    pub why: String,
}

/// Keeps the worktree as a commit at `refname` (below `refs/turnstile/`): HEAD's tree, every uncommitted file, and
/// all of `.tickets`, ignored or not. Where nothing changed since `parent`, the name points to that same commit.
pub fn keep(place: &Place, refname: &str, message: &str, parent: Option<&str>) -> Result<Kept, GitError> {
    keep_screened(place, refname, message, parent, &[])
}

/// The same, without files that hold one of the `secrets`.
pub fn keep_screened(
    place: &Place,
    refname: &str,
    message: &str,
    parent: Option<&str>,
    secrets: &[Vec<u8>],
) -> Result<Kept, GitError> {
    if !refname.starts_with("refs/turnstile/") || !git2::Reference::is_valid_name(refname) {
        return Err(GitError::BadBranch { name: refname.to_owned() });
    }
    let repository = library::open(place)?;
    let head = match super::branch::current(place, &repository, "HEAD")? {
        Some(id) => Some(repository.find_commit(library::oid(place, &id)?).at("read HEAD", &place.top)?),
        None => None,
    };
    let base = head.as_ref().map(git2::Commit::tree).transpose().at("read the tree of HEAD", &place.top)?;
    let mut keeper = Keeper {
        place,
        base: base.as_ref(),
        cleaner: Cleaner::new(place, &repository)?,
        secrets,
        edits: Edits::default(),
        left_out: Vec::new(),
    };
    keeper.take_worktree()?;
    let Keeper { edits, left_out, cleaner, .. } = keeper;
    cleaner.finish()?;
    let id = edited(place, &repository, base.as_ref(), &edits)?;
    let tree = repository.find_tree(id).at("read a tree", &place.top)?;
    let commit = commit(place, &repository, &tree, message, head.as_ref(), parent)?;
    patiently(&reference_lock(place, refname), || {
        match repository.reference(refname, commit, true, "turnstile: kept") {
            Ok(_) => Ok(Some(())),
            Err(error) if error.code() == git2::ErrorCode::Locked => Ok(None),
            Err(error) => Err(error).at("write a kept tree", &place.top),
        }
    })?;
    Ok(Kept {
        commit: commit.to_string(),
        tree: id.to_string(),
        outside_tickets: without(place, &repository, &tree, TICKETS)?.to_string(),
        left_out,
    })
}

/// A commit of the tree. HEAD is its first parent, so that git does not collect the commits of a branch that a turn
/// has moved back.
fn commit(
    place: &Place,
    repository: &Repository,
    tree: &Tree,
    message: &str,
    head: Option<&git2::Commit>,
    parent: Option<&str>,
) -> Result<Oid, GitError> {
    let parent = match parent {
        Some(parent) => {
            let id = super::branch::commit(place, repository, parent)?;
            Some(repository.find_commit(id).at("read a commit", &place.top)?)
        }
        None => None,
    };
    if let Some(parent) = parent.as_ref().filter(|parent| parent.tree_id() == tree.id()) {
        return Ok(parent.id());
    }
    let mut parents: Vec<&git2::Commit> = head.into_iter().chain(parent.as_ref()).collect();
    parents.dedup_by_key(|commit| commit.id());
    let keeper = match repository.signature() {
        Ok(signature) => signature,
        // A kept tree is nobody's work: it needs no identity, and must not be refused for the lack of one.
        Err(_) => Signature::now("turnstile", "turnstile@localhost").at("make a signature", &place.top)?,
    };
    repository.commit(None, &keeper, &keeper, message, tree, &parents).at("write a kept tree", &place.top)
}

struct Keeper<'r> {
    place: &'r Place,
    base: Option<&'r Tree<'r>>,
    cleaner: Cleaner<'r>,
    secrets: &'r [Vec<u8>],
    edits: Edits,
    left_out: Vec<LeftOut>,
}

impl Keeper<'_> {
    fn take_worktree(&mut self) -> Result<(), GitError> {
        let mut seen = BTreeSet::new();
        for change in changes(self.place)? {
            self.take(&change.path)?;
            seen.insert(change.path);
        }
        for path in self.tickets()? {
            let known = self.base.is_some_and(|tree| tree.get_path(&text_to_file(&path)).is_ok());
            if !known && !seen.contains(&path) {
                self.take(&path)?;
            }
        }
        Ok(())
    }

    /// Every file of `.tickets` on the disk: git's status does not tell of ignored ones.
    fn tickets(&mut self) -> Result<Vec<String>, GitError> {
        let root = self.place.top.join(TICKETS);
        let mut found = Vec::new();
        let is_repository = |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.path().join(".git").exists();
        let mut walk = walkdir::WalkDir::new(&root).follow_links(false).follow_root_links(false).into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(&root).to_path_buf();
                    let source = error.into_io_error().unwrap_or_else(|| ErrorKind::Other.into());
                    match source.kind() {
                        ErrorKind::NotFound => continue,
                        ErrorKind::PermissionDenied => {
                            let path = self.relative(&path);
                            self.leave_out(path, 0, "cannot be read: permission denied");
                            continue;
                        }
                        _ => return Err(source).at("read the folder", &path),
                    }
                }
            };
            if entry.file_type().is_dir() && is_repository(&entry) {
                walk.skip_current_dir();
                let path = self.relative(entry.path());
                if !self.left_out.iter().any(|out| out.path.trim_end_matches('/') == path) {
                    self.leave_out(path, 0, EMBEDDED);
                }
            } else if !entry.file_type().is_dir() && entry.depth() > 0 {
                found.push(self.relative(entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn relative(&self, path: &Path) -> String {
        super::path::file_to_text(path.strip_prefix(&self.place.top).unwrap_or(path))
    }

    fn take(&mut self, path: &str) -> Result<(), GitError> {
        if let Some(folder) = path.strip_suffix('/') {
            self.leave_out(folder.to_owned(), 0, EMBEDDED);
            return Ok(());
        }
        let parts = components(path)?;
        let found = match look(self.place, &parts) {
            Err(GitError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
                self.leave_out(path.to_owned(), 0, "cannot be read: permission denied");
                return Ok(());
            }
            other => other?,
        };
        let edit = match found {
            Found::Absent | Found::Directory | Found::Special => Edit::Remove,
            Found::Link(target) => Edit::Put { id: self.cleaner.store_raw(&target)?, mode: 0o120_000 },
            Found::Repository(Some(commit)) => Edit::Put { id: library::oid(self.place, &commit)?, mode: 0o160_000 },
            Found::Repository(None) => {
                self.leave_out(path.to_owned(), 0, EMBEDDED);
                return Ok(());
            }
            Found::File(file) => {
                let known = self.base.and_then(|tree| tree.get_path(&text_to_file(path)).ok());
                let mode = self.cleaner.mode(file.executable, known.map(|entry| entry.filemode()));
                let bytes = file.bytes;
                if bytes > LARGEST {
                    self.leave_out(path.to_owned(), bytes, "larger than 50 MiB");
                    return Ok(());
                }
                let content = file.read()?;
                if self.secrets.iter().any(|secret| contains(&content, secret)) {
                    self.leave_out(path.to_owned(), bytes, "holds a secret that the agent was given");
                    return Ok(());
                }
                Edit::Put { id: self.cleaner.store(path, &content, OnFailure::StoreAsItIs)?, mode }
            }
        };
        self.edits.add(&parts, edit);
        Ok(())
    }

    fn leave_out(&mut self, path: String, bytes: u64, why: &str) {
        self.left_out.push(LeftOut { path, bytes, why: why.to_owned() });
    }
}

const EMBEDDED: &str = "a repository inside the worktree";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::git::kept::{blob, diff, forget, kept_refs, unified};
    use crate::git::testing::{TestRepo, run};

    const BEFORE: &str = "refs/turnstile/checkpoints/r/1/before";
    const AFTER: &str = "refs/turnstile/checkpoints/r/1/after";

    fn names(repo: &TestRepo, commit: &str) -> Vec<String> {
        repo.git(&["ls-tree", "-r", "--name-only", commit]).lines().map(str::to_owned).collect()
    }

    #[test]
    fn everything_that_is_not_ignored_is_kept_and_nothing_is_touched() {
        let repo = TestRepo::with(&[("a", "1\n"), ("gone", "x"), ("same", "s"), (".gitignore", "*.log\n")]);
        repo.write("a", "2\n");
        repo.write("new/deep/file", "n");
        repo.write("noise.log", "ignored");
        fs_remove(&repo, "gone");
        repo.write("staged", "in the index");
        repo.git(&["add", "staged"]);
        let (head, status) = (repo.commit_of("HEAD"), repo.git(&["status", "--porcelain"]));
        let index = std::fs::read(repo.place.git_dir.join("index")).unwrap();

        let kept = keep(&repo.place, BEFORE, "kept", None).unwrap();

        assert_eq!(names(&repo, BEFORE), [".gitignore", "a", "new/deep/file", "same", "staged"]);
        assert_eq!(blob(&repo.place, BEFORE, "a").unwrap().unwrap(), b"2\n");
        assert_eq!(repo.commit_of(BEFORE), kept.commit);
        assert_eq!(repo.commit_of("HEAD"), head);
        assert_eq!(std::fs::read(repo.place.git_dir.join("index")).unwrap(), index);
        assert_eq!(repo.git(&["status", "--porcelain"]), status);
        assert!(kept.left_out.is_empty());
        repo.git(&["fsck", "--strict"]);
    }

    fn fs_remove(repo: &TestRepo, path: &str) {
        std::fs::remove_file(repo.path(path)).unwrap();
    }

    #[test]
    fn tickets_are_kept_also_where_git_ignores_them() {
        let repo = TestRepo::with(&[(".gitignore", ".tickets/\n"), ("a", "1")]);
        repo.write(".tickets/001-x.md", "ticket");
        repo.write(".tickets/history/001-x/0001-reply/USER_REPLY.md", "reply");
        let kept = keep(&repo.place, BEFORE, "kept", None).unwrap();
        let held = [".gitignore", ".tickets/001-x.md", ".tickets/history/001-x/0001-reply/USER_REPLY.md", "a"];
        assert_eq!(names(&repo, BEFORE), held);
        assert_eq!(kept.outside_tickets, repo.commit_of("HEAD^{tree}"));
    }

    #[test]
    fn what_did_not_change_is_one_object() {
        let repo = TestRepo::with(&[("a", "1")]);
        let before = keep(&repo.place, BEFORE, "before", None).unwrap();
        let after = keep(&repo.place, AFTER, "after", Some(&before.commit)).unwrap();
        assert_eq!(before.commit, after.commit);
        repo.write("a", "2");
        let changed = keep(&repo.place, AFTER, "after", Some(&before.commit)).unwrap();
        assert_ne!(before.commit, changed.commit);
        assert_ne!(before.outside_tickets, changed.outside_tickets);
    }

    #[test]
    fn a_repository_without_a_commit_is_kept_too() {
        let repo = TestRepo::unborn();
        let empty = keep(&repo.place, BEFORE, "before", None).unwrap();
        repo.write("a", "1");
        keep(&repo.place, AFTER, "after", Some(&empty.commit)).unwrap();
        let paths: Vec<_> = diff(&repo.place, BEFORE, AFTER).unwrap().into_iter().map(|change| change.path).collect();
        assert_eq!(paths, ["a"]);
    }

    #[test]
    fn links_are_kept_as_links_and_never_followed() {
        let repo = TestRepo::with(&[("dir/file", "inside"), ("was-link", "x")]);
        std::fs::write(repo.around().join("secret"), "outside").unwrap();
        std::fs::create_dir(repo.around().join("elsewhere")).unwrap();
        std::fs::write(repo.around().join("elsewhere/file"), "outside").unwrap();
        symlink(repo.around().join("secret"), repo.path("link")).unwrap();
        std::fs::remove_dir_all(repo.path("dir")).unwrap();
        symlink(repo.around().join("elsewhere"), repo.path("dir")).unwrap();

        keep(&repo.place, BEFORE, "kept", None).unwrap();

        assert_eq!(names(&repo, BEFORE), ["dir", "link", "was-link"]);
        assert!(repo.git(&["ls-tree", BEFORE, "link"]).starts_with("120000"));
        let target = repo.around().join("secret").display().to_string();
        assert_eq!(blob(&repo.place, BEFORE, "link").unwrap().unwrap(), target.into_bytes());
    }

    #[test]
    fn large_files_secrets_and_inner_repositories_are_left_out_and_named() {
        let repo = TestRepo::with(&[("a", "1")]);
        let large = std::fs::File::create(repo.path("large")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        repo.write("env", "KEY=hunter22\n");
        std::fs::create_dir(repo.path("inner")).unwrap();
        run(&repo.path("inner"), "git", &["init", "-q"]);
        repo.write("inner/file", "x");
        run(&repo.path("inner"), "git", &["add", "."]);
        run(&repo.path("inner"), "git", &["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]);

        let kept = keep_screened(&repo.place, BEFORE, "kept", None, &[b"hunter22".to_vec()]).unwrap();

        assert_eq!(names(&repo, BEFORE), ["a"]);
        let mut named: Vec<_> = kept.left_out.iter().map(|out| (out.path.as_str(), out.bytes)).collect();
        named.sort_unstable();
        assert_eq!(named, [("env", 13), ("inner", 0), ("large", LARGEST + 1)]);
    }

    #[test]
    fn files_become_folders_and_folders_files() {
        let repo = TestRepo::with(&[("file", "x"), ("folder/inside", "y"), ("deep/er/z", "z")]);
        fs_remove(&repo, "file");
        repo.write("file/now", "folder");
        std::fs::remove_dir_all(repo.path("folder")).unwrap();
        repo.write("folder", "now a file");
        std::fs::remove_dir_all(repo.path("deep")).unwrap();
        keep(&repo.place, BEFORE, "kept", None).unwrap();
        assert_eq!(names(&repo, BEFORE), ["file/now", "folder"]);
    }

    #[test]
    fn modes_line_endings_and_odd_names_are_what_git_would_commit() {
        let repo = TestRepo::with(&[(".gitattributes", "*.txt text\n"), ("a.txt", "one\n"), ("run.sh", "x")]);
        repo.write("a.txt", "one\r\ntwo\r\n");
        repo.write("b.txt", "new\r\n");
        repo.write("raw.bin", "a\r\nb");
        std::fs::set_permissions(repo.path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let odd = crate::git::path_to_text(b"odd \xff\n name");
        std::fs::write(repo.place.top.join(text_to_file(&odd)), "odd").unwrap();

        keep(&repo.place, BEFORE, "kept", None).unwrap();

        assert_eq!(blob(&repo.place, BEFORE, &odd).unwrap().unwrap(), b"odd");
        repo.git(&["add", "-A"]);
        assert_eq!(repo.git(&["write-tree"]), repo.commit_of(&format!("{BEFORE}^{{tree}}")));
    }

    #[test]
    fn a_kept_tree_can_be_compared_listed_and_forgotten() {
        let repo = TestRepo::with(&[("a", "1\n"), ("b", "1\n")]);
        keep(&repo.place, BEFORE, "before", None).unwrap();
        repo.write("a", "2\n");
        fs_remove(&repo, "b");
        keep(&repo.place, AFTER, "after", None).unwrap();
        let changes = diff(&repo.place, BEFORE, AFTER).unwrap();
        let summary: Vec<_> =
            changes.iter().map(|c| (c.path.as_str(), c.before.is_some(), c.after.is_some())).collect();
        assert_eq!(summary, [("a", true, true), ("b", true, false)]);
        let text = unified(&repo.place, BEFORE, AFTER, &["a".to_owned()]).unwrap();
        assert!(text.contains("-1\n+2\n") && !text.contains("b/b"), "{text}");
        let refs = kept_refs(&repo.place, "refs/turnstile/checkpoints/r/").unwrap();
        assert_eq!(refs.iter().map(|kept| kept.name.as_str()).collect::<Vec<_>>(), [AFTER, BEFORE]);
        forget(&repo.place, AFTER).unwrap();
        forget(&repo.place, AFTER).unwrap();
        assert_eq!(kept_refs(&repo.place, "refs/turnstile/").unwrap().len(), 1);
        assert!(forget(&repo.place, "refs/heads/main").is_err());
        assert!(keep(&repo.place, "refs/heads/main", "never a branch", None).is_err());
    }

    #[test]
    fn a_submodule_is_kept_by_its_commit() {
        let inner = TestRepo::with(&[("x", "1")]);
        let repo = TestRepo::with(&[("a", "1")]);
        let source = inner.place.top.display().to_string();
        repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &source, "sub"]);
        repo.git(&["commit", "-qm", "submodule"]);
        repo.write("sub/x", "dirty");
        let kept = keep(&repo.place, BEFORE, "kept", None).unwrap();
        assert_eq!(kept.tree, repo.commit_of("HEAD^{tree}"), "a dirty submodule is no change of ours");
        run(&repo.path("sub"), "git", &["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "moved"]);
        keep(&repo.place, AFTER, "kept", None).unwrap();
        let moved = run(&repo.path("sub"), "git", &["rev-parse", "HEAD"]);
        assert!(repo.git(&["ls-tree", AFTER, "sub"]).contains(&moved));
    }
}

//! What a kept tree promises, with real repositories.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::git::kept::{blob, diff, kept_refs, unified};
use crate::git::testing::{TestRepo, run};

/// Without known values.
fn keep(place: &Place, name: &str, message: &str, parent: Option<&str>) -> Result<Kept, GitError> {
    super::keep(place, name, message, parent, &Screen::new(&[]))
}

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

    let known = crate::secret::Known { name: "API_KEY".into(), value: b"hunter22".to_vec() };
    let screen = Screen::new(&[known]);
    let kept = super::keep(&repo.place, BEFORE, "kept", None, &screen).unwrap();

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
    let summary: Vec<_> = changes.iter().map(|c| (c.path.as_str(), c.before.is_some(), c.after.is_some())).collect();
    assert_eq!(summary, [("a", true, true), ("b", true, false)]);
    let text = unified(&repo.place, BEFORE, AFTER, &["a".to_owned()]).unwrap();
    assert!(text.contains("-1\n+2\n") && !text.contains("b/b"), "{text}");
    let refs = kept_refs(&repo.place, "refs/turnstile/checkpoints/r/").unwrap();
    assert_eq!(refs.iter().map(|kept| kept.name.as_str()).collect::<Vec<_>>(), [AFTER, BEFORE]);
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

#[test]
fn a_file_that_left_the_index_and_is_ignored_is_not_kept() {
    let repo = TestRepo::with(&[("d/a", "1"), (".tickets/a", "1")]);
    repo.write(".gitignore", "**/a\n");
    repo.git(&["rm", "-q", "--cached", "d/a", ".tickets/a"]);
    let kept = keep(&repo.place, "refs/turnstile/checkpoints/r/1/before", "x", None).unwrap();
    let paths = repo.git(&["ls-tree", "-r", "--name-only", &kept.tree]);
    assert_eq!(paths.lines().collect::<Vec<_>>(), [".gitignore", ".tickets/a"]);
}

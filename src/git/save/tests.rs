//! What a save promises, with real repositories.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::git::branch::branch_commit;
use crate::git::save_types::{Content, SavePath};
use crate::git::testing::{TestRepo, run};

/// Without known values.
fn save(place: &Place, request: &SaveRequest) -> Result<SaveResult, GitError> {
    super::save(place, request, &Screen::new(&[]))
}

fn request(repo: &TestRepo, paths: &[&str]) -> SaveRequest {
    let path = |path: &&str| SavePath { path: (*path).to_owned(), content: Content::Worktree };
    SaveRequest {
        branch: "refs/heads/main".to_owned(),
        base: branch_commit(&repo.place, "refs/heads/main").unwrap(),
        paths: paths.iter().map(path).collect(),
        message: "001-x: done\n\nTurnstile-Run: r1\nTurnstile-Turn: 3\n".to_owned(),
        hooks: false,
        checked: false,
        max_files: 500,
        max_bytes: 50 << 20,
        marker: None,
    }
}

fn committed(repo: &TestRepo, request: &SaveRequest) -> String {
    match save(&repo.place, request).unwrap() {
        SaveResult::Committed { commit, .. } => commit,
        other => panic!("{other:?}"),
    }
}

fn status(repo: &TestRepo) -> String {
    repo.git(&["status", "--porcelain", "-uall"])
}

#[test]
fn only_the_named_paths_are_committed_and_the_rest_stays_staged() {
    let repo = TestRepo::with(&[("ours", "1"), ("gone", "1"), ("theirs", "1"), ("other", "1")]);
    repo.write("ours", "2");
    repo.write("new/file", "n");
    std::fs::remove_file(repo.path("gone")).unwrap();
    repo.write("theirs", "staged");
    repo.git(&["add", "theirs"]);
    repo.write("other", "not staged");

    let commit = committed(&repo, &request(&repo, &["ours", "new/file", "gone"]));

    assert_eq!(repo.commit_of("main"), commit);
    assert_eq!(status(&repo), " M other\nM  theirs");
    assert_eq!(
        repo.git(&["show", "--format=%an %s", "--name-status", "HEAD"]),
        "Ada 001-x: done\n\nD\tgone\nA\tnew/file\nM\tours"
    );
    assert!(repo.git(&["reflog", "-1"]).contains("commit: 001-x: done"));
    repo.git(&["fsck", "--strict"]);
}

#[test]
fn given_text_is_committed_and_the_worktree_keeps_its_own() {
    let repo = TestRepo::with(&[("t.md", "done: false\n")]);
    repo.write("t.md", "done: true\n");
    let mut wanted = request(&repo, &[]);
    wanted.paths = vec![
        SavePath { path: "t.md".to_owned(), content: Content::Text("done: false\nmore\n".to_owned()) },
        SavePath { path: "gone".to_owned(), content: Content::Remove },
    ];
    committed(&repo, &wanted);
    assert_eq!(repo.git(&["show", "HEAD:t.md"]), "done: false\nmore");
    assert_eq!(repo.read("t.md"), "done: true\n");
    assert_eq!(status(&repo), " M t.md");
}

#[test]
fn nothing_to_commit_is_clean_and_takes_back_what_was_staged() {
    let repo = TestRepo::with(&[("a", "1")]);
    repo.write("a", "2");
    repo.git(&["add", "a"]);
    repo.write("a", "1");
    assert_eq!(save(&repo.place, &request(&repo, &["a"])).unwrap(), SaveResult::Clean);
    assert_eq!(status(&repo), "");
    assert_eq!(save(&repo.place, &request(&repo, &["a", "never"])).unwrap(), SaveResult::Clean);
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn an_unborn_branch_gets_its_first_commit() {
    let repo = TestRepo::unborn();
    assert_eq!(save(&repo.place, &request(&repo, &["a"])).unwrap(), SaveResult::Clean);
    repo.write("a", "1");
    committed(&repo, &request(&repo, &["a"]));
    assert_eq!(status(&repo), "");
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn a_detached_head_and_a_linked_worktree_are_ordinary() {
    let repo = TestRepo::with(&[("a", "1")]);
    let linked = repo.around().join("linked");
    repo.git(&["worktree", "add", "-q", "--detach", &linked.display().to_string()]);
    let place = crate::git::discover(&linked).unwrap();
    assert_eq!((place.worktree.as_str(), &place.common_dir), ("linked", &repo.place.git_dir));
    std::fs::write(linked.join("a"), "2").unwrap();
    let mut wanted = request(&repo, &["a"]);
    wanted.branch = "HEAD".to_owned();
    let SaveResult::Committed { commit, .. } = save(&place, &wanted).unwrap() else { panic!("not committed") };
    assert_eq!(run(&linked, "git", &["rev-parse", "HEAD"]), commit);
    assert_eq!(run(&linked, "git", &["status", "--porcelain"]), "");
    assert_ne!(repo.commit_of("main"), commit);
}

#[test]
fn a_branch_that_is_not_checked_out_leaves_the_index_alone() {
    let repo = TestRepo::with(&[("a", "1")]);
    repo.git(&["branch", "parked"]);
    repo.write("a", "2");
    let mut wanted = request(&repo, &["a"]);
    wanted.branch = "refs/heads/parked".to_owned();
    committed(&repo, &wanted);
    assert_eq!(status(&repo), " M a");
    assert_eq!(repo.git(&["show", "parked:a"]), "2");
}

#[test]
fn a_branch_that_moved_is_not_written_over() {
    let repo = TestRepo::with(&[("a", "1")]);
    let mut wanted = request(&repo, &["a"]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "somebody else"]);
    let now = repo.commit_of("main");
    repo.write("a", "2");
    assert!(matches!(save(&repo.place, &wanted), Err(GitError::Moved { found: Some(found), .. }) if found == now));
    wanted.base = None;
    assert!(matches!(save(&repo.place, &wanted), Err(GitError::Moved { .. })));
    assert_eq!(repo.commit_of("main"), now);
}

#[test]
fn what_git_ignores_and_what_lies_behind_links_is_not_committed() {
    let repo = TestRepo::with(&[(".gitignore", "*.log\n"), ("kept.log", "1"), ("dir/file", "1"), ("a", "1")]);
    repo.git(&["add", "-f", "kept.log"]);
    repo.git(&["commit", "-qm", "tracked though ignored"]);
    repo.write("kept.log", "2");
    repo.write("noise.log", "x");
    std::fs::create_dir(repo.around().join("elsewhere")).unwrap();
    std::fs::write(repo.around().join("elsewhere/file"), "outside").unwrap();
    std::fs::remove_dir_all(repo.path("dir")).unwrap();
    symlink(repo.around().join("elsewhere"), repo.path("dir")).unwrap();
    committed(&repo, &request(&repo, &["kept.log", "noise.log", "dir/file", "dir"]));
    let held = repo.git(&["ls-tree", "-r", "HEAD", "--format=%(objectmode) %(path)"]);
    assert_eq!(held, "100644 .gitignore\n100644 a\n120000 dir\n100644 kept.log");
    assert_eq!(status(&repo), "");
    for path in ["../outside", ".git/config", "/etc/passwd"] {
        assert!(matches!(save(&repo.place, &request(&repo, &[path])), Err(GitError::BadPath { .. })), "{path}");
    }
}

#[test]
fn too_much_at_once_is_not_committed() {
    let repo = TestRepo::with(&[("a", "1")]);
    for number in 0..4 {
        repo.write(&format!("out/{number}"), "x");
    }
    repo.write("b", "x");
    let mut wanted = request(&repo, &["out/0", "out/1", "out/2", "out/3", "b"]);
    wanted.max_files = 4;
    let folders = vec!["out".to_owned(), ".".to_owned()];
    assert_eq!(save(&repo.place, &wanted).unwrap(), SaveResult::TooLarge { folders, files: 5, bytes: 5 });
    wanted.max_files = 5;
    wanted.max_bytes = 4;
    assert!(matches!(save(&repo.place, &wanted).unwrap(), SaveResult::TooLarge { .. }));
    wanted.max_bytes = 5;
    committed(&repo, &wanted);
}

#[test]
fn line_endings_are_stored_as_git_would() {
    let repo = TestRepo::with(&[(".gitattributes", "* text=auto\n"), ("a", "1\n")]);
    repo.write("a", "1\r\n2\r\n");
    repo.write("bin", b"\0\r\n");
    committed(&repo, &request(&repo, &["a", "bin"]));
    assert_eq!(repo.git(&["cat-file", "-p", "HEAD:a"]), "1\n2");
    assert_eq!(status(&repo), "");
    let bytes = crate::git::worktree_bytes(&repo.place, "a", &repo.commit_of("HEAD:a")).unwrap();
    assert_eq!(bytes, b"1\n2\n");
}

#[test]
fn a_filter_is_run_and_without_it_nothing_is_committed_raw() {
    let repo = TestRepo::with(&[(".gitattributes", "*.bin filter=shout\n"), ("a", "1")]);
    repo.write("x.bin", "quiet");
    repo.write("y.bin", "quiet");
    let wanted = request(&repo, &["x.bin", "y.bin"]);
    let refused = save(&repo.place, &wanted);
    assert!(matches!(refused, Err(GitError::Filter { paths, .. }) if paths == ["x.bin", "y.bin"]));
    repo.git(&["config", "filter.shout.clean", "tr a-z A-Z"]);
    committed(&repo, &wanted);
    assert_eq!(repo.git(&["cat-file", "-p", "HEAD:x.bin"]), "QUIET");
    assert_eq!(status(&repo), "");
    repo.write("x.bin", "again");
    repo.git(&["config", "filter.shout.clean", "false"]);
    repo.git(&["config", "filter.shout.required", "true"]);
    assert!(matches!(save(&repo.place, &request(&repo, &["x.bin"])), Err(GitError::Filter { .. })));
}

#[test]
fn hooks_see_exactly_the_commit_and_may_change_it() {
    let repo = TestRepo::with(&[("a", "1"), ("staged", "1")]);
    repo.hook("pre-commit", "git diff --cached --name-only > seen; echo formatted > a; git add a");
    repo.hook("commit-msg", "echo 'Reviewed-by: hook' >> \"$1\"");
    repo.write("a", "2");
    repo.write("staged", "2");
    repo.git(&["add", "staged"]);
    let mut wanted = request(&repo, &["a"]);
    wanted.hooks = true;
    committed(&repo, &wanted);
    assert_eq!(repo.read("seen"), "a\n");
    assert_eq!(repo.git(&["show", "HEAD:a"]), "formatted");
    assert!(repo.git(&["log", "-1", "--format=%B"]).ends_with("Reviewed-by: hook"));
    assert_eq!(status(&repo), "M  staged\n?? seen");
    wanted.hooks = false;
    wanted.base = Some(repo.commit_of("HEAD"));
    repo.write("a", "unseen");
    committed(&repo, &wanted);
    assert_eq!(repo.git(&["show", "HEAD:a"]), "unseen");
}

#[test]
fn a_failing_hook_refuses_with_its_words() {
    let repo = TestRepo::with(&[("a", "1")]);
    repo.hook("pre-commit", "echo no tabs please >&2; exit 3");
    repo.write("a", "2");
    let mut wanted = request(&repo, &["a"]);
    wanted.hooks = true;
    let why = "hook pre-commit: exit 3".to_owned();
    let refused = SaveResult::Refused { why, output: "no tabs please".to_owned() };
    assert_eq!(save(&repo.place, &wanted).unwrap(), refused);
    assert_eq!(status(&repo), " M a");
    assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]), "1");
    let left: Vec<_> =
        std::fs::read_dir(&repo.place.git_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("turnstile-")), "{left:?}");
}

#[test]
fn our_own_calls_run_no_hook() {
    let repo = TestRepo::with(&[("a", "1")]);
    for name in ["post-index-change", "pre-commit", "post-commit", "reference-transaction"] {
        repo.hook(name, "touch ran");
    }
    let evil = repo.path("evil.sh");
    repo.git(&["config", "core.fsmonitor", &format!("touch {}", evil.display())]);
    repo.write("a", "2");
    committed(&repo, &request(&repo, &["a"]));
    crate::git::changes(&repo.place).unwrap();
    assert!(!repo.path("ran").exists() && !evil.exists());
}

#[test]
fn signed_as_git_is_told_to_or_not_at_all() {
    let repo = TestRepo::with(&[("a", "1")]);
    let key = repo.around().join("key");
    run(repo.around(), "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &key.display().to_string()]);
    repo.git(&["config", "gpg.format", "ssh"]);
    repo.git(&["config", "user.signingKey", &key.display().to_string()]);
    repo.git(&["config", "commit.gpgSign", "true"]);
    repo.write("a", "2");
    let commit = committed(&repo, &request(&repo, &["a"]));
    assert!(repo.git(&["cat-file", "-p", &commit]).contains("gpgsig -----BEGIN SSH SIGNATURE"));
    repo.git(&["config", "user.signingKey", "/nowhere"]);
    repo.write("a", "3");
    assert!(matches!(save(&repo.place, &request(&repo, &["a"])), Err(GitError::Signing { .. })));
    assert_eq!(repo.commit_of("main"), commit);
}

#[test]
fn without_an_identity_nothing_is_committed() {
    let repo = TestRepo::with(&[("a", "1")]);
    repo.git(&["config", "--unset", "user.email"]);
    repo.write("a", "2");
    assert!(matches!(save(&repo.place, &request(&repo, &["a"])), Err(GitError::Identity { .. })));
    repo.git(&["config", "user.email", "ada@example.org"]);
    repo.git(&["config", "author.name", "Grace"]);
    committed(&repo, &request(&repo, &["a"]));
    assert_eq!(repo.git(&["log", "-1", "--format=%an %cn"]), "Grace Ada");
}

#[test]
fn a_foreign_lock_is_waited_for_reported_and_left() {
    let repo = TestRepo::with(&[("a", "1")]);
    repo.write("a", "2");
    let lock = repo.place.git_dir.join("index.lock");
    std::fs::write(&lock, "").unwrap();
    let marker = repo.around().join("marker");
    let mut wanted = request(&repo, &["a"]);
    wanted.marker = Some(marker.clone());
    assert!(matches!(save(&repo.place, &wanted), Err(GitError::Locked { path, .. }) if path == lock));
    assert!(lock.exists() && !marker.exists());
    assert_eq!(status(&repo), " M a");
    let remover = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        std::fs::remove_file(lock).unwrap();
    });
    committed(&repo, &wanted);
    remover.join().unwrap();
}

#[test]
fn a_commit_is_found_by_its_subject_and_trailers() {
    let repo = TestRepo::with(&[("a", "1")]);
    let base = repo.commit_of("HEAD");
    repo.write("a", "2");
    let commit = committed(&repo, &request(&repo, &["a"]));
    repo.git(&["commit", "-q", "--allow-empty", "-m", "later"]);
    let trailer = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let wanted = [trailer("Turnstile-Run", "r1"), trailer("Turnstile-Turn", "3")];
    let find = |base: Option<&str>, wanted: &[(String, String)], subject: &str| {
        find_saved(&repo.place, "refs/heads/main", base, wanted, subject).unwrap()
    };
    assert_eq!(find(Some(&base), &wanted, "001-x: done"), Some(commit.clone()));
    assert_eq!(find(None, &wanted, "001-x: done"), Some(commit.clone()));
    assert_eq!(find(Some(&commit), &wanted, "001-x: done"), None, "what lies before the base does not count");
    assert_eq!(find(Some(&base), &wanted, "001-x: waits"), None);
    assert_eq!(find(Some(&base), &[trailer("Turnstile-Turn", "30")], "001-x: done"), None);
}

#[test]
fn a_commit_whose_message_a_hook_added_to_is_found() {
    let repo = TestRepo::with(&[("a", "1")]);
    let base = repo.commit_of("HEAD");
    let trailer = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let wanted = [trailer("Turnstile-Run", "r"), trailer("Turnstile-Turn", "3")];
    for message in [
        "001-x: done\n\nTurnstile-Run: r\nTurnstile-Turn: 3\nseen by a hook\n",
        "PROJ-7 001-x: done\n\nseen by a hook\n\nTurnstile-Run: r\nTurnstile-Turn: 3\n\nChange-Id: I1\n",
    ] {
        repo.git(&["reset", "-q", "--hard", &base]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", message]);
        let found = find_saved(&repo.place, "refs/heads/main", Some(&base), &wanted, "001-x: done").unwrap();
        assert_eq!(found, Some(repo.commit_of("HEAD")), "{message}");
        let other = [trailer("Turnstile-Run", "r"), trailer("Turnstile-Turn", "30")];
        let found = find_saved(&repo.place, "refs/heads/main", Some(&base), &other, "001-x: done").unwrap();
        assert_eq!(found, None, "{message}");
    }
}

#[test]
fn submodules_go_on_and_inner_repositories_stay_out() {
    let inner = TestRepo::with(&[("x", "1")]);
    let repo = TestRepo::with(&[("a", "1")]);
    let source = inner.place.top.display().to_string();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &source, "sub"]);
    repo.git(&["commit", "-qm", "submodule"]);
    run(
        &repo.path("sub"),
        "git",
        &["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x", "--allow-empty"],
    );
    run(&repo.place.top, "git", &["clone", "-q", &source, "embedded"]);
    committed(&repo, &request(&repo, &["sub", "embedded", "embedded/"]));
    assert_eq!(status(&repo), "?? embedded/");
    assert!(repo.git(&["ls-tree", "HEAD", "sub"]).starts_with("160000"));
}

#[test]
fn the_executable_bit_is_committed() {
    let repo = TestRepo::with(&[("run.sh", "x")]);
    std::fs::set_permissions(repo.path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    committed(&repo, &request(&repo, &["run.sh"]));
    assert!(repo.git(&["ls-tree", "HEAD", "run.sh"]).starts_with("100755"));
    assert_eq!(status(&repo), "");
}

#[test]
fn without_file_modes_the_known_bit_stays() {
    let repo = TestRepo::with(&[("a", "1"), ("run.sh", "x")]);
    repo.git(&["update-index", "--chmod=+x", "run.sh"]);
    repo.git(&["commit", "-qm", "executable"]);
    repo.git(&["config", "core.fileMode", "false"]);
    repo.write("run.sh", "y");
    repo.write("a", "2");
    std::fs::set_permissions(repo.path("a"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let kept = crate::git::keep(&repo.place, "refs/turnstile/x", "kept", None, &Screen::new(&[])).unwrap();
    let SaveResult::Committed { tree, .. } = save(&repo.place, &request(&repo, &["a", "run.sh"])).unwrap() else {
        panic!("not committed")
    };
    assert_eq!(kept.tree, tree);
    assert_eq!(repo.git(&["ls-tree", "--format=%(objectmode)", "HEAD"]), "100644\n100755");
}

#[test]
fn a_commit_that_would_add_a_secret_is_refused_and_says_where_it_is() {
    let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    let repo = TestRepo::with(&[("a", "1\n"), ("known", &format!("{token}\n"))]);
    repo.write("a", format!("1\n2 {token}\n"));
    repo.write("b", "3 hunter22hunter22");
    repo.write("known", format!("more\n{token}\n"));
    let value = crate::secret::Known { name: "API_KEY".into(), value: b"hunter22hunter22".to_vec() };

    let refused = super::save(&repo.place, &request(&repo, &["a", "b", "known"]), &Screen::new(&[value])).unwrap();

    let SaveResult::Refused { why, output } = refused else { panic!("{refused:?}") };
    assert!(why.contains("take it out of the file, or commit the file yourself"), "{why}");
    assert_eq!(output, "a:2: GitHub token\nb:1: API_KEY");
    // What is there already is not added.
    assert!(matches!(save(&repo.place, &request(&repo, &["known"])).unwrap(), SaveResult::Committed { .. }));
}

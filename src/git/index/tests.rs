use super::*;
use crate::git::testing::TestRepo;

/// The state after a kill: the lock is held, the index is prepared, the branch has moved or not.
fn killed(repo: &TestRepo, moved: bool) -> (PathBuf, String) {
    let marker = repo.around().join("marker");
    repo.write("a", "2");
    let blob = repo.git(&["hash-object", "-w", "a"]);
    repo.git(&["add", "a"]);
    let tree = repo.git(&["write-tree"]);
    repo.git(&["reset", "-q"]);
    let commit = repo.git(&["commit-tree", "-p", "HEAD", "-m", "ours", &tree]);
    let lock = IndexLock::take(&repo.place, "refs/heads/main", &commit, Some(&marker)).unwrap();
    let entries = [("a".to_owned(), Some(Blob { id: blob, mode: 0o100_644 }))];
    lock.prepare(&library::open(&repo.place).unwrap(), &entries).unwrap();
    if moved {
        repo.git(&["update-ref", "refs/heads/main", &commit]);
    }
    (marker, commit)
}

fn left_behind(repo: &TestRepo) -> Vec<String> {
    let names = fs::read_dir(&repo.place.git_dir).unwrap().map(|entry| entry.unwrap().file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.contains("lock") || name.contains("turnstile"))
        .collect()
}

#[test]
fn a_save_killed_after_the_branch_moved_is_finished() {
    let repo = TestRepo::with(&[("a", "1"), ("b", "1")]);
    let (marker, commit) = killed(&repo, true);
    assert_eq!(recover_save(&repo.place, &marker).unwrap(), Some(Recovered::Finished { commit }));
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    assert_eq!(left_behind(&repo), Vec::<String>::new());
    assert_eq!(recover_save(&repo.place, &marker).unwrap(), None);
}

#[test]
fn a_save_killed_before_the_branch_moved_is_undone() {
    let repo = TestRepo::with(&[("a", "1")]);
    let (marker, commit) = killed(&repo, false);
    let branch_lock = repo.place.common_dir.join("refs/heads/main.lock");
    fs::write(&branch_lock, format!("{commit}\n")).unwrap();
    assert_eq!(recover_save(&repo.place, &marker).unwrap(), Some(Recovered::Undone));
    assert_eq!(repo.git(&["status", "--porcelain"]), " M a");
    assert_eq!(left_behind(&repo), Vec::<String>::new());
    assert!(!branch_lock.exists());
}

#[test]
fn a_lock_of_somebody_else_is_not_removed() {
    let repo = TestRepo::with(&[("a", "1")]);
    let (marker, _) = killed(&repo, false);
    let (lock, branch_lock) =
        (repo.place.git_dir.join("index.lock"), repo.place.common_dir.join("refs/heads/main.lock"));
    for foreign in ["", "turnstile-1-1 somebody\n"] {
        let text = fs::read(&marker);
        fs::write(&lock, foreign).unwrap();
        fs::write(&branch_lock, foreign).unwrap();
        // Whoever has taken the lock of a branch writes to it within a moment.
        let busy = branch_lock.clone();
        let somebody = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            fs::write(busy, "another commit\n").unwrap();
        });
        recover_save(&repo.place, &marker).unwrap();
        assert!(lock.exists() && branch_lock.exists(), "{foreign:?}");
        somebody.join().unwrap();
        fs::write(&marker, text.unwrap()).unwrap();
    }
}

#[test]
fn an_empty_lock_of_the_branch_that_nobody_writes_to_is_our_dead_commits() {
    let repo = TestRepo::with(&[("a", "1")]);
    let (marker, _) = killed(&repo, false);
    let branch_lock = repo.place.common_dir.join("refs/heads/main.lock");
    fs::write(&branch_lock, "").unwrap();
    recover_save(&repo.place, &marker).unwrap();
    assert!(!branch_lock.exists());
}

#[test]
fn the_locks_of_an_adoption_that_was_killed_are_removed_and_no_others() {
    let repo = TestRepo::with(&[("a", "1")]);
    let since = repo.around().join("started");
    fs::write(&since, "").unwrap();
    let commit = repo.commit_of("HEAD");
    let locks = ["refs/heads/main", "HEAD"].map(|name| reference_lock(&repo.place, name));
    let recover = || recover_adopt(&repo.place, "refs/heads/main", &commit, &since).unwrap();
    fs::write(&locks[0], format!("{commit}\n")).unwrap();
    fs::write(&locks[1], "ref: refs/heads/main\n").unwrap();
    recover();
    assert!(locks.iter().all(|lock| !lock.exists()));
    for lock in &locks {
        fs::write(lock, "somebody else's\n").unwrap();
    }
    recover();
    assert!(locks.iter().all(|lock| lock.exists()));
}

#[test]
fn a_lock_that_could_not_be_let_go_of_as_it_was_taken_is_found_by_its_marker() {
    let repo = TestRepo::with(&[("a", "1")]);
    let (file, lock) = (repo.around().join("marker"), repo.place.git_dir.join("index.lock"));
    let take = || IndexLock::take(&repo.place, "refs/heads/main", &repo.commit_of("HEAD"), Some(&file)).unwrap();
    take().give_up().unwrap();
    assert!(lock.exists() && file.exists());
    assert_eq!(recover_save(&repo.place, &file).unwrap(), Some(Recovered::Finished { commit: repo.commit_of("HEAD") }));
    assert!(!lock.exists() && !file.exists());
    let held = take();
    fs::write(&lock, "somebody else's\n").unwrap();
    held.give_up().unwrap();
    assert!(lock.exists() && !file.exists(), "nothing of ours is left");
}

#[test]
fn a_marker_that_cannot_be_read_is_not_taken_for_none() {
    let repo = TestRepo::with(&[("a", "1")]);
    let marker = repo.around().join("marker");
    fs::write(&marker, "{").unwrap();
    assert!(matches!(recover_save(&repo.place, &marker), Err(GitError::Io { .. })));
    assert!(marker.exists());
}

#[test]
fn folders_and_files_change_places_in_the_index() {
    let repo = TestRepo::with(&[("file", "1"), ("folder/inside", "1")]);
    let id = repo.commit_of("HEAD:file");
    let put = |path: &str| (path.to_owned(), Some(Blob { id: id.clone(), mode: 0o100_644 }));
    let gone = |path: &str| (path.to_owned(), None);
    let lock = IndexLock::take(&repo.place, "refs/heads/main", &repo.commit_of("HEAD"), None).unwrap();
    let entries = [put("file/now"), gone("file"), put("folder"), gone("folder/inside")];
    lock.prepare(&library::open(&repo.place).unwrap(), &entries).unwrap();
    lock.publish().unwrap();
    assert_eq!(repo.git(&["ls-files"]), "file/now\nfolder");
    assert_eq!(left_behind(&repo), Vec::<String>::new());
}

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

const CONFIG: &str = ".tickets/config.yaml";

fn by() -> TrustedBy {
    TrustedBy { who: "ada".to_owned(), at: "2026-11-30T12:00:00Z".to_owned() }
}

fn item(path: &str, content: &str) -> TrustItem {
    TrustItem { path: path.to_owned(), content: Some(content.into()) }
}

fn copy(text: &str) -> StoredCopy {
    let files = BTreeMap::from([(CONFIG.to_owned(), text.into())]);
    StoredCopy { reference: "refs/heads/main".to_owned(), commit: "c".to_owned(), by: by(), files }
}

/// A git directory in which a copy is stored, and something is trusted besides.
fn room() -> (tempfile::TempDir, PathBuf) {
    let room = tempfile::tempdir().unwrap();
    trust(room.path(), &[item(".mcp.json", "one")], false, &by()).unwrap().unwrap();
    store_copy(room.path(), &copy("copied")).unwrap().unwrap();
    let folder = room.path().join("turnstile/trusted");
    (room, folder)
}

#[test]
fn a_copy_outlives_what_is_trusted_afterwards_also_where_it_cannot_be_read_for_now() {
    let (room, folder) = room();
    trust(room.path(), &[item(".mcp.json", "two")], false, &by()).unwrap().unwrap();
    assert_eq!(stored_copy(room.path()).unwrap().unwrap(), Some(copy("copied")));
    let list = fs::read(folder.join(COPY)).unwrap();
    fs::write(folder.join(COPY), "{").unwrap();
    trust(room.path(), &[item(".mcp.json", "three")], false, &by()).unwrap().unwrap();
    fs::write(folder.join(COPY), list).unwrap();
    assert_eq!(stored_copy(room.path()).unwrap().unwrap(), Some(copy("copied")));
    // What nothing names any more goes.
    store_copy(room.path(), &copy("another")).unwrap().unwrap();
    trust(room.path(), &[item(".mcp.json", "three")], false, &by()).unwrap().unwrap();
    assert!(!folder.join(content_name(&digest_of_content(b"copied")).unwrap()).exists());
}

#[test]
fn a_copy_that_was_made_elsewhere_or_is_not_whole_is_none() {
    let (room, folder) = room();
    let other = tempfile::tempdir().unwrap();
    trust(other.path(), &[item(".mcp.json", "one")], false, &by()).unwrap().unwrap();
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != LOCK) {
        fs::copy(entry.path(), other.path().join("turnstile/trusted").join(entry.file_name())).unwrap();
    }
    let refused = stored_copy(other.path()).unwrap().unwrap_err();
    assert!(refused.why.contains("was not made here"), "{refused}");
    let content = folder.join(content_name(&digest_of_content(b"copied")).unwrap());
    for spoil in [|path: &Path| fs::write(path, "evil").unwrap(), |path: &Path| fs::remove_file(path).unwrap()] {
        spoil(&content);
        let refused = stored_copy(room.path()).unwrap().unwrap_err();
        assert!(refused.why.contains("is missing, or is not what was stored"), "{refused}");
    }
}

#[test]
fn a_list_with_a_second_name_or_of_a_size_that_nobody_has_trusts_nothing() {
    let (room, folder) = room();
    fs::hard_link(folder.join(LIST), room.path().join("second")).unwrap();
    assert!(read_trust(room.path()).unwrap().unwrap_err().why.contains("cannot be used"));
    fs::remove_file(room.path().join("second")).unwrap();
    assert_eq!(read_trust(room.path()).unwrap().unwrap().len(), 1);
    let mut list = fs::read(folder.join(LIST)).unwrap();
    list.resize(usize::try_from(LIST_CAP).unwrap() + 1, b' ');
    fs::write(folder.join(LIST), list).unwrap();
    assert!(read_trust(room.path()).unwrap().unwrap_err().why.contains("cannot be used"));
}

#[test]
fn of_many_contents_of_one_path_the_last_stay_trusted() {
    let room = tempfile::tempdir().unwrap();
    for number in 0..=MOST {
        trust(room.path(), &[item(CONFIG, &number.to_string())], false, &by()).unwrap().unwrap();
    }
    let known = &read_trust(room.path()).unwrap().unwrap()[CONFIG];
    let digest = |number: usize| digest_of_content(number.to_string().as_bytes());
    assert_eq!(known.len(), MOST);
    assert!(!known.contains(&digest(0)) && known.contains(&digest(1)) && known.last() == Some(&digest(MOST)));
}

#[test]
fn two_who_trust_at_once_lose_nothing_of_each_other() {
    let room = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for who in ["a", "b", "c"] {
            let common_dir = room.path();
            scope.spawn(move || {
                for number in 0..20 {
                    trust(common_dir, &[item(&format!("{who}/{number}"), who)], false, &by()).unwrap().unwrap();
                }
            });
        }
    });
    assert_eq!(read_trust(room.path()).unwrap().unwrap().len(), 60);
}

#[test]
fn a_lock_that_is_a_link_leads_nobody_elsewhere() {
    let (room, folder) = room();
    let elsewhere = room.path().join("elsewhere");
    fs::remove_file(folder.join(LOCK)).unwrap();
    symlink(&elsewhere, folder.join(LOCK)).unwrap();
    assert!(trust(room.path(), &[item(CONFIG, "x")], false, &by()).is_err());
    assert!(!elsewhere.exists());
}

use super::*;
use crate::git::library;
use crate::git::testing::TestRepo;

fn answers(repo: &TestRepo) -> bool {
    look(&repo.place, &library::open(&repo.place).unwrap()).is_some()
}

#[test]
fn an_ordinary_repository_is_looked_at_here() {
    let repo = TestRepo::with(&[(".gitignore", "out/\n*.log\n!keep.log\n"), ("d/a", "1"), ("b", "1")]);
    repo.write("out/x", "");
    repo.write("d/x.log", "");
    repo.write("d/keep.log", "");
    repo.write("b", "2");
    let seen = look(&repo.place, &library::open(&repo.place).unwrap()).unwrap();
    assert_eq!(seen.tracked, BTreeMap::from([(b"b".to_vec(), (b'.', b'M'))]));
    assert_eq!(seen.untracked, [b"d/keep.log".to_vec()]);
    assert!(answers(&TestRepo::unborn()));
}

#[test]
fn same_size_and_same_moment_is_no_proof_of_no_change() {
    let repo = TestRepo::with(&[("a", "1")]);
    for content in ["2", "1", "3"] {
        repo.write("a", content);
        let index = std::fs::File::options().append(true).open(repo.place.git_dir.join("index")).unwrap();
        let moment = std::fs::metadata(repo.path("a")).unwrap().modified().unwrap();
        index.set_modified(moment).unwrap();
        let seen = look(&repo.place, &library::open(&repo.place).unwrap()).unwrap();
        assert_eq!(seen.tracked.is_empty(), content == "1", "{content}");
    }
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_the_program() {
    type Change = fn(&TestRepo);
    let cases: [(&str, Change); 13] = [
        ("names without case", |repo| drop(repo.git(&["config", "core.ignoreCase", "true"]))),
        ("no modes", |repo| drop(repo.git(&["config", "core.fileMode", "false"]))),
        ("no links", |repo| drop(repo.git(&["config", "core.symlinks", "false"]))),
        ("a condition", |repo| drop(repo.git(&["config", "includeIf.onbranch:x.path", "x"]))),
        ("a sparse checkout", |repo| drop(repo.git(&["sparse-checkout", "set", "d"]))),
        ("a split index", |repo| drop(repo.git(&["update-index", "--split-index"]))),
        ("an index of version 4", |repo| drop(repo.git(&["update-index", "--index-version=4"]))),
        ("an assumption", |repo| drop(repo.git(&["update-index", "--assume-unchanged", "a"]))),
        ("an intention", |repo| {
            repo.write("new", "");
            repo.git(&["add", "-N", "new"]);
        }),
        ("a repository inside", |repo| {
            std::fs::create_dir_all(repo.path("inside/.git")).unwrap();
        }),
        ("a pattern with corners", |repo| {
            repo.write(".gitignore", "[xy]");
            repo.git(&["add", ".gitignore"]);
            repo.write("z", "");
        }),
        ("a conversion", |repo| {
            repo.write(".gitattributes", "* text=auto\n");
            repo.git(&["add", ".gitattributes"]);
            repo.write("a", "1\r\n");
        }),
        ("a file that became a pipe", |repo| {
            std::fs::remove_file(repo.path("a")).unwrap();
            let path = repo.path("a");
            rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        }),
    ];
    for (what, change) in cases {
        let repo = TestRepo::with(&[("a", "1\n"), ("d/a", "1\n")]);
        assert!(answers(&repo), "before: {what}");
        change(&repo);
        assert!(!answers(&repo), "{what}");
        crate::git::changes(&repo.place).unwrap();
    }
}

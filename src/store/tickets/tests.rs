use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;
use crate::diagnostic::{Code, Diagnostic};

/// A reader whose only fault is the text itself, so that tests see what was read.
fn reader(source: &Source) -> Read {
    let fault = Diagnostic::of_file(Code::NoFrontmatter, source.path.clone(), source.text.to_string());
    Read { ticket: None, diagnostics: vec![fault], ..read_ticket(source) }
}

fn never(source: &Source) -> Read {
    panic!("{} was read again", source.path)
}

fn worktree(files: &[(&str, &str)]) -> (tempfile::TempDir, Layout) {
    let room = tempfile::tempdir().unwrap();
    let layout = Layout::main(room.path(), room.path().join(".git"));
    for (name, text) in files {
        put(&layout, name, text);
    }
    (room, layout)
}

fn put(layout: &Layout, name: &str, text: &str) -> PathBuf {
    let path = layout.tickets().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn shown(scanned: &Scanned) -> Vec<String> {
    scanned
        .known_reads()
        .iter()
        .map(|read| {
            let fault = &read.diagnostics[0];
            format!("{} {} {}", read.id.as_str(), fault.code, fault.message)
        })
        .collect()
}

fn fresh(layout: &Layout) -> Vec<String> {
    let mut scanned = Scanned::default();
    scan_with(layout, &mut scanned, reader).unwrap();
    shown(&scanned)
}

#[test]
fn tickets_are_the_md_files_that_are_not_reserved_in_natural_order() {
    let (_room, layout) = worktree(&[
        ("10-b.md", "ten"),
        ("2-a.md", "two"),
        ("auth/010-login.md", "login"),
        ("auth/deep/1.md", "one"),
        ("auth/context/1.md", "an epic may be called so"),
        ("README.md", "-"),
        ("auth/README.md", "-"),
        ("USER_REPLY.md", "-"),
        ("DISPATCH.md", "-"),
        ("_draft.md", "-"),
        (".hidden.md", "-"),
        ("_later/1.md", "-"),
        ("config.yaml", "-"),
        ("notes.txt", "-"),
        ("context/spec.md", "-"),
        ("templates/turn.md", "-"),
        ("outbox/DISPATCH.md", "-"),
        ("reply/a.md", "-"),
        ("history/2-a/0001-dispatch/DISPATCH.md", "-"),
    ]);
    assert_eq!(
        fresh(&layout),
        [
            "2-a E001 two",
            "10-b E001 ten",
            "auth/010-login E001 login",
            "auth/context/1 E001 an epic may be called so",
            "auth/deep/1 E001 one"
        ]
    );
}

#[test]
fn without_the_folder_there_are_no_tickets() {
    let (_room, layout) = worktree(&[]);
    assert_eq!(fresh(&layout), [""; 0]);
}

#[test]
fn what_is_not_read_stands_in_its_place_and_says_why() {
    let (room, layout) = worktree(&[("1-ok.md", "ok"), ("3-latin.md", "")]);
    std::fs::write(room.path().join("secret.md"), "secret").unwrap();
    std::fs::write(layout.tickets().join("3-latin.md"), b"caf\xe9").unwrap();
    symlink(room.path().join("secret.md"), layout.tickets().join("2-link.md")).unwrap();
    symlink(room.path(), layout.tickets().join("epic")).unwrap();
    symlink("nowhere", layout.tickets().join("notes")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        layout.tickets().join("4-pipe.md"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let sparse = std::fs::File::create(layout.tickets().join("5-sparse.md")).unwrap();
    sparse.set_len(30 << 30).unwrap();
    put(&layout, "6-full.md", &"x".repeat(1 << 20));
    let found = fresh(&layout);
    assert_eq!(
        found.iter().map(|line| line.get(..line.len().min(80)).unwrap()).collect::<Vec<_>>(),
        [
            "1-ok E001 ok",
            "2-link E016 a symbolic link, which is never followed",
            "3-latin E015 not UTF-8: byte 3 begins no character",
            "4-pipe E016 not a regular file",
            "5-sparse E014 32212254720 bytes, more than 1 MiB",
            &format!("6-full E001 {}", "x".repeat(68)),
            "epic E016 a symbolic link, which is never followed",
        ]
    );
}

#[test]
fn a_linked_tickets_folder_is_named_and_not_entered() {
    let (room, layout) = worktree(&[]);
    std::fs::create_dir(room.path().join("elsewhere")).unwrap();
    std::fs::write(room.path().join("elsewhere/1.md"), "secret").unwrap();
    symlink("elsewhere", layout.tickets()).unwrap();
    assert_eq!(fresh(&layout), [".tickets E016 a symbolic link, which is never followed"]);
}

#[test]
fn a_second_look_reads_only_what_changed() {
    let (_room, layout) = worktree(&[("1.md", "a"), ("2.md", "b"), ("3.md", "c")]);
    let mut scanned = Scanned::default();
    std::thread::sleep(RACY * 3);
    scan_with(&layout, &mut scanned, reader).unwrap();
    let first = shown(&scanned);
    scan_with(&layout, &mut scanned, never).unwrap();
    assert_eq!(shown(&scanned), first);

    std::fs::remove_file(layout.tickets().join("2.md")).unwrap();
    put(&layout, "3.md", "d");
    put(&layout, "0.md", "new");
    scan_with(&layout, &mut scanned, reader).unwrap();
    assert_eq!(shown(&scanned), ["0 E001 new", "1 E001 a", "3 E001 d"]);
}

#[test]
fn a_file_that_is_written_again_and_again_is_read_every_time() {
    let (_room, layout) = worktree(&[]);
    let mut scanned = Scanned::default();
    for round in 0..200 {
        let text = format!("{round:03}");
        put(&layout, "1.md", &text);
        scan_with(&layout, &mut scanned, reader).unwrap();
        assert_eq!(shown(&scanned), [format!("1 E001 {text}")]);
    }
}

#[test]
fn a_stamp_is_kept_once_it_is_older_than_a_tick_of_the_clock() {
    let (_room, layout) = worktree(&[("1.md", "a")]);
    let changed = std::fs::metadata(layout.tickets().join("1.md")).unwrap().modified().unwrap();
    let tasks = match_up(discover(&layout).unwrap(), &Scanned::default());
    for (later, kept) in [(0, false), (9, false), (11, true)] {
        let looked = look_at_some(&layout, &tasks, reader, changed + Duration::from_millis(later));
        let Some(Ok(Looked::Read(_, stamp))) = looked.first() else { panic!("one ticket was read") };
        assert_eq!(stamp.is_some(), kept, "{later} ms later");
    }
}

#[test]
fn many_tickets_are_read_by_several_threads_in_the_same_order() {
    let (_room, layout) = worktree(&[]);
    for number in 0..1000 {
        put(&layout, &format!("e{}/{number}.md", number % 3), &number.to_string());
    }
    let found = fresh(&layout);
    assert_eq!(found.len(), 1000);
    assert_eq!(found[0], "e0/0 E001 0");
    assert_eq!(found[1], "e0/3 E001 3");
    assert_eq!(found[999], "e2/998 E001 998");
}

/// A program, and what it keeps of a worktree.
fn kept(layout: &Layout) -> (PathBuf, Scanned) {
    let program = layout.top.join("program");
    std::fs::write(&program, "1").unwrap();
    std::thread::sleep(RACY * 3);
    let mut scanned = Scanned::default();
    scan_with(layout, &mut scanned, reader).unwrap();
    scanned.keep(layout, &program, None).unwrap();
    (program, scanned)
}

/// What is kept, taken apart.
fn loaded(layout: &Layout, program: &Path) -> Scanned {
    let mut scanned = Scanned::load(layout, program);
    scanned.unpack();
    scanned
}

#[test]
fn another_process_reads_only_what_changed_since_the_last_one_kept_it() {
    let (_room, layout) = worktree(&[("1.md", "a"), ("2.md", "b"), ("3.md", "c")]);
    let (program, first) = kept(&layout);
    let mut second = Scanned::load(&layout, &program);
    scan_with(&layout, &mut second, never).unwrap();
    assert_eq!(second.known_reads(), first.known_reads());

    put(&layout, "2.md", "other");
    let mut third = Scanned::load(&layout, &program);
    scan_with(&layout, &mut third, reader).unwrap();
    assert_eq!(shown(&third), ["1 E001 a", "2 E001 other", "3 E001 c"]);
}

#[test]
fn everything_that_a_reader_says_of_a_ticket_is_kept() {
    let ugly = "---\ntitle: \"a \\u001b b\"\ndone: maybe\npriority: 9\ndepends_on: [1, x]\ncontext: [{path: a, max_bytes: 3}]\n\
                limits: {turns: 3, time: 5m}\nunknown: 1\n---\n\u{202e} body\n";
    let (_room, layout) = worktree(&[("1.md", ugly), ("2.md", "---\ndone: true\n---\n# x\n")]);
    let program = layout.top.join("program");
    std::fs::write(&program, "1").unwrap();
    std::thread::sleep(RACY * 3);
    let mut scanned = Scanned::default();
    scan(&layout, &mut scanned).unwrap();
    assert!(scanned.known_reads()[0].diagnostics.len() > 3);
    scanned.keep(&layout, &program, None).unwrap();
    let mut again = Scanned::load(&layout, &program);
    scan_with(&layout, &mut again, never).unwrap();
    assert_eq!(again.known_reads(), scanned.known_reads());
}

#[test]
fn what_another_program_kept_or_what_is_damaged_is_read_anew() {
    let (_room, layout) = worktree(&[("1.md", "a"), ("2.md", "b")]);
    let (program, first) = kept(&layout);
    let file = layout.ticket_cache();
    let whole = std::fs::read(&file).unwrap();
    let loads = || loaded(&layout, &program).known_reads().len();
    assert_eq!(loads(), first.known_reads().len());
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&file, &damaged).unwrap();
        assert_eq!(loads(), 0, "byte {at}");
        std::fs::write(&file, &whole[..at]).unwrap();
        assert_eq!(loads(), 0, "cut at {at}");
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(loads(), 2);
    std::fs::write(&program, "2").unwrap();
    assert_eq!(loads(), 0, "another program");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(loads(), 0, "none");
}

#[test]
fn what_somebody_else_wrote_in_its_place_is_replaced() {
    let (_room, layout) = worktree(&[("1.md", "a"), ("2.md", "b")]);
    let (program, mut scanned) = kept(&layout);
    let file = layout.ticket_cache();
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    scanned.keep(&layout, &program, None).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), written, "nothing to write");

    std::fs::write(&file, "forged").unwrap();
    scanned.keep(&layout, &program, None).unwrap();
    assert_eq!(loaded(&layout, &program).known_reads().len(), 2);
}

/// What a look at the worktree lists.
fn listed(layout: &Layout) -> Vec<Listed> {
    let walk = walkdir::WalkDir::new(layout.tickets()).into_iter().map(Result::unwrap);
    let listed = walk.filter(|entry| !entry.file_type().is_dir()).map(|entry| {
        let stat = rustix::fs::lstat(entry.path()).unwrap();
        let path = entry.path().strip_prefix(&layout.top).unwrap().to_str().unwrap().as_bytes().to_vec();
        Listed { path, kind: FileType::from_raw_mode(stat.st_mode), stat: Some(stat) }
    });
    listed.collect()
}

/// Three tickets and a file that is none, kept together with what was concluded of them; and the program.
fn concluded() -> (tempfile::TempDir, Layout, PathBuf) {
    let text = "---\ndone: false\n---\n# One\n";
    let (room, layout) = worktree(&[("1.md", text), ("2.md", text), ("epic/3.md", text), ("config.yaml", "")]);
    let program = layout.top.join("program");
    std::fs::write(&program, "1").unwrap();
    std::thread::sleep(RACY * 3);
    let mut scanned = Scanned::default();
    scan_listed(&layout, &mut scanned, listed(&layout), SystemTime::now()).unwrap();
    assert!(scanned.can_conclude());
    scanned.keep(&layout, &program, Some(b"all is well")).unwrap();
    (room, layout, program)
}

/// What the next process finds concluded, and whether it took the tickets apart for that.
fn recalled(layout: &Layout, program: &Path) -> (Option<Vec<u8>>, bool) {
    let mut scanned = Scanned::load(layout, program);
    scan_listed(layout, &mut scanned, listed(layout), SystemTime::now()).unwrap();
    (scanned.concluded().map(<[u8]>::to_vec), !scanned.is_packed)
}

#[test]
fn what_was_concluded_is_recalled_while_every_ticket_is_as_it_was() {
    let (_room, layout, program) = concluded();
    assert_eq!(recalled(&layout, &program), (Some(b"all is well".to_vec()), false));
    put(&layout, "notes.txt", "no ticket");
    put(&layout, "outbox/4.md", "no ticket");
    assert_eq!(recalled(&layout, &program), (Some(b"all is well".to_vec()), false));
}

#[test]
fn nothing_concluded_is_believed_of_other_tickets() {
    type Change = fn(&Layout);
    let changes: [(&str, Change); 7] = [
        ("written in place, as long as before", |layout| drop(put(layout, "2.md", "---\ndone: true \n---\n# One\n"))),
        ("the same text again", |layout| drop(put(layout, "2.md", "---\ndone: false\n---\n# One\n"))),
        ("written, with its old time", |layout| {
            let path = put(layout, "2.md", "---\ndone: true \n---\n# One\n");
            let before = std::fs::metadata(layout.tickets().join("1.md")).unwrap().modified().unwrap();
            std::fs::File::options().append(true).open(path).unwrap().set_modified(before).unwrap();
        }),
        ("another file in its place", |layout| {
            let other = put(layout, "_other.md", "---\ndone: true \n---\n# One\n");
            std::fs::rename(other, layout.tickets().join("2.md")).unwrap();
        }),
        ("one more", |layout| drop(put(layout, "epic/0.md", "---\ndone: false\n---\n"))),
        ("one less", |layout| std::fs::remove_file(layout.tickets().join("epic/3.md")).unwrap()),
        ("a link in its place", |layout| {
            std::fs::rename(layout.tickets().join("2.md"), layout.tickets().join("_2.md")).unwrap();
            symlink("_2.md", layout.tickets().join("2.md")).unwrap();
        }),
    ];
    for (what, change) in changes {
        let (_room, layout, program) = concluded();
        change(&layout);
        assert_eq!(recalled(&layout, &program), (None, true), "{what}");
    }
}

#[test]
fn a_stamp_fits_as_a_whole_or_not_at_all() {
    let (_room, layout, program) = concluded();
    let scanned = Scanned::load(&layout, &program);
    assert!(scanned.fits(&listed(&layout)));
    let parts: [fn(&mut Stat); 7] = [
        |stat| stat.st_dev += 1,
        |stat| stat.st_ino += 1,
        |stat| stat.st_size += 1,
        |stat| stat.st_mtime += 1,
        |stat| stat.st_mtime_nsec += 1,
        |stat| stat.st_ctime += 1,
        |stat| stat.st_ctime_nsec += 1,
    ];
    for (which, change) in parts.into_iter().enumerate() {
        let mut other = listed(&layout);
        let ticket = other.iter_mut().find(|listed| listed.path.ends_with(b"2.md")).unwrap();
        change(ticket.stat.as_mut().unwrap());
        assert!(!scanned.fits(&other), "part {which}");
    }
    let mut unknown = listed(&layout);
    for listed in &mut unknown {
        listed.stat = None;
    }
    assert!(!scanned.fits(&unknown), "what was not looked at");
    let mut reversed = listed(&layout);
    reversed.reverse();
    assert!(!scanned.fits(&reversed), "another order");
}

#[test]
fn a_listing_in_another_order_is_kept_anew_and_fits_then() {
    let (_room, layout, program) = concluded();
    let reversed = || listed(&layout).into_iter().rev().collect();
    let mut scanned = Scanned::load(&layout, &program);
    scan_listed(&layout, &mut scanned, reversed(), SystemTime::now()).unwrap();
    assert_eq!((scanned.generation(), scanned.concluded()), (0, None));
    scanned.keep(&layout, &program, Some(b"again")).unwrap();
    let mut next = Scanned::load(&layout, &program);
    scan_listed(&layout, &mut next, reversed(), SystemTime::now()).unwrap();
    assert_eq!((next.is_packed, next.concluded()), (true, Some(&b"again"[..])));
}

#[test]
fn nothing_is_concluded_of_a_ticket_that_may_change_without_a_trace() {
    let (_room, layout, program) = concluded();
    put(&layout, "2.md", "---\ndone: true\n---\n");
    let mut scanned = Scanned::load(&layout, &program);
    scan_listed(&layout, &mut scanned, listed(&layout), SystemTime::now()).unwrap();
    assert!(!scanned.can_conclude());
    scanned.keep(&layout, &program, Some(b"too early")).unwrap();
    let mut jumped = Scanned::default();
    let before = SystemTime::now() - Duration::from_secs(3600);
    scan_listed(&layout, &mut jumped, listed(&layout), before).unwrap();
    assert!(!jumped.can_conclude(), "a clock that was set back");
    std::thread::sleep(RACY * 3);
    assert_eq!(recalled(&layout, &program).0, None);
}

#[test]
fn where_only_the_tickets_are_damaged_they_are_read() {
    let (_room, layout, program) = concluded();
    let file = layout.ticket_cache();
    let mut content = std::fs::read(&file).unwrap().split_off(4);
    let end = content.len() - 30;
    content[end..].fill(0xff);
    std::fs::write(&file, [&crc32fast::hash(&content).to_le_bytes()[..], &content].concat()).unwrap();
    let mut scanned = Scanned::load(&layout, &program);
    scan_listed(&layout, &mut scanned, listed(&layout), SystemTime::now()).unwrap();
    assert!(scanned.is_packed);
    assert_eq!(scanned.reads(&layout).unwrap().len(), 3);
    assert_eq!((scanned.generation(), scanned.concluded()), (2, None));
}

#[test]
fn the_list_of_somebody_else_leads_to_the_same_tickets() {
    let (room, layout) = worktree(&[("10-b.md", "ten"), ("2-a.md", "two"), ("a/b/1.md", "deep"), ("README.md", "-")]);
    for name in ["_draft.md", ".hidden.md", "_later/1.md", "context/a.md", "a/context/1.md", "a.txt", "outbox/x.md"] {
        put(&layout, name, "-");
    }
    symlink(room.path(), layout.tickets().join("epic")).unwrap();
    symlink("nowhere", layout.tickets().join("gone.md")).unwrap();
    symlink("nowhere", layout.tickets().join("notes")).unwrap();
    let pipe = layout.tickets().join("4-pipe.md");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let listed = listed(&layout);
    let mut by_list = Scanned::default();
    scan_found(&layout, &mut by_list, discover_listed(&layout, listed).unwrap(), reader, SystemTime::now()).unwrap();
    assert_eq!(shown(&by_list), fresh(&layout));
    assert!(by_list.known_reads().len() > 6);
}

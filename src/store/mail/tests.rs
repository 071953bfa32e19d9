use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::secret::{Known, Screen};
use crate::store::{DecisionDraft, drop_decision, list_decisions, store_reply};

fn worktree() -> (tempfile::TempDir, Layout) {
    let room = tempfile::tempdir().unwrap();
    let layout = Layout::main(room.path().join("w"), room.path().join("w/.git"));
    fs::create_dir_all(layout.outbox()).unwrap();
    fs::create_dir_all(layout.reply_folder()).unwrap();
    (room, layout)
}

fn screen() -> Screen {
    Screen::new(&[Known { name: "API_KEY".into(), value: b"hunter22hunter22".to_vec() }])
}

fn ticket() -> TicketId {
    TicketId::new("auth/010-login")
}

/// Every file below a folder with its text.
fn tree(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().display().to_string();
            format!("{path}={}", fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn fill_outbox(layout: &Layout) {
    fs::create_dir_all(layout.outbox().join("logs")).unwrap();
    for (name, text) in
        [("a.txt", "a"), ("logs/b.txt", "b"), (".gitkeep", ""), ("COMMIT_MSG", "c"), ("DISPATCH.md", "d")]
    {
        fs::write(layout.outbox().join(name), text).unwrap();
    }
}

#[test]
fn an_outbox_is_looked_at_and_moved_as_a_whole_but_for_the_message_of_a_commit() {
    let (_room, layout) = worktree();
    assert_eq!(look_outbox(&layout).unwrap(), Outbox::default());
    assert!(matches!(archive_outbox(&layout, &ticket(), 1, &screen()), Err(StoreError::NoMessage { .. })));
    fill_outbox(&layout);
    assert_eq!(
        look_outbox(&layout).unwrap(),
        Outbox {
            message: Some(Ok(Source::new(".tickets/outbox/DISPATCH.md", "d"))),
            attachments: vec![("a.txt".into(), 1), ("logs/b.txt".into(), 1)],
            commit_message: true,
            problem: None,
        }
    );
    assert_eq!(next_sequence(&layout, &ticket()).unwrap(), 1);
    let path = archive_outbox(&layout, &ticket(), 1, &screen()).unwrap();
    assert_eq!(path, layout.history(&ticket()).join("0001-dispatch"));
    assert_eq!(tree(&path), ["DISPATCH.md=d", "a.txt=a", "logs/b.txt=b"]);
    assert_eq!(tree(&layout.outbox()), [".gitkeep=", "COMMIT_MSG=c"]);
    assert_eq!(next_sequence(&layout, &ticket()).unwrap(), 2);
}

/// The states that a kill leaves behind, in the order in which they come.
const KILLED: [fn(&Path, &Path); 5] = [
    |_, _| {},
    |_, part| fs::create_dir_all(part).unwrap(),
    |outbox, part| fs::rename(outbox.join("a.txt"), part.join("a.txt")).unwrap(),
    |outbox, part| fs::rename(outbox.join("logs"), part.join("logs")).unwrap(),
    |outbox, part| fs::rename(outbox.join("DISPATCH.md"), part.join("DISPATCH.md")).unwrap(),
];

#[test]
fn a_move_that_was_killed_anywhere_is_finished_by_its_repetition() {
    for killed in 0..=KILLED.len() {
        let (_room, layout) = worktree();
        fill_outbox(&layout);
        let part = layout.history(&ticket()).join(".0001-dispatch.part");
        for step in KILLED.iter().take(killed) {
            step(&layout.outbox(), &part);
        }
        for _ in 0..2 {
            let path = archive_outbox(&layout, &ticket(), 1, &screen()).unwrap();
            assert_eq!(tree(&path), ["DISPATCH.md=d", "a.txt=a", "logs/b.txt=b"], "killed after {killed} steps");
        }
        assert!(!part.exists());
        assert_eq!(tree(&layout.outbox()), [".gitkeep=", "COMMIT_MSG=c"]);
    }
}

#[test]
fn a_message_that_appears_meanwhile_is_neither_lost_nor_mixed_up() {
    let (_room, layout) = worktree();
    fill_outbox(&layout);
    let part = layout.history(&ticket()).join(".0001-dispatch.part");
    for step in KILLED {
        step(&layout.outbox(), &part);
    }
    fs::write(layout.dispatch_file(), "second").unwrap();
    fs::write(layout.outbox().join("a.txt"), "second a").unwrap();
    let first = archive_outbox(&layout, &ticket(), 1, &screen()).unwrap();
    assert_eq!(archive_outbox(&layout, &ticket(), 1, &screen()).unwrap(), first);
    let second = archive_outbox(&layout, &ticket(), 2, &screen()).unwrap();
    assert_eq!(tree(&first), ["DISPATCH.md=d", "a.txt=a", "logs/b.txt=b"]);
    assert_eq!(tree(&second), ["DISPATCH.md=second", "a.txt=second a"]);
}

#[test]
fn an_attachment_that_was_written_again_before_its_text_moved_is_kept_beside_the_first() {
    let (_room, layout) = worktree();
    fill_outbox(&layout);
    let part = layout.history(&ticket()).join(".0001-dispatch.part");
    for step in KILLED.iter().take(3) {
        step(&layout.outbox(), &part);
    }
    fs::write(layout.outbox().join("a.txt"), "again").unwrap();
    let path = archive_outbox(&layout, &ticket(), 1, &screen()).unwrap();
    assert_eq!(tree(&path), ["DISPATCH.md=d", "a.txt=a", "a.txt~2=again", "logs/b.txt=b"]);
}

type Spoil = fn(&Layout);

#[test]
fn what_must_not_be_moved_is_named_and_nothing_moves() {
    let cases: [(Spoil, &str); 8] = [
        (|layout| symlink("/etc/passwd", layout.outbox().join("x")).unwrap(), "x is a symbolic link"),
        (|layout| symlink("/etc", layout.outbox().join("logs/x")).unwrap(), "logs/x is a symbolic link"),
        (|layout| fs::hard_link(layout.commit_message(), layout.outbox().join("x")).unwrap(), "x has a second name"),
        (
            |layout| fs::hard_link(layout.dispatch_file(), layout.top.join("y")).unwrap(),
            "DISPATCH.md has a second name",
        ),
        (
            |layout| fs::File::create(layout.outbox().join("x")).unwrap().set_len(30 << 30).unwrap(),
            "larger than 32 MiB",
        ),
        (
            |layout| (0..200).for_each(|n| fs::write(layout.outbox().join(n.to_string()), "").unwrap()),
            "more than 200 attachments",
        ),
        (
            |layout| (0..2000).for_each(|n| fs::create_dir(layout.outbox().join(n.to_string())).unwrap()),
            "more than 200 attachments",
        ),
        (
            |layout| {
                let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, layout.outbox().join("x"), kind, mode, 0).unwrap();
            },
            "x is not a regular file",
        ),
    ];
    for (spoil, expected) in cases {
        let (_room, layout) = worktree();
        fill_outbox(&layout);
        spoil(&layout);
        let problem = look_outbox(&layout).unwrap().problem.unwrap();
        assert!(problem.contains(expected), "{problem}");
        assert!(
            matches!(archive_outbox(&layout, &ticket(), 1, &screen()), Err(StoreError::Refused { .. })),
            "{expected}"
        );
        assert!(layout.outbox().join("a.txt").exists(), "{expected}");
    }
}

#[test]
fn a_linked_outbox_or_an_endless_dispatch_is_not_read() {
    let (room, layout) = worktree();
    fs::File::create(layout.dispatch_file()).unwrap().set_len(30 << 30).unwrap();
    let message = look_outbox(&layout).unwrap().message;
    assert_eq!(message, Some(Err(Unreadable::TooLarge { bytes: 30 << 30 })));

    fs::rename(layout.outbox(), room.path().join("elsewhere")).unwrap();
    symlink(room.path().join("elsewhere"), layout.outbox()).unwrap();
    assert!(look_outbox(&layout).unwrap().problem.unwrap().contains("symbolic link"));
    assert!(matches!(archive_outbox(&layout, &ticket(), 1, &screen()), Err(StoreError::Unusable { .. })));
    assert!(matches!(write_dispatch(&layout, "x", &[]), Err(StoreError::Unusable { .. })));
}

#[test]
fn a_message_beside_the_outbox_is_named_and_hides_none_that_lies_inside() {
    let (_room, layout) = worktree();
    fs::write(layout.tickets().join("DISPATCH.md"), "d").unwrap();
    let looked = look_outbox(&layout).unwrap();
    assert!(looked.message.is_some());
    let problem = looked.problem.unwrap();
    assert!(problem.starts_with(".tickets/DISPATCH.md lies beside the outbox"), "{problem}");
    fs::remove_dir(layout.outbox()).unwrap();
    assert_eq!(look_outbox(&layout).unwrap().problem, Some(problem));
    fill_outbox(&layout);
    assert_eq!(look_outbox(&layout).unwrap().problem, None);
}

#[test]
fn a_reply_is_sent_once_looked_at_and_moved_with_its_attachments() {
    let (room, layout) = worktree();
    assert_eq!(look_reply(&layout).unwrap(), None);
    let attached = room.path().join("shot.png");
    fs::write(&attached, "png").unwrap();
    write_reply(&layout, "yes", std::slice::from_ref(&attached)).unwrap();
    assert!(matches!(write_reply(&layout, "no", &[]), Err(StoreError::Exists { .. })));

    let reply = look_reply(&layout).unwrap().unwrap();
    assert_eq!(reply.content, Ok(Source::new(".tickets/USER_REPLY.md", "yes")));
    assert_eq!((reply.attachments, reply.problem), (vec![("shot.png".into(), 3)], None));

    fs::write(layout.reply_folder().join("USER_REPLY.md"), "not the text").unwrap();
    let path = archive_reply(&layout, &ReplyFrom::Worktree, &ticket(), 2, &screen()).unwrap();
    assert_eq!(tree(&path), ["USER_REPLY.md=yes", "USER_REPLY.md~2=not the text", "shot.png=png"]);
    assert_eq!(look_reply(&layout).unwrap(), None);
    assert_eq!(archive_reply(&layout, &ReplyFrom::Worktree, &ticket(), 2, &screen()).unwrap(), path);
}

#[test]
fn a_reply_saved_again_has_another_stamp_and_one_left_alone_has_not() {
    let (_room, layout) = worktree();
    write_reply(&layout, "yes", &[]).unwrap();
    let stamp = || look_reply(&layout).unwrap().unwrap().stamp;
    let first = stamp();
    assert_eq!(stamp(), first);
    let file = fs::File::options().write(true).open(layout.reply_file()).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1)).unwrap();
    assert_ne!(stamp(), first, "the same text, saved again");
}

#[test]
fn a_reply_with_a_second_name_is_refused() {
    let (room, layout) = worktree();
    fs::write(room.path().join("secret"), "key").unwrap();
    fs::hard_link(room.path().join("secret"), layout.reply_file()).unwrap();
    let reply = look_reply(&layout).unwrap().unwrap();
    assert_eq!(reply.content, Err(Unreadable::NotRegular));
    assert!(reply.problem.unwrap().contains("second name"));
    assert!(matches!(
        archive_reply(&layout, &ReplyFrom::Worktree, &ticket(), 1, &screen()),
        Err(StoreError::Refused { .. })
    ));
}

#[test]
fn a_reply_given_during_a_step_waits_beside_the_lock_until_it_is_served() {
    let (room, layout) = worktree();
    let attached = room.path().join("a.txt");
    fs::write(&attached, "a").unwrap();
    let draft = DecisionDraft { kind: "reply".into(), arguments: "x".into(), who: "ann".into(), at: "now".into() };
    let id = store_reply(&layout, &draft, "yes", &[attached]).unwrap();
    let spool = list_decisions(&layout).unwrap()[0].folder.clone();
    assert_eq!(look_spooled_reply(&spool).unwrap().unwrap().content.unwrap().text.as_ref(), "yes");
    let from = ReplyFrom::Spool(spool.clone());
    let path = archive_reply(&layout, &from, &ticket(), 1, &screen()).unwrap();
    assert_eq!(tree(&path), ["USER_REPLY.md=yes", "a.txt=a"]);
    drop_decision(&layout, &id).unwrap();
    assert!(!spool.exists());
    assert_eq!(
        archive_reply(&layout, &from, &ticket(), 1, &screen()).unwrap(),
        path,
        "repeated after the spool was dropped"
    );
}

#[test]
fn an_attachment_that_cannot_be_sent_leaves_no_message() {
    let (room, layout) = worktree();
    let large = room.path().join("large");
    fs::File::create(&large).unwrap().set_len(30 << 30).unwrap();
    let file = room.path().join("a.txt");
    fs::write(&file, "a").unwrap();
    for attachments in
        [vec![large], vec![room.path().join("none")], vec![file.clone(), file.clone()], vec![PathBuf::from("/")]]
    {
        assert!(write_dispatch(&layout, "x", &attachments).is_err(), "{attachments:?}");
        assert_eq!(look_outbox(&layout).unwrap(), Outbox::default());
    }
    // An attempt that was killed before its text is finished by the next one.
    fs::write(layout.outbox().join("a.txt"), "a").unwrap();
    write_dispatch(&layout, "x", std::slice::from_ref(&file)).unwrap();
    fs::remove_file(layout.dispatch_file()).unwrap();
    fs::write(layout.outbox().join("a.txt"), "other").unwrap();
    assert!(matches!(write_dispatch(&layout, "x", &[file]), Err(StoreError::Exists { .. })));
}

#[test]
fn a_conversation_is_told_in_order_and_long_texts_are_cut_at_a_character() {
    let (_room, layout) = worktree();
    fill_outbox(&layout);
    archive_outbox(&layout, &ticket(), 9999, &screen()).unwrap();
    write_request(&layout, &ticket(), 10000, "why it is stück").unwrap();
    write_request(&layout, &ticket(), 10000, "asked twice, written once").unwrap();
    write_decision(&layout, &ticket(), 10001, "approved").unwrap();
    // The history of a ticket below a ticket of the same name, and somebody's notes.
    fs::create_dir_all(layout.history(&TicketId::new("auth/010-login/1")).join("0001-dispatch")).unwrap();
    fs::write(layout.history(&ticket()).join("notes.txt"), "").unwrap();
    let told: Vec<_> = conversation(&layout, &ticket(), 13)
        .unwrap()
        .into_iter()
        .map(|message| (message.path, message.text.unwrap(), message.left_out, message.attachments))
        .collect();
    let path = |name: &str| format!(".tickets/history/auth/010-login/{name}");
    assert_eq!(
        told,
        [
            (path("9999-dispatch/DISPATCH.md"), "d".into(), 0, vec!["a.txt".into(), "logs/b.txt".into()]),
            (path("10000-request/REQUEST.md"), "why it is st".into(), 4, vec![]),
            (path("10001-decision/DECISION.md"), "approved".into(), 0, vec![]),
        ]
    );
    assert_eq!(next_sequence(&layout, &ticket()).unwrap(), 10002);
    assert_eq!(conversation(&layout, &TicketId::new("other"), 13).unwrap(), []);
}

#[test]
fn what_is_put_back_is_kept_first_in_every_version() {
    let (_room, layout) = worktree();
    let keep = |text: &str| keep_overwritten(&layout, "r", 3, ".tickets/auth/1.md", text.as_bytes()).unwrap();
    let folder = layout.turn("r", 3).join("overwritten/.tickets/auth");
    assert_eq!(keep("one"), folder.join("1.md"));
    assert_eq!(keep("one"), folder.join("1.md"));
    assert_eq!(keep("two, longer"), folder.join("1.md~2"));
    assert_eq!(keep("two"), folder.join("1.md~3"));
    assert_eq!(tree(&folder), ["1.md=one", "1.md~2=two, longer", "1.md~3=two"]);
    for path in ["../x", "/x", "a/../../x", ""] {
        assert!(keep_overwritten(&layout, "r", 3, path, b"").is_err(), "{path}");
    }
}

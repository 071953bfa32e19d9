use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn draft(kind: &str, body: Value) -> Draft {
    let Value::Object(body) = body else { panic!("a body is an object") };
    Draft { ticket: Some("001-a".into()), turn: Some(3), kind: kind.into(), body }
}

fn written(drafts: &[Draft]) -> (tempfile::TempDir, PathBuf, Vec<Line>) {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("runs/r/journal.jsonl");
    let mut journal = Journal::begin(&path, "r");
    assert!(!path.exists(), "nothing happened yet");
    let mut lines = Vec::new();
    for draft in drafts {
        lines.extend(journal.append(std::slice::from_ref(draft), "2026-01-31T08:00:00.123Z").unwrap());
    }
    (room, path, lines)
}

#[test]
fn a_line_reads_as_the_format_says() {
    let first = Draft { kind: "run.started".into(), ..Draft::default() };
    let (_room, path, lines) = written(&[first, draft("turn.finished", json!({"exit": 0, "agent": "a\nb"}))]);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\"seq\":1,\"ts\":\"2026-01-31T08:00:00.123Z\",\"run\":\"r\",\"kind\":\"run.started\",\"version\":1,\"sum\":\"92fe338b\"}\n\
         {\"seq\":2,\"ts\":\"2026-01-31T08:00:00.123Z\",\"run\":\"r\",\"ticket\":\"001-a\",\"turn\":3,\"kind\":\"turn.finished\",\"agent\":\"a\\nb\",\"exit\":0,\"sum\":\"fbe4b6e7\"}\n"
    );
    assert_eq!(Journal::read(&path).unwrap(), lines);
    assert_eq!(lines[1].to_json(), std::fs::read_to_string(&path).unwrap().lines().nth(1).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn numbers_go_on_after_opening_again_and_a_batch_is_one_append() {
    let (_room, path, _) = written(&[draft("a", json!({}))]);
    let (mut journal, lines, repair) = Journal::open(&path, "r").unwrap();
    assert_eq!((lines.len(), repair), (1, None));
    let more = journal.append(&[draft("b", json!({})), draft("c", json!({}))], "t").unwrap();
    assert_eq!(more.iter().map(|line| line.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(journal.append(&[], "t").unwrap(), []);
}

#[test]
fn a_follower_gets_every_line_once_and_never_half_of_one() {
    let (_room, path, lines) = written(&[draft("a", json!({})), draft("b", json!({}))]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let (first, offset) = Journal::read_from(&path, 0).unwrap();
    assert_eq!(first, lines[..1]);
    assert_eq!(std::fs::read(&path).unwrap().len(), bytes.len() - 5, "a looker repairs nothing");
    std::fs::write(&path, &bytes).unwrap();
    let (second, offset) = Journal::read_from(&path, offset).unwrap();
    assert_eq!(second, lines[1..]);
    assert_eq!(Journal::read_from(&path, offset).unwrap(), (vec![], offset));
}

#[test]
fn what_another_run_or_a_newer_program_wrote_is_unreadable() {
    let (_room, path, _) = written(&[draft("a", json!({})), draft("b", json!({}))]);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut newer = Journal::read(&path).unwrap()[0].clone();
    newer.body.insert("version".into(), 2.into());
    for (content, line, why) in [
        (format!("{}\n", lines[1]), 1, "due"),
        (format!("{}\n{}\n", lines[0], lines[0]), 2, "due"),
        (format!("{}\n\n{}\n", lines[0], lines[1]), 2, "checksum"),
        (format!("{}\n", newer.to_json()), 1, "newer"),
        ("\0\0\0\n".to_owned(), 1, "checksum"),
    ] {
        std::fs::write(&path, &content).unwrap();
        let Err(JournalError::Unreadable { line: found, why: said, .. }) = Journal::open(&path, "r") else {
            panic!("{content}")
        };
        assert_eq!(found, line, "{content}");
        assert!(said.contains(why), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "nothing is rewritten");
    }
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(Journal::open(&path, "other"), Err(JournalError::Unreadable { line: 1, .. })));
}

#[test]
fn a_journal_that_has_lost_all_of_its_lines_is_unreadable_and_not_a_new_one() {
    let (_room, path, _) = written(&[draft("a", json!({}))]);
    let whole = std::fs::read(&path).unwrap();
    let lost = |what: &str| {
        for result in [Journal::open(&path, "r").map(|_| ()), Journal::read(&path).map(|_| ())] {
            assert!(matches!(result, Err(JournalError::Unreadable { line: 0, .. })), "{what}: {result:?}");
        }
    };
    // The first line was on the disk before anything pointed here, so not even a torn one is a beginning.
    for left in [0, 1, whole.len() - 1] {
        std::fs::write(&path, &whole[..left]).unwrap();
        lost(&format!("{left} bytes"));
        assert_eq!(std::fs::read(&path).unwrap(), &whole[..left], "nothing is rewritten");
    }
    std::fs::remove_file(&path).unwrap();
    lost("gone");
    assert!(!path.exists());
}

#[test]
fn a_run_that_begins_takes_no_journal_over() {
    let (_room, path, lines) = written(&[draft("a", json!({}))]);
    let appended = Journal::begin(&path, "r").append(&[draft("b", json!({}))], "t");
    assert!(matches!(appended, Err(JournalError::Append { .. })), "{appended:?}");
    assert_eq!(Journal::read(&path).unwrap(), lines);
}

#[test]
fn nobody_else_may_write_to_an_open_journal() {
    let (_room, path, _) = written(&[draft("a", json!({}))]);
    let (mut journal, ..) = Journal::open(&path, "r").unwrap();
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    assert!(matches!(journal.append(&[draft("b", json!({}))], "t"), Err(JournalError::Changed { .. })));
    assert!(matches!(journal.append(&[draft("b", json!({}))], "t"), Err(JournalError::Poisoned { .. })));

    let (_room, path, _) = written(&[draft("a", json!({}))]);
    let (mut journal, ..) = Journal::open(&path, "r").unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(journal.append(&[draft("b", json!({}))], "t"), Err(JournalError::Changed { .. })));
}

#[test]
fn a_failed_write_that_cannot_be_taken_back_ends_the_journal_and_keeps_its_lines() {
    // The file is opened for reading alone: every write to it fails.
    let (_room, path, lines) = written(&[draft("a", json!({}))]);
    let (mut journal, ..) = Journal::open(&path, "r").unwrap();
    let good = journal.file.replace(File::open(&path).unwrap()).unwrap();
    assert!(matches!(journal.append(&[draft("b", json!({}))], "t"), Err(JournalError::Append { .. })));
    // Cutting back failed as well, so what the file holds is open.
    journal.file = Some(good);
    assert!(matches!(journal.append(&[draft("b", json!({}))], "t"), Err(JournalError::Poisoned { .. })));
    assert_eq!(Journal::read(&path).unwrap(), lines);
}

#[test]
fn a_body_cannot_shadow_the_lines_own_keys_and_what_is_no_file_is_no_journal() {
    let (_room, path, lines) = written(&[draft("a", json!({}))]);
    let (mut journal, ..) = Journal::open(&path, "r").unwrap();
    let drafts = [draft("b", json!({})), draft("c", json!({"sum": 1}))];
    assert!(matches!(journal.append(&drafts, "t"), Err(JournalError::ReservedKey { .. })));
    assert_eq!(Journal::read(&path).unwrap(), lines, "all of a batch or nothing");
    let folder = path.parent().unwrap();
    assert!(matches!(Journal::read(folder), Err(JournalError::Unreadable { .. })));
    let link = folder.join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(Journal::open(&link, "r"), Err(JournalError::Read { .. })));
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let value = prop_oneof![any::<i64>().prop_map(Value::from), ".{0,12}".prop_map(Value::from)];
    let body = prop::collection::btree_map("[a-r_]{1,6}", value, 0..3);
    let one = ("[a-z.]{1,8}", prop::option::of(".{0,6}"), prop::option::of(any::<u32>()), body);
    prop::collection::vec(one, 1..5).prop_map(|list| {
        list.into_iter()
            .map(|(kind, ticket, turn, body)| Draft {
                kind,
                ticket,
                turn,
                body: body.into_iter().filter(|(key, _)| !line::is_reserved(key)).collect(),
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn wherever_a_write_was_cut_the_earlier_lines_are_intact(drafts in drafts(), cut in any::<prop::sample::Index>()) {
        let (_room, path, lines) = written(&drafts);
        let bytes = std::fs::read(&path).unwrap();
        let cut = cut.index(bytes.len() + 1);
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
        let torn = cut - bytes[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // Nothing points to a run before its first line is there.
        prop_assume!(whole > 0);

        prop_assert_eq!(&Journal::read(&path).unwrap(), &lines[..whole]);
        let (mut journal, found, repair) = Journal::open(&path, "r").unwrap();
        prop_assert_eq!(&found, &lines[..whole]);
        prop_assert_eq!(repair.map_or(0, |repair| repair.bytes), torn as u64);
        journal.append(&[draft("journal.repaired", json!({}))], "t").unwrap();
        prop_assert_eq!(Journal::read(&path).unwrap().len(), whole + 1);
    }

    #[test]
    fn no_flipped_byte_goes_unnoticed(drafts in drafts(), at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let (_room, path, lines) = written(&drafts);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        std::fs::write(&path, &bytes).unwrap();
        match Journal::open(&path, "r") {
            Err(JournalError::Unreadable { .. }) => prop_assert_eq!(std::fs::read(&path).unwrap(), bytes),
            Ok((_, found, Some(_))) => {
                prop_assert_eq!(at, bytes.len() - 1, "only the last newline's loss reads as a torn line");
                prop_assert_eq!(&found, &lines[..lines.len() - 1]);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

//! `report` and `diff`: looking back at what was done.

use crate::support::TestEnv;

/// A run with a question, an invalid ticket, a forgotten commit and an end.
fn told() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[
        "ask 'Which | colour?'\necho one > file\ncommit one",
        "printf 'broken' > $TURNSTILE_TICKET",
        "echo two > file\nclaim",
        "commit two",
        "claim",
    ]);
    env.ticket("001-a_b", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\nverify: [{id: 'a | b', run: test -f file}]", "Do it.");
    env.commit_all("tickets");
    env.run_ends("user_dispatch");
    env.reply("Red.");
    env.run_ends("completed");
    env
}

#[test]
fn a_run_is_told_in_figures() {
    let env = told();
    let report = env.json(&["report"]);
    assert_eq!(report["status"], "completed");
    assert_eq!(report["turns"], 5);
    assert_eq!(report["pauses"].as_array().unwrap().len(), 1);
    assert_eq!(report["pauses"][0]["code"], "user_dispatch");
    let [first, second] = report["tickets"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&first["id"], &first["state"], &first["turns"]), (&"001-a_b".into(), &"done".into(), &4.into()));
    assert_eq!(first["retries"], serde_json::json!({ "invalid": 1, "uncommitted": 1 }));
    assert_eq!((&first["questions"], first["answer_seconds"].as_array().unwrap().len()), (&1.into(), 1));
    let of = |ticket: &serde_json::Value| ticket["commits"].as_array().unwrap().clone();
    let log = env.git(&["log", "--reverse", "--format=%H", "HEAD"]);
    let told: Vec<serde_json::Value> = [of(first), of(second)].concat();
    assert_eq!(told, log.lines().skip(3).collect::<Vec<_>>(), "every commit since the tickets: {:?}", env.subjects());
    assert_eq!(
        second["checks"],
        serde_json::json!([{ "id": "a | b", "met": 1, "unmet": 0, "inconclusive": 0 }]),
        "what was proved, and how often"
    );
    assert_eq!((&second["turns"], second["retries"].as_object().unwrap().len()), (&1.into(), 0));
}

#[test]
fn the_same_journal_gives_the_same_report_and_nothing_breaks_its_tables() {
    let env = told();
    let text = env.turnstile(&["report"]).exits(0).stdout;
    assert_eq!(env.turnstile(&["report", &env.run_id().unwrap()]).exits(0).stdout, text);
    assert!(text.contains("| 001-a_b | done | 4 | ") && text.contains("a \\| b: 1 met"), "{text}");
    assert!(text.contains("Which \\| colour?"), "{text}");
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
        let widths: Vec<usize> = table.lines().map(columns).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}

#[test]
fn without_a_run_it_says_what_to_type() {
    let env = TestEnv::new();
    env.ticket("001-a", "title: A\nagent: user", "Do it.");
    env.commit_all("tickets");
    let output = env.turnstile(&["report"]).exits(3);
    assert!(output.text().contains("`turnstile run` begins one"), "{}", output.text());
    let output = env.turnstile(&["report", "no-such"]).exits(3);
    assert!(output.text().contains("there is no run `no-such`"), "{}", output.text());
}

#[test]
fn a_turns_changes_are_shown_committed_or_not() {
    let env = told();
    let first = env.turnstile(&["diff", "1"]).exits(0).stdout;
    assert!(first.contains("+one") && first.contains("b/file"), "{first}");
    let third = env.turnstile(&["diff", "3"]).exits(0).stdout;
    assert!(third.contains("-one") && third.contains("+two"), "it was not committed by that turn: {third}");
    assert!(third.contains("b/.tickets/001-a_b.md") && third.contains("+done: true"), "{third}");
    let only = env.turnstile(&["diff", "3", "--paths", "file"]).exits(0).stdout;
    assert!(only.contains("+two") && !only.contains(".tickets"), "{only}");
    let document = env.json(&["diff", "3", "--paths", ".tickets/"]);
    assert_eq!(document["changed"], serde_json::json!([".tickets/001-a_b.md"]));
    let last = env.turnstile(&["diff"]).exits(0).stdout;
    assert_eq!(last, env.turnstile(&["diff", "5"]).exits(0).stdout);
    assert_eq!(env.turnstile(&["diff", &format!("{}/1", env.run_id().unwrap())]).exits(0).stdout, first);
    let none = env.turnstile(&["diff", "3", "--paths", "src"]).exits(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("changed nothing there"), "{}", none.text());
    assert!(env.turnstile(&["diff", "9"]).exits(3).text().contains("has no turn 9"));
}

#[test]
fn escapes_in_a_diff_do_not_reach_the_terminal() {
    let env = TestEnv::new();
    env.agent(&["printf 'a\\033[31mb\\n' > file\ncommit one\nclaim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    let text = env.turnstile(&["diff"]).exits(0).stdout;
    assert!(text.contains("+a") && !text.contains('\u{1b}'), "{text:?}");
}

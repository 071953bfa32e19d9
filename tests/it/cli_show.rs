//! `turnstile show`.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::TestEnv;

/// A ticket that was asked about, answered, and finished in a second turn.
fn talked_about() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[
        "echo one > file\ncommit 'one'\nask 'Which format?'",
        "echo two > file\ncommit 'two'\nclaim\necho all done",
    ]);
    env.ticket("001-dates", "title: Parse dates\ngoal: dates are read\ntags: [parser]\nlimits: {turns: 5}", "x");
    env.ticket("002-after", "title: After\ndepends_on: [1]\nhold: not yet", "x");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    env.write(".tickets/USER_REPLY.md", "ISO\n");
    let _ = env.turnstile(&["run"]).exits(0);
    env
}

#[test]
fn a_ticket_is_shown_with_its_conversation_its_turns_and_what_was_kept() {
    let env = talked_about();
    assert_snapshot!(env.turnstile(&["show", "1"]).text(), @r"
    --- stdout
    001-dates: Parse dates
      file        .tickets/001-dates.md
      state       done
      agent       mine
      priority    2
      goal        dates are read
      tags        parser
      limits      5 turns
    messages in .tickets/history/001-dates/:
      0001  dispatch  Which format?
      0002  reply     ISO
    turns in run [RUN]:
      1  mine  ended well  [TIME], 2 file(s) changed
      2  mine  ended well  [TIME], 2 file(s) changed
    4 kept trees, from refs/turnstile/checkpoints/[RUN]/1/before ([OID]) on
    --- exit 0
    ");
    assert_snapshot!(env.turnstile(&["show", "2"]).text(), @r"
    --- stdout
    002-after: After
      file        .tickets/002-after.md
      state       waiting, held: not yet
      agent       mine
      priority    2
      hold        not yet
      depends on  001-dates
    --- exit 0
    ");
}

#[test]
fn programs_get_what_list_says_and_more() {
    let env = talked_about();
    let document = env.json(&["show", "1"]);
    for (key, value) in [
        ("id", json!("001-dates")),
        ("state", json!("done")),
        ("reason", json!(null)),
        ("goal", json!("dates are read")),
        ("tags", json!(["parser"])),
        ("faults", json!([])),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    let kinds: Vec<_> = document["messages"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["dispatch", "reply"]);
    let ends: Vec<_> = document["turns"].as_array().unwrap().iter().map(|one| one["end"].clone()).collect();
    assert_eq!(ends, ["finished", "finished"]);
    assert_eq!(document["kept"].as_array().unwrap().len(), 4);
}

#[test]
fn a_turn_is_shown_with_what_it_changed_and_where_its_logs_are() {
    let env = talked_about();
    assert_snapshot!(env.turnstile(&["show", "--turn", "2"]).text(), @r"
    --- stdout
    turn 2 of run [RUN]
      ticket   001-dates
      agent    mine
      began    [WHEN]
      end      ended well
      took     [TIME]
      exit     0
      kept     [OID]
               [OID]
      commit   [OID]
      logs     [ROOT]/repo/.git/turnstile/runs/[RUN]/turns/0002
    changed:
      .tickets/001-dates.md
      file
    last words:
      all done
    --- exit 0
    ");
    let run = env.run_id().unwrap();
    let document = env.json(&["show", "--turn", &format!("{run}/1")]);
    assert_eq!((&document["turn"], &document["ticket"]), (&json!(1), &json!("001-dates")));
    assert_eq!(document["logs"], json!(env.run_folder().join("turns/0001")));
    assert!(env.run_folder().join("turns/0001/stdout.log").is_file());
}

#[test]
fn what_is_not_there_is_named() {
    let env = talked_about();
    for (arguments, code, said) in [
        (&["show", "dat"][..], 3, "there is no ticket `dat`"),
        (&["show", "--turn", "7"], 3, "has no turn 7; it has 2"),
        (&["show", "2", "--turn", "1"], 3, "turn 1 was one of 001-dates, not of 002-after"),
        (&["show", "--turn", "x"], 2, "`x` is no turn"),
        (&["show", "--turn", "../1"], 2, "`../1` is no turn"),
        (&["show", "--turn", "20200101-000000-aaaa/1"], 3, "there is no run"),
        (&["show"], 2, "name a ticket, or a turn with `--turn N`"),
    ] {
        let output = env.turnstile(arguments).exits(code);
        assert!(output.stderr.contains(said), "{}", output.text());
    }
    let fresh = TestEnv::new();
    let output = fresh.turnstile(&["show", "--turn", "1"]).exits(3);
    assert!(output.stderr.contains("no run has begun"), "{}", output.text());
}

//! `turnstile new`.

use insta::assert_snapshot;

use crate::support::TestEnv;

#[test]
fn a_ticket_gets_the_next_number_of_its_folder_and_says_everything_that_was_asked() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("009-old", "done: false", "# Old");
    assert_snapshot!(env.turnstile(&["new", "Log in: with \"x\"", "--depends-on", "9", "--priority", "1", "--goal",
        "people log in", "--agent", "shell", "--body", "Do it.\n"]).text(), @r"
    --- stdout
    .tickets/010-log-in-with-x.md
    --- exit 0
    ");
    assert_snapshot!(env.read(".tickets/010-log-in-with-x.md"), @r#"
    ---
    title: "Log in: with \"x\""
    agent: shell
    done: false
    goal: people log in
    priority: 1
    depends_on: ["009-old"]
    ---

    # Log in: with "x"

    Do it.
    "#);
    let _ = env.turnstile(&["lint", "--strict"]).exits(0);
    assert_eq!(
        env.json(&["new", "First of an epic", "--epic", "auth"]),
        serde_json::json!({ "id": "auth/001-first-of-an-epic", "path": ".tickets/auth/001-first-of-an-epic.md" })
    );
}

#[test]
fn checks_can_be_given_along() {
    let env = TestEnv::new();
    let asked = ["new", "Prove it", "--agent", "codex", "--verify", "unit", "--verify", "grep -q 'a: b' file"];
    assert_eq!(env.turnstile(&asked).code, Some(0));
    let text = env.read(".tickets/001-prove-it.md");
    assert!(text.contains("verify: [unit, \"grep -q 'a: b' file\"]"), "{text}");
    assert_eq!(env.turnstile(&["lint"]).code, Some(0));
}

#[test]
fn the_path_is_printed_as_it_is_typed_from_here() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.write("src/file", "");
    assert_eq!(env.turnstile(&["-C", "src", "new", "A"]).exits(0).stdout, "../.tickets/001-a.md\n");
    assert_eq!(env.turnstile(&["-C", ".tickets", "new", "B"]).exits(0).stdout, "002-b.md\n");
}

#[test]
fn two_at_once_get_two_numbers() {
    let env = TestEnv::new();
    env.agent(&[]);
    let children: Vec<_> = (0..8).map(|number| env.spawn(&["new", &format!("ticket of {number}")])).collect();
    for child in children {
        let _ = env.wait(child).exits(0);
    }
    let numbers: Vec<String> =
        env.files(".tickets").iter().filter_map(|name| Some(name.split_once("-ticket")?.0.to_owned())).collect();
    assert_eq!(numbers, ["001", "002", "003", "004", "005", "006", "007", "008"]);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_written() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("001-login", "done: false", "# Login");
    for (arguments, code, said) in [
        (vec!["new", "x", "--agent", "min"], 2, "did you mean `mine`?"),
        (vec!["new", "x", "--depends-on", "001-logn"], 3, "did you mean `001-login`?"),
        (vec!["new", "x", "--verify", "true"], 2, "cannot fail"),
        (vec!["new", "x", "--epic", "../out"], 2, "cannot be an epic"),
        (vec!["new", "x", "--epic", "history"], 2, "cannot be an epic"),
        (vec!["new", "x", "--priority", "5"], 2, "0..=4"),
        (vec!["new", "x", "--edit"], 2, "neither VISUAL nor EDITOR is set"),
        (vec!["new", "  "], 2, "needs a title"),
        (vec!["new"], 2, "<TITLE>"),
    ] {
        let output = env.turnstile(&arguments).exits(code);
        assert!(output.stderr.contains(said), "{arguments:?}: {}", output.text());
    }
    assert_eq!(env.files(".tickets"), ["001-login.md", "config.yaml"]);
}

#[test]
fn it_can_be_opened_in_the_editor() {
    let mut env = TestEnv::new();
    env.agent(&[]);
    env.set("EDITOR", "printf 'more\\n' >>");
    let _ = env.turnstile(&["new", "A", "--edit"]).exits(0);
    assert!(env.read(".tickets/001-a.md").ends_with("# A\nmore\n"));
    env.set("EDITOR", "false");
    let output = env.turnstile(&["new", "B", "--edit"]).exits(7);
    assert!(output.stderr.contains("is kept"), "{}", output.text());
    assert!(env.exists(".tickets/002-b.md"));
}

#[test]
fn a_turn_may_make_tickets() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_turnstile");
    env.agent(&[&format!("{program} new 'Found on the way' --agent user\nclaim")]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    assert!(env.exists(".tickets/002-found-on-the-way.md"));
}

#[test]
fn without_an_agent_it_says_what_is_missing() {
    let env = TestEnv::new();
    let output = env.turnstile(&["new", "A"]).exits(0);
    assert!(output.stderr.contains("turnstile init"), "{}", output.text());
}

#[test]
fn where_no_number_is_left_it_says_so() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("4294967295-last", "done: false", "# Last");
    let output = env.turnstile(&["new", "last"]).exits(7);
    assert!(output.stderr.contains("4294967295-last.md"), "{}", output.text());
    assert_eq!(env.files(".tickets"), ["4294967295-last.md", "config.yaml"]);
}

//! `turnstile lint`.

use insta::assert_snapshot;

use crate::support::TestEnv;

fn faulty() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("001-a", "done: maybe\npriorty: 1", "# A");
    env.ticket("auth/002-b", "done: false\nagent: mine\ndepends_on: [a, 3]", "# B");
    env
}

#[test]
fn every_fault_is_shown_with_its_place_and_what_to_do() {
    assert_snapshot!(faulty().turnstile(&["lint"]).text(), @r"
    --- stdout
    error[E006]: `done` must be true or false, not `maybe`
     --> .tickets/001-a.md:2:7
      |
    2 | done: maybe
      |       ^^^^^
      |
      = help: write `done: false`

    warning[W101]: unknown key `priorty`
     --> .tickets/001-a.md:3:1
      |
    3 | priorty: 1
      | ^^^^^^^
      |
      = help: did you mean `priority`?

    error[E008]: `a` names no ticket
     --> .tickets/auth/002-b.md:4:14
      |
    4 | depends_on: [a, 3]
      |              ^
      |
      = help: write the id of a ticket, its file name or its number; `turnstile list` shows them

    error[E008]: `3` names no ticket
     --> .tickets/auth/002-b.md:4:17
      |
    4 | depends_on: [a, 3]
      |                 ^
      |
      = help: write the id of a ticket, its file name or its number; `turnstile list` shows them
    --- stderr
    3 files, 3 errors, 1 warning
    --- exit 3
    ");
}

#[test]
fn programs_get_a_document_or_annotations() {
    let env = faulty();
    let document = env.json(&["lint"]);
    assert_eq!((&document["files"], &document["errors"], &document["warnings"]), (&3.into(), &3.into(), &1.into()));
    assert_eq!(
        document["diagnostics"][0],
        serde_json::json!({
            "path": ".tickets/001-a.md", "line": 2, "column": 7, "severity": "error", "code": "E006",
            "message": document["diagnostics"][0]["message"], "help": document["diagnostics"][0]["help"],
        })
    );
    let github = env.turnstile(&["lint", "--format", "github"]).exits(3);
    assert!(github.stdout.starts_with("::error file=.tickets/001-a.md,line=2"), "{}", github.text());
    let sarif = env.json(&["lint", "--format", "sarif"]);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 4);
}

#[test]
fn a_path_limits_what_is_reported_and_has_to_be_something_that_is_checked() {
    let env = faulty();
    let _ = env.turnstile(&["lint", ".tickets/config.yaml"]).exits(0);
    assert_eq!(env.json(&["lint", ".tickets/auth"])["errors"], 2);
    assert_eq!(env.json(&["-C", ".tickets/auth", "lint", ".."])["errors"], 3);
    assert_eq!(env.json(&["lint", ".tickets/001-a.md", ".tickets/auth/002-b.md"])["files"], 2);
    for (path, said) in
        [("README.md", "is no ticket"), ("nothing.md", "does not exist"), ("/etc/passwd", "is not in this worktree")]
    {
        let output = env.turnstile(&["lint", path]).exits(3);
        assert!(output.stderr.contains(&format!("`{path}` {said}")), "{}", output.text());
    }
}

#[test]
fn warnings_are_errors_for_those_who_want_it() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("001-a", "done: false\nowner: me", "# A");
    let _ = env.turnstile(&["lint"]).exits(0);
    let _ = env.turnstile(&["lint", "--strict"]).exits(3);
    assert_eq!(env.json(&["lint", "--strict"])["errors"], 1);
}

#[test]
fn what_is_safe_to_mend_is_mended_and_nothing_else_changes() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.write(".tickets/001-a.md", "# A\n\nJust text.\n");
    env.write(".tickets/002-b.md", "---\r\ndone: yes  # comment\r\nx-mine: 'kept'\r\n---\r\n# B\r\n");
    env.write(".tickets/003-c.md", "---\nagent: nobody\n---\n# C\n");
    let output = env.turnstile(&["lint", "--fix"]).exits(3);
    assert!(output.stderr.contains("mended .tickets/001-a.md\nmended .tickets/002-b.md\n"), "{}", output.text());
    assert!(env.read(".tickets/001-a.md").ends_with("# A\n\nJust text.\n"));
    assert_eq!(env.read(".tickets/002-b.md"), "---\r\ndone: true  # comment\r\nx-mine: 'kept'\r\n---\r\n# B\r\n");
    assert_eq!(env.read(".tickets/003-c.md"), "---\nagent: nobody\n---\n# C\n");
    let document = env.json(&["lint", "--fix"]);
    assert_eq!((&document["errors"], &document["fixed"]), (&1.into(), &serde_json::json!([])));
}

#[test]
fn the_config_and_the_templates_are_checked_too() {
    let env = TestEnv::new();
    env.write(".tickets/config.yaml", "version: 1\nlimts: {turns: 3}\n");
    env.write(".tickets/templates/turn.md", "{{ nonsense }}\n");
    let document = env.json(&["lint"]);
    let paths: Vec<&str> =
        document["diagnostics"].as_array().unwrap().iter().map(|fault| fault["path"].as_str().unwrap()).collect();
    assert_eq!(paths, [".tickets/config.yaml", ".tickets/templates/turn.md"]);
    assert!(document["diagnostics"][0]["help"].as_str().unwrap().contains("limits"));
}

#[test]
fn nothing_that_a_terminal_obeys_gets_through() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.write(".tickets/\u{1b}[31mred.md", "---\ndone: false\nagent: \"\\e]0;title\\a\"\n---\n# \u{1b}[2J\n");
    for arguments in [vec!["lint"], vec!["lint", "--format", "github"], vec!["lint", "--color", "never"], vec!["next"]]
    {
        let output = env.turnstile(&arguments);
        assert!(!(output.stdout + &output.stderr).contains('\u{1b}'), "{arguments:?}");
    }
    let output = env.turnstile(&["lint", "\u{1b}[31m"]).exits(3);
    assert!(!output.stderr.contains('\u{1b}'), "{output:?}");
}

#[test]
fn inside_a_turn_it_may_be_asked() {
    let mut env = TestEnv::new();
    env.agent(&[]);
    env.set("TURNSTILE_IN_TURN", env.path(".git").to_str().unwrap());
    let _ = env.turnstile(&["lint"]).exits(0);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let env = faulty();
    let program = env!("CARGO_BIN_EXE_turnstile");
    let script = format!("{{ {program} lint --color always; echo $? >&2; }} | true");
    let output = env.command("sh").args(["-c", &script]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("3\n"), "{output:?}");
}

#[test]
fn the_faults_of_a_file_stand_together_from_its_top_to_its_end() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("001-a", "agent: nobody\npriority: 9", "# A");
    env.ticket("002-b", "agent: nobody\npriority: 9", "# B");
    let document = env.json(&["lint"]);
    let places: Vec<String> = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| format!("{}:{}", fault["path"].as_str().unwrap(), fault["line"]))
        .collect();
    assert_eq!(places, [".tickets/001-a.md:2", ".tickets/001-a.md:3", ".tickets/002-b.md:2", ".tickets/002-b.md:3"]);
}

#[test]
fn json_is_one_document_and_no_other_format() {
    let env = TestEnv::new();
    env.agent(&[]);
    for format in ["human", "github"] {
        assert_eq!(env.turnstile(&["--json", "lint", "--format", format]).exits(2).error()["code"], "usage");
    }
    assert_eq!(env.json(&["lint", "--format", "sarif"])["version"], "2.1.0");
}

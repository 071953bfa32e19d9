//! `turnstile schema`, `completions` and `man`; usage errors.

use insta::assert_snapshot;

use crate::support::TestEnv;

#[test]
fn the_schema_is_one_document() {
    let env = TestEnv::without_repository();
    let document = env.json(&["schema"]);
    assert!(document["$defs"]["ticket"]["properties"]["depends_on"].is_object());
    assert!(document["$defs"]["config"]["properties"]["agents"].is_object());
}

#[test]
fn every_shell_gets_completions() {
    let env = TestEnv::without_repository();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = env.turnstile(&["completions", shell]).exits(0);
        assert!(output.stdout.contains("turnstile") && output.stdout.contains("lint"), "{shell}");
        assert!(!output.stdout.contains("__effect"), "{shell}");
    }
}

#[test]
fn the_manual_is_a_page_that_man_can_show() {
    let env = TestEnv::without_repository();
    let page = env.turnstile(&["man"]).exits(0).stdout;
    assert!(page.contains(".TH turnstile 1") && page.contains(".SS turnstile lint"));
    assert!(!page.contains("__effect"));
}

#[test]
fn a_slip_is_answered_with_what_was_probably_meant() {
    let env = TestEnv::without_repository();
    assert_snapshot!(env.turnstile(&["statsu"]).text(), @r"
    --- stderr
    error: unrecognized subcommand 'statsu'

      tip: a similar subcommand exists: 'status'

    Usage: turnstile [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 2
    ");
    let error = env.turnstile(&["--json", "lnt"]).exits(2).error();
    assert_eq!(error["code"], "usage");
    assert!(error["message"].as_str().unwrap().contains("'lint'"));
}

#[test]
fn what_changes_a_run_is_refused_inside_a_turn_also_without_the_variable() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_turnstile");
    let commands = [
        "init",
        "run",
        "step",
        "done 2",
        "reopen 2",
        "pause",
        "resume",
        "stop",
        "prune",
        "trust",
        "hooks install",
        "hooks uninstall",
    ];
    let script: Vec<String> = commands
        .iter()
        .flat_map(|command| [String::new(), "env -u TURNSTILE_IN_TURN ".to_owned()].map(|how| (how, command)))
        .map(|(how, command)| format!("code=0; {how}{program} --json {command} 2>>\"$AGENT/errors\" || code=$?; echo \"$code {how}{command}\" >> \"$AGENT/codes\""))
        .chain(["claim".to_owned()])
        .collect();
    env.agent(&[&script.join("\n")]);
    env.ticket("001-a", "done: false", "# A");
    env.ticket("002-b", "done: false\nagent: user", "# B");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    let codes = std::fs::read_to_string(env.agent_folder().join("codes")).unwrap();
    assert_eq!(codes.lines().count(), 2 * commands.len());
    for line in codes.lines() {
        assert!(line.starts_with("2 "), "{line}");
    }
    let errors = std::fs::read_to_string(env.agent_folder().join("errors")).unwrap();
    assert_eq!(errors.matches("\"reentrant\"").count(), 2 * commands.len());
    assert!(env.kinds().iter().all(|kind| kind != "decision.stored"));
}

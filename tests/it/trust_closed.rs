//! What cannot be looked at whole is not trusted, and nobody trusts by accident what they were not shown.

use std::os::unix::fs::symlink;

use crate::support::TestEnv;

const CONFIG: &str = ".tickets/config.yaml";

fn trusted(scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env
}

/// The same where settings were there from the beginning: that they are not there was never trusted.
fn trusted_with_settings(scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.write(".mcp.json", "{}\n");
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env
}

#[test]
fn settings_are_found_among_however_many_files_and_too_many_of_them_are_not_trusted() {
    let env = trusted(&["claim"]);
    // Wherever they come in the order of the folder.
    for number in 0..12 {
        env.write(format!(".claude/settings.{number}.json"), "{}\n");
    }
    for number in 0..2000 {
        env.write(format!(".claude/{number}.md"), "");
    }
    env.commit_all("settings");
    let message = env.run_ends("untrusted");
    for number in 0..12 {
        assert!(message.contains(&format!(".claude/settings.{number}.json is new here")), "{message}");
    }
    for number in 12..1001 {
        env.write(format!(".claude/settings.{number}.json"), "{}\n");
    }
    env.commit_all("more settings");
    let message = env.run_ends("untrusted");
    assert!(message.contains(".claude cannot be read (more than 1000 files in it are named"), "{message}");
    let _ = env.turnstile(&["trust", "--yes"]).exits(3);
    env.ends(&["run", "--trust"], "untrusted");
}

#[test]
fn a_folder_of_settings_that_cannot_be_listed_is_not_trusted() {
    let env = trusted(&["claim"]);
    symlink(".claude", env.path(".claude")).unwrap();
    env.commit_all("a link to itself");
    let message = env.run_ends("untrusted");
    assert!(message.contains(".claude cannot be read"), "{message}");
}

#[test]
fn a_pipe_in_the_place_of_settings_holds_nobody_up() {
    let env = trusted(&["claim"]);
    assert!(env.command("mkfifo").arg(".mcp.json").status().unwrap().success());
    let program = env!("CARGO_BIN_EXE_turnstile");
    let output = env.command("timeout").args(["20", program, "--json", "run"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains(".mcp.json cannot be read (it is not a regular file)"), "{told}");
}

#[test]
fn settings_that_are_too_large_to_be_looked_at_are_not_trusted() {
    let env = trusted(&["claim"]);
    env.write(".mcp.json", vec![b' '; (1 << 20) + 1]);
    env.commit_all("large");
    let message = env.run_ends("untrusted");
    assert!(message.contains(".mcp.json cannot be read (it is larger than 1 MiB)"), "{message}");
    let _ = env.turnstile(&["trust", "--yes"]).exits(3);
}

#[test]
fn what_could_not_be_shown_is_not_trusted_by_the_way() {
    let env = trusted_with_settings(&["claim"]);
    env.remove(".mcp.json");
    symlink("/dev/zero", env.path(".mcp.json")).unwrap();
    env.write(".codex/config.toml", "one\n");
    let _ = env.turnstile(&["trust", "--yes"]).exits(3);
    env.remove(".mcp.json");
    let message = env.run_ends("untrusted");
    assert!(message.contains(".mcp.json is gone"), "{message}");
    assert!(!message.contains(".codex"), "{message}");
}

#[test]
fn trusting_a_commit_says_nothing_of_files_that_it_does_not_have() {
    let env = trusted_with_settings(&["claim"]);
    env.git(&["switch", "-q", "-c", "side"]);
    env.git(&["rm", "-q", ".mcp.json"]);
    env.write(CONFIG, env.read(CONFIG) + "# side\n");
    env.commit_all("side");
    env.git(&["switch", "-q", "main"]);
    let _ = env.turnstile(&["trust", "side", "--yes"]).exits(0);
    env.remove(".mcp.json");
    assert!(env.run_ends("untrusted").contains(".mcp.json is gone"));
}

#[test]
fn settings_that_a_turn_removed_are_listed_like_those_that_it_changed() {
    let env = trusted(&["git rm -q .mcp.json\ncommit removed", "claim"]);
    env.write(".mcp.json", "{}\n");
    env.commit_all("settings");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    assert_eq!(env.events("turn.finished")[0]["settings"][".mcp.json"], "gone");
}

#[test]
fn what_is_changed_between_the_look_and_the_question_is_not_what_is_trusted() {
    let env = trusted(&["claim"]);
    env.write(CONFIG, env.read(CONFIG) + "# one\n");
    let workspace = turnstile::run::Workspace::open(
        &env.repo(),
        turnstile::run::Surroundings {
            variables: Vec::new(),
            program: env!("CARGO_BIN_EXE_turnstile").into(),
            who: "tester".to_owned(),
            command: "trust".to_owned(),
            grace: std::time::Duration::ZERO,
            backoff: std::time::Duration::ZERO,
            screen: std::sync::Arc::new(turnstile::secret::Screen::new(&[])),
            trusts: false,
        },
    )
    .unwrap();
    let seen = workspace.untrusted().unwrap();
    assert_eq!(workspace.differences(seen.clone()).unwrap().len(), 1);
    env.write(CONFIG, env.read(CONFIG) + "# two\n");
    let refused = workspace.differences(seen).unwrap_err();
    assert!(refused.in_full().contains("it was changed while it was looked at"), "{}", refused.in_full());
}

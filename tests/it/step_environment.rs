//! What an agent gets to see.

use crate::support::TestEnv;

fn world(entry: &str, config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_entry(entry, config, scripts);
    env.ticket("auth/001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

fn variable(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

#[test]
fn a_turn_knows_where_it_is() {
    let env = world("", "", &["pwd > $AGENT/pwd\ncat > $AGENT/rest\nclaim"]);
    env.run_ends("completed");
    let seen = env.agent_environment(1);
    let repo = env.repo().display().to_string();
    for (name, value) in [
        ("TURNSTILE_TICKET", format!("{repo}/.tickets/auth/001-a.md")),
        ("TURNSTILE_TICKET_ID", "auth/001-a".to_owned()),
        ("TURNSTILE_OUTBOX", format!("{repo}/.tickets/outbox")),
        ("TURNSTILE_RUN", env.run_id().unwrap()),
        ("TURNSTILE_TURN", "1".to_owned()),
        ("TURNSTILE_IN_TURN", format!("{repo}/.git")),
        ("USER", "tester".to_owned()),
    ] {
        assert_eq!(variable(&seen, name), Some(value), "{name}");
    }
    let prompt = variable(&seen, "TURNSTILE_PROMPT_FILE").unwrap();
    assert_eq!(env.read(prompt), env.prompt(1));
    assert_eq!(env.read(env.agent_folder().join("pwd")), format!("{repo}\n"));
    assert_eq!(env.read(env.agent_folder().join("rest")), "", "stdin is closed behind the prompt");
}

#[test]
fn a_command_started_below_the_top_runs_its_agent_at_the_top() {
    let env = world("", "", &["pwd > $AGENT/pwd\nclaim"]);
    env.write("deep/down/file", "");
    env.commit_all("deep");
    let _ = env.turnstile(&["-C", "deep/down", "run"]).exits(0);
    assert_eq!(env.read(env.agent_folder().join("pwd")), format!("{}\n", env.repo().display()));
}

#[test]
fn secrets_and_gits_own_variables_are_withheld() {
    let mut env = world(", env: [MY_TOKEN]", "env: {pass: [DB_PASSWORD]}\n", &["claim"]);
    for name in
        ["OPENAI_API_KEY", "GITHUB_TOKEN", "MY_TOKEN", "DB_PASSWORD", "HARMLESS", "GIT_AUTHOR_NAME", "GIT_PREFIX"]
    {
        env.set(name, "value");
    }
    env.run_ends("completed");
    let seen = env.agent_environment(1);
    for name in ["MY_TOKEN", "DB_PASSWORD", "HARMLESS"] {
        assert_eq!(variable(&seen, name).as_deref(), Some("value"), "{name}");
    }
    for name in [
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_AUTHOR_NAME",
        "GIT_CONFIG_NOSYSTEM",
    ] {
        assert_eq!(variable(&seen, name), None, "{name}");
    }
}

#[test]
fn minimal_passes_a_short_list() {
    let mut env = world("", "env: {inherit: minimal}\n", &["claim"]);
    env.set("HARMLESS", "value");
    env.set("LC_TIME", "C");
    env.run_ends("completed");
    let seen = env.agent_environment(1);
    assert_eq!(variable(&seen, "HARMLESS"), None);
    for name in ["PATH", "HOME", "LC_TIME"] {
        assert!(variable(&seen, name).is_some(), "{name}");
    }
}

#[test]
fn a_run_inside_of_a_hook_works_in_the_repository_it_is_in() {
    let mut env = world("", "", &["git rev-parse --show-toplevel > $AGENT/top\nclaim"]);
    let repo = env.repo().display().to_string();
    env.set("GIT_DIR", format!("{repo}/.git"));
    env.set("GIT_INDEX_FILE", format!("{repo}/.git/index"));
    env.run_ends("completed");
    assert_eq!(env.read(env.agent_folder().join("top")), format!("{repo}\n"));
    assert_eq!(variable(&env.agent_environment(1), "GIT_DIR"), None);
}

#[test]
fn the_prompt_may_come_as_a_file() {
    let env = TestEnv::new();
    env.agent(&[]);
    let script = env.root().join("by-file");
    env.write(&script, "cat \"$1\" > ../seen; cat > ../stdin; sed 's/done: false/done: true/' \"$TURNSTILE_TICKET\" > ../t; cat ../t > \"$TURNSTILE_TICKET\"\n");
    let command = script.display();
    env.write(
        ".tickets/config.yaml",
        format!("default_agent: mine\nagents:\n  mine: {{kind: command, command: [sh, \"{command}\", \"{{prompt_file}}\"]}}\n"),
    );
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert!(env.read("../seen").contains("Do it."));
    assert_eq!(env.read("../stdin"), "");
}

#[test]
fn equal_state_gives_an_equal_prompt() {
    let prompts: Vec<String> = (0..2)
        .map(|_| {
            let env = world("", "", &["claim"]);
            env.run_ends("completed");
            env.prompt(1).replace(&env.root().display().to_string(), "")
        })
        .collect();
    assert_eq!(prompts[0], prompts[1]);
}

#[test]
fn what_a_turn_leaves_is_readable_by_its_person_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = world("", "", &["echo spoken; echo muttered >&2; claim"]);
    env.run_ends("completed");
    let turn = env.run_folder().join("turns/0001");
    assert_eq!(env.read(turn.join("prompt.md")), env.prompt(1));
    assert_eq!(env.read(turn.join("stdout.log")), "spoken\n");
    assert_eq!(env.read(turn.join("stderr.log")), "muttered\n");
    assert!(env.read(turn.join("final.md")).contains("spoken"));
    for entry in walkdir::WalkDir::new(env.path(".git/turnstile")) {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let expected = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", entry.path().display());
    }
}

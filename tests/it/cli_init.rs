//! `turnstile init`.

use insta::assert_snapshot;

use crate::support::TestEnv;

/// Nothing but what git and a shell need, so that no agent of this machine is found.
fn without_agents(env: &mut TestEnv) {
    let tools = env.root().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for name in ["git", "sh", "cut", "sort", "sed", "mkdir", "cat", "env"] {
        let found =
            String::from_utf8(env.command("sh").args(["-c", &format!("command -v {name}")]).output().unwrap().stdout);
        std::os::unix::fs::symlink(found.unwrap().trim(), tools.join(name)).unwrap();
    }
    env.set("PATH", tools.to_str().unwrap());
}

#[test]
fn it_makes_a_config_and_a_ticket_that_run_at_once() {
    let mut env = TestEnv::new();
    without_agents(&mut env);
    assert_snapshot!(env.turnstile(&["init"]).text(), @r"
    --- stdout
    made .tickets/config.yaml
    made .tickets/001-describe-repository.md
    --- stderr
    tickets that name no agent are for `user`; `.tickets/config.yaml` says so
    next: `turnstile run` does the first ticket; `turnstile new TITLE` makes your own
    --- exit 0
    ");
    assert!(env.read(".tickets/config.yaml").contains("default_agent: user"));
    let _ = env.turnstile(&["lint", "--strict"]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(env.json(&["status"])["tickets"]["done"], 1);
    assert!(env.exists(".tickets/context/repository.md"));
}

#[test]
fn the_first_agent_program_on_path_becomes_the_default() {
    let mut env = TestEnv::new();
    without_agents(&mut env);
    let program = env.root().join("tools/claude");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    let _ = env.turnstile(&["init"]).exits(0);
    assert!(env.read(".tickets/config.yaml").contains("default_agent: user"), "what cannot be run is no program");
    env.remove(".tickets");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(env.json(&["init"])["default_agent"], "claude");
    assert!(env.read(".tickets/config.yaml").contains("default_agent: claude"));
}

#[test]
fn nothing_is_overwritten_and_no_ticket_is_put_beside_others() {
    let mut env = TestEnv::new();
    without_agents(&mut env);
    env.write(".tickets/config.yaml", "default_agent: shell\n");
    env.ticket("7-own", "done: false", "# Own");
    assert_snapshot!(env.turnstile(&["init"]).text(), @r"
    --- stdout
    kept .tickets/config.yaml, which was there already
    --- stderr
    next: `turnstile new TITLE` makes a ticket; `turnstile next` says what a step would do
    --- exit 0
    ");
    assert_eq!(env.read(".tickets/config.yaml"), "default_agent: shell\n");
    assert_eq!(env.files(".tickets"), ["7-own.md", "config.yaml"]);
    let document = env.json(&["init"]);
    assert_eq!((&document["made"], &document["default_agent"]), (&serde_json::json!([]), &serde_json::Value::Null));
}

#[test]
fn it_works_at_the_top_of_the_worktree_wherever_it_is_typed() {
    let mut env = TestEnv::new();
    without_agents(&mut env);
    env.write("src/deep/file", "");
    let output = env.turnstile(&["-C", "src/deep", "init"]).exits(0);
    assert!(output.stdout.contains("made ../../.tickets/config.yaml\n"), "{}", output.text());
    assert!(env.exists(".tickets/config.yaml"));
}

#[test]
fn a_person_is_told_that_git_ignores_the_tickets() {
    let mut env = TestEnv::new();
    without_agents(&mut env);
    env.write(".gitignore", ".tickets/\n");
    let output = env.turnstile(&["init"]).exits(0);
    assert!(output.stderr.contains("git ignores .tickets"), "{}", output.text());
}

#[test]
fn without_a_worktree_it_says_what_to_type() {
    let env = TestEnv::without_repository();
    assert_snapshot!(env.turnstile(&["init"]).text(), @r"
    --- stderr
    error: no git repository at [ROOT] or above it; `git init` makes one
    --- exit 3
    ");
    assert_eq!(env.turnstile(&["--json", "init"]).exits(3).error()["code"], "not_a_repository");
    env.git(&["init", "--quiet", "--bare", "bare"]);
    let output = env.turnstile(&["-C", "bare", "init"]).exits(3);
    assert!(output.stderr.contains("git worktree add"), "{}", output.text());
    let output = env.turnstile(&["-C", "nowhere", "init"]).exits(2);
    assert!(output.stderr.contains("cannot work in `nowhere`"), "{}", output.text());
}

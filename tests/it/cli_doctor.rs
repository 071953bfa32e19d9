//! `turnstile doctor`.

use insta::assert_snapshot;

use crate::support::TestEnv;

fn check(env: &TestEnv, name: &str) -> serde_json::Value {
    let document = env.json(&["doctor"]);
    let found = document.as_array().unwrap().iter().find(|check| check["check"] == name);
    found.unwrap_or_else(|| panic!("{name}: {document:#}")).clone()
}

/// A world in which no agent program is installed, whatever the machine has.
fn healthy() -> TestEnv {
    let mut env = TestEnv::new();
    env.agent(&[]);
    env.ticket("001-a", "title: A", "x");
    env.set("PATH", "/bin:/usr/bin");
    env
}

#[test]
fn a_healthy_repository() {
    let env = healthy();
    assert_snapshot!(env.turnstile(&["doctor"]).text(), @r"
    --- stdout
    ok  git          version [VERSION]
    ok  repository   main worktree [ROOT]/repo on main
    ok  identity     Tester <tester@example.org>
    ok  space        [ROOT]/repo/.git can be written, and there is room
    ok  tickets      1 in [ROOT]/repo/.tickets
    ok  config       no faults
    ok  agent mine   [ROOT]/agent/next
    ok  agent shell  /bin/sh
    ok  trust        TURNSTILE_TRUST has the next run trust .tickets/config.yaml unseen
    ok  lock         free
    ok  journal      no run has begun here
    ok  leftovers    none
    ok  triggers     none waits
    --- exit 0
    ");
}

#[test]
fn outside_of_a_repository_it_says_what_to_type() {
    let env = TestEnv::without_repository();
    assert_snapshot!(env.turnstile(&["doctor"]).text(), @r"
    --- stdout
    ok     git         version [VERSION]
    fault  repository  no git repository at [ROOT] or above it; `git init` makes one
                       help: git init
    --- exit 3
    ");
}

#[test]
fn each_fault_has_a_check_of_its_own_and_hides_no_other() {
    let mut env = healthy();
    env.git(&["config", "user.name", ""]);
    env.git(&["checkout", "--quiet", "--detach"]);
    env.write(".tickets/config.yaml", "default_agent: codex\nagnets: {}\n");
    env.write(".git/index.lock", "");
    env.set("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, said, help) in [
        ("repository", "HEAD is detached", "git switch"),
        ("identity", "who commits", "git config user.name"),
        ("config", ".tickets/config.yaml:2:1: E019", "turnstile lint"),
        ("agent codex", "not on PATH", "install it"),
        ("leftovers", "index.lock exists for", "rm "),
    ] {
        let check = check(&env, name);
        assert_eq!(check["ok"], false, "{check}");
        assert!(check["message"].as_str().unwrap().contains(said), "{check}");
        assert!(check["help"].as_str().unwrap().contains(help), "{check}");
    }
    for name in ["git", "space", "journal", "lock", "tickets"] {
        assert_eq!(check(&env, name)["ok"], true, "{name}");
    }
    let _ = env.turnstile(&["doctor"]).exits(3);
}

#[test]
fn a_journal_that_cannot_be_read_is_named_and_left_as_it_is() {
    let env = healthy();
    let _ = env.turnstile(&["step"]);
    let journal = env.run_folder().join("journal.jsonl");
    let damaged = env.read(&journal).replacen("run.started", "run.stopped", 1);
    env.write(&journal, &damaged);
    let found = check(&env, "journal");
    assert_eq!(found["ok"], false);
    assert!(found["help"].as_str().unwrap().contains("rm "), "{found}");
    assert_eq!(env.read(&journal), damaged);
    let _ = env.turnstile(&["status"]).exits(7);
}

#[test]
fn ignored_tickets_are_no_fault_and_are_said() {
    let env = healthy();
    env.write(".gitignore", ".tickets\n");
    env.git(&["rm", "-r", "--quiet", "--cached", ".tickets"]);
    let found = check(&env, "tickets");
    assert_eq!(found["ok"], true);
    assert!(found["message"].as_str().unwrap().contains("git ignores .tickets/"), "{found}");
}

#[test]
fn who_holds_the_lock_is_said() {
    let env = TestEnv::new();
    env.agent(&["touch began; while [ ! -f go ]; do sleep 0.02; done; rm go began; claim"]);
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let child = env.spawn(&["step"]);
    env.until("the turn begins", |env| env.exists("began"));
    let found = check(&env, "lock");
    env.write("go", "");
    let _ = env.wait(child).exits(0);
    assert_eq!(found["ok"], true);
    assert!(found["message"].as_str().unwrap().contains("turnstile step"), "{found}");
}

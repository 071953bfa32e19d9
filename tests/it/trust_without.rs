//! What was trusted without a file: its absence was trusted with the rest, and only then.

use std::os::unix::fs::symlink;

use crate::support::TestEnv;

const SETTINGS: &str = ".claude/settings.json";

/// A world with a config, in which nothing is trusted yet.
fn world() -> TestEnv {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

fn trust(env: &TestEnv) {
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    assert_ne!(env.next(), "wait untrusted");
}

/// Adds a file, which is new, and trusts it.
fn add(env: &TestEnv, path: &str) {
    env.write(path, "{{ rules }}{{ ticket }}");
    let changes = env.json(&["trust"])["files"].clone();
    assert_eq!((&changes[0]["path"], &changes[0]["change"]), (&path.into(), &"new".into()), "{changes}");
    trust(env);
}

fn is_asked_for_what_is_gone(env: &TestEnv, path: &str) {
    env.remove(path);
    let message = env.run_ends("untrusted");
    assert!(message.contains(&format!("{path} is gone")), "{message}");
}

#[test]
fn going_back_to_what_was_trusted_without_a_file_asks_nobody() {
    for path in
        [SETTINGS, ".claude/settings.local.json", ".codex/config.toml", ".mcp.json", ".tickets/templates/turn.md"]
    {
        let env = world();
        trust(&env);
        env.git(&["switch", "--quiet", "--create", "feat"]);
        add(&env, path);
        env.commit_all("settings");
        env.git(&["switch", "--quiet", "main"]);
        assert_ne!(env.next(), "wait untrusted", "{path}");
        env.git(&["switch", "--quiet", "feat"]);
        assert_ne!(env.next(), "wait untrusted", "{path}");
        env.write(path, "another");
        assert!(env.run_ends("untrusted").contains(&format!("{path} was changed since it was trusted")), "{path}");
    }
}

#[test]
fn a_file_that_was_there_in_all_that_was_trusted_asks_when_it_is_gone() {
    let env = world();
    env.write(SETTINGS, "{}");
    trust(&env);
    // Others come and change meanwhile.
    add(&env, ".mcp.json");
    env.write(SETTINGS, "{ }");
    trust(&env);
    env.remove(".mcp.json");
    assert_ne!(env.next(), "wait untrusted");
    is_asked_for_what_is_gone(&env, SETTINGS);
}

#[test]
fn what_init_trusts_beside_settings_that_nobody_has_looked_at_says_nothing_of_them() {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.write(SETTINGS, "{}");
    let _ = env.turnstile(&["init"]).exits(0);
    env.ends(&["run"], "untrusted");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    is_asked_for_what_is_gone(&env, SETTINGS);

    let mut env = TestEnv::new();
    env.asks_for_trust();
    let _ = env.turnstile(&["init"]).exits(0);
    env.write(SETTINGS, "{}");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env.remove(SETTINGS);
    assert_ne!(env.next(), "wait untrusted", "it was not there");
}

#[test]
fn a_commit_that_was_trusted_says_nothing_of_what_lies_in_the_worktree_alone() {
    let env = world();
    env.write(".git/info/exclude", "settings.json\n");
    env.write(SETTINGS, "{}");
    let _ = env.turnstile(&["trust", "main", "--yes"]).exits(0);
    trust(&env);
    is_asked_for_what_is_gone(&env, SETTINGS);
}

#[test]
fn beside_what_cannot_be_read_nothing_is_known_to_be_absent() {
    let env = world();
    symlink("/dev/zero", env.path(".mcp.json")).unwrap();
    let _ = env.turnstile(&["trust", "--yes"]).exits(3);
    env.remove(".mcp.json");
    env.write(".mcp.json", "{}");
    trust(&env);
    is_asked_for_what_is_gone(&env, ".mcp.json");
}

#[test]
fn a_store_that_does_not_say_whether_all_was_trusted_once_asks_once() {
    let env = world();
    trust(&env);
    let list = ".git/turnstile/trusted/list.json";
    let text = env.read(list);
    assert!(text.contains("  \"whole\": true,\n"), "{text}");
    let written = std::fs::File::options().write(true).truncate(true).open(env.path(list));
    std::io::Write::write_all(&mut written.unwrap(), text.replace("  \"whole\": true,\n", "").as_bytes()).unwrap();
    assert_ne!(env.next(), "wait untrusted", "what it trusts is trusted");
    add(&env, SETTINGS);
    is_asked_for_what_is_gone(&env, SETTINGS);
    trust(&env);
    add(&env, ".mcp.json");
    env.remove(".mcp.json");
    assert_ne!(env.next(), "wait untrusted");
}

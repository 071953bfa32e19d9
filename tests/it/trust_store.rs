//! What was trusted lies outside of the worktree, and counts only where nobody else can have written it: fail closed.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::support::TestEnv;

const STORE: &str = ".git/turnstile/trusted";

fn world() -> TestEnv {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    assert_eq!(env.next(), "run_turn");
    env
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Whatever was done to the store, nothing is trusted, and what is told makes it good again.
fn is_refused(env: &TestEnv, why: &str) {
    let document = env.ends(&["run", "--trust"], "untrusted");
    let message = document["reason"]["message"].as_str().unwrap();
    assert!(message.contains(why), "{why}: {message}");
    assert!(document["reason"]["details"]["store"].as_str().is_some_and(|store| store.contains(why)), "{message}");
    assert_eq!((env.turns(), env.next()), (Vec::new(), "wait untrusted".to_owned()), "{why}");
    let error = env.turnstile(&["--json", "trust", "--yes"]).exits(3).error();
    assert_eq!(error["code"], "invalid", "{why}");
    let command = message.split('`').find(|part| part.starts_with("rm -r ") || part.starts_with("chmod")).unwrap();
    assert!(env.command("sh").args(["-c", command]).status().unwrap().success(), "{command}");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn it_is_for_its_owner_alone() {
    let env = world();
    let modes = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(modes(&env.path(STORE)), 0o700);
    for entry in std::fs::read_dir(env.path(STORE)).unwrap() {
        assert_eq!(modes(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn one_that_others_may_write_trusts_nothing() {
    for (path, bits) in [(STORE, 0o770), (STORE, 0o702), (".git/turnstile/trusted/list.json", 0o620)] {
        let env = world();
        mode(&env.path(path), bits);
        is_refused(&env, "others than its owner may write");
    }
    let env = world();
    mode(&env.path(".git/turnstile"), 0o770);
    is_refused(&env, "others than its owner may write");
}

#[test]
fn one_of_another_user_trusts_nothing() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::skipped("only root can give a file away");
    }
    for path in [STORE, ".git/turnstile/trusted/list.json"] {
        let env = world();
        std::os::unix::fs::chown(env.path(path), Some(12345), None).unwrap();
        is_refused(&env, "belongs to user 12345");
    }
}

#[test]
fn one_behind_a_link_and_what_is_no_folder_trust_nothing() {
    let env = world();
    std::fs::rename(env.path(STORE), env.root().join("elsewhere")).unwrap();
    symlink(env.root().join("elsewhere"), env.path(STORE)).unwrap();
    is_refused(&env, "symbolic link");
    let env = world();
    env.remove(STORE);
    env.write(STORE, "a file");
    is_refused(&env, "is no folder");
    let env = world();
    let list = env.path(".git/turnstile/trusted/list.json");
    std::fs::rename(&list, env.root().join("list")).unwrap();
    symlink(env.root().join("list"), &list).unwrap();
    is_refused(&env, "cannot be used");
}

#[test]
fn a_damaged_one_trusts_nothing() {
    for text in ["", "{", "[]", "{\"version\":1}", "\u{0}"] {
        let env = world();
        env.write(".git/turnstile/trusted/list.json", text);
        mode(&env.path(".git/turnstile/trusted/list.json"), 0o600);
        is_refused(&env, "it is damaged");
    }
    let env = world();
    let list = env.read(".git/turnstile/trusted/list.json").replace("\"version\": 1", "\"version\": 2");
    env.write(".git/turnstile/trusted/list.json", list);
    assert!(env.run_ends("untrusted").contains("is of a newer turnstile (version 2); use that one"));
}

#[test]
fn one_that_came_with_a_copy_of_the_repository_is_not_what_this_machine_trusted() {
    let env = world();
    assert!(env.command("cp").args(["-a", ".", "../copy"]).status().unwrap().success());
    let message = env.ends(&["-C", "../copy", "run"], "untrusted")["reason"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("was not made here: it was copied or restored from elsewhere"), "{message}");
    std::fs::rename(env.repo(), env.root().join("moved")).unwrap();
    let moved = env.root().join("moved").display().to_string();
    env.ends(&["-C", &moved, "run"], "completed");
}

#[test]
fn what_is_gone_is_not_trusted_any_more_and_says_so() {
    let env = world();
    env.remove(STORE);
    assert!(env.run_ends("untrusted").contains(".tickets/config.yaml is new here"));
    let env = world();
    for entry in std::fs::read_dir(env.path(STORE)).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("content-") {
            std::fs::write(entry.path(), "another").unwrap();
        }
    }
    // What was trusted is known by its digest; only the difference cannot be shown without it.
    env.write(".tickets/config.yaml", env.read(".tickets/config.yaml") + "# more\n");
    let shown = env.turnstile(&["trust", "--yes"]).exits(0);
    assert!(shown.stdout.starts_with(".tickets/config.yaml is new here:\n"), "{}", shown.text());
}

//! git's hooks, where turnstile commits.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::TestEnv;

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(&format!("commit: {{by: runner{config}}}\n"), scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

fn hook(env: &TestEnv, name: &str, script: &str) {
    let path = env.path(format!(".git/hooks/{name}"));
    env.write(&path, format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn hooks_run_where_turnstile_commits_work() {
    let env = world("", &["echo one > file\nclaim"]);
    hook(&env, "pre-commit", "git diff --cached --name-only > ../staged");
    hook(&env, "commit-msg", "echo 'Reviewed-by: A Hook' >> \"$1\"");
    env.write("loose", "the user's");
    env.ends(&["run", "--allow-dirty"], "completed");
    assert_eq!(env.read("../staged"), ".tickets/001-a.md\nfile\n", "exactly that commit is staged");
    assert!(env.git(&["log", "-1", "--format=%B"]).contains("Reviewed-by: A Hook"));
    assert_eq!(env.status(), ["?? loose"]);
}

#[test]
fn a_hook_that_refuses_is_the_agents_to_satisfy() {
    let env = world("", &["echo 'TODO' > file\nclaim", "echo fine > file"]);
    hook(&env, "pre-commit", "if grep -q TODO file; then echo 'file:1: no TODO please'; exit 1; fi");
    env.step_comes_to("retry_asked");
    assert_eq!(env.subjects()[0], "tickets");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("no TODO please"), "{}", env.prompt(2));
    assert_eq!(env.subjects()[0], "001-a: A");
    assert_eq!(env.turns().len(), 2);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_hook_that_goes_on_refusing_ends_in_commit_failed() {
    let env = world("", &["echo one > file\nclaim", "true", "true", "true"]);
    hook(&env, "pre-commit", "echo 'never on a Friday' >&2; exit 1");
    let message = env.run_ends("commit_failed");
    assert!(message.contains("never on a Friday"), "{message}");
    assert_eq!(env.turns().len(), 3);
    env.run_ends("commit_failed");
    assert_eq!(env.turns().len(), 3);
    // A person commits past the hook, and no turn is spent.
    env.git(&["add", "file"]);
    env.git(&["commit", "--quiet", "--no-verify", "-m", "by hand"]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 3);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_hook_may_change_what_is_committed() {
    let env = world("", &["echo one > file\nclaim"]);
    hook(&env, "pre-commit", "echo formatted >> file; git add file");
    env.run_ends("completed");
    assert_eq!(env.git(&["show", "HEAD:file"]), "one\nformatted");
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn hooks_can_be_skipped() {
    let env = world(", hooks: skip", &["echo one > file\nclaim"]);
    hook(&env, "pre-commit", "exit 1");
    env.run_ends("completed");
}

#[test]
fn paperwork_runs_no_hooks() {
    let env = TestEnv::new();
    env.agent(&["ask 'Why?'", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    hook(&env, "pre-commit", "exit 1");
    env.run_ends("user_dispatch");
    assert_eq!(env.subjects()[0], "001-a: waits for an answer");
    env.reply("Because.");
    env.run_ends("completed");
    assert_eq!(env.subjects()[0], "001-a: done");
}

#[test]
fn turnstile_does_not_trip_over_a_foreign_lock() {
    let env = world("", &["echo one > file\nclaim"]);
    env.write(".git/index.lock", "");
    let message = env.run_ends("git_failed");
    assert!(message.contains("index.lock"), "{message}");
    assert!(env.exists(".git/index.lock"), "it is never deleted");
    env.remove(".git/index.lock");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 1);
}

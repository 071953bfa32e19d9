//! Hooks that come and go while others are at work in the same folder, and on a machine that does not play along:
//! nothing of anybody's is lost, and what is missing is missed.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use rustix::fs::{FlockOperation, flock};

use crate::support::TestEnv;

const PRE_PUSH: &str = ".git/hooks/pre-push";

/// Whether a process waits for a lock that another one holds.
fn waits_for_a_lock(child: &Child) -> bool {
    let pid = child.id().to_string();
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains(" -> ") && line.split_whitespace().any(|word| word == pid))
}

/// Somebody is at work in the folder of hooks: what they leave there is what the command finds.
fn beside(env: &TestEnv, arguments: &[&str], work: impl Fn(&TestEnv)) -> crate::support::Output {
    let folder = File::open(env.path(".git/hooks")).unwrap();
    flock(&folder, FlockOperation::LockExclusive).unwrap();
    let mut child = env.spawn(arguments);
    env.until("it waits", |_| waits_for_a_lock(&child));
    assert!(child.try_wait().unwrap().is_none());
    work(env);
    drop(folder);
    env.wait(child)
}

#[test]
fn what_another_has_put_there_meanwhile_is_kept_and_runs_first() {
    let env = TestEnv::new();
    let _ = beside(&env, &["hooks", "install"], |env| env.hook(PRE_PUSH, "exit 0 # theirs")).exits(0);
    assert_eq!(env.read(".git/hooks/pre-push.turnstile-chained"), "#!/bin/sh\nexit 0 # theirs\n");
}

#[test]
fn what_another_has_written_meanwhile_is_not_taken_away() {
    let env = TestEnv::new();
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    let edited = env.read(PRE_PUSH) + "echo mine\n";
    let _ = beside(&env, &["hooks", "uninstall"], |env| fs::write(env.path(PRE_PUSH), &edited).unwrap()).exits(3);
    assert_eq!(env.read(PRE_PUSH), edited);
}

#[test]
fn an_install_that_was_killed_halfway_is_known_to_be_half() {
    let env = TestEnv::new();
    // So large a file may be written, and no larger one: the record fits, a hook does not.
    let program = env!("CARGO_BIN_EXE_turnstile");
    let script = format!("ulimit -f 1; exec '{program}' hooks install");
    let killed = env.command("sh").args(["-c", &script]).stderr(Stdio::null()).status().unwrap();
    assert!(!killed.success());
    assert!(!env.exists(PRE_PUSH));
    let status = env.turnstile(&["hooks", "status"]).exits(3).stdout;
    assert!(status.contains(".git/hooks/pre-push is gone"), "{status}");
}

#[test]
fn an_uninstall_that_came_to_nothing_still_knows_what_was_asked_for() {
    let env = TestEnv::new();
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    env.remove(".git/hooks/post-merge");
    fs::write(env.path(PRE_PUSH), env.read(PRE_PUSH) + "echo mine\n").unwrap();
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(3);
    let status = env.turnstile(&["hooks", "status"]).exits(3).stdout;
    assert!(status.contains(".git/hooks/post-merge is gone"), "{status}");
}

#[test]
fn a_record_of_a_newer_turnstile_is_not_read_as_if_it_were_an_old_one() {
    let env = TestEnv::new();
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    let record = env.read(".git/turnstile/hooks.json").replace("\"version\":1", "\"version\":2");
    env.write(".git/turnstile/hooks.json", &record);
    let refused = env.turnstile(&["hooks", "install", "--on", "commit"]).exits(7);
    assert!(refused.stderr.contains("it has version 2"), "{}", refused.text());
    assert_eq!(env.read(".git/turnstile/hooks.json"), record);
}

#[test]
fn a_program_that_is_gone_is_not_what_hooks_are_made_to_call() {
    let env = TestEnv::new();
    let copy = env.root().join("copy");
    fs::copy(env!("CARGO_BIN_EXE_turnstile"), &copy).unwrap();
    let script = "exec 3< ../copy; rm ../copy; exec /proc/self/fd/3 hooks install";
    let output = env.command("sh").args(["-c", script]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("cannot be called by a hook"), "{told}");
    assert!(!env.exists(PRE_PUSH));
}

#[test]
fn an_agent_can_neither_install_hooks_nor_take_them_away() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_turnstile");
    let tries = ["install --lint", "uninstall"].map(|what| {
        format!("for how in '' 'env -u TURNSTILE_IN_TURN'; do code=0; $how {program} hooks {what} || code=$?; echo $code >> \"$AGENT/codes\"; done")
    });
    env.agent(&[&format!("{}\nclaim", tries.join("\n"))]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    env.commit_all("tickets");
    let before = env.hooks(".git/hooks");
    env.run_ends("completed");
    assert_eq!(env.read(env.agent_folder().join("codes")), "2\n2\n2\n2\n");
    assert_eq!(env.hooks(".git/hooks"), before);
}

#[test]
fn what_lies_behind_a_link_in_the_place_of_the_folder_is_not_taken_away() {
    let env = TestEnv::new();
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    fs::rename(env.path(".git/hooks"), env.path("shared")).unwrap();
    std::os::unix::fs::symlink("../shared", env.path(".git/hooks")).unwrap();
    let before = env.hooks("shared");
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    assert_eq!(env.hooks("shared"), before);
}

#[test]
fn a_file_that_git_does_not_run_calls_nobody() {
    let env = TestEnv::new();
    env.git(&["config", "core.hooksPath", ".githooks"]);
    env.write(".githooks/pre-push", "#!/bin/sh\nturnstile hook pre-push \"$@\"\n");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(3);
    env.hook(".githooks/pre-push", "turnstile hook pre-push \"$@\"");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
}

#[test]
fn what_a_tool_that_is_gone_has_left_is_no_tool() {
    let env = TestEnv::new();
    env.hook(".git/hooks/commit-msg.old", "# File generated by pre-commit: https://pre-commit.com");
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    let env = TestEnv::new();
    env.hook(".git/hooks/commit-msg", "# File generated by pre-commit: https://pre-commit.com");
    let refused = env.turnstile(&["hooks", "install"]).exits(3);
    assert!(refused.stderr.contains("--beside"), "{}", refused.text());
    assert!(!env.exists(PRE_PUSH));
    let _ = env.turnstile(&["hooks", "install", "--beside"]).exits(0);
}

#[test]
fn where_no_file_can_be_written_the_former_hook_is_given_all_and_the_push_goes_on() {
    let mut env = TestEnv::new();
    env.hub();
    env.hook(PRE_PUSH, "cat >&2");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    // No room for what git says.
    let script = format!("ulimit -f 0; trap '' XFSZ; echo told | {PRE_PUSH} origin url");
    let output = env.command("sh").args(["-c", &script]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("told\n"), "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
    let _ = env.rings();
    // No name for a file.
    env.hook("bin/mktemp", "exit 1");
    env.programs("bin");
    let pushed = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
    assert!(pushed.stderr.starts_with("refs/heads/main "), "{}", pushed.text());
    assert_eq!(env.rings().len(), 1);
    assert_eq!(env.read("../bell/stdin.pre-push"), pushed.stderr);
}

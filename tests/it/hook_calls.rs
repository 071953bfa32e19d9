//! What a call of a hook is made of, however odd: it holds nobody up, and is neither taken for nothing nor for work.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{TestEnv, hook_of, refused_of, triggers_of};

const KEPT: &str = "turnstile: trigger kept; turnstile status shows what came of it\n";

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.trust();
    env
}

/// A world in which a run has made a commit and is over; its name.
fn worked() -> (TestEnv, String) {
    let env = world(&["echo x > file\ncommit x\nclaim"]);
    env.run_ends("completed");
    let run = env.run_id().unwrap();
    (env, run)
}

/// Whether a call of a hook has asked for a run.
fn rings(env: &TestEnv, hook: &str, stdin: &str) -> bool {
    let said = env.call_hook(hook, stdin).exits(0).stderr;
    env.settled();
    assert!(said.is_empty() || said == KEPT, "{said}");
    said == KEPT
}

#[test]
fn many_references_are_somebodys_push_whatever_they_hold() {
    let (env, _) = worked();
    let (head, base) = (env.git(&["rev-parse", "HEAD"]), env.git(&["rev-parse", "HEAD^"]));
    let told = |count: usize| -> String {
        let line = |one| format!("refs/heads/{one} {head} refs/heads/{one} {base}\n");
        (0..count).map(line).collect()
    };
    assert!(!rings(&env, "pre-push", &told(20)), "turnstile's own");
    assert!(rings(&env, "pre-push", &told(21)));
}

#[test]
fn who_merges_a_commit_of_turnstiles_own_may_have_brought_something_else() {
    let (env, _) = worked();
    assert!(!rings(&env, "post-commit", ""), "turnstile's own");
    assert!(rings(&env, "post-merge", "0"));
}

#[test]
fn a_commit_that_a_journal_only_mentions_is_not_turnstiles_own() {
    let (env, run) = worked();
    env.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("mine\n\nTurnstile-Run: {run}")]);
    let head = env.git(&["rev-parse", "HEAD"]);
    let journal = env.run_folder().join("journal.jsonl");
    env.write(&journal, env.read(&journal) + &format!("{{\"kind\":\"turn.started\",\"base\":\"{head}\"}}\n"));
    assert_eq!(env.call_hook("post-commit", "").exits(0).stderr, KEPT);
    env.settled();
}

#[test]
fn a_bare_repository_is_only_asked_by_a_push_of_tickets() {
    let env = TestEnv::new();
    let origin = env.origin();
    hook_of(&origin, "post-receive");
    assert_eq!(env.git_says(&["push", "--quiet", "origin", "main"]).exits(0).stderr, "");
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let call = ["-C", origin.to_str().unwrap(), "hook", "post-commit"];
    assert_eq!(env.turnstile(&call).exits(0).text(), "--- exit 0\n");
    env.settled();
    assert!(!origin.join("turnstile").exists());
    let pushed = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
    assert!(pushed.stderr.contains("trigger kept"), "{}", pushed.text());
    env.settled();
    assert_eq!(triggers_of(&origin).len(), 1);
    // A push from there to elsewhere.
    let told = format!("refs/heads/main {} refs/heads/main {}\n", env.git(&["rev-parse", "HEAD"]), "0".repeat(40));
    let said = env.turnstile_with(&["-C", origin.to_str().unwrap(), "hook", "pre-push"], &told).exits(0);
    env.settled();
    assert_eq!((said.text().as_str(), triggers_of(&origin).len()), ("--- exit 0\n", 1));
}

#[test]
fn a_worktree_whose_folder_is_gone_keeps_no_other_one_from_work() {
    let env = world(&["claim"]);
    env.git(&["worktree", "add", "--quiet", "-b", "gone", "../gone"]);
    std::fs::remove_dir_all(env.root().join("gone")).unwrap();
    let (old, new) = ("0".repeat(40), env.git(&["rev-parse", "HEAD"]));
    assert!(rings(&env, "post-receive", &format!("{old} {new} refs/heads/gone\n{old} {new} refs/heads/main\n")));
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn a_program_that_is_gone_leaves_the_trigger_and_says_that_nobody_works_on_it() {
    let env = world(&["claim"]);
    std::fs::copy(env!("CARGO_BIN_EXE_turnstile"), env.root().join("copy")).unwrap();
    let script = "exec 3< ../copy; rm ../copy; exec /proc/self/fd/3 hook post-commit";
    let output = env.command("sh").args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(env.triggers().len(), 1);
    let refused = refused_of(&env.path(".git"), "main").unwrap();
    assert!(refused["reason"]["message"].as_str().unwrap().starts_with("no runner could be started"), "{refused}");
    env.run_ends("completed");
    assert_eq!((env.triggers().len(), env.refused()), (0, None));
}

#[test]
fn a_repository_that_cannot_be_opened_and_has_no_tickets_is_left_as_it_is() {
    let env = TestEnv::without_repository();
    std::fs::create_dir(env.repo()).unwrap();
    env.git(&["init", "--quiet", "--object-format=sha256"]);
    assert_eq!(env.call_hook("post-commit", "").exits(0).text(), "--- exit 0\n");
    assert!(!env.exists(".git/turnstile"));
}

#[test]
fn whoever_tells_a_hook_very_much_is_listened_to_and_takes_no_memory() {
    let env = world(&["claim"]);
    let mut command = env.command(env!("CARGO_BIN_EXE_turnstile"));
    command.args(["hook", "pre-push"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..128 {
        stdin.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let status = env.read(format!("/proc/{}/status", child.id()));
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(most < 100_000, "{most} kB");
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), KEPT);
    env.settled();
}

#[test]
fn a_person_who_types_the_name_of_a_hook_has_to_type_nothing_more() {
    let env = world(&["claim"]);
    let Some(terminal) = env.at_terminal("hook pre-push") else { return };
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    env.settled();
}

#[test]
fn a_run_that_a_message_names_is_a_run_and_no_path() {
    let (env, _) = worked();
    env.git(&["commit", "--quiet", "--allow-empty", "-m", "mine\n\nTurnstile-Run: ../../../fake"]);
    let head = env.git(&["rev-parse", "HEAD"]);
    env.write("fake/journal.jsonl", format!("{{\"kind\":\"commit.made\",\"commit\":\"{head}\"}}\n"));
    assert!(rings(&env, "post-commit", ""));
}

#[test]
fn a_branch_that_is_removed_is_no_work_for_the_worktree_that_has_it() {
    let env = world(&["claim"]);
    let (none, old) = ("0".repeat(40), env.git(&["rev-parse", "HEAD"]));
    assert!(!rings(&env, "post-receive", &format!("{old} {none} refs/heads/main\n")));
    assert!(rings(&env, "post-receive", &format!("{none} {old} refs/heads/main\n")));
}

#[test]
fn the_log_of_a_runner_is_for_its_owner_alone_and_does_not_grow_for_ever() {
    let env = world(&["claim"]);
    assert!(rings(&env, "post-commit", ""));
    let log = env.path(".git/turnstile/worktrees/main/runner.log");
    let mode = std::os::unix::fs::PermissionsExt::mode(&log.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let old = env.read(&log);
    env.write(&log, old.clone() + &" ".repeat(1 << 20));
    assert!(rings(&env, "post-merge", "0"));
    assert!(env.read(log.with_extension("log.old")).starts_with(&old));
    assert!(log.metadata().unwrap().len() < 1 << 20);
}

#[test]
fn a_push_that_brings_a_persons_commits_below_turnstiles_own_is_theirs() {
    let (env, _) = worked();
    let (head, base) = (env.git(&["rev-parse", "HEAD"]), env.git(&["rev-parse", "HEAD~3"]));
    let told = |old: &str| format!("refs/heads/main {head} refs/heads/main {old}\n");
    assert!(!rings(&env, "pre-push", &told(&env.git(&["rev-parse", "HEAD~2"]))), "turnstile's own, and the turn's");
    assert!(rings(&env, "pre-push", &told(&base)), "the commit of the tickets has never been pushed");
    assert!(rings(&env, "pre-push", &told(&"0".repeat(40))), "nor has anything, to a new branch");
}

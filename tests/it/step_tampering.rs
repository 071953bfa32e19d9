//! An agent cannot make git run something else, or send it elsewhere, without a person seeing it first.

use crate::support::TestEnv;

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

const HOOK: &str =
    "mkdir -p .git/hooks\nprintf '#!/bin/sh\\ntouch ran\\n' > .git/hooks/pre-commit\nchmod +x .git/hooks/pre-commit\n";

#[test]
fn a_hook_that_a_turn_installed_stops_the_run_before_it_can_run() {
    let env = world(&[&format!("echo one > file\n{HOOK}claim")]);
    let message = env.run_ends("tampered");
    assert!(message.contains("hooks/pre-commit is new") && message.contains("turnstile resume"), "{message}");
    assert_eq!(env.git(&["log", "-1", "--format=%s"]), "tickets", "nothing is committed");
    assert_eq!(env.run_ends("tampered"), message, "it stands");
    assert_eq!(env.next(), "stop tampered");
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn no_program_that_a_turn_named_is_run_to_look_at_the_worktree() {
    let evil = "printf '#!/bin/sh\\ntouch \"$AGENT_RAN\"\\ncat\\n' > evil\nchmod +x evil\n";
    let ran = tempfile::tempdir().unwrap();
    let flag = ran.path().join("ran");
    let env = world(&[&format!(
        "AGENT_RAN={}\n{}\necho '* filter=evil' > .gitattributes\necho two > README.md\ngit config filter.evil.clean ./evil\ngit config core.fsmonitor ./evil\nclaim",
        flag.display(),
        evil.replace("$AGENT_RAN", flag.to_str().unwrap())
    )]);
    env.run_ends("tampered");
    for command in ["run", "next", "status", "list", "doctor"] {
        drop(env.turnstile(&[command]));
        assert!(!flag.exists(), "`turnstile {command}` ran what the turn named");
    }
}

#[test]
fn what_is_put_back_needs_no_answer() {
    let env = world(&[&format!("{HOOK}claim")]);
    env.run_ends("tampered");
    env.remove(".git/hooks/pre-commit");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a"], "the claim waited and was judged without a turn");
}

#[test]
fn resume_accepts_what_is_there() {
    let env = world(&["git config alias.st status\necho one > file\ncommit one\nclaim"]);
    let message = env.run_ends("tampered");
    assert!(message.contains("alias.st: `status` is new"), "{message}");
    drop(env.turnstile(&["resume"]).exits(0));
    env.run_ends("completed");
    assert_eq!(&env.subjects()[..2], ["001-a: done", "one"]);
}

#[test]
fn it_stands_over_runs_and_tickets() {
    let env = world(&[HOOK, "claim"]);
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.commit_all("another");
    env.run_ends("tampered");
    drop(env.turnstile(&["stop"]).exits(0));
    env.run_ends("tampered");
    drop(env.turnstile(&["done", "001-a"]).exits(0));
    env.run_ends("tampered");
    assert_eq!(env.turns(), ["1 001-a"], "no other ticket's turn begins");
    drop(env.turnstile(&["resume"]).exits(0));
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
}

#[test]
fn removing_the_record_hides_nothing() {
    let env = world(&[&format!("{HOOK}rm -f .git/turnstile/worktrees/main/guard.json\nclaim")]);
    env.run_ends("tampered");
    env.run_ends("tampered");
}

#[test]
fn everyday_use_of_git_is_no_tampering() {
    let env = world(&[
        "git config user.email other@example.org\ngit switch -q -c side\ngit switch -q main\ngit tag v1\necho one > file\ncommit one\ngit gc -q\nclaim",
    ]);
    env.run_ends("completed");
}

#[test]
fn a_turn_cannot_hide_its_work_from_git() {
    for flag in ["assume-unchanged", "skip-worktree"] {
        let env = world(&[&format!("echo work >> README.md\ngit update-index --{flag} README.md\nclaim")]);
        let message = env.run_ends("tampered");
        let undo = format!("git is told not to look at README.md ({flag}); `git update-index --no-{flag} README.md`");
        assert!(message.contains(&undo), "{message}");
        env.git(&["update-index", &format!("--no-{flag}"), "README.md"]);
        assert!(
            env.run_ends("dirty_worktree").contains("README.md"),
            "no look of the turn's saw it, so it is nobody's"
        );
        env.commit_all("what was hidden");
        env.run_ends("completed");
    }
}

#[test]
fn what_a_person_hid_from_git_before_the_turn_is_theirs() {
    let env = world(&["git commit -q --allow-empty -m one\ngit update-index --no-assume-unchanged .gitignore\nclaim"]);
    env.write(".gitignore", "*.log\n");
    env.commit_all("more");
    env.git(&["update-index", "--assume-unchanged", "README.md", ".gitignore"]);
    env.write("README.md", "mine\n");
    env.run_ends("completed");
    assert_eq!(env.read("README.md"), "mine\n");
}

#[test]
fn a_sparse_checkout_may_grow_by_files_that_are_not_there() {
    let env = world(&["git checkout -q other -- far/b.md 2>/dev/null; git merge -q other\nclaim"]);
    env.git(&["checkout", "-q", "-b", "other"]);
    env.write("far/b.md", "b\n");
    env.commit_all("far");
    env.git(&["checkout", "-q", "-"]);
    env.git(&["sparse-checkout", "set", "--no-cone", "/*", "!/far/"]);
    env.run_ends("completed");
    assert!(env.git(&["ls-files", "-t", "far"]).starts_with('S'));
}

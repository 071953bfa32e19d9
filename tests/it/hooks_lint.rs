//! `hooks install --lint`: a commit with faulty tickets is refused, by what is staged and not by what lies there.

use insta::assert_snapshot;

use crate::support::{Output, TestEnv};

fn commit(env: &TestEnv, arguments: &[&str]) -> Output {
    let output = env.command("git").arg("commit").args(arguments).output().unwrap();
    Output::of(&output, env)
}

/// A repository with a good ticket, whose commits are checked.
fn checked() -> TestEnv {
    let env = TestEnv::new();
    env.write(".tickets/config.yaml", "default_agent: user\n");
    env.ticket("001-a", "title: A", "x");
    env.commit_all("tickets");
    let _ = env.turnstile(&["hooks", "install", "--lint"]).exits(0);
    env
}

#[test]
fn a_commit_with_a_faulty_ticket_is_refused_with_the_place() {
    let env = checked();
    env.ticket("002-b", "title: B\ndepends_on: [77]\npriority: 9", "x");
    env.git(&["add", "."]);
    assert_snapshot!(commit(&env, &["-qm", "x"]).text(), @r"
    --- stderr
    error[E008]: `77` names no ticket
     --> .tickets/002-b.md:3:14
      |
    3 | depends_on: [77]
      |              ^^
      |
      = help: write the id of a ticket, its file name or its number; `turnstile list` shows them

    error[E012]: `priority` is 0 to 4, not 9
     --> .tickets/002-b.md:4:11
      |
    4 | priority: 9
      |           ^
      |
      = help: write a number from 0 (first) to 4
    not committed: 2 errors in what is staged; mend it and `git add` it, or `git commit --no-verify` commits it as it is
    --- exit 1
    ");
    assert_eq!(env.subjects()[0], "tickets");
    let _ = commit(&env, &["-qm", "x", "--no-verify"]).exits(0);
}

#[test]
fn what_is_staged_counts_and_not_what_lies_in_the_worktree() {
    let env = checked();
    env.ticket("001-a", "title: A\npriority: 9", "x");
    env.git(&["add", "."]);
    env.ticket("001-a", "title: A", "mended, and not staged");
    let _ = commit(&env, &["-qm", "x"]).exits(1);
    env.git(&["add", "."]);
    env.ticket("001-a", "title: A\npriority: 9", "broken, and not staged");
    let _ = commit(&env, &["-qm", "good"]).exits(0);
    assert_eq!(env.subjects()[0], "good");
    // Git gives a commit of a path, and one of all, an index of its own.
    let _ = commit(&env, &["-qm", "x", "-a"]).exits(1);
    let _ = commit(&env, &["-qm", "x", "--", ".tickets/001-a.md"]).exits(1);
    env.write("README.md", "else");
    let _ = commit(&env, &["-qm", "else", "--", "README.md"]).exits(0);
}

#[test]
fn a_commit_answers_for_what_it_brings_and_not_for_what_was_there() {
    let env = checked();
    env.ticket("002-b", "title: B\ndepends_on: [1]", "x");
    env.ticket("003-old", "title: C\npriority: 9", "x");
    env.git(&["add", "."]);
    let _ = commit(&env, &["-qm", "old fault", "--no-verify"]).exits(0);
    env.ticket("004-d", "title: D", "x");
    env.git(&["add", "."]);
    let _ = commit(&env, &["-qm", "good"]).exits(0);
    // What depended on it stands in another file, and is faulty by this commit.
    env.git(&["rm", "-q", ".tickets/001-a.md"]);
    let refused = commit(&env, &["-qm", "x"]).exits(1);
    assert!(refused.stderr.contains("E008") && refused.stderr.contains("002-b.md"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("003-old"), "{}", refused.stderr);
}

#[test]
fn commits_without_tickets_and_announced_files_pass_in_silence() {
    let env = checked();
    env.write("README.md", "else");
    env.write(".tickets/005-e.md", "no ticket yet");
    env.git(&["add", "-N", "."]);
    env.git(&["add", "README.md"]);
    let passed = commit(&env, &["-qm", "else"]).exits(0);
    assert_eq!(passed.stdout + &passed.stderr, "");
}

#[test]
fn the_former_hook_and_the_check_both_let_a_commit_through() {
    let env = checked();
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    env.hook(".git/hooks/pre-commit", "echo former; [ ! -e ../no ]");
    let _ = env.turnstile(&["hooks", "install", "--lint"]).exits(0);
    env.ticket("001-a", "title: A2", "x");
    env.write("../no", "");
    assert!(commit(&env, &["-qam", "x"]).exits(1).stderr.contains("former"));
    env.remove("../no");
    let _ = commit(&env, &["-qam", "good"]).exits(0);
    env.ticket("001-a", "title: A\npriority: 9", "x");
    let refused = commit(&env, &["-qam", "x"]).exits(1);
    assert!(refused.stderr.contains("former") && refused.stderr.contains("E012"), "{}", refused.stderr);
}

#[test]
fn a_linked_worktree_is_checked_by_its_own_index() {
    let env = checked();
    let linked = env.root().join("linked").display().to_string();
    env.git(&["worktree", "add", "--quiet", "-b", "side", &linked]);
    env.write(format!("{linked}/.tickets/001-a.md"), "---\npriority: 9\n---\n\n# A\n");
    let refused = env.command("git").args(["-C", &linked, "commit", "-qam", "x"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("E012"), "{refused:?}");
}

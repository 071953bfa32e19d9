//! HEAD, branches, and repositories in every state.

use crate::support::TestEnv;

fn world(scripts: &[&str]) -> TestEnv {
    world_with("", scripts)
}

fn world_with(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

fn branch(env: &TestEnv) -> String {
    env.git(&["symbolic-ref", "--short", "HEAD"])
}

#[test]
fn work_on_a_detached_head_is_brought_to_the_branch() {
    let env = world(&["git checkout --quiet --detach\necho one > file\ncommit one\nclaim"]);
    env.run_ends("completed");
    assert_eq!(branch(&env), "main");
    assert_eq!(&env.subjects()[..2], ["001-a: done", "one"]);
    assert_eq!(env.events("head.adopted").len(), 1);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn work_on_another_branch_is_brought_to_the_runs_branch() {
    let env = world(&["git switch --quiet -c side\necho one > file\ncommit one", "claim"]);
    env.run_ends("completed");
    assert_eq!(branch(&env), "main");
    assert_eq!(&env.subjects()[..2], ["001-a: done", "one"]);
    assert_eq!(env.git(&["rev-parse", "side"]), env.git(&["rev-parse", "main~1"]));
    assert!(env.prompt(2).contains("HEAD was elsewhere"), "{}", env.prompt(2));
}

#[test]
fn files_and_index_stay_as_they_are_when_head_is_adopted() {
    let env = world(&[
        "git switch --quiet -c side\necho one > file\ncommit one\necho two > staged\ngit add staged\necho three > loose",
        "commit rest\nclaim",
    ]);
    env.step_comes_to("progressed");
    assert_eq!(branch(&env), "main");
    assert_eq!(env.status(), ["A  staged", "?? loose"]);
}

#[test]
fn commits_that_are_gone_stop_the_run_until_somebody_looks() {
    let env = world(&["git reset --quiet --hard HEAD~1\nmkdir -p .tickets", "claim"]);
    env.write("kept", "work");
    env.commit_all("work of a person");
    let before = env.git(&["rev-parse", "HEAD"]);
    let message = env.run_ends("head_moved");
    assert!(message.contains("gone") && message.contains(&before[..10]), "{message}");
    env.run_ends("head_moved");
    assert_eq!(env.next(), "stop head_moved");
    assert!(env.events("commit.made").is_empty());
    // Putting it back answers it.
    env.git(&["reset", "--quiet", "--hard", &before]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn resume_accepts_where_head_is_now() {
    let env = world(&["git reset --quiet --hard HEAD~1\nclaim"]);
    env.write("kept", "work");
    env.commit_all("work of a person");
    env.run_ends("head_moved");
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 1, "the claim waited, and is judged");
    assert_eq!(&env.subjects()[..2], ["001-a: done", "tickets"]);
}

#[test]
fn an_older_branch_is_not_the_runs_branch() {
    let env = world(&["git switch --quiet old\nclaim"]);
    env.git(&["branch", "old"]);
    env.write("kept", "work");
    env.commit_all("work of a person");
    let message = env.run_ends("head_moved");
    assert!(message.contains("old") || message.contains("gone"), "{message}");
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
    assert_eq!(branch(&env), "old", "the branch that is checked out became the run's");
}

#[test]
fn a_turn_may_rewrite_what_turns_of_its_ticket_committed() {
    let env =
        world(&["echo one > file\ncommit one", "echo two > file\ngit commit --quiet --amend -a -m better\nclaim"]);
    env.run_ends("completed");
    assert_eq!(&env.subjects()[..3], ["001-a: done", "better", "tickets"]);
}

#[test]
fn a_turn_may_not_rewrite_what_others_committed() {
    let env = world(&["echo two > file\ngit add file\ngit commit --quiet --amend -m better\nclaim"]);
    env.run_ends("head_moved");
    assert_eq!(env.events("ticket.done").len(), 0);
}

#[test]
fn between_turns_the_user_may_commit_and_rewrite() {
    let env = world(&["echo one > file\ncommit one", "claim"]);
    env.step_comes_to("progressed");
    env.git(&["commit", "--quiet", "--amend", "-m", "in my words"]);
    env.write("other", "more");
    env.commit_all("more");
    env.run_ends("completed");
    assert_eq!(&env.subjects()[..3], ["001-a: done", "more", "in my words"]);
}

#[test]
fn between_turns_another_branch_is_refused_with_the_way_back() {
    let env = world(&["true", "claim"]);
    env.step_comes_to("progressed");
    env.git(&["switch", "--quiet", "-c", "side"]);
    let message = env.run_ends("repository_state");
    assert!(message.contains("`git switch main`") && message.contains("turnstile stop"), "{message}");
    env.git(&["switch", "--quiet", "main"]);
    env.run_ends("completed");
}

#[test]
fn the_work_of_a_turn_can_be_committed_to_the_branch_at_once() {
    let env = world_with("checkpoint: {mode: branch}\n", &["echo one > file", "tell Half", "commit rest\nclaim"]);
    env.write("staged", "mine");
    env.git(&["add", "staged"]);
    env.ends(&["step", "--allow-dirty"], "");
    assert_eq!(env.subjects()[0], "001-a: turn 1 checkpoint");
    assert_eq!(env.paths_of("HEAD"), ["file"]);
    assert_eq!(env.status(), ["A  staged"], "what the user has staged stays staged");
    let trailers = env.git(&["log", "-1", "--format=%(trailers:only)"]);
    for key in ["Turnstile-Ticket: 001-a", "Turnstile-Run: ", "Turnstile-Turn: 1", "Turnstile-Agent: mine"] {
        assert!(trailers.contains(key), "{trailers}");
    }
    env.ends(&["step", "--allow-dirty"], "");
    assert_eq!(env.subjects()[0], "001-a: turn 2 checkpoint");
    assert_eq!(env.paths_of("HEAD"), [".tickets/history/001-a/0001-dispatch/DISPATCH.md"]);
}

#[test]
fn a_turn_that_changed_nothing_makes_no_checkpoint() {
    let env = world_with("checkpoint: {mode: branch}\n", &["true", "claim"]);
    env.step_comes_to("progressed");
    assert_eq!(env.subjects()[0], "tickets");
    env.run_ends("completed");
}

#[test]
fn too_many_new_files_are_not_committed_by_turnstile() {
    let script = "mkdir many\nfor i in $(seq 600); do echo $i > many/$i; done";
    let env = world_with("checkpoint: {mode: branch}\n", &[script, "commit many\nclaim"]);
    env.step_comes_to("progressed");
    assert_eq!(env.subjects()[0], "tickets");
    let failed = &env.events("checkpoint.failed")[0];
    assert!(failed["why"].as_str().unwrap().contains("many"), "{failed}");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("checkpoint"), "the agent is told");
}

#[test]
fn before_and_after_every_turn_the_worktree_is_kept() {
    let env = world(&["echo one > file\necho ignored > junk.log\necho untracked > loose", "commit all\nclaim"]);
    env.write(".gitignore", "*.log\n");
    env.commit_all("ignore");
    env.write("mine", "untracked, and the user's");
    env.ends(&["step", "--allow-dirty"], "");
    let run = env.run_id().unwrap();
    let of = |which: &str| {
        let text = env.git(&["ls-tree", "-r", "--name-only", &format!("refs/turnstile/checkpoints/{run}/1/{which}")]);
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = [".gitignore", ".tickets/001-a.md", ".tickets/config.yaml", "README.md"];
    assert_eq!(of("before"), [&before[..], &["mine"]].concat());
    assert_eq!(of("after"), [&before[..], &["file", "loose", "mine"]].concat());
    assert_eq!(env.subjects()[0], "ignore");
}

#[test]
fn a_run_can_begin_on_a_branch_of_its_own() {
    let env = world(&["true", "claim"]);
    env.ends(&["step", "--branch", "feature"], "");
    assert_eq!(branch(&env), "feature");
    let error = env.turnstile(&["--json", "run", "--branch", "another"]).exits(2).error();
    assert!(error["message"].as_str().unwrap().contains("feature"), "{error}");
    env.run_ends("completed");
    assert_eq!(env.git(&["log", "-1", "--format=%s", "main"]), "tickets");
    assert_eq!(env.git(&["log", "-1", "--format=%s", "feature"]), "001-a: done");
}

#[test]
fn a_detached_head_is_worked_on_only_if_asked() {
    let env = world(&["echo one > file\ncommit one\nclaim"]);
    env.git(&["checkout", "--quiet", "--detach"]);
    let message = env.run_ends("repository_state");
    assert!(message.contains("--allow-detached"), "{message}");
    assert_eq!(env.run_id(), None);
    env.ends(&["run", "--allow-detached"], "completed");
    assert_eq!(&env.subjects()[..2], ["001-a: done", "one"]);
    assert_eq!(env.git(&["log", "-1", "--format=%s", "main"]), "tickets");
}

#[test]
fn a_run_that_ends_on_a_detached_head_is_completed() {
    let env = world(&["echo one > file\ncommit one", "claim"]);
    env.git(&["checkout", "--quiet", "--detach"]);
    drop(env.turnstile(&["step", "--allow-detached"]).exits(0));
    env.run_ends("completed");
    env.run_ends("completed");
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    assert!(env.run_ends("repository_state").contains("--allow-detached"), "another run is asked for anew");
}

#[test]
fn an_unborn_head_is_an_ordinary_case() {
    let env = TestEnv::without_repository();
    env.write("README.md", "not committed yet");
    env.git(&["init", "--quiet", "--initial-branch=main"]);
    env.git(&["config", "user.name", "Tester"]);
    env.git(&["config", "user.email", "tester@example.org"]);
    env.ticket("001-a", "agent: shell\ntitle: First", "```sh\necho one > file\n```");
    env.ends(&["run"], "dirty_worktree");
    env.ends(&["run", "--allow-dirty"], "completed");
    assert_eq!(env.subjects(), ["001-a: First"]);
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "file"]);
    assert_eq!(env.status(), ["?? README.md"]);
}

#[test]
fn a_merge_under_way_is_not_disturbed() {
    let env = world(&["claim"]);
    env.git(&["switch", "--quiet", "-c", "side", "HEAD~1"]);
    env.write("other", "1");
    env.commit_all("side");
    env.git(&["switch", "--quiet", "main"]);
    env.git(&["merge", "--no-ff", "--no-commit", "side"]);
    let message = env.run_ends("repository_state");
    assert!(message.contains("merge") && message.contains("--abort"), "{message}");
    env.git(&["commit", "--quiet", "-m", "merged"]);
    env.run_ends("completed");
}

#[test]
fn without_an_identity_git_says_what_to_type() {
    let env = world(&["claim"]);
    env.git(&["config", "--unset", "user.name"]);
    env.git(&["config", "--unset", "user.email"]);
    let message = env.run_ends("repository_state");
    assert!(message.contains("git config user.name"), "{message}");
    assert_eq!(env.turns().len(), 0);
}

#[test]
fn tickets_that_git_ignores_are_worked_on_and_never_committed() {
    let env = TestEnv::new();
    env.write(".gitignore", ".tickets/\n");
    env.commit_all("ignore");
    env.agent(&["ask 'Why?'", "echo one > file\ngit add file\ngit commit --quiet -m one\nclaim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.run_ends("user_dispatch");
    env.reply("Because.");
    env.run_ends("completed");
    assert_eq!(env.subjects(), ["one", "config", "ignore", "first"]);
    assert!(env.read(".tickets/001-a.md").contains("done: true"));
    assert_eq!(env.events("ticket.done")[0]["commit"], env.git(&["rev-parse", "HEAD"]));
    assert_eq!(env.git(&["ls-tree", "-r", "--name-only", "HEAD"]), ".gitignore\nREADME.md\nfile");
}

#[test]
fn a_ticket_is_worked_on_in_one_worktree_only() {
    let env = world(&["true", "claim", "claim", "claim"]);
    env.ticket("002-b", "title: B\ndone: false", "Do it too.");
    env.commit_all("more");
    let other = env.root().join("other");
    env.git(&["worktree", "add", "--quiet", "-b", "other", other.to_str().unwrap()]);
    env.step_comes_to("progressed");
    let there = ["-C", other.to_str().unwrap()];
    let next = env.json(&[&there[..], &["next"]].concat());
    assert_eq!(next["ticket"], "002-b", "{next}");
    assert!(next["explain"][0].to_string().contains("claimed_elsewhere"), "{next}");
    let output = env.turnstile(&[&there[..], &["--json", "run"]].concat());
    crate::support::ended_with(&output, "blocked");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
    env.run_ends("completed");
    assert_eq!(env.turns()[2..], ["3 001-a", "4 002-b"]);
}

#[test]
fn a_worktree_that_is_gone_claims_nothing() {
    let env = world(&["true", "claim"]);
    let other = env.root().join("other");
    env.git(&["worktree", "add", "--quiet", "-b", "other", other.to_str().unwrap()]);
    let _ = env.turnstile(&["-C", other.to_str().unwrap(), "step"]).exits(0);
    env.run_ends("blocked");
    std::fs::remove_dir_all(&other).unwrap();
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
}

#[test]
fn outside_of_a_repository_there_is_nothing_to_run() {
    let env = TestEnv::without_repository();
    let error = env.turnstile(&["--json", "run"]).exits(3).error();
    assert_eq!(error["code"], "not_a_repository");
}

#[test]
fn looking_does_not_write_the_index() {
    let env = world(&["claim"]);
    let index = std::fs::read(env.path(".git/index")).unwrap();
    // Stat data that no longer fits would tempt a reader to refresh it.
    env.write("README.md", "a project\n");
    for command in [&["next"][..], &["status"], &["lint"]] {
        let _ = env.turnstile(command);
    }
    assert_eq!(std::fs::read(env.path(".git/index")).unwrap(), index);
}

#[test]
fn whatever_git_has_under_way_is_not_disturbed() {
    let env = world(&["claim"]);
    env.git(&["switch", "--quiet", "-c", "side"]);
    env.write("README.md", "theirs\n");
    env.commit_all("theirs");
    env.git(&["switch", "--quiet", "main"]);
    env.write("README.md", "ours\n");
    env.commit_all("ours");
    for (begin, end) in [
        (&["cherry-pick", "side"][..], &["cherry-pick", "--abort"][..]),
        (&["revert", "side"], &["revert", "--abort"]),
        (&["rebase", "side"], &["rebase", "--abort"]),
        (&["bisect", "start"], &["bisect", "reset"]),
    ] {
        let operation = begin[0];
        let _ = env.command("git").args(begin).env("GIT_EDITOR", "true").output().unwrap();
        let message = env.run_ends("repository_state");
        assert!(message.contains(operation), "{operation}: {message}");
        assert_eq!(env.run_id(), None, "{operation}");
        env.git(end);
    }
    env.run_ends("completed");
}

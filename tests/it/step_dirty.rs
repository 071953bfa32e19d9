//! Whose change is it?

use serde_json::json;

use crate::support::TestEnv;

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn the_users_changes_are_not_for_turns() {
    let env = world("", &["claim"]);
    env.write("README.md", "changed");
    env.write("notes/new.txt", "new");
    let document = env.ends(&["run"], "dirty_worktree");
    assert_eq!(document["reason"]["details"]["paths"], json!(["README.md", "notes/new.txt"]));
    insta::assert_snapshot!(env.turnstile(&["run"]).text(), @"
    --- stderr
    dirty_worktree: uncommitted changes that are not 001-a's; commit them, or take them as they are with `--allow-dirty`
      README.md
      notes/new.txt
    --- exit 3
    ");
    assert_eq!((env.turns().len(), env.run_id()), (0, None));
    assert_eq!(env.next(), "wait dirty_worktree");
    env.commit_all("mine");
    env.run_ends("completed");
}

#[test]
fn ignored_files_never_count() {
    let env = world("", &["echo 1 > b.log\nclaim"]);
    env.write(".gitignore", "*.log\n");
    env.commit_all("ignore");
    env.write("a.log", "noise");
    env.run_ends("completed");
}

#[test]
fn tickets_and_messages_are_not_changes_of_the_user() {
    let env = world("", &["claim", "claim"]);
    env.ticket("002-b", "title: B", "Not committed.");
    env.write(".tickets/context/spec.md", "Not committed either.");
    env.run_ends("completed");
    assert_eq!(env.status(), ["?? .tickets/context/spec.md"], "that is the user's to commit");
}

#[test]
fn accepted_changes_are_never_committed() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    env.write("README.md", "changed");
    env.write("staged", "mine");
    env.git(&["add", "staged"]);
    env.write("loose", "mine as well");
    env.ends(&["run", "--allow-dirty"], "completed");
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "file"]);
    assert_eq!(env.status(), [" M README.md", "A  staged", "?? loose"]);
    let accepted = &env.events("worktree.accepted")[0]["paths"];
    let paths: Vec<&String> = accepted.as_object().unwrap().keys().collect();
    assert_eq!(paths, ["README.md", "loose", "staged"]);
}

#[test]
fn what_was_accepted_stays_accepted_for_the_run_and_no_more() {
    let env = world("", &["true", "true", "claim"]);
    env.write("README.md", "changed");
    env.ends(&["step", "--allow-dirty"], "");
    env.step_comes_to("progressed");
    env.write("README.md", "changed again");
    env.run_ends("dirty_worktree");
    env.ends(&["run", "--allow-dirty"], "completed");
    assert_eq!(env.turns().len(), 3);
}

#[test]
fn a_turn_that_changes_the_users_file_stops_and_both_versions_are_kept() {
    let env = world("commit: {by: runner}\n", &["echo theirs > README.md\nclaim"]);
    env.write("README.md", "mine\n");
    let document = env.ends(&["run", "--allow-dirty"], "dirty_conflict");
    assert_eq!(document["reason"]["details"]["paths"], json!(["README.md"]));
    assert!(env.events("commit.made").is_empty(), "nothing is committed");
    let run = env.run_id().unwrap();
    let of = |which: &str| env.git(&["show", &format!("refs/turnstile/checkpoints/{run}/1/{which}:README.md")]);
    assert_eq!((of("before"), of("after")), ("mine".into(), "theirs".into()));
    env.ends(&["run", "--allow-dirty"], "dirty_conflict");
    assert_eq!(env.next(), "wait dirty_conflict");
    let _ = env.turnstile(&["resume"]).exits(0);
    env.ends(&["run", "--allow-dirty"], "completed");
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "README.md"], "now it is the ticket's work");
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_turn_that_commits_the_users_file_stops_as_well() {
    let env = world("", &["echo one > file\ncommit 'all of it'\nclaim"]);
    env.write("README.md", "mine\n");
    env.ends(&["run", "--allow-dirty"], "dirty_conflict");
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn what_a_turn_left_is_the_tickets_and_what_a_person_does_there_too() {
    let env = world("", &["echo one > file", "commit rest\nclaim"]);
    env.step_comes_to("progressed");
    env.write("file", "one, but better");
    env.run_ends("completed");
    assert_eq!(env.git(&["show", "HEAD:file"]), "one, but better");
}

#[test]
fn what_another_ticket_left_is_named_with_it() {
    let env = world("", &["echo one > file", "claim"]);
    env.ticket("002-b", "title: B", "Another.");
    env.commit_all("another");
    env.step_comes_to("progressed");
    env.ticket("001-a", "title: A\nhold: later", "Do it.");
    env.git(&["commit", "--quiet", "--message", "hold", "--", ".tickets"]);
    let document = env.ends(&["run"], "dirty_worktree");
    assert_eq!(document["reason"]["details"]["left_by"], json!(["001-a"]));
    assert!(document["reason"]["message"].as_str().unwrap().contains("left by 001-a"));
}

#[test]
fn what_a_stopped_run_left_is_still_the_tickets() {
    let env = world("", &["echo one > file", "commit rest\nclaim"]);
    env.step_comes_to("progressed");
    let _ = env.turnstile(&["stop"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn what_a_stopped_run_left_and_a_person_changed_is_the_persons() {
    let env = world("", &["echo one > file", "commit rest\nclaim"]);
    env.step_comes_to("progressed");
    let _ = env.turnstile(&["stop"]).exits(0);
    env.write("file", "mine now");
    env.run_ends("dirty_worktree");
}

#[test]
fn changes_of_the_user_during_a_turn_stop_a_claim_before_it_is_done() {
    let env = world("", &["touch $AGENT/began; while [ ! -f $AGENT/go ]; do sleep 0.02; done\nclaim", "true"]);
    // Nobody can tell it from the agent's own: it is the ticket's work, and the agent owes the commit.
    let child = env.spawn(&["--json", "step"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    env.write("README.md", "changed meanwhile");
    env.write(env.agent_folder().join("go"), "");
    let output = env.wait(child).exits(0);
    assert!(output.stdout.contains("retry_asked"), "{}", output.text());
    assert_eq!(env.events("commit.required")[0]["paths"], json!(["README.md"]));
}

#[test]
fn what_a_ticket_left_that_a_person_finished_is_named_as_long_as_it_lies_there() {
    let env = TestEnv::new();
    env.agent_with("", &["echo one > one\nask 'Which?'", "true"]);
    env.ticket("001-a", "done: false", "# A");
    env.ticket("002-b", "done: false", "# B");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    let _ = env.turnstile(&["done", "001"]).exits(0);
    let document = env.ends(&["run"], "dirty_worktree");
    assert_eq!(document["reason"]["details"]["left_by"], json!(["001-a"]));
    assert!(document["reason"]["message"].as_str().unwrap().contains("(left by 001-a)"));
    env.commit_all("what 001-a left");
    let _ = env.turnstile(&["step"]).exits(0);
    env.write("one", "a person's\n");
    let document = env.ends(&["step"], "dirty_worktree");
    assert_eq!(document["reason"]["details"]["left_by"], json!([]));
}

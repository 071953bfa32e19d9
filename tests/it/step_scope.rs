//! Row 7: what a turn changed outside of its ticket's `scope`, or of what the config protects, waits for a person.

use serde_json::Value;

use crate::support::TestEnv;

/// One ticket that may change `src/` only, in a repository with files elsewhere.
fn world(scripts: &[&str]) -> TestEnv {
    world_with("", scripts)
}

fn world_with(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.write("ci/build.yml", "as it was\n");
    env.write("src/lib.rs", "code\n");
    env.write("tool.sh", "#!/bin/sh\n");
    assert!(env.command("chmod").args(["+x", "tool.sh"]).status().unwrap().success());
    std::os::unix::fs::symlink("src/lib.rs", env.path("link")).unwrap();
    env.write(".gitignore", "ignored\n");
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false\nscope: [\"src/**\"]", "Do it.");
    env.commit_all("tickets");
    env
}

/// The paths that the pause names, each with whether the agent committed it.
fn named(env: &TestEnv) -> Vec<(String, bool)> {
    let paused = env.events("run.paused");
    let paths = paused.last().unwrap()["reason"]["details"]["paths"].as_array().unwrap().clone();
    let entry = |entry: &Value| (entry["path"].as_str().unwrap().to_owned(), entry["committed"].as_bool().unwrap());
    paths.iter().map(entry).collect()
}

fn owned(paths: &[(&str, bool)]) -> Vec<(String, bool)> {
    paths.iter().map(|(path, committed)| ((*path).to_owned(), *committed)).collect()
}

const EVIL: &str = "echo evil > ci/build.yml; echo more >> src/lib.rs";

#[test]
fn a_change_outside_of_the_scope_pauses_before_anything_is_kept_on_the_branch_and_an_approval_lets_it_stand() {
    let env = world_with("checkpoint: {mode: branch}\n", &[EVIL, "claim"]);
    let document = env.ends(&["run"], "scope_pending");
    assert_eq!(document["outcome"], "waiting");
    let message = document["reason"]["message"].as_str().unwrap();
    assert!(message.starts_with("turn 1 of 001-a changed a path that it may not change unasked"), "{message}");
    assert!(message.contains("\n  ci/build.yml (outside its `scope`)") && !message.contains("src/lib.rs"), "{message}");
    assert_eq!((env.events("checkpoint.made"), named(&env)), (vec![], owned(&[("ci/build.yml", false)])));
    let request = env.read(".tickets/history/001-a/0001-request/REQUEST.md");
    assert!(request.contains("ci/build.yml") && request.contains("turnstile reject 001-a"), "{request}");
    let head = env.git(&["rev-parse", "HEAD"]);
    assert_eq!(env.paths_of(&head), [".tickets/history/001-a/0001-request/REQUEST.md"], "paperwork alone is committed");
    // Nothing but a decision moves it.
    assert_eq!(env.turnstile(&["resume"]).code, Some(3));
    env.reply("go on\n");
    env.run_ends("scope_pending");
    assert_eq!((env.turns().len(), env.next().as_str()), (1, "wait scope_pending"));

    let said = env.turnstile(&["approve", "1"]).exits(0);
    assert_eq!(said.stdout, "what 001-a changed stands; `turnstile run` goes on\n");
    assert_eq!(env.next(), "judge");
    env.run_ends("completed");
    let checkpoint = env.events("checkpoint.made")[0]["commit"].as_str().unwrap().to_owned();
    assert!(env.paths_of(&checkpoint).contains(&"ci/build.yml".to_owned()), "approved, it is kept like all the rest");
    assert_eq!(env.read("ci/build.yml"), "evil\n");
}

#[test]
fn a_rejection_puts_it_back_keeps_what_was_there_takes_the_claim_back_and_tells_the_agent() {
    let env = world(&[&format!("{EVIL}; claim"), "commit src; claim"]);
    env.run_ends("scope_pending");
    let said = env.turnstile(&["reject", "1"]).exits(0);
    assert_eq!(said.stdout, "what 001-a changed is rejected; the next `turnstile run` puts it back and goes on\n");
    assert_eq!(env.read("ci/build.yml"), "evil\n", "commands of operators change no files");
    let step = env.step_comes_to("progressed");
    assert_eq!(
        (&step["turn"], env.read("ci/build.yml").as_str(), env.read("src/lib.rs").as_str()),
        (&1.into(), "as it was\n", "code\nmore\n")
    );
    assert!(env.read(".tickets/001-a.md").contains("done: false"));
    env.run_ends("completed");
    let prompt = env.prompt(2);
    for told in ["tester rejected what you changed", "ci/build.yml", "`done: true` was taken back"] {
        assert!(prompt.contains(told), "{told}: {prompt}");
    }
    assert!(!prompt.contains("evil"), "{prompt}");
    // Whoever wants it after all types what was said.
    let restored = env.events("contract.restored");
    assert_eq!((restored.len(), &restored[0]["rejected"]), (1, &true.into()));
    let typed = restored[0]["items"][0]["undo"].as_str().unwrap();
    assert!(env.command("sh").args(["-c", typed]).status().unwrap().success(), "{typed}");
    assert_eq!(env.read("ci/build.yml"), "evil\n");
}

#[test]
fn what_was_deleted_renamed_replaced_or_made_anew_is_put_back_as_it_was() {
    let env = world(&[
        "rm tool.sh; git mv ci/build.yml ci/new.yml; rm link; mkdir link; echo x > link/x; mkdir fresh; echo y > fresh/y",
        "claim",
    ]);
    env.run_ends("scope_pending");
    let paths = ["ci/build.yml", "ci/new.yml", "fresh/y", "link", "link/x", "tool.sh"];
    assert_eq!(named(&env), owned(&paths.map(|path| (path, false))));
    let message = env.events("run.paused").last().unwrap()["reason"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("tool.sh (outside its `scope`, deleted)"), "{message}");
    let _ = env.turnstile(&["reject", "1"]).exits(0);
    let _ = env.step_comes_to("progressed");
    // The agent's `git mv` is staged still: the index is not turnstile's to change.
    let _ = env.git(&["add", "-A"]);
    let changed = env.git(&["diff", "--cached", "--raw", "HEAD", "--", ":!.tickets"]);
    assert_eq!(changed, "", "as HEAD has it, modes included");
    assert!(env.path("link").symlink_metadata().unwrap().is_symlink());
    assert!(!env.exists("fresh/y") && !env.exists("ci/new.yml"));
    let overwritten = format!(".git/turnstile/runs/{}/turns/0001/overwritten", env.run_id().unwrap());
    assert_eq!(env.read(format!("{overwritten}/fresh/y")), "y\n");
    env.run_ends("completed");
}

#[test]
fn what_the_agent_committed_is_named_and_a_rejection_makes_it_owe_the_revert() {
    let env = world(&["echo evil > ci/build.yml; git commit -qam evil; claim", "claim", "git commit -qam revert"]);
    let message = env.run_ends("scope_pending");
    let evil = env.git(&["rev-parse", "--short=10", "HEAD~"]);
    assert!(
        message.contains(&format!("ci/build.yml (outside its `scope`, committed by the agent in {evil})")),
        "{message}"
    );
    assert_eq!(named(&env), owned(&[("ci/build.yml", true)]));
    let _ = env.turnstile(&["reject", "1"]).exits(0);
    let _ = env.step_comes_to("progressed");
    assert_eq!((env.read("ci/build.yml").as_str(), env.status()), ("as it was\n", vec![" M ci/build.yml".to_owned()]));
    // A claim without that commit is not met.
    let _ = env.step_comes_to("retry_asked");
    assert!(env.prompt(2).contains("you committed it; commit what reverts it"), "{}", env.prompt(2));
    env.run_ends("completed");
    assert_eq!(env.git(&["show", "HEAD:ci/build.yml"]), "as it was");
}

#[test]
fn a_commit_that_takes_an_earlier_one_back_leaves_nothing_to_decide() {
    let env = world(&["echo evil > ci/build.yml; git commit -qam evil; git revert --no-edit HEAD >/dev/null; claim"]);
    env.run_ends("completed");
}

#[test]
fn an_approval_is_bound_to_the_content() {
    let env =
        world(&["echo one > ci/build.yml", "echo two > ci/build.yml", "echo one > ci/build.yml; commit all; claim"]);
    env.run_ends("scope_pending");
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    env.run_ends("scope_pending");
    assert_eq!(env.turns().len(), 2);
    // Whoever changes it before it is approved approves what lies there then.
    env.write("ci/build.yml", "three\n");
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn files_of_the_users_and_what_git_ignores_are_not_the_tickets_and_tickets_are_always_in_scope() {
    let env = world(&[
        "echo x > ignored; printf -- '---\\nagent: user\\nhold: later\\n---\\n# New\\n' > .tickets/002-new.md; mkdir -p .tickets/context; echo c > .tickets/context/spec.md; claim",
    ]);
    env.write("ci/build.yml", "the user's\n");
    let end = env.ends(&["run", "--allow-dirty"], "completed");
    assert_eq!(end["exit"], 0);
    assert_eq!(env.read("ci/build.yml"), "the user's\n");
}

#[test]
fn what_the_config_protects_waits_for_every_ticket() {
    let env = world_with(
        "protect: {paths: [\"src/*.rs\", .github/]}\n",
        &["mkdir .github; echo x > .github/a; echo y >> src/lib.rs; echo z > src/b.txt", "commit all; claim"],
    );
    let message = env.run_ends("scope_pending");
    assert!(
        message.contains(".github/a (inside `protect.paths`)")
            && message.contains("src/lib.rs (inside `protect.paths`)"),
        "{message}"
    );
    assert!(!message.contains("src/b.txt"), "{message}");
    env.reply("---\ndecision: approve\n---\n");
    env.run_ends("completed");
}

#[test]
fn a_reply_rejects() {
    let env = world(&[EVIL, "commit src; claim"]);
    env.run_ends("scope_pending");
    env.reply("---\ndecision: reject\n---\nNot the build.\n");
    env.run_ends("completed");
    assert_eq!(env.read("ci/build.yml"), "as it was\n");
    assert!(env.prompt(2).contains("Not the build."));
}

#[test]
fn a_question_in_the_same_turn_stands_behind_it() {
    let env = world(&[&format!("{EVIL}; ask 'Blue?'"), "commit src; claim"]);
    env.run_ends("scope_pending");
    let _ = env.turnstile(&["reject", "1"]).exits(0);
    env.run_ends("user_dispatch");
    assert_eq!(env.read("ci/build.yml"), "as it was\n");
    env.reply("Yes.");
    env.run_ends("completed");
}

#[test]
fn whoever_puts_it_back_or_widens_the_scope_needs_no_decision() {
    for by_hand in [true, false] {
        let env = world(&[EVIL, "commit all; claim"]);
        env.run_ends("scope_pending");
        if by_hand {
            env.write("ci/build.yml", "as it was\n");
        } else {
            let text = env.read(".tickets/001-a.md");
            env.write(".tickets/001-a.md", text.replace("\"src/**\"", "\"src/**\", ci/"));
        }
        env.run_ends("completed");
        assert_eq!(env.events("approval.resolved"), [] as [Value; 0]);
    }
}

#[test]
fn a_runner_commits_nothing_of_it_before_it_is_approved() {
    let env = world_with("commit: {by: runner}\n", &[&format!("{EVIL}; claim")]);
    env.run_ends("scope_pending");
    assert_eq!(env.git(&["show", "HEAD:ci/build.yml"]), "as it was");
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    // What came behind the approval is nobody's yet.
    env.write("ci/build.yml", "later\n");
    env.run_ends("scope_pending");
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.git(&["show", "HEAD:ci/build.yml"]), "later");
}

#[test]
fn a_checkpoint_of_a_failed_turn_leaves_it_out_and_the_next_turn_is_stopped_for_it() {
    let env = world_with("checkpoint: {mode: branch}\n", &[&format!("{EVIL}; exit 1"), "true"]);
    env.run_ends("agent_failed");
    let checkpoint = env.events("checkpoint.made")[0]["commit"].as_str().unwrap().to_owned();
    let paths = env.paths_of(&checkpoint);
    assert!(paths.contains(&"src/lib.rs".to_owned()) && !paths.contains(&"ci/build.yml".to_owned()), "{paths:?}");
    env.run_ends("scope_pending");
}

#[test]
fn a_run_that_is_stopped_does_not_let_it_through() {
    let env = world(&[EVIL, "true", "commit src; claim"]);
    env.run_ends("scope_pending");
    let _ = env.turnstile(&["stop"]).exits(0);
    env.run_ends("scope_pending");
    assert_eq!(env.turns().len(), 2, "asked about behind the first turn of the next run");
    let _ = env.turnstile(&["reject", "1"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.read("ci/build.yml"), "as it was\n");
}

#[test]
fn what_no_kept_tree_holds_cannot_be_rejected_and_is_not_removed() {
    let env = world(&["git init -q nested; touch nested/x", "claim"]);
    env.run_ends("scope_pending");
    let refused = env.turnstile(&["reject", "1"]);
    assert_eq!(refused.code, Some(3), "{}", refused.text());
    assert!(refused.stderr.contains("nested/; put it back by hand, or approve it"), "{}", refused.text());
    assert!(env.exists("nested/x"));
    env.remove("nested");
    env.run_ends("completed");
}

#[test]
fn a_kill_while_it_is_put_back_loses_and_doubles_nothing() {
    for point in ["act.before:1", "contract.kept:1", "contract.restored:1", "act.done:1"] {
        let mut env = world(&[&format!("{EVIL}; claim"), "commit src; claim"]);
        env.run_ends("scope_pending");
        let _ = env.turnstile(&["reject", "1"]).exits(0);
        env.set("_TURNSTILE_CRASH_LOG", env.root().join("passages").display().to_string());
        env.set("_TURNSTILE_CRASH_AT", point);
        let killed = env.turnstile(&["step"]);
        assert_eq!(killed.code, None, "{point}: {}", killed.text());
        env.run_ends("completed");
        assert_eq!(env.read("ci/build.yml"), "as it was\n", "{point}");
        let overwritten = format!(".git/turnstile/runs/{}/turns/0001/overwritten/ci", env.run_id().unwrap());
        assert_eq!(env.files(&overwritten), ["build.yml"], "{point}");
        assert_eq!(env.read(format!("{overwritten}/build.yml")), "evil\n", "{point}");
        assert_eq!((env.events("contract.restored").len(), env.turns().len()), (1, 2), "{point}");
    }
}

#[test]
fn a_decision_that_comes_between_the_request_and_the_pause_counts() {
    for approve in [true, false] {
        let mut env = world(&[EVIL, "commit all; claim"]);
        env.set("_TURNSTILE_CRASH_LOG", env.root().join("passages").display().to_string());
        env.set("_TURNSTILE_CRASH_AT", "act.done:1");
        assert_eq!(env.turnstile(&["run"]).code, None);
        assert!(env.exists(".tickets/history/001-a/0001-request/REQUEST.md"));
        env.reply(if approve { "---\ndecision: approve\n---\n" } else { "---\ndecision: reject\n---\n" });
        env.run_ends("completed");
        assert_eq!(env.read("ci/build.yml"), if approve { "evil\n" } else { "as it was\n" });
        assert_eq!((env.events("approval.requested").len(), env.events("approval.resolved").len()), (1, 1));
    }
}

#[test]
fn what_lay_there_is_not_made_up_where_its_tree_was_dropped() {
    let env = world(&[EVIL, "true"]);
    env.run_ends("scope_pending");
    let before = env.events("turn.finished")[0]["before"].as_str().unwrap().to_owned();
    let _ = env.turnstile(&["stop"]).exits(0);
    env.run_ends("scope_pending");
    // As where the run of that turn was dropped long ago.
    env.remove(format!(".git/objects/{}/{}", &before[..2], &before[2..]));
    let refused = env.turnstile(&["reject", "1"]);
    assert!(refused.stderr.contains("what lay there before is not kept: ci/build.yml"), "{}", refused.text());
    assert_eq!(env.read("ci/build.yml"), "evil\n");
}

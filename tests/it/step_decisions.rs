//! Decisions that cannot be carried out, replies that nobody can take, and commands that are refused: nothing of them
//! stands in the way, and nothing of them is silent.

use serde_json::json;

use crate::support::{Output, TestEnv, ended_with};

/// A turn that waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ ! -f $AGENT/go ]; do sleep 0.02; done";

/// One ticket, and one that is put aside.
fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\nhold: later", "Do it too.");
    env.commit_all("tickets");
    env
}

fn began(env: &TestEnv) {
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
}

fn let_go(env: &TestEnv) {
    env.write(env.agent_folder().join("go"), "");
}

fn stored(env: &TestEnv) -> usize {
    let folder = env.path(".git/turnstile/worktrees/main/decisions");
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn a_reply_that_nobody_can_take_is_kept_and_named_and_begins_no_run() {
    let env = world(&["claim", "claim"]);
    env.run_ends("completed");
    // What a turn's last moments leave: stored while the lock was held, and nobody looked again.
    let folder = ".git/turnstile/worktrees/main/decisions/000001-0123abcd";
    let decision = json!({ "kind": "reply", "arguments": { "ticket": "001-a" }, "who": "tester", "at": "now" });
    env.write(format!("{folder}/decision.json"), decision.to_string());
    env.write(format!("{folder}/USER_REPLY.md"), "precious\n");
    let (run, lines) = (env.run_id(), env.journal().len());
    for _ in 0..2 {
        let output = env.turnstile(&["--json", "run"]);
        ended_with(&output, "completed");
        assert_eq!(output.stderr.matches("is kept in").count(), 1, "{}", output.text());
        assert!(output.stderr.contains("001-a is done; `turnstile reopen 001-a`"), "{}", output.text());
        assert_eq!((env.run_id(), env.journal().len()), (run.clone(), lines));
    }
    for command in ["next", "status"] {
        assert!(env.json(&[command])["reply_left"].as_str().is_some_and(|left| left.contains(folder)));
    }
    let _ = env.turnstile(&["reopen", "1"]).exits(0);
    env.run_ends("completed");
    assert!(env.prompt(2).contains("precious"), "{}", env.prompt(2));
    assert_eq!(stored(&env), 0);
}

/// A run in whose first turn somebody replies to the ticket; how it ended.
fn replied_during_the_turn(env: &TestEnv) -> Output {
    let child = env.spawn(&["--json", "run"]);
    began(env);
    assert_eq!(env.json(&["reply", "-m", "precious"])["state"], "stored");
    let_go(env);
    env.wait(child)
}

#[test]
fn a_reply_to_the_ticket_that_the_same_turn_finishes_is_left_and_named_until_somebody_says_what_becomes_of_it() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let output = replied_during_the_turn(&env);
    ended_with(&output, "completed");
    assert!(output.stderr.contains("001-a is done; `turnstile reopen 001-a` opens it again"), "{}", output.text());
    assert_eq!((stored(&env), env.events("reply.consumed").len()), (1, 0), "no turn could read it");
    for command in ["next", "status"] {
        assert!(env.turnstile(&[command]).stdout.contains("is kept in"));
    }
    let _ = env.turnstile(&["reopen", "1"]).exits(0);
    env.run_ends("completed");
    assert!(env.prompt(2).contains("precious"), "{}", env.prompt(2));
    assert_eq!((stored(&env), env.status()), (0, Vec::new()));
}

#[test]
fn a_reply_that_was_left_can_be_sent_on() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    ended_with(&replied_during_the_turn(&env), "completed");
    let folder = std::fs::read_dir(env.path(".git/turnstile/worktrees/main/decisions")).unwrap().next().unwrap();
    let file = folder.unwrap().path().join("USER_REPLY.md");
    let text = env.read(&file);
    assert!(text.contains("to: \"001-a\""), "{text}");
    env.write(&file, text.replace("001-a", "nowhere"));
    env.ticket("003-c", "title: C", "Do it.");
    let output = env.turnstile(&["--json", "run"]);
    ended_with(&output, "reply_invalid");
    assert!(output.stdout.contains("nowhere"), "{}", output.text());
    env.write(&file, text.replace("001-a", "3"));
    env.run_ends("completed");
    assert!(env.prompt(2).contains("precious"), "{}", env.prompt(2));
    assert!(env.exists(".tickets/history/003-c/0001-reply/USER_REPLY.md"));
}

#[test]
fn a_reply_from_before_the_question_is_delivered_and_does_not_answer_it() {
    let env = world(&[&format!("{HELD}\nask 'Red or blue?'\nclaim"), "claim"]);
    let output = replied_during_the_turn(&env);
    let message = ended_with(&output, "user_dispatch")["reason"]["message"].to_string();
    assert!(message.contains("the reply that was taken in before it was asked does not answer it"), "{message}");
    let asked = ["001-a/0001-reply/USER_REPLY.md", "001-a/0002-dispatch/DISPATCH.md"];
    assert_eq!(env.files(".tickets/history"), asked, "in the order in which they happened");
    assert_eq!(env.next(), "wait user_dispatch");
    env.run_ends("user_dispatch");
    assert_eq!(env.turns().len(), 1, "the question stands");
    env.reply("Blue.");
    env.run_ends("completed");
    let prompt = env.prompt(2);
    assert!(prompt.contains("precious") && prompt.contains("Blue."), "{prompt}");
}

#[test]
fn a_decision_that_cannot_be_carried_out_is_refused_with_its_reason_and_leaves_nothing() {
    let env = world(&["true", "true", "claim"]);
    env.step_comes_to("progressed");
    env.write(".tickets/003-x.md", "---\ntitle: [\n---\n");
    let error = env.turnstile(&["--json", "done", "3"]).exits(3).error();
    assert!(error["message"].as_str().unwrap().contains("frontmatter cannot be read"), "{error}");
    let line = env.events("decision.stored").pop().unwrap();
    assert!(line["refused"].as_str().unwrap().contains("003-x.md"), "{line}");
    assert_eq!(stored(&env), 0);
    env.step_comes_to("progressed");
    assert_eq!(env.json(&["pause"])["state"], "served");
    assert_eq!(env.json(&["resume"])["state"], "served");
    env.ticket("003-x", "title: X\ndone: false", "Mended.");
    assert!(env.read(".tickets/003-x.md").contains("done: false"), "what was refused does not take effect later");
}

#[test]
fn a_stored_decision_that_cannot_be_carried_out_is_told_and_stands_in_the_way_of_nothing() {
    let env = world(&[&format!("{HELD}\nclaim")]);
    env.write(".tickets/003-x.md", "---\ntitle: [\n---\n");
    let child = env.spawn(&["--json", "run"]);
    began(&env);
    for command in [&["done", "3"][..], &["stop"]] {
        assert_eq!(env.json(command)["state"], "stored");
    }
    let_go(&env);
    let output = env.wait(child);
    assert!(output.stderr.contains("`done`, as tester decided, cannot be carried out"), "{}", output.text());
    ended_with(&output, "stopped");
    assert_eq!(stored(&env), 0);
}

#[test]
fn done_is_written_into_frontmatter_of_one_line() {
    let env = world(&["claim"]);
    env.write(".tickets/003-x.md", "---\n{title: X, agent: mine, hold: h}\n---\n");
    env.write(".tickets/000-s.md", "---\n{title: S, agent: shell}\n---\n```sh\necho ran >> ran\n```\n");
    env.commit_all("one more");
    env.step_comes_to("ticket_done");
    assert_eq!(env.read(".tickets/000-s.md").lines().nth(1), Some("{done: true, title: S, agent: shell}"));
    assert_eq!(env.json(&["done", "3"])["state"], "served");
    assert_eq!(env.read(".tickets/003-x.md").lines().nth(1), Some("{done: true, title: X, agent: mine, hold: h}"));
    env.run_ends("completed");
    assert_eq!((env.read("ran"), env.status()), ("ran\n".to_owned(), Vec::<String>::new()));
}

#[test]
fn stop_without_a_run_changes_nothing_and_a_held_pause_stays() {
    let env = world(&["claim"]);
    assert_eq!(env.json(&["stop"])["state"], "nothing");
    assert_eq!(env.json(&["pause"])["state"], "held");
    assert_eq!(env.json(&["stop"])["state"], "nothing");
    assert_eq!(env.next(), "wait operator_pause");
    assert_eq!(env.json(&["resume"])["state"], "served");
    assert_eq!(env.next(), "run_turn");
}

#[test]
fn a_branch_is_made_as_the_run_begins_and_not_for_a_refusal() {
    let env = world(&["claim"]);
    let branches = |env: &TestEnv| env.git(&["branch", "--format=%(refname:short)"]);
    env.write("user", "x");
    env.ends(&["run", "--branch", "work"], "dirty_worktree");
    env.remove("user");
    for bad in ["main/x", "a..b", "main.lock", ""] {
        let _ = env.turnstile(&["run", "--branch", bad]).exits(2);
    }
    assert_eq!(branches(&env), "main");
    env.ends(&["run", "--branch", "work"], "completed");
    assert_eq!((branches(&env), env.git(&["branch", "--show-current"])), ("main\nwork".into(), "work".into()));
    assert_eq!(env.events("run.started")[0]["branch"], json!("refs/heads/work"));
    env.ends(&["run", "--branch", "more"], "completed");
    assert_eq!(branches(&env), "main\nwork", "where nothing is open nothing is made");
}

#[test]
fn a_cap_on_turns_counts_this_command_s_turns_alone() {
    let env = world(&["true", "true", "true", "true", "true"]);
    env.ends(&["run", "--max-turns", "2"], "max_turns");
    let _ = env.turnstile(&["stop"]).exits(0);
    env.ends(&["run", "--max-turns", "1"], "max_turns");
    assert_eq!(env.turns().len(), 3);
}

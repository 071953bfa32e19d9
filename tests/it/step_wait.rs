//! `on_wait: next`: a run goes on beside tickets that wait for a person.

use crate::support::TestEnv;

const NEXT: &str = "on_wait: next\ncheckpoint: {mode: branch}\n";

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    for name in ["001-a", "002-b"] {
        env.ticket(name, "title: T", "Do it.");
    }
    env.commit_all("tickets");
    env
}

#[test]
fn others_go_on_while_one_waits_and_it_is_taken_up_again_when_the_answer_is_there() {
    let env = world(NEXT, &["echo 1 > a\nask 'Which one?'", "echo 2 > b\ncommit b\nclaim", "cat a\nclaim"]);
    env.ticket("003-c", "title: T\ndepends_on: [1]", "Do it.");
    env.commit_all("another");
    let output = env.turnstile(&["run"]).exits(4);
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
    for told in ["what else is ready goes on meanwhile", "002-b is done", "user_dispatch: 001-a asks: Which one?"] {
        assert!(output.stderr.contains(told), "{told}: {}", output.text());
    }
    assert_eq!(env.status(), Vec::<String>::new(), "the work of both is on the branch");
    assert!(env.git(&["log", "--format=%s"]).contains("001-a: turn 1 checkpoint"));
    assert_eq!(env.next(), "wait user_dispatch");
    let document = env.ends(&["run"], "user_dispatch");
    assert_eq!((document["ticket"].as_str(), document["outcome"].as_str()), (Some("001-a"), Some("none")));
    let tickets = env.json(&["list"]);
    assert_eq!(tickets[0]["state"], "waiting");
    assert_eq!(tickets[2]["blocked_by"][0], "001-a");

    env.reply("The first.\n");
    env.scripts(&["claim"]);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b", "3 001-a", "4 003-c"]);
    assert!(env.prompt(3).contains("The first."));
}

#[test]
fn a_step_says_that_its_ticket_waits_and_the_next_one_takes_another() {
    let env = world(NEXT, &["ask One?", "ask Two?"]);
    let document = env.ends(&["step"], "user_dispatch");
    assert_eq!(document["outcome"], "waiting");
    assert_eq!(env.next(), "run_turn");
    let document = env.ends(&["step"], "user_dispatch");
    assert_eq!((document["ticket"].as_str(), document["outcome"].as_str()), (Some("002-b"), Some("waiting")));
    // With both of them waiting a reply has to say whose it is.
    env.reply("Yes.\n");
    let message = env.run_ends("reply_invalid");
    assert!(message.contains("001-a, 002-b") && message.contains("`to: 001-a`"), "{message}");
    env.reply("---\nto: 002-b\n---\nYes.\n");
    env.scripts(&["claim"]);
    let document = env.ends(&["run"], "user_dispatch");
    assert_eq!((document["ticket"].as_str(), env.turns().last().unwrap().as_str()), (Some("001-a"), "3 002-b"));
}

#[test]
fn a_ticket_for_a_person_is_passed_over() {
    let env = world(NEXT, &["claim"]);
    env.ticket("001-a", "title: T\nagent: user", "Do it.");
    env.commit_all("for a person");
    env.run_ends("user_ticket");
    assert_eq!(env.turns(), ["1 002-b"]);
    let _ = env.turnstile(&["done", "001-a"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn what_waits_in_one_worktree_is_not_taken_up_in_another() {
    let env = world(NEXT, &["ask One?", "true", "claim"]);
    env.ends(&["step"], "user_dispatch");
    env.step_comes_to("progressed");
    env.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = env.root().join("side").display().to_string();
    let document = env.json(&["-C", &side, "list"]);
    for (ticket, name) in [(0, "it waits for an answer"), (1, "it is current")] {
        assert_eq!(document[ticket]["reason"]["code"], "claimed_elsewhere", "{name}: {document}");
    }
}

#[test]
fn without_it_the_run_waits_as_well() {
    let env = world("checkpoint: {mode: branch}\n", &["ask One?"]);
    env.run_ends("user_dispatch");
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn it_needs_checkpoints_on_the_branch() {
    let env = world("on_wait: next\n", &[]);
    let message = env.run_ends("invalid");
    assert!(message.contains("E012") && message.contains("checkpoint: {mode: branch}"), "{message}");
}

#[test]
fn work_that_could_not_be_put_on_the_branch_stands_in_the_way_by_its_name() {
    let many = "mkdir many; i=0; while [ $i -lt 501 ]; do : > many/$i; i=$((i + 1)); done\nask Keep?";
    let env = world(NEXT, &[many, "claim", "rm -r many\nclaim"]);
    let message = env.run_ends("dirty_worktree");
    assert!(message.contains("not 002-b's (left by 001-a)"), "{message}");
    assert_eq!((env.events("checkpoint.failed").len(), env.turns().len()), (1, 1));
    assert_eq!(env.next(), "wait dirty_worktree");
    // An answer to the one that left it does not help by itself: the question is asked of whoever owns the files.
    env.git(&["add", "many"]);
    env.git(&["commit", "-q", "-m", "kept"]);
    env.run_ends("user_dispatch");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
}

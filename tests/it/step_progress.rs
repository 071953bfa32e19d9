//! Turns that come to nothing: the run asks a person instead of going on all night.

use crate::support::TestEnv;

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn turns_that_change_nothing_are_told_so_and_then_a_person_is_asked() {
    let env = world("", &["true", "tell Thinking", "true", "claim"]);
    let message = env.run_ends("no_progress");
    assert!(message.contains("3 turns in a row of 001-a came to nothing"), "{message}");
    assert!(message.contains("turnstile reply 001-a") && message.contains("turnstile resume"), "{message}");
    assert_eq!(env.turns().len(), 3);
    assert!(!env.prompt(2).contains("no progress"), "{}", env.prompt(2));
    let warned = env.prompt(3);
    assert!(warned.contains("no progress was seen in your last 2 turns"), "{warned}");
    assert!(warned.contains("This is the last turn for it."), "{warned}");

    // Nobody has answered: no further turn, however often it is asked for.
    env.run_ends("no_progress");
    assert_eq!((env.turns().len(), env.next().as_str()), (3, "stop no_progress"));
    let request = env.read(".tickets/history/001-a/0002-request/REQUEST.md");
    assert!(request.contains("no_progress") && request.contains("turnstile reply 001-a"), "{request}");
    assert_eq!(env.status(), Vec::<String>::new(), "whoever pulls sees the question");

    env.reply("Look at the tests first.\n");
    env.run_ends("completed");
    assert!(env.prompt(4).contains("Look at the tests first."));
    assert!(!env.prompt(4).contains("no progress"), "{}", env.prompt(4));
}

#[test]
fn resume_and_an_edit_of_the_ticket_begin_a_new_row() {
    let env = world("limits: {no_progress: 2}\n", &["true", "true", "true", "true", "true", "claim"]);
    env.run_ends("no_progress");
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("no_progress");
    assert_eq!(env.turns().len(), 4);
    env.write(".tickets/001-a.md", env.read(".tickets/001-a.md").replace("Do it.", "Do it in src/."));
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 6);
}

#[test]
fn a_ticket_may_only_be_stricter() {
    let env = world("limits: {no_progress: 2}\n", &["true", "claim", "true", "true"]);
    env.ticket("001-a", "title: A\nlimits: {no_progress: 1}", "Do it.");
    env.ticket("002-b", "title: B\nlimits: {no_progress: 9}", "Do it.");
    env.commit_all("limits");
    let document = env.ends(&["run"], "no_progress");
    assert_eq!((document["ticket"].as_str(), env.turns().len()), (Some("001-a"), 1));
    let _ = env.turnstile(&["resume"]).exits(0);
    let document = env.ends(&["run"], "no_progress");
    assert_eq!((document["ticket"].as_str(), env.turns().len()), (Some("002-b"), 4));
}

#[test]
fn a_planning_ticket_that_is_finished_is_not_stuck() {
    let env = world("limits: {no_progress: 1}\n", &["claim"]);
    env.run_ends("completed");
}

#[test]
fn turns_that_commit_or_write_go_on() {
    let env = world("limits: {no_progress: 1}\n", &["echo 1 > f; commit one", "echo 2 > f", "commit two\nclaim"]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 3);
}

#[test]
fn what_git_ignores_is_no_progress() {
    let env = world("limits: {no_progress: 2}\n", &["mkdir -p build; date > build/1", "date > build/2; sleep 0.1"]);
    env.write(".gitignore", "build/\n");
    env.commit_all("ignore");
    env.run_ends("no_progress");
}

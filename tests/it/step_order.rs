//! Which ticket is next.

use crate::support::TestEnv;

/// Runs everything with an agent that claims at once; the tickets in the order of their turns.
fn order(env: &TestEnv, tickets: usize) -> Vec<String> {
    env.agent(&vec!["claim"; tickets]);
    env.run_ends("completed");
    env.turns().iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

#[test]
fn lowest_priority_number_first_then_natural_order_of_paths() {
    let env = TestEnv::new();
    for id in ["10-x", "2-x", "auth/1-y"] {
        env.ticket(id, "title: T", "");
    }
    env.ticket("99-urgent", "title: T\npriority: 0", "");
    env.ticket("01-later", "title: T\npriority: 4", "");
    env.commit_all("tickets");
    assert_eq!(order(&env, 5), ["99-urgent", "2-x", "10-x", "auth/1-y", "01-later"]);
}

#[test]
fn dependencies_come_first_whatever_their_priority() {
    let env = TestEnv::new();
    env.ticket("1-a", "title: T\npriority: 0\ndepends_on: [3]", "");
    env.ticket("2-b", "title: T", "");
    env.ticket("3-c", "title: T\npriority: 4\ndepends_on: [2-b]", "");
    env.commit_all("tickets");
    assert_eq!(order(&env, 3), ["2-b", "3-c", "1-a"]);
}

#[test]
fn reserved_names_are_no_tickets() {
    let env = TestEnv::new();
    env.ticket("1-a", "title: T", "");
    for path in ["README.md", "_idea.md", ".hidden.md", "context/spec.md", "1-a/_draft.md", "notes.txt"] {
        env.write(format!(".tickets/{path}"), "no frontmatter");
    }
    env.commit_all("tickets");
    assert_eq!(order(&env, 1), ["1-a"]);
}

#[test]
fn the_current_ticket_stays_current() {
    let env = TestEnv::new();
    env.agent(&["true", "claim", "claim"]);
    env.ticket("2-b", "title: T", "");
    env.commit_all("tickets");
    env.step_comes_to("progressed");
    env.ticket("1-urgent", "title: T\npriority: 0", "");
    env.commit_all("another");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 2-b", "2 2-b", "3 1-urgent"]);
}

#[test]
fn a_held_ticket_is_passed_over_and_named() {
    let env = TestEnv::new();
    env.agent(&["claim", "claim"]);
    env.ticket("1-a", "title: T\nhold: not before May", "");
    env.ticket("2-b", "title: T", "");
    env.commit_all("tickets");
    let message = env.run_ends("completed");
    assert!(message.contains("1-a"), "{message}");
    assert_eq!(env.turns(), ["1 2-b"]);
    let explain = env.json(&["next"])["explain"].clone();
    assert_eq!((&explain[0]["ticket"], &explain[0]["state"]), (&"1-a".into(), &"waiting".into()), "{explain}");
    env.ticket("1-a", "title: T", "");
    env.commit_all("let go");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn a_current_ticket_that_is_held_lets_others_pass() {
    let env = TestEnv::new();
    env.agent(&["true", "claim"]);
    env.ticket("1-a", "title: T", "");
    env.ticket("2-b", "title: T", "");
    env.commit_all("tickets");
    env.step_comes_to("progressed");
    env.ticket("1-a", "title: T\nhold: later", "");
    env.commit_all("hold");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 1-a", "2 2-b"]);
}

#[test]
fn dependants_of_a_held_ticket_are_blocked_by_it() {
    let env = TestEnv::new();
    env.ticket("1-a", "title: T\nagent: user\nhold: later", "");
    env.ticket("2-b", "title: T\nagent: user\ndepends_on: [1-a]", "");
    env.commit_all("tickets");
    let message = env.run_ends("blocked");
    assert!(message.contains("2-b") && message.contains("1-a"), "{message}");
}

#[test]
fn an_unknown_dependency_fails_closed() {
    let env = TestEnv::new();
    env.ticket("1-a", "title: T\nagent: shell\ndepends_on: [nowhere]", "```sh\ntrue\n```");
    env.commit_all("tickets");
    let document = env.json(&["run"]);
    let code = document["reason"]["code"].as_str().unwrap();
    assert!(["blocked", "invalid"].contains(&code), "{document}");
    assert!(document["reason"]["message"].to_string().contains("nowhere"), "{document}");
    assert_eq!(env.subjects(), ["tickets", "first"]);
}

#[test]
fn a_ticket_that_cannot_be_read_stops_the_run_in_its_place() {
    let env = TestEnv::new();
    env.agent(&["claim", "claim", "claim"]);
    env.ticket("1-a", "title: T", "");
    env.write(".tickets/2-b.md", "---\ntitle: [\n---\n");
    env.ticket("3-c", "title: T", "");
    env.commit_all("tickets");
    let message = env.run_ends("invalid");
    assert!(message.contains(".tickets/2-b.md"), "{message}");
    assert_eq!(env.turns(), ["1 1-a"]);
    assert_eq!(env.next(), "wait invalid");
    env.ticket("2-b", "title: T", "");
    env.commit_all("mended");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 1-a", "2 2-b", "3 3-c"]);
}

#[test]
fn a_fault_of_a_done_ticket_stops_nothing() {
    let env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("1-a", "title: T\ndone: true\npriority: 9", "");
    env.ticket("2-b", "title: T", "");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 2-b"]);
}

#[test]
fn faults_of_the_config_always_stop() {
    let env = TestEnv::new();
    env.agent_with("retires: {lint: 3}\n", &["claim"]);
    env.ticket("1-a", "title: T", "");
    env.commit_all("tickets");
    let message = env.run_ends("invalid");
    assert!(message.contains("config.yaml:5:1: E019") && message.contains("retires"), "{message}");
    assert_eq!(env.turns().len(), 0);
    assert_eq!(env.run_id(), None);
}

#[test]
fn a_ticket_for_a_human_waits_for_the_human() {
    let env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("1-a", "title: T\nagent: user", "Sign it.");
    env.ticket("2-b", "title: T", "");
    env.commit_all("tickets");
    let message = env.run_ends("user_ticket");
    assert!(message.contains("turnstile done 1-a"), "{message}");
    assert_eq!(env.next(), "wait user_ticket");
    let _ = env.turnstile(&["done", "1"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 2-b"]);
    assert!(env.read(".tickets/1-a.md").contains("done: true"));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn only_the_named_tickets_and_what_they_depend_on() {
    let env = TestEnv::new();
    env.agent(&["claim", "claim", "claim"]);
    env.ticket("1-a", "title: T", "");
    env.ticket("2-b", "title: T", "");
    env.ticket("3-c", "title: T\ndepends_on: [2]", "");
    env.write(".tickets/0-broken.md", "nothing");
    env.commit_all("tickets");
    let document = env.json(&["run", "3"]);
    assert_eq!((&document["outcome"], &document["exit"]), (&"none".into(), &0.into()), "{document}");
    assert_eq!(document["status"], "running", "the run stays open");
    assert_eq!(env.turns(), ["1 2-b", "2 3-c"]);
    let _ = env.turnstile(&["run", "nowhere"]).exits(3);
}

#[test]
fn tickets_that_a_turn_created_are_ordinary_from_the_next_step_on() {
    let env = TestEnv::new();
    let script = "printf -- '---\\ntitle: New\\npriority: 0\\n---\\nBody\\n' > .tickets/0-new.md\nclaim";
    env.agent(&[script, "claim"]);
    env.ticket("1-a", "title: T", "");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 1-a", "2 0-new"]);
    assert_eq!(env.paths_of("HEAD~1"), [".tickets/0-new.md", ".tickets/1-a.md"]);
}

#[test]
fn a_current_ticket_that_is_gone_lets_others_pass() {
    let env = TestEnv::new();
    env.agent(&["true", "claim"]);
    env.ticket("1-a", "title: A", "Do it.");
    env.ticket("2-b", "title: B", "Do it.");
    env.commit_all("tickets");
    env.step_comes_to("progressed");
    env.remove(".tickets/1-a.md");
    env.commit_all("one less");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 1-a", "2 2-b"]);
}

#[test]
fn a_current_ticket_whose_dependency_is_open_again_waits_for_it() {
    let env = TestEnv::new();
    env.agent(&["claim", "true", "claim", "claim"]);
    env.ticket("1-a", "title: A", "Do it.");
    env.ticket("2-b", "title: B\ndepends_on: [1-a]", "Do it.");
    env.commit_all("tickets");
    env.step_comes_to("ticket_done");
    env.step_comes_to("progressed");
    let _ = env.turnstile(&["reopen", "1-a"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 1-a", "2 2-b", "3 1-a", "4 2-b"]);
}

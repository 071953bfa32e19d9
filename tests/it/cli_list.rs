//! `turnstile list`.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::TestEnv;

/// One ticket in each state that needs no run.
fn several() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[]);
    env.ticket("001-done", "title: Finished\ndone: true", "x");
    env.ticket("002-ready", "title: Go\npriority: 1", "x");
    env.ticket("003-blocked", "title: Later\ndepends_on: [2, 1]", "x");
    env.ticket("004-held", "title: Aside\nhold: waits for the vendor", "x");
    env.ticket("005-user", "title: \"Sign \\u202e here\"\nagent: user", "x");
    env.ticket("006-faulty", "title: Odd\nagent: nobody", "x");
    env.ticket("007-lost", "title: Nowhere\ndepends_on: [ghost]\npriority: 4", "x");
    env
}

#[test]
fn every_ticket_stands_in_selection_order_with_its_state_and_why() {
    let env = several();
    assert_snapshot!(env.turnstile(&["list"]).text(), @r"
    --- stdout
    ready    002-ready    1  mine    Go
    done     001-done     2  mine    Finished
    blocked  003-blocked  2  mine    Later
             waits for 002-ready
    waiting  004-held     2  mine    Aside
             held: waits for the vendor
    waiting  005-user     2  user    Sign \u{202e} here
             user_ticket: for a human; `turnstile done 005-user` when it is done
    invalid  006-faulty   2  nobody  Odd
             .tickets/006-faulty.md:3:8: E007: unknown agent `nobody`; known agents are mine, shell, user; others are added in `.tickets/config.yaml`
    invalid  007-lost     4  mine    Nowhere
             .tickets/007-lost.md:3:14: E008: `ghost` names no ticket; write the id of a ticket, its file name or its number; `turnstile list` shows them
    --- exit 0
    ");
}

#[test]
fn options_choose_and_several_are_a_union() {
    let env = several();
    let ids = |options: &[&str]| {
        let document = env.json(&[&["list"], options].concat());
        let ids = document.as_array().unwrap().iter().map(|ticket| ticket["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<String>>().join(" ")
    };
    assert_eq!(ids(&["--ready"]), "002-ready");
    assert_eq!(ids(&["--done"]), "001-done");
    assert_eq!(ids(&["--blocked"]), "003-blocked");
    assert_eq!(ids(&["--done", "--ready"]), "002-ready 001-done");
    assert_eq!(ids(&["--open"]), "002-ready 003-blocked 004-held 005-user 006-faulty 007-lost");
}

#[test]
fn programs_are_told_the_reason_with_its_details() {
    let env = several();
    let document = env.json(&["list"]);
    let one = |id: &str| document.as_array().unwrap().iter().find(|ticket| ticket["id"] == id).unwrap().clone();
    assert_eq!(
        one("003-blocked"),
        json!({
            "id": "003-blocked",
            "path": ".tickets/003-blocked.md",
            "title": "Later",
            "agent": "mine",
            "priority": 2,
            "done": false,
            "state": "blocked",
            "blocked_by": ["002-ready"],
            "reason": {
                "code": "blocked",
                "message": "waits for 002-ready",
                "details": { "blocked_by": ["002-ready"] },
            },
        })
    );
    assert_eq!(one("002-ready")["reason"], json!(null));
    assert_eq!(one("001-done")["done"], json!(true));
    for (id, code) in [("004-held", "held"), ("005-user", "user_ticket"), ("006-faulty", "invalid")] {
        assert_eq!(one(id)["reason"]["code"], code);
    }
}

#[test]
fn the_current_ticket_of_an_open_run_is_active_and_one_that_asks_waits() {
    let env = TestEnv::new();
    env.agent(&["echo 1 > file", "ask 'Which?'"]);
    env.ticket("001-a", "title: A", "x");
    env.commit_all("tickets");
    let _ = env.turnstile(&["step"]).exits(0);
    assert_eq!(env.json(&["list", "--ready"])[0]["state"], "active");
    let _ = env.turnstile(&["step"]).exits(4);
    let document = env.json(&["list"]);
    assert_eq!(document[0]["state"], "waiting");
    assert_eq!(document[0]["reason"]["code"], "user_dispatch");
}

#[test]
fn without_tickets_it_says_what_to_type() {
    let env = TestEnv::new();
    assert_snapshot!(env.turnstile(&["list"]).text(), @r"
    --- stderr
    there are no tickets; `turnstile new TITLE` makes one
    --- exit 0
    ");
    assert_eq!(env.json(&["list"]), json!([]));
}

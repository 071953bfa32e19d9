//! A bare repository: a push starts the work, what comes of it is pulled, and what is pushed meanwhile wins.

use crate::support::{Hub, triggers_of};

/// The turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

#[test]
fn a_push_starts_the_work_and_the_done_commit_comes_back_by_pull() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nclaim"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.subjects("main")[..2], ["001-a: done", "one"]);
    let published = hub.events("branch.published");
    assert_eq!(published.len(), 1);
    assert_eq!(published[0]["commit"], hub.commit("main"));
    assert_eq!(hub.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
    hub.env.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
    assert!(hub.env.read(".tickets/001-a.md").contains("done: true"));
    // Nobody has the branch itself checked out, so that it takes the next push as well.
    hub.env.write("more", "x\n");
    hub.env.ticket("002-b", "title: B\ndone: false", "Do it.");
    hub.env.scripts(&["claim"]);
    hub.env.commit_all("another ticket");
    hub.push("main");
    hub.has("main", "002-b: done");
    assert_eq!(hub.env.turns(), ["1 001-a", "2 002-b"]);
}

#[test]
fn a_push_before_anybody_has_trusted_anything_waits_for_it() {
    let hub = Hub::with_config("", &["claim"]);
    hub.push("main");
    hub.env.until("the start is refused", |env| env.refused_of(&hub.git_dir, "main").is_some());
    hub.env.settled();
    let refused = hub.env.refused_of(&hub.git_dir, "main").unwrap();
    assert_eq!(refused["reason"]["code"], "untrusted");
    let message = refused["reason"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("`turnstile -C {} trust`", hub.git_dir.display())), "{message}");
    assert_eq!((hub.env.turns().len(), hub.worktrees().len(), triggers_of(&hub.git_dir).len()), (0, 0, 1));
    hub.trust();
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.refused_of(&hub.git_dir, "main"), None);
}

#[test]
fn a_push_that_changes_the_config_goes_on_with_the_trusted_one_and_says_so() {
    let hub = Hub::trusted(&["claim"]);
    let evil = "version: 1\ndefault_agent: evil\nagents:\n  evil: {kind: command, command: [touch, /evil]}\n";
    hub.env.write(".tickets/config.yaml", evil);
    hub.env.commit_all("another config");
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.turns(), ["1 001-a"]);
    let said = "what was pushed has another .tickets/config.yaml than was trusted";
    assert!(hub.logs().contains(said), "{}", hub.logs());
}

#[test]
fn no_hook_of_the_repository_runs_when_the_runner_publishes() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nclaim"]);
    for name in ["pre-receive", "update", "post-update", "post-checkout", "reference-transaction"] {
        let text = format!(
            "#!/bin/sh\n[ -n \"$GIT_PUSH_CERT$GIT_DIR\" ] && [ \"$GIT_DIR\" = . ] || echo {name} >> '{}'\n",
            hub.env.root().join("ran").display()
        );
        crate::support::program(&hub.git_dir.join("hooks").join(name), &text);
    }
    hub.push("main");
    hub.has("main", "001-a: done");
    let ran = std::fs::read_to_string(hub.env.root().join("ran")).unwrap_or_default();
    // What an agent's own commit runs is the agent's own business.
    let ran: Vec<&str> = ran.lines().filter(|line| *line != "reference-transaction").collect();
    assert_eq!(ran, [""; 0]);
}

#[test]
fn the_first_push_of_a_repository_without_tickets_makes_no_worktree() {
    let hub = Hub::trusted(&["claim"]);
    hub.env.git(&["rm", "--quiet", "-r", ".tickets"]);
    hub.env.commit_all("no tickets");
    hub.push("main");
    hub.env.settled();
    assert_eq!((hub.worktrees().len(), triggers_of(&hub.git_dir).len()), (0, 0), "{}", hub.told());
}

#[test]
fn a_push_that_adds_to_what_the_turn_began_with_wins_and_the_ticket_begins_again() {
    let hub = Hub::trusted(&[
        &format!("{HELD}\necho one > file\ncommit one\necho two > loose\nclaim"),
        "echo three > file\ncommit three\nclaim",
    ]);
    hub.push("main");
    hub.env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    let developer = hub.clone_of("developer");
    developer.write("meanwhile", "x\n");
    developer.push("meanwhile");
    hub.env.write(hub.env.agent_folder().join("go"), "");
    hub.has("main", "001-a: done");
    assert_eq!(hub.subjects("main")[..3], ["001-a: done", "three", "meanwhile"]);
    assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"]);
    let parked = hub.subjects("turnstile/001-a");
    assert_eq!(parked[0], "001-a: parked, for main was pushed meanwhile");
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one");
    assert_eq!(hub.git(&["show", "turnstile/001-a:loose"]), "two");
    assert!(!hub.worktree().join("loose").exists());
    assert!(hub.logs().contains("`main` was pushed meanwhile, and that wins"), "{}", hub.logs());
}

//! Tickets that wait for an approval before their next turn: who asks, who answers, and what an answer is bound to.

use serde_json::Value;

use crate::support::{Output, TestEnv, ended_with};

/// A turn that waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ ! -f $AGENT/go ]; do sleep 0.02; done";

/// One ticket that asks for an approval.
fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false\napproval: required", "Do it.");
    env.commit_all("tickets");
    env
}

fn approvals(env: &TestEnv) -> Vec<(String, bool)> {
    let by = |line: Value| (line["by"].as_str().unwrap().to_owned(), line["approved"].as_bool().unwrap());
    env.events("approval.resolved").into_iter().map(by).collect()
}

fn edit(env: &TestEnv, id: &str, from: &str, to: &str) {
    let path = format!(".tickets/{id}.md");
    let text = env.read(&path);
    assert!(text.contains(from), "{text}");
    env.write(&path, text.replace(from, to));
}

/// What `list` says of a ticket: its state, and the code of its reason.
fn listed(env: &TestEnv, id: &str) -> String {
    let all = env.json(&["list"]);
    let entry = all.as_array().unwrap().iter().find(|entry| entry["id"] == id).unwrap();
    format!("{} {}", entry["state"].as_str().unwrap(), entry["reason"]["code"].as_str().unwrap_or("-"))
}

#[test]
fn the_run_pauses_before_the_turn_with_a_request_that_is_committed_and_goes_on_when_it_is_approved() {
    let env = world(&["claim"]);
    assert_eq!(listed(&env, "001-a"), "waiting approval_pending");
    assert_eq!(env.next(), "wait approval_pending");
    let document = env.ends(&["run"], "approval_pending");
    assert_eq!((&document["outcome"], &document["ticket"]), (&"waiting".into(), &"001-a".into()));
    assert_eq!(env.turns(), [""; 0], "no turn is spent");
    let request = env.read(".tickets/history/001-a/0001-request/REQUEST.md");
    for said in [
        "approval_pending",
        "`approval: required`",
        "turnstile approve 001-a",
        "turnstile reject 001-a",
        "decision: approve",
    ] {
        assert!(request.contains(said), "{said}: {request}");
    }
    assert_eq!(env.subjects()[0], "001-a: waits for an answer");
    assert_eq!(env.status(), [""; 0]);
    let asked = env.events("approval.requested");
    assert_eq!((asked.len(), &asked[0]["path"]), (1, &".tickets/history/001-a/0001-request".into()));

    // Nothing but a decision moves it, and it is asked once.
    let again = env.ends(&["run"], "approval_pending");
    assert_eq!(again["outcome"], "none");
    let resumed = env.turnstile(&["resume"]);
    assert_eq!(resumed.code, Some(3), "{}", resumed.text());
    assert!(resumed.stderr.contains("turnstile approve 001-a"), "{}", resumed.text());
    env.run_ends("approval_pending");
    assert_eq!(env.events("approval.requested").len(), 1);

    let said = env.turnstile(&["approve", "1"]).exits(0);
    assert_eq!(said.stdout, "001-a is approved; `turnstile run` goes on\n");
    assert_eq!(listed(&env, "001-a"), "active -");
    env.run_ends("completed");
    assert_eq!((env.turns(), approvals(&env)), (vec!["1 001-a".to_owned()], vec![("tester".to_owned(), true)]));
}

#[test]
fn risks_and_tags_of_the_config_ask_too() {
    let env = TestEnv::new();
    env.agent_with("approval: {risk: [high], tags: [deploy]}\n", &["claim"; 3]);
    env.ticket("001-a", "title: A\ndone: false\nrisk: low\ntags: [docs]", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\nrisk: high", "Do it.");
    env.ticket("003-c", "title: C\ndone: false\ntags: [deploy, x]", "Do it.");
    env.commit_all("tickets");
    let message = env.run_ends("approval_pending");
    assert!(message.starts_with("002-b needs an approval before its next turn (risk `high`)"), "{message}");
    let _ = env.turnstile(&["approve", "2"]).exits(0);
    let message = env.run_ends("approval_pending");
    assert!(message.starts_with("003-c needs an approval before its next turn (tag `deploy`)"), "{message}");
    let _ = env.turnstile(&["approve", "3"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn an_edit_between_turns_asks_again_and_what_a_turn_may_change_does_not() {
    let env = world(&["echo more >> $TURNSTILE_TICKET", "echo x > new; git add new; git commit -qm x", "claim"]);
    env.run_ends("approval_pending");
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    let _ = env.step_comes_to("progressed");
    let _ = env.step_comes_to("progressed");
    edit(&env, "001-a", "Do it.", "Do it all.");
    env.run_ends("approval_pending");
    assert_eq!(env.turns().len(), 2);
    assert!(env.exists(".tickets/history/001-a/0002-request/REQUEST.md"));
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn an_edit_while_it_waits_asks_again_and_one_that_needs_no_approval_answers_it() {
    let env = world(&["claim"]);
    env.run_ends("approval_pending");
    edit(&env, "001-a", "Do it.", "Do it all.");
    env.run_ends("approval_pending");
    assert_eq!(env.events("approval.requested").len(), 2);
    // A reply that answers the first request decides nothing about the second one.
    edit(&env, "001-a", "approval: required", "approval: auto");
    assert_eq!(env.next(), "run_turn");
    env.run_ends("completed");
    assert_eq!(approvals(&env), []);
    assert!(env.events("run.resumed")[1]["by"].as_str().unwrap().contains("needs no approval"));
}

#[test]
fn a_rejected_ticket_is_skipped_until_it_is_edited_approved_or_reopened() {
    let env = world(&["claim"; 4]);
    env.ticket("002-b", "title: B\ndone: false", "Do it too.");
    env.ticket("003-c", "title: C\ndone: false\ndepends_on: [1]", "Do it then.");
    env.commit_all("more");
    env.run_ends("approval_pending");
    let said = env.turnstile(&["reject", "1"]).exits(0);
    assert_eq!(said.stdout, "001-a is rejected; `turnstile run` goes on\n");
    let message = env.run_ends("approval_pending");
    assert_eq!(env.turns(), ["1 002-b"], "the others go on");
    assert!(message.starts_with("001-a was rejected by tester; edit it, or `turnstile approve 001-a`"), "{message}");
    assert_eq!(
        (listed(&env, "001-a"), listed(&env, "003-c")),
        ("waiting approval_pending".into(), "blocked blocked".into())
    );
    // What it was rejected for is asked about once more, as it is then.
    edit(&env, "001-a", "Do it.", "Do it better.");
    env.run_ends("approval_pending");
    assert_eq!(env.events("approval.requested").len(), 2);
    let _ = env.turnstile(&["reject", "1"]).exits(0);
    let _ = env.turnstile(&["reopen", "1"]).exits(0);
    env.run_ends("approval_pending");
    assert_eq!(env.events("approval.requested").len(), 3);
    let _ = env.turnstile(&["reject", "1"]).exits(0);
    env.run_ends("approval_pending");
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 002-b", "2 001-a", "3 003-c"]);
}

#[test]
fn a_reply_decides_and_its_text_goes_to_the_agent() {
    let env = world(&["claim"]);
    env.run_ends("approval_pending");
    // Text alone is for the agent, and is never read for a decision.
    let said = env.turnstile(&["reply", "-m", "approve: go on"]).exits(0);
    assert!(
        said.stdout.contains("`turnstile approve 001-a` or `turnstile reject 001-a` comes first"),
        "{}",
        said.text()
    );
    env.run_ends("approval_pending");
    env.reply("---\ndecision: approve\n---\nUse UTC.\n");
    env.run_ends("completed");
    let prompt = env.prompt(1);
    assert!(prompt.contains("approve: go on") && prompt.contains("Use UTC."), "{prompt}");
    assert_eq!(approvals(&env), [("a reply".to_owned(), true)]);
}

#[test]
fn a_reply_rejects_and_one_that_decides_what_nobody_asked_is_refused() {
    let env = world(&["claim"; 2]);
    env.ticket("002-b", "title: B\ndone: false", "Do it too.");
    env.commit_all("more");
    env.run_ends("approval_pending");
    env.reply("---\ndecision: reject\n---\n");
    env.run_ends("approval_pending");
    assert_eq!((env.turns(), approvals(&env)), (vec!["1 002-b".to_owned()], vec![("a reply".to_owned(), false)]));
    env.ticket("004-d", "title: D\ndone: false", "Do it.");
    env.reply("---\nto: 4\ndecision: approve\n---\n");
    let message = env.run_ends("reply_invalid");
    assert!(
        message.contains(".tickets/USER_REPLY.md:3:11: `decision: approve`, and nothing of 004-d waits"),
        "{message}"
    );
}

#[test]
fn a_decision_in_a_reply_that_appeared_during_a_turn_decides_nothing_until_a_person_confirms_it() {
    let reply = "printf -- '---\\nto: 2\\ndecision: approve\\n---\\nyes\\n' > .tickets/USER_REPLY.md";
    let env = TestEnv::new();
    env.agent(&[&format!("{reply}\nclaim"), "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\napproval: required", "Do it.");
    env.commit_all("tickets");
    env.run_ends("approval_pending");
    assert_eq!((env.turns(), approvals(&env)), (vec!["1 001-a".to_owned()], vec![]));
    // Saved again by a person.
    let text = env.read(".tickets/USER_REPLY.md");
    env.remove(".tickets/USER_REPLY.md");
    std::thread::sleep(std::time::Duration::from_millis(20));
    env.reply(&text);
    env.run_ends("completed");
    assert_eq!(approvals(&env), [("a reply".to_owned(), true)]);
}

#[test]
fn what_a_message_says_to_type_is_taken_by_a_shell_whatever_the_ticket_is_called() {
    for id in ["001 my own", "-x", "a'b$(touch ran)"] {
        let env = TestEnv::new();
        env.agent(&["claim"]);
        env.ticket(id, "title: A\ndone: false\napproval: required", "Do it.");
        env.commit_all("ticket");
        let document = env.ends(&["run"], "approval_pending");
        let message = document["reason"]["message"].as_str().unwrap();
        let typed = message.split("`turnstile ").nth(1).unwrap().split('`').next().unwrap();
        let line = format!("{} {typed}", env!("CARGO_BIN_EXE_turnstile"));
        let output = env.command("sh").args(["-c", &line]).output().unwrap();
        assert!(output.status.success() && !env.exists("ran"), "{typed}: {output:?}");
        env.ends(&["run"], "completed");
    }
}

#[test]
fn an_approval_of_an_unknown_or_a_done_ticket_says_what_to_type() {
    let env = world(&["claim"]);
    env.ticket("002-b", "title: B\ndone: true", "Done.");
    env.ticket("003-c", "title: C\ndone: false", "Do it.");
    env.commit_all("more");
    let refused = |id: &str, said: &str| {
        let output = env.turnstile(&["approve", "1", id]);
        assert_eq!(output.code, Some(3), "{}", output.text());
        assert!(output.stderr.contains(said), "{}", output.text());
    };
    refused("9", "there is no ticket `9`");
    refused("2", "`turnstile reopen 002-b` opens it again");
    let said = env.turnstile(&["approve", "3"]).exits(0);
    assert_eq!(said.stdout, "nothing of 003-c waits for an approval; nothing is stored\n");
    assert_eq!(env.json(&["next"])["action"], "wait", "of several none was approved");
    // An agent approves nothing.
    let inside = env
        .command(env!("CARGO_BIN_EXE_turnstile"))
        .args(["--json", "approve", "1"])
        .env("TURNSTILE_IN_TURN", env.path(".git"))
        .output()
        .unwrap();
    assert_eq!(inside.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&inside.stderr).contains("reentrant"));
}

#[test]
fn an_approval_without_a_run_is_served_by_the_next_one_and_belongs_to_it() {
    let env = world(&["ask 'Really?'", "claim"]);
    let said = env.json(&["approve", "1"]);
    assert_eq!((&said["decision"], &said["tickets"][0]["state"]), (&"approve".into(), &"held".into()));
    env.run_ends("user_dispatch");
    assert_eq!(env.events("approval.requested"), [] as [Value; 0]);
    let _ = env.turnstile(&["stop"]).exits(0);
    env.reply("Yes.");
    env.run_ends("approval_pending");
    assert_eq!(env.turns().len(), 1, "approvals belong to the run");
}

fn while_a_turn_runs(env: &TestEnv, act: impl Fn(&TestEnv)) -> Output {
    let child = env.spawn(&["--json", "run"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    act(env);
    env.write(env.agent_folder().join("go"), "");
    env.wait(child)
}

#[test]
fn an_approval_that_is_given_while_a_step_runs_is_served_when_its_turn_ends() {
    let env = TestEnv::new();
    env.agent(&[&format!("{HELD}\nclaim"), "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\napproval: required", "Do it.");
    env.commit_all("tickets");
    let output = while_a_turn_runs(&env, |env| {
        let said = env.turnstile(&["approve", "2"]).exits(0);
        assert!(said.stdout.contains("`approve 002-b` is stored and served when its turn ends"), "{}", said.text());
    });
    ended_with(&output, "completed");
    assert_eq!(approvals(&env), [("tester".to_owned(), true)]);
}

#[test]
fn an_approval_counts_for_what_was_there_when_it_was_typed() {
    let env = TestEnv::new();
    env.agent(&[&format!("{HELD}\necho more >> .tickets/002-b.md\nclaim"), "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\napproval: required", "Do it.");
    env.commit_all("tickets");
    let output = while_a_turn_runs(&env, |env| drop(env.turnstile(&["approve", "2"]).exits(0)));
    ended_with(&output, "approval_pending");
    assert!(output.stderr.contains("002-b is not as it was when that was typed"), "{}", output.text());
    let _ = env.turnstile(&["approve", "2"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn a_kill_around_the_request_or_the_reply_asks_once_and_decides_once() {
    for (point, reply) in [("act.before:1", false), ("act.done:1", false), ("act.before:1", true), ("act.done:1", true)]
    {
        let mut env = world(&["claim"]);
        if reply {
            env.run_ends("approval_pending");
            env.reply("---\ndecision: approve\n---\n");
        }
        env.set("_TURNSTILE_CRASH_LOG", env.root().join("passages").display().to_string());
        env.set("_TURNSTILE_CRASH_AT", point);
        let killed = env.turnstile(&["run"]);
        assert_eq!(killed.code, None, "{point} {reply}: {}", killed.text());
        if !reply {
            env.run_ends("approval_pending");
            env.reply("---\ndecision: approve\n---\n");
        }
        env.run_ends("completed");
        assert_eq!((env.events("approval.requested").len(), approvals(&env).len()), (1, 1), "{point} {reply}");
        let files = env.files(".tickets/history");
        assert_eq!(files, ["001-a/0001-request/REQUEST.md", "001-a/0002-reply/USER_REPLY.md"], "{point} {reply}");
        assert_eq!(env.turns(), ["1 001-a"]);
    }
}

#[test]
fn a_commit_turn_and_a_claim_need_no_other_approval() {
    let env = world(&["echo x > new; claim", "commit"]);
    let _ = env.turnstile(&["approve", "1"]).exits(0);
    env.run_ends("completed");
    assert_eq!((env.turns().len(), env.events("approval.requested").len()), (2, 0));
}

#[test]
fn a_kill_of_the_command_decides_once_or_not_at_all() {
    for point in
        ["decision.filled:1", "decision.stored:1", "journal.written:1", "decision.served:1", "decision.dropped:1"]
    {
        let mut env = world(&["claim"]);
        env.run_ends("approval_pending");
        env.set("_TURNSTILE_CRASH_LOG", env.root().join("passages").display().to_string());
        env.set("_TURNSTILE_CRASH_AT", point);
        assert_eq!(env.turnstile(&["approve", "1"]).code, None, "{point}");
        // Whoever was cut types it again: a second one finds nothing to decide.
        let _ = env.turnstile(&["approve", "1"]).exits(0);
        env.run_ends("completed");
        assert_eq!(approvals(&env).len(), 1, "{point}");
        assert_eq!(env.events("decision.stored").iter().filter(|line| line["refused"].is_null()).count(), 1, "{point}");
        let waiting = env.files(".git/turnstile/worktrees/main/decisions");
        assert!(waiting.iter().all(|file| file.starts_with('.')), "{point}: {waiting:?}");
    }
}

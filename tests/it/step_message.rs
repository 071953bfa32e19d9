//! Questions, answers, and what lies in the outbox.

use serde_json::json;

use crate::support::TestEnv;

/// A question with two choices.
const CHOICES: &str = "printf -- '---\\nmode: pause\\ntitle: Which colour?\\nchoices: [red, blue]\\n---\\n' > $TURNSTILE_OUTBOX/DISPATCH.md";

fn asking(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn a_question_pauses_until_it_is_answered() {
    let env = asking(&["ask 'Which colour?' 'Red or blue?'", "claim"]);
    insta::assert_snapshot!(env.turnstile(&["run"]).text(), @"
    --- stderr
    trusted unseen: .tickets/config.yaml
    a run begins on main
    turn 1 of 001-a by mine
      ended well after [TIME], 0 file(s) changed
      a question in .tickets/history/001-a/0001-dispatch: Which colour?
      committed [OID]
    user_dispatch: 001-a asks: Which colour?; answer with `turnstile reply 001-a -m TEXT`, or in `.tickets/USER_REPLY.md`
    --- exit 4
    ");
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md"]);
    assert_eq!(env.files(".tickets/outbox"), [""; 0]);
    // A reviewer who pulls sees the question.
    assert_eq!(env.subjects()[0], "001-a: waits for an answer");
    assert_eq!(env.paths_of("HEAD"), [".tickets/history/001-a/0001-dispatch/DISPATCH.md"]);
    // It stands, and no turn is spent.
    let lines = env.journal().len();
    env.run_ends("user_dispatch");
    assert_eq!((env.turns().len(), env.journal().len()), (1, lines));
    assert_eq!(env.next(), "wait user_dispatch");
    assert_eq!(env.json(&["status"])["status"], "paused");
    env.reply("Blue, please.\n");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("Blue, please."), "{}", env.prompt(2));
    assert!(!env.exists(".tickets/USER_REPLY.md"));
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md", "001-a/0002-reply/USER_REPLY.md"]);
    assert_eq!((env.events("reply.consumed").len(), env.events("reply.delivered").len()), (1, 1));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_reply_brings_its_attachments() {
    let env = asking(&["ask 'Which colour?'", "claim"]);
    env.run_ends("user_dispatch");
    env.write(".tickets/reply/colours/blue.txt", "#00f\n");
    env.reply("As attached.");
    env.run_ends("completed");
    let files = env.files(".tickets/history/001-a/0002-reply");
    assert!(files.contains(&"USER_REPLY.md".to_owned()), "{files:?}");
    assert!(files.iter().any(|file| file.ends_with("colours/blue.txt")), "{files:?}");
    assert!(env.prompt(2).contains("colours/blue.txt"), "{}", env.prompt(2));
}

#[test]
fn an_answer_must_be_among_the_choices() {
    let env = asking(&[CHOICES, "claim"]);
    env.run_ends("user_dispatch");
    env.reply("---\nanswer: green\n---\n");
    let message = env.run_ends("reply_invalid");
    assert!(message.contains("green") && message.contains("red, blue"), "{message}");
    assert!(env.exists(".tickets/USER_REPLY.md"), "it stays where it is");
    assert_eq!(env.next(), "wait reply_invalid");
    env.reply("---\nanswer: red\n---\n");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("red"), "{}", env.prompt(2));
}

#[test]
fn a_reply_that_says_nothing_is_left_alone() {
    let env = asking(&["ask 'Why?'", "claim"]);
    env.run_ends("user_dispatch");
    env.reply("\n  \n");
    let output = env.turnstile(&["run"]).exits(4);
    assert!(output.stderr.contains("USER_REPLY.md` was left where it lies: it has no text"), "{}", output.text());
    assert!(env.exists(".tickets/USER_REPLY.md"));
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_reply_with_faults_is_refused_with_the_line() {
    let env = asking(&["ask 'Why?'", "claim"]);
    env.run_ends("user_dispatch");
    env.reply("---\nto: 001-a\ndecision: perhaps\n---\nBecause.\n");
    let message = env.run_ends("reply_invalid");
    assert!(message.contains(".tickets/USER_REPLY.md:3:"), "{message}");
    env.reply("---\nto: nowhere\n---\nBecause.\n");
    let message = env.run_ends("reply_invalid");
    assert!(message.contains("nowhere"), "{message}");
    env.remove(".tickets/USER_REPLY.md");
    env.run_ends("user_dispatch");
}

#[test]
fn of_two_waiting_tickets_the_reply_names_one() {
    let env = TestEnv::new();
    env.agent(&["ask 'One?'", "ask 'Two?'", "claim", "claim"]);
    env.ticket("1-a", "title: A", "Do it.");
    env.ticket("2-b", "title: B", "Do it.");
    env.commit_all("tickets");
    env.ends(&["run", "1-a"], "user_dispatch");
    env.ends(&["run", "2-b"], "user_dispatch");
    env.reply("Yes.\n");
    let message = env.run_ends("reply_invalid");
    assert!(message.contains("1-a") && message.contains("2-b") && message.contains("to:"), "{message}");
    env.reply("---\nto: 2\n---\nYes to two.\n");
    assert!(env.run_ends("user_dispatch").contains("One?"));
    assert_eq!(env.files(".tickets/history/2-b"), ["0001-dispatch/DISPATCH.md", "0002-reply/USER_REPLY.md"]);
    env.ends(&["run", "2-b"], "");
    env.reply("Yes to one.\n");
    env.run_ends("completed");
    assert!(env.prompt(3).contains("Yes to two.") && env.prompt(4).contains("Yes to one."));
}

#[test]
fn a_reply_to_a_done_ticket_is_left_and_reported() {
    let env = asking(&["claim"]);
    env.run_ends("completed");
    env.reply("---\nto: 001-a\n---\nThanks.\n");
    let output = env.turnstile(&["run"]).exits(0);
    assert!(output.stderr.contains("USER_REPLY.md` was left where it lies: 001-a is done"), "{}", output.text());
    let next = env.turnstile(&["next"]).exits(0);
    assert!(next.stdout.contains("USER_REPLY.md` was left where it lies: 001-a is done"), "{}", next.text());
    assert!(env.exists(".tickets/USER_REPLY.md"));
}

#[test]
fn a_reply_may_come_before_it_is_asked_for() {
    let env = asking(&["claim"]);
    env.reply("Mind the gap.");
    env.run_ends("completed");
    assert!(env.prompt(1).contains("Mind the gap."));
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-reply/USER_REPLY.md"]);
}

#[test]
fn a_reply_is_given_again_after_a_failed_turn_and_delivered_once() {
    let env = asking(&["ask 'Why?'", "exit 3", "claim"]);
    env.run_ends("user_dispatch");
    env.reply("Because.");
    env.run_ends("agent_failed");
    assert!(env.prompt(2).contains("Because."));
    assert!(env.events("reply.delivered").is_empty());
    env.run_ends("completed");
    assert!(env.prompt(3).contains("Because."));
    let delivered = env.events("reply.delivered");
    assert_eq!((delivered.len(), &delivered[0]["turn"]), (1, &json!(3)));
    assert_eq!(env.events("reply.consumed").len(), 1);
}

#[test]
fn a_reply_that_was_delivered_is_not_given_as_new_again() {
    let env = asking(&["ask 'Why?'", "true", "claim"]);
    env.run_ends("user_dispatch");
    env.reply("Because.");
    env.run_ends("completed");
    assert_eq!(env.events("turn.started")[1]["replies"], json!([2]));
    assert_eq!(env.events("turn.started")[2]["replies"], serde_json::Value::Null);
}

#[test]
fn a_question_is_asked_whatever_else_happened() {
    let env = asking(&["ask 'Why?'\nclaim\nexit 1", "claim"]);
    env.run_ends("user_dispatch");
    assert!(!env.read(".tickets/001-a.md").contains("done: true"));
    assert_eq!(env.events("turn.failed").len(), 1);
    env.reply("Because.");
    env.run_ends("completed");
}

#[test]
fn a_claim_beside_a_question_is_taken_back_and_may_be_made_again() {
    let env = asking(&["echo one > file\ncommit one\nclaim\nask 'Is this right?'", "claim"]);
    env.run_ends("user_dispatch");
    assert_eq!(env.events("claim.revoked").len(), 1);
    assert!(!env.git(&["show", "HEAD:.tickets/001-a.md"]).contains("done: true"));
    env.reply("Yes.");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn a_message_that_asks_nothing_stops_nothing() {
    let env = asking(&[
        "echo 1 > $TURNSTILE_OUTBOX/numbers\nmkdir $TURNSTILE_OUTBOX/d\necho 2 > $TURNSTILE_OUTBOX/d/more\ntell 'Half of it'",
        "claim",
    ]);
    env.run_ends("completed");
    let files = env.files(".tickets/history/001-a/0001-dispatch");
    assert_eq!(files, ["DISPATCH.md", "d/more", "numbers"]);
    assert_eq!(env.files(".tickets/outbox"), [""; 0]);
    assert!(env.prompt(2).contains("Half of it"), "the conversation so far");
}

#[test]
fn a_message_of_a_failed_turn_is_archived_as_well() {
    let env = asking(&["tell 'Trouble'\nexit 1"]);
    env.run_ends("agent_failed");
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md"]);
}

#[test]
fn attachments_without_a_message_stay_and_are_named() {
    let env = asking(&["echo 1 > $TURNSTILE_OUTBOX/forgotten.png", "claim"]);
    env.run_ends("completed");
    assert!(env.prompt(2).contains("forgotten.png"), "{}", env.prompt(2));
    assert_eq!(env.files(".tickets/outbox"), ["forgotten.png"]);
}

/// A turn during which a person may act, and what the next turns do.
fn with_pause(then: &str, more: &[&str]) -> TestEnv {
    let first = format!("touch \"$AGENT/began\"; while [ ! -f \"$AGENT/go\" ]; do sleep 0.02; done\n{then}");
    asking(&[&[first.as_str()], more].concat())
}

/// One step with something that happens during its turn.
fn step_during(env: &TestEnv, act: impl FnOnce(&TestEnv)) -> crate::support::Output {
    let child = env.spawn(&["--json", "step"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    act(env);
    env.write(env.agent_folder().join("go"), "");
    env.wait(child)
}

#[test]
fn a_reply_that_appears_during_a_turn_is_quoted_as_possibly_the_agents_own() {
    let env = with_pause("true", &["true", "claim"]);
    let _ = step_during(&env, |env| env.reply("Hurry.")).exits(0);
    assert!(env.exists(".tickets/USER_REPLY.md"));
    env.step_comes_to("progressed");
    assert!(env.prompt(2).contains("Hurry."), "{}", env.prompt(2));
    assert!(!env.exists(".tickets/USER_REPLY.md"), "that prompt was delivered");
    let consumed = env.events("reply.consumed");
    assert_eq!((consumed.len(), &consumed[0]["confirmed"]), (1, &json!(false)));
    env.run_ends("completed");
}

#[test]
fn an_answer_that_appears_during_the_turn_that_asks_opens_no_gate() {
    let env = with_pause("ask 'May I?'", &["claim"]);
    let output = step_during(&env, |env| env.reply("Yes, you may."));
    crate::support::ended_with(&output, "user_dispatch");
    let output = env.turnstile(&["run"]).exits(4);
    assert!(output.stderr.contains("it appeared during a turn"), "{}", output.text());
    assert_eq!(env.turns().len(), 1);
    // A person saves it again: now it counts.
    env.reply("Yes, you may.");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("Yes, you may."));
}

#[test]
fn an_answer_that_the_agent_wrote_itself_can_be_confirmed_by_a_commit() {
    let env = asking(&["ask 'May I?'\necho 'Yes.' > .tickets/USER_REPLY.md", "claim"]);
    env.run_ends("user_dispatch");
    env.run_ends("user_dispatch");
    env.git(&["add", ".tickets/USER_REPLY.md"]);
    env.git(&["commit", "--quiet", "-m", "a reviewer's answer"]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn an_answer_that_the_agent_wrote_and_committed_itself_opens_no_gate() {
    let env = asking(&[
        "ask 'May I?'\necho 'Yes.' > .tickets/USER_REPLY.md\ngit add .tickets/USER_REPLY.md\ngit commit -qm 'sly'",
        "claim",
    ]);
    env.run_ends("user_dispatch");
    env.run_ends("user_dispatch");
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn questions_belong_to_the_ticket_and_not_to_the_run() {
    let env = asking(&["ask 'Why?'", "claim"]);
    env.run_ends("user_dispatch");
    let first = env.run_id();
    let _ = env.turnstile(&["stop"]).exits(0);
    assert!(env.run_ends("user_dispatch").contains("Why?"));
    assert_eq!(env.turns().len(), 1);
    env.reply("Because.");
    env.run_ends("completed");
    assert_ne!(env.run_id(), first);
    assert!(env.prompt(2).contains("Because."));
}

#[test]
fn a_reply_to_nobody_or_to_several_is_refused_and_left() {
    let env = asking(&["ask 'Why?'", "claim"]);
    env.ticket("001-b", "title: B\nhold: later", "Another.");
    env.commit_all("more");
    env.run_ends("user_dispatch");
    for (to, what) in [("nobody", "there is no ticket `nobody`"), ("001", "`001` could be `001-a`, `001-b`")] {
        let reply = format!("---\nto: {to}\n---\nBecause.\n");
        env.reply(&reply);
        let message = env.run_ends("reply_invalid");
        assert!(message.contains(what), "{message}");
        assert_eq!(env.read(".tickets/USER_REPLY.md"), reply);
    }
    env.reply("---\nto: 001-a\n---\nBecause.\n");
    env.run_ends("completed");
}

#[test]
fn a_reply_with_more_than_one_name_or_behind_a_link_is_not_opened() {
    let env = asking(&["ask 'Why?'", "claim"]);
    env.run_ends("user_dispatch");
    env.write(env.root().join("secret"), "top secret\n");
    let reply = env.path(".tickets/USER_REPLY.md");
    std::os::unix::fs::symlink("../../secret", &reply).unwrap();
    assert!(env.run_ends("reply_invalid").contains("symbolic link"));
    std::fs::remove_file(&reply).unwrap();
    std::fs::hard_link(env.root().join("secret"), &reply).unwrap();
    assert!(env.run_ends("reply_invalid").contains("hard link"));
    std::fs::remove_file(&reply).unwrap();
    env.reply("Because.");
    env.run_ends("completed");
    assert!(!env.prompt(2).contains("top secret"));
}

#[test]
fn a_message_behind_a_link_is_no_message_and_nothing_of_it_is_moved() {
    let linked = "echo secret > $AGENT/secret; ln -s $AGENT/secret $TURNSTILE_OUTBOX/notes; tell 'Half of it'";
    let env = asking(&[linked, "rm $TURNSTILE_OUTBOX/notes", "claim"]);
    env.step_comes_to("retry_asked");
    assert_eq!(env.events("outbox.invalid").len(), 1);
    assert!(env.exists(".tickets/outbox/DISPATCH.md") && !env.exists(".tickets/history"));
    env.run_ends("completed");
    assert!(env.prompt(2).contains("notes"), "{}", env.prompt(2));
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md"]);
}

#[test]
fn a_message_that_a_person_mends_is_asked_before_the_agent_may_overwrite_it() {
    let invalid = "printf -- '---\\nmode: paus\\n---\\nWhich one?\\n' > $TURNSTILE_OUTBOX/DISPATCH.md";
    let env = TestEnv::new();
    env.agent_with("retries: {lint: 0}\n", &[invalid, "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env.run_ends("dispatch_invalid");
    env.write(".tickets/outbox/DISPATCH.md", "---\nmode: pause\ntitle: Which one?\n---\nWhich one?\n");
    assert!(env.run_ends("user_dispatch").contains("Which one?"));
    assert_eq!(env.turns().len(), 1, "no turn came before it");
    assert_eq!(env.files(".tickets/outbox"), [""; 0]);
    let history = env.files(".tickets/history/001-a");
    assert!(history.iter().any(|file| file.ends_with("-dispatch/DISPATCH.md")), "{history:?}");
    assert_eq!(env.subjects()[0], "001-a: waits for an answer");
    env.reply("This one.");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("This one."));
}

#[test]
fn a_question_with_choices_says_how_to_choose() {
    let env = asking(&[CHOICES, "claim"]);
    let message = env.run_ends("user_dispatch");
    assert!(message.contains("`turnstile reply 001-a --answer CHOICE`"), "{message}");
}

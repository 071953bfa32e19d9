//! `reply`: who gets it, what is refused, and what happens while a step is under way.

use serde_json::json;

use crate::support::TestEnv;

/// A run that waits for the answer to a question with choices.
fn asked() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[
        "printf -- '---\\nmode: pause\\ntitle: Which?\\nchoices: [sqlite, postgres]\\n---\\n' > \"$TURNSTILE_OUTBOX/DISPATCH.md\"",
        "claim",
    ]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    env
}

#[test]
fn the_ticket_that_waits_gets_the_reply_and_goes_on() {
    let env = asked();
    let output = env.turnstile(&["reply", "--answer", "sqlite", "-m", "It is enough."]).exits(0);
    insta::assert_snapshot!(output.text(), @r"
    --- stdout
    the reply to 001-a lies in `.tickets/USER_REPLY.md`; `turnstile run` goes on with it
    --- exit 0
    ");
    assert_eq!(env.read(".tickets/USER_REPLY.md"), "---\nto: \"001-a\"\nanswer: sqlite\n---\nIt is enough.\n");
    let _ = env.turnstile(&["run", "--max-turns", "1"]).exits(0);
    assert!(env.prompt(2).contains("It is enough."), "{}", env.prompt(2));
    assert!(!env.exists(".tickets/USER_REPLY.md"));
}

#[test]
fn an_answer_that_the_question_does_not_allow_is_refused_before_anything_is_written() {
    let env = asked();
    let output = env.turnstile(&["reply", "--answer", "mysql"]).exits(3);
    insta::assert_snapshot!(output.text(), @r"
    --- stderr
    error: `answer: mysql` is not among the choices of 001-a: sqlite, postgres
      help: nothing was written
    --- exit 3
    ");
    assert!(!env.exists(".tickets/USER_REPLY.md"));
}

#[test]
fn a_reply_that_waits_is_not_overwritten() {
    let env = asked();
    let _ = env.turnstile(&["reply", "--answer", "sqlite"]).exits(0);
    let output = env.turnstile(&["reply", "--answer", "postgres"]).exits(3);
    insta::assert_snapshot!(output.text(), @r"
    --- stderr
    error: `.tickets/USER_REPLY.md` is there already; nothing was written
      help: `turnstile run` takes it in; or edit it, or remove it
    --- exit 3
    ");
    assert!(env.read(".tickets/USER_REPLY.md").contains("sqlite"));
}

#[test]
fn several_that_wait_are_listed() {
    let env = asked();
    env.write(".tickets/001-a.md", env.read(".tickets/001-a.md").replace("done: false", "done: false\nhold: later"));
    env.scripts(&["ask 'And this?'"]);
    std::fs::copy(env.agent_folder().join("3.sh"), env.agent_folder().join("2.sh")).unwrap();
    env.write(".tickets/001-a.md", env.read(".tickets/001-a.md").replace("\nhold: later", ""));
    let _ = env.turnstile(&["step", "002"]).exits(4);
    let output = env.turnstile(&["--json", "reply", "-m", "x"]).exits(2);
    assert_eq!(output.error()["details"]["waiting"], json!(["001-a", "002-b"]));
    let _ = env.turnstile(&["reply", "2", "-m", "x"]).exits(0);
    assert!(env.read(".tickets/USER_REPLY.md").contains("to: \"002-b\""));
}

#[test]
fn a_ticket_that_does_not_wait_is_named_and_a_done_one_is_refused() {
    let env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let output = env.turnstile_with(&["reply"], "from stdin\n").exits(0);
    insta::assert_snapshot!(output.text(), @r"
    --- stdout
    the reply to 001-a lies in `.tickets/USER_REPLY.md`; it does not wait for an answer; its next turn reads the reply
    --- exit 0
    ");
    assert!(env.read(".tickets/USER_REPLY.md").ends_with("---\nfrom stdin\n"));
    let _ = env.turnstile(&["run"]).exits(0);
    assert!(env.prompt(1).contains("from stdin"));
    for arguments in [&["reply", "-m", "x"][..], &["reply", "001", "-m", "x"]] {
        assert_eq!(env.turnstile(&[&["--json"], arguments].concat()).exits(3).error()["code"], "invalid");
    }
    assert!(!env.exists(".tickets/USER_REPLY.md"));
}

#[test]
fn a_reply_that_says_nothing_and_a_reply_inside_a_turn_are_refused() {
    let mut env = asked();
    assert_eq!(env.turnstile(&["--json", "reply"]).exits(2).error()["code"], "usage");
    assert_eq!(env.turnstile(&["--json", "reply", "nobody", "-m", "x"]).exits(3).error()["code"], "unknown_id");
    assert!(!env.exists(".tickets/USER_REPLY.md"));
    env.set("TURNSTILE_IN_TURN", env.path(".git").to_str().unwrap());
    assert_eq!(env.turnstile(&["--json", "reply", "-m", "x"]).exits(2).error()["code"], "reentrant");
}

#[test]
fn attachments_lie_beside_the_reply_and_are_named_from_where_the_command_works() {
    let env = asked();
    env.write("notes/plan.txt", "a plan\n");
    env.commit_all("notes");
    let _ = env.turnstile(&["-C", "notes", "reply", "--answer", "sqlite", "--attach", "plan.txt"]).exits(0);
    assert_eq!(env.read(".tickets/reply/plan.txt"), "a plan\n");
    let _ = env.turnstile(&["run", "--max-turns", "1"]).exits(0);
    assert_eq!(env.read(".tickets/history/001-a/0002-reply/plan.txt"), "a plan\n");
}

#[test]
fn a_reply_during_a_step_is_kept_outside_the_worktree_and_served_when_the_turn_ends() {
    let env = TestEnv::new();
    env.agent(&["touch began; while [ ! -f go ]; do sleep 0.02; done; rm go began", "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let child = env.spawn(&["run"]);
    env.until("the turn begins", |env| env.exists("began"));
    let output = env.turnstile(&["reply", "-m", "Use UTC."]).exits(0);
    assert!(output.stdout.contains("a step is under way"), "{}", output.text());
    assert!(!env.exists(".tickets/USER_REPLY.md"));
    env.write("go", "");
    let _ = env.wait(child).exits(0);
    assert!(env.prompt(2).contains("Use UTC."));
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-reply/USER_REPLY.md"]);
}

#[test]
fn a_turn_that_outlived_its_runner_is_not_taken_for_the_author_of_a_reply() {
    let env = TestEnv::new();
    env.agent(&["touch began; while [ ! -f go ]; do sleep 0.02; done; rm go began", "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let mut runner = env.spawn(&["run"]);
    env.until("the turn begins", |env| env.exists("began"));
    runner.kill().unwrap();
    runner.wait().unwrap();
    let _ = env.turnstile(&["reply", "-m", "Use UTC."]).exits(0);
    assert!(!env.exists(".tickets/USER_REPLY.md"), "it would appear while the agent is at work");
    env.write("go", "");
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    assert!(env.prompt(2).contains("Use UTC.") && !env.prompt(2).contains("nobody has confirmed"));
}

/// Where `script` is not the one of util-linux, or is not there, nothing gives the program a terminal.
#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_an_editor_is_opened() {
    let mut env = asked();
    let editor = env.root().join("editor");
    let script = ["cp \"$1\" seen", "{ echo typed; cat seen; } > \"$1\""].join("\n");
    std::fs::write(&editor, script).unwrap();
    env.set("EDITOR", format!("sh {}", editor.display()));
    // `script` gives the program a terminal.
    let program = env!("CARGO_BIN_EXE_turnstile");
    let Ok(output) = env.command("script").args(["-qec", &format!("{program} reply"), "/dev/null"]).output() else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(env.read(".tickets/USER_REPLY.md"), "---\nto: \"001-a\"\n---\ntyped\n");
    assert!(env.read("seen").contains("It asks: Which?"));
}

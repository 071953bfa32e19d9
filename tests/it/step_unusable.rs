//! What no turn could begin with is found before one is tried: by lint where a file says it, as `invalid` otherwise.

use std::fs::OpenOptions;

use crate::support::TestEnv;

fn world(frontmatter: &str, config: &str) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, &["claim"]);
    env.ticket("001-a", frontmatter, "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn an_agent_that_is_nobody_is_no_agent() {
    let env = world("title: A\nagent: ~", "");
    let config = env.read(".tickets/config.yaml").replace("default_agent: mine\n", "");
    env.write(".tickets/config.yaml", config);
    env.commit_all("no default");
    assert!(env.turnstile(&["lint"]).exits(3).stdout.contains("error[E007]: no agent is named"));
    assert_eq!(env.next(), "wait invalid");
    assert!(env.run_ends("invalid").contains("E007"));
}

#[test]
fn a_required_file_that_is_not_there_is_a_fault_of_a_ticket_that_is_ready() {
    let env = world("title: A\ncontext: [{path: notes.txt, required: true}]", "");
    env.ticket("002-b", "title: B\ndepends_on: [1]\ncontext: [{path: later.txt, required: true}]", "Then this.");
    env.commit_all("more");
    let lint = env.turnstile(&["lint", "--format", "github"]).exits(3).stdout;
    assert!(lint.contains("001-a.md,line=3,col=10") && !lint.contains("later.txt"), "{lint}");
    assert_eq!(env.next(), "wait invalid");
    let message = env.run_ends("invalid");
    assert!(message.contains("`context` requires `notes.txt`, which is not there; make the file"), "{message}");
    env.write("notes.txt", "x\n");
    env.commit_all("notes");
    assert!(!env.run_ends("invalid").contains("notes.txt"));
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_prompt_that_does_not_fit_is_told_with_its_line_before_a_turn_is_tried() {
    let env = world("title: A", "prompt: {max_bytes: 100}\n");
    let line = env.read(".tickets/config.yaml").lines().position(|line| line.starts_with("prompt:")).unwrap() + 1;
    assert_eq!(env.next(), "wait invalid");
    let message = env.run_ends("invalid");
    assert!(message.contains(&format!(".tickets/config.yaml:{line}:21: E012: `prompt.max_bytes` is 100")), "{message}");
    assert_eq!((env.turns().len(), env.journal().len()), (0, 0));
}

#[test]
fn a_ticket_that_is_put_aside_says_so_to_whoever_names_it() {
    let env = world("title: A\nhold: waits for the vendor", "");
    let output = env.turnstile(&["run", "001"]).exits(0);
    assert!(output.stderr.contains("001-a is put aside: waits for the vendor"), "{}", output.text());
    let output = env.turnstile(&["prompt", "001"]).exits(0);
    assert!(output.stderr.contains("no turn of 001-a starts as it is: held: waits"), "{}", output.text());
}

#[test]
fn what_cannot_be_printed_is_an_error() {
    let env = world("title: A", "");
    for arguments in [&["list"][..], &["next"], &["status"], &["lint", "--json"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let program = env!("CARGO_BIN_EXE_turnstile");
        let output = env.command(program).args(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to stdout"), "{arguments:?}: {said}");
    }
}

#[test]
fn status_tells_what_the_next_step_would_and_where_a_reply_is_at_fault() {
    let env = TestEnv::new();
    env.agent(&[
        "printf -- '---\\nmode: pause\\nchoices: [red, blue]\\n---\\n' > $TURNSTILE_OUTBOX/DISPATCH.md",
        "claim",
    ]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env.run_ends("user_dispatch");
    for (reply, expected) in [
        ("---\nanswer: green\n---\n", ":2:9: `answer: green` is not among the choices of 001-a: red, blue"),
        ("---\nto: nope\n---\nx\n", ":2:5: there is no ticket `nope`"),
        ("---\ndecision: maybe\n---\n", ":2:11: E012: `decision` cannot be `maybe`; write approve or reject"),
        ("---\nfoo: 1\n---\n", ":2:1: E019: unknown key `foo`; known keys are to, answer, decision, title"),
    ] {
        env.reply(reply);
        let message = env.run_ends("reply_invalid");
        assert!(message.contains(&format!(".tickets/USER_REPLY.md{expected}")), "{message}");
        assert_eq!(env.json(&["status"])["reason"]["code"], "reply_invalid");
    }
}

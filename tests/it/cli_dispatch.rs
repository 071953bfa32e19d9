//! `dispatch`: messages of agents who type.

use crate::support::TestEnv;

#[test]
fn an_agent_asks_by_command_and_is_answered() {
    let env = TestEnv::new();
    let program = env!("CARGO_BIN_EXE_turnstile");
    env.agent(&[
        &format!(
            "echo figures > \"$AGENT/report.csv\"\nmkdir deep && cd deep\n\
             {program} dispatch --pause --title 'Which: a or b?' --choice a --choice 'no: b' --attach \"$AGENT/report.csv\"\n\
             cd .. && rmdir deep"
        ),
        "claim",
    ]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(4);
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md", "001-a/0001-dispatch/report.csv"]);
    assert_eq!(
        env.read(".tickets/history/001-a/0001-dispatch/DISPATCH.md"),
        "---\nmode: pause\ntitle: \"Which: a or b?\"\nchoices: [a, \"no: b\"]\n---\n"
    );
    let _ = env.turnstile(&["reply", "--answer", "no: b"]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
}

#[test]
fn a_message_that_waits_is_not_overwritten_and_choices_need_a_question() {
    let env = TestEnv::new();
    let output = env.turnstile(&["dispatch", "-m", "Half of it is done."]).exits(0);
    insta::assert_snapshot!(output.text(), @r"
    --- stdout
    `.tickets/outbox/DISPATCH.md` is written; it is taken in when the turn ends; nobody has to answer
    --- exit 0
    ");
    let output = env.turnstile(&["dispatch", "--title", "again"]).exits(3);
    insta::assert_snapshot!(output.text(), @r"
    --- stderr
    error: `.tickets/outbox/DISPATCH.md` is there already; nothing was written
      help: put both into one message, or end the turn: the next one may write again
    --- exit 3
    ");
    assert_eq!(env.read(".tickets/outbox/DISPATCH.md"), "---\nmode: notify\n---\nHalf of it is done.\n");
    for arguments in [&["dispatch", "--title", "x", "--choice", "a"][..], &["dispatch"], &["dispatch", "-m", " "]] {
        assert_eq!(env.turnstile(&[&["--json"], arguments].concat()).exits(2).error()["code"], "usage");
    }
}

#[test]
fn what_an_agent_has_on_its_stdin_is_sent_only_when_it_says_so() {
    let env = TestEnv::new();
    let _ = env.turnstile_with(&["dispatch", "--title", "x"], "the prompt").exits(0);
    assert_eq!(env.read(".tickets/outbox/DISPATCH.md"), "---\nmode: notify\ntitle: x\n---\n");
    env.remove(".tickets/outbox/DISPATCH.md");
    let _ = env.turnstile_with(&["dispatch", "-m", "-"], "the text").exits(0);
    assert_eq!(env.read(".tickets/outbox/DISPATCH.md"), "---\nmode: notify\n---\nthe text\n");
}

//! `log`: what happened, and what happens.

use std::io::{BufRead as _, BufReader};

use crate::support::TestEnv;

#[test]
fn where_no_run_has_begun_that_is_said() {
    let env = TestEnv::new();
    insta::assert_snapshot!(env.turnstile(&["log"]).text(), @r"
    --- stderr
    no run has begun here; `turnstile run` begins one
    --- exit 0
    ");
}

#[test]
fn one_line_an_event_and_with_json_the_journal_as_it_is() {
    let env = TestEnv::new();
    env.agent(&["echo one > file\ncommit 'one'\nclaim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["run"]).exits(0);
    insta::assert_snapshot!(env.turnstile(&["log"]).text(), @r"
    --- stdout
        1  [WHEN]  a run begins on main
        2  [WHEN]  001-a: is worked on from here
        3  [WHEN]  turn 1 of 001-a by mine
        4  [WHEN]  001-a: ended well after [TIME], 1 file(s) changed
        5  [WHEN]  001-a: claims to be done
        6  [WHEN]  begins: the commit `001-a: done`
        7  [WHEN]  001-a: committed [OID]
        8  [WHEN]  001-a: kept as [OID]
        9  [WHEN]  001-a is done
       10  [WHEN]  the run is completed
    --- exit 0
    ");
    let journal = std::fs::read_to_string(env.run_folder().join("journal.jsonl")).unwrap();
    assert_eq!(env.turnstile(&["--json", "log"]).exits(0).stdout, journal);
    let all = journal.lines().count();
    for since in [0, 1, all, all + 1] {
        let output = env.turnstile(&["--json", "log", "--since", &since.to_string()]).exits(0);
        assert_eq!(output.stdout.lines().collect::<Vec<_>>(), journal.lines().skip(since).collect::<Vec<_>>());
    }
}

#[test]
fn a_follower_sees_events_and_output_as_they_come_and_ends_when_nobody_reads() {
    let env = TestEnv::new();
    env.agent(&[
        "printf 'working \\033[31m\\n'; touch began; while [ ! -f go ]; do sleep 0.02; done; rm go began; claim",
    ]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let mut follower = env.spawn(&["log", "--follow"]);
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let runner = env.spawn(&["run"]);
    let seen = |lines: &mut std::io::Lines<BufReader<std::process::ChildStdout>>, what: &str| {
        lines.find(|line| line.as_ref().unwrap().contains(what)).is_some()
    };
    assert!(seen(&mut lines, "turn 1 of 001-a by mine"));
    assert!(seen(&mut lines, "  |  working \\x1b[31m"));
    env.write("go", "");
    assert!(seen(&mut lines, "001-a is done"));
    let _ = env.wait(runner).exits(0);
    drop(lines);
    assert_eq!(env.wait(follower).code, Some(0), "nobody reads any more");
}

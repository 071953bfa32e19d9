//! A machine that runs out of descriptors: that is no fault of a ticket, and nobody is sent to mend one.

use crate::support::{Output, TestEnv};

/// Fewer, and the program itself cannot be loaded.
const FEWEST: u32 = 4;
/// More than a look at tickets takes.
const ENOUGH: u32 = 24;

/// Runs the program with at most so many descriptors.
fn with_descriptors(env: &TestEnv, most: u32, arguments: &[&str]) -> Output {
    let mut command = env.command("sh");
    command.args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh", env!("CARGO_BIN_EXE_turnstile")]);
    Output::of(&command.args(arguments).output().unwrap(), env)
}

#[test]
fn a_process_without_descriptors_fails_and_names_no_fault_of_a_ticket() {
    let env = TestEnv::new();
    env.write(".tickets/config.yaml", "version: 1\ndefault_agent: user\n");
    env.write(".tickets/context/spec.md", "As it is.");
    for id in ["001-a", "002-b", "auth/010-login", "auth/deep/011-more"] {
        env.ticket(id, "title: T\nagent: user\ndone: false", "Do it.");
    }
    env.commit_all("tickets");
    for (arguments, status) in [(&["lint"][..], 0), (&["--json", "next"], 4), (&["--json", "step"], 4)] {
        let mut short = 0;
        for most in FEWEST..=ENOUGH {
            let output = with_descriptors(&env, most, arguments);
            let told = format!("{}{}", output.stdout, output.stderr);
            for wrong in ["E0", "\"invalid\"", "journal_unreadable", "panicked"] {
                assert!(!told.contains(wrong), "{arguments:?} with {most} descriptors: {}", output.text());
            }
            if told.contains("Too many open files") {
                short += 1;
                let _ = output.exits(7);
            }
        }
        assert!(short > 1, "{arguments:?} never went short");
        let expected = if arguments[1..] == ["next"] { 0 } else { status };
        let _ = with_descriptors(&env, ENOUGH, arguments).exits(expected);
    }
    assert!(env.events("run.paused").is_empty(), "nothing stands because of it");
}

//! A turn that takes away who may read a file gets it put back once, not for ever. The superuser reads everything, so
//! these run without that privilege.

use crate::support::{Output, TestEnv, skipped};

fn world(script: &str) -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[script, "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false\nhold: later", "Do it.");
    env.commit_all("tickets");
    env
}

/// The program without the right to read what its mode forbids; none where the system cannot take it away.
fn humble(env: &TestEnv, arguments: &[&str]) -> Option<Output> {
    let may_not = ["--bounding-set", "-dac_override,-dac_read_search"];
    if !env.command("setpriv").args(may_not).arg("true").status().is_ok_and(|status| status.success()) {
        skipped("a privilege cannot be taken away here (`setpriv`)");
        return None;
    }
    let turnstile = env!("CARGO_BIN_EXE_turnstile");
    let output = env.command("timeout").args(["60", "setpriv"]).args(may_not).arg(turnstile).args(arguments).output();
    Some(Output::of(&output.unwrap(), env))
}

#[test]
fn a_ticket_that_nobody_may_read_is_put_back_and_the_run_goes_on() {
    for script in ["chmod 000 .tickets/001-a.md", "claim\nchmod 000 .tickets/001-a.md"] {
        let env = world(script);
        let Some(output) = humble(&env, &["step"]) else { return };
        assert!(output.text().contains("it cannot be read any more: Permission denied"), "{}", output.text());
        assert_eq!(env.events("contract.restored").len(), 1);
        assert_eq!(env.status(), [""; 0], "it is what it was");
        let undo = &env.events("contract.restored")[0]["items"][0]["undo"];
        assert!(undo.is_null() || !undo.as_str().unwrap().starts_with("rm"), "{undo}");
        drop(humble(&env, &["run"]).unwrap().exits(0));
    }
}

#[test]
fn what_cannot_be_put_back_is_said() {
    let env = world("chmod 000 .tickets");
    let Some(output) = humble(&env, &["step"]) else { return };
    assert!(output.code.is_some_and(|code| code != 0 && code != 124), "{}", output.text());
    assert!(output.text().contains("ermission denied"), "{}", output.text());
    let again = humble(&env, &["step"]).unwrap();
    assert!(again.code.is_some_and(|code| code != 0 && code != 124), "{}", again.text());
    assert!(env.command("chmod").args(["755", ".tickets"]).status().unwrap().success());
    let output = humble(&env, &["run"]).unwrap().exits(0);
    assert!(!output.text().contains("tampered"), "{}", output.text());
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
}

#[test]
fn a_runner_that_gives_up_during_a_turn_is_no_tampering() {
    let folder = ".git/turnstile/worktrees/main/decisions";
    let wait = "while [ ! -e ../go ]; do sleep 0.05; done";
    let env = world(&format!("mkdir -p {folder}\nchmod 000 {folder}\n{wait}\nchmod 700 {folder}"));
    let Some(output) = humble(&env, &["--json", "step"]) else { return };
    assert!(output.text().contains("git_failed"), "it cannot look whether somebody decided: {}", output.text());
    assert_eq!(env.kinds().last().unwrap(), "run.paused", "written down while the turn goes on");
    std::fs::write(env.root().join("go"), "").unwrap();
    env.until("the turn is over", |env| env.effects().is_empty());
    let output = humble(&env, &["run"]).unwrap().exits(0);
    assert!(!output.text().contains("tampered"), "{}", output.text());
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
}

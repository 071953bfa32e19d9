use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getsid};

use super::support::{
    end_of, ended_well, identity, is_alive, script_effect, stand_in, start, text, until, written_pid,
};
use crate::effect::process::signal;
use crate::effect::{Evidence, ProgramEnd, Stopped, ask_to_stop, child_pid, end_leftovers, evidence};

#[test]
fn a_turn_outlives_the_runner_that_started_it() {
    let home = script_effect("echo $$ > pid; while [ ! -e go ]; do echo waiting; sleep 0.02; done; echo ran >> count");
    let mut runner = stand_in("__runner", home.path());
    let program = written_pid(&home.path().join("pid"));
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert!(is_alive(program));
    assert_eq!(evidence::<ProgramEnd>(home.path()).unwrap(), Evidence::Running);
    // No terminal reaches it: it leads a session of its own.
    let child = Pid::from_raw(child_pid(home.path()).unwrap().unwrap().try_into().unwrap());
    assert_eq!(getsid(child).unwrap(), child.unwrap());
    fs::write(home.path().join("go"), "").unwrap();
    assert_eq!(ended_well(end_of(home.path())).exit, Some(0));
    assert_eq!(text(home.path().join("count")), "ran\n");
}

/// Runners are killed at random moments, a new one takes over each time.
#[test]
fn whenever_runners_are_killed_a_turn_runs_exactly_once() {
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..12 {
        let home = script_effect("echo ran >> count; sleep 0.05; echo said");
        let mut kills = 0;
        while !matches!(evidence::<ProgramEnd>(home.path()).unwrap(), Evidence::Over(_)) {
            let mut runner = stand_in("__runner", home.path());
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            thread::sleep(Duration::from_micros(seed >> 33 & 0x7fff));
            runner.kill().unwrap();
            runner.wait().unwrap();
            kills += 1;
            assert!(kills < 2000, "round {round} does not end");
        }
        assert_eq!(text(home.path().join("count")), "ran\n", "round {round}, {kills} kills");
        assert_eq!(text(home.path().join("stdout.log")), "said\n");
    }
}

#[test]
fn a_killed_child_is_lost_and_what_it_ran_is_found() {
    let home = script_effect("trap '' TERM; (trap '' TERM; echo $$ > pid; sleep 300) & wait; sleep 300");
    start(home.path());
    let program = written_pid(&home.path().join("pid"));
    let child = child_pid(home.path()).unwrap().unwrap();
    signal(child, Signal::KILL);
    until("the loss", || evidence::<ProgramEnd>(home.path()).unwrap() == Evidence::Lost);
    assert_eq!(child_pid(home.path()).unwrap(), None);
    assert!(is_alive(program));
    assert!(end_leftovers(home.path(), Duration::from_millis(50)).unwrap() >= 1);
    assert!(!is_alive(program));
    assert_eq!(end_leftovers(home.path(), Duration::from_millis(50)).unwrap(), 0);
}

#[test]
fn what_runs_has_no_leftovers() {
    let home = script_effect("echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done");
    start(home.path());
    written_pid(&home.path().join("pid"));
    assert!(end_leftovers(home.path(), Duration::ZERO).is_err());
    fs::write(home.path().join("go"), "").unwrap();
    assert_eq!(ended_well(end_of(home.path())).exit, Some(0));
}

#[test]
fn a_turn_that_is_asked_to_stop_ends_its_program_and_records_that() {
    let home = script_effect("echo $$ > pid; sleep 300 & wait");
    start(home.path());
    let program = written_pid(&home.path().join("pid"));
    ask_to_stop(home.path()).unwrap();
    let end = ended_well(end_of(home.path()));
    assert_eq!(end.stopped, Some(Stopped::Asked));
    assert!(!is_alive(program));
    ask_to_stop(home.path()).unwrap();
}

#[test]
fn a_turn_that_is_asked_to_stop_before_it_begins_does_nothing() {
    let home = script_effect("touch ran");
    ask_to_stop(home.path()).unwrap();
    start(home.path());
    assert_eq!(ended_well(end_of(home.path())).stopped, Some(Stopped::Asked));
    assert!(!home.path().join("ran").exists());
}

#[test]
fn terminals_and_terminations_reach_the_record() {
    for which in [Signal::TERM, Signal::INT, Signal::HUP] {
        let home = script_effect("echo $$ > pid; sleep 300");
        start(home.path());
        written_pid(&home.path().join("pid"));
        signal(child_pid(home.path()).unwrap().unwrap(), which);
        assert_eq!(ended_well(end_of(home.path())).stopped, Some(Stopped::Asked));
    }
}

#[test]
fn a_stop_is_never_sent_to_somebody_else() {
    let home = script_effect("true");
    let mut bystander = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    // As if the number had been given again: the same process number, another start.
    let stored = serde_json::to_string(&identity(bystander.id())).unwrap();
    let other = stored.replace("\"start\":\"", "\"start\":\"9");
    assert_ne!(other, stored);
    fs::write(home.path().join("started"), other).unwrap();
    ask_to_stop(home.path()).unwrap();
    assert_eq!(child_pid(home.path()).unwrap(), None);
    thread::sleep(Duration::from_millis(50));
    assert!(bystander.try_wait().unwrap().is_none());
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn who_leaves_group_session_and_parents_is_ended_with_the_rest() {
    // Two forks and a session of its own, nothing in its environment, deaf to a polite request.
    let script = "env -i setsid sh -c 'trap \"\" TERM; (trap \"\" TERM; echo $$ > unused; exec sh -c \"echo \\$\\$ > escaped; trap : TERM; while :; do sleep 0.1; done\") & exit' > /dev/null 2>&1
        while [ ! -e escaped ]; do sleep 0.01; done; echo left";
    let home = script_effect(script);
    start(home.path());
    let end = ended_well(end_of(home.path()));
    assert_eq!((end.exit, end.stopped), (Some(0), None));
    assert!(end.left_behind >= 1);
    assert!(!is_alive(written_pid(&home.path().join("escaped"))));
}

use std::fs::{self, File};
use std::process::Command;

use super::support::{
    Request, effect, end_of, ended_well, script_effect, stand_in, start, text, this_executable, until,
};
use crate::effect::{EffectError, Evidence, ProgramEnd, child_pid, evidence, launch};

#[test]
fn each_state_of_the_directory_proves_one_thing() {
    let check = |names: &[(&str, &str)], held: bool, expected: &str| {
        let home = tempfile::tempdir().unwrap();
        for (name, content) in names {
            fs::write(home.path().join(name), content).unwrap();
        }
        let lease = held.then(|| File::open(home.path().join("lease")).unwrap());
        if let Some(lease) = &lease {
            lease.lock().unwrap();
        }
        assert_eq!(format!("{:?}", evidence::<u32>(home.path()).unwrap()), expected, "{names:?} held: {held}");
    };
    let started = ("started", r#"{"pid":1,"start":"0","boot":""}"#);
    check(&[], false, "NotStarted");
    check(&[("request.json", "{}")], false, "NotStarted");
    check(&[("lease", "")], false, "NotStarted");
    check(&[("lease", "")], true, "Running");
    check(&[("lease", ""), started], true, "Running");
    check(&[("lease", ""), started], false, "Lost");
    check(&[started], false, "Lost");
    check(&[("lease", ""), started, ("exit.json", r#"{"ok":7}"#)], false, "Over(Ok(7))");
    check(&[("lease", ""), started, ("exit.json", r#"{"ok":7}"#)], true, "Over(Ok(7))");
    check(&[("lease", ""), ("exit.json", r#"{"err":"no"}"#)], false, "Over(Err(\"no\"))");
}

#[test]
fn only_absence_is_absence() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("exit.json")).unwrap();
    assert!(matches!(evidence::<u32>(home.path()), Err(EffectError::Read { .. })));
    fs::remove_dir(home.path().join("exit.json")).unwrap();
    fs::write(home.path().join("exit.json"), "{").unwrap();
    assert!(matches!(evidence::<u32>(home.path()), Err(EffectError::Damaged { .. })));
    fs::remove_file(home.path().join("exit.json")).unwrap();
    fs::write(home.path().join("started"), "").unwrap();
    assert!(matches!(evidence::<u32>(home.path()), Err(EffectError::Damaged { .. })));
}

#[test]
fn readers_do_not_take_each_other_for_the_child() {
    let home = script_effect("true");
    fs::write(home.path().join("lease"), "").unwrap();
    let reader = File::open(home.path().join("lease")).unwrap();
    reader.lock_shared().unwrap();
    assert_eq!(evidence::<ProgramEnd>(home.path()).unwrap(), Evidence::NotStarted);
    // Nor does a look stand in the way of a start.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(30));
            drop(reader);
        });
        start(home.path());
    });
    assert_eq!(ended_well(end_of(home.path())).exit, Some(0));
}

#[test]
fn an_end_that_is_recorded_between_two_looks_is_no_loss() {
    for _ in 0..1500 {
        let home = tempfile::tempdir().unwrap();
        for (name, content) in
            [("lease", ""), ("started", r#"{"pid":1,"start":"0","boot":""}"#), ("new", r#"{"ok":7}"#)]
        {
            fs::write(home.path().join(name), content).unwrap();
        }
        let lease = File::open(home.path().join("lease")).unwrap();
        lease.lock().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                loop {
                    match evidence::<u32>(home.path()).unwrap() {
                        Evidence::Running => {}
                        Evidence::Over(end) => break assert_eq!(end, Ok(7)),
                        Evidence::NotStarted | Evidence::Lost => panic!("the end was not seen"),
                    }
                }
            });
            fs::rename(home.path().join("new"), home.path().join("exit.json")).unwrap();
            drop(lease);
        });
    }
}

#[test]
fn an_effect_runs_to_its_end_and_never_again() {
    let home = script_effect("echo said; echo ran >> count; exit 3");
    assert_eq!(evidence::<ProgramEnd>(home.path()).unwrap(), Evidence::NotStarted);
    start(home.path());
    let end = ended_well(end_of(home.path()));
    assert_eq!((end.exit, end.stdout_bytes), (Some(3), 5));
    assert_eq!(text(home.path().join("stdout.log")), "said\n");
    until("the child's end", || child_pid(home.path()).unwrap().is_none());

    let again = launch(&this_executable(), home.path(), &[], home.path());
    assert!(matches!(again, Err(EffectError::StartedBefore { .. })), "{again:?}");
    fs::remove_file(home.path().join("exit.json")).unwrap();
    let again = launch(&this_executable(), home.path(), &[], home.path());
    assert!(matches!(again, Err(EffectError::StartedBefore { .. })), "{again:?}");
    assert_eq!(evidence::<ProgramEnd>(home.path()).unwrap(), Evidence::Lost);
    assert_eq!(text(home.path().join("count")), "ran\n");
}

#[test]
fn an_effect_that_runs_is_not_started_beside_itself() {
    let home = script_effect("while [ ! -e go ]; do sleep 0.02; done");
    start(home.path());
    assert_eq!(evidence::<ProgramEnd>(home.path()).unwrap(), Evidence::Running);
    let again = launch(&this_executable(), home.path(), &[], home.path());
    assert!(matches!(again, Err(EffectError::Held { .. })), "{again:?}");
    fs::write(home.path().join("go"), "").unwrap();
    assert_eq!(ended_well(end_of(home.path())).exit, Some(0));
}

#[test]
fn a_failure_of_our_own_is_recorded_like_any_end() {
    let check = |request: Request, expected: &str| {
        let home = effect(&request);
        start(home.path());
        assert_eq!(format!("{:?}", end_of(home.path())), expected);
    };
    check(Request::Fail("no room".into()), r#"Over(Err("no room"))"#);
    check(Request::Panic, r#"Over(Err("turnstile failed within itself: something impossible happened"))"#);
    check(Request::Abort, "Lost");
    // The lease is where nothing inherits it by chance.
    #[cfg(target_os = "linux")]
    check(Request::ShowStdin, r#"Over(Err("/dev/null"))"#);
}

#[test]
fn nobody_starts_an_effect_by_hand() {
    let home = script_effect("touch ran");
    fs::write(home.path().join("lease"), "").unwrap();
    assert!(!stand_in("__effect", home.path()).wait().unwrap().success());
    // The true lease, but somebody else holds it.
    let held = File::open(home.path().join("lease")).unwrap();
    held.lock().unwrap();
    let mut command = Command::new(this_executable());
    command.arg("__effect").arg(home.path()).stdin(File::open(home.path().join("lease")).unwrap());
    assert!(!command.output().unwrap().status.success());
    drop(held);
    // Beside this one other tests fork, and until it is replaced a fork has open what we had.
    until("the lease is free", || evidence::<ProgramEnd>(home.path()).unwrap() == Evidence::NotStarted);
    assert!(!home.path().join("ran").exists());
}

#[test]
fn a_child_that_never_begins_is_told_of_now_and_then() {
    let home = script_effect("touch ran");
    let attempt = || {
        let launched = launch("/bin/false".as_ref(), home.path(), &[], home.path());
        until("the lease is free", || evidence::<ProgramEnd>(home.path()).unwrap() == Evidence::NotStarted);
        launched
    };
    for _ in 0..20 {
        attempt().unwrap();
    }
    assert!(matches!(attempt(), Err(EffectError::NeverBegins { attempts: 20, .. })));
    attempt().unwrap();

    let missing = launch("/no/such/turnstile".as_ref(), home.path(), &[], home.path());
    assert!(matches!(missing, Err(EffectError::Spawn { .. })));
    start(home.path());
    assert_eq!(ended_well(end_of(home.path())).exit, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_inherits_neither_the_lease_nor_any_other_file() {
    // Also what the runner itself was given without being asked.
    let home = script_effect("exec ls -l /proc/self/fd");
    let runner = "exec 7< request.json; exec \"$0\" __runner .";
    let mut command = Command::new("sh");
    command.args(["-c", runner]).arg(this_executable()).current_dir(home.path());
    assert!(command.output().unwrap().status.success());
    ended_well(end_of(home.path()));
    let said = text(home.path().join("stdout.log"));
    let open: Vec<&str> = said.lines().filter_map(|line| line.split_once(" -> ")).map(|(_, target)| target).collect();
    assert_eq!(open.len(), 4, "{said}");
    assert_eq!(open[0], "/dev/null");
    assert!(open[1].starts_with("pipe:") && open[2].starts_with("pipe:") && open[3].starts_with("/proc/"), "{said}");
}

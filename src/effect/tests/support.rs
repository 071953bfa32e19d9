//! The stand-ins. `launch` starts `<test executable> __effect DIRECTORY`; to the test harness that is a filter, which
//! selects [`__effect`] and nothing else. [`__runner`] is started in the same way.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::effect::process::{Identity, table};
use crate::effect::{Evidence, Program, ProgramEnd, Stdin, child, evidence, launch, run};

/// What the child is told to do.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    Run(Box<Program>),
    Fail(String),
    Panic,
    Abort,
    ShowStdin,
}

fn asked_for(what: &str) -> Option<PathBuf> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    (arguments.first()? == what).then(|| PathBuf::from(&arguments[1]))
}

#[test]
fn __effect() {
    let Some(directory) = asked_for("__effect") else { return };
    child::<ProgramEnd>(&directory, |context| {
        let text = std::fs::read(context.directory.join("request.json")).unwrap();
        match serde_json::from_slice(&text).unwrap() {
            Request::Run(program) => Ok(run(&program, &crate::secret::Screen::new(&[]), &context.asked)),
            Request::Fail(why) => Err(why),
            Request::Panic => panic!("something impossible happened"),
            Request::Abort => std::process::abort(),
            Request::ShowStdin => Err(std::fs::read_link("/proc/self/fd/0").unwrap().display().to_string()),
        }
    })
    .unwrap();
}

/// A runner: looks, and starts what is not started, until it is over.
#[test]
fn __runner() {
    let Some(directory) = asked_for("__runner") else { return };
    loop {
        match evidence::<ProgramEnd>(&directory).unwrap() {
            Evidence::NotStarted => start(&directory),
            Evidence::Running => thread::sleep(Duration::from_millis(1)),
            Evidence::Over(_) | Evidence::Lost => return,
        }
    }
}

pub(super) fn this_executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

pub(super) fn start(directory: &Path) {
    launch(&this_executable(), directory, &[], directory).unwrap();
}

pub(super) fn stand_in(what: &str, directory: &Path) -> Child {
    Command::new(this_executable())
        .arg(what)
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A directory with a request in it, gone with the test.
pub(super) fn effect(request: &Request) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("request.json"), serde_json::to_vec(request).unwrap()).unwrap();
    directory
}

/// The effect that runs a script.
pub(super) fn script_effect(script: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut program = sh(directory.path(), script);
    program.effect = Some(directory.path().to_path_buf());
    let request = Request::Run(Box::new(program));
    std::fs::write(directory.path().join("request.json"), serde_json::to_vec(&request).unwrap()).unwrap();
    directory
}

/// A script as a program, with its output beside it and short patience.
pub(super) fn sh(directory: &Path, script: &str) -> Program {
    Program {
        argv: vec!["sh".into(), "-c".into(), script.into()],
        cwd: directory.to_path_buf(),
        env: vec![("PATH".into(), "/usr/bin:/bin:/usr/sbin:/sbin".into())],
        stdin: Stdin::Null,
        stdout: directory.join("stdout.log"),
        stderr: directory.join("stderr.log"),
        timeout: None,
        idle: None,
        grace: Duration::from_millis(300),
        keep_bytes: Program::KEEP_BYTES,
        effect: None,
    }
}

/// Waits until `condition` holds; the machine may be slow, so it waits long.
pub(super) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited for: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the end of the effect.
pub(super) fn end_of(directory: &Path) -> Evidence<ProgramEnd> {
    until("the end of the effect", || {
        !matches!(evidence::<ProgramEnd>(directory).unwrap(), Evidence::Running | Evidence::NotStarted)
    });
    evidence(directory).unwrap()
}

pub(super) fn ended_well(evidence: Evidence<ProgramEnd>) -> ProgramEnd {
    match evidence {
        Evidence::Over(Ok(end)) => end,
        other => panic!("expected an end, found {other:?}"),
    }
}

/// The process whose number the script wrote to this file.
pub(super) fn written_pid(path: &Path) -> u32 {
    let read = || std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'));
    until("a process number", || read().is_some());
    read().unwrap().trim().parse().unwrap()
}

pub(super) fn is_alive(pid: u32) -> bool {
    table().unwrap().get(&pid).is_some_and(|process| !process.over)
}

pub(super) fn identity(pid: u32) -> Identity {
    Identity::of(pid).unwrap()
}

pub(super) fn text(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

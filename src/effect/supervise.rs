//! One supervised program, from its start to the end of the last process that it left.

use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::family::{Ending, Family};
use super::output::{Stream, pump};
use super::process::is_over;
use super::start::{NotStarted, start};
use super::{Program, ProgramEnd, Stopped};
use crate::secret::Screen;

/// Runs a program to its end; `asked` ends it early. What it prints is kept without the secrets of `screen`.
///
/// It runs in a process group of its own. Its output is drained without end and kept up to the limit, so that it is
/// never blocked. When a limit is reached, or somebody asks, the whole group is asked to end, and killed after the
/// grace; escaped descendants too where this process is the child of an effect. What is left when the program itself
/// has ended is ended as well, and does not hold us by keeping the output open.
pub fn run(program: &Program, screen: &Screen, asked: &AtomicBool) -> ProgramEnd {
    if asked.load(Ordering::SeqCst) {
        return ProgramEnd { stopped: Some(Stopped::Asked), ..ProgramEnd::default() };
    }
    let others = Family::others();
    match start(program, screen) {
        Ok((child, streams)) => {
            let family = Family::new(child.id(), others);
            follow(program, asked, child, streams, &family)
        }
        Err(NotStarted { why, for_want }) => ProgramEnd { not_started: Some(why), for_want, ..ProgramEnd::default() },
    }
}

/// How long at most between two looks.
const TICK: Duration = Duration::from_millis(50);
/// How long between two looks at first; most checks are over soon.
const FIRST_TICK: Duration = Duration::from_millis(1);
/// How long where the output has just ended: most programs are over a moment later.
const CLOSED_TICK: Duration = Duration::from_micros(100);
/// What a program left behind was not meant to be waited for.
const LEFT_GRACE: Duration = Duration::from_secs(2);
/// How long somebody out of reach may keep the output open.
const DRAIN: Duration = Duration::from_millis(500);
/// How often adopted processes that are over are collected meanwhile.
const COLLECT: Duration = Duration::from_secs(10);

fn follow(
    program: &Program,
    asked: &AtomicBool,
    mut child: Child,
    mut streams: [Stream<'_>; 2],
    family: &Family,
) -> ProgramEnd {
    let leader = child.id();
    let began = Instant::now();
    let mut end = ProgramEnd::default();
    let mut last_output = began;
    let mut collected = began;
    let mut gone: Option<Instant> = None;
    let mut ending: Option<Ending> = None;
    let mut tick = FIRST_TICK;
    loop {
        let was_open = streams.iter().any(Stream::is_open);
        if pump(&mut streams, tick) {
            last_output = Instant::now();
        }
        let has_closed = was_open && !streams.iter().any(Stream::is_open);
        tick = if has_closed { CLOSED_TICK } else { (tick * 2).min(TICK) };
        if gone.is_none() && is_over(leader) {
            gone = Some(Instant::now());
        }
        ending = match ending {
            None if gone.is_some() => {
                let left = family.alive();
                if left.is_empty() {
                    break;
                }
                end.left_behind = u32::try_from(left.len()).unwrap_or(u32::MAX);
                Some(Ending::begin(family, &left, program.grace.min(LEFT_GRACE)))
            }
            None => {
                end.stopped = due(program, asked, began, last_output);
                end.stopped.map(|_| Ending::begin(family, &family.alive(), program.grace))
            }
            Some(ending) => {
                let left = family.alive();
                if gone.is_some() && (left.is_empty() || matches!(ending, Ending::GivenUp)) {
                    break;
                }
                Some(ending.go_on(family, &left))
            }
        };
        if collected.elapsed() >= COLLECT {
            family.reap_adopted();
            collected = Instant::now();
        }
    }
    drain(&mut streams);
    let ran = gone.unwrap_or_else(Instant::now).duration_since(began);
    end.duration_ms = u64::try_from(ran.as_millis()).unwrap_or(u64::MAX);
    collect(&mut child, &mut end);
    family.reap_adopted();
    let [stdout, stderr] = streams;
    let (stdout_bytes, stdout_cut) = stdout.finish();
    let (stderr_bytes, stderr_cut) = stderr.finish();
    ProgramEnd { stdout_bytes, stderr_bytes, cut: stdout_cut || stderr_cut, ..end }
}

fn due(program: &Program, asked: &AtomicBool, began: Instant, last_output: Instant) -> Option<Stopped> {
    if asked.load(Ordering::SeqCst) {
        return Some(Stopped::Asked);
    }
    if program.timeout.is_some_and(|limit| began.elapsed() >= limit) {
        return Some(Stopped::Wall);
    }
    if program.idle.is_some_and(|limit| last_output.elapsed() >= limit) {
        return Some(Stopped::Idle);
    }
    None
}

fn drain(streams: &mut [Stream<'_>; 2]) {
    let until = Instant::now() + DRAIN;
    while streams.iter().any(Stream::is_open) && Instant::now() < until {
        pump(streams, FIRST_TICK);
    }
}

/// The status was seen before and is only collected here, so nothing waits.
fn collect(child: &mut Child, end: &mut ProgramEnd) {
    use std::os::unix::process::ExitStatusExt as _;
    if let Ok(status) = child.wait() {
        end.exit = status.code();
        end.signal = status.signal();
    }
}

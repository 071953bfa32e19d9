//! System calls that fail or are the last: `strace` ends the runner, or a child, at the N-th call of a kind, or lets
//! the call fail; then everything is run to the end of the story. A few of them always run where `strace` is;
//! `tests/inject.sh` runs all of them. The seed is printed; `TURNSTILE_INJECT_SEED` draws the same ones again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use turnstile::crash::Point;

use crate::support::{Cut, Story, TestEnv, number, setting, skipped};

/// The kinds of calls, as far as this machine's `strace` knows them.
const KINDS: [&str; 17] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "ftruncate",
    "clone3",
    "vfork",
];

/// What happens to a call.
const INJECTIONS: [&str; 5] = ["signal=SIGKILL", "error=ENOSPC", "error=EIO", "error=EMFILE", "error=EROFS"];

/// Who is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// The run with this number.
    Runner(u32),
    /// The child of the effect with this number, counted over all of the story.
    Child(usize),
}

/// The runs of the story, and the effects in it that differ: two turns, HEAD brought back, and three commits.
const VICTIMS: [Victim; 9] = [
    Victim::Runner(1),
    Victim::Runner(2),
    Victim::Runner(3),
    Victim::Child(1),
    Victim::Child(2),
    Victim::Child(4),
    Victim::Child(5),
    Victim::Child(6),
    Victim::Child(10),
];

fn has_strace(env: &TestEnv) -> bool {
    let tried = env.command("strace").args(["-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=9", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// `strace` in front of a program; without following forks, so that nobody else is hit.
fn strace(log: &str, rest: &[String]) -> Vec<String> {
    let known = ["strace", "-qq", "-o", log].map(str::to_owned);
    known.into_iter().chain(rest.iter().cloned()).collect()
}

/// Plays the story with something in front of one process of it.
fn play(victim: Victim, words: &[String], log: &str) -> (Story, Result<(), String>) {
    let mut story = Story::new("branch");
    let words = strace(log, words);
    match victim {
        Victim::Runner(run) => story.wrapped = vec![(run, words)],
        Victim::Child(number) => {
            // The runner ends where it would have started the child; then we start it ourselves.
            let passages = story.env.root().join("passages").display().to_string();
            story.env.set("_TURNSTILE_CRASH_LOG", passages);
            story.env.set("_TURNSTILE_CRASH_AT", format!("{}:{number}", Point::EffectAttempted.name()));
            story.instead_of_launching = Some(words);
        }
    }
    let played = story.play();
    (story, played)
}

/// How often a process makes each kind of call when nothing is injected.
fn counts(victim: Victim) -> BTreeMap<String, u64> {
    let trace = format!("trace=?{}", KINDS.join(",?"));
    let log = tempfile::NamedTempFile::new().unwrap();
    let (story, played) = play(victim, &["-e".into(), trace], log.path().to_str().unwrap());
    played.unwrap();
    let cut = if matches!(victim, Victim::Child(_)) { Cut::Effects } else { Cut::RunnerAlone };
    assert_eq!(story.faults(cut), [""; 0], "{victim:?} without any injection");
    let text = std::fs::read_to_string(log.path()).unwrap();
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        if let Some((call, _)) = line.split_once('(') {
            *counts.entry(call.trim().to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

/// One injection and the end of the story: whether it hit, and what is wrong.
fn inject(victim: Victim, call: &str, injection: &str, when: u64) -> (bool, Vec<String>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let words = ["-e".into(), format!("trace={call}"), "-e".into(), format!("inject={call}:{injection}:when={when}")];
    let (story, played) = play(victim, &words, log.path().to_str().unwrap());
    let text = std::fs::read_to_string(log.path()).unwrap();
    let hit = text.contains("(INJECTED)") || text.contains("killed by SIGKILL");
    let cut = if matches!(victim, Victim::Child(_)) { Cut::Effects } else { Cut::RunnerAlone };
    let mut faults = match played {
        Ok(()) => story.faults(cut),
        Err(stuck) => vec![stuck],
    };
    if !faults.is_empty() {
        faults.insert(0, format!("{victim:?} {call} {injection} when={when}"));
        faults.push(format!("{}\n{}", story.told, story.env.kinds().join(" ")));
    }
    (hit, faults)
}

/// Injects into some victims: `few` of the calls that there are, or all.
#[expect(clippy::print_stdout, reason = "a seed, and how often, are worth knowing")]
fn inject_some(victims: &[Victim], few: usize) {
    if !has_strace(&TestEnv::without_repository()) {
        return skipped("this needs `strace` (on Debian `apt install strace`) and the right to trace a process");
    }
    // The same sample in every run of the tests; another seed draws another one.
    let seed = number("TURNSTILE_INJECT_SEED").unwrap_or(2);
    let asked = setting("TURNSTILE_INJECT");
    // To know what there is costs a story for each victim; a few injections hit one of them.
    let victims = if asked.is_some() { victims.to_vec() } else { draw(victims.to_vec(), 1, seed) };
    let mut all = Vec::new();
    for victim in &victims {
        for (call, count) in counts(*victim) {
            for injection in INJECTIONS {
                all.extend((1..=count).map(|when| (*victim, call.clone(), injection, when)));
            }
        }
    }
    let chosen = match asked.as_deref() {
        Some("all") => all,
        Some(text) => draw(all, text.parse().unwrap_or(few), seed),
        None => draw(all, few, seed),
    };
    println!("{} injections, seed {seed}", chosen.len());
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let (hits, violations) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..number("TURNSTILE_INJECT_AT_ONCE").unwrap_or(3) {
            scope.spawn(|| {
                while let Some((victim, call, injection, when)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (hit, found) = inject(*victim, call, injection, *when);
                    hits.fetch_add(usize::from(hit), Ordering::Relaxed);
                    if !found.is_empty() {
                        violations.fetch_add(1, Ordering::Relaxed);
                        println!("VIOLATION {}\n", found.join("\n"));
                    }
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let (hits, violations) = (hits.into_inner(), violations.into_inner());
    println!("{} injections, {hits} hit, {violations} violations", chosen.len());
    assert!(hits > 0, "nothing was hit");
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "seed {seed}\n{}", faults.join("\n"));
}

/// Some of them, the same for the same seed.
fn draw<T>(mut all: Vec<T>, few: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chosen = Vec::new();
    while chosen.len() < few && !all.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = usize::try_from(state % all.len() as u64).unwrap();
        chosen.push(all.swap_remove(index));
    }
    chosen
}

#[test]
fn a_system_call_of_the_runner_fails_or_is_its_last() {
    inject_some(&VICTIMS[..3], 6);
}

#[test]
fn a_system_call_of_a_turns_child_fails_or_is_its_last() {
    inject_some(&VICTIMS[3..5], 4);
}

#[test]
fn a_system_call_of_a_commits_child_fails_or_is_its_last() {
    inject_some(&VICTIMS[5..], 4);
}

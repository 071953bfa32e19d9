//! Ending an effect from outside.

use std::ffi::OsString;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process::{self, Identity, bearers, signal};
use super::record::{exit_path, is_held, is_there, lease_path, program_path, read, started_path, stop_path};
use super::start::MARK;
use super::{EffectError, durable};

/// Asks the effect in `directory` to stop: it ends its program's group and records that. Nothing happens if it is
/// over. An effect that is just starting finds the note and stops before it does anything.
pub fn ask_to_stop(directory: &Path) -> Result<(), EffectError> {
    if is_there(&exit_path(directory))? {
        return Ok(());
    }
    // The note first, then the look: the child does it in the opposite order.
    let note = stop_path(directory);
    durable::replace_until_reboot(&note, b"").map_err(|source| EffectError::Write { path: note, source })?;
    let Some(child) = read::<Identity>(&started_path(directory))? else { return Ok(()) };
    let sent = child.signal(Signal::TERM).map_err(|source| EffectError::Signal { pid: child.pid, source });
    sent.map(|_| ())
}

/// Ends what a program of a lost effect left running, and says how many processes that were. To be called before a
/// [`Lost`](super::Evidence::Lost) effect is settled: nobody else looks after them, and they may still write.
///
/// Found are the program that was recorded, its group and its descendants as long as it lives itself, and on Linux
/// whatever has the effect in its environment.
pub fn end_leftovers(directory: &Path, grace: Duration) -> Result<u32, EffectError> {
    if is_held(directory)? {
        return Err(EffectError::Held { path: lease_path(directory) });
    }
    let mut found = leftovers(directory)?;
    let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
    let asked = Instant::now();
    send(&found, Signal::TERM);
    send(&found, Signal::CONT);
    while !found.is_empty() && asked.elapsed() < grace {
        thread::sleep(PAUSE);
        found = leftovers(directory)?;
    }
    for _ in 0..ROUNDS {
        if found.is_empty() {
            break;
        }
        send(&found, Signal::STOP);
        send(&leftovers(directory)?, Signal::KILL);
        thread::sleep(PAUSE);
        found = leftovers(directory)?;
    }
    Ok(count)
}

const PAUSE: Duration = Duration::from_millis(20);
const ROUNDS: u32 = 20;

fn send(pids: &[u32], which: Signal) {
    for pid in pids {
        signal(*pid, which);
    }
}

fn leftovers(directory: &Path) -> Result<Vec<u32>, EffectError> {
    let mark =
        std::path::absolute(directory).map_err(|source| EffectError::Read { path: directory.to_path_buf(), source })?;
    let mut entry = OsString::from(MARK);
    entry.push("=");
    entry.push(mark);
    let marked = bearers(&entry);
    let leader = read::<Identity>(&program_path(directory))?.filter(Identity::lives).map(|identity| identity.pid);
    let table = process::table()
        .map_err(|source| EffectError::Prepare { operation: "list the processes of this machine", source })?;
    let belongs = |process: &&process::Process| {
        let mut current = *process;
        for _ in 0..table.len() {
            if marked.contains(&current.pid) || Some(current.pid) == leader || Some(current.group) == leader {
                return true;
            }
            let Some(parent) = table.get(&current.parent) else { return false };
            current = parent;
        }
        false
    };
    let own = std::process::id();
    Ok(table.values().filter(|it| !it.over && it.pid != own).filter(belongs).map(|process| process.pid).collect())
}

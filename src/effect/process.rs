//! The processes of this machine: who they are, who started whom, and how they are signalled.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};
use serde::{Deserialize, Serialize};

/// A process as the system lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// The name of its program, as far as the system keeps it.
    pub(super) name: String,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// Whether it is over, and only waits for its parent to ask.
    pub(super) over: bool,
    /// When it started, in the system's own words; with the number it tells a process from a later one.
    pub(super) start: String,
}

/// A process and no other: numbers are given again, also after a reboot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it started, in the system's own words.
    pub start: String,
    /// Since which start of the machine that counts.
    pub boot: String,
}

impl Identity {
    pub(super) fn of_this_process() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let process = system::one(pid)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Self { pid, start: process.start, boot: system::boot() })
    }

    /// Whether this very process is there and not over.
    pub fn lives(&self) -> bool {
        self.boot == system::boot()
            && system::one(self.pid).ok().flatten().is_some_and(|it| it.start == self.start && !it.over)
    }

    /// Sends a signal to this very process; `false` if it is gone.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<bool> {
        system::signal_identified(self, signal)
    }
}

/// All processes, by number.
pub(super) fn table() -> io::Result<BTreeMap<u32, Process>> {
    Ok(system::all()?.into_iter().map(|process| (process.pid, process)).collect())
}

/// Whether a process started this one, or whoever did.
pub(super) fn is_ancestor(pid: u32) -> bool {
    let mut current = std::process::id();
    // Parents end at 0; a circle, which no system has, must not hold us.
    for _ in 0..10_000 {
        if current == pid {
            return true;
        }
        match system::one(current) {
            Ok(Some(process)) if process.parent != 0 => current = process.parent,
            Ok(_) | Err(_) => return false,
        }
    }
    false
}

/// The nearest process of this program among those that started this one, and from there upwards the last of those that
/// are called the same. Where the system does not say, there is none.
pub fn calling(program: &str) -> Option<Identity> {
    let mut current = system::one(std::process::id()).ok()??;
    let mut found: Option<Process> = None;
    for _ in 0..10_000 {
        let Ok(Some(parent)) = system::one(current.parent) else { break };
        current = parent;
        if current.name == program {
            found = Some(current.clone());
        } else if found.is_some() {
            break;
        }
    }
    found.map(|found| Identity { pid: found.pid, start: found.start, boot: system::boot() })
}

/// Those in whose environment `entry` stands; empty where the system does not show it.
pub(super) fn bearers(entry: &OsStr) -> BTreeSet<u32> {
    system::bearers(entry)
}

/// Makes this process the parent of what its descendants leave behind, where the system has that.
pub(super) fn adopt_orphans() {
    // Without it escaped processes are missed if their parents are gone; there is nothing better to do.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Whether this process is that parent.
pub(super) fn adopts_orphans() -> bool {
    #[cfg(target_os = "linux")]
    {
        rustix::process::child_subreaper().is_ok_and(|it| it.is_some())
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

/// Whether a child of this process is over. Its exit status is left, and so its number stays taken.
pub(super) fn is_over(child: u32) -> bool {
    let Some(pid) = to_pid(child) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match rustix::process::waitid(WaitId::Pid(pid), options) {
        Ok(status) => status.is_some(),
        Err(error) => error == rustix::io::Errno::CHILD,
    }
}

/// Whether this process has a child, over or not. Where the system does not say, it has.
pub(super) fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(rustix::process::waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

/// Whether this process has this child and no other. Where the system does not say, it has others. A child stays
/// listed until it is collected, which nobody but this process does.
pub(super) fn is_only_child(child: u32) -> bool {
    system::children().is_some_and(|children| children == [child])
}

/// Collects an adopted child that is over.
pub(super) fn reap(child: u32) {
    if let Some(pid) = to_pid(child) {
        // It may be another process's child by now, or collected already.
        let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Signals one process. That it is gone, or not ours to signal, shows at the next look.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = to_pid(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Signals a process group, in the same way.
pub(super) fn signal_group(group: u32, signal: Signal) {
    if let Some(group) = to_pid(group) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Never 0 and never 1: to the system these mean "my own group", and everything.
fn to_pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().filter(|number| *number > 1).and_then(Pid::from_raw)
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::fs;
    use std::io;
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::{Identity, Process, to_pid};

    pub(super) fn all() -> io::Result<Vec<Process>> {
        let mut list = Vec::new();
        for pid in numbers()? {
            // It may end while it is looked at.
            list.extend(one(pid).ok().flatten());
        }
        Ok(list)
    }

    pub(super) fn one(pid: u32) -> io::Result<Option<Process>> {
        match fs::read(format!("/proc/{pid}/stat")) {
            Ok(text) => Ok(parse(&String::from_utf8_lossy(&text))),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The children of all threads of this process.
    pub(super) fn children() -> Option<Vec<u32>> {
        let mut children = Vec::new();
        for thread in fs::read_dir("/proc/self/task").ok()? {
            // A thread that ended meanwhile has left its children to another one, which may have been asked already.
            let listed = fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
            for number in listed.split_whitespace() {
                children.push(number.parse().ok()?);
            }
        }
        Some(children)
    }

    pub(super) fn boot() -> String {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_string()).unwrap_or_default()
    }

    pub(super) fn bearers(entry: &OsStr) -> BTreeSet<u32> {
        let bears = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|it| it == entry.as_bytes())
        };
        numbers().unwrap_or_default().into_iter().filter(bears).collect()
    }

    /// The descriptor holds on to the process: between the look and the signal its number cannot be given again.
    pub(super) fn signal_identified(identity: &Identity, signal: Signal) -> io::Result<bool> {
        let Some(pid) = to_pid(identity.pid) else { return Ok(false) };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !identity.lives() {
            return Ok(false);
        }
        match pidfd_send_signal(handle, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn numbers() -> io::Result<Vec<u32>> {
        let entries = fs::read_dir("/proc")?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
    }

    fn is_gone(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
    }

    /// `pid (name) state parent group …`; the name may hold spaces and brackets, so the last bracket ends it.
    pub(super) fn parse(line: &str) -> Option<Process> {
        let (head, tail) = line.rsplit_once(')')?;
        let (pid, name) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_whitespace().collect();
        Some(Process {
            pid: pid.trim().parse().ok()?,
            name: name.to_string(),
            over: matches!(*fields.first()?, "Z" | "X" | "x"),
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            start: (*fields.get(19)?).to_string(),
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_name_of_a_process_may_hold_anything() {
            let line = "42 (a) b (c) S 7 40 40 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987 1 1";
            let name = "a) b (c".to_owned();
            let expected = Process { pid: 42, name, parent: 7, group: 40, over: false, start: "987".into() };
            assert_eq!(parse(line), Some(expected));
            assert_eq!(parse("42 (half"), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::io;
    use std::process::{Command, Stdio};

    use rustix::process::{Signal, kill_process};

    use super::{Identity, Process, to_pid};

    pub(super) fn all() -> io::Result<Vec<Process>> {
        list(&["-A"])
    }

    pub(super) fn one(pid: u32) -> io::Result<Option<Process>> {
        Ok(list(&["-p", &pid.to_string()])?.into_iter().find(|process| process.pid == pid))
    }

    pub(super) fn children() -> Option<Vec<u32>> {
        None
    }

    /// The start times of `ps` are dates, and so already differ between boots.
    pub(super) fn boot() -> String {
        String::new()
    }

    pub(super) fn bearers(_entry: &OsStr) -> BTreeSet<u32> {
        BTreeSet::new()
    }

    pub(super) fn signal_identified(identity: &Identity, signal: Signal) -> io::Result<bool> {
        let Some(pid) = to_pid(identity.pid).filter(|_| identity.lives()) else { return Ok(false) };
        match kill_process(pid, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn list(which: &[&str]) -> io::Result<Vec<Process>> {
        let child = Command::new("/bin/ps")
            .args(which)
            .args(["-o", "pid=,ppid=,pgid=,stat=,lstart=,comm="])
            .env_clear()
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let itself = child.id();
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(parse).filter(|process| process.pid != itself).collect())
    }

    fn parse(line: &str) -> Option<Process> {
        let mut fields = line.split_whitespace();
        Some(Process {
            pid: fields.next()?.parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            over: fields.next()?.starts_with('Z'),
            // A day, a month, a day, a time and a year.
            start: fields.by_ref().take(5).collect::<Vec<_>>().join(" "),
            name: fields.collect::<Vec<_>>().join(" ").rsplit('/').next().unwrap_or_default().to_string(),
        })
    }
}

/// Whether there is a process with this number, whoever it is by now.
pub fn is_alive(process: i32) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(process) else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

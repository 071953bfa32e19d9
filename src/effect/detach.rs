//! A process that nobody waits for and that nothing of its starter's reaches: neither the terminal, nor a signal to the
//! group, nor a pipe that somebody reads to its end.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::EffectError;

/// Starts a program in `cwd` with exactly `environment`, in a session of its own, with nothing open but `/dev/null`,
/// and with the signals of a process that was just made. It is all that once this has returned.
pub fn detach(
    program: &Path,
    arguments: &[&str],
    environment: &[(OsString, OsString)],
    cwd: &Path,
) -> Result<u32, EffectError> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    on_its_own(&mut command);
    match command.spawn() {
        // It ends long after this process as a rule; where it does not, it is nobody's business.
        Ok(child) => Ok(child.id()),
        Err(source) => Err(EffectError::Spawn { exe: program.to_path_buf(), directory: cwd.to_path_buf(), source }),
    }
}

#[expect(unsafe_code, reason = "what a new process inherits can be undone only between the fork and the exec")]
fn on_its_own(command: &mut Command) {
    // SAFETY: between fork and exec of a process that may have threads only what POSIX calls async-signal-safe may be
    // called. These are system calls by themselves, `signal` and `sigemptyset`; nothing is allocated and nothing locked.
    unsafe {
        command.pre_exec(|| {
            // It cannot lead a group already: it was forked a moment ago.
            rustix::process::setsid()?;
            forget_signals()?;
            close_all_in_program();
            Ok(())
        });
    }
}

/// Higher numbers than any system has are refused one by one.
const SIGNALS: i32 = 64;

/// What git, `nohup` or a shell had ignored would be ignored by agents; what was blocked would never reach them.
#[expect(unsafe_code, reason = "there is no safe binding for the disposition of a signal")]
fn forget_signals() -> io::Result<()> {
    for number in 1..=SIGNALS {
        // SAFETY: takes two numbers. That some cannot be set, as KILL, is an error that changes nothing.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    // SAFETY: the set is this function's own, and made by the first call before the second reads it.
    let failed = unsafe {
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut())
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A higher number than this is not looked for where the system cannot close a range.
const HIGHEST: u64 = 65_536;

/// Nothing from 3 up is open in the program that is about to begin. They are marked and not closed: one of them tells
/// the starter whether it began.
#[expect(unsafe_code, reason = "a descriptor that was inherited is known by its number only")]
fn close_all_in_program() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: takes three numbers, and sets a flag of this process's own descriptors.
        let done = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        if done == 0 {
            return;
        }
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(HIGHEST);
    for number in 3..i32::try_from(limit.min(HIGHEST)).unwrap_or(i32::MAX) {
        // SAFETY: sets a flag; where nothing is open under the number the call fails and changes nothing.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

//! The start of a program, and why one could not be started, in words.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::output::{Stream, open_log};
use super::process::Identity;
use super::record::program_path;
use super::{Program, Stdin, durable};
use crate::crash::{Point, point};
use crate::secret::Screen;

/// By this variable a program's processes are recognised when its supervisor is gone.
pub(super) const MARK: &str = "TURNSTILE_EFFECT";

/// Why a program was not started.
pub(super) struct NotStarted {
    /// In words.
    pub why: String,
    /// Whether it was for want of something that is not the program's: descriptors, memory, room on the disk, the
    /// files that turnstile itself made.
    pub for_want: bool,
}

impl NotStarted {
    fn of_the_program(why: impl Into<String>) -> Self {
        Self { why: why.into(), for_want: false }
    }

    fn for_want(why: String) -> Self {
        Self { why, for_want: true }
    }
}

/// Starts the program in a process group of its own. It inherits three descriptors: all else that this process
/// opened is closed in its programs.
pub(super) fn start<'s>(program: &Program, screen: &'s Screen) -> Result<(Child, [Stream<'s>; 2]), NotStarted> {
    let unnamed = || NotStarted::of_the_program("no program is named");
    let name = program.argv.first().filter(|name| !name.is_empty()).ok_or_else(unnamed)?;
    let shown = name.to_string_lossy();
    let unwritten = |path: &Path, error| NotStarted::for_want(format!("cannot write {}: {error}", path.display()));
    let log = |path: &Path| open_log(path).map_err(|error| unwritten(path, error));
    let logs = [log(&program.stdout)?, log(&program.stderr)?];
    let mut command = Command::new(executable(program, Path::new(name)));
    command
        .args(&program.argv[1..])
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.cwd)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(effect) = &program.effect {
        let effect = std::path::absolute(effect);
        command.env(MARK, effect.map_err(|error| NotStarted::for_want(format!("cannot start `{shown}`: {error}")))?);
    }
    match &program.stdin {
        Stdin::Null => command.stdin(Stdio::null()),
        Stdin::File(path) => {
            let file = std::fs::File::open(path);
            let unread = |error| NotStarted::for_want(format!("cannot read {}: {error}", path.display()));
            command.stdin(file.map_err(unread)?)
        }
    };
    let mut child = spawn(&mut command).map_err(|error| {
        let why = why_not(program, &shown, &error);
        if is_shortage(&error) { NotStarted::for_want(why) } else { NotStarted::of_the_program(why) }
    })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdout = stdout.expect("the standard output was asked for as a pipe");
    let stderr = stderr.expect("the standard error was asked for as a pipe");
    point(Point::ProgramStarted);
    remember(program, &child);
    point(Point::ProgramKnown);
    let [stdout_log, stderr_log] = logs;
    let keep = program.keep_bytes;
    let stdout = Stream::new(stdout.into(), stdout_log, keep, screen);
    let stderr = Stream::new(stderr.into(), stderr_log, keep, screen);
    Ok((child, [stdout, stderr]))
}

/// Whether the machine had no descriptor, process or memory left for it.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    error.raw_os_error().is_some_and(|raw| short.iter().any(|errno| errno.raw_os_error() == raw))
}

/// A path that is relative is meant from where the program runs.
fn executable(program: &Program, name: &Path) -> PathBuf {
    if name.components().count() > 1 { program.cwd.join(name) } else { name.to_path_buf() }
}

/// A program that was written a moment ago may still be open in a process that was forked meanwhile.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut attempts = 0;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < 20 => {
                attempts += 1;
                thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// The number is worth something only as long as the process lives, so no power cut matters. Where it cannot be
/// written, the mark in the environment has to do.
fn remember(program: &Program, child: &Child) {
    let Some(effect) = &program.effect else { return };
    let Ok(identity) = Identity::of(child.id()) else { return };
    let Ok(text) = serde_json::to_vec(&identity) else { return };
    let _ = durable::replace_until_reboot(&program_path(effect), &text);
}

fn why_not(program: &Program, name: &str, error: &io::Error) -> String {
    if !program.cwd.is_dir() {
        return format!("cannot start `{name}`: the directory {} is not there", program.cwd.display());
    }
    let has_path = name.contains('/');
    let hint = match error.kind() {
        io::ErrorKind::NotFound if has_path && program.cwd.join(name).exists() => {
            ": the interpreter that its first line names is missing"
        }
        io::ErrorKind::NotFound if has_path => ": there is no such file",
        io::ErrorKind::NotFound => ": it is on no directory of PATH",
        io::ErrorKind::PermissionDenied => ": it may not be executed; `chmod +x` it",
        io::ErrorKind::ArgumentListTooLong => ": its arguments are too long",
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            ": it is no program; a script needs a first line such as `#!/bin/sh`"
        }
        _ => return format!("cannot start `{name}`: {error}"),
    };
    format!("cannot start `{name}`{hint}")
}

//! What is asked of a supervised program, and how it ended. Plain values.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A program to run under supervision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The argument vector; the first is looked for on the `PATH` of `env`, or from `cwd` if it holds a slash.
    pub argv: Vec<OsString>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// What it reads.
    pub stdin: Stdin,
    /// Where its output is kept.
    pub stdout: PathBuf,
    /// Where its messages are kept.
    pub stderr: PathBuf,
    /// The wall clock; `None` is off.
    pub timeout: Option<Duration>,
    /// How long it may print nothing; `None` is off.
    pub idle: Option<Duration>,
    /// The time between being asked to end and being killed.
    pub grace: Duration,
    /// How much of each stream is kept: the first three quarters and the last quarter of it.
    pub keep_bytes: u64,
    /// The directory of the effect that runs it. With it, what the program leaves behind can be found even when the
    /// supervisor itself was killed: see [`end_leftovers`](super::end_leftovers).
    pub effect: Option<PathBuf>,
}

impl Program {
    /// The usual time between being asked to end and being killed.
    pub const GRACE: Duration = Duration::from_secs(10);
    /// How much of each stream is usually kept.
    pub const KEEP_BYTES: u64 = 16 * 1024 * 1024;
}

/// What a program reads. Never a terminal, never a pipe that nobody closes: agents wait for ever on those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// Nothing.
    Null,
    /// A file, to its end.
    File(PathBuf),
}

/// Why a program was ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Its time was up.
    Wall,
    /// It printed nothing for too long.
    Idle,
    /// Somebody asked.
    Asked,
}

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEnd {
    /// Its exit status, if it exited.
    pub exit: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Why it was ended from outside, if it was.
    pub stopped: Option<Stopped>,
    /// Why it could not be started; then nothing ran.
    pub not_started: Option<String>,
    /// Whether that was for want of something of the machine's or of turnstile's, and not because of the program.
    pub for_want: bool,
    /// How long the program itself ran.
    pub duration_ms: u64,
    /// What it printed in all, kept or not.
    pub stdout_bytes: u64,
    /// What it said in all, kept or not.
    pub stderr_bytes: u64,
    /// Whether some of it was not kept.
    pub cut: bool,
    /// Processes that it left behind and that had to be ended.
    pub left_behind: u32,
}

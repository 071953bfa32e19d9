//! The only place that reads the environment. Every variable that turnstile looks at is named here.
//!
//! | variable | what it does |
//! |---|---|
//! | `TURNSTILE_IN_TURN` | set in turns to the git common directory: commands that change the run refuse there |
//! | `TURNSTILE_OUTBOX` | set in turns: the outbox that `turnstile dispatch` writes into there |
//! | `TURNSTILE_DISABLED` | anything but `0`: `turnstile hook` does nothing |
//! | `GIT_DIR` | set by git for its hooks: the repository that `turnstile hook` was called in |
//! | `EDITOR`, `VISUAL` | opened by `turnstile new --edit` and `turnstile reply` |
//! | `PATH` | searched for agent programs by `init` and `doctor` |
//! | `USER`, `LOGNAME` | who an operator's decision is recorded for |
//! | `NO_COLOR`, `CLICOLOR_FORCE` | as everywhere: no colour, colour even where nobody looks |
//! | `TURNSTILE_LOG` | what is traced to stderr, as `turnstile=debug`; nothing by default |
//! | `TURNSTILE_GRACE_MS` | how long a turn that is asked to end may take before it is killed; 10 s by default |
//! | `TURNSTILE_TRUST` | `1`: `run`, `step` and `trust` trust what lies here without asking |
//! | `TURNSTILE_BACKOFF_MS` | how long the first retry of an error that may pass is waited for; 5 s by default |
//! | `_TURNSTILE_CRASH_LOG`, `_TURNSTILE_CRASH_AT` | end this process at a point, see [`crate::crash`]; not looked at by a release build |

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::effect::Program;
use crate::flow::Policy;

/// What the process around us gives.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Every variable, for programs that are started.
    pub variables: Vec<(OsString, OsString)>,
    /// This program.
    pub program: PathBuf,
}

impl Environment {
    /// Reads all of it, once.
    pub fn read() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("turnstile")),
        }
    }

    /// One variable, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsString> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// One variable as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// Whether git hooks are to do nothing.
    pub fn is_disabled(&self) -> bool {
        self.get("TURNSTILE_DISABLED").is_some_and(|value| value != "0")
    }

    /// Who types.
    pub fn who(&self) -> String {
        self.text("USER").or_else(|| self.text("LOGNAME")).unwrap_or_default()
    }

    /// Makes this process end where a test wants it to.
    #[cfg(debug_assertions)]
    pub fn arm_crash_points(&self) {
        if let Some(log) = self.get("_TURNSTILE_CRASH_LOG") {
            crate::crash::arm(log.into(), &self.text("_TURNSTILE_CRASH_AT").unwrap_or_default());
        }
    }

    /// Whether who types trusts whatever lies here.
    pub fn trusts(&self) -> bool {
        self.text("TURNSTILE_TRUST").is_some_and(|value| value == "1")
    }

    /// How long a turn that is asked to end may take.
    pub fn grace(&self) -> Duration {
        let set = self.text("TURNSTILE_GRACE_MS").and_then(|text| text.parse().ok()).map(Duration::from_millis);
        set.unwrap_or(Program::GRACE)
    }

    /// How long the first retry of an error that may pass is waited for.
    pub fn backoff(&self) -> Duration {
        let set = self.text("TURNSTILE_BACKOFF_MS").and_then(|text| text.parse().ok()).map(Duration::from_millis);
        set.unwrap_or(Policy::BACKOFF)
    }
}

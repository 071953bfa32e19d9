//! What a program said, as one text that is the same on every machine.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::TestEnv;

/// What a program said and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Output {
    /// Its stdout, as it is.
    pub stdout: String,
    /// Its stderr, as it is.
    pub stderr: String,
    /// Its exit status; none where a signal ended it.
    pub code: Option<i32>,
    root: String,
}

impl Output {
    /// Takes what was collected.
    pub fn of(output: &std::process::Output, env: &TestEnv) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
            root: env.root().display().to_string(),
        }
    }

    /// All of it as one text for snapshots: what differs from run to run has a name instead.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.stdout.is_empty() {
            write!(text, "--- stdout\n{}", ended(&self.stdout)).unwrap();
        }
        if !self.stderr.is_empty() {
            write!(text, "--- stderr\n{}", ended(&self.stderr)).unwrap();
        }
        match self.code {
            Some(code) => writeln!(text, "--- exit {code}").unwrap(),
            None => writeln!(text, "--- ended by a signal").unwrap(),
        }
        normal(&text.replace(&self.root, "[ROOT]"))
    }

    /// The exit status must be this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }

    /// The error document of `--json` on stderr.
    pub fn error(&self) -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_str(&self.stderr).unwrap_or_else(|_| panic!("{self:?}"));
        document["error"].clone()
    }
}

fn ended(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}[no line end]\n") }
}

/// Gives names to what differs from run to run.
pub fn normal(text: &str) -> String {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"\b\d{8}-\d{6}-[a-z2-9]{4}\b", "[RUN]"),
            (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", "[WHEN]"),
            (r"\b([0-9a-f]{40}|[0-9a-f]{10})\b", "[OID]"),
            (r"\b\d+ min \d+ s\b|\b\d+ s\b", "[TIME]"),
            (r#"("(?:duration_ms|active_seconds)": )\d+"#, "${1}0"),
            (r"\b(process|pid) \d+", "$1 [PID]"),
            (r"\bversion \d+\.\d+(\.\d+)?", "version [VERSION]"),
        ]
        .into_iter()
        .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
        .collect()
    });
    RULES.iter().fold(text.to_owned(), |text, (rule, name)| rule.replace_all(&text, *name).into_owned())
}

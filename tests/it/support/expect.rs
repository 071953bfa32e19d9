//! What a command must come to, as the contract has it.

use serde_json::Value;

use super::{Output, TestEnv};

/// The exit status of every reason, and of none.
const EXITS: [(&str, i32); 38] = [
    ("", 0),
    ("stop_file", 4),
    ("operator_pause", 4),
    ("user_dispatch", 4),
    ("user_ticket", 4),
    ("approval_pending", 4),
    ("scope_pending", 4),
    ("reply_invalid", 4),
    ("dirty_conflict", 4),
    ("invalid", 3),
    ("untrusted", 3),
    ("repository_state", 3),
    ("dirty_worktree", 3),
    ("limit_total_turns", 5),
    ("limit_turns", 5),
    ("limit_time", 5),
    ("limit_tokens", 5),
    ("limit_cost", 5),
    ("verify_failed", 6),
    ("no_progress", 6),
    ("ticket_invalid", 6),
    ("dispatch_invalid", 6),
    ("verify_inconclusive", 6),
    ("commit_failed", 6),
    ("head_moved", 6),
    ("tampered", 6),
    ("runner_files_changed", 6),
    ("blocked", 6),
    ("circuit_open", 6),
    ("agent_failed", 7),
    ("git_failed", 7),
    ("journal_unreadable", 7),
    ("busy", 75),
    ("parked", 75),
    ("interrupted", 130),
    ("max_turns", 0),
    ("completed", 0),
    ("stopped", 0),
];

impl TestEnv {
    /// Runs a command that must end with this reason (none is empty), and with its exit status; its document.
    #[track_caller]
    pub fn ends(&self, arguments: &[&str], reason: &str) -> Value {
        let all: Vec<&str> = [&["--json"], arguments].concat();
        ended_with(&self.turnstile(&all), reason)
    }

    /// `run` must end with this reason; its message.
    #[track_caller]
    pub fn run_ends(&self, reason: &str) -> String {
        self.ends(&["run"], reason)["reason"]["message"].as_str().unwrap().to_owned()
    }

    /// Runs one step that must come to this outcome without a reason.
    #[track_caller]
    pub fn step_comes_to(&self, outcome: &str) -> Value {
        let output = self.turnstile(&["--json", "step"]).exits(0);
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(document["outcome"], outcome, "{}", output.text());
        assert_eq!(document["reason"], Value::Null, "{}", output.text());
        document
    }

    /// What `next` says: its action and the code of its reason.
    pub fn next(&self) -> String {
        let document = self.json(&["next"]);
        let action = document["action"].as_str().unwrap();
        match document["reason"]["code"].as_str() {
            Some(code) => format!("{action} {code}"),
            None => action.to_owned(),
        }
    }

    /// The paths of a commit, sorted.
    pub fn paths_of(&self, commit: &str) -> Vec<String> {
        let text = self.git(&["diff-tree", "--root", "--no-commit-id", "--name-only", "-r", commit]);
        text.lines().map(str::to_owned).collect()
    }

    /// What is uncommitted, as git's short status has it.
    pub fn status(&self) -> Vec<String> {
        let output = self.command("git").args(["status", "--porcelain", "--untracked-files=all"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Writes a person's reply.
    pub fn reply(&self, text: &str) {
        self.write(".tickets/USER_REPLY.md", text);
    }
}

/// The document of a command that must have ended with this reason, and with its exit status.
#[track_caller]
pub fn ended_with(output: &Output, reason: &str) -> Value {
    let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.text()));
    assert_eq!(document["reason"]["code"].as_str().unwrap_or_default(), reason, "{}", output.text());
    let exit = EXITS.iter().find(|(known, _)| *known == reason).expect("a reason of the contract").1;
    assert_eq!((output.code, &document["exit"]), (Some(exit), &Value::from(exit)), "{}", output.text());
    document
}

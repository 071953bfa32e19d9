//! A check of a claim: what is asked for, and what came of it.

use serde::{Deserialize, Serialize};

use super::parts::TicketWritten;
use super::request::{Evidence, Follow};
use crate::ticket::{Check, TicketId};

/// One check of a claim, run in a child process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRequest {
    /// The ticket whose claim is judged.
    pub ticket: TicketId,
    /// The turn that made it, or that was asked for its commit.
    pub turn: u32,
    /// A number that is new for every check that this run begins.
    pub attempt: u32,
    /// What is run.
    pub check: Check,
    /// The tree that lies there.
    pub tree: String,
    /// The digest of all that is asked for.
    pub contract: String,
    /// Untracked files that earlier checks left, and that belong to nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub droppings: Vec<String>,
}

/// What became of a [`CheckRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// What it says of the tree.
    pub verdict: CheckVerdict,
    /// Why it is not met.
    pub why: Option<String>,
    /// The exit status, where the program had one.
    pub exit: Option<i32>,
    /// How long it ran.
    pub duration_ms: u64,
    /// The tree that it saw as it began.
    pub tree: String,
    /// The end of what it printed.
    pub tail: String,
    /// Where all that it printed is kept.
    pub log: Option<String>,
    /// Paths that it changed and that were there before.
    pub changed: Vec<String>,
    /// Untracked files that first appeared while it ran.
    pub droppings: Vec<String>,
    /// What it changed in the git directory that decides which programs run.
    pub tampered: Vec<String>,
    /// Paths of `.tickets/` that it changed.
    pub paperwork: Vec<String>,
    /// What it made of tickets.
    pub tickets: Vec<TicketWritten>,
    /// A reply that appeared or changed while it ran.
    pub reply: Option<String>,
    /// Whether HEAD is elsewhere since.
    pub moved: bool,
    /// Whether a person ended it; then it says nothing.
    pub interrupted: bool,
}

impl CheckResult {
    /// A verdict on this tree, and nothing else that was seen.
    pub fn bare(verdict: CheckVerdict, tree: &str) -> Self {
        Self {
            verdict,
            why: None,
            exit: None,
            duration_ms: 0,
            tree: tree.to_owned(),
            tail: String::new(),
            log: None,
            changed: Vec::new(),
            droppings: Vec::new(),
            tampered: Vec::new(),
            paperwork: Vec::new(),
            tickets: Vec::new(),
            reply: None,
            moved: false,
            interrupted: false,
        }
    }
}

/// What a check says of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// Exit status 0.
    Met,
    /// Another one.
    Unmet,
    /// It could not start, a signal or its timeout ended it, or it changes what it looks at.
    Inconclusive,
}

impl CheckVerdict {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Unmet => "unmet",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Follows a check. One that ended without a record says nothing, and is run again.
pub fn follow_check(evidence: Evidence<CheckResult>) -> Follow<CheckResult> {
    match evidence {
        Evidence::NotStarted | Evidence::Lost => Follow::Perform,
        Evidence::Running => Follow::Wait,
        Evidence::Over(result) => Follow::Settle(result),
    }
}

//! What the larger lines of the journal hold.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check_request::CheckVerdict;
use super::reason::{Reason, ReasonCode};
use super::request::{Act, SaveRequest};
use super::retry::{ErrorClass, Retry};
use crate::ticket::TicketId;

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnEnded {
    /// The ticket.
    pub ticket: TicketId,
    /// The turn.
    pub turn: u32,
    /// The name in the roster.
    pub agent: String,
    /// The agent's own time.
    pub duration_ms: u64,
    /// The exit status, where the program had one.
    pub exit: Option<i32>,
    /// The agent's own session; none until an agent reports one.
    pub session: Option<String>,
    /// What it used; none until an agent reports it.
    pub usage: Option<Value>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is known of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorClass>,
    /// Whether a person ended it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_person: bool,
    /// Whether turnstile could not do its own part: no failure of the agent's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runner_fault: bool,
    /// Whether the program could be started.
    pub started: bool,
    /// The kept tree from before the turn.
    pub before: Option<String>,
    /// The kept tree from after it.
    pub after: Option<String>,
    /// The commit that HEAD named as it ended.
    pub head: Option<String>,
    /// Paths that it changed.
    #[serde(default)]
    pub changed: Vec<String>,
    /// Commits that HEAD gained while it ran, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<String>,
    /// Files that the kept trees leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What it changed in the git directory that decides which programs run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tampered: Vec<String>,
    /// A reply that appeared or changed while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// What it made of tickets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<TicketWritten>,
    /// Agents' own project settings that it changed, by path, with the digest of what it made of them; `gone` where
    /// that is nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// What a turn made of one ticket, as far as it may: an approval holds through that, and command lines need one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketWritten {
    /// The ticket.
    pub id: TicketId,
    /// The digest of its contract and body before the turn; none where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same after it.
    pub after: String,
    /// The digests of the command lines that it could run now and could not before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub commands: BTreeSet<String>,
}

/// What a person is asked to look at, and what an answer is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The digest of the ticket's contract and body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The digests of command lines that turns wrote.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub commands: BTreeSet<String>,
    /// The digests of all command lines of the ticket, where a run that a push started asks for them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub inline: BTreeSet<String>,
    /// The digests of what lies at paths that the turn may not change unasked, in the worktree and in HEAD.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, Vec<String>>,
    /// Those of the paths that the agent has committed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub committed: BTreeSet<String>,
}

/// Where a path was before the first turn of a ticket that changed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The kept tree from before that turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// The commit that HEAD named as it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// What a person decides about that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decides {
    /// The reason that it answers.
    pub reason: ReasonCode,
    /// Whether it may go on.
    pub approved: bool,
    /// What it is bound to.
    #[serde(flatten)]
    pub what: Asked,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckEnded {
    /// The ticket.
    pub ticket: TicketId,
    /// The turn whose claim is judged.
    pub turn: u32,
    /// The name of the check.
    pub check: String,
    /// Whether the claim needs it.
    pub required: bool,
    /// What it says of the tree.
    pub verdict: CheckVerdict,
    /// The exit status; none where no process ran or it had none.
    pub exit: Option<i32>,
    /// How long it ran.
    pub duration_ms: u64,
    /// The tree that it saw: what is outside `.tickets/`, not ignored, and no dropping of a check.
    pub tree: String,
    /// The digest of all that was asked for.
    pub contract: String,
    /// Why it is not met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The end of what it printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
    /// The folder in which all that it printed is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Paths that it changed and that were there before: the ticket's work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Untracked files that first appeared while it ran: neither work nor dirt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub droppings: Vec<String>,
    /// What it changed in the git directory that decides which programs run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tampered: Vec<String>,
    /// Paths of `.tickets/` that it changed: judged as if the turn had done it, which wrote what the check runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paperwork: Vec<String>,
    /// What it made of tickets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<TicketWritten>,
    /// A reply that appeared or changed while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Whether HEAD is elsewhere since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// Whether a person ended it; then it says nothing of the tree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// The intent of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Begun {
    /// The judgement on a turn, written before it is acted on.
    Verdict(Verdict),
    /// A commit.
    Save(SaveBegun),
    /// A small effect on files.
    Act(ActBegun),
}

/// The intent of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveBegun {
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// The whole request.
    pub save: SaveRequest,
}

/// The intent of a small effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActBegun {
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// The whole request.
    pub act: Act,
}

/// What the after-turn table concluded, and what is still owed because of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// The row that decided.
    pub row: u8,
    /// What it comes to.
    pub outcome: Outcome,
    /// Why nothing goes on, where nothing does.
    pub reason: Option<Reason>,
    /// The row at which judging goes on once the reason is answered; none ends the table.
    pub hold: Option<u8>,
    /// What is owed, in order.
    pub chores: Vec<Chore>,
    /// Turns that are still asked for, where that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,
    /// The retry that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The ticket is done.
    TicketDone,
    /// The claim was not met.
    ClaimRevoked,
    /// A further turn is asked for.
    RetryAsked,
    /// The ticket goes on.
    Progressed,
    /// The agent or git failed.
    Failed,
    /// A pause begins.
    Waiting,
    /// Found standing, refused before a turn, or nothing to do.
    None,
}

/// Something owed by a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chore {
    /// Take the claim back.
    Revoke,
    /// Commit the turn's work to the branch as it is.
    Checkpoint,
    /// Write `REQUEST.md`.
    Request,
    /// Commit the paperwork, with this behind the ticket's id.
    Paperwork(String),
}

/// What a worktree's last run leaves to the next: questions, replies and work belong to the ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Open questions: the ticket and the reason that stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<(TicketId, Reason)>,
    /// Replies that no turn that succeeded has quoted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replies: BTreeMap<TicketId, Vec<u32>>,
    /// The ticket that was current, and the work that lies uncommitted: path and digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<(TicketId, BTreeMap<String, String>)>,
    /// Paths of `.tickets/` that are still to be committed as paperwork, by ticket.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paperwork: BTreeMap<TicketId, Vec<String>>,
    /// Untracked files that first appeared while a check ran, and that are nobody's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub droppings: BTreeSet<String>,
    /// The digests of command lines that turns wrote, by ticket; an approval of them was the last run's alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub written: BTreeMap<TicketId, BTreeSet<String>>,
    /// Where the work that lies uncommitted was before the current ticket's turns; what was approved of it was so for the
    /// last run alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, Base>,
}

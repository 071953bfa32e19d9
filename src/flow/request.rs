//! Effects: requests complete enough to start one or to recognise it after a crash, and their typed results.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parts::{Asked, Decides, TicketWritten};
use super::survey::Brought;
use crate::ticket::TicketId;

/// One turn of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRequest {
    /// The ticket.
    pub ticket: TicketId,
    /// The number in this run, from 1.
    pub turn: u32,
    /// The name in the roster.
    pub agent: String,
    /// Whether the turn asks only for the commit of a claim that was met.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub commit_only: bool,
    /// The commit that HEAD named as the turn began.
    pub head: Option<String>,
    /// The top of git's stash as the turn began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stash: Option<String>,
    /// Replies that the prompt quotes, by their numbers in the ticket's history.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<u32>,
    /// The stamp of a reply that appeared during an earlier turn and is quoted from where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<String>,
}

/// How a turn ended, as its supervisor recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnResult {
    /// The end itself.
    pub end: TurnEnd,
    /// The agent's own time.
    pub duration_ms: u64,
    /// The exit status, where the program had one.
    pub exit: Option<i32>,
    /// What is known of a failure.
    #[serde(default)]
    pub error: Option<super::ErrorClass>,
    /// The kept tree from before the turn.
    pub before: Option<String>,
    /// The kept tree from after it; none where nobody was left to keep it.
    pub after: Option<String>,
    /// The commit that HEAD named as the turn ended.
    pub head: Option<String>,
    /// Paths that the turn changed, in the tree or in commits.
    pub changed: Vec<String>,
    /// Commits that HEAD gained while it ran, newest first.
    pub commits: Vec<String>,
    /// Files that the kept trees leave out, with the reason.
    pub left_out: Vec<String>,
    /// What it changed in the git directory that decides which programs run.
    #[serde(default)]
    pub tampered: Vec<String>,
    /// A reply that appeared or changed while the turn ran.
    pub reply: Option<String>,
    /// What it made of tickets.
    #[serde(default)]
    pub tickets: Vec<TicketWritten>,
    /// Agents' own project settings that it changed, by path, with the digest of what it made of them.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
}

/// The ends that a turn can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnEnd {
    /// The agent says it succeeded.
    Succeeded,
    /// It failed, or could not be started.
    Failed {
        /// Why.
        why: String,
        /// Whether the program could be started at all.
        started: bool,
    },
    /// A limit of time ended it.
    TimedOut {
        /// Which limit, as a sentence.
        why: String,
    },
    /// A person ended it.
    Interrupted,
    /// It ended without a record.
    Lost,
    /// turnstile could not do its own part: keep a tree, write a file.
    RunnerFailed {
        /// Why.
        why: String,
    },
}

/// A commit, or a kept tree, made in a child process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveRequest {
    /// A number that is new for every attempt of this run.
    pub attempt: u32,
    /// What it is for.
    pub purpose: SavePurpose,
    /// The ticket that it belongs to; none for what operators' decisions left.
    pub ticket: Option<TicketId>,
    /// The turn that it belongs to.
    pub turn: Option<u32>,
    /// The branch, as a full name; none where HEAD is detached.
    pub branch: Option<String>,
    /// The commit that HEAD named when this was decided.
    pub base: Option<String>,
    /// The paths to take from the worktree as they are then.
    pub paths: Vec<String>,
    /// The ticket file of a claim that waits: it is committed with `done: false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclaimed: Option<String>,
    /// The first line of the message.
    pub subject: String,
    /// The rest of the message without trailers; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The trailers.
    pub trailers: Vec<(String, String)>,
    /// Whether git hooks run.
    pub hooks: bool,
    /// Whether checks have seen what is committed, so that no hook may change it unseen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checked: bool,
}

/// What a commit of turnstile's is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavePurpose {
    /// The tree after a turn that nobody was left to keep.
    Keep,
    /// A turn's work on the branch, without a judgement on it.
    Checkpoint,
    /// The one commit that finishes a ticket.
    Finish,
    /// What a paused, taken-back or operator-decided ticket leaves in `.tickets/`.
    Paperwork,
}

/// What became of a [`SaveRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaveResult {
    /// The commit stands.
    Committed {
        /// Its id.
        commit: String,
        /// Its tree.
        tree: String,
    },
    /// The worktree after a turn is kept.
    Kept {
        /// The commit that keeps it.
        commit: String,
        /// Paths that differ from the tree kept before that turn.
        changed: Vec<String>,
        /// What that turn made of tickets.
        #[serde(default)]
        tickets: Vec<TicketWritten>,
    },
    /// There was nothing to commit.
    Clean,
    /// A hook said no.
    Refused {
        /// What it printed.
        output: String,
    },
    /// A hook made something else of what the checks have seen: the trees without `.tickets/`.
    Changed {
        /// What was to be committed.
        was: String,
        /// What the hook made of it.
        tree: String,
    },
    /// More than turnstile commits at once.
    TooLarge {
        /// The folders at fault, as a sentence.
        why: String,
    },
    /// git could not do it: a foreign lock, a full disk, a moved branch.
    Failed {
        /// Why.
        why: String,
    },
}

/// A small effect on files: performing it again changes nothing, so it needs no evidence of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Act {
    /// Puts back what a turn may not change in tickets and `history/`.
    Restore {
        /// The paths and what of each.
        items: Vec<PutBack>,
    },
    /// Puts back what a person rejected of what a turn changed outside of what it may change.
    PutBack {
        /// The paths.
        paths: Vec<PathBack>,
    },
    /// Moves the outbox to `history/`.
    Archive {
        /// The number in the ticket's history.
        sequence: u32,
        /// What the message said of itself.
        dispatch: DispatchFact,
    },
    /// Moves a reply to `history/`.
    Reply {
        /// The number in the ticket's history.
        sequence: u32,
        /// The ticket that gets it.
        to: TicketId,
        /// The stored reply outside the worktree; none is `.tickets/USER_REPLY.md`.
        spooled: Option<String>,
        /// Whether a person stands behind it for certain.
        confirmed: bool,
        /// What it decides about an approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decides: Option<Decides>,
        /// The commit that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brought: Option<Brought>,
    },
    /// Sets `done` of a ticket.
    SetDone {
        /// The ticket.
        target: TicketId,
        /// The value.
        done: bool,
        /// The operator's decision behind it; none is a claim taken back.
        decision: Option<String>,
        /// Why.
        why: String,
    },
    /// Writes `REQUEST.md` to `history/`.
    Request {
        /// The number in the ticket's history.
        sequence: u32,
        /// The reason that pauses the ticket.
        reason: crate::flow::Reason,
    },
    /// Asks a person for an approval, by a `REQUEST.md` in `history/`.
    AskApproval {
        /// The number in the ticket's history.
        sequence: u32,
        /// The ticket.
        ticket: TicketId,
        /// The reason that pauses it.
        reason: crate::flow::Reason,
        /// What is asked for.
        asked: Asked,
    },
    /// Brings the run's branch forward to HEAD and puts HEAD back on it.
    AdoptHead {
        /// The run's branch, as a full name.
        branch: String,
        /// Where it was.
        from: Option<String>,
        /// Where HEAD is.
        to: String,
    },
    /// Gives files the content that they had before a turn, and commits them where that is asked for.
    Undo(Box<super::UndoRequest>),
    /// Removes the commit message that the agent left, once it is used or the ticket changes.
    DropMessage,
}

/// One path that is put back as it was before the turns of its ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathBack {
    /// The kept tree that holds what lay there; none where nothing did.
    pub tree: Option<String>,
    /// As it is told.
    #[serde(flatten)]
    pub item: PutBack,
}

/// One file that a turn may not have changed so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutBack {
    /// Below the top of the worktree.
    pub path: String,
    /// The keys whose bytes are put back; empty is the whole file.
    pub keys: Vec<String>,
    /// What was wrong, as a fragment.
    pub why: String,
    /// Whether it is the turn's own ticket, which could not be read any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
    /// The command that brings back what lay there, once it is put back: it may have been a person's edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

/// What a dispatch said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispatchFact {
    /// Whether it pauses the run.
    pub pause: bool,
    /// Its title.
    pub title: Option<String>,
    /// The answers that it allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// Evidence about the one effect in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<R> {
    /// Nobody has begun it.
    NotStarted,
    /// It runs.
    Running,
    /// It is over, with its result.
    Over(R),
    /// It was begun and left no result.
    Lost,
}

impl TurnResult {
    /// An end, and nothing seen of the worktree.
    pub fn without_facts(end: TurnEnd) -> Self {
        Self {
            end,
            duration_ms: 0,
            exit: None,
            error: None,
            before: None,
            after: None,
            head: None,
            changed: Vec::new(),
            commits: Vec::new(),
            left_out: Vec::new(),
            tampered: Vec::new(),
            reply: None,
            tickets: Vec::new(),
            settings: BTreeMap::new(),
        }
    }
}

/// What to do about an effect in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow<R> {
    /// Start it.
    Perform,
    /// Wait for it.
    Wait,
    /// Write down how it ended.
    Settle(R),
}

/// Follows a turn. A turn whose process vanished is never run twice in silence.
pub fn follow_turn(evidence: Evidence<TurnResult>) -> Follow<TurnResult> {
    match evidence {
        Evidence::NotStarted => Follow::Perform,
        Evidence::Running => Follow::Wait,
        Evidence::Over(result) => Follow::Settle(result),
        Evidence::Lost => Follow::Settle(TurnResult::without_facts(TurnEnd::Lost)),
    }
}

/// Follows a save. The world looks for the commit before it calls one lost, so a lost one is repeated.
pub fn follow_save(evidence: Evidence<SaveResult>) -> Follow<SaveResult> {
    match evidence {
        Evidence::NotStarted | Evidence::Lost => Follow::Perform,
        Evidence::Running => Follow::Wait,
        Evidence::Over(result) => Follow::Settle(result),
    }
}

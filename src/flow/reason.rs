//! The closed set of reasons: why turnstile does not move, with which exit status, and what makes it move.

use serde::{Deserialize, Serialize};

/// What lets a reason fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Looked at afresh by each step.
    Afresh,
    /// Stands until it is answered.
    Stands,
    /// Stands for hooks and `watch`; a person's command looks afresh.
    StandsForHooks,
}

macro_rules! reasons {
    ($($name:ident = $code:literal, $exit:literal, $standing:ident, $moves:literal;)*) => {
        /// The code of a reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the table below is their documentation")]
        pub enum ReasonCode { $(#[serde(rename = $code)] $name,)* }

        impl ReasonCode {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The exit status of `step` and `run`.
            pub const fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)* }
            }

            /// Whether it stands until it is answered.
            pub const fn standing(self) -> Standing {
                match self { $(Self::$name => Standing::$standing,)* }
            }

            /// What makes it move.
            pub const fn moves(self) -> &'static str {
                match self { $(Self::$name => $moves,)* }
            }
        }
    };
}

reasons! {
    StopFile = "stop_file", 4, Afresh, "remove `.tickets/STOP`";
    OperatorPause = "operator_pause", 4, Stands, "`turnstile resume`";
    UserDispatch = "user_dispatch", 4, Stands, "a reply to the ticket";
    UserTicket = "user_ticket", 4, Afresh, "`turnstile done` of it, or an edit that sets it";
    ApprovalPending = "approval_pending", 4, Stands, "an approval, a rejection, or an edit that needs none";
    ScopePending = "scope_pending", 4, Stands, "an approval or a rejection";
    ReplyInvalid = "reply_invalid", 4, Afresh, "a mended or removed reply";
    DirtyConflict = "dirty_conflict", 4, Stands, "`turnstile resume`: what then lies at these paths is the ticket's work";
    Invalid = "invalid", 3, Afresh, "mend what the message names; `turnstile lint` shows every fault";
    Untrusted = "untrusted", 3, Afresh, "`turnstile trust`";
    RepositoryState = "repository_state", 3, Afresh, "what the message names";
    DirtyWorktree = "dirty_worktree", 3, Afresh, "a commit, or `--allow-dirty`";
    LimitTotalTurns = "limit_total_turns", 5, Afresh, "a raised limit, or `turnstile resume` for the same amount once more";
    LimitTurns = "limit_turns", 5, Afresh, "a raised limit, or `turnstile resume` for the same amount once more";
    LimitTime = "limit_time", 5, Afresh, "a raised limit, or `turnstile resume` for the same amount once more";
    LimitTokens = "limit_tokens", 5, Afresh, "a raised limit, or `turnstile resume` for the same amount once more";
    LimitCost = "limit_cost", 5, Afresh, "a raised limit, or `turnstile resume` for the same amount once more";
    VerifyFailed = "verify_failed", 6, Stands, "a person's edit of the ticket, a reply, or `turnstile resume`";
    NoProgress = "no_progress", 6, Stands, "a person's edit of the ticket, a reply, or `turnstile resume`";
    TicketInvalid = "ticket_invalid", 6, Stands, "a person's edit of the ticket, a reply, or `turnstile resume`";
    DispatchInvalid = "dispatch_invalid", 6, Stands, "a person's edit of the ticket or of the invalid file, a reply, or `turnstile resume`";
    VerifyInconclusive = "verify_inconclusive", 6, Stands, "`turnstile resume` or a reply: judged again without a turn";
    CommitFailed = "commit_failed", 6, Stands, "a clean tree: judged again without a turn; `turnstile resume` or a reply: the commit turns again";
    HeadMoved = "head_moved", 6, Stands, "`turnstile resume` accepts what is there now, or put it back";
    Tampered = "tampered", 6, Stands, "`turnstile resume` accepts what is there now, or put it back";
    RunnerFilesChanged = "runner_files_changed", 6, Stands, "`turnstile resume` accepts what is there now, or put it back";
    Blocked = "blocked", 6, Afresh, "what `turnstile next` explains per ticket";
    CircuitOpen = "circuit_open", 6, Afresh, "a person's `turnstile run`";
    AgentFailed = "agent_failed", 7, StandsForHooks, "`turnstile run` tries again, and so does a reply";
    GitFailed = "git_failed", 7, Afresh, "the next `turnstile run` tries again";
    JournalUnreadable = "journal_unreadable", 7, Afresh, "`turnstile doctor`";
    Busy = "busy", 75, Afresh, "the other step's end";
    Parked = "parked", 75, Afresh, "the time in `details.until`";
    Interrupted = "interrupted", 130, Afresh, "the next `turnstile run`";
    MaxTurns = "max_turns", 0, Afresh, "the next `turnstile run`";
    Completed = "completed", 0, Afresh, "a new or reopened ticket";
    Stopped = "stopped", 0, Afresh, "the next `turnstile run` begins a new run";
}

impl ReasonCode {
    /// Whether a person's command finds it standing.
    pub fn stands(self) -> bool {
        match self.standing() {
            Standing::Stands => true,
            Standing::Afresh | Standing::StandsForHooks => false,
        }
    }

    /// Whether a reply answers it.
    pub fn answered_by_reply(self) -> bool {
        matches!(
            self,
            Self::UserDispatch
                | Self::VerifyFailed
                | Self::NoProgress
                | Self::TicketInvalid
                | Self::DispatchInvalid
                | Self::VerifyInconclusive
                | Self::CommitFailed
        )
    }
}

impl ReasonCode {
    /// Whether only a decision answers it: an approval or a rejection, by command or in a reply.
    pub fn answered_by_decision(self) -> bool {
        matches!(self, Self::ApprovalPending | Self::ScopePending)
    }
}

impl ReasonCode {
    /// Whether a run that ends so has not served the triggers that asked for it: nothing that lies there was looked at
    /// to its end, and the next start has to.
    pub fn keeps_triggers(self) -> bool {
        match self {
            Self::Invalid
            | Self::Untrusted
            | Self::RepositoryState
            | Self::DirtyWorktree
            | Self::GitFailed
            | Self::JournalUnreadable
            | Self::Busy
            | Self::Parked
            | Self::Interrupted => true,
            Self::StopFile
            | Self::OperatorPause
            | Self::UserDispatch
            | Self::UserTicket
            | Self::ApprovalPending
            | Self::ScopePending
            | Self::ReplyInvalid
            | Self::DirtyConflict
            | Self::LimitTotalTurns
            | Self::LimitTurns
            | Self::LimitTime
            | Self::LimitTokens
            | Self::LimitCost
            | Self::VerifyFailed
            | Self::NoProgress
            | Self::TicketInvalid
            | Self::DispatchInvalid
            | Self::VerifyInconclusive
            | Self::CommitFailed
            | Self::HeadMoved
            | Self::Tampered
            | Self::RunnerFilesChanged
            | Self::Blocked
            | Self::CircuitOpen
            | Self::AgentFailed
            | Self::MaxTurns
            | Self::Completed
            | Self::Stopped => false,
        }
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A reason as it is told: the same in the journal, JSON, messages and `next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which one.
    pub code: ReasonCode,
    /// What is the matter and what to type next.
    pub message: String,
    /// The same for programs.
    #[serde(default)]
    pub details: serde_json::Value,
}

impl Reason {
    /// A reason without details.
    pub fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: serde_json::json!({}) }
    }

    /// Adds what programs want to know.
    #[must_use]
    pub fn details(mut self, details: serde_json::Value) -> Self {
        self.details = details;
        self
    }
}

//! What the journal says, one event a line. Kinds and keys are a contract: added to, never renamed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::check_request::CheckRequest;
use super::parts::{Asked, Begun, Carried, CheckEnded, Decides, TicketWritten, TurnEnded};
use super::reason::Reason;
use super::request::{DispatchFact, PutBack, SavePurpose, TurnRequest};
use super::survey::Brought;
use crate::ticket::TicketId;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Event {
    /// A run begins.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The run's branch, as a full name; none where HEAD is detached.
        branch: Option<String>,
        /// The commit that HEAD named.
        head: Option<String>,
        /// What the worktree's last run left to this one.
        #[serde(default)]
        carried: Carried,
    },
    /// The run stands still until somebody or something moves it.
    #[serde(rename = "run.paused")]
    RunPaused {
        /// The ticket that it waits for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// Why.
        reason: Reason,
        /// The digest of the ticket's text at that time, so that a person's edit is seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// A standing reason was answered.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// The ticket that it stood for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// Which reason.
        reason: super::ReasonCode,
        /// What answered it.
        by: String,
        /// The commit and branch that are accepted with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        branch: Option<String>,
        /// What a limit is raised by: turns, milliseconds, tokens, or millionths of a US dollar.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        granted: Option<u64>,
    },
    /// No open ticket is left.
    #[serde(rename = "run.completed")]
    RunCompleted {
        /// Tickets that are put aside.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<TicketId>,
    },
    /// An operator ended the run.
    #[serde(rename = "run.stopped")]
    RunStopped {
        /// Who.
        by: String,
    },
    /// A ticket is current from here on.
    #[serde(rename = "ticket.selected")]
    TicketSelected {
        /// The ticket.
        ticket: TicketId,
    },
    /// A ticket is done, as a fact.
    #[serde(rename = "ticket.done")]
    TicketDone {
        /// The ticket.
        ticket: TicketId,
        /// The commit that finishes it, where there is one.
        commit: Option<String>,
        /// The tree of that commit.
        tree: Option<String>,
        /// What the runner observed: `met`, or `operator` where a person decided it.
        verdict: String,
        /// Who decided it, where a person did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A person opened a ticket again.
    #[serde(rename = "ticket.reopened")]
    TicketReopened {
        /// The ticket.
        ticket: TicketId,
        /// Who.
        by: String,
    },
    /// A turn is about to start.
    #[serde(rename = "turn.started")]
    TurnStarted(TurnRequest),
    /// A turn ended well, as far as the agent says.
    #[serde(rename = "turn.finished")]
    TurnFinished(TurnEnded),
    /// A turn failed.
    #[serde(rename = "turn.failed")]
    TurnFailed(TurnEnded),
    /// A limit of time ended a turn.
    #[serde(rename = "turn.timed_out")]
    TurnTimedOut(TurnEnded),
    /// A turn was ended by a person, or ended without a record.
    #[serde(rename = "turn.interrupted")]
    TurnInterrupted(TurnEnded),
    /// A turn that an earlier step started is waited for by this one.
    #[serde(rename = "turn.adopted")]
    TurnAdopted {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
    },
    /// The run's branch was brought forward to HEAD.
    #[serde(rename = "head.adopted")]
    HeadAdopted {
        /// The branch.
        branch: String,
        /// Where it was.
        from: Option<String>,
        /// Where it is.
        to: String,
    },
    /// A turn set `done: true`.
    #[serde(rename = "claim.made")]
    ClaimMade {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
    },
    /// `done: false` was written back.
    #[serde(rename = "claim.revoked")]
    ClaimRevoked {
        /// The ticket.
        ticket: TicketId,
        /// Why.
        why: String,
    },
    /// A dispatch was moved to `history/`.
    #[serde(rename = "outbox.archived")]
    OutboxArchived {
        /// The ticket.
        ticket: TicketId,
        /// The turn that left it.
        turn: u32,
        /// The number in the ticket's history.
        sequence: u32,
        /// The folder.
        path: String,
        /// What the message says of itself.
        #[serde(flatten)]
        dispatch: DispatchFact,
    },
    /// A dispatch cannot be used.
    #[serde(rename = "outbox.invalid")]
    OutboxInvalid {
        /// The ticket.
        ticket: TicketId,
        /// The turn that left it.
        turn: u32,
        /// Every fault, as lines.
        faults: Vec<String>,
    },
    /// A reply was moved to `history/`.
    #[serde(rename = "reply.consumed")]
    ReplyConsumed {
        /// The ticket.
        ticket: TicketId,
        /// The number in the ticket's history.
        sequence: u32,
        /// The folder.
        path: String,
        /// Whether a person stands behind it for certain.
        confirmed: bool,
        /// The stored reply that it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spooled: Option<String>,
        /// The commit that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brought: Option<Brought>,
    },
    /// A turn that quoted these replies succeeded.
    #[serde(rename = "reply.delivered")]
    ReplyDelivered {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// Their numbers in the ticket's history.
        sequences: Vec<u32>,
    },
    /// A turn left a ticket or a dispatch that cannot be used.
    #[serde(rename = "lint.failed")]
    LintFailed {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// Every fault, as lines.
        faults: Vec<String>,
        /// Turns that are still asked for.
        left: u32,
    },
    /// What a turn may not change was put back.
    #[serde(rename = "contract.restored")]
    ContractRestored {
        /// The ticket whose turn it was.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// What was put back.
        items: Vec<PutBack>,
        /// Whether a person rejected it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rejected: bool,
        /// Of what was rejected: the digests of what lies there now.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        paths: BTreeMap<String, String>,
    },
    /// A check of a claim is about to be run.
    #[serde(rename = "verify.started")]
    VerifyStarted(CheckRequest),
    /// What a check says of the tree.
    #[serde(rename = "verify.finished")]
    VerifyFinished(CheckEnded),
    /// The tree, or what is asked for, is another one: what the checks found does not hold any more.
    #[serde(rename = "verify.stale")]
    VerifyStale {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// The tree that the checks saw.
        was: String,
        /// The tree that lies there.
        tree: String,
    },
    /// A claim was met, and its work is not committed.
    #[serde(rename = "commit.required")]
    CommitRequired {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// The paths that are not committed.
        paths: Vec<String>,
        /// What a hook printed, where one refused turnstile's own commit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<String>,
        /// Turns that are still asked for.
        left: u32,
    },
    /// turnstile committed.
    #[serde(rename = "commit.made")]
    CommitMade {
        /// The ticket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// What for.
        purpose: SavePurpose,
        /// The commit.
        commit: String,
        /// Its tree.
        tree: String,
    },
    /// turnstile could not commit.
    #[serde(rename = "commit.failed")]
    CommitFailed {
        /// The ticket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// What for.
        purpose: SavePurpose,
        /// Why.
        why: String,
        /// Whether a hook said so, which the agent can mend.
        hook: bool,
    },
    /// The tree after a turn is kept.
    #[serde(rename = "checkpoint.made")]
    CheckpointMade {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// The commit.
        commit: String,
    },
    /// A checkpoint on the branch could not be made. Not fatal.
    #[serde(rename = "checkpoint.failed")]
    CheckpointFailed {
        /// The ticket.
        ticket: TicketId,
        /// The turn.
        turn: u32,
        /// Why.
        why: String,
    },
    /// A person is asked for an approval.
    #[serde(rename = "approval.requested")]
    ApprovalRequested {
        /// The ticket.
        ticket: TicketId,
        /// The reason that pauses it.
        reason: super::ReasonCode,
        /// The folder of the request, where it is written already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// What is asked for.
        #[serde(flatten)]
        asked: Asked,
    },
    /// It was approved or rejected.
    #[serde(rename = "approval.resolved")]
    ApprovalResolved {
        /// The ticket.
        ticket: TicketId,
        /// Who decided it.
        by: String,
        /// What was decided.
        #[serde(flatten)]
        decides: Decides,
    },
    /// A limit refused to start a turn.
    #[serde(rename = "limit.reached")]
    LimitReached {
        /// The ticket, where the limit is a ticket's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// Which one.
        limit: super::ReasonCode,
        /// What an answer grants once more: turns, milliseconds, tokens, or millionths of a US dollar.
        #[serde(default)]
        amount: u64,
        /// The limit in force: the same, and all that was granted before.
        #[serde(default)]
        in_force: u64,
    },
    /// So many failures in a row: nobody but a person starts a turn from here on.
    #[serde(rename = "circuit.opened")]
    CircuitOpened {
        /// How many.
        failures: u32,
    },
    /// A turn ended well behind an open breaker.
    #[serde(rename = "circuit.closed")]
    CircuitClosed {},
    /// The user's uncommitted changes are accepted as they are.
    #[serde(rename = "worktree.accepted")]
    WorktreeAccepted {
        /// The paths with the digest of what lies there.
        paths: BTreeMap<String, String>,
    },
    /// An operator's decision was taken in.
    #[serde(rename = "decision.stored")]
    DecisionStored {
        /// Its id: served once.
        id: String,
        /// What was decided.
        decision: String,
        /// Who.
        by: String,
        /// When, as the command said.
        at: String,
        /// Why it could not be carried out, where it could not; then nothing but this line came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// Files have the content again that they had before a turn.
    #[serde(rename = "undo.made")]
    UndoMade(super::Undone),
    /// An effect is about to be performed.
    #[serde(rename = "effect.begun")]
    EffectBegun(Begun),
    /// An effect is over that has no kind of its own.
    #[serde(rename = "effect.finished")]
    EffectFinished {
        /// Which: `verdict`, `request`, `message`, `paperwork`, `checkpoint`, `keep`, `done`.
        effect: String,
        /// The ticket.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// What came of it, where that is more than that it is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
        /// A path, where the effect made one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// Of `keep`: what the turn before it changed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<String>,
        /// Of `keep`: what the turn before it made of tickets.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tickets: Vec<TicketWritten>,
    },
    /// A run looks because a git hook kept a trigger. Written again where that run was killed before it had served it.
    #[serde(rename = "trigger.received")]
    TriggerReceived {
        /// Its name.
        id: String,
        /// The hook; none where the trigger could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hook: Option<String>,
        /// When the hook was called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
        /// What it said has moved, in a few words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
    /// The same look serves triggers that came before that one.
    #[serde(rename = "trigger.coalesced")]
    TriggerCoalesced {
        /// The trigger that stands for all.
        into: String,
        /// How many others.
        count: u64,
        /// Their names, the latest first, a hundred at most.
        ids: Vec<String>,
    },
    /// In a bare repository: the pushed branch was moved forward to what this run has made.
    #[serde(rename = "branch.published")]
    BranchPublished {
        /// The full name of the branch.
        branch: String,
        /// Where it was.
        from: String,
        /// Where it is.
        commit: String,
    },
    /// In a bare repository: the worktree was brought forward to what was pushed.
    #[serde(rename = "branch.followed")]
    BranchFollowed {
        /// The full name of the branch.
        branch: String,
        /// Where HEAD was.
        from: String,
        /// Where it is.
        commit: String,
    },
    /// In a bare repository: a push was faster than this run, whose work is on a branch of its own. All tickets begin
    /// again from what was pushed.
    #[serde(rename = "work.parked")]
    WorkParked {
        /// The ticket that was worked on.
        ticket: Option<TicketId>,
        /// The full name of the branch that was pushed.
        pushed: String,
        /// Where that is; none where it was removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// The full name of the branch that has the work.
        branch: String,
        /// Its commit: the worktree as it was.
        commit: String,
    },
    /// A torn last line was cut off.
    #[serde(rename = "journal.repaired")]
    JournalRepaired {
        /// How many bytes.
        bytes: u64,
    },
    /// A line of a kind that this version does not know.
    #[serde(other, rename = "unknown")]
    Unknown,
}

/// A journal line that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("journal line {seq} ({kind}) cannot be read: {source}")]
pub struct Unreadable {
    /// The line's number.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// What serde says.
    #[source]
    pub source: serde_json::Error,
}

impl Event {
    /// Splits an event into the journal's columns: ticket, turn, kind, and the rest.
    pub fn columns(&self) -> (Option<String>, Option<u32>, String, Map<String, Value>) {
        let Ok(Value::Object(mut body)) = serde_json::to_value(self) else {
            unreachable!("an event is a JSON object with text keys")
        };
        let Some(Value::String(kind)) = body.remove("kind") else { unreachable!("every event has a kind") };
        let ticket = match body.remove("ticket") {
            Some(Value::String(ticket)) => Some(ticket),
            Some(_) | None => None,
        };
        let turn = body.remove("turn").and_then(|turn| turn.as_u64()).and_then(|turn| u32::try_from(turn).ok());
        (ticket, turn, kind, body)
    }

    /// Puts an event together from the journal's columns. A kind that is not known is [`Event::Unknown`].
    pub fn from_columns(
        seq: u64,
        ticket: Option<&str>,
        turn: Option<u32>,
        kind: &str,
        body: &Map<String, Value>,
    ) -> Result<Self, Unreadable> {
        let mut whole = body.clone();
        whole.insert("kind".into(), kind.into());
        if let Some(ticket) = ticket {
            whole.insert("ticket".into(), ticket.into());
        }
        if let Some(turn) = turn {
            whole.insert("turn".into(), turn.into());
        }
        serde_json::from_value(Value::Object(whole)).map_err(|source| Unreadable { seq, kind: kind.into(), source })
    }
}

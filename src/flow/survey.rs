//! What the world looks like at one quiet moment, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::parts::Decides;
use super::request::{DispatchFact, PutBack};
use super::ticket_index::TicketIndex;
use super::trust::TrustFact;
use crate::ticket::{Check, TicketId, TicketLimits};

/// A whole look at a quiet worktree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// What time it is.
    pub now: Moment,
    /// What a turn changed in the git directory that decides which programs run, as long as nobody answered it and it
    /// is not put back.
    pub tampering: Vec<String>,
    /// The text of `.tickets/STOP`, if it is there.
    pub stop_file: Option<String>,
    /// What keeps turnstile from working in this repository, with the way out.
    pub repository: Option<String>,
    /// What to type where another branch is checked out than the open run's.
    pub way_back: Option<String>,
    /// What may start programs here and is not trusted.
    pub trust: TrustFact,
    /// Faults of the config and the templates, as lines.
    pub config: Vec<String>,
    /// All tickets in selection order.
    pub tickets: Vec<TicketFact>,
    /// Where each of them stands; empty as it comes.
    pub index: TicketIndex,
    /// What lies in the outbox.
    pub outbox: OutboxFact,
    /// The reply that lies in `.tickets/`.
    pub reply: Option<ReplyFact>,
    /// Operators' decisions that nobody has served, in order.
    pub decisions: Vec<Decision>,
    /// Everything uncommitted outside `.tickets/`, by path.
    pub changes: BTreeMap<String, String>,
    /// Where the run is over: those of them that its last ticket's turns changed and that lie there as they were left.
    pub as_left: BTreeSet<String>,
    /// Everything uncommitted inside `.tickets/` that git does not ignore; whether it was removed.
    pub tickets_changes: BTreeMap<String, bool>,
    /// The text of `.tickets/outbox/COMMIT_MSG`.
    pub commit_message: Option<String>,
    /// The commit that HEAD names.
    pub head: Option<String>,
    /// The branch that is checked out, as a full name; none where HEAD is detached.
    pub branch: Option<String>,
    /// The top of git's stash.
    pub stash: Option<String>,
    /// The tree of HEAD.
    pub head_tree: Option<String>,
    /// What can only be seen while a turn is judged.
    pub turn: TurnFacts,
}

/// One ticket as the kernel needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketFact {
    /// Its id.
    pub id: TicketId,
    /// Its title.
    pub title: String,
    /// The agent that it names or that the config gives it.
    pub agent: String,
    /// Who that agent is.
    pub kind: AgentFact,
    /// `done: true`.
    pub done: bool,
    /// Why it is put aside.
    pub hold: Option<String>,
    /// Dependencies that are not done, and references that lead nowhere.
    pub blocked_by: Vec<TicketId>,
    /// References that lead nowhere or to several tickets.
    pub unresolved: Vec<String>,
    /// What it depends on.
    pub depends_on: Vec<TicketId>,
    /// Its errors, as lines.
    pub faults: Vec<String>,
    /// The digest of its text.
    pub digest: String,
    /// Caps of its own.
    pub limits: TicketLimits,
    /// The other worktree in whose open run it is current.
    pub claimed_by: Option<String>,
    /// `done: true` is what a turn that nobody has judged made of it.
    pub claimed: bool,
    /// Why it needs an approval, if it does.
    pub approval: ApprovalFact,
}

/// Why a ticket needs an approval before its next turn, and what that is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalFact {
    /// What of its keys asks for one, in words.
    pub asks: Vec<String>,
    /// The digest of its contract and body; empty where nobody asks.
    pub digest: String,
    /// The command lines that it runs and that turns wrote.
    pub commands: Vec<CommandFact>,
    /// All command lines of its own that it runs, where a push may not run them or might have asked for them.
    pub inline: Vec<CommandFact>,
}

/// A command line of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFact {
    /// Its digest.
    pub digest: String,
    /// Its text.
    pub text: String,
}

/// Who an agent is, as far as deciding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentFact {
    /// A human.
    User,
    /// A program that is able to commit.
    Commits,
    /// A program that is not.
    CannotCommit,
}

/// What lies in the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OutboxFact {
    /// No message; attachments that wait for one do not count.
    #[default]
    Empty,
    /// A message that can be archived.
    Message(DispatchFact),
    /// A message that cannot be used, with its faults as lines.
    Invalid(Vec<String>),
}

/// A reply that lies in `.tickets/`, or that was given during a turn and is kept outside the worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyFact {
    /// The folder outside the worktree that it is kept in; none is `.tickets/USER_REPLY.md`.
    pub kept_in: Option<String>,
    /// Changes whenever the file is saved again.
    pub stamp: String,
    /// The ticket that it names, or why that leads nowhere.
    pub to: Option<Result<TicketId, String>>,
    /// The choice that it makes.
    pub answer: Option<String>,
    /// Where that stands, as messages begin; empty where it is in no file.
    pub answer_at: String,
    /// What it decides about an approval, and where that stands, as messages begin.
    pub decision: Option<(bool, String)>,
    /// Its faults as lines, if it cannot be read.
    pub faults: Vec<String>,
    /// Whether it says nothing at all.
    pub empty: bool,
    /// Whether a commit made outside of a turn holds it as it lies there.
    pub committed: bool,
    /// The commit that brought it, where one holds it as it lies there.
    pub brought: Option<Brought>,
}

/// The commit that brought a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// The commit.
    pub commit: String,
    /// Its author's name.
    pub name: String,
    /// Its author's address.
    pub address: String,
    /// What its signature is worth: `good`, `bad` (also where nobody could look), or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The fingerprints of the key that it was signed with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

impl Brought {
    /// Who that is, for people.
    pub fn shown(&self) -> String {
        let signature = match self.signature.as_deref() {
            None => "not signed".to_owned(),
            Some("good") => format!("signed with {}", self.keys.first().map_or("a key", String::as_str)),
            Some(_) => "with a signature that cannot be verified".to_owned(),
        };
        let commit = self.commit.get(..10).unwrap_or(&self.commit);
        crate::text::shown_line(&format!("{} <{}>, commit {commit}, {signature}", self.name, self.address))
    }

    /// Whether this is one of those whose replies count: by the address of the author, which anybody can write, or by a
    /// key that has signed it.
    pub fn is_one_of(&self, reviewers: &[String]) -> bool {
        let plain = |key: &str| key.split_whitespace().collect::<String>();
        let is_same_key = |key: &String, wanted: &str| {
            if wanted.starts_with("SHA256:") { *key == wanted } else { key.eq_ignore_ascii_case(wanted) }
        };
        reviewers.iter().any(|reviewer| {
            if reviewer.contains('@') {
                return self.address.eq_ignore_ascii_case(reviewer.trim());
            }
            let wanted = plain(reviewer);
            self.signature.as_deref() == Some("good") && self.keys.iter().any(|key| is_same_key(key, &wanted))
        })
    }
}

/// What an operator decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// New for every decision.
    pub id: String,
    /// Who decided.
    pub by: String,
    /// When, as the command said.
    pub at: String,
    /// What.
    pub what: Decided,
}

/// The decisions that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// No further turn.
    Pause,
    /// Answers the reason that is shown.
    Resume,
    /// Ends the run.
    Stop,
    /// A ticket is done.
    Done(TicketId),
    /// A ticket is open again.
    Reopen(TicketId),
    /// A ticket was set to this while no run was open, and its file says so already; this run takes it along.
    Noted(TicketId, Option<bool>),
    /// A ticket is approved or rejected as whoever decided it saw it.
    Approval(TicketId, Decides),
    /// A reply that was given during a turn.
    Reply(ReplyFact),
    /// It means nothing here; why, as a sentence.
    Unusable(String),
}

impl Decided {
    /// Whether it ends something: the run, or the work on a ticket.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Stop | Self::Done(_) | Self::Reopen(_) => true,
            Self::Pause | Self::Resume | Self::Noted(..) | Self::Approval(..) | Self::Reply(_) | Self::Unusable(_) => {
                false
            }
        }
    }

    /// The word by which the journal calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Done(_) | Self::Noted(_, Some(true)) => "done",
            Self::Reopen(_) | Self::Noted(_, Some(false)) => "reopen",
            Self::Noted(_, None) => "noted",
            Self::Approval(_, decides) if decides.approved => "approve",
            Self::Approval(..) => "reject",
            Self::Reply(_) => "reply",
            Self::Unusable(_) => "unusable",
        }
    }
}

impl Decision {
    /// The reply that it is, if it is one.
    pub fn reply(&self) -> Option<&ReplyFact> {
        match &self.what {
            Decided::Reply(reply) => Some(reply),
            Decided::Pause
            | Decided::Resume
            | Decided::Stop
            | Decided::Done(_)
            | Decided::Reopen(_)
            | Decided::Noted(..)
            | Decided::Approval(..)
            | Decided::Unusable(_) => None,
        }
    }
}

/// What can only be seen while a turn is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TurnFacts {
    /// What the turn changed and may not have changed.
    pub put_back: Vec<PutBack>,
    /// Where HEAD is.
    pub head: HeadFact,
    /// Whether HEAD carries `done: true` of the ticket, or a file that was put back.
    pub head_claims: bool,
    /// Config and templates that the turn changed and that are still not as they were before it: path and diff.
    pub runner_files: BTreeMap<String, String>,
    /// What to type to have them as they were.
    pub runner_files_back: String,
    /// What decides whether the claim holds; empty where nothing does, or where no claim waits.
    pub checks: ChecksFact,
    /// What turns of the ticket changed and may not change unasked, approved or not.
    pub scope: Vec<ScopeFact>,
}

/// What decides whether a claim holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChecksFact {
    /// What is run, in this order.
    pub checks: Vec<Check>,
    /// What has to be there.
    pub artifacts: Vec<ArtifactFact>,
    /// The digest of all of it.
    pub contract: String,
    /// The tree that lies there: what is outside `.tickets/`, not ignored, and no dropping of a check.
    pub tree: String,
}

/// A path that has to be there when the ticket is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFact {
    /// As the ticket names it.
    pub path: String,
    /// Why it does not count; none where it is there and not empty.
    pub problem: Option<String>,
    /// Whether HEAD holds it, or git ignores it.
    pub committed: bool,
}

impl ArtifactFact {
    /// Its name as a check.
    pub fn id(&self) -> String {
        format!("artifact:{}", self.path)
    }
}

impl ChecksFact {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.artifacts.is_empty()
    }

    /// Artifacts that are there and that HEAD does not hold.
    pub fn uncommitted(&self) -> impl Iterator<Item = &ArtifactFact> {
        self.artifacts.iter().filter(|artifact| artifact.problem.is_none() && !artifact.committed)
    }
}

/// A path that a turn may not change unasked, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeFact {
    /// The path.
    pub path: String,
    /// Why it may not, in words.
    pub why: &'static str,
    /// The digest of what lies there now.
    pub tree: String,
    /// The digest of what HEAD holds there.
    pub head: String,
    /// The digests of both from before the first turn of the ticket that changed it.
    pub before: Vec<String>,
    /// What is known of what lay there then.
    pub back: Before,
    /// The commit of the turn in which the agent changed it.
    pub commit: Option<String>,
}

/// What lay at a path before a ticket's turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// A file or a link, in this kept tree.
    Kept {
        /// The kept tree.
        tree: String,
    },
    /// Nothing.
    Absent,
    /// Something that no kept tree holds.
    Unknown,
}

/// Where HEAD is after a turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HeadFact {
    /// On the run's branch, which has lost nothing.
    #[default]
    InPlace,
    /// Elsewhere, ahead of the run's branch.
    Ahead {
        /// Where HEAD is.
        commit: String,
    },
    /// Elsewhere, or commits are gone.
    Moved {
        /// What happened, as a sentence.
        how: String,
        /// What puts it back, as a sentence.
        back: String,
    },
}

impl Survey {
    /// Finds a ticket.
    pub fn ticket(&self, id: &TicketId) -> Option<&TicketFact> {
        self.index.find(&self.tickets, id)
    }
}

#[cfg(test)]
mod tests {
    use super::Brought;

    #[test]
    fn a_reviewer_is_known_by_an_address_or_by_a_good_signature_of_a_key() {
        let key = "0123456789ABCDEF0123456789ABCDEF01234567";
        let signed = |signature: Option<&str>, key: &str| Brought {
            commit: "c".into(),
            name: "ada@example.org".into(),
            address: "Ada@example.org".into(),
            signature: signature.map(str::to_owned),
            keys: vec!["other".into(), key.into()],
        };
        let counts = |brought: &Brought, reviewer: &str| brought.is_one_of(&["x@y".into(), reviewer.to_owned()]);
        let ada = signed(None, key);
        assert!(counts(&ada, "ada@EXAMPLE.org") && !counts(&ada, "bob@example.org") && !ada.is_one_of(&[]));
        assert!(!counts(&ada, key), "it is not signed");
        assert!(!counts(&signed(Some("bad"), key), key));
        let good = signed(Some("good"), key);
        assert!(counts(&good, key) && counts(&good, "0123 4567 89ab cdef 0123 4567 89AB CDEF 0123 4567"));
        assert!(!counts(&good, &key[..39]) && !counts(&good, ""));
        let ssh = signed(Some("good"), "SHA256:abcDEF");
        assert!(counts(&ssh, "SHA256:abcDEF") && !counts(&ssh, "SHA256:ABCDEF"), "these tell cases apart");
    }
}

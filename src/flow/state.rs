//! The run so far: the journal folded from the top, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::breaker::Breaker;
use super::check_request::CheckRequest;
use super::parts::{Asked, Base, Carried, CheckEnded, TurnEnded, Verdict};
use super::reason::{Reason, ReasonCode};
use super::request::{Act, DispatchFact, SaveRequest, TurnRequest};
use super::retry::Retry;
use super::survey::Survey;
use super::usage::Usage;
use crate::ticket::TicketId;

/// How a run stands as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// No run has begun in this worktree.
    #[default]
    None,
    /// It goes on.
    Open,
    /// It came to its end.
    Completed,
    /// An operator ended it.
    Stopped,
}

/// The run so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// How it stands as a whole.
    pub life: Life,
    /// The run's branch, as a full name; none where HEAD is detached.
    pub branch: Option<String>,
    /// The ticket that is worked on.
    pub current: Option<TicketId>,
    /// Turns started, commit turns included.
    pub turns: u32,
    /// The agents' own time.
    pub active_ms: u64,
    /// Turns granted on top of the limit.
    pub granted_turns: u64,
    /// Time granted on top of the limit.
    pub granted_ms: u64,
    /// What agents reported that they used.
    pub usage: Usage,
    /// Tokens granted on top of the limit.
    pub granted_tokens: u64,
    /// Millionths of a US dollar granted on top of the limit.
    pub granted_cost: u64,
    /// How the breaker stands.
    pub breaker: Breaker,
    /// The limit that refused the last turn.
    pub limit: Option<Refusal>,
    /// Reasons that nothing has answered.
    pub standing: Vec<Stands>,
    /// The reason of the last pause that does not stand, until a turn starts.
    pub last_pause: Option<Reason>,
    /// What each ticket has been through.
    pub tickets: BTreeMap<TicketId, TicketState>,
    /// The user's changes that were accepted: path and digest.
    pub accepted: BTreeMap<String, String>,
    /// Work that the worktree's last run left to the current ticket: path and digest.
    pub inherited: BTreeMap<String, String>,
    /// Ticket files that operators' decisions changed.
    pub decided: BTreeSet<String>,
    /// Decisions that were served or refused.
    pub served: BTreeSet<String>,
    /// Those that were refused, with the reason.
    pub refused: BTreeMap<String, String>,
    /// Numbers of checks so far.
    pub checks: u32,
    /// Untracked files that first appeared while a check ran, and that no turn has changed since.
    pub droppings: BTreeSet<String>,
    /// Numbers of saves so far.
    pub saves: u32,
    /// Why git could not do turnstile's own part just now.
    pub git_failure: Option<String>,
    /// A reply that appeared during a turn, by its stamp.
    pub suspect: Option<String>,
    /// Agents' own project settings that turns of this run changed: path and the digests of what they made of it.
    pub agent_settings: BTreeMap<String, BTreeSet<String>>,
    /// The commit that HEAD named as the last turn ended.
    pub last_head: Option<String>,
    pub(super) stage: Stage,
    pub(super) acting: Option<Acting>,
}

/// A limit that refused a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which one.
    pub code: ReasonCode,
    /// The ticket, where the limit is a ticket's.
    pub ticket: Option<TicketId>,
    /// What an answer grants once more: turns, milliseconds, tokens, or millionths of a US dollar.
    pub amount: u64,
    /// The limit in force.
    pub in_force: u64,
}

/// A reason that stands until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// The ticket, or the run itself.
    pub ticket: Option<TicketId>,
    /// Why.
    pub reason: Reason,
    /// The digest of the ticket's text at that time.
    pub digest: Option<String>,
}

/// What one ticket has been through in this run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketState {
    /// Turns, without those that only asked for a commit.
    pub turns: u32,
    /// Turns granted on top of its own limit.
    pub granted_turns: u64,
    /// The agents' own time.
    pub active_ms: u64,
    /// Invalid tickets and dispatches in a row.
    pub lint_failures: u32,
    /// Claims whose checks were not met in a row.
    pub verify_failures: u32,
    /// What the checks of its claim found.
    pub verified: Option<Verified>,
    /// How often each check changed tracked files since the last turn began.
    pub rewrites: BTreeMap<String, u32>,
    /// How often what the checks found stopped to hold since the last turn began.
    pub stale: u32,
    /// Claims on an unclean tree in a row.
    pub commit_failures: u32,
    /// What its agents reported that they used.
    pub usage: Usage,
    /// Tokens granted on top of its own limit.
    pub granted_tokens: u64,
    /// Millionths of a US dollar granted on top of its own limit.
    pub granted_cost: u64,
    /// Turns in a row that moved nothing.
    pub idle_turns: u32,
    /// Retries of one failed turn, in a row.
    pub retries: u32,
    /// The retry that its next turn is.
    pub retry: Option<Retry>,
    /// Whether a claim waits to be judged to its end.
    pub claim: bool,
    /// Replies that no turn that succeeded has quoted.
    pub replies: Vec<u32>,
    /// The open question.
    pub question: Option<DispatchFact>,
    /// Paths outside `.tickets/` that its turns changed.
    pub work: BTreeSet<String>,
    /// Paths inside `.tickets/` that are its paperwork.
    pub paperwork: BTreeSet<String>,
    /// Commits that its turns or turnstile made for it.
    pub commits: BTreeSet<String>,
    /// What the next prompt tells the agent.
    pub feedback: Vec<Feedback>,
    /// The top of git's stash as its last turn began that was not only for the commit.
    pub stash: Option<String>,
    /// The kept tree after its last turn.
    pub after: Option<String>,
    /// The number of its last turn.
    pub last_turn: Option<u32>,
    /// What was its work when a person decided that it is done, until a turn starts.
    pub left_behind: BTreeSet<String>,
    /// Paths that were undone since, with the kept tree that has what they were given.
    pub undone: BTreeMap<String, String>,
    /// What was decided about its next turn.
    pub approval: Option<Approval>,
    /// The approval that was asked for and not answered.
    pub asked: Option<AskedFor>,
    /// The digests of command lines that turns wrote in it.
    pub written: BTreeSet<String>,
    /// Paths outside `.tickets/` that its turns changed, and where they were before.
    pub bases: BTreeMap<String, Base>,
    /// Contents of such paths that a person lets stand, by digest.
    pub scope_approved: BTreeMap<String, BTreeSet<String>>,
    /// Contents of such paths that a person does not.
    pub scope_rejected: BTreeMap<String, BTreeSet<String>>,
}

/// What somebody decided about a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whether it may go on.
    pub approved: bool,
    /// Who decided.
    pub by: String,
    /// The ticket as that person saw it, and what turns made of it since.
    pub what: Asked,
}

/// A request for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedFor {
    /// What is asked for.
    pub what: Asked,
    /// Whether the request was committed, as far as git lets it.
    pub committed: bool,
}

/// What the checks of a claim found; it holds for this tree and these checks alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The tree that they saw.
    pub tree: String,
    /// The digest of what was asked for.
    pub contract: String,
    /// What each found so far.
    pub results: Vec<CheckEnded>,
}

/// Something that the next prompt tells the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// The kind of the event behind it.
    pub kind: &'static str,
    /// What was judged and why it did not pass.
    pub text: String,
    /// Turns that are still asked for.
    pub left: Option<u32>,
}

/// Where the current step stands. Each variant carries what the next decision needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Stage {
    #[default]
    Idle,
    Turning(TurnRequest),
    Judging(Box<Judging>),
}

/// A turn that is not judged to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Judging {
    /// What was asked of it.
    pub request: TurnRequest,
    /// How it ended.
    pub ended: TurnEnded,
    /// Which kind of end that was.
    pub end: EndKind,
    /// The row at which judging goes on.
    pub row: u8,
    /// The message that was archived.
    pub dispatch: Option<DispatchFact>,
    /// The faults of the message that could not be.
    pub dispatch_faults: Option<Vec<String>>,
    /// The faults of its own ticket, which was put back.
    pub ticket_faults: Option<Vec<String>>,
    /// How often something was put back.
    pub restores: u32,
    /// Paths that were put back as a whole.
    pub put_back: BTreeSet<String>,
    /// The hook's output, where one refused turnstile's own commit.
    pub refused: Option<String>,
    /// The conclusion, once there is one, with the chores that are left.
    pub verdict: Option<Verdict>,
    /// The finishing commit, once it is made.
    pub finished: Option<Finished>,
    /// Replies to its ticket that were taken in before its message was, so that none of them answers it.
    pub unasked: Vec<u32>,
    /// Paths that a person wants put back, until they are.
    pub to_put_back: BTreeSet<String>,
    /// Paths of `.tickets/`, and of the user's, that checks of its claim changed.
    pub checked: BTreeSet<String>,
    /// Who rejected what the turn changed outside of what it may change.
    pub rejected_by: Option<String>,
}

impl Judging {
    /// Whether nobody has begun to judge it.
    pub fn is_new(&self) -> bool {
        self.row == 0 && self.verdict.is_none() && self.finished.is_none()
    }
}

/// What finishes a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The commit; none where nothing was left to commit.
    pub commit: Option<String>,
    /// Its tree.
    pub tree: Option<String>,
}

/// The kinds of end that a turn can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// `turn.finished`
    Finished,
    /// `turn.failed`
    Failed,
    /// `turn.timed_out`
    TimedOut,
    /// `turn.interrupted`
    Interrupted,
}

/// An effect that was begun and not settled, other than a turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Acting {
    Save(SaveRequest),
    Check(CheckRequest),
    Act(Act),
}

/// An event that cannot follow the journal before it.
#[derive(Debug, thiserror::Error)]
#[error("the event {kind} cannot follow what the journal says before it")]
pub struct OutOfOrder {
    /// The event's kind.
    pub kind: String,
}

/// What the driver may look at: while an effect is in flight nothing but its own evidence.
pub enum Phase<'a> {
    /// A turn is in flight.
    Turning(&'a TurnRequest),
    /// A commit is in flight.
    Saving(&'a SaveRequest),
    /// A check is in flight.
    Checking(&'a CheckRequest),
    /// A small effect is in flight.
    Acting(&'a Act),
    /// Nothing is.
    Quiet(Quiet<'a>),
}

/// A run with nothing in flight. Only [`RunState::phase`] makes one.
#[derive(Clone, Copy)]
pub struct Quiet<'a> {
    pub(super) run: &'a RunState,
}

impl<'a> Quiet<'a> {
    /// The run.
    pub fn run(self) -> &'a RunState {
        self.run
    }

    /// The turn that is not judged to its end.
    pub fn judging(self) -> Option<&'a Judging> {
        self.run.judging()
    }
}

impl RunState {
    /// What the driver may look at.
    pub fn phase(&self) -> Phase<'_> {
        match (&self.acting, &self.stage) {
            (Some(Acting::Save(save)), _) => Phase::Saving(save),
            (Some(Acting::Check(check)), _) => Phase::Checking(check),
            (Some(Acting::Act(act)), _) => Phase::Acting(act),
            (None, Stage::Turning(request)) => Phase::Turning(request),
            (None, Stage::Idle | Stage::Judging(_)) => Phase::Quiet(Quiet { run: self }),
        }
    }

    /// The turn in flight.
    pub fn turning(&self) -> Option<&TurnRequest> {
        match &self.stage {
            Stage::Turning(request) => Some(request),
            Stage::Idle | Stage::Judging(_) => None,
        }
    }

    /// The turn that is not judged to its end.
    pub fn judging(&self) -> Option<&Judging> {
        match &self.stage {
            Stage::Judging(judging) => Some(judging),
            Stage::Idle | Stage::Turning(_) => None,
        }
    }

    /// Whether a step has come to its end: nothing in flight and nothing unjudged.
    pub fn at_rest(&self) -> bool {
        self.stage == Stage::Idle && self.acting.is_none()
    }

    /// The reason that is shown: the operator's first, then the run's, then the ticket's.
    pub fn shown(&self) -> Option<&Stands> {
        self.standing
            .iter()
            .min_by_key(|stands| (stands.reason.code != ReasonCode::OperatorPause, stands.ticket.is_some()))
    }

    /// What a ticket has been through.
    pub fn ticket(&self, id: &TicketId) -> TicketState {
        self.tickets.get(id).cloned().unwrap_or_default()
    }

    /// What this run leaves to the next one.
    pub fn carry(&self, survey: &Survey) -> Carried {
        let questions = self
            .standing
            .iter()
            .filter(|stands| matches!(stands.reason.code, ReasonCode::UserDispatch | ReasonCode::Tampered))
            .filter_map(|stands| Some((stands.ticket.clone()?, stands.reason.clone())))
            .collect();
        let replies = self
            .tickets
            .iter()
            .filter(|(_, ticket)| !ticket.replies.is_empty())
            .map(|(id, ticket)| (id.clone(), ticket.replies.clone()))
            .collect();
        let work = self.current.as_ref().map(|current| {
            let owned = self.ticket(current).work;
            let lies = survey.changes.iter().filter(|(path, digest)| {
                let as_left = owned.contains(*path) && survey.as_left.contains(*path);
                as_left || self.inherited.get(*path) == Some(digest)
            });
            (current.clone(), lies.map(|(path, digest)| (path.clone(), digest.clone())).collect())
        });
        let lies = |path: &&String| {
            survey
                .tickets_changes
                .keys()
                .any(|change| *path == change || path.ends_with('/') && change.starts_with(*path))
        };
        let paperwork = self
            .tickets
            .iter()
            .map(|(id, ticket)| (id.clone(), ticket.paperwork.iter().filter(lies).cloned().collect::<Vec<_>>()))
            .filter(|(_, paths)| !paths.is_empty())
            .collect();
        let droppings = self.droppings.iter().filter(|path| survey.changes.contains_key(*path)).cloned().collect();
        let written = self.tickets.iter().filter(|(_, ticket)| !ticket.written.is_empty());
        let written = written.map(|(id, ticket)| (id.clone(), ticket.written.clone())).collect();
        let bases = self.current.as_ref().map(|current| self.bases_of_work(current, work.as_ref())).unwrap_or_default();
        Carried { questions, replies, work, paperwork, droppings, written, bases }
    }

    /// Where the work that is left was before the turns of its ticket, and whatever else waits for a decision.
    fn bases_of_work(
        &self,
        current: &TicketId,
        work: Option<&(TicketId, BTreeMap<String, String>)>,
    ) -> BTreeMap<String, Base> {
        let state = self.ticket(current);
        let asked = |path: &String| state.asked.as_ref().is_some_and(|asked| asked.what.paths.contains_key(path));
        let lies = |path: &String| work.is_some_and(|(_, work)| work.contains_key(path));
        state
            .bases
            .iter()
            .filter(|(path, _)| lies(path) || asked(path))
            .map(|(path, base)| (path.clone(), base.clone()))
            .collect()
    }

    /// The state in which the next run of this worktree begins; no run is open in it.
    #[must_use]
    pub fn successor(&self, survey: &Survey) -> Self {
        let mut next = Self::default();
        next.begin(None, &self.carry(survey));
        next.life = Life::None;
        if survey.tickets.iter().all(|ticket| ticket.done || ticket.hold.is_some()) {
            // Nothing starts by them, and the end of the run in which they came about is told as that.
            next.agent_settings.clone_from(&self.agent_settings);
        }
        next
    }
}

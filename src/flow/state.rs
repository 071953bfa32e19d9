//! The run so far: the journal folded from the top, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{ActBegun, Begun, Carried, Event, Outcome, SaveBegun, TurnEnded, Verdict};
use super::reason::{Reason, ReasonCode};
use super::request::{Act, DispatchFact, SavePurpose, SaveRequest, TurnRequest};
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
    pub granted_turns: u32,
    /// How often the limit of time was granted once more.
    pub granted_time: u32,
    /// The limit that refused the last turn.
    pub limit: Option<(ReasonCode, Option<TicketId>)>,
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
    /// Decisions that were served.
    pub served: BTreeSet<String>,
    /// Numbers of saves so far.
    pub saves: u32,
    /// Why git could not do turnstile's own part just now.
    pub git_failure: Option<String>,
    /// A reply that appeared during a turn, by its stamp.
    pub suspect: Option<String>,
    /// The commit that HEAD named as the last turn ended.
    pub last_head: Option<String>,
    /// What the last verdict came to.
    pub last: Option<Outcome>,
    pub(super) stage: Stage,
    pub(super) acting: Option<Acting>,
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
    pub granted_turns: u32,
    /// The agents' own time.
    pub active_ms: u64,
    /// Invalid tickets and dispatches in a row.
    pub lint_failures: u32,
    /// Claims on an unclean tree in a row.
    pub commit_failures: u32,
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
    /// The kept tree after its last turn.
    pub after: Option<String>,
    /// The kept tree before its first turn.
    pub first_before: Option<String>,
    /// The number of its last turn.
    pub last_turn: Option<u32>,
    /// Turns that were interrupted without a record, in a row.
    pub interrupted: u32,
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
    /// Whether something was put back.
    pub restored: bool,
    /// The hook's output, where one refused turnstile's own commit.
    pub refused: Option<String>,
    /// The conclusion, once there is one, with the chores that are left.
    pub verdict: Option<Verdict>,
    /// The finishing commit, once it is made.
    pub finished: Option<Finished>,
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
    pub fn carry(&self, changes: &BTreeMap<String, String>) -> Carried {
        let questions = self
            .standing
            .iter()
            .filter(|stands| stands.reason.code == ReasonCode::UserDispatch)
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
            let lies = changes
                .iter()
                .filter(|(path, digest)| owned.contains(*path) || self.inherited.get(*path) == Some(digest));
            (current.clone(), lies.map(|(path, digest)| (path.clone(), digest.clone())).collect())
        });
        let paperwork = self
            .tickets
            .iter()
            .filter(|(_, ticket)| !ticket.paperwork.is_empty())
            .map(|(id, ticket)| (id.clone(), ticket.paperwork.iter().cloned().collect()))
            .collect();
        Carried { questions, replies, work, paperwork }
    }

    /// The state in which the next run of this worktree begins; no run is open in it.
    #[must_use]
    pub fn successor(&self, changes: &BTreeMap<String, String>) -> Self {
        let mut next = Self::default();
        next.begin(None, &self.carry(changes));
        next.life = Life::None;
        next
    }

    /// Folds one event in. The journal is the only caller.
    pub fn apply(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        match event {
            Event::RunStarted { branch, carried, .. } => self.begin(branch.as_ref(), carried),
            Event::RunPaused { ticket, reason, digest } => self.pause(ticket.as_ref(), reason, digest.as_ref()),
            Event::RunResumed { ticket, reason, branch, .. } => self.resume(ticket.as_ref(), *reason, branch.as_ref()),
            Event::RunCompleted { .. } => self.life = Life::Completed,
            Event::RunStopped { .. } => self.life = Life::Stopped,
            Event::TicketSelected { ticket } => {
                if self.current.as_ref() != Some(ticket) {
                    self.inherited.retain(|_, _| self.current.is_none());
                }
                self.current = Some(ticket.clone());
            }
            Event::TicketDone { ticket, by, .. } => self.finish(ticket, by.is_some()),
            Event::TicketReopened { ticket, .. } => {
                self.acting = None;
                self.decided.insert(ticket.path());
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.claim = false;
                self.clear_counters(ticket);
                self.drop_reasons_of(ticket);
            }
            Event::TurnStarted(request) => return self.start_turn(request, event),
            Event::TurnFinished(ended) => return self.end_turn(ended, EndKind::Finished, event),
            Event::TurnFailed(ended) => return self.end_turn(ended, EndKind::Failed, event),
            Event::TurnTimedOut(ended) => return self.end_turn(ended, EndKind::TimedOut, event),
            Event::TurnInterrupted(ended) => return self.end_turn(ended, EndKind::Interrupted, event),
            Event::HeadAdopted { branch, to, .. } => {
                self.acting = None;
                let text = format!(
                    "HEAD was elsewhere after your turn; `{branch}` was brought forward to {to} and is checked out again"
                );
                self.tell_judged("head.adopted", text, None);
            }
            Event::ClaimMade { ticket, .. } => self.tickets.entry(ticket.clone()).or_default().claim = true,
            Event::ClaimRevoked { ticket, why } => {
                self.acting = None;
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.claim = false;
                state.paperwork.insert(ticket.path());
                state.feedback.push(Feedback {
                    kind: "claim.revoked",
                    text: format!("`done: true` was taken back: {why}"),
                    left: None,
                });
                self.chore_done(|chore| matches!(chore, super::event::Chore::Revoke));
            }
            Event::OutboxArchived { ticket, path, dispatch, .. } => {
                self.acting = None;
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.paperwork.insert(format!("{path}/"));
                if dispatch.pause {
                    state.question = Some(dispatch.clone());
                }
                if let Stage::Judging(judging) = &mut self.stage {
                    judging.dispatch = Some(dispatch.clone());
                    judging.dispatch_faults = None;
                }
            }
            Event::OutboxInvalid { faults, .. } => {
                if let Stage::Judging(judging) = &mut self.stage {
                    judging.dispatch_faults = Some(faults.clone());
                }
            }
            Event::ReplyConsumed { ticket, sequence, path, spooled, confirmed } => {
                self.acting = None;
                self.suspect = None;
                if let Some(id) = spooled {
                    self.served.insert(id.clone());
                }
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.paperwork.insert(format!("{path}/"));
                if *confirmed {
                    state.replies.push(*sequence);
                    state.question = None;
                    self.clear_counters(ticket);
                }
            }
            Event::ReplyDelivered { ticket, sequences, .. } => {
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.replies.retain(|sequence| !sequences.contains(sequence));
            }
            Event::LintFailed { ticket, faults, left, .. } => {
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.lint_failures += 1;
                state.feedback.push(Feedback { kind: "lint.failed", text: faults.join("\n"), left: Some(*left) });
            }
            Event::ContractRestored { ticket, items, .. } => self.restored(ticket, items),
            Event::CommitRequired { ticket, paths, output, left, .. } => {
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.commit_failures += 1;
                let mut text = String::from("the claim was met, and its work is not committed");
                for path in paths {
                    text.push_str("\n  ");
                    text.push_str(path);
                }
                if let Some(output) = output {
                    text.push_str("\na git hook refused the commit:\n");
                    text.push_str(output);
                }
                state.feedback.push(Feedback { kind: "commit.required", text, left: Some(*left) });
            }
            Event::CommitMade { ticket, purpose, commit, tree } => {
                self.saved(ticket.as_ref(), *purpose, Some((commit, tree)));
            }
            Event::CommitFailed { ticket, purpose, why, hook } => self.not_saved(ticket.as_ref(), *purpose, why, *hook),
            Event::CheckpointMade { ticket, commit, .. } => {
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.commits.insert(commit.clone());
                if matches!(self.acting, Some(Acting::Save(_))) {
                    self.acting = None;
                    self.chore_done(|chore| matches!(chore, super::event::Chore::Checkpoint));
                }
            }
            Event::CheckpointFailed { ticket, why, .. } => {
                self.acting = None;
                self.chore_done(|chore| matches!(chore, super::event::Chore::Checkpoint));
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.feedback.push(Feedback {
                    kind: "checkpoint.failed",
                    text: format!("the checkpoint could not be committed to the branch: {why}"),
                    left: None,
                });
            }
            Event::LimitReached { ticket, limit } => self.limit = Some((*limit, ticket.clone())),
            Event::WorktreeAccepted { paths } => self.accepted.extend(paths.clone()),
            Event::DecisionStored { id, .. } => {
                self.served.insert(id.clone());
            }
            Event::EffectBegun(begun) => return self.begin_effect(begun, event),
            Event::EffectFinished { effect, path, .. } => self.finish_effect(effect, path.as_deref()),
            Event::TurnAdopted { .. } | Event::JournalRepaired { .. } | Event::Unknown => {}
        }
        Ok(())
    }

    fn begin(&mut self, branch: Option<&String>, carried: &Carried) {
        *self = Self { life: Life::Open, branch: branch.cloned(), ..Self::default() };
        for (ticket, reason) in &carried.questions {
            let question = serde_json::from_value(reason.details.clone()).ok();
            self.tickets.entry(ticket.clone()).or_default().question = question;
            self.standing.push(Stands { ticket: Some(ticket.clone()), reason: reason.clone(), digest: None });
        }
        for (ticket, replies) in &carried.replies {
            self.tickets.entry(ticket.clone()).or_default().replies.clone_from(replies);
        }
        for (ticket, paths) in &carried.paperwork {
            self.tickets.entry(ticket.clone()).or_default().paperwork.extend(paths.iter().cloned());
        }
        if let Some((ticket, work)) = &carried.work {
            self.current = Some(ticket.clone());
            self.inherited.clone_from(work);
        }
    }

    fn pause(&mut self, ticket: Option<&TicketId>, reason: &Reason, digest: Option<&String>) {
        if reason.code.stands() {
            self.standing.retain(|stands| stands.reason.code != reason.code || stands.ticket.as_ref() != ticket);
            self.standing.push(Stands { ticket: ticket.cloned(), reason: reason.clone(), digest: digest.cloned() });
        } else {
            self.last_pause = Some(reason.clone());
        }
    }

    fn resume(&mut self, ticket: Option<&TicketId>, code: ReasonCode, branch: Option<&String>) {
        self.standing.retain(|stands| stands.reason.code != code || stands.ticket.as_ref() != ticket);
        if let Some(branch) = branch {
            self.branch = (!branch.is_empty()).then(|| branch.clone());
        }
        match code {
            ReasonCode::LimitTotalTurns => self.granted_turns += 1,
            ReasonCode::LimitTime => self.granted_time += 1,
            ReasonCode::LimitTurns => {
                if let Some(ticket) = ticket {
                    self.tickets.entry(ticket.clone()).or_default().granted_turns += 1;
                }
            }
            _ => {}
        }
        if code.exit() == 5 {
            self.limit = None;
        }
        if let Some(ticket) = ticket {
            self.clear_counters(ticket);
        }
    }

    fn finish(&mut self, ticket: &TicketId, by_operator: bool) {
        if by_operator {
            self.acting = None;
            self.decided.insert(ticket.path());
        }
        self.drop_reasons_of(ticket);
        let state = self.tickets.entry(ticket.clone()).or_default();
        state.claim = false;
        state.question = None;
        state.feedback.clear();
        state.work.clear();
        if !by_operator {
            state.paperwork.clear();
            self.decided.clear();
        }
        let judged = self.judging().is_some_and(|judging| judging.request.ticket == *ticket);
        if judged && !by_operator {
            self.stage = Stage::Idle;
            self.last = Some(Outcome::TicketDone);
        }
        if self.current.as_ref() == Some(ticket) {
            self.current = None;
            self.inherited.clear();
        }
    }

    fn start_turn(&mut self, request: &TurnRequest, event: &Event) -> Result<(), OutOfOrder> {
        if self.stage != Stage::Idle || self.life != Life::Open {
            return Err(OutOfOrder::of(event));
        }
        self.turns = request.turn;
        self.last_pause = None;
        self.limit = None;
        self.git_failure = None;
        let state = self.tickets.entry(request.ticket.clone()).or_default();
        state.turns += u32::from(!request.commit_only);
        state.last_turn = Some(request.turn);
        self.stage = Stage::Turning(request.clone());
        Ok(())
    }

    fn end_turn(&mut self, ended: &TurnEnded, end: EndKind, event: &Event) -> Result<(), OutOfOrder> {
        let Stage::Turning(request) = &self.stage else { return Err(OutOfOrder::of(event)) };
        let request = request.clone();
        self.active_ms += ended.duration_ms;
        if ended.reply.is_some() {
            self.suspect.clone_from(&ended.reply);
        }
        self.last_head.clone_from(&ended.head);
        let state = self.tickets.entry(request.ticket.clone()).or_default();
        state.commits.extend(ended.commits.iter().cloned());
        state.active_ms += ended.duration_ms;
        for path in &ended.changed {
            if path.starts_with(".tickets/") {
                state.paperwork.insert(path.clone());
            } else {
                state.work.insert(path.clone());
            }
        }
        if state.first_before.is_none() {
            state.first_before.clone_from(&ended.before);
        }
        if ended.after.is_some() {
            state.after.clone_from(&ended.after);
        }
        match end {
            EndKind::Finished => {
                state.feedback.clear();
                state.interrupted = 0;
            }
            EndKind::Interrupted => {
                state.interrupted += 1;
                let mut text =
                    String::from("your last turn was interrupted; what it left lies in the worktree as it was");
                for path in &ended.changed {
                    text.push_str("\n  ");
                    text.push_str(path);
                }
                state.feedback.push(Feedback { kind: "turn.interrupted", text, left: None });
            }
            EndKind::Failed | EndKind::TimedOut => {
                let why = ended.why.clone().unwrap_or_else(|| "it failed".into());
                state.feedback.push(Feedback {
                    kind: "turn.failed",
                    text: format!("your last turn did not end well: {why}"),
                    left: None,
                });
            }
        }
        self.stage = Stage::Judging(Box::new(Judging {
            request,
            ended: ended.clone(),
            end,
            row: 0,
            dispatch: None,
            dispatch_faults: None,
            ticket_faults: None,
            restored: false,
            refused: None,
            verdict: None,
            finished: None,
        }));
        Ok(())
    }

    fn restored(&mut self, ticket: &TicketId, items: &[super::request::PutBack]) {
        self.acting = None;
        let state = self.tickets.entry(ticket.clone()).or_default();
        let mut text = String::from("turnstile put back what a turn may not change");
        let mut own = None;
        for item in items {
            state.paperwork.insert(item.path.clone());
            text.push_str("\n  ");
            text.push_str(&item.path);
            text.push_str(": ");
            text.push_str(&item.why);
            if item.unreadable {
                own = Some(item.why.clone());
            }
        }
        state.feedback.push(Feedback { kind: "contract.restored", text, left: None });
        if let Stage::Judging(judging) = &mut self.stage {
            judging.restored = true;
            if let Some(why) = own {
                judging.ticket_faults = Some(vec![why]);
            }
        }
    }

    fn begin_effect(&mut self, begun: &Begun, event: &Event) -> Result<(), OutOfOrder> {
        if self.acting.is_some() {
            return Err(OutOfOrder::of(event));
        }
        match begun {
            Begun::Verdict(verdict) => {
                let Stage::Judging(judging) = &mut self.stage else { return Err(OutOfOrder::of(event)) };
                judging.verdict = Some(verdict.clone());
                judging.row = verdict.row;
            }
            Begun::Save(SaveBegun { save, .. }) => {
                self.saves = self.saves.max(save.attempt);
                self.git_failure = None;
                self.acting = Some(Acting::Save(save.clone()));
            }
            Begun::Act(ActBegun { act, .. }) => self.acting = Some(Acting::Act(act.clone())),
        }
        Ok(())
    }

    fn finish_effect(&mut self, effect: &str, path: Option<&str>) {
        use super::event::Chore;
        match effect {
            "verdict" => self.close_verdict(),
            "request" => {
                self.acting = None;
                if let (Some(path), Some(ticket)) = (path, self.judging().map(|judging| judging.request.ticket.clone()))
                {
                    self.tickets.entry(ticket).or_default().paperwork.insert(format!("{path}/"));
                }
                self.chore_done(|chore| matches!(chore, Chore::Request));
            }
            "paperwork" => {
                self.acting = None;
                self.decided.clear();
                self.chore_done(|chore| matches!(chore, Chore::Paperwork(_)));
            }
            "checkpoint" => {
                self.acting = None;
                self.chore_done(|chore| matches!(chore, Chore::Checkpoint));
            }
            "finish" => {
                self.acting = None;
                if let Stage::Judging(judging) = &mut self.stage {
                    judging.finished = Some(Finished { commit: None, tree: None });
                }
            }
            "keep" => {
                self.acting = None;
                if let (Some(commit), Stage::Judging(judging)) = (path, &mut self.stage) {
                    judging.ended.after = Some(commit.to_owned());
                    let ticket = judging.request.ticket.clone();
                    self.tickets.entry(ticket).or_default().after = Some(commit.to_owned());
                }
            }
            _ => self.acting = None,
        }
    }

    fn close_verdict(&mut self) {
        let Stage::Judging(judging) = &mut self.stage else { return };
        let Some(verdict) = judging.verdict.take() else { return };
        self.last = Some(verdict.outcome);
        match verdict.hold {
            Some(row) => {
                judging.row = row;
                judging.refused = None;
            }
            None => {
                let ticket = judging.request.ticket.clone();
                let valid = judging.ticket_faults.is_none() && judging.dispatch_faults.is_none();
                let claims = judging.end == EndKind::Finished;
                self.stage = Stage::Idle;
                let state = self.tickets.entry(ticket).or_default();
                if valid && claims {
                    state.lint_failures = 0;
                }
                if claims && !state.claim {
                    state.commit_failures = 0;
                }
            }
        }
    }

    fn chore_done(&mut self, which: impl Fn(&super::event::Chore) -> bool) {
        if let Stage::Judging(judging) = &mut self.stage
            && let Some(verdict) = &mut judging.verdict
            && verdict.chores.first().is_some_and(which)
        {
            verdict.chores.remove(0);
        }
    }

    fn saved(&mut self, ticket: Option<&TicketId>, purpose: SavePurpose, made: Option<(&String, &String)>) {
        self.acting = None;
        let commit = made.map(|(commit, _)| commit.clone());
        if let (Some(ticket), Some(commit)) = (ticket, &commit) {
            self.tickets.entry(ticket.clone()).or_default().commits.insert(commit.clone());
        }
        match purpose {
            SavePurpose::Finish => {
                if let Stage::Judging(judging) = &mut self.stage {
                    judging.finished = Some(Finished { commit, tree: made.map(|(_, tree)| tree.clone()) });
                }
            }
            SavePurpose::Paperwork => {
                self.decided.clear();
                self.chore_done(|chore| matches!(chore, super::event::Chore::Paperwork(_)));
            }
            SavePurpose::Checkpoint => self.chore_done(|chore| matches!(chore, super::event::Chore::Checkpoint)),
            SavePurpose::Keep => {}
        }
    }

    fn not_saved(&mut self, ticket: Option<&TicketId>, purpose: SavePurpose, why: &str, hook: bool) {
        self.acting = None;
        match (purpose, hook, &mut self.stage) {
            (SavePurpose::Finish, true, Stage::Judging(judging)) => judging.refused = Some(why.to_owned()),
            _ => {
                let of = ticket.map(|ticket| format!("{ticket}: ")).unwrap_or_default();
                self.git_failure = Some(format!("{of}{why}"));
            }
        }
    }

    fn tell_judged(&mut self, kind: &'static str, text: String, left: Option<u32>) {
        if let Some(ticket) = self.judging().map(|judging| judging.request.ticket.clone()) {
            self.tickets.entry(ticket).or_default().feedback.push(Feedback { kind, text, left });
        }
    }

    fn clear_counters(&mut self, ticket: &TicketId) {
        let state = self.tickets.entry(ticket.clone()).or_default();
        state.lint_failures = 0;
        state.commit_failures = 0;
        state.interrupted = 0;
    }

    fn drop_reasons_of(&mut self, ticket: &TicketId) {
        self.standing.retain(|stands| stands.ticket.as_ref() != Some(ticket));
    }
}

impl OutOfOrder {
    fn of(event: &Event) -> Self {
        Self { kind: event.columns().2 }
    }
}

//! The fold: what each line of the journal does to the state. The journal is the only caller.

use std::collections::BTreeSet;

use super::breaker::{self, Breaker};

use super::event::Event;
use super::parts::{ActBegun, Base, Begun, Carried, Chore, Outcome, SaveBegun, TurnEnded};
use super::reason::{Reason, ReasonCode};
use super::request::{PutBack, SavePurpose, TurnRequest};
use super::state::{
    Acting, Approval, AskedFor, EndKind, Feedback, Finished, Judging, Life, OutOfOrder, Refusal, RunState, Stage,
    Stands, TicketState,
};
use crate::ticket::{TicketId, is_ticket_path};

impl RunState {
    /// Folds one event in. The journal is the only caller.
    pub fn apply(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        match event {
            Event::RunStarted { branch, carried, .. } => self.begin(branch.as_ref(), carried),
            Event::RunPaused { ticket, reason, digest } => self.pause(ticket.as_ref(), reason, digest.as_ref()),
            Event::RunResumed { ticket, reason, branch, granted, .. } => {
                self.resume(ticket.as_ref(), *reason, branch.as_ref());
                self.grant(ticket.as_ref(), *reason, granted.unwrap_or_default());
            }
            Event::RunCompleted { .. } => self.life = Life::Completed,
            Event::RunStopped { .. } => self.life = Life::Stopped,
            Event::WorkParked { .. } => self.begin_again(),
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
                state.approval = None;
                state.asked = None;
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
                self.chore_done(|chore| matches!(chore, Chore::Revoke));
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
            Event::ReplyConsumed { ticket, sequence, path, spooled, confirmed, .. } => {
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
                    self.last_pause.take_if(|reason| reason.code == ReasonCode::AgentFailed);
                    if let Stage::Judging(judging) = &mut self.stage
                        && judging.request.ticket == *ticket
                        && judging.dispatch.is_none()
                    {
                        judging.unasked.push(*sequence);
                    }
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
            Event::ContractRestored { ticket, rejected: true, paths, .. } => self.put_back(ticket, paths),
            Event::ContractRestored { ticket, items, .. } => self.restored(ticket, items),
            Event::VerifyStarted(request) => return self.start_check(request, event),
            Event::VerifyFinished(ended) => self.end_check(ended),
            Event::VerifyStale { ticket, .. } => {
                self.acting = None;
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.verified = None;
                state.stale += 1;
            }
            Event::CommitRequired { ticket, paths, output, left, .. } => {
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.verify_failures = 0;
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
                    self.chore_done(|chore| matches!(chore, Chore::Checkpoint));
                }
            }
            Event::CheckpointFailed { ticket, why, .. } => {
                self.acting = None;
                self.chore_done(|chore| matches!(chore, Chore::Checkpoint));
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.feedback.push(Feedback {
                    kind: "checkpoint.failed",
                    text: format!("the checkpoint could not be committed to the branch: {why}"),
                    left: None,
                });
            }
            Event::ApprovalRequested { ticket, path, asked, .. } => {
                self.acting = None;
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.paperwork.extend(path.iter().map(|path| format!("{path}/")));
                state.asked = Some(AskedFor { what: asked.clone(), committed: false });
            }
            Event::ApprovalResolved { ticket, by, decides } => {
                let state = self.tickets.entry(ticket.clone()).or_default();
                state.asked = None;
                if decides.reason == ReasonCode::ScopePending {
                    self.scope_decided(ticket, by, decides);
                } else {
                    let (approved, by, what) = (decides.approved, by.clone(), decides.what.clone());
                    state.approval = Some(Approval { approved, by, what });
                }
            }
            Event::LimitReached { ticket, limit, amount, in_force } => {
                let (ticket, amount, in_force) = (ticket.clone(), *amount, *in_force);
                self.limit = Some(Refusal { code: *limit, ticket, amount, in_force });
            }
            Event::CircuitOpened { .. } => self.breaker.open = true,
            Event::CircuitClosed {} => self.breaker = Breaker::default(),
            Event::WorktreeAccepted { paths } => self.accepted.extend(paths.clone()),
            Event::DecisionStored { id, refused, .. } => {
                self.served.insert(id.clone());
                if let Some(why) = refused {
                    self.acting = None;
                    self.refused.insert(id.clone(), why.clone());
                }
            }
            Event::UndoMade(made) => self.undone(made),
            Event::EffectBegun(begun) => return self.begin_effect(begun, event),
            Event::EffectFinished { effect, path, changed, tickets, .. } => {
                self.wrote(tickets);
                self.finish_effect(effect, path.as_deref(), changed);
            }
            // That somebody asked for a look is no fact of what is seen.
            Event::TurnAdopted { .. }
            | Event::TriggerReceived { .. }
            | Event::TriggerCoalesced { .. }
            | Event::BranchPublished { .. }
            | Event::BranchFollowed { .. }
            | Event::JournalRepaired { .. }
            | Event::Unknown => {}
        }
        Ok(())
    }

    /// Nothing of what was known of the tickets lies there any more; how much was used stays.
    fn begin_again(&mut self) {
        self.tickets.clear();
        self.standing.clear();
        self.accepted.clear();
        self.inherited.clear();
        self.decided.clear();
        self.droppings.clear();
        (self.current, self.suspect, self.last_pause, self.limit) = (None, None, None, None);
        self.stage = Stage::Idle;
    }

    pub(super) fn begin(&mut self, branch: Option<&String>, carried: &Carried) {
        *self = Self { life: Life::Open, branch: branch.cloned(), ..Self::default() };
        for (ticket, reason) in &carried.questions {
            if reason.code == ReasonCode::UserDispatch {
                let question = serde_json::from_value(reason.details.clone()).ok();
                self.tickets.entry(ticket.clone()).or_default().question = question;
            }
            self.standing.push(Stands { ticket: Some(ticket.clone()), reason: reason.clone(), digest: None });
        }
        for (ticket, replies) in &carried.replies {
            self.tickets.entry(ticket.clone()).or_default().replies.clone_from(replies);
        }
        for (ticket, paths) in &carried.paperwork {
            self.tickets.entry(ticket.clone()).or_default().paperwork.extend(paths.iter().cloned());
        }
        for (ticket, written) in &carried.written {
            self.tickets.entry(ticket.clone()).or_default().written.clone_from(written);
        }
        if let Some((ticket, work)) = &carried.work {
            self.current = Some(ticket.clone());
            self.inherited.clone_from(work);
            self.tickets.entry(ticket.clone()).or_default().bases.clone_from(&carried.bases);
        }
        self.droppings.clone_from(&carried.droppings);
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
        let answered = |stands: &Stands| stands.reason.code == code && stands.ticket.as_ref() == ticket;
        if code == ReasonCode::DirtyConflict {
            // From here on these paths are the ticket's work, whatever lies there.
            for stands in self.standing.iter().filter(|stands| answered(stands)) {
                let paths = stands.reason.details.get("paths").and_then(serde_json::Value::as_array);
                for path in paths.into_iter().flatten().filter_map(serde_json::Value::as_str) {
                    self.accepted.remove(path);
                }
            }
        }
        self.standing.retain(|stands| !answered(stands));
        if let Some(branch) = branch {
            self.branch = (!branch.is_empty()).then(|| branch.clone());
        }
        if let (ReasonCode::VerifyInconclusive, Some(ticket)) = (code, ticket) {
            // Whatever kept them from an answer was mended: all of them are run again.
            let state = self.tickets.entry(ticket.clone()).or_default();
            state.verified = None;
            state.forget_restlessness();
        }
        if code.exit() == 5 {
            self.limit = None;
        }
        if let Some(ticket) = ticket {
            self.clear_counters(ticket);
            if code.answered_by_decision() {
                self.tickets.entry(ticket.clone()).or_default().asked = None;
            }
        }
    }

    fn grant(&mut self, ticket: Option<&TicketId>, code: ReasonCode, amount: u64) {
        let granted = match (code, ticket) {
            (ReasonCode::LimitTotalTurns, _) => &mut self.granted_turns,
            (ReasonCode::LimitTime, _) => &mut self.granted_ms,
            (ReasonCode::LimitTokens, None) => &mut self.granted_tokens,
            (ReasonCode::LimitCost, None) => &mut self.granted_cost,
            (ReasonCode::LimitTokens, Some(ticket)) => {
                &mut self.tickets.entry(ticket.clone()).or_default().granted_tokens
            }
            (ReasonCode::LimitCost, Some(ticket)) => &mut self.tickets.entry(ticket.clone()).or_default().granted_cost,
            (ReasonCode::LimitTurns, Some(ticket)) => {
                &mut self.tickets.entry(ticket.clone()).or_default().granted_turns
            }
            _ => return,
        };
        *granted = granted.saturating_add(amount);
    }

    fn finish(&mut self, ticket: &TicketId, by_operator: bool) {
        if by_operator {
            self.acting = None;
            self.decided.insert(ticket.path());
        }
        self.drop_reasons_of(ticket);
        self.last_pause = None;
        let state = self.tickets.entry(ticket.clone()).or_default();
        state.claim = false;
        state.question = None;
        state.feedback.clear();
        let left = std::mem::take(&mut state.work);
        if by_operator {
            state.left_behind = left;
        }
        state.verified = None;
        state.verify_failures = 0;
        state.approval = None;
        state.asked = None;
        state.bases.clear();
        state.scope_approved.clear();
        state.scope_rejected.clear();
        if self.judging().is_some_and(|judging| judging.request.ticket == *ticket) {
            self.stage = Stage::Idle;
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
        // It starts only where nothing of it lies there any more, or a person took it as it is.
        for state in self.tickets.values_mut() {
            state.left_behind.clear();
        }
        let state = self.tickets.entry(request.ticket.clone()).or_default();
        state.forget_restlessness();
        if !request.commit_only {
            state.turns += 1;
            state.stash.clone_from(&request.stash);
        }
        state.last_turn = Some(request.turn);
        state.retry = None;
        self.stage = Stage::Turning(request.clone());
        Ok(())
    }

    fn end_turn(&mut self, ended: &TurnEnded, end: EndKind, event: &Event) -> Result<(), OutOfOrder> {
        let Stage::Turning(request) = &self.stage else { return Err(OutOfOrder::of(event)) };
        let request = request.clone();
        self.active_ms += ended.duration_ms;
        self.wrote(&ended.tickets);
        if ended.reply.is_some() {
            self.suspect.clone_from(&ended.reply);
        }
        for (path, digest) in &ended.settings {
            self.agent_settings.entry(path.clone()).or_default().insert(digest.clone());
        }
        self.last_head.clone_from(&ended.head);
        for path in &ended.changed {
            self.droppings.remove(path);
        }
        let state = self.tickets.entry(request.ticket.clone()).or_default();
        state.commits.extend(ended.commits.iter().cloned());
        state.active_ms += ended.duration_ms;
        if let Some(usage) = &ended.usage {
            state.usage.add(usage);
            self.usage.add(usage);
        }
        state.own(&ended.changed, &Base { tree: ended.before.clone(), head: request.head.clone() });
        if ended.after.is_some() {
            state.after.clone_from(&ended.after);
            state.undone.clear();
        }
        match end {
            EndKind::Finished => {
                state.feedback.clear();
                self.breaker.failures = 0;
            }
            EndKind::Interrupted => {
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
            restores: 0,
            put_back: BTreeSet::new(),
            refused: None,
            verdict: None,
            finished: None,
            unasked: Vec::new(),
            to_put_back: BTreeSet::new(),
            checked: BTreeSet::new(),
            rejected_by: None,
        }));
        Ok(())
    }

    fn restored(&mut self, ticket: &TicketId, items: &[PutBack]) {
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
            judging.restores += 1;
            let whole = items.iter().filter(|item| item.keys.is_empty());
            judging.put_back.extend(whole.map(|item| item.path.clone()));
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
                self.last_pause = None;
                if verdict.row == 9 && verdict.outcome == Outcome::ClaimRevoked {
                    let ticket = judging.request.ticket.clone();
                    self.tell_unmet(&ticket, verdict.left);
                }
            }
            Begun::Save(SaveBegun { save, .. }) => {
                self.saves = self.saves.max(save.attempt);
                self.git_failure = None;
                self.last_pause = None;
                self.acting = Some(Acting::Save(save.clone()));
            }
            Begun::Act(ActBegun { act, .. }) => self.acting = Some(Acting::Act(act.clone())),
        }
        Ok(())
    }

    fn finish_effect(&mut self, effect: &str, path: Option<&str>, changed: &[String]) {
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
                self.requests_committed();
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
                    judging.ended.changed.extend(changed.iter().cloned());
                    judging.ended.changed.sort();
                    judging.ended.changed.dedup();
                    let state = self.tickets.entry(judging.request.ticket.clone()).or_default();
                    state.after = Some(commit.to_owned());
                    state
                        .own(changed, &Base { tree: judging.ended.before.clone(), head: judging.request.head.clone() });
                    state.undone.clear();
                }
            }
            _ => self.acting = None,
        }
    }

    fn close_verdict(&mut self) {
        let Stage::Judging(judging) = &mut self.stage else { return };
        let Some(verdict) = judging.verdict.take() else { return };
        if let Some(row) = verdict.hold {
            judging.row = row;
            judging.refused = None;
            return;
        }
        let ticket = judging.request.ticket.clone();
        super::progress::count(self.tickets.entry(ticket.clone()).or_default(), judging, verdict.row);
        super::retry::count(self.tickets.entry(ticket.clone()).or_default(), verdict.retry);
        breaker::count(&mut self.breaker, judging, &verdict);
        let valid = judging.ticket_faults.is_none() && judging.dispatch_faults.is_none();
        let succeeded = judging.end == EndKind::Finished;
        self.stage = Stage::Idle;
        let state = self.tickets.entry(ticket).or_default();
        if valid && succeeded {
            state.lint_failures = 0;
        }
        if succeeded && !state.claim {
            state.commit_failures = 0;
        }
    }

    fn chore_done(&mut self, which: impl Fn(&Chore) -> bool) {
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
                // Not when the ticket is done: what is taken in between the two is in no commit.
                if let Some(ticket) = ticket {
                    self.tickets.entry(ticket.clone()).or_default().paperwork.clear();
                }
                self.decided.clear();
                if let Stage::Judging(judging) = &mut self.stage {
                    judging.finished = Some(Finished { commit, tree: made.map(|(_, tree)| tree.clone()) });
                }
            }
            SavePurpose::Paperwork => {
                self.decided.clear();
                self.requests_committed();
                self.chore_done(|chore| matches!(chore, Chore::Paperwork(_)));
            }
            SavePurpose::Checkpoint => self.chore_done(|chore| matches!(chore, Chore::Checkpoint)),
            SavePurpose::Keep => {}
        }
    }

    fn not_saved(&mut self, ticket: Option<&TicketId>, purpose: SavePurpose, why: &str, hook: bool) {
        self.acting = None;
        if let (SavePurpose::Finish, true, Stage::Judging(judging)) = (purpose, hook, &mut self.stage) {
            judging.refused = Some(why.to_owned());
        } else {
            let of = ticket.map(|ticket| format!("{ticket}: ")).unwrap_or_default();
            self.git_failure = Some(format!("{of}{why}"));
        }
    }

    fn tell_judged(&mut self, kind: &'static str, text: String, left: Option<u32>) {
        if let Some(ticket) = self.judging().map(|judging| judging.request.ticket.clone()) {
            self.tickets.entry(ticket).or_default().feedback.push(Feedback { kind, text, left });
        }
    }

    pub(super) fn clear_counters(&mut self, ticket: &TicketId) {
        let state = self.tickets.entry(ticket.clone()).or_default();
        state.lint_failures = 0;
        state.verify_failures = 0;
        state.commit_failures = 0;
        state.idle_turns = 0;
        state.retries = 0;
    }

    fn drop_reasons_of(&mut self, ticket: &TicketId) {
        self.standing
            .retain(|stands| stands.ticket.as_ref() != Some(ticket) || stands.reason.code == ReasonCode::Tampered);
    }
}

impl TicketState {
    /// Paths that its turns changed are its own from then on.
    pub(super) fn own(&mut self, changed: &[String], base: &Base) {
        for path in changed {
            match path.strip_prefix(".tickets/") {
                None => {
                    self.work.insert(path.clone());
                    self.bases.entry(path.clone()).or_insert_with(|| base.clone());
                }
                Some(below) if is_ticket_path(below) || below.starts_with("context/") => {
                    self.paperwork.insert(path.clone());
                }
                // Whatever else a turn leaves there is nobody's paperwork, and never committed by turnstile.
                Some(_) => {}
            }
        }
    }
}

impl OutOfOrder {
    pub(super) fn of(event: &Event) -> Self {
        Self { kind: event.columns().2 }
    }
}

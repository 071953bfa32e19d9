//! What the lines about checks do to the state.

use std::collections::BTreeSet;

use super::check_request::{CheckRequest, CheckVerdict};
use super::event::Event;
use super::parts::{Base, CheckEnded};
use super::state::{Acting, Feedback, Judging, OutOfOrder, RunState, Stage, TicketState, Verified};
use crate::ticket::TicketId;

impl RunState {
    pub(super) fn start_check(&mut self, request: &CheckRequest, event: &Event) -> Result<(), OutOfOrder> {
        if self.acting.is_some() || !matches!(self.stage, Stage::Judging(_)) {
            return Err(OutOfOrder::of(event));
        }
        self.checks = self.checks.max(request.attempt);
        self.last_pause = None;
        self.acting = Some(Acting::Check(request.clone()));
        if let Stage::Judging(judging) = &mut self.stage {
            // What lies behind is judged: a person who edits from here on is no turn.
            judging.row = judging.row.max(9);
        }
        Ok(())
    }

    pub(super) fn end_check(&mut self, ended: &CheckEnded) {
        self.acting = None;
        self.droppings.extend(ended.droppings.iter().cloned());
        if ended.reply.is_some() {
            self.suspect.clone_from(&ended.reply);
        }
        self.wrote(&ended.tickets);
        let (users, work): (Vec<String>, Vec<String>) =
            ended.changed.iter().cloned().partition(|path| self.accepted.contains_key(path));
        // What no turn has changed lay as the last one left it.
        let before = self.judging().map(|judging| (judging.ended.after.clone(), judging.ended.head.clone()));
        let base = before.map(|(tree, head)| Base { tree, head }).unwrap_or_default();
        let state = self.tickets.entry(ended.ticket.clone()).or_default();
        state.own(&[work, ended.paperwork.clone()].concat(), &base);
        state.take_result(ended);
        if let Stage::Judging(judging) = &mut self.stage {
            judging.look_again(ended, users);
        }
    }

    /// A claim was revoked by its checks: the next prompt says by which, and what they printed.
    pub(super) fn tell_unmet(&mut self, ticket: &TicketId, left: Option<u32>) {
        let state = self.tickets.entry(ticket.clone()).or_default();
        state.verify_failures += 1;
        let results = state.verified.take().map(|verified| verified.results).unwrap_or_default();
        for result in results.iter().filter(|result| result.verdict != CheckVerdict::Met) {
            let why = result.why.clone().unwrap_or_else(|| "it did not pass".to_owned());
            let only = if result.required { "" } else { " (it is not required)" };
            let text = format!("`{}`: {why}{only}\n{}", result.check, result.tail);
            state.feedback.push(Feedback { kind: "verify.finished", text: text.trim_end().to_owned(), left });
        }
    }
}

impl Judging {
    /// What a check runs, a turn wrote: what it did beside its answer is judged as if the turn itself had done it, from
    /// the first row that looks at such a thing.
    fn look_again(&mut self, ended: &CheckEnded, users: Vec<String>) {
        if !ended.tampered.is_empty() {
            self.ended.tampered.extend(ended.tampered.iter().cloned());
            self.row = self.row.min(1);
        }
        if ended.moved {
            self.row = self.row.min(2);
        }
        if !users.is_empty() {
            self.row = self.row.min(4);
        }
        if !ended.paperwork.is_empty() {
            self.row = 0;
        }
        let touched: BTreeSet<String> = users.into_iter().chain(ended.paperwork.iter().cloned()).collect();
        self.ended.changed.extend(touched.difference(&self.ended.changed.iter().cloned().collect()).cloned());
        self.checked.extend(touched);
    }
}

impl TicketState {
    /// An answer holds for its tree. One that changed what it looked at, or was cut short, is none.
    fn take_result(&mut self, ended: &CheckEnded) {
        if !ended.changed.is_empty() {
            *self.rewrites.entry(ended.check.clone()).or_insert(0) += 1;
            self.verified = None;
            return;
        }
        if ended.interrupted {
            return;
        }
        let new = || Verified { tree: ended.tree.clone(), contract: ended.contract.clone(), results: Vec::new() };
        let verified = self.verified.get_or_insert_with(new);
        verified.results.retain(|known| known.check != ended.check);
        verified.results.push(ended.clone());
    }

    /// A turn begins, or a person has mended something: checks may change files, and the tree may move, again.
    pub(super) fn forget_restlessness(&mut self) {
        self.rewrites.clear();
        self.stale = 0;
    }
}

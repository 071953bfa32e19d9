//! What the lines about checks do to the state.

use super::event::Event;
use super::parts::{Base, CheckEnded};
use super::request::{CheckRequest, CheckVerdict};
use super::state::{Acting, Feedback, OutOfOrder, RunState, Stage, TicketState, Verified};
use crate::ticket::TicketId;

impl RunState {
    pub(super) fn start_check(&mut self, request: &CheckRequest, event: &Event) -> Result<(), OutOfOrder> {
        if self.acting.is_some() || !matches!(self.stage, Stage::Judging(_)) {
            return Err(OutOfOrder::of(event));
        }
        self.checks = self.checks.max(request.attempt);
        self.check_ended = false;
        self.last_pause = None;
        self.acting = Some(Acting::Check(request.clone()));
        Ok(())
    }

    pub(super) fn end_check(&mut self, ended: &CheckEnded) {
        self.acting = None;
        self.droppings.extend(ended.droppings.iter().cloned());
        // What no turn has changed lay as the last one left it.
        let before = self.judging().map(|judging| (judging.ended.after.clone(), judging.ended.head.clone()));
        let base = before.map(|(tree, head)| Base { tree, head }).unwrap_or_default();
        let state = self.tickets.entry(ended.ticket.clone()).or_default();
        state.own(&ended.changed, &base);
        if !ended.changed.is_empty() {
            *state.rewrites.entry(ended.check.clone()).or_insert(0) += 1;
        }
        let new = || Verified { tree: ended.tree.clone(), contract: ended.contract.clone(), results: Vec::new() };
        let verified = state.verified.get_or_insert_with(new);
        verified.results.retain(|known| known.check != ended.check);
        verified.results.push(ended.clone());
        if let Stage::Judging(judging) = &mut self.stage
            && !ended.tampered.is_empty()
        {
            // What a check runs, a turn wrote: it is looked at as if the turn itself had done it.
            judging.ended.tampered.extend(ended.tampered.iter().cloned());
            judging.row = judging.row.min(1);
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

impl TicketState {
    /// A turn begins, or a person has mended something: checks may change files, and the tree may move, again.
    pub(super) fn forget_restlessness(&mut self) {
        self.rewrites.clear();
        self.stale = 0;
    }
}

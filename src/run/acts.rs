//! The small effects on files. Each may be performed again: a second time changes nothing.

use std::collections::BTreeMap;

use super::approvals::request_text;
use super::contract;
use super::error::RunError;
use super::real::{Real, clear};
use super::scope;
use super::work::Work;
use crate::flow::{Act, Brought, Event, PutBack, RunState, SaveResult, resolved, settle};
use crate::store::{self, Audience, Links, ReplyFrom};
use crate::ticket::{TicketId, set_done};

impl Real<'_> {
    /// Performs a small effect, again if need be, and says what to write down.
    pub(super) fn perform(&mut self, run: &RunState, act: &Act) -> Result<Vec<Event>, RunError> {
        let judged = run.judging().map(|judging| (judging.request.ticket.clone(), judging.request.turn));
        let finished = |effect: &str, path: Option<String>| {
            vec![Event::EffectFinished {
                effect: effect.to_owned(),
                ticket: judged.as_ref().map(|(ticket, _)| ticket.clone()),
                outcome: None,
                path,
                changed: Vec::new(),
                tickets: Vec::new(),
            }]
        };
        let layout = self.workspace.layout.clone();
        Ok(match (act, judged.clone()) {
            (Act::Restore { items }, Some((ticket, turn))) => {
                let run_id = self.run_id()?.to_owned();
                if let Some(judging) = run.judging() {
                    let case = contract::Case { judging, begun: items };
                    contract::restore(self.workspace, &run_id, case)?;
                }
                let undo = |item: &PutBack| contract::undo(self.workspace, &run_id, turn, &item.path);
                let items = items.iter().map(|item| PutBack { undo: undo(item), ..item.clone() }).collect();
                vec![Event::ContractRestored { ticket, turn, items, rejected: false, paths: BTreeMap::new() }]
            }
            (Act::PutBack { paths }, Some((ticket, turn))) => {
                let run_id = self.run_id()?.to_owned();
                let (items, paths) = scope::put_back(self.workspace, &run_id, turn, paths)?;
                vec![Event::ContractRestored { ticket, turn, items, rejected: true, paths }]
            }
            (Act::Archive { sequence, dispatch }, Some((ticket, turn))) => {
                let path = self.below_top(&store::archive_outbox(&layout, &ticket, *sequence, self.screen())?);
                vec![Event::OutboxArchived { ticket, turn, sequence: *sequence, path, dispatch: dispatch.clone() }]
            }
            (Act::Reply { sequence, to, spooled, confirmed, decides, brought }, _) => {
                let mut events =
                    self.take_reply(run, *sequence, to, (spooled.as_ref(), brought.as_ref()), *confirmed)?;
                let decides = decides.iter().filter(|_| *confirmed);
                events.extend(decides.flat_map(|decides| resolved(run, to, decides, "a reply")));
                events
            }
            (Act::SetDone { target, done, decision, why }, _) => match (self.set_done(target, *done), decision) {
                (Ok(()), Some(id)) => {
                    let stored = self.stored(id, set_done_name(*done), why, None)?;
                    vec![stored, settle::decided(target, *done, why)]
                }
                // What cannot be carried out is refused: it would stand in the way of everything behind it.
                (Err(error), Some(id)) => vec![self.stored(id, set_done_name(*done), why, Some(error.in_full()))?],
                (Ok(()), None) => vec![Event::ClaimRevoked { ticket: target.clone(), why: why.clone() }],
                (Err(error), None) => return Err(error),
            },
            (Act::Request { sequence, reason }, Some((ticket, turn))) => {
                let text = self.screen().redact(&request_text(&ticket, Some(turn), reason)).into_owned();
                let path = self.below_top(&store::write_request(&layout, &ticket, *sequence, &text)?);
                finished("request", Some(path))
            }
            (Act::AskApproval { sequence, ticket, reason, asked }, _) => {
                let text = self.screen().redact(&request_text(ticket, None, reason)).into_owned();
                let path = self.below_top(&store::write_request(&layout, ticket, *sequence, &text)?);
                vec![Event::ApprovalRequested {
                    ticket: ticket.clone(),
                    reason: reason.code,
                    path: Some(path),
                    asked: asked.clone(),
                }]
            }
            (Act::AdoptHead { branch, from, to }, Some((_, turn))) => {
                let directory = self.turn_directory(turn)?.join("adopt");
                let place = self.workspace.place.clone();
                let work = Work::Adopt { place, branch: branch.clone(), from: from.clone(), to: to.clone() };
                let result = self.in_child(&directory, &work)?;
                self.in_flight = None;
                match result {
                    SaveResult::Committed { .. }
                    | SaveResult::Kept { .. }
                    | SaveResult::Changed { .. }
                    | SaveResult::Clean => {
                        vec![Event::HeadAdopted { branch: branch.clone(), from: from.clone(), to: to.clone() }]
                    }
                    SaveResult::Refused { output: why } | SaveResult::TooLarge { why } | SaveResult::Failed { why } => {
                        clear(&directory)?;
                        return Err(RunError::Child(why));
                    }
                }
            }
            (Act::Undo(request), _) => vec![self.give_back(run, request)?],
            (Act::DropMessage, _) => {
                store::remove(&layout.top, format!("{}/outbox/{}", store::TICKETS, store::COMMIT_MSG))?;
                finished("message", None)
            }
            (
                Act::Restore { .. }
                | Act::PutBack { .. }
                | Act::Archive { .. }
                | Act::Request { .. }
                | Act::AdoptHead { .. },
                None,
            ) => finished("act", None),
        })
    }

    fn set_done(&self, ticket: &TicketId, done: bool) -> Result<(), RunError> {
        let path = ticket.path();
        let unusable = |why: String| RunError::Unusable { path: path.clone(), why };
        let source = store::read_source(&self.workspace.layout.top, &path, Links::Any)?;
        let source = source
            .map_err(|why| unusable(why.diagnostic(path.as_str()).message))?
            .ok_or_else(|| unusable("it is gone".to_owned()))?;
        if crate::ticket::read(&source).0.is_some_and(|ticket| ticket.front.done == done) {
            return Ok(());
        }
        let text = set_done(&source, done).map_err(|refused| unusable(refused.to_string()))?;
        Ok(store::write(&self.workspace.layout.top, &path, text.as_bytes(), Audience::People)?)
    }

    fn take_reply(
        &mut self,
        run: &RunState,
        sequence: u32,
        to: &TicketId,
        (spooled, brought): (Option<&String>, Option<&Brought>),
        confirmed: bool,
    ) -> Result<Vec<Event>, RunError> {
        let layout = &self.workspace.layout;
        let from = match spooled {
            Some(id) => ReplyFrom::Spool(layout.decisions().join(id)),
            None => ReplyFrom::Worktree,
        };
        let path = self.below_top(&store::archive_reply(layout, &from, to, sequence, self.screen())?);
        let mut events = Vec::new();
        if let Some(id) = spooled {
            events.push(self.stored(id, "reply", "", None)?);
        }
        let (ticket, spooled, brought) = (to.clone(), spooled.cloned(), brought.cloned());
        events.push(Event::ReplyConsumed { ticket, sequence, path, confirmed, spooled, brought });
        if confirmed {
            events.extend(settle::answered(run, to));
        }
        Ok(events)
    }

    /// The line about a decision, in the words of whoever gave it.
    fn stored(&self, id: &str, decision: &str, by: &str, refused: Option<String>) -> Result<Event, RunError> {
        let draft = store::list_decisions(&self.workspace.layout)?
            .into_iter()
            .find(|stored| stored.id == id)
            .map(|stored| stored.draft);
        Ok(Event::DecisionStored {
            id: id.to_owned(),
            decision: decision.to_owned(),
            by: draft.as_ref().map_or_else(|| by.to_owned(), |draft| draft.who.clone()),
            at: draft.map(|draft| draft.at).unwrap_or_default(),
            refused,
        })
    }

    fn below_top(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.workspace.layout.top).unwrap_or(path).to_string_lossy().into_owned()
    }
}

fn set_done_name(done: bool) -> &'static str {
    if done { "done" } else { "reopen" }
}

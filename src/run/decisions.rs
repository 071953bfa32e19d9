//! Operators' decisions: stored, and served at once where no step is under way.

use std::path::PathBuf;

use serde_json::json;

use super::driver::serve;
use super::error::RunError;
use super::real::{Progress, Real};
use super::session::DriveEnd;
use super::workspace::{Options, Workspace};
use crate::flow::{Life, Phase, Reason, ReasonCode, RunState};
use crate::store::{self, DecisionDraft, LockError, WorktreeLock};

/// What became of an operator's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It was served at once.
    Served,
    /// It could not be carried out, and nothing is left of it; why.
    Refused(String),
    /// It is stored; the step that is under way serves it when its turn ends.
    Stored,
    /// It is stored; no step is under way, and the next one first finishes what an earlier one left open.
    Left,
    /// It is stored; the next run begins with it.
    Held,
    /// There was nothing that it could change.
    Nothing,
}

impl Workspace {
    /// Serves decisions that were stored while a command held the lock, once it has let go of it.
    pub(super) fn serve_late(
        &mut self,
        end: &mut DriveEnd,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), RunError> {
        // Decisions that were stored while the lock was held: let go of it first, then look again.
        let mut known = Vec::new();
        loop {
            // One that cannot be served waits for the next run; it is looked at once here.
            let waiting = self.waiting_decisions(&end.state)?;
            if waiting.iter().all(|id| known.contains(id)) {
                return Ok(());
            }
            known = waiting;
            let Ok(lock) = WorktreeLock::acquire(&self.layout, &self.holder()) else { return Ok(()) };
            let served = self.serve_with(lock, progress)?;
            let stopped = served.life == Life::Stopped && end.state.life == Life::Open;
            end.state = served;
            if stopped {
                end.last.reason =
                    Some(Reason::new(ReasonCode::Stopped, "the run was stopped; `turnstile run` begins a new one"));
            }
        }
    }

    pub(super) fn waiting_decisions(&self, state: &RunState) -> Result<Vec<String>, RunError> {
        if state.life != Life::Open || !matches!(state.phase(), Phase::Quiet(_)) {
            return Ok(Vec::new());
        }
        let stored = store::list_decisions(&self.layout)?.into_iter().map(|stored| stored.id);
        Ok(stored.filter(|id| !state.served.contains(id)).collect())
    }

    /// Stores an operator's decision, and serves it at once if no step is under way.
    pub fn decide(&mut self, kind: &str, arguments: serde_json::Value) -> Result<Decided, RunError> {
        let draft =
            DecisionDraft { kind: kind.to_owned(), arguments, who: self.surroundings.who.clone(), at: Self::now() };
        let open = self.folded()?.state.life == Life::Open;
        if !open && kind == "stop" {
            return Ok(Decided::Nothing);
        }
        if !open && kind == "resume" {
            let mut held = false;
            for stored in store::list_decisions(&self.layout)? {
                if stored.draft.kind == "pause" {
                    store::drop_decision(&self.layout, &stored.id)?;
                    held = true;
                }
            }
            return Ok(if held { Decided::Served } else { Decided::Nothing });
        }
        let id = store::store_decision(&self.layout, &draft)?;
        if !open && kind == "pause" {
            return Ok(Decided::Held);
        }
        self.serve_stored(&id)
    }

    /// Stores a reply that is given during a step.
    pub fn store_reply(
        &mut self,
        ticket: Option<&str>,
        text: &str,
        attachments: &[PathBuf],
    ) -> Result<String, RunError> {
        let draft = DecisionDraft {
            kind: "reply".to_owned(),
            arguments: json!({ "ticket": ticket }),
            who: self.surroundings.who.clone(),
            at: Self::now(),
        };
        Ok(store::store_reply(&self.layout, &draft, text, attachments)?)
    }

    fn serve_with(&mut self, lock: WorktreeLock, progress: &mut dyn FnMut(Progress<'_>)) -> Result<RunState, RunError> {
        let mut world = Real::new(self, Options::default(), lock, progress)?;
        let mut state = world.load()?;
        // A run that came to its end meanwhile takes nothing in any more; the next one does.
        let before = (world.run.clone(), state.life);
        if state.life == Life::Open && matches!(state.phase(), Phase::Quiet(_)) {
            let rules = world.rules(&Options::default());
            serve(&mut world, &mut state, &rules)?;
        }
        world.tidy_up(&before, state.life);
        Ok(state)
    }

    fn serve_stored(&mut self, id: &str) -> Result<Decided, RunError> {
        let lock = match WorktreeLock::acquire(&self.layout, &self.holder()) {
            Ok(lock) => lock,
            Err(LockError::Busy { .. }) => return Ok(Decided::Stored),
            Err(error) => return Err(error.into()),
        };
        let state = self.serve_with(lock, &mut |_| {})?;
        Ok(match state.refused.get(id) {
            Some(why) => Decided::Refused(why.clone()),
            None if state.served.contains(id) => Decided::Served,
            None if state.life == Life::Open => Decided::Left,
            None => Decided::Held,
        })
    }

    /// Sets `done` of a ticket where no run is open: the file says it, and the next run takes it along.
    pub fn set_done_without_run(&mut self, ticket: &crate::ticket::TicketId, done: bool) -> Result<(), RunError> {
        let _lock = WorktreeLock::acquire(&self.layout, &self.holder())?;
        let path = ticket.path();
        let unusable = |why: String| RunError::Unusable { path: path.clone(), why };
        let source = store::read_source(&self.layout.top, &path, store::Links::Any)?
            .map_err(|why| unusable(why.diagnostic(path.as_str()).message))?
            .ok_or_else(|| unusable("it is not there".to_owned()))?;
        let text = crate::ticket::set_done(&source, done).map_err(|refused| unusable(refused.to_string()))?;
        let draft = DecisionDraft {
            kind: "noted".to_owned(),
            arguments: json!({ "ticket": ticket.as_str(), "done": done }),
            who: self.surroundings.who.clone(),
            at: Self::now(),
        };
        let noted = store::store_decision(&self.layout, &draft)?;
        let written = store::write(&self.layout.top, &path, text.as_bytes(), store::Audience::People);
        if written.is_err() {
            store::drop_decision(&self.layout, &noted)?;
        }
        Ok(written?)
    }
}

//! Waiting for the time of a retry, for as long as a person would: with a countdown, and until something else is said.

use std::time::{Duration, Instant};

use super::driver::StepEnd;
use super::error::RunError;
use super::patience::Woken;
use super::real::{Progress, Real};
use super::workspace::{Options, Workspace, policy};
use crate::flow::{Policy, Reason, ReasonCode, Retry, RunState};
use crate::store::{self, Links, TICKETS};

/// What became of a wait.
pub(super) enum Waited {
    /// Nothing was waited for: the step came to something else, or its time is too far away.
    Not,
    /// It is time to look again.
    Over,
    /// A person ended the wait.
    Interrupted,
}

/// How often a person and other commands are looked for.
const SLICE: Duration = Duration::from_millis(200);

impl Real<'_> {
    /// The rules of a command, by the settings as they are now.
    pub(super) fn rules(&self, options: &Options) -> Policy {
        policy(&self.settings.config, options, &self.workspace.surroundings)
    }

    /// Waits for the retry that a step found parked. Time is taken from a clock that nobody sets; where the other one
    /// is there first, because the machine slept, that is enough.
    pub(super) fn wait_for_retry(&mut self, state: &RunState, end: &StepEnd) -> Result<Waited, RunError> {
        let is_parked = end.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Parked);
        let Some(ticket) = end.ticket.as_ref().filter(|_| is_parked) else { return Ok(Waited::Not) };
        let Some(retry) = state.tickets.get(ticket).and_then(|state| state.retry) else { return Ok(Waited::Not) };
        let wait = retry.until.since(Workspace::moment());
        if wait > Retry::WAITED_FOR {
            return Ok(Waited::Not);
        }
        let deadline = Instant::now() + wait;
        let known = self.waiting()?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !retry.is_ahead(Workspace::moment()) {
                return Ok(Waited::Over);
            }
            // Who asked before the wait began was heard by somebody else.
            if self.patience.poll() > 0 {
                return Ok(Waited::Interrupted);
            }
            (self.progress)(Progress::Parked { ticket, until: retry.until, left });
            match self.patience.wait_for(left.min(SLICE)) {
                Woken::Asked { .. } => return Ok(Waited::Interrupted),
                Woken::Look => {}
            }
            // What somebody decided meanwhile, and the kill switch, are for the next step to see.
            if self.waiting()? != known || self.is_stopped()? {
                return Ok(Waited::Over);
            }
        }
    }

    fn waiting(&self) -> Result<Vec<String>, RunError> {
        let stored = store::list_decisions(&self.workspace.layout)?;
        Ok(stored.into_iter().map(|decision| decision.id).collect())
    }

    fn is_stopped(&self) -> Result<bool, RunError> {
        let path = format!("{TICKETS}/STOP");
        Ok(store::read_capped(&self.workspace.layout.top, path, 0, Links::Any)? != Ok(None))
    }
}

/// The end of a command whose wait a person ended.
pub(super) fn interrupted_wait(end: StepEnd) -> StepEnd {
    let message = "the run was interrupted while it waited for a retry; `turnstile run` goes on";
    StepEnd { reason: Some(Reason::new(ReasonCode::Interrupted, message)), ..end }
}

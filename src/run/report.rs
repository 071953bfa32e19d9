//! A run in figures, from its journal alone: the same journal gives the same report.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::error::RunError;
use super::workspace::{event, fold};
use crate::flow::{CheckVerdict, Event, Outcome, Reason, RunState, TurnEnded};
use crate::store::Line;
use crate::ticket::TicketId;

/// A run, told from its beginning to the last line of its journal.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run.
    pub run: String,
    /// The branch that it is on; none where HEAD was detached.
    pub branch: Option<String>,
    /// The time of its first line.
    pub began: String,
    /// The time of its last line.
    pub last: String,
    /// What it comes to.
    pub state: RunState,
    /// Why it stood still, each time.
    pub pauses: Vec<Pause>,
    /// What was done for each ticket, in the order in which it was first worked on.
    pub tickets: Vec<TicketReport>,
}

/// A time in which the run stood still.
#[derive(Clone, Debug)]
pub struct Pause {
    /// Since when.
    pub since: String,
    /// Why.
    pub reason: Reason,
    /// How long; none while it still does.
    pub lasted: Option<Duration>,
}

/// One ticket of a run.
#[derive(Clone, Debug)]
pub struct TicketReport {
    /// The ticket.
    pub ticket: TicketId,
    /// How it stands.
    pub state: TicketState,
    /// Turns that were started for it, those that only asked for a commit included.
    pub turns: u32,
    /// The agents' own time.
    pub active: Duration,
    /// Turns that had to be repeated or followed by another, by cause: `failed`, `timed_out`, `interrupted`, `invalid`
    /// (the ticket or a message), `uncommitted`, `refused` (a hook), `revoked` (a claim).
    pub retries: BTreeMap<&'static str, u32>,
    /// How often each of its checks was met, unmet and without an answer, in the order in which they first ran.
    pub checks: Vec<CheckReport>,
    /// Commits of agents and of turnstile, in their order.
    pub commits: Vec<String>,
    /// Questions that paused the run.
    pub questions: u32,
    /// Messages that did not.
    pub notices: u32,
    /// How long a person took to answer, of each question that was answered.
    pub answers: Vec<Duration>,
}

/// What one check of a ticket found over the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Its name.
    pub check: String,
    /// How often it was met.
    pub met: u32,
    /// How often it was not.
    pub unmet: u32,
    /// How often it had no answer.
    pub inconclusive: u32,
}

/// How a ticket stands at the end of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// It is done, and turnstile judged it.
    Done,
    /// A person said that it is done.
    DoneByPerson,
    /// It is not done.
    Open,
}

impl Report {
    /// Reads a journal, which has at least one line.
    pub fn of(lines: &[Line]) -> Result<Option<Self>, RunError> {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(None) };
        let state = fold(lines)?;
        let mut report = Self {
            run: first.run.clone(),
            branch: state.branch.clone(),
            began: first.ts.clone(),
            last: last.ts.clone(),
            state,
            pauses: Vec::new(),
            tickets: Vec::new(),
        };
        let mut asked: BTreeMap<TicketId, String> = BTreeMap::new();
        for line in lines {
            report.take(line, event(line)?, &mut asked);
        }
        Ok(Some(report))
    }

    fn ticket(&mut self, ticket: &TicketId) -> &mut TicketReport {
        let at = self.tickets.iter().position(|known| known.ticket == *ticket).unwrap_or_else(|| {
            self.tickets.push(TicketReport::new(ticket.clone()));
            self.tickets.len() - 1
        });
        &mut self.tickets[at]
    }

    fn take(&mut self, line: &Line, event: Event, asked: &mut BTreeMap<TicketId, String>) {
        match event {
            Event::RunPaused { reason, .. } => {
                self.goes_on(&line.ts);
                self.pauses.push(Pause { since: line.ts.clone(), reason, lasted: None });
            }
            Event::RunResumed { .. } | Event::RunCompleted { .. } | Event::RunStopped { .. } => self.goes_on(&line.ts),
            Event::TurnStarted(request) => {
                self.goes_on(&line.ts);
                self.ticket(&request.ticket).turns += 1;
            }
            Event::TurnFinished(ended) => self.ended(&ended, None),
            Event::TurnFailed(ended) => self.ended(&ended, Some("failed")),
            Event::TurnTimedOut(ended) => self.ended(&ended, Some("timed_out")),
            Event::TurnInterrupted(ended) => self.ended(&ended, Some("interrupted")),
            Event::LintFailed { ticket, .. } => self.ticket(&ticket).retried("invalid"),
            Event::CommitRequired { ticket, output, .. } => {
                self.ticket(&ticket).retried(if output.is_some() { "refused" } else { "uncommitted" });
            }
            Event::EffectBegun(crate::flow::Begun::Verdict(verdict)) if verdict.outcome == Outcome::ClaimRevoked => {
                if let Some(ticket) = &verdict.ticket {
                    self.ticket(ticket).retried("revoked");
                }
            }
            Event::VerifyFinished(ended) if !ended.interrupted => {
                self.ticket(&ended.ticket).checked(&ended.check, ended.verdict);
            }
            Event::CommitMade { ticket: Some(ticket), commit, .. } => self.ticket(&ticket).commits.push(commit),
            Event::OutboxArchived { ticket, dispatch, .. } => {
                let report = self.ticket(&ticket);
                if dispatch.pause {
                    report.questions += 1;
                    asked.insert(ticket, line.ts.clone());
                } else {
                    report.notices += 1;
                }
            }
            Event::ReplyConsumed { ticket, .. } => {
                if let Some(since) = asked.remove(&ticket) {
                    let took = between(&since, &line.ts);
                    self.ticket(&ticket).answers.push(took);
                }
            }
            Event::TicketDone { ticket, by, .. } => {
                self.ticket(&ticket).state = if by.is_some() { TicketState::DoneByPerson } else { TicketState::Done };
            }
            Event::TicketReopened { ticket, .. } => self.ticket(&ticket).state = TicketState::Open,
            _ => {}
        }
    }

    fn ended(&mut self, ended: &TurnEnded, retry: Option<&'static str>) {
        let report = self.ticket(&ended.ticket);
        report.active += Duration::from_millis(ended.duration_ms);
        report.commits.extend(ended.commits.iter().cloned());
        if let Some(cause) = retry {
            report.retried(cause);
        }
    }

    /// Whatever it stood still for is over.
    fn goes_on(&mut self, now: &str) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.lasted.is_none()) {
            pause.lasted = Some(between(&pause.since, now));
        }
    }

    /// How long people or the machine let the run stand still.
    pub fn paused(&self) -> Duration {
        self.pauses.iter().filter_map(|pause| pause.lasted).sum()
    }

    /// The agents' own time, of all tickets.
    pub fn active(&self) -> Duration {
        self.tickets.iter().map(|ticket| ticket.active).sum()
    }
}

impl TicketReport {
    fn new(ticket: TicketId) -> Self {
        Self {
            ticket,
            state: TicketState::Open,
            turns: 0,
            active: Duration::ZERO,
            retries: BTreeMap::new(),
            checks: Vec::new(),
            commits: Vec::new(),
            questions: 0,
            notices: 0,
            answers: Vec::new(),
        }
    }

    fn checked(&mut self, check: &str, verdict: CheckVerdict) {
        let at = self.checks.iter().position(|known| known.check == check).unwrap_or_else(|| {
            self.checks.push(CheckReport { check: check.to_owned(), met: 0, unmet: 0, inconclusive: 0 });
            self.checks.len() - 1
        });
        let known = &mut self.checks[at];
        match verdict {
            CheckVerdict::Met => known.met += 1,
            CheckVerdict::Unmet => known.unmet += 1,
            CheckVerdict::Inconclusive => known.inconclusive += 1,
        }
    }

    fn retried(&mut self, cause: &'static str) {
        *self.retries.entry(cause).or_default() += 1;
    }
}

/// The time between two lines; clocks that were set back make it nothing.
fn between(since: &str, until: &str) -> Duration {
    match (since.parse::<Timestamp>(), until.parse::<Timestamp>()) {
        (Ok(since), Ok(until)) => Duration::try_from(until.duration_since(since)).unwrap_or_default(),
        _ => Duration::ZERO,
    }
}

//! What of a run is told to the program that the config names: its pauses, its completion and its failures, as the
//! journal has them.

use super::event::Event;
use super::reason::{Reason, ReasonCode};
use crate::config::NotifyEvent;
use crate::ticket::TicketId;

/// Something that is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The line of the journal that says it.
    pub seq: u64,
    /// What became of the run.
    pub event: NotifyEvent,
    /// The ticket that it is about.
    pub ticket: Option<TicketId>,
    /// The last turn of that ticket.
    pub turn: Option<u32>,
    /// Why.
    pub reason: Reason,
}

/// The notices of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    /// Every one, in the order of the journal.
    pub all: Vec<Notice>,
    /// Whether the last of them is still how the run stands.
    pub stands: bool,
    /// The last line of the journal.
    pub seq: u64,
    /// The line of the last turn that was started.
    pub turn_at: u64,
}

/// What a reason makes of a run that stops with it; none where nobody has to be told.
pub fn told_as(code: ReasonCode) -> Option<NotifyEvent> {
    use ReasonCode as C;
    match code {
        C::Completed => Some(NotifyEvent::Completed),
        C::AgentFailed | C::GitFailed | C::JournalUnreadable => Some(NotifyEvent::Failed),
        // It goes on by itself, or a person has just ended it.
        C::Busy | C::Parked | C::MaxTurns | C::Stopped => None,
        C::StopFile
        | C::OperatorPause
        | C::UserDispatch
        | C::UserTicket
        | C::ApprovalPending
        | C::ScopePending
        | C::ReplyInvalid
        | C::DirtyConflict
        | C::Invalid
        | C::Untrusted
        | C::RepositoryState
        | C::DirtyWorktree
        | C::LimitTotalTurns
        | C::LimitTurns
        | C::LimitTime
        | C::LimitTokens
        | C::LimitCost
        | C::VerifyFailed
        | C::NoProgress
        | C::TicketInvalid
        | C::DispatchInvalid
        | C::VerifyInconclusive
        | C::CommitFailed
        | C::HeadMoved
        | C::Tampered
        | C::RunnerFilesChanged
        | C::Blocked
        | C::CircuitOpen
        | C::Interrupted => Some(NotifyEvent::Paused),
    }
}

impl Notices {
    /// Takes in the next line.
    pub fn take(&mut self, seq: u64, event: &Event) {
        self.seq = seq;
        match event {
            Event::TurnStarted(_) => {
                self.turn_at = seq;
                self.stands = false;
            }
            Event::RunResumed { reason, .. } if self.last().is_some_and(|last| last.reason.code == *reason) => {
                self.stands = false;
            }
            Event::RunStopped { .. } => self.stands = false,
            Event::RunPaused { ticket, reason, .. } => {
                if let Some(event) = told_as(reason.code) {
                    self.push(Notice { seq, event, ticket: ticket.clone(), turn: None, reason: reason.clone() });
                }
            }
            Event::RunCompleted { held } => {
                let reason = Reason::new(ReasonCode::Completed, "the run came to its end")
                    .details(serde_json::json!({ "held": held }));
                self.push(Notice { seq, event: NotifyEvent::Completed, ticket: None, turn: None, reason });
            }
            _ => {}
        }
    }

    /// The last one.
    pub fn last(&self) -> Option<&Notice> {
        self.all.last()
    }

    fn push(&mut self, notice: Notice) {
        self.all.push(notice);
        self.stands = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paused(code: ReasonCode) -> Event {
        Event::RunPaused { ticket: None, reason: Reason::new(code, "why"), digest: None }
    }

    fn resumed(reason: ReasonCode) -> Event {
        Event::RunResumed { ticket: None, reason, by: "x".into(), branch: None, granted: None }
    }

    fn of(events: &[Event]) -> (Vec<(u64, NotifyEvent)>, bool) {
        let mut notices = Notices::default();
        for (at, event) in (1..).zip(events) {
            notices.take(at, event);
        }
        (notices.all.iter().map(|notice| (notice.seq, notice.event)).collect(), notices.stands)
    }

    #[test]
    fn a_pause_stands_until_it_is_answered_and_what_goes_on_by_itself_is_nobodys_news() {
        use NotifyEvent::{Completed, Failed, Paused};
        let pause = paused(ReasonCode::UserDispatch);
        assert_eq!(of(std::slice::from_ref(&pause)), (vec![(1, Paused)], true));
        assert_eq!(of(&[pause.clone(), resumed(ReasonCode::OperatorPause)]), (vec![(1, Paused)], true));
        assert_eq!(of(&[pause.clone(), resumed(ReasonCode::UserDispatch)]), (vec![(1, Paused)], false));
        assert_eq!(of(&[pause.clone(), Event::RunStopped { by: "x".into() }]), (vec![(1, Paused)], false));
        let turn = Event::TurnStarted(crate::flow::tests::request(1));
        assert_eq!(of(&[pause.clone(), turn.clone()]), (vec![(1, Paused)], false), "it went on");
        let mut notices = Notices::default();
        notices.take(7, &turn);
        notices.take(8, &pause);
        assert_eq!((notices.turn_at, notices.seq), (7, 8));
        assert_eq!(of(&[paused(ReasonCode::AgentFailed)]), (vec![(1, Failed)], true));
        assert_eq!(of(&[paused(ReasonCode::MaxTurns), paused(ReasonCode::Parked)]), (vec![], false));
        assert_eq!(of(&[pause, Event::RunCompleted { held: vec![] }]), (vec![(1, Paused), (2, Completed)], true));
    }

    #[test]
    fn every_reason_that_ends_a_run_with_a_fault_is_told() {
        for code in ReasonCode::ALL {
            let quiet = matches!(code.exit(), 0 | 75) && *code != ReasonCode::Completed;
            assert_eq!(told_as(*code).is_none(), quiet, "{code}");
        }
    }
}

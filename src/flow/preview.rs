//! What a step would do, without doing it: the same decision, over effects that are only imagined.

use super::check_request::CheckRequest;
use super::choose::{Choice, decide};
use super::event::Event;
use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::request::{Act, SaveRequest, SaveResult, TurnRequest};
use super::settle;
use super::state::{Life, Phase, RunState};
use super::survey::Survey;
use crate::ticket::TicketId;

/// What a step would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// In one word.
    pub action: Action,
    /// The ticket that it would be about.
    pub ticket: Option<TicketId>,
    /// The agent whose turn it would be.
    pub agent: Option<String>,
    /// Why nothing would go on, where nothing would.
    pub reason: Option<Reason>,
    /// The state in which that would be decided.
    pub run: RunState,
}

/// The words of `next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A turn would start.
    RunTurn,
    /// A turn that ended would be judged.
    Judge,
    /// Somebody or something is waited for.
    Wait,
    /// Something is wrong.
    Stop,
    /// Nothing is open.
    Complete,
}

impl Preview {
    /// Nothing would be done, for this reason.
    pub fn stopped(reason: Reason, run: RunState) -> Self {
        Self { action: Action::of(reason.code), ticket: None, agent: None, reason: Some(reason), run }
    }
}

impl Action {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunTurn => "run_turn",
            Self::Judge => "judge",
            Self::Wait => "wait",
            Self::Stop => "stop",
            Self::Complete => "complete",
        }
    }

    /// What a reason comes to.
    pub fn of(code: ReasonCode) -> Self {
        match code.exit() {
            0 => Self::Complete,
            5..=7 => Self::Stop,
            _ => Self::Wait,
        }
    }
}

/// Imagines a step.
///
/// The survey is as it was when this returns. It is borrowed mutably so that thousands of tickets need not be copied for
/// the one whose `done` may be imagined otherwise.
pub fn preview(run: &RunState, survey: &mut Survey, policy: &Policy) -> Preview {
    let tickets = std::mem::take(&mut survey.tickets);
    let done: Vec<bool> = tickets.iter().map(|ticket| ticket.done).collect();
    let mut imagined = survey.clone();
    imagined.tickets = tickets;
    let preview = imagine_step(run.clone(), &mut imagined, policy);
    survey.tickets = imagined.tickets;
    for (ticket, done) in survey.tickets.iter_mut().zip(done) {
        ticket.done = done;
    }
    preview
}

fn imagine_step(mut run: RunState, survey: &mut Survey, policy: &Policy) -> Preview {
    // Every turn of the loop removes a decision, a reply, a reason or a limit; the bound is against a kernel at fault.
    for _ in 0..1000 {
        let open = match run.phase() {
            Phase::Quiet(_) => Vec::new(),
            Phase::Turning(request) => return in_flight(&run, request),
            // What an earlier step left open is finished first.
            Phase::Saving(save) => saved(survey, &save.clone()),
            Phase::Checking(check) => return checking(&run, check),
            Phase::Acting(act) => outcome(&run, survey, &act.clone()),
        };
        // An imagined event follows what was just decided, so it cannot be out of order.
        for event in &open {
            let _ = run.apply(event);
        }
        let Phase::Quiet(quiet) = run.phase() else { continue };
        let chosen = decide(quiet, survey, policy, true);
        let judges = chosen.judges();
        match chosen.choice {
            Choice::Stop(stop) => {
                let action = stop.reason.as_ref().map_or(Action::Complete, |reason| Action::of(reason.code));
                return Preview { action, ticket: stop.ticket, agent: None, reason: stop.reason, run };
            }
            Choice::Record(_) if judges => {
                let ticket = run.judging().map(|judging| judging.request.ticket.clone());
                return Preview { action: Action::Judge, ticket, agent: None, reason: None, run };
            }
            Choice::Record(events) => {
                if let Some(Event::TurnStarted(request)) = events.last() {
                    let (ticket, agent) = (Some(request.ticket.clone()), Some(request.agent.clone()));
                    return Preview { action: Action::RunTurn, ticket, agent, reason: None, run };
                }
                // What they begin is imagined to its end by the next look.
                for event in &events {
                    let _ = run.apply(event);
                }
                if let Some(Event::RunCompleted { held }) = events.last() {
                    return Preview::stopped(super::before::completed(survey.tickets.len(), held), run);
                }
                if run.life == Life::Stopped {
                    let message = "the run is stopped; the next `turnstile run` begins a new one";
                    return Preview::stopped(Reason::new(ReasonCode::Stopped, message), run);
                }
            }
        }
    }
    let reason = Some(Reason::new(ReasonCode::Blocked, "the next step cannot be foreseen"));
    Preview { action: Action::Stop, ticket: None, agent: None, reason, run }
}

fn in_flight(run: &RunState, request: &TurnRequest) -> Preview {
    let (ticket, agent) = (Some(request.ticket.clone()), Some(request.agent.clone()));
    Preview { action: Action::Judge, ticket, agent, reason: None, run: run.clone() }
}

fn checking(run: &RunState, request: &CheckRequest) -> Preview {
    Preview { action: Action::Judge, ticket: Some(request.ticket.clone()), agent: None, reason: None, run: run.clone() }
}

fn saved(survey: &mut Survey, save: &SaveRequest) -> Vec<Event> {
    survey.tickets_changes.clear();
    settle::save(save, SaveResult::Clean)
}

fn outcome(run: &RunState, survey: &mut Survey, act: &Act) -> Vec<Event> {
    match act {
        Act::Reply { to, spooled, confirmed, decides, brought, .. } => {
            if spooled.is_none() {
                survey.reply = None;
            }
            let mut events = vec![Event::ReplyConsumed {
                ticket: to.clone(),
                sequence: 0,
                path: String::new(),
                confirmed: *confirmed,
                spooled: spooled.clone(),
                brought: brought.clone(),
            }];
            events.extend(settle::answered(run, to));
            events.extend(decides.iter().flat_map(|decides| super::approval::resolved(run, to, decides, "a reply")));
            events
        }
        Act::SetDone { target, done, decision, why } => {
            if let Some(ticket) = survey.tickets.iter_mut().find(|ticket| ticket.id == *target) {
                ticket.done = *done;
            }
            match decision {
                Some(id) => {
                    survey.decisions.retain(|stored| stored.id != *id);
                    vec![settle::decided(target, *done, why)]
                }
                None => vec![Event::ClaimRevoked { ticket: target.clone(), why: why.clone() }],
            }
        }
        Act::AskApproval { ticket, reason, asked, .. } => vec![Event::ApprovalRequested {
            ticket: ticket.clone(),
            reason: reason.code,
            path: None,
            asked: asked.clone(),
        }],
        Act::DropMessage => {
            survey.commit_message = None;
            vec![finished("message")]
        }
        Act::Restore { .. }
        | Act::PutBack { .. }
        | Act::Archive { .. }
        | Act::Request { .. }
        | Act::AdoptHead { .. } => {
            vec![finished("act")]
        }
        Act::Undo(request) => {
            let mut left = Vec::new();
            for file in &request.files {
                // What is neither as the undo found it nor as it gives it is left as somebody's.
                if survey.changes.get(&file.path).is_none_or(|lies| file.accounts_for(lies)) {
                    survey.changes.remove(&file.path);
                    survey.tickets_changes.remove(&file.path);
                } else {
                    left.push(file.path.clone());
                }
            }
            for ticket in survey.tickets.iter_mut().filter(|ticket| request.reopened.contains(&ticket.id)) {
                ticket.done = false;
            }
            vec![Event::UndoMade(request.imagined(left))]
        }
    }
}

fn finished(effect: &str) -> Event {
    Event::EffectFinished {
        effect: effect.to_owned(),
        ticket: None,
        outcome: None,
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    }
}

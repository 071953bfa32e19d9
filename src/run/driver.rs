//! One step: whatever is in flight is followed, a quiet worktree is looked at whole, one decision is made and written
//! down, and then looked at again. A start and a resume after a kill are the same loop. Decides nothing itself.

use crate::flow::{
    Begun, CheckEnded, Choice, Event, Evidence, Follow, Judging, Life, OutOfOrder, Outcome, Phase, Policy, Reason,
    ReasonCode, RunState, Survey, World, decide, follow_check, follow_save, follow_turn, serve_decisions, settle,
};
use crate::ticket::TicketId;

/// What a step came to.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEnd {
    /// In one word.
    pub outcome: Outcome,
    /// Why nothing goes on, where nothing does.
    pub reason: Option<Reason>,
    /// The ticket that it was about.
    pub ticket: Option<TicketId>,
    /// The turn that it ran or judged.
    pub turn: Option<u32>,
    /// The agent of that turn.
    pub agent: Option<String>,
    /// The last commit of turnstile's.
    pub commit: Option<String>,
    /// The folder of a dispatch that it archived.
    pub dispatch: Option<String>,
    /// What its checks found, the last word of each.
    pub verify: Vec<CheckEnded>,
    pub(super) over: bool,
}

impl Default for StepEnd {
    fn default() -> Self {
        Self {
            outcome: Outcome::None,
            reason: None,
            ticket: None,
            turn: None,
            agent: None,
            commit: None,
            dispatch: None,
            verify: Vec::new(),
            over: false,
        }
    }
}

/// Makes one step.
pub fn step<W: World>(
    world: &mut W,
    run: &mut RunState,
    policy: &Policy,
    report: &mut dyn FnMut(&Event),
) -> Result<StepEnd, W::Error>
where
    W::Error: From<OutOfOrder>,
{
    let mut end = StepEnd::default();
    let mut entering = true;
    let mut adopting = true;
    let mut seen: Option<Survey> = None;
    loop {
        let mut events = match run.phase() {
            Phase::Turning(request) => {
                entering = false;
                seen = None;
                let evidence = world.turn(request)?;
                let running = evidence == Evidence::Running && !world.is_lost();
                match follow_turn(evidence) {
                    Follow::Perform => {
                        adopting = false;
                        world.start_turn(request)?;
                        continue;
                    }
                    Follow::Wait if adopting && running => {
                        adopting = false;
                        vec![Event::TurnAdopted { ticket: request.ticket.clone(), turn: request.turn }]
                    }
                    Follow::Wait => {
                        world.wait()?;
                        continue;
                    }
                    Follow::Settle(result) => settle::turn(request, result),
                }
            }
            Phase::Saving(request) => {
                seen = None;
                if let Some(judging) = run.judging() {
                    end.judges(judging);
                }
                match follow_save(world.save(request)?) {
                    Follow::Perform => {
                        world.start_save(request)?;
                        continue;
                    }
                    Follow::Wait => {
                        world.wait()?;
                        continue;
                    }
                    Follow::Settle(result) => settle::save(request, result),
                }
            }
            Phase::Checking(request) => {
                seen = None;
                if let Some(judging) = run.judging() {
                    end.judges(judging);
                }
                match follow_check(world.check(request)?) {
                    Follow::Perform => {
                        world.start_check(request)?;
                        continue;
                    }
                    Follow::Wait => {
                        world.wait()?;
                        continue;
                    }
                    Follow::Settle(result) => settle::check(run, request, result),
                }
            }
            Phase::Acting(act) => {
                seen = None;
                world.act(run, act)?
            }
            Phase::Quiet(quiet) => {
                if end.over || world.is_pressed() {
                    return Ok(end);
                }
                let survey = match seen.take() {
                    Some(survey) => survey,
                    None => world.survey(run)?,
                };
                let chosen = decide(quiet, &survey, policy, entering);
                let judges = chosen.judges();
                if judges && let Some(judging) = run.judging() {
                    end.judges(judging);
                }
                match chosen.choice {
                    Choice::Stop(stop) => {
                        if stop.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::GitFailed) {
                            end.outcome = Outcome::Failed;
                        }
                        end.reason = stop.reason;
                        end.ticket = end.ticket.or(stop.ticket);
                        return Ok(end);
                    }
                    Choice::Record(mut events) => {
                        for event in &mut events {
                            world.withhold(event);
                            world.prepare(run, event)?;
                        }
                        entering &= !judges && !events.iter().any(starts);
                        // Behind the end of a run a look is another one: what that run served lies there no more.
                        seen = (!events.iter().any(ends_the_run)).then_some(survey);
                        events
                    }
                }
            }
        };
        for event in &mut events {
            world.withhold(event);
        }
        world.append(run, &events)?;
        for event in &events {
            run.apply(event)?;
            end.note(event);
            report(event);
        }
    }
}

/// Serves the operators' decisions that wait, and does nothing else.
pub fn serve<W: World>(world: &mut W, run: &mut RunState, policy: &Policy) -> Result<(), W::Error>
where
    W::Error: From<OutOfOrder>,
{
    loop {
        let mut events = match run.phase() {
            Phase::Acting(act) => world.act(run, act)?,
            Phase::Turning(_) | Phase::Saving(_) | Phase::Checking(_) => return Ok(()),
            Phase::Quiet(quiet) => {
                let survey = world.survey(run)?;
                match serve_decisions(quiet, &survey, policy) {
                    None | Some(Choice::Stop(_)) => return Ok(()),
                    Some(Choice::Record(mut events)) => {
                        for event in &mut events {
                            world.withhold(event);
                            world.prepare(run, event)?;
                        }
                        events
                    }
                }
            }
        };
        for event in &mut events {
            world.withhold(event);
        }
        world.append(run, &events)?;
        for event in &events {
            run.apply(event)?;
        }
        if run.life != Life::Open {
            return Ok(());
        }
    }
}

/// Whether an event lets the step leave the before-turn list.
fn starts(event: &Event) -> bool {
    matches!(event, Event::TurnStarted(_) | Event::VerifyStarted(_) | Event::EffectBegun(Begun::Save(_)))
}

fn ends_the_run(event: &Event) -> bool {
    matches!(event, Event::RunCompleted { .. } | Event::RunStopped { .. })
}

impl StepEnd {
    /// Nothing was done, for this reason.
    pub fn nothing(reason: Reason, ticket: Option<TicketId>) -> Self {
        Self { reason: Some(reason), ticket, ..Self::default() }
    }

    /// What a step judges is what it is about.
    pub(super) fn judges(&mut self, judging: &Judging) {
        self.ticket = Some(judging.request.ticket.clone());
        self.turn = Some(judging.request.turn);
        self.agent = Some(judging.ended.agent.clone());
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::TurnStarted(request) => {
                // Whatever was in the way of another ticket was passed over.
                self.reason = None;
                self.ticket = Some(request.ticket.clone());
                self.turn = Some(request.turn);
                self.agent = Some(request.agent.clone());
            }
            Event::TurnFinished(ended)
            | Event::TurnFailed(ended)
            | Event::TurnTimedOut(ended)
            | Event::TurnInterrupted(ended) => {
                self.ticket = Some(ended.ticket.clone());
                self.turn = Some(ended.turn);
                self.agent = Some(ended.agent.clone());
            }
            Event::EffectBegun(Begun::Verdict(verdict)) => {
                self.outcome = verdict.outcome;
                self.reason.clone_from(&verdict.reason);
                self.ticket = self.ticket.take().or_else(|| verdict.ticket.clone());
                self.turn = self.turn.or(verdict.turn);
            }
            Event::EffectFinished { effect, ticket, outcome, .. } if effect == "verdict" => {
                self.ticket = self.ticket.take().or_else(|| ticket.clone());
                if self.outcome == Outcome::None
                    && let Some(outcome) = outcome
                {
                    self.outcome = serde_json::from_value(outcome.as_str().into()).unwrap_or(Outcome::None);
                }
                self.over = true;
            }
            Event::RunPaused { ticket, reason, .. }
                if self.outcome == Outcome::None && reason.code == ReasonCode::ApprovalPending =>
            {
                self.outcome = Outcome::Waiting;
                self.ticket.clone_from(ticket);
                self.reason = Some(reason.clone());
            }
            Event::RunPaused { reason, .. }
                if self.outcome != Outcome::None || reason.code != ReasonCode::OperatorPause =>
            {
                self.reason = Some(reason.clone());
            }
            Event::TicketDone { ticket, commit, by: None, .. } => {
                self.ticket = Some(ticket.clone());
                self.outcome = Outcome::TicketDone;
                self.commit = commit.clone().or_else(|| self.commit.take());
                self.over = true;
            }
            Event::VerifyFinished(ended) if ended.interrupted => {
                let message = "a check was interrupted; `turnstile run` goes on with it";
                self.reason = Some(Reason::new(ReasonCode::Interrupted, message));
                self.over = true;
            }
            Event::VerifyFinished(ended) => {
                self.verify.retain(|known| known.check != ended.check);
                self.verify.push(ended.clone());
            }
            Event::CommitMade { commit, .. } => self.commit = Some(commit.clone()),
            Event::OutboxArchived { path, .. } => self.dispatch = Some(path.clone()),
            Event::RunStopped { by } => {
                let message = format!("{by} stopped the run; `turnstile run` begins a new one");
                self.reason = Some(Reason::new(ReasonCode::Stopped, message));
                self.over = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;

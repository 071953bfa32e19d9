//! The only place where the next action is chosen: two ordered lists, and the first entry that answers wins.

use std::collections::HashSet;

use super::after::AFTER;
use super::before::BEFORE;
use super::event::Event;
use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::state::{Judging, Life, Quiet, RunState, TicketState};
use super::survey::{Survey, TicketFact};
use crate::ticket::TicketId;

/// What to do with a quiet worktree.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Write these down; the last one may begin an effect.
    Record(Vec<Event>),
    /// Nothing further.
    Stop(Stop),
}

/// Why nothing further is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// The reason; none where there was nothing to do.
    pub reason: Option<Reason>,
    /// The ticket that it is about.
    pub ticket: Option<TicketId>,
}

/// A choice, and the rung of the before-turn list that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The rung; 9 for everything that judges a turn, but for the finishing commit of an earlier step.
    pub rung: u8,
    /// The choice.
    pub choice: Choice,
}

/// All that a rung or a row may look at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The run so far.
    pub run: &'a RunState,
    /// The world.
    pub survey: &'a Survey,
    /// The rules.
    pub policy: &'a Policy,
}

/// One entry of the before-turn list.
pub struct Rung {
    /// Its number in the table.
    pub number: u8,
    /// What it is called.
    pub name: &'static str,
    /// What is looked at and what follows.
    pub doc: &'static str,
    /// Its answer, if it has one.
    pub answer: fn(&Look<'_>) -> Option<Choice>,
}

/// One entry of the after-turn table.
pub struct Row {
    /// Its number in the table.
    pub number: u8,
    /// What it is called.
    pub name: &'static str,
    /// What is looked at and what follows.
    pub doc: &'static str,
    /// Its answer, if it has one.
    pub answer: fn(&Look<'_>, &Judging) -> Option<Choice>,
}

/// Chooses. `entering` is true until the step has started a turn or begun to judge one.
pub fn decide(quiet: Quiet<'_>, survey: &Survey, policy: &Policy, entering: bool) -> Chosen {
    let open = quiet.run().life == Life::Open;
    let successor;
    let run = if open {
        quiet.run()
    } else {
        successor = quiet.run().successor(survey);
        &successor
    };
    let look = Look { run, survey, policy };
    let chosen = if entering { before(&look) } else { within(&look) };
    match chosen.choice {
        Choice::Record(events) if !open => {
            Chosen { rung: chosen.rung, choice: Choice::Record(begin_run(&look, events)) }
        }
        Choice::Record(_) | Choice::Stop(_) => chosen,
    }
}

fn before(look: &Look<'_>) -> Chosen {
    for rung in &BEFORE {
        if rung.number == 7
            && let Some(judging) = super::mail::judged_first(look)
            && let choice @ Choice::Record(_) = judge(look, judging)
        {
            return Chosen { rung: 9, choice };
        }
        if let Some(choice) = (rung.answer)(look) {
            return Chosen { rung: rung.number, choice };
        }
    }
    unreachable!("the last rung always answers")
}

fn within(look: &Look<'_>) -> Chosen {
    if let Some(why) = &look.run.git_failure {
        return Chosen { rung: 9, choice: Choice::stop(Reason::new(ReasonCode::GitFailed, why.clone()), None) };
    }
    match look.run.judging() {
        Some(judging) => Chosen { rung: 9, choice: judge(look, judging) },
        None => before(look),
    }
}

impl Chosen {
    /// Whether a turn is judged by it.
    pub fn judges(&self) -> bool {
        matches!(self.rung, 4 | 9)
    }
}

/// The after-turn table from the row at which it stands.
pub(super) fn judge(look: &Look<'_>, judging: &Judging) -> Choice {
    if let Some(verdict) = &judging.verdict {
        return super::chores::next(look, judging, verdict);
    }
    if let Some(choice) = super::finish::finished(look) {
        return choice;
    }
    if judging.row > 0
        && let Some(choice) = super::verdicts::put_aside(look, judging)
    {
        return choice;
    }
    // What the checks found may not hold any more when the commit is looked at again.
    let from = if (10..=11).contains(&judging.row) { 9 } else { judging.row };
    if let Some(choice) = super::breaker::closes(look, judging) {
        return choice;
    }
    // Nothing goes on behind row 7 with a content that nobody has looked at, whenever it came about.
    let rows = AFTER.iter().filter(|row| matches!(row.number, 0 | 7) || row.number >= from);
    for row in rows {
        if let Some(choice) = (row.answer)(look, judging) {
            return choice;
        }
    }
    unreachable!("the last row always answers")
}

fn begin_run(look: &Look<'_>, mut events: Vec<Event>) -> Vec<Event> {
    let carried = look.run.carry(look.survey);
    let (branch, head) = (look.survey.branch.clone(), look.survey.head.clone());
    events.insert(0, Event::RunStarted { branch, head, carried });
    events
}

impl Choice {
    /// Nothing further, with a reason.
    pub fn stop(reason: Reason, ticket: Option<&TicketId>) -> Self {
        Self::Stop(Stop { reason: Some(reason), ticket: ticket.cloned() })
    }
}

impl<'a> Look<'a> {
    /// Whether a ticket is not done as a fact.
    pub fn is_open(&self, ticket: &TicketFact) -> bool {
        !ticket.done || ticket.claimed || self.run.tickets.get(&ticket.id).is_some_and(|state| state.claim)
    }

    /// The dependencies of a ticket that are open, in the order in which it names them.
    pub fn open_dependencies(&self, ticket: &TicketFact) -> Vec<&'a TicketId> {
        let known = ticket.depends_on.iter().filter_map(|id| self.survey.ticket(id));
        known.filter(|other| self.is_open(other)).map(|other| &other.id).collect()
    }

    /// Whether a ticket could be worked on now.
    pub fn is_ready(&self, ticket: &TicketFact) -> bool {
        self.is_open(ticket)
            && ticket.hold.is_none()
            && ticket.claimed_by.is_none()
            && ticket.unresolved.is_empty()
            && !super::approval::is_rejected(self, ticket)
            && self.open_dependencies(ticket).is_empty()
    }

    /// The tickets that this command may work on.
    pub fn allowed(&self) -> Vec<&'a TicketFact> {
        let Some(only) = &self.policy.only else { return self.survey.tickets.iter().collect() };
        let mut wanted: HashSet<&TicketId> = HashSet::new();
        let mut ways: Vec<&TicketId> = only.iter().collect();
        while let Some(id) = ways.pop() {
            if wanted.insert(id)
                && let Some(ticket) = self.survey.ticket(id)
            {
                ways.extend(&ticket.depends_on);
            }
        }
        self.survey.tickets.iter().filter(|ticket| wanted.contains(&ticket.id)).collect()
    }

    /// The ticket that a turn would be for: the current one as long as it can be worked on, else the first that can.
    pub fn next_ticket(&self) -> Option<&'a TicketFact> {
        let allowed = self.allowed();
        let ready = |ticket: &&&TicketFact| self.is_ready(ticket) && !super::wait::passes_over(self, ticket);
        let sticky = self
            .run
            .current
            .as_ref()
            .and_then(|current| allowed.iter().filter(ready).find(|ticket| ticket.id == *current));
        sticky.or_else(|| allowed.iter().find(ready)).copied()
    }

    /// The ticket whose turn is judged, or that is worked on, or that would be next.
    pub fn ticket_at_hand(&self) -> Option<TicketId> {
        self.run
            .judging()
            .map(|judging| judging.request.ticket.clone())
            .or_else(|| self.next_ticket().map(|ticket| ticket.id.clone()))
    }

    /// Whether an uncommitted path outside `.tickets/` is the work of a ticket.
    pub fn is_work(&self, ticket: &TicketId, path: &str, digest: &str) -> bool {
        let made = self.run.tickets.get(ticket).is_some_and(|state| state.work.contains(path));
        let inherited = self.run.inherited.get(path).is_some_and(|left| left == digest);
        (made && !self.is_accepted(path, digest)) || inherited
    }

    /// Whether an uncommitted path is the user's and accepted as it lies there.
    pub fn is_accepted(&self, path: &str, digest: &str) -> bool {
        self.run.accepted.get(path).is_some_and(|accepted| accepted == digest)
    }

    /// What lies uncommitted outside `.tickets/` and is a ticket's work.
    pub fn work(&self, ticket: &TicketId) -> Vec<String> {
        self.unaccepted()
            .filter(|(path, digest)| self.is_work(ticket, path, digest))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Work that turns of a ticket put into git's stash, with the command that brings it back.
    pub fn stashed(&self, ticket: &TicketId) -> Option<String> {
        let state = self.run.tickets.get(ticket)?;
        let now = self.survey.stash.as_ref().filter(|now| state.stash.as_ref() != Some(*now))?;
        Some(format!("stash@{{0}} ({}): `git stash pop` brings it back", now.get(..10).unwrap_or(now)))
    }

    /// What lies uncommitted outside `.tickets/` and is neither that nor accepted.
    pub fn foreign(&self, ticket: &TicketId) -> Vec<(String, String)> {
        self.unaccepted()
            .filter(|(path, digest)| !self.is_work(ticket, path, digest))
            .map(|(path, digest)| (path.clone(), digest.clone()))
            .collect()
    }

    fn unaccepted(&self) -> impl Iterator<Item = (&'a String, &'a String)> {
        let run = self.run;
        // What a check left behind is nobody's.
        let counts = move |path: &String| !run.droppings.contains(path);
        let changes = self.survey.changes.iter().filter(move |(path, _)| counts(path));
        changes.filter(move |(path, digest)| run.accepted.get(*path) != Some(digest))
    }

    /// What a ticket leaves uncommitted in `.tickets/`, together with what operators' decisions left; without a
    /// ticket, also the messages that were archived for tickets that are done already.
    pub fn paperwork(&self, ticket: Option<&TicketId>) -> Vec<String> {
        let state = ticket.and_then(|ticket| self.run.tickets.get(ticket));
        let own = ticket.map(TicketId::path);
        let history = ticket.map(|ticket| format!(".tickets/history/{}/", ticket.as_str()));
        let is_paperwork = |path: &str, removed: bool| {
            own.as_deref() == Some(path)
                || history.as_deref().is_some_and(|history| path.starts_with(history))
                || self.run.decided.contains(path)
                || (removed && is_message(path))
                || (ticket.is_none() && self.run.tickets.values().any(|state| is_archived(state, path)))
                || state.is_some_and(|state| {
                    let touched = state.paperwork.contains(path) || is_archived(state, path);
                    touched && !is_message(path)
                })
        };
        self.survey
            .tickets_changes
            .iter()
            .filter(|(path, removed)| is_paperwork(path, **removed))
            .map(|(path, _)| path.clone())
            .collect()
    }
}

/// Whether a path belongs to a message that was archived and not committed since.
fn is_archived(state: &TicketState, path: &str) -> bool {
    state.paperwork.iter().any(|folder| folder.ends_with('/') && path.starts_with(folder.as_str()))
}

/// A message that turnstile moves away: its removal is paperwork, its presence never is.
pub(super) fn is_message(path: &str) -> bool {
    path == ".tickets/USER_REPLY.md" || path.starts_with(".tickets/reply/") || path.starts_with(".tickets/outbox/")
}

//! A run in the worktree of a pushed branch, and that branch: what the run has made is published to it, and what is pushed
//! comes into the worktree. The branch is moved forward only, and only from where it was seen; what is pushed wins.

use super::error::RunError;
use super::hub_files::{self, HubBranch};
use super::real::{Progress, Real};
use crate::crash::{Point, point};
use crate::flow::{AskedBy, Event, Life, Phase, Reason, ReasonCode, RunState, Stands, World as _};
use crate::git;

/// So often somebody may push between a look and the act before it is called an error.
const TRIES: u32 = 50;

/// What a look at the pushed branch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Synced {
    /// The worktree is where it was.
    Same,
    /// Something else lies there now.
    Moved,
    /// The branch is gone.
    Gone,
    /// Nothing goes on before a person has looked at it.
    Stands(Reason),
}

/// How the branch, where it was seen and HEAD relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The branch is where HEAD is.
    Equal,
    /// HEAD has commits on top of the branch.
    Ahead,
    /// The branch has commits on top of HEAD.
    Behind,
    /// Each has commits of its own, or the branch has lost some that it had.
    Apart,
}

impl Real<'_> {
    /// Publishes what may be published, and takes in what was pushed. Does nothing while an effect is in flight, and
    /// nowhere but in the worktree of a pushed branch.
    pub(super) fn sync(&mut self, state: &mut RunState) -> Result<Synced, RunError> {
        let Some(hub) = self.workspace.hub.clone() else { return Ok(Synced::Same) };
        if !matches!(state.phase(), Phase::Quiet(_)) {
            return Ok(Synced::Same);
        }
        if is_in_question(state) {
            self.remember_what_was_told(&hub)?;
            return Ok(Synced::Same);
        }
        for _ in 0..TRIES {
            if let Some(synced) = self.sync_once(state)? {
                return Ok(synced);
            }
        }
        Err(RunError::Child("the branch is pushed to all the time, faster than it can be looked at".to_owned()))
    }

    /// None where somebody has pushed between the look and the act.
    fn sync_once(&mut self, state: &mut RunState) -> Result<Option<Synced>, RunError> {
        let place = self.workspace.place.clone();
        let Some(hub) = self.workspace.hub.clone() else { return Ok(Some(Synced::Same)) };
        let at = git::head(&place)?;
        if let Some(branch) = &at.branch {
            // A person who has checked a branch out has taken the worktree over, and may work there. Nobody else does.
            let is_theirs = self.options.asked_by == AskedBy::Person;
            return Ok(Some(if is_theirs {
                Synced::Same
            } else {
                Synced::Stands(self.workspace.attached(&hub, state, branch))
            }));
        }
        let Some(head) = at.commit else { return Ok(Some(Synced::Same)) };
        let tip = git::tip(&place, &hub.name)?;
        if self.workspace.stays_doubted(&hub, state, tip.as_deref(), &head)? {
            return Ok(Some(Synced::Stands(self.workspace.untold(&hub, tip.as_deref()))));
        }
        let Some(tip) = tip else { return self.gone(state, &hub, &head).map(Some) };
        match relation(&place, &hub.seen, &tip, &head)? {
            Relation::Equal => {
                self.saw(&hub, &tip)?;
                Ok(Some(Synced::Same))
            }
            Relation::Ahead if !may_be_published(state) => {
                self.saw(&hub, &tip)?;
                Ok(Some(Synced::Same))
            }
            Relation::Ahead => {
                if let Some(reason) = self.workspace.taken_elsewhere(&hub) {
                    return Ok(Some(Synced::Stands(reason)));
                }
                point(Point::HubPublishing);
                if !git::move_forward(&place, &hub.name, &tip, &head)? {
                    return Ok(None);
                }
                point(Point::HubPublished);
                self.note_down(
                    state,
                    Event::BranchPublished { branch: hub.name.clone(), from: tip, commit: head.clone() },
                )?;
                self.saw(&hub, &head)?;
                Ok(Some(Synced::Same))
            }
            Relation::Behind if self.leaves_work_behind(state, &tip)? => self.give_way(state, &hub, &tip).map(Some),
            Relation::Behind => match git::check_out(&place, &tip)? {
                Ok(()) => {
                    point(Point::HubFollowed);
                    self.forget_the_look();
                    self.note_down(
                        state,
                        Event::BranchFollowed { branch: hub.name.clone(), from: head, commit: tip.clone() },
                    )?;
                    self.saw(&hub, &tip)?;
                    Ok(Some(Synced::Moved))
                }
                Err(why) if git::is_clean(&place)? => Err(RunError::Child(why)),
                Err(_) => self.give_way(state, &hub, &tip).map(Some),
            },
            Relation::Apart => self.give_way(state, &hub, &tip).map(Some),
        }
    }

    /// Whether what is not committed here belongs to a ticket that what was pushed does not have: nobody would commit it.
    fn leaves_work_behind(&self, state: &RunState, tip: &str) -> Result<bool, RunError> {
        let Some(ticket) = &state.current else { return Ok(false) };
        let place = &self.workspace.place;
        Ok(!git::has_file(&place.common_dir, tip, &ticket.path())? && !git::is_clean(place)?)
    }

    /// A push that came while a person had to look first is one still when they have.
    fn remember_what_was_told(&mut self, hub: &HubBranch) -> Result<(), RunError> {
        let tip = git::tip(&self.workspace.place, &hub.name)?;
        if tip.as_ref().is_none_or(|tip| *tip == hub.seen || hub.told.as_ref() == Some(tip))
            || !self.workspace.is_told(hub, tip.as_deref())?
        {
            return Ok(());
        }
        self.keep(hub.told(tip))
    }

    /// What was pushed wins: what lies here is put on a branch of its own, and everything begins again from the push.
    fn give_way(&mut self, state: &mut RunState, hub: &HubBranch, tip: &str) -> Result<Synced, RunError> {
        let parked = self.park(state, hub, Some(tip))?;
        self.forget_the_look();
        if let Err(why) = git::leave_for(&self.workspace.place, &parked, tip)? {
            return Err(RunError::Child(format!(
                "what was pushed to `{}` cannot be checked out in {}: {why}",
                hub.shown(),
                self.workspace.layout.top.display()
            )));
        }
        self.saw(hub, tip)?;
        Ok(Synced::Moved)
    }

    /// The branch was removed: the run is over, and what it has made and nobody has seen is kept.
    fn gone(&mut self, state: &mut RunState, hub: &HubBranch, head: &str) -> Result<Synced, RunError> {
        let place = self.workspace.place.clone();
        if git::is_clean(&place)? && git::is_within(&place, head, &hub.seen)? {
            self.end_run(state, &format!("the removal of {}", hub.shown()))?;
            return Ok(Synced::Gone);
        }
        let parked = self.park(state, hub, None)?;
        self.forget_the_look();
        git::leave(&place, &parked)?.map_err(RunError::Child)?;
        Ok(Synced::Gone)
    }

    /// Gives back the commit that now has all of it.
    fn park(&mut self, state: &mut RunState, hub: &HubBranch, tip: Option<&str>) -> Result<String, RunError> {
        let ticket = state.current.clone();
        let place = &self.workspace.place;
        // Of a ticket that was just done the commit says which it was.
        let last = match (&ticket, git::head(place)?.commit) {
            (None, Some(head)) => git::named_in_message(&place.common_dir, &head, "Turnstile-Ticket")?,
            _ => None,
        };
        let what = ticket.as_ref().map(crate::ticket::TicketId::as_str).or(last.as_deref()).unwrap_or("work");
        let why = if tip.is_some() { "was pushed meanwhile" } else { "was removed" };
        let mut message = format!("{what}: parked, for {} {why}\n", hub.shown());
        if let Some(ticket) = &ticket {
            message.push_str(&format!("\nTurnstile-Ticket: {ticket}"));
        }
        if let Some(run) = &self.run {
            message.push_str(&format!("\nTurnstile-Run: {run}"));
        }
        let parked = git::park(&self.workspace.place, &git::parking_name(what), message.trim_end(), self.screen())?
            .ok_or_else(|| RunError::Child("HEAD has no commit".to_owned()))?;
        let commit = parked.commit.clone();
        self.note_down(
            state,
            Event::WorkParked {
                ticket,
                pushed: hub.name.clone(),
                to: tip.map(str::to_owned),
                branch: parked.branch,
                commit: parked.commit,
            },
        )?;
        let by = if tip.is_some() { "a push to" } else { "the removal of" };
        self.end_run(state, &format!("{by} {}", hub.shown()))?;
        Ok(commit)
    }

    fn end_run(&mut self, state: &mut RunState, by: &str) -> Result<(), RunError> {
        if state.life == Life::Open {
            self.note_down(state, Event::RunStopped { by: by.to_owned() })?;
        }
        Ok(())
    }

    /// A run that is over has no lines behind its end: that something was published then is seen by the branch.
    fn note_down(&mut self, state: &mut RunState, mut event: Event) -> Result<(), RunError> {
        self.withhold(&mut event);
        if state.life != Life::Open {
            (self.progress)(Progress::Event(&event));
            return Ok(());
        }
        self.append(state, std::slice::from_ref(&event))?;
        Ok(state.apply(&event)?)
    }

    fn saw(&mut self, hub: &HubBranch, commit: &str) -> Result<(), RunError> {
        if hub.seen == commit {
            return Ok(());
        }
        self.keep(HubBranch::new(&hub.name, commit))
    }

    fn keep(&mut self, hub: HubBranch) -> Result<(), RunError> {
        hub_files::write(&self.workspace.layout, &self.workspace.layout.worktree, &hub)?;
        self.workspace.hub = Some(hub);
        Ok(())
    }

    pub(super) fn forget_the_look(&mut self) {
        (self.workspace.seen, self.workspace.handed) = (None, None);
    }
}

pub(super) fn relation(place: &git::Place, seen: &str, tip: &str, head: &str) -> Result<Relation, RunError> {
    if tip == head {
        return Ok(Relation::Equal);
    }
    // Whoever takes commits away that were there means it: they are not pushed back.
    if !git::is_within(place, seen, tip)? {
        return Ok(Relation::Apart);
    }
    Ok(if git::is_within(place, tip, head)? {
        Relation::Ahead
    } else if git::is_within(place, head, tip)? {
        Relation::Behind
    } else {
        Relation::Apart
    })
}

/// Whether a person has to look at the git directory before any program of git's is started in it.
pub(super) fn is_in_question(state: &RunState) -> bool {
    state.standing.iter().any(|stands| matches!(stands.reason.code, ReasonCode::Tampered | ReasonCode::HeadMoved))
}

/// What a ticket has come to is published when it is done, and when somebody is asked who may answer by a push.
pub(super) fn may_be_published(state: &RunState) -> bool {
    let asks = |stands: &Stands| {
        let code = stands.reason.code;
        let is_of_current = stands.ticket.is_none() || state.current.is_none() || stands.ticket == state.current;
        is_of_current && (code.answered_by_reply() || code.answered_by_decision())
    };
    state.life != Life::Open || state.current.is_none() || state.standing.iter().any(asks)
}

//! The breaker: after so many failures in a row nobody but a person starts a turn.

use serde_json::json;

use super::choose::{Choice, Look};
use super::event::Event;
use super::parts::Verdict;
use super::policy::AskedBy;
use super::reason::{Reason, ReasonCode};
use super::state::{EndKind, Judging, RunState};

/// How the breaker of a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Whether it is open: then a person's command is the probe, and nothing else starts a turn.
    pub open: bool,
    /// Failures in a row. A series of retries is one.
    pub failures: u32,
}

/// Whether a turn's end is a failure that counts: the program could be started, and nobody ended it.
fn is_failure(judging: &Judging) -> bool {
    match judging.end {
        EndKind::Finished => false,
        EndKind::Failed | EndKind::TimedOut => judging.ended.started && !judging.ended.runner_fault,
        EndKind::Interrupted => !judging.ended.by_person,
    }
}

/// The line that opens it, where row 5 ends a series of attempts and this was the one too many.
pub(super) fn opens(look: &Look<'_>, judging: &Judging) -> Option<Event> {
    let Breaker { open, failures } = look.run.breaker;
    let failures = failures.saturating_add(1);
    let is_one_too_many = look.policy.limits.failures.is_some_and(|limit| failures >= limit);
    (is_failure(judging) && !open && is_one_too_many).then_some(Event::CircuitOpened { failures })
}

/// A turn that ended well closes it.
pub(super) fn closes(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let is_probe = judging.end == EndKind::Finished && look.run.breaker.open;
    is_probe.then(|| Choice::Record(vec![Event::CircuitClosed {}]))
}

/// Counts a turn that row 5 judged to its end. A pause of any other row is nobody's failure.
pub(super) fn count(breaker: &mut Breaker, judging: &Judging, verdict: &Verdict) {
    if verdict.row == 5 && verdict.retry.is_none() && is_failure(judging) {
        breaker.failures = breaker.failures.saturating_add(1);
    }
}

/// Rung 14: it is open. A person is let through.
pub(super) fn circuit_open(look: &Look<'_>) -> Option<Choice> {
    let Breaker { open, failures } = look.run.breaker;
    if !open || look.policy.asked_by == AskedBy::Person {
        return None;
    }
    let message = format!(
        "{failures} turns in a row failed; `turnstile run` tries again, and a turn that ends well closes the breaker"
    );
    let reason = Reason::new(ReasonCode::CircuitOpen, message).details(json!({ "failures": failures }));
    Some(Choice::stop(reason, None))
}

/// Rung 8: a failure stands for whoever is no person, until a person, a reply or new commits answer it.
pub(super) fn failure_stands(look: &Look<'_>) -> Option<Choice> {
    let failed = look.run.last_pause.as_ref().filter(|reason| reason.code == ReasonCode::AgentFailed)?;
    if look.policy.asked_by == AskedBy::Person || has_new_commits(look) {
        return None;
    }
    Some(Choice::stop(failed.clone(), None))
}

/// Whether HEAD is at a commit that neither a turn nor turnstile has made.
fn has_new_commits(look: &Look<'_>) -> bool {
    let run: &RunState = look.run;
    let Some(head) = &look.survey.head else { return false };
    run.last_head.as_ref() != Some(head) && !run.tickets.values().any(|state| state.commits.contains(head))
}

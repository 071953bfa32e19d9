//! Errors that may pass by themselves: how often a turn is tried again and when, and that nothing starts before.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::choose::{Choice, Look};
use super::moment::Moment;
use super::reason::{Reason, ReasonCode};
use super::state::{EndKind, Judging, TicketState};

/// What is known of a failure, where its program has a way to say it. What is not known is permanent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum ErrorClass {
    /// Another attempt may succeed.
    Transient,
    /// Another attempt succeeds from some time on.
    RateLimited {
        /// From when on; none where the program did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Moment>,
    },
    /// No further attempt succeeds.
    Fatal,
}

/// A turn that is to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// When that was decided.
    pub decided: Moment,
    /// Nothing starts before.
    pub until: Moment,
    /// Which retry in a row it is, from 1.
    pub number: u32,
    /// How many there are at most.
    pub of: u32,
}

/// The longest time between two attempts where nobody named one.
const LONGEST: Duration = Duration::from_secs(3600);

/// Whether a failed turn is tried again by itself, and when.
pub(super) fn retry(look: &Look<'_>, judging: &Judging) -> Option<Retry> {
    if judging.end != EndKind::Failed {
        return None;
    }
    let had = look.run.ticket(&judging.request.ticket).retries;
    let of = look.policy.retries.transient;
    let now = look.survey.now;
    let doubled = look.policy.backoff.saturating_mul(1_u32.checked_shl(had).unwrap_or(u32::MAX));
    let by_itself = now.after(doubled.min(LONGEST));
    let until = match judging.ended.error.as_ref()? {
        ErrorClass::Fatal => return None,
        ErrorClass::Transient | ErrorClass::RateLimited { until: None } => by_itself,
        ErrorClass::RateLimited { until: Some(until) } => *until,
    };
    (had < of).then_some(Retry { decided: now, until, number: had + 1, of })
}

/// A verdict that asks for a retry is one more in its row; any other ends the row.
pub(super) fn count(state: &mut TicketState, retry: Option<Retry>) {
    state.retries = retry.map_or(0, |retry| retry.number);
    state.retry = retry;
}

/// Rung 14: a retry's time is not reached.
pub(super) fn parked(look: &Look<'_>) -> Option<Choice> {
    let ticket = &look.next_ticket()?.id;
    let retry = look.run.tickets.get(ticket)?.retry?;
    if !retry.is_ahead(look.survey.now) {
        return None;
    }
    let message = format!(
        "the last turn of {ticket} failed with an error that may pass; retry {} of {} may start at {}, and `turnstile run` waits for that if it is less than {} minutes away",
        retry.number,
        retry.of,
        retry.until,
        Retry::WAITED_FOR.as_secs() / 60,
    );
    let reason = Reason::new(ReasonCode::Parked, message).details(json!({
        "until": retry.until, "retry": retry.number, "retries": retry.of,
    }));
    Some(Choice::stop(reason, Some(ticket)))
}

impl Retry {
    /// As long as that `run` waits for a retry.
    pub const WAITED_FOR: Duration = Duration::from_secs(10 * 60);

    /// Whether its time is still to come. A clock that shows a time before the decision was set back, and says nothing
    /// of how long that was ago: nobody waits by it, or a run could be parked for as long as the clock is wrong.
    pub fn is_ahead(&self, now: Moment) -> bool {
        self.decided <= now && now < self.until
    }
}

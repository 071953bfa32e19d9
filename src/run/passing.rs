//! What a run says where it goes on beside a ticket that waits for a person.

use super::driver::StepEnd;
use crate::flow::{Outcome, Policy, is_passed_over};

/// Why the step's ticket waits, where other tickets go on meanwhile.
pub(super) fn passed_over(end: &StepEnd, rules: &Policy) -> Option<String> {
    let reason = end.reason.as_ref().filter(|_| end.outcome == Outcome::Waiting)?;
    let message = reason.message.lines().next().unwrap_or_default();
    let told = format!("{}: {message}\nwhat else is ready goes on meanwhile (`on_wait: next`)", reason.code);
    is_passed_over(rules, reason.code).then_some(told)
}

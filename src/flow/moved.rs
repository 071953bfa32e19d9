//! What is said where HEAD is not where a turn may have put it: what happened, how to put it back, what is there now.

use serde_json::json;

use super::before::short;
use super::choose::Look;
use super::reason::{Reason, ReasonCode};
use super::state::Judging;

/// The reason `head_moved`.
pub(super) fn reason(look: &Look<'_>, judging: &Judging, how: &str, back: &str) -> Reason {
    let there = match (&look.survey.branch, &look.survey.head) {
        (Some(branch), Some(commit)) => format!("`{}` at {}", short(branch), short_commit(commit)),
        (Some(branch), None) => format!("`{}` without a commit", short(branch)),
        (None, Some(commit)) => format!("a detached HEAD at {}", short_commit(commit)),
        (None, None) => "a HEAD without a commit".to_owned(),
    };
    let message = format!(
        "{how}; {back}, or `turnstile resume` accepts what is there now: {there} is then what the run works on (`git log --stat` shows it)"
    );
    let (before, head, branch) = (&judging.request.head, &look.survey.head, &look.survey.branch);
    Reason::new(ReasonCode::HeadMoved, message).details(json!({ "before": before, "head": head, "branch": branch }))
}

/// A commit as people read it.
pub(super) fn short_commit(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

//! Rows 1 and 3: what a turn changed of that which decides what runs next. A person looks at it first.

use serde_json::json;

use super::choose::{Choice, Look};
use super::parts::{Outcome, Verdict};
use super::reason::{Reason, ReasonCode};
use super::state::Judging;
use super::verdicts::{ends, verdict};

pub(super) fn tampering(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let changes = &look.survey.tampering;
    if changes.is_empty() {
        return None;
    }
    let lines: Vec<String> = changes.iter().map(|change| format!("  {}", crate::text::shown_line(change))).collect();
    let message = format!(
        "turn {} of {} changed the git directory where it decides which programs run; nothing is committed and git is not called; put it back, or `turnstile resume` accepts what is there now\n{}",
        judging.request.turn,
        judging.request.ticket,
        lines.join("\n")
    );
    let reason = Reason::new(ReasonCode::Tampered, message).details(json!({ "changes": changes }));
    Some(verdict(look, judging, Verdict { hold: Some(2), ..ends(1, Outcome::Waiting, Some(reason), Vec::new()) }))
}

pub(super) fn runner_files(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let changed = &look.survey.turn.runner_files;
    if changed.is_empty() {
        return None;
    }
    let names: Vec<String> = changed.keys().map(|path| crate::text::shown_line(path)).collect();
    let names = names.join(" ");
    let back = match look.survey.turn.runner_files_back.as_str() {
        "" => String::new(),
        command => format!("`{command}` puts back what was there, or "),
    };
    let diffs: Vec<String> = changed.values().map(|diff| crate::text::shown(diff)).collect();
    let message = format!(
        "turn {} of {} changed what turnstile itself goes by: {names}; {back}`turnstile resume` accepts what is there now\n{}",
        judging.request.turn,
        judging.request.ticket,
        diffs.concat().trim_end()
    );
    let reason = Reason::new(ReasonCode::RunnerFilesChanged, message)
        .details(json!({ "before": judging.ended.before, "paths": changed.keys().collect::<Vec<_>>() }));
    Some(verdict(look, judging, Verdict { hold: Some(4), ..ends(3, Outcome::Waiting, Some(reason), Vec::new()) }))
}

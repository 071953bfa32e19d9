//! A check in its own process: the tree before, the program, the tree after, and what the difference is.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use super::child::stamp_of_reply;
use super::tampering;
use super::work::CheckWork;
use super::written::written;
use crate::effect::{self, ChildContext, Program, ProgramEnd, Stopped};
use crate::flow::{CheckResult, CheckVerdict};
use crate::git::{self, ChangeKind, GitError, Uncommitted};
use crate::secret::Screen;

/// How much of what a check printed is told.
const TAIL: usize = 4000;

/// Runs it.
pub(super) fn check(
    work: &CheckWork,
    screen: &Screen,
    context: &ChildContext<'_>,
    variables: Vec<(OsString, OsString)>,
) -> Result<CheckResult, String> {
    let full = |error: GitError| super::error::RunError::from(error).in_full();
    let noted = tampering::begin_check(work).map_err(|error| error.in_full())?;
    let place = &work.place;
    let before = git::uncommitted(place).map_err(full)?;
    let (whole, tree) = git::work_trees(place, screen, before.clone(), &work.droppings).map_err(full)?;
    let (head, layout) = (git::head(place).map_err(full)?, super::workspace::layout_of(place));
    let reply = stamp_of_reply(&layout);
    let program = Program { env: variables, effect: Some(context.directory.to_owned()), ..work.program.clone() };
    let ended = effect::run(&program, screen, &context.asked);
    crate::crash::point(crate::crash::Point::CheckOver);
    let tampered = tampering::as_it_ends(place, &noted);
    let (verdict, why) = judge(&program, &ended);
    let mut result = CheckResult {
        why,
        exit: ended.exit,
        duration_ms: ended.duration_ms,
        tail: tail(&program, screen),
        log: Some(work.log.clone()),
        tampered,
        reply: stamp_of_reply(&layout).filter(|now| reply.as_ref() != Some(now)),
        interrupted: ended.stopped == Some(Stopped::Asked),
        ..CheckResult::bare(verdict, &tree)
    };
    if !result.tampered.is_empty() {
        git::refuse_programs(true);
        return Ok(result);
    }
    let after = git::uncommitted(place).map_err(full)?;
    result.droppings = droppings(&before, &after, work);
    let without: Vec<String> = work.droppings.iter().chain(&result.droppings).cloned().collect();
    let (whole_now, now) = git::work_trees(place, screen, after, &without).map_err(full)?;
    if now != tree {
        let changes = git::diff(place, &tree, &now).map_err(full)?;
        result.changed = changes.into_iter().map(|change| change.path).collect();
    }
    let changes = git::diff(place, &whole, &whole_now).map_err(full)?.into_iter().map(|change| change.path);
    result.paperwork = changes.filter(|path| path.starts_with(".tickets/")).collect();
    result.tickets = written(place, &work.ticket, &whole, &whole_now, &result.paperwork).map_err(full)?;
    result.moved = git::head(place).map_err(full)? != head;
    Ok(result)
}

/// Untracked files that were not there before.
fn droppings(before: &Uncommitted, after: &Uncommitted, work: &CheckWork) -> Vec<String> {
    let known: BTreeSet<&str> = before.changes.iter().map(|change| change.path.as_str()).collect();
    let is_new = |change: &&git::Change| {
        change.kind == ChangeKind::Untracked
            && !known.contains(change.path.as_str())
            && !change.path.starts_with(".tickets/")
            && !work.droppings.contains(&change.path)
    };
    after.changes.iter().filter(is_new).map(|change| change.path.clone()).collect()
}

fn judge(program: &Program, ended: &ProgramEnd) -> (CheckVerdict, Option<String>) {
    let inconclusive = |why: String| (CheckVerdict::Inconclusive, Some(why));
    if let Some(why) = &ended.not_started {
        return inconclusive(why.clone());
    }
    match (ended.stopped, ended.exit, ended.signal) {
        (Some(Stopped::Wall | Stopped::Idle), _, _) => {
            let seconds = program.timeout.unwrap_or_default().as_secs();
            inconclusive(format!("it was ended after its `timeout` of {seconds} s"))
        }
        (Some(Stopped::Asked), _, _) => inconclusive("a person ended it".to_owned()),
        (None, Some(0), _) => (CheckVerdict::Met, None),
        (None, Some(126), _) => inconclusive("exit status 126: its command may not be executed".to_owned()),
        (None, Some(127), _) => inconclusive("exit status 127: its command was not found".to_owned()),
        (None, Some(exit), _) => (CheckVerdict::Unmet, Some(format!("exit status {exit}"))),
        (None, None, Some(signal)) => inconclusive(format!("signal {signal} ended it")),
        (None, None, None) => inconclusive("how it ended is not known".to_owned()),
    }
}

/// The end of what it printed, the errors last.
fn tail(program: &Program, screen: &Screen) -> String {
    let read = |path: &Path| {
        let text = super::child::tail(path).unwrap_or_default();
        screen.redact(text.trim_end()).into_owned()
    };
    let (stdout, stderr) = (read(&program.stdout), read(&program.stderr));
    let of_errors = stderr.len().min(TAIL / 2).max(TAIL.saturating_sub(stdout.len()).min(stderr.len()));
    let parts = [end_of(&stdout, TAIL - of_errors), end_of(&stderr, of_errors)];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n")
}

/// At most so many bytes from the end of a text.
fn end_of(text: &str, most: usize) -> &str {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_begins_with_a_whole_character() {
        assert_eq!(end_of("aé", 1), "");
        assert_eq!(end_of("aé", 2), "é");
        assert_eq!(end_of("aé", 9), "aé");
    }
}

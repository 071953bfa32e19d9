//! What can only be seen while a turn is judged: what it changed and may not have changed, and where HEAD is.

use std::collections::BTreeMap;

use super::contract;
use super::error::RunError;
use super::head::{At, head_fact, short};
use super::mail_facts::in_commit;
use super::scope::scope_facts;
use super::survey::line;
use super::workspace::Workspace;
use crate::config::Config;
use crate::flow::{Judging, RunState, TurnFacts};
use crate::git;
use crate::prompt::ticket_diff as unified_diff;
use crate::store::{self, Links};
use crate::text::shell_word;
use crate::ticket::Unreadable;

/// The facts of a turn that is being judged.
pub(super) fn turn_facts(
    workspace: &Workspace,
    config: &Config,
    run: &RunState,
    judging: &Judging,
    at: &At<'_>,
) -> Result<TurnFacts, RunError> {
    let (place, head) = (&workspace.place, at.head);
    let put_back = match judging.row {
        0 if judging.verdict.is_none() => contract::violations(workspace, contract::Case { judging, begun: &[] })?
            .into_iter()
            .map(|found| found.item)
            .collect(),
        _ => Vec::new(),
    };
    let path = judging.request.ticket.path();
    let claimed =
        in_commit(place, head.commit.as_deref(), &path)?.is_some_and(|bytes| contract::says_done(&path, &bytes));
    let restored_in_head = match (&judging.request.head, &head.commit) {
        (Some(before), Some(now)) if judging.restores > 0 && before != now => {
            git::paths_changed(place, Some(before), now)?
                .iter()
                .any(|path| path.starts_with(".tickets/") && at.uncommitted.inside.contains_key(path))
        }
        _ => false,
    };
    let (runner_files, runner_files_back) = runner_files(workspace, judging)?;
    Ok(TurnFacts {
        put_back,
        head: head_fact(workspace, run, judging, at)?,
        head_claims: claimed || restored_in_head,
        runner_files,
        runner_files_back,
        checks: super::checks::checks_fact(workspace, config, run, judging, head.commit.as_deref())?,
        scope: scope_facts(workspace, config, run, judging, at)?,
    })
}

/// As much of a diff as a person reads on a terminal.
fn first_lines(diff: &str) -> String {
    const LINES: usize = 60;
    let more = diff.lines().count().saturating_sub(LINES);
    let mut shown: String = diff.lines().take(LINES).flat_map(|line| [line, "\n"]).collect();
    if more > 0 {
        shown.push_str(&format!("(and {more} more lines)\n"));
    }
    shown
}

/// Files that say what turnstile itself does, where the turn changed them and nobody put them back, with what to type
/// to put them back.
fn runner_files(workspace: &Workspace, judging: &Judging) -> Result<(BTreeMap<String, String>, String), RunError> {
    let Some(before) = &judging.ended.before else { return Ok((BTreeMap::new(), String::new())) };
    let is_one = |path: &&String| *path == ".tickets/config.yaml" || path.starts_with(".tickets/templates/");
    let mut changed = BTreeMap::new();
    for path in judging.ended.changed.iter().filter(is_one) {
        let text = |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        let then = git::blob(&workspace.place, before, path)?;
        let diff = match store::read_capped(&workspace.layout.top, path, store::TEXT_CAP, Links::Any)? {
            Ok(now) if now == then => None,
            Ok(now) => Some(first_lines(&unified_diff(path, &text(then), &text(now)).unwrap_or_default())),
            Err(why) => Some(line(&why.diagnostic(path.as_str()))),
        };
        changed.extend(diff.map(|diff| (path.clone(), diff)));
    }
    // What no kept tree holds is seen as it lies there. No turn would have begun beside it.
    let config = ".tickets/config.yaml";
    if let Err(why) = store::read_capped(&workspace.layout.top, config, 0, Links::Any)?
        && matches!(why, Unreadable::Symlink | Unreadable::NotRegular)
    {
        changed.entry(config.to_owned()).or_insert_with(|| line(&why.diagnostic(config)));
    }
    for fault in store::misplaced(&workspace.layout, None)? {
        if &*fault.path == ".tickets/templates" {
            changed.insert(fault.path.to_string(), line(&fault));
        }
    }
    let back = put_back(workspace, before, &changed)?;
    Ok((changed, back))
}

/// What to type so that these files are as they were before the turn.
fn put_back(workspace: &Workspace, before: &str, changed: &BTreeMap<String, String>) -> Result<String, RunError> {
    let place = &workspace.place;
    let (mut restored, mut removed) = (Vec::new(), Vec::new());
    for path in changed.keys() {
        if git::blob(place, before, path)?.is_some() {
            restored.push(path);
        } else {
            removed.push(path);
        }
    }
    // Git puts folders where something else took their place, and nothing is removed through a link.
    let is_below = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let all = removed.clone();
    removed.retain(|path| {
        !restored.iter().any(|file| is_below(file, path)) && !all.iter().any(|folder| is_below(path, folder))
    });
    let restored: Vec<String> = restored.into_iter().map(|path| pathspec(path)).collect();
    let removed: Vec<String> =
        removed.into_iter().map(|path| shell_word(&place.top.join(path).to_string_lossy())).collect();
    let commands = [(format!("git restore --source={} --", short(before)), restored), ("rm -r".to_owned(), removed)];
    let commands = commands.into_iter().filter(|(_, paths)| !paths.is_empty());
    Ok(commands.map(|(command, paths)| format!("{command} {}", paths.join(" "))).collect::<Vec<_>>().join(" && "))
}

/// A path as git takes it in any folder of the worktree.
fn pathspec(path: &str) -> String {
    let magic = path.contains(['*', '?', '[', '\\']);
    shell_word(&format!("{}{path}", if magic { ":(top,literal)" } else { ":/" }))
}

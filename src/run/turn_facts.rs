//! What can only be seen while a turn is judged: what it changed and may not have changed, and where HEAD is.

use std::collections::BTreeMap;

use super::contract;
use super::error::RunError;
use super::survey::{in_commit, line};
use super::workspace::Workspace;
use crate::config::Config;
use crate::flow::{HeadFact, Judging, RunState, TurnFacts};
use crate::git;
use crate::prompt::ticket_diff as unified_diff;
use crate::store::{self, Links};
use crate::ticket::Unreadable;

/// The facts of a turn that is being judged.
pub(super) fn turn_facts(
    workspace: &Workspace,
    config: &Config,
    run: &RunState,
    judging: &Judging,
    head: &git::Head,
    tickets_changes: &BTreeMap<String, bool>,
) -> Result<TurnFacts, RunError> {
    let place = &workspace.place;
    let put_back = match judging.row {
        0 if judging.verdict.is_none() => {
            contract::violations(workspace, contract::Case { judging, config, begun: &[] })?
                .into_iter()
                .map(|found| found.item)
                .collect()
        }
        _ => Vec::new(),
    };
    let path = judging.request.ticket.path();
    let claimed =
        in_commit(place, head.commit.as_deref(), &path)?.is_some_and(|bytes| contract::says_done(&path, &bytes));
    let restored_in_head = match (&judging.request.head, &head.commit) {
        (Some(before), Some(now)) if judging.restores > 0 && before != now => {
            git::paths_changed(place, Some(before), now)?
                .iter()
                .any(|path| path.starts_with(".tickets/") && tickets_changes.contains_key(path))
        }
        _ => false,
    };
    Ok(TurnFacts {
        put_back,
        head: head_fact(workspace, run, judging, head)?,
        head_claims: claimed || restored_in_head,
        runner_files: runner_files(workspace, judging)?,
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

/// Files that say what turnstile itself does, where the turn changed them and nobody put them back.
fn runner_files(workspace: &Workspace, judging: &Judging) -> Result<BTreeMap<String, String>, RunError> {
    let Some(before) = &judging.ended.before else { return Ok(BTreeMap::new()) };
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
    Ok(changed)
}

fn head_fact(workspace: &Workspace, run: &RunState, judging: &Judging, head: &git::Head) -> Result<HeadFact, RunError> {
    let place = &workspace.place;
    let moved = |how: String| Ok(HeadFact::Moved { how });
    let short = |commit: &str| commit.get(..10).unwrap_or(commit).to_owned();
    let own = run.ticket(&judging.request.ticket).commits;
    if let Some(before) = &judging.request.head {
        let Some(now) = &head.commit else {
            return moved(format!("HEAD was at {} and has no commit any more", short(before)));
        };
        let relation = git::relation(place, before, now)?;
        if let Some(lost) = relation.lost.iter().find(|commit| !own.contains(*commit)) {
            let count = relation.lost.len();
            return moved(format!(
                "{count} commit(s) that were there as the turn began are gone, {} among them",
                short(lost)
            ));
        }
    }
    if head.branch == run.branch {
        return Ok(HeadFact::InPlace);
    }
    let there = head.branch.as_deref().map_or_else(|| "detached".to_owned(), |branch| format!("on `{branch}`"));
    let Some(branch) = &run.branch else {
        return moved(format!("the run works on a detached HEAD, and HEAD is {there}"));
    };
    let (Some(tip), Some(now)) = (git::branch_commit(place, branch)?, &head.commit) else {
        return moved(format!("HEAD is {there}, and the run's branch `{branch}` has no commit"));
    };
    if git::relation(place, &tip, now)?.lost.is_empty() {
        return Ok(HeadFact::Ahead { commit: now.clone() });
    }
    moved(format!("HEAD is {there}, and the run's branch `{branch}` is not among its ancestors"))
}

//! What a look at a bare repository shows beside the runs of its branches: what was pushed and nobody works on, what
//! starts nothing and why, and what was parked.

use std::path::Path;

use super::error::RunError;
use super::hub_files;
use super::settings::settings_of;
use crate::git::{self, Branch, Place};
use crate::store::{self, Layout, StoredCopy, TICKETS};
use crate::text::{shell_word, shown_line};
use crate::trigger;

/// So many branches are looked into for tickets.
const MOST_LOOKED_INTO: usize = 200;

/// The branches of a bare repository that have no run to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Why no push is worked on at all.
    pub unborn: Option<String>,
    /// Branches that are worked on, that have tickets, and at which no run has looked, as people know them.
    pub unseen: Vec<String>,
    /// Branches with tickets whose pushes start nothing.
    pub idle: Vec<String>,
    /// Branches that hold what a push was faster than.
    pub parked: Vec<String>,
}

/// Looks at the branches.
pub fn overview(git_dir: &Path) -> Result<Overview, RunError> {
    let place = git::bare_place(git_dir);
    let layout = Layout::main(git_dir, git_dir);
    let there = git::branches(&place)?;
    let copy = store::stored_copy(git_dir)?.ok().flatten();
    let wanted = wanted(&place, copy.as_ref())?;
    let known: Vec<String> = hub_files::all(&layout)?.into_iter().map(|(name, _)| name).collect();
    let shown = |branch: &Branch| hub_files::branch_name(&branch.name);
    let (parked, others): (Vec<_>, Vec<_>) = there.iter().partition(|branch| git::is_parked(&branch.name));
    let is_known = |branch: &Branch| known.contains(&hub_files::name_of(&branch.name));
    let mut overview = Overview {
        unborn: unborn(&place, &wanted, &there, |name| known.iter().any(|known| known == name)),
        parked: parked.into_iter().map(shown).collect(),
        ..Overview::default()
    };
    let waits = !trigger::kept(&layout)?.is_empty();
    for branch in others.into_iter().filter(|branch| !is_known(branch)).take(MOST_LOOKED_INTO) {
        if !git::has_folder(git_dir, &branch.commit, TICKETS)? {
            continue;
        }
        if !wanted.names.contains(&branch.name) {
            overview.idle.push(shown(branch));
        } else if !waits {
            overview.unseen.push(shown(branch));
        }
    }
    Ok(overview)
}

/// The branches whose pushes are worked on.
pub(super) struct Wanted {
    /// Their full names.
    pub names: Vec<String>,
    /// Whether they are so because nobody named any.
    pub is_default: bool,
}

/// By the config that a person has stored.
pub(super) fn wanted(place: &Place, copy: Option<&StoredCopy>) -> Result<Wanted, RunError> {
    let branches = copy.map(|copy| settings_of(copy).config.trigger_branches).unwrap_or_default();
    if branches.is_empty() {
        return Ok(Wanted { names: git::head_branch(place)?.into_iter().collect(), is_default: true });
    }
    let full = |name: &String| if name.starts_with("refs/") { name.clone() } else { format!("refs/heads/{name}") };
    let names = branches.iter().map(full).map(|name| git::path_to_text(name.as_bytes())).collect();
    Ok(Wanted { names, is_default: false })
}

/// Why nothing is worked on, where the only branch that would be is one that nobody has ever pushed.
pub(super) fn unborn(
    place: &Place,
    wanted: &Wanted,
    there: &[Branch],
    is_known: impl Fn(&str) -> bool,
) -> Option<String> {
    let there: Vec<&Branch> = there.iter().filter(|branch| !git::is_parked(&branch.name)).collect();
    let is_there = |name: &String| there.iter().any(|branch| branch.name == *name);
    // One that was worked on and is gone was removed.
    let was_there = |name: &String| is_known(&hub_files::name_of(name));
    if !wanted.is_default || wanted.names.iter().any(|name| is_there(name) || was_there(name)) {
        return None;
    }
    let first = there.first()?;
    let head = wanted.names.first().map_or("a commit", String::as_str);
    let git_dir = shell_word(&place.git_dir.display().to_string());
    Some(format!(
        "HEAD of this repository names {}, which is not there, and pushes to other branches start nothing: \
         `git -C {git_dir} symbolic-ref HEAD {}` makes that the one that is worked on, and so does `triggers: {{branches: [{}]}}` \
         in the config that is trusted; then `turnstile -C {git_dir} run`",
        shown_line(head),
        shell_word(&shown_line(&first.name)),
        hub_files::branch_name(&first.name)
    ))
}

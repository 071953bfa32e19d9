//! What `status` and `doctor` say of a worktree that is pushed to (`receive.denyCurrentBranch = updateInstead`). Whoever
//! pushes reads git's one line, and nothing of ours: why it was refused is known here.

use serde_json::{Value, json};

use crate::git::{self, PushedTo};
use crate::run::Workspace;
use crate::text::shown_line;

/// So many files are named.
const NAMED: usize = 3;

/// Why git refuses a push, and what makes it take one.
pub struct Refused {
    pub what: String,
    pub way_out: String,
}

/// The branch that is pushed to; none where nobody pushes here, or where that cannot be found out.
pub fn look(workspace: &Workspace) -> Option<PushedTo> {
    git::pushed_to(&workspace.place).unwrap_or_else(|error| {
        tracing::debug!(%error, "whether git takes pushes is not known");
        None
    })
}

/// The same for programs.
pub fn document(pushed_to: Option<&PushedTo>) -> Value {
    json!(pushed_to.map(|pushed_to| json!({ "branch": name(&pushed_to.branch), "refused_for": pushed_to.refused_for })))
}

/// The same for people; nothing where git takes a push.
pub fn refused(pushed_to: &PushedTo, is_busy: bool) -> Option<Refused> {
    let paths = &pushed_to.refused_for;
    if paths.is_empty() {
        return None;
    }
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| shown_line(path)).collect();
    let more = if paths.len() > NAMED { format!(" and {} more", paths.len() - NAMED) } else { String::new() };
    let what = format!(
        "git refuses every push to `{}` while this is changed here and not committed: {}{more}",
        shown_line(name(&pushed_to.branch)),
        named.join(", ")
    );
    let way_out = if is_busy {
        "somebody is at work here: push again when the turn has ended and its work is committed"
    } else {
        "commit it or stash it, or finish the merge; a question can be answered here as well, with `turnstile reply`"
    };
    Some(Refused { what, way_out: way_out.to_owned() })
}

fn name(branch: &str) -> &str {
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}

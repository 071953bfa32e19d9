//! What was pushed to a bare repository.

use std::path::Path;

use super::error::RunError;
use super::workspace::Workspace;
use crate::store::Layout;
use crate::trigger::{self, Refused, Why};

/// Serves the triggers of a bare repository: refused in this version, and said so where `turnstile doctor` looks.
pub fn serve(git_dir: &Path) -> Result<(), RunError> {
    let layout = Layout::main(git_dir, git_dir);
    let waiting = trigger::kept(&layout)?;
    let Some(last) = waiting.last() else { return Ok(()) };
    let refused = Refused {
        at: Workspace::now(),
        asked_by: last.trigger.as_ref().map_or_else(|| "a hook".to_owned(), trigger::Trigger::shown),
        reason: Why {
            code: "repository_state".to_owned(),
            message: format!(
                "{} is a bare repository, and a push to one starts no run in this version; in a clone of it \
                 `git pull && turnstile run` does",
                git_dir.display()
            ),
        },
        triggers: waiting.iter().map(|kept| kept.id.clone()).collect(),
    };
    Ok(trigger::note_refused(&layout, &waiting, refused)?)
}

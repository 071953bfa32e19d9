//! What is said where something else keeps the hooks: who it is, and the exact lines to add there.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::init::is_program;
use super::super::{CliError, Context, Exit};
use crate::git::HooksPlace;
use crate::hooks::{self, Additions, Elsewhere, Hook, Tool};

/// Why nothing was installed, and what to add where.
pub(super) fn refusal(
    context: &Context,
    place: &HooksPlace,
    tool: Option<Tool>,
    elsewhere: Option<&Elsewhere>,
    missing: &[Hook],
    program: &Path,
    may_stand_beside: bool,
) -> CliError {
    let settings = tool.and_then(|tool| hooks::settings_of(place, tool).first().copied());
    let additions = hooks::additions(tool, elsewhere, settings, missing, program);
    let mut message = match (tool, elsewhere) {
        (Some(tool), Some(elsewhere)) => {
            format!("{} keeps the hooks of this repository ({})", tool.name(), elsewhere.why)
        }
        (Some(tool), None) => format!("{} keeps the hooks of this repository", tool.name()),
        (None, Some(elsewhere)) => format!("git takes the hooks of this repository from elsewhere: {}", elsewhere.why),
        (None, None) => "something else keeps the hooks of this repository".to_owned(),
    };
    message.push_str("; nothing was installed. Add");
    let mut last = None;
    for addition in &additions.lines {
        if last != Some(&addition.file) {
            message.push_str(&format!("\n\nto {}{}:\n", addition.file, addition.place));
        }
        last = Some(&addition.file);
        for line in &addition.lines {
            message.push_str(&format!("\n    {line}"));
        }
    }
    message.push('\n');
    let mut error = CliError::new("hooks_kept", message, Exit::INVALID).details(details(tool, elsewhere, &additions));
    for then in &additions.then {
        error = error.hint(format!("then: {then}"));
    }
    for hook in &additions.without {
        let name = tool.map_or("it", Tool::name);
        error =
            error.hint(format!("{name} has no {}: without it, a push to this repository starts nothing", hook.name()));
    }
    let is_called_by_name = tool.is_some() || elsewhere.is_some_and(|elsewhere| elsewhere.is_shared);
    if is_called_by_name && on_path(context).is_none() {
        let folder = program.parent().unwrap_or(program).display();
        error = error.hint(format!("these lines find turnstile on PATH, where it is not: add {folder} to PATH"));
    }
    if may_stand_beside {
        error = error.hint(format!(
            "none of its hooks is in the way; to install beside it all the same: {} --beside",
            context.typed
        ));
    }
    error
}

/// Git looks for hooks where none can be: there is nothing to add.
pub(super) fn off(context: &Context, elsewhere: &Elsewhere) -> CliError {
    let message = format!("git runs no hooks in this repository: {}; nothing was installed", elsewhere.why);
    CliError::new("hooks_kept", message, Exit::INVALID)
        .details(details(None, Some(elsewhere), &Additions::default()))
        .hint(format!("{}; then: {}", elsewhere.undo, context.typed))
}

fn details(tool: Option<Tool>, elsewhere: Option<&Elsewhere>, additions: &Additions) -> Value {
    let names = |hooks: &[Hook]| hooks.iter().map(|hook| hook.name()).collect::<Vec<_>>();
    let add: Vec<Value> = additions
        .lines
        .iter()
        .map(|addition| json!({ "hooks": names(&addition.hooks), "file": addition.file, "lines": addition.lines }))
        .collect();
    json!({
        "kept_by": tool.map(Tool::name),
        "folder": elsewhere.map(|elsewhere| elsewhere.folder.display().to_string()),
        "why": elsewhere.map(|elsewhere| elsewhere.why.clone()),
        "add": add,
        "then": additions.then,
        "without": names(&additions.without),
    })
}

/// Where PATH finds this very program under the name by which people call it.
pub(super) fn on_path(context: &Context) -> Option<PathBuf> {
    let this = context.environment.program.canonicalize().ok()?;
    let path = context.environment.get("PATH")?;
    let all = std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join("turnstile"));
    // Only the first is the one that a shell would start.
    let first = all.into_iter().find(|path| is_program(path))?;
    (first.canonicalize().ok()? == this).then_some(first)
}

//! `hook pre-commit`: what a commit is about to hold of tickets is checked, and a commit with errors is refused.

use super::{CliError, Context, Exit};
use crate::diagnostic::{Severity, render};

/// Checks what is staged, by the index that git names.
pub fn run(context: &Context) -> Result<Exit, CliError> {
    let workspace = context.workspace()?;
    let index = match context.environment.get("GIT_INDEX_FILE") {
        // Git names it as seen from where it starts hooks: the top.
        Some(index) => workspace.place.top.join(index),
        None => workspace.place.git_dir.join("index"),
    };
    let lint = workspace.lint_staged(&index)?;
    let errors = lint.faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    let printer = &context.printer;
    if printer.json {
        printer.document(&render::json(lint.files, &lint.faults));
    } else {
        let source = |path: &str| lint.sources.get(path).cloned();
        printer.data(&render::human(&lint.faults, &source, printer.colored()));
    }
    if errors == 0 {
        return Ok(Exit::SUCCESS);
    }
    if !printer.json {
        let count = if errors == 1 { "an error".to_owned() } else { format!("{errors} errors") };
        printer.note(&format!(
            "not committed: {count} in what is staged; mend it and `git add` it, or `git commit --no-verify` commits it \
             as it is"
        ));
    }
    Ok(Exit::INVALID)
}

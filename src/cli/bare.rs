//! What `status`, `next` and `doctor` say of a bare repository: the run of each branch that is worked on there, and why
//! the last start came to nothing.

use std::path::Path;

use serde_json::{Value, json};

use super::{CliError, Context, Exit};
use crate::run::{Options, Waiting, Workspace, hub};
use crate::text::shell_word;

/// Shows where the run of each branch stands.
pub fn status(context: &Context, git_dir: &Path) -> Result<Exit, CliError> {
    each(context, git_dir, |workspace| {
        let said = super::status::look(workspace)?;
        Ok((said.document, said.text))
    })
}

/// Says what a step would do on each branch.
pub fn next(context: &Context, git_dir: &Path) -> Result<Exit, CliError> {
    each(context, git_dir, |workspace| {
        let view = workspace.look(&Options::default())?;
        let reason = view.preview.reason.as_ref().filter(|_| view.busy.is_none());
        let action = if view.busy.is_some() { "wait" } else { view.preview.action.name() };
        let document = json!({
            "action": action,
            "ticket": view.preview.ticket,
            "reason": super::run::shown_reason(reason),
            "triggers": super::triggers::document(&super::triggers::waiting(workspace)),
        });
        let what = match (&view.busy, reason, &view.preview.ticket) {
            (Some(busy), _, _) => busy.clone(),
            (None, Some(reason), _) => format!("{}: {}", reason.code, reason.message),
            (None, None, Some(ticket)) => ticket.to_string(),
            (None, None, None) => "nothing to do".to_owned(),
        };
        Ok((document, format!("{action}: {what}\n{}", super::triggers::lines(&super::triggers::waiting(workspace)))))
    })
}

/// The document has what waits for the repository as a whole, and each branch with what `look` says of it.
fn each(
    context: &Context,
    git_dir: &Path,
    look: impl Fn(&mut Workspace) -> Result<(Value, String), CliError>,
) -> Result<Exit, CliError> {
    let waiting = hub::waiting(git_dir)?;
    let mut branches = Vec::new();
    let mut text = super::triggers::lines(&waiting);
    for (branch, top) in hub::worktrees(git_dir)? {
        let place = shell_word(&top.display().to_string());
        text.push_str(&format!("`{}` in {place}\n", branch.shown()));
        let said = Workspace::open(&top, context.surroundings())
            .map_err(CliError::from)
            .and_then(|mut workspace| look(&mut workspace).map(|said| (said, differs(&workspace))));
        let mut document = match said {
            Ok(((document, lines), differs)) => {
                text.push_str(&indented(&lines));
                text.push_str(&indented(&differs));
                document
            }
            Err(error) => {
                text.push_str(&indented(&error.message));
                json!({ "error": error.message })
            }
        };
        document["branch"] = json!(branch.shown());
        document["worktree"] = json!(top.display().to_string());
        document["seen"] = json!(branch.seen);
        branches.push(document);
    }
    if branches.is_empty() {
        text.push_str("no branch is worked on here; a push to one with tickets begins that\n");
    }
    if context.printer.json {
        context.printer.document(&json!({ "branches": branches, "triggers": super::triggers::document(&waiting) }));
    } else {
        context.printer.data(&text);
    }
    Ok(Exit::SUCCESS)
}

fn differs(workspace: &Workspace) -> String {
    workspace.differs_told().ok().flatten().map(|told| format!("{told}\n")).unwrap_or_default()
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
    lines.concat()
}

/// For `doctor`: what is at fault, or else how things stand; a name, a sentence, and whether it is a fault.
pub fn checks(context: &Context, git_dir: &Path) -> Vec<(String, String, bool)> {
    let mut checks = Vec::new();
    let mut told = |name: String, waiting: Result<Waiting, CliError>| match waiting {
        Err(error) => checks.push((name, error.message, true)),
        Ok(waiting) => match &waiting.refused {
            Some(refused) => {
                let message = format!(
                    "the last start by a git hook came to nothing: {}: {}",
                    refused.reason.code,
                    refused.reason.message.lines().next().unwrap_or_default()
                );
                checks.push((name, message, true));
            }
            None if waiting.triggers.is_empty() => checks.push((name, "no push waits".to_owned(), false)),
            None => checks.push((name, format!("{} wait(s) for a run", waiting.triggers.len()), false)),
        },
    };
    told("triggers".to_owned(), hub::waiting(git_dir).map_err(CliError::from));
    match hub::worktrees(git_dir) {
        Err(error) => checks.push(("branches".to_owned(), error.in_full(), true)),
        Ok(worktrees) => {
            for (branch, top) in worktrees {
                let name = format!("branch {}", branch.shown());
                let opened = Workspace::open(&top, context.surroundings());
                told(name, opened.and_then(|workspace| workspace.waiting()).map_err(CliError::from));
            }
        }
    }
    match hub::lacks_copy(git_dir) {
        Err(error) => checks.push(("trust".to_owned(), error.in_full(), true)),
        Ok(Some(why)) => checks.push(("trust".to_owned(), why, true)),
        Ok(None) => {
            checks.push(("trust".to_owned(), "pushes are worked on by what a person has stored".to_owned(), false));
        }
    }
    checks
}

//! What `status`, `next` and `doctor` say of a bare repository: the run of each branch that is worked on there, and why
//! the last start came to nothing.

use std::path::Path;

use serde_json::{Value, json};

use super::{CliError, Context, Exit};
use crate::flow::AskedBy;
use crate::run::{HubBranch, Options, Overview, Pushed, RunError, Waiting, Workspace, hub, overview};
use crate::store::{self, Layout};
use crate::text::shell_word;

/// Shows where the run of each branch stands.
pub fn status(context: &Context, git_dir: &Path) -> Result<Exit, CliError> {
    each(context, git_dir, |workspace, options| {
        let said = super::status::look(workspace, options)?;
        Ok((said.document, said.text))
    })
}

/// Says what a step would do on each branch.
pub fn next(context: &Context, git_dir: &Path) -> Result<Exit, CliError> {
    each(context, git_dir, |workspace, options| {
        let view = workspace.look(options)?;
        let reason = view.preview.reason.as_ref().filter(|_| view.busy.is_none());
        let action = if view.busy.is_some() { "wait" } else { view.preview.action.name() };
        let first = view.first();
        let document = json!({
            "action": action,
            "ticket": view.preview.ticket,
            "reason": super::run::shown_reason(reason),
            "first": first,
            "triggers": super::triggers::document(&super::triggers::waiting(workspace)),
        });
        let what = match (&view.busy, reason, &view.preview.ticket) {
            (Some(busy), _, _) => busy.clone(),
            (None, Some(reason), _) => format!("{}: {}", reason.code, reason.message),
            (None, None, Some(ticket)) => ticket.to_string(),
            (None, None, None) => "nothing to do".to_owned(),
        };
        let first = first.map(|first| format!("first: {first}\n")).unwrap_or_default();
        let text = format!("{first}{action}: {what}\n");
        let waiting = super::triggers::lines(&super::triggers::waiting(workspace), &text);
        Ok((document, format!("{text}{waiting}")))
    })
}

/// The document has what waits for the repository as a whole, and each branch with what `look` says of it, as a runner
/// that a push starts would find it.
fn each(
    context: &Context,
    git_dir: &Path,
    look: impl Fn(&mut Workspace, &Options) -> Result<(Value, String), CliError>,
) -> Result<Exit, CliError> {
    let waiting = hub::waiting(git_dir)?;
    let options = Options { asked_by: AskedBy::Trigger, ..Options::default() };
    let mut branches = Vec::new();
    let others = overview(git_dir)?;
    let others_told = told(git_dir, &others);
    let mut text = others.unborn.as_ref().map(|why| format!("{why}\n")).unwrap_or_default();
    text.push_str(&super::triggers::lines(&waiting, &text));
    for (branch, top) in hub::worktrees(git_dir)? {
        let place = shell_word(&top.display().to_string());
        let name = branch.as_ref().map_or_else(|_| "a branch".to_owned(), |branch| format!("`{}`", branch.shown()));
        text.push_str(&format!("{name} in {place}\n"));
        let said = opened(context, git_dir, &top)
            .and_then(|mut workspace| look(&mut workspace, &options).map(|said| (said, differs(&workspace))));
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
        document["branch"] = json!(branch.as_ref().ok().map(HubBranch::shown));
        document["worktree"] = json!(top.display().to_string());
        document["seen"] = json!(branch.as_ref().ok().map(|branch| &branch.seen));
        branches.push(document);
    }
    if branches.is_empty() && others_told.is_empty() && others.unborn.is_none() && waiting.triggers.is_empty() {
        text.push_str("no branch is worked on here; a push to one with tickets begins that\n");
    }
    text.push_str(&others_told);
    if context.printer.json {
        context.printer.document(&json!({
            "branches": branches,
            "triggers": super::triggers::document(&waiting),
            "unborn": others.unborn,
            "unseen": others.unseen,
            "idle": others.idle,
            "parked": others.parked,
        }));
    } else {
        context.printer.data(&text);
    }
    Ok(Exit::SUCCESS)
}

/// What is to be said of branches that have no run to show.
fn told(git_dir: &Path, others: &Overview) -> String {
    let git_dir = shell_word(&git_dir.display().to_string());
    let mut text = String::new();
    if !others.unseen.is_empty() {
        text.push_str(&format!(
            "pushed, and no run has looked at it: {}; `turnstile -C {git_dir} run` has one look\n",
            named(&others.unseen)
        ));
    }
    if !others.idle.is_empty() && others.unborn.is_none() {
        text.push_str(&format!("with tickets, and not in `triggers.branches`: {}\n", named(&others.idle)));
    }
    if let Some(first) = others.parked.first() {
        text.push_str(&format!(
            "parked, and kept until somebody removes it: {}; `git -C {git_dir} log {}` shows it\n",
            named(&others.parked),
            shell_word(first)
        ));
    }
    text
}

/// So many branches are named.
const NAMED: usize = 5;

fn named(branches: &[String]) -> String {
    let more = branches.len().saturating_sub(NAMED);
    let named = branches.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn differs(workspace: &Workspace) -> String {
    workspace.differs_told().ok().flatten().map(|told| format!("{told}\n")).unwrap_or_default()
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
    lines.concat()
}

/// What `doctor` says of one thing.
pub struct Checked {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub message: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What to type.
    pub help: Option<String>,
}

impl Checked {
    fn ok(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), ok: true, help: None }
    }

    fn fault(name: impl Into<String>, message: impl Into<String>, help: Option<String>) -> Self {
        Self { ok: false, help, ..Self::ok(name, message) }
    }
}

/// For `doctor`.
pub fn checks(context: &Context, git_dir: &Path) -> Vec<Checked> {
    let mut checks = Vec::new();
    let layout = Layout::main(git_dir, git_dir);
    let waiting = hub::waiting(git_dir).map_err(CliError::from);
    let help = format!("turnstile -C {} run", shell_word(&git_dir.display().to_string()));
    checks.push(of_triggers("triggers".to_owned(), &layout, waiting, help));
    match hub::worktrees(git_dir) {
        Err(error) => checks.push(Checked::fault("branches", error.in_full(), None)),
        Ok(worktrees) => {
            checks.extend(worktrees.into_iter().map(|(branch, top)| of_branch(context, git_dir, branch, &top)));
        }
    }
    match overview(git_dir) {
        Err(error) => checks.push(Checked::fault("branches", error.in_full(), None)),
        Ok(others) => {
            let is_said = |why: &String| checks.iter().any(|check| check.message.contains(why));
            if let Some(why) = others.unborn.filter(|why| !is_said(why)) {
                checks.push(Checked::fault("branches", why, None));
            }
            if !others.unseen.is_empty() {
                let message = format!("pushed, and no run has looked at it: {}", named(&others.unseen));
                let help = format!("turnstile -C {} run", shell_word(&git_dir.display().to_string()));
                checks.push(Checked::fault("branches", message, Some(help)));
            }
        }
    }
    match hub::lacks_copy(git_dir) {
        Err(error) => checks.push(Checked::fault("trust", error.in_full(), None)),
        Ok(Some(why)) => checks.push(Checked::fault("trust", why, None)),
        Ok(None) => checks.push(Checked::ok("trust", "pushes are worked on by what a person has stored")),
    }
    checks
}

/// The worktree of a branch; one whose folder somebody has removed is made anew by the next look.
fn opened(context: &Context, git_dir: &Path, top: &Path) -> Result<Workspace, CliError> {
    if !top.is_dir() {
        let git_dir = shell_word(&git_dir.display().to_string());
        return Err(CliError::invalid(format!(
            "its worktree is gone; the next push, or `turnstile -C {git_dir} run`, makes it anew"
        )));
    }
    Ok(Workspace::open(top, context.surroundings())?)
}

fn of_branch(context: &Context, git_dir: &Path, branch: Result<HubBranch, RunError>, top: &Path) -> Checked {
    let branch = match branch {
        Ok(branch) => branch,
        Err(error) => return Checked::fault("a branch", error.in_full(), None),
    };
    let name = format!("branch {}", branch.shown());
    let looked = opened(context, git_dir, top).and_then(|workspace| {
        let pushed = workspace.pushed(&workspace.folded()?.state)?;
        Ok((workspace, pushed))
    });
    let (workspace, pushed) = match looked {
        Ok(looked) => looked,
        Err(error) => return Checked::fault(name, error.message, None),
    };
    let help = format!("turnstile -C {} run", shell_word(&top.display().to_string()));
    let waiting = workspace.waiting().map_err(CliError::from);
    let checked = of_triggers(name.clone(), &workspace.layout, waiting, help.clone());
    let is_free = store::look_at_lock(&workspace.layout).is_ok();
    match pushed {
        Pushed::Stands(reason) => {
            let (what, ways_out) = reason.message.split_once('\n').unwrap_or((&reason.message, ""));
            let help = (!ways_out.is_empty()).then(|| ways_out.replace('\n', "; "));
            Checked::fault(name, what, help)
        }
        // A runner that was started for it is about to look.
        Pushed::First(first)
            if checked.ok && is_free && workspace.waiting().is_ok_and(|all| all.triggers.is_empty()) =>
        {
            Checked::fault(name, first, Some(help))
        }
        Pushed::First(_) | Pushed::Nothing => checked,
    }
}

fn of_triggers(name: String, layout: &Layout, waiting: Result<Waiting, CliError>, help: String) -> Checked {
    let waiting = match waiting {
        Ok(waiting) => waiting,
        Err(error) => return Checked::fault(name, error.message, None),
    };
    if let Some(refused) = &waiting.refused {
        let first = refused.reason.message.lines().next().unwrap_or_default();
        let message = format!("the last start by a git hook came to nothing: {}: {first}", refused.reason.code);
        return Checked::fault(name, message, None);
    }
    match waiting.triggers.len() {
        0 => Checked::ok(name, "no push waits"),
        count if super::triggers::are_left(layout, &waiting) => {
            Checked::fault(name, format!("{count} wait(s) for a run, and the runner was killed"), Some(help))
        }
        count => Checked::ok(name, format!("{count} wait(s) for a run")),
    }
}

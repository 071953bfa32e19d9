//! `trust`: what may start programs here is looked at by a person, and trusted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ask::{ask, can_ask, names, shown};
use super::{CliError, Context, Exit};
use crate::flow::{TrustChange, TrustKind};
use crate::git::{self, GitError};
use crate::run::{
    Difference, Options, RunError, Trustable, Workspace, hub, may_start_programs, store_copy, trust, trustable_of,
};
use crate::store::{self, StoredCopy, TrustRefused, TrustedBy};
use crate::text::shown_line;

/// Let what lies here start programs
///
/// Shows what differs from what was trusted last in the config, the templates and agents' own project settings
/// (`.claude/settings*.json`, `.codex/config.toml`, `.mcp.json`), and asks. Nothing that starts programs does so before;
/// one changed byte asks again. With REF what that commit holds is looked at, before it is checked out. In a bare
/// repository the config and the templates of REF become the copy that its runs go by. Without a terminal nothing is
/// trusted but with `--yes`, and the exit status is 3.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  turnstile trust\n  git fetch && turnstile trust origin/main\n  turnstile trust --yes"
)]
pub struct Arguments {
    /// A branch, tag or commit; in a bare repository HEAD's branch by default
    #[arg(value_name = "REF")]
    reference: Option<String>,
    /// Trust it without asking
    #[arg(long)]
    yes: bool,
}

/// What is to be trusted, and whose.
struct Case {
    common_dir: std::path::PathBuf,
    by: TrustedBy,
    trustable: Trustable,
    /// The reference and its commit, where it is one.
    at: Option<git::RefFiles>,
    /// Whether it becomes the copy of a bare repository.
    is_copy: bool,
    /// Whether the copy that is stored is of another commit, or holds something else.
    is_new_copy: bool,
}

/// Trusts what a person has seen.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let case = match Workspace::open(&context.directory, context.surroundings()) {
        Ok(workspace) => of_worktree(context, &workspace, arguments.reference.as_deref())?,
        Err(RunError::Git(GitError::Bare { .. })) => of_bare(context, arguments.reference.as_deref())?,
        Err(error) => return Err(error.into()),
    };
    let (unreadable, differences): (Vec<Difference>, Vec<Difference>) = case
        .trustable
        .differences
        .iter()
        .cloned()
        .partition(|difference| matches!(difference.file.change, TrustChange::Unreadable(_)));
    if differences.is_empty() && !case.is_new_copy {
        return Ok(nothing(context, &case, &unreadable));
    }
    let is_agreed = if arguments.yes || context.environment.trusts() {
        tell(context, &shown(&case.trustable.differences));
        true
    } else if can_ask(context) {
        ask(context, &case.trustable.differences)?
    } else {
        tell(context, &shown(&case.trustable.differences));
        false
    };
    let stored = is_agreed.then(|| carry_out(&case)).transpose()?;
    if let Some(Err(refused)) = stored {
        return Err(CliError::invalid(refused.why).hint(refused.way_out));
    }
    let goes_on = is_agreed && case.is_copy && hub::go_on(&case.common_dir, &context.surroundings())?;
    let listed = names(differences.iter().map(|difference| &difference.file));
    let message = match (is_agreed, case.is_copy) {
        (true, true) => {
            let at = case.at.as_ref().map(|at| at.commit.get(..10).unwrap_or(&at.commit)).unwrap_or_default();
            let next = if goes_on { "; a runner looks at the push that waited for it" } else { "" };
            format!(
                "what {} holds at {at} is trusted and stored; runs of this repository go by it{next}",
                reference(&case)
            )
        }
        (true, false) => format!("trusted: {listed}"),
        (false, _) => {
            "nothing is trusted; `turnstile trust` asks again, and `turnstile trust --yes` does not".to_owned()
        }
    };
    let is_whole = is_agreed && unreadable.is_empty();
    finish(context, &case, is_agreed, &message);
    Ok(if is_whole { Exit::SUCCESS } else { Exit::INVALID })
}

fn of_worktree(context: &Context, workspace: &Workspace, reference: Option<&str>) -> Result<Case, CliError> {
    let common_dir = workspace.layout.common_dir.clone();
    context.refuse_inside_turn(&common_dir)?;
    let (trustable, at) = match reference {
        None => (workspace.trustable()?, None),
        Some(reference) => {
            let (trustable, found) = workspace.trustable_at(reference).map_err(of_reference)?;
            (trustable, Some(found))
        }
    };
    Ok(Case { common_dir, by: workspace.trusted_by(), trustable, at, is_copy: false, is_new_copy: false })
}

fn of_bare(context: &Context, reference: Option<&str>) -> Result<Case, CliError> {
    let common_dir = git::bare_at(&context.directory)?;
    context.refuse_inside_turn(&common_dir)?;
    let found =
        git::files_of(&common_dir, reference, &may_start_programs).map_err(|error| of_reference(error.into()))?;
    let known =
        store::stored_copy(&common_dir)?.map_err(|refused| CliError::invalid(refused.why).hint(refused.way_out))?;
    let is_new_copy =
        known.is_none_or(|known| (&known.reference, &known.files) != (&found.reference, &own(&found.files)));
    let trustable = trustable_of(&common_dir, &found)?;
    let by = TrustedBy { who: context.environment.who(), at: Workspace::now() };
    Ok(Case { common_dir, by, trustable, at: Some(found), is_copy: true, is_new_copy })
}

/// A reference that leads nowhere is no fault of git's.
fn of_reference(error: RunError) -> CliError {
    match error {
        RunError::Git(GitError::Unknown { what, .. }) => {
            CliError::unknown(format!("`{}` names no commit here", shown_line(&what)))
                .hint("`git branch --all` lists branches; without REF what lies in the worktree is trusted, and in a bare repository HEAD's branch")
        }
        error => error.into(),
    }
}

/// The config and the templates among some files.
fn own(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let own = files.iter().filter(|(path, _)| TrustKind::of(path) == TrustKind::OfTurnstile);
    own.map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

fn carry_out(case: &Case) -> Result<Result<(), TrustRefused>, CliError> {
    if let Err(refused) = trust(&case.common_dir, &case.trustable, &case.by)? {
        return Ok(Err(refused));
    }
    let Some(found) = case.at.as_ref().filter(|_| case.is_copy) else { return Ok(Ok(())) };
    let (reference, commit) = (found.reference.clone(), found.commit.clone());
    let copy = StoredCopy { reference, commit, by: case.by.clone(), files: own(&found.files) };
    Ok(store_copy(&case.common_dir, &copy)?)
}

fn reference(case: &Case) -> String {
    case.at.as_ref().map(|at| format!("`{}`", shown_line(&at.reference))).unwrap_or_default()
}

/// Everything is trusted, or nothing is there.
fn nothing(context: &Context, case: &Case, unreadable: &[Difference]) -> Exit {
    let there = match case.at {
        Some(_) => format!("in {}", reference(case)),
        None => "here".to_owned(),
    };
    let message = if !unreadable.is_empty() {
        shown(unreadable).trim_end().to_owned()
    } else if case.trustable.files == 0 {
        format!("{there} lie no config, no templates and no agents' settings, and nothing needs to be trusted")
    } else {
        format!("everything {there} is trusted ({} file(s))", case.trustable.files)
    };
    finish(context, case, unreadable.is_empty(), &message);
    if unreadable.is_empty() { Exit::SUCCESS } else { Exit::INVALID }
}

fn tell(context: &Context, text: &str) {
    if !context.printer.json {
        context.printer.data(text);
    }
}

fn finish(context: &Context, case: &Case, is_trusted: bool, message: &str) {
    if !context.printer.json {
        context.printer.line(message);
        return;
    }
    let files: Vec<Value> = case.trustable.differences.iter().map(document).collect();
    context.printer.document(&json!({
        "trusted": is_trusted,
        "files": files,
        "reference": case.at.as_ref().map(|at| &at.reference),
        "commit": case.at.as_ref().map(|at| &at.commit),
        "message": message,
    }));
}

fn document(difference: &Difference) -> Value {
    let file = &difference.file;
    json!({
        "path": file.path,
        "change": file.change.name(),
        "digest": file.digest,
        "shown": shown(std::slice::from_ref(difference)),
    })
}

/// What became of what a step would stop at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It stops at nothing of the kind.
    Nothing,
    /// It is trusted now.
    Trusted,
    /// It is not.
    Refused,
}

/// Has what a step would stop at trusted: by a person, who is asked where there is one, or who has said so for all that
/// lies here (`unseen`).
pub fn settle(
    context: &Context,
    workspace: &mut Workspace,
    options: &Options,
    unseen: bool,
) -> Result<Settled, CliError> {
    let asked = workspace.asked_for_trust(options)?;
    if asked.is_empty() {
        return Ok(Settled::Nothing);
    }
    let unreadable = asked.iter().any(|file| matches!(file.change, TrustChange::Unreadable(_)));
    // What stands in the way of trusting anything is said by the step.
    if unreadable || workspace.why_nothing_is_trusted()?.is_some() || !(unseen || can_ask(context)) {
        return Ok(Settled::Refused);
    }
    let differences = workspace.differences(asked)?;
    if !unseen && !ask(context, &differences)? {
        return Ok(Settled::Refused);
    }
    if let Err(refused) = workspace.trust(&differences)? {
        return Err(CliError::invalid(refused.why).hint(refused.way_out));
    }
    let names = names(differences.iter().map(|difference| &difference.file));
    let how = if unseen { " unseen" } else { "" };
    context.printer.note(&format!("trusted{how}: {names}"));
    Ok(Settled::Trusted)
}

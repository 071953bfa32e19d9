//! `init`.

use std::path::Path;

use serde_json::json;

use super::{CliError, Context, Exit};
use crate::agent::{first_on_path, kind_name};
use crate::config::{FIRST_TICKET, FIRST_TICKET_NAME, template};
use crate::git;
use crate::run::{Workspace, may_start_programs};
use crate::store::{self, Audience, StoreError, TICKETS};

/// Make `.tickets/` with a commented config and a first ticket
///
/// Nothing that is there already is overwritten. The config names the first agent program that is found on PATH as
/// the default agent, and `user`, a person, where there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  git init && turnstile init && turnstile run")]
pub struct Arguments {}

/// Makes the files that are not there.
pub fn run(context: &Context, _: &Arguments) -> Result<Exit, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let has_tickets = !workspace.reads()?.is_empty();
    let agent = default_agent(context);
    let mut files = vec![("config.yaml", template(agent))];
    if !has_tickets {
        files.push((FIRST_TICKET_NAME, FIRST_TICKET.to_owned()));
    }
    let (mut made, mut kept, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for (name, text) in files {
        let path = format!("{TICKETS}/{name}");
        match store::write_new(&workspace.layout.top, &path, text.as_bytes(), Audience::People) {
            Ok(()) => {
                if may_start_programs(&path) {
                    own.push((path.clone(), text.into_bytes()));
                }
                made.push(path);
            }
            Err(StoreError::Exists { .. }) => kept.push(path),
            Err(error) => return Err(error.into()),
        }
    }
    if !own.is_empty()
        && let Err(refused) = workspace.trust_own(&own)?
    {
        context.printer.note(&format!("what was made here is not trusted yet: {refused}"));
    }
    // The files are made; that git cannot say whether it ignores them takes nothing back, and `doctor` asks again.
    let ignored = git::is_ignored(&workspace.place, &format!("{TICKETS}/{FIRST_TICKET_NAME}")).unwrap_or(false);
    if context.printer.json {
        context.printer.document(&json!({
            "made": made,
            "kept": kept,
            "default_agent": made.iter().any(|path| path.ends_with("config.yaml")).then_some(agent),
            "ignored": ignored,
        }));
        return Ok(Exit::SUCCESS);
    }
    tell(context, &workspace, agent, &made, &kept, ignored);
    Ok(Exit::SUCCESS)
}

fn default_agent(context: &Context) -> &'static str {
    let path = context.environment.get("PATH").cloned().unwrap_or_default();
    first_on_path(&path, &is_program).map_or("user", kind_name)
}

/// Whether a file can be run.
pub fn is_program(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

fn tell(context: &Context, workspace: &Workspace, agent: &str, made: &[String], kept: &[String], ignored: bool) {
    let printer = &context.printer;
    let seen = |path: &String| crate::text::shown_line(&context.seen(&workspace.layout.top.join(path)));
    for path in made {
        printer.line(&format!("made {}", seen(path)));
    }
    for path in kept {
        printer.line(&format!("kept {}, which was there already", seen(path)));
    }
    if ignored {
        printer.note("git ignores .tickets: no commit will hold the tickets; take it out of .gitignore to share them");
    }
    if made.iter().any(|path| path.ends_with("config.yaml")) {
        printer.note(&format!("tickets that name no agent are for `{agent}`; `.tickets/config.yaml` says so"));
    }
    if made.iter().any(|path| path.ends_with(FIRST_TICKET_NAME)) {
        printer.note("next: `turnstile run` does the first ticket; `turnstile new TITLE` makes your own");
    } else {
        printer.note("next: `turnstile new TITLE` makes a ticket; `turnstile next` says what a step would do");
    }
}

//! `new`.

use std::fs::File;

use serde_json::json;

use super::{CliError, Context, Exit, suggest};
use crate::run::{Workspace, unresolved};
use crate::store::{self, Audience, StoreError};
use crate::text::{nearest, shown_line};
use crate::ticket::{Ids, NewTicket, TicketId, is_hidden, new_ticket, next_number, resolve, slug, why_no_check};

/// Make a ticket
///
/// It gets the next free number of its folder and a name after its title. The path is printed, as it is typed from
/// here. With `--suggest-verify` and no title nothing is made.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  turnstile new \"Log in with a passkey\" --epic auth --depends-on 10 --edit\n  turnstile new --suggest-verify"
)]
pub struct Arguments {
    /// What is to be done, in a few words
    #[arg(required_unless_present = "suggest_verify")]
    title: Option<String>,
    /// Who does it: a name of the roster, `shell` or `user`
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// A ticket that has to be done first; may be given several times
    #[arg(long, value_name = "ID")]
    depends_on: Vec<String>,
    /// 0 is the most urgent
    #[arg(long, value_name = "0-4", value_parser = clap::value_parser!(u8).range(0..=4))]
    priority: Option<u8>,
    /// What is wanted, in one sentence
    #[arg(long, value_name = "SENTENCE")]
    goal: Option<String>,
    /// The folder below `.tickets/`
    #[arg(long, value_name = "FOLDER")]
    epic: Option<String>,
    /// What stands below the title
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// Open it in the editor
    #[arg(long)]
    edit: bool,
    /// Propose checks from what the repository has (Cargo.toml, package.json, Makefile, CI files), as lines for the
    /// config's `checks`; nothing is written. Without a title they are all that is printed, with one they follow on
    /// stderr
    #[arg(long)]
    suggest_verify: bool,
    /// What decides whether it is done: the name of one of the config's `checks`, or a command line; may be given
    /// several times
    #[arg(long, value_name = "CHECK")]
    verify: Vec<String>,
}

/// Makes a ticket.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let Some(title) = &arguments.title else { return only_suggest(context, arguments) };
    if title.trim().is_empty() {
        return Err(CliError::usage("a ticket needs a title").hint("`turnstile new \"What is to be done\"`"));
    }
    for (what, text) in [("title", Some(title)), ("goal", arguments.goal.as_ref())] {
        if let Some(text) = text.filter(|text| text.contains(is_hidden)) {
            let message = format!("the {what} holds a character that is not seen: {}", shown_line(text));
            return Err(CliError::usage(message).hint("leave it out; `turnstile lint` would warn of it"));
        }
    }
    for line in &arguments.verify {
        if let Some((why, help)) = why_no_check(line) {
            return Err(CliError::usage(format!("`--verify`: {why}")).hint(help));
        }
    }
    let editor = if arguments.edit { Some(context.editor()?) } else { None };
    let mut workspace = context.workspace()?;
    let epic = epic(arguments)?;
    let config = workspace.settings()?.config;
    if let Some(agent) = &arguments.agent {
        known_agent(agent, &config.roster_names())?;
    }
    let ids = Ids::of(workspace.reads()?);
    let depends_on: Vec<String> = arguments
        .depends_on
        .iter()
        .map(|typed| {
            let found = resolve(typed, &epic, &ids).map_err(|why| CliError::unknown(unresolved(typed, &why)))?;
            Ok(found.as_str().to_owned())
        })
        .collect::<Result<_, CliError>>()?;
    let text = new_ticket(&NewTicket {
        title,
        agent: arguments.agent.as_deref(),
        depends_on: &depends_on,
        priority: arguments.priority,
        goal: arguments.goal.as_deref(),
        verify: &arguments.verify,
        body: arguments.body.as_deref().unwrap_or_default(),
    });
    let id = write(&mut workspace, &epic, &slug(title), &text)?;
    let file = workspace.layout.top.join(id.path());
    if let Some(editor) = editor {
        context.edit(&editor, &file)?;
    }
    let suggestions = arguments.suggest_verify.then(|| suggest::look(&workspace.layout)).transpose()?;
    if context.printer.json {
        let mut document = json!({ "id": id, "path": id.path() });
        if let Some(suggestions) = &suggestions {
            suggest::add_to(&mut document, suggestions);
        }
        context.printer.document(&document);
    } else {
        context.printer.line(&shown_line(&context.seen(&file)));
        if arguments.agent.is_none() && config.default_agent.is_none() {
            context.printer.note(
                "no agent is named, and the config has no `default_agent`: add `agent: …`, or type `turnstile init`",
            );
        }
        if let Some(suggestions) = &suggestions {
            suggest::tell_beside(context, suggestions);
        }
    }
    Ok(Exit::SUCCESS)
}

/// Proposes checks, and makes no ticket.
fn only_suggest(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let of_a_ticket = arguments.agent.is_some()
        || !arguments.depends_on.is_empty()
        || arguments.priority.is_some()
        || arguments.goal.is_some()
        || arguments.epic.is_some()
        || arguments.body.is_some()
        || arguments.edit
        || !arguments.verify.is_empty();
    if of_a_ticket {
        return Err(CliError::usage("a ticket needs a title").hint(
            "`turnstile new \"What is to be done\" --suggest-verify`; without a title nothing else can be given",
        ));
    }
    let suggestions = suggest::look(&context.workspace()?.layout)?;
    suggest::tell(context, &suggestions);
    Ok(Exit::SUCCESS)
}

fn epic(arguments: &Arguments) -> Result<String, CliError> {
    let typed = arguments.epic.as_deref().unwrap_or_default().trim_matches('/');
    let whole = if typed.is_empty() { "001-x.md".to_owned() } else { format!("{typed}/001-x.md") };
    let is_plain = whole.split('/').all(|component| !component.is_empty() && component != "." && component != "..");
    if !is_plain || !store::is_ticket_path(&whole) {
        let message = format!("`{}` cannot be an epic: tickets are not looked for there", shown_line(typed));
        return Err(CliError::usage(message).hint("take a folder such as `auth`, without `.` or `_` in front"));
    }
    Ok(typed.to_owned())
}

fn known_agent(agent: &str, roster: &[String]) -> Result<(), CliError> {
    if roster.iter().any(|known| known == agent) {
        return Ok(());
    }
    let error = CliError::usage(format!("unknown agent `{}`; known are {}", shown_line(agent), roster.join(", ")));
    Err(match nearest(agent, roster.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("others are added under `agents` in `.tickets/config.yaml`"),
    })
}

/// Takes the next number and writes the ticket. Two at once get two numbers: the folder is locked meanwhile.
fn write(workspace: &mut Workspace, epic: &str, slug: &str, text: &str) -> Result<TicketId, CliError> {
    let folder = workspace.layout.tickets();
    let failed = |error: std::io::Error| CliError::io(format!("cannot lock {}: {error}", folder.display()));
    match std::fs::create_dir(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let lock = File::open(&folder).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let ids: Vec<TicketId> = workspace.reads()?.iter().map(|read| read.id.clone()).collect();
    let mut number = next_number(ids.iter().filter(|id| id.folder() == epic).map(TicketId::name));
    loop {
        let name = format!("{number:03}-{slug}");
        let id = TicketId::new(if epic.is_empty() { name } else { format!("{epic}/{name}") });
        match store::write_new(&workspace.layout.top, id.path(), text.as_bytes(), Audience::People) {
            Ok(()) => return Ok(id),
            // A file that is no ticket yet, such as one that appeared just now.
            Err(StoreError::Exists { .. }) if number < u32::MAX => number += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epic_is_a_folder_in_which_tickets_are_looked_for() {
        let epic_of = |typed: &str| {
            let arguments = Arguments {
                title: Some("t".to_owned()),
                agent: None,
                depends_on: Vec::new(),
                priority: None,
                goal: None,
                epic: Some(typed.to_owned()),
                body: None,
                edit: false,
                suggest_verify: false,
                verify: Vec::new(),
            };
            epic(&arguments)
        };
        assert_eq!(epic_of("auth").as_deref(), Ok("auth"));
        assert_eq!(epic_of("/a/b/").as_deref(), Ok("a/b"));
        assert_eq!(epic_of("").as_deref(), Ok(""));
        for refused in ["..", "a/../b", "a//b", ".hidden", "_draft", "history", "outbox/x", "./a"] {
            assert!(epic_of(refused).is_err(), "{refused}");
        }
    }
}

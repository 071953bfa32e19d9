//! Which tickets need an approval and what that is bound to, as their files have it; and what a person is asked.

use std::path::Path;

use super::error::RunError;
use super::workspace::{View, Workspace};
use crate::config::{AgentKind, ApprovalPolicy, Config};
use crate::flow::{AskedBy, CommandFact, Decides, Look, Policy, Reason, ReasonCode, RunState, TicketFact, decides_now};
use crate::prompt;
use crate::store::{self, Links};
use crate::text::Source;
use crate::ticket::{Placed, TicketId, commands_of, digest_of_text, read, seal};

/// What of a ticket's keys asks for an approval, in words.
pub(super) fn asks(ticket: &Placed, policy: &ApprovalPolicy) -> Vec<String> {
    let mut asks = Vec::new();
    if ticket.needs_approval {
        asks.push("`approval: required`".to_owned());
    }
    if policy.risk.contains(&ticket.risk) {
        asks.push(format!("risk `{}`", ticket.risk.name()));
    }
    let tags = ticket.tags.iter().filter(|tag| policy.tags.contains(tag));
    asks.extend(tags.map(|tag| format!("tag `{}`", crate::text::shown_line(tag))));
    asks
}

/// Adds what an approval is bound to, where one is asked for, was given, or may be needed.
pub(super) fn seal_facts(
    top: &Path,
    config: &Config,
    (run, asked_by): (&RunState, AskedBy),
    tickets: &mut [TicketFact],
) -> Result<(), RunError> {
    let holds = Policy { asked_by, ..Policy::of(config) }.holds_commands();
    for ticket in tickets {
        let known = run.tickets.get(&ticket.id);
        let written = known.map(|state| &state.written).filter(|written| !written.is_empty());
        let decided = known.is_some_and(|state| state.approval.is_some() || state.asked.is_some());
        let is_fact = ticket.done && !ticket.claimed && !known.is_some_and(|state| state.claim);
        if is_fact || ticket.approval.asks.is_empty() && written.is_none() && !decided && !holds {
            continue;
        }
        let approved = known.and_then(|state| state.approval.as_ref()).map(|approval| &approval.what);
        let asked = known.and_then(|state| state.asked.as_ref()).map(|asked| &asked.what);
        let is_held = holds || approved.into_iter().chain(asked).any(|what| !what.inline.is_empty());
        let path = ticket.id.path();
        let source = match store::read_source(top, &path, Links::Any)? {
            Ok(source) => source.unwrap_or_else(|| Source::new(path.as_str(), "")),
            // Its faults stop it before anybody is asked.
            Err(why) => Source::new(path.as_str(), format!("{why:?}")),
        };
        ticket.approval.digest = seal(&source);
        if written.is_some() || is_held {
            let commands = running(&source, &ticket.agent, config);
            let is_written = |command: &&CommandFact| written.is_some_and(|it| it.contains(&command.digest));
            ticket.approval.commands = commands.iter().filter(is_written).cloned().collect();
            if is_held {
                ticket.approval.inline = commands;
            }
        }
    }
    Ok(())
}

/// The command lines that a ticket's next turn or its checks would run.
fn running(source: &Source, agent: &str, config: &Config) -> Vec<CommandFact> {
    let Some(ticket) = read(source).0 else { return Vec::new() };
    let is_shell = config.agent(agent).is_some_and(|entry| entry.kind == AgentKind::Shell);
    // What the config says under a name, a person has read.
    let is_named = |text: &str| config.checks.contains_key(text);
    let commands = commands_of(&ticket, &source.text).into_iter();
    let commands = commands.filter(|command| if command.by_shell { is_shell } else { !is_named(&command.text) });
    commands.map(|command| CommandFact { digest: digest_of_text(&command.text), text: command.text }).collect()
}

/// What `REQUEST.md` says.
pub(super) fn request_text(ticket: &TicketId, turn: Option<u32>, reason: &Reason) -> String {
    let (message, seen) = reason.message.split_once('\n').unwrap_or((&reason.message, ""));
    let seen = match seen.trim() {
        "" => Vec::new(),
        _ => vec![("what turnstile saw".to_owned(), flush_left(seen.trim_end()))],
    };
    let typed = ticket.typed();
    let reply = ticket.typed_with("-m TEXT");
    let reply = format!("`.tickets/USER_REPLY.md` (or run `turnstile reply {reply}`), then `turnstile run`");
    let answers = if reason.code.answered_by_decision() {
        let reject = match reason.code {
            ReasonCode::ScopePending => "puts the files back to what they were, and the agent is told",
            _ => "puts the ticket aside until it is edited, approved or reopened",
        };
        let only_here = reason.details.get("by_reply").is_some_and(|by_reply| by_reply == false);
        let here = if only_here { " on the machine that runs it" } else { "" };
        let mut answers = vec![
            format!("`turnstile approve {typed}`{here} lets it go on, then `turnstile run`"),
            format!("`turnstile reject {typed}`{here} {reject}"),
            "or write `.tickets/USER_REPLY.md` that begins with the lines `---`, `decision: approve` (or `reject`) and \
             `---`; text below them is for the agent"
                .to_owned(),
        ];
        answers.truncate(if only_here { 2 } else { answers.len() });
        answers
    } else {
        vec![format!("write {reply}"), format!("what else makes it move: {}", reason.code.moves())]
    };
    prompt::request(&prompt::Request {
        ticket: ticket.clone(),
        reason: reason.code.to_string(),
        message: message.to_owned(),
        turn,
        seen,
        answers,
    })
}

/// Lines without the indentation that they have in a message.
fn flush_left(lines: &str) -> String {
    let indented = lines.lines().all(|line| line.starts_with("  ") || line.is_empty());
    let lines = lines.lines().map(|line| if indented { line.get(2..).unwrap_or_default() } else { line });
    lines.collect::<Vec<_>>().join("\n").trim_start_matches('\n').to_owned()
}

/// How a ticket stands with a decision about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Decidable {
    /// It waits for one; this is what the decision would come to.
    Yes(Decides),
    /// Nothing of it waits for one.
    No,
    /// It is done.
    Done,
}

impl Workspace {
    /// What a decision about a ticket would come to now.
    pub fn decidable(view: &View, ticket: &TicketId, approved: bool) -> Decidable {
        let run = view.next_run();
        let look = Look { run: &run, survey: &view.survey, policy: &view.policy };
        match view.survey.ticket(ticket) {
            Some(fact) if look.is_open(fact) => {
                decides_now(&look, fact, approved).map_or(Decidable::No, Decidable::Yes)
            }
            Some(_) | None => Decidable::Done,
        }
    }
}

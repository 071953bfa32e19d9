//! `show`: one ticket with its conversation and its turns, or one turn.

use serde_json::{Value, json};

use super::list::{entries, line, widths};
use super::turn_record::{TurnRecord, of_lines};
use super::{CliError, Context, Exit};
use crate::config::show_duration;
use crate::run::{Options, Workspace};
use crate::store::{self, Journal, Message, PrunedNote};
use crate::text::{shown, shown_line};
use crate::ticket::{Frontmatter, TicketId};

/// So much of a message is read for its first line.
const GLANCE: usize = 4096;

/// Show a ticket, or a turn
///
/// A ticket is shown with its state and why, its conversation, its turns in the current run and the trees that were
/// kept around them. A turn is shown with what it changed, its agent's last words and where its logs are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile show 12\n  turnstile show --turn 3")]
pub struct Arguments {
    /// The ticket
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// A turn of the current run, or of another one as RUN/N
    #[arg(long, value_name = "N")]
    turn: Option<String>,
}

/// Shows a ticket or a turn.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let mut workspace = context.workspace()?;
    let ticket = arguments.id.as_ref().map(|id| context.ticket(&mut workspace, id)).transpose()?;
    match (&arguments.turn, ticket) {
        (Some(turn), ticket) => show_turn(context, &workspace, turn, ticket.as_ref()),
        (None, Some(ticket)) => show_ticket(context, &mut workspace, &ticket),
        (None, None) => Err(CliError::usage("name a ticket, or a turn with `--turn N`")),
    }
}

/// What is shown of a ticket besides its entry in the list.
struct Shown {
    front: Frontmatter,
    messages: Vec<Message>,
    run: Option<String>,
    turns: Vec<TurnRecord>,
    kept: Vec<crate::git::KeptRef>,
}

fn show_ticket(context: &Context, workspace: &mut Workspace, id: &TicketId) -> Result<Exit, CliError> {
    let view = workspace.look(&Options::default())?;
    let all = entries(workspace, &view);
    let Some(entry) = all.iter().find(|entry| entry.fact.id == *id) else {
        return Err(CliError::unknown(format!("{id} was there a moment ago and is gone")));
    };
    let read = workspace.last_reads().iter().find(|read| read.id == *id);
    let ticket = read.and_then(|read| read.ticket.as_ref());
    let turns: Vec<TurnRecord> =
        of_lines(&workspace.lines()?).into_iter().filter(|turn| turn.request.ticket == *id).collect();
    let shown = Shown {
        front: ticket.map(|ticket| ticket.front.clone()).unwrap_or_default(),
        messages: store::conversation(&workspace.layout, id, GLANCE)?,
        kept: kept(workspace, view.id.as_deref(), &turns)?,
        run: view.id.clone(),
        turns,
    };
    if context.printer.json {
        let mut document = entry.document();
        extend(&mut document, &shown, workspace);
        document["faults"] = json!(entry.fact.faults);
        context.printer.document(&document);
        return Ok(Exit::SUCCESS);
    }
    let mut text = format!("{id}: {}\n", shown_line(&entry.fact.title));
    let mut fact = |name: &str, value: String| text.push_str(&format!("  {name:<11} {value}\n"));
    fact("file", shown_line(&context.seen(&workspace.layout.top.join(id.path()))));
    let why = entry.reason.as_ref().map(|why| format!(", {}: {}", why.code, indented(&why.message)));
    fact("state", format!("{}{}", entry.standing.name(), why.unwrap_or_default()));
    if !entry.fact.agent.is_empty() {
        fact("agent", shown_line(&entry.fact.agent));
    }
    fact("priority", shown.front.priority.to_string());
    for (name, value) in facts(&shown.front) {
        fact(name, value);
    }
    if !entry.fact.depends_on.is_empty() {
        let names: Vec<String> = entry.fact.depends_on.iter().map(ToString::to_string).collect();
        fact("depends on", names.join(", "));
    }
    text.push_str(&conversation_text(&shown.messages));
    text.push_str(&turns_text(&shown));
    context.printer.data(&text);
    Ok(Exit::SUCCESS)
}

/// What the frontmatter says beyond the defaults.
fn facts(front: &Frontmatter) -> Vec<(&'static str, String)> {
    let texts =
        [("goal", &front.goal), ("hold", &front.hold), ("model", &front.model), ("reasoning", &front.reasoning)];
    let mut facts: Vec<(&str, String)> =
        texts.into_iter().filter_map(|(name, value)| Some((name, shown_line(value.as_ref()?)))).collect();
    if !front.tags.is_empty() {
        facts.push(("tags", shown_line(&front.tags.join(", "))));
    }
    if !front.context.is_empty() {
        let paths: Vec<&str> = front.context.iter().map(|file| file.path.as_str()).collect();
        facts.push(("context", shown_line(&paths.join(", "))));
    }
    let turns = front.limits.turns.map(|turns| format!("{turns} turns"));
    let used =
        [front.limits.tokens.map(|tokens| format!("{tokens} tokens")), front.limits.cost.map(|cost| cost.to_string())];
    let used = used.into_iter().flatten();
    let idle = front.limits.no_progress.map(|turns| format!("{turns} turns in a row without progress"));
    let limits: Vec<String> =
        turns.into_iter().chain(front.limits.time.map(show_duration)).chain(idle).chain(used).collect();
    if !limits.is_empty() {
        facts.push(("limits", limits.join(", ")));
    }
    facts
}

fn conversation_text(messages: &[Message]) -> String {
    let Some(last) = messages.last() else { return String::new() };
    let rows: Vec<[String; 3]> = messages
        .iter()
        .map(|message| {
            let count = match message.attachments.len() {
                0 => String::new(),
                files => format!(" (+ {files} file(s))"),
            };
            let first = match &message.text {
                Ok(text) => first_words(text),
                Err(why) => why.diagnostic("").message,
            };
            [format!("{:04}", message.sequence), message.kind.word().to_owned(), format!("{first}{count}")]
        })
        .collect();
    let widths = widths(&rows);
    let folder = std::path::Path::new(&last.path).ancestors().nth(2).unwrap_or(std::path::Path::new(""));
    let mut text = format!("messages in {}/:\n", shown_line(&folder.to_string_lossy()));
    for row in &rows {
        text.push_str(&format!("  {}", line(row, &widths)));
    }
    text
}

/// The title of a message, else its first line of text.
fn first_words(text: &str) -> String {
    let mut lines = text.lines();
    let mut body = lines.clone();
    if lines.next().is_some_and(|first| first.trim_end() == "---") {
        for line in lines.by_ref() {
            if let Some(title) = line.strip_prefix("title:") {
                return shown_line(title.trim().trim_matches(['"', '\'']));
            }
            if line.trim_end() == "---" {
                break;
            }
        }
        body = lines;
    }
    let first = body.find(|line| !line.trim().is_empty()).unwrap_or_default();
    shown_line(first.trim_start_matches('#').trim()).chars().take(100).collect()
}

fn turns_text(shown: &Shown) -> String {
    let (Some(run), false) = (&shown.run, shown.turns.is_empty()) else { return String::new() };
    let rows: Vec<[String; 4]> = shown
        .turns
        .iter()
        .map(|turn| {
            let files = turn.ended.as_ref().map_or(0, |ended| ended.changed.len());
            let took = turn.took().map_or_else(String::new, |took| format!("{took}, {files} file(s) changed"));
            [turn.request.turn.to_string(), shown_line(&turn.request.agent), turn.end_words(), took]
        })
        .collect();
    let widths = widths(&rows);
    let mut text = format!("turns in run {run}:\n");
    for row in &rows {
        text.push_str(&format!("  {}", line(row, &widths)));
    }
    if let Some(first) = shown.kept.first() {
        let short = first.commit.get(..10).unwrap_or(&first.commit);
        text.push_str(&format!("{} kept trees, from {} ({short}) on\n", shown.kept.len(), shown_line(&first.name)));
    }
    text
}

fn extend(document: &mut Value, shown: &Shown, workspace: &Workspace) {
    let front = &shown.front;
    document["goal"] = json!(front.goal);
    document["hold"] = json!(front.hold);
    document["tags"] = json!(front.tags);
    document["model"] = json!(front.model);
    document["depends_on"] = json!(front.depends_on);
    document["messages"] = shown
        .messages
        .iter()
        .map(|message| {
            json!({
                "sequence": message.sequence,
                "kind": message.kind.word(),
                "path": message.path,
                "attachments": message.attachments,
            })
        })
        .collect();
    document["run"] = json!(shown.run);
    let run = shown.run.as_deref().unwrap_or_default();
    document["turns"] = shown.turns.iter().map(|turn| turn.document(workspace, run)).collect();
    document["kept"] = shown.kept.iter().map(|kept| json!({ "ref": kept.name, "commit": kept.commit })).collect();
}

/// The trees that were kept around these turns, in their order.
fn kept(workspace: &Workspace, run: Option<&str>, turns: &[TurnRecord]) -> Result<Vec<crate::git::KeptRef>, CliError> {
    let (Some(run), false) = (run, turns.is_empty()) else { return Ok(Vec::new()) };
    let prefix = format!("refs/turnstile/checkpoints/{run}/");
    let turn_of = |name: &str| name.strip_prefix(&prefix)?.split('/').next()?.parse::<u32>().ok();
    let mut kept: Vec<_> = crate::git::kept_refs(&workspace.place, &prefix)?
        .into_iter()
        .filter(|kept| turns.iter().any(|turn| Some(turn.request.turn) == turn_of(&kept.name)))
        .collect();
    // By number, and `before` before `after`.
    kept.sort_by_key(|kept| (turn_of(&kept.name), kept.name.ends_with("/after")));
    Ok(kept)
}

fn show_turn(
    context: &Context,
    workspace: &Workspace,
    typed: &str,
    ticket: Option<&TicketId>,
) -> Result<Exit, CliError> {
    let (run, number) = named_turn(workspace, typed)?;
    let lines = Journal::read(&workspace.layout.journal(&run)).map_err(crate::run::RunError::from)?;
    let turns = of_lines(&lines);
    let Some(turn) = turns.iter().find(|turn| turn.request.turn == number) else {
        let how_many = match turns.len() {
            0 => "it has none".to_owned(),
            1 => "it has one".to_owned(),
            count => format!("it has {count}"),
        };
        return Err(CliError::unknown(format!("run {run} has no turn {number}; {how_many}")));
    };
    if let Some(ticket) = ticket.filter(|ticket| **ticket != turn.request.ticket) {
        let message = format!("turn {number} was one of {}, not of {ticket}", turn.request.ticket);
        return Err(CliError::unknown(message).hint(format!("`turnstile show --turn {typed}`")));
    }
    let folder = workspace.layout.turn(&run, number);
    let words = final_words(workspace, &folder);
    let pruned = store::pruned(&workspace.layout, &run)?;
    if context.printer.json {
        let mut document = turn.document(workspace, &run);
        document["final"] = json!(words);
        document["pruned"] = json!(pruned.as_ref().map(|note| &note.at));
        context.printer.document(&document);
    } else {
        context.printer.data(&turn_text(turn, &run, &logs_text(&folder, pruned.as_ref()), words.as_deref()));
    }
    Ok(Exit::SUCCESS)
}

/// `3`, or `run-id/3` for a turn of another run.
pub(super) fn named_turn(workspace: &Workspace, typed: &str) -> Result<(String, u32), CliError> {
    let not_a_turn = || {
        CliError::usage(format!("`{}` is no turn", shown_line(typed)))
            .hint("`turnstile show --turn 3`, or RUN/3 for a turn of another run")
    };
    let (run, number) = typed.rsplit_once('/').map_or((None, typed), |(run, number)| (Some(run), number));
    let number: u32 = number.parse().map_err(|_| not_a_turn())?;
    let run = match run {
        Some(run) if run.is_empty() || run.starts_with('.') || run.contains('/') => return Err(not_a_turn()),
        Some(run) => run.to_owned(),
        None => match store::current_run(&workspace.layout)? {
            Some(run) => run,
            None => {
                return Err(CliError::unknown("no run has begun in this worktree; there are no turns")
                    .hint("`turnstile run` begins one"));
            }
        },
    };
    if workspace.layout.run(&run).is_dir() {
        return Ok((run, number));
    }
    Err(CliError::unknown(format!("there is no run `{}` in this repository", shown_line(&run))))
}

/// What the agent said last, if it said anything.
fn final_words(workspace: &Workspace, folder: &std::path::Path) -> Option<String> {
    let below = folder.strip_prefix(&workspace.layout.common_dir).ok()?.join("final.md");
    let read = store::read_capped(&workspace.layout.common_dir, below, store::TEXT_CAP, store::Links::One);
    let words = String::from_utf8_lossy(&read.ok()?.ok().flatten()?).into_owned();
    (!words.trim().is_empty()).then_some(words)
}

/// Where the logs of a turn are, or that they are gone.
fn logs_text(folder: &std::path::Path, pruned: Option<&PrunedNote>) -> String {
    let Some(note) = pruned else {
        let gone = if folder.is_dir() { "" } else { " (gone; the journal is what is left of this turn)" };
        return format!("{}{gone}", shown_line(&folder.to_string_lossy()));
    };
    let day = note.at.split_once('T').map_or_else(String::new, |(day, _)| format!(" on {}", shown_line(day)));
    let aside = folder.join("overwritten");
    let kept = if aside.is_dir() {
        format!("\n           what was put aside is still in {}", shown_line(&aside.to_string_lossy()))
    } else {
        String::new()
    };
    format!("dropped{day}, with the references of the kept trees: the run is old, and its journal is what stays{kept}")
}

fn turn_text(turn: &TurnRecord, run: &str, logs: &str, words: Option<&str>) -> String {
    let mut text = format!("turn {} of run {run}\n", turn.request.turn);
    let mut fact = |name: &str, value: String| text.push_str(&format!("  {name:<8} {value}\n"));
    fact("ticket", turn.request.ticket.to_string());
    fact("agent", shown_line(&turn.request.agent));
    fact("began", shown_line(&turn.began));
    fact("end", turn.end_words());
    if let (Some(ended), Some(took)) = (&turn.ended, turn.took()) {
        fact("took", took);
        if let Some(exit) = ended.exit {
            fact("exit", exit.to_string());
        }
        if let (Some(before), Some(after)) = (&ended.before, &ended.after) {
            fact("kept", format!("{before}\n           {after}"));
        }
        for commit in &ended.commits {
            fact("commit", commit.clone());
        }
    }
    fact("logs", logs.to_owned());
    match &turn.ended {
        Some(ended) if ended.changed.is_empty() => text.push_str("no file was changed\n"),
        Some(ended) => {
            text.push_str("changed:\n");
            for path in &ended.changed {
                text.push_str(&format!("  {}\n", shown_line(path)));
            }
        }
        None => {}
    }
    if let Some(words) = words {
        text.push_str(&format!("last words:\n  {}\n", indented(words.trim_end())));
    }
    text
}

fn indented(text: &str) -> String {
    shown(text).replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_title_or_its_first_words() {
        for (text, expected) in [
            ("---\nmode: pause\ntitle: \"Which format?\"\n---\nbody\n", "Which format?"),
            ("---\nmode: pause\n---\n\n# Which one\nmore\n", "Which one"),
            ("Just text\nmore", "Just text"),
            ("---\nunterminated", ""),
            ("", ""),
            ("a\u{1b}[31m", "a\\x1b[31m"),
        ] {
            assert_eq!(first_words(text), expected, "{text:?}");
        }
    }
}

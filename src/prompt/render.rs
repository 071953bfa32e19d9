//! From inputs to a prompt within its size. Must not know what the templates say.

use std::collections::BTreeMap;

use minijinja::Value;

use super::material::{Entry, Material, Shown, Shrink};
use super::quote::{char_floor, code, inline, list};
use super::variables::SHRINK_ORDER;
use super::{ContextText, Feedback, Message, PromptInputs, Quoted, Reply, Task, TemplateSet};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::shown;

/// The ticket before this one, and the diff of this one, are quoted up to here at most.
const SIDE_TEXT_MAX: usize = 16 * 1024;

/// A title, an answer.
const LINE_MAX: usize = 200;

/// A goal, a sentence of the runner's.
const SENTENCE_MAX: usize = 2000;

/// So many attachments of a reply are named.
const ATTACHMENTS_NAMED: usize = 20;

/// A prompt, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The whole text.
    pub text: String,
    /// Its parts: first `rules`, which is everything that the template itself says, then the quoted ones.
    pub sections: Vec<Section>,
}

/// One part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The template variable that holds it, or `rules`.
    pub name: &'static str,
    /// How long it is.
    pub bytes: usize,
    /// How many bytes of its texts are not shown, also those that were not even read.
    pub cut: u64,
}

/// Makes the prompt of a turn, at most `max_bytes` long. Faults are those of overridden templates, and a
/// `max_bytes` that does not even hold what is never cut.
pub fn render(inputs: &PromptInputs, templates: &TemplateSet, max_bytes: usize) -> Result<Prompt, Vec<Diagnostic>> {
    let template = templates.of(&inputs.task);
    let materials: Vec<Material> =
        materials(inputs).into_iter().filter(|material| template.uses(material.name)).collect();
    let mut parts: Vec<Shown> = materials.iter().map(Material::whole).collect();
    let mut values = values(inputs);
    let mut fill = |parts: &[Shown]| {
        for (material, part) in materials.iter().zip(parts) {
            values.insert(material.name, Value::from(part.text.as_str()));
        }
        template.fill(&values)
    };

    let mut text = fill(&parts)?;
    for name in SHRINK_ORDER {
        let Some(excess) = text.len().checked_sub(max_bytes).filter(|excess| *excess > 0) else { break };
        let Some(at) = materials.iter().position(|material| material.name == name) else { continue };
        parts[at] = materials[at].within(parts[at].text.len().saturating_sub(excess));
        text = fill(&parts)?;
    }
    if text.len() > max_bytes {
        return Err(vec![too_small(max_bytes, text.len())]);
    }

    let quoted: usize = parts.iter().map(|part| part.text.len()).sum();
    let mut sections = vec![Section { name: "rules", bytes: text.len().saturating_sub(quoted), cut: 0 }];
    sections.extend(
        materials.iter().zip(&parts).filter(|(_, part)| !part.text.is_empty()).map(|(material, part)| Section {
            name: material.name,
            bytes: part.text.len(),
            cut: part.cut,
        }),
    );
    Ok(Prompt { text, sections })
}

fn too_small(max_bytes: usize, least: usize) -> Diagnostic {
    let message = format!("`prompt.max_bytes` is {max_bytes}, but what is never cut takes {least} bytes");
    let enough = least.next_multiple_of(1024);
    Diagnostic::of_file(Code::OutOfRange, ".tickets/config.yaml", message)
        .help(format!("set `prompt: {{max_bytes: {enough}}}`, or shorten the ticket's frontmatter"))
}

/// What the template gets beside the parts.
fn values(inputs: &PromptInputs) -> BTreeMap<&'static str, Value> {
    let ticket = &inputs.ticket;
    let dirty_paths = match &inputs.task {
        Task::Work => &[][..],
        Task::Commit { dirty_paths } => dirty_paths,
    };
    let goal = ticket.goal.as_deref().unwrap_or_default();
    let mut values: BTreeMap<&'static str, Value> = super::VARIABLES
        .iter()
        .filter(|variable| variable.kind == super::VariableKind::Blocks)
        .map(|variable| (variable.name, Value::from("")))
        .collect();
    values.extend([
        ("ticket_id", Value::from(inline(ticket.id.as_str(), SENTENCE_MAX))),
        ("ticket_path", Value::from(inline(&ticket.path, SENTENCE_MAX))),
        ("ticket_title", Value::from(inline(&ticket.title, LINE_MAX))),
        ("ticket_goal", Value::from(inline(goal, SENTENCE_MAX))),
        ("turn", Value::from(inputs.turns.turn)),
        ("run_limit", Value::from(inputs.turns.run_limit)),
        ("ticket_turn", Value::from(inputs.turns.of_ticket)),
        ("ticket_limit", Value::from(inputs.turns.ticket_limit)),
        ("agent_commits", Value::from(inputs.agent_commits)),
        ("outbox", Value::from(inline(inputs.outbox.trim_end_matches('/'), SENTENCE_MAX))),
        ("history", Value::from(format!(".tickets/history/{}/", inline(ticket.id.as_str(), SENTENCE_MAX)))),
        ("checks", Value::from(list(&inputs.checks))),
        ("user_paths", Value::from(list(&inputs.user_paths))),
        ("scope", Value::from(list(&inputs.scope))),
        ("protected", Value::from(list(&inputs.protected))),
        ("changed_by_person", Value::from(list(&inputs.changed_by_person))),
        ("interrupted", Value::from(inputs.interrupted.is_some())),
        ("interrupted_paths", Value::from(list(inputs.interrupted.as_deref().unwrap_or_default()))),
        ("stray_attachments", Value::from(list(&inputs.stray_attachments))),
        ("dirty_paths", Value::from(list(dirty_paths))),
    ]);
    values
}

/// The parts, in the order of the built-in template.
fn materials(inputs: &PromptInputs) -> Vec<Material> {
    let delivered_here =
        |message: &&Message| !inputs.replies.iter().any(|reply| reply.quoted.origin == message.quoted.origin);
    let ticket = &inputs.ticket;
    let body = Some(&ticket.body).filter(|body| !body.trim().is_empty());
    let diff =
        inputs.ticket_diff.as_ref().map(|diff| Quoted::whole(format!("changes of {}", ticket.path), diff.clone()));
    vec![
        Material { name: "feedback", entries: inputs.feedback.iter().map(feedback).collect(), shrink: Shrink::Never },
        Material {
            name: "workspace",
            entries: inputs.workspace.iter().cloned().map(Entry::bare).collect(),
            shrink: Shrink::LastToFirst,
        },
        Material { name: "replies", entries: inputs.replies.iter().map(reply).collect(), shrink: Shrink::KeepHeads },
        Material {
            name: "suspect_reply",
            entries: inputs.suspect_reply.iter().map(reply).collect(),
            shrink: Shrink::KeepHeads,
        },
        Material {
            name: "conversation",
            entries: inputs.conversation.iter().filter(delivered_here).map(message).collect(),
            shrink: Shrink::FirstToLast,
        },
        Material {
            name: "context",
            entries: inputs.context.iter().map(context).collect(),
            shrink: Shrink::LastToFirst,
        },
        Material {
            name: "previous_ticket",
            entries: inputs.previous_ticket.iter().map(|quoted| Entry::bare(at_most(quoted, SIDE_TEXT_MAX))).collect(),
            shrink: Shrink::LastToFirst,
        },
        Material {
            name: "ticket_frontmatter",
            entries: vec![Entry::bare(Quoted::whole(format!("frontmatter of {}", ticket.path), &*ticket.frontmatter))],
            shrink: Shrink::Never,
        },
        Material {
            name: "ticket_body",
            entries: body.map(|body| Entry::bare(Quoted::whole(&*ticket.path, &**body))).into_iter().collect(),
            shrink: Shrink::LastToFirst,
        },
        Material {
            name: "ticket_diff",
            entries: diff.iter().map(|diff| Entry::bare(at_most(diff, SIDE_TEXT_MAX))).collect(),
            shrink: Shrink::LastToFirst,
        },
        Material {
            name: "previous_words",
            entries: inputs.previous_words.iter().map(|words| Entry::bare(from_a_program(words))).collect(),
            shrink: Shrink::LastToFirst,
        },
    ]
}

fn feedback(feedback: &Feedback) -> Entry {
    let judged = inline(&feedback.judged, LINE_MAX);
    let why = inline(&feedback.why, SENTENCE_MAX);
    let left = match feedback.attempts_left {
        None => String::new(),
        Some(0 | 1) => " This is the last turn for it.".to_owned(),
        Some(left) => format!(" {left} turns are left for it, this one included."),
    };
    let stop = if left.is_empty() || why.ends_with(['.', '!', '?']) { "" } else { "." };
    Entry { head: format!("- **{judged}**: {why}{stop}{left}"), quoted: feedback.seen.as_ref().map(from_a_program) }
}

fn reply(reply: &Reply) -> Entry {
    let mut head = vec![format!("From {}", code(&reply.quoted.origin))];
    head.extend(reply.answer.as_ref().map(|answer| format!("answer: {}", inline(answer, LINE_MAX))));
    if !reply.attachments.is_empty() {
        let mut named: Vec<String> = reply.attachments.iter().take(ATTACHMENTS_NAMED).map(|path| code(path)).collect();
        if reply.attachments.len() > ATTACHMENTS_NAMED {
            named.push(format!("{} more beside them", reply.attachments.len() - ATTACHMENTS_NAMED));
        }
        head.push(format!("attachments: {}", named.join(", ")));
    }
    let quoted = Some(&reply.quoted).filter(|quoted| !quoted.text.trim().is_empty() || quoted.left_out > 0);
    Entry { head: head.join("; "), quoted: quoted.cloned() }
}

fn message(message: &Message) -> Entry {
    Entry { head: format!("{:04} {}:", message.seq, message.kind.name()), quoted: Some(message.quoted.clone()) }
}

fn context(context: &ContextText) -> Entry {
    match &context.text {
        Some(quoted) => Entry::bare(at_most(quoted, context.max_bytes)),
        None => {
            Entry { head: format!("{} is named by the ticket and does not exist.", code(&context.path)), quoted: None }
        }
    }
}

/// The beginning of a text; what is behind it counts as left out.
fn at_most(quoted: &Quoted, max_bytes: usize) -> Quoted {
    let take = char_floor(&quoted.text, max_bytes);
    let left_out = super::quote::left_out(quoted, take);
    Quoted { origin: quoted.origin.clone(), text: quoted.text[..take].to_owned(), left_out }
}

/// Output of programs is shown without what a terminal would obey.
fn from_a_program(quoted: &Quoted) -> Quoted {
    Quoted { text: shown(&quoted.text), ..quoted.clone() }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;

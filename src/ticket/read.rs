//! A text as a ticket. Never fails: what can be read is read, and every fault is reported at once with its place.

use serde::Deserialize;

use super::faults::Faults;
use super::split::{Parts, Split, bom_width, first_newline, split};
use super::types::{Frontmatter, Place, Places, Read, Risk, Ticket, TicketId};
use super::vet::{Vetted, vet};
use super::yaml::{self, Key, Node, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Edit, LineIndex, Source, Span};

/// The ticket of a source, and its faults. There is none where nothing of its frontmatter can be relied on; where
/// there is one, the values at fault have their defaults.
pub fn read(source: &Source) -> (Option<Ticket>, Vec<Diagnostic>) {
    let read = read_ticket(source);
    (read.ticket, read.diagnostics)
}

/// The same, with its id, which is taken from the path.
pub fn read_ticket(source: &Source) -> Read {
    let id = TicketId::of_path(&source.path);
    let mut faults = Faults::new(source);
    report_hidden_characters(&mut faults);
    let ticket = match split(&source.text) {
        Split::Frontmatter(parts) => read_parts(source, &id, parts, &mut faults),
        Split::Unterminated { opening } => {
            faults.at_with_help(
                Code::Unterminated,
                opening,
                "the frontmatter has no closing `---`",
                "write a line with `---` behind its last key",
            );
            None
        }
        Split::None { .. } => {
            faults.push(no_frontmatter(source));
            None
        }
    };
    Read { id, path: source.path.clone(), ticket, diagnostics: faults.into_sorted() }
}

fn no_frontmatter(source: &Source) -> Diagnostic {
    let diagnostic = Diagnostic::of_file(Code::NoFrontmatter, source.path.clone(), "no frontmatter at the very top");
    let text = &source.text;
    let top = bom_width(text);
    let rest = &text[top..];
    let blank = rest.len() - rest.trim_start().len();
    let line = rest[blank..].lines().next().unwrap_or_default();
    if line.trim_end() == "---" {
        return diagnostic
            .help("remove what stands before the first `---`")
            .fix(vec![Edit { span: Span::new(top, top + blank), text: String::new() }]);
    }
    // Something that nearly is a fence was meant as one: a second block above it would bury it in the body.
    if line.starts_with("---") || line.starts_with("+++") {
        return diagnostic.help("write the first line as `---`");
    }
    let newline = first_newline(text);
    let block = format!("---{newline}done: false{newline}---{newline}");
    diagnostic
        .help("begin the file with `---`, `done: false`, `---`")
        .fix(vec![Edit { span: Span::new(top, top), text: block }])
}

/// The values of the frontmatter that are plain words, numbers and lists of words.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Typed {
    agent: Option<String>,
    done: Option<bool>,
    title: Option<String>,
    goal: Option<String>,
    priority: Option<u8>,
    depends_on: Option<Vec<String>>,
    hold: Option<String>,
    tags: Option<Vec<String>>,
    risk: Option<String>,
    approval: Option<String>,
    model: Option<String>,
    reasoning: Option<String>,
}

fn read_parts(source: &Source, id: &TicketId, parts: Parts, faults: &mut Faults<'_>) -> Option<Ticket> {
    let top = Span::new(bom_width(&source.text), bom_width(&source.text) + "---".len());
    let (tree, syntax) = yaml::parse(source, parts.yaml);
    faults.extend(syntax);
    let tree = tree?;
    match &tree.value {
        Value::Mapping(_) | Value::Null => {}
        Value::Scalar { .. } | Value::Sequence(_) => {
            faults.at_with_help(
                Code::NotMapping,
                tree.span,
                format!("the frontmatter is {}, not keys with values", tree.kind()),
                "write one `key: value` a line",
            );
            return None;
        }
    }
    let vetted = vet(&tree, faults);
    let places = places(source, &tree, top);
    let typed = typed(&tree, &vetted, faults)?;
    let body = parts.body.of(&source.text);
    let front = front(typed, vetted);
    let title = front.title.clone().or_else(|| heading(body));
    if title.is_none() {
        faults.at_with_help(
            Code::MissingTitle,
            top,
            "neither a `title` nor a heading",
            "write `title: …`, or begin the body with `# …`",
        );
    }
    let title = title.unwrap_or_else(|| id.as_str().to_owned());
    Some(Ticket { id: id.clone(), front, title, body: parts.body, places })
}

/// The values as serde types them. It is given the tree, not the text: one parser decides what the text says, for
/// reading, for lint and for edits. Values at fault are left out, and so have their defaults.
fn typed(tree: &Node, vetted: &Vetted, faults: &mut Faults<'_>) -> Option<Typed> {
    let mut values = serde_yaml::Mapping::new();
    for (position, (key, node)) in tree.entries().iter().enumerate() {
        if vetted.at_fault.binary_search(&position).is_ok() {
            continue;
        }
        if let Some(value) = value(key, node) {
            values.insert(key.name.as_str().into(), value);
        }
    }
    match serde_yaml::from_value(serde_yaml::Value::Mapping(values)) {
        Ok(typed) => Some(typed),
        Err(error) => {
            let message = format!("cannot be read: {}", crate::text::shown_line(&error.to_string()));
            faults.at_with_help(Code::WrongType, tree.span, message, "compare it with a new ticket of `turnstile new`");
            None
        }
    }
}

/// A vetted value in the form of its key. A plain `123` is a text where a text is asked for.
fn value(key: &Key, node: &Node) -> Option<serde_yaml::Value> {
    match (key.name.as_str(), &node.value) {
        ("done", Value::Scalar { text, .. }) => Some(text.eq_ignore_ascii_case("true").into()),
        ("priority", Value::Scalar { text, .. }) => text.parse::<u8>().ok().map(Into::into),
        (
            "agent" | "title" | "goal" | "hold" | "model" | "reasoning" | "depends_on" | "tags" | "risk" | "approval",
            Value::Scalar { .. } | Value::Sequence(_),
        ) => Some(texts(node)),
        (_, Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_)) => None,
    }
}

fn texts(node: &Node) -> serde_yaml::Value {
    match &node.value {
        Value::Scalar { text, .. } => text.as_str().into(),
        Value::Sequence(items) => serde_yaml::Value::Sequence(items.iter().map(texts).collect()),
        Value::Null | Value::Mapping(_) => serde_yaml::Value::Null,
    }
}

fn front(typed: Typed, vetted: Vetted) -> Frontmatter {
    Frontmatter {
        agent: typed.agent,
        done: typed.done.unwrap_or_default(),
        title: typed.title.map(|title| one_line(&title)).filter(|title| !title.is_empty()),
        goal: typed.goal.map(|goal| one_line(&goal)).filter(|goal| !goal.is_empty()),
        priority: typed.priority.unwrap_or(Frontmatter::default().priority),
        depends_on: typed.depends_on.unwrap_or_default(),
        hold: typed.hold,
        tags: typed.tags.unwrap_or_default(),
        risk: typed.risk.as_deref().map_or(Frontmatter::default().risk, risk),
        needs_approval: typed.approval.as_deref() == Some("required"),
        model: typed.model,
        reasoning: typed.reasoning,
        scope: vetted.scope,
        context: vetted.context,
        limits: vetted.limits,
        verify: vetted.verify,
        artifacts: vetted.artifacts,
    }
}

/// A word that was vetted.
fn risk(word: &str) -> Risk {
    Risk::WORDS.into_iter().find(|(known, _)| *known == word).map_or(Risk::Medium, |(_, risk)| risk)
}

/// A folded text ends with a line break, and titles stand in one line everywhere.
fn one_line(text: &str) -> String {
    if text.contains(['\n', '\r']) {
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    text.to_owned()
}

fn places(source: &Source, tree: &Node, top: Span) -> Places {
    let lines = LineIndex::new(&source.text[..tree.span.end.max(top.end)]);
    let place = |span: Span| Place { span, at: lines.place(&source.text, span.start) };
    let depends_on = match tree.get("depends_on").map(|node| &node.value) {
        Some(Value::Sequence(items)) => items.iter().map(|item| place(item.span)).collect(),
        Some(Value::Null | Value::Scalar { .. } | Value::Mapping(_)) | None => Vec::new(),
    };
    // `agent: ~` names nobody, as a ticket without the key.
    let agent = tree.get("agent").filter(|node| node.value != Value::Null).map(|node| place(node.span));
    let context = tree.get("context").map(|node| place(node.span));
    let verify = tree.get("verify").map(|node| place(node.span));
    let limits = tree.get("limits").map_or(&[][..], Node::entries);
    let limit = |name: &str| limits.iter().find(|(key, _)| key.name == name).map(|(key, _)| place(key.span));
    let (cost_usd, tokens) = (limit("cost_usd"), limit("tokens"));
    Places { top: Some(place(top)), agent, context, verify, cost_usd, tokens, depends_on }
}

/// The first heading of the first level that is not part of a code block.
fn heading(body: &str) -> Option<String> {
    let mut fences = super::shell::FenceTracker::new();
    body.lines().filter(|line| fences.is_prose(line)).find_map(|line| {
        let title = line.strip_prefix("# ")?.trim();
        let bare = title.trim_end_matches('#');
        let title = if bare.ends_with([' ', '\t']) { bare.trim_end() } else { title };
        (!title.is_empty() && !title.chars().all(|character| character == '#')).then(|| title.to_owned())
    })
}

/// 1 for every byte that is not plain ASCII text.
const UNUSUAL: [u8; 256] = {
    let mut table = [1; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        table[byte] = 0;
        byte += 1;
    }
    table[b'\n' as usize] = 0;
    table[b'\r' as usize] = 0;
    table[b'\t' as usize] = 0;
    table
};

/// At most so many are reported in one text: a file full of them says the same thing each time.
const MOST_HIDDEN: usize = 20;

fn report_hidden_characters(faults: &mut Faults<'_>) {
    let text = faults.text();
    // Nearly every ticket is plain; one pass over its bytes without branches says so.
    let suspicious = text.bytes().fold(0_u8, |found, byte| found | UNUSUAL[usize::from(byte)]);
    if suspicious == 0 {
        return;
    }
    let top = bom_width(text);
    let hidden = text[top..].char_indices().filter(|(_, character)| is_hidden(*character)).take(MOST_HIDDEN);
    for (at, character) in hidden {
        let span = Span::new(top + at, top + at + character.len_utf8());
        faults.at_with_help(
            Code::HiddenCharacter,
            span,
            format!("the character U+{:04X} is not seen and changes what is", u32::from(character)),
            "remove it, or write it as text",
        );
    }
}

/// Whether a character makes a reader see another text than a program does; such a one is W103.
pub fn is_hidden(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

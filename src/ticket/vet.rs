//! What each key of the frontmatter may say. Works on the tree, so that every fault is found and has its place; what
//! passes here is what serde then types.

use std::collections::HashSet;
use std::time::Duration;

use super::check::{CheckItem, read_items};
use super::faults::Faults;
use super::keys::{CONTEXT_KEYS, LIMIT_KEYS, TICKET_KEYS};
use super::types::{ContextFile, Risk, TicketLimits};
use super::yaml::{Key, Node, Value};
use crate::config::Usd;
use crate::diagnostic::Code;
use crate::text::{Edit, Span, nearest, shown_line};

/// What came of it.
#[derive(Default)]
pub(super) struct Vetted {
    /// The positions of the entries that must not be typed, in order.
    pub(super) at_fault: Vec<usize>,
    /// The good items of `context`.
    pub(super) context: Vec<ContextFile>,
    /// The good items of `scope`.
    pub(super) scope: Vec<String>,
    /// The good entries of `limits`.
    pub(super) limits: TicketLimits,
    /// The good items of `verify`.
    pub(super) verify: Vec<CheckItem>,
    /// The good items of `artifacts`.
    pub(super) artifacts: Vec<String>,
}

/// Checks all keys.
pub(super) fn vet(tree: &Node, faults: &mut Faults<'_>) -> Vetted {
    let mut vetted = Vetted::default();
    let entries = tree.entries();
    let foreign = report_foreign(tree, faults);
    let mut seen = HashSet::with_capacity(entries.len());
    for (position, (key, node)) in entries.iter().enumerate() {
        // Of a key that stands twice the first one counts; that it does was reported.
        if !seen.insert(key.name.as_str()) || !is_good(key, node, foreign, &mut vetted, faults) {
            vetted.at_fault.push(position);
        }
    }
    vetted
}

fn is_good(key: &Key, node: &Node, foreign: bool, vetted: &mut Vetted, faults: &mut Faults<'_>) -> bool {
    if node.value == Value::Null && TICKET_KEYS.contains(&key.name.as_str()) {
        return true;
    }
    match key.name.as_str() {
        "agent" | "title" | "goal" | "model" | "reasoning" => is_text(key, node, faults),
        "hold" => is_reason(key, node, faults),
        "done" => is_bool(key, node, faults),
        "priority" => is_priority(key, node, faults),
        "depends_on" | "tags" => is_list_of_texts(key, node, faults),
        "context" => {
            vetted.context = context(node, faults);
            true
        }
        "limits" => {
            vetted.limits = limits(node, faults);
            true
        }
        "risk" => is_one_of(key, node, &Risk::WORDS.map(|(word, _)| word), faults),
        "approval" => is_one_of(key, node, &["auto", "required"], faults),
        "verify" => {
            vetted.verify = read_items("verify", node, Code::UnknownKey, &mut |code, span, message, help| {
                faults.at_with_help(code, span, message, help);
            });
            true
        }
        "artifacts" => {
            vetted.artifacts = super::artifacts::artifacts(node, faults);
            true
        }
        "scope" => {
            vetted.scope = scope(node, faults);
            true
        }
        name if name.starts_with("x-") || (foreign && FOREIGN_KEYS.contains(&name)) => true,
        name => {
            report_unknown(name, key, TICKET_KEYS, Code::UnknownKey, faults);
            true
        }
    }
}

/// Keys that tell a ticket of `tk`.
const FOREIGN_KEYS: &[&str] =
    &["id", "status", "deps", "links", "created", "type", "assignee", "external-ref", "parent"];

fn report_foreign(tree: &Node, faults: &mut Faults<'_>) -> bool {
    let found = tree.entries().iter().find(|(key, _)| matches!(key.name.as_str(), "status" | "deps"));
    let Some((key, _)) = found.filter(|_| tree.get("done").is_none()) else { return false };
    let closed = tree.get("status").is_some_and(
        |status| matches!(&status.value, Value::Scalar { text, .. } if text == "closed" || text == "done"),
    );
    faults.at_with_help(
        Code::ForeignTicket,
        key.span,
        format!("a ticket of another tool: `{}` and no `done`", key.name),
        format!("write `done: {closed}` in place of `status`, and `depends_on` in place of `deps`"),
    );
    true
}

fn report_unknown(name: &str, key: &Key, known: &[&'static str], code: Code, faults: &mut Faults<'_>) {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known keys are {}; a key of your own begins with `x-`", known.join(", ")),
    };
    faults.at_with_help(code, key.span, format!("unknown key `{}`", shown_line(name)), help);
}

fn wrong_type(key: &Key, node: &Node, expected: &str, help: &str, faults: &mut Faults<'_>) -> bool {
    let message = format!("`{}` must be {expected}, not {}", shown_line(&key.name), shown_value(node));
    faults.at_with_help(Code::WrongType, node.span, message, help);
    false
}

/// A value as messages quote it; long ones by their kind.
fn shown_value(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, quoted: false } if text.chars().count() <= 40 => format!("`{}`", shown_line(text)),
        Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => node.kind().to_owned(),
    }
}

fn is_text(key: &Key, node: &Node, faults: &mut Faults<'_>) -> bool {
    matches!(node.value, Value::Scalar { .. })
        || wrong_type(key, node, "a text", "write one text, in quotes if it holds special characters", faults)
}

fn is_reason(key: &Key, node: &Node, faults: &mut Faults<'_>) -> bool {
    match &node.value {
        Value::Scalar { text, quoted: false } if is_like_a_bool(text) => wrong_type(
            key,
            node,
            "the reason as a text",
            "write why the ticket is put aside, or remove the key",
            faults,
        ),
        Value::Scalar { text, .. } if text.trim().is_empty() => {
            faults.at_with_help(
                Code::OutOfRange,
                node.span,
                "`hold` gives no reason",
                "write why the ticket is put aside, or remove the key",
            );
            false
        }
        Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => is_text(key, node, faults),
    }
}

fn is_like_a_bool(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n")
}

fn is_bool(key: &Key, node: &Node, faults: &mut Faults<'_>) -> bool {
    if let Value::Scalar { text, quoted } = &node.value {
        if !quoted && matches!(text.as_str(), "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
            return true;
        }
        if is_like_a_bool(text) {
            let meant = matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y");
            let message = format!("`{}` must be true or false, not {}", key.name, node.span.of(faults.text()));
            let diagnostic = faults
                .made(Code::WrongType, node.span, message)
                .help(format!("write `{}: {meant}`", key.name))
                .fix(vec![Edit { span: node.span, text: meant.to_string() }]);
            faults.push(diagnostic);
            return false;
        }
    }
    wrong_type(key, node, "true or false", &format!("write `{}: false`", key.name), faults)
}

fn is_priority(key: &Key, node: &Node, faults: &mut Faults<'_>) -> bool {
    let help = "write a number from 0 (first) to 4";
    let Some(number) = whole_number(node) else { return wrong_type(key, node, "a number", help, faults) };
    if !(0..=4).contains(&number) {
        faults.at_with_help(Code::OutOfRange, node.span, format!("`priority` is 0 to 4, not {number}"), help);
        return false;
    }
    // Other spellings of the same number read differently elsewhere.
    matches!(&node.value, Value::Scalar { text, .. } if text.len() == 1)
        || wrong_type(key, node, "one digit", help, faults)
}

fn whole_number(node: &Node) -> Option<i128> {
    match &node.value {
        Value::Scalar { text, quoted: false } => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().unwrap_or(i128::MAX))
        }
        Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

fn is_one_of(key: &Key, node: &Node, words: &[&str], faults: &mut Faults<'_>) -> bool {
    let help = format!("write one of {}", words.join(", "));
    let Value::Scalar { text, .. } = &node.value else { return wrong_type(key, node, "a word", &help, faults) };
    if words.contains(&text.as_str()) {
        return true;
    }
    faults.at_with_help(Code::OutOfRange, node.span, format!("`{}` cannot be `{}`", key.name, shown_line(text)), help);
    false
}

fn is_list_of_texts(key: &Key, node: &Node, faults: &mut Faults<'_>) -> bool {
    let help = format!("write `{}: [one, two]`", key.name);
    match &node.value {
        Value::Sequence(items) => {
            let mut good = true;
            for item in items {
                if !matches!(item.value, Value::Scalar { .. }) {
                    let message = format!("an item of `{}` must be a text, not {}", key.name, item.kind());
                    faults.at_with_help(Code::WrongType, item.span, message, help.as_str());
                    good = false;
                }
            }
            good
        }
        Value::Scalar { text, quoted } => {
            let message = format!("`{}` must be a list, not {}", key.name, shown_value(node));
            let mut diagnostic = faults.made(Code::WrongType, node.span, message).help(help);
            // One word can only be meant as the one item.
            if !quoted && text.chars().all(|character| character.is_alphanumeric() || "-_./".contains(character)) {
                diagnostic = diagnostic.fix(vec![
                    Edit { span: Span::new(node.span.start, node.span.start), text: "[".to_owned() },
                    Edit { span: Span::new(node.span.end, node.span.end), text: "]".to_owned() },
                ]);
            }
            faults.push(diagnostic);
            false
        }
        Value::Null | Value::Mapping(_) => wrong_type(key, node, "a list", &help, faults),
    }
}

/// How many bytes of a context file are quoted where the ticket does not say.
const CONTEXT_BYTES: usize = 4096;

fn context(node: &Node, faults: &mut Faults<'_>) -> Vec<ContextFile> {
    let help = "write `context: [docs/api.md, {path: src/lib.rs, max_bytes: 8192}]`";
    let Value::Sequence(items) = &node.value else {
        faults.at_with_help(
            Code::WrongType,
            node.span,
            format!("`context` must be a list, not {}", shown_value(node)),
            help,
        );
        return Vec::new();
    };
    items.iter().filter_map(|item| context_file(item, help, faults)).collect()
}

fn context_file(item: &Node, help: &str, faults: &mut Faults<'_>) -> Option<ContextFile> {
    if let Value::Scalar { text, .. } = &item.value {
        let file = ContextFile { path: text.clone(), max_bytes: CONTEXT_BYTES, required: false };
        return stays_inside(text, item.span, faults).then_some(file);
    }
    let Some(path) = item.get("path") else {
        let message = format!("an item of `context` must name a path, not {}", item.kind());
        faults.at_with_help(Code::WrongType, item.span, message, help);
        return None;
    };
    let mut file = ContextFile { path: String::new(), max_bytes: CONTEXT_BYTES, required: false };
    let mut good = true;
    for (key, node) in item.entries() {
        match key.name.as_str() {
            "path" => match &path.value {
                Value::Scalar { text, .. } => {
                    file.path.clone_from(text);
                    good &= stays_inside(text, node.span, faults);
                }
                Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                    good &= wrong_type(key, node, "a path", help, faults);
                }
            },
            "max_bytes" => match positive(key, node, faults) {
                Some(bytes) => file.max_bytes = usize::try_from(bytes).unwrap_or(usize::MAX),
                None => good = false,
            },
            "required" => {
                good &= is_bool(key, node, faults);
                file.required = matches!(&node.value, Value::Scalar { text, .. } if text.eq_ignore_ascii_case("true"));
            }
            name => report_unknown(name, key, CONTEXT_KEYS, Code::UnknownKey, faults),
        }
    }
    good.then_some(file)
}

/// `scope`: globs.
fn scope(node: &Node, faults: &mut Faults<'_>) -> Vec<String> {
    let help = "write globs from the top of the worktree, as `scope: [\"src/**\", docs/*.md]`";
    let Value::Sequence(items) = &node.value else {
        let message = format!("`scope` must be a list, not {}", shown_value(node));
        faults.at_with_help(Code::WrongType, node.span, message, help);
        return Vec::new();
    };
    let mut globs = Vec::new();
    for item in items {
        let Value::Scalar { text, .. } = &item.value else {
            let message = format!("an item of `scope` must be a glob, not {}", item.kind());
            faults.at_with_help(Code::WrongType, item.span, message, help);
            continue;
        };
        match super::scope::glob(text) {
            Ok(_) => globs.push(text.clone()),
            Err(why) => {
                let help = "write one as `src/**` or `docs/*.md`";
                faults.at_with_help(Code::BadGlob, item.span, format!("bad glob: {}", shown_line(&why)), help);
            }
        }
    }
    globs
}

fn positive(key: &Key, node: &Node, faults: &mut Faults<'_>) -> Option<u32> {
    let help = "write a number from 1 to 4294967295";
    let Some(number) = whole_number(node) else {
        wrong_type(key, node, "a number", help, faults);
        return None;
    };
    let number = u32::try_from(number).ok().filter(|number| *number > 0);
    if number.is_none() {
        faults.at_with_help(
            Code::OutOfRange,
            node.span,
            format!("`{}` cannot be {}", key.name, shown_value(node)),
            help,
        );
    }
    number
}

fn limits(node: &Node, faults: &mut Faults<'_>) -> TicketLimits {
    let mut limits = TicketLimits::default();
    if !matches!(node.value, Value::Mapping(_)) {
        let message = format!("`limits` must be a mapping, not {}", shown_value(node));
        faults.at_with_help(Code::WrongType, node.span, message, "write `limits: {turns: 12, time: 2h}`");
        return limits;
    }
    for (key, node) in node.entries() {
        let is_off = matches!(&node.value, Value::Null)
            || matches!(&node.value, Value::Scalar { text, quoted: false } if text == "off");
        match key.name.as_str() {
            "turns" | "time" | "no_progress" | "cost_usd" | "tokens" if is_off => {}
            "turns" => limits.turns = positive(key, node, faults),
            "no_progress" => limits.no_progress = positive(key, node, faults),
            "time" => limits.time = duration(key, node, faults),
            "tokens" => limits.tokens = positive(key, node, faults),
            "cost_usd" => limits.cost = money(key, node, faults),
            name => report_unknown(name, key, LIMIT_KEYS, Code::UnknownKey, faults),
        }
    }
    limits
}

fn money(key: &Key, node: &Node, faults: &mut Faults<'_>) -> Option<Usd> {
    let help = "write US dollars as `5` or `2.50`, or `off`";
    match &node.value {
        Value::Scalar { text, quoted: false } if text.parse::<f64>().is_ok() => {
            let amount = Usd::parse(text);
            if amount.is_none() {
                let message = format!("`{}` cannot be {}", key.name, shown_value(node));
                faults.at_with_help(Code::OutOfRange, node.span, message, help);
            }
            amount
        }
        Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
            wrong_type(key, node, "a number of US dollars", help, faults);
            None
        }
    }
}

fn duration(key: &Key, node: &Node, faults: &mut Faults<'_>) -> Option<Duration> {
    let help = "write a duration as `90s`, `10m` or `2h`, or `off`";
    let Value::Scalar { text, .. } = &node.value else {
        wrong_type(key, node, "a duration", help, faults);
        return None;
    };
    match crate::config::parse_duration(text) {
        Ok(duration) => Some(duration),
        Err(error) => {
            let code = match error {
                crate::config::DurationError::Form => Code::WrongType,
                crate::config::DurationError::NotPositive | crate::config::DurationError::TooLong => Code::OutOfRange,
            };
            faults.at_with_help(
                code,
                node.span,
                format!("`{}` cannot be {}: {error}", key.name, shown_value(node)),
                help,
            );
            None
        }
    }
}

/// Whether a path stays inside of the repository and out of `.git`, as far as its text can tell.
pub(super) fn stays_inside(path: &str, span: Span, faults: &mut Faults<'_>) -> bool {
    let mut depth = 0_i64;
    let mut inside = !path.is_empty() && !path.starts_with(['/', '~']) && !path.contains(['\\', '\0']);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        inside &= depth >= 0 && !part.eq_ignore_ascii_case(".git");
    }
    if !inside {
        faults.at_with_help(
            Code::OutsidePath,
            span,
            format!("the path `{}` leaves the repository", shown_line(path)),
            "write a path below the top of the worktree",
        );
    }
    inside
}

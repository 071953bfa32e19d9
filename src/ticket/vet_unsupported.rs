//! The forms of `verify` and `artifacts`: what is wrong with them is said even where they are not supported.

use super::faults::Faults;
use super::vet::stays_inside;
use super::yaml::{Node, Value};
use crate::diagnostic::Code;
use crate::text::{Span, shown_line};

/// Commands that no tree can make fail.
const CANNOT_FAIL: &[&str] = &["", "true", ":", "exit 0", "exit", "/bin/true", "/usr/bin/true"];

/// `verify`: names of checks, command lines, or mappings with `run`.
pub(super) fn verify(node: &Node, faults: &mut Faults<'_>) {
    for item in items("verify", node, faults) {
        match &item.value {
            Value::Scalar { text, .. } => command(text, item.span, faults),
            Value::Mapping(_) => match item.get("run") {
                Some(Node { span, value: Value::Scalar { text, .. } }) => command(text, *span, faults),
                Some(Node { span, .. }) => wrong(*span, "`run` must be a command line", faults),
                None => wrong(item.span, "a check needs `run`", faults),
            },
            Value::Null => command("", item.span, faults),
            Value::Sequence(_) => wrong(item.span, "a check must be a text or a mapping, not a list", faults),
        }
    }
}

/// `artifacts`: paths inside of the repository.
pub(super) fn artifacts(node: &Node, faults: &mut Faults<'_>) {
    for item in items("artifacts", node, faults) {
        match &item.value {
            Value::Scalar { text, .. } => {
                stays_inside(text, item.span, faults);
            }
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                wrong(item.span, "an artifact must be a path", faults);
            }
        }
    }
}

fn items<'a>(key: &str, node: &'a Node, faults: &mut Faults<'_>) -> &'a [Node] {
    match &node.value {
        Value::Sequence(items) => items,
        Value::Null | Value::Scalar { .. } | Value::Mapping(_) => {
            wrong(node.span, &format!("`{key}` must be a list, not {}", node.kind()), faults);
            &[]
        }
    }
}

fn wrong(span: Span, message: &str, faults: &mut Faults<'_>) {
    faults.at_with_help(Code::WrongType, span, message, "write it as the format describes it, or remove it");
}

fn command(line: &str, span: Span, faults: &mut Faults<'_>) {
    let bare = line.trim().trim_end_matches(';').trim_end();
    let last = bare.rsplit("||").next().unwrap_or_default().trim();
    if CANNOT_FAIL.contains(&bare) || (last != bare && CANNOT_FAIL.contains(&last)) {
        faults.at_with_help(
            Code::CannotFail,
            span,
            format!("the command `{}` cannot fail", shown_line(bare)),
            "write a command whose exit status says whether the work is done",
        );
    }
}

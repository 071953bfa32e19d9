//! `artifacts`: what must be there when the ticket is done.

use super::faults::Faults;
use super::vet::stays_inside;
use super::yaml::{Node, Value};
use crate::diagnostic::Code;
use crate::text::Span;

/// Paths inside of the repository; those at fault are left out.
pub(super) fn artifacts(node: &Node, faults: &mut Faults<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    for item in items(node, faults) {
        match &item.value {
            Value::Scalar { text, .. } => {
                if stays_inside(text, item.span, faults) {
                    paths.push(text.clone());
                }
            }
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                wrong(item.span, "an artifact must be a path", faults);
            }
        }
    }
    paths
}

fn items<'a>(node: &'a Node, faults: &mut Faults<'_>) -> &'a [Node] {
    match &node.value {
        Value::Sequence(items) => items,
        Value::Null | Value::Scalar { .. } | Value::Mapping(_) => {
            wrong(node.span, &format!("`artifacts` must be a list, not {}", node.kind()), faults);
            &[]
        }
    }
}

fn wrong(span: Span, message: &str, faults: &mut Faults<'_>) {
    faults.at_with_help(
        Code::WrongType,
        span,
        message,
        "write paths from the top of the worktree, as `artifacts: [docs/cli.md, dist/]`",
    );
}

//! The forms of `artifacts` and `scope`.

use super::faults::Faults;
use super::vet::stays_inside;
use super::yaml::{Node, Value};
use crate::diagnostic::Code;
use crate::text::{Span, shown_line};

/// `artifacts`: paths inside of the repository; those at fault are left out.
pub(super) fn artifacts(node: &Node, faults: &mut Faults<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    for item in items("artifacts", node, faults) {
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

/// `scope`: globs.
pub(super) fn scope(node: &Node, faults: &mut Faults<'_>) {
    for item in items("scope", node, faults) {
        let Value::Scalar { text, .. } = &item.value else {
            wrong(item.span, "an item of `scope` must be a glob", faults);
            continue;
        };
        if let Err(error) = globset::GlobBuilder::new(text).literal_separator(true).build() {
            faults.at_with_help(
                Code::BadGlob,
                item.span,
                format!("bad glob: {}", shown_line(&error.kind().to_string())),
                "write one as `src/**` or `docs/*.md`",
            );
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

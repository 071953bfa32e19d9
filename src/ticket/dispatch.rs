//! A message from an agent to people. A faulty one is never taken for a notice: it may be a question.

use super::faults::Faults;
use super::mail::{self, Mail};
use super::yaml::Value;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Source, Span};

/// A message from an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Whether the run waits for an answer.
    pub mode: DispatchMode,
    /// One line for lists and notifications.
    pub title: Option<String>,
    /// The answers that it accepts; any where there are none.
    pub choices: Vec<String>,
    /// The message itself.
    pub body: Span,
}

/// Whether the run waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispatchMode {
    /// It does not.
    Notify,
    /// It does.
    Pause,
}

impl DispatchMode {
    /// The word for it, as it stands in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Pause => "pause",
        }
    }
}

/// The keys of a dispatch.
pub const DISPATCH_KEYS: &[&str] = &["mode", "title", "choices"];

/// Reads a dispatch; without frontmatter it is a notice.
pub fn read_dispatch(source: &Source) -> Result<Dispatch, Vec<Diagnostic>> {
    let mut faults = Faults::new(source);
    let dispatch = mail::open(source, DISPATCH_KEYS, &mut faults).map(|mail| {
        let modes = [DispatchMode::Notify, DispatchMode::Pause].map(|mode| (mode.name(), mode));
        let mode = mail.word("mode", &modes, &mut faults).unwrap_or(DispatchMode::Notify);
        let title = mail.text("title", &mut faults).map(|(title, _)| title).filter(|title| !title.is_empty());
        let choices = choices(&mail, mode, &mut faults);
        Dispatch { mode, title, choices, body: mail.body }
    });
    let faults = faults.into_sorted();
    dispatch.filter(|_| faults.is_empty()).ok_or(faults)
}

fn choices(mail: &Mail, mode: DispatchMode, faults: &mut Faults<'_>) -> Vec<String> {
    let help = "write `choices: [one, two]`";
    let Some(node) = mail.tree.get("choices") else { return Vec::new() };
    let items = match &node.value {
        Value::Null => return Vec::new(),
        Value::Sequence(items) => items,
        Value::Scalar { .. } | Value::Mapping(_) => {
            faults.at_with_help(Code::WrongType, node.span, "`choices` must be a list", help);
            return Vec::new();
        }
    };
    if mode == DispatchMode::Notify && !items.is_empty() {
        faults.at_with_help(
            Code::OutOfRange,
            node.span,
            "`choices` without `mode: pause`: nobody would wait for the answer",
            "write `mode: pause`, or remove the choices",
        );
    }
    let mut choices: Vec<String> = Vec::new();
    for item in items {
        match &item.value {
            Value::Scalar { text, .. } if !text.trim().is_empty() => choices.push(text.trim().to_owned()),
            Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
                faults.at_with_help(Code::WrongType, item.span, "a choice must be a text that is not empty", help);
            }
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match read_dispatch(&Source::new(".tickets/outbox/DISPATCH.md", text)) {
            Ok(dispatch) => format!(
                "{:?} {:?} {:?} {:?}",
                dispatch.mode,
                dispatch.title.unwrap_or_default(),
                dispatch.choices,
                dispatch.body.of(text)
            ),
            Err(faults) => faults
                .iter()
                .map(|fault| format!("{} {}:{} {}", fault.code, fault.place.line, fault.place.column, fault.message))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    #[test]
    fn a_dispatch_is_a_notice_unless_it_says_pause() {
        for (text, expected) in [
            ("just text\n", r#"Notify "" [] "just text\n""#),
            ("", r#"Notify "" [] """#),
            ("---\n---\nx", r#"Notify "" [] "x""#),
            ("---\nmode: pause\ntitle: Which?\nchoices: [yes, 2]\n---\nx", r#"Pause "Which?" ["yes", "2"] "x""#),
            ("\u{feff}---\r\nmode: \"notify\"\r\n---\r\nx\r\n", r#"Notify "" [] "x\r\n""#),
            ("---\nmode: puase\n---\n", "E012 2:7 `mode` cannot be `puase`"),
            ("---\nmoed: pause\n---\n", "E019 2:1 unknown key `moed`"),
            ("---\nmode: pause\n", "E002 1:1 the frontmatter has no closing `---`"),
            (
                "---\nmode: [pause]\ntitle: {}\n---\n",
                "E006 2:7 `mode` must be a text, not a list; E006 3:8 `title` must be a text, not a mapping",
            ),
            ("---\nchoices: [a]\n---\n", "E012 2:10 `choices` without `mode: pause`: nobody would wait for the answer"),
            ("---\nmode: pause\nchoices: [a, []]\n---\n", "E006 3:14 a choice must be a text that is not empty"),
            ("---\npause\n---\n", "E004 2:1 the frontmatter is a text, not keys with values"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}

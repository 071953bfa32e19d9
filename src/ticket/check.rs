//! What decides whether a claim holds: the items of `verify`, of a ticket and of the config alike, and the command
//! lines that they come to. Must not know how they are run.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::yaml::{Key, Node, Value};
use crate::diagnostic::Code;
use crate::text::{Span, nearest, shown_line};

/// How long a check may take where its item does not say.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// The keys of an item that is a mapping.
pub const CHECK_KEYS: &[&str] = &["id", "run", "required", "timeout"];

/// Commands that no tree can make fail.
const CANNOT_FAIL: &[&str] = &["", "true", ":", "exit 0", "exit", "/bin/true", "/usr/bin/true"];

const HELP: &str = "write the name of a check, a command line, or `{id: unit, run: cargo test, timeout: 10m}`";

/// One item of `verify`, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItem {
    /// What it is called, where it has a name of its own.
    pub id: Option<String>,
    /// The name of one of the config's `checks`, or a command line.
    pub run: String,
    /// Whether a claim needs it; what is not required only tells.
    pub required: bool,
    /// How long it may take; `None` is off.
    pub timeout: Option<Duration>,
}

/// A check that can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name in the journal, in documents and for people; no two checks of a ticket have the same.
    pub id: String,
    /// What `sh -c` is given.
    pub run: String,
    /// Whether a claim needs it.
    pub required: bool,
    /// How long it may take, in milliseconds; none is no limit.
    pub timeout_ms: Option<u64>,
}

/// The checks of a ticket in the order in which they are run: the config's, then its own. A name of `named` stands for
/// its command line; what is called like an earlier check gets `#2`, `#3` and so on.
pub fn resolve_checks(named: &BTreeMap<String, String>, of_config: &[CheckItem], own: &[CheckItem]) -> Vec<Check> {
    let mut taken: HashMap<String, u32> = HashMap::new();
    let mut unique = |id: &str| {
        let times = taken.entry(id.to_owned()).or_insert(0);
        *times += 1;
        if *times == 1 { id.to_owned() } else { format!("{id}#{times}") }
    };
    of_config
        .iter()
        .chain(own)
        .map(|item| Check {
            id: unique(item.id.as_deref().unwrap_or(&item.run)),
            run: named.get(&item.run).unwrap_or(&item.run).clone(),
            required: item.required,
            timeout_ms: item.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        })
        .collect()
}

/// A fault of an item: code, place, what is wrong, what to write.
type Report<'r> = &'r mut dyn FnMut(Code, Span, String, String);

/// Reads a list of checks; items at fault are left out. `unknown` is the code of a key that an item may not have.
pub(crate) fn read_items(key: &str, node: &Node, unknown: Code, report: Report<'_>) -> Vec<CheckItem> {
    let Value::Sequence(items) = &node.value else {
        let message = format!("`{key}` must be a list, not {}", node.kind());
        report(Code::WrongType, node.span, message, format!("write `{key}: [cargo test]`"));
        return Vec::new();
    };
    items.iter().filter_map(|item| read_item(item, unknown, report)).collect()
}

fn read_item(node: &Node, unknown: Code, report: Report<'_>) -> Option<CheckItem> {
    match &node.value {
        Value::Scalar { text, .. } => {
            let run = read_command(text, node.span, report)?;
            Some(CheckItem { id: None, run, required: true, timeout: Some(CHECK_TIMEOUT) })
        }
        Value::Mapping(entries) => read_mapping(node, entries, unknown, report),
        Value::Null => read_command("", node.span, report).map(|_| unreachable!("nothing cannot fail")),
        Value::Sequence(_) => {
            let message = "a check must be a text or a mapping, not a list".to_owned();
            report(Code::WrongType, node.span, message, HELP.to_owned());
            None
        }
    }
}

fn read_mapping(node: &Node, entries: &[(Key, Node)], unknown: Code, report: Report<'_>) -> Option<CheckItem> {
    let mut item = CheckItem { id: None, run: String::new(), required: true, timeout: Some(CHECK_TIMEOUT) };
    let mut good = true;
    for (key, value) in entries {
        let mut wrong = |expected: &str| {
            let message = format!("`{}` of a check must be {expected}, not {}", key.name, value.kind());
            report(Code::WrongType, value.span, message, HELP.to_owned());
            false
        };
        good &= match (key.name.as_str(), &value.value) {
            (_, Value::Null) if key.name != "run" => true,
            ("run", Value::Scalar { text, .. }) => {
                let run = read_command(text, value.span, report);
                item.run = run.clone().unwrap_or_default();
                run.is_some()
            }
            ("run", _) => wrong("a command line"),
            ("id", Value::Scalar { text, .. }) => {
                item.id = Some(text.trim().to_owned());
                is_name(text, value.span, report)
            }
            ("id", _) => wrong("a name"),
            ("required", Value::Scalar { text, quoted: false }) if matches!(text.as_str(), "true" | "false") => {
                item.required = text == "true";
                true
            }
            ("required", _) => wrong("true or false"),
            ("timeout", Value::Scalar { text, .. }) => match crate::config::parse_duration_or_off(text) {
                Ok(timeout) => {
                    item.timeout = timeout;
                    true
                }
                Err(error) => {
                    let help = "write a duration as `90s`, `10m` or `2h`, or `off`".to_owned();
                    report(Code::OutOfRange, value.span, format!("`timeout`: {error}"), help);
                    false
                }
            },
            ("timeout", _) => wrong("a duration"),
            (name, _) => {
                let help = match nearest(name, CHECK_KEYS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known keys are {}", CHECK_KEYS.join(", ")),
                };
                report(unknown, key.span, format!("unknown key `{}` of a check", shown_line(name)), help);
                true
            }
        };
    }
    if node.get("run").is_none() {
        report(Code::WrongType, node.span, "a check needs `run`".to_owned(), HELP.to_owned());
        return None;
    }
    good.then_some(item)
}

/// Whether a text can be the name of a check: it stands in lines of the journal and on terminals.
pub(crate) fn is_name(text: &str, span: Span, report: Report<'_>) -> bool {
    let is_good = !text.trim().is_empty() && shown_line(text) == text && !text.contains('\n');
    if !is_good {
        let message = "the name of a check must be one line of characters that are seen".to_owned();
        report(Code::OutOfRange, span, message, "write a short word, as `unit`".to_owned());
    }
    is_good
}

/// A command line, unless no tree could make it fail.
pub(crate) fn read_command(line: &str, span: Span, report: Report<'_>) -> Option<String> {
    let bare = line.trim().trim_end_matches(';').trim_end();
    let last = bare.rsplit("||").next().unwrap_or_default().trim();
    if CANNOT_FAIL.contains(&bare) || (last != bare && CANNOT_FAIL.contains(&last)) {
        let help = "write a command whose exit status says whether the work is done".to_owned();
        report(Code::CannotFail, span, format!("the command `{}` cannot fail", shown_line(bare)), help);
        return None;
    }
    if line.contains('\0') {
        report(Code::OutOfRange, span, "the command holds a NUL character".to_owned(), "remove it".to_owned());
        return None;
    }
    Some(line.trim().to_owned())
}

/// Why a text is no check that decides anything, and what to write in its place; none where it is one.
pub fn why_no_check(line: &str) -> Option<(String, String)> {
    let mut found = None;
    let _ = read_command(line, Span::new(0, 0), &mut |_, _, why, help| found = Some((why, help)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(run: &str) -> CheckItem {
        CheckItem { id: None, run: run.to_owned(), required: true, timeout: Some(CHECK_TIMEOUT) }
    }

    #[test]
    fn names_stand_for_their_command_lines_and_no_two_checks_are_called_the_same() {
        let named = BTreeMap::from([("unit".to_owned(), "cargo test -q".to_owned())]);
        let own = [
            item("unit"),
            item("make check"),
            CheckItem { id: Some("slow".into()), required: false, timeout: None, ..item("unit") },
            item("make check"),
        ];
        let checks = resolve_checks(&named, &[item("unit")], &own);
        let told: Vec<String> = checks.iter().map(|check| format!("{}: {}", check.id, check.run)).collect();
        assert_eq!(
            told,
            [
                "unit: cargo test -q",
                "unit#2: cargo test -q",
                "make check: make check",
                "slow: cargo test -q",
                "make check#2: make check"
            ]
        );
        assert_eq!((checks[0].timeout_ms, checks[3].timeout_ms), (Some(600_000), None));
        assert!(checks[0].required && !checks[3].required);
    }
}

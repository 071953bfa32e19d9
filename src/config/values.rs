//! From the spanned tree to plain values, each reader with its faults. A value at fault leaves what was there before.

use std::time::Duration;

use super::duration::{DurationError, parse_duration_or_off};
use super::{Usd, keys, unsupported};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Edit, LineIndex, Source, Span, nearest, shown_line};
use crate::ticket::yaml::{Key, Node, Value};

/// Collects the faults of one text.
pub(super) struct Faults<'a> {
    source: &'a Source,
    lines: LineIndex,
    found: Vec<Diagnostic>,
}

/// A value that cannot be used; the fault is in the list.
pub(super) struct Reported;

/// A value, unless it is at fault.
pub(super) type Read<T> = Result<T, Reported>;

/// A mapping whose keys are known ones.
pub(super) struct Table<'n> {
    /// What stands in front of its keys in messages, as `limits.`.
    prefix: String,
    keys: &'static [keys::Key],
    entries: Vec<(&'n Key, &'n Node)>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(source: &'a Source, found: Vec<Diagnostic>) -> Self {
        Self { source, lines: LineIndex::new(&source.text), found }
    }

    /// All of them, in the order of the text.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|fault| (fault.place, fault.code));
        self.found
    }

    pub(super) fn add(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        let mut fault = Diagnostic::of_file(code, self.source.path.clone(), message);
        fault.span = Some(span);
        fault.place = self.lines.place(&self.source.text, span.start);
        self.found.push(fault);
        self.found.last_mut().expect("it was pushed in the line above")
    }

    pub(super) fn add_with_help(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(code, span, message).help = Some(help.into());
    }

    /// Opens a mapping: unknown keys and those that this version does not support are reported and left out, keys
    /// without a value are left out.
    /// `pattern` is `prefix` as the table of unsupported keys writes it.
    pub(super) fn table<'n>(
        &mut self,
        node: &'n Node,
        prefix: &str,
        pattern: &str,
        keys: &'static [keys::Key],
    ) -> Option<Table<'n>> {
        let Value::Mapping(all) = &node.value else {
            self.wrong_type(prefix.trim_end_matches('.'), node, "a mapping");
            return None;
        };
        let mut table = Table { prefix: prefix.to_owned(), keys, entries: Vec::new() };
        for (key, value) in all {
            let path = format!("{prefix}{}", key.name);
            if !keys.iter().any(|known| known.name == key.name) {
                let message = format!("unknown key `{}`", shown_line(&path));
                let help = nearest(&key.name, keys.iter().map(|key| key.name)).map_or_else(
                    || format!("known here: {}", list(keys.iter().map(|key| key.name))),
                    |near| format!("did you mean `{near}`?"),
                );
                self.add_with_help(Code::UnknownConfigKey, key.span, message, help);
                continue;
            }
            // `key:` with nothing behind it gives nothing, as in a ticket: its lines may all be comments.
            if value.value == Value::Null {
                continue;
            }
            match unsupported::accepted(&format!("{pattern}{}", key.name)) {
                None => table.entries.push((key, value)),
                Some(accepted) if accepted.is(value) => {}
                Some(accepted) => {
                    let help = match accepted {
                        unsupported::Accepted::Nothing => "remove it".to_owned(),
                        unsupported::Accepted::Empty => "remove it, or leave it empty".to_owned(),
                    };
                    self.not_supported(&path, key.span, help);
                }
            }
        }
        Some(table)
    }

    pub(super) fn not_supported(&mut self, what: &str, span: Span, help: impl Into<String>) {
        let message = format!("`{}` is not supported by this version of turnstile", shown_line(what));
        self.add_with_help(Code::OutOfRange, span, message, help);
    }

    pub(super) fn wrong_type(&mut self, path: &str, node: &Node, expected: &str) {
        let fault = self.add(Code::WrongType, node.span, format!("`{}` must be {expected}", shown_line(path)));
        fault.help = Some(match node.value {
            Value::Scalar { quoted: true, .. } => format!("write {expected}, without quotes, or remove it"),
            Value::Null | Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
                format!("write {expected}, or remove it")
            }
        });
    }

    /// A word or a number as it is written, with whether it was quoted.
    fn scalar<'n>(&mut self, path: &str, node: &'n Node, expected: &str) -> Read<(&'n str, bool)> {
        match &node.value {
            Value::Scalar { text, quoted } => Ok((text, *quoted)),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                self.wrong_type(path, node, expected);
                Err(Reported)
            }
        }
    }

    /// A text. What YAML reads as a truth value or a number is none: a person who meant a text can quote it.
    pub(super) fn text(&mut self, path: &str, node: &Node) -> Read<String> {
        let (text, quoted) = self.scalar(path, node, "a text")?;
        if !quoted && is_not_text(text) {
            self.add_with_help(
                Code::WrongType,
                node.span,
                format!("`{}` must be a text, and YAML reads this as something else", shown_line(path)),
                format!("quote it: \"{text}\""),
            );
            return Err(Reported);
        }
        if text.contains('\0') {
            self.add(Code::OutOfRange, node.span, format!("`{}` holds a NUL character", shown_line(path)));
            return Err(Reported);
        }
        Ok(text.to_owned())
    }

    /// A text that is not blank.
    pub(super) fn filled_text(&mut self, path: &str, node: &Node) -> Read<String> {
        let text = self.text(path, node)?;
        if text.trim().is_empty() {
            self.add(Code::OutOfRange, node.span, format!("`{}` must not be empty", shown_line(path)));
            return Err(Reported);
        }
        Ok(text)
    }

    /// A list of texts; one that is at fault is left out.
    pub(super) fn texts(&mut self, path: &str, node: &Node) -> Read<Vec<String>> {
        let Value::Sequence(items) = &node.value else {
            self.wrong_type(path, node, "a list of texts");
            if let Value::Scalar { .. } = node.value {
                let written = node.span.of(&self.source.text).trim().to_owned();
                if let (Some(fault), false) = (self.found.last_mut(), written.contains('\n')) {
                    fault.help = Some(format!("write [{written}]"));
                }
            }
            return Err(Reported);
        };
        let items = items.iter().enumerate();
        Ok(items.filter_map(|(at, item)| self.text(&format!("{path}[{at}]"), item).ok()).collect())
    }

    /// A list of some words; one that is at fault is left out.
    pub(super) fn words<T: Copy>(&mut self, path: &str, node: &Node, words: &[(&str, T)]) -> Read<Vec<T>> {
        let Value::Sequence(items) = &node.value else {
            let all = list(words.iter().map(|(word, _)| *word));
            self.wrong_type(path, node, &format!("a list of {all}"));
            return Err(Reported);
        };
        let items = items.iter().enumerate();
        Ok(items.filter_map(|(at, item)| self.word(&format!("{path}[{at}]"), item, words).ok()).collect())
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, path: &str, node: &Node) -> Read<bool> {
        let (text, quoted) = self.scalar(path, node, "`true` or `false`")?;
        match (text, quoted) {
            ("true", false) => return Ok(true),
            ("false", false) => return Ok(false),
            _ => self.wrong_type(path, node, "`true` or `false`"),
        }
        let meant = match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        };
        if let (Some(fault), Some(meant)) = (self.found.last_mut(), meant) {
            fault.help = Some(format!("write {meant}"));
            fault.fix = Some(vec![Edit { span: node.span, text: meant.to_string() }]);
        }
        Err(Reported)
    }

    /// A whole number.
    pub(super) fn count(&mut self, path: &str, node: &Node, least: u32, most: u32) -> Read<u32> {
        let (text, quoted) = self.scalar(path, node, "a whole number")?;
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if quoted || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.wrong_type(path, node, "a whole number");
            return Err(Reported);
        }
        match text.parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            Ok(_) | Err(_) => {
                let range = match (least, most) {
                    _ if least == most => format!("be {least}"),
                    // A number that no `u32` holds is none of the small ones.
                    (_, u32::MAX) if text.starts_with('-') || text.parse::<u32>().is_ok() => {
                        format!("be at least {least}")
                    }
                    _ => format!("be {least} to {most}"),
                };
                let message = format!("`{}` is {text}, and must {range}", shown_line(path));
                self.add(Code::OutOfRange, node.span, message);
                Err(Reported)
            }
        }
    }

    /// A whole number from 1 on, or `off`.
    pub(super) fn cap(&mut self, path: &str, node: &Node) -> Read<Option<u32>> {
        if matches!(&node.value, Value::Scalar { text, .. } if text == "off") {
            return Ok(None);
        }
        let before = self.found.len();
        let number = self.count(path, node, 1, u32::MAX);
        if let Some(fault) = self.found.get_mut(before) {
            fault.help = Some("write `off` for no cap".to_owned());
        }
        number.map(Some)
    }

    /// An amount of money, or `off`.
    pub(super) fn money(&mut self, path: &str, node: &Node) -> Read<Option<Usd>> {
        let expected = "a number of US dollars such as `2.50`, or `off`";
        let (text, quoted) = self.scalar(path, node, expected)?;
        if text == "off" {
            return Ok(None);
        }
        if let Some(amount) = Usd::parse(text).filter(|_| !quoted) {
            return Ok(Some(amount));
        }
        if quoted || text.parse::<f64>().is_err() {
            self.wrong_type(path, node, expected);
        } else {
            let message = format!("`{}` is {text}, and must be more than 0, with at most 6 decimals", shown_line(path));
            self.add_with_help(Code::OutOfRange, node.span, message, "write `off` for no cap");
        }
        Err(Reported)
    }

    /// A duration or `off`.
    pub(super) fn duration(&mut self, path: &str, node: &Node) -> Read<Option<Duration>> {
        let (text, _) = self.scalar(path, node, "a duration such as `10m`, or `off`")?;
        match parse_duration_or_off(text) {
            Ok(duration) => Ok(duration),
            Err(error) => {
                let code = match error {
                    DurationError::Form => Code::WrongType,
                    DurationError::NotPositive | DurationError::TooLong => Code::OutOfRange,
                };
                // A bare number is most likely one without its unit; a bare 0 or a negative one is none with any.
                let (code, error) = match text.parse::<i64>() {
                    Ok(number) if number <= 0 => (Code::OutOfRange, DurationError::NotPositive),
                    Ok(_) | Err(_) => (code, error),
                };
                let message = format!("`{}`: {error}", shown_line(path));
                self.add_with_help(code, node.span, message, "write `off` for none");
                Err(Reported)
            }
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, path: &str, node: &Node, words: &[(&str, T)]) -> Read<T> {
        let all = list(words.iter().map(|(word, _)| *word));
        let (text, _) = self.scalar(path, node, &format!("one of {all}"))?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        let message = format!("`{}` must be one of {all}", shown_line(path));
        let fault = self.add(Code::OutOfRange, node.span, message);
        fault.help = nearest(text, words.iter().map(|(word, _)| *word)).map(|near| format!("did you mean `{near}`?"));
        Err(Reported)
    }
}

impl<'n> Table<'n> {
    /// A key's path for messages, and its value where it is given and supported; the first one where it stands twice.
    pub(super) fn get(&self, name: &str) -> Option<(String, &'n Node)> {
        debug_assert!(self.keys.iter().any(|key| key.name == name), "`{name}` is asked for and in no table");
        let (_, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        Some((format!("{}{name}", self.prefix), node))
    }

    /// Where a key stands that is given and supported.
    pub(super) fn key_span(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span)
    }
}

/// Words as a sentence names them.
pub(super) fn list<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Whether YAML (its core schema) reads a plain scalar as a truth value or a number.
fn is_not_text(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let number = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && (unsigned.parse::<f64>().is_ok() || unsigned.starts_with("0x") || unsigned.starts_with("0o"));
    number
        || matches!(plain, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        || matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_yaml_takes_for_something_else() {
        for plain in ["true", "FALSE", "1", "-1", "1.5", ".5", "1e3", "0x1f", ".inf", "-.INF"] {
            assert!(is_not_text(plain), "{plain}");
        }
        for plain in ["yes", "1a", "v1.2", "gpt-5", "2026-01-31", "1.2.3", "-", ".", "inf", "nan", "NaN"] {
            assert!(!is_not_text(plain), "{plain}");
        }
    }
}

//! What a template may say: `{{ variable }}`, `{% if … %}`, and comments. Must not know how it is filled in.
//!
//! A template is shown before anybody has trusted it, so it gets a language in which nothing can grow: no loops, no
//! assignments, no filters. Every tag is read here first; what passes means the same to the template engine.

use super::variables::VARIABLES;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Source, Span, shown_line};

/// A condition is at most so many bytes long.
const CONDITION_MAX: usize = 200;

/// At most so many `if` and `elif` stand inside of each other; the engine reads them by recursion.
const NESTING_MAX: usize = 32;

/// Whoever has so many faults in one template reads no more of them.
const FAULTS_MAX: usize = 20;

/// Words of a condition that are no variables.
const WORDS: [&str; 6] = ["not", "and", "or", "true", "false", "none"];

/// The variables that a template names, or every fault of its tags.
pub(super) fn read(source: &Source) -> Result<Vec<&'static str>, Vec<Diagnostic>> {
    let mut reader = Reader { source, named: Vec::new(), open: Vec::new(), depth: 0, faults: Vec::new() };
    reader.read();
    if reader.faults.is_empty() { Ok(reader.named) } else { Err(reader.faults) }
}

/// The name among `known` that was probably meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

struct Reader<'a> {
    source: &'a Source,
    named: Vec<&'static str>,
    /// For every `if` that is open: itself and its `elif`s.
    open: Vec<usize>,
    /// The sum of `open`.
    depth: usize,
    faults: Vec<Diagnostic>,
}

/// Every variable, for whoever wrote none of them.
fn known_variables() -> String {
    let names: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    format!("the variables are {}", names.join(", "))
}

impl Reader<'_> {
    fn read(&mut self) {
        let text = self.source.text.clone();
        let mut at = 0;
        while let Some(open) = next_tag(&text, at) {
            if self.faults.len() >= FAULTS_MAX {
                return;
            }
            let kind = text.as_bytes()[open + 1];
            let closing = match kind {
                b'{' => "}}",
                b'%' => "%}",
                _ => "#}",
            };
            let Some(length) = text[open + 2..].find(closing) else {
                let help = format!("close it with `{closing}`");
                self.fault(Span::new(open, open + 2), "this tag is never closed", &help);
                return;
            };
            let inner = Span::new(open + 2, open + 2 + length);
            match kind {
                b'{' => self.value(inner),
                b'%' => self.statement(inner),
                _ => {}
            }
            at = inner.end + 2;
        }
    }

    fn value(&mut self, inner: Span) {
        let inner = without_trimming(&self.source.text, inner);
        let text = self.source.text.clone();
        match &words(&text, inner)[..] {
            [only] if is_name(only.of(&text)) && *only == trimmed(&text, inner) => self.variable(*only),
            _ => {
                self.fault(inner, "`{{ }}` holds the name of a variable and nothing else", &known_variables());
            }
        }
    }

    fn statement(&mut self, inner: Span) {
        let inner = without_trimming(&self.source.text, inner);
        let text = self.source.text.clone();
        let words = words(&text, inner);
        match words.first().map(|word| word.of(&text)) {
            Some("if") => {
                self.open.push(1);
                self.depth += 1;
                self.condition(inner, &words[1..]);
            }
            Some("elif") => {
                if let Some(branches) = self.open.last_mut() {
                    *branches += 1;
                    self.depth += 1;
                }
                self.condition(inner, &words[1..]);
            }
            Some("else") if trimmed(&text, inner) == words[0] => {}
            Some("endif") if trimmed(&text, inner) == words[0] => {
                self.depth -= self.open.pop().unwrap_or_default();
            }
            _ => self.fault(inner, "the template cannot do this", "there are `if`, `elif`, `else` and `endif`"),
        }
    }

    fn condition(&mut self, inner: Span, words: &[Span]) {
        if self.depth == NESTING_MAX + 1 {
            self.fault(inner, "too many conditions stand inside of each other", "close some of them with `endif`");
        }
        let text = self.source.text.clone();
        let plain = |character: char| is_part_of_a_name(character) || " \t\r\n()=!<>".contains(character);
        if inner.end - inner.start > CONDITION_MAX || !inner.of(&text).chars().all(plain) {
            let help = "use variables, whole numbers, `not`, `and`, `or`, `==`, `!=`, `<`, `>` and parentheses";
            self.fault(inner, "the template cannot test this", help);
            return;
        }
        for word in words {
            let is_number = word.of(&text).chars().all(|character| character.is_ascii_digit());
            if !is_number && !WORDS.contains(&word.of(&text)) {
                self.variable(*word);
            }
        }
    }

    fn variable(&mut self, span: Span) {
        let name = span.of(&self.source.text).to_owned();
        if let Some(known) = VARIABLES.iter().find(|variable| variable.name == name) {
            self.named.push(known.name);
            return;
        }
        let help = match nearest(&name, VARIABLES.iter().map(|variable| variable.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => known_variables(),
        };
        self.fault(span, &format!("unknown variable `{}`", shown_line(&name)), &help);
    }

    fn fault(&mut self, span: Span, message: &str, help: &str) {
        self.faults.push(Diagnostic::at(Code::Syntax, self.source, span, message).help(help));
    }
}

/// Where the next `{{`, `{%` or `{#` stands.
fn next_tag(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len().saturating_sub(1)).find(|at| bytes[*at] == b'{' && matches!(bytes[at + 1], b'{' | b'%' | b'#'))
}

/// A tag's text without the `-` or `+` at its ends that say what happens to the space around it.
fn without_trimming(text: &str, inner: Span) -> Span {
    let mut inner = inner;
    if inner.of(text).starts_with(['-', '+']) {
        inner.start += 1;
    }
    if inner.of(text).ends_with(['-', '+']) {
        inner.end -= 1;
    }
    inner
}

fn trimmed(text: &str, span: Span) -> Span {
    let inner = span.of(text);
    let start = span.start + (inner.len() - inner.trim_start().len());
    Span::new(start, start + inner.trim().len())
}

/// The runs of characters that may stand in a name or a number.
fn words(text: &str, span: Span) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    for (at, character) in span.of(text).char_indices() {
        if !is_part_of_a_name(character) {
            continue;
        }
        let at = span.start + at;
        match found.last_mut().filter(|word| word.end == at) {
            Some(word) => word.end = at + 1,
            None => found.push(Span::new(at, at + 1)),
        }
    }
    found
}

fn is_part_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_name(word: &str) -> bool {
    !word.starts_with(|character: char| character.is_ascii_digit())
}

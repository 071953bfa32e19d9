//! Everything that is a secret, put together once, and the questions that are asked of it.

use std::borrow::Cow;

use serde_json::Value;

use super::automaton::Automaton;
use super::known::{Known, forms};
use super::redactor::{EXTRA, Redactor};
use super::shapes::{SHAPES, Shape};

/// What is a secret.
#[derive(Debug)]
pub struct Screen {
    pub(super) automaton: Automaton,
    patterns: Vec<(Pattern, usize)>,
    names: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Pattern {
    /// A value, by the number of its name.
    Known(usize),
    Shape(Shape),
    KeyFileEnd,
}

/// A secret that was found.
#[derive(Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it is: a variable, or a kind of token.
    pub name: String,
    /// Whether it is known by its value.
    pub known: bool,
    /// Whether a commit that would add it is refused.
    pub refused: bool,
    /// Its first byte in the text.
    pub start: usize,
    text: Vec<u8>,
}

impl Hit {
    /// What stands in its place.
    pub fn marker(&self) -> String {
        format!("[redacted: {}]", self.name)
    }

    /// Whether the two are one secret.
    pub fn is_same(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl std::fmt::Debug for Hit {
    /// Never the secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hit").field("name", &self.name).field("start", &self.start).finish_non_exhaustive()
    }
}

impl Screen {
    /// These values, and every well-known token shape.
    pub fn new(values: &[Known]) -> Self {
        let mut texts = vec![EXTRA.to_vec()];
        let mut patterns = vec![Pattern::KeyFileEnd];
        for shape in SHAPES {
            texts.push(shape.beginning.as_bytes().to_vec());
            patterns.push(Pattern::Shape(*shape));
        }
        let mut names = Vec::new();
        for known in values {
            names.push(crate::text::shown_line(&known.name));
            for form in forms(&known.value) {
                texts.push(form);
                patterns.push(Pattern::Known(names.len() - 1));
            }
        }
        let patterns = patterns.into_iter().zip(texts.iter().map(Vec::len)).collect();
        Self { automaton: Automaton::new(&texts), patterns, names }
    }

    /// The secrets of an environment, and every well-known token shape.
    pub fn of_environment(variables: &[(std::ffi::OsString, std::ffi::OsString)]) -> Self {
        Self::new(&super::known::known(variables))
    }

    /// Whether any value is known.
    pub fn knows_values(&self) -> bool {
        !self.names.is_empty()
    }

    /// A text without its secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redact_bytes(text.as_bytes()) {
            // A secret begins and ends between characters.
            Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            None => Cow::Borrowed(text),
        }
    }

    /// The same for what may be no text; `None` where there is no secret.
    pub fn redact_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut redactor = Redactor::new(self);
        redactor.take(bytes, &mut out);
        let hits = redactor.finish(&mut out);
        (!hits.is_empty()).then_some(out)
    }

    /// Takes the secrets out of every text in a document; names of members are left.
    pub fn redact_document(&self, document: &mut Value) {
        match document {
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.redact(text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_document(item)),
            Value::Object(members) => members.iter_mut().for_each(|(_, member)| self.redact_document(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The secrets in a text, in their order.
    pub fn find(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut redactor = Redactor::new(self);
        let mut out = Vec::new();
        for portion in bytes.chunks(1 << 20) {
            redactor.take(portion, &mut out);
            out.clear();
        }
        redactor.finish(&mut out)
    }

    /// The secrets that a new text holds, that the old one does not hold, and that a commit may not add.
    pub fn added(&self, old: &[u8], new: &[u8]) -> Vec<Hit> {
        let mut found: Vec<Hit> = self.find(new).into_iter().filter(|hit| hit.refused).collect();
        if !found.is_empty() {
            let before = self.find(old);
            found.retain(|hit| !before.iter().any(|known| known.is_same(hit)));
        }
        found
    }

    pub(super) fn pattern(&self, number: u32) -> (&Pattern, usize) {
        let (pattern, length) = &self.patterns[number as usize];
        (pattern, *length)
    }

    /// A known value hides behind nothing, a token that is refused behind none that is not.
    pub(super) fn weight(&self, pattern: usize) -> u8 {
        match &self.patterns[pattern].0 {
            Pattern::Known(_) => 2,
            Pattern::Shape(shape) => u8::from(shape.refused),
            Pattern::KeyFileEnd => 0,
        }
    }

    pub(super) fn hit(&self, pattern: usize, text: &[u8], start: usize) -> Hit {
        let (name, known, refused) = match &self.patterns[pattern].0 {
            Pattern::Known(name) => (self.names[*name].clone(), true, true),
            Pattern::Shape(shape) => (shape.name.to_owned(), false, shape.refused),
            Pattern::KeyFileEnd => (String::new(), false, false),
        };
        Hit { name, known, refused, start, text: text.to_vec() }
    }
}

//! What is wrong with somebody's text: data first, renderings elsewhere.
//! Must not know which rule said it, nor where it is printed.

mod code;
pub mod render;

pub use code::{Code, Severity};

use crate::text::{Edit, LineColumn, Source, Span};

/// One fault of one text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Diagnostic {
    /// The rule.
    pub code: Code,
    /// How bad it is: the rule's own word, unless somebody asked for strictness.
    pub severity: Severity,
    /// The file, as messages name it.
    pub path: std::sync::Arc<str>,
    /// The bytes at fault; `None` is a fault of the whole file, shown at 1:1.
    pub span: Option<Span>,
    /// Where `span` begins; 1:1 for a fault of the whole file. Filled by the reader, who has the text at hand.
    pub place: LineColumn,
    /// What is wrong: a lower-case fragment that stands alone.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What `lint --fix` may do about it without asking.
    pub fix: Option<Vec<Edit>>,
}

impl Diagnostic {
    /// A fault of the whole file.
    pub fn of_file(code: Code, path: impl Into<std::sync::Arc<str>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            path: path.into(),
            span: None,
            place: LineColumn { line: 1, column: 1 },
            message: message.into(),
            help: None,
            fix: None,
        }
    }

    /// A fault of some bytes of a text.
    pub fn at(code: Code, source: &Source, span: Span, message: impl Into<String>) -> Self {
        let place = crate::text::LineIndex::new(&source.text).place(&source.text, span.start);
        Self { span: Some(span), place, ..Self::of_file(code, source.path.clone(), message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what `lint --fix` may do.
    #[must_use]
    pub fn fix(mut self, edits: Vec<Edit>) -> Self {
        self.fix = Some(edits);
        self
    }

    /// Whether this alone makes the text unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The same under `--strict`: every warning is an error.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.severity = Severity::Error;
        self
    }
}

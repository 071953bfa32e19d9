//! Collects the faults of one text; the index of its lines is built at most once, and only if there is a fault.

use std::cell::OnceCell;

use crate::diagnostic::{Code, Diagnostic};
use crate::text::{LineColumn, LineIndex, Source, Span};

/// The faults found so far in one text.
pub(super) struct Faults<'a> {
    source: &'a Source,
    lines: OnceCell<LineIndex>,
    found: Vec<Diagnostic>,
}

impl<'a> Faults<'a> {
    /// Begins an empty list.
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, lines: OnceCell::new(), found: Vec::new() }
    }

    /// Makes a fault of some bytes, without adding it.
    pub(super) fn made(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let place = self.place(span);
        Diagnostic { span: Some(span), place, ..Diagnostic::of_file(code, self.source.path.clone(), message) }
    }

    /// Adds a fault of some bytes, and what to do about it.
    pub(super) fn at_with_help(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let diagnostic = self.made(code, span, message).help(help);
        self.found.push(diagnostic);
    }

    /// Where some bytes begin.
    pub(super) fn place(&self, span: Span) -> LineColumn {
        let lines = self.lines.get_or_init(|| LineIndex::new(&self.source.text));
        lines.place(&self.source.text, span.start)
    }

    /// The text that is judged.
    pub(super) fn text(&self) -> &'a str {
        &self.source.text
    }

    /// Adds a fault that is already made.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Adds faults that are already made.
    pub(super) fn extend(&mut self, diagnostics: Vec<Diagnostic>) {
        self.found.extend(diagnostics);
    }

    /// The faults in the order of the text.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| (diagnostic.span.map_or(0, |span| span.start), diagnostic.code));
        self.found
    }
}

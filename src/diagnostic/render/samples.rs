//! The few diagnostics over which every rendering is shown.

use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Source, Span};

/// A ticket with an escape sequence, a wide character and a right-to-left override in front of a fault.
pub(super) fn sources() -> Vec<Source> {
    vec![Source::new(
        ".tickets/001-parse, dates.md",
        "---\nagent: codexx\ntitle: \u{1b}[31m日本\u{202e} 100%\nagnet: x\n---\n",
    )]
}

/// An error with help, an error behind hostile characters, a warning, and a fault of a whole file.
pub(super) fn diagnostics() -> Vec<Diagnostic> {
    let source = &sources()[0];
    let span = |text: &str| {
        let start = source.text.find(text).expect("the sample holds it");
        Span::new(start, start + text.len())
    };
    vec![
        Diagnostic::at(Code::UnknownAgent, source, span("codexx"), "no agent `codexx` in the roster")
            .help("did you mean `codex`?"),
        Diagnostic::at(Code::OutOfRange, source, span("100%"), "100% is too much:\nat most 99%"),
        Diagnostic::at(Code::UnknownKey, source, span("agnet"), "unknown key `agnet`").help("did you mean `agent`?"),
        Diagnostic::of_file(Code::TooLarge, ".tickets/b\u{1b}ig.md", "larger than 1 MiB"),
    ]
}

//! For a person at a terminal: the line at fault with a caret below it.

use std::fmt::Write as _;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::text::{Source, Span, shown, shown_line};

/// A line longer than this is cut around its fault, so that a file of one line stays readable.
const LINE_WIDTH: usize = 110;

/// Shows each diagnostic with its line; what `sources` does not know is shown without one.
///
/// `color` adds the terminal's own escapes; every control or invisible character of the texts themselves is escaped,
/// with or without it.
pub fn human(diagnostics: &[Diagnostic], sources: &dyn Fn(&str) -> Option<Source>, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut known: Option<(Arc<str>, Option<Source>)> = None;
    let mut out = String::new();
    for diagnostic in diagnostics {
        // The faults of one file come together: its text is asked for once.
        if known.as_ref().is_none_or(|(path, _)| *path != diagnostic.path) {
            known = Some((diagnostic.path.clone(), sources(&diagnostic.path)));
        }
        let source = known.as_ref().and_then(|(_, source)| source.as_ref());
        let excerpt = diagnostic.span.zip(source).map(|(span, source)| Excerpt::of(&source.text, span));
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&render(&renderer, diagnostic, excerpt));
        out.push('\n');
    }
    out
}

fn render(renderer: &Renderer, diagnostic: &Diagnostic, excerpt: Option<Excerpt>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.clone().primary_title(shown(&diagnostic.message)).id(diagnostic.code.id());
    let mut out = renderer.render(&[Group::with_title(title)]);
    // The renderer would count the columns of the line as it is shown here; people count those of the file.
    let place = format!("{}:{}:{}", shown_line(&diagnostic.path), diagnostic.place.line, diagnostic.place.column);
    let margin = if excerpt.is_some() { diagnostic.place.line.to_string().len() } else { 0 };
    write!(out, "\n{:margin$}--> {place}", "").expect("a string takes every write");

    let mut group = Group::with_level(level);
    if let Some(excerpt) = excerpt {
        let caret = AnnotationKind::Primary.span(excerpt.fault.start..excerpt.fault.end);
        group = group.element(Snippet::source(excerpt.line).line_start(diagnostic.place.line).annotation(caret));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(shown(help)));
    }
    if !group.is_empty() {
        out.push('\n');
        out.push_str(&renderer.render(&[group]));
    }
    out
}

/// One line as a terminal may see it, and the place of the fault in it.
struct Excerpt {
    line: String,
    fault: Span,
}

impl Excerpt {
    /// Cuts the first line of a span out of a text. A span that does not fit the text (it may have changed since) is
    /// moved to the nearest characters: the renderer underneath panics on such spans.
    fn of(text: &str, span: Span) -> Self {
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |at| start + at);
        let end = floor_boundary(text, span.end).clamp(start, line_end);

        let before = text[line_start..start].trim_start_matches('\u{feff}');
        let (before, cut_before) = last_characters(before, LINE_WIDTH / 2);
        let (fault, cut_fault) = first_characters(&text[start..end], LINE_WIDTH);
        let room = LINE_WIDTH.saturating_sub(before.chars().count() + fault.chars().count());
        let (after, cut_after) = first_characters(&text[end..line_end], if cut_fault { 0 } else { room });

        let mut line = String::new();
        if cut_before {
            line.push_str("...");
        }
        line.push_str(&visible(before));
        let fault_start = line.len();
        line.push_str(&visible(fault));
        let fault_end = line.len();
        line.push_str(&visible(after));
        if cut_fault || cut_after {
            line.push_str("...");
        }
        Self { line, fault: Span::new(fault_start, fault_end) }
    }
}

/// Tabs become spaces here and not in the renderer, so that one of them is as wide above the caret as below it.
fn visible(text: &str) -> String {
    shown(text).replace('\t', "    ")
}

fn floor_boundary(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn first_characters(text: &str, count: usize) -> (&str, bool) {
    text.char_indices().nth(count).map_or((text, false), |(at, _)| (&text[..at], true))
}

fn last_characters(text: &str, count: usize) -> (&str, bool) {
    match count.checked_sub(1).and_then(|last| text.char_indices().nth_back(last)) {
        Some((at, _)) if at > 0 => (&text[at..], true),
        Some(_) | None => (text, false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Code;
    use crate::diagnostic::render::samples;

    fn look_up(path: &str) -> Option<Source> {
        samples::sources().into_iter().find(|source| &*source.path == path)
    }

    #[test]
    fn the_line_at_fault_with_a_caret() {
        insta::assert_snapshot!(human(&samples::diagnostics(), &look_up, false), @r#"
        error[E007]: no agent `codexx` in the roster
         --> .tickets/001-parse, dates.md:2:8
          |
        2 | agent: codexx
          |        ^^^^^^
          |
          = help: did you mean `codex`?

        error[E012]: 100% is too much:
                     at most 99%
         --> .tickets/001-parse, dates.md:3:17
          |
        3 | title: \x1b[31m日本\u{202e} 100%
          |                             ^^^^

        warning[W101]: unknown key `agnet`
         --> .tickets/001-parse, dates.md:4:1
          |
        4 | agnet: x
          | ^^^^^
          |
          = help: did you mean `agent`?

        error[E014]: larger than 1 MiB
        --> .tickets/b\x1big.md:1:1
        "#);
    }

    #[test]
    fn without_the_text_the_place_is_named_all_the_same() {
        insta::assert_snapshot!(human(&samples::diagnostics()[..1], &|_| None, false), @"
        error[E007]: no agent `codexx` in the roster
        --> .tickets/001-parse, dates.md:2:8
         = help: did you mean `codex`?
        ");
    }

    #[test]
    fn colour_comes_from_here_and_never_from_the_text() {
        let colored = human(&samples::diagnostics(), &look_up, true);
        assert!(colored.contains("\u{1b}[1m"), "{colored:?}");
        assert!(!colored.contains("\u{1b}[31m日"), "{colored:?}");
        assert!(!colored.contains('\u{202e}'), "{colored:?}");
    }

    #[test]
    fn a_long_line_is_cut_around_its_fault() {
        let source = Source::new("a", format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000)));
        let fault = Diagnostic::at(Code::Syntax, &source, Span::new(5000, 5004), "there");
        insta::assert_snapshot!(human(&[fault], &|_| Some(source.clone()), false), @"
        error[E003]: there
         --> a:1:5001
          |
        1 | ...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxHEREyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...
          |                                                           ^^^^
        ");
    }

    #[test]
    fn strict_warnings_read_as_errors() {
        let warning = samples::diagnostics().remove(2).strict();
        assert!(human(&[warning], &look_up, false).starts_with("error[W101]"));
    }

    proptest! {
        #[test]
        fn no_text_and_no_span_make_it_panic(text in "\\PC{0,8}[\\n\\r\\t\u{1b}\u{202e}\u{feff}é日a]{0,200}", start in 0_usize..300, length in 0_usize..300) {
            let source = Source::new("a", text);
            let mut fault = Diagnostic::of_file(Code::Syntax, "a", "there");
            fault.span = Some(Span::new(start, start + length));
            let shown = human(&[fault], &|_| Some(source.clone()), false);
            prop_assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{feff}', '\r']), "{:?}", shown);
        }
    }
}

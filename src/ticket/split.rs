//! Where the frontmatter of a text stands, to the byte. Nothing is trimmed, rewritten or lost: BOM, line endings and
//! blank lines stay where they are, because edits are made by these positions.

use gray_matter::engine::Engine;
use gray_matter::{Matter, Pod};

use crate::text::Span;

/// The parts of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The text begins with a block between two `---` lines.
    Frontmatter(Parts),
    /// The opening line is there, the closing one is not.
    Unterminated {
        /// The opening `---`.
        opening: Span,
    },
    /// There is no opening line; the whole text is body.
    None {
        /// Everything behind the BOM.
        body: Span,
    },
}

/// The parts of a text with frontmatter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The lines between the fences, with their line breaks; it ends where the closing fence begins.
    pub yaml: Span,
    /// Everything behind the closing line.
    pub body: Span,
    /// The line break of the opening line: what an inserted line ends with.
    pub newline: &'static str,
}

/// The width of a byte order mark at the head of a text.
pub(super) fn bom_width(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The line break that a text uses first.
pub(super) fn first_newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        Some(_) | None => "\n",
    }
}

/// Finds the frontmatter at the very top of a text; a BOM may stand before it, blanks may follow the dashes.
pub fn split(text: &str) -> Split {
    let top = bom_width(text);
    let whole = Span::new(top, text.len());
    let first_end = text[top..].find('\n').map_or(text.len(), |at| top + at);
    if text[top..first_end].trim_end() != "---" {
        return Split::None { body: whole };
    }
    let mut at = (first_end + 1).min(text.len());
    let yaml_start = at;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
        if text[at..end].trim_end() == "---" {
            let yaml = Span::new(yaml_start, at);
            if !is_recognised(&text[top..end], yaml.of(text)) {
                return Split::None { body: whole };
            }
            let body = Span::new((end + 1).min(text.len()), text.len());
            return Split::Frontmatter(Parts { yaml, body, newline: first_newline(&text[top..]) });
        }
        at = (end + 1).min(text.len());
    }
    Split::Unterminated { opening: Span::new(top, top + "---".len()) }
}

/// `gray_matter` has the last word on what counts as frontmatter, so that other tools built on it see the same tickets.
/// It only splits: its own YAML engine is replaced by one that does nothing. A blank block it cannot tell from none.
fn is_recognised(head: &str, yaml: &str) -> bool {
    if yaml.trim().is_empty() {
        return true;
    }
    Matter::<NoEngine>::new().parse::<Pod>(head).is_ok_and(|parsed| !parsed.matter.is_empty())
}

struct NoEngine;

impl Engine for NoEngine {
    fn parse(_: &str) -> gray_matter::Result<Pod> {
        Ok(Pod::Null)
    }
}

#[cfg(test)]
mod tests {
    use gray_matter::ParsedEntity;
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> (String, String) {
        match split(text) {
            Split::Frontmatter(parts) => (parts.yaml.of(text).to_owned(), parts.body.of(text).to_owned()),
            Split::Unterminated { .. } => ("unterminated".to_owned(), String::new()),
            Split::None { body } => ("none".to_owned(), body.of(text).to_owned()),
        }
    }

    #[test]
    fn the_block_at_the_very_top_is_found_to_the_byte() {
        for (text, yaml, body) in [
            ("---\na: 1\n---\nbody\n", "a: 1\n", "body\n"),
            ("---\r\na: 1\r\n---\r\nbody\r\n", "a: 1\r\n", "body\r\n"),
            ("\u{feff}---\na: 1\n---\nbody", "a: 1\n", "body"),
            ("---\n---\n", "", ""),
            ("---\n\n---", "\n", ""),
            ("--- \t\na: 1\n---  \n\n\nbody", "a: 1\n", "\n\nbody"),
            ("---\na: |\n  ---\n  x\n---\n---\n", "a: |\n  ---\n  x\n", "---\n"),
            ("---\na: 1\n", "unterminated", ""),
            ("---", "unterminated", ""),
            ("---\na: 1\n----\n...\n", "unterminated", ""),
            ("", "none", ""),
            ("hi", "none", "hi"),
            ("\n---\na: 1\n---\n", "none", "\n---\na: 1\n---\n"),
            ("----\na: 1\n---\n", "none", "----\na: 1\n---\n"),
        ] {
            assert_eq!(shown(text), (yaml.to_owned(), body.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn an_inserted_line_ends_like_the_first_one() {
        for (text, newline) in [("---\r\n---\r\n", "\r\n"), ("---\n---\r\n", "\n")] {
            let Split::Frontmatter(parts) = split(text) else { panic!("{text:?} has frontmatter") };
            assert_eq!(parts.newline, newline);
        }
    }

    proptest! {
        #[test]
        fn gray_matter_recognises_the_same_blocks(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "---", "---", "---\n", "---\r\n", "\n", "\r\n", "a: 1", "b: x\n", " ", "\t", "----", "x---", "#", "é\n", "\r",
                    "\u{85}", "\u{a0}",
                ]),
                0..14,
            )
        ) {
            let text = pieces.concat();
            let theirs: ParsedEntity = Matter::<NoEngine>::new().parse(&text).unwrap();
            match split(&text) {
                Split::Frontmatter(parts) => {
                    let ours: Vec<&str> = parts.yaml.of(&text).trim().lines().collect();
                    let theirs: Vec<&str> = theirs.matter.lines().collect();
                    prop_assert_eq!(ours, theirs);
                }
                Split::Unterminated { .. } | Split::None { .. } => prop_assert_eq!(theirs.matter, ""),
            }
        }
    }
}

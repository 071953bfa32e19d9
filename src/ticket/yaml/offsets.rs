//! Positions of the parser as bytes of the source.

use crate::text::Span;

/// Turns the parser's positions, which count characters of the block, into bytes of the whole source.
pub(super) struct Offsets {
    pub(super) base: usize,
    length: usize,
    /// The byte of each character; nothing where every character is one byte.
    bytes: Option<Vec<u32>>,
}

impl Offsets {
    pub(super) fn new(text: &str, base: usize) -> Self {
        let bytes = (!text.is_ascii()).then(|| {
            text.char_indices().map(|(at, _)| u32::try_from(at).expect("the block is at most 64 KiB long")).collect()
        });
        Self { base, length: text.len(), bytes }
    }

    pub(super) fn byte(&self, character: usize) -> usize {
        let within = match &self.bytes {
            None => character.min(self.length),
            Some(bytes) => bytes.get(character).map_or(self.length, |byte| *byte as usize),
        };
        self.base + within
    }

    pub(super) fn span(&self, span: saphyr_parser::Span) -> Span {
        let start = self.byte(span.start.index());
        Span::new(start, self.byte(span.end.index()).max(start))
    }
}

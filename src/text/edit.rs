//! Edits by span: what they do not name stays byte for byte.

use super::Span;

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes in its place.
    pub text: String,
}

/// Edits that cannot be applied to this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Two of them touch the same bytes.
    #[error("two edits overlap")]
    Overlap,
    /// One lies outside of the text or cuts a character in two.
    #[error("an edit lies outside of the text")]
    OutOfRange,
}

/// Applies edits, given in any order.
pub fn apply(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted {
        if edit.span.start < at {
            return Err(EditError::Overlap);
        }
        if text.get(edit.span.start..edit.span.end).is_none() {
            return Err(EditError::OutOfRange);
        }
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

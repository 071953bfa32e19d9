//! What `lint --fix` writes.

use crate::diagnostic::Diagnostic;
use crate::text::{Edit, Source, apply};
use crate::ticket::read;

/// The text with everything mended that is safe to mend, if that leaves fewer faults than there were; edits that touch
/// one another wait for the next time.
pub fn fixed(source: &Source, diagnostics: &[Diagnostic]) -> Option<String> {
    let mut edits: Vec<Edit> = Vec::new();
    for fix in diagnostics.iter().filter(|fault| fault.path == source.path).filter_map(|fault| fault.fix.as_ref()) {
        let together: Vec<Edit> = edits.iter().chain(fix).cloned().collect();
        if apply(&source.text, &together).is_ok() {
            edits = together;
        }
    }
    let text = apply(&source.text, &edits).ok().filter(|text| *text != *source.text)?;
    let after = Source::new(source.path.clone(), text.as_str());
    (weight(&after) < weight(source)).then_some(text)
}

/// Errors first: a ticket that can be read has warnings which one that cannot be read never comes to.
fn weight(source: &Source) -> (usize, usize) {
    let faults = read(source).1;
    (faults.iter().filter(|fault| fault.is_error()).count(), faults.len())
}

//! Reading a ticket never fails, and whatever it says about a text lies in that text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use turnstile::diagnostic::Diagnostic;
use turnstile::text::Source;
use turnstile::ticket::{Ids, LintContext, fixed, lint, read_ticket};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = Source::new(".tickets/001-a.md", text);
    let reads = [read_ticket(&source)];
    let ids = Ids::of(&reads);
    let roster = ["shell".to_owned(), "user".to_owned()];
    let context = LintContext { roster: &roster, default_agent: None, needs_check: true, silent: &roster };
    let across = lint(&reads, &ids, &context);
    let faults: Vec<Diagnostic> = reads[0].diagnostics.iter().chain(&across).cloned().collect();
    let lines = text.matches(['\n', '\r']).count() + 1;
    for fault in &faults {
        assert!((1..=lines).contains(&fault.place.line), "{fault:?}");
        assert!(fault.place.column >= 1, "{fault:?}");
        if let Some(span) = fault.span {
            assert!(text.get(span.start..span.end).is_some(), "{fault:?}");
        }
    }
    if let Some(ticket) = &reads[0].ticket {
        assert!(text.get(ticket.body.start..ticket.body.end).is_some());
    }
    // What `lint --fix` makes of it is a text that can be read again.
    if let Some(text) = fixed(&source, &faults) {
        read_ticket(&Source::new(".tickets/001-a.md", text));
    }
});

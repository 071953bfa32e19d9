//! A dispatch is read or refused with faults that lie in its text, never both and never neither.

#![no_main]

use libfuzzer_sys::fuzz_target;
use turnstile::text::Source;
use turnstile::ticket::read_dispatch;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read_dispatch(&Source::new("message.md", text)) {
        Ok(message) => assert!(text.get(message.body.start..message.body.end).is_some()),
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(fault.span.is_none_or(|span| text.get(span.start..span.end).is_some()), "{fault:?}");
            }
        }
    }
});

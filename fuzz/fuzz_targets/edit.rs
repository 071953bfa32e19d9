//! Setting `done` changes nothing else, and setting it twice is setting it once. What a turn did to a ticket is put back
//! to something that needs nothing more to be put back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use turnstile::text::Source;
use turnstile::ticket::{ContractVerdict, Role, judge_change, judge_new, read, set_done};

const PATH: &str = ".tickets/001-a.md";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A line of its own cuts the input in two: the ticket before a turn, and after it.
    let (before, after) = text.split_once("\n=====\n").unwrap_or((text, text));
    let before = Source::new(PATH, before);
    for done in [true, false] {
        let Ok(edited) = set_done(&before, done) else { continue };
        let edited = Source::new(PATH, edited);
        let says = read(&edited).0.is_some_and(|ticket| ticket.front.done);
        assert!(says == done || edited.text == before.text, "{:?}", edited.text);
        assert_eq!(set_done(&edited, done).as_deref(), Ok(&*edited.text));
        assert!(edited.text.len() <= before.text.len() + "done: false\r\n".len() + longest_indent(&before.text));
    }
    let after = Source::new(PATH, after);
    for role in [Role::Own, Role::OtherOpen, Role::OtherDone] {
        if let ContractVerdict::PutBack { text, .. } = judge_change(&before, Some(&after), role) {
            let restored = Source::new(PATH, text);
            assert_eq!(judge_change(&before, Some(&restored), role), ContractVerdict::Kept, "{role:?}");
        }
    }
    if let ContractVerdict::PutBack { text, .. } = judge_new(&after) {
        assert_eq!(judge_new(&Source::new(PATH, text)), ContractVerdict::Kept);
    }
});

fn longest_indent(text: &str) -> usize {
    text.lines().map(|line| line.len() - line.trim_start().len()).max().unwrap_or_default()
}

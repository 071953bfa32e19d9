use proptest::prelude::*;

use super::super::{Known, SHAPES};
use super::*;

const VALUE: &str = "hunter22hunter22";

fn screen() -> Screen {
    Screen::new(&[
        Known { name: "API_KEY".into(), value: VALUE.into() },
        Known { name: "LONGER_KEY".into(), value: b"hunter22hunter22-and-more".to_vec() },
        Known { name: "QUOTED_KEY".into(), value: b"with \"quotes\" & spaces".to_vec() },
        Known { name: "LINES_KEY".into(), value: b"-----BEGIN-----\nzyxwvutsrqponmlkjihgfedcba\nend\n".to_vec() },
    ])
}

fn check(text: &str, expected: &str) {
    assert_eq!(screen().redact(text), expected, "{text:?}");
}

#[test]
fn a_known_value_is_taken_out_wherever_it_stands_and_however_it_is_written() {
    check("nothing here", "nothing here");
    check("key=hunter22hunter22;", "key=[redacted: API_KEY];");
    check("xhunter22hunter22x", "x[redacted: API_KEY]x");
    check("hunter22hunter22hunter22hunter22", "[redacted: API_KEY]");
    check("hunter22hunter22-and-more.", "[redacted: LONGER_KEY].");
    check("hunter22hunter22-and-less.", "[redacted: API_KEY]-and-less.");
    check("hunter22hunter2", "hunter22hunter2");
    check("{\"a\":\"with \\\"quotes\\\" & spaces\"}", "{\"a\":\"[redacted: QUOTED_KEY]\"}");
    check("?k=with%20%22quotes%22%20%26%20spaces&", "?k=[redacted: QUOTED_KEY]&");
    check("Basic eHh4aHVudGVyMjJodW50ZXIyMg==", "Basic eHh4[redacted: API_KEY]g==");
    check("from $HOME and hunter 22", "from $HOME and hunter 22");
    check("  zyxwvutsrqponmlkjihgfedcba\n", "  [redacted: LINES_KEY]\n");
}

#[test]
fn a_token_is_known_by_how_it_looks() {
    check("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted: GitHub token]");
    check("token ghp_abcdefghijklmnopqrstuvwxyz0123456789.", "token [redacted: GitHub token].");
    check("ghp_short", "ghp_short");
    check("xghp_abcdefghijklmnopqrstuvwxyz0123456789", "xghp_abcdefghijklmnopqrstuvwxyz0123456789");
    check("a\\nghp_abcdefghijklmnopqrstuvwxyz0123456789", "a\\n[redacted: GitHub token]");
    check("AKIAIOSFODNN7EXAMPLE", "[redacted: AWS access key]");
    check("AKIAIOSFODNN7EXAMPLEX", "AKIAIOSFODNN7EXAMPLEX");
    check(
        "git clone https://me:pass-word@example.org/x",
        "git clone https[redacted: password in an address]@example.org/x",
    );
    check("https://example.org:8080/a@b", "https://example.org:8080/a@b");
    check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc_def-1 x", "[redacted: JSON web token] x");
    check("eyJghp_abcdefghijklmnopqrstuvwxyz0123456789", "eyJghp_abcdefghijklmnopqrstuvwxyz0123456789");
    check("-sk-ant-api03-abcdefghijklmnopqrstuvwxyz!", "-[redacted: Anthropic key]!");
    check("commit 0123456789abcdef0123456789abcdef01234567", "commit 0123456789abcdef0123456789abcdef01234567");
}

#[test]
fn a_known_value_hides_behind_no_token_and_a_token_behind_no_address() {
    let found = |text: &str| {
        let hits = screen().find(text.as_bytes());
        hits.into_iter().map(|hit| (hit.name, hit.known, hit.refused)).collect::<Vec<_>>()
    };
    assert_eq!(found("https://me:hunter22hunter22@example.org"), [("API_KEY".to_owned(), true, true)]);
    let token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    assert_eq!(found(&format!("https://me:{token}@example.org")), [("GitHub token".to_owned(), false, true)]);
    assert_eq!(found("sk-ant-api03-hunter22hunter22-abcdefgh"), [("API_KEY".to_owned(), true, true)]);
}

#[test]
fn a_key_file_goes_with_all_of_its_lines() {
    let body = "MIIEpAIBAAKCAQEA\n".repeat(20);
    check(
        &format!("a\n-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\nand text goes on\n"),
        "a\n[redacted: private key]\nand text goes on\n",
    );
    let quoted = body.replace('\n', "\\n");
    check(
        &format!("{{\"k\":\"-----BEGIN PRIVATE KEY-----\\n{quoted}-----END PRIVATE KEY-----\\n\"}}"),
        "{\"k\":\"[redacted: private key]\\n\"}",
    );
    let prose = "it begins with -----BEGIN PRIVATE KEY----- and then there are many lines of letters";
    check(prose, prose);
}

#[test]
fn every_shape_is_found() {
    for shape in SHAPES {
        let letters: &[u8] = match shape.alphabet {
            Alphabet::Hexadecimal => b"0a1b2c",
            Alphabet::Capitals => b"A2B3",
            Alphabet::KeyFile => b"\nABCdef",
            _ => b"aB3dE",
        };
        let mut body: Vec<u8> = letters.iter().copied().cycle().take(shape.least.max(4)).collect();
        if let Some((with, count)) = shape.with {
            body.iter_mut().skip(2).step_by(2).take(count).for_each(|byte| *byte = with);
        }
        let mut text = format!("<{}{}", shape.beginning, String::from_utf8(body).unwrap());
        text.push(shape.before.map_or('>', char::from));
        let found = screen().find(text.as_bytes());
        assert_eq!(found.len(), 1, "{}: {text}", shape.name);
        assert_eq!((found[0].name.as_str(), found[0].start), (shape.name, 1), "{text}");
    }
}

#[test]
fn a_stream_waits_for_no_more_than_it_must() {
    let screen = screen();
    let mut out = Vec::new();
    let mut redactor = Redactor::new(&screen);
    redactor.take(b"working on it: hun", &mut out);
    assert_eq!(out, b"working on it: ", "the beginning of a value waits");
    redactor.take(b"ting a bug\n", &mut out);
    assert_eq!(out, b"working on it: hunting a bug\n", "and is given out when it is none");
    redactor.take(b"hunter22hunter22", &mut out);
    assert_eq!(out, b"working on it: hunting a bug\n", "a longer one may follow");
    redactor.take(b"\n", &mut out);
    assert_eq!(out, b"working on it: hunting a bug\n[redacted: API_KEY]\n");
}

#[test]
fn what_has_no_end_is_not_held_for_ever() {
    let screen = screen();
    let mut out = Vec::new();
    let mut redactor = Redactor::new(&screen);
    for text in ["eyJ", "ghp_", "-----BEGIN PRIVATE KEY-----\n", "://a:"] {
        redactor.take(text.as_bytes(), &mut out);
        for _ in 0..300 {
            redactor.take(&[b'a'; 1024], &mut out);
            assert!(redactor.held.len() <= 2 * LONGEST, "{}", redactor.held.len());
        }
    }
}

proptest! {
    /// The same comes out however the stream is cut, and what comes out holds no secret.
    #[test]
    fn borders_of_chunks_make_no_difference(
        parts in proptest::collection::vec(prop_oneof![
            Just(VALUE.to_owned()),
            Just("hunter22hunter22-and-more".to_owned()),
            Just("ghp_abcdefghijklmnopqrstuvwxyz0123456789".to_owned()),
            Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
            Just("https://me:secret@example.org".to_owned()),
            Just("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIAbcdefghijklmnopqrstuvwxyzABCDEFGHIJ\n-----END EC PRIVATE KEY-----\n".to_owned()),
            Just("hunter22".to_owned()),
            "[ -~\n]{0,12}",
        ], 0..12),
        cuts in proptest::collection::vec(1_usize..40, 1..60),
    ) {
        let text = parts.concat();
        let screen = screen();
        let whole = screen.redact(&text).into_owned();
        let mut out = Vec::new();
        let mut redactor = Redactor::new(&screen);
        let (mut rest, mut cuts) = (text.as_bytes(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            redactor.take(now, &mut out);
            rest = later;
        }
        redactor.finish(&mut out);
        prop_assert_eq!(String::from_utf8_lossy(&out), whole.as_str());
        prop_assert!(!whole.contains(VALUE), "{}", whole);
        prop_assert_eq!(screen.find(text.as_bytes()).is_empty(), whole == text);
    }

    /// Every byte is looked at, and none but secrets go.
    #[test]
    fn any_bytes_go_through(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let screen = screen();
        if screen.find(&bytes).is_empty() {
            prop_assert_eq!(screen.redact_bytes(&bytes), None);
        }
    }
}

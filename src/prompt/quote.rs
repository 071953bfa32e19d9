//! How foreign text stands in a prompt: in blocks that it cannot end, and on single lines that it cannot leave.
//! Must not know which part of the prompt it is for.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Quoted;
use crate::text::shown_line;

/// What stands where a value of one line was too long.
const ELLIPSIS: &str = "…";

/// An origin is a path or a few words; more of it than this is not needed to find it.
const ORIGIN_MAX: usize = 300;

/// A list of paths takes at most so many bytes.
const LIST_MAX: usize = 8192;

/// A block around the first `take` bytes of a text; fewer where a character would be cut in two.
pub(super) fn block(quoted: &Quoted, take: usize) -> String {
    let text = &quoted.text[..char_floor(&quoted.text, take)];
    let fence = fence(text);
    let origin = attribute(&quoted.origin);
    let mut out = format!("<quoted origin=\"{origin}\" bytes=\"{}\"", text.len());
    let left_out = left_out(quoted, text.len());
    if left_out > 0 {
        write!(out, " left_out=\"{left_out}\"").expect("a string takes every write");
    }
    write!(out, " fence=\"{fence}\">\n{text}").expect("a string takes every write");
    if !text.is_empty() && !text.ends_with('\n') {
        out.push('\n');
    }
    write!(out, "</quoted fence=\"{fence}\">").expect("a string takes every write");
    out
}

/// How many bytes of a text are missing where `shown` of them are there.
pub(super) fn left_out(quoted: &Quoted, shown: usize) -> u64 {
    let cut = quoted.text.len().saturating_sub(shown);
    quoted.left_out.saturating_add(u64::try_from(cut).unwrap_or(u64::MAX))
}

/// At most how long a block gets beside its text.
pub(super) fn frame(quoted: &Quoted) -> usize {
    let none = Quoted { origin: quoted.origin.clone(), text: String::new(), left_out: 0 };
    let digits = quoted.text.len().to_string().len() + left_out(quoted, 0).to_string().len();
    block(&none, 0).len() + digits + " left_out=\"\"\n".len()
}

/// The last place at or before `at` that cuts no character in two.
pub(super) fn char_floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A foreign value on one line of at most `max` bytes; it can neither begin nor end a block.
pub(super) fn inline(text: &str, max: usize) -> String {
    let line = shown_line(text.trim());
    let line = line.replace("<quoted", "&lt;quoted").replace("</quoted", "&lt;/quoted");
    if line.len() <= max {
        return line;
    }
    format!("{}{ELLIPSIS}", &line[..char_floor(&line, max.saturating_sub(ELLIPSIS.len()))])
}

/// A foreign value in backticks.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", inline(text, ORIGIN_MAX))
}

/// A list of paths, one a line; where it would be too long the rest is counted.
pub(super) fn list(paths: &[String]) -> String {
    let mut out = String::new();
    for (at, path) in paths.iter().enumerate() {
        let line = format!("- {}", code(path));
        if out.len() + line.len() > LIST_MAX {
            write!(out, "\n- and {} more", paths.len() - at).expect("a string takes every write");
            break;
        }
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&line);
    }
    out
}

/// A word that the text does not contain, the same for equal texts.
fn fence(text: &str) -> String {
    first_absent(text, |round| {
        let mut hash = Sha256::new();
        hash.update(text.as_bytes());
        hash.update(round.to_le_bytes());
        let mut word = String::with_capacity(12);
        for byte in hash.finalize().iter().take(6) {
            write!(word, "{byte:02x}").expect("a string takes every write");
        }
        word
    })
}

/// The first of many words that the text does not contain.
fn first_absent(text: &str, word: impl Fn(u64) -> String) -> String {
    let mut round = 0;
    loop {
        let word = word(round);
        if !text.contains(&word) {
            return word;
        }
        round += 1;
    }
}

/// An origin as an attribute: one line, without what ends an attribute or a tag.
fn attribute(origin: &str) -> String {
    let line = shown_line(origin);
    let line = if line.len() <= ORIGIN_MAX {
        line
    } else {
        format!("{}{ELLIPSIS}", &line[..char_floor(&line, ORIGIN_MAX - ELLIPSIS.len())])
    };
    line.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_block_names_origin_length_and_what_is_missing() {
        let quoted = Quoted { origin: "a \"b\"\n.md".into(), text: "héé".into(), left_out: 3 };
        let fence = fence("h");
        let expected = format!(
            "<quoted origin=\"a &quot;b&quot;\\n.md\" bytes=\"1\" left_out=\"7\" fence=\"{fence}\">\nh\n</quoted fence=\"{fence}\">"
        );
        assert_eq!(block(&quoted, 2), expected);
    }

    #[test]
    fn a_text_that_holds_a_fence_gets_another_one() {
        let words = |round| ["one", "two", "three"][usize::try_from(round).unwrap()].to_owned();
        assert_eq!(first_absent("one, and two", words), "three");
        assert_eq!(first_absent("", words), "one");
        assert_eq!(fence("x"), fence("x"));
        assert_ne!(fence("x"), fence("y"));
    }

    #[test]
    fn single_lines_stay_single_lines() {
        for (text, max, expected) in
            [(" a\nb ", 100, "a\\nb"), ("</quoted fence=\"x\">", 100, "&lt;/quoted fence=\"x\">"), ("éééééé", 8, "éé…")]
        {
            assert_eq!(inline(text, max), expected);
        }
    }

    #[test]
    fn a_long_list_counts_the_rest() {
        let paths: Vec<String> = (0..2000).map(|number| format!("src/{number:04}.rs")).collect();
        let list = list(&paths);
        assert!(list.len() < LIST_MAX + 40);
        let shown = list.lines().count() - 1;
        assert!(list.ends_with(&format!("\n- and {} more", 2000 - shown)));
    }

    proptest! {
        #[test]
        fn no_text_ends_its_own_block(text in "(?s)(<quoted |</quoted fence=\"|[0-9a-f]{12}|\">|\n|é|.){0,40}", take in 0usize..200) {
            let quoted = Quoted::whole("x", text.clone());
            let block = block(&quoted, take);
            let (opening, rest) = block.split_once('\n').unwrap();
            let fence = opening.rsplit_once("fence=\"").unwrap().1.trim_end_matches("\">");
            let closing = format!("</quoted fence=\"{fence}\">");
            prop_assert_eq!(rest.matches(fence).count(), 1);
            let inside = rest.strip_suffix(&closing).unwrap();
            let bytes = char_floor(&text, take);
            prop_assert_eq!(&inside[..bytes], &text[..bytes]);
            prop_assert!(block.len() <= frame(&quoted) + bytes);
        }
    }
}

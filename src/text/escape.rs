//! How text that somebody else wrote is shown on a terminal.

use std::fmt::Write as _;

/// Shows every control, escape, bidirectional and invisible character as an escape; keeps newlines and tabs.
pub fn shown(text: &str) -> String {
    show(text, true)
}

/// The same on one line: newlines and tabs are escaped too.
pub fn shown_line(text: &str) -> String {
    show(text, false)
}

/// Several texts on one line, told apart by commas; in quotes where one of them holds a comma itself.
pub fn shown_list(texts: &[String]) -> String {
    let ambiguous = texts.iter().any(|text| text.contains([',', '"']) || text.trim() != text);
    let one = |text: &String| {
        let text = shown_line(text);
        if ambiguous { format!("\"{}\"", text.replace('"', "\\\"")) } else { text }
    };
    texts.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn show(text: &str, keep_layout: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' if keep_layout => out.push(character),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if character.is_control() => {
                write!(out, "\\x{:02x}", u32::from(character)).expect("a string takes every write");
            }
            _ if is_invisible(character) => {
                write!(out, "\\u{{{:x}}}", u32::from(character)).expect("a string takes every write");
            }
            _ => out.push(character),
        }
    }
    out
}

/// Characters that a reader does not see, or that change the order in which others are seen.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(shown_line("a\u{1b}]52;c\u{7}\tb\u{202e}"), "a\\x1b]52;c\\x07\\tb\\u{202e}");
        assert_eq!(shown("a\n\tb"), "a\n\tb");
    }

    #[test]
    fn a_list_shows_where_each_of_its_texts_ends() {
        let listed = |texts: &[&str]| shown_list(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(listed(&["red", "dark blue"]), "red, dark blue");
        assert_eq!(listed(&["a, b", "yes"]), "\"a, b\", \"yes\"");
        assert_eq!(listed(&["a\u{1b}", "say \"no\""]), "\"a\\x1b\", \"say \\\"no\\\"\"");
    }
}

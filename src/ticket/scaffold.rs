//! The text of a new ticket, and its file name. Must not know which files exist, except by being told.

use std::fmt::Write as _;

/// What a new ticket says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTicket<'a> {
    /// The title; it becomes the heading too.
    pub title: &'a str,
    /// The agent; the config's `default_agent` where nothing is named.
    pub agent: Option<&'a str>,
    /// References.
    pub depends_on: &'a [String],
    /// 0 to 4, where it is not the default.
    pub priority: Option<u8>,
    /// One sentence.
    pub goal: Option<&'a str>,
    /// The names of checks or command lines.
    pub verify: &'a [String],
    /// What stands under the heading.
    pub body: &'a str,
}

/// Writes a ticket. Every text is quoted unless every YAML reader takes it for a text without.
pub fn new_ticket(ticket: &NewTicket<'_>) -> String {
    let title = one_line(ticket.title);
    let mut out = String::from("---\n");
    let mut line = |key: &str, value: &str| {
        writeln!(out, "{key}: {value}").expect("a string takes every write");
    };
    line("title", &quoted(&title));
    if let Some(agent) = ticket.agent {
        line("agent", &quoted(agent));
    }
    line("done", "false");
    if let Some(goal) = ticket.goal {
        line("goal", &quoted(&one_line(goal)));
    }
    if let Some(priority) = ticket.priority {
        line("priority", &priority.to_string());
    }
    if !ticket.depends_on.is_empty() {
        line("depends_on", &list(ticket.depends_on));
    }
    if !ticket.verify.is_empty() {
        line("verify", &list(ticket.verify));
    }
    write!(out, "---\n\n# {title}\n").expect("a string takes every write");
    if !ticket.body.is_empty() {
        write!(out, "\n{}\n", ticket.body.trim_end()).expect("a string takes every write");
    }
    out
}

/// The title as part of a file name: lower-case ASCII letters, digits and dashes, at most 50 of them, at least one.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for character in title.chars() {
        let character = character.to_lowercase().next().unwrap_or(character);
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if let Some(letters) = plain(character) {
            slug.push_str(letters);
        } else if !slug.is_empty() && !slug.ends_with('-') && character != '\'' {
            slug.push('-');
        }
    }
    if slug.len() > LONGEST_SLUG {
        let whole_words = slug[..=LONGEST_SLUG].rfind('-').filter(|at| *at > LONGEST_SLUG / 2);
        slug.truncate(whole_words.unwrap_or(LONGEST_SLUG));
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "ticket".to_owned() } else { slug.to_owned() }
}

/// A Latin letter without its marks.
fn plain(character: char) -> Option<&'static str> {
    const PLAIN: [(&str, &str); 26] = [
        ("àáâãäåāăą", "a"),
        ("æ", "ae"),
        ("çćĉċč", "c"),
        ("ďđð", "d"),
        ("èéêëēĕėęě", "e"),
        ("ĝğġģ", "g"),
        ("ĥħ", "h"),
        ("ìíîïĩīĭįı", "i"),
        ("ĵ", "j"),
        ("ķ", "k"),
        ("ĺļľŀł", "l"),
        ("ñńņňŉŋ", "n"),
        ("òóôõöøōŏő", "o"),
        ("œ", "oe"),
        ("ŕŗř", "r"),
        ("śŝşšș", "s"),
        ("ß", "ss"),
        ("ţťŧț", "t"),
        ("þ", "th"),
        ("ùúûüũūŭůűų", "u"),
        ("ŵ", "w"),
        ("ýÿŷ", "y"),
        ("źżž", "z"),
        // Marks that follow their letter.
        ("\u{300}\u{301}\u{302}\u{303}\u{304}\u{306}", ""),
        ("\u{307}\u{308}\u{30a}\u{30b}\u{30c}", ""),
        ("\u{323}\u{326}\u{327}\u{328}", ""),
    ];
    PLAIN.iter().find(|(marked, _)| marked.contains(character)).map(|(_, plain)| *plain)
}

const LONGEST_SLUG: usize = 50;

/// The number for the next ticket of a folder, from the file names that are there, with or without `.md`: one more
/// than the highest first run of digits.
pub fn next_number<'a>(names: impl IntoIterator<Item = &'a str>) -> u32 {
    names
        .into_iter()
        .filter_map(super::references::number_of)
        .filter_map(|number| number.parse::<u32>().ok())
        .max()
        .map_or(1, |highest| highest.saturating_add(1))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A list of texts as a YAML value.
pub(super) fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A text as a YAML value. Plain only if it begins with a letter, holds nothing but harmless characters, and is not a
/// word that some reader takes for a boolean, a number or nothing.
pub(super) fn quoted(text: &str) -> String {
    let harmless = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, ' ' | '-' | '_' | '.' | '/'))
        && !text.ends_with(' ');
    let taken = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];
    if harmless && !taken.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if character.is_control() || crate::text::is_invisible(character) => {
                write!(out, "\\U{:08x}", u32::from(character)).expect("a string takes every write");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::Source;
    use crate::ticket::read;

    #[test]
    fn a_new_ticket_says_what_it_was_told() {
        let depends_on = ["001".to_owned(), "auth/010-login".to_owned()];
        let text = new_ticket(&NewTicket {
            title: "Parse  dates: ISO\n8601",
            agent: Some("codex"),
            depends_on: &depends_on,
            priority: Some(1),
            goal: Some("no"),
            verify: &[],
            body: "Do it.\n",
        });
        assert_eq!(
            text,
            "---\ntitle: \"Parse dates: ISO 8601\"\nagent: codex\ndone: false\ngoal: \"no\"\npriority: 1\n\
             depends_on: [\"001\", auth/010-login]\n---\n\n# Parse dates: ISO 8601\n\nDo it.\n"
        );
        let (ticket, faults) = read(&Source::new(".tickets/001-x.md", text));
        assert_eq!(faults, []);
        assert_eq!(ticket.unwrap().front.depends_on, depends_on);
    }

    #[test]
    fn slugs_are_short_and_never_empty() {
        for (title, expected) in [
            ("Parse dates", "parse-dates"),
            ("  Don't panic!  ", "dont-panic"),
            ("日本語", "ticket"),
            ("", "ticket"),
            ("Ünïcode ok, groß", "unicode-ok-gross"),
            ("re\u{301}sume\u{301}", "resume"),
            (
                "A title that is much longer than any file name has reason to be",
                "a-title-that-is-much-longer-than-any-file-name-has",
            ),
        ] {
            assert_eq!(slug(title), expected);
        }
        assert_eq!(slug(&"x".repeat(80)).len(), 50);
    }

    #[test]
    fn the_next_number_is_one_more_than_the_highest() {
        assert_eq!(next_number([]), 1);
        assert_eq!(next_number(["001-a.md", "TICKET-012.md", "notes.md", "3-b"]), 13);
        assert_eq!(next_number(["99999999999999999999-a.md", "4294967295-b.md"]), u32::MAX);
    }

    proptest! {
        #[test]
        fn every_title_comes_back_as_it_was_given(title in "\\PC{1,30}|yes|No|2024-01-01|0x1f|1_000|~|.inf|:|- a|[\u{1}-\u{ff}]{1,9}") {
            let title = one_line(&title);
            let text = new_ticket(&NewTicket { title: &title, ..NewTicket::default() });
            let (ticket, faults) = read(&Source::new(".tickets/1.md", text));
            prop_assert!(faults.iter().all(|fault| !fault.is_error()), "{:?}", faults);
            prop_assert_eq!(ticket.unwrap().front.title, Some(title).filter(|title| !title.is_empty()));
            prop_assert!((1..=50).contains(&slug("x").len()));
        }
    }
}

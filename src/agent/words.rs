//! What an agent's end means, and its last words.

use crate::config::AgentKind;

use super::kind_name;

/// How the program of a turn ended, as it was observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndFacts<'a> {
    /// Its exit status.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The limit that ended it.
    pub limit: Option<Limit>,
    /// Whether it was ended because a person asked.
    pub asked: bool,
    /// Why it could not be started.
    pub not_started: Option<&'a str>,
}

/// A limit that ended a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The wall clock.
    Wall,
    /// Silence.
    Idle,
}

/// What a turn's end means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnClass {
    /// The program says that all went well. Whether it did is judged elsewhere.
    Success,
    /// It failed, and says that another attempt may succeed.
    Transient {
        /// In words, for people and for the next prompt.
        why: String,
    },
    /// It failed, and by what it says for good.
    Fatal {
        /// In words, for people and for the next prompt.
        why: String,
    },
    /// It failed, and has no way to say more.
    Failed {
        /// In words, for people and for the next prompt.
        why: String,
    },
    /// A limit ended it.
    TimedOut {
        /// Which.
        limit: Limit,
    },
    /// A person ended it; no failure of the agent's.
    Interrupted,
    /// There was nothing to run; no failure of the agent's.
    NotStarted {
        /// In words.
        why: String,
    },
}

/// Says what the end of a turn means.
pub fn classify(kind: AgentKind, end: &EndFacts<'_>) -> TurnClass {
    if let Some(why) = end.not_started {
        return TurnClass::NotStarted { why: why.to_string() };
    }
    if end.asked {
        return TurnClass::Interrupted;
    }
    if let Some(limit) = end.limit {
        return TurnClass::TimedOut { limit };
    }
    let who = kind_name(kind);
    let why = match (end.exit, end.signal) {
        (Some(0), None) => return TurnClass::Success,
        (Some(TRANSIENT), _) if kind == AgentKind::Command => {
            return TurnClass::Transient { why: format!("{who} ended with exit status {TRANSIENT} (it may pass)") };
        }
        (Some(NOT_FOUND), _) => {
            format!("{who} ended with exit status {NOT_FOUND} (a program that it calls is missing)")
        }
        (Some(status), _) => format!("{who} ended with exit status {status}"),
        (None, Some(signal)) => format!("{who} was ended by signal {signal}"),
        (None, None) => format!("{who} ended, and its exit status is not known"),
    };
    match (kind, end.exit) {
        (AgentKind::Command | AgentKind::Shell, Some(_)) => TurnClass::Fatal { why },
        _ => TurnClass::Failed { why },
    }
}

/// By `EX_TEMPFAIL` a `command` says that another attempt may succeed.
const TRANSIENT: i32 = 75;

/// By this status shells and wrappers say that there is no such program.
const NOT_FOUND: i32 = 127;

/// The most that is kept of an agent's last words.
const FINAL_WORDS: usize = 16 * 1024;

/// The last words of an agent, from the end of its output: without terminal art, at most 16 KiB.
pub fn final_words(output_tail: &str) -> String {
    let cleaned = clean(output_tail);
    let text = cleaned.trim();
    if text.len() <= FINAL_WORDS {
        return text.to_string();
    }
    let mut from = text.len() - FINAL_WORDS;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    // A whole first line reads better, but a text of one line is better than nothing.
    let rest = &text[from..];
    rest.split_once('\n')
        .map_or(rest, |(_, whole_lines)| if whole_lines.is_empty() { rest } else { whole_lines })
        .trim()
        .to_string()
}

/// Takes away escape sequences, other control characters, and what a carriage return overwrote.
fn clean(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut line_start = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {
                while result.len() > line_start && result.ends_with([' ', '\t']) {
                    result.pop();
                }
                result.push('\n');
                line_start = result.len();
            }
            '\r' => {
                if characters.peek().is_some_and(|next| *next != '\n' && *next != '\r') {
                    result.truncate(line_start);
                }
            }
            '\t' => result.push('\t'),
            '\u{1b}' => skip_escape(&mut characters),
            '\u{9b}' => skip_control_sequence(&mut characters),
            control if control.is_control() => {}
            other => result.push(other),
        }
    }
    result
}

/// What follows an escape character: a control sequence (colours, cursor), a string (titles, links), or one character.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => skip_control_sequence(characters),
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(character) = characters.next() {
                if character == '\u{7}' || (character == '\u{1b}' && characters.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        Some('(' | ')' | '#' | '%') => {
            characters.next();
        }
        Some(_) | None => {}
    }
}

/// Up to its final character; a broken sequence ends where text goes on.
fn skip_control_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(character) = characters.next_if(|character| matches!(character, ' '..='~')) {
        if matches!(character, '@'..='~') {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_end_means_one_thing() {
        let check = |kind, end: EndFacts<'_>, expected: &str| {
            assert_eq!(format!("{:?}", classify(kind, &end)), expected);
        };
        let end = EndFacts::default();
        let exit = |status| EndFacts { exit: Some(status), ..end };
        let command = AgentKind::Command;
        check(command, exit(0), "Success");
        check(command, exit(1), r#"Fatal { why: "command ended with exit status 1" }"#);
        check(command, exit(75), r#"Transient { why: "command ended with exit status 75 (it may pass)" }"#);
        check(AgentKind::Codex, exit(75), r#"Failed { why: "codex ended with exit status 75" }"#);
        check(
            AgentKind::Claude,
            exit(127),
            r#"Failed { why: "claude ended with exit status 127 (a program that it calls is missing)" }"#,
        );
        check(command, EndFacts { signal: Some(9), ..end }, r#"Failed { why: "command was ended by signal 9" }"#);
        check(command, end, r#"Failed { why: "command ended, and its exit status is not known" }"#);
        // A program that ends well after it was told to has not succeeded.
        check(command, EndFacts { limit: Some(Limit::Wall), ..exit(0) }, "TimedOut { limit: Wall }");
        check(command, EndFacts { limit: Some(Limit::Idle), ..end }, "TimedOut { limit: Idle }");
        check(command, EndFacts { asked: true, ..exit(0) }, "Interrupted");
        check(command, EndFacts { not_started: Some("no such"), ..end }, r#"NotStarted { why: "no such" }"#);
    }

    #[test]
    fn last_words_are_without_terminal_art() {
        let check = |output: &str, expected: &str| assert_eq!(final_words(output), expected, "{output:?}");
        check("", "");
        check("\n\n  Done.  \n\n", "Done.");
        check("\u{1b}[1;32mDone\u{1b}[0m \u{1b}]0;title\u{7}here", "Done here");
        check("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link");
        check("10%\r50%\rfinished\nnext", "finished\nnext");
        check("dos\r\nlines\r\n", "dos\nlines");
        check("bell\u{7} and null\0", "bell and null");
        check("one  \n\ttwo", "one\n\ttwo");
        check("cut \u{1b}[38;5", "cut");
        check("cut \u{1b}[38\nbut not the rest", "cut\nbut not the rest");
        check("größer ✓", "größer ✓");
    }

    #[test]
    fn the_end_of_long_words_is_kept_in_whole_lines() {
        let output = format!("{}\nlast line", "first line\n".repeat(2000));
        let words = final_words(&output);
        assert!(words.len() <= FINAL_WORDS && words.len() > FINAL_WORDS - 20);
        assert!(words.starts_with("first line\n") && words.ends_with("\nlast line"));
        assert_eq!(final_words(&"é".repeat(FINAL_WORDS)).len(), FINAL_WORDS);
        // What is kept begins with a word, wherever it was cut.
        let spaced = final_words(&format!("{} {}", "a".repeat(10), "b".repeat(FINAL_WORDS - 1)));
        assert!(spaced.starts_with('b'), "{spaced:.20}");
    }

    proptest! {
        #[test]
        fn whatever_an_agent_prints_its_words_are_short_and_harmless(output in any::<String>(), times in 1_usize..400) {
            let words = final_words(&output.repeat(times));
            prop_assert!(words.len() <= FINAL_WORDS);
            prop_assert!(!words.chars().any(|it| it.is_control() && it != '\n' && it != '\t'));
            prop_assert_eq!(final_words(&words), words.clone());
        }
    }
}

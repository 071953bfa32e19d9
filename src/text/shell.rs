//! Words that a person can paste into a shell.

use std::fmt::Write as _;

use super::escape::is_invisible;

/// A text as one word of a shell: bare where that is enough, else in quotes. What a reader would not see is written
/// as an escape within `$'…'`, which bash, zsh and ksh understand.
pub fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%:,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) && !text.starts_with(['-', '=']) {
        return text.to_owned();
    }
    let unseen = |character: char| character.is_control() || is_invisible(character);
    if !text.contains(unseen) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut word = "$'".to_owned();
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            _ if unseen(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Three digits always: no character behind it can be taken for a part of it.
                    write!(word, "\\{byte:03o}").expect("a string takes every write");
                }
            }
            _ => word.push(character),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_take_it_apart() {
        for (text, word) in [
            (".git/turnstile/a-b_c", ".git/turnstile/a-b_c"),
            (":/.tickets/config.yaml", ":/.tickets/config.yaml"),
            ("", "''"),
            ("-rf", "'-rf'"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$HOME`ls`", "'$HOME`ls`'"),
            ("a\u{1b}7'b\\", "$'a\\0337\\'b\\\\'"),
            ("x\u{202e}y\n", "$'x\\342\\200\\256y\\012'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}

//! For GitHub Actions: workflow commands that become annotations of a pull request.

use std::fmt::Write as _;

use crate::diagnostic::Diagnostic;
use crate::text::shown_line;

/// One command a line. What a command would obey (`%`, line ends, and `:` and `,` in properties) is escaped as GitHub
/// undoes it; other control characters are shown, since the log of a job is a terminal too.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let mut message = diagnostic.message.clone();
        if let Some(help) = &diagnostic.help {
            write!(message, "\nhelp: {help}").expect("a string takes every write");
        }
        writeln!(
            out,
            "::{} file={},line={},col={},title={}::{}",
            diagnostic.severity.name(),
            property(&diagnostic.path),
            diagnostic.place.line,
            diagnostic.place.column,
            property(&format!("{} {}", diagnostic.code.id(), diagnostic.code.title())),
            data(&message),
        )
        .expect("a string takes every write");
    }
    out
}

fn data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            _ => out.push_str(&shown_line(character.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::diagnostic::render::samples;

    #[test]
    fn one_command_a_line() {
        insta::assert_snapshot!(github(&samples::diagnostics()), @r#"
        ::error file=.tickets/001-parse%2C dates.md,line=2,col=8,title=E007 unknown agent%2C or none named::no agent `codexx` in the roster%0Ahelp: did you mean `codex`?
        ::error file=.tickets/001-parse%2C dates.md,line=3,col=17,title=E012 value out of range::100%25 is too much:%0Aat most 99%25
        ::warning file=.tickets/001-parse%2C dates.md,line=4,col=1,title=W101 unknown key in a ticket::unknown key `agnet`%0Ahelp: did you mean `agent`?
        ::error file=.tickets/b\x1big.md,line=1,col=1,title=E014 larger than 1 MiB::larger than 1 MiB
        "#);
    }

    #[test]
    fn no_text_starts_a_command_of_its_own() {
        let forged = Diagnostic::of_file(Code::Syntax, "a\n::set-env::b", "x\r\n::stop-commands::y");
        assert_eq!(github(&[forged]).lines().count(), 1);
    }
}

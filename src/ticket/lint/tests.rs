//! Runs `testdata/lint.md`, which is the manual of the codes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::diagnostic::Code;
use crate::text::Source;
use crate::ticket::{Ids, Read, TicketId, Unreadable, read_ticket};

const CASES: &str = include_str!("../testdata/lint.md");

struct Case {
    title: String,
    tickets: Vec<(String, String)>,
    faults: String,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut block: Option<(String, String)> = None;
    for line in CASES.lines() {
        match &mut block {
            None => {
                if let Some(title) = line.strip_prefix("## ") {
                    cases.push(Case { title: title.to_owned(), tickets: Vec::new(), faults: String::new() });
                } else if let Some(info) = line.strip_prefix("```") {
                    block = Some((info.to_owned(), String::new()));
                }
            }
            Some((info, text)) if line == "```" => {
                let case = cases.last_mut().expect("a heading stands before every block");
                match info.strip_prefix("ticket ") {
                    Some(id) => case.tickets.push((id.to_owned(), std::mem::take(text))),
                    None => case.faults = std::mem::take(text),
                }
                block = None;
            }
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    cases
}

fn roster() -> Vec<String> {
    ["codex", "user", "shell"].map(str::to_owned).to_vec()
}

fn linted(case: &Case) -> (Vec<Source>, Vec<Read>) {
    let sources: Vec<Source> =
        case.tickets.iter().map(|(id, text)| Source::new(TicketId::new(id.as_str()).path(), text.as_str())).collect();
    let mut reads: Vec<Read> = sources.iter().map(read_ticket).collect();
    let (roster, silent) = (roster(), ["codex".to_owned()]);
    let context = LintContext { roster: &roster, default_agent: None, needs_check: false, silent: &silent };
    let faults = lint(&reads, &Ids::of(&reads), &context);
    attach(&mut reads, faults);
    (sources, reads)
}

/// Shows what was found; the help and the fix only where the case shows them.
fn shown(case: &Case) -> String {
    let (sources, reads) = linted(case);
    let mut out = String::new();
    for (source, read) in sources.iter().zip(&reads) {
        for fault in &read.diagnostics {
            let place = fault.place;
            writeln!(out, "{} {}:{} {} {}", read.id, place.line, place.column, fault.code, fault.message).unwrap();
            let help = format!("= help {}\n", fault.help.clone().unwrap_or_default());
            if case.faults.contains(&help) {
                out.push_str(&help);
            }
        }
        if case.faults.contains("= fixed\n")
            && let Some(text) = fixed(source, &read.diagnostics)
        {
            write!(out, "= fixed\n{text}").unwrap();
        }
    }
    out
}

#[test]
fn lint_says_what_the_manual_says() {
    let mut wrong = String::new();
    for case in cases() {
        let said = shown(&case);
        // A ticket without agent is at fault in most cases only because the case is short.
        let without_agent = |text: &str| -> Vec<String> {
            let noise = "E007 no agent is named";
            let keep = case.title.starts_with("E007") || case.faults.contains(noise);
            text.lines().filter(|line| keep || !line.contains(noise)).map(str::to_owned).collect()
        };
        if without_agent(&said) != without_agent(&case.faults) {
            write!(wrong, "## {}\nexpected:\n{}said:\n{said}\n", case.title, case.faults).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_code_has_a_case() {
    let elsewhere = [
        // Of the store: `an_unreadable_file_is_a_fault_of_the_whole_file`.
        Code::TooLarge,
        Code::NotUtf8,
        Code::NotRegular,
        // Its characters are not seen: `hidden_characters_are_named`.
        Code::HiddenCharacter,
        // Of the config.
        Code::UnknownConfigKey,
        Code::NoRequiredCheck,
    ];
    let shown: BTreeSet<Code> = cases()
        .iter()
        .flat_map(|case| linted(case).1)
        .flat_map(|read| read.diagnostics)
        .map(|fault| fault.code)
        .chain(elsewhere)
        .collect();
    assert_eq!(shown, Code::ALL.iter().copied().collect());
}

#[test]
fn an_unreadable_file_is_a_fault_of_the_whole_file() {
    for (why, code, message) in [
        (Unreadable::TooLarge { bytes: 1_048_577 }, Code::TooLarge, "1048577 bytes, more than 1 MiB"),
        (Unreadable::NotUtf8 { at: 7 }, Code::NotUtf8, "not UTF-8: byte 7 begins no character"),
        (Unreadable::Symlink, Code::NotRegular, "a symbolic link, which is never followed"),
        (Unreadable::NotRegular, Code::NotRegular, "not a regular file"),
        (Unreadable::Io("permission denied".to_owned()), Code::NotRegular, "cannot be read: permission denied"),
    ] {
        let read = Read::unreadable(TicketId::new("1"), &why);
        let fault = &read.diagnostics[0];
        assert_eq!((fault.code, fault.message.as_str(), fault.span), (code, message, None));
    }
}

#[test]
fn hidden_characters_are_named() {
    let text = "---\nagent: codex\ntitle: a\u{202e}b\n---\n✂\u{fe0f} é\u{1b}[2J\n";
    let said: Vec<String> = read_ticket(&Source::new(".tickets/1.md", text))
        .diagnostics
        .iter()
        .map(|fault| format!("{} {}:{} {}", fault.code, fault.place.line, fault.place.column, fault.message))
        .collect();
    assert_eq!(
        said,
        [
            "W103 3:9 the character U+202E is not seen and changes what is",
            "W103 5:5 the character U+001B is not seen and changes what is",
        ]
    );
}

#[test]
fn a_fix_that_makes_nothing_better_is_refused() {
    let source = Source::new(".tickets/1.md", "---\ndone: yes\n---\n");
    let mut faults = read_ticket(&source).diagnostics;
    assert!(fixed(&source, &faults).is_some());
    for edit in faults.iter_mut().filter_map(|fault| fault.fix.as_mut()).flatten() {
        edit.text = "on".to_owned();
    }
    assert_eq!(fixed(&source, &faults), None);
    assert_eq!(fixed(&source, &[]), None);
}

#[test]
fn a_long_chain_and_a_knot_are_judged_in_linear_time() {
    let many = 10_000;
    let chain = |last: &str| -> Vec<Read> {
        (0..many)
            .map(|at| {
                let next = if at + 1 < many { format!("t{}", at + 1) } else { last.to_owned() };
                let text = format!("---\nagent: user\ntitle: x\ndepends_on: [{next}]\n---\n");
                read_ticket(&Source::new(format!(".tickets/t{at}.md"), text))
            })
            .collect()
    };
    let context = LintContext { roster: &roster(), default_agent: None, needs_check: false, silent: &[] };
    let judge = |last: &str| {
        let chain = chain(last);
        lint(&chain, &Ids::of(&chain), &context)
    };
    assert_eq!(judge("nobody").len(), 1);
    let ring = judge("t0");
    assert_eq!((ring.len(), ring[0].code, &*ring[0].path), (1, Code::DependencyCycle, ".tickets/t0.md"));
}

//! Pages that are printed from the code are what the code says; `UPDATE_DOCS=1` writes them. What is written by hand
//! about lint codes has the faults that it shows.

use std::fmt::Write as _;
use std::path::PathBuf;

use turnstile::diagnostic::{Code, Severity};
use turnstile::flow::{AFTER, BEFORE, ReasonCode, Standing};

use crate::support::TestEnv;

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// The page must be this text; with `UPDATE_DOCS=1` it becomes it.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests, which no command knows")]
fn printed(name: &str, text: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(page(name), text).unwrap();
    }
    let found = std::fs::read_to_string(page(name)).unwrap_or_default();
    assert!(
        found == text,
        "docs/{name} is not what the code says; `UPDATE_DOCS=1 cargo test --test it docs` writes it"
    );
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn cli_md_is_the_command_line() {
    let mut root = turnstile::cli::command();
    root.build();
    let mut text = String::from(
        "# Commands\n\nPrinted from the command line itself: `turnstile --help` and `turnstile COMMAND --help` say the same. \
         Exit statuses are in [exit-codes.md](exit-codes.md).\n\n",
    );
    let about = root.get_long_about().or(root.get_about()).unwrap().to_string();
    writeln!(text, "{about}\n\n## Everywhere\n").unwrap();
    text.push_str(&arguments(&root, true));
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        text.push_str(&section(command, ""));
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            text.push_str(&section(below, &format!("{} ", command.get_name())));
        }
    }
    printed("cli.md", &(text.trim_end().to_owned() + "\n"));
}

/// A command; `above` is the one that it belongs to.
fn section(command: &clap::Command, above: &str) -> String {
    let about = command.get_long_about().or(command.get_about()).expect("every command says what it does").to_string();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim().to_owned();
    let mut text = format!("## {above}{}\n\n{about}\n\n```\n{usage}\n```\n\n", command.get_name());
    text.push_str(&arguments(command, false));
    if let Some(examples) = command.get_after_help() {
        let examples = examples.to_string();
        let lines = examples.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line));
        writeln!(text, "```sh\n{}\n```\n", lines.collect::<Vec<_>>().join("\n")).unwrap();
    }
    text
}

/// The arguments of a command as a table; those that every command has are told once.
fn arguments(command: &clap::Command, everywhere: bool) -> String {
    let mut rows = String::new();
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        if !everywhere && (argument.is_global_set() || argument.get_id() == "help") {
            continue;
        }
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let words = argument.get_possible_values();
        let words: Vec<&str> = words.iter().map(clap::builder::PossibleValue::get_name).collect();
        let words = if argument.get_action().takes_values() && !words.is_empty() {
            format!(": {}", words.join(", "))
        } else {
            String::new()
        };
        writeln!(rows, "| `{}` | {} |", cell(&name(argument)), cell(&format!("{help}{words}"))).unwrap();
    }
    if rows.is_empty() { rows } else { format!("| argument | |\n|---|---|\n{rows}\n") }
}

fn name(argument: &clap::Arg) -> String {
    let value = argument.get_value_names().unwrap_or_default().first().map(ToString::to_string).unwrap_or_default();
    if argument.is_positional() {
        let many = if argument.get_num_args().is_some_and(|range| range.max_values() > 1) { "…" } else { "" };
        return if argument.is_required_set() { format!("{value}{many}") } else { format!("[{value}{many}]") };
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    if argument.get_action().takes_values() { format!("{names} {value}") } else { names }
}

#[test]
fn exit_codes_md_is_the_table_of_reasons() {
    let mut text = String::from(
        "# Exit statuses\n\nPrinted from the table in `src/flow/reason.rs`.\n\n\
         0 is progress, completion, or nothing to do; 2 is a command line that cannot be understood. `step` and `run` otherwise end with the status of \
         the reason why they do not go on. Other commands use 0, 2, 3 (invalid, unknown id, faults found), 7 (git, files, journal) and 75 (another step is \
         under way). `next`, `status`, `list` and `show` look, and end with 0 whatever the reason is that they show.\n\n\
         | status | what it asks for |\n|---|---|\n\
         | 3 | something to mend |\n| 4 | a person |\n| 5 | more of a limit |\n| 6 | a look at what is stuck |\n\
         | 7 | a look at the agent, git or the journal |\n| 75 | another try later |\n| 130 | nothing: it was interrupted |\n\n\
         ## Reasons\n\nA reason that stands is given again by every step until it is answered; every other one is looked at afresh.\n\n\
         | reason | exit | stands | what makes it move |\n|---|---|---|---|\n",
    );
    for code in ReasonCode::ALL {
        let stands = match code.standing() {
            Standing::Stands => "yes",
            Standing::StandsForHooks => "for hooks",
            Standing::Afresh => "",
        };
        writeln!(text, "| `{}` | {} | {stands} | {} |", code.name(), code.exit(), cell(code.moves())).unwrap();
    }
    printed("exit-codes.md", &text);
}

#[test]
fn decisions_md_is_the_two_tables() {
    let mut text = String::from(
        "# How a step is decided\n\nPrinted from the two lists that the program itself walks, `src/flow/before.rs` and `src/flow/after.rs`.\n\n\
         ## Before a turn\n\nThe first that answers decides.\n\n| | rung | |\n|---|---|---|\n",
    );
    for rung in &BEFORE {
        writeln!(text, "| {} | {} | {} |", rung.number, rung.name, cell(rung.doc)).unwrap();
    }
    text.push_str(
        "\n## After a turn\n\nRow 0 always, then the first that answers. Where a row pauses the run, judging goes on behind it once the pause is answered.\n\n\
         | | row | |\n|---|---|---|\n",
    );
    for row in &AFTER {
        writeln!(text, "| {} | {} | {} |", row.number, row.name, cell(row.doc)).unwrap();
    }
    text.push_str("\nThe reasons that they give, with their exit statuses, are in [exit-codes.md](exit-codes.md).\n");
    printed("decisions.md", &text);
}

/// A section of lints.md: its code, and the files of its example.
struct Example {
    code: String,
    files: Vec<(String, String)>,
}

fn examples() -> Vec<Example> {
    let text = std::fs::read_to_string(page("lints.md")).unwrap();
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let code = section.split(':').next().unwrap().to_owned();
            let mut blocks = section.split("\n```");
            blocks.next();
            let files = blocks
                .filter_map(|block| block.split_once('\n'))
                .filter_map(|(info, text)| Some((info.split_once(' ')?.1.to_owned(), format!("{text}\n"))))
                .collect();
            Example { code, files }
        })
        .collect()
}

#[test]
fn every_lint_code_is_explained_in_order_under_its_title() {
    let text = std::fs::read_to_string(page("lints.md")).unwrap();
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected: Vec<String> = Code::ALL.iter().map(|code| format!("{}: {}", code.id(), code.title())).collect();
    assert_eq!(headings, expected);
    for code in Code::ALL {
        let letter = if code.severity() == Severity::Error { "E" } else { "W" };
        assert!(code.id().starts_with(letter));
    }
}

#[test]
fn examples_of_lint_codes_have_the_fault_that_they_show() {
    let mut shown = 0;
    for example in examples().iter().filter(|example| !example.files.is_empty()) {
        let env = TestEnv::new();
        for (path, text) in &example.files {
            env.write(format!(".tickets/{path}"), text);
        }
        let document = env.json(&["lint"]);
        let found: Vec<&str> =
            document["diagnostics"].as_array().unwrap().iter().map(|fault| fault["code"].as_str().unwrap()).collect();
        assert!(found.contains(&example.code.as_str()), "{}: {found:?}", example.code);
        shown += 1;
    }
    assert!(shown >= 20, "only {shown} examples were read");
}

//! Checks that a repository seems to have already: from its own files, as lines for the config. Only facts are
//! proposed, each with the place that it comes from. Must not know where the files lie, nor write any of it down.

mod ci;
mod line;
mod makefile;
mod manifest;

use std::fmt::Write as _;

use crate::text::{Source, Span, shown_line};
use crate::ticket::{is_hidden, yaml};

/// What of a repository is looked at.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// The files that could be read, named by their paths below the top.
    pub texts: Vec<Source>,
    /// Which of the paths in [`PROGRAMS`] can be run.
    pub programs: Vec<String>,
    /// Which of the paths in [`MARKS`] are there.
    pub marks: Vec<String>,
    /// The checks that the config has already: names and commands.
    pub known: Vec<(String, String)>,
}

/// Files of fixed names whose texts are looked at.
pub const TEXTS: [&str; 6] = ["Cargo.toml", "package.json", "GNUmakefile", "makefile", "Makefile", ".gitlab-ci.yml"];

/// The folder of workflows, whose files end in `.yml` or `.yaml`.
pub const WORKFLOWS: &str = ".github/workflows";

/// Programs of a repository that are, by name, all of its checks.
pub const PROGRAMS: [&str; 6] = [".ci/run", "ci/run", "script/test", "scripts/test", "scripts/test.sh", "test.sh"];

/// Files whose presence says something.
pub const MARKS: [&str; 8] = [
    "rustfmt.toml",
    ".rustfmt.toml",
    "clippy.toml",
    ".clippy.toml",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
];

/// The most that is proposed: more than that nobody reads.
const MOST: usize = 40;

/// A check that is proposed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Suggestion {
    /// Its name, unique among those proposed and those of the config.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// Where it was found, as `path:line`.
    pub from: Vec<String>,
}

/// A file that was of no use.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PassedOver {
    /// Which.
    pub path: String,
    /// Why.
    pub why: String,
}

/// What is proposed, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// The checks, in the order in which they were found.
    pub checks: Vec<Suggestion>,
    /// The files that were of no use.
    pub passed_over: Vec<PassedOver>,
}

/// A command that was found.
struct Candidate {
    /// What it is called where it stands.
    name: String,
    /// What is put in front of its name where that is taken.
    family: &'static str,
    command: String,
    from: String,
}

/// Proposes checks.
pub fn suggest(repository: &Repository) -> Suggestions {
    let mut passed_over = Vec::new();
    let mut found = Vec::new();
    for program in &repository.programs {
        found.push(Candidate {
            name: "ci".to_owned(),
            family: "script",
            command: format!("./{program}"),
            from: format!("{program}:1"),
        });
    }
    let mut make_is_read = false;
    for source in &repository.texts {
        let read = match &*source.path {
            "Cargo.toml" => Ok(manifest::cargo(source, &repository.marks)),
            "package.json" => manifest::npm(source, &repository.marks),
            "GNUmakefile" | "makefile" | "Makefile" if make_is_read => continue,
            "GNUmakefile" | "makefile" | "Makefile" => {
                // The first of the three is the one that make reads.
                make_is_read = true;
                Ok(makefile::targets(source))
            }
            ".gitlab-ci.yml" => ci::gitlab(source),
            _ => ci::workflow(source),
        };
        match read {
            Ok(candidates) => found.extend(candidates),
            Err(why) => passed_over.push(PassedOver { path: source.path.to_string(), why }),
        }
    }
    Suggestions { checks: named(found, &repository.known), passed_over }
}

/// The checks of a config: names and commands.
pub fn known_checks(config: &Source) -> Vec<(String, String)> {
    let start = if config.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (root, _) = yaml::parse(config, Span::new(start, config.text.len()));
    let checks = root.as_ref().and_then(|root| root.get("checks")).map(yaml::Node::entries).unwrap_or_default();
    let known = |(key, node): &(yaml::Key, yaml::Node)| {
        let node = node.get("run").unwrap_or(node);
        let command = if let yaml::Value::Scalar { text, .. } = &node.value { text.clone() } else { String::new() };
        (key.name.clone(), command)
    };
    checks.iter().map(known).collect()
}

/// Gives each command once, under a name that is free.
fn named(found: Vec<Candidate>, known: &[(String, String)]) -> Vec<Suggestion> {
    let mut checks: Vec<Suggestion> = Vec::new();
    for candidate in found {
        let command = candidate.command.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_told = |text: &str| !text.is_empty() && !text.contains(is_hidden) && !text.contains(char::is_control);
        if !is_told(&command) || !line::can_fail(&command) || known.iter().any(|(_, other)| *other == command) {
            continue;
        }
        if let Some(same) = checks.iter_mut().find(|check| check.command == command) {
            if !same.from.contains(&candidate.from) {
                same.from.push(candidate.from);
            }
            continue;
        }
        if checks.len() == MOST {
            break;
        }
        let is_free = |name: &str| {
            !checks.iter().any(|check| check.name == name) && !known.iter().any(|(other, _)| other == name)
        };
        let bare = word(&candidate.name);
        let long = word(&format!("{}-{bare}", candidate.family));
        let mut tries = [bare, long.clone()].into_iter().chain((2_u32..).map(|number| format!("{long}-{number}")));
        let name = tries.find(|name| is_free(name)).expect("there are more numbers than names");
        checks.push(Suggestion { name, command, from: vec![candidate.from] });
    }
    checks
}

/// A text as a name: lower-case letters, digits and dashes, at most 40 of them, beginning with a letter.
fn word(text: &str) -> String {
    let mut word = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            word.push(character.to_ascii_lowercase());
        } else if !word.is_empty() && !word.ends_with('-') {
            word.push('-');
        }
    }
    word.truncate(40);
    let word = word.trim_end_matches('-');
    if word.starts_with(|first: char| first.is_ascii_alphabetic()) { word.to_owned() } else { format!("check-{word}") }
}

/// The entries of `checks:`, each with where it comes from, and with the key above them unless it is there already.
pub fn suggested_yaml(checks: &[Suggestion], with_key: bool) -> String {
    let mut out = String::new();
    if with_key && !checks.is_empty() {
        out.push_str("checks:\n");
    }
    for check in checks {
        let from = check.from.iter().take(3).map(|from| shown_line(from)).collect::<Vec<_>>().join(", ");
        let more = check.from.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let command = scalar(&check.command);
        writeln!(out, "  {}: {command}  # {from}{more}", check.name).expect("a string takes every write");
    }
    out
}

/// A text as a value that every YAML reader takes for this text.
fn scalar(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || " ./_-+=@".contains(character);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '.');
    // One word may be a number or a flag to some reader.
    if begins && text.contains(' ') && text.chars().all(plain) && !text.contains(" -- ") {
        return text.to_owned();
    }
    serde_json::to_string(text).expect("a text is JSON")
}

#[cfg(test)]
mod tests;

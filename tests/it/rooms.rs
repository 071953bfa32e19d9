//! The rooms of `src/` and the doors between them. One crate cannot forbid an import, so this reads the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may look into.
const DOORS: [(&str, &[&str]); 17] = [
    ("crash", &[]),
    ("watch", &[]),
    ("text", &[]),
    ("diagnostic", &["text"]),
    ("secret", &["text"]),
    ("ticket", &["text", "diagnostic", "config"]),
    ("config", &["text", "diagnostic", "ticket"]),
    ("prompt", &["text", "diagnostic", "ticket"]),
    ("flow", &["text", "ticket", "config"]),
    ("agent", &["text", "ticket", "config", "secret"]),
    ("store", &["text", "diagnostic", "ticket", "crash", "secret"]),
    ("git", &["text", "crash", "secret"]),
    ("effect", &["store", "crash", "secret"]),
    ("trigger", &["text", "store", "crash"]),
    ("hooks", &["text", "store", "git", "trigger"]),
    (
        "run",
        &[
            "text",
            "diagnostic",
            "ticket",
            "config",
            "prompt",
            "flow",
            "agent",
            "store",
            "git",
            "effect",
            "trigger",
            "crash",
            "secret",
            "watch",
        ],
    ),
    (
        "cli",
        &[
            "text",
            "diagnostic",
            "ticket",
            "config",
            "prompt",
            "flow",
            "agent",
            "store",
            "git",
            "effect",
            "trigger",
            "crash",
            "run",
            "secret",
            "watch",
            "hooks",
        ],
    ),
];

/// Rooms that do no I/O, and so cannot fail because of the world.
const PURE: [&str; 7] = ["text", "diagnostic", "secret", "ticket", "prompt", "config", "flow"];

/// What a pure room never names.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "fs::",
    "env::",
    "process::",
    "SystemTime",
    "Instant",
    "tokio",
    "git2",
    "notify::",
];

/// Where a word may stand: the word, and the files or folders below `src/` in which it is at home.
const HOMES: [(&str, &[&str]); 11] = [
    ("git2::", &["git/"]),
    ("tokio::", &["run/", "effect/", "watch/"]),
    ("RecommendedWatcher", &["watch/"]),
    ("println!", &["cli/printer.rs"]),
    ("eprintln!", &["cli/printer.rs"]),
    ("print!", &["cli/printer.rs"]),
    ("eprint!", &["cli/printer.rs"]),
    ("env::var", &["cli/env.rs"]),
    ("env::vars", &["cli/env.rs"]),
    ("process::exit", &[]),
    ("todo!", &[]),
];

/// Files that are longer than 450 lines, and why they are still one story.
const LONG: [(&str, &str); 4] = [
    ("flow/event.rs", "one enum: every kind of line that a journal may hold"),
    ("flow/fold.rs", "one match over every kind of event: what each does to the state"),
    ("flow/state.rs", "one struct and what it is made of: all that is known of a run"),
    ("run/real.rs", "one implementation of one trait"),
];

struct Source {
    /// Its path below `src/`.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = walkdir::WalkDir::new(&top).sort_by_file_name().into_iter().map(Result::unwrap);
    let rust =
        files.map(walkdir::DirEntry::into_path).filter(|path: &PathBuf| path.extension().is_some_and(|it| it == "rs"));
    rust.map(|path| Source {
        path: path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned(),
        text: std::fs::read_to_string(&path).unwrap(),
    })
    .collect()
}

fn room(path: &str) -> Option<&str> {
    path.split_once('/').map(|(room, _)| room)
}

/// Whether a file holds nothing but tests.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.ends_with("/testing.rs")
}

/// The lines of code, with their numbers: no comments, and nothing behind `#[cfg(test)]` of a module.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "));
    let code = lines[..end.unwrap_or(lines.len())].iter().enumerate();
    code.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(index, line)| (index + 1, *line)).collect()
}

/// Whether a word stands in a line, and not as the end of a longer one.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let joined = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
        let ends_open = word.ends_with([':', '!']);
        !joined(before) && (ends_open || !joined(after) || word == "env::var")
    })
}

/// Every line that names something that its room may not.
fn trespasses(path: &str, text: &str) -> Vec<String> {
    let Some(room) = room(path) else { return Vec::new() };
    let Some((_, doors)) = DOORS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("src/{path}: the room `{room}` is not in the list of doors")];
    };
    let mut found = Vec::new();
    for (number, line) in code(text) {
        let mut told = |what: String| found.push(format!("src/{path}:{number}: {what}: {}", line.trim()));
        for (other, _) in DOORS.iter().filter(|(other, _)| *other != room && !doors.contains(other)) {
            if names(line, &format!("crate::{other}")) {
                told(format!("`{room}` may not look into `{other}`"));
            }
        }
        if PURE.contains(&room) {
            for word in IMPURE.iter().filter(|word| names(line, word)) {
                told(format!("the pure room `{room}` names `{word}`"));
            }
        }
        for (word, homes) in HOMES {
            if names(line, word) && !homes.iter().any(|home| path.starts_with(home)) {
                told(format!("`{word}` is at home in {homes:?}"));
            }
        }
    }
    found
}

#[test]
fn rooms_look_only_into_rooms_that_they_may_look_into() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| !is_test(&source.path))
        .flat_map(|source| trespasses(&source.path, &source.text))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_room_is_in_the_list_and_in_the_map() {
    let map = sources().into_iter().find(|source| source.path == "lib.rs").unwrap().text;
    let mut rooms: Vec<String> = sources().iter().filter_map(|source| room(&source.path).map(str::to_owned)).collect();
    rooms.dedup();
    let mut listed: Vec<&str> = DOORS.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(rooms, listed);
    for room in rooms {
        assert!(map.contains(&format!("pub mod {room};")), "{room} is not in lib.rs");
    }
}

#[test]
fn a_trespass_is_found() {
    for (path, line) in [
        ("flow/a.rs", "use std::fs;"),
        ("flow/a.rs", "    let now = Instant::now();"),
        ("flow/a.rs", "use crate::store::Layout;"),
        ("ticket/a.rs", "    std::env::var(\"HOME\")"),
        ("store/a.rs", "use crate::git::Place;"),
        ("run/a.rs", "use crate::cli::Context;"),
        ("run/a.rs", "    let repository: git2::Repository = open();"),
        ("run/a.rs", "    println!(\"done\");"),
        ("cli/a.rs", "    let home = std::env::var_os(\"HOME\");"),
        ("cli/a.rs", "    std::process::exit(1);"),
        ("store/a.rs", "use tokio::runtime::Runtime;"),
        ("attic/a.rs", "fn main() {}"),
    ] {
        assert_eq!(trespasses(path, line).len().min(1), 1, "{path}: {line}");
    }
    for (path, line) in [
        ("flow/a.rs", "// std::fs is not named here."),
        ("flow/a.rs", "use std::path::Path;"),
        ("flow/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;"),
        ("git/a.rs", "use git2::Repository;"),
        ("cli/printer.rs", "    println!();"),
        ("run/a.rs", "use crate::git::Place;"),
    ] {
        assert_eq!(trespasses(path, line), [""; 0], "{path}: {line}");
    }
}

#[test]
fn folders_files_say_what_there_is_and_do_nothing() {
    // The command line is one enum and one match; a diagnostic is what its room is about.
    let exempt = ["cli/mod.rs", "diagnostic/mod.rs"];
    let is_door = |source: &&Source| source.path.ends_with("/mod.rs") && !exempt.contains(&source.path.as_str());
    for source in sources().iter().filter(is_door) {
        for (number, line) in code(&source.text) {
            assert!(!line.contains("fn "), "src/{}:{number}: logic in a mod.rs: {line}", source.path);
        }
        assert!(source.text.starts_with("//!"), "src/{} begins with what the room is for", source.path);
    }
}

#[test]
fn files_stay_short_enough_to_be_one_story() {
    let known: BTreeMap<&str, &str> = LONG.into_iter().collect();
    for source in sources().iter().filter(|source| !is_test(&source.path)) {
        let lines = source.text.lines().count();
        match known.get(source.path.as_str()) {
            Some(why) => assert!(lines > 450, "src/{} is short again; it is listed as long: {why}", source.path),
            None => assert!(lines <= 450, "src/{} has {lines} lines: split it, or list it with a reason", source.path),
        }
    }
}

//! Checks of a package: Cargo's own, and the scripts of `package.json`.

use serde_json::Value;

use super::{Candidate, line};
use crate::text::{LineIndex, Source, shell_word};

/// What cargo checks by itself, and what the repository has settings for.
pub(super) fn cargo(source: &Source, marks: &[String]) -> Vec<Candidate> {
    let headed = |head: &str| source.text.lines().position(|line| line.trim() == head).map(|at| at + 1);
    let workspace = headed("[workspace]").or_else(|| headed("[workspace.package]"));
    let Some(line) = headed("[package]").or(workspace) else { return Vec::new() };
    let of_cargo = |name: &str, command: &str, from: String| Candidate {
        name: name.to_owned(),
        family: "cargo",
        command: command.to_owned(),
        from,
    };
    let whole = if workspace.is_some() { " --workspace" } else { "" };
    let mut found = vec![of_cargo("test", &format!("cargo test{whole}"), format!("{}:{line}", source.path))];
    let mark = |names: [&str; 2]| marks.iter().find(|mark| names.contains(&mark.as_str()));
    if let Some(mark) = mark(["clippy.toml", ".clippy.toml"]) {
        let command = format!("cargo clippy{whole} --all-targets -- -D warnings");
        found.push(of_cargo("clippy", &command, format!("{mark}:1")));
    }
    if let Some(mark) = mark(["rustfmt.toml", ".rustfmt.toml"]) {
        found.push(of_cargo("fmt", "cargo fmt --all --check", format!("{mark}:1")));
    }
    found
}

/// The scripts that are checks by their names and do something that can fail.
pub(super) fn npm(source: &Source, marks: &[String]) -> Result<Vec<Candidate>, String> {
    let root: Value = serde_json::from_str(source.text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("it is not JSON: {error}"))?;
    let Some(scripts) = root.get("scripts").and_then(Value::as_object) else { return Ok(Vec::new()) };
    let manager = manager(&root, marks);
    let mut found = Vec::new();
    for (name, script) in scripts {
        let Some(script) = script.as_str() else { continue };
        // What `npm init` leaves says that there is none.
        let is_placeholder = script.contains("no test specified");
        let rewrites =
            script.split_whitespace().any(|word| matches!(word, "--watch" | "--fix" | "--write" | "--watchAll"));
        if !line::is_check_name(name) || is_placeholder || rewrites || !line::can_fail(script) {
            continue;
        }
        let command = match (manager, name.as_str()) {
            ("npm", "test") => "npm test".to_owned(),
            (manager, name) => format!("{manager} run {}", shell_word(name)),
        };
        let at = format!("{}:{}", source.path, line_of(source, name));
        found.push(Candidate { name: name.clone(), family: "npm", command, from: at });
    }
    // The parser sorts them; a reader looks for them in the order of the file.
    let number = |candidate: &Candidate| candidate.from.rsplit(':').next().and_then(|line| line.parse::<usize>().ok());
    found.sort_by_key(number);
    Ok(found)
}

/// The program that runs scripts here: what the package says of itself, else whose lock file is there.
fn manager(root: &Value, marks: &[String]) -> &'static str {
    let said = root.get("packageManager").and_then(Value::as_str).and_then(|said| said.split('@').next());
    let has = |mark: &str| marks.iter().any(|other| other == mark);
    match said {
        Some("pnpm") => "pnpm",
        Some("yarn") => "yarn",
        Some("bun") => "bun",
        None if has("pnpm-lock.yaml") => "pnpm",
        None if has("yarn.lock") => "yarn",
        None if has("bun.lock") || has("bun.lockb") => "bun",
        Some(_) | None => "npm",
    }
}

/// The line of a script; that of `scripts` where its name is written in some other way.
fn line_of(source: &Source, name: &str) -> usize {
    let text = &*source.text;
    let scripts = text.find("\"scripts\"").unwrap_or_default();
    let quoted = serde_json::to_string(name).unwrap_or_default();
    let is_key = |at: &usize| text[at + quoted.len()..].trim_start().starts_with(':');
    let at = text[scripts..].match_indices(&quoted).map(|(at, _)| scripts + at).find(is_key).unwrap_or(scripts);
    LineIndex::new(text).place(text, at).line
}

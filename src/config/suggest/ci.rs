//! What continuous integration runs: the lines of its files that mean the same on any machine.

use super::{Candidate, line};
use crate::text::{LineIndex, Source, Span};
use crate::ticket::yaml::{self, Node, Value};

/// The shells whose lines are `sh`'s as well.
const SHELLS: [&str; 2] = ["sh", "bash"];

/// The `run:` lines of a workflow of GitHub's.
pub(super) fn workflow(source: &Source) -> Result<Vec<Candidate>, String> {
    let root = tree(source)?;
    let mut found = Vec::new();
    let elsewhere = |node: &Node| {
        let run = node.get("defaults").and_then(|defaults| defaults.get("run"));
        run.is_some_and(|run| run.get("working-directory").is_some() || has_other_shell(run))
    };
    if elsewhere(&root) {
        return Ok(found);
    }
    let jobs = root.get("jobs").map(Node::entries).unwrap_or_default();
    for (_, job) in jobs {
        if elsewhere(job) || is_true(job.get("continue-on-error")) {
            continue;
        }
        for step in items(job.get("steps")) {
            let is_ours = step.get("working-directory").is_none()
                && !has_other_shell(step)
                && !is_true(step.get("continue-on-error"));
            if let Some(run) = step.get("run").filter(|_| is_ours) {
                lines(source, run, &mut found);
            }
        }
    }
    Ok(found)
}

/// The `script:` lines of GitLab's file.
pub(super) fn gitlab(source: &Source) -> Result<Vec<Candidate>, String> {
    let root = tree(source)?;
    let mut found = Vec::new();
    for (key, job) in root.entries() {
        if key.name.starts_with('.') || is_true(job.get("allow_failure")) {
            continue;
        }
        match job.get("script") {
            Some(node @ Node { value: Value::Scalar { .. }, .. }) => lines(source, node, &mut found),
            Some(Node { value: Value::Sequence(items), .. }) => {
                // One line of them that leaves the folder leaves it for all behind it.
                for item in items.iter().take_while(|item| !text(item).trim_start().starts_with("cd ")) {
                    lines(source, item, &mut found);
                }
            }
            Some(Node { value: Value::Null | Value::Mapping(_), .. }) | None => {}
        }
    }
    Ok(found)
}

fn tree(source: &Source) -> Result<Node, String> {
    let start = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (root, faults) = yaml::parse(source, Span::new(start, source.text.len()));
    root.ok_or_else(|| faults.first().map_or_else(String::new, |fault| fault.message.clone()))
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::Sequence(items)) => items,
        Some(Value::Null | Value::Scalar { .. } | Value::Mapping(_)) | None => &[],
    }
}

fn text(node: &Node) -> &str {
    match &node.value {
        Value::Scalar { text, .. } => text,
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => "",
    }
}

fn is_true(node: Option<&Node>) -> bool {
    // An expression may be either; it is taken for what makes the line no check.
    node.is_some_and(|node| text(node) != "false")
}

fn has_other_shell(node: &Node) -> bool {
    node.get("shell").is_some_and(|shell| !SHELLS.contains(&text(shell)))
}

/// The lines of a script that are checks, as long as they run one after the other where the script begins.
fn lines(source: &Source, node: &Node, found: &mut Vec<Candidate>) {
    let text = text(node);
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let branches = |line: &str| {
        matches!(first(line).as_str(), "if" | "for" | "while" | "until" | "case" | "function" | "else" | "{")
            || line.trim().starts_with("set +")
    };
    if text.contains("\\\n") || text.contains("<<") || text.lines().any(branches) {
        return;
    }
    for line in text.lines().map(str::trim) {
        if matches!(first(line).as_str(), "cd" | "pushd" | "exit") {
            return;
        }
        let name = line::runs_named(line).map(str::to_owned).or_else(|| line::check_of(line).map(str::to_owned));
        let Some(name) = name else { continue };
        let from = format!("{}:{}", source.path, line_of(source, node, line));
        found.push(Candidate { name, family: "ci", command: line.to_owned(), from });
    }
}

/// The line of the file on which a line of the script stands.
fn line_of(source: &Source, node: &Node, line: &str) -> usize {
    let index = LineIndex::new(&source.text);
    let written = node.span.of(&source.text);
    let at = written.match_indices(line).map(|(at, _)| node.span.start + at).find(|at| {
        let end = source.text[at + line.len()..].chars().next();
        end.is_none_or(|end| matches!(end, '\n' | '\r' | '"' | '\'' | ' '))
    });
    index.place(&source.text, at.unwrap_or(node.span.start)).line
}

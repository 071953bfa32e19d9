//! The targets of a Makefile that are checks by their names.

use super::{Candidate, line};
use crate::text::Source;

/// A target as its rules add up.
struct Target<'a> {
    name: &'a str,
    line: usize,
    /// Whether it waits for others, whose failure is its own.
    has_prerequisites: bool,
    /// Its commands, without what make itself reads of them.
    recipe: Vec<&'a str>,
}

/// The targets that are checks by their names and can fail.
pub(super) fn targets(source: &Source) -> Vec<Candidate> {
    let mut targets: Vec<Target<'_>> = Vec::new();
    let mut current: Vec<usize> = Vec::new();
    let mut continued = false;
    let mut defining = false;
    for (index, text) in source.text.lines().enumerate() {
        let goes_on = text.ends_with('\\');
        if std::mem::replace(&mut continued, goes_on) {
            continue;
        }
        let first = text.split_whitespace().next().unwrap_or_default();
        if first == "define" || defining {
            defining = first != "endef";
            continue;
        }
        if let Some(recipe) = text.strip_prefix('\t') {
            for at in &current {
                targets[*at].recipe.push(recipe.trim());
            }
            continue;
        }
        let Some((names, rest)) = rule(text) else {
            if !text.trim().is_empty() && !text.starts_with([' ', '#']) {
                current.clear();
            }
            continue;
        };
        current.clear();
        let (needs, inline) = rest.split_once(';').unwrap_or((rest, ""));
        for name in names.split_whitespace().filter(|name| is_plain(name)) {
            let at = targets.iter().position(|target| target.name == name).unwrap_or_else(|| {
                targets.push(Target { name, line: index + 1, has_prerequisites: false, recipe: Vec::new() });
                targets.len() - 1
            });
            targets[at].has_prerequisites |= !needs.split('#').next().unwrap_or_default().trim().is_empty();
            if !inline.trim().is_empty() {
                targets[at].recipe.push(inline.trim());
            }
            current.push(at);
        }
    }
    let checks = targets.into_iter().filter(|target| line::is_check_name(target.name) && can_fail(target));
    checks
        .map(|target| Candidate {
            name: target.name.to_owned(),
            family: "make",
            command: format!("make {}", target.name),
            from: format!("{}:{}", source.path, target.line),
        })
        .collect()
}

/// The names and what follows the colon, if a line is a rule and no assignment.
fn rule(text: &str) -> Option<(&str, &str)> {
    let (names, rest) = text.split_once(':')?;
    let is_assignment = rest.starts_with(['=', ':']) || names.contains(['=', '#', '"', '\'']);
    // `name: VARIABLE = value` sets a variable for a target and is no rule of its own.
    let needs = rest.split([';', '#']).next().unwrap_or_default();
    (!names.starts_with(char::is_whitespace) && !is_assignment && !needs.contains('=')).then_some((names, rest))
}

fn is_plain(name: &str) -> bool {
    !name.starts_with(['.', '-']) && name.chars().all(|it| it.is_ascii_alphanumeric() || "._-/".contains(it))
}

fn can_fail(target: &Target<'_>) -> bool {
    let line_can = |text: &&str| {
        let flags: String = text.chars().take_while(|it| "@-+ ".contains(*it)).collect();
        !flags.contains('-') && line::can_fail(text.trim_start_matches(['@', '+', ' ']))
    };
    target.has_prerequisites || target.recipe.iter().any(line_can)
}

//! `triggers`: what starts a run by itself, and whose replies count there. A name that can never be met is told at once:
//! nothing would start by it, and nobody could answer, without a word.

use super::Config;
use super::read::set;
use super::values::{Faults, Read, Table};
use crate::diagnostic::Code;
use crate::text::shown_line;
use crate::ticket::yaml::{Node, Value};

/// Reads what stands below `triggers`.
pub(super) fn read_triggers(triggers: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    set(&mut config.trigger_branches, triggers, "branches", |path, node| read_branches(path, node, faults));
    set(&mut config.trigger_commands, triggers, "inline_commands", |path, node| faults.flag(path, node));
    set(&mut config.trigger_reviewers, triggers, "reviewers", |path, node| read_reviewers(path, node, faults));
}

fn read_branches(path: &str, node: &Node, faults: &mut Faults<'_>) -> Read<Vec<String>> {
    let branches = faults.texts(path, node)?;
    each(node, |node, text| {
        if !is_branch(text) {
            let message = format!("`{}` is no name of a branch", shown_line(text));
            let help = "name each branch as `main` or `refs/heads/main`; patterns are not known here";
            faults.add_with_help(Code::OutOfRange, node.span, message, help);
        }
    });
    Ok(branches)
}

fn read_reviewers(path: &str, node: &Node, faults: &mut Faults<'_>) -> Read<Vec<String>> {
    let reviewers = faults.texts(path, node)?;
    each(node, |node, text| {
        if !is_reviewer(text) {
            let message = format!("`{}` is neither an author's address nor the fingerprint of a key", shown_line(text));
            let help = "write `ada@example.org`, `SHA256:…` as `ssh-keygen -l` shows it, or all 40 or 64 digits that \
                        `gpg --fingerprint` shows";
            faults.add_with_help(Code::OutOfRange, node.span, message, help);
        }
    });
    Ok(reviewers)
}

fn each(node: &Node, mut judge: impl FnMut(&Node, &str)) {
    let Value::Sequence(items) = &node.value else { return };
    for item in items {
        if let Value::Scalar { text, .. } = &item.value {
            judge(item, text);
        }
    }
}

/// What git refuses in every name (git-check-ref-format(1)).
fn is_branch(name: &str) -> bool {
    let is_refused = |part: char| part.is_control() || " ~^:?*[\\".contains(part);
    let is_part = |part: &str| {
        let is_lock = part.strip_suffix(".lock").is_some();
        !(part.is_empty() || part.starts_with('.') || is_lock)
    };
    let is_elsewhere = name.starts_with("refs/") && !name.starts_with("refs/heads/");
    let is_odd = name.starts_with('-') || name.ends_with('.') || name.contains("..") || name.contains("@{");
    !is_elsewhere && !is_odd && !name.contains(is_refused) && name.split('/').all(is_part)
}

/// How keys are told apart: git has the whole fingerprint of one, and no shorter name.
fn is_reviewer(text: &str) -> bool {
    let plain: String = text.split_whitespace().collect();
    if let Some(digest) = plain.strip_prefix("SHA256:") {
        let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        return digest.len() == 43 && digest.bytes().all(is_digit);
    }
    let is_address = text.trim().split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    let is_fingerprint = matches!(plain.len(), 40 | 64) && plain.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_fingerprint || is_address && !text.trim().contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_as_git_takes_it_and_no_pattern_passes_for_one() {
        for name in ["main", "release/1.0", "refs/heads/main", "köln", "a@b", "{x}"] {
            assert!(is_branch(name), "{name}");
        }
        for name in ["release/*", "a?", "[ab]", "", "a b", "-f", "a..b", "a/", "/a", "a.lock", "refs/tags/v1", "a@{1}"]
        {
            assert!(!is_branch(name), "{name}");
        }
    }

    #[test]
    fn a_reviewer_is_an_address_or_a_whole_fingerprint() {
        let ssh = format!("SHA256:{}", "a+/".repeat(15).split_at(43).0);
        let spaced = "ABCD 1234 ABCD 1234 ABCD  1234 ABCD 1234 ABCD 1234";
        for text in ["ada@example.org", &ssh, &"0af9".repeat(10), &"0AF9".repeat(16), spaced] {
            assert!(is_reviewer(text), "{text}");
        }
        for text in ["ada", "@", "ada@", "Ada <ada@example.org>", "SHA256:abc", "0123456789ABCDEF", "MD5:aa:bb"] {
            assert!(!is_reviewer(text), "{text}");
        }
    }
}

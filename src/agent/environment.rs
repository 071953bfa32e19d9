//! Which variables a program gets to see.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::documented_variables;
use crate::config::{AgentKind, EnvInherit, EnvPolicy};
use crate::secret::is_secret_name;

/// The environment of a program, and what was kept from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filtered {
    /// The whole environment of the program, in the order in which it was given.
    pub passed: Vec<(OsString, OsString)>,
    /// Names that are set here and that the rule keeps back, sorted; a failed first turn tells them. git's own are
    /// not among them: no program wants those.
    pub withheld: Vec<String>,
}

/// Filters the environment `all` for an agent of `kind`. Checks and notifications are given as
/// [`AgentKind::Command`], which has no variables of its own.
pub fn environment(
    policy: &EnvPolicy,
    entry_env: &[String],
    kind: AgentKind,
    all: &[(OsString, OsString)],
) -> Filtered {
    let named: BTreeSet<&str> = policy
        .pass
        .iter()
        .chain(entry_env)
        .map(String::as_str)
        .chain(documented_variables(kind).iter().copied())
        .collect();
    let mut passed = Vec::new();
    let mut withheld = BTreeSet::new();
    for (name, value) in all {
        let text = name.to_string_lossy();
        match judge(policy.inherit, &text, named.contains(text.as_ref())) {
            Verdict::Passed => passed.push((name.clone(), value.clone())),
            Verdict::Withheld => {
                withheld.insert(text.into_owned());
            }
            Verdict::Dropped => {}
        }
    }
    Filtered { passed, withheld: withheld.into_iter().collect() }
}

enum Verdict {
    Passed,
    Withheld,
    Dropped,
}

fn judge(inherit: EnvInherit, name: &str, named: bool) -> Verdict {
    if is_local_to_a_repository(name) || is_of_an_outer_turn(name) {
        return Verdict::Dropped;
    }
    if named {
        return Verdict::Passed;
    }
    if name.starts_with("GIT_") || NESTING.contains(&name) {
        return Verdict::Dropped;
    }
    let passes = match inherit {
        EnvInherit::All => true,
        EnvInherit::Filtered => !is_secret_name(name),
        EnvInherit::Minimal => is_basic(name),
    };
    if passes { Verdict::Passed } else { Verdict::Withheld }
}

/// What git itself calls local to a repository. Nobody may ask for these: with the `GIT_DIR` of a hook in its
/// environment an agent commits into another repository than the one it looks at.
fn is_local_to_a_repository(name: &str) -> bool {
    LOCAL.contains(&name) || name.starts_with("GIT_CONFIG_KEY_") || name.starts_with("GIT_CONFIG_VALUE_")
}

const LOCAL: [&str; 17] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_SUPER_PREFIX",
    "GIT_WORK_TREE",
];

/// A turn's own variables are set afresh for each turn; those of a turn around this one would lie.
fn is_of_an_outer_turn(name: &str) -> bool {
    name.starts_with("TURNSTILE_")
}

/// By these claude knows that it runs inside itself, and refuses.
const NESTING: [&str; 2] = ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"];

fn is_basic(name: &str) -> bool {
    name.starts_with("LC_") || BASIC.contains(&name) || PROXIES.contains(&name.to_uppercase().as_str())
}

const BASIC: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "LANG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// Both cases are in use.
const PROXIES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 20] = [
        "PATH",
        "HOME",
        "LC_ALL",
        "https_proxy",
        "EDITOR",
        "XDG_CONFIG_HOME",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "Db_Password",
        "GITHUB_TOKEN",
        "AWS_CREDENTIAL_FILE",
        "MONKEY_BARS",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_CONFIG_KEY_0",
        "GIT_AUTHOR_NAME",
        "CLAUDECODE",
        "CODEX_HOME",
        "TURNSTILE_IN_TURN",
        "TURNSTILE_EFFECT",
    ];

    fn check(inherit: EnvInherit, pass: &[&str], kind: AgentKind, expected_passed: &str, expected_withheld: &str) {
        let policy = EnvPolicy { inherit, pass: vec![] };
        let named: Vec<String> = pass.iter().map(|name| (*name).to_string()).collect();
        let all: Vec<(OsString, OsString)> = ALL.iter().map(|name| ((*name).into(), "value".into())).collect();
        let filtered = environment(&policy, &named, kind, &all);
        let passed: Vec<_> = filtered.passed.iter().map(|(name, _)| name.to_string_lossy()).collect();
        assert_eq!(passed.join(" "), expected_passed);
        assert_eq!(filtered.withheld.join(" "), expected_withheld);
        // It makes no difference where a name is listed.
        assert_eq!(environment(&EnvPolicy { inherit, pass: named }, &[], kind, &all), filtered);
    }

    #[test]
    fn filtered_drops_gits_own_and_withholds_secrets() {
        check(
            EnvInherit::Filtered,
            &[],
            AgentKind::Command,
            "PATH HOME LC_ALL https_proxy EDITOR XDG_CONFIG_HOME CODEX_HOME",
            "ANTHROPIC_API_KEY AWS_CREDENTIAL_FILE Db_Password GITHUB_TOKEN MONKEY_BARS OPENAI_API_KEY",
        );
    }

    #[test]
    fn a_kind_gets_the_keys_that_it_documents_and_no_others() {
        check(
            EnvInherit::Filtered,
            &["GITHUB_TOKEN"],
            AgentKind::Codex,
            "PATH HOME LC_ALL https_proxy EDITOR XDG_CONFIG_HOME OPENAI_API_KEY GITHUB_TOKEN CODEX_HOME",
            "ANTHROPIC_API_KEY AWS_CREDENTIAL_FILE Db_Password MONKEY_BARS",
        );
    }

    #[test]
    fn minimal_passes_a_short_list() {
        check(
            EnvInherit::Minimal,
            &["EDITOR"],
            AgentKind::Claude,
            "PATH HOME LC_ALL https_proxy EDITOR ANTHROPIC_API_KEY",
            "AWS_CREDENTIAL_FILE CODEX_HOME Db_Password GITHUB_TOKEN MONKEY_BARS OPENAI_API_KEY XDG_CONFIG_HOME",
        );
    }

    #[test]
    fn all_is_everything_but_gits() {
        check(
            EnvInherit::All,
            &[],
            AgentKind::Shell,
            "PATH HOME LC_ALL https_proxy EDITOR XDG_CONFIG_HOME OPENAI_API_KEY ANTHROPIC_API_KEY Db_Password \
             GITHUB_TOKEN AWS_CREDENTIAL_FILE MONKEY_BARS CODEX_HOME",
            "",
        );
    }

    #[test]
    fn what_is_local_to_a_repository_passes_for_nobody() {
        check(
            EnvInherit::Minimal,
            &["GIT_DIR", "GIT_INDEX_FILE", "GIT_CONFIG_KEY_0", "GIT_AUTHOR_NAME", "TURNSTILE_IN_TURN", "CLAUDECODE"],
            AgentKind::Command,
            "PATH HOME LC_ALL https_proxy GIT_AUTHOR_NAME CLAUDECODE",
            "ANTHROPIC_API_KEY AWS_CREDENTIAL_FILE CODEX_HOME Db_Password EDITOR GITHUB_TOKEN MONKEY_BARS \
             OPENAI_API_KEY XDG_CONFIG_HOME",
        );
    }
}

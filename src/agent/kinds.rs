//! What is known about each kind: its name, its program, the variables that its documentation names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config::AgentKind;

/// The kinds that `init` looks for, in the order in which they are preferred.
const LOOKED_FOR: [AgentKind; 5] =
    [AgentKind::Codex, AgentKind::Claude, AgentKind::Opencode, AgentKind::Gemini, AgentKind::Aider];

/// The name of a kind in the configuration.
pub fn kind_name(kind: AgentKind) -> &'static str {
    match kind {
        AgentKind::Command => "command",
        AgentKind::Codex => "codex",
        AgentKind::Claude => "claude",
        AgentKind::Opencode => "opencode",
        AgentKind::Gemini => "gemini",
        AgentKind::Aider => "aider",
        AgentKind::Shell => "shell",
        AgentKind::User => "user",
    }
}

/// The program of a kind; `None` where the configuration names it, or there is none.
pub fn program_name(kind: AgentKind) -> Option<&'static str> {
    match kind {
        AgentKind::Codex => Some("codex"),
        AgentKind::Claude => Some("claude"),
        AgentKind::Opencode => Some("opencode"),
        AgentKind::Gemini => Some("gemini"),
        AgentKind::Aider => Some("aider"),
        AgentKind::Shell => Some("sh"),
        AgentKind::Command | AgentKind::User => None,
    }
}

/// The variables by which a kind is given its keys and its settings. They reach this kind's program whatever they
/// are called, and no other.
pub fn documented_variables(kind: AgentKind) -> &'static [&'static str] {
    match kind {
        AgentKind::Codex => &["OPENAI_API_KEY", "CODEX_API_KEY", "OPENAI_BASE_URL", "CODEX_HOME"],
        AgentKind::Claude => &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CONFIG_DIR",
        ],
        AgentKind::Opencode => &[
            "OPENCODE_CONFIG",
            "OPENCODE_CONFIG_DIR",
            "OPENCODE_API_KEY",
            "ANTHROPIC_API_KEY",
            "OPENAI_API_KEY",
            "GEMINI_API_KEY",
            "OPENROUTER_API_KEY",
        ],
        AgentKind::Gemini => &[
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_PROJECT",
            "GOOGLE_CLOUD_LOCATION",
            "GOOGLE_GENAI_USE_VERTEXAI",
            "GOOGLE_GEMINI_BASE_URL",
        ],
        AgentKind::Aider => &[
            "OPENAI_API_KEY",
            "OPENAI_API_BASE",
            "ANTHROPIC_API_KEY",
            "GEMINI_API_KEY",
            "DEEPSEEK_API_KEY",
            "OPENROUTER_API_KEY",
        ],
        AgentKind::Command | AgentKind::Shell | AgentKind::User => &[],
    }
}

/// The most preferred kind whose program lies in a directory of `PATH`. Relative directories are passed over: what
/// they mean depends on where one stands.
pub fn first_on_path(path_value: &OsStr, exists: &dyn Fn(&Path) -> bool) -> Option<AgentKind> {
    let directories: Vec<&Path> = path_value
        .as_bytes()
        .split(|byte| *byte == b':')
        .map(|directory| Path::new(OsStr::from_bytes(directory)))
        .filter(|directory| directory.is_absolute())
        .collect();
    LOOKED_FOR.into_iter().find(|kind| {
        program_name(*kind).is_some_and(|name| directories.iter().any(|directory| exists(&directory.join(name))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_preferred_program_on_path_is_found() {
        let there = ["/usr/bin/aider", "/opt/bin/claude", "relative/codex"];
        let exists = |path: &Path| there.iter().any(|it| Path::new(it) == path);
        let check = |path: &str, expected| assert_eq!(first_on_path(OsStr::new(path), &exists), expected, "{path}");
        check("/usr/bin:/opt/bin", Some(AgentKind::Claude));
        check("/opt/bin:/usr/bin", Some(AgentKind::Claude));
        check("/usr/bin", Some(AgentKind::Aider));
        check("relative::/nowhere", None);
        check("", None);
    }
}

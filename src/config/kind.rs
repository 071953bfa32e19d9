//! What is known of each kind of agent, whatever the config says.

use super::AgentKind;

impl AgentKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: &[Self] =
        &[Self::Command, Self::Codex, Self::Claude, Self::Opencode, Self::Gemini, Self::Aider, Self::Shell, Self::User];

    /// The word for it in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Codex => "codex",
            Self::Claude => "claude",
            Self::Opencode => "opencode",
            Self::Gemini => "gemini",
            Self::Aider => "aider",
            Self::Shell => "shell",
            Self::User => "user",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The program that is looked for on PATH; `None` where the config names one or none is needed.
    pub const fn program(self) -> Option<&'static str> {
        match self {
            Self::Codex | Self::Claude | Self::Opencode | Self::Gemini | Self::Aider => Some(self.name()),
            Self::Command | Self::Shell | Self::User => None,
        }
    }

    /// Whether it is always there under its own name and no entry of the roster can take it.
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::Shell | Self::User => true,
            Self::Command | Self::Codex | Self::Claude | Self::Opencode | Self::Gemini | Self::Aider => false,
        }
    }

    /// Whether it is able to commit, where the config is silent: codex's sandbox keeps `.git` read-only, aider is told
    /// not to commit and has no other way to, and a runbook is committed by turnstile.
    pub const fn can_commit(self) -> bool {
        match self {
            Self::Command | Self::Claude | Self::Opencode | Self::Gemini | Self::User => true,
            Self::Codex | Self::Aider | Self::Shell => false,
        }
    }

    /// Whether turnstile is told what its turns use: tokens, and what they cost. No program's report is read yet.
    pub const fn reports_usage(self) -> bool {
        match self {
            Self::Command
            | Self::Codex
            | Self::Claude
            | Self::Opencode
            | Self::Gemini
            | Self::Aider
            | Self::Shell
            | Self::User => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_name_only() {
        for kind in AgentKind::ALL {
            assert_eq!(AgentKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(AgentKind::from_name("Codex"), None);
    }

    #[test]
    fn turnstile_commits_for_whoever_cannot() {
        let unable: Vec<_> = AgentKind::ALL.iter().filter(|kind| !kind.can_commit()).collect();
        assert_eq!(unable, [&AgentKind::Codex, &AgentKind::Aider, &AgentKind::Shell]);
    }
}

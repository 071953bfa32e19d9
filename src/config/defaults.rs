//! The settings of a repository that says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    AgentKind, ApprovalPolicy, CheckpointMode, Commit, CommitBy, Config, EnvInherit, EnvPolicy, Limits, Notify,
    NotifyEvent, OnWait, PromptSettings, Retries, RosterEntry,
};

/// The wall clock of a turn, where the config is silent.
pub const TURN_TIMEOUT: Duration = Duration::from_secs(30 * 60);

static SHELL: RosterEntry = RosterEntry::new(AgentKind::Shell);
static USER: RosterEntry = RosterEntry::new(AgentKind::User);

impl RosterEntry {
    /// An entry that says nothing but its kind.
    pub const fn new(kind: AgentKind) -> Self {
        Self {
            kind,
            command: Vec::new(),
            model: None,
            args: Vec::new(),
            env: Vec::new(),
            timeout: Some(TURN_TIMEOUT),
            idle_timeout: None,
            can_commit: kind.can_commit(),
        }
    }
}

impl Config {
    /// What a name in a ticket stands for; `user` and `shell` stand for themselves in every roster.
    pub fn agent(&self, name: &str) -> Option<&RosterEntry> {
        self.agents.get(name).or_else(|| match AgentKind::from_name(name)? {
            AgentKind::Shell => Some(&SHELL),
            AgentKind::User => Some(&USER),
            AgentKind::Command
            | AgentKind::Codex
            | AgentKind::Claude
            | AgentKind::Opencode
            | AgentKind::Gemini
            | AgentKind::Aider => None,
        })
    }

    /// Every name that a ticket may use, sorted; `user` and `shell` among them.
    pub fn roster_names(&self) -> Vec<String> {
        let built_in = AgentKind::ALL.iter().filter(|kind| kind.is_built_in()).map(|kind| kind.name().to_owned());
        let mut names: Vec<String> = self.agents.keys().cloned().chain(built_in).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Config {
    /// The names of programs in the roster that do not say what they use, sorted. Of a person nothing is asked.
    pub fn silent_names(&self) -> Vec<String> {
        let mut names = self.roster_names();
        names.retain(|name| {
            let kind = self.agent(name).map(|entry| entry.kind);
            kind.is_some_and(|kind| kind != AgentKind::User && !kind.reports_usage())
        });
        names
    }
}

impl Default for Config {
    /// Every kind that needs no more than its name, under that name. (`command` needs a command.)
    fn default() -> Self {
        let agents = AgentKind::ALL.iter().filter(|kind| **kind != AgentKind::Command);
        Self {
            default_agent: None,
            default_agent_at_fault: false,
            agents: agents.map(|kind| (kind.name().to_owned(), RosterEntry::new(*kind))).collect::<BTreeMap<_, _>>(),
            limits: Limits::default(),
            retries: Retries::default(),
            checkpoint: CheckpointMode::Ref,
            commit: Commit::default(),
            env: EnvPolicy::default(),
            on_wait: OnWait::Stop,
            prompt: PromptSettings::default(),
            verify: Vec::new(),
            require_verify: false,
            checks: BTreeMap::new(),
            notify: Notify::default(),
            approval: ApprovalPolicy::default(),
            protect: Vec::new(),
            trigger_branches: Vec::new(),
            trigger_commands: false,
            trigger_reviewers: Vec::new(),
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self { command: Vec::new(), events: NotifyEvent::ALL.to_vec() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total_turns: Some(50),
            turns: Some(12),
            time: Some(Duration::from_secs(8 * 3600)),
            no_progress: Some(3),
            failures: Some(3),
            cost: None,
            tokens: None,
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { lint: 3, verify: 3, commit: 2, transient: 2 }
    }
}

impl Default for Commit {
    fn default() -> Self {
        Self { by: CommitBy::Agent, hooks: true, subject: "{id}: {what}".to_owned() }
    }
}

impl Default for EnvPolicy {
    fn default() -> Self {
        Self { inherit: EnvInherit::Filtered, pass: Vec::new() }
    }
}

impl Default for PromptSettings {
    fn default() -> Self {
        Self { max_bytes: 131_072, previous_ticket: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roster_of_a_repository_that_says_nothing() {
        let names = Config::default().roster_names();
        assert_eq!(names, ["aider", "claude", "codex", "gemini", "opencode", "shell", "user"]);
    }

    #[test]
    fn the_built_ins_are_in_every_roster() {
        let config = Config { agents: BTreeMap::new(), ..Config::default() };
        assert_eq!(config.agent("user").map(|entry| entry.kind), Some(AgentKind::User));
        assert_eq!(config.agent("shell").map(|entry| entry.can_commit), Some(false));
        assert_eq!(config.agent("codex"), None);
        assert_eq!(config.roster_names(), ["shell", "user"]);
    }
}

//! The plain values of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Usd;
use crate::ticket::{CheckItem, Risk};

/// Everything that can be set, with the defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The agent of tickets that name none.
    pub default_agent: Option<String>,
    /// Whether the file names one that cannot be used.
    pub default_agent_at_fault: bool,
    /// The roster: the name used in tickets, and what it stands for. Without a file every kind under its own name;
    /// `user` and `shell` are always there.
    pub agents: BTreeMap<String, RosterEntry>,
    /// Caps.
    pub limits: Limits,
    /// Turns asked for after the first failure.
    pub retries: Retries,
    /// Whether checkpoints are also committed to the branch.
    pub checkpoint: CheckpointMode,
    /// Who commits, and how.
    pub commit: Commit,
    /// What agents see of the environment.
    pub env: EnvPolicy,
    /// What a run does at a ticket that waits for a person.
    pub on_wait: OnWait,
    /// How prompts are built.
    pub prompt: PromptSettings,
    /// Checks of every ticket, before its own.
    pub verify: Vec<CheckItem>,
    /// Whether a ticket without a required check is a fault.
    pub require_verify: bool,
    /// Named command lines that tickets may ask for.
    pub checks: BTreeMap<String, String>,
    /// Who is told of what becomes of a run.
    pub notify: Notify,
    /// Which tickets wait for an approval.
    pub approval: ApprovalPolicy,
    /// Globs of what no turn may change unasked.
    pub protect: Vec<String>,
    /// Branches whose pushes start a run; empty: the repository's own HEAD branch.
    pub trigger_branches: Vec<String>,
    /// Whether a push may run command lines of tickets.
    pub trigger_commands: bool,
    /// Whose replies in commits count: addresses of authors, or fingerprints of keys; empty: everybody's.
    pub trigger_reviewers: Vec<String>,
}

/// Which tickets wait for an approval, besides those that ask for one themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// Those with one of these risks.
    pub risk: Vec<Risk>,
    /// Those with one of these tags.
    pub tags: Vec<String>,
}

/// One entry of the roster.
#[derive(Clone, Debug, PartialEq)]
pub struct RosterEntry {
    /// Which program, and how it is spoken to.
    pub kind: AgentKind,
    /// `command` only: the argument vector; `{prompt_file}` stands for the prompt's path.
    pub command: Vec<String>,
    /// Passed to the program unless the ticket says otherwise.
    pub model: Option<String>,
    /// Appended to the argument vector.
    pub args: Vec<String>,
    /// Names of variables that are passed through.
    pub env: Vec<String>,
    /// The wall clock of one turn.
    pub timeout: Option<Duration>,
    /// How long a turn may print nothing; `None` is off.
    pub idle_timeout: Option<Duration>,
    /// Whether the agent is able to commit; the kind's own default where the config is silent.
    pub can_commit: bool,
}

/// How a program is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {
    /// An argument vector of the user's.
    Command,
    /// `codex exec`.
    Codex,
    /// `claude -p`.
    Claude,
    /// `opencode run`.
    Opencode,
    /// `gemini -p`.
    Gemini,
    /// `aider --message-file`.
    Aider,
    /// Built in: the fenced `sh` blocks of the ticket's body.
    Shell,
    /// Built in: a human.
    User,
}

/// Caps of a run and of one ticket in it. `None` is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Turns of a run.
    pub total_turns: Option<u32>,
    /// Turns of one ticket in a run.
    pub turns: Option<u32>,
    /// Time of agents in a run; pauses cost nothing.
    pub time: Option<Duration>,
    /// Turns in a row of one ticket that move nothing.
    pub no_progress: Option<u32>,
    /// Failed turns in a row that open the breaker.
    pub failures: Option<u32>,
    /// What the agents of a run may cost.
    pub cost: Option<Usd>,
    /// Tokens of a run.
    pub tokens: Option<u32>,
}

/// Turns asked for after the first failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// After invalid frontmatter.
    pub lint: u32,
    /// After a check that was not met.
    pub verify: u32,
    /// After a claim on an unclean tree.
    pub commit: u32,
    /// After an error that may pass.
    pub transient: u32,
}

/// What a run does at a ticket that waits for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnWait {
    /// It waits as well.
    #[default]
    Stop,
    /// It passes over the ticket until the answer is there.
    Next,
}

/// What a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointMode {
    /// The kept tree, under `refs/turnstile/`.
    Ref,
    /// Also a commit on the branch.
    Branch,
}

/// Who commits, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Who commits a ticket's work.
    pub by: CommitBy,
    /// Whether git hooks run where turnstile commits a ticket's work.
    pub hooks: bool,
    /// The subject; `{id}`, `{title}` and `{what}` are filled in.
    pub subject: String,
}

/// Who commits a ticket's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitBy {
    /// The agent; turnstile demands it.
    Agent,
    /// turnstile.
    Runner,
}

/// What agents see of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvPolicy {
    /// The rule.
    pub inherit: EnvInherit,
    /// Names that pass all the same.
    pub pass: Vec<String>,
}

/// The rule for the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvInherit {
    /// Everything but git's own variables and what looks like a secret.
    Filtered,
    /// A short list.
    Minimal,
    /// Everything but git's own variables.
    All,
}

/// Who is told of what becomes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The argument vector; nobody is told where it is empty.
    pub command: Vec<String>,
    /// What is told.
    pub events: Vec<NotifyEvent>,
}

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyEvent {
    /// It stands still, for a reason that a person or time can move.
    Paused,
    /// Every ticket is done.
    Completed,
    /// The agent, git or the journal failed.
    Failed,
}

impl NotifyEvent {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Paused, Self::Completed, Self::Failed];

    /// Its word in the config and in what is told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// How prompts are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromptSettings {
    /// The size over which blocks shrink.
    pub max_bytes: usize,
    /// Whether the ticket finished before this one is quoted.
    pub previous_ticket: bool,
}

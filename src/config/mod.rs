//! The settings of a repository: `.tickets/config.yaml` over the stated defaults, with the same diagnostics as tickets.

mod types;

pub use types::{
    AgentKind, CheckpointMode, Commit, CommitBy, Config, EnvInherit, EnvPolicy, Limits, PromptSettings, Retries,
    RosterEntry,
};

//! The settings of a repository: `.tickets/config.yaml` over the stated defaults, with the same diagnostics as tickets.

mod defaults;
mod duration;
mod kind;
mod types;

pub use defaults::TURN_TIMEOUT;
pub use duration::{
    DurationError, LONGEST, parse_duration, parse_duration_or_off, show_duration, show_duration_or_off,
};
pub use types::{
    AgentKind, CheckpointMode, Commit, CommitBy, Config, EnvInherit, EnvPolicy, Limits, PromptSettings, Retries,
    RosterEntry,
};

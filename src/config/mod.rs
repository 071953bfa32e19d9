//! The settings of a repository: `.tickets/config.yaml` over the stated defaults, with the same diagnostics as tickets.

mod defaults;
mod duration;
pub(crate) mod keys;
mod kind;
mod read;
mod read_checks;
mod read_triggers;
mod schema;
mod suggest;
mod template;
mod ticket_keys;
mod types;
mod unsupported;
mod usd;
mod values;

pub use defaults::TURN_TIMEOUT;
pub use duration::{
    DurationError, LONGEST, parse_duration, parse_duration_or_off, show_duration, show_duration_or_off,
};
pub use read::{CONFIG_VERSION, place_of, read};
pub use schema::schema;
pub use suggest::{
    MARKS, PROGRAMS, PassedOver, Repository, Suggestion, Suggestions, TEXTS, WORKFLOWS, known_checks, suggest,
    suggested_yaml,
};
pub use template::{FIRST_TICKET, FIRST_TICKET_NAME, template};
pub use types::{
    AgentKind, ApprovalPolicy, CheckpointMode, Commit, CommitBy, Config, EnvInherit, EnvPolicy, Limits, Notify,
    NotifyEvent, OnWait, PromptSettings, Retries, RosterEntry,
};
pub use usd::Usd;

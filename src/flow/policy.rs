//! What the kernel is allowed to do: the config and the command line, boiled down.

use std::time::Duration;

use crate::config::{CheckpointMode, CommitBy, Config, Limits, OnWait, Retries};
use crate::ticket::TicketId;

/// Who wants a step to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AskedBy {
    /// A person, whose command is also the probe of an open breaker.
    #[default]
    Person,
    /// `watch`, which a person has typed and which would otherwise do the same thing again and again.
    Watch,
    /// A git hook, for whoever has pushed; it would do the same thing again and again as well.
    Trigger,
}

/// The rules of one command.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Caps.
    pub limits: Limits,
    /// Turns asked for after the first failure.
    pub retries: Retries,
    /// Who commits.
    pub commit_by: CommitBy,
    /// Whether git hooks run where turnstile commits work.
    pub hooks: bool,
    /// The subject of turnstile's commits.
    pub subject: String,
    /// Whether checkpoints are also committed to the branch.
    pub checkpoint: CheckpointMode,
    /// What is done at a ticket that waits for a person.
    pub on_wait: OnWait,
    /// The time before the first retry of an error that may pass; it doubles with each.
    pub backoff: Duration,
    /// Who asks.
    pub asked_by: AskedBy,
    /// Whether a push may run command lines of tickets.
    pub inline_commands: bool,
    /// Whose replies in commits count; empty: everybody's.
    pub reviewers: Vec<String>,
    /// Take the user's uncommitted changes as they are.
    pub allow_dirty: bool,
    /// Work on these tickets and what they depend on, and on nothing else.
    pub only: Option<Vec<TicketId>>,
    /// Turns that this command may still start.
    pub turns_left: Option<u32>,
}

impl Policy {
    /// The time before the first retry.
    pub const BACKOFF: Duration = Duration::from_secs(5);

    /// The rules that a config makes, without a command's own.
    pub fn of(config: &Config) -> Self {
        Self {
            limits: config.limits,
            retries: config.retries,
            commit_by: config.commit.by,
            hooks: config.commit.hooks,
            subject: config.commit.subject.clone(),
            checkpoint: config.checkpoint,
            on_wait: config.on_wait,
            backoff: Self::BACKOFF,
            asked_by: AskedBy::Person,
            inline_commands: config.trigger_commands,
            reviewers: config.trigger_reviewers.clone(),
            allow_dirty: false,
            only: None,
            turns_left: None,
        }
    }

    /// Whether command lines of tickets wait for somebody on this machine, who has not asked for this run.
    pub fn holds_commands(&self) -> bool {
        self.asked_by == AskedBy::Trigger && !self.inline_commands
    }

    /// The subject of a commit: one line, on which nothing is hidden.
    pub fn subject(&self, id: &TicketId, title: &str, what: &str) -> String {
        let subject = self.subject.replace("{id}", id.as_str()).replace("{title}", title).replace("{what}", what);
        crate::text::shown_line(&subject.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The tighter of the config's and a ticket's own cap on turns.
    pub fn turns_of(&self, own: Option<u32>) -> Option<u32> {
        tighter(self.limits.turns, own)
    }

    /// The tighter of the config's and a ticket's own cap on turns in a row that come to nothing.
    pub fn no_progress_of(&self, own: Option<u32>) -> Option<u32> {
        tighter(self.limits.no_progress, own)
    }

    /// The tighter of the config's and a ticket's own cap on time.
    pub fn time_of(&self, own: Option<Duration>) -> Option<Duration> {
        tighter(self.limits.time, own)
    }
}

/// The tighter of two caps, of which none is no cap.
pub fn tighter<T: Ord>(config: Option<T>, own: Option<T>) -> Option<T> {
    match (config, own) {
        (Some(config), Some(own)) => Some(config.min(own)),
        (config, own) => config.or(own),
    }
}

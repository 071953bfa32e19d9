//! Every key of the config, once: what the reader asks for, what `init` writes and what the schema says are made of
//! these tables.

/// A key of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// The word in front of the colon.
    pub(crate) name: &'static str,
    /// What may stand behind it.
    pub(crate) shape: Shape,
    /// The value where it is not given, as YAML; empty where there is none.
    pub(crate) default: &'static str,
    /// What it does, in a line.
    pub(crate) meaning: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The version of the format.
    Version,
    /// A text that is not empty.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number, at least so much and at most so much.
    Count { least: u32, most: u32 },
    /// The same from 1 on, or `off`.
    Cap,
    /// An amount of money, or `off`.
    Money,
    /// A duration or `off`.
    Duration,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of some words.
    Words(&'static [&'static str]),
    /// A list of entries, each a path or a mapping.
    Files(&'static [Key]),
    /// A mapping with these keys.
    Table(&'static [Key]),
    /// A mapping of names to mappings with these keys.
    Named(&'static [Key]),
    /// A list of checks, each a name, a command line or a mapping with these keys.
    Checks(&'static [Key]),
    /// A mapping of names to command lines.
    Commands,
    /// What this version of turnstile does not support; only this value, as YAML, is accepted, and none where it is empty.
    Only(&'static str),
}

impl Shape {
    /// The keys of a mapping whose keys are fixed.
    pub(crate) const fn table(self) -> Option<&'static [Key]> {
        if let Self::Table(keys) = self { Some(keys) } else { None }
    }

    /// The keys of each mapping in a mapping of names.
    pub(crate) const fn named(self) -> Option<&'static [Key]> {
        if let Self::Named(keys) = self { Some(keys) } else { None }
    }
}

/// Any count that a `u32` holds.
pub(crate) const ANY_COUNT: Shape = Shape::Count { least: 0, most: u32::MAX };

/// The most that `prompt.max_bytes` may be.
pub(crate) const LARGEST_PROMPT: u32 = 16 * 1024 * 1024;

pub(crate) const fn key(name: &'static str, shape: Shape, default: &'static str, meaning: &'static str) -> Key {
    Key { name, shape, default, meaning }
}

/// The words of `agents.*.kind` that can be an entry's.
pub(crate) const KINDS: &[&str] = &["command", "codex", "claude", "opencode", "gemini", "aider", "shell"];

/// The words of a ticket's `risk`.
pub(crate) const RISKS: &[&str] = &["low", "medium", "high"];

/// The keys of the config's top level.
pub(crate) const CONFIG: &[Key] = &[
    key("version", Shape::Version, "1", "the version of this format"),
    key("default_agent", Shape::Text, "", "the agent of tickets that name none"),
    key("agents", Shape::Named(AGENT), "", "the roster: the name used in tickets, and what it stands for"),
    key("limits", Shape::Table(LIMITS), "", "caps of a run; they only ever refuse to start a turn"),
    key("retries", Shape::Table(RETRIES), "", "turns asked for after the first failure"),
    key("checkpoint", Shape::Table(CHECKPOINT), "", "how a turn's work is kept"),
    key("commit", Shape::Table(COMMIT), "", "who commits a ticket's work, and how"),
    key("env", Shape::Table(ENV), "", "what agents see of the environment"),
    key("on_wait", Shape::Word(&["stop", "next"]), "stop", "what a run does at a ticket that waits for a person"),
    key("approval", Shape::Table(APPROVAL), "", "which tickets wait for an approval"),
    key("protect", Shape::Table(PROTECT), "", "what no turn may change unasked"),
    key("prompt", Shape::Table(PROMPT), "", "how prompts are built"),
    key("verify", Shape::Checks(CHECK), "[]", "checks that are run for every ticket, before its own"),
    key("require_verify", Shape::Flag, "false", "whether a ticket without a required check is a fault"),
    key("checks", Shape::Commands, "{}", "named commands that tickets may ask for"),
    key(
        "notify",
        Shape::Table(NOTIFY),
        "",
        "a program that is told of pauses, completion and failures, as JSON on its stdin",
    ),
    key("triggers", Shape::Table(TRIGGERS), "", "what a push may start"),
];

/// The keys of a check that is a mapping.
pub(crate) const CHECK: &[Key] = &[
    key("id", Shape::Text, "", "its name; default: what `run` says"),
    key("run", Shape::Text, "", "the name of one of `checks`, or a command line for `sh -c`"),
    key("required", Shape::Flag, "true", "whether a claim needs it; what is not required only tells"),
    key("timeout", Shape::Duration, "10m", "how long it may take"),
];

/// The keys of an entry of the roster.
pub(crate) const AGENT: &[Key] = &[
    key("kind", Shape::Word(KINDS), "", "which program, and how it is spoken to"),
    key(
        "command",
        Shape::Texts,
        "",
        "the program and its arguments, for kind `command`; `{prompt_file}` is the prompt's path",
    ),
    key("model", Shape::Text, "", "the model, unless the ticket names one"),
    key("args", Shape::Texts, "[]", "arguments that are appended"),
    key("env", Shape::Texts, "[]", "names of variables that are passed through"),
    key("timeout", Shape::Duration, "30m", "the wall clock of one turn"),
    key("idle_timeout", Shape::Duration, "off", "how long a turn may print nothing"),
    key("can_commit", Shape::Flag, "", "whether the agent is able to commit; turnstile commits for one that is not"),
    key("permissions", Shape::Word(&["allow", "deny", "ask"]), "", "what the agent may do unasked"),
    key("output", Shape::Only("{}"), "", "where a command's output holds its results"),
    key("fallback", Shape::Text, "", "the agent that takes over"),
];

/// The keys of `limits`.
pub(crate) const LIMITS: &[Key] = &[
    key("total_turns", Shape::Cap, "50", "turns of a run"),
    key("turns", Shape::Cap, "12", "turns of one ticket in a run"),
    key("time", Shape::Duration, "8h", "working time of agents in a run; pauses cost nothing"),
    key("no_progress", Shape::Cap, "3", "turns of one ticket in a row that change nothing"),
    key("failures", Shape::Cap, "3", "failed turns in a row that open the breaker"),
    key("cost_usd", Shape::Money, "off", "cost of a run in US dollars"),
    key("tokens", Shape::Cap, "off", "tokens of a run"),
];

/// The keys of `retries`.
pub(crate) const RETRIES: &[Key] = &[
    key("lint", ANY_COUNT, "3", "after frontmatter that cannot be read"),
    key("verify", ANY_COUNT, "3", "after a check that was not met"),
    key("commit", ANY_COUNT, "2", "after a claim whose work is not committed"),
    key("transient", ANY_COUNT, "2", "after an error that may pass"),
];

/// The keys of `checkpoint`.
pub(crate) const CHECKPOINT: &[Key] = &[key(
    "mode",
    Shape::Word(&["ref", "branch"]),
    "ref",
    "`ref` keeps each turn's work beside the branch; `branch` also commits it there",
)];

/// The keys of `commit`.
pub(crate) const COMMIT: &[Key] = &[
    key(
        "by",
        Shape::Word(&["agent", "runner"]),
        "agent",
        "who commits the work: `agent` or `runner`, which is turnstile",
    ),
    key(
        "hooks",
        Shape::Word(&["run", "skip"]),
        "run",
        "whether git hooks run where turnstile commits work: `run` or `skip`",
    ),
    key(
        "subject",
        Shape::Text,
        r#""{id}: {what}""#,
        "the subject of turnstile's commits; `{id}`, `{title}` and `{what}` are filled in",
    ),
];

/// The keys of `env`.
pub(crate) const ENV: &[Key] = &[
    key(
        "inherit",
        Shape::Word(&["filtered", "minimal", "all"]),
        "filtered",
        "`filtered` drops what looks like a secret, `minimal` passes a short list, `all` everything but git's own",
    ),
    key("pass", Shape::Texts, "[]", "names of variables that pass all the same"),
];

/// The keys of `approval`.
pub(crate) const APPROVAL: &[Key] = &[
    key("risk", Shape::Words(RISKS), "[]", "risks of tickets that wait for an approval, such as `high`"),
    key("tags", Shape::Texts, "[]", "tags of tickets that wait for an approval"),
];

/// The keys of `protect`.
pub(crate) const PROTECT: &[Key] =
    &[key("paths", Shape::Texts, "[]", "globs of what no turn may change unasked, such as `.github/**`")];

/// The keys of `prompt`.
pub(crate) const PROMPT: &[Key] = &[
    key(
        "max_bytes",
        Shape::Count { least: 1, most: LARGEST_PROMPT },
        "131072",
        "the size over which the parts of a prompt are cut",
    ),
    key("previous_ticket", Shape::Flag, "false", "whether the ticket finished before this one is quoted"),
];

/// The words of `notify.events`.
pub(crate) const EVENTS: &[&str] = &["paused", "completed", "failed"];

/// The keys of `notify`.
pub(crate) const NOTIFY: &[Key] = &[
    key(
        "command",
        Shape::Texts,
        "[]",
        "the program and its arguments, as `[./notify.sh]`; nobody is told where it is empty",
    ),
    key("events", Shape::Words(EVENTS), "[paused, completed, failed]", "the events of a run that it is told of"),
];

/// The keys of `triggers`.
pub(crate) const TRIGGERS: &[Key] = &[
    key(
        "branches",
        Shape::Texts,
        "[]",
        "branches whose pushes start a run, by their names; the repository's HEAD branch where it is empty",
    ),
    key(
        "inline_commands",
        Shape::Flag,
        "false",
        "whether a push may run command lines of tickets; otherwise they wait for `approve`",
    ),
    key(
        "reviewers",
        Shape::Texts,
        "[]",
        "author addresses, or fingerprints of keys that sign: whose replies in commits count; everybody's where it is empty",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AgentKind;
    use crate::ticket::Risk;

    #[test]
    fn the_risks_are_those_of_tickets() {
        assert_eq!(Risk::WORDS.map(|(word, _)| word), RISKS);
    }

    #[test]
    fn every_kind_but_a_human_can_be_an_entry() {
        let kinds: Vec<_> =
            AgentKind::ALL.iter().filter(|kind| **kind != AgentKind::User).map(|kind| kind.name()).collect();
        assert_eq!(kinds, KINDS);
    }
}

//! The keys of a ticket's frontmatter, as the schema describes them. The reader of tickets has its own list of names;
//! a test holds the two together.

use super::keys::{self, CHECK, Key, Shape, key};

/// The keys of the frontmatter.
pub(crate) const TICKET: &[Key] = &[
    key(
        "agent",
        Shape::Text,
        "",
        "who works on it: a name of the roster, `user` or `shell`; default: the config's `default_agent`",
    ),
    key("done", Shape::Flag, "false", "set to true by the agent when the work is finished; turnstile judges it"),
    key("title", Shape::Text, "", "one line that names the ticket; default: the first heading, else the id"),
    key("goal", Shape::Text, "", "one sentence, shown in lists and put at the head of the prompt"),
    key("priority", Shape::Count { least: 0, most: 4 }, "2", "0 first"),
    key("depends_on", Shape::Texts, "[]", "tickets that must be done before: ids, names, numbers or unique prefixes"),
    key("hold", Shape::Text, "", "the reason why this ticket is put aside"),
    key("tags", Shape::Texts, "[]", "free words"),
    key("risk", Shape::Word(keys::RISKS), "medium", "how much can go wrong"),
    key("approval", Shape::Word(&["auto", "required"]), "auto", "whether a person must approve before a turn"),
    key("model", Shape::Text, "", "the model, passed to the agent"),
    key("reasoning", Shape::Text, "", "the reasoning effort, passed to the agent"),
    key(
        "verify",
        Shape::Checks(CHECK),
        "[]",
        "what decides whether the claim holds: names of checks, or command lines",
    ),
    key("artifacts", Shape::Texts, "[]", "what must exist, not be empty and be committed when the ticket is done"),
    key("scope", Shape::Texts, "[]", "globs of what a turn may change, besides `.tickets/`; none is everything"),
    key("context", Shape::Files(CONTEXT), "[]", "files of the repository that are quoted in the prompt"),
    key("limits", Shape::Table(LIMITS), "", "caps of this ticket; they only tighten the config's"),
];

/// The keys of an entry of `context`.
pub(crate) const CONTEXT: &[Key] = &[
    key("path", Shape::Text, "", "the file, from the top of the worktree"),
    key("max_bytes", Shape::Count { least: 1, most: u32::MAX }, "4096", "at most so many bytes of it"),
    key("required", Shape::Flag, "false", "whether a turn must not start without it"),
];

/// The keys of `limits`.
pub(crate) const LIMITS: &[Key] = &[
    key("turns", Shape::Cap, "", "turns of this ticket in a run"),
    key("time", Shape::Duration, "", "working time of agents on this ticket in a run"),
    key("no_progress", Shape::Cap, "", "turns of this ticket in a row that change nothing"),
    key("cost_usd", Shape::Money, "", "cost of this ticket in US dollars"),
    key("tokens", Shape::Cap, "", "tokens of this ticket"),
];

//! The plain values of a ticket.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::CheckItem;
use crate::config::Usd;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{LineColumn, Span};

/// The path of a ticket below `.tickets/`, without `.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketId(Arc<str>);

impl TicketId {
    /// Takes an id as it is written.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as it is typed behind a command at a shell: quoted where a shell needs it, and never taken for an option.
    pub fn typed(&self) -> String {
        let word = crate::text::shell_word(&self.0);
        if self.0.starts_with('-') { format!("-- {word}") } else { word }
    }

    /// The id as [it is typed](Self::typed), together with the options that belong to it.
    pub fn typed_with(&self, options: &str) -> String {
        let id = self.typed();
        if self.0.starts_with('-') { format!("{options} {id}") } else { format!("{id} {options}") }
    }

    /// The path of the ticket below the top of the worktree.
    pub fn path(&self) -> String {
        format!(".tickets/{}.md", self.0)
    }

    /// The id of the file at this path, which may lack the `.tickets/` in front.
    pub fn of_path(path: &str) -> Self {
        let below = path.strip_prefix(".tickets/").unwrap_or(path);
        Self::new(below.strip_suffix(".md").unwrap_or(below))
    }

    /// The last component: the file's name without `.md`.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The epic: everything before the last component, without the slash; empty at the top.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl std::fmt::Display for TicketId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&crate::text::shown_line(&self.0))
    }
}

/// A ticket that could be read; it may still have faults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// What its frontmatter says.
    pub front: Frontmatter,
    /// The frontmatter's title, else the first `# ` heading of the body, else the id.
    pub title: String,
    /// The body: everything behind the closing fence.
    pub body: Span,
    /// Where the values stand that only a look at all tickets can judge.
    pub places: Places,
}

/// A ticket as it was found: what could be read of it, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// Its id.
    pub id: TicketId,
    /// The file, as messages name it.
    pub path: Arc<str>,
    /// What could be read; `None` where nothing of the frontmatter can be relied on.
    pub ticket: Option<Ticket>,
    /// Every fault of the ticket alone, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Read {
    /// A ticket whose text is not there to be read.
    pub fn unreadable(id: TicketId, why: &Unreadable) -> Self {
        let path: Arc<str> = id.path().into();
        let diagnostics = vec![why.diagnostic(path.clone())];
        Self { id, path, ticket: None, diagnostics }
    }
}

/// Where the values stand that only a look at all tickets can judge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// The opening line of the frontmatter: where a fault of something absent is shown.
    pub top: Option<Place>,
    /// The value of `agent`.
    pub agent: Option<Place>,
    /// The value of `context`.
    pub context: Option<Place>,
    /// The value of `verify`.
    pub verify: Option<Place>,
    /// The key `cost_usd` of `limits`.
    pub cost_usd: Option<Place>,
    /// The key `tokens` of `limits`.
    pub tokens: Option<Place>,
    /// The items of `depends_on`, one for each reference.
    pub depends_on: Vec<Place>,
}

/// Some bytes, and where they begin as editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The bytes.
    pub span: Span,
    /// Where they begin.
    pub at: LineColumn,
}

/// Why the text of a ticket or a message is not there to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Over the cap; it was not read to its end.
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Not UTF-8.
    NotUtf8 {
        /// The first byte at fault.
        at: usize,
    },
    /// A symbolic link; it is never followed.
    Symlink,
    /// A folder, a device, a pipe, or a file with a second name where that is refused.
    NotRegular,
    /// The operating system refuses; its own words.
    Io(String),
}

impl Unreadable {
    /// The fault as lint reports it.
    pub fn diagnostic(&self, path: impl Into<Arc<str>>) -> Diagnostic {
        match self {
            Self::TooLarge { bytes } => {
                Diagnostic::of_file(Code::TooLarge, path, format!("{bytes} bytes, more than 1 MiB"))
                    .help("make it shorter: move the long parts into files of their own")
            }
            Self::NotUtf8 { at } => {
                Diagnostic::of_file(Code::NotUtf8, path, format!("not UTF-8: byte {at} begins no character"))
                    .help("save it as UTF-8: `iconv -t UTF-8`")
            }
            Self::Symlink => Diagnostic::of_file(Code::NotRegular, path, "a symbolic link, which is never followed")
                .help("put the file itself here"),
            Self::NotRegular => {
                Diagnostic::of_file(Code::NotRegular, path, "not a regular file").help("put a regular file here")
            }
            Self::Io(why) => Diagnostic::of_file(Code::NotRegular, path, format!("cannot be read: {why}"))
                .help("mend its permissions, or remove it"),
        }
    }
}

/// What the frontmatter of a ticket says, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frontmatter {
    /// A name of the roster, `user` or `shell`; `None` means the config's `default_agent`.
    pub agent: Option<String>,
    /// A claim or a fact, as the case may be.
    pub done: bool,
    /// One line that names the ticket.
    pub title: Option<String>,
    /// One sentence, shown in lists and put at the head of the prompt.
    pub goal: Option<String>,
    /// 0 to 4, 0 first.
    pub priority: u8,
    /// References as they are written.
    pub depends_on: Vec<String>,
    /// Why the ticket is put aside.
    pub hold: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// How much can go wrong.
    pub risk: Risk,
    /// Whether a person must approve before a turn, whatever the config says.
    pub needs_approval: bool,
    /// Globs of what its turns may change; empty is everything.
    pub scope: Vec<String>,
    /// Passed to the agent.
    pub model: Option<String>,
    /// Passed to the agent.
    pub reasoning: Option<String>,
    /// Files quoted in the prompt.
    pub context: Vec<ContextFile>,
    /// Caps of this ticket; they only tighten the config's.
    pub limits: TicketLimits,
    /// What decides whether a claim holds, behind the config's own.
    pub verify: Vec<CheckItem>,
    /// Paths that must exist and be committed when the ticket is done.
    pub artifacts: Vec<String>,
}

impl Default for Frontmatter {
    fn default() -> Self {
        Self {
            agent: None,
            done: false,
            title: None,
            goal: None,
            priority: 2,
            depends_on: Vec::new(),
            hold: None,
            tags: Vec::new(),
            risk: Risk::Medium,
            needs_approval: false,
            scope: Vec::new(),
            model: None,
            reasoning: None,
            context: Vec::new(),
            limits: TicketLimits::default(),
            verify: Vec::new(),
            artifacts: Vec::new(),
        }
    }
}

/// How much can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Risk {
    /// Little.
    Low,
    /// What is usual.
    Medium,
    /// Much.
    High,
}

impl Risk {
    /// Every risk with its word.
    pub const WORDS: [(&str, Self); 3] = [("low", Self::Low), ("medium", Self::Medium), ("high", Self::High)];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A file quoted in the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFile {
    /// Below the top of the worktree.
    pub path: String,
    /// At most so many bytes of it.
    pub max_bytes: usize,
    /// Whether the turn must not start without it.
    pub required: bool,
}

/// Caps of one ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketLimits {
    /// At most so many turns in a run; `None` leaves the config's.
    pub turns: Option<u32>,
    /// At most so much time of agents in a run; `None` leaves the config's.
    pub time: Option<Duration>,
    /// At most so many turns in a row that move nothing; `None` leaves the config's.
    pub no_progress: Option<u32>,
    /// At most so much money; `None` leaves the config's.
    pub cost: Option<Usd>,
    /// At most so many tokens; `None` leaves the config's.
    pub tokens: Option<u32>,
}

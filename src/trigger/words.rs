//! What a trigger says: which hook was called, and which references moved from where to where.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::shown_line;

/// The version of the file.
const VERSION: u32 = 1;
/// So many references are told; that others moved as well is told as a number.
const MOST_MOVED: usize = 1000;
/// Names of references are told up to so many bytes together.
const MOST_BYTES: usize = 256 * 1024;

/// One call of a git hook. Nothing of it grants anything: a run looks for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The version of this format.
    pub version: u32,
    /// The name of the hook.
    pub hook: String,
    /// When.
    pub at: String,
    /// The machine folder of the worktree that it is for; none in a bare repository.
    pub worktree: Option<String>,
    /// Which references moved.
    #[serde(default)]
    pub moved: Vec<Moved>,
    /// How many more moved than are told here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// The git command that called the hook; none where nothing in the worktree waits for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
}

/// A process and no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Its number.
    pub pid: u32,
    /// When it started, in the system's own words.
    pub started: String,
    /// Since which start of the machine that counts.
    #[serde(default)]
    pub boot: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A reference that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its full name, or `HEAD`.
    #[serde(rename = "ref")]
    pub name: RefName,
    /// The commit that it was at; only zeros where there was none.
    pub old: String,
    /// The commit that it is at; only zeros where it is gone.
    pub new: String,
}

/// The name of a reference: bytes, which need be no text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RefName {
    /// A name that is text.
    Text(String),
    /// Any other, as hexadecimal digits.
    Bytes {
        /// The digits.
        hex: String,
    },
}

impl RefName {
    /// The name as git gave it.
    pub fn of(bytes: &[u8]) -> Self {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Self::Text(text.to_owned());
        }
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        Self::Bytes { hex: bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect() }
    }

    /// Whether it is this name.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Text(text) if text == name)
    }

    /// The name for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => shown_line(text),
            Self::Bytes { hex } => format!("a name that is no text, hex {hex}"),
        }
    }
}

impl Moved {
    /// Whether the reference is gone.
    pub fn is_deletion(&self) -> bool {
        self.new.bytes().all(|byte| byte == b'0')
    }
}

impl Trigger {
    /// A trigger; what is too much to be told is counted.
    pub fn new(hook: &str, at: String, worktree: Option<String>, mut moved: Vec<Moved>) -> Self {
        let mut bytes = 0;
        let fits = moved.iter().take(MOST_MOVED).take_while(|one| {
            bytes += one.name.shown().len();
            bytes <= MOST_BYTES
        });
        let fits = fits.count();
        let left_out = moved.len() - fits;
        moved.truncate(fits);
        Self { version: VERSION, hook: hook.to_owned(), at, worktree, moved, left_out, caller: None }
    }

    /// The same for the same worktree and the same moves: triggers of one key ask for one look.
    pub fn key(&self) -> String {
        let mut lines: Vec<String> =
            self.moved.iter().map(|one| format!("{:?}\0{}\0{}", one.name, one.old, one.new)).collect();
        lines.sort_unstable();
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?}\0{}\0", self.worktree, self.left_out));
        hasher.update(lines.join("\n"));
        let mut digits = format!("{:x}", hasher.finalize());
        digits.truncate(16);
        digits
    }

    /// In one line, for people.
    pub fn shown(&self) -> String {
        let what = match self.moved.as_slice() {
            [] => String::new(),
            [one] if one.is_deletion() => format!(", {} removed", one.name.shown()),
            [one] => format!(", {} at {}", one.name.shown(), one.new.get(..10).unwrap_or(&one.new)),
            [one, ..] => format!(", {} and {} more", one.name.shown(), self.moved.len() - 1 + self.left_out),
        };
        format!("{}{what}", shown_line(&self.hook))
    }
}

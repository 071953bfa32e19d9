//! What a child process is asked to do, and what its parent needs of the result. Plain values.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::effect::Program;
use crate::git::{self, Place};
use crate::store::Layout;

/// The request of a child process, as it lies in `request.json`.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {
    /// A whole turn: keep, run, keep.
    Turn(Box<TurnWork>),
    /// What is left of a turn whose process died: keep.
    Settle(Box<TurnWork>),
    /// A check of a claim.
    Check(Box<CheckWork>),
    /// Keep the worktree under a name.
    Keep {
        /// Where.
        place: Place,
        /// The name of the reference.
        reference: String,
        /// What the commit says.
        message: String,
        /// The name of the tree that it is compared with.
        before: String,
        /// The path of the ticket whose turn it was.
        #[serde(default)]
        ticket: String,
    },
    /// A commit on a branch.
    Save {
        /// Where.
        place: Place,
        /// What.
        request: git::SaveRequest,
    },
    /// The branch is brought forward to HEAD, and HEAD put on it.
    Adopt {
        /// Where.
        place: Place,
        /// The branch, as a full name.
        branch: String,
        /// Where it is.
        from: Option<String>,
        /// Where it shall be.
        to: String,
    },
}

/// A turn, complete enough to be carried out by a process that knows nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnWork {
    /// Where.
    pub place: Place,
    /// The worktree's name, for the layout.
    pub run: String,
    /// The number of the turn.
    pub turn: u32,
    /// The ticket's path.
    pub ticket: String,
    /// The commit that HEAD names as the turn begins.
    pub head: Option<String>,
    /// The kept tree that the new one may turn out to be equal to.
    pub parent: Option<String>,
    /// What the runner saw of the worktree just before. Only for the process that it starts at once.
    pub seen: Option<git::Uncommitted>,
    /// The program; none where it could not even be put together.
    pub program: Result<Program, String>,
    /// The name of the agent's kind.
    pub kind: String,
    /// The file in which the program leaves its last words.
    pub last_message: Option<PathBuf>,
    /// Where its last words are kept.
    pub final_words: PathBuf,
    /// Names of variables that are set here and were withheld.
    pub withheld: Vec<String>,
}

/// A check, complete enough to be carried out by a process that knows nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckWork {
    /// Where.
    pub place: Place,
    /// The run.
    pub run: String,
    /// The turn whose claim is judged.
    pub turn: u32,
    /// The ticket's path.
    pub ticket: String,
    /// Untracked files that earlier checks left.
    pub droppings: Vec<String>,
    /// Where its output is kept, below the run's folder.
    pub log: String,
    /// What is run.
    pub program: Program,
}

impl TurnWork {
    /// The name of the kept tree from before the turn.
    pub fn before(&self) -> String {
        reference(&self.run, self.turn, "before")
    }

    /// The name of the kept tree from after the turn.
    pub fn after(&self) -> String {
        reference(&self.run, self.turn, "after")
    }

    /// Where it is written down what the kept tree from before the turn leaves out.
    pub fn left_out(&self) -> PathBuf {
        self.final_words.with_file_name("left_out.json")
    }

    /// Where everything lies.
    pub fn layout(&self) -> Layout {
        super::workspace::layout_of(&self.place)
    }
}

/// The name of a kept tree.
pub fn reference(run: &str, turn: u32, which: &str) -> String {
    format!("refs/turnstile/checkpoints/{run}/{turn}/{which}")
}

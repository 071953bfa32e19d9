//! The hooks of git's that turnstile has a use for.

use serde::{Deserialize, Serialize};

/// A hook of git's that turnstile has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Before a push leaves.
    PrePush,
    /// Behind a push that arrived.
    PostReceive,
    /// Behind a merge, also that of a pull.
    PostMerge,
    /// Behind an amended commit and a rebase, also that of a pull.
    PostRewrite,
    /// Behind a commit.
    PostCommit,
    /// Behind a checkout.
    PostCheckout,
    /// Before a commit.
    PreCommit,
}

impl Hook {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::PrePush,
        Self::PostReceive,
        Self::PostMerge,
        Self::PostRewrite,
        Self::PostCommit,
        Self::PostCheckout,
        Self::PreCommit,
    ];

    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::PrePush => "pre-push",
            Self::PostReceive => "post-receive",
            Self::PostMerge => "post-merge",
            Self::PostRewrite => "post-rewrite",
            Self::PostCommit => "post-commit",
            Self::PostCheckout => "post-checkout",
            Self::PreCommit => "pre-commit",
        }
    }

    /// Whether git says something on its stdin.
    pub fn reads_input(self) -> bool {
        match self {
            Self::PrePush | Self::PostReceive | Self::PostRewrite => true,
            Self::PostMerge | Self::PostCommit | Self::PostCheckout | Self::PreCommit => false,
        }
    }

    /// Whether it asks for work; the others only look.
    pub fn makes_trigger(self) -> bool {
        self != Self::PreCommit
    }

    /// The hook of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

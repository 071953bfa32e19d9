//! What is trusted and by whom, and why a store trusts nothing.

use std::collections::BTreeMap;

use super::StoreError;

/// A store that trusts nothing, and what to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRefused {
    /// What is the matter, as a sentence.
    pub why: String,
    /// What to type, as a sentence.
    pub way_out: String,
}

impl std::fmt::Display for TrustRefused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}; {}", self.why, self.way_out)
    }
}

/// What the store says, or why it says nothing; an error is a machine that could not look.
pub type TrustAnswer<T> = Result<Result<T, TrustRefused>, StoreError>;

/// Something to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustItem {
    /// Below the top of the worktree.
    pub path: String,
    /// Its content; none is that nothing lies there.
    pub content: Option<Vec<u8>>,
}

/// Who trusts, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedBy {
    /// Who.
    pub who: String,
    /// When.
    pub at: String,
}

/// Config and templates of one commit, as a person has trusted them; what runs of a repository without a worktree of
/// its own go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCopy {
    /// The reference that was named, in full.
    pub reference: String,
    /// The commit that it named then.
    pub commit: String,
    /// Who trusted it.
    pub by: TrustedBy,
    /// Contents by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

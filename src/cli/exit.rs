//! Exit statuses.

use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// All is well.
    pub const SUCCESS: Self = Self(0);
    /// The command line cannot be understood.
    pub const USAGE: Self = Self(2);
    /// Something that was named or looked at is invalid or unknown.
    pub const INVALID: Self = Self(3);
    /// git, a file or the journal did not do as asked.
    pub const FAILED: Self = Self(7);
    /// Another step is under way.
    pub const BUSY: Self = Self(75);
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

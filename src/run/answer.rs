//! A reply that is given by command: written beside the tickets, or stored while a step is under way, so that nobody
//! takes it for the agent's own.

use std::path::PathBuf;

use super::error::RunError;
use super::workspace::Workspace;
use crate::flow::Phase;
use crate::store::{self, LockError, WorktreeLock};
use crate::ticket::TicketId;

/// What became of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It lies where a step looks for it.
    Written(PathBuf),
    /// A step or a turn is under way; it is stored outside the worktree and served when the turn ends.
    Stored,
}

impl Workspace {
    /// Gives a ticket a reply. The text says whom it is for as well.
    pub fn reply(&mut self, to: &TicketId, text: &str, attachments: &[PathBuf]) -> Result<Answered, RunError> {
        // Held while the file is written: a turn that began meanwhile would be taken for its author.
        let _lock = match WorktreeLock::acquire(&self.layout, &self.holder()) {
            Ok(lock) => lock,
            Err(LockError::Busy { .. }) => return self.stored(to, text, attachments),
            Err(error) => return Err(error.into()),
        };
        // A turn may have outlived its runner; then nobody holds the lock, and the agent is still at work.
        if !matches!(self.folded()?.state.phase(), Phase::Quiet(_)) {
            return self.stored(to, text, attachments);
        }
        Ok(Answered::Written(store::write_reply(&self.layout, text, attachments)?))
    }

    fn stored(&mut self, to: &TicketId, text: &str, attachments: &[PathBuf]) -> Result<Answered, RunError> {
        self.store_reply(Some(to.as_str()), text, attachments)?;
        Ok(Answered::Stored)
    }
}

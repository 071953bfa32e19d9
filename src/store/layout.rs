//! Every path that turnstile owns, and nowhere else: what people see in the worktree, what the machine keeps below
//! git's common directory. Must not touch the file system.

use std::path::{Path, PathBuf};

use crate::ticket::TicketId;

/// The folder of the worktree that holds tickets and their mail.
pub const TICKETS: &str = ".tickets";
/// The message from an agent, below the outbox and in an archived dispatch.
pub const DISPATCH: &str = "DISPATCH.md";
/// The message from a person, below `.tickets/`, in a spooled and in an archived reply.
pub const USER_REPLY: &str = "USER_REPLY.md";
/// The message from turnstile itself, in an archived request.
pub const REQUEST: &str = "REQUEST.md";
/// An operator's decision about a ticket, in an archived decision.
pub const DECISION: &str = "DECISION.md";
/// The message of the commit that an agent asks turnstile to make, below the outbox.
pub const COMMIT_MSG: &str = "COMMIT_MSG";

/// Where one worktree and its machine part lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The top of the worktree. The way there may hold symbolic links, what lies below may not.
    pub top: PathBuf,
    /// Git's common directory: one for all worktrees of a repository.
    pub common_dir: PathBuf,
    /// The name of the worktree's machine folder; see [`Layout::main`] and [`Layout::linked`].
    pub worktree: String,
}

impl Layout {
    /// The layout of a repository's main worktree.
    pub fn main(top: impl Into<PathBuf>, common_dir: impl Into<PathBuf>) -> Self {
        Self { top: top.into(), common_dir: common_dir.into(), worktree: "main".to_owned() }
    }

    /// The layout of a linked worktree, by the name that git gave it.
    pub fn linked(top: impl Into<PathBuf>, common_dir: impl Into<PathBuf>, name: &str) -> Self {
        // Git may call a linked worktree `main` as well; it never puts a tilde into a name.
        let worktree = if name == "main" { "main~".to_owned() } else { name.to_owned() };
        Self { top: top.into(), common_dir: common_dir.into(), worktree }
    }

    /// `.tickets/`.
    pub fn tickets(&self) -> PathBuf {
        self.top.join(TICKETS)
    }

    /// `.tickets/config.yaml`.
    pub fn config_file(&self) -> PathBuf {
        self.tickets().join("config.yaml")
    }

    /// `.tickets/templates/`.
    pub fn templates(&self) -> PathBuf {
        self.tickets().join("templates")
    }

    /// `.tickets/context/`.
    pub fn context(&self) -> PathBuf {
        self.tickets().join("context")
    }

    /// `.tickets/outbox/`.
    pub fn outbox(&self) -> PathBuf {
        self.tickets().join("outbox")
    }

    /// `.tickets/outbox/DISPATCH.md`.
    pub fn dispatch_file(&self) -> PathBuf {
        self.outbox().join(DISPATCH)
    }

    /// `.tickets/outbox/COMMIT_MSG`.
    pub fn commit_message(&self) -> PathBuf {
        self.outbox().join(COMMIT_MSG)
    }

    /// `.tickets/USER_REPLY.md`.
    pub fn reply_file(&self) -> PathBuf {
        self.tickets().join(USER_REPLY)
    }

    /// `.tickets/reply/`: the attachments of the reply.
    pub fn reply_folder(&self) -> PathBuf {
        self.tickets().join("reply")
    }

    /// `.tickets/history/<ticket-id>/`.
    pub fn history(&self, ticket: &TicketId) -> PathBuf {
        self.top.join(history_below_top(ticket))
    }

    /// `.tickets/STOP`.
    pub fn stop_file(&self) -> PathBuf {
        self.tickets().join("STOP")
    }

    /// The machine part of the repository: `<git common dir>/turnstile/`.
    pub fn machine(&self) -> PathBuf {
        machine(&self.common_dir)
    }

    /// The machine part of this worktree.
    pub fn worktree_folder(&self) -> PathBuf {
        worktrees(&self.common_dir).join(&self.worktree)
    }

    /// The file whose lock is held while a ticket is chosen, by whatever worktree.
    pub fn choosing_file(&self) -> PathBuf {
        machine(&self.common_dir).join("choosing")
    }

    /// What the git directory looked like before the last turn.
    pub fn guard(&self) -> PathBuf {
        self.worktree_folder().join("guard.json")
    }

    /// The file whose lock a step holds.
    pub fn lock_file(&self) -> PathBuf {
        self.worktree_folder().join("lock")
    }

    /// The file that names the worktree's current run.
    pub fn run_pointer(&self) -> PathBuf {
        self.worktree_folder().join("run")
    }

    /// Operator's decisions that wait for a step.
    pub fn decisions(&self) -> PathBuf {
        self.worktree_folder().join("decisions")
    }

    /// The tickets of this worktree as they were read last. Like everything in `cache/` it can be rebuilt at any time.
    pub fn ticket_cache(&self) -> PathBuf {
        self.machine().join("cache").join(format!("tickets-{}", self.worktree))
    }

    /// The worktrees of a bare repository's branches, and what is known of each.
    pub fn hub(&self) -> PathBuf {
        self.machine().join("hub")
    }

    /// Triggers that wait for a run.
    pub fn triggers(&self) -> PathBuf {
        self.machine().join("triggers")
    }

    /// What the runners that hooks started for this worktree have said.
    pub fn runner_log(&self) -> PathBuf {
        self.worktree_folder().join("runner.log")
    }

    /// Digests of the content that a person has trusted.
    pub fn trusted(&self) -> PathBuf {
        self.machine().join("trusted")
    }

    /// All runs of the repository.
    pub fn runs(&self) -> PathBuf {
        self.machine().join("runs")
    }

    /// One run.
    pub fn run(&self, run: &str) -> PathBuf {
        self.runs().join(run)
    }

    /// What of a run was dropped, and when.
    pub fn pruned(&self, run: &str) -> PathBuf {
        self.run(run).join("pruned")
    }

    /// The file whose lock is held while old runs are dropped; its text is the run that is being dropped.
    pub fn pruning_file(&self) -> PathBuf {
        self.machine().join("pruning")
    }

    /// The journal of a run.
    pub fn journal(&self, run: &str) -> PathBuf {
        self.run(run).join("journal.jsonl")
    }

    /// One turn of a run: `turns/0001/`.
    pub fn turn(&self, run: &str, turn: u32) -> PathBuf {
        self.run(run).join(turn_below_run(turn))
    }
}

/// The machine part of a repository, by git's common directory.
pub(super) fn machine(common_dir: &Path) -> PathBuf {
    common_dir.join("turnstile")
}

/// The machine parts of all worktrees.
pub(super) fn worktrees(common_dir: &Path) -> PathBuf {
    machine(common_dir).join("worktrees")
}

/// `turns/0001`, below the folder of a run.
pub(super) fn turn_below_run(turn: u32) -> String {
    format!("turns/{turn:04}")
}

/// `.tickets/history/<ticket-id>`, below the top of the worktree.
pub(super) fn history_below_top(ticket: &TicketId) -> String {
    format!("{TICKETS}/history/{}", ticket.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_find_their_files_in_the_worktree_and_the_machine_keeps_its_own_below_gits() {
        let layout = Layout::main("/w", "/w/.git");
        let id = TicketId::new("auth/010-login");
        for (path, expected) in [
            (layout.config_file(), "/w/.tickets/config.yaml"),
            (layout.dispatch_file(), "/w/.tickets/outbox/DISPATCH.md"),
            (layout.commit_message(), "/w/.tickets/outbox/COMMIT_MSG"),
            (layout.reply_file(), "/w/.tickets/USER_REPLY.md"),
            (layout.reply_folder(), "/w/.tickets/reply"),
            (layout.stop_file(), "/w/.tickets/STOP"),
            (layout.history(&id), "/w/.tickets/history/auth/010-login"),
            (layout.lock_file(), "/w/.git/turnstile/worktrees/main/lock"),
            (layout.run_pointer(), "/w/.git/turnstile/worktrees/main/run"),
            (layout.journal("r1"), "/w/.git/turnstile/runs/r1/journal.jsonl"),
            (layout.turn("r1", 7), "/w/.git/turnstile/runs/r1/turns/0007"),
        ] {
            assert_eq!(path, Path::new(expected));
        }
    }

    #[test]
    fn a_linked_worktree_called_main_does_not_share_the_lock_of_the_main_one() {
        let main = Layout::main("/w", "/w/.git");
        assert_ne!(main.lock_file(), Layout::linked("/x/main", "/w/.git", "main").lock_file());
    }
}

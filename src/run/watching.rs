//! What `watch` has to know of a worktree: what to watch, what to leave alone for a moment, and whether there is
//! anything to do.

use std::path::PathBuf;
use std::time::Duration;

use super::error::RunError;
use super::workspace::{View, Workspace};
use crate::flow::{Life, Phase, Reason, ReasonCode};
use crate::store::{self, TICKETS};
use crate::watch::{Place, Places};

/// What a look came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    /// A step would do something.
    Step,
    /// Nothing goes on, for this reason.
    Nothing {
        /// Why.
        reason: Reason,
        /// When it is worth another look though nothing was heard; none: when something is heard.
        again: Option<Duration>,
    },
}

/// The lock is let go of without a sound.
const BUSY: Duration = Duration::from_secs(1);
/// What stands in the way lies outside of what is watched: anywhere in the worktree.
const ELSEWHERE: Duration = Duration::from_secs(10);

impl View {
    /// Whether a step would do something now.
    pub fn due(&self) -> Due {
        if let Some(busy) = &self.busy {
            let message = format!("{busy}; it is waited for");
            return Due::Nothing { reason: Reason::new(ReasonCode::Busy, message), again: Some(BUSY) };
        }
        let in_flight = !matches!(self.run.phase(), Phase::Quiet(_));
        let ends = self.run.life == Life::Open;
        match &self.preview.reason {
            None => Due::Step,
            Some(_) if in_flight || self.run.cut_undo().is_some() => Due::Step,
            Some(reason) if reason.code == ReasonCode::Completed && ends => Due::Step,
            Some(reason) => Due::Nothing { reason: reason.clone(), again: self.again(reason.code) },
        }
    }

    fn again(&self, code: ReasonCode) -> Option<Duration> {
        match code {
            ReasonCode::Parked => {
                let ticket = self.preview.ticket.as_ref()?;
                let retry = self.preview.run.tickets.get(ticket)?.retry?;
                Some(retry.until.since(Workspace::moment()))
            }
            ReasonCode::DirtyWorktree
            | ReasonCode::RepositoryState
            | ReasonCode::CommitFailed
            | ReasonCode::ScopePending
            | ReasonCode::GitFailed => Some(ELSEWHERE),
            _ => None,
        }
    }
}

impl Workspace {
    /// What is worth a look when it changes: the tickets, the branches, and what other commands decide.
    pub fn watched(&self) -> Places {
        let names = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        let (git_dir, common_dir) = (&self.place.git_dir, &self.place.common_dir);
        let heads = ["HEAD", "index", "MERGE_HEAD", "CHERRY_PICK_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply"];
        let place = |folder: PathBuf, deep: bool, names| Place { folder, deep, names };
        Places(vec![
            place(self.layout.top.clone(), false, names(&[TICKETS])),
            place(self.layout.tickets(), true, None),
            place(git_dir.clone(), false, names(&heads)),
            place(common_dir.clone(), false, names(&["packed-refs", "refs", "turnstile"])),
            place(common_dir.join("refs/heads"), true, None),
            place(self.layout.machine(), false, names(&["triggers", "trusted", "worktrees"])),
            place(self.layout.triggers(), true, None),
            place(self.layout.trusted(), true, None),
            place(self.layout.worktree_folder(), false, names(&["decisions"])),
            place(self.layout.decisions(), true, None),
        ])
    }

    /// The files that have to be quiet before a step takes them up: the ticket, the config, a reply with all that is
    /// attached to it.
    pub fn taken_up(&self, view: &View) -> Result<Vec<PathBuf>, RunError> {
        let ticket = view.preview.ticket.as_ref().map(|ticket| self.layout.top.join(ticket.path()));
        let (reply, folder) = (self.layout.reply_file(), self.layout.reply_folder());
        let mut files: Vec<PathBuf> = ticket.into_iter().chain([self.layout.config_file(), reply]).collect();
        // What is too much to be attached makes a reply that no step takes up.
        let attached = store::look_reply(&self.layout)?.map(|reply| reply.attachments).unwrap_or_default();
        files.extend(attached.iter().map(|(path, _)| folder.join(path)));
        files.push(folder);
        Ok(files)
    }
}

//! Which of git's hooks serve which wish, in which kind of repository.

use serde::{Deserialize, Serialize};

pub use crate::trigger::Hook;

/// What is to ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A push: from here, or to here.
    Push,
    /// A merge, a pull, a rebase: what others wrote has come.
    Merge,
    /// A commit or a checkout.
    Commit,
}

impl Event {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Push, Self::Merge, Self::Commit];
    /// Those that `hooks install` takes where nobody says anything else.
    pub const DEFAULT: [Self; 2] = [Self::Push, Self::Merge];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Merge => "merge",
            Self::Commit => "commit",
        }
    }
}

/// What a hook is installed for, as it is typed.
pub fn wish_of(hook: Hook) -> &'static str {
    match hook {
        Hook::PrePush | Hook::PostReceive => "push",
        Hook::PostMerge | Hook::PostRewrite => "merge",
        Hook::PostCommit | Hook::PostCheckout => "commit",
        Hook::PreCommit => "lint",
    }
}

/// What a repository is used for, seen from where the command was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryKind {
    /// Somebody works here: there is a worktree.
    pub has_worktree: bool,
    /// Others push to it: it is bare, or takes pushes to the branch that is checked out.
    pub is_pushed_to: bool,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What is to ring.
    pub on: Vec<Event>,
    /// Whether staged tickets are checked before a commit.
    pub lint: bool,
}

impl Wish {
    /// The hooks that serve it.
    pub fn hooks(&self, kind: RepositoryKind) -> Vec<Hook> {
        let wanted = |hook: &Hook| match hook {
            Hook::PrePush => kind.has_worktree && self.on.contains(&Event::Push),
            Hook::PostReceive => kind.is_pushed_to && self.on.contains(&Event::Push),
            Hook::PostMerge | Hook::PostRewrite => kind.has_worktree && self.on.contains(&Event::Merge),
            Hook::PostCommit | Hook::PostCheckout => kind.has_worktree && self.on.contains(&Event::Commit),
            Hook::PreCommit => kind.has_worktree && self.lint,
        };
        Hook::ALL.into_iter().filter(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(on: &[Event], lint: bool, has_worktree: bool, is_pushed_to: bool) -> String {
        let wish = Wish { on: on.to_vec(), lint };
        let hooks = wish.hooks(RepositoryKind { has_worktree, is_pushed_to });
        hooks.iter().map(|hook| hook.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_wish_is_served_by_the_hooks_that_this_kind_of_repository_runs() {
        assert_eq!(hooks(&Event::DEFAULT, false, true, false), "pre-push post-merge post-rewrite");
        assert_eq!(hooks(&Event::DEFAULT, false, false, true), "post-receive", "a bare one merges nothing");
        assert_eq!(hooks(&[Event::Push], false, true, true), "pre-push post-receive");
        assert_eq!(hooks(&[Event::Commit], false, true, false), "post-commit post-checkout");
        assert_eq!(hooks(&[], true, true, false), "pre-commit", "lint alone: nothing else");
        assert_eq!(hooks(&[Event::Merge, Event::Commit], true, false, true), "", "nothing there serves it");
    }
}

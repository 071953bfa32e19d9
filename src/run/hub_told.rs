//! What became of a pushed branch since a runner saw it, and whether a push has told of it. A branch that moved while an
//! agent had its turns, and of which no hook has told, may have been moved by the agent: that is no push.

use std::time::Duration;

use super::error::RunError;
use super::hub_files::HubBranch;
use super::hub_sync::{Relation, is_in_question, may_be_published, relation};
use super::workspace::Workspace;
use crate::flow::{Life, Reason, ReasonCode, RunState};
use crate::git;
use crate::store::Layout;
use crate::text::shell_word;
use crate::trigger::{self, RefName};

/// Git moves a branch and then calls the hook that tells of it.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// How the branch of a worktree stands to it, before a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Nothing comes in, and nothing has to go out.
    Nothing,
    /// Something comes in or goes out first, as a sentence.
    First(String),
    /// Nothing goes on before a person has looked at it.
    Stands(Reason),
}

impl Workspace {
    /// How the branch stands to this worktree, by a look that waits for nobody and changes nothing.
    pub fn pushed(&self, state: &RunState) -> Result<Pushed, RunError> {
        let Some(hub) = &self.hub else { return Ok(Pushed::Nothing) };
        let at = git::head(&self.place)?;
        if is_in_question(state) {
            return Ok(Pushed::Nothing);
        }
        if let Some(branch) = &at.branch {
            return Ok(Pushed::First(self.attached(hub, state, branch).message));
        }
        let Some(head) = at.commit else { return Ok(Pushed::Nothing) };
        let shown = hub.shown();
        let tip = git::tip(&self.place, &hub.name)?;
        if self.is_doubted(hub, state, tip.as_deref(), &head)? {
            return Ok(Pushed::Stands(self.untold(hub, tip.as_deref())));
        }
        let Some(tip) = tip else {
            return Ok(Pushed::First(format!("`{shown}` was removed: a run here ends, and what it has made is kept")));
        };
        Ok(match relation(&self.place, &hub.seen, &tip, &head)? {
            Relation::Equal => Pushed::Nothing,
            Relation::Ahead if !may_be_published(state) => Pushed::Nothing,
            Relation::Ahead => match self.taken_elsewhere(hub) {
                Some(reason) => Pushed::Stands(reason),
                None => Pushed::First(format!("what was made here is not on `{shown}` yet: a run publishes it first")),
            },
            Relation::Behind | Relation::Apart => {
                let commit = tip.get(..10).unwrap_or(&tip);
                Pushed::First(format!("`{shown}` was pushed: {commit} comes in first"))
            }
        })
    }

    /// Whether the branch is somewhere where no push has brought it, and a turn of the open run may have.
    fn is_doubted(&self, hub: &HubBranch, state: &RunState, tip: Option<&str>, head: &str) -> Result<bool, RunError> {
        // What was seen when a run came to its end by itself was seen behind its last turn.
        let may_be_a_turns = matches!(state.life, Life::Open | Life::Stopped) && state.turns > 0;
        if !may_be_a_turns || tip == Some(hub.seen.as_str()) {
            return Ok(false);
        }
        // Commits that are here already bring nothing in, whoever has put the branch on them.
        if let Some(tip) = tip
            && git::is_within(&self.place, tip, head)?
            && git::is_within(&self.place, &hub.seen, tip)?
        {
            return Ok(false);
        }
        Ok(!self.is_told(hub, tip)?)
    }

    /// The same, with patience for a hook that is about to tell.
    pub(super) fn stays_doubted(
        &self,
        hub: &HubBranch,
        state: &RunState,
        tip: Option<&str>,
        head: &str,
    ) -> Result<bool, RunError> {
        for _ in 0..LOOKS {
            if !self.is_doubted(hub, state, tip, head)? {
                return Ok(false);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(true)
    }

    /// Whether hooks have told how the branch came from where it was seen to where it is. A trigger is handed on before it
    /// is dropped: it is always found in the repository's own place or, looked at afterwards, in this worktree's.
    pub(super) fn is_told(&self, hub: &HubBranch, tip: Option<&str>) -> Result<bool, RunError> {
        let common_dir = &self.layout.common_dir;
        let name = RefName::of(&git::text_to_path(&hub.name));
        let (mut moves, mut is_whole) = (Vec::new(), true);
        for layout in [&Layout::main(common_dir, common_dir), &self.layout] {
            for trigger in trigger::kept(layout)?.into_iter().filter_map(|kept| kept.trigger) {
                is_whole &= trigger.left_out == 0;
                moves.extend(trigger.moved.into_iter().filter(|moved| moved.name == name));
            }
        }
        let told = hub.told.iter().cloned().map(Some).chain([Some(hub.seen.clone())]).collect();
        Ok(!is_whole || leads_to(told, &moves, tip))
    }

    /// Why nothing is exchanged with the branch where another one is checked out here.
    pub(super) fn attached(&self, hub: &HubBranch, state: &RunState, branch: &str) -> Reason {
        let top = shell_word(&self.layout.top.display().to_string());
        // A run that has taken the branch for its own does not go on anywhere else.
        let is_its_own = state.life == Life::Open && state.branch.as_deref() == Some(branch);
        let stop = if is_its_own { format!(" && turnstile -C {top} stop") } else { String::new() };
        let message = format!(
            "`{}` is checked out in the worktree that is for `{}`: nothing that is pushed comes in, and nothing is published; \
             `git -C {top} switch --detach{stop} && turnstile -C {top} run` goes on with what lies there",
            super::hub_files::branch_name(branch),
            hub.shown()
        );
        Reason::new(ReasonCode::RepositoryState, message)
    }

    /// Why nothing that nobody has told of comes in.
    pub(super) fn untold(&self, hub: &HubBranch, tip: Option<&str>) -> Reason {
        let git_dir = shell_word(&self.layout.common_dir.display().to_string());
        let plain = String::from_utf8_lossy(&git::text_to_path(&hub.name)).into_owned();
        let name = shell_word(&plain);
        let short = |commit: &str| commit.get(..10).unwrap_or(commit).to_owned();
        let zeros = "0".repeat(40);
        let at = tip.unwrap_or(&zeros);
        let (is, look) = match tip {
            None => ("is gone".to_owned(), String::new()),
            Some(tip) => (
                format!("is at {}", short(tip)),
                format!("look at it: git -C {git_dir} log {}..{name}\n", short(&hub.seen)),
            ),
        };
        let line = shell_word(&format!("{} {} {plain}", hub.seen, at));
        let message = format!(
            "`{}` {is} while a run is under way, and no push has told of it: a turn may have done that\n\
             {look}to put it back: git -C {git_dir} update-ref {name} {} {at}\n\
             if it is somebody's work: echo {line} | turnstile -C {git_dir} hook post-receive\n\
             then: turnstile -C {git_dir} run",
            hub.shown(),
            hub.seen,
        );
        Reason::new(ReasonCode::RepositoryState, message)
            .details(serde_json::json!({ "branch": hub.shown(), "seen": hub.seen, "at": tip }))
    }

    /// Why the branch cannot be moved: somebody has it checked out, and would find their worktree behind it.
    pub(super) fn taken_elsewhere(&self, hub: &HubBranch) -> Option<Reason> {
        let message = taken(&self.place, &hub.name)?;
        Some(Reason::new(ReasonCode::RepositoryState, message))
    }
}

/// Whether movements lead from one of some places to another, in whatever order they are told; no commit is a branch that is
/// not there.
fn leads_to(mut reached: Vec<Option<String>>, moves: &[trigger::Moved], to: Option<&str>) -> bool {
    let place = |commit: &str| commit.bytes().any(|digit| digit != b'0').then(|| commit.to_owned());
    loop {
        let next =
            |moved: &&trigger::Moved| reached.contains(&place(&moved.old)) && !reached.contains(&place(&moved.new));
        match moves.iter().find(next) {
            Some(step) => reached.push(place(&step.new)),
            None => return reached.iter().any(|one| one.as_deref() == to),
        }
    }
}

/// Why a branch of a bare repository cannot be worked on, where a worktree has it checked out.
pub(super) fn taken(place: &git::Place, name: &str) -> Option<String> {
    let wanted = git::text_to_path(name);
    // A bare repository's own HEAD names a branch and checks nothing out.
    let is_other = |one: &git::CheckedOut| one.branch == wanted && one.start != place.common_dir && one.start.is_dir();
    let found = git::checked_out(place).into_iter().find(is_other)?;
    let folder = shell_word(&found.start.display().to_string());
    Some(format!(
        "`{}` is checked out in {folder}: what is made of it could not be published without leaving that worktree behind; \
         `git -C {folder} switch --detach` lets go of the branch, and `turnstile -C {} run` goes on",
        super::hub_files::branch_name(name),
        shell_word(&place.common_dir.display().to_string())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Moved;

    #[test]
    fn what_was_told_has_to_lead_from_where_a_branch_was_seen_to_where_it_is() {
        let told = |moves: &[(&str, &str)], to: Option<&str>| {
            let moved = |(old, new): &(&str, &str)| Moved {
                name: RefName::of(b"refs/heads/main"),
                old: (*old).to_owned(),
                new: (*new).to_owned(),
            };
            leads_to(vec![Some("a".into())], &moves.iter().map(moved).collect::<Vec<_>>(), to)
        };
        assert!(told(&[("a", "b")], Some("b")) && told(&[("b", "c"), ("a", "b")], Some("c")));
        assert!(!told(&[], Some("b")) && !told(&[("a", "b")], Some("c")));
        assert!(!told(&[("b", "c")], Some("c")), "nobody has told of b");
        assert!(told(&[("a", "000")], None) && told(&[("a", "000"), ("000", "d")], Some("d")));
        assert!(!told(&[("000", "d")], Some("d")), "nobody has told that it was removed");
        assert!(told(&[("a", "b"), ("b", "a"), ("a", "c")], Some("c")), "there and back");
    }
}

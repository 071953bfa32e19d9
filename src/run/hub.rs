//! What was pushed to a bare repository: it is handed on to the worktrees of its branches, each of which has a runner of
//! its own. What they go by is the copy of the config that a person has stored; what is pushed changes nothing of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::RunError;
use super::hub_files::{self, HubBranch, branch_name};
use super::hub_overview::{unborn, wanted};
use super::hub_told::taken;
use super::triggers::{Waiting, refuse, start_runner};
use super::workspace::{Surroundings, Workspace, fold};
use crate::crash::{Point, point};
use crate::flow::Life;
use crate::git::{self, Branch, Place};
use crate::store::{self, Holder, Journal, Layout, LockError, TICKETS, WorktreeLock};
use crate::text::shell_word;
use crate::trigger::{self, Kept, Moved, RefName, Trigger, Why};

/// Serves the triggers of a bare repository until none is left; whoever comes meanwhile finds the lock taken and goes away.
pub fn serve(git_dir: &Path, surroundings: &Surroundings, note: &mut dyn FnMut(&str)) -> Result<(), RunError> {
    let hub = Hub { place: git::bare_place(git_dir), layout: Layout::main(git_dir, git_dir), surroundings };
    loop {
        let holder = Holder { pid: std::process::id(), since: Workspace::now(), command: surroundings.command.clone() };
        let lock = match WorktreeLock::acquire(&hub.layout, &holder) {
            Ok(lock) => lock,
            Err(LockError::Busy { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        trigger::sweep(&hub.layout, crate::effect::is_alive)?;
        let waiting = trigger::kept(&hub.layout)?;
        if !waiting.is_empty() {
            match hub.hand_on(&waiting, note) {
                Ok(()) => {
                    trigger::drop_kept(&hub.layout, &waiting)?;
                    trigger::clear_refused(&hub.layout)?;
                }
                Err(why) => {
                    note(&format!("{}: {}", why.code, why.message));
                    refuse(&hub.layout, &waiting, why)?;
                }
            }
        }
        drop(lock);
        if !wants_a_start(&hub.layout)? {
            return Ok(());
        }
    }
}

/// Whether a trigger waits that no start was refused for.
fn wants_a_start(layout: &Layout) -> Result<bool, RunError> {
    let refused = trigger::last_refused(layout).map(|refused| refused.triggers).unwrap_or_default();
    Ok(trigger::kept(layout)?.iter().any(|kept| !refused.contains(&kept.id)))
}

/// Starts runners for the pushes that wait, if there are some, whatever the last start was refused for: that was
/// answered.
pub fn go_on(git_dir: &Path, surroundings: &Surroundings) -> Result<bool, RunError> {
    let layout = Layout::main(git_dir, git_dir);
    let mut places = vec![(layout.clone(), git_dir.to_owned())];
    for (name, _) in hub_files::all(&layout)? {
        let top = layout.hub().join(&name);
        places.push((Layout::linked(&top, git_dir, &name), top));
    }
    let mut goes_on = false;
    for (layout, start) in places {
        if trigger::kept(&layout)?.is_empty() {
            continue;
        }
        trigger::clear_refused(&layout)?;
        // Where the folder is gone, whoever makes it anew takes up what waits there.
        if start.is_dir() {
            start_runner(surroundings, &start)?;
            goes_on = true;
        }
    }
    Ok(goes_on)
}

/// What waits for the repository as a whole, and why the last start came to nothing.
pub fn waiting(git_dir: &Path) -> Result<Waiting, RunError> {
    let layout = Layout::main(git_dir, git_dir);
    Ok(Waiting { triggers: trigger::kept(&layout)?, refused: trigger::last_refused(&layout) })
}

/// A branch that is worked on, or why it is not known which, and its worktree.
pub type HubWorktree = (Result<HubBranch, RunError>, PathBuf);

/// The branches that are worked on.
pub fn worktrees(git_dir: &Path) -> Result<Vec<HubWorktree>, RunError> {
    let layout = Layout::main(git_dir, git_dir);
    Ok(hub_files::all(&layout)?.into_iter().map(|(name, branch)| (branch, layout.hub().join(name))).collect())
}

/// What asks for a look at all branches, wherever they are.
const LOOK: &str = "run";

/// Has a runner look at all branches, as a push would.
pub fn look_now(git_dir: &Path, surroundings: &Surroundings) -> Result<(), RunError> {
    let layout = Layout::main(git_dir, git_dir);
    trigger::keep(&layout, &Trigger::new(LOOK, Workspace::now(), None, Vec::new()))?;
    trigger::clear_refused(&layout)?;
    start_runner(surroundings, git_dir)
}

/// Why no push is worked on here, as long as nobody has stored by what; none where somebody has.
pub fn lacks_copy(git_dir: &Path) -> Result<Option<String>, RunError> {
    Ok(match store::stored_copy(git_dir)? {
        Ok(Some(_)) => None,
        Ok(None) => Some(untrusted(git_dir).message),
        Err(refused) => Some(refused.to_string()),
    })
}

/// What has to be typed before a push starts anything.
pub(super) fn untrusted(git_dir: &Path) -> Why {
    let shown = shell_word(&git_dir.display().to_string());
    let branch = other_than_head(git_dir).map(|name| format!(" {}", shell_word(&name))).unwrap_or_default();
    Why {
        code: "untrusted".to_owned(),
        message: format!(
            "no person on this machine has looked at the config and the templates by which a push is worked on; `turnstile -C \
             {shown} trust{branch}` shows them, and stores what you trust"
        ),
    }
}

/// A branch to look at where HEAD names none that is there.
fn other_than_head(git_dir: &Path) -> Option<String> {
    let place = git::bare_place(git_dir);
    let there = git::branches(&place).ok()?;
    let head = git::head_branch(&place).ok()?;
    if there.iter().any(|branch| Some(&branch.name) == head.as_ref()) {
        return None;
    }
    there.first().map(|branch| branch_name(&branch.name))
}

/// Forgets a branch whose worktree is gone, and with it what its last run has asked: a branch of that name is another one.
fn forget(layout: &Layout) -> Result<(), RunError> {
    if let Some(run) = store::current_run(layout)?
        && fold(&Journal::read(&layout.journal(&run))?)?.life != Life::Open
    {
        store::forget_current_run(layout)?;
    }
    hub_files::remove(layout, &layout.worktree)
}

struct Hub<'a> {
    place: Place,
    layout: Layout,
    surroundings: &'a Surroundings,
}

impl Hub<'_> {
    /// Gives each branch that is concerned a trigger of its own, and a runner.
    fn hand_on(&self, waiting: &[Kept], note: &mut dyn FnMut(&str)) -> Result<(), Why> {
        let copy =
            match store::stored_copy(&self.layout.common_dir).map_err(RunError::from).map_err(|error| why(&error))? {
                Ok(Some(copy)) => copy,
                Ok(None) => return Err(untrusted(&self.place.git_dir)),
                Err(refused) => return Err(Why { code: "untrusted".to_owned(), message: refused.to_string() }),
            };
        let (mut known, mut damaged, mut failed) = (BTreeMap::new(), Vec::new(), None);
        for (name, branch) in hub_files::all(&self.layout).map_err(|error| why(&error))? {
            match branch {
                Ok(branch) => drop(known.insert(name, branch)),
                Err(error) => {
                    failed = Some(why(&error));
                    damaged.push(name);
                }
            }
        }
        let there = git::branches(&self.place).map_err(RunError::from).map_err(|error| why(&error))?;
        let wanted = wanted(&self.place, Some(&copy)).map_err(|error| why(&error))?;
        if let Some(message) = unborn(&self.place, &wanted, &there, |name| known.contains_key(name)) {
            return Err(Why { code: "repository_state".to_owned(), message });
        }
        let asked = Asked::of(waiting);
        for branch in there.iter().filter(|branch| wanted.names.contains(&branch.name)) {
            let name = hub_files::name_of(&branch.name);
            if damaged.contains(&name) {
                continue;
            }
            let is_new = known.get(&name).is_none_or(|known| known.seen != branch.commit);
            let is_ticketless = || {
                let has = git::has_folder(&self.place.git_dir, &branch.commit, TICKETS);
                !known.contains_key(&name) && !has.unwrap_or(true)
            };
            let is_asked = is_new || asked.names(&branch.name);
            // Its runner was killed, and what it was to serve waits still.
            let is_left =
                || wants_a_start(&Layout::linked(self.layout.hub().join(&name), &self.layout.common_dir, &name));
            if !(is_asked || is_left().map_err(|error| why(&error))?) || is_ticketless() {
                continue;
            }
            if let Some(message) = taken(&self.place, &branch.name) {
                failed = Some(Why { code: "repository_state".to_owned(), message });
                continue;
            }
            let handed = self.worktree(&name, branch, known.get(&name)).and_then(|top| {
                note(&format!("`{}` is worked on in {}", branch_name(&branch.name), top.display()));
                if is_asked {
                    self.hand_to(&name, &top, asked.moved(&branch.name))
                } else {
                    start_runner(self.surroundings, &top)
                }
            });
            if let Err(error) = handed {
                let of = branch_name(&branch.name);
                failed = Some(Why { message: format!("`{of}`: {}", error.in_full()), ..why(&error) });
            }
        }
        for (name, branch) in known.iter().filter(|(_, known)| there.iter().all(|there| there.name != known.name)) {
            let top = self.layout.hub().join(name);
            let handed = if top.join(".git").exists() {
                self.hand_to(name, &top, asked.moved(&branch.name))
            } else {
                // Whoever retired it was killed before the last of it was gone.
                git::remove_worktree(&self.layout.common_dir, name, &top)
                    .map_err(RunError::from)
                    .and_then(|()| forget(&Layout::linked(&top, &self.layout.common_dir, name)))
            };
            failed = handed.err().map(|error| why(&error)).or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    /// The worktree of a branch, made where there is none. One that is not written down as whole holds nobody's work.
    fn worktree(&self, name: &str, branch: &Branch, known: Option<&HubBranch>) -> Result<PathBuf, RunError> {
        let top = self.layout.hub().join(name);
        if known.is_some() && git::discover(&top).is_ok_and(|found| found.top == top) {
            return Ok(top);
        }
        // What was not published yet is still known where only the folder is gone.
        let at =
            known.map(|known| git::detached_at(&self.layout.common_dir, name).unwrap_or_else(|| known.seen.clone()));
        let at = at.unwrap_or_else(|| branch.commit.clone());
        git::remove_worktree(&self.layout.common_dir, name, &top)?;
        store::make_machine_folder(&self.layout.hub())?;
        git::add_detached(&self.place, &top, &at)?;
        point(Point::HubAdded);
        let seen = known.map_or(branch.commit.as_str(), |known| &known.seen);
        hub_files::write(&self.layout, name, &HubBranch::new(&branch.name, seen))?;
        Ok(top)
    }

    fn hand_to(&self, name: &str, top: &Path, moved: Vec<Moved>) -> Result<(), RunError> {
        let layout = Layout::linked(top, &self.layout.common_dir, name);
        let trigger = Trigger::new("post-receive", Workspace::now(), Some(name.to_owned()), moved);
        trigger::keep(&layout, &trigger)?;
        point(Point::HubHandedOn);
        start_runner(self.surroundings, top)
    }
}

fn why(error: &RunError) -> Why {
    let code = error.reason().map_or("io", |code| code.name());
    Why { code: code.to_owned(), message: error.in_full() }
}

/// What the triggers that wait have told of.
struct Asked {
    moved: Vec<Moved>,
    /// Whether they have told all.
    is_whole: bool,
}

impl Asked {
    fn of(waiting: &[Kept]) -> Self {
        let is_whole = waiting
            .iter()
            .all(|kept| kept.trigger.as_ref().is_some_and(|trigger| trigger.left_out == 0 && trigger.hook != LOOK));
        let moved = waiting.iter().filter_map(|kept| kept.trigger.as_ref()).flat_map(|trigger| trigger.moved.clone());
        Self { moved: moved.collect(), is_whole }
    }

    fn names(&self, branch: &str) -> bool {
        !self.is_whole || !self.moved(branch).is_empty()
    }

    fn moved(&self, branch: &str) -> Vec<Moved> {
        let name = RefName::of(&git::text_to_path(branch));
        self.moved.iter().filter(|moved| moved.name == name).cloned().collect()
    }
}

impl Workspace {
    /// Why nothing is begun in the worktree of a pushed branch by itself; none where something may be.
    pub fn lacks_copy(&self) -> Option<Why> {
        (self.hub.is_some() && self.copy.is_none()).then(|| untrusted(&self.layout.common_dir))
    }

    /// What a run here goes on without, because nobody has trusted it; none where it goes by what lies here.
    pub fn differs_told(&self) -> Result<Option<String>, RunError> {
        let (Some(hub), paths) = (&self.hub, self.differs_from_copy()?) else { return Ok(None) };
        Ok((!paths.is_empty()).then(|| {
            format!(
                "what was pushed has another {} than was trusted, and runs go on with the trusted one; `turnstile -C {} trust \
                 {}` takes it",
                crate::text::shown_line(&paths.join(", ")),
                shell_word(&self.layout.common_dir.display().to_string()),
                shell_word(&hub.shown())
            )
        }))
    }

    /// Leaves why a start for the triggers that wait was refused.
    pub fn refuse_start(&self, waiting: &[Kept], reason: Why) -> Result<(), RunError> {
        refuse(&self.layout, waiting, reason)
    }

    /// Removes the worktree of a branch that is gone, when nothing of it would be lost; whether it did.
    pub fn retire(&self) -> Result<bool, RunError> {
        let Some(hub) = &self.hub else { return Ok(false) };
        let Ok(_lock) = WorktreeLock::acquire(&self.layout, &self.holder()) else { return Ok(false) };
        // What a person has to look at stays where it is.
        if self.folded()?.state.life == Life::Open {
            return Ok(false);
        }
        if git::tip(&self.place, &hub.name)?.is_some() || !git::is_clean(&self.place)? {
            return Ok(false);
        }
        let Some(head) = git::head(&self.place)?.commit else { return Ok(false) };
        if !git::is_within(&self.place, &head, &hub.seen)? && !git::is_on_a_branch(&self.place, &head)? {
            return Ok(false);
        }
        let name = &self.layout.worktree;
        git::remove_worktree(&self.layout.common_dir, name, &self.layout.top)?;
        point(Point::HubRetired);
        forget(&self.layout)?;
        Ok(true)
    }
}

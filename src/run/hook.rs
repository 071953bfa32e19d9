//! What a call of a git hook comes to: a trigger on the disk and a runner for it, or nothing. It looks at no ticket and
//! runs no program of git's, so that whoever pushes waits for nothing.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::callers;
use super::inside::{is_inside_turn, says_inside_turn};
use super::triggers::{not_started, start_runner};
use super::workspace::{Surroundings, Workspace, layout_of};
use crate::git::{self, Home};
use crate::store::{Layout, TICKETS};
use crate::trigger::{self, Hook, Moved, RefName, Refused, Trigger, Why};

/// A call of a git hook.
#[derive(Debug)]
pub struct HookCall {
    /// Which.
    pub hook: Hook,
    /// What git gave it on its command line.
    pub arguments: Vec<OsString>,
    /// What git told it on its standard input.
    pub stdin: Vec<u8>,
    /// `GIT_DIR`, where it is set.
    pub git_dir: Option<OsString>,
    /// The current directory.
    pub directory: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hooked {
    /// Nothing was to be done, and why.
    Nothing(&'static str),
    /// A trigger is kept, and a runner was started for it.
    Kept,
    /// It could not be kept, and why.
    NotKept(String),
    /// It is kept, and no runner could be started for it.
    NotStarted(String),
}

/// Whom a call is for: where a runner begins, and where its machine part lies.
struct For {
    start: PathBuf,
    layout: Layout,
    worktree: Option<String>,
    moved: Vec<Moved>,
}

/// Keeps a trigger for a call of a hook, and starts a runner for it.
pub fn take_hook(call: &HookCall, surroundings: &Surroundings) -> Hooked {
    let home = match git::home_of_hook(call.git_dir.as_deref(), &call.directory) {
        Ok(home) => home,
        Err(error) => return unopened(call, &super::RunError::from(error).in_full()),
    };
    let (layout, git_dir) = match &home {
        Home::Worktree(place) => (layout_of(place), place.git_dir.clone()),
        Home::Bare(path) => (Layout::main(path, path), path.clone()),
    };
    if says_inside_turn(&surroundings.variables, &layout.common_dir) || is_inside_turn(&layout.common_dir) {
        return Hooked::Nothing("a turn of this repository is what called the hook");
    }
    if call.hook == Hook::PostCheckout && call.arguments.get(2).is_none_or(|flag| flag != "1") {
        return Hooked::Nothing("files were checked out, and no commit");
    }
    let head = match &home {
        Home::Worktree(place) => git::head(place).ok().and_then(|head| head.commit),
        Home::Bare(_) => None,
    };
    let arguments: Vec<&[u8]> = call.arguments.iter().map(|argument| argument.as_bytes()).collect();
    let moved = trigger::moved_by(call.hook, &arguments, &call.stdin, head.as_deref());
    // Who merges, rebases or switches to such a commit may well have brought something else with it, and nothing of
    // turnstile's pushes to where it works: a branch that somebody pushes there is theirs, whoever made its commits.
    let is_new = matches!(call.hook, Hook::PostCommit | Hook::PrePush);
    if is_new && is_own(&layout, &git_dir, &moved) {
        return Hooked::Nothing("every commit of it is turnstile's own");
    }
    let whom = match home {
        Home::Bare(path) if call.hook == Hook::PostReceive => of_bare(path, layout, moved),
        Home::Bare(_) => Vec::new(),
        Home::Worktree(place) if call.hook == Hook::PostReceive => of_pushed(&place, &moved),
        Home::Worktree(place) => {
            vec![For { worktree: Some(layout.worktree.clone()), start: place.top, layout, moved }]
        }
    };
    let mut kept = false;
    for whom in whom.into_iter().filter(has_tickets) {
        if let Err(failed) = keep(call.hook, &whom, surroundings) {
            return failed;
        }
        kept = true;
    }
    if kept { Hooked::Kept } else { Hooked::Nothing("no worktree with tickets has what has moved") }
}

/// A pushed branch concerns the worktree that has it checked out, and nobody else.
fn of_pushed(place: &git::Place, moved: &[Moved]) -> Vec<For> {
    let mut whom = Vec::new();
    for checked_out in git::checked_out(place) {
        let name = RefName::of(&checked_out.branch);
        let mut here: Vec<Moved> = moved.iter().filter(|one| one.name == name && !one.is_deletion()).cloned().collect();
        if here.is_empty() && !moved.is_empty() {
            continue;
        }
        // One whose folder is gone has nothing that could be worked on.
        if let Ok(Home::Worktree(place)) = git::home_of_hook(None, &checked_out.start) {
            // Whoever called the hook has kept to themselves what git said: all that is checked out may have moved.
            if here.is_empty()
                && let Some(new) = git::head(&place).ok().and_then(|head| head.commit)
            {
                here.push(Moved { name, old: "0".repeat(new.len()), new });
            }
            let layout = layout_of(&place);
            whom.push(For { start: place.top, worktree: Some(layout.worktree.clone()), layout, moved: here });
        }
    }
    whom
}

/// A bare repository is concerned where something that was pushed has tickets, and where nobody knows what was pushed: then
/// all branches are looked at.
fn of_bare(git_dir: PathBuf, layout: Layout, moved: Vec<Moved>) -> Vec<For> {
    let has = |one: &Moved| one.is_deletion() || git::has_folder(&git_dir, &one.new, TICKETS).unwrap_or(true);
    if !moved.is_empty() && !moved.iter().any(has) {
        return Vec::new();
    }
    vec![For { start: git_dir, layout, worktree: None, moved }]
}

fn has_tickets(whom: &For) -> bool {
    whom.worktree.is_none() || std::fs::symlink_metadata(whom.layout.tickets()).is_ok()
}

fn keep(hook: Hook, whom: &For, surroundings: &Surroundings) -> Result<(), Hooked> {
    let trigger = Trigger::new(hook.name(), Workspace::now(), whom.worktree.clone(), whom.moved.clone());
    let trigger = Trigger { caller: callers::of_hook(hook), ..trigger };
    if let Err(error) = trigger::keep(&whom.layout, &trigger) {
        let why = super::RunError::from(error).in_full();
        let why = format!("{why}; {}", way_out(whom.worktree.is_none()));
        note(&whom.layout, hook, "io", format!("the trigger could not be kept: {why}"));
        return Err(Hooked::NotKept(why));
    }
    start_runner(surroundings, &whom.start).map_err(|error| {
        let why = error.in_full();
        not_started(&whom.layout, hook.name(), &why);
        Hooked::NotStarted(format!("{why}; {}", way_out(whom.worktree.is_none())))
    })
}

/// What does what a hook has asked for in vain.
fn way_out(is_bare: bool) -> &'static str {
    if is_bare {
        "`turnstile run` there does what the hook asked for"
    } else {
        "`turnstile run` does what the hook asked for"
    }
}

/// The repository cannot be opened: why is left where `turnstile doctor` looks, if there is such a place.
fn unopened(call: &HookCall, why: &str) -> Hooked {
    let Some((common_dir, top)) = git::guessed_home(call.git_dir.as_deref(), &call.directory) else {
        return Hooked::Nothing("there is no repository here");
    };
    let top = top.unwrap_or_else(|| common_dir.clone());
    let layout = Layout::main(top, common_dir);
    let is_there = |path: PathBuf| std::fs::symlink_metadata(path).is_ok();
    if is_there(layout.tickets()) {
        note(&layout, call.hook, "repository_state", why.to_owned());
    } else if !is_there(layout.machine()) {
        // Hooks that are called for all repositories of a person say nothing in those that have nothing to do with us.
        return Hooked::Nothing("the repository cannot be opened, and turnstile was never here");
    }
    Hooked::NotKept(why.to_owned())
}

fn note(layout: &Layout, hook: Hook, code: &str, message: String) {
    let refused = Refused {
        at: Workspace::now(),
        asked_by: hook.name().to_owned(),
        reason: Why { code: code.to_owned(), message },
        triggers: Vec::new(),
    };
    if let Err(error) = trigger::note_refused(layout, &[], refused) {
        tracing::debug!(%error, "why the hook could do nothing is written nowhere");
    }
}

/// A push of many references is somebody's work, whatever some of them hold.
const FEW: usize = 20;

/// Whether all that has moved, and something has, moved to commits that the journals name as turnstile's own.
fn is_own(layout: &Layout, git_dir: &Path, moved: &[Moved]) -> bool {
    !moved.is_empty() && moved.len() <= FEW && moved.iter().all(|one| is_all_own(layout, git_dir, one))
}

/// So many commits in a row are looked at, for a push waits for it; behind more of them somebody's may be.
const LONGEST: usize = 20;

/// Whether the commits that a reference has moved over are turnstile's, and a turn's. Of HEAD nothing is told but where it is.
fn is_all_own(layout: &Layout, git_dir: &Path, moved: &Moved) -> bool {
    let mut own = BTreeSet::new();
    let mut commit = moved.new.clone();
    for number in 0..LONGEST {
        if !own.contains(&commit) {
            own.append(&mut made_by_run_of(layout, git_dir, &commit));
        }
        // A turn's commit alone, behind which turnstile has put none, is somebody's push.
        if !own.contains(&commit) || number == 0 && !names_a_run(git_dir, &commit) {
            return false;
        }
        if moved.name.is("HEAD") {
            return true;
        }
        match git::only_parent(git_dir, &commit) {
            Ok(Some(parent)) if parent == moved.old => return true,
            Ok(Some(parent)) => commit = parent,
            Ok(None) | Err(_) => return false,
        }
    }
    false
}

fn names_a_run(git_dir: &Path, commit: &str) -> bool {
    matches!(git::named_in_message(git_dir, commit, "Turnstile-Run"), Ok(Some(_)))
}

/// A message can say anything; what counts is what the journal of the run that it names says was made.
fn made_by_run_of(layout: &Layout, git_dir: &Path, commit: &str) -> BTreeSet<String> {
    let Ok(Some(run)) = git::named_in_message(git_dir, commit, "Turnstile-Run") else { return BTreeSet::new() };
    let is_id = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let journal = if is_id { std::fs::read(layout.journal(&run)).unwrap_or_default() } else { Vec::new() };
    let kinds = ["commit.made", "checkpoint.made", "undo.made", "turn.finished", "turn.failed", "turn.timed_out"];
    let kinds: Vec<String> = kinds.iter().map(|kind| format!(r#""kind":"{kind}""#)).collect();
    let holds = |line: &[u8], word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
    let lines = journal.split(|byte| *byte == b'\n').filter(|line| kinds.iter().any(|kind| holds(line, kind)));
    let told = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let commits = told.flat_map(|line| {
        let of_turn = line["commits"].as_array().cloned().unwrap_or_default();
        of_turn.into_iter().chain([line["commit"].clone()]).collect::<Vec<_>>()
    });
    commits.filter_map(|commit| commit.as_str().map(str::to_owned)).collect()
}

/// Whether who pushes sits at this machine, as far as the environment of a hook says: then a line on the terminal is
/// for them. Over any other transport not a byte is written.
pub fn is_local(variables: &[(OsString, OsString)]) -> bool {
    let is_set = |name: &str| variables.iter().any(|(known, value)| known == name && value != OsStr::new(""));
    let is_cgi = is_set("GATEWAY_INTERFACE") || is_set("REQUEST_METHOD");
    let is_daemon = is_set("REMOTE_ADDR") || is_set("REMOTE_HOST");
    // In a session of somebody who logged in there is a terminal as well.
    let is_ssh = is_set("SSH_ORIGINAL_COMMAND") || (is_set("SSH_CONNECTION") && !is_set("SSH_TTY"));
    !(is_cgi || is_daemon || is_ssh || is_set("GL_USER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_sits_at_this_machine_is_told_anything() {
        let local = |names: &[&str]| {
            let variables: Vec<_> = names.iter().map(|name| ((*name).into(), "x".into())).collect();
            is_local(&variables)
        };
        for names in [&[][..], &["PATH", "HOME"], &["SSH_CONNECTION", "SSH_TTY"]] {
            assert!(local(names), "{names:?}");
        }
        for names in [
            &["SSH_CONNECTION"][..],
            &["SSH_ORIGINAL_COMMAND", "SSH_CONNECTION", "SSH_TTY"],
            &["REMOTE_ADDR", "REMOTE_PORT"],
            &["GATEWAY_INTERFACE", "REMOTE_USER"],
            &["REQUEST_METHOD"],
            &["GL_USER"],
        ] {
            assert!(!local(names), "{names:?}");
        }
    }
}

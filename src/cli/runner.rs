//! The runner that a hook starts: `turnstile __runner`, in a session of its own, with nobody who reads what it says. It
//! serves the triggers of one worktree until none is left, and what it says goes to a log.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::run::{make_steps, sentence};
use super::triggers::shown_processes;
use super::{CliError, Context, Exit};
use crate::flow::AskedBy;
use crate::git::GitError;
use crate::run::{Options, RunError, Until, Workspace, hub, is_at_work, left_lying};
use crate::store::{self, Layout, LockError};

/// What comes in one go is looked at once.
const DEBOUNCE: Duration = Duration::from_millis(300);
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);
/// How often it is asked whether a command has ended.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_millis(500);
/// A log that is longer begins anew; the old one is kept until then.
const LONGEST: u64 = 1 << 20;

/// Serves the triggers of the worktree in which it was started.
pub fn run(context: &Context) -> Result<Exit, CliError> {
    let mut said = false;
    let mut tried: Vec<String> = Vec::new();
    loop {
        let mut workspace = match Workspace::open(&context.directory, context.surroundings()) {
            Ok(workspace) => workspace,
            Err(RunError::Git(GitError::Bare { path })) => return of_bare(context, &path),
            Err(error) => return Err(error.into()),
        };
        if is_held(&workspace.layout) {
            return Ok(Exit::SUCCESS);
        }
        let waiting = workspace.waiting()?;
        if !waiting.wants_a_start() || waiting.triggers.iter().all(|kept| tried.contains(&kept.id)) {
            return Ok(Exit::SUCCESS);
        }
        if !said {
            speak_to_log(&workspace.layout)?;
            said = true;
        }
        await_callers(context, &workspace)?;
        std::thread::sleep(DEBOUNCE);
        let mut waiting = workspace.waiting()?;
        if !waiting.callers().is_empty() {
            continue;
        }
        if let Err(error) = workspace.sweep_triggers() {
            context.printer.note(&left_lying(&error));
        }
        if let Some(why) = workspace.lacks_copy() {
            context.printer.note(&why.message);
            workspace.refuse_start(&waiting.triggers, why)?;
            continue;
        }
        // Of a branch of a bare repository that was looked at before its worktree was made.
        let unwanted = if workspace.hub.is_some() { 0 } else { workspace.drop_unwanted(&mut waiting)? };
        if unwanted > 0 {
            context
                .printer
                .note(&format!("{unwanted} push(es) were to branches that start no run (`triggers.branches`)"));
        }
        let Some(last) = waiting.triggers.last() else { continue };
        let what = last.trigger.as_ref().map_or_else(|| last.id.clone(), crate::trigger::Trigger::shown);
        context.printer.note(&format!("{} a run for {what}", Workspace::now()));
        let options = Options { asked_by: AskedBy::Trigger, ..Options::default() };
        match make_steps(context, &mut workspace, Until::Needed, &options) {
            Ok(driven) => {
                context.printer.note(&sentence(&driven.end));
                driven.notifier.end(&workspace, Some((&driven.end, &driven.document)));
                if Exit(driven.exit) == Exit::BUSY {
                    continue;
                }
            }
            // Why is left where `status` looks; what came meanwhile is for this runner all the same.
            Err(error) => context.printer.error(&error),
        }
        if workspace.retire()? {
            return Ok(Exit::SUCCESS);
        }
        // None is tried twice, should it be impossible to drop it and to say so.
        tried.extend(waiting.triggers.into_iter().map(|kept| kept.id));
    }
}

/// A bare repository's pushes are handed on to runners of their own.
fn of_bare(context: &Context, git_dir: &Path) -> Result<Exit, CliError> {
    std::thread::sleep(DEBOUNCE);
    speak_to_log(&Layout::main(git_dir, git_dir))?;
    hub::serve(git_dir, &context.surroundings(), &mut |text| context.printer.note(text))?;
    Ok(Exit::SUCCESS)
}

/// What a git command hides in the worktree while its hooks run comes back before it ends: nobody looks before that.
fn await_callers(context: &Context, workspace: &Workspace) -> Result<(), CliError> {
    let mut told = Vec::new();
    loop {
        let callers = workspace.waiting()?.callers();
        if callers.is_empty() {
            return Ok(());
        }
        if callers != told {
            let what = shown_processes(&callers);
            context
                .printer
                .note(&format!("{} waits until git, which called the hook, has ended: {what}", Workspace::now()));
        }
        let mut pause = FIRST_LOOK;
        while callers.iter().any(is_at_work) {
            std::thread::sleep(pause);
            pause = (pause * 2).min(LAST_LOOK);
        }
        told = callers;
    }
}

/// Whether somebody holds the lock, and for longer than a process that was killed takes to die. They let go of it and
/// then look for triggers, and this process keeps none behind its look: one of the two sees the other.
fn is_held(layout: &Layout) -> bool {
    for _ in 0..LOOKS {
        match store::look_at_lock(layout) {
            Err(LockError::Busy { .. }) => std::thread::sleep(PAUSE),
            // One that cannot be looked at is a reason, which the run gives.
            Ok(()) | Err(_) => return false,
        }
    }
    true
}

/// From here on all that this process and its children say is in the worktree's log.
fn speak_to_log(layout: &Layout) -> Result<(), CliError> {
    let path = layout.runner_log();
    store::make_machine_folder(&layout.worktree_folder())?;
    let failed = |error: std::io::Error| CliError::io(format!("cannot write {}: {error}", path.display()));
    if path.symlink_metadata().is_ok_and(|found| found.len() > LONGEST) {
        std::fs::rename(&path, older(&path)).map_err(failed)?;
    }
    let log: File = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
    rustix::stdio::dup2_stdout(&log).map_err(std::io::Error::from).map_err(failed)?;
    rustix::stdio::dup2_stderr(&log).map_err(std::io::Error::from).map_err(failed)
}

fn older(path: &Path) -> std::path::PathBuf {
    path.with_extension("log.old")
}

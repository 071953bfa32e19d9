//! What every command is given.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::env::Environment;
use super::error::CliError;
use super::printer::Printer;
use crate::git::{self, GitError};
use crate::run::{RunError, Surroundings, Workspace, hub, is_inside_turn, overview, says_inside_turn, unresolved};
use crate::text::shell_word;
use crate::ticket::{Ids, TicketId, resolve};

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where the command works: the current directory, or `-C`.
    pub directory: PathBuf,
    /// What the process around us gives.
    pub environment: Environment,
    /// Where everything is printed.
    pub printer: Printer,
    /// What was typed.
    pub typed: String,
}

impl Context {
    /// The worktree around the directory; in a bare repository that of the only branch that is worked on there.
    pub fn workspace(&self) -> Result<Workspace, CliError> {
        match Workspace::open(&self.directory, self.surroundings()) {
            Err(RunError::Git(GitError::Bare { path })) => {
                let workspace = self.worktree_of_bare(path)?;
                if let Some(branch) = &workspace.hub {
                    self.printer.note(&format!("`{}`, in {}", branch.shown(), shown_path(&workspace.layout.top)));
                }
                Ok(workspace)
            }
            opened => Ok(opened?),
        }
    }

    /// The same once more, behind a command that has said where it is.
    pub fn workspace_again(&self) -> Result<Workspace, CliError> {
        match Workspace::open(&self.directory, self.surroundings()) {
            Err(RunError::Git(GitError::Bare { path })) => self.worktree_of_bare(path),
            opened => Ok(opened?),
        }
    }

    /// The bare repository around the directory, if something was pushed there and no branch is worked on yet.
    pub fn bare_to_look_at(&self) -> Result<Option<PathBuf>, CliError> {
        // What else is the matter is said by whoever opens it.
        let Err(GitError::Bare { path }) = git::discover(&self.directory) else { return Ok(None) };
        let worktrees = hub::worktrees(&path)?;
        let is_pushed_to =
            !worktrees.is_empty() || !hub::waiting(&path)?.triggers.is_empty() || !overview(&path)?.unseen.is_empty();
        // Also where the folders of all of them were removed: they are made anew.
        Ok((is_pushed_to && worktrees.iter().all(|(_, top)| !top.is_dir())).then_some(path))
    }

    fn worktree_of_bare(&self, path: PathBuf) -> Result<Workspace, CliError> {
        let mut worktrees = hub::worktrees(&path)?;
        if worktrees.len() > 1 {
            let commands = worktrees.iter().map(|(_, top)| format!("turnstile -C {} …", shown_path(top)));
            let error = CliError::invalid("several branches are worked on in this bare repository");
            return Err(commands.fold(error, CliError::hint));
        }
        let Some((_, top)) = worktrees.pop() else { return Err(RunError::from(GitError::Bare { path }).into()) };
        Ok(Workspace::open(&top, self.surroundings())?)
    }

    /// The worktree, for a command that changes the run: refused inside a turn of this repository.
    pub fn workspace_outside_turns(&self) -> Result<Workspace, CliError> {
        let workspace = self.workspace()?;
        self.refuse_inside_turn(&workspace.layout.common_dir)?;
        Ok(workspace)
    }

    /// Refuses inside a turn of this repository: by the variable that a turn is given, and by who started this process.
    pub fn refuse_inside_turn(&self, common_dir: &Path) -> Result<(), CliError> {
        if !says_inside_turn(&self.environment.variables, common_dir) && !is_inside_turn(common_dir) {
            return Ok(());
        }
        let message = "this runs inside a turn of this repository; an agent ends its turn and the runner goes on";
        Err(CliError::new("reentrant", message, super::exit::Exit::USAGE)
            .hint("to ask a human, write `.tickets/outbox/DISPATCH.md` or run `turnstile dispatch --pause`"))
    }

    /// What the process around us gives, for the rooms below.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            variables: self.environment.variables.clone(),
            program: self.environment.program.clone(),
            who: self.environment.who(),
            command: self.typed.clone(),
            grace: self.environment.grace(),
            backoff: self.environment.backoff(),
            screen: Arc::clone(&self.printer.screen),
            trusts: self.environment.trusts(),
        }
    }

    /// Finds the ticket that somebody typed.
    pub fn ticket(&self, workspace: &mut Workspace, typed: &str) -> Result<TicketId, CliError> {
        let ids = Ids::of(workspace.reads()?);
        resolve(typed, "", &ids).map_err(|why| CliError::unknown(unresolved(typed, &why)))
    }
}

fn shown_path(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

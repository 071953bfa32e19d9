//! What every command is given.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::env::Environment;
use super::error::CliError;
use super::printer::Printer;
use crate::run::{Surroundings, Workspace, is_inside_turn, says_inside_turn, unresolved};
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
    /// The worktree around the directory.
    pub fn workspace(&self) -> Result<Workspace, CliError> {
        Ok(Workspace::open(&self.directory, self.surroundings())?)
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

//! `hook`: what the hooks of a repository call.

use std::ffi::OsString;

use super::{CliError, Context, Exit, lint_staged};

/// What git's hooks call; `hooks install` has them do so
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The hook, as git calls it
    name: String,
    /// What git gives it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Does what the hook is for.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    if context.environment.text("TURNSTILE_DISABLED").is_some_and(|value| value == "1") {
        return Ok(Exit::SUCCESS);
    }
    match arguments.name.as_str() {
        "pre-commit" => lint_staged::run(context),
        _ => Ok(Exit::SUCCESS),
    }
}

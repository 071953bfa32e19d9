//! `completions`.

use super::{Context, Exit};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile completions bash > ~/.local/share/bash-completion/completions/turnstile")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints a script for the shell.
pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "turnstile", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script));
    Exit::SUCCESS
}

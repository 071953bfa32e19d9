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
    let whole = super::command();
    let mut shown = clap::Command::new("turnstile")
        .args(whole.get_arguments().cloned())
        .subcommands(whole.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()).cloned());
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut shown, "turnstile", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script));
    Exit::SUCCESS
}

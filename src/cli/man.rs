//! `man`: one page with everything.

use std::io;

use clap_mangen::Man;

use super::{CliError, Context, Exit};

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  turnstile man > ~/.local/share/man/man1/turnstile.1")]
pub struct Arguments {}

/// Prints the manual page, in roff.
pub fn run(context: &Context, _: &Arguments) -> Result<Exit, CliError> {
    let page = page(super::command()).map_err(|error| CliError::io(format!("cannot write the page: {error}")))?;
    context.printer.data(&String::from_utf8_lossy(&page));
    Ok(Exit::SUCCESS)
}

fn page(mut command: clap::Command) -> io::Result<Vec<u8>> {
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        page.extend_from_slice(&section(subcommand)?);
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// A command as a part of the page; options that every command has are told once, above.
fn section(subcommand: &clap::Command) -> io::Result<Vec<u8>> {
    let own = subcommand.clone().mut_args(|argument| {
        let is_everywhere = argument.is_global_set() || argument.get_id() == "help";
        argument.hide(is_everywhere)
    });
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if subcommand.get_arguments().any(|argument| !argument.is_global_set() && argument.get_id() != "help") {
        man.render_options_section(&mut text)?;
    }
    man.render_extra_section(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut out = format!(".SS turnstile {}\n", subcommand.get_name());
    for line in text.lines() {
        // Sections of the whole page would end this part of it.
        let line = if line.starts_with(".SH ") { ".PP" } else { line };
        out.push_str(line);
        out.push('\n');
    }
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_tells_of_every_command_once_and_of_no_hidden_one() {
        let page = String::from_utf8(super::page(super::super::command()).unwrap()).unwrap();
        for subcommand in super::super::command().get_subcommands() {
            let told = page.matches(&format!(".SS turnstile {}\n", subcommand.get_name())).count();
            assert_eq!(told, usize::from(!subcommand.is_hide_set()), "{}", subcommand.get_name());
        }
        assert_eq!(page.matches(".SH COMMANDS").count(), 1);
    }
}

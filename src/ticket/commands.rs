//! The command lines that a ticket could run, one unit after the other. Must not know who wrote them, nor who runs them.

use super::shell::shell_blocks;
use super::types::Ticket;

/// What is run as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Its text.
    pub text: String,
    /// Whether it runs only where the ticket's agent is `shell`.
    pub by_shell: bool,
}

/// Every command line of a ticket: the lines of its `verify` (a name of the config's `checks` among them says no more than
/// that name), and the `sh` blocks of its body as the one script that they are, for a block that is gone
/// changes what the others do.
pub fn commands_of(ticket: &Ticket, text: &str) -> Vec<CommandLine> {
    let script: String = shell_blocks(ticket.body.of(text)).into_iter().map(|block| block.text + "\n").collect();
    let script = Some(script).filter(|script| !script.trim().is_empty());
    let script = script.map(|text| CommandLine { text, by_shell: true });
    let checks = ticket.front.verify.iter().map(|item| CommandLine { text: item.run.clone(), by_shell: false });
    script.into_iter().chain(checks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;
    use crate::ticket::read;

    fn texts(text: &str) -> Vec<String> {
        let (ticket, _) = read(&Source::new(".tickets/1.md", text));
        commands_of(&ticket.unwrap(), text).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn the_blocks_of_a_body_are_one_script() {
        assert_eq!(texts("---\ndone: false\n---\n```sh\na\n```\nthen\n```sh\nb\n```\n```\nc\n```\n"), ["a\n\nb\n\n"]);
        assert_eq!(texts("---\ndone: false\n---\n```sh\n\n```\n"), [""; 0], "nothing would run");
        assert_eq!(texts("---\nverify: [unit, {run: make}]\n---\n"), ["unit", "make"], "what decides about a claim");
    }
}

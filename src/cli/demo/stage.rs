//! Where the demo plays: real commands in the scratch repository, shown as they are typed, with what they print.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cli::{CliError, Context, Exit};

/// The scratch repository and everything that was run in it.
pub struct Stage<'a> {
    context: &'a Context,
    /// Where it lies.
    pub repository: PathBuf,
    /// A home without any settings; gone with this value.
    home: tempfile::TempDir,
    commands: Vec<Value>,
}

impl<'a> Stage<'a> {
    /// In an empty folder.
    pub fn new(context: &'a Context, repository: PathBuf) -> Result<Self, CliError> {
        let home = tempfile::Builder::new().prefix("turnstile-demo-home-").tempdir();
        let home = home.map_err(|error| CliError::io(format!("cannot make a temporary folder: {error}")))?;
        Ok(Self { context, repository, home, commands: Vec::new() })
    }

    /// This very program.
    pub fn program(&self) -> &Path {
        &self.context.environment.program
    }

    /// Tells something; with `--json` there is only the document at the end.
    pub fn say(&self, text: &str) {
        self.print(&format!("{text}\n\n"));
    }

    /// What was run.
    pub fn finish(self) -> Vec<Value> {
        self.commands
    }

    /// Runs turnstile as a person would type it.
    pub fn turnstile(&mut self, arguments: &[&str], status: u8) -> Result<String, CliError> {
        let mut command = self.command(self.program());
        command.args(arguments);
        self.perform("turnstile", arguments, command, status)
    }

    /// Runs git as a person would type it.
    pub fn git(&mut self, arguments: &[&str]) -> Result<String, CliError> {
        let mut command = self.command(Path::new("git"));
        command.args(arguments);
        self.perform("git", arguments, command, 0)
    }

    /// Shows a file of the repository, and gives back what is in it.
    pub fn show(&mut self, path: &str) -> Result<String, CliError> {
        let mut command = self.command(Path::new("cat"));
        command.arg(path);
        self.perform("cat", &[path], command, 0)
    }

    /// Runs something that nobody needs to see.
    pub fn quietly(&self, program: &str, arguments: &[&str]) -> Result<String, CliError> {
        let command = self.command(Path::new(program)).args(arguments).output();
        let output = command.map_err(|error| CliError::io(format!("cannot run `{program}`: {error}")))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(CliError::io(format!("`{}` failed: {stderr}", line(program, arguments))));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What was told must be so.
    pub fn expect(&self, holds: bool, what: &str) -> Result<(), CliError> {
        if holds {
            return Ok(());
        }
        let message = format!("the demo did not come out as it should: expected that {what}");
        Err(CliError::new("demo_failed", message, Exit::FAILED)
            .hint(format!("the repository is left in {}", self.repository.display())))
    }

    /// The tickets must stand like this, in their order.
    pub fn expect_tickets(&self, expected: &[&str]) -> Result<(), CliError> {
        let list = self.document(&["list"])?;
        let states = super::states(&list);
        self.expect(states == expected, &format!("the tickets are {expected:?}, not {states:?}"))
    }

    /// The kinds of the events of a ticket.
    pub fn kinds(&self, ticket: &str) -> Result<Vec<String>, CliError> {
        let events = self.events()?;
        let own = events.iter().filter(|event| event["ticket"] == ticket);
        Ok(own.filter_map(|event| event["kind"].as_str()).map(str::to_owned).collect())
    }

    /// The number behind which the last so many events come.
    pub fn last_events(&self, count: usize) -> Result<usize, CliError> {
        Ok(self.events()?.len().saturating_sub(count))
    }

    fn events(&self) -> Result<Vec<Value>, CliError> {
        let program = self.program().to_string_lossy().into_owned();
        let lines = self.quietly(&program, &["--json", "log"])?;
        lines.lines().map(|line| self.parsed(line)).collect()
    }

    fn document(&self, arguments: &[&str]) -> Result<Value, CliError> {
        let program = self.program().to_string_lossy().into_owned();
        self.parsed(&self.quietly(&program, &[&["--json"], arguments].concat())?)
    }

    fn parsed(&self, text: &str) -> Result<Value, CliError> {
        let parsed = serde_json::from_str(text);
        self.expect(parsed.is_ok(), "documents are JSON")?;
        Ok(parsed.unwrap_or_default())
    }

    fn print(&self, text: &str) {
        if !self.context.printer.json {
            self.context.printer.data(text);
        }
    }

    /// Nothing of the surroundings gets in but the way to programs: no settings of git's, no turn around this one.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.repository).env_clear().stdin(Stdio::null());
        for name in ["PATH", "TMPDIR", "USER", "LOGNAME", "TZ", "LANG", "LC_ALL", "TURNSTILE_GRACE_MS"] {
            command.envs(self.context.environment.get(name).map(|value| (name, value)));
        }
        command.env("HOME", self.home.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_PAGER", "cat");
        command
    }

    /// Shows a command and what it prints, as it comes.
    fn perform(
        &mut self,
        shown: &str,
        arguments: &[&str],
        mut command: Command,
        status: u8,
    ) -> Result<String, CliError> {
        let typed = line(shown, arguments);
        let failed = |error: std::io::Error| CliError::io(format!("cannot run `{typed}`: {error}"));
        self.print(&format!("$ {typed}\n"));
        let (reader, writer) = std::io::pipe().map_err(failed)?;
        let mut child = command.stdout(writer.try_clone().map_err(failed)?).stderr(writer).spawn().map_err(failed)?;
        // It holds the pipe's other end, which would never close.
        drop(command);
        let mut output = String::new();
        let mut lines = BufReader::new(reader);
        loop {
            let mut bytes = Vec::new();
            if lines.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&bytes);
            self.print(&text);
            output.push_str(&text);
        }
        let ended = child.wait().map_err(failed)?;
        self.print("\n");
        self.commands.push(json!({ "command": typed, "exit": ended.code(), "output": output }));
        self.expect(ended.code() == Some(i32::from(status)), &format!("`{typed}` ends with {status}, not {ended}"))?;
        Ok(output)
    }
}

fn line(program: &str, arguments: &[&str]) -> String {
    let words = std::iter::once(program).chain(arguments.iter().copied());
    words.map(typed).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
pub fn typed(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@,+".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_shown_could_be_typed() {
        for (word, typed) in [("--answer", "--answer"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''")] {
            assert_eq!(super::typed(word), typed);
        }
    }
}

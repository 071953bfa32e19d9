//! The only place that writes to the terminal. stdout is data, stderr is for people; a reader that went away is no error.
//! No secret that is known gets past it.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};

use anstream::ColorChoice;
use serde_json::Value;

use super::error::CliError;
use crate::secret::Screen;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// Errors only.
    Quiet,
    /// What a person wants to know.
    Normal,
    /// What a person wants to know who looks for a fault.
    Verbose,
}

/// Where everything is printed.
#[derive(Clone, Debug)]
pub struct Printer {
    /// Whether stdout holds one document.
    pub json: bool,
    /// How much is said.
    pub volume: Volume,
    /// What is a secret.
    pub screen: Arc<Screen>,
    colored: bool,
    lost: Arc<OnceLock<String>>,
}

impl Printer {
    /// A printer as the command line asks for it.
    pub fn new(json: bool, volume: Volume, color: ColorChoice, screen: Screen) -> Self {
        color.write_global();
        let colored = anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        Self { json, volume, screen: Arc::new(screen), colored, lost: Arc::default() }
    }

    /// Whether a person watches stderr.
    pub fn is_watched(&self) -> bool {
        std::io::stderr().is_terminal() && self.volume != Volume::Quiet && !self.json
    }

    /// Whether colours are wanted on stdout.
    pub fn colored(&self) -> bool {
        self.colored
    }

    /// Data, but for secrets.
    pub fn data(&self, text: &str) {
        self.keep_fault(write_all(anstream::stdout(), &self.screen.redact(text)));
    }

    /// Somebody's text: byte for byte for a program, without what a terminal would obey for a person.
    pub fn verbatim(&self, text: &str) {
        let text = self.screen.redact(text);
        self.keep_fault(if std::io::stdout().is_terminal() {
            write_all(anstream::stdout(), &crate::text::shown(&text))
        } else {
            write_all(std::io::stdout(), &text)
        });
    }

    /// The first one is the reason for all that follow.
    fn keep_fault(&self, written: std::io::Result<()>) {
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            // The first fault is the one that is told.
            let _ = self.lost.set(error.to_string());
        }
    }

    /// Why something that was printed did not arrive. A reader that went away has seen what it wanted.
    pub fn lost(&self) -> Option<CliError> {
        let why = self.lost.get()?;
        Some(CliError::io(format!("cannot write to stdout: {why}")).hint("make room there, or print somewhere else"))
    }

    /// Whether nobody reads stdout any more, as after `| head`.
    #[expect(clippy::unused_self, reason = "whoever prints has been given the printer")]
    pub fn reader_is_gone(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stdout = std::io::stdout();
        let mut ends = [PollFd::new(&stdout, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        // What cannot be asked is taken for somebody who reads.
        poll(&mut ends, Some(&at_once)).is_ok() && ends[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// A line of data.
    pub fn line(&self, text: &str) {
        self.data(&format!("{text}\n"));
    }

    /// The document of `--json`.
    pub fn document(&self, document: &Value) {
        let mut document = document.clone();
        self.screen.redact_document(&mut document);
        self.keep_fault(write_all(anstream::stdout(), &format!("{document:#}\n")));
    }

    /// A line for people, on stderr.
    pub fn note(&self, text: &str) {
        if self.volume != Volume::Quiet {
            tell(&format!("{}\n", self.screen.redact(text)));
        }
    }

    /// A question, behind which the answer is typed.
    pub fn question(&self, text: &str) {
        tell(&self.screen.redact(text));
    }

    /// A line for people who look for a fault.
    pub fn detail(&self, text: &str) {
        if self.volume == Volume::Verbose {
            tell(&format!("{}\n", self.screen.redact(text)));
        }
    }

    /// An error.
    pub fn error(&self, error: &CliError) {
        if self.json {
            let mut document = error.document();
            self.screen.redact_document(&mut document);
            tell(&format!("{document:#}\n"));
            return;
        }
        let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let mut text = format!("{style}error{style:#}: {}\n", crate::text::shown(&error.message));
        for hint in &error.hints {
            writeln!(text, "  help: {}", crate::text::shown_line(hint)).expect("a string takes every write");
        }
        tell(&self.screen.redact(&text));
    }
}

/// What is for people does not change what a command did; where it cannot be told nobody is left to be told that.
fn tell(text: &str) {
    let _ = write_all(anstream::stderr(), text);
}

fn write_all(mut stream: impl std::io::Write, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

//! `log`: what happened, one line an event; `--follow` also shows what a running turn prints.

use std::time::Duration;

use super::history::sentence;
use super::tail::Tail;
use super::{CliError, Context, Exit};
use crate::flow::{Event, TurnRequest};
use crate::run::{RunError, Workspace, event};
use crate::store::{self, Journal, Line};

/// How often a follower looks.
const LOOK: Duration = Duration::from_millis(200);

/// Show what happened in the last run
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile log\n  turnstile log --follow\n  turnstile log --json --since 120")]
pub struct Arguments {
    /// Go on showing what happens, and what a running turn prints, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Leave out the events up to this number
    #[arg(long, value_name = "SEQ", default_value_t = 0, hide_default_value = true)]
    since: u64,
}

/// Shows it.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let workspace = context.workspace()?;
    // With `--json` stdout is the journal's alone.
    let shows_output = arguments.follow && !context.printer.json;
    let mut follower =
        Follower { context, workspace: &workspace, run: None, offset: 0, turn: None, live: false, shows_output };
    follower.look(arguments.since)?;
    follower.live = true;
    if follower.run.is_none() {
        context.printer.note(if arguments.follow {
            "no run has begun here; it is waited for"
        } else {
            "no run has begun here; `turnstile run` begins one"
        });
    }
    if arguments.follow {
        while !context.printer.reader_is_gone() {
            std::thread::sleep(LOOK);
            follower.look(arguments.since)?;
        }
    }
    Ok(Exit::SUCCESS)
}

/// What was shown so far.
struct Follower<'a> {
    context: &'a Context,
    workspace: &'a Workspace,
    run: Option<String>,
    offset: u64,
    turn: Option<Tail>,
    /// What turns printed that were over before the first look is not shown: the journal says where it lies.
    live: bool,
    shows_output: bool,
}

impl Follower<'_> {
    /// Shows what is new. `since` is about the run that is there at first; all of a later one is new.
    fn look(&mut self, since: u64) -> Result<(), CliError> {
        let layout = &self.workspace.layout;
        let Some(run) = store::current_run(layout)? else { return Ok(()) };
        let mut since = since;
        if self.run.as_ref() != Some(&run) {
            if let Some(before) = self.run.replace(run.clone()) {
                // The end of the run before may have been written since the last look.
                let rest = Journal::read_from(&layout.journal(&before), self.offset).map_err(RunError::from)?.0;
                self.show(&rest, 0)?;
                since = 0;
            }
            self.offset = 0;
            self.turn = None;
        }
        let (lines, offset) = Journal::read_from(&layout.journal(&run), self.offset).map_err(RunError::from)?;
        self.offset = offset;
        self.show(&lines, since)?;
        if let Some(tail) = self.turn.as_mut().filter(|_| self.shows_output) {
            self.context.printer.data(&tail.new_lines());
        }
        Ok(())
    }

    fn show(&mut self, lines: &[Line], since: u64) -> Result<(), CliError> {
        let mut text = String::new();
        for line in lines {
            let event = event(line)?;
            let ends = matches!(
                event,
                Event::TurnFinished(_) | Event::TurnFailed(_) | Event::TurnTimedOut(_) | Event::TurnInterrupted(_)
            );
            if ends
                && let Some(tail) = self.turn.take()
                && self.live
                && self.shows_output
            {
                text.push_str(&tail.rest());
            }
            if line.seq > since {
                text.push_str(&self.shown(line, &event));
            }
            if let Event::TurnStarted(request) = &event {
                self.turn = Some(self.tail(&line.run, request));
            }
        }
        self.context.printer.data(&text);
        Ok(())
    }

    fn shown(&self, line: &Line, event: &Event) -> String {
        if self.context.printer.json {
            return format!("{}\n", line.to_json());
        }
        format!("{:>5}  {}  {}\n", line.seq, local(&line.ts), sentence(line, event))
    }

    fn tail(&self, run: &str, request: &TurnRequest) -> Tail {
        Tail::new(self.workspace.layout.turn(run, request.turn).join("stdout.log"))
    }
}

/// A time of the journal on the reader's own clock.
fn local(ts: &str) -> String {
    match ts.parse::<jiff::Timestamp>() {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => crate::text::shown_line(ts),
    }
}

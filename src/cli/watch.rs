//! `watch`: steps whenever tickets, replies or commits arrive, until a person ends it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::run::{Allowed, document, make_steps, sentence};
use super::{CliError, Context, Exit};
use crate::flow::{AskedBy, Outcome, Reason, ReasonCode};
use crate::run::{DriveEnd, Due, Options, StepEnd, Until, View, Workspace};
use crate::watch::{DEBOUNCE, How, Quiet, Waiter, Watch, WatchError, Woken};

/// Keep running: make steps whenever tickets, replies or commits arrive
///
/// Looks at the tickets whenever files change, and makes steps as long as there is something to do; then waits. A
/// ticket or a reply is taken up once it has been unchanged for 2 seconds. A retry is made when its time has come.
/// Ctrl-C ends it, after the turn that is under way; a second Ctrl-C ends the turn as well.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Look every so many seconds, for file systems that tell of no changes (network shares)
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    poll: Option<u64>,
    #[command(flatten)]
    allowed: Allowed,
}

/// Whatever was heard or missed, a look is due so often.
const AT_LEAST: Duration = Duration::from_secs(300);
/// How often it is looked where the system cannot tell of changes.
const POLL: Duration = Duration::from_secs(2);
/// A step that came to nothing twice is tried again after so long, then twice that, at most for ten minutes.
const AGAIN: Duration = Duration::from_secs(30);
const AT_MOST: Duration = Duration::from_secs(600);

/// Watches until a person ends it.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let options = Options { asked_by: AskedBy::Watch, ..arguments.allowed.options() };
    let mut workspace = context.workspace_outside_turns()?;
    super::trust::settle(context, &mut workspace, &options, options.trusts || context.environment.trusts())?;
    // What is changed later is trusted by whoever has looked at it.
    let options = Options { trusts: false, ..options };
    let how = arguments.poll.map_or(How::Events, |seconds| How::Poll(Duration::from_secs(seconds)));
    let mut ears = Ears::new(context, &workspace, how)?;
    drop(workspace);
    context.printer.note("watching; Ctrl-C ends it");
    let mut watched = Watched { context, options, told: None, steps: 0, last: None };
    let mut quiet = Quiet::default();
    // How often in a row a step was made that could not do what a look had promised.
    let mut in_vain: u32 = 0;
    let exit = loop {
        ears.drain(context);
        let mut workspace = context.workspace()?;
        // What came before the look is what the look is at.
        let taken = super::triggers::waiting(&workspace).for_a_look();
        let view = workspace.look(&watched.options)?;
        let wait = match view.due() {
            Due::Nothing { reason, again } => {
                in_vain = 0;
                if let Err(error) = workspace.settle_look(&taken, &reason) {
                    context.printer.note(&format!("triggers of git hooks are still there: {}", error.in_full()));
                }
                watched.tell(&view, reason);
                again.unwrap_or(AT_LEAST).min(AT_LEAST)
            }
            Due::Step => {
                if let Some(left) = quiet.left(&workspace.taken_up(&view)?) {
                    left
                } else {
                    let exit = watched.step(&mut workspace)?;
                    match exit {
                        Stepped::Progressed => in_vain = 0,
                        Stepped::Interrupted => break Exit(ReasonCode::Interrupted.exit()),
                        Stepped::InVain => in_vain += 1,
                    }
                    if in_vain < 2 {
                        continue;
                    }
                    // What it wrote itself is no reason to try again.
                    if ears.settle(context) {
                        break Exit::SUCCESS;
                    }
                    AGAIN.saturating_mul(1 << (in_vain - 2).min(8)).min(AT_MOST)
                }
            }
        };
        drop(view);
        // What is kept of thousands of tickets is not taken apart for a look that may never come.
        std::mem::forget(workspace);
        match ears.waiter.wait(&mut ears.watch, Some(Instant::now() + wait)) {
            Woken::Asked => break Exit::SUCCESS,
            Woken::Deaf(why) => ears.poll_instead(context, &why),
            Woken::Change | Woken::Time => {}
        }
    };
    if exit == Exit::SUCCESS {
        context.printer.note("no longer watching; `turnstile run` or `turnstile watch` goes on");
    }
    watched.end();
    Ok(exit)
}

/// What was watched so far.
struct Watched<'c> {
    context: &'c Context,
    options: Options,
    /// What a person was told last: the same is not said again.
    told: Option<Reason>,
    steps: u32,
    last: Option<Value>,
}

/// What a step came to.
enum Stepped {
    Progressed,
    Interrupted,
    InVain,
}

impl Watched<'_> {
    fn step(&mut self, workspace: &mut Workspace) -> Result<Stepped, CliError> {
        let driven = make_steps(self.context, workspace, Until::Step, &self.options)?;
        let end = &driven.end;
        self.steps += end.steps;
        if let Some(reason) = &end.last.reason {
            self.context.printer.note(&sentence(end));
            self.told = Some(reason.clone());
        } else {
            self.told = None;
        }
        driven.notifier.end(workspace, Some((end, &driven.document)));
        let came_to = match &end.last.reason {
            Some(reason) if reason.code == ReasonCode::Interrupted => Stepped::Interrupted,
            Some(_) if end.last.outcome == Outcome::None => Stepped::InVain,
            Some(_) | None => Stepped::Progressed,
        };
        self.last = Some(driven.document);
        Ok(came_to)
    }

    fn tell(&mut self, view: &View, reason: Reason) {
        let is_known =
            self.told.as_ref().is_some_and(|told| told.code == reason.code && told.message == reason.message);
        if is_known {
            return;
        }
        self.context.printer.note(&format!("waiting: {}: {}", reason.code, reason.message));
        let last = StepEnd::nothing(reason.clone(), view.preview.ticket.clone());
        let end = DriveEnd { last, steps: 0, run: view.id.clone(), state: view.run.clone(), turns_left: None };
        self.last = Some(document(&end, reason.code.exit()));
        self.told = Some(reason);
    }

    fn end(&mut self) {
        if !self.context.printer.json {
            return;
        }
        let mut document = self.last.take().unwrap_or_else(|| json!({}));
        document["steps"] = json!(self.steps);
        self.context.printer.document(&document);
    }
}

/// What is heard.
struct Ears {
    waiter: Waiter,
    watch: Watch,
}

impl Ears {
    fn new(context: &Context, workspace: &Workspace, how: How) -> Result<Self, CliError> {
        let waiter = Waiter::new()
            .map_err(|error| CliError::new("io", format!("signals cannot be waited for: {error}"), Exit::FAILED))?;
        let places = workspace.watched();
        let watch = match Watch::new(places.clone(), how) {
            Ok(watch) => watch,
            Err(why) => {
                say_deaf(context, &why);
                Watch::polling(places, POLL)
            }
        };
        Ok(Self { waiter, watch })
    }

    fn drain(&mut self, context: &Context) {
        if let Err(why) = self.watch.drain() {
            self.poll_instead(context, &why);
        }
    }

    /// Lets what was just written be heard, and forgets it. Whether a person asked for the end meanwhile.
    fn settle(&mut self, context: &Context) -> bool {
        let asked = matches!(self.waiter.pause(2 * DEBOUNCE), Woken::Asked);
        self.drain(context);
        asked
    }

    fn poll_instead(&mut self, context: &Context, why: &WatchError) {
        say_deaf(context, why);
        self.watch = Watch::polling(self.watch.places().clone(), POLL);
    }
}

fn say_deaf(context: &Context, why: &WatchError) {
    context.printer.note(&format!("{why}; until then it is looked every {} s (`--poll`)", POLL.as_secs()));
}

//! The one port: there are truly two worlds, the real one and the simulated one of the crash test.

use super::check_request::{CheckRequest, CheckResult};
use super::event::Event;
use super::request::{Act, Evidence, SaveRequest, SaveResult, TurnRequest, TurnResult};
use super::state::RunState;
use super::survey::Survey;

/// What the driver needs of a world.
pub trait World {
    /// What goes wrong in it.
    type Error;

    /// A whole look at a quiet worktree.
    fn survey(&mut self, run: &RunState) -> Result<Survey, Self::Error>;

    /// Takes out of an event what may not be written down: secrets.
    fn withhold(&self, event: &mut Event);

    /// Writes down what an effect needs before its intent is journaled, and completes the event.
    fn prepare(&mut self, run: &RunState, event: &mut Event) -> Result<(), Self::Error>;

    /// The evidence about a turn.
    fn turn(&mut self, request: &TurnRequest) -> Result<Evidence<TurnResult>, Self::Error>;

    /// Whether what runs of a turn is not its agent any more, but a process that looks at what a lost one left.
    fn is_lost(&self) -> bool;

    /// Starts a turn; what became of it is looked for, never returned.
    fn start_turn(&mut self, request: &TurnRequest) -> Result<(), Self::Error>;

    /// The evidence about a check.
    fn check(&mut self, request: &CheckRequest) -> Result<Evidence<CheckResult>, Self::Error>;

    /// Starts a check.
    fn start_check(&mut self, request: &CheckRequest) -> Result<(), Self::Error>;

    /// The evidence about a commit.
    fn save(&mut self, request: &SaveRequest) -> Result<Evidence<SaveResult>, Self::Error>;

    /// Starts a commit.
    fn start_save(&mut self, request: &SaveRequest) -> Result<(), Self::Error>;

    /// Performs a small effect, again if need be, and says what to write down.
    fn act(&mut self, run: &RunState, act: &Act) -> Result<Vec<Event>, Self::Error>;

    /// Whether a person asked for the end so often that nothing more may be begun; the next step goes on.
    fn is_pressed(&mut self) -> bool;

    /// Waits until something may have changed.
    fn wait(&mut self) -> Result<(), Self::Error>;

    /// Appends to the journal, durably, before it returns.
    fn append(&mut self, run: &RunState, events: &[Event]) -> Result<(), Self::Error>;
}

//! The driver and the real world: the only place where a decision becomes an act.

mod acts;
mod answer;
mod changes;
mod child;
mod claims;
mod contract;
mod driver;
mod error;
mod foresee;
mod head;
mod inputs;
mod inside;
mod missing;
mod patience;
mod prune;
mod real;
mod report;
mod saves;
mod session;
mod survey;
mod tampering;
mod turn_facts;
mod turns;
mod withheld;
mod work;
mod workspace;

pub use answer::Answered;
pub use child::carry_out;
pub use driver::{StepEnd, step};
pub use error::RunError;
pub use prune::{DAYS, LeftRun, PrunedRun, Pruning};
pub use real::Progress;
pub use report::{Pause, Report, TicketReport, TicketState};
pub use session::{Decided, DriveEnd, Until};
pub use survey::unresolved;
pub use workspace::{Folded, Options, Settings, Surroundings, View, Workspace, context_faults, event, lint_all};

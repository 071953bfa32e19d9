//! The driver and the real world: the only place where a decision becomes an act.

mod driver;

pub use driver::{StepEnd, step};

//! The rules that only a look at all tickets can judge, one file for each family, and the mending of what is safe.
//! Faults of one ticket alone are found where it is read.

mod agents;
mod caps;
mod checks;
mod context;
mod cycles;
mod fixed;
mod identity;
mod references;
mod rules;
#[cfg(test)]
mod tests;

pub use context::{missing_context, requires_context};
pub use fixed::fixed;
pub use rules::{LintContext, attach, lint};

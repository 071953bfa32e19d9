//! The process of one effect: an agent's turn, a check, a commit. Each runs in a child process of its own that holds
//! a lease and writes a record, so that it outlives a killed runner and its end is never forgotten.
//! Must not know what a ticket is, nor git.
//!
//! The life of an effect's directory, in order: `request.json` (the caller's), `lease` (held from before the child is
//! spawned until it is gone), `started` (durable before anything is done), `program.json` (what runs in it),
//! `exit.json` (durable, the end). [`evidence`] reads these and nothing else.

mod child;
mod detach;
mod durable;
mod error;
mod family;
mod launch;
mod output;
mod process;
mod program;
mod record;
mod start;
mod stop;
mod supervise;

#[cfg(test)]
mod tests;

pub use child::{ChildContext, child};
pub use detach::detach;
pub use error::EffectError;
pub use launch::launch;
pub use process::{Identity, calling, is_alive};
pub use program::{Program, ProgramEnd, Stdin, Stopped};
pub use record::{Evidence, child_pid, evidence, is_inside, is_running};
pub use stop::{ask_to_stop, end_leftovers};
pub use supervise::run;

//! Places at which a test ends this process as `kill -9` does. There are none in a release build.
//!
//! [`point`] stands before and behind every durable write and at every boundary of an effect, in the runner and in
//! the children. Two variables, read in `cli/env.rs`, arm it in builds with debug assertions, which a release build
//! is not: `_TURNSTILE_CRASH_LOG` names a file in which every passage is noted, and `_TURNSTILE_CRASH_AT` the passages
//! that are the last, as `save.branch-moved:1`, several with commas. Passages are counted over all processes that
//! write to one file, so that a passage is fatal once.

#[cfg(not(debug_assertions))]
mod idle;
mod point;
#[cfg(debug_assertions)]
mod strike;

#[cfg(not(debug_assertions))]
pub use idle::{cut, point};
pub use point::Point;
#[cfg(debug_assertions)]
pub use strike::{arm, cut, point};

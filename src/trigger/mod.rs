//! Triggers: what a git hook kept for a run to look at, until one has. Each is a file of its own below the machine part
//! of the repository; what it says is for people, that it is there is the signal. Must not know what a run is, nor git.

mod hook;
mod input;
mod last;
mod spool;
mod trouble;
mod words;

pub use hook::Hook;
pub use input::{STDIN_CAP, moved_by};
pub use last::{Refused, Why, clear_refused, forget_refused, last_refused, note_refused};
pub use spool::{Kept, drop_kept, keep, kept, kept_by_all, sweep};
pub use trouble::{Trouble, trouble};
pub use words::{Caller, Moved, RefName, Trigger};

//! Git's hooks as turnstile's doorbell: which ones there are, what is written into them, how they stand beside the
//! hooks of others, and what has become of them since. What is decided touches nothing; `folder` and `record` act.
//! Knows nothing of what a hook does once it rings.

mod advice;
mod charge;
mod folder;
mod health;
mod names;
mod plan;
mod record;
mod script;
mod tool;

pub use advice::{Addition, Additions, additions};
pub use charge::{Charge, Elsewhere};
pub use folder::{
    HooksError, Looked, has_left, hold, in_charge, look, perform, settings_of, shown_folder, sweep, usual_folder,
};
pub use health::{Health, State, health};
pub use names::{Event, Hook, RepositoryKind, Wish, wish_of};
pub use plan::{Act, Found, Refused, Slot, collisions, install, uninstall};
pub use record::{Record, forget, read_record, write_record};
pub use script::program_can_be_written;
pub use tool::Tool;

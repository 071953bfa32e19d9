//! What happens to files, as wake-ups: that something changed, never what. Whoever is woken looks for himself, so an
//! event that is missed, doubled or late costs a look and never a ticket.

mod listen;
mod places;
mod quiet;
mod source;
mod wait;

pub use listen::{DEBOUNCE, Heard, How, Watch, WatchError};
pub use places::{Place, Places};
pub use quiet::{QUIET, Quiet};
pub use wait::{Waiter, Woken};

//! Tickets and the mail about them: what they say, what is wrong with them, in which order they come,
//! and how one value of them is changed. Must not know where they are stored, nor who runs them.

mod faults;
mod types;
pub mod yaml;

pub use types::{ContextFile, Frontmatter, Read, Ticket, TicketId, TicketLimits, Unreadable};

//! Tickets and the mail about them: what they say, what is wrong with them, in which order they come,
//! and how one value of them is changed. Must not know where they are stored, nor who runs them.

mod types;

pub use types::{ContextFile, Frontmatter, Ticket, TicketId, TicketLimits};

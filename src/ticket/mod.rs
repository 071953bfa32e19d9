//! Tickets and the mail about them: what they say, what is wrong with them, in which order they come,
//! and how one value of them is changed. Must not know where they are stored, nor who runs them.

mod artifacts;
pub(crate) mod check;
mod commands;
mod compose;
mod contract;
mod dispatch;
mod edit;
mod faults;
mod keys;
mod lint;
mod mail;
mod names;
mod queue;
mod read;
mod references;
mod reply;
mod scaffold;
mod scope;
mod seal;
mod shell;
mod split;
mod types;
mod vet;
pub mod yaml;

pub use check::{CHECK_KEYS, CHECK_TIMEOUT, Check, CheckItem, resolve_checks, why_no_check};
pub use commands::{CommandLine, commands_of};
pub use compose::{DispatchDraft, ReplyDraft, dispatch_text, reply_text};
pub use contract::{ContractVerdict, Role, judge_change, judge_new, kept_text};
pub use dispatch::{DISPATCH_KEYS, Dispatch, DispatchMode, read_dispatch};
pub use edit::{EditRefused, set_done};
pub use keys::{CONTEXT_KEYS, LIMIT_KEYS, TICKET_KEYS};
pub use lint::{LintContext, attach, fixed, lint, missing_context, requires_context};
pub use names::{RESERVED_FILES, RESERVED_FOLDERS, is_ticket_path};
pub use queue::{Placed, Queue, queue};
pub use read::{is_hidden, read, read_ticket};
pub use references::{Ids, Unresolved, natural_order, resolve};
pub use reply::{Decision, REPLY_KEYS, Reply, read_reply};
pub use scaffold::{NewTicket, new_ticket, next_number, slug};
pub use scope::{Scope, glob};
pub use seal::{digest_of_text, seal};
pub use shell::{ShellBlock, shell_blocks};
pub use split::{Parts, Split, split};
pub use types::{ContextFile, Frontmatter, Place, Places, Read, Risk, Ticket, TicketId, TicketLimits, Unreadable};

//! Files: where everything lies, how it is read and written, the journal, the lock, tickets on disk, mail.
//! Knows what a ticket is; must not know git's library, nor what a step decides.

mod atomic;
mod decisions;
mod error;
mod folder;
mod give_back;
mod journal;
mod layout;
mod lock;
mod mail;
mod misplaced;
mod notices;
mod pointer;
mod prune;
mod tickets;
mod trust;
mod trust_types;

pub use atomic::{
    TEXT_CAP, list_capped, make_machine_folder, read_capped, read_source, remove, remove_together, write, write_link,
    write_new, write_together,
};
pub use decisions::{Decision, DecisionDraft, drop_decision, list_decisions, store_decision, store_reply};
pub use error::{StoreError, is_shortage};
pub use folder::{Answer, Audience, Kind, Links, writer_of};
pub use give_back::{Given, give_back, remove_unfinished};
pub use journal::{Draft, Journal, JournalError, Line, Repair};
pub use layout::{COMMIT_MSG, DECISION, DISPATCH, Layout, REQUEST, TICKETS, USER_REPLY};
pub use lock::{ChoosingLock, Holder, LockError, WorktreeLock, look_at_lock};
pub use mail::{
    ATTACHMENTS_BYTES, ATTACHMENTS_FILES, Message, MessageKind, Outbox, ReplyFile, ReplyFrom, archive_outbox,
    archive_reply, conversation, keep_overwritten, look_outbox, look_reply, look_spooled_reply, make_outbox,
    next_sequence, set_aside, write_decision, write_dispatch, write_reply, write_request,
};
pub use misplaced::{make_folder, misplaced};
pub use notices::{Telling, last_notice, take_up_notice};
pub use pointer::{current_run, forget_current_run, pointed_at, pointed_runs, set_current_run, worktree_runs};
pub use prune::{Logs, PruneLock, PrunedNote, drop_logs, logs, mark_pruned, pruned, runs};
pub use tickets::{Listed, Scanned, is_ticket_path, listing, scan, scan_listed};
pub use trust::{digest_of_content, read_followed, read_trust, store_copy, stored_copy, trust, trusted_content};
pub use trust_types::{StoredCopy, TrustAnswer, TrustItem, TrustRefused, TrustedBy};

//! The kernel: what the runner does next. `state = fold(journal)`, and one function decides.
//! Must not know clocks, files, processes or git.

mod after;
mod approval;
mod before;
mod breaker;
mod check_request;
mod checks;
mod choose;
mod chores;
mod event;
mod explain;
mod finish;
mod fold;
mod fold_checks;
mod intrusion;
mod limits;
mod mail;
mod moment;
mod moved;
mod notice;
mod parts;
mod policy;
mod preview;
mod progress;
mod reason;
mod request;
mod retry;
mod saves;
mod scope;
pub mod settle;
mod standing;
mod state;
mod survey;
mod ticket_index;
mod trust;
mod undone;
mod usage;
mod verdicts;
mod wait;
mod world;

pub use after::AFTER;
pub use approval::{decides_now, resolved, waits_for_commands};
pub use before::BEFORE;
pub use breaker::Breaker;
pub use check_request::{CheckRequest, CheckResult, CheckVerdict, follow_check};
pub use choose::{Choice, Chosen, Look, Row, Rung, Stop, decide};
pub use chores::name as outcome_name;
pub use event::{Event, Unreadable};
pub use explain::{TicketReason, TicketStanding, explain, standing, why_not_ready};
pub use limits::amount;
pub use mail::{reply_left, reply_target, serve_decisions, waiting_tickets};
pub use moment::Moment;
pub use notice::{Notice, Notices, told_as};
pub use parts::{
    ActBegun, Asked, Base, Begun, Carried, CheckEnded, Chore, Decides, Outcome, SaveBegun, TicketWritten, TurnEnded,
    Verdict,
};
pub use policy::{AskedBy, Policy, tighter};
pub use preview::{Action, Preview, preview};
pub use progress::progress_warning;
pub use reason::{Reason, ReasonCode, Standing};
pub use request::{
    Act, DispatchFact, Evidence, Follow, PathBack, PutBack, SavePurpose, SaveRequest, SaveResult, TurnEnd, TurnRequest,
    TurnResult, follow_save, follow_turn,
};
pub use retry::{ErrorClass, Retry};
pub use scope::GONE;
pub use state::{
    Approval, AskedFor, EndKind, Feedback, Finished, Judging, Life, OutOfOrder, Phase, Quiet, Refusal, RunState,
    Stands, TicketState, Verified,
};
pub use survey::{
    AgentFact, ApprovalFact, ArtifactFact, Before, Brought, ChecksFact, CommandFact, Decided, Decision, HeadFact,
    OutboxFact, ReplyFact, ScopeFact, Survey, TicketFact, TurnFacts,
};
pub use ticket_index::TicketIndex;
pub use trust::{Lies, TrustChange, TrustFact, TrustKind, Trusted, Untrusted, asked_for_trust, untrusted};
pub use undone::{Gets, UndoCommit, UndoFile, UndoRequest, Undone, turns_in_words};
pub use usage::Usage;
pub use wait::{is_passed_over, resume_answers};
pub use world::World;

#[cfg(test)]
mod approval_tests;
#[cfg(test)]
mod tests;

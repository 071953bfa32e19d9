//! An event of the journal as a sentence: what `run` printed as it happened, and the rest of the journal as well.

use super::progress;
use crate::flow::{Act, Begun, Event, SavePurpose};
use crate::store::Line;

/// The sentence for a line of the journal; it names the ticket that it is about.
pub fn sentence(line: &Line, event: &Event) -> String {
    let text = progress::line(event, true).unwrap_or_else(|| quiet(event));
    let text = if text.is_empty() { crate::text::shown_line(&line.kind) } else { text };
    let text = text.trim_start();
    match &line.ticket {
        Some(ticket) if !text.contains(ticket.as_str()) => format!("{}: {text}", crate::text::shown_line(ticket)),
        Some(_) | None => text.to_owned(),
    }
}

/// What is no news while it happens, because something else says it, or because it is turnstile's own bookkeeping.
fn quiet(event: &Event) -> String {
    let shown = crate::text::shown_line;
    match event {
        Event::TicketSelected { .. } => "is worked on from here".to_owned(),
        Event::RunPaused { reason, .. } => {
            format!("the run waits, {}: {}", reason.code, shown(reason.message.lines().next().unwrap_or_default()))
        }
        Event::RunCompleted { held } if held.is_empty() => "the run is completed".to_owned(),
        Event::RunCompleted { held } => format!("the run is completed; {} ticket(s) are put aside", held.len()),
        Event::RunStopped { by } => format!("{} ended the run", shown(by)),
        Event::ReplyDelivered { turn, sequences, .. } => {
            let numbers: Vec<String> = sequences.iter().map(|sequence| format!("{sequence:04}")).collect();
            format!("turn {turn} was given the reply {}", numbers.join(", "))
        }
        Event::CheckpointMade { commit, .. } => format!("kept as {}", commit.get(..10).unwrap_or(commit)),
        Event::LimitReached { limit, .. } => format!("{limit} refused a turn"),
        Event::DecisionStored { decision, by, at, .. } => {
            format!("{} decided `{}` at {}", shown(by), shown(decision), shown(at))
        }
        Event::EffectBegun(begun) => format!("begins: {}", effect(begun)),
        Event::EffectFinished { effect, outcome, path, .. } => {
            let mut text = match effect.as_str() {
                "verdict" => return "what follows from the judgement is done".to_owned(),
                "request" => "a request to a person is written".to_owned(),
                "paperwork" | "finish" | "checkpoint" => "nothing was left to commit".to_owned(),
                "keep" => "what the turn left is kept".to_owned(),
                "message" => "the commit message that an agent left is removed".to_owned(),
                other => format!("over: {}", shown(other)),
            };
            for more in [outcome, path].into_iter().flatten() {
                text.push_str(&format!(", {}", shown(more)));
            }
            text
        }
        // `progress` has a line for each of these, whatever is in it; a kind of a later version says its own name.
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::TicketDone { .. }
        | Event::TicketReopened { .. }
        | Event::TurnStarted(_)
        | Event::TurnFinished(_)
        | Event::TurnFailed(_)
        | Event::TurnTimedOut(_)
        | Event::TurnInterrupted(_)
        | Event::TurnAdopted { .. }
        | Event::HeadAdopted { .. }
        | Event::ClaimMade { .. }
        | Event::ClaimRevoked { .. }
        | Event::OutboxArchived { .. }
        | Event::OutboxInvalid { .. }
        | Event::ReplyConsumed { .. }
        | Event::LintFailed { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalResolved { .. }
        | Event::ContractRestored { .. }
        | Event::VerifyStarted(_)
        | Event::VerifyFinished(_)
        | Event::VerifyStale { .. }
        | Event::CommitRequired { .. }
        | Event::CommitMade { .. }
        | Event::CommitFailed { .. }
        | Event::CheckpointFailed { .. }
        | Event::CircuitOpened { .. }
        | Event::CircuitClosed {}
        | Event::WorktreeAccepted { .. }
        | Event::UndoMade(_)
        | Event::TriggerReceived { .. }
        | Event::TriggerCoalesced { .. }
        | Event::BranchPublished { .. }
        | Event::BranchFollowed { .. }
        | Event::WorkParked { .. }
        | Event::JournalRepaired { .. }
        | Event::Unknown => String::new(),
    }
}

fn effect(begun: &Begun) -> String {
    match begun {
        Begun::Verdict(_) => "what follows from a judgement".to_owned(),
        Begun::Save(save) => match save.save.purpose {
            SavePurpose::Keep => "keeping what the turn left".to_owned(),
            SavePurpose::Checkpoint | SavePurpose::Finish | SavePurpose::Paperwork => {
                format!("the commit `{}`", crate::text::shown_line(&save.save.subject))
            }
        },
        Begun::Act(act) => match &act.act {
            Act::PutBack { .. } => "putting back what was rejected",
            Act::Restore { .. } => "putting back what the turn may not change",
            Act::Archive { .. } => "archiving the message",
            Act::Reply { .. } => "archiving the reply",
            Act::SetDone { done: true, .. } => "setting `done: true`",
            Act::SetDone { done: false, .. } => "setting `done: false`",
            Act::Request { .. } | Act::AskApproval { .. } => "writing down what a person is asked",
            Act::AdoptHead { .. } => "putting HEAD back on its branch",
            Act::DropMessage => "removing the message of a commit",
            Act::Undo(_) => "undoing turns",
        }
        .to_owned(),
    }
}

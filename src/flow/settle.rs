//! What is written down when an effect in a child process is over.

use super::event::Event;
use super::parts::{TicketWritten, TurnEnded};
use super::request::{SavePurpose, SaveRequest, SaveResult, TurnEnd, TurnRequest, TurnResult};

/// The events that end a turn.
pub fn turn(request: &TurnRequest, result: TurnResult) -> Vec<Event> {
    let (why, by_person, started) = match &result.end {
        TurnEnd::Succeeded => (None, false, true),
        TurnEnd::Failed { why, started } => (Some(why.clone()), false, *started),
        TurnEnd::TimedOut { why } => (Some(why.clone()), false, true),
        TurnEnd::Interrupted => (Some("a person ended it".to_owned()), true, true),
        TurnEnd::Lost => (Some("it ended without a record".to_owned()), false, true),
        TurnEnd::RunnerFailed { why } => (Some(why.clone()), false, false),
    };
    let end = result.end;
    let ended = TurnEnded {
        ticket: request.ticket.clone(),
        turn: request.turn,
        agent: request.agent.clone(),
        duration_ms: result.duration_ms,
        exit: result.exit,
        session: None,
        usage: None,
        why,
        error: result.error,
        by_person,
        runner_fault: matches!(end, TurnEnd::RunnerFailed { .. }),
        started,
        before: result.before,
        after: result.after,
        head: result.head,
        changed: result.changed,
        commits: result.commits,
        left_out: result.left_out,
        tampered: result.tampered,
        reply: result.reply,
        tickets: result.tickets,
        settings: result.settings,
    };
    match end {
        TurnEnd::Succeeded => {
            let mut events = vec![Event::TurnFinished(ended)];
            if !request.replies.is_empty() {
                events.push(Event::ReplyDelivered {
                    ticket: request.ticket.clone(),
                    turn: request.turn,
                    sequences: request.replies.clone(),
                });
            }
            events
        }
        TurnEnd::Failed { .. } | TurnEnd::RunnerFailed { .. } => vec![Event::TurnFailed(ended)],
        TurnEnd::TimedOut { .. } => vec![Event::TurnTimedOut(ended)],
        TurnEnd::Interrupted | TurnEnd::Lost => vec![Event::TurnInterrupted(ended)],
    }
}

pub use super::checks::settle as check;

/// The events that end a commit.
pub fn save(request: &SaveRequest, result: SaveResult) -> Vec<Event> {
    let (ticket, purpose) = (request.ticket.clone(), request.purpose);
    let at_turn = ticket.clone().zip(request.turn);
    let finished = |path: Option<String>, changed: Vec<String>, tickets: Vec<TicketWritten>| {
        let effect = match purpose {
            SavePurpose::Keep => "keep",
            SavePurpose::Checkpoint => "checkpoint",
            SavePurpose::Finish => "finish",
            SavePurpose::Paperwork => "paperwork",
        };
        vec![Event::EffectFinished {
            effect: effect.to_owned(),
            ticket: ticket.clone(),
            outcome: None,
            path,
            changed,
            tickets,
        }]
    };
    match (result, purpose, at_turn) {
        (SaveResult::Kept { commit, changed, tickets }, _, _) => finished(Some(commit), changed, tickets),
        (SaveResult::Committed { commit, .. }, SavePurpose::Checkpoint, Some((ticket, turn))) => {
            vec![Event::CheckpointMade { ticket, turn, commit }]
        }
        (SaveResult::Committed { commit, tree }, _, _) => vec![Event::CommitMade { ticket, purpose, commit, tree }],
        (SaveResult::Changed { was, tree }, _, Some((ticket, turn))) => {
            vec![Event::VerifyStale { ticket, turn, was, tree }]
        }
        (SaveResult::Changed { .. } | SaveResult::Clean, _, _) => finished(None, Vec::new(), Vec::new()),
        (
            SaveResult::Refused { output: why } | SaveResult::TooLarge { why } | SaveResult::Failed { why },
            SavePurpose::Checkpoint,
            Some((ticket, turn)),
        ) => vec![Event::CheckpointFailed { ticket, turn, why }],
        (SaveResult::Refused { output }, _, _) => {
            vec![Event::CommitFailed { ticket, purpose, why: output, hook: true }]
        }
        (SaveResult::TooLarge { why } | SaveResult::Failed { why }, _, _) => {
            vec![Event::CommitFailed { ticket, purpose, why, hook: false }]
        }
    }
}

/// What a reply answers: every reason of the ticket that a reply can answer.
pub fn answered(run: &super::RunState, ticket: &crate::ticket::TicketId) -> Vec<Event> {
    run.standing
        .iter()
        .filter(|stands| stands.ticket.as_ref() == Some(ticket) && stands.reason.code.answered_by_reply())
        .map(|stands| Event::RunResumed {
            ticket: Some(ticket.clone()),
            reason: stands.reason.code,
            by: "a reply".to_owned(),
            branch: None,
            granted: None,
        })
        .collect()
}

/// What an operator's `done` or `reopen` comes to.
pub fn decided(ticket: &crate::ticket::TicketId, done: bool, by: &str) -> Event {
    if done {
        Event::TicketDone {
            ticket: ticket.clone(),
            commit: None,
            tree: None,
            verdict: "operator".to_owned(),
            by: Some(by.to_owned()),
        }
    } else {
        Event::TicketReopened { ticket: ticket.clone(), by: by.to_owned() }
    }
}

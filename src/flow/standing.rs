//! Rung 8: a reason that nothing has answered is given again.

use super::before::is_clean;
use super::choose::{Choice, Look};
use super::event::Event;
use super::reason::{Reason, ReasonCode};
use super::state::Stands;
use super::survey::{HeadFact, OutboxFact, TicketFact};

pub(super) fn standing(look: &Look<'_>) -> Option<Choice> {
    let fallen: Vec<Event> = look.run.standing.iter().filter_map(|stands| fallen(look, stands)).collect();
    if !fallen.is_empty() {
        return Some(Choice::Record(fallen));
    }
    let allowed: Vec<_> = look.allowed().iter().map(|ticket| &ticket.id).collect();
    let in_the_way = |stands: &&Stands| match &stands.ticket {
        _ if super::wait::is_passed_over(look.policy, stands.reason.code) => false,
        _ if stands.reason.code == ReasonCode::Tampered => true,
        Some(ticket) => {
            allowed.contains(&ticket) || look.run.judging().is_some_and(|judging| judging.request.ticket == *ticket)
        }
        None => true,
    };
    let mut ways: Vec<&Stands> = look.run.standing.iter().filter(in_the_way).collect();
    ways.sort_by_key(|stands| (stands.reason.code != ReasonCode::OperatorPause, stands.ticket.is_some()));
    let Some(stands) = ways.first() else { return super::breaker::failure_stands(look) };
    Some(Choice::stop(as_it_is_now(look, stands), stands.ticket.as_ref()))
}

/// A reason whose way out depends on where things are, told for where they are now.
fn as_it_is_now(look: &Look<'_>, stands: &Stands) -> Reason {
    match (&look.survey.turn.head, look.run.judging()) {
        (HeadFact::Moved { how, back }, Some(judging)) if stands.reason.code == ReasonCode::HeadMoved => {
            super::moved::reason(look, judging, how, back)
        }
        _ => stands.reason.clone(),
    }
}

/// Why a standing reason does not stand any more, if so.
fn fallen(look: &Look<'_>, stands: &Stands) -> Option<Event> {
    let code = stands.reason.code;
    let by = match &stands.ticket {
        // It is the repository's, whatever becomes of the ticket.
        _ if code == ReasonCode::Tampered => {
            look.survey.tampering.is_empty().then_some("the git directory is as it was before the turn")
        }
        Some(ticket) => match look.survey.ticket(ticket) {
            None => Some("the removal of the ticket"),
            Some(fact) if !look.is_open(fact) => Some("`done: true` in the ticket"),
            Some(fact) if fact.hold.is_some() => Some("`hold` in the ticket"),
            Some(fact) => answered_by_files(look, stands, fact),
        },
        None => None,
    };
    let in_place = look.survey.turn.head == HeadFact::InPlace && look.survey.branch == look.run.branch;
    let by = by.or_else(|| (code == ReasonCode::HeadMoved && in_place).then_some("HEAD, which is back in its place"));
    let same = look.survey.turn.runner_files.is_empty();
    let by = by.or_else(|| {
        (code == ReasonCode::RunnerFilesChanged && same)
            .then_some("config and templates, which are as they were before the turn")
    });
    by.map(|by| Event::RunResumed {
        ticket: stands.ticket.clone(),
        reason: code,
        by: by.to_owned(),
        branch: None,
        granted: None,
    })
}

fn answered_by_files(look: &Look<'_>, stands: &Stands, fact: &TicketFact) -> Option<&'static str> {
    let edited = stands.digest.as_ref().is_some_and(|digest| *digest != fact.digest);
    match stands.reason.code {
        ReasonCode::TicketInvalid | ReasonCode::NoProgress | ReasonCode::VerifyFailed if edited => {
            Some("an edit of the ticket")
        }
        ReasonCode::ApprovalPending => super::approval::fallen(look, fact),
        ReasonCode::ScopePending => super::scope::fallen(look, &fact.id),
        ReasonCode::DispatchInvalid if edited => Some("an edit of the ticket"),
        ReasonCode::DispatchInvalid if !matches!(look.survey.outbox, OutboxFact::Invalid(_)) => {
            Some("the outbox, where nothing invalid is left")
        }
        ReasonCode::VerifyInconclusive | ReasonCode::CommitFailed if !fact.done => Some("`done: false` in the ticket"),
        ReasonCode::CommitFailed if is_clean(look, &fact.id) => Some("a clean tree"),
        _ => None,
    }
}

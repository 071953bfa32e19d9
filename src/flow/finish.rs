//! Row 11: the finishing commit, and the ticket is done.

use super::before::begin;
use super::choose::{Choice, Look};
use super::event::Event;
use super::request::Act;
use super::saves;
use super::state::{Finished, Judging};
use super::verdicts::{claims, kept};

/// The finishing commit; where nothing is left to commit the ticket is done at once.
pub(super) fn done(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    if !claims(look, judging) {
        return None;
    }
    let ticket = &judging.request.ticket;
    Some(match saves::finish(look, judging) {
        Some(save) => Choice::Record(vec![save]),
        None if look.survey.commit_message.is_some() => {
            begin(Some(ticket), Some(judging.request.turn), Act::DropMessage)
        }
        None => Choice::Record(finish(
            look,
            judging,
            &Finished { commit: look.survey.head.clone(), tree: look.survey.head_tree.clone() },
        )),
    })
}

/// The finishing commit is made. What is committed is a fact: nothing that is seen or decided from here on comes
/// between it and `ticket.done`, or the branch would say something else than the journal.
pub(super) fn finished(look: &Look<'_>) -> Option<Choice> {
    let judging = look.run.judging().filter(|judging| judging.verdict.is_none())?;
    let made = judging.finished.as_ref()?;
    if look.survey.commit_message.is_some() {
        return Some(begin(Some(&judging.request.ticket), Some(judging.request.turn), Act::DropMessage));
    }
    Some(Choice::Record(finish(look, judging, made)))
}

fn finish(look: &Look<'_>, judging: &Judging, finished: &Finished) -> Vec<Event> {
    let mut events = kept(look, judging);
    events.push(Event::TicketDone {
        ticket: judging.request.ticket.clone(),
        commit: finished.commit.clone().or_else(|| look.survey.head.clone()),
        tree: finished.tree.clone().or_else(|| look.survey.head_tree.clone()),
        verdict: "met".to_owned(),
        by: None,
    });
    events
}

//! Row 9: a claim is judged by its checks, each on the tree as it is. A result holds for the tree that it saw and for
//! the checks that were asked for; when either changes, everything is checked again.

use serde_json::json;

use super::check_request::{CheckRequest, CheckResult, CheckVerdict};
use super::choose::{Choice, Look};
use super::event::Event;
use super::parts::{CheckEnded, Chore, Outcome, Verdict};
use super::reason::{Reason, ReasonCode};
use super::state::{Judging, RunState, TicketState, Verified};
use super::survey::ChecksFact;
use super::verdicts::{back, claims, ends, verdict};
use crate::text::shown_line;
use crate::ticket::{Check, TicketId};

/// A check that changes tracked files again and again never says anything about the tree that lies there.
const MOST_CHANGES: u32 = 2;

/// A worktree that changes while it is checked is checked so often between two turns.
const MOST_STALE: u32 = 5;

pub(super) fn checks(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let asked = &look.survey.turn.checks;
    if !claims(look, judging) || asked.is_empty() {
        return None;
    }
    let state = look.run.tickets.get(&judging.request.ticket)?;
    if let Some(why) = restless(state, asked) {
        return Some(inconclusive(look, judging, &[why]));
    }
    if let Some(known) = &state.verified
        && (known.tree != asked.tree || known.contract != asked.contract || is_artifact_another(asked, known))
    {
        return Some(Choice::Record(vec![Event::VerifyStale {
            ticket: judging.request.ticket.clone(),
            turn: judging.request.turn,
            was: known.tree.clone(),
            tree: asked.tree.clone(),
        }]));
    }
    if let Some(choice) = next(look, judging, asked, state) {
        return Some(choice);
    }
    let results = results(state);
    let failed = |verdict| results.iter().filter(move |result| result.required && result.verdict == verdict);
    if failed(CheckVerdict::Unmet).next().is_some() {
        return Some(unmet(look, judging, &failed(CheckVerdict::Unmet).collect::<Vec<_>>()));
    }
    let why: Vec<String> = failed(CheckVerdict::Inconclusive).map(told).collect();
    (!why.is_empty()).then(|| inconclusive(look, judging, &why))
}

/// Whether an artifact came or went: git may ignore it, so that no tree says so.
fn is_artifact_another(asked: &ChecksFact, known: &Verified) -> bool {
    let result = |id: &str| known.results.iter().find(|result| result.check == id);
    asked.artifacts.iter().any(|artifact| {
        result(&artifact.id()).is_some_and(|known| (known.verdict == CheckVerdict::Met) != artifact.problem.is_none())
    })
}

fn results(state: &TicketState) -> &[CheckEnded] {
    state.verified.as_ref().map_or(&[], |verified| &verified.results)
}

/// The next check that has no result: a command line is run, an artifact was looked at already.
fn next(look: &Look<'_>, judging: &Judging, asked: &ChecksFact, state: &TicketState) -> Option<Choice> {
    let is_known = |id: &str| results(state).iter().any(|result| result.check == id);
    let (ticket, turn) = (judging.request.ticket.clone(), judging.request.turn);
    // What only tells is not asked again and again.
    let gives_up = |check: &Check| !check.required && rewrites(state, &check.id) >= MOST_CHANGES;
    if let Some(check) = asked.checks.iter().find(|check| !is_known(&check.id) && !gives_up(check)) {
        return Some(Choice::Record(vec![Event::VerifyStarted(CheckRequest {
            ticket,
            turn,
            attempt: look.run.checks + 1,
            check: check.clone(),
            tree: asked.tree.clone(),
            contract: asked.contract.clone(),
            droppings: look.run.droppings.iter().cloned().collect(),
        })]));
    }
    let artifact = asked.artifacts.iter().find(|artifact| !is_known(&artifact.id()))?;
    let verdict = if artifact.problem.is_none() { CheckVerdict::Met } else { CheckVerdict::Unmet };
    let result = CheckResult { why: artifact.problem.clone(), ..CheckResult::bare(verdict, &asked.tree) };
    Some(Choice::Record(vec![ended((ticket, turn), (artifact.id(), true), asked.contract.clone(), result)]))
}

/// Why checking again would come to no end.
fn restless(state: &TicketState, asked: &ChecksFact) -> Option<String> {
    let is_one = |check: &&Check| check.required && rewrites(state, &check.id) >= MOST_CHANGES;
    if let Some(check) = asked.checks.iter().find(is_one) {
        let id = shown_line(&check.id);
        return Some(format!("`{id}` changes tracked files each time it runs, so it never says anything about them"));
    }
    let why = "what was checked changed each time before it was done: something else writes there, or a git hook does";
    (state.stale >= MOST_STALE).then(|| why.to_owned())
}

fn rewrites(state: &TicketState, id: &str) -> u32 {
    state.rewrites.get(id).copied().unwrap_or_default()
}

/// One check that did not pass, in a line.
fn told(result: &CheckEnded) -> String {
    let why = result.why.clone().unwrap_or_else(|| "it did not pass".to_owned());
    format!("`{}`: {}", shown_line(&result.check), shown_line(&why))
}

fn unmet(look: &Look<'_>, judging: &Judging, failed: &[&CheckEnded]) -> Choice {
    let ticket = &judging.request.ticket;
    let failures = look.run.ticket(ticket).verify_failures;
    let ids: Vec<&str> = failed.iter().map(|result| result.check.as_str()).collect();
    let mut chores = back(look, judging);
    if failures < look.policy.retries.verify {
        let left = Some(look.policy.retries.verify - failures);
        return verdict(look, judging, Verdict { left, ..ends(9, Outcome::ClaimRevoked, None, chores) });
    }
    let lines: Vec<String> = failed.iter().map(|result| told(result)).collect();
    let tails: Vec<String> = failed.iter().filter(|it| !it.tail.is_empty()).map(|it| it.tail.clone()).collect();
    let message = format!(
        "{ticket} claimed to be finished {} times in a row, and its checks are not met; edit the ticket, reply to it, or `turnstile resume`\n{}",
        failures + 1,
        [lines, tails].concat().join("\n")
    );
    let reason = Reason::new(ReasonCode::VerifyFailed, message).details(json!({ "checks": ids }));
    chores.extend([Chore::Request, Chore::Paperwork("waits for an answer".to_owned())]);
    verdict(look, judging, ends(9, Outcome::ClaimRevoked, Some(reason), chores))
}

fn inconclusive(look: &Look<'_>, judging: &Judging, why: &[String]) -> Choice {
    let ticket = &judging.request.ticket;
    let message = format!(
        "the checks of {ticket} came to no answer, so its claim waits; mend what kept them from it, then `turnstile resume` (or a reply) has it judged again without a turn\n{}",
        why.join("\n")
    );
    let reason = Reason::new(ReasonCode::VerifyInconclusive, message).details(json!({ "why": why }));
    let chores = vec![Chore::Request, Chore::Paperwork("waits for an answer".to_owned())];
    verdict(look, judging, Verdict { hold: Some(9), ..ends(9, Outcome::Waiting, Some(reason), chores) })
}

/// The events that end a check.
pub fn settle(run: &RunState, request: &CheckRequest, result: CheckResult) -> Vec<Event> {
    let before = run.tickets.get(&request.ticket).and_then(|state| state.rewrites.get(&request.check.id)).copied();
    let again = !result.changed.is_empty() && before.unwrap_or_default() + 1 >= MOST_CHANGES;
    let (verdict, why) = if again {
        let paths = crate::text::shown_list(&result.changed);
        (CheckVerdict::Inconclusive, Some(format!("it changed tracked files again: {paths}")))
    } else {
        (result.verdict, result.why.clone())
    };
    let result = CheckResult { verdict, why, ..result };
    let check = (request.check.id.clone(), request.check.required);
    vec![ended((request.ticket.clone(), request.turn), check, request.contract.clone(), result)]
}

/// The line for what became of a check (its name, and whether it is required) of this turn.
fn ended(of: (TicketId, u32), check: (String, bool), contract: String, result: CheckResult) -> Event {
    Event::VerifyFinished(CheckEnded {
        ticket: of.0,
        turn: of.1,
        check: check.0,
        required: check.1,
        verdict: result.verdict,
        exit: result.exit,
        duration_ms: result.duration_ms,
        tree: result.tree,
        contract,
        why: result.why,
        tail: result.tail,
        log: result.log,
        changed: result.changed,
        droppings: result.droppings,
        tampered: result.tampered,
        paperwork: result.paperwork,
        tickets: result.tickets,
        reply: result.reply,
        moved: result.moved,
        interrupted: result.interrupted,
    })
}

/// The trailer of a finishing commit; none where nothing was checked.
pub(super) fn trailer(look: &Look<'_>) -> Option<(String, String)> {
    let asked = &look.survey.turn.checks;
    if asked.is_empty() {
        return None;
    }
    let users = look.survey.changes.iter().any(|(path, digest)| look.is_accepted(path, digest));
    let with = if users { ", with uncommitted files of the user" } else { "" };
    Some(("Turnstile-Verify".to_owned(), format!("{} passed{with}", asked.tree)))
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;

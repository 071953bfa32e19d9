//! The after-turn table: what a turn has come to. Row 0 always, then the first match wins, from the row at which
//! judging stands.

use serde_json::json;

use super::before::{begin, is_clean};
use super::checks::checks;
use super::choose::{Choice, Look, Row};
use super::event::Event;
use super::finish::done;
use super::intrusion::{runner_files, tampering};
use super::limits::dirty;
use super::parts::{Chore, Outcome, Verdict};
use super::progress::progress;
use super::reason::{Reason, ReasonCode};
use super::request::Act;
use super::saves;
use super::state::{EndKind, Judging};
use super::survey::{HeadFact, OutboxFact};
use super::verdicts::{back, begun, claims, ends, verdict, with_checkpoint};

/// The table in its order.
pub const AFTER: [Row; 14] = [
    Row {
        number: 0,
        name: "outbox and tickets",
        doc: "What the turn may not change in tickets and `history/` is put back; a valid dispatch is archived, behind replies to its ticket that were given before a question was known.",
        answer: outbox_and_tickets,
    },
    Row {
        number: 1,
        name: "tampering",
        doc: "The turn changed what decides which programs git runs, or leads git elsewhere: `tampered`, before any git program is called.",
        answer: tampering,
    },
    Row {
        number: 2,
        name: "HEAD",
        doc: "HEAD is elsewhere: ahead of the run's branch, which is brought forward and checked out again; otherwise, or where commits are gone, `head_moved`.",
        answer: head,
    },
    Row {
        number: 3,
        name: "runner's files",
        doc: "The turn changed the config or the templates, which say what turnstile itself does: `runner_files_changed`, with the diff; nothing is put back.",
        answer: runner_files,
    },
    Row {
        number: 4,
        name: "user's files",
        doc: "The turn changed a path that is the user's under `--allow-dirty`: `dirty_conflict`; both versions are kept.",
        answer: users_files,
    },
    Row {
        number: 5,
        name: "failure",
        doc: "The agent failed, timed out, was interrupted or could not start: checkpoint, the claim goes back, `agent_failed`. An error that may pass is tried again up to `retries.transient` times, after 5 s, 10 s, 20 s and so on, or from the time on that its program named; a turn that ended without a record is asked for again. `limits.failures` failures in a row open the breaker; a series of retries is one, and what could not start or a person interrupted is none.",
        answer: failure,
    },
    Row {
        number: 6,
        name: "lint",
        doc: "The dispatch is invalid or the ticket was unreadable: checkpoint, the claim goes back, another turn; after `retries.lint` of them `dispatch_invalid` or `ticket_invalid`. A dispatch that a person then mended is archived and judged like any other.",
        answer: lint,
    },
    Row {
        number: 7,
        name: "scope",
        doc: "A path outside the ticket's `scope` or inside `protect.paths` that its turns changed, with a content that is neither that from before them nor approved: `scope_pending`, no checkpoint. Looked at again before anything behind it. What was rejected is put back, and the claim goes back.",
        answer: super::scope::scope,
    },
    Row {
        number: 8,
        name: "question",
        doc: "A dispatch with `mode: pause`: checkpoint, the claim goes back, `user_dispatch`.",
        answer: question,
    },
    Row {
        number: 9,
        name: "checks",
        doc: "A claim is judged by its checks, on the tree as it is: the config's, the ticket's, its artifacts. Unmet: the claim is revoked, checkpoint, another turn; after `retries.verify` of them `verify_failed`. Inconclusive: `verify_inconclusive`, and the claim waits. Looked at again where the tree changes before the ticket is done.",
        answer: checks,
    },
    Row {
        number: 10,
        name: "commit",
        doc: "The claim is met and the tree is not clean: another turn asks for the commit; after `retries.commit` of them `commit_failed`. Where turnstile commits, it does so at once.",
        answer: commit,
    },
    Row {
        number: 11,
        name: "done",
        doc: "The claim is met and the tree is clean: the finishing commit, and the ticket is done.",
        answer: done,
    },
    Row {
        number: 12,
        name: "progress",
        doc: "The turn moved neither HEAD nor a file that is no message, and was given no reply; after `limits.no_progress` such turns in a row: checkpoint, `no_progress`.",
        answer: progress,
    },
    Row { number: 13, name: "otherwise", doc: "Checkpoint; the ticket goes on.", answer: otherwise },
];

/// What was put back so often and is not as it should be does not change by being put back once more.
const MOST_RESTORES: u32 = 3;

fn cannot_be_put_back(look: &Look<'_>, judging: &Judging) -> Choice {
    let files = &look.survey.turn.put_back;
    let told: Vec<String> = files.iter().map(|file| format!("{}: {}", file.path, file.why)).collect();
    let message = format!(
        "what turn {} may not change was put back {} times and is not as it was: {}; mend it by hand (who owns it, who \
         may read it, what else writes it?), then `turnstile run`",
        judging.request.turn,
        judging.restores,
        told.join("; ")
    );
    let reason = Reason::new(ReasonCode::Invalid, message).details(json!({ "faults": told }));
    Choice::stop(reason, Some(&judging.request.ticket))
}

fn outbox_and_tickets(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let ticket = &judging.request.ticket;
    let turn = judging.request.turn;
    if judging.row > 0 {
        return None;
    }
    if judging.ended.after.is_none() && look.survey.tampering.is_empty() {
        return Some(Choice::Record(vec![saves::keep(look, judging)]));
    }
    if !look.survey.turn.put_back.is_empty() {
        if judging.restores >= MOST_RESTORES {
            return Some(cannot_be_put_back(look, judging));
        }
        return Some(begin(Some(ticket), Some(turn), Act::Restore { items: look.survey.turn.put_back.clone() }));
    }
    match &look.survey.outbox {
        OutboxFact::Message(dispatch) if judging.dispatch.is_none() => {
            // Whoever replied during the turn knew of no question: that is taken in first, and answers none.
            let unasked = super::mail::reply_to(look, ticket).filter(|_| dispatch.pause);
            if unasked.is_some() {
                return unasked;
            }
            let act = Act::Archive { sequence: 0, dispatch: dispatch.clone() };
            return Some(begin(Some(ticket), Some(turn), act));
        }
        OutboxFact::Invalid(faults) if judging.dispatch_faults.is_none() => {
            let event = Event::OutboxInvalid { ticket: ticket.clone(), turn, faults: faults.clone() };
            return Some(Choice::Record(vec![event]));
        }
        OutboxFact::Empty | OutboxFact::Message(_) | OutboxFact::Invalid(_) => {}
    }
    let quoted = look.survey.reply.as_ref().is_some_and(|reply| judging.request.suspect.as_ref() == Some(&reply.stamp));
    if quoted && judging.end == EndKind::Finished {
        let act = Act::Reply {
            sequence: 0,
            to: ticket.clone(),
            spooled: None,
            confirmed: false,
            decides: None,
            brought: None,
        };
        return Some(begin(Some(ticket), Some(turn), act));
    }
    let claims = look.survey.ticket(ticket).is_some_and(|fact| fact.done);
    if claims && !look.run.ticket(ticket).claim {
        return Some(Choice::Record(vec![Event::ClaimMade { ticket: ticket.clone(), turn }]));
    }
    None
}

fn head(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    match &look.survey.turn.head {
        HeadFact::InPlace => None,
        HeadFact::Ahead { commit } => {
            let branch = look.run.branch.clone()?;
            let act = Act::AdoptHead { branch, from: None, to: commit.clone() };
            Some(begin(Some(&judging.request.ticket), Some(judging.request.turn), act))
        }
        HeadFact::Moved { how, back } => {
            let reason = super::moved::reason(look, judging, how, back);
            Some(verdict(
                look,
                judging,
                Verdict { hold: Some(3), ..ends(2, Outcome::Waiting, Some(reason), Vec::new()) },
            ))
        }
    }
}

fn users_files(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let touched: Vec<&String> =
        judging.ended.changed.iter().filter(|path| look.run.accepted.contains_key(*path)).collect();
    if touched.is_empty() {
        return None;
    }
    let paths: Vec<String> = touched.iter().map(|path| crate::text::shown_line(path)).collect();
    let kept = touched.iter().find(|path| judging.checked.contains(**path)).map(|path| {
        let path = crate::text::shell_word(&format!("{}:{path}", judging.ended.after.as_deref().unwrap_or("after")));
        format!(
            "the turn, or a check of it, changed files that were yours: {}; what you had is kept (`git show {path}`)",
            paths.join(", ")
        )
    });
    let changed = kept.unwrap_or_else(|| {
        format!(
            "the turn changed files that were yours: {}; both versions are kept (`git diff {} {}`)",
            paths.join(", "),
            judging.ended.before.as_deref().unwrap_or("before"),
            judging.ended.after.as_deref().unwrap_or("after"),
        )
    });
    let message = format!("{changed}; `turnstile resume` takes what lies there now as the ticket's work");
    let reason = Reason::new(ReasonCode::DirtyConflict, message)
        .details(json!({ "paths": touched, "before": judging.ended.before, "after": judging.ended.after }));
    Some(verdict(look, judging, Verdict { hold: Some(5), ..ends(4, Outcome::Waiting, Some(reason), Vec::new()) }))
}

fn failure(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    if judging.end == EndKind::Finished {
        return None;
    }
    if judging.dispatch.as_ref().is_some_and(|dispatch| dispatch.pause) {
        return None;
    }
    let chores = back(look, judging);
    let why = judging.ended.why.clone().unwrap_or_else(|| "it failed".to_owned());
    let agent = &judging.ended.agent;
    let ticket = &judging.request.ticket;
    if judging.end == EndKind::Interrupted {
        if judging.ended.by_person {
            let message = format!("turn {} of {ticket} was interrupted; `turnstile run` goes on", judging.request.turn);
            let reason = Reason::new(ReasonCode::Interrupted, message);
            return Some(verdict(look, judging, ends(5, Outcome::Failed, Some(reason), chores)));
        }
        let opened = super::breaker::opens(look, judging);
        let again = ends(5, Outcome::RetryAsked, None, chores);
        return Some(with_checkpoint(look, judging, opened.into_iter().collect(), again));
    }
    if judging.ended.runner_fault {
        let message = format!(
            "turn {} of {ticket} could not be run: {why}; the next `turnstile run` tries again",
            judging.request.turn
        );
        let reason = Reason::new(ReasonCode::GitFailed, message).details(json!({ "why": why }));
        return Some(verdict(look, judging, ends(5, Outcome::Failed, Some(reason), chores)));
    }
    let retry = super::retry::retry(look, judging);
    if retry.is_some() {
        let again = Verdict { retry, ..ends(5, Outcome::RetryAsked, None, chores) };
        return Some(verdict(look, judging, again));
    }
    let retried = match look.run.ticket(ticket).retries {
        0 => String::new(),
        1 => " (after 1 retry)".to_owned(),
        retries => format!(" (after {retries} retries)"),
    };
    let message = format!(
        "turn {turn} of {ticket} by `{agent}` did not end well{retried}: {why}; `turnstile show --turn {turn}` shows what it printed, `turnstile run` tries again",
        turn = judging.request.turn
    );
    let reason = Reason::new(ReasonCode::AgentFailed, message)
        .details(json!({ "agent": agent, "exit": judging.ended.exit, "why": why, "turn": judging.request.turn }));
    let opened = super::breaker::opens(look, judging);
    let failed = ends(5, Outcome::Failed, Some(reason), chores);
    Some(with_checkpoint(look, judging, opened.into_iter().collect(), failed))
}

fn lint(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    if judging.dispatch.as_ref().is_some_and(|dispatch| dispatch.pause) {
        return None;
    }
    let (code, faults) = match (&judging.ticket_faults, &judging.dispatch_faults) {
        (Some(faults), _) => (ReasonCode::TicketInvalid, faults),
        (None, Some(faults)) => (ReasonCode::DispatchInvalid, faults),
        (None, None) => return None,
    };
    if judging.row == 6 {
        // The pause is answered. A message that was mended is one like any other from here on, and what is still
        // invalid, or gone, is asked for again.
        let (ticket, turn) = (Some(&judging.request.ticket), Some(judging.request.turn));
        return match (&look.survey.outbox, &judging.dispatch) {
            (OutboxFact::Message(dispatch), None) => {
                Some(begin(ticket, turn, Act::Archive { sequence: 0, dispatch: dispatch.clone() }))
            }
            (OutboxFact::Empty | OutboxFact::Message(_), Some(_)) => None,
            (OutboxFact::Invalid(_), _) | (OutboxFact::Empty, None) => {
                Some(verdict(look, judging, ends(6, Outcome::RetryAsked, None, Vec::new())))
            }
        };
    }
    let ticket = &judging.request.ticket;
    let allowed = look.policy.retries.lint;
    let failures = look.run.ticket(ticket).lint_failures;
    let left = allowed.saturating_sub(failures);
    let failed = Event::LintFailed { ticket: ticket.clone(), turn: judging.request.turn, faults: faults.clone(), left };
    let mut chores = back(look, judging);
    let verdict_of = if failures < allowed {
        ends(6, Outcome::RetryAsked, None, chores)
    } else {
        let what = if code == ReasonCode::TicketInvalid { "ticket" } else { "DISPATCH.md" };
        let message = format!(
            "{ticket} left an invalid {what} {} times in a row; mend it, reply to it, or `turnstile resume`\n{}",
            failures + 1,
            faults.join("\n")
        );
        let reason = Reason::new(code, message).details(json!({ "faults": faults }));
        chores.extend([Chore::Request, Chore::Paperwork("waits for an answer".to_owned())]);
        // The file stays in the outbox, and its turn is not judged to its end before it is mended or given up.
        let hold = judging.dispatch_faults.is_some().then_some(6);
        Verdict { hold, ..ends(6, Outcome::Waiting, Some(reason), chores) }
    };
    Some(with_checkpoint(look, judging, vec![failed], verdict_of))
}

fn question(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let dispatch = judging.dispatch.as_ref().filter(|dispatch| dispatch.pause)?;
    let ticket = &judging.request.ticket;
    let title = dispatch.title.clone().unwrap_or_else(|| "a question".to_owned());
    let (choices, how) = if dispatch.choices.is_empty() {
        (String::new(), "-m TEXT")
    } else {
        (format!(" (choices: {})", crate::text::shown_list(&dispatch.choices)), "--answer CHOICE")
    };
    let message = format!(
        "{ticket} asks: {}{choices}; answer with `turnstile reply {}`, or in `.tickets/USER_REPLY.md`{}",
        crate::text::shown_line(&title),
        ticket.typed_with(how),
        if judging.unasked.is_empty() {
            ""
        } else {
            "; the reply that was taken in before it was asked does not answer it, and goes into the next prompt as well"
        }
    );
    let reason = Reason::new(ReasonCode::UserDispatch, message)
        .details(json!({ "pause": true, "title": dispatch.title, "choices": dispatch.choices }));
    let mut chores = back(look, judging);
    chores.push(Chore::Paperwork("waits for an answer".to_owned()));
    Some(verdict(look, judging, ends(8, Outcome::Waiting, Some(reason), chores)))
}

fn commit(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let ticket = &judging.request.ticket;
    if !claims(look, judging) {
        return None;
    }
    let foreign = look.foreign(ticket);
    if !foreign.is_empty() {
        return Some(dirty(look, ticket, &foreign));
    }
    let refused = judging.refused.clone();
    let stashed = look.stashed(ticket);
    let work = look.work(ticket);
    let committable = stashed.is_none() && !work.iter().any(|path| path.ends_with('/'));
    let artifacts: Vec<String> = look.survey.turn.checks.uncommitted().map(|it| it.path.clone()).collect();
    let by_runner = saves::by_runner(look, judging) && refused.is_none() && committable;
    if (is_clean(look, ticket) && artifacts.is_empty()) || by_runner {
        return None;
    }
    let allowed = look.policy.retries.commit;
    let failures = look.run.ticket(ticket).commit_failures;
    let left = allowed.saturating_sub(failures);
    let mut paths: Vec<String> = work.into_iter().chain(stashed).collect();
    let is_named = |path: &String| paths.iter().any(|known| known == path || known.starts_with(&format!("{path}/")));
    let artifacts: Vec<String> = artifacts.into_iter().filter(|path| !is_named(path)).collect();
    paths.extend(artifacts);
    let required = Event::CommitRequired {
        ticket: ticket.clone(),
        turn: judging.request.turn,
        paths: paths.clone(),
        output: refused.clone(),
        left,
    };
    if failures < allowed {
        let verdict = ends(10, Outcome::RetryAsked, None, Vec::new());
        return Some(Choice::Record(vec![required, begun(judging, verdict)]));
    }
    let lines: Vec<String> = paths.iter().map(|path| format!("  {}", crate::text::shown_line(path))).collect();
    let seen = match &refused {
        Some(output) => format!("a git hook refused the commit:\n{output}"),
        None => lines.join("\n"),
    };
    let asked = match failures {
        0 => String::new(),
        1 => ", though a turn was asked only for that".to_owned(),
        several => format!(", though the last {several} turns were asked only for that"),
    };
    let message = format!(
        "{ticket} claims to be finished, and its work is not committed{asked}; commit it yourself and `turnstile run` goes on, or `turnstile resume` asks the agent again\n{seen}"
    );
    let reason = Reason::new(ReasonCode::CommitFailed, message).details(json!({ "paths": paths, "output": refused }));
    let chores = vec![Chore::Request, Chore::Paperwork("waits for an answer".to_owned())];
    Some(Choice::Record(vec![begun(
        judging,
        Verdict { hold: Some(10), ..ends(10, Outcome::Waiting, Some(reason), chores) },
    )]))
}

#[expect(clippy::unnecessary_wraps, reason = "the table has one shape")]
fn otherwise(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let chores = back(look, judging);
    Some(verdict(look, judging, ends(13, Outcome::Progressed, None, chores)))
}

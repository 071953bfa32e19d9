//! Row 7: paths that turns of a ticket may not change unasked. Nothing of them is committed before somebody has said so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::before::begin;
use super::choose::{Choice, Look};
use super::event::Event;
use super::parts::{Asked, Chore, Decides, Outcome, Verdict};
use super::reason::{Reason, ReasonCode};
use super::request::{Act, PathBack, PutBack};
use super::state::{Feedback, Judging, RunState, Stage};
use super::survey::{Before, ScopeFact};
use super::verdicts::{begun, ends};
use crate::text::shown_line;
use crate::ticket::TicketId;

/// What of a path is not as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wrong {
    /// In the worktree.
    tree: bool,
    /// In HEAD, where nobody has rejected it yet: then the agent owes the commit that reverts it.
    head: bool,
}

/// What is wrong with a path: a content that is neither that from before the ticket's turns nor approved.
fn wrong(look: &Look<'_>, ticket: &TicketId, fact: &ScopeFact) -> Wrong {
    let state = look.run.tickets.get(ticket);
    let among = |known: Option<&BTreeMap<String, BTreeSet<String>>>, digest: &String| {
        known.and_then(|known| known.get(&fact.path)).is_some_and(|digests| digests.contains(digest))
    };
    let approved =
        |digest: &String| fact.before.contains(digest) || among(state.map(|state| &state.scope_approved), digest);
    let rejected = among(state.map(|state| &state.scope_rejected), &fact.head);
    Wrong { tree: !approved(&fact.tree), head: !approved(&fact.head) && !rejected }
}

/// What waits for a decision, of the turn that is judged.
fn waiting<'a>(look: &Look<'a>, ticket: &TicketId) -> Vec<(&'a ScopeFact, Wrong)> {
    let judged = look.run.judging().is_some_and(|judging| judging.request.ticket == *ticket);
    let facts = look.survey.turn.scope.iter().filter(|_| judged).map(|fact| (fact, wrong(look, ticket, fact)));
    facts.filter(|(_, wrong)| wrong.tree || wrong.head).collect()
}

/// Whether no commit of turnstile's may hold what lies at a path now.
pub(super) fn is_withheld(look: &Look<'_>, ticket: &TicketId, path: &str) -> bool {
    waiting(look, ticket).iter().any(|(fact, wrong)| wrong.tree && fact.path == path)
}

pub(super) fn scope(look: &Look<'_>, judging: &Judging) -> Option<Choice> {
    let ticket = &judging.request.ticket;
    if let Some(by) = &judging.rejected_by {
        // What lies there since may be a person's, and is asked about like everything else.
        let state = look.run.ticket(ticket);
        let is_it =
            |fact: &ScopeFact| state.scope_rejected.get(&fact.path).is_some_and(|known| known.contains(&fact.tree));
        let rejected = waiting(look, ticket).into_iter();
        let rejected =
            rejected.filter(|(fact, wrong)| wrong.tree && judging.to_put_back.contains(&fact.path) && is_it(fact));
        let paths: Vec<PathBack> = rejected.map(|(fact, _)| back(fact, by)).collect();
        if !paths.is_empty() {
            return Some(begin(Some(ticket), Some(judging.request.turn), Act::PutBack { paths }));
        }
        if state.claim {
            let why = format!("{} rejected what was changed outside of what the turn may change", shown_line(by));
            let act = Act::SetDone { target: ticket.clone(), done: false, decision: None, why };
            return Some(begin(Some(ticket), Some(judging.request.turn), act));
        }
    }
    let waiting = waiting(look, ticket);
    if waiting.is_empty() {
        return None;
    }
    let reason = pending(judging, &waiting);
    let asked = Event::ApprovalRequested {
        ticket: ticket.clone(),
        reason: ReasonCode::ScopePending,
        path: None,
        asked: asked(&waiting),
    };
    let chores = vec![Chore::Request, Chore::Paperwork("waits for an answer".to_owned())];
    let hold = Some(judging.row.max(8));
    let verdict = Verdict { hold, ..ends(7, Outcome::Waiting, Some(reason), chores) };
    Some(Choice::Record(vec![asked, begun(judging, verdict)]))
}

fn back(fact: &ScopeFact, by: &str) -> PathBack {
    let tree = match &fact.back {
        Before::Kept { tree } => Some(tree.clone()),
        Before::Absent | Before::Unknown => None,
    };
    let why = format!("{}, and rejected by {}", fact.why, shown_line(by));
    let item = PutBack { path: fact.path.clone(), keys: Vec::new(), why, unreadable: false, undo: None };
    PathBack { tree, item }
}

fn asked(waiting: &[(&ScopeFact, Wrong)]) -> Asked {
    let digests = |(fact, wrong): &(&ScopeFact, Wrong)| {
        let tree = wrong.tree.then(|| fact.tree.clone());
        let head = wrong.head.then(|| fact.head.clone());
        (fact.path.clone(), tree.into_iter().chain(head).collect())
    };
    let committed = waiting.iter().filter(|(_, wrong)| wrong.head).map(|(fact, _)| fact.path.clone()).collect();
    Asked { paths: waiting.iter().map(digests).collect(), committed, ..Asked::default() }
}

fn pending(judging: &Judging, waiting: &[(&ScopeFact, Wrong)]) -> Reason {
    let id = &judging.request.ticket;
    let line = |(fact, wrong): &(&ScopeFact, Wrong)| {
        let gone = if wrong.tree && fact.tree == GONE { ", deleted" } else { "" };
        let committed = match (&fact.commit, wrong.head) {
            (Some(commit), true) => format!(", committed by the agent in {}", super::moved::short_commit(commit)),
            (None, true) => ", committed by the agent".to_owned(),
            (_, false) => String::new(),
        };
        format!("  {} ({}{gone}{committed})", shown_line(&fact.path), fact.why)
    };
    let lines: Vec<String> = waiting.iter().map(line).collect();
    let diff = match &judging.ended.after {
        Some(_) => format!(" (`turnstile diff {}` shows it)", judging.request.turn),
        None => String::new(),
    };
    let count = match lines.len() {
        1 => "a path".to_owned(),
        several => format!("{several} paths"),
    };
    let typed = id.typed();
    let message = format!(
        "turn {} of {id} changed {count} that it may not change unasked{diff}; `turnstile approve {typed}` lets it stand, `turnstile reject {typed}` has it put back\n{}",
        judging.request.turn,
        lines.join("\n")
    );
    let paths: Vec<_> = waiting
        .iter()
        .map(|(fact, wrong)| {
            json!({ "path": fact.path, "why": fact.why, "committed": wrong.head, "commit": fact.commit })
        })
        .collect();
    Reason::new(ReasonCode::ScopePending, message)
        .details(json!({ "paths": paths, "before": judging.ended.before, "after": judging.ended.after }))
}

/// The digest of a path at which nothing lies.
pub const GONE: &str = "gone";

/// Whether the pause is answered by what lies there now.
pub(super) fn fallen(look: &Look<'_>, ticket: &TicketId) -> Option<&'static str> {
    let judging = look.run.judging().filter(|judging| judging.request.ticket == *ticket)?;
    let waiting = waiting(look, ticket);
    if waiting.is_empty() {
        return Some("the files: nothing is left of what waited for a decision");
    }
    // It was rejected before the pause was written down.
    let rejected =
        judging.rejected_by.is_some() && waiting.iter().all(|(fact, _)| judging.to_put_back.contains(&fact.path));
    rejected.then_some("a rejection")
}

/// What a decision comes to that is bound to what is there now.
pub(super) fn decides_now(look: &Look<'_>, ticket: &TicketId, approved: bool) -> Decides {
    Decides { reason: ReasonCode::ScopePending, approved, what: asked(&waiting(look, ticket)) }
}

/// What cannot be put back, because nobody knows what lay there.
pub(super) fn cannot_be_put_back(look: &Look<'_>, ticket: &TicketId, decides: &Decides) -> Option<String> {
    if decides.approved {
        return None;
    }
    let unknown: Vec<String> = waiting(look, ticket)
        .into_iter()
        .filter(|(fact, wrong)| {
            wrong.tree && fact.back == Before::Unknown && decides.what.paths.contains_key(&fact.path)
        })
        .map(|(fact, _)| shown_line(&fact.path))
        .collect();
    (!unknown.is_empty()).then(|| {
        format!("what lay there before is not kept: {}; put it back by hand, or approve it", unknown.join(", "))
    })
}

impl RunState {
    /// What a person decided about paths that a turn may not change unasked.
    pub(super) fn scope_decided(&mut self, ticket: &TicketId, by: &str, decides: &Decides) {
        let state = self.tickets.entry(ticket.clone()).or_default();
        let known = if decides.approved { &mut state.scope_approved } else { &mut state.scope_rejected };
        for (path, digests) in &decides.what.paths {
            known.entry(path.clone()).or_default().extend(digests.iter().cloned());
        }
        if decides.approved {
            return;
        }
        let mut text = format!("{by} rejected what you changed outside of what you may change, and it is put back");
        for path in decides.what.paths.keys() {
            let owed = decides.what.committed.contains(path);
            text.push_str(&format!(
                "\n  {path}{}",
                if owed { ": you committed it; commit what reverts it" } else { "" }
            ));
        }
        state.feedback.push(Feedback { kind: "approval.resolved", text, left: None });
        if let Stage::Judging(judging) = &mut self.stage
            && judging.request.ticket == *ticket
        {
            judging.to_put_back.extend(decides.what.paths.keys().cloned());
            judging.rejected_by = Some(by.to_owned());
        }
    }

    /// What was rejected lies as it was before; a filter may give that other bytes than it once had.
    pub(super) fn put_back(&mut self, ticket: &TicketId, paths: &BTreeMap<String, String>) {
        self.acting = None;
        let state = self.tickets.entry(ticket.clone()).or_default();
        for (path, digest) in paths {
            state.scope_approved.entry(path.clone()).or_default().insert(digest.clone());
        }
        if let Stage::Judging(judging) = &mut self.stage {
            judging.to_put_back.clear();
        }
    }
}

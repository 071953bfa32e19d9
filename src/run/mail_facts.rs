//! Messages and decisions as the kernel needs them: what lies in the outbox, what was replied, what operators decided.

use std::collections::BTreeMap;

use super::error::RunError;
use super::survey::{IdsOfFacts, line, lines};
use super::workspace::Workspace;
use crate::flow::{Brought, Decided, Decides, Decision, DispatchFact, OutboxFact, ReplyFact, RunState};
use crate::git;
use crate::store::{self, ReplyFile, TICKETS};
use crate::text::LineColumn;
use crate::ticket::Decision as ReplyDecision;
use crate::ticket::{DispatchMode, Ids, TicketId, Unresolved, read_dispatch, read_reply, resolve};

pub(super) fn outbox_fact(outbox: store::Outbox) -> OutboxFact {
    let message = match (outbox.message, outbox.problem) {
        (None, _) => return OutboxFact::Empty,
        (Some(_), Some(problem)) => return OutboxFact::Invalid(vec![problem]),
        (Some(message), None) => message,
    };
    let source = match message {
        Ok(source) => source,
        Err(why) => return OutboxFact::Invalid(vec![line(&why.diagnostic(".tickets/outbox/DISPATCH.md"))]),
    };
    match read_dispatch(&source) {
        Ok(dispatch) => OutboxFact::Message(DispatchFact {
            pause: dispatch.mode == DispatchMode::Pause,
            title: dispatch.title,
            choices: dispatch.choices,
        }),
        Err(faults) => OutboxFact::Invalid(lines(&faults)),
    }
}

pub(super) fn reply_fact(
    workspace: &Workspace,
    run: &RunState,
    file: &ReplyFile,
    ids: &Ids,
    head: &git::Head,
    tickets_changes: &BTreeMap<String, bool>,
) -> Result<ReplyFact, RunError> {
    let mut fact = read_reply_file(file, ids, None);
    let path = format!("{TICKETS}/{}", store::USER_REPLY);
    if run.suspect.as_ref() == Some(&file.stamp) && !tickets_changes.contains_key(&path) {
        let place = &workspace.place;
        let now = in_commit(place, head.commit.as_deref(), &path)?;
        let then = in_commit(place, run.last_head.as_deref(), &path)?;
        fact.committed = now.is_some() && now != then;
    }
    let attached = format!("{TICKETS}/reply");
    let is_changed = |changed: &String| *changed == path || changed.starts_with(&format!("{attached}/"));
    if !tickets_changes.keys().any(is_changed) {
        fact.brought = git::brought(&workspace.place, &[&path, &attached])?.map(brought);
    }
    Ok(fact)
}

fn brought(written: git::Written) -> Brought {
    let git::Written { commit, name, address, signature } = written;
    let (state, keys) = signature.map(|signed| (if signed.is_good { "good" } else { "bad" }, signed.keys)).unzip();
    Brought { commit, name, address, signature: state.map(str::to_owned), keys: keys.unwrap_or_default() }
}

/// What a path holds in a commit; nothing where there is none yet.
pub(super) fn in_commit(place: &git::Place, commit: Option<&str>, path: &str) -> Result<Option<Vec<u8>>, RunError> {
    Ok(commit.map(|commit| git::blob(place, commit, path)).transpose()?.flatten())
}

/// `given_to` is the ticket that a stored reply was given to: its text says so too, until somebody sends it on.
fn read_reply_file(file: &ReplyFile, ids: &Ids, given_to: Option<&TicketId>) -> ReplyFact {
    let mut fact = ReplyFact {
        kept_in: None,
        stamp: file.stamp.clone(),
        to: given_to.cloned().map(Ok),
        answer: None,
        answer_at: String::new(),
        decision: None,
        faults: file.problem.clone().into_iter().collect(),
        empty: false,
        committed: false,
        brought: None,
    };
    let source = match &file.content {
        Ok(source) => source,
        Err(why) => {
            fact.faults.push(line(&why.diagnostic(".tickets/USER_REPLY.md")));
            return fact;
        }
    };
    match read_reply(source) {
        Ok(reply) => {
            fact.empty = reply.is_empty() && file.attachments.is_empty();
            let at = |place: LineColumn| format!("{}:{}:{}: ", source.path, place.line, place.column);
            let refused = |to: &str, why: &Unresolved| format!("{}{}", at(reply.to_at), unresolved(to, why));
            if let Some(to) = reply.to.as_ref().filter(|to| given_to.is_none_or(|ticket| ticket.as_str() != **to)) {
                fact.to = Some(resolve(to, "", ids).map_err(|why| refused(to, &why)));
            }
            fact.answer = reply.answer;
            fact.answer_at = at(reply.answer_at);
            fact.decision = reply.decision.map(|decision| (decision == ReplyDecision::Approve, at(reply.decision_at)));
        }
        Err(faults) => fact.faults.extend(lines(&faults)),
    }
    fact
}

/// Why a reference leads nowhere, as a sentence.
pub fn unresolved(reference: &str, why: &Unresolved) -> String {
    let reference = crate::text::shown_line(reference);
    match why {
        Unresolved::None { nearest: Some(nearest) } => {
            format!("there is no ticket `{reference}`; did you mean `{nearest}`?")
        }
        Unresolved::None { nearest: None } => format!("there is no ticket `{reference}`; `turnstile list` shows them"),
        Unresolved::Ambiguous(several) => {
            let names: Vec<String> = several.iter().map(|id| format!("`{id}`")).collect();
            format!("`{reference}` could be {}; write more of it", names.join(", "))
        }
    }
}

pub(super) fn decisions(workspace: &Workspace, run: &RunState, ids: &IdsOfFacts) -> Result<Vec<Decision>, RunError> {
    let mut decisions = Vec::new();
    for stored in store::list_decisions(&workspace.layout)? {
        if run.served.contains(&stored.id) {
            continue;
        }
        let ticket = stored.draft.arguments.get("ticket").and_then(serde_json::Value::as_str).map(TicketId::new);
        let folder = stored.folder.display().to_string();
        let what = match (stored.draft.kind.as_str(), ticket) {
            ("pause", _) => Decided::Pause,
            ("resume", _) => Decided::Resume,
            ("stop", _) => Decided::Stop,
            ("done", Some(ticket)) => Decided::Done(ticket),
            ("reopen", Some(ticket)) => Decided::Reopen(ticket),
            ("noted", Some(ticket)) => {
                Decided::Noted(ticket, stored.draft.arguments.get("done").and_then(serde_json::Value::as_bool))
            }
            ("approve" | "reject", Some(ticket)) => {
                let decides = stored.draft.arguments.get("decides").cloned();
                let decides = decides.and_then(|decides| serde_json::from_value::<Decides>(decides).ok());
                decides.map_or_else(
                    || Decided::Unusable("what it is about cannot be read".to_owned()),
                    |decides| Decided::Approval(ticket, decides),
                )
            }
            ("reply", ticket) => match store::look_spooled_reply(&stored.folder)? {
                Some(file) => {
                    let fact = read_reply_file(&file, ids.get(), ticket.as_ref());
                    Decided::Reply(ReplyFact { kept_in: Some(folder), ..fact })
                }
                None => Decided::Unusable("its text is gone".to_owned()),
            },
            (kind, _) => Decided::Unusable(format!("this version does not know the decision `{kind}`")),
        };
        decisions.push(Decision { id: stored.id, by: stored.draft.who, at: stored.draft.at, what });
    }
    Ok(decisions)
}

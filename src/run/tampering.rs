//! What a turn did to the git directory where that decides which programs run. The state from before the turn lies
//! beside the worktree's lock: no other turn begins until a difference is accepted or put back, whichever run it is.

use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use super::error::RunError;
use super::work::TurnWork;
use super::workspace::{layout_of, write_machine};
use crate::flow::{ReasonCode, RunState};
use crate::git::{self, Guard, Place};

/// The state before a turn, and which turn that is.
#[derive(Serialize, Deserialize)]
struct Noted {
    run: String,
    turn: u32,
    guard: Guard,
}

/// Looks at the state before a turn, and notes it for whoever has to look again.
pub(super) fn begin(work: &TurnWork) -> Result<Guard, RunError> {
    let layout = work.layout();
    let path = layout.guard();
    let noted = Noted { run: work.run.clone(), turn: work.turn, guard: git::guard(&work.place)? };
    let text = serde_json::to_vec(&noted).map_err(|source| RunError::Express { path: path.clone(), source })?;
    write_machine(&layout, &path, &text)?;
    Ok(noted.guard)
}

/// What differs from then, one line each.
pub(super) fn since(place: &Place, before: &Guard) -> Vec<String> {
    // Something that is short for a moment is no tampering.
    let look_again = |_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        git::guard(place)
    };
    match git::guard(place).or_else(look_again) {
        Ok(now) => now.changes_since(before),
        Err(error) => vec![format!("it cannot be looked at: {}", RunError::Git(error).in_full())],
    }
}

/// The same for a turn whose process is dead; `began` says that its agent may have run.
pub(super) fn since_lost(work: &TurnWork, began: bool) -> Vec<String> {
    match noted(&work.place) {
        Ok(Some(noted)) if noted.run == work.run && noted.turn == work.turn => since(&work.place, &noted.guard),
        Ok(_) if !began => Vec::new(),
        Ok(_) => vec!["what it was before the turn is not on record any more".to_owned()],
        Err(why) => vec![why],
    }
}

/// The differences that nobody has answered yet. While there are any, this thread starts no git program.
pub(super) fn unanswered(place: &Place, run: &RunState) -> Vec<String> {
    let stands = run.standing.iter().any(|stands| stands.reason.code == ReasonCode::Tampered);
    let unjudged = run.judging().is_some_and(|judging| judging.row <= 1 && !judging.ended.tampered.is_empty());
    let found = match noted(place) {
        _ if !stands && !unjudged => Vec::new(),
        Ok(Some(noted)) => since(place, &noted.guard),
        Ok(None) => vec!["what it was before the turn is not on record any more".to_owned()],
        Err(why) => vec![why],
    };
    git::refuse_programs(!found.is_empty());
    found
}

fn noted(place: &Place) -> Result<Option<Noted>, String> {
    let path = layout_of(place).guard();
    let unusable = |why: String| format!("{} cannot be read: {why}", path.display());
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| unusable(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(error.to_string())),
    }
}

//! What a turn did to the git directory where that decides which programs run. The state from before the turn lies
//! beside the worktree's lock: no other turn begins until a difference is accepted or put back, whichever run it is.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use super::error::RunError;
use super::machine_files::write_machine;
use super::work::{CheckWork, TurnWork};
use super::workspace::layout_of;
use crate::flow::{ReasonCode, RunState};
use crate::git::{self, Guard, Place};
use crate::store;

/// The state before a turn, and which turn that is.
#[derive(Serialize, Deserialize)]
pub(super) struct Noted {
    run: String,
    turn: u32,
    guard: Guard,
    #[serde(default)]
    journal: Option<Beginning>,
    /// Agents' own project settings, by their digests.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

/// As much of a journal as there was; it only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Beginning {
    bytes: usize,
    sum: u32,
}

impl Beginning {
    fn of(journal: &[u8]) -> Self {
        Self { bytes: journal.len(), sum: crc32fast::hash(journal) }
    }

    fn is_of(self, journal: &[u8]) -> bool {
        journal.get(..self.bytes).is_some_and(|beginning| Self::of(beginning) == self)
    }
}

/// Looks at the state before a turn, and notes it for whoever has to look again.
pub(super) fn begin(work: &TurnWork) -> Result<Noted, RunError> {
    note(&work.place, &work.run, work.turn)
}

/// The same before a check: what it runs, a turn wrote.
pub(super) fn begin_check(work: &CheckWork) -> Result<Noted, RunError> {
    note(&work.place, &work.run, work.turn)
}

fn note(place: &Place, run: &str, turn: u32) -> Result<Noted, RunError> {
    let layout = layout_of(place);
    let path = layout.guard();
    let journal = layout.journal(run);
    let unusable =
        |error: std::io::Error| RunError::Unusable { path: journal.display().to_string(), why: error.to_string() };
    let journal = Some(Beginning::of(&std::fs::read(&journal).map_err(unusable)?));
    let settings = super::agent_settings::digests_of_agent_settings(&place.top);
    let noted = Noted { run: run.to_owned(), turn, guard: git::guard(place)?, journal, settings };
    let text = serde_json::to_vec(&noted).map_err(|source| RunError::Express { path: path.clone(), source })?;
    write_machine(&layout, &path, &text)?;
    Ok(noted)
}

/// What differs as the turn ends, one line each. The name of its run is put back: whoever comes next has to find what
/// is known of the turn.
pub(super) fn as_it_ends(place: &Place, noted: &Noted) -> Vec<String> {
    let mut found = since(place, noted);
    let grown = |journal: Vec<u8>| {
        let more = journal.get(noted.journal?.bytes..)?;
        let is_ours = |line: &[u8]| line.is_empty() || DURING_A_TURN.iter().any(|kind| contains(line, kind));
        (!more.split(|byte| *byte == b'\n').all(is_ours)).then(|| WRITTEN_TO.to_owned())
    };
    found.extend(std::fs::read(layout_of(place).journal(&noted.run)).ok().and_then(grown));
    found.extend(name_of_the_run(place, noted));
    found
}

/// Agents' own project settings that differ as the turn ends: their programs read them in the next one.
pub(super) fn settings_since(place: &Place, noted: &Noted) -> BTreeMap<String, String> {
    super::agent_settings::changed_settings(&noted.settings, &place.top)
}

/// The same for a turn whose process is dead.
pub(super) fn settings_since_lost(work: &TurnWork) -> BTreeMap<String, String> {
    match noted(&work.place) {
        Ok(Some(noted)) if noted.run == work.run && noted.turn == work.turn => settings_since(&work.place, &noted),
        Ok(_) | Err(_) => BTreeMap::new(),
    }
}

/// What turnstile itself writes down while a turn is under way: that a process gave up waiting, that another waits now,
/// and which triggers called for that one.
const DURING_A_TURN: [&[u8]; 5] = [
    br#""kind":"turn.adopted""#,
    br#""kind":"journal.repaired""#,
    br#""kind":"run.paused""#,
    br#""kind":"trigger.received""#,
    br#""kind":"trigger.coalesced""#,
];
/// What only the end of the turn can tell: behind it turnstile writes there again.
const WRITTEN_TO: &str = "the run's journal was written to";

fn name_of_the_run(place: &Place, noted: &Noted) -> Option<String> {
    let layout = layout_of(place);
    let is_changed = match store::current_run(&layout) {
        Ok(found) => found.as_ref() != Some(&noted.run),
        // What cannot be looked at says nothing.
        Err(error) => !error.is_shortage(),
    };
    if is_changed {
        let put_back = match store::set_current_run(&layout, &noted.run) {
            Ok(()) => "and was put back".to_owned(),
            Err(error) => format!("and cannot be put back: {}", RunError::from(error).in_full()),
        };
        return Some(format!("the file that names the worktree's run was changed, {put_back}"));
    }
    None
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// What differs from then, one line each.
fn since(place: &Place, noted: &Noted) -> Vec<String> {
    let mut found = since_guard(place, &noted.guard);
    let journal = std::fs::read(layout_of(place).journal(&noted.run));
    if let (Some(beginning), Ok(journal)) = (noted.journal, journal)
        && !beginning.is_of(&journal)
    {
        found.push("the run's journal is not what was written".to_owned());
    }
    found
}

fn since_guard(place: &Place, before: &Guard) -> Vec<String> {
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
        Ok(Some(noted)) if noted.run == work.run && noted.turn == work.turn => {
            let mut found = since(&work.place, &noted);
            found.extend(name_of_the_run(&work.place, &noted));
            found
        }
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
        Ok(Some(noted)) => {
            let told = run.judging().map(|judging| judging.ended.tampered.as_slice());
            let written = told.unwrap_or_default().iter().filter(|line| *line == WRITTEN_TO).cloned();
            since(place, &noted).into_iter().chain(written).collect()
        }
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

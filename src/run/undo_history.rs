//! What turns did to the files that they changed, and whether somebody else has changed one of them since: between two
//! of the turns, or after the last.

use std::collections::BTreeSet;

use super::error::RunError;
use super::give_back::{ticket_of, with_done};
use super::undo::UndoRefused;
use super::workspace::event;
use crate::flow::{Event, TurnEnded, UndoFile, Undone};
use crate::git::{self, Blob, Place};
use crate::store::{Layout, Line};
use crate::text::{Source, shown_line};
use crate::ticket::{ContractVerdict, Role, TicketId, judge_change, judge_new};

/// A repository inside the worktree, as a tree holds it.
const REPOSITORY: u32 = 0o160_000;
/// What of `.tickets/` is the conversation, or a person's word: never undone.
const CONVERSATION: [&str; 5] =
    [".tickets/history/", ".tickets/outbox/", ".tickets/reply/", ".tickets/USER_REPLY.md", ".tickets/STOP"];

/// A refusal, or what was looked for.
pub(super) type Answer<T> = Result<T, UndoRefused>;

/// What the journal says of the turns of a run and of what was undone of them.
pub(super) struct Records {
    /// In the order of the journal.
    steps: Vec<Record>,
    pub undos: u32,
}

enum Record {
    Turn(TurnEnded),
    /// A turn that nobody has settled.
    Open(u32),
    Restored(BTreeSet<String>),
    Finished(TicketId),
    Undone(Undone),
}

impl Records {
    pub fn of(lines: &[Line]) -> Result<Self, RunError> {
        let mut records = Self { steps: Vec::new(), undos: 0 };
        for line in lines {
            let record = match event(line)? {
                Event::TurnStarted(request) => Record::Open(request.turn),
                Event::TurnFinished(ended)
                | Event::TurnFailed(ended)
                | Event::TurnTimedOut(ended)
                | Event::TurnInterrupted(ended) => {
                    records.steps.retain(|record| !matches!(record, Record::Open(turn) if *turn == ended.turn));
                    Record::Turn(ended)
                }
                // The tree after a lost turn is kept later.
                Event::EffectFinished { effect, path: Some(commit), .. } if effect == "keep" => {
                    if let Some(Record::Turn(ended)) = records.steps.iter_mut().rev().find(|it| it.is_turn()) {
                        ended.after = Some(commit);
                    }
                    continue;
                }
                Event::ContractRestored { items, .. } => {
                    Record::Restored(items.into_iter().map(|item| item.path).collect())
                }
                Event::TicketDone { ticket, by: None, .. } => Record::Finished(ticket),
                Event::UndoMade(undone) => {
                    records.undos += 1;
                    Record::Undone(undone)
                }
                _ => continue,
            };
            records.steps.push(record);
        }
        Ok(records)
    }

    fn turns(&self) -> impl Iterator<Item = &TurnEnded> {
        self.steps.iter().filter_map(|record| if let Record::Turn(ended) = record { Some(ended) } else { None })
    }

    pub fn ticket_of(&self, turn: u32) -> Option<TicketId> {
        self.turns().find(|ended| ended.turn == turn).map(|ended| ended.ticket.clone())
    }

    /// The turns that are undone, from the one that is named on.
    pub fn range(&self, run: &str, asked: Option<u32>) -> Answer<(u32, u32)> {
        let unknown = |why: String| Err(UndoRefused::Unknown(why));
        if let Some(open) =
            self.steps.iter().find_map(|it| if let Record::Open(turn) = it { Some(*turn) } else { None })
        {
            return Err(UndoRefused::Busy(format!("turn {open} is under way, or nobody has judged it")));
        }
        let Some(last) = self.turns().map(|ended| ended.turn).max() else {
            return unknown("no turn is over yet in this worktree's run".to_owned());
        };
        let from = asked.unwrap_or(last);
        if self.ticket_of(from).is_none() {
            return unknown(format!("run {run} has no turn {from}; its last one is {last}"));
        }
        Ok((from, last))
    }

    /// Tickets that a turn from this one on finished, as the runner judged it.
    pub fn finished_since(&self, from: u32) -> BTreeSet<TicketId> {
        let behind = self.steps.iter().skip_while(|it| !matches!(it, Record::Turn(ended) if ended.turn >= from));
        behind.filter_map(|it| if let Record::Finished(ticket) = it { Some(ticket.clone()) } else { None }).collect()
    }

    /// The files that are given back, by whether the tree after the last turn has what lies there now.
    pub fn as_it_lies(&self, place: &Place, files: &[UndoFile]) -> Result<(Vec<String>, Vec<String>), RunError> {
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let Some(after) = self.turns().last().and_then(|ended| ended.after.as_ref()) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let entries = git::entries(place, after, &paths)?;
        let (there, absent): (Vec<_>, Vec<_>) = paths.into_iter().zip(entries).partition(|(_, entry)| entry.is_some());
        let names = |found: Vec<(String, Option<Blob>)>| found.into_iter().map(|(path, _)| path).collect();
        Ok((names(there), names(absent)))
    }
}

impl Record {
    fn is_turn(&self) -> bool {
        matches!(self, Self::Turn(_))
    }
}

/// What some turns did to the paths that they changed.
pub(super) struct History {
    from: u32,
    /// The kept tree from before the first of them.
    pub before: String,
    pub paths: Vec<String>,
    /// What each path had there.
    pub targets: Vec<Option<Blob>>,
    repositories: BTreeSet<String>,
}

impl History {
    pub fn of(place: &Place, run: &str, records: &Records, from: u32) -> Result<Answer<Self>, RunError> {
        let mut paths = BTreeSet::new();
        let mut repositories = BTreeSet::new();
        let mut first = None;
        for ended in records.turns().filter(|ended| ended.turn >= from) {
            let (Some(before), Some(after)) = (&ended.before, &ended.after) else {
                let why = format!(
                    "no trees were kept around turn {} of run {run}, so nobody knows what it changed",
                    ended.turn
                );
                return Ok(Err(UndoRefused::State(why)));
            };
            first = first.or_else(|| Some(before.clone()));
            for change in if before == after { Vec::new() } else { git::diff(place, before, after)? } {
                if CONVERSATION.iter().any(|word| change.path.starts_with(word)) {
                    continue;
                }
                if [&change.before, &change.after].into_iter().flatten().any(|blob| blob.mode == REPOSITORY) {
                    repositories.insert(change.path.clone());
                }
                paths.insert(change.path);
            }
        }
        let Some(before) = first else {
            return Ok(Err(UndoRefused::Unknown(format!("run {run} has no turn {from}"))));
        };
        let paths: Vec<String> = paths.into_iter().collect();
        let targets = git::entries(place, &before, &paths)?;
        Ok(Ok(Self { from, before, paths, targets, repositories }))
    }

    /// The same for single files.
    pub fn only(self, asked: &[String]) -> Answer<Self> {
        let asked: Vec<&str> = asked.iter().map(|path| path.trim_start_matches("./").trim_end_matches('/')).collect();
        let is_at = |path: &str, asked: &str| {
            path.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let unchanged = |asked: &&&str| !self.paths.iter().any(|path| is_at(path, asked));
        if let Some(unknown) = asked.iter().find(unchanged) {
            let why = format!(
                "no turn from {} on has changed `{}`, or it is no file that is undone",
                self.from,
                shown_line(unknown)
            );
            return Err(UndoRefused::Unknown(why));
        }
        let wanted = |path: &String| asked.is_empty() || asked.iter().any(|asked| is_at(path, asked));
        if let Some(inside) = self.repositories.iter().find(|path| wanted(path)) {
            let why =
                format!("`{}` is a repository inside the worktree; undo what was done in it there", shown_line(inside));
            return Err(UndoRefused::State(why));
        }
        let kept = self.paths.into_iter().zip(self.targets).filter(|(path, _)| wanted(path));
        let (paths, targets) = kept.unzip();
        Ok(Self { paths, targets, ..self })
    }

    /// The paths that are not as the turns, and turnstile itself, have left them.
    pub fn changed_by_others(
        &self,
        place: &Place,
        layout: &Layout,
        records: &Records,
    ) -> Result<BTreeSet<String>, RunError> {
        let mut changed = BTreeSet::new();
        let mut expected = self.targets.clone();
        let mut last: Option<(&TurnEnded, &BTreeSet<String>)> = None;
        let nothing = BTreeSet::new();
        for record in self.records(records) {
            match record {
                Record::Turn(ended) => {
                    let (Some(before), Some(after)) = (&ended.before, &ended.after) else { continue };
                    let found = git::entries(place, before, &self.paths)?;
                    for ((path, expected), found) in self.paths.iter().zip(&expected).zip(&found) {
                        if expected != found {
                            let left = Left { place, path, expected: expected.as_ref(), last };
                            let bytes = found.as_ref().map(|found| git::written(place, path, found)).transpose()?;
                            if !left.is_by_turnstile(bytes.as_deref())? {
                                changed.insert(path.clone());
                            }
                        }
                    }
                    expected = git::entries(place, after, &self.paths)?;
                    last = Some((ended, &nothing));
                }
                Record::Restored(paths) => last = last.map(|(ended, _)| (ended, paths)),
                Record::Undone(undone) => {
                    let given = git::entries(place, &undone.before, &self.paths)?;
                    for ((path, expected), given) in self.paths.iter().zip(&mut expected).zip(given) {
                        if undone.paths.contains(path) {
                            *expected = given;
                        }
                    }
                }
                Record::Open(_) | Record::Finished(_) => {}
            }
        }
        for (path, expected) in self.paths.iter().zip(&expected) {
            if git::lies_as(place, path, expected.as_ref())? {
                continue;
            }
            let left = Left { place, path, expected: expected.as_ref(), last };
            // What is there and no file is nothing that turnstile made.
            let lies = layout.top.join(git::file_of(path)).symlink_metadata();
            let is_file = lies.as_ref().is_ok_and(std::fs::Metadata::is_file);
            if (lies.is_ok() && !is_file) || !left.is_by_turnstile(git::file_bytes(place, path)?.as_deref())? {
                changed.insert(path.clone());
            }
        }
        Ok(changed)
    }

    fn records<'a>(&self, records: &'a Records) -> impl Iterator<Item = &'a Record> {
        let from = self.from;
        records.steps.iter().skip_while(move |it| !matches!(it, Record::Turn(ended) if ended.turn >= from))
    }
}

/// A path as a turn left it, and what may have become of it by turnstile's own hand.
struct Left<'a> {
    place: &'a Place,
    path: &'a str,
    expected: Option<&'a Blob>,
    /// The last turn, and what was put back behind it.
    last: Option<(&'a TurnEnded, &'a BTreeSet<String>)>,
}

impl Left<'_> {
    /// Whether turnstile makes what is there of what the turn left: it sets `done`, and puts back what a turn may not
    /// change.
    fn is_by_turnstile(&self, found: Option<&[u8]>) -> Result<bool, RunError> {
        let ticket = ticket_of(self.path);
        let expected = self.expected.map(|blob| git::written(self.place, self.path, blob)).transpose()?;
        let same = |one: Option<&[u8]>, other: Option<&[u8]>| match (one, other, &ticket) {
            (Some(one), Some(other), Some(_)) => undecided(self.path, one) == undecided(self.path, other),
            _ => one == other,
        };
        if ticket.is_some() && same(expected.as_deref(), found) {
            return Ok(true);
        }
        let Some((ended, _)) = self.last.filter(|(_, restored)| restored.contains(self.path)) else {
            return Ok(false);
        };
        let Some(before) = &ended.before else { return Ok(false) };
        let before = git::blob(self.place, before, self.path)?;
        if same(before.as_deref(), found) {
            return Ok(true);
        }
        let right = put_right(self.path, before, expected, ended.ticket.path() == self.path);
        Ok(right.is_some_and(|right| same(Some(&right), found)))
    }
}

/// A ticket's text as it is with `done: false`.
fn undecided(path: &str, bytes: &[u8]) -> Vec<u8> {
    with_done(path, bytes.to_vec(), false)
}

/// What the contract makes of a ticket that a turn has changed.
fn put_right(path: &str, before: Option<Vec<u8>>, after: Option<Vec<u8>>, own: bool) -> Option<Vec<u8>> {
    let after = Source::new(path, String::from_utf8(after?).ok()?);
    let verdict = match before {
        None => judge_new(&after),
        Some(before) => {
            let role = if own { Role::Own } else { Role::OtherOpen };
            judge_change(&Source::new(path, String::from_utf8(before).ok()?), Some(&after), role)
        }
    };
    match verdict {
        ContractVerdict::PutBack { text, .. } | ContractVerdict::Unreadable { text } => Some(text.into_bytes()),
        ContractVerdict::Kept => Some(after.text.as_bytes().to_vec()),
    }
}

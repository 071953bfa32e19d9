//! An operator's undo of turns: what is asked of the worktree, what is written down of it, and what it does to the run.

use serde::{Deserialize, Serialize};

use super::parts::Base;
use super::reason::ReasonCode;
use super::request::Act;
use super::state::{Feedback, Phase, RunState, Stage};
use crate::ticket::TicketId;

/// Files that get the content back that they had before a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoRequest {
    /// A number that is new for every undo of this run.
    pub number: u32,
    /// The first turn that is undone.
    pub from: u32,
    /// The last one.
    pub through: u32,
    /// Whether everything that these turns changed is given back, and not single files.
    pub whole: bool,
    /// The kept tree from before the first turn.
    pub before: String,
    /// What is given back.
    pub files: Vec<UndoFile>,
    /// What these turns had changed and is as it was before them already, such as by an earlier undo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<String>,
    /// Tickets that one of these turns finished, and that are open again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reopened: Vec<TicketId>,
    /// The ticket whose work the changes are.
    pub owner: TicketId,
    /// Who.
    pub by: String,
    /// The commit on the branch, where there is to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<UndoCommit>,
}

/// One file, and what it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoFile {
    /// Below the top of the worktree.
    pub path: String,
    /// What it gets.
    pub gets: Gets,
    /// What lay there when this was decided, in one word; of an old journal nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// What a file gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gets {
    /// It is removed.
    Absent,
    /// The content of a kept tree.
    Content {
        /// The object.
        id: String,
        /// Git's mode: a file, a program, or a link.
        mode: u32,
        /// Of a ticket: the value of `done`, where that is another than the kept text has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<bool>,
    },
    /// Of a ticket: this value of `done`, and nothing else.
    Done(bool),
}

/// The commit of an undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoCommit {
    /// The branch, as a full name; none where HEAD is detached.
    pub branch: Option<String>,
    /// The commit that HEAD named when this was decided.
    pub base: Option<String>,
    /// The first line of its message.
    pub subject: String,
}

/// An undo that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The ticket whose work the changes are.
    pub ticket: TicketId,
    /// The first turn that was undone.
    pub turn: u32,
    /// The last one.
    pub through: u32,
    /// Whether everything was given back.
    pub whole: bool,
    /// The kept tree that it was given back from.
    pub before: String,
    /// The files.
    pub paths: Vec<String>,
    /// Files that somebody has changed since the undo was decided; they are as that left them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The command that gives back those as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
    /// Files that were as before already; they are the same ticket's work from here on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<String>,
    /// Tickets that are open again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reopened: Vec<TicketId>,
    /// Who.
    pub by: String,
    /// The commit, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Why none was made, where there was to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl UndoFile {
    /// Whether what lies there, as a digest, is what the undo found or what it gives.
    pub(super) fn accounts_for(&self, lies: &str) -> bool {
        let is_gone = lies == "gone";
        if self.found.as_deref().is_none_or(|found| found == lies || (is_gone && found == "nothing")) {
            return true;
        }
        match &self.gets {
            Gets::Absent => is_gone,
            Gets::Content { id, mode, .. } => format!("{mode:o}:{id}") == lies,
            Gets::Done(_) => true,
        }
    }
}

impl UndoRequest {
    /// What it would come to, as far as that can be foreseen, where these files are somebody's since.
    pub(super) fn imagined(&self, left: Vec<String>) -> Undone {
        let paths = self.files.iter().map(|file| file.path.clone()).filter(|path| !left.contains(path)).collect();
        Undone {
            ticket: self.owner.clone(),
            turn: self.from,
            through: self.through,
            whole: self.whole,
            before: self.before.clone(),
            paths,
            left,
            rest: None,
            already: self.already.clone(),
            reopened: self.reopened.clone(),
            by: self.by.clone(),
            commit: None,
            why: None,
        }
    }
}

/// `turn 5`, `turns 2-5`.
pub fn turns_in_words(from: u32, through: u32) -> String {
    if from == through { format!("turn {from}") } else { format!("turns {from}-{through}") }
}

impl RunState {
    /// What the next step finishes before it does anything else, where an undo was cut.
    pub fn cut_undo(&self) -> Option<String> {
        let Phase::Acting(Act::Undo(request)) = self.phase() else { return None };
        let turns = turns_in_words(request.from, request.through);
        Some(format!("an undo of {turns} was cut; the next `turnstile run`, or `turnstile undo`, finishes it first"))
    }

    /// What an undo does to the run. Questions stay: the conversation is not undone.
    pub(super) fn undone(&mut self, made: &Undone) {
        self.acting = None;
        self.last_pause = None;
        let mut begun_again = made.reopened.clone();
        if made.whole {
            if let Some(judging) = self.judging().filter(|judging| judging.request.turn >= made.turn) {
                // There is nothing left of it that could be judged.
                begun_again.push(judging.request.ticket.clone());
                self.stage = Stage::Idle;
            }
            self.current = Some(made.ticket.clone());
        }
        for ticket in &begun_again {
            self.tickets.entry(ticket.clone()).or_default().claim = false;
            self.clear_counters(ticket);
            self.standing.retain(|stands| {
                stands.ticket.as_ref() != Some(ticket)
                    || matches!(stands.reason.code, ReasonCode::UserDispatch | ReasonCode::Tampered)
            });
        }
        self.decided.extend(made.reopened.iter().map(TicketId::path));
        let state = self.tickets.entry(made.ticket.clone()).or_default();
        let base = Base { tree: Some(made.before.clone()), head: None };
        for paths in [&made.paths, &made.already] {
            state.own(paths, &base);
            state.undone.extend(paths.iter().map(|path| (path.clone(), made.before.clone())));
        }
        state.commits.extend(made.commit.clone());
        let mut text = format!(
            "{} was undone by {}; these files have the content from before it again",
            turns_in_words(made.turn, made.through),
            made.by
        );
        for path in &made.paths {
            text.push_str("\n  ");
            text.push_str(path);
        }
        if !made.left.is_empty() {
            text.push_str("\nthese files were changed by somebody in the meantime, and are as that left them");
        }
        for path in &made.left {
            text.push_str("\n  ");
            text.push_str(path);
        }
        state.feedback.push(Feedback { kind: "undo.made", text, left: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{
        Act, ActBegun, Begun, Carried, DispatchFact, Event, Phase, Reason, TurnEnd, TurnRequest, TurnResult, settle,
    };

    fn ticket() -> TicketId {
        TicketId::new("001-a")
    }

    fn undone(whole: bool) -> Event {
        Event::UndoMade(Undone {
            ticket: ticket(),
            turn: 1,
            through: 1,
            whole,
            before: "t".repeat(40),
            paths: vec!["a".to_owned(), ".tickets/001-a.md".to_owned()],
            left: vec!["c".to_owned()],
            rest: Some("git restore c".to_owned()),
            already: vec!["b".to_owned()],
            reopened: Vec::new(),
            by: "somebody".to_owned(),
            commit: None,
            why: None,
        })
    }

    /// A turn that asked, claimed, and whose commit is owed.
    fn held() -> RunState {
        let request = TurnRequest {
            ticket: ticket(),
            turn: 1,
            agent: "mine".to_owned(),
            commit_only: false,
            head: None,
            stash: None,
            replies: Vec::new(),
            suspect: None,
        };
        let mut events = vec![Event::RunStarted { branch: None, head: None, carried: Carried::default() }];
        events.push(Event::TurnStarted(request.clone()));
        events.extend(settle::turn(&request, TurnResult::without_facts(TurnEnd::Succeeded)));
        events.push(Event::ClaimMade { ticket: ticket(), turn: 1 });
        events.push(Event::OutboxArchived {
            ticket: ticket(),
            turn: 1,
            sequence: 1,
            path: "x".to_owned(),
            dispatch: DispatchFact { pause: true, title: None, choices: Vec::new() },
        });
        for code in [ReasonCode::UserDispatch, ReasonCode::CommitFailed] {
            let reason = Reason::new(code, "why");
            events.push(Event::RunPaused { ticket: Some(ticket()), reason, digest: None });
        }
        let mut run = RunState::default();
        for event in &events {
            run.apply(event).unwrap();
        }
        run
    }

    fn standing(run: &RunState) -> Vec<ReasonCode> {
        run.standing.iter().map(|stands| stands.reason.code).collect()
    }

    #[test]
    fn a_turn_that_was_undone_is_not_judged_and_its_question_stands() {
        let mut run = held();
        run.apply(&undone(true)).unwrap();
        let state = run.ticket(&ticket());
        assert!(run.judging().is_none() && !state.claim && state.question.is_some());
        assert_eq!(standing(&run), [ReasonCode::UserDispatch]);
        assert_eq!(run.current, Some(ticket()));
        assert_eq!(state.work.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(state.paperwork.contains(".tickets/001-a.md"));
    }

    #[test]
    fn single_files_change_nothing_about_a_judgement() {
        let mut run = held();
        run.apply(&undone(false)).unwrap();
        assert!(run.judging().is_some() && run.ticket(&ticket()).claim);
        assert_eq!(standing(&run), [ReasonCode::UserDispatch, ReasonCode::CommitFailed]);
        assert_eq!(run.current, None);
    }

    #[test]
    fn the_lines_of_an_undo_are_read_as_they_were_written() {
        let request = UndoRequest {
            number: 1,
            from: 2,
            through: 3,
            whole: true,
            before: "t".repeat(40),
            files: [
                Gets::Absent,
                Gets::Content { id: "b".repeat(40), mode: 0o100_755, done: None },
                Gets::Content { id: "b".repeat(40), mode: 0o100_644, done: Some(false) },
                Gets::Done(false),
            ]
            .into_iter()
            .map(|gets| UndoFile { path: "a".to_owned(), gets, found: Some("nothing".to_owned()) })
            .collect(),
            already: Vec::new(),
            reopened: vec![ticket()],
            owner: ticket(),
            by: "somebody".to_owned(),
            commit: Some(UndoCommit { branch: None, base: None, subject: "x".to_owned() }),
        };
        let act = Act::Undo(Box::new(request));
        let begun =
            Event::EffectBegun(Begun::Act(ActBegun { ticket: Some(ticket()), turn: Some(2), act: act.clone() }));
        for event in [begun.clone(), undone(true)] {
            let (ticket, turn, kind, body) = event.columns();
            assert_eq!(Event::from_columns(1, ticket.as_deref(), turn, &kind, &body).unwrap(), event);
        }
        let mut run = RunState::default();
        run.apply(&begun).unwrap();
        assert!(matches!(run.phase(), Phase::Acting(found) if *found == act));
    }
}

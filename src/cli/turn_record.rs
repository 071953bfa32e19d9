//! The turns of a run as its journal tells them.

use std::time::Duration;

use serde_json::{Value, json};

use super::progress::clock;
use crate::flow::{Event, TurnEnded, TurnRequest};
use crate::run::{Workspace, event};
use crate::store::Line;
use crate::text::shown_line;

/// One turn.
pub struct TurnRecord {
    /// What was asked.
    pub request: TurnRequest,
    /// When it began.
    pub began: String,
    /// How it ended; none while it is under way.
    pub ended: Option<TurnEnded>,
    kind: String,
}

/// The turns of a journal, in their order. Lines that mean nothing to this version are passed over.
pub fn of_lines(lines: &[Line]) -> Vec<TurnRecord> {
    let mut turns: Vec<TurnRecord> = Vec::new();
    for line in lines.iter().filter(|line| line.kind.starts_with("turn.")) {
        match event(line) {
            Ok(Event::TurnStarted(request)) => {
                turns.push(TurnRecord { request, began: line.ts.clone(), ended: None, kind: line.kind.clone() });
            }
            Ok(
                Event::TurnFinished(ended)
                | Event::TurnFailed(ended)
                | Event::TurnTimedOut(ended)
                | Event::TurnInterrupted(ended),
            ) => {
                if let Some(turn) = turns.iter_mut().find(|turn| turn.request.turn == ended.turn) {
                    turn.ended = Some(ended);
                    turn.kind.clone_from(&line.kind);
                }
            }
            Ok(_) | Err(_) => {}
        }
    }
    turns
}

impl TurnRecord {
    /// How it ended, as programs are told: the end of the journal's kind, or `running`.
    pub fn end(&self) -> &str {
        match self.ended {
            Some(_) => self.kind.strip_prefix("turn.").unwrap_or(&self.kind),
            None => "running",
        }
    }

    /// The same for people.
    pub fn end_words(&self) -> String {
        match (self.end(), self.ended.as_ref().and_then(|ended| ended.why.as_deref())) {
            ("finished", None) => "ended well".to_owned(),
            ("running", _) => "under way, or ended without a record".to_owned(),
            (end, Some(why)) => format!("{}: {}", end.replace('_', " "), shown_line(why)),
            (end, None) => end.replace('_', " "),
        }
    }

    /// The agent's own time, for people; none while it is under way.
    pub fn took(&self) -> Option<String> {
        self.ended.as_ref().map(|ended| clock(Duration::from_millis(ended.duration_ms)))
    }

    /// The turn for programs.
    pub fn document(&self, workspace: &Workspace, run: &str) -> Value {
        let folder = workspace.layout.turn(run, self.request.turn);
        let ended = self.ended.as_ref();
        json!({
            "run": run,
            "turn": self.request.turn,
            "ticket": self.request.ticket,
            "agent": self.request.agent,
            "commit_only": self.request.commit_only,
            "began": self.began,
            "end": self.end(),
            "why": ended.and_then(|ended| ended.why.as_ref()),
            "exit": ended.and_then(|ended| ended.exit),
            "duration_ms": ended.map(|ended| ended.duration_ms),
            "session": ended.and_then(|ended| ended.session.as_ref()),
            "usage": ended.and_then(|ended| ended.usage.as_ref()),
            "before": ended.and_then(|ended| ended.before.as_ref()),
            "after": ended.and_then(|ended| ended.after.as_ref()),
            "commits": ended.map(|ended| &ended.commits),
            "changed": ended.map(|ended| &ended.changed),
            "logs": folder.to_string_lossy(),
        })
    }
}

//! What a person sees while steps are made: a line that lives on a terminal, plain lines elsewhere.

use std::collections::BTreeSet;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::printer::{Printer, Volume};
use crate::flow::{Begun, CheckEnded, CheckVerdict, Event, Moment, Outcome, ReasonCode, amount};
use crate::run::{Progress, branch_name};
use crate::ticket::TicketId;
use crate::trigger::Hook;

/// What a person sees.
pub struct Live<'p> {
    printer: &'p Printer,
    bar: Option<ProgressBar>,
    named: BTreeSet<String>,
    waits_until: Option<Moment>,
    /// What earlier steps of the run have named, until it is wanted.
    named_before: Option<Box<dyn FnOnce() -> BTreeSet<String> + 'p>>,
}

impl<'p> Live<'p> {
    /// Nothing yet; `named_before` says what earlier steps of the run have named.
    pub fn new(printer: &'p Printer, named_before: impl FnOnce() -> BTreeSet<String> + 'p) -> Self {
        let bar = printer.is_watched().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { printer, bar, named: BTreeSet::new(), waits_until: None, named_before: Some(Box::new(named_before)) }
    }

    /// Shows what happens.
    pub fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Event(event) => {
                if let Some(line) = line(event, self.printer.volume == Volume::Verbose) {
                    self.print(&line);
                }
                self.name_what_is_left_out(event);
            }
            Progress::Waiting { check: Some(check), output, since, .. } => {
                if let Some(bar) = &self.bar {
                    let last = output.as_deref().and_then(last_line).unwrap_or_default();
                    let last = if last.is_empty() { last } else { format!(": {last}") };
                    let id = crate::text::shown_line(&check.check.id);
                    bar.set_message(fitting(&format!("check `{id}` of {} for {}{last}", check.ticket, clock(since))));
                    bar.tick();
                }
            }
            Progress::Waiting { turn, check: None, output, since } => {
                if let (Some(bar), Some(turn)) = (&self.bar, turn) {
                    let last = output.as_deref().and_then(last_line).unwrap_or_default();
                    bar.set_message(fitting(&format!(
                        "turn {} of {} by {} for {}{}",
                        turn.turn,
                        turn.ticket,
                        crate::text::shown_line(&turn.agent),
                        clock(since),
                        if last.is_empty() { String::new() } else { format!(": {last}") }
                    )));
                    bar.tick();
                }
            }
            Progress::Parked { ticket, until, left } => self.show_parked(ticket, until, left),
            Progress::Note(note) => self.print(note),
            Progress::Interrupted { times: 1 } => {
                self.print(
                    "interrupted: no further turn starts; this one is waited for and judged (Ctrl-C again ends it)",
                );
            }
            Progress::Interrupted { .. } => self.print("interrupted again: the turn is ended"),
        }
    }

    /// A countdown where somebody looks, and a line elsewhere.
    fn show_parked(&mut self, ticket: &TicketId, until: Moment, left: Duration) {
        // The last second is one too.
        let left = clock(Duration::from_secs(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)));
        match &self.bar {
            Some(bar) => {
                bar.set_message(fitting(&format!("next turn of {ticket} in {left}; Ctrl-C ends the wait")));
                bar.tick();
            }
            None if self.waits_until == Some(until) => {}
            None => self
                .printer
                .note(&format!("waits {left} for the next turn of {ticket}, until {until} (Ctrl-C ends the wait)")),
        }
        self.waits_until = Some(until);
    }

    /// What a turn did beyond its work. Files that the kept trees leave out are named once.
    fn name_what_is_left_out(&mut self, event: &Event) {
        let (Event::TurnFinished(ended)
        | Event::TurnFailed(ended)
        | Event::TurnTimedOut(ended)
        | Event::TurnInterrupted(ended)) = event
        else {
            return;
        };
        for change in &ended.tampered {
            self.print(&format!("  tampered with: {}", crate::text::shown_line(change)));
        }
        if !ended.settings.is_empty() {
            let names: Vec<String> = ended.settings.keys().cloned().collect();
            self.print(&format!(
                "  changed agents' own settings, which the next turn goes by: {}",
                crate::text::shown_list(&names)
            ));
        }
        if let Some(before) = self.named_before.take_if(|_| !ended.left_out.is_empty()) {
            self.named = before();
        }
        for left in &ended.left_out {
            if self.named.insert(left.clone()) {
                self.print(&format!("  not kept: {}", crate::text::shown_line(left)));
            }
        }
    }

    /// Nothing more comes.
    pub fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.note(line)),
            None => self.printer.note(line),
        }
    }
}

/// What fits on the line and leaves room for an echoed `^C`, which would otherwise begin a new one.
fn fitting(text: &str) -> String {
    const ROOM: usize = 8;
    let width = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    // Some terminals do not know how wide they are.
    let width = if width == 0 { 80 } else { width };
    text.chars().take(width.saturating_sub(ROOM)).collect()
}

/// A time as people say it.
pub fn clock(since: Duration) -> String {
    let seconds = since.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}

/// The last line of a file that still grows.
fn last_line(path: &Path) -> Option<String> {
    const TAIL: u64 = 4096;
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let last = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(crate::text::shown_line(last.trim()).chars().take(200).collect())
}

/// How many turns are asked for because of a judgement.
fn more_turns(left: u32) -> String {
    match left {
        0 => "no further turn is asked for".to_owned(),
        1 => "one more turn is asked for".to_owned(),
        left => format!("up to {left} more turns are asked for"),
    }
}

/// What a program said, in lines of its own where it has several.
fn below(text: &str) -> String {
    let lines: Vec<String> = crate::text::shown(text).trim_end().lines().map(str::to_owned).collect();
    lines.join("\n    ")
}

/// What the table of `docs/decisions.md` came to.
fn judged(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::TicketDone => "the ticket is done",
        Outcome::ClaimRevoked => "the claim is not met",
        Outcome::RetryAsked => "another turn is asked for",
        Outcome::Progressed => "the ticket goes on",
        Outcome::Failed => "the turn failed",
        Outcome::Waiting => "somebody else has to come first",
        Outcome::None => "nothing follows from it",
    }
}

/// What a check found, and what it left behind.
fn checked(ended: &CheckEnded) -> String {
    let shown = crate::text::shown_line;
    let why = ended.why.as_deref().map(|why| format!(": {}", shown(why))).unwrap_or_default();
    let took = if ended.duration_ms >= 1000 {
        format!(" after {}", clock(Duration::from_millis(ended.duration_ms)))
    } else {
        String::new()
    };
    let optional = if ended.required { "" } else { " (not required)" };
    let mut line = format!("  check `{}` is {}{took}{optional}{why}", shown(&ended.check), ended.verdict.name());
    if ended.verdict != CheckVerdict::Met && !ended.tail.is_empty() {
        let last: Vec<&str> = ended.tail.lines().rev().take(5).collect();
        for text in last.into_iter().rev() {
            line.push_str(&format!("\n    {}", shown(text)));
        }
    }
    if !ended.changed.is_empty() {
        line.push_str(&format!("\n    it changed {}", crate::text::shown_list(&ended.changed)));
    }
    for path in &ended.droppings {
        let path = shown(path);
        line.push_str(&format!("\n    it left `{path}`, which counts for nothing; in `.gitignore`: /{path}"));
    }
    line
}

/// An event as a line for people; none where it is no news.
pub fn line(event: &Event, verbose: bool) -> Option<String> {
    let shown = crate::text::shown_line;
    Some(match event {
        Event::RunStarted { branch, .. } => match branch {
            Some(branch) => format!("a run begins on {}", shown(branch.strip_prefix("refs/heads/").unwrap_or(branch))),
            None => "a run begins on a detached HEAD".to_owned(),
        },
        Event::TurnStarted(request) if request.commit_only => {
            format!("turn {} of {} by {}: only the commit", request.turn, request.ticket, shown(&request.agent))
        }
        Event::TurnStarted(request) => {
            format!("turn {} of {} by {}", request.turn, request.ticket, shown(&request.agent))
        }
        Event::TurnFinished(ended) => {
            let files = ended.changed.iter().filter(|path| !path.starts_with(".tickets/")).count();
            format!("  ended well after {}, {files} file(s) changed", clock(Duration::from_millis(ended.duration_ms)))
        }
        Event::TurnFailed(ended) | Event::TurnTimedOut(ended) | Event::TurnInterrupted(ended) => {
            format!("  did not end well: {}", shown(ended.why.as_deref().unwrap_or("no reason is known")))
        }
        Event::TurnAdopted { ticket, turn } => {
            format!("turn {turn} of {ticket} is still under way from before; it is waited for")
        }
        Event::HeadAdopted { branch, .. } => {
            format!("  HEAD was elsewhere; {} was brought forward and is checked out again", shown(branch))
        }
        Event::ClaimMade { .. } => "  claims to be done".to_owned(),
        Event::ClaimRevoked { why, .. } => format!("  the claim was taken back: {}", shown(why)),
        Event::OutboxArchived { path, dispatch, .. } => {
            let title = dispatch.title.as_deref().map(|title| format!(": {}", shown(title))).unwrap_or_default();
            format!("  {} in {}{title}", if dispatch.pause { "a question" } else { "a message" }, shown(path))
        }
        Event::OutboxInvalid { faults, .. } => {
            format!("  its DISPATCH.md cannot be used: {}", shown(&faults.join("; ")))
        }
        Event::ReplyConsumed { ticket, path, brought, .. } => {
            let from = brought.as_ref().map(|brought| format!(" from {}", brought.shown())).unwrap_or_default();
            format!("a reply to {ticket}{from} was taken in: {}", shown(path))
        }
        Event::LintFailed { faults, left, .. } => {
            format!("  left something invalid ({}): {}", more_turns(*left), shown(&faults.join("; ")))
        }
        Event::ContractRestored { items, .. } => {
            let lines = items.iter().map(|item| {
                let undo = item.undo.as_ref().map(|undo| format!("; to undo that: {}", shown(undo)));
                format!("  put back: {} ({}){}", shown(&item.path), shown(&item.why), undo.unwrap_or_default())
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Event::VerifyStarted(request) if verbose => format!("  check `{}` begins", shown(&request.check.id)),
        Event::VerifyFinished(ended) => checked(ended),
        Event::VerifyStale { .. } => "  the tree is another one than the checks saw; they are run again".to_owned(),
        Event::ApprovalRequested { ticket, path, .. } => match path {
            Some(path) => format!("{ticket} needs an approval; what is asked lies in {}", shown(path)),
            None => format!("  {ticket} needs an approval of what was changed"),
        },
        Event::ApprovalResolved { ticket, by, decides } => {
            let what = if decides.reason == ReasonCode::ScopePending { "what it changed" } else { "it" };
            format!("{ticket}: {what} is {} by {}", if decides.approved { "approved" } else { "rejected" }, shown(by))
        }
        Event::CommitRequired { paths, left, .. } => {
            format!("  its work is not committed ({} path(s)); {}", paths.len(), more_turns(*left))
        }
        Event::CommitMade { commit, .. } => format!("  committed {}", commit.get(..10).unwrap_or(commit)),
        Event::CommitFailed { why, .. } => format!("  could not commit: {}", below(why)),
        Event::CheckpointFailed { why, .. } => format!("  no checkpoint on the branch: {}", below(why)),
        Event::TicketDone { ticket, by, .. } => match by {
            Some(by) => format!("{ticket} is done, as {} decided", shown(by)),
            None => format!("  {ticket} is done"),
        },
        Event::TicketReopened { ticket, by } => format!("{ticket} is open again, as {} decided", shown(by)),
        Event::DecisionStored { decision, by, refused: Some(why), .. } => {
            format!("`{}`, as {} decided, cannot be carried out: {}", shown(decision), shown(by), shown(why))
        }
        Event::RunResumed { reason, by, granted, .. } => {
            let more = granted.map(|granted| format!(", who grants {} more", amount(*reason, granted)));
            format!("{reason} is answered by {}{}", shown(by), more.unwrap_or_default())
        }
        Event::UndoMade(made) => {
            let turns = crate::flow::turns_in_words(made.turn, made.through);
            let files = made.paths.len();
            let commit =
                made.commit.as_deref().map(|commit| format!(", committed {}", commit.get(..10).unwrap_or(commit)));
            let left = made.rest.as_ref().map(|rest| {
                let names: Vec<String> = made.left.iter().map(|path| format!("\n    {}", shown(path))).collect();
                format!(
                    "\n  left as somebody has changed it since the undo began:{}\n  to undo that as well: {}",
                    names.concat(),
                    shown(rest)
                )
            });
            let (commit, left) = (commit.unwrap_or_default(), left.unwrap_or_default());
            format!("{turns} undone by {}: {files} file(s){commit}{left}", shown(&made.by))
        }
        Event::WorktreeAccepted { paths } => {
            format!("{} uncommitted file(s) of yours are taken as they are", paths.len())
        }
        Event::TriggerReceived { hook, said, .. } => match said.as_ref().or(hook.as_ref()) {
            Some(said) if hook.as_ref().is_some_and(|hook| Hook::named(hook).is_none()) => {
                format!("a decision asked for this run: {}", shown(said))
            }
            Some(said) => format!("a hook asked for this run: {}", shown(said)),
            None => "a hook asked for this run; its trigger cannot be read".to_owned(),
        },
        Event::TriggerCoalesced { count, .. } => format!("{count} earlier trigger(s) ask for the same look"),
        Event::BranchPublished { branch, commit, .. } => {
            format!("published {} to `{}`", short(commit), branch_name(branch))
        }
        Event::BranchFollowed { branch, commit, .. } => {
            format!("`{}` was pushed: the worktree is at {} now", branch_name(branch), short(commit))
        }
        Event::WorkParked { pushed, branch, to, .. } => {
            let what = if to.is_some() { "was pushed meanwhile, and that wins" } else { "was removed" };
            let (pushed, branch) = (branch_name(pushed), branch_name(branch));
            format!("`{pushed}` {what}; what this run had made is on branch `{branch}`")
        }
        Event::JournalRepaired { bytes } => format!("a torn last line of the journal was cut off ({bytes} bytes)"),
        Event::EffectBegun(Begun::Verdict(verdict)) if verdict.retry.is_some() => {
            let retry = verdict.retry?;
            format!("  another turn is asked for: retry {} of {}", retry.number, retry.of)
        }
        Event::CircuitOpened { failures } => {
            format!(
                "  the breaker is open after {failures} failure(s) in a row; `turnstile run` is let through all the same, and a turn that ends well closes it"
            )
        }
        Event::CircuitClosed {} => "  the breaker is closed again".to_owned(),
        Event::EffectBegun(Begun::Verdict(verdict)) if verbose => format!("  judged: {}", judged(verdict.outcome)),
        Event::CheckpointMade { commit, .. } if verbose => format!("  kept as {}", commit.get(..10).unwrap_or(commit)),
        Event::VerifyStarted(_)
        | Event::TicketSelected { .. }
        | Event::RunPaused { .. }
        | Event::RunCompleted { .. }
        | Event::RunStopped { .. }
        | Event::ReplyDelivered { .. }
        | Event::CheckpointMade { .. }
        | Event::LimitReached { .. }
        | Event::DecisionStored { refused: None, .. }
        | Event::EffectBegun(_)
        | Event::EffectFinished { .. }
        | Event::Unknown => return None,
    })
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

//! Who is told what became of a run: which events are news to them, and as what document. Whatever comes of it, it is
//! no fault of the command.

use serde_json::{Value, json};

use super::Context;
use super::run::shown_reason;
use crate::config::{Config, NotifyEvent};
use crate::flow::{Life, Notice, Notices, Reason, told_as};
use crate::run::{DriveEnd, RunError, Told, Workspace};
use crate::store;
use crate::text::{shell_word, shown_line};

/// The program that is told, as the command found it in the config when it began: what a turn makes of the config
/// meanwhile is for a person to accept first.
pub struct Notifier<'c> {
    context: &'c Context,
    config: Option<Config>,
    /// The run and its last line as the command began.
    began: Option<(String, u64)>,
}

impl<'c> Notifier<'c> {
    /// Reads who is told, and tells what an earlier command left untold because it was killed.
    pub fn begin(context: &'c Context, workspace: &Workspace) -> Self {
        let mut notifier = Self { context, config: None, began: None };
        // Whatever cannot be read is told by the command itself.
        let Ok(settings) = workspace.settings() else { return notifier };
        if settings.config.notify.command.is_empty() || !settings.faults.is_empty() {
            return notifier;
        }
        let Ok(folded) = workspace.folded() else { return notifier };
        if Workspace::config_is_suspect(&folded.state) {
            return notifier;
        }
        let is_trusted = workspace.surroundings.trusts || workspace.trusts_config(&settings).unwrap_or(false);
        if !is_trusted {
            context
                .printer
                .note("the program of `notify` is told nothing: the config that names it is not trusted here");
            return notifier;
        }
        notifier.config = Some(settings.config);
        let Ok(Some((run, notices))) = workspace.notices() else { return notifier };
        if let Some(last) = notices.last().filter(|_| notices.stands) {
            notifier.tell(workspace, &run, last, &document(&run, last));
        }
        notifier.began = Some((run, notices.seq));
        notifier
    }

    /// Tells what the command has made of the run. `end` is what a step came to, with its document.
    pub fn end(&self, workspace: &Workspace, end: Option<(&DriveEnd, &Value)>) {
        if self.config.is_none() {
            return;
        }
        match workspace.notices() {
            Ok(Some((run, notices))) => self.tell_all(workspace, &run, &notices, end),
            Ok(None) => {}
            Err(error) => self.tell_unreadable(workspace, &error, end),
        }
    }

    fn tell_all(&self, workspace: &Workspace, run: &str, notices: &Notices, end: Option<(&DriveEnd, &Value)>) {
        let before = self.began.as_ref().filter(|(began, _)| began == run).map_or(0, |(_, seq)| *seq);
        let is_of = |notice: &Notice, reason: &Reason| notice.reason.code == reason.code;
        let of_end = end.and_then(|(end, document)| Some((end, end.last.reason.as_ref()?, document)));
        for notice in notices.all.iter().filter(|notice| notice.seq > before) {
            let whole = of_end.filter(|(_, reason, _)| is_of(notice, reason) && notices.last() == Some(notice));
            let document = whole.map_or_else(|| document(run, notice), |(_, _, document)| document.clone());
            self.tell(workspace, run, notice, &document);
        }
        // A reason that is looked at afresh by each step is in no line of the journal.
        let Some((end, reason, document)) = of_end else { return };
        let Some(event) = told_as(reason.code) else { return };
        let is_written = notices.stands && notices.last().is_some_and(|last| is_of(last, reason));
        if event == NotifyEvent::Completed || is_written || end.state.life != Life::Open {
            return;
        }
        if is_told(workspace, run, notices, document) {
            return;
        }
        let name = format!("{:06}-{}", notices.seq, reason.code);
        self.tell_named(workspace, run, &name, event, document);
    }

    /// A journal that cannot be read has no lines to go by; it is told once.
    fn tell_unreadable(&self, workspace: &Workspace, error: &RunError, end: Option<(&DriveEnd, &Value)>) {
        let Some((end, document)) = end else { return };
        if let (Some(run), Some(reason)) = (&end.run, &end.last.reason)
            && told_as(reason.code) == Some(NotifyEvent::Failed)
        {
            tracing::debug!(%error, "told without a journal");
            self.tell_named(workspace, run, &format!("000000-{}", reason.code), NotifyEvent::Failed, document);
        }
    }

    fn tell(&self, workspace: &Workspace, run: &str, notice: &Notice, document: &Value) {
        self.tell_named(workspace, run, &format!("{:06}-{}", notice.seq, notice.reason.code), notice.event, document);
    }

    fn tell_named(&self, workspace: &Workspace, run: &str, name: &str, event: NotifyEvent, document: &Value) {
        let Some(config) = self.config.as_ref().filter(|config| config.notify.events.contains(&event)) else { return };
        let printer = &self.context.printer;
        let program = shown_line(config.notify.command.first().map(String::as_str).unwrap_or_default());
        let mut document = document.clone();
        document["event"] = json!(event.name());
        let waiting = || {
            printer.note(&format!(
                "waiting for `{program}`, the `notify` of the config, for at most 30 s; Ctrl-C ends it"
            ));
        };
        match workspace.tell(config, run, name, &document, &waiting) {
            Ok(Told::Already) => {}
            Ok(Told::Well) => printer.detail(&format!("`{program}` was told: {}", event.name())),
            Ok(Told::Badly { why, folder }) => printer.note(&format!(
                "`{program}`, the `notify` of the config, was not told of `{}`: {}; what it printed is in {}",
                event.name(),
                shown_line(&why),
                shell_word(&folder.to_string_lossy())
            )),
            Err(error) => printer.note(&format!(
                "`{program}`, the `notify` of the config, could not be told of `{}`: {}; the next command tries again",
                event.name(),
                shown_line(&error.in_full())
            )),
        }
    }
}

/// Whether the last that was told is this, and no turn was started since.
fn is_told(workspace: &Workspace, run: &str, notices: &Notices, document: &Value) -> bool {
    let Ok(Some((name, told))) = store::last_notice(&workspace.layout, run) else { return false };
    let seq = name.split('-').next().and_then(|seq| seq.parse::<u64>().ok()).unwrap_or_default();
    let same = |key: &str| told[key] == document[key];
    let told_before = store::take_up_notice(&workspace.layout, run, &name).is_ok_and(|telling| telling.is_none());
    told_before && notices.turn_at < seq && same("ticket") && told["reason"]["message"] == document["reason"]["message"]
}

/// What is told of an event that no step has just come to.
fn document(run: &str, notice: &Notice) -> Value {
    json!({
        "run": run,
        "status": if notice.event == NotifyEvent::Completed { "completed" } else { "paused" },
        "ticket": notice.ticket,
        "turn": notice.turn,
        "agent": null,
        "outcome": "none",
        "reason": shown_reason(Some(&notice.reason)),
        "commit": null,
        "dispatch": null,
        "verify": [],
        "exit": notice.reason.code.exit(),
    })
}

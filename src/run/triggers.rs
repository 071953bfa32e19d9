//! Triggers and runs: which triggers a run takes up, when they count as served, why a start was refused, and who starts
//! the next runner. A trigger is dropped by a run that looked at the worktree after it came, and by nobody else.

use std::ffi::OsString;
use std::path::Path;

use super::error::RunError;
use super::real::Progress;
use super::session::{DriveEnd, Until};
use super::strays::{is_refusal_of_gone, is_stray};
use super::workspace::{Options, Surroundings, Workspace};
use crate::crash::{Point, point};
use crate::effect;
use crate::flow::{AskedBy, Event, Reason, ReasonCode, waits_for_commands};
use crate::git;
use crate::store::Layout;
use crate::trigger::{self, Kept, Refused, Why};

/// So many of those that are served with another one are named in the journal.
const MOST_NAMED: usize = 100;

/// What waits for a run of a worktree, and why the last start came to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The triggers, oldest first.
    pub triggers: Vec<Kept>,
    /// The start that was refused.
    pub refused: Option<Refused>,
}

impl Waiting {
    /// Whether one waits that no start was refused for: somebody has to look.
    pub fn wants_a_start(&self) -> bool {
        let refused = self.refused.as_ref().map(|refused| refused.triggers.as_slice()).unwrap_or_default();
        self.triggers.iter().any(|kept| !refused.contains(&kept.id))
    }
}

impl Workspace {
    /// What waits.
    pub fn waiting(&self) -> Result<Waiting, RunError> {
        let mut waiting =
            Waiting { triggers: trigger::kept(&self.layout)?, refused: trigger::last_refused(&self.layout) };
        waiting.triggers.retain(|kept| !is_stray(&self.layout, kept));
        waiting.refused = waiting.refused.filter(|refused| !is_refusal_of_gone(&self.layout, refused));
        Ok(waiting)
    }

    /// Starts a runner if a trigger waits that nobody was refused for. To be called by whoever has let go of the lock:
    /// runners that found it taken are gone, and count on that.
    pub fn hand_over(&self) -> Result<bool, RunError> {
        if !self.waiting()?.wants_a_start() {
            return Ok(false);
        }
        if let Err(error) = start_runner(&self.surroundings, &self.layout.top) {
            not_started(&self.layout, "turnstile", &error.in_full());
            return Err(error);
        }
        Ok(true)
    }

    /// Starts a runner if a trigger waits, whatever the last start was refused for: that was answered.
    pub fn go_on(&self) -> Result<bool, RunError> {
        if self.waiting()?.triggers.is_empty() {
            return Ok(false);
        }
        trigger::clear_refused(&self.layout)?;
        self.hand_over()
    }

    /// Keeps a trigger for what a person has decided in the worktree of a pushed branch, where nobody types `run`, and
    /// starts a runner for it.
    pub fn go_on_by(&self, decision: &str) -> Result<bool, RunError> {
        let here = Some(self.layout.worktree.clone());
        trigger::keep(&self.layout, &trigger::Trigger::new(decision, Self::now(), here, Vec::new()))?;
        self.go_on()
    }

    /// Drops the pushes to branches whose pushes start nothing, and says how many there were.
    pub fn drop_unwanted(&self, waiting: &mut Waiting) -> Result<usize, RunError> {
        let branches = self.settings()?.config.trigger_branches;
        let wanted = if branches.is_empty() { self.default_branch().into_iter().collect() } else { branches };
        if wanted.is_empty() {
            return Ok(0);
        }
        let wanted: Vec<String> = wanted.iter().map(|name| full_name(name)).collect();
        let is_unwanted = |kept: &Kept| {
            kept.trigger.as_ref().is_some_and(|trigger| {
                trigger.hook == trigger::Hook::PostReceive.name()
                    && !trigger.moved.iter().any(|moved| wanted.iter().any(|name| moved.name.is(name)))
            })
        };
        let (unwanted, left) = std::mem::take(&mut waiting.triggers).into_iter().partition(is_unwanted);
        waiting.triggers = left;
        trigger::drop_kept(&self.layout, &unwanted)?;
        Ok(unwanted.len())
    }

    /// The branch of the repository itself; none where its HEAD is detached or cannot be read.
    fn default_branch(&self) -> Option<String> {
        let all = git::checked_out(&self.place);
        let main = all.into_iter().find(|one| one.start == self.place.common_dir)?;
        String::from_utf8(main.branch).ok()
    }

    /// What a command that is about to work on the whole worktree serves; the lock is held.
    pub(super) fn take_up(&self, until: Until, options: &Options) -> Result<Option<Vec<Kept>>, RunError> {
        let is_whole = until == Until::Needed && options.only.is_none() && options.max_turns.is_none();
        if !is_whole {
            return Ok(None);
        }
        Ok(Some(self.waiting()?.for_a_look()))
    }

    /// Counts a look at the whole worktree that found nothing to do as a start: `watch` is one that never ends.
    pub fn settle_look(&self, taken: &[Kept], reason: &Reason) -> Result<(), RunError> {
        if reason.code.keeps_triggers() {
            return Ok(());
        }
        trigger::drop_kept(&self.layout, taken)?;
        Ok(trigger::clear_refused(&self.layout)?)
    }

    /// Drops what was served, or leaves the reason why it was not. The lock may have been let go of: nothing is dropped
    /// that was not there when it was taken, and no refusal is written over somebody's service.
    pub(super) fn settle_triggers(
        &self,
        taken: &[Kept],
        end: &Result<DriveEnd, RunError>,
        asked_by: AskedBy,
    ) -> Result<(), RunError> {
        let refused = match end {
            // What waits for a command on this machine is not served before it was given: it starts the next runner.
            Ok(end) => end.last.reason.clone().filter(|reason| {
                reason.code.keeps_triggers() || asked_by == AskedBy::Trigger && waits_for_commands(&end.state, reason)
            }),
            Err(error) => Some(Reason::new(error.reason().unwrap_or(ReasonCode::GitFailed), error.in_full())),
        };
        let Some(reason) = refused else {
            trigger::drop_kept(&self.layout, taken)?;
            return Ok(trigger::clear_refused(&self.layout)?);
        };
        let mut of = taken.to_vec();
        if reason.code == ReasonCode::Interrupted {
            // Whoever ended the run wants no other one to begin in its place.
            of = trigger::kept(&self.layout)?;
        }
        if of.is_empty() && asked_by == AskedBy::Person {
            return Ok(());
        }
        refuse(&self.layout, &of, Why { code: reason.code.name().to_owned(), message: reason.message })
    }
}

/// Leaves why a start for these triggers was refused.
pub(super) fn refuse(layout: &Layout, of: &[Kept], reason: Why) -> Result<(), RunError> {
    let asked_by = of.last().and_then(|kept| kept.trigger.as_ref()).map(trigger::Trigger::shown);
    let refused = Refused {
        at: Workspace::now(),
        asked_by: asked_by.unwrap_or_else(|| "a hook".to_owned()),
        reason,
        triggers: of.iter().map(|kept| kept.id.clone()).collect(),
    };
    Ok(trigger::note_refused(layout, of, refused)?)
}

/// A branch as the config names it, in full.
fn full_name(name: &str) -> String {
    if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") }
}

/// The lines that tell which triggers a run takes up.
pub(super) fn received(taken: &[Kept]) -> Vec<Event> {
    let Some((last, others)) = taken.split_last() else { return Vec::new() };
    let trigger = last.trigger.as_ref();
    let mut events = vec![Event::TriggerReceived {
        id: last.id.clone(),
        hook: trigger.map(|trigger| trigger.hook.clone()),
        at: trigger.map(|trigger| trigger.at.clone()),
        said: trigger.map(trigger::Trigger::shown),
    }];
    if !others.is_empty() {
        events.push(Event::TriggerCoalesced {
            into: last.id.clone(),
            count: others.len() as u64,
            ids: others.iter().rev().take(MOST_NAMED).map(|kept| kept.id.clone()).collect(),
        });
    }
    events
}

/// Says what could not be done with triggers; it is no fault of the run.
pub(super) fn tell(settled: Result<(), RunError>, progress: &mut dyn FnMut(Progress<'_>)) {
    if let Err(error) = settled {
        let text = format!("what became of the triggers of git hooks is not written down: {}", error.in_full());
        progress(Progress::Note(&text));
    }
}

/// Starts a runner that nothing of this process reaches.
pub(super) fn start_runner(surroundings: &Surroundings, start: &Path) -> Result<(), RunError> {
    let environment = runner_environment(&surroundings.variables);
    effect::detach(&surroundings.program, &["__runner"], &environment, start)?;
    point(Point::TriggerStarted);
    Ok(())
}

/// Leaves a note that nobody works on the triggers that wait.
pub(super) fn not_started(layout: &Layout, asked_by: &str, why: &str) {
    let refused = Refused {
        at: Workspace::now(),
        asked_by: asked_by.to_owned(),
        reason: Why {
            code: "io".to_owned(),
            message: format!("no runner could be started: {why}; `turnstile run` does what was asked for"),
        },
        triggers: Vec::new(),
    };
    if let Err(error) = trigger::note_refused(layout, &[], refused) {
        tracing::debug!(%error, "that no runner was started is written nowhere");
    }
}

/// The environment of a runner: nothing that git, a transport or a turn has set for somebody else.
fn runner_environment(variables: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
    let is_set = |name: &str| variables.iter().any(|(known, _)| known == name);
    let is_cgi = is_set("GATEWAY_INTERFACE") || is_set("REQUEST_METHOD");
    let mut passed: Vec<_> =
        variables.iter().filter(|(name, _)| !is_somebody_elses(&name.to_string_lossy(), is_cgi)).cloned().collect();
    // Servers start their programs with next to nothing.
    if !is_set("PATH") {
        passed.push(("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()));
    }
    passed
}

fn is_somebody_elses(name: &str, is_cgi: bool) -> bool {
    // Not a header of whoever pushes but the proxy of this machine, unless a web server has started us.
    if name == "HTTP_PROXY" && !is_cgi {
        return false;
    }
    let begins = |list: &[&str]| list.iter().any(|prefix| name.starts_with(prefix));
    let of_cgi = is_cgi && (begins(&OF_CGI) || OF_CGI_WHOLE.contains(&name));
    begins(&["GIT_", "HTTP_", "GL_"])
        || OF_A_SESSION.contains(&name)
        || OF_A_TURN.contains(&name)
        || OF_A_HOOK.contains(&name)
        || of_cgi
}

/// What pre-commit and prek say to the hooks that they run, and what makes their own hooks refuse every commit of an agent.
/// What people set for these programs themselves stays.
const OF_A_HOOK: [&str; 22] = [
    "PRE_COMMIT",
    "PRE_COMMIT_RUNNING_LEGACY",
    "PRE_COMMIT_FROM_REF",
    "PRE_COMMIT_TO_REF",
    "PRE_COMMIT_SOURCE",
    "PRE_COMMIT_ORIGIN",
    "PRE_COMMIT_LOCAL_BRANCH",
    "PRE_COMMIT_REMOTE_BRANCH",
    "PRE_COMMIT_REMOTE_NAME",
    "PRE_COMMIT_REMOTE_URL",
    "PRE_COMMIT_CHECKOUT_TYPE",
    "PRE_COMMIT_IS_SQUASH_MERGE",
    "PRE_COMMIT_SQUASH_MERGE",
    "PRE_COMMIT_REWRITE_COMMAND",
    "PRE_COMMIT_COMMIT_MSG_SOURCE",
    "PRE_COMMIT_COMMIT_OBJECT_NAME",
    "PRE_COMMIT_PRE_REBASE_UPSTREAM",
    "PRE_COMMIT_PRE_REBASE_BRANCH",
    "_PRE_COMMIT_SKIP_POST_CHECKOUT",
    "PREK_RUNNING_LEGACY",
    "PREK_HOOK_STAGE",
    "PREK_INTERNAL__SKIP_POST_CHECKOUT",
];

/// Who pushed, and a terminal that is not ours: a signing program would ask for a password there.
const OF_A_SESSION: [&str; 6] =
    ["SSH_ORIGINAL_COMMAND", "SSH_TTY", "GPG_TTY", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT"];

/// What a turn of another repository was told about itself, and the mark by which its processes are ended.
const OF_A_TURN: [&str; 8] = [
    "TURNSTILE_IN_TURN",
    "TURNSTILE_OUTBOX",
    "TURNSTILE_TICKET",
    "TURNSTILE_TICKET_ID",
    "TURNSTILE_RUN",
    "TURNSTILE_TURN",
    "TURNSTILE_PROMPT_FILE",
    "TURNSTILE_EFFECT",
];

/// What a web server says of a request: RFC 3875, and what servers add to it. `SSL_CERT_FILE` and its like are settings
/// of this machine.
const OF_CGI: [&str; 10] = [
    "REMOTE_",
    "REQUEST_",
    "SCRIPT_",
    "SERVER_",
    "CONTENT_",
    "DOCUMENT_",
    "REDIRECT_",
    "CONTEXT_",
    "SSL_CLIENT_",
    "SSL_SERVER_",
];
const OF_CGI_WHOLE: [&str; 8] = [
    "AUTH_TYPE",
    "GATEWAY_INTERFACE",
    "QUERY_STRING",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "FCGI_ROLE",
    "HTTPS",
    "UNIQUE_ID",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn left(names: &[&str]) -> Vec<String> {
        let variables: Vec<(OsString, OsString)> = names.iter().map(|name| ((*name).into(), "x".into())).collect();
        let passed = runner_environment(&variables);
        passed.into_iter().map(|(name, _)| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_runner_inherits_nothing_of_git_of_a_transport_or_of_a_turn() {
        let all = [
            "PATH",
            "HOME",
            "GIT_DIR",
            "GIT_INDEX_FILE",
            "GIT_AUTHOR_NAME",
            "GIT_QUARANTINE_PATH",
            "GIT_PUSH_OPTION_0",
            "HTTP_X_EVIL",
            "HTTP_PROXY",
            "GL_USER",
            "SSH_ORIGINAL_COMMAND",
            "SSH_AUTH_SOCK",
            "GPG_TTY",
            "TURNSTILE_IN_TURN",
            "TURNSTILE_EFFECT",
            "TURNSTILE_GRACE_MS",
            "SERVER_URL",
            "PRE_COMMIT",
            "PRE_COMMIT_HOME",
            "PRE_COMMIT_RUNNING_LEGACY",
            "PREK_RUNNING_LEGACY",
            "PREK_HOME",
        ];
        let mine = ["PATH", "HOME", "HTTP_PROXY", "SSH_AUTH_SOCK", "TURNSTILE_GRACE_MS", "SERVER_URL"];
        assert_eq!(left(&all), [&mine[..], &["PRE_COMMIT_HOME", "PREK_HOME"]].concat());
        let of_a_server = ["GATEWAY_INTERFACE", "HTTP_PROXY", "QUERY_STRING", "REMOTE_USER", "SERVER_NAME", "LANG"];
        assert_eq!(left(&of_a_server), ["LANG", "PATH"]);
    }

    #[test]
    fn the_latest_trigger_stands_for_all() {
        let kept = |id: &str| Kept { id: id.into(), trigger: None };
        assert_eq!(received(&[]), []);
        let events = received(&[kept("1"), kept("2"), kept("3")]);
        let Event::TriggerReceived { id, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!(id, "3");
        let ids = vec!["2".to_owned(), "1".to_owned()];
        assert_eq!(events[1], Event::TriggerCoalesced { into: "3".into(), count: 2, ids });
        assert_eq!(received(&[kept("1")]).len(), 1);
    }

    #[test]
    fn only_a_trigger_that_no_start_was_refused_for_wants_one() {
        let kept = |id: &str| Kept { id: id.into(), trigger: None };
        let refused = |of: &[&str]| Refused {
            at: String::new(),
            asked_by: String::new(),
            reason: Why { code: String::new(), message: String::new() },
            triggers: of.iter().map(|id| (*id).to_owned()).collect(),
        };
        let wants = |triggers: &[&str], of: Option<&[&str]>| {
            Waiting { triggers: triggers.iter().map(|id| kept(id)).collect(), refused: of.map(refused) }.wants_a_start()
        };
        assert!(wants(&["1"], None) && wants(&["1", "2"], Some(&["1"])) && wants(&["1"], Some(&[])));
        assert!(!wants(&[], None) && !wants(&["1", "2"], Some(&["1", "2", "3"])));
    }
}

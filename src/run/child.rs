//! The other side of an effect: what a child process does, and how it ends up in the record.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::error::RunError;
use super::handed::HandedLook;
use super::tampering;
use super::work::{TurnWork, Work};
use super::written::written;
use crate::agent::{EndFacts, Limit, TurnClass, classify, final_words};
use crate::config::AgentKind;
use crate::crash::{Point, point};
use crate::effect::{self, ChildContext, Program, ProgramEnd, Stopped};
use crate::flow::{CheckResult, ErrorClass, SaveResult, TicketWritten, TurnEnd, TurnResult};
use crate::git::{self, Kept, Place};
use crate::secret::Screen;
use crate::store::{self, Audience, Links};
use crate::text::Source;
use crate::ticket::set_done;

/// How much of a program's output its last words are looked for in.
const TAIL: u64 = 64 * 1024;

/// The result of a child process.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub enum Done {
    /// Of a turn.
    Turn(Box<TurnDone>),
    /// Of a check.
    Check(Box<CheckResult>),
    /// Of a commit, a kept tree, or a moved branch.
    Save(SaveResult),
}

/// The result of a turn's process.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct TurnDone {
    /// What became of the turn.
    #[serde(flatten)]
    pub result: TurnResult,
    /// The worktree as it was kept behind the turn, for the runner that waits for this.
    #[serde(default)]
    pub seen: Option<HandedLook>,
}

impl From<TurnResult> for TurnDone {
    fn from(result: TurnResult) -> Self {
        Self { result, seen: None }
    }
}

/// Carries out the effect in `directory`, with the environment that this process was given.
pub fn carry_out(directory: &Path, variables: Vec<(OsString, OsString)>) -> Result<(), RunError> {
    git::mind_variables(variables.iter().map(|(name, _)| name.as_os_str()));
    let path = directory.join("request.json");
    let unusable = |why: String| RunError::Unusable { path: path.display().to_string(), why };
    let text = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
    let work: Work = serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
    let screen = Screen::of_environment(&variables);
    effect::child(directory, |context| {
        Ok(match work {
            Work::Turn(work) => Done::Turn(Box::new(turn(&work, &screen, context, variables))),
            Work::Check(work) => Done::Check(Box::new(super::check_child::check(&work, &screen, context, variables)?)),
            Work::Settle(work) => Done::Turn(Box::new(settle(&work, &screen))),
            Work::Keep { place, reference, message, before, ticket } => {
                Done::Save(keep(&place, &reference, (&message, &ticket), &before, &screen).unwrap_or_else(failed))
            }
            Work::Save { place, request } => Done::Save(save(&place, &request, &screen)),
            Work::Adopt { place, branch, from, to } => {
                Done::Save(match git::adopt_head(&place, &branch, &to, from.as_deref()) {
                    Ok(()) => SaveResult::Committed { commit: to, tree: String::new() },
                    Err(error) => failed(error),
                })
            }
        })
    })?;
    Ok(())
}

fn turn(
    work: &TurnWork,
    screen: &Screen,
    context: &ChildContext<'_>,
    variables: Vec<(OsString, OsString)>,
) -> TurnDone {
    let noted = match tampering::begin(work) {
        Ok(noted) => noted,
        Err(error) => {
            let why = format!("the git directory could not be looked at: {}", error.in_full());
            return TurnResult::without_facts(TurnEnd::RunnerFailed { why }).into();
        }
    };
    let message = format!("turn {} of run {}, before", work.turn, work.run);
    remove_own_lock(&work.place, &work.before());
    let (place, name, parent) = (&work.place, work.before(), work.parent.as_deref());
    let before = match &work.seen {
        Some(seen) => git::keep_seen(place, &name, &message, parent, screen, seen.clone()),
        None => git::keep(place, &name, &message, parent, screen),
    };
    let before = match before {
        Ok(kept) => kept,
        Err(error) => {
            let why = format!("the worktree could not be kept: {}", full(error));
            return TurnResult::without_facts(TurnEnd::RunnerFailed { why }).into();
        }
    };
    point(Point::TurnKept);
    let left_out: BTreeSet<String> = before.left_out.iter().map(|left| left.path.clone()).collect();
    write_left_out(work, &left_out);
    let reply = reply_stamp(work);
    let (end, ended) = match &work.program {
        Err(why) => (TurnEnd::Failed { why: why.clone(), started: false }, ProgramEnd::default()),
        Ok(program) => {
            let program = Program { env: variables, effect: Some(context.directory.to_owned()), ..program.clone() };
            let ended = effect::run(&program, screen, &context.asked);
            point(Point::ProgramOver);
            let end = match &ended.not_started {
                Some(why) if ended.for_want => TurnEnd::RunnerFailed { why: why.clone() },
                Some(_) | None => end_of(work, &ended),
            };
            (end, ended)
        }
    };
    let error = error_of(work, &ended);
    let end = claim_of_shell(work, end);
    write_final_words(work, screen);
    point(Point::TurnWords);
    let tampered = tampering::as_it_ends(&work.place, &noted);
    let TurnDone { mut result, seen } = look_after(work, screen, Some(&before), Some(&left_out), end, tampered);
    result.settings = tampering::settings_since(&work.place, &noted);
    result.duration_ms = ended.duration_ms;
    result.exit = ended.exit;
    result.error = error;
    result.left_out.extend(before.left_out.into_iter().map(|left| format!("{}: {}", left.path, left.why)));
    result.left_out.sort();
    result.left_out.dedup();
    result.reply = reply_stamp(work).filter(|now| reply.as_ref() != Some(now));
    TurnDone { result, seen }
}

/// What is left to be done of a turn whose process died.
fn settle(work: &TurnWork, screen: &Screen) -> TurnDone {
    remove_own_lock(&work.place, &work.before());
    let before = git::branch_commit(&work.place, &work.before()).ok().flatten();
    let tampered = tampering::since_lost(work, before.is_some());
    let before = before.map(|commit| Kept { commit, ..Kept::default() });
    let mut done = look_after(work, screen, before.as_ref(), read_left_out(work).as_ref(), TurnEnd::Lost, tampered);
    done.result.settings = tampering::settings_since_lost(work);
    done
}

/// What the kept tree from before the turn leaves out, for whoever settles the turn if this process dies.
fn write_left_out(work: &TurnWork, left_out: &BTreeSet<String>) {
    // Without it the settler takes nothing that both trees leave out for the turn's; no turn is lost for want of it.
    if let Ok(text) = serde_json::to_vec(left_out) {
        let _ = write_private(&work.left_out(), &text);
    }
}

fn read_left_out(work: &TurnWork) -> Option<BTreeSet<String>> {
    serde_json::from_slice(&std::fs::read(work.left_out()).ok()?).ok()
}

/// What a turn made that kept trees leave out, such as a repository of its own, by git's name for it.
fn made_and_left_out(
    place: &Place,
    before: Option<&BTreeSet<String>>,
    after: &[git::LeftOut],
) -> Result<Vec<String>, git::GitError> {
    let Some(before) = before else { return Ok(Vec::new()) };
    let made: BTreeSet<&str> =
        after.iter().map(|left| left.path.as_str()).filter(|path| !before.contains(*path)).collect();
    if made.is_empty() {
        return Ok(Vec::new());
    }
    let changes = git::changes(place)?.into_iter().map(|change| change.path);
    Ok(changes.filter(|path| made.contains(path.trim_end_matches('/'))).collect())
}

/// The worktree after a turn, against the one before. Where the git directory was tampered with, no program takes part.
fn look_after(
    work: &TurnWork,
    screen: &Screen,
    before: Option<&Kept>,
    left_out: Option<&BTreeSet<String>>,
    end: TurnEnd,
    tampered: Vec<String>,
) -> TurnDone {
    let commit = before.map(|before| &before.commit);
    git::refuse_programs(!tampered.is_empty());
    let mut result = TurnResult { before: commit.cloned(), tampered, ..TurnResult::without_facts(end) };
    let message = format!("turn {} of run {}, after", work.turn, work.run);
    let place = &work.place;
    let mut changed = BTreeSet::new();
    match committed(work) {
        Ok(found) => (result.head, result.commits, changed) = (found.head, found.commits, found.changed),
        Err(error) => result.left_out.push(format!("the commits of the turn: {}", full(error))),
    }
    let kept = || -> Result<KeptAfter, git::GitError> {
        remove_own_lock(place, &work.after());
        let (uncommitted, handed) = HandedLook::take(place)?;
        let kept = git::keep_seen(place, &work.after(), &message, commit.map(String::as_str), screen, uncommitted)?;
        // A turn that wrote nothing before the tree was kept has nothing to lose either.
        if commit != Some(&kept.commit) || result.head != work.head {
            git::settle_on_disk(place)?;
        }
        let differs = match commit {
            Some(before) if *before != kept.commit => git::diff(place, before, &kept.commit)?,
            Some(_) | None => Vec::new(),
        };
        let mut differs: Vec<String> = differs.into_iter().map(|change| change.path).collect();
        let tickets = match commit {
            Some(before) => written(place, &work.ticket, before, &kept.commit, &differs)?,
            None => Vec::new(),
        };
        differs.extend(made_and_left_out(place, left_out, &kept.left_out)?);
        Ok(KeptAfter { kept, differs, tickets, handed })
    };
    let mut seen = None;
    match kept() {
        Ok(KeptAfter { kept, differs, tickets, handed }) => {
            // Behind tampering nothing is taken over.
            seen = handed.filter(|_| result.tampered.is_empty());
            changed.extend(differs);
            result.tickets = tickets;
            // What is not in the trees cannot be compared there.
            if let Some(before) = before.filter(|before| !before.tree.is_empty()) {
                let is_new = |left: &&git::LeftOut| !left.stamp.is_empty() && !before.left_out.contains(left);
                changed.extend(kept.left_out.iter().filter(is_new).map(|left| left.path.clone()));
            }
            result.left_out.extend(kept.left_out.into_iter().map(|left| format!("{}: {}", left.path, left.why)));
            result.after = Some(kept.commit);
        }
        // The tree is kept by the next step; that the turn itself ended well is not lost with it.
        Err(error) => result.left_out.push(format!("the tree after the turn: {}", full(error))),
    }
    result.changed = changed.into_iter().collect();
    TurnDone { result, seen }
}

/// The tree after a turn, and what was seen as it was kept.
struct KeptAfter {
    kept: git::Kept,
    differs: Vec<String>,
    tickets: Vec<TicketWritten>,
    handed: Option<HandedLook>,
}

struct Committed {
    head: Option<String>,
    commits: Vec<String>,
    changed: BTreeSet<String>,
}

/// Where HEAD is after a turn, and what the commits changed that it gained.
fn committed(work: &TurnWork) -> Result<Committed, git::GitError> {
    let place = &work.place;
    let head = git::head(place)?.commit;
    let commits = match (&work.head, &head) {
        (Some(then), Some(now)) if then != now => git::relation(place, then, now)?.ahead,
        _ => Vec::new(),
    };
    let mut changed: BTreeSet<String> = git::paths_of_commits(place, &commits)?.into_iter().collect();
    if let (None, Some(now)) = (&work.head, &head) {
        changed.extend(git::paths_changed(place, None, now)?);
    }
    Ok(Committed { head, commits, changed })
}

/// What the end of the program means.
fn class_of(work: &TurnWork, ended: &ProgramEnd) -> TurnClass {
    let kind = AgentKind::from_name(&work.kind).unwrap_or(AgentKind::Command);
    let limit = match ended.stopped {
        Some(Stopped::Wall) => Some(Limit::Wall),
        Some(Stopped::Idle) => Some(Limit::Idle),
        Some(Stopped::Asked) | None => None,
    };
    let facts = EndFacts {
        exit: ended.exit,
        signal: ended.signal,
        limit,
        asked: ended.stopped == Some(Stopped::Asked),
        not_started: ended.not_started.as_deref(),
    };
    classify(kind, &facts)
}

/// What is known of a failure.
fn error_of(work: &TurnWork, ended: &ProgramEnd) -> Option<ErrorClass> {
    match class_of(work, ended) {
        TurnClass::Transient { .. } => Some(ErrorClass::Transient),
        TurnClass::Fatal { .. } => Some(ErrorClass::Fatal),
        TurnClass::Success
        | TurnClass::Failed { .. }
        | TurnClass::TimedOut { .. }
        | TurnClass::Interrupted
        | TurnClass::NotStarted { .. } => None,
    }
}

fn end_of(work: &TurnWork, ended: &ProgramEnd) -> TurnEnd {
    let withheld = match work.withheld.as_slice() {
        [] => String::new(),
        names => format!(
            " (withheld from it: {}; `env.pass` in `.tickets/config.yaml` names what may pass)",
            crate::text::shown_line(&names.join(", "))
        ),
    };
    match class_of(work, ended) {
        TurnClass::Success => TurnEnd::Succeeded,
        TurnClass::Transient { why } | TurnClass::Fatal { why } | TurnClass::Failed { why } => {
            TurnEnd::Failed { why: format!("{why}{withheld}"), started: true }
        }
        TurnClass::TimedOut { limit: Limit::Wall } => {
            TurnEnd::TimedOut { why: format!("it was ended after its `timeout` of {} s", seconds(work, true)) }
        }
        TurnClass::TimedOut { limit: Limit::Idle } => TurnEnd::TimedOut {
            why: format!("it printed nothing for its `idle_timeout` of {} s", seconds(work, false)),
        },
        TurnClass::Interrupted => TurnEnd::Interrupted,
        TurnClass::NotStarted { why } => TurnEnd::Failed { why, started: false },
    }
}

fn seconds(work: &TurnWork, wall: bool) -> u64 {
    let program = work.program.as_ref().ok();
    let limit = program.and_then(|program| if wall { program.timeout } else { program.idle });
    limit.unwrap_or_default().as_secs()
}

/// The `shell` agent has no voice of its own: all its blocks succeeded, and that is its claim.
fn claim_of_shell(work: &TurnWork, end: TurnEnd) -> TurnEnd {
    if work.kind != AgentKind::Shell.name() || end != TurnEnd::Succeeded {
        return end;
    }
    let failed = |why: String| TurnEnd::Failed { why, started: true };
    let source = match store::read_source(&work.place.top, &work.ticket, Links::Any) {
        Ok(Ok(Some(source))) => source,
        Ok(Ok(None)) => return failed("its ticket is gone".to_owned()),
        Ok(Err(why)) => return failed(why.diagnostic(work.ticket.as_str()).message),
        Err(error) => return TurnEnd::RunnerFailed { why: RunError::from(error).in_full() },
    };
    match claim(&work.place, &source) {
        Ok(()) => end,
        Err(why) => failed(why),
    }
}

fn claim(place: &Place, source: &Source) -> Result<(), String> {
    let text = set_done(source, true).map_err(|refused| refused.to_string())?;
    store::write(&place.top, &*source.path, text.as_bytes(), Audience::People).map_err(|error| error.to_string())
}

fn write_final_words(work: &TurnWork, screen: &Screen) {
    let output = work.program.as_ref().map(|program| program.stdout.clone()).ok();
    let words = [work.last_message.clone(), output].into_iter().flatten().find_map(|path| {
        let text = tail(&path)?;
        (!text.trim().is_empty()).then(|| final_words(&screen.redact(&text)))
    });
    // Last words are a courtesy to the next prompt; a turn is not lost for want of them, nor of a power cut.
    let _ = write_private(&work.final_words, words.unwrap_or_default().as_bytes());
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes))
}

pub(super) fn tail(path: &Path) -> Option<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn reply_stamp(work: &TurnWork) -> Option<String> {
    stamp_of_reply(&work.layout())
}

/// Changes whenever the reply that lies in the worktree is saved again.
pub(super) fn stamp_of_reply(layout: &store::Layout) -> Option<String> {
    store::look_reply(layout).ok().flatten().map(|reply| reply.stamp)
}

fn keep(
    place: &Place,
    reference: &str,
    (message, ticket): (&str, &str),
    before: &str,
    screen: &Screen,
) -> Result<SaveResult, git::GitError> {
    remove_own_lock(place, reference);
    let before = git::branch_commit(place, before)?;
    let kept = git::keep(place, reference, message, before.as_deref(), screen)?;
    git::settle_on_disk(place)?;
    let (mut changed, mut tickets) = (Vec::new(), Vec::new());
    if let Some(before) = before.filter(|before| *before != kept.commit) {
        changed = git::diff(place, &before, &kept.commit)?.into_iter().map(|change| change.path).collect();
        tickets = written(place, ticket, &before, &kept.commit, &changed)?;
    }
    Ok(SaveResult::Kept { commit: kept.commit, changed, tickets })
}

fn save(place: &Place, request: &git::SaveRequest, screen: &Screen) -> SaveResult {
    match git::save(place, request, screen) {
        Ok(git::SaveResult::Committed { commit, tree }) => SaveResult::Committed { commit, tree },
        Ok(git::SaveResult::Clean) => SaveResult::Clean,
        Ok(git::SaveResult::Changed { was, tree }) => SaveResult::Changed { was, tree },
        Ok(git::SaveResult::Refused { why, output }) => SaveResult::Refused { output: format!("{why}\n{output}") },
        Ok(git::SaveResult::TooLarge { folders, files, bytes }) => SaveResult::TooLarge {
            why: format!(
                "{files} new files with {bytes} bytes at once are more than turnstile commits; commit or ignore {}",
                folders.join(", ")
            ),
        },
        Err(error) => failed(error),
    }
}

/// The lock of a kept tree's reference is only ever taken by the process that holds the lease of that turn. One that
/// lies there before this process has taken it was left by a process that is dead.
fn remove_own_lock(place: &Place, reference: &str) {
    if reference.starts_with("refs/turnstile/checkpoints/") {
        // Where it cannot be removed, keeping the tree says so.
        let _ = std::fs::remove_file(place.common_dir.join(format!("{reference}.lock")));
    }
}

fn failed(error: git::GitError) -> SaveResult {
    SaveResult::Failed { why: full(error) }
}

fn full(error: git::GitError) -> String {
    RunError::Git(error).in_full()
}

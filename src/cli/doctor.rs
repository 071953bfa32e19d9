//! `doctor`: what turnstile needs of this machine and this repository, each looked at for itself, so that one fault
//! hides no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::hooks::look_for_doctor;
use super::init::is_program;
use super::list::{line, widths};
use super::{CliError, Context, Exit};
use crate::agent::program_name;
use crate::config::{AgentKind, Config, RosterEntry};
use crate::flow::Life;
use crate::git;
use crate::run::{RunError, Workspace};
use crate::store::{self, LockError, TICKETS};
use crate::text::shown_line;

mod triggers;

/// What no running process needs any more.
const STALE: Duration = Duration::from_secs(3600);

/// Check what turnstile needs of this machine and this repository
///
/// Works where other commands do not. Exits with 3 if something is at fault, and says what to type.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// What came of one check.
#[derive(Clone, Debug)]
struct Check {
    name: String,
    ok: bool,
    message: String,
    help: Option<String>,
}

impl Check {
    fn ok(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: true, message: message.into(), help: None }
    }

    fn fault(name: &str, message: impl Into<String>) -> Self {
        Self { ok: false, ..Self::ok(name, message) }
    }

    /// Something that could not be found out is a fault.
    fn of(name: &str, found: Result<Self, RunError>) -> Self {
        found.unwrap_or_else(|error| Self::fault(name, error.in_full()))
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Checks everything.
#[expect(clippy::unnecessary_wraps, reason = "every command answers like this")]
pub fn run(context: &Context, _: &Arguments) -> Result<Exit, CliError> {
    let mut checks = vec![git_program(context)];
    match Workspace::open(&context.directory, context.surroundings()) {
        Ok(mut workspace) => {
            checks.push(Check::of("repository", repository(&workspace)));
            checks.push(Check::of("identity", identity(&workspace)));
            checks.push(Check::of("space", space(&workspace)));
            checks.push(Check::of("tickets", tickets(&mut workspace)));
            checks.extend(settings(context, &workspace));
            checks.push(Check::of("trust", trust(context, &workspace)));
            checks.push(lock(&workspace));
            checks.push(journal(&workspace));
            checks.push(leftovers(&workspace));
            checks.extend(pushes(&workspace));
            checks
                .push(Check::of("triggers", workspace.waiting().map(|waiting| triggers::check(&workspace, &waiting))));
        }
        Err(error) => {
            if let RunError::Git(git::GitError::Bare { path }) = &error {
                checks.push(Check::ok("repository", format!("bare repository {}", path.display())));
                checks.extend(of_bare(context, path));
            } else {
                checks.push(no_repository(&error));
            }
        }
    }
    checks.extend(hooks(context));
    if context.printer.json {
        let document = checks
            .iter()
            .map(|check| json!({ "check": check.name, "ok": check.ok, "message": check.message, "help": check.help }));
        context.printer.document(&document.collect());
    } else {
        context.printer.data(&text(&checks));
    }
    Ok(if checks.iter().all(|check| check.ok) { Exit::SUCCESS } else { Exit::INVALID })
}

fn text(checks: &[Check]) -> String {
    let word = |check: &Check| if check.ok { "ok" } else { "fault" }.to_owned();
    let rows: Vec<[String; 3]> =
        checks.iter().map(|check| [word(check), shown_line(&check.name), shown_line(&check.message)]).collect();
    let widths = widths(&rows);
    let mut text = String::new();
    for (row, check) in rows.iter().zip(checks) {
        text.push_str(&line(row, &widths));
        if let Some(help) = &check.help {
            text.push_str(&format!("{:width$}help: {}\n", "", shown_line(help), width = widths[0] + widths[1] + 4));
        }
    }
    text
}

fn git_program(context: &Context) -> Check {
    let (major, minor) = git::OLDEST_GIT;
    match git::version(&context.directory) {
        Ok(version) if git::is_recent(&version) => Check::ok("git", format!("version {version}")),
        Ok(version) => Check::fault("git", format!("version {version} is too old"))
            .help(format!("install git {major}.{minor} or newer")),
        Err(error) => Check::fault("git", RunError::from(error).in_full()).help("install git, and put it on PATH"),
    }
}

fn no_repository(error: &RunError) -> Check {
    let check = Check::fault("repository", error.in_full());
    match error {
        RunError::Git(git::GitError::NotARepository { .. }) => check.help("git init"),
        _ => check,
    }
}

fn repository(workspace: &Workspace) -> Result<Check, RunError> {
    let place = &workspace.place;
    if let Some(operation) = git::operation(place)? {
        let abort = if operation == "bisect" { "reset" } else { "--abort" };
        return Ok(Check::fault("repository", format!("a {operation} is under way"))
            .help(format!("finish it, or: git {operation} {abort}")));
    }
    let head = git::head(place)?;
    let kind = if place.git_dir == place.common_dir {
        "main worktree".to_owned()
    } else {
        format!("linked worktree {}", place.worktree)
    };
    let top = place.top.display();
    if let (None, Some(hub)) = (&head.branch, &workspace.hub) {
        return Ok(Check::ok("repository", format!("worktree {top} of the pushed branch {}", hub.shown())));
    }
    let Some(branch) = &head.branch else {
        return Ok(Check::fault("repository", format!("{kind} {top}, HEAD is detached"))
            .help("git switch BRANCH, or give --allow-detached to run and step"));
    };
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    let unborn = if head.commit.is_none() { ", without a commit yet" } else { "" };
    Ok(Check::ok("repository", format!("{kind} {top} on {branch}{unborn}")))
}

fn identity(workspace: &Workspace) -> Result<Check, RunError> {
    Ok(match git::identity(&workspace.place)? {
        Some((name, address)) => Check::ok("identity", format!("{name} <{address}>")),
        None => Check::fault("identity", "git does not know who commits")
            .help("git config user.name NAME && git config user.email ADDRESS"),
    })
}

fn space(workspace: &Workspace) -> Result<Check, RunError> {
    let shown = workspace.place.common_dir.display();
    Ok(match git::writable(&workspace.place)? {
        None => Check::ok("space", format!("{shown} can be written, and there is room")),
        Some(problem) => Check::fault("space", problem).help("make room, or mend the permissions"),
    })
}

fn tickets(workspace: &mut Workspace) -> Result<Check, RunError> {
    let folder = workspace.layout.tickets();
    match folder.symlink_metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => {
            return Ok(Check::fault("tickets", format!("{} is no folder", folder.display()))
                .help("put a folder there; symbolic links are never followed"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Check::fault("tickets", format!("there is no {}", folder.display())).help("turnstile init"));
        }
        Err(error) => return Ok(Check::fault("tickets", format!("cannot look at {}: {error}", folder.display()))),
    }
    let count = workspace.reads()?.len();
    if git::is_ignored(&workspace.place, &format!("{TICKETS}/001-x.md"))? {
        return Ok(Check::ok("tickets", format!("{count}; git ignores {TICKETS}/, so no commit will hold them"))
            .help(format!("to share them, take {TICKETS} out of what `git check-ignore -v {TICKETS}/x` names")));
    }
    Ok(Check::ok("tickets", format!("{count} in {}", folder.display())))
}

/// The config, and the programs that it or a ticket asks for.
fn settings(context: &Context, workspace: &Workspace) -> Vec<Check> {
    let settings = match workspace.settings() {
        Ok(settings) => settings,
        Err(error) => return vec![Check::fault("config", error.in_full())],
    };
    let errors = settings.faults.iter().filter(|fault| fault.is_error());
    let check = match errors.clone().next() {
        None => Check::ok("config", "no faults"),
        Some(first) => {
            let count = errors.count();
            let place = format!("{}:{}:{}", first.path, first.place.line, first.place.column);
            let more = if count > 1 { format!(", and {} more", count - 1) } else { String::new() };
            Check::fault("config", format!("{place}: {}: {}{more}", first.code, first.message)).help("turnstile lint")
        }
    };
    let mut checks = vec![check];
    let needed = needed(workspace, &settings.config);
    for name in settings.config.roster_names() {
        if let Some(entry) = settings.config.agent(&name) {
            checks.extend(agent(context, workspace, &name, entry, needed.contains(&name)));
        }
    }
    checks
}

/// What of the worktree may start programs.
fn trust(context: &Context, workspace: &Workspace) -> Result<Check, RunError> {
    if let Some(refused) = workspace.why_nothing_is_trusted()? {
        return Ok(Check::fault("trust", refused.why).help(refused.way_out));
    }
    let untrusted = workspace.untrusted()?;
    let names = super::ask::names(untrusted.iter());
    Ok(if untrusted.is_empty() {
        Check::ok("trust", "nothing here may start programs but what is trusted")
    } else if context.environment.trusts() {
        Check::ok("trust", format!("TURNSTILE_TRUST has the next run trust {names} unseen"))
    } else {
        Check::fault("trust", format!("not trusted on this machine: {names}")).help("turnstile trust")
    })
}

/// The agents of open tickets, and the default one.
fn needed(workspace: &Workspace, config: &Config) -> BTreeSet<String> {
    let open =
        workspace.last_reads().iter().filter_map(|read| read.ticket.as_ref()).filter(|ticket| !ticket.front.done);
    open.filter_map(|ticket| ticket.front.agent.clone()).chain(config.default_agent.clone()).collect()
}

fn agent(context: &Context, workspace: &Workspace, name: &str, entry: &RosterEntry, needed: bool) -> Option<Check> {
    let check = format!("agent {name}");
    let program = match entry.kind {
        AgentKind::User => return None,
        AgentKind::Command => entry.command.first()?.clone(),
        AgentKind::Codex
        | AgentKind::Claude
        | AgentKind::Opencode
        | AgentKind::Gemini
        | AgentKind::Aider
        | AgentKind::Shell => program_name(entry.kind)?.to_owned(),
    };
    match find(context, workspace, &program) {
        Some(found) => Some(Check::ok(&check, found.display().to_string())),
        None if needed => {
            let message = format!("its program {program} is not on PATH, or cannot be run");
            Some(Check::fault(&check, message).help("install it, or change the agent in the tickets and the config"))
        }
        None => Some(Check::ok(&check, format!("{program} is not installed, and no open ticket needs it"))),
    }
}

/// Where a program lies, as the system would look for it at the top of the worktree.
fn find(context: &Context, workspace: &Workspace, program: &str) -> Option<PathBuf> {
    let top = &workspace.layout.top;
    if program.contains('/') {
        return Some(top.join(program)).filter(|path| is_program(path));
    }
    let path = context.environment.get("PATH")?;
    std::env::split_paths(path).map(|folder| top.join(folder).join(program)).find(|path| is_program(path))
}

fn lock(workspace: &Workspace) -> Check {
    match store::look_at_lock(&workspace.layout) {
        Ok(()) => Check::ok("lock", "free"),
        Err(error @ LockError::Busy { .. }) => {
            Check::ok("lock", error.to_string()).help("turnstile stop --now ends its turn")
        }
        Err(error) => Check::fault("lock", RunError::from(error).in_full()),
    }
}

fn journal(workspace: &Workspace) -> Check {
    let pointer = workspace.layout.run_pointer();
    match workspace.folded() {
        Ok(folded) => Check::ok(
            "journal",
            match (folded.id, folded.state.life) {
                (Some(id), Life::Open) => format!("run {id} is open, {} turn(s)", folded.state.turns),
                (Some(id), Life::Completed | Life::Stopped | Life::None) => format!("the last run was {id}"),
                (None, _) => "no run has begun here".to_owned(),
            },
        ),
        Err(error) => {
            let check = Check::fault("journal", error.in_full());
            check.help(format!(
                "nothing was changed; to begin a new run without it, which forgets the run's open questions, the trees \
                 that were kept, and whether a ticket that says `done: true` was ever judged (look at them first): \
                 git for-each-ref --format='delete %(refname)' refs/turnstile/checkpoints | git update-ref --stdin; \
                 rm -f '{}'",
                pointer.display()
            ))
        }
    }
}

/// The hooks that were installed. Where there is no repository, that is told already.
fn hooks(context: &Context) -> Vec<Check> {
    let health = match look_for_doctor(context) {
        Ok(health) => health,
        Err(error) if error.exit == Exit::INVALID => return Vec::new(),
        Err(error) => return vec![Check::fault("hooks", error.message)],
    };
    let faulty: Vec<Check> = health
        .iter()
        .filter(|health| !health.state.rings())
        .map(|health| Check {
            help: health.help.clone(),
            ..Check::fault(&format!("hook {}", health.hook.name()), health.message.clone())
        })
        .collect();
    if !faulty.is_empty() || health.is_empty() {
        return faulty;
    }
    let names: Vec<&str> = health.iter().map(|health| health.hook.name()).collect();
    vec![Check::ok("hooks", names.join(", "))]
}

/// What processes that were killed left behind. Only locks stand in anybody's way.
fn leftovers(workspace: &Workspace) -> Check {
    let place = &workspace.place;
    let index_lock = place.git_dir.join("index.lock");
    if let Some(age) = age(&index_lock) {
        let seconds = age.as_secs();
        let message = format!("{} exists for {seconds} s", index_lock.display());
        // The next step removes one that turnstile made.
        let text = std::fs::read(&index_lock).unwrap_or_default();
        return if text.starts_with(b"turnstile-") {
            Check::ok("leftovers", format!("{message}; it is turnstile's, and the next step removes it"))
        } else {
            Check::fault("leftovers", format!("{message}: another git process is at work, or one died"))
                .help(format!("if none runs: rm {}", index_lock.display()))
        };
    }
    let folders = [&place.git_dir, &workspace.layout.tickets(), &workspace.layout.worktree_folder()];
    let stale: Vec<String> = folders.into_iter().flat_map(|folder| stale_in(folder)).collect();
    match stale.as_slice() {
        [] => Check::ok("leftovers", "none"),
        stale => Check::ok("leftovers", format!("{} file(s) of processes that were killed", stale.len()))
            .help(format!("they are in nobody's way: rm -r {}", stale.join(" "))),
    }
}

/// Whether git takes pushes to what is checked out here; nothing where nobody pushes here.
fn pushes(workspace: &Workspace) -> Option<Check> {
    let pushed_to = super::pushed_to::look(workspace)?;
    let is_busy = store::look_at_lock(&workspace.layout).is_err();
    Some(match super::pushed_to::refused(&pushed_to, is_busy) {
        None => Check::ok("pushes", "git takes pushes to the branch that is checked out"),
        // A turn that is under way is no fault, and ends.
        Some(refused) if is_busy => Check::ok("pushes", refused.what).help(refused.way_out),
        Some(refused) => Check::fault("pushes", refused.what).help(refused.way_out),
    })
}

fn of_bare(context: &Context, path: &Path) -> Vec<Check> {
    let identity = match git::identity(&git::bare_place(path)) {
        Ok(Some((name, address))) => Check::ok("identity", format!("{name} <{address}>")),
        Ok(None) => Check::fault("identity", "git does not know who commits")
            .help("git config user.name NAME && git config user.email ADDRESS"),
        Err(error) => Check::fault("identity", RunError::from(error).in_full()),
    };
    let told = super::bare::checks(context, path).into_iter();
    let told = told.map(|told| Check { name: told.name, ok: told.ok, message: told.message, help: told.help });
    let unkept = triggers::unkept(&store::Layout::main(path, path));
    // Nothing can wait where nothing is kept.
    let told = told.filter(|check| unkept.is_none() || check.name != "triggers");
    std::iter::once(identity).chain(unkept.clone()).chain(told).collect()
}

fn stale_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_stale = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // `turnstile` itself is where everything else lies.
        let is_ours = name.starts_with(".turnstile-") || name.starts_with("turnstile-");
        is_ours && age(path).is_some_and(|age| age > STALE)
    };
    let mut stale: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| is_stale(path))
        .map(|path| path.display().to_string())
        .collect();
    stale.sort();
    stale
}

/// How long ago something was changed; none where there is nothing.
fn age(path: &Path) -> Option<Duration> {
    let modified = path.symlink_metadata().ok()?.modified().ok()?;
    Some(modified.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_and_help_stands_below_it() {
        let checks = [
            Check::ok("git", "version 2.47"),
            Check::fault("identity", "git does not know who commits").help("git config user.name NAME"),
        ];
        assert_eq!(
            text(&checks),
            "ok     git       version 2.47\n\
             fault  identity  git does not know who commits\n                 help: git config user.name NAME\n"
        );
    }
}

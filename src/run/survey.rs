//! One whole look at a quiet worktree, boiled down to the plain data that the kernel decides on.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::approvals;
use super::changes::{Changes, as_left, changes};
use super::error::RunError;
use super::head::{At, Uncommitted, way_back};
use super::lint::{context_faults, lint_all};
use super::mail_facts::{decisions, outbox_fact, reply_fact};
use super::settings::Settings;
use super::tampering;
use super::turn_facts::turn_facts;
use super::workspace::{Folded, Options, Workspace};
use crate::config::{AgentKind, Config};
use crate::diagnostic::Diagnostic;
use crate::flow::{AgentFact, ApprovalFact, Life, RunState, Survey, TicketFact, TicketIndex, TrustFact, TurnFacts};
use crate::git::{self, GitError};
use crate::store::{self, COMMIT_MSG, Journal, JournalError, Links, Scanned, TICKETS};
use crate::ticket::{Ids, Read, TicketId, queue, requires_context};

/// Looks at everything.
pub(super) fn survey(
    workspace: &mut Workspace,
    settings: &Settings,
    folded: &Folded,
    options: &Options,
) -> Result<Survey, RunError> {
    let run = &folded.state;
    let tampering = tampering::unanswered(&workspace.place, run);
    let claimed = claimed_elsewhere(workspace)?;
    let interesting = interesting(run);
    let top = workspace.layout.top.clone();
    let uncommitted = workspace.look_at_worktree(run)?;
    let judged = judged_tickets(workspace, &settings.config)?;
    let (ids, mut tickets) = (Rc::clone(&judged.ids), judged.ids.facts.clone());
    let missing = if judged.requires_context {
        context_faults(&top, workspace.reads_of_the_look()?, ids.get())
    } else {
        Vec::new()
    };
    for ticket in &mut tickets {
        ticket.faults.extend(missing.iter().filter(|fault| *fault.path == *ticket.id.path()).map(line));
        ticket.claimed_by = claimed.get(&ticket.id).cloned();
        if interesting.contains(&ticket.id) {
            ticket.digest = digest_of(&top, &ticket.id)?;
        }
    }
    let place = &workspace.place;
    let layout = &workspace.layout;
    let head = git::head(place)?;
    let (changes, tickets_changes) = match uncommitted {
        // Nothing is decided by them: the tampering stops whatever would look at them.
        Err(GitError::ProgramRefused { .. }) if !tampering.is_empty() => Changes::default(),
        uncommitted => {
            let uncommitted = uncommitted?;
            let found = changes(workspace, run, options, &uncommitted.changes)?;
            workspace.seen = Some(uncommitted);
            found
        }
    };
    super::claims::mark(workspace, folded, &head, &tickets_changes, &mut tickets)?;
    approvals::seal_facts(&top, &settings.config, (run, options.asked_by), &mut tickets)?;
    let as_left = as_left(workspace, run, &changes)?;
    let stop_file = stop_text(workspace)?;
    let outbox = store::look_outbox(layout)?;
    let path = format!("{TICKETS}/outbox/{COMMIT_MSG}");
    let commit_message = if outbox.commit_message { read_text(workspace, &path)? } else { None };
    let reply = match store::look_reply(layout)? {
        Some(file) => Some(reply_fact(workspace, run, &file, ids.get(), &head, &tickets_changes)?),
        None => None,
    };
    let head_tree = head.commit.as_deref().map(|commit| git::tree_of(place, commit)).transpose()?;
    let uncommitted = Uncommitted { outside: &changes, inside: &tickets_changes };
    let turn = match run.judging() {
        Some(judging) => turn_facts(workspace, &settings.config, run, judging, &At { head: &head, uncommitted })?,
        None => TurnFacts::default(),
    };
    Ok(Survey {
        now: Workspace::moment(),
        tampering,
        stop_file,
        way_back: way_back(workspace, run, &head)?,
        repository: repository_problem(workspace, &head, run, (options, &tickets))?,
        trust: if options.trusts { TrustFact::default() } else { super::trust::fact(workspace, settings)? },
        config: unusable(workspace, settings, run)?,
        tickets,
        index: TicketIndex::default(),
        outbox: outbox_fact(outbox),
        reply,
        decisions: decisions(workspace, run, &ids)?,
        changes,
        as_left,
        tickets_changes,
        commit_message,
        head: head.commit,
        branch: branch_of_the_run(head.branch, run, options),
        stash: git::stash_top(place)?,
        head_tree,
        turn,
    })
}

/// What must be mended before anything else: faults of the settings, and what is no folder where one is needed, but
/// for what row 0 is about to put back.
fn unusable(workspace: &Workspace, settings: &Settings, run: &RunState) -> Result<Vec<String>, RunError> {
    let mut faults = lines(&settings.faults);
    let is_put_back = |judging: &crate::flow::Judging| judging.row == 0 && judging.verdict.is_none();
    if !run.judging().is_some_and(is_put_back) {
        faults.extend(lines(&store::misplaced(&workspace.layout, run.current.as_ref())?));
    }
    Ok(faults)
}

/// Errors as the lines that messages quote.
pub(super) fn lines(faults: &[Diagnostic]) -> Vec<String> {
    faults.iter().filter(|fault| fault.is_error()).map(line).collect()
}

/// One fault as a line: where it is, what is wrong, and what to do about it.
pub(super) fn line(fault: &Diagnostic) -> String {
    let path = crate::text::shown_line(&fault.path);
    let message = crate::text::shown_line(&fault.message);
    let help = fault.help.as_ref().map(|help| format!("; {}", crate::text::shown_line(help))).unwrap_or_default();
    format!("{path}:{}:{}: {}: {message}{help}", fault.place.line, fault.place.column, fault.code)
}

fn interesting(run: &RunState) -> Vec<TicketId> {
    let judged = run.judging().map(|judging| judging.request.ticket.clone());
    run.standing.iter().filter_map(|stands| stands.ticket.clone()).chain(judged).collect()
}

fn digest_of(top: &std::path::Path, id: &TicketId) -> Result<String, RunError> {
    Ok(match store::read_capped(top, id.path(), store::TEXT_CAP, Links::Any)? {
        Ok(Some(contents)) => format!("{:x}", Sha256::digest(&contents)),
        Ok(None) => "gone".to_owned(),
        Err(why) => format!("{why:?}"),
    })
}

/// What the tickets alone say. It stays true for as long as they and the config do.
#[derive(Debug)]
pub(super) struct JudgedTickets {
    generation: u64,
    /// Digest of the config that they were judged by.
    config: String,
    /// Whether an open ticket requires a file.
    requires_context: bool,
    ids: Rc<IdsOfFacts>,
    /// Whether this is what is kept for the next process.
    pub(super) is_kept: bool,
}

/// The facts of all tickets, without what depends on other worktrees and on the run, and their ids prepared for looking
/// up, where somebody has to look one up.
#[derive(Debug)]
pub(super) struct IdsOfFacts {
    facts: Vec<TicketFact>,
    ids: OnceCell<Ids>,
}

impl IdsOfFacts {
    pub(super) fn get(&self) -> &Ids {
        self.ids.get_or_init(|| Ids::new(self.facts.iter().map(|fact| fact.id.clone())))
    }
}

/// The same between two processes.
#[derive(Serialize, Deserialize)]
struct KeptJudgement<Facts> {
    config: String,
    requires_context: bool,
    facts: Facts,
}

impl JudgedTickets {
    /// For the next process; none where it cannot be expressed.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        let (config, requires_context) = (self.config.clone(), self.requires_context);
        postcard::to_allocvec(&KeptJudgement { config, requires_context, facts: &self.ids.facts }).ok()
    }

    /// What an earlier process made of exactly these tickets by this config.
    fn recalled(scanned: &Scanned, config: &str) -> Option<Self> {
        let kept: KeptJudgement<Vec<TicketFact>> = postcard::from_bytes(scanned.concluded()?).ok()?;
        let ids = Rc::new(IdsOfFacts { facts: kept.facts, ids: OnceCell::new() });
        let generation = scanned.generation();
        let judged =
            Self { generation, config: kept.config, requires_context: kept.requires_context, ids, is_kept: true };
        (judged.config == config).then_some(judged)
    }
}

/// Judges the tickets of the last look, anew only if one of them or the config is another than at the look before.
fn judged_tickets<'w>(workspace: &'w mut Workspace, config: &Config) -> Result<&'w JudgedTickets, RunError> {
    let generation = workspace.scanned.as_ref().map_or(0, Scanned::generation);
    // Everything that is set takes part: nobody has to know on what of it the judgement depends.
    let digest = format!("{:x}", Sha256::digest(format!("{config:?}")));
    let known = workspace.judged.take().filter(|known| known.generation == generation && known.config == digest);
    let recalled = || workspace.scanned.as_ref().and_then(|scanned| JudgedTickets::recalled(scanned, &digest));
    let judged = if let Some(judged) = known.or_else(recalled) {
        judged
    } else {
        let reads = workspace.reads_of_the_look()?;
        let ids = Ids::of(reads);
        let facts = ticket_facts(reads, &ids, config);
        let requires_context = requires_context(reads);
        let ids = Rc::new(IdsOfFacts { facts, ids: ids.into() });
        // To read them is a look, where what was kept is damaged.
        let generation = workspace.scanned.as_ref().map_or(0, Scanned::generation);
        JudgedTickets { generation, config: digest, requires_context, ids, is_kept: false }
    };
    Ok(workspace.judged.insert(judged))
}

fn ticket_facts(reads: &[Read], ids: &Ids, config: &Config) -> Vec<TicketFact> {
    let mut faults: HashMap<String, Vec<String>> = HashMap::new();
    for fault in lint_all(reads, ids, config).iter().filter(|fault| fault.is_error()) {
        faults.entry(fault.path.to_string()).or_default().push(line(fault));
    }
    let placed = queue(reads, ids).tickets;
    placed
        .into_iter()
        .map(|ticket| {
            let agent = ticket.agent.clone().or_else(|| config.default_agent.clone()).unwrap_or_default();
            let kind = match config.agent(&agent) {
                Some(entry) if entry.kind == AgentKind::User => AgentFact::User,
                Some(entry) if entry.can_commit => AgentFact::Commits,
                Some(_) | None => AgentFact::CannotCommit,
            };
            TicketFact {
                digest: String::new(),
                faults: faults.remove(ticket.path.as_str()).unwrap_or_default(),
                claimed_by: None,
                claimed: false,
                approval: ApprovalFact { asks: approvals::asks(&ticket, &config.approval), ..ApprovalFact::default() },
                title: ticket.title,
                agent,
                kind,
                done: ticket.done,
                hold: ticket.hold,
                blocked_by: ticket.blocked_by,
                unresolved: ticket.unresolved,
                depends_on: ticket.depends_on,
                limits: ticket.limits,
                id: ticket.id,
            }
        })
        .collect()
}

/// Tickets that are current in an open run of another worktree.
fn claimed_elsewhere(workspace: &Workspace) -> Result<HashMap<TicketId, String>, RunError> {
    let mut claimed = HashMap::new();
    for (worktree, run) in store::worktree_runs(&workspace.layout.common_dir)? {
        // Branches of a bare repository know nothing of each other, and have the same tickets as a rule.
        let is_other_branch = || workspace.layout.hub().join(&worktree).exists();
        if worktree == workspace.layout.worktree || (workspace.hub.is_some() && is_other_branch()) {
            continue;
        }
        // A journal that is damaged claims nothing; its own worktree says so.
        let lines = match Journal::read(&workspace.layout.journal(&run)) {
            Ok(lines) => lines,
            Err(JournalError::Unreadable { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let Ok(state) = super::workspace::fold(&lines) else { continue };
        if state.life == Life::Open {
            // What waits there for an answer is that run's as well, also where it goes on with other tickets.
            let waiting = state.standing.into_iter().filter_map(|stands| stands.ticket);
            claimed.extend(state.current.into_iter().chain(waiting).map(|ticket| (ticket, worktree.clone())));
        }
    }
    Ok(claimed)
}

fn stop_text(workspace: &Workspace) -> Result<Option<String>, RunError> {
    let path = format!("{TICKETS}/STOP");
    Ok(match store::read_capped(&workspace.layout.top, &path, store::TEXT_CAP, Links::Any)? {
        Ok(text) => text.map(|text| String::from_utf8_lossy(&text).into_owned()),
        // Where `.tickets` is no folder, nothing lies in it; that it is none is said elsewhere.
        Err(_) if !workspace.layout.tickets().symlink_metadata().is_ok_and(|found| found.is_dir()) => None,
        // Whatever lies there, it was meant to stop.
        Err(why) => Some(why.diagnostic(path).message),
    })
}

fn read_text(workspace: &Workspace, path: &str) -> Result<Option<String>, RunError> {
    let read = store::read_capped(&workspace.layout.top, path, store::TEXT_CAP, Links::One)?;
    let text = read.ok().flatten().map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok(text.map(|text| workspace.surroundings.screen.redact(&text).into_owned()))
}

/// The branch that a run is on. One that `--branch` asks for is made as the run begins, and not for a refusal.
fn branch_of_the_run(checked_out: Option<String>, run: &RunState, options: &Options) -> Option<String> {
    match (&options.branch, run.life) {
        (Some(name), Life::None | Life::Completed | Life::Stopped) => Some(format!("refs/heads/{name}")),
        (Some(_) | None, _) => checked_out,
    }
}

fn repository_problem(
    workspace: &Workspace,
    head: &git::Head,
    run: &RunState,
    (options, tickets): (&Options, &[TicketFact]),
) -> Result<Option<String>, RunError> {
    let place = &workspace.place;
    if let Some(operation) = git::operation(place)? {
        let way_out = match operation {
            "bisect" => "`git bisect reset` ends it".to_owned(),
            _ => format!("finish it, or `git {operation} --abort` gives it up"),
        };
        return Ok(Some(format!("a {operation} is under way; {way_out}")));
    }
    // A run that was begun there goes on, and one that came to its end there is told as what it is.
    let nothing_is_open = || tickets.iter().all(|ticket| ticket.done || ticket.hold.is_some());
    let detached_run =
        run.branch.is_none() && (run.life == Life::Open || (run.life == Life::Completed && nothing_is_open()));
    let may_be_detached = options.allow_detached || workspace.hub.is_some();
    if head.branch.is_none() && !may_be_detached && !detached_run && options.branch.is_none() {
        return Ok(Some(
            "HEAD is detached; `git switch BRANCH` goes back to a branch, or `--allow-detached` works here".to_owned(),
        ));
    }
    if git::identity(place)?.is_none() {
        return Ok(Some(
            "git does not know who commits; `git config user.name NAME` and `git config user.email ADDRESS`".to_owned(),
        ));
    }
    Ok(git::writable(place)?)
}

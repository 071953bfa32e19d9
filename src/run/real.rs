//! The real world: implements what the kernel asks for with files, git and child processes. Decides nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::child::Done;
use super::contract;
use super::error::RunError;
use super::inputs;
use super::patience::{Patience, Woken};
use super::survey;
use super::work::{TurnWork, Work, reference};
use super::workspace::{Folded, Options, Settings, Workspace, write_request};
use crate::agent::{AgentTurn, PromptOn, command, environment};
use crate::config::AgentKind;
use crate::effect::{self, Program, Stdin};
use crate::flow::{
    Act, Begun, Event, Evidence, Reason, RunState, SavePurpose, SaveRequest, SaveResult, Survey, TurnEnd, TurnRequest,
    TurnResult, World, settle,
};
use crate::git::{self, Content, SavePath};
use crate::prompt;
use crate::store::{self, Audience, Draft, Journal, Links, ReplyFrom, WorktreeLock};
use crate::text::Source;
use crate::ticket::{TicketId, set_done, shell_blocks};

/// At most so many new files in one commit of turnstile's.
const MOST_FILES: usize = 500;
/// At most so many bytes in one commit of turnstile's.
const MOST_BYTES: u64 = 50 * 1024 * 1024;
/// How often an effect that left no record is begun again before turnstile gives up on it.
const MOST_ATTEMPTS: u32 = 3;

/// What is told to whoever watches.
pub enum Progress<'a> {
    /// A line was written to the journal.
    Event(&'a Event),
    /// Something is waited for.
    Waiting {
        /// The turn that runs, if it is one.
        turn: Option<&'a TurnRequest>,
        /// The output of the turn so far.
        output: Option<PathBuf>,
        /// How long it has been waited for.
        since: Duration,
    },
    /// A person asked for the end.
    Interrupted {
        /// How often.
        times: u32,
    },
}

/// The real world of one command.
pub struct Real<'w> {
    pub(super) workspace: &'w mut Workspace,
    pub(super) settings: Settings,
    pub(super) options: Options,
    pub(super) lock: WorktreeLock,
    pub(super) journal: Option<Journal>,
    pub(super) run: Option<String>,
    pub(super) patience: Patience,
    pub(super) progress: &'w mut dyn FnMut(Progress<'_>),
    in_flight: Option<InFlight>,
    lost_saves: u32,
}

struct InFlight {
    directory: PathBuf,
    turn: Option<TurnRequest>,
    begun: std::time::Instant,
}

impl<'w> Real<'w> {
    /// Puts the world together; the lock is held for as long as it lives.
    pub(super) fn new(
        workspace: &'w mut Workspace,
        options: Options,
        lock: WorktreeLock,
        progress: &'w mut dyn FnMut(Progress<'_>),
    ) -> Result<Self, RunError> {
        let settings = workspace.settings()?;
        Ok(Self {
            workspace,
            settings,
            options,
            lock,
            journal: None,
            run: None,
            patience: Patience::new()?,
            progress,
            in_flight: None,
            lost_saves: 0,
        })
    }

    fn run_id(&self) -> Result<&str, RunError> {
        self.run.as_deref().ok_or_else(|| RunError::Child("no run is open".to_owned()))
    }

    fn turn_directory(&self, turn: u32) -> Result<PathBuf, RunError> {
        Ok(self.workspace.layout.turn(self.run_id()?, turn))
    }

    fn save_directory(&self, attempt: u32) -> Result<PathBuf, RunError> {
        Ok(self.workspace.layout.run(self.run_id()?).join("saves").join(format!("{attempt:04}")))
    }

    fn launch(
        &mut self,
        directory: PathBuf,
        variables: &[(std::ffi::OsString, std::ffi::OsString)],
        turn: Option<TurnRequest>,
    ) -> Result<(), RunError> {
        if !self.lock.still_ours()? {
            return Err(RunError::LockLost);
        }
        effect::launch(&self.workspace.surroundings.program, &directory, variables, &self.workspace.place.top)?;
        self.in_flight = Some(InFlight { directory, turn, begun: std::time::Instant::now() });
        self.patience.begin();
        Ok(())
    }

    /// The environment of turnstile's own children: everything but what would lead git astray.
    fn own_variables(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        let policy = crate::config::EnvPolicy { inherit: crate::config::EnvInherit::All, pass: Vec::new() };
        environment(&policy, &[], AgentKind::Command, &self.workspace.surroundings.variables).passed
    }

    /// Writes the prompt and the request of a turn; the turn's folder is whole before its intent is journaled.
    fn prepare_turn(&mut self, run: &RunState, request: &TurnRequest, run_id: &str) -> Result<(), RunError> {
        let directory = self.workspace.layout.turn(run_id, request.turn);
        store::make_outbox(&self.workspace.layout)?;
        let prompt = inputs::prompt(self.workspace, &self.settings, run, Some(run_id), request)?;
        let path = request.ticket.path();
        let source = store::read_source(&self.workspace.layout.top, &path, Links::Any)
            .map_err(|why| RunError::Unusable { path: path.clone(), why: why.diagnostic(path.as_str()).message })?;
        let source = source.unwrap_or_else(|| Source::new(path.as_str(), ""));
        let work = self.turn_work(run, request, run_id, &source)?;
        let prompt_file = directory.join("prompt.md");
        let text = if work.kind == AgentKind::Shell.name() { shell_script(&source) } else { prompt };
        super::workspace::write_machine(&self.workspace.layout, &prompt_file, text.as_bytes())?;
        write_request(&self.workspace.layout, &directory, &Work::Turn(Box::new(work)))
    }

    fn turn_work(
        &self,
        run: &RunState,
        request: &TurnRequest,
        run_id: &str,
        source: &Source,
    ) -> Result<TurnWork, RunError> {
        let layout = &self.workspace.layout;
        let directory = layout.turn(run_id, request.turn);
        let prompt_file = directory.join("prompt.md");
        let last_message_file = directory.join("last_message.md");
        let (ticket, _) = crate::ticket::read(source);
        let front = ticket.as_ref().map(|ticket| ticket.front.clone()).unwrap_or_default();
        let entry = self.settings.config.agent(&request.agent).cloned();
        let entry = entry.ok_or_else(|| RunError::Unusable {
            path: request.ticket.path(),
            why: format!("the agent `{}` is not in the roster", crate::text::shown_line(&request.agent)),
        })?;
        let agent = command(&AgentTurn {
            entry: &entry,
            model: front.model.as_deref(),
            reasoning: front.reasoning.as_deref(),
            prompt_file: &prompt_file,
            top: &layout.top,
            last_message_file: &last_message_file,
        });
        let withheld =
            environment(&self.settings.config.env, &entry.env, entry.kind, &self.workspace.surroundings.variables)
                .withheld;
        let blocks = ticket.as_ref().map_or(0, |ticket| shell_blocks(ticket.body.of(&source.text)).len());
        let (program, last_message) = match agent {
            None => (Err("a human runs no program".to_owned()), None),
            Some(_) if entry.kind == AgentKind::Shell && blocks == 0 => {
                (Err("the ticket has no fenced `sh` block to run".to_owned()), None)
            }
            Some(agent) => {
                let stdin = match agent.prompt {
                    PromptOn::Stdin => Stdin::File(prompt_file.clone()),
                    PromptOn::File => Stdin::Null,
                };
                let program = Program {
                    argv: agent.argv,
                    cwd: layout.top.clone(),
                    env: Vec::new(),
                    stdin,
                    stdout: directory.join("stdout.log"),
                    stderr: directory.join("stderr.log"),
                    timeout: entry.timeout,
                    idle: entry.idle_timeout,
                    grace: self.workspace.surroundings.grace,
                    keep_bytes: Program::KEEP_BYTES,
                    effect: None,
                };
                (Ok(program), agent.last_message)
            }
        };
        let first = run.ticket(&request.ticket).turns == 0;
        Ok(TurnWork {
            place: self.workspace.place.clone(),
            run: run_id.to_owned(),
            turn: request.turn,
            ticket: request.ticket.path(),
            head: request.head.clone(),
            parent: run.ticket(&request.ticket).after,
            program,
            kind: entry.kind.name().to_owned(),
            last_message,
            final_words: directory.join("final.md"),
            withheld: if first { withheld } else { Vec::new() },
        })
    }

    /// What an agent gets to see of the environment, and where it is.
    fn agent_variables(
        &self,
        request: &TurnRequest,
    ) -> Result<Vec<(std::ffi::OsString, std::ffi::OsString)>, RunError> {
        let config = &self.settings.config;
        let entry = config.agent(&request.agent);
        let (kind, names) = entry.map_or((AgentKind::Command, &[][..]), |entry| (entry.kind, entry.env.as_slice()));
        let mut variables = environment(&config.env, names, kind, &self.workspace.surroundings.variables).passed;
        let layout = &self.workspace.layout;
        let own: [(&str, std::ffi::OsString); 7] = [
            ("TURNSTILE_TICKET", layout.top.join(request.ticket.path()).into()),
            ("TURNSTILE_TICKET_ID", request.ticket.as_str().into()),
            ("TURNSTILE_OUTBOX", layout.outbox().into()),
            ("TURNSTILE_RUN", self.run_id()?.into()),
            ("TURNSTILE_TURN", request.turn.to_string().into()),
            ("TURNSTILE_PROMPT_FILE", self.turn_directory(request.turn)?.join("prompt.md").into()),
            ("TURNSTILE_IN_TURN", layout.common_dir.clone().into()),
        ];
        variables.extend(own.map(|(name, value)| (name.into(), value)));
        Ok(variables)
    }

    /// Runs something in a child process of its own and waits for it: git's locks outlive a killed runner otherwise.
    fn in_child(&mut self, directory: &std::path::Path, work: &Work) -> Result<SaveResult, RunError> {
        for _ in 0..MOST_ATTEMPTS {
            if matches!(effect::evidence::<Done>(directory)?, effect::Evidence::NotStarted) {
                write_request(&self.workspace.layout, directory, work)?;
                let variables = self.own_variables();
                self.launch(directory.to_owned(), &variables, None)?;
            }
            loop {
                match effect::evidence::<Done>(directory)? {
                    effect::Evidence::Running | effect::Evidence::NotStarted => self.pause()?,
                    effect::Evidence::Over(Ok(Done::Save(result))) => return Ok(result),
                    effect::Evidence::Over(Ok(Done::Turn(_))) => {
                        return Err(RunError::Child("a turn was recorded where a commit was asked for".to_owned()));
                    }
                    effect::Evidence::Over(Err(why)) => return Ok(SaveResult::Failed { why }),
                    effect::Evidence::Lost => break,
                }
            }
            clear(directory)?;
        }
        Err(RunError::Child(format!(
            "an effect ended {MOST_ATTEMPTS} times without a record; its log is in {}",
            directory.display()
        )))
    }

    fn pause(&mut self) -> Result<(), RunError> {
        let woken = self.patience.wait();
        if let Woken::Asked { times } = woken {
            (self.progress)(Progress::Interrupted { times });
        }
        let now = self.patience.asked() > 1 || decided_now(self.workspace)?;
        if let Some(flight) = &self.in_flight {
            if flight.turn.is_some() && now {
                effect::ask_to_stop(&flight.directory)?;
            }
            let output = flight.turn.is_some().then(|| flight.directory.join("stdout.log"));
            (self.progress)(Progress::Waiting { turn: flight.turn.as_ref(), output, since: flight.begun.elapsed() });
        }
        Ok(())
    }

    fn settled(&mut self, result: Result<Done, String>) -> TurnResult {
        self.in_flight = None;
        match result {
            Ok(Done::Turn(result)) => *result,
            Ok(Done::Save(_)) => runner_failed("a commit was recorded where a turn was asked for".to_owned()),
            Err(why) => runner_failed(why),
        }
    }

    /// A turn that ended without a record: what it left is kept in a child of its own, before anything is judged.
    fn lost_turn(
        &mut self,
        request: &TurnRequest,
        directory: &std::path::Path,
    ) -> Result<Evidence<TurnResult>, RunError> {
        effect::end_leftovers(directory, self.workspace.surroundings.grace)?;
        let keep = directory.join("settle");
        match effect::evidence::<Done>(&keep)? {
            effect::Evidence::Over(result) => {
                return Ok(Evidence::Over(TurnResult { end: TurnEnd::Lost, ..self.settled(result) }));
            }
            effect::Evidence::Running => return Ok(Evidence::Running),
            effect::Evidence::Lost => clear(&keep)?,
            effect::Evidence::NotStarted => {}
        }
        let path = directory.join("request.json");
        let text = std::fs::read(&path)
            .map_err(|error| RunError::Unusable { path: path.display().to_string(), why: error.to_string() })?;
        let work: Work = serde_json::from_slice(&text).map_err(|source| RunError::Express { path, source })?;
        let Work::Turn(work) = work else {
            return Err(RunError::Child(format!("turn {} was not requested as one", request.turn)));
        };
        write_request(&self.workspace.layout, &keep, &Work::Settle(work))?;
        let variables = self.own_variables();
        self.launch(keep, &variables, None)?;
        Ok(Evidence::Running)
    }

    fn save_work(&self, request: &SaveRequest) -> Result<Work, RunError> {
        let place = self.workspace.place.clone();
        if request.purpose == SavePurpose::Keep {
            let turn = request.turn.unwrap_or_default();
            let reference = reference(self.run_id()?, turn, "after");
            return Ok(Work::Keep { place, reference, message: format!("turn {turn}, after") });
        }
        let mut paths = Vec::new();
        for path in &request.paths {
            let content = match &request.unclaimed {
                Some(unclaimed) if unclaimed == path => self.unclaimed(path)?,
                Some(_) | None => Content::Worktree,
            };
            paths.push(SavePath { path: path.clone(), content });
        }
        Ok(Work::Save {
            place,
            request: git::SaveRequest {
                branch: request.branch.clone().unwrap_or_else(|| "HEAD".to_owned()),
                base: request.base.clone(),
                paths,
                message: message(request),
                hooks: request.hooks,
                max_files: MOST_FILES,
                max_bytes: MOST_BYTES,
                marker: Some(self.save_directory(request.attempt)?.join("marker")),
            },
        })
    }

    /// The text of a ticket whose claim waits, as the branch may show it.
    fn unclaimed(&self, path: &str) -> Result<Content, RunError> {
        let unusable = |why: String| RunError::Unusable { path: path.to_owned(), why };
        match store::read_source(&self.workspace.layout.top, path, Links::Any) {
            Ok(Some(source)) => {
                set_done(&source, false).map(Content::Text).map_err(|refused| unusable(refused.to_string()))
            }
            Ok(None) => Ok(Content::Remove),
            Err(why) => Err(unusable(why.diagnostic(path).message)),
        }
    }

    fn set_done(&self, ticket: &TicketId, done: bool) -> Result<(), RunError> {
        let path = ticket.path();
        let unusable = |why: String| RunError::Unusable { path: path.clone(), why };
        let source = store::read_source(&self.workspace.layout.top, &path, Links::Any);
        let Some(source) = source.map_err(|why| unusable(why.diagnostic(path.as_str()).message))? else {
            return Ok(());
        };
        if crate::ticket::read(&source).0.is_some_and(|ticket| ticket.front.done == done) {
            return Ok(());
        }
        let text = set_done(&source, done).map_err(|refused| unusable(refused.to_string()))?;
        Ok(store::write(&self.workspace.layout.top, &path, text.as_bytes(), Audience::People)?)
    }

    fn below_top(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.workspace.layout.top).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// Whether somebody decided on `--now` while a turn runs.
fn decided_now(workspace: &Workspace) -> Result<bool, RunError> {
    let now = |decision: &store::Decision| decision.draft.arguments.get("now").is_some_and(|now| now == true);
    Ok(store::list_decisions(&workspace.layout)?.iter().any(now))
}

fn runner_failed(why: String) -> TurnResult {
    match crate::flow::follow_turn(Evidence::Lost) {
        crate::flow::Follow::Settle(lost) => TurnResult { end: TurnEnd::RunnerFailed { why }, ..lost },
        crate::flow::Follow::Perform | crate::flow::Follow::Wait => unreachable!("a lost turn is settled"),
    }
}

fn clear(directory: &std::path::Path) -> Result<(), RunError> {
    match std::fs::remove_dir_all(directory) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(RunError::Unusable { path: directory.display().to_string(), why: error.to_string() }),
    }
}

/// The fenced `sh` blocks of a ticket as one script.
fn shell_script(source: &Source) -> String {
    let (ticket, _) = crate::ticket::read(source);
    let body = ticket.map(|ticket| ticket.body.of(&source.text).to_owned()).unwrap_or_default();
    shell_blocks(&body).into_iter().map(|block| block.text + "\n").collect()
}

/// The whole message of a commit.
fn message(request: &SaveRequest) -> String {
    let mut message = request.subject.clone();
    if !request.body.is_empty() {
        message.push_str("\n\n");
        message.push_str(&request.body);
    }
    if !request.trailers.is_empty() {
        message.push_str("\n\n");
        for (name, value) in &request.trailers {
            message.push_str(&format!("{name}: {}\n", crate::text::shown_line(value)));
        }
    }
    message
}

impl World for Real<'_> {
    type Error = RunError;

    fn survey(&mut self, run: &RunState) -> Result<Survey, RunError> {
        if !self.lock.still_ours()? {
            return Err(RunError::LockLost);
        }
        self.settings = self.workspace.settings()?;
        let folded = Folded { id: self.run.clone(), state: run.clone() };
        survey::survey(self.workspace, &self.settings, &folded, &self.options)
    }

    fn prepare(&mut self, run: &RunState, event: &mut Event) -> Result<(), RunError> {
        match event {
            Event::RunStarted { .. } => {
                self.journal = None;
                self.run = Some(super::session::new_run_id(&self.workspace.layout)?);
            }
            Event::TurnStarted(request) => {
                let id = self.run_id()?.to_owned();
                self.prepare_turn(run, request, &id)?;
            }
            Event::EffectBegun(Begun::Save(begun)) => {
                if begun.save.purpose != SavePurpose::Keep {
                    let run = self.run_id()?.to_owned();
                    begun.save.trailers.insert(begun.save.trailers.len().min(1), ("Turnstile-Run".to_owned(), run));
                }
                let directory = self.save_directory(begun.save.attempt)?;
                write_request(&self.workspace.layout, &directory, &self.save_work(&begun.save)?)?;
            }
            Event::EffectBegun(Begun::Act(begun)) => match &mut begun.act {
                Act::Archive { sequence, .. } | Act::Request { sequence, .. } => {
                    if let Some(ticket) = &begun.ticket {
                        *sequence = store::next_sequence(&self.workspace.layout, ticket)?;
                    }
                }
                Act::Reply { sequence, to, .. } => *sequence = store::next_sequence(&self.workspace.layout, to)?,
                Act::AdoptHead { branch, from, .. } => *from = git::branch_commit(&self.workspace.place, branch)?,
                Act::Restore { .. } | Act::SetDone { .. } | Act::DropMessage => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn turn(&mut self, request: &TurnRequest) -> Result<Evidence<TurnResult>, RunError> {
        let directory = self.turn_directory(request.turn)?;
        Ok(match effect::evidence::<Done>(&directory)? {
            effect::Evidence::NotStarted => Evidence::NotStarted,
            effect::Evidence::Running => {
                if self.in_flight.is_none() {
                    let begun = std::time::Instant::now();
                    self.in_flight = Some(InFlight { directory, turn: Some(request.clone()), begun });
                }
                Evidence::Running
            }
            effect::Evidence::Over(result) => Evidence::Over(self.settled(result)),
            effect::Evidence::Lost => self.lost_turn(request, &directory)?,
        })
    }

    fn start_turn(&mut self, request: &TurnRequest) -> Result<(), RunError> {
        let variables = self.agent_variables(request)?;
        let directory = self.turn_directory(request.turn)?;
        self.launch(directory, &variables, Some(request.clone()))
    }

    fn save(&mut self, request: &SaveRequest) -> Result<Evidence<SaveResult>, RunError> {
        let directory = self.save_directory(request.attempt)?;
        Ok(match effect::evidence::<Done>(&directory)? {
            effect::Evidence::NotStarted => Evidence::NotStarted,
            effect::Evidence::Running => Evidence::Running,
            effect::Evidence::Over(result) => {
                self.in_flight = None;
                Evidence::Over(match result {
                    Ok(Done::Save(result)) => result,
                    Ok(Done::Turn(_)) => {
                        SaveResult::Failed { why: "a turn was recorded where a commit was asked for".to_owned() }
                    }
                    Err(why) => SaveResult::Failed { why },
                })
            }
            effect::Evidence::Lost => self.lost_save(request, &directory)?,
        })
    }

    fn start_save(&mut self, request: &SaveRequest) -> Result<(), RunError> {
        let directory = self.save_directory(request.attempt)?;
        if !directory.join("request.json").exists() {
            write_request(&self.workspace.layout, &directory, &self.save_work(request)?)?;
        }
        let variables = self.own_variables();
        self.launch(directory, &variables, None)
    }

    fn act(&mut self, run: &RunState, act: &Act) -> Result<Vec<Event>, RunError> {
        let judged = run.judging().map(|judging| (judging.request.ticket.clone(), judging.request.turn));
        let finished = |effect: &str, path: Option<String>| {
            vec![Event::EffectFinished {
                effect: effect.to_owned(),
                ticket: judged.as_ref().map(|(ticket, _)| ticket.clone()),
                outcome: None,
                path,
            }]
        };
        let layout = self.workspace.layout.clone();
        Ok(match (act, judged.clone()) {
            (Act::Restore { items }, Some((ticket, turn))) => {
                if let Some(judging) = run.judging() {
                    contract::restore(self.workspace, self.run_id()?, judging)?;
                }
                vec![Event::ContractRestored { ticket, turn, items: items.clone() }]
            }
            (Act::Archive { sequence, dispatch }, Some((ticket, turn))) => {
                let path = self.below_top(&store::archive_outbox(&layout, &ticket, *sequence)?);
                vec![Event::OutboxArchived { ticket, turn, sequence: *sequence, path, dispatch: dispatch.clone() }]
            }
            (Act::Reply { sequence, to, spooled, confirmed }, _) => {
                self.take_reply(run, *sequence, to, spooled.as_ref(), *confirmed)?
            }
            (Act::SetDone { target, done, decision, why }, _) => {
                self.set_done(target, *done)?;
                match decision {
                    Some(id) => {
                        let stored = self.stored(id, if *done { "done" } else { "reopen" }, why)?;
                        vec![stored, settle::decided(target, *done, why)]
                    }
                    None => vec![Event::ClaimRevoked { ticket: target.clone(), why: why.clone() }],
                }
            }
            (Act::Request { sequence, reason }, Some((ticket, turn))) => {
                let text = request_text(&ticket, turn, reason);
                let path = self.below_top(&store::write_request(&layout, &ticket, *sequence, &text)?);
                finished("request", Some(path))
            }
            (Act::AdoptHead { branch, from, to }, Some((_, turn))) => {
                let directory = self.turn_directory(turn)?.join("adopt");
                let place = self.workspace.place.clone();
                let work = Work::Adopt { place, branch: branch.clone(), from: from.clone(), to: to.clone() };
                let result = self.in_child(&directory, &work)?;
                self.in_flight = None;
                match result {
                    SaveResult::Committed { .. } | SaveResult::Clean => {
                        vec![Event::HeadAdopted { branch: branch.clone(), from: from.clone(), to: to.clone() }]
                    }
                    SaveResult::Refused { output: why } | SaveResult::TooLarge { why } | SaveResult::Failed { why } => {
                        clear(&directory)?;
                        return Err(RunError::Child(why));
                    }
                }
            }
            (Act::DropMessage, _) => {
                store::remove(&layout.top, format!("{}/outbox/{}", store::TICKETS, store::COMMIT_MSG))?;
                finished("message", None)
            }
            (Act::Restore { .. } | Act::Archive { .. } | Act::Request { .. } | Act::AdoptHead { .. }, None) => {
                finished("act", None)
            }
        })
    }

    fn wait(&mut self) -> Result<(), RunError> {
        self.pause()
    }

    fn append(&mut self, run: &RunState, events: &[Event]) -> Result<(), RunError> {
        let _ = run;
        if !self.lock.still_ours()? {
            return Err(RunError::LockLost);
        }
        let id = self.run_id()?.to_owned();
        let fresh = self.journal.is_none();
        if fresh {
            self.journal = Some(Journal::open(&self.workspace.layout.journal(&id), &id)?.0);
        }
        let drafts: Vec<Draft> = events.iter().map(draft).collect();
        if let Some(journal) = &mut self.journal {
            journal.append(&drafts, &Workspace::now())?;
        }
        if fresh {
            store::set_current_run(&self.workspace.layout, &id)?;
        }
        for event in events {
            (self.progress)(Progress::Event(event));
            if let Some(id) = served(event) {
                store::drop_decision(&self.workspace.layout, id)?;
            }
        }
        Ok(())
    }
}

impl Real<'_> {
    fn lost_save(
        &mut self,
        request: &SaveRequest,
        directory: &std::path::Path,
    ) -> Result<Evidence<SaveResult>, RunError> {
        self.lost_saves += 1;
        let place = &self.workspace.place;
        git::recover_save(place, &directory.join("marker"))?;
        let branch = request.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
        if request.purpose != SavePurpose::Keep
            && let Some(commit) =
                git::find_saved(place, &branch, request.base.as_deref(), &request.trailers, &request.subject)?
        {
            let tree = git::tree_of(place, &commit)?;
            return Ok(Evidence::Over(SaveResult::Committed { commit, tree }));
        }
        if self.lost_saves > MOST_ATTEMPTS {
            let why =
                format!("a commit ended {MOST_ATTEMPTS} times without a record; its log is in {}", directory.display());
            return Ok(Evidence::Over(SaveResult::Failed { why }));
        }
        clear(directory)?;
        Ok(Evidence::NotStarted)
    }

    fn take_reply(
        &mut self,
        run: &RunState,
        sequence: u32,
        to: &TicketId,
        spooled: Option<&String>,
        confirmed: bool,
    ) -> Result<Vec<Event>, RunError> {
        let layout = &self.workspace.layout;
        let from = match spooled {
            Some(id) => ReplyFrom::Spool(layout.decisions().join(id)),
            None => ReplyFrom::Worktree,
        };
        let path = self.below_top(&store::archive_reply(layout, &from, to, sequence)?);
        let mut events = Vec::new();
        if let Some(id) = spooled {
            events.push(self.stored(id, "reply", "")?);
        }
        events.push(Event::ReplyConsumed { ticket: to.clone(), sequence, path, confirmed, spooled: spooled.cloned() });
        if confirmed {
            events.extend(settle::answered(run, to));
        }
        Ok(events)
    }

    /// The line about a decision, in the words of whoever gave it.
    fn stored(&self, id: &str, decision: &str, by: &str) -> Result<Event, RunError> {
        let draft = store::list_decisions(&self.workspace.layout)?
            .into_iter()
            .find(|stored| stored.id == id)
            .map(|stored| stored.draft);
        Ok(Event::DecisionStored {
            id: id.to_owned(),
            decision: decision.to_owned(),
            by: draft.as_ref().map_or_else(|| by.to_owned(), |draft| draft.who.clone()),
            at: draft.map(|draft| draft.at).unwrap_or_default(),
        })
    }
}

fn served(event: &Event) -> Option<&str> {
    match event {
        Event::DecisionStored { id, .. } => Some(id),
        _ => None,
    }
}

/// A line of the journal.
pub(super) fn draft(event: &Event) -> Draft {
    let (ticket, turn, kind, body) = event.columns();
    Draft { ticket, turn, kind, body }
}

fn request_text(ticket: &TicketId, turn: u32, reason: &Reason) -> String {
    let (message, seen) = reason.message.split_once('\n').unwrap_or((&reason.message, ""));
    let seen = match seen.trim() {
        "" => Vec::new(),
        seen => vec![("what turnstile saw".to_owned(), seen.to_owned())],
    };
    prompt::request(&prompt::Request {
        ticket: ticket.clone(),
        reason: reason.code.to_string(),
        message: message.to_owned(),
        turn: Some(turn),
        seen,
        answers: vec![
            format!("write `.tickets/USER_REPLY.md` (or run `turnstile reply {ticket} -m TEXT`), then `turnstile run`"),
            format!("what else makes it move: {}", reason.code.moves()),
        ],
    })
}

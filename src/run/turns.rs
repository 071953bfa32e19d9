//! The turn as an effect: its folder before it starts, its program and environment, and what is left of a lost one.

use std::path::Path;

use super::child::Done;
use super::error::RunError;
use super::inputs;
use super::machine_files::write_request;
use super::real::{Progress, Real, clear};
use super::work::{TurnWork, Work};
use crate::agent::{AgentTurn, PromptOn, command, environment};
use crate::config::AgentKind;
use crate::crash::{Point, point};
use crate::effect::{self, Program, Stdin};
use crate::flow::{Evidence, RunState, TurnEnd, TurnRequest, TurnResult};
use crate::store::{self, Links, StoreError};
use crate::text::Source;
use crate::ticket::shell_blocks;

/// More changed paths than these are looked for again rather than written down.
const MOST_HANDED_ON: usize = 1000;

impl Real<'_> {
    /// Writes the prompt and the request of a turn; the turn's folder is whole before its intent is journaled.
    pub(super) fn prepare_turn(&mut self, run: &RunState, request: &TurnRequest, run_id: &str) -> Result<(), RunError> {
        let directory = self.workspace.layout.turn(run_id, request.turn);
        store::make_outbox(&self.workspace.layout)?;
        let prompt = inputs::prompt(self.workspace, &self.settings, run, Some(run_id), request)?;
        let path = request.ticket.path();
        let source = store::read_source(&self.workspace.layout.top, &path, Links::Any)?
            .map_err(|why| RunError::Unusable { path: path.clone(), why: why.diagnostic(path.as_str()).message })?;
        let source = source.unwrap_or_else(|| Source::new(path.as_str(), ""));
        self.prepared = Some(request.turn);
        let (work, notes) = self.turn_work(run, request, run_id, &source)?;
        if run.ticket(&request.ticket).turns == 0 {
            for note in notes {
                (self.progress)(Progress::Note(&format!("{}: {}", request.ticket, crate::text::shown_line(&note))));
            }
        }
        let text = if work.kind == AgentKind::Shell.name() { shell_script(&source) } else { prompt };
        let request = Work::Turn(Box::new(work));
        let source = |source| RunError::Express { path: directory.join("request.json"), source };
        let request = serde_json::to_vec(&request).map_err(source)?;
        // Neither means anything before the turn is in the journal.
        let files = [("prompt.md", text.as_bytes()), ("request.json", request.as_slice())];
        point(Point::TurnPrompt);
        super::machine_files::write_machine_files(&self.workspace.layout, &directory, &files)?;
        point(Point::TurnPrepared);
        Ok(())
    }

    /// Takes out of a request that an earlier process has written what was true in that moment only.
    pub(super) fn freshen(&mut self, directory: &Path, turn: u32) -> Result<(), RunError> {
        if self.prepared.take() == Some(turn) {
            return Ok(());
        }
        let path = directory.join("request.json");
        let unusable = |why: String| RunError::Unusable { path: path.display().to_string(), why };
        let text = std::fs::read(&path).map_err(|error| unusable(error.to_string()))?;
        match serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))? {
            Work::Turn(work) if work.seen.is_some() => {
                let work = Work::Turn(Box::new(TurnWork { seen: None, ..*work }));
                write_request(&self.workspace.layout, directory, &work)
            }
            _ => Ok(()),
        }
    }

    /// What the child needs, and what of the ticket's wishes its agent has no way to be told.
    fn turn_work(
        &self,
        run: &RunState,
        request: &TurnRequest,
        run_id: &str,
        source: &Source,
    ) -> Result<(TurnWork, Vec<String>), RunError> {
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
        let notes = agent.as_ref().map(|agent| agent.notes.clone()).unwrap_or_default();
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
        let work = TurnWork {
            place: self.workspace.place.clone(),
            run: run_id.to_owned(),
            turn: request.turn,
            ticket: request.ticket.path(),
            head: request.head.clone(),
            parent: run.ticket(&request.ticket).after,
            seen: self.workspace.seen.clone().filter(|seen| seen.changes.len() <= MOST_HANDED_ON),
            program,
            kind: entry.kind.name().to_owned(),
            last_message,
            final_words: directory.join("final.md"),
            withheld: if first { withheld } else { Vec::new() },
        };
        Ok((work, notes))
    }

    /// What an agent gets to see of the environment, and where it is.
    pub(super) fn agent_variables(
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

    /// A turn that ended without a record: what it left is kept in a child of its own, before anything is judged.
    pub(super) fn lost_turn(
        &mut self,
        request: &TurnRequest,
        directory: &std::path::Path,
    ) -> Result<Evidence<TurnResult>, RunError> {
        self.lost_turn = true;
        effect::end_leftovers(directory, self.workspace.surroundings.grace)?;
        point(Point::LostEnded);
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
        let text = std::fs::read(&path).map_err(|source| StoreError::Read { path: path.clone(), source })?;
        let work: Work = serde_json::from_slice(&text).map_err(|source| RunError::Express { path, source })?;
        let Work::Turn(work) = work else {
            return Err(RunError::Child(format!("turn {} was not requested as one", request.turn)));
        };
        write_request(&self.workspace.layout, &keep, &Work::Settle(work))?;
        let variables = self.own_variables();
        self.launch(keep, &variables, None)?;
        Ok(Evidence::Running)
    }
}

/// The fenced `sh` blocks of a ticket as one script.
pub(super) fn shell_script(source: &Source) -> String {
    let (ticket, _) = crate::ticket::read(source);
    let body = ticket.map(|ticket| ticket.body.of(&source.text).to_owned()).unwrap_or_default();
    shell_blocks(&body).into_iter().map(|block| block.text + "\n").collect()
}

//! A check as an effect: what decides whether a claim holds, its program and environment, and what is left of a lost one.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::child::Done;
use super::error::RunError;
use super::machine_files::write_request;
use super::real::{InFlight, MOST_ATTEMPTS, Real, clear};
use super::work::{CheckWork, Work};
use super::workspace::Workspace;
use crate::agent::environment;
use crate::config::{AgentKind, Config};
use crate::crash::{Point, point};
use crate::effect::{self, Program, Stdin};
use crate::flow::{ArtifactFact, CheckRequest, CheckResult, CheckVerdict, ChecksFact, Evidence, Judging, RunState};
use crate::git;
use crate::store::StoreError;
use crate::ticket::resolve_checks;

/// What decides whether the claim of a turn holds; empty where nothing does, or where nothing is claimed.
pub(super) fn checks_fact(
    workspace: &Workspace,
    config: &Config,
    run: &RunState,
    judging: &Judging,
    head: Option<&str>,
) -> Result<ChecksFact, RunError> {
    let id = &judging.request.ticket;
    let Some(front) = workspace.front_of(id)?.filter(|front| front.done && judging.verdict.is_none()) else {
        return Ok(ChecksFact::default());
    };
    let checks = resolve_checks(&config.checks, &config.verify, &front.verify);
    let artifacts: Vec<ArtifactFact> =
        front.artifacts.iter().map(|path| artifact(workspace, path, head)).collect::<Result<_, _>>()?;
    if checks.is_empty() && artifacts.is_empty() {
        return Ok(ChecksFact::default());
    }
    let asked = serde_json::to_vec(&(&checks, &front.artifacts))
        .map_err(|source| RunError::Express { path: id.path().into(), source })?;
    let contract = format!("{:x}", Sha256::digest(&asked)).chars().take(16).collect();
    let droppings: Vec<String> = run.droppings.iter().cloned().collect();
    let place = &workspace.place;
    let seen = match &workspace.seen {
        Some(seen) => seen.clone(),
        None => git::uncommitted(place)?,
    };
    let tree = git::work_trees(place, &workspace.surroundings.screen, seen, &droppings)?.1;
    Ok(ChecksFact { checks, artifacts, contract, tree })
}

/// One artifact as it lies there. It may be a link, but none that leads out of the worktree.
fn artifact(workspace: &Workspace, path: &str, head: Option<&str>) -> Result<ArtifactFact, RunError> {
    let place = &workspace.place;
    let bare = path.trim_end_matches('/');
    let problem = problem(&place.top, path, bare)?;
    let in_head = match head {
        Some(head) => git::kept_digest(place, head, bare)?.is_some(),
        None => false,
    };
    let committed = problem.is_some() || in_head || git::is_ignored(place, bare)?;
    Ok(ArtifactFact { path: path.to_owned(), problem, committed })
}

fn problem(top: &std::path::Path, path: &str, bare: &str) -> Result<Option<String>, RunError> {
    let whole = top.join(bare);
    let read = |source: std::io::Error, path: PathBuf| RunError::from(StoreError::Read { path, source });
    let there = match whole.canonicalize() {
        Ok(there) => there,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Some("it is not there".to_owned()));
        }
        Err(error) => return Err(read(error, whole)),
    };
    let top = top.canonicalize().map_err(|error| read(error, top.to_owned()))?;
    if !there.starts_with(&top) {
        return Ok(Some("it leads out of the repository".to_owned()));
    }
    let found = there.metadata().map_err(|error| read(error, there.clone()))?;
    if found.is_dir() {
        let mut entries = there.read_dir().map_err(|error| read(error, there.clone()))?;
        return Ok(entries.next().is_none().then(|| "the folder is empty".to_owned()));
    }
    Ok(match (path.ends_with('/'), found.len()) {
        (true, _) => Some("it is no folder".to_owned()),
        (false, 0) => Some("it is empty".to_owned()),
        (false, _) => None,
    })
}

impl Real<'_> {
    pub(super) fn check_directory(&self, request: &CheckRequest) -> Result<PathBuf, RunError> {
        Ok(self.turn_directory(request.turn)?.join("checks").join(format!("{:04}", request.attempt)))
    }

    /// Writes the request of a check; its folder is whole before its intent is journaled.
    pub(super) fn prepare_check(&self, request: &CheckRequest) -> Result<(), RunError> {
        let directory = self.check_directory(request)?;
        write_request(&self.workspace.layout, &directory, &self.check_work(request)?)?;
        point(Point::CheckPrepared);
        Ok(())
    }

    fn check_work(&self, request: &CheckRequest) -> Result<Work, RunError> {
        let directory = self.check_directory(request)?;
        let layout = &self.workspace.layout;
        let program = Program {
            argv: ["sh", "-c", &request.check.run].map(Into::into).to_vec(),
            cwd: layout.top.clone(),
            env: Vec::new(),
            stdin: Stdin::Null,
            stdout: directory.join("stdout.log"),
            stderr: directory.join("stderr.log"),
            timeout: request.check.timeout_ms.map(std::time::Duration::from_millis),
            idle: None,
            grace: self.workspace.surroundings.grace,
            keep_bytes: Program::KEEP_BYTES,
            effect: None,
        };
        let log = directory.strip_prefix(layout.run(self.run_id()?)).unwrap_or(&directory);
        Ok(Work::Check(Box::new(CheckWork {
            place: self.workspace.place.clone(),
            run: self.run_id()?.to_owned(),
            turn: request.turn,
            ticket: request.ticket.path(),
            droppings: request.droppings.clone(),
            log: log.display().to_string(),
            program,
        })))
    }

    /// What a check gets to see of the environment: as an agent, without any that is an agent's own.
    fn check_variables(
        &self,
        request: &CheckRequest,
    ) -> Result<Vec<(std::ffi::OsString, std::ffi::OsString)>, RunError> {
        let (config, layout) = (&self.settings.config, &self.workspace.layout);
        let mut variables =
            environment(&config.env, &[], AgentKind::Command, &self.workspace.surroundings.variables).passed;
        let own: [(&str, std::ffi::OsString); 5] = [
            ("TURNSTILE_TICKET", layout.top.join(request.ticket.path()).into()),
            ("TURNSTILE_TICKET_ID", request.ticket.as_str().into()),
            ("TURNSTILE_RUN", self.run_id()?.into()),
            ("TURNSTILE_TURN", request.turn.to_string().into()),
            ("TURNSTILE_IN_TURN", layout.common_dir.clone().into()),
        ];
        variables.extend(own.map(|(name, value)| (name.into(), value)));
        Ok(variables)
    }

    pub(super) fn check_evidence(&mut self, request: &CheckRequest) -> Result<Evidence<CheckResult>, RunError> {
        let directory = self.check_directory(request)?;
        Ok(match effect::evidence::<Done>(&directory)? {
            effect::Evidence::NotStarted => Evidence::NotStarted,
            effect::Evidence::Running => {
                if self.in_flight.is_none() {
                    self.in_flight = Some(InFlight::check(directory, request));
                }
                Evidence::Running
            }
            effect::Evidence::Over(result) => {
                point(Point::EffectSeen);
                super::withheld::withhold_in_logs(&self.workspace.layout, self.screen(), &directory)?;
                self.in_flight = None;
                Evidence::Over(match result {
                    Ok(Done::Check(result)) => *result,
                    Ok(Done::Turn(_) | Done::Save(_)) => {
                        unanswered(request, "something else was recorded where a check was asked for".to_owned())
                    }
                    Err(why) => unanswered(request, why),
                })
            }
            effect::Evidence::Lost => {
                self.lost_checks += 1;
                effect::end_leftovers(&directory, self.workspace.surroundings.grace)?;
                if self.lost_checks > MOST_ATTEMPTS {
                    let why = format!("it ended {MOST_ATTEMPTS} times without a record");
                    return Ok(Evidence::Over(unanswered(request, why)));
                }
                clear(&directory)?;
                point(Point::CheckCleared);
                Evidence::NotStarted
            }
        })
    }

    pub(super) fn launch_check(&mut self, request: &CheckRequest) -> Result<(), RunError> {
        let directory = self.check_directory(request)?;
        if !directory.join("request.json").exists() {
            write_request(&self.workspace.layout, &directory, &self.check_work(request)?)?;
        }
        let variables = self.check_variables(request)?;
        self.launch(directory.clone(), &variables, None)?;
        self.in_flight = Some(InFlight::check(directory, request));
        Ok(())
    }
}

fn unanswered(request: &CheckRequest, why: String) -> CheckResult {
    CheckResult { why: Some(why), ..CheckResult::bare(CheckVerdict::Inconclusive, &request.tree) }
}

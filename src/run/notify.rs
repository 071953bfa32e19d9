//! The program that the config names is told what became of a run. Outside of the worktree's lock: a slow one keeps
//! nobody from the next step. An event is told by one process at a time, and told again where that was killed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::error::RunError;
use super::patience::Patience;
use super::workspace::{Workspace, event};
use crate::agent::environment;
use crate::config::{AgentKind, Config};
use crate::effect::{self, Program, ProgramEnd, Stdin, Stopped};
use crate::flow::{Notices, ReasonCode, RunState};
use crate::store::{self, Journal, Telling};

/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long it is waited for in silence.
const LONG: Duration = Duration::from_secs(2);
/// How much of what it prints is kept, of each stream.
const KEEP_BYTES: u64 = 1 << 20;

/// What became of telling somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It ended well.
    Well,
    /// It did not, and is not tried again; or the machine could not start it, and the next command tries again.
    Badly {
        /// Why.
        why: String,
        /// Where what it printed is.
        folder: PathBuf,
    },
    /// It was told before, or another process is at it.
    Already,
}

impl Workspace {
    /// The worktree's run with what of it is told; none where no run has begun.
    pub fn notices(&self) -> Result<Option<(String, Notices)>, RunError> {
        let Some(run) = store::current_run(&self.layout)? else { return Ok(None) };
        let mut notices = Notices::default();
        for line in Journal::read(&self.layout.journal(&run))? {
            notices.take(line.seq, &event(&line)?);
        }
        Ok(Some((run, notices)))
    }

    /// Whether the config that lies there may be a turn's, and no person has accepted it: then it starts nothing.
    pub fn config_is_suspect(state: &RunState) -> bool {
        let stands = |code: ReasonCode| state.standing.iter().any(|stands| stands.reason.code == code);
        let unjudged = state.judging().is_some_and(|judging| judging.row <= 3 && judging.verdict.is_none());
        state.turning().is_some() || unjudged || stands(ReasonCode::RunnerFilesChanged) || stands(ReasonCode::Tampered)
    }

    /// Tells the config's program of one event of a run, unless it was told of it before. Where it takes long, `waiting`
    /// is called once.
    pub fn tell(
        &self,
        config: &Config,
        run: &str,
        name: &str,
        document: &Value,
        waiting: &dyn Fn(),
    ) -> Result<Told, RunError> {
        let Some(telling) = store::take_up_notice(&self.layout, run, name)? else { return Ok(Told::Already) };
        let folder = telling.folder().to_owned();
        // What a killed process left of it would be told beside what is told now.
        effect::end_leftovers(&folder, self.surroundings.grace)?;
        let program = self.notifier(config, &telling, document)?;
        let end = self.run_notifier(&program, waiting)?;
        let why = fault(&end);
        if !end.for_want {
            telling.close(&json!({
                "at": Self::now(),
                "outcome": if why.is_none() { "told" } else { "given_up" },
                "why": why,
                "exit": end.exit,
                "duration_ms": end.duration_ms,
            }))?;
        }
        Ok(why.map_or(Told::Well, |why| Told::Badly { why, folder }))
    }

    fn notifier(&self, config: &Config, telling: &Telling, document: &Value) -> Result<Program, RunError> {
        let mut document = document.clone();
        self.surroundings.screen.redact_document(&mut document);
        let folder = telling.folder().to_owned();
        Ok(Program {
            argv: config.notify.command.iter().map(Into::into).collect(),
            cwd: self.layout.top.clone(),
            env: environment(&config.env, &[], AgentKind::Command, &self.surroundings.variables).passed,
            stdin: Stdin::File(telling.write(&document)?),
            stdout: folder.join("stdout.log"),
            stderr: folder.join("stderr.log"),
            timeout: Some(TIMEOUT),
            idle: None,
            grace: self.surroundings.grace,
            keep_bytes: KEEP_BYTES,
            effect: Some(folder),
        })
    }

    /// Runs it to its end; a person who does not want to wait ends it.
    fn run_notifier(&self, program: &Program, waiting: &dyn Fn()) -> Result<ProgramEnd, RunError> {
        let mut patience = Patience::new()?;
        let asked = AtomicBool::new(false);
        let screen = &self.surroundings.screen;
        Ok(std::thread::scope(|scope| {
            let running = scope.spawn(|| effect::run(program, screen, &asked));
            let begun = std::time::Instant::now();
            let mut said = false;
            while !running.is_finished() {
                let _ = patience.wait();
                if !said && begun.elapsed() > LONG {
                    said = true;
                    waiting();
                }
                asked.store(patience.asked() > 0, Ordering::SeqCst);
            }
            running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }))
    }
}

fn fault(end: &ProgramEnd) -> Option<String> {
    match (&end.not_started, end.stopped, end.exit, end.signal) {
        (Some(why), ..) => Some(why.clone()),
        (None, Some(Stopped::Asked), ..) => Some("it was interrupted".to_owned()),
        (None, Some(Stopped::Wall | Stopped::Idle), ..) => {
            Some(format!("it took more than {} s and was ended", TIMEOUT.as_secs()))
        }
        (None, None, Some(0), _) => None,
        (None, None, Some(exit), _) => Some(format!("it ended with exit status {exit}")),
        (None, None, None, Some(signal)) => Some(format!("signal {signal} ended it")),
        (None, None, None, None) => Some("how it ended is not known".to_owned()),
    }
}

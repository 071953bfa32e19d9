//! Starting the `git` program where libgit2 gives another answer than git. The call is hardened: no repository
//! discovery, no hooks, no file system monitor, no replaced objects, no lock for looking, no variable of git's.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::error::{At, Cause, GitError};
use super::repo::Place;

/// Long enough for the slowest look at the largest repository.
const PATIENCE: Duration = Duration::from_secs(600);

/// Variables that would lead git to another repository, index, identity or configuration, or make it talk.
const SCRUBBED: [&str; 46] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ASKPASS",
    "GIT_ATTR_SOURCE",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_DIR",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_OPTIONAL_LOCKS",
    "GIT_PAGER",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REFLOG_ACTION",
    "GIT_REPLACE_REF_BASE",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_WORK_TREE",
    "GIT_TEST_OPTS",
];

/// Settings of every hardened call; they win over all files of configuration.
const HARDENED: [(&str, &str); 11] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("safe.bareRepository", "explicit"),
    ("protocol.ext.allow", "never"),
    ("submodule.recurse", "false"),
    ("diff.external", ""),
    ("commit.gpgSign", "false"),
    ("core.fsync", "committed"),
    ("core.quotePath", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
];

thread_local! {
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread may start the git program, and with it what the git directory names: not while that is in
/// question. What libgit2 does starts nothing.
pub fn refuse_programs(refuse: bool) {
    REFUSED.set(refuse);
}

/// One call of the git program.
pub(super) struct Git<'a> {
    place: &'a Place,
    command: Command,
    name: String,
    settings: usize,
    input: Vec<u8>,
    limit: Option<Duration>,
}

/// How a program ended, and what it printed.
pub(super) struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Ended {
    /// Everything that it printed, as a person would have seen it.
    pub fn words(&self) -> String {
        let mut words = String::from_utf8_lossy(&self.stderr).trim().to_owned();
        let out = String::from_utf8_lossy(&self.stdout);
        if !out.trim().is_empty() {
            words = if words.is_empty() { out.trim().to_owned() } else { format!("{}\n{words}", out.trim()) };
        }
        words
    }

    /// `exit 1` or `signal 9`.
    pub fn how(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit status".to_owned(),
        }
    }
}

impl<'a> Git<'a> {
    /// A hardened call: `arguments` begin with the subcommand.
    pub fn hardened(place: &'a Place, arguments: &[&str]) -> Self {
        let mut git = Self::plain(place, "git", arguments);
        git.command
            .env("GIT_DIR", &place.git_dir)
            .env("GIT_WORK_TREE", &place.top)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1");
        HARDENED.iter().fold(git, |git, (key, value)| git.setting(key, value))
    }

    /// A call with the user's own configuration and hooks, as if it were typed at the top of the worktree.
    pub fn plain(place: &'a Place, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        for name in SCRUBBED {
            command.env_remove(name);
        }
        #[cfg(test)]
        super::testing::isolate(&mut command);
        command
            .args(arguments)
            .current_dir(&place.top)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", ":")
            .env("GIT_PAGER", "cat")
            .process_group(0);
        let name = arguments.first().copied().unwrap_or_default().to_owned();
        Self { place, command, name, settings: 0, input: Vec::new(), limit: Some(PATIENCE) }
    }

    /// A setting that wins over all files of configuration.
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        let number = self.settings;
        self.settings += 1;
        self.command
            .env("GIT_CONFIG_COUNT", self.settings.to_string())
            .env(format!("GIT_CONFIG_KEY_{number}"), key)
            .env(format!("GIT_CONFIG_VALUE_{number}"), value);
        self
    }

    /// Switches off the hooks that newer gits read from the configuration, for calls that write an index: no
    /// `core.hooksPath` reaches these.
    pub fn without_configured_hooks(self, repository: &git2::Repository) -> Result<Self, GitError> {
        let mut git = self.setting("hook.post-index-change.enabled", "false");
        for name in configured_hooks(git.place, repository)? {
            git = git.setting(&format!("hook.{name}.enabled"), "false");
        }
        Ok(git)
    }

    /// Bytes for its standard input; without them it is empty.
    pub fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// A variable of its environment.
    pub fn variable(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// One more argument.
    pub fn argument(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// How long it may take; none: whoever started this process decides.
    pub fn limit(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end, whatever that is.
    pub fn run(mut self) -> Result<Ended, GitError> {
        let top = self.place.top.clone();
        if REFUSED.get() {
            return Err(GitError::ProgramRefused { command: self.name, path: top });
        }
        let talk = |result: io::Result<Ended>| result.at("exchange data with the git program in", &top);
        let (mut out, mut err) = match scratch().and_then(|out| Ok((out, scratch()?))) {
            Ok(files) => files,
            Err(error) => return talk(Err(error)),
        };
        let prepared = (|| {
            let input = self.standard_input()?;
            self.command.stdout(out.try_clone()?).stderr(err.try_clone()?).stdin(input);
            Ok(())
        })();
        if let Err(error) = prepared {
            return talk(Err(error));
        }
        let mut child =
            self.command.spawn().map_err(|source| GitError::ProgramMissing { path: top.clone(), source })?;
        let status = match self.limit {
            Some(limit) => wait(&mut child, limit).at("wait for the git program in", &top)?,
            None => Some(child.wait().at("wait for the git program in", &top)?),
        };
        let Some(status) = status else {
            let limit = self.limit.unwrap_or(PATIENCE);
            return Err(GitError::ProgramSlow { command: self.name, path: top, limit });
        };
        talk((|| Ok(Ended { status, stdout: contents(&mut out)?, stderr: contents(&mut err)? }))())
    }

    /// Runs it, and takes any other end than success for an error.
    pub fn succeed(self) -> Result<Vec<u8>, GitError> {
        let (command, path) = (self.name.clone(), self.place.top.clone());
        let ended = self.run()?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        let words = ended.words();
        let source = Cause(if words.is_empty() { ended.how() } else { words });
        Err(GitError::Program { command, path, source })
    }

    fn standard_input(&self) -> io::Result<Stdio> {
        if self.input.is_empty() {
            return Ok(Stdio::null());
        }
        let mut file = scratch()?;
        file.write_all(&self.input)?;
        file.rewind()?;
        Ok(file.into())
    }
}

/// Files and not pipes: a grandchild that stays behind with them keeps nobody waiting.
fn scratch() -> io::Result<File> {
    tempfile::tempfile()
}

fn contents(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The end of the child, or none where it took too long and its group was killed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let elapsed = began.elapsed();
        if elapsed >= limit {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
                // The group may have ended by itself in this moment; then there is nothing to kill.
                let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        // Short calls are asked often, long ones rarely: the wait adds at most an eighth.
        std::thread::sleep((elapsed / 8).clamp(Duration::from_micros(200), Duration::from_millis(20)));
    }
}

/// Names of the hooks in the configuration (`hook.<name>.event`).
pub(super) fn configured_hooks(place: &Place, repository: &git2::Repository) -> Result<Vec<String>, GitError> {
    let config = repository.config().at("read the configuration", &place.top)?;
    let mut names = std::collections::BTreeSet::new();
    let mut entries =
        config.entries(Some("^hook\\..*\\.event$")).at("read the hooks in the configuration", &place.top)?;
    while let Some(entry) = entries.next() {
        let entry = entry.at("read the hooks in the configuration", &place.top)?;
        let key = String::from_utf8_lossy(entry.name_bytes());
        if let Some(name) = key.strip_prefix("hook.").and_then(|key| key.strip_suffix(".event")) {
            names.insert(name.to_owned());
        }
    }
    Ok(names.into_iter().collect())
}

/// The folder of the hooks: `core.hooksPath`, else `hooks` of the shared git directory.
pub(super) fn hooks_folder(place: &Place, repository: &git2::Repository) -> Result<PathBuf, GitError> {
    let config = repository.config().at("read the configuration", &place.top)?;
    match config.get_path("core.hooksPath") {
        Ok(path) => Ok(place.top.join(path)),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(place.common_dir.join("hooks")),
        Err(error) => Err(error).at("read core.hooksPath", &place.top),
    }
}

//! The folder, the repository, and everything that is run in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Output;

/// A world for one test; it is gone with this value.
#[derive(Debug)]
pub struct TestEnv {
    /// Removes the folder when it goes.
    _root: tempfile::TempDir,
    /// Its name as git prints it.
    real: PathBuf,
    variables: Vec<(String, String)>,
    looks_itself: bool,
    trusts: bool,
}

impl TestEnv {
    /// A repository on `main` with one commit and an identity of its own.
    pub fn new() -> Self {
        let env = Self::without_repository();
        fs::create_dir(env.repo()).unwrap();
        env.git(&["init", "--quiet", "--initial-branch=main"]);
        env.git(&["config", "user.name", "Tester"]);
        env.git(&["config", "user.email", "tester@example.org"]);
        env.git(&["config", "commit.gpgsign", "false"]);
        env.write("README.md", "a project\n");
        env.commit_all("first");
        env
    }

    /// The same without a repository; the folder `repo` is not there either.
    pub fn without_repository() -> Self {
        let root = tempfile::Builder::new().prefix("turnstile-it-").tempdir().unwrap();
        let real = root.path().canonicalize().unwrap();
        fs::create_dir(real.join("home")).unwrap();
        Self {
            _root: root,
            real,
            variables: Vec::new(),
            looks_itself: super::setting("TURNSTILE_OWN_LOOK").is_some(),
            trusts: true,
        }
    }

    /// The folder around everything.
    pub fn root(&self) -> &Path {
        &self.real
    }

    /// The repository, and the current directory of every command.
    pub fn repo(&self) -> PathBuf {
        self.real.join("repo")
    }

    /// Where something lies in the repository; an absolute path is left as it is.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.repo().join(path)
    }

    /// A variable for everything that is run from now on.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    /// From now on turnstile compares the worktree itself, as it does for people. A variable of these tests, that keeps
    /// the machine's settings of git away, has it ask the git program otherwise.
    pub fn looks_itself(&mut self) {
        self.looks_itself = true;
    }

    /// From now on nothing is trusted but what a person has trusted, as it is for people.
    pub fn asks_for_trust(&mut self) {
        self.trusts = false;
    }

    /// Programs in this folder come before those of the machine, for everything that is run from now on.
    pub fn programs(&mut self, folder: &str) {
        let folders = std::iter::once(self.path(folder)).chain(std::env::split_paths(&path()).collect::<Vec<_>>());
        let joined = std::env::join_paths(folders).unwrap().into_string().unwrap();
        self.set("PATH", joined);
    }

    /// Writes a file; folders are made.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a ticket: its id, what stands between the fences, its body.
    pub fn ticket(&self, id: &str, frontmatter: &str, body: &str) {
        self.write(format!(".tickets/{id}.md"), format!("---\n{}\n---\n\n{body}\n", frontmatter.trim_end()));
    }

    /// Reads a file.
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Whether something is there.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// Removes a file or a folder.
    pub fn remove(&self, path: impl AsRef<Path>) {
        let path = self.path(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// Everything below a folder of the repository, sorted; `.git` is left out.
    pub fn files(&self, below: &str) -> Vec<String> {
        let top = self.path(below);
        let walk = walkdir::WalkDir::new(&top).sort_by_file_name().into_iter();
        walk.filter_entry(|entry| entry.file_name() != ".git")
            .map(Result::unwrap)
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| entry.path().strip_prefix(&top).unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    /// Commits everything, ignored files excepted.
    pub fn commit_all(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
    }

    /// Runs git, which must succeed; its stdout without the last line end.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git").args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
    }

    /// The subjects of the branch, newest first.
    pub fn subjects(&self) -> Vec<String> {
        self.git(&["log", "--format=%s"]).lines().map(str::to_owned).collect()
    }

    /// Runs the program to its end.
    pub fn turnstile(&self, arguments: &[&str]) -> Output {
        self.turnstile_with(arguments, "")
    }

    /// The same with something on its stdin.
    pub fn turnstile_with(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = self.turnstile_command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A program that does not read its stdin may be gone already.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes());
        Output::of(&child.wait_with_output().unwrap(), self)
    }

    /// Runs the program with `--json`; its document, whatever the exit status.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let all: Vec<&str> = [&["--json"], arguments].concat();
        let output = self.turnstile(&all);
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Starts the program and lets it run. Its output is collected by whoever waits for it.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.turnstile_command(arguments).stdin(Stdio::null()).spawn().unwrap()
    }

    /// Waits for a program that was spawned.
    pub fn wait(&self, child: Child) -> Output {
        Output::of(&child.wait_with_output().unwrap(), self)
    }

    fn turnstile_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_turnstile"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Any program with the environment of this world, in the repository if there is one.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let folder = if self.repo().is_dir() { self.repo() } else { self.real.clone() };
        command.current_dir(folder).env_clear();
        command.env("PATH", path());
        command.env("HOME", self.real.join("home"));
        command.env("GIT_CEILING_DIRECTORIES", &self.real);
        for (name, value) in [("USER", "tester"), ("LC_ALL", "C"), ("TZ", "UTC"), ("TURNSTILE_GRACE_MS", "300")] {
            command.env(name, value);
        }
        // As a script has it. Tests of trust itself leave it out.
        if self.trusts {
            command.env("TURNSTILE_TRUST", "1");
        }
        if !self.looks_itself {
            command.env("GIT_CONFIG_NOSYSTEM", "1");
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The worktree's current run.
    pub fn run_id(&self) -> Option<String> {
        let pointer = self.path(".git/turnstile/worktrees/main/run");
        fs::read_to_string(pointer).ok().map(|text| text.trim().to_owned())
    }

    /// The folder of the current run.
    pub fn run_folder(&self) -> PathBuf {
        self.path(".git/turnstile/runs").join(self.run_id().expect("a run has begun"))
    }

    /// The journal of the current run, line by line; empty where none has begun.
    pub fn journal(&self) -> Vec<serde_json::Value> {
        if self.run_id().is_none() {
            return Vec::new();
        }
        let text = fs::read_to_string(self.run_folder().join("journal.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The kinds of its lines.
    pub fn kinds(&self) -> Vec<String> {
        self.journal().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Its lines of one kind.
    pub fn events(&self, kind: &str) -> Vec<serde_json::Value> {
        self.journal().into_iter().filter(|line| line["kind"] == kind).collect()
    }

    /// Tries until it holds, at most for a minute: the machine may be busy.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begin = std::time::Instant::now();
        while !holds(self) {
            assert!(begin.elapsed().as_secs() < 60, "{what}: not within a minute below {}", self.real.display());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the programs of this machine are wanted, and nothing else of it")]
fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

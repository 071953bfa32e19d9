//! A bare repository that is pushed to, with turnstile in its hook, and clones of two people.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Output, TestEnv, hook_of, triggers_of};

/// The bare repository; the developer's clone is the repository of the world itself.
#[derive(Debug)]
pub struct Hub {
    /// The world.
    pub env: TestEnv,
    /// The bare repository.
    pub git_dir: PathBuf,
}

impl Hub {
    /// Nothing is pushed yet, and nothing is trusted. These lines are at the end of the config.
    pub fn with_config(config: &str, scripts: &[&str]) -> Self {
        let mut env = TestEnv::new();
        env.asks_for_trust();
        env.agent_with(config, scripts);
        env.ticket("001-a", "title: A\ndone: false", "Do it.");
        env.commit_all("tickets");
        let git_dir = env.origin();
        for (key, value) in [("user.name", "Hub"), ("user.email", "hub@example.org")] {
            env.git(&["-C", git_dir.to_str().unwrap(), "config", key, value]);
        }
        hook_of(&git_dir, "post-receive");
        Self { env, git_dir }
    }

    /// A person has trusted what `main` holds, before the hook was there.
    pub fn trusted(scripts: &[&str]) -> Self {
        Self::trusted_with_config("", scripts)
    }

    /// The same with these lines at the end of the config.
    pub fn trusted_with_config(config: &str, scripts: &[&str]) -> Self {
        let hub = Self::with_config(config, scripts);
        let hook = hub.git_dir.join("hooks/post-receive");
        std::fs::rename(&hook, hook.with_extension("later")).unwrap();
        hub.env.git(&["push", "--quiet", "origin", "HEAD~1:refs/heads/main"]);
        std::fs::rename(hook.with_extension("later"), &hook).unwrap();
        hub.trust();
        hub
    }

    /// A person trusts what HEAD's branch holds now.
    pub fn trust(&self) {
        let _ = self.turnstile(&["trust", "--yes"]).exits(0);
    }

    /// Runs the program on the bare repository.
    pub fn turnstile(&self, arguments: &[&str]) -> Output {
        self.env.turnstile(&[&["-C", self.git_dir.to_str().unwrap()], arguments].concat())
    }

    /// Runs git on the bare repository.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.env.git(&[&["-C", self.git_dir.to_str().unwrap()], arguments].concat())
    }

    /// The commit of a reference there.
    pub fn commit(&self, reference: &str) -> String {
        self.git(&["rev-parse", reference])
    }

    /// The subjects of a branch there, newest first.
    pub fn subjects(&self, branch: &str) -> Vec<String> {
        self.git(&["log", "--format=%s", branch]).lines().map(str::to_owned).collect()
    }

    /// The developer pushes HEAD to a branch.
    pub fn push(&self, branch: &str) {
        self.env.git(&["push", "--quiet", "origin", &format!("HEAD:{branch}")]);
    }

    /// A clone of somebody.
    pub fn clone_of(&self, name: &str) -> Clone<'_> {
        let folder = self.env.root().join(name);
        self.env.git(&["clone", "--quiet", self.git_dir.to_str().unwrap(), folder.to_str().unwrap()]);
        let clone = Clone { hub: self, folder };
        clone.git(&["config", "user.name", name]);
        clone.git(&["config", "user.email", &format!("{name}@example.org")]);
        clone
    }

    /// The worktrees of branches, by name.
    pub fn worktrees(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.git_dir.join("turnstile/hub")).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    }

    /// The worktree of the one branch that there is.
    pub fn worktree(&self) -> PathBuf {
        let [worktree] = &self.worktrees()[..] else { panic!("{:?}", self.worktrees()) };
        worktree.clone()
    }

    /// The journal of the run of a worktree.
    pub fn journal_of(&self, worktree: &Path) -> Vec<Value> {
        let machine = self.git_dir.join("turnstile");
        let pointer = machine.join("worktrees").join(worktree.file_name().unwrap()).join("run");
        let Ok(run) = std::fs::read_to_string(pointer) else { return Vec::new() };
        let text = std::fs::read_to_string(machine.join("runs").join(run.trim()).join("journal.jsonl")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The journal of the only worktree; empty where there is none.
    pub fn journal(&self) -> Vec<Value> {
        self.worktrees().first().map(|worktree| self.journal_of(worktree)).unwrap_or_default()
    }

    /// Its lines of one kind.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.journal().into_iter().filter(|line| line["kind"] == kind).collect()
    }

    /// What the runners have said.
    pub fn logs(&self) -> String {
        let entries = std::fs::read_dir(self.git_dir.join("turnstile/worktrees")).into_iter().flatten().flatten();
        entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("runner.log")).ok()).collect()
    }

    /// Waits until a branch has a commit with this subject on top.
    pub fn has_on(&self, branch: &str, subject: &str) {
        let is_there = || self.subjects(branch).first().is_some_and(|top| top == subject);
        let begin = std::time::Instant::now();
        while !is_there() {
            let is_over = begin.elapsed().as_secs() > 5 && self.env.runners().is_empty() && !is_there();
            assert!(!is_over && begin.elapsed().as_secs() < 60, "{branch} has no `{subject}`:\n{}", self.told());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The same, until nobody is at work.
    pub fn has(&self, branch: &str, subject: &str) {
        self.has_on(branch, subject);
        self.env.settled();
        assert_eq!(triggers_of(&self.git_dir), [""; 0], "{}", self.logs());
    }

    /// Everything that may tell why something did not happen.
    pub fn told(&self) -> String {
        let last = std::fs::read_to_string(self.git_dir.join("turnstile/triggers/last.json")).unwrap_or_default();
        let kinds: Vec<String> = self.journal().iter().map(|line| line["kind"].to_string()).collect();
        format!("{}\n{last}\n{kinds:?}\n{:?}", self.logs(), triggers_of(&self.git_dir))
    }
}

/// A clone of somebody.
#[derive(Debug)]
pub struct Clone<'h> {
    hub: &'h Hub,
    /// Its worktree.
    pub folder: PathBuf,
}

impl Clone<'_> {
    /// Runs git there.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.hub.env.git(&[&["-C", self.folder.to_str().unwrap()], arguments].concat())
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Commits everything and pushes it to `main`.
    pub fn push(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "origin", "HEAD:main"]);
    }

    /// Pulls.
    pub fn pull(&self) {
        self.git(&["pull", "--quiet", "--ff-only"]);
    }
}

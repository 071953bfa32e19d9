//! Git hooks that call the program, repositories that are pushed to, and the runners that come of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Output, TestEnv};

/// What a hook of turnstile's is, written by hand.
fn hook_text(name: &str) -> String {
    format!("#!/bin/sh\nexec '{}' hook {name} \"$@\"\n", env!("CARGO_BIN_EXE_turnstile"))
}

/// Writes a program.
pub fn program(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl TestEnv {
    /// A working repository with one ticket, hooks that call turnstile, and an `origin` that has it all.
    pub fn with_hooks(scripts: &[&str], hooks: &[&str]) -> Self {
        let env = Self::new();
        env.agent(scripts);
        env.ticket("001-a", "title: A\ndone: false", "Do it.");
        env.commit_all("tickets");
        env.trust();
        env.origin();
        env.git(&["push", "--quiet", "origin", "main"]);
        env.call_from(hooks);
        env
    }

    /// A bare repository beside this one, as its `origin`.
    pub fn origin(&self) -> PathBuf {
        let origin = self.root().join("origin.git");
        self.git(&["init", "--quiet", "--bare", "--initial-branch=main", origin.to_str().unwrap()]);
        self.git(&["remote", "add", "origin", origin.to_str().unwrap()]);
        origin
    }

    /// Hooks of this repository call turnstile.
    pub fn call_from(&self, names: &[&str]) {
        for name in names {
            self.hook_is(name, &hook_text(name));
        }
    }

    /// A hook of this repository is this script.
    pub fn hook_is(&self, name: &str, text: &str) {
        program(&self.path(".git/hooks").join(name), text);
    }

    /// A person trusts what lies here now: a hook's run asks nobody.
    pub fn trust(&self) {
        let _ = self.turnstile(&["trust", "--yes"]).exits(0);
    }

    /// Calls a hook as git does, without git.
    pub fn call_hook(&self, name: &str, stdin: &str) -> Output {
        self.turnstile_with(&["hook", name], stdin)
    }

    /// Runs git; what it came to, whatever that is.
    pub fn git_says(&self, arguments: &[&str]) -> Output {
        Output::of(&self.command("git").args(arguments).output().unwrap(), self)
    }

    /// The runners of this world.
    pub fn runners(&self) -> Vec<i32> {
        let is_here = |pid: &i32| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder.starts_with(self.root()))
        };
        super::processes::processes(|text| text.ends_with("\0__runner\0")).into_iter().filter(is_here).collect()
    }

    /// The names of the triggers that wait, of all worktrees.
    pub fn triggers(&self) -> Vec<String> {
        triggers_of(&self.path(".git"))
    }

    /// Waits until no runner is left.
    pub fn settled(&self) {
        // One that starts another and ends may be missed together with that one, if they are looked for just then.
        self.until("the runners end", |env| {
            env.runners().is_empty() && {
                std::thread::sleep(std::time::Duration::from_millis(50));
                env.runners().is_empty()
            }
        });
    }

    /// Waits until this worktree's run is over, and its runner.
    pub fn completed(&self) {
        self.until("the run completes", |env| env.kinds().last().is_some_and(|kind| kind == "run.completed"));
        self.settled();
        assert_eq!(self.triggers(), [""; 0], "{}", self.runner_log());
    }

    /// The code of the reason why the last start came to nothing.
    pub fn refused(&self) -> Option<String> {
        refused_of(&self.path(".git"), "main").map(|refused| refused["reason"]["code"].as_str().unwrap().to_owned())
    }

    /// What runners have said.
    pub fn runner_log(&self) -> String {
        std::fs::read_to_string(self.path(".git/turnstile/worktrees/main/runner.log")).unwrap_or_default()
    }
}

/// The names of the triggers that wait in a repository.
pub fn triggers_of(git_dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(git_dir.join("turnstile/triggers")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && name != "last.json").collect();
    names.sort();
    names
}

/// A hook of another repository calls turnstile.
pub fn hook_of(git_dir: &Path, name: &str) {
    program(&git_dir.join("hooks").join(name), &hook_text(name));
}

/// Why the last start of a worktree came to nothing, with all that is known of it.
pub fn refused_of(git_dir: &Path, worktree: &str) -> Option<Value> {
    let text = std::fs::read_to_string(git_dir.join("turnstile/triggers/last.json")).ok()?;
    let last: Value = serde_json::from_str(&text).unwrap();
    last["refused"].get(worktree).cloned()
}

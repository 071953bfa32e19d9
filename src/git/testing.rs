//! Real repositories for the tests of this room, cut off from the configuration of whoever runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use super::repo::{Place, discover};

/// A repository in a temporary folder; `place` is its main worktree.
pub(super) struct TestRepo {
    pub place: Place,
    folder: tempfile::TempDir,
}

/// Keeps a program away from configuration outside the repository.
pub(super) fn isolate(command: &mut Command) {
    let nowhere = std::env::temp_dir().join("turnstile-no-home");
    command.env("HOME", &nowhere).env("XDG_CONFIG_HOME", &nowhere).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env_remove("GIT_CONFIG_GLOBAL").env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
}

#[expect(unsafe_code, reason = "tests must not see the configuration of the machine, and git2 has no safe way")]
fn isolate_libgit2() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for level in [
            git2::ConfigLevel::System,
            git2::ConfigLevel::Global,
            git2::ConfigLevel::XDG,
            git2::ConfigLevel::ProgramData,
        ] {
            // SAFETY: runs once, before any test of this process has opened a repository.
            unsafe { git2::opts::set_search_path(level, "").unwrap() };
        }
    });
}

impl TestRepo {
    /// A repository without a commit.
    pub fn unborn() -> Self {
        isolate_libgit2();
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("work");
        fs::create_dir(&top).unwrap();
        run(&top, "git", &["init", "-q", "-b", "main"]);
        run(&top, "git", &["config", "user.name", "Ada"]);
        run(&top, "git", &["config", "user.email", "ada@example.org"]);
        run(&top, "git", &["config", "gc.auto", "0"]);
        Self { place: discover(&top).unwrap(), folder }
    }

    /// A repository with one commit of these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repo = Self::unborn();
        for (path, content) in files {
            repo.write(path, content);
        }
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        repo
    }

    /// The temporary folder that holds the worktree.
    pub fn around(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.place.top.join(path)
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// What git prints, without the line end.
    pub fn git(&self, arguments: &[&str]) -> String {
        run(&self.place.top, "git", arguments)
    }

    /// An executable hook.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.place.common_dir.join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn commit_of(&self, name: &str) -> String {
        self.git(&["rev-parse", name])
    }
}

/// Runs a program that must succeed.
pub(super) fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    isolate(&mut command);
    command.args(arguments).current_dir(folder).env("GIT_TERMINAL_PROMPT", "0");
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
}

//! The repository of the demo: where it may lie, and what is in it at first.

use std::io;
use std::path::{Path, PathBuf};

use super::stage::Stage;
use crate::cli::CliError;

/// Everything that is in the repository at first.
const FILES: [(&str, &str); 8] = [
    (".tickets/config.yaml", include_str!("files/config.yaml")),
    (".tickets/001-prices.md", include_str!("files/001-prices.md")),
    (".tickets/002-currency.md", include_str!("files/002-currency.md")),
    (".tickets/003-total.md", include_str!("files/003-total.md")),
    (".tickets/004-price-list.md", include_str!("files/004-price-list.md")),
    ("agents/careful.sh", include_str!("files/careful.sh")),
    ("agents/forgetful.sh", include_str!("files/forgetful.sh")),
    ("agents/writer.sh", include_str!("files/writer.sh")),
];

/// The repository's own settings: who works here has none, or some that would get in the way.
const SETTINGS: [(&str, &str); 8] = [
    ("user.name", "Demo"),
    ("user.email", "demo@example.org"),
    ("commit.gpgsign", "false"),
    ("core.hooksPath", ".git/hooks"),
    ("core.autocrlf", "false"),
    ("core.excludesFile", ".git/info/exclude"),
    ("core.attributesFile", ".git/info/attributes"),
    ("core.fsmonitor", "false"),
];

/// The folder for the repository; it is new or empty.
pub fn folder(wanted: Option<&Path>) -> Result<PathBuf, CliError> {
    let failed = |path: &Path, error: &io::Error| CliError::io(format!("cannot use {}: {error}", path.display()));
    let Some(wanted) = wanted else {
        let made = tempfile::Builder::new().prefix("turnstile-demo-").tempdir();
        let made = made.map_err(|error| CliError::io(format!("cannot make a temporary folder: {error}")))?;
        let path = made.keep();
        return path.canonicalize().map_err(|error| failed(&path, &error));
    };
    match std::fs::read_dir(wanted) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(CliError::invalid(format!("{} is not empty; nothing was changed", wanted.display()))
                    .hint("name a new or empty folder, or none for a temporary one"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(wanted).map_err(|error| failed(wanted, &error))?;
        }
        Err(error) => return Err(failed(wanted, &error)),
    }
    wanted.canonicalize().map_err(|error| failed(wanted, &error))
}

/// Fills the repository, with a first commit.
pub fn build(stage: &Stage<'_>) -> Result<(), CliError> {
    stage.quietly("git", &["init", "--quiet", "--template=", "--initial-branch=main", "."])?;
    for (key, value) in SETTINGS {
        stage.quietly("git", &["config", key, value])?;
    }
    for (path, text) in FILES {
        let path = stage.repository.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| CliError::io(format!("cannot write {}: {error}", path.display())))?;
    }
    stage.quietly("git", &["add", "--all"])?;
    stage.quietly("git", &["commit", "--quiet", "-m", "Four tickets and three agents"])?;
    // Whoever types `demo` trusts what it brings along.
    let program = stage.program().to_string_lossy().into_owned();
    stage.quietly(&program, &["trust", "--yes"])?;
    Ok(())
}

//! Which files may start programs, by their paths, and agents' own settings as they lie in a worktree.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::RunError;
use crate::flow::GONE;
use crate::store;

/// Files by which agents' programs let a project set them up, besides `.claude/settings*.json`.
const AGENT_SETTINGS: [&str; 2] = [".codex/config.toml", ".mcp.json"];

/// More settings than these nobody has, and nobody looks at them.
const MOST_SETTINGS: usize = 1000;

/// Whether a path, in whatever tree, is one that may start programs.
pub fn may_start_programs(path: &str) -> bool {
    let is_claudes = |name: &str| name.starts_with("settings") && is_json(name) && !name.contains('/');
    path == ".tickets/config.yaml"
        || path.strip_prefix(".tickets/templates/").is_some_and(|name| !name.is_empty())
        || path.strip_prefix(".claude/").is_some_and(is_claudes)
        || AGENT_SETTINGS.contains(&path)
}

fn is_json(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "json")
}

pub(super) type Read = Result<Vec<u8>, String>;

/// Agents' own settings for this project, or why one cannot be read.
pub(super) fn agent_settings(top: &Path) -> Result<BTreeMap<String, Read>, RunError> {
    let mut found = BTreeMap::new();
    let mut take = |path: String| -> Result<(), RunError> {
        match store::read_followed(&top.join(&path))? {
            Ok(None) => {}
            Ok(Some(bytes)) => drop(found.insert(path, Ok(bytes))),
            Err(why) => drop(found.insert(path, Err(why))),
        }
        Ok(())
    };
    for path in AGENT_SETTINGS {
        take(path.to_owned())?;
    }
    match claudes(top) {
        Ok(paths) if paths.len() > MOST_SETTINGS => {
            let why = format!("more than {MOST_SETTINGS} files in it are named settings*.json");
            found.insert(".claude".to_owned(), Err(why));
        }
        Ok(paths) => paths.into_iter().try_for_each(take)?,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
        Err(error) if store::is_shortage(&error) => {
            return Err(store::StoreError::List { path: top.join(".claude"), source: error }.into());
        }
        Err(error) => drop(found.insert(".claude".to_owned(), Err(error.to_string()))),
    }
    Ok(found)
}

/// The settings in `.claude`, whatever else lies there and however much of it.
fn claudes(top: &Path) -> std::io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(top.join(".claude"))? {
        let path = format!(".claude/{}", entry?.file_name().to_string_lossy());
        if may_start_programs(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Their digests, for whoever compares two moments.
pub(super) fn digests_of_agent_settings(top: &Path) -> BTreeMap<String, String> {
    let digest = |read: Read| match read {
        Ok(bytes) => store::digest_of_content(&bytes),
        Err(why) => format!("unreadable: {why}"),
    };
    // A machine that cannot answer now has them asked for, which loses nothing.
    let found = agent_settings(top).unwrap_or_default();
    found.into_iter().map(|(path, read)| (path, digest(read))).collect()
}

/// What a turn made of them, by what they were before it.
pub(super) fn changed_settings(before: &BTreeMap<String, String>, top: &Path) -> BTreeMap<String, String> {
    let now = digests_of_agent_settings(top);
    let gone = before.keys().filter(|path| !now.contains_key(*path)).map(|path| (path.clone(), GONE.to_owned()));
    let gone: Vec<_> = gone.collect();
    now.into_iter().filter(|(path, digest)| before.get(path) != Some(digest)).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_start_programs_is_known_by_its_path() {
        for path in [
            ".tickets/config.yaml",
            ".tickets/templates/turn.md",
            ".tickets/templates/deep/er",
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".codex/config.toml",
            ".mcp.json",
        ] {
            assert!(may_start_programs(path), "{path}");
        }
        for path in [
            ".tickets/config.yml",
            ".tickets/001-a.md",
            ".tickets/templates",
            ".claude/settings/x.json",
            ".claude/agents/a.md",
            "sub/.mcp.json",
            ".codex/config",
        ] {
            assert!(!may_start_programs(path), "{path}");
        }
    }
}

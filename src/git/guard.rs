//! What in the git directory decides which programs run and where work goes, as it is at one moment. Read from the
//! files themselves: nothing that stands in them is carried out to find out.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{At, GitError};
use super::index_file::IndexFile;
use super::path::path_to_text;
use super::repo::Place;

/// Files of the git directory that lead git elsewhere or tell it to leave something out.
const FILES: [&str; 6] = [
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "info/sparse-checkout",
    "objects/info/alternates",
    "objects/info/http-alternates",
];

/// Of a setting at most so many bytes are kept and shown.
const SHOWN: usize = 200;

/// One look at the git directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard(BTreeMap<String, String>);

impl Guard {
    /// What differs from the look before, one line each, for people.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let names = before.0.keys().chain(self.0.keys().filter(|name| !before.0.contains_key(*name)));
        let mut changes: Vec<String> = names
            .filter_map(|name| {
                let is_setting = name.starts_with(SETTING);
                if let Some(path) = name.strip_prefix(HIDDEN) {
                    // That git looks at a file again hides nothing.
                    let flags = self.0.get(name).filter(|_| !before.0.contains_key(name))?;
                    let undo = |flag: &str| format!("git update-index --no-{flag} {}", crate::text::shell_word(path));
                    let undo = flags.split(", ").map(undo).collect::<Vec<_>>().join(" && ");
                    return Some(format!("git is told not to look at {path} ({flags}); `{undo}` undoes it"));
                }
                Some(match (before.0.get(name), self.0.get(name)) {
                    (then, now) if then == now => return None,
                    (Some(then), Some(now)) if is_setting => format!("{name}: `{then}` became `{now}`"),
                    (None, Some(now)) if is_setting => format!("{name}: `{now}` is new"),
                    (Some(_), None) => format!("{name} is gone"),
                    (None, _) => format!("{name} is new"),
                    (Some(_), Some(_)) => format!("{name} was changed"),
                })
            })
            .collect();
        changes.sort();
        changes
    }
}

const SETTING: &str = "setting ";
const HIDDEN: &str = "hidden ";

/// Looks at everything that SPEC's list of tampering names: hooks, the files that lead elsewhere, replacements, the
/// settings that run programs or redirect, and what a person has trusted.
pub fn guard(place: &Place) -> Result<Guard, GitError> {
    let mut seen = BTreeMap::new();
    for name in FILES {
        for folder in folders(place) {
            file(&mut seen, name, &folder.join(name))?;
        }
    }
    for name in ["commondir", "gitdir"] {
        file(&mut seen, name, &place.git_dir.join(name))?;
    }
    file(&mut seen, ".git", &place.top.join(".git"))?;
    for folder in folders(place) {
        for name in ["config", "config.worktree"] {
            settings(&mut seen, &folder.join(name))?;
        }
    }
    folder(&mut seen, "hooks", &place.common_dir.join("hooks"))?;
    if let Some(elsewhere) = seen.get(&format!("{SETTING}core.hookspath")).map(PathBuf::from) {
        let elsewhere = place.top.join(elsewhere);
        // Hooks that lie in the worktree are files of the project, and kept and judged as such.
        if !elsewhere.starts_with(&place.top) || elsewhere.starts_with(&place.git_dir) {
            folder(&mut seen, "hooks elsewhere", &elsewhere)?;
        }
    }
    folder(&mut seen, "turnstile/trusted", &place.common_dir.join("turnstile/trusted"))?;
    // In the worktree of a pushed branch: where it was seen last, and which branches are worked on.
    let hub = place.common_dir.join("turnstile/hub");
    if place.top.starts_with(&hub) {
        let note = format!("{}.json", place.worktree);
        file(&mut seen, &format!("turnstile/hub/{note}"), &hub.join(note))?;
        file(&mut seen, "HEAD of the repository", &place.common_dir.join("HEAD"))?;
    }
    replacements(&mut seen, place)?;
    hidden(&mut seen, place)?;
    Ok(Guard(seen))
}

/// Tracked files that git is told to take for unchanged. In a sparse checkout those that are not there are git's own.
fn hidden(seen: &mut BTreeMap<String, String>, place: &Place) -> Result<(), GitError> {
    const SKIP_WORKTREE: u16 = 1 << 14;
    const ASSUME_UNCHANGED: u16 = 1 << 15;
    let path = place.git_dir.join("index");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error).at("read", &path),
    };
    if IndexFile::read(&bytes).is_some() {
        return Ok(());
    }
    // What the library cannot read it cannot compare with the worktree either, and that has a name of its own.
    let Ok(index) = git2::Index::open(&path) else { return Ok(()) };
    let is_sparse = place.git_dir.join("info/sparse-checkout").exists();
    for entry in index.iter() {
        let flags = [
            ("assume-unchanged", entry.flags & ASSUME_UNCHANGED != 0),
            ("skip-worktree", entry.flags_extended & SKIP_WORKTREE != 0),
        ];
        let flags: Vec<&str> = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect();
        if flags.is_empty() {
            continue;
        }
        let file = place.top.join(OsStr::from_bytes(&entry.path));
        if !(is_sparse && std::fs::symlink_metadata(&file).is_err_and(|error| is_absent(&error))) {
            seen.insert(format!("{HIDDEN}{}", path_to_text(&entry.path)), flags.join(", "));
        }
    }
    Ok(())
}

fn folders(place: &Place) -> Vec<&Path> {
    let mut folders = vec![place.common_dir.as_path()];
    if place.git_dir != place.common_dir {
        folders.push(&place.git_dir);
    }
    folders
}

/// A file by its kind, mode and content; a folder by its kind.
fn file(seen: &mut BTreeMap<String, String>, name: &str, path: &Path) -> Result<(), GitError> {
    let stat = match std::fs::symlink_metadata(path) {
        Ok(stat) => stat,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error).at("look at", path),
    };
    let told = if stat.is_symlink() {
        let target = std::fs::read_link(path).at("read the link", path)?;
        format!("link {}", path_to_text(target.as_os_str().as_bytes()))
    } else if stat.is_file() {
        let content = std::fs::read(path).at("read", path)?;
        let id = git2::Oid::hash_object(git2::ObjectType::Blob, &content).at("take the digest of", path)?;
        format!("{:o} {id}", stat.permissions().mode() & 0o111)
    } else if stat.is_dir() {
        "folder".to_owned()
    } else {
        "special".to_owned()
    };
    seen.insert(name.to_owned(), told);
    Ok(())
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The files of a folder of hooks; samples are never run.
fn folder(seen: &mut BTreeMap<String, String>, name: &str, path: &Path) -> Result<(), GitError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error).at("read the folder", path),
    };
    for entry in entries {
        let entry = entry.at("read the folder", path)?;
        let below = path_to_text(entry.file_name().as_bytes());
        if !below.ends_with(".sample") {
            file(seen, &format!("{name}/{below}"), &entry.path())?;
        }
    }
    Ok(())
}

/// The settings of one file that can run programs or redirect; files that it includes are named by it.
fn settings(seen: &mut BTreeMap<String, String>, path: &Path) -> Result<(), GitError> {
    match std::fs::read(path) {
        Ok(_) => {}
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error).at("read", path),
    }
    let read = git2::Config::open(path).and_then(|config| {
        let mut found = Vec::new();
        config.entries(None)?.for_each(|entry| {
            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            if decides(&name) {
                let value = if entry.has_value() { String::from_utf8_lossy(entry.value_bytes()) } else { "".into() };
                found.push((name, value.chars().take(SHOWN).collect::<String>()));
            }
        })?;
        Ok(found)
    });
    match read {
        Ok(found) => {
            for (name, value) in found {
                let all = seen.entry(format!("{SETTING}{name}")).or_default();
                // A setting may be given several times.
                *all = if all.is_empty() { value } else { format!("{all}, {value}") };
            }
        }
        // What git cannot understand either is a difference; that it could not be opened is none.
        Err(error) if error.class() == git2::ErrorClass::Config => {
            let name = format!("{SETTING}file {}", path_to_text(path.as_os_str().as_bytes()));
            seen.insert(name, format!("cannot be read: {}", error.message()));
        }
        Err(error) => return Err(error).at("read the settings in", path),
    }
    Ok(())
}

/// Whether a setting can run a program or send git elsewhere. Names come with section and key in lower case.
fn decides(name: &str) -> bool {
    let (section, rest) = name.split_once('.').unwrap_or((name, ""));
    let key = rest.rsplit('.').next().unwrap_or_default();
    match section {
        "core" => {
            key.ends_with("command")
                || matches!(
                    key,
                    "hookspath"
                        | "fsmonitor"
                        | "excludesfile"
                        | "attributesfile"
                        | "editor"
                        | "worktree"
                        | "pager"
                        | "askpass"
                        | "gitproxy"
                )
        }
        "filter" | "diff" | "alias" | "include" | "includeif" | "credential" | "gpg" | "hook" | "url" => true,
        "merge" => key == "driver",
        "remote" => key != "fetch",
        _ => false,
    }
}

/// References that put one object in the place of another.
fn replacements(seen: &mut BTreeMap<String, String>, place: &Place) -> Result<(), GitError> {
    folder(seen, "refs/replace", &place.common_dir.join("refs/replace"))?;
    let packed = place.common_dir.join("packed-refs");
    let text = match std::fs::read(&packed) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error).at("read", &packed),
    };
    for line in text.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        if let Some((id, name)) = line.split_once(" refs/replace/") {
            seen.insert(format!("refs/replace/{name}"), id.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    /// What changes by a command typed at the top of a repository.
    fn changes(command: &str) -> Vec<String> {
        let repo = TestRepo::with(&[("a", "1")]);
        let before = guard(&repo.place).unwrap();
        assert_eq!(guard(&repo.place).unwrap().changes_since(&before), [""; 0]);
        crate::git::testing::run(&repo.place.top, "sh", &["-c", command]);
        guard(&repo.place).unwrap().changes_since(&before)
    }

    #[test]
    fn what_decides_which_programs_run_is_watched() {
        for (command, told) in [
            ("mkdir -p .git/hooks; echo x > .git/hooks/pre-commit", "hooks/pre-commit is new"),
            ("git config core.hooksPath /tmp/x", "setting core.hookspath: `/tmp/x` is new"),
            ("git config core.fsmonitor ./evil", "setting core.fsmonitor: `./evil` is new"),
            ("git config core.sshCommand evil", "setting core.sshcommand: `evil` is new"),
            ("git config filter.a.clean evil", "setting filter.a.clean: `evil` is new"),
            ("git config diff.a.textconv evil", "setting diff.a.textconv: `evil` is new"),
            ("git config merge.a.driver evil", "setting merge.a.driver: `evil` is new"),
            ("git config alias.st '!evil'", "setting alias.st: `!evil` is new"),
            ("git config include.path evil", "setting include.path: `evil` is new"),
            ("git config url.a.insteadOf b", "setting url.a.insteadof: `b` is new"),
            ("git config remote.origin.url evil", "setting remote.origin.url: `evil` is new"),
            (
                "mkdir -p .git/turnstile/trusted; echo x > .git/turnstile/trusted/list.json",
                "turnstile/trusted/list.json is new",
            ),
            ("echo '*.txt' >> .git/info/exclude", "info/exclude was changed"),
            ("echo x > .git/info/attributes", "info/attributes is new"),
            ("echo /tmp > .git/objects/info/alternates", "objects/info/alternates is new"),
        ] {
            let expected = if command.contains("exclude") {
                vec![told.to_owned(), "info/exclude is new".to_owned()]
            } else {
                vec![told.to_owned()]
            };
            let found = changes(command);
            assert!(found.len() == 1 && expected.contains(&found[0]), "{command}: {found:?}");
        }
    }

    #[test]
    fn replacements_are_seen_loose_and_packed() {
        let made = "git commit -q --allow-empty -m b && git replace HEAD HEAD~1";
        let loose = changes(made);
        assert!(loose.len() == 1 && loose[0].starts_with("refs/replace/"), "{loose:?}");
        let packed = changes(&format!("{made} && git pack-refs --all"));
        assert!(packed.len() == 1 && packed[0].starts_with("refs/replace/"), "{packed:?}");
    }

    #[test]
    fn what_people_and_agents_do_all_day_is_no_tampering() {
        for command in [
            "git config user.name Somebody",
            "git config branch.main.remote origin",
            "git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'",
            "git commit -q --allow-empty -m b && git gc -q && git stash list",
            "git switch -q -c side && git tag v1",
            "echo 1 > a && git stash -q",
        ] {
            assert_eq!(changes(command), [""; 0], "{command}");
        }
    }

    #[test]
    fn a_config_that_cannot_be_read_is_a_change() {
        let found = changes("echo '[broken' >> .git/config");
        assert!(!found.is_empty());
    }
}

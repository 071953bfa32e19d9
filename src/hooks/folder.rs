//! The files themselves. A file takes the place of another by one rename, and is never written through a link; what
//! stood there has its second name before that, so that at no moment a hook of somebody's is missing.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation};
use rustix::io::Errno;

use super::charge::{Charge, Elsewhere};
use super::names::Hook;
use super::plan::{Act, Found, Slot};
use super::script::{self, CHAINED, Script};
use super::tool::Tool;
use crate::git::HooksPlace;
use crate::store::TEXT_CAP;

/// A file that could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", .path.display())]
pub struct HooksError {
    /// What was tried.
    pub operation: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

fn failed(operation: &'static str, path: &Path, source: impl Into<io::Error>) -> HooksError {
    HooksError { operation, path: path.to_owned(), source: source.into() }
}

/// What lies in git's own folder of hooks, and what is said elsewhere about turnstile.
#[derive(Debug)]
pub struct Looked {
    /// One for every hook that turnstile has a use for.
    pub slots: Vec<Slot>,
    /// Hook files that a tool has written, with its name: any hook, also one that is none of turnstile's business.
    pub tools: Vec<(String, Tool)>,
}

/// Git's own folder of hooks.
pub fn usual_folder(place: &HooksPlace) -> PathBuf {
    place.place.common_dir.join("hooks")
}

/// Holds the folder, so that nobody else installs at the same time; makes it where there is none.
pub fn hold(folder: &Path) -> Result<File, HooksError> {
    match fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("make the folder", folder, error)),
    }
    let handle = File::open(folder).map_err(|error| failed("open the folder", folder, error))?;
    rustix::fs::flock(&handle, FlockOperation::LockExclusive)
        .map_err(|error| failed("hold the folder", folder, error))?;
    Ok(handle)
}

/// Who is in charge of the hooks.
pub fn in_charge(place: &HooksPlace) -> Result<Charge, HooksError> {
    let usual = usual_folder(place);
    let top = &place.place.top;
    let is_link = match fs::symlink_metadata(&usual) {
        Ok(found) => found.is_symlink(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(failed("look at", &usual, error)),
    };
    let is_usual = place.folder == usual || is_same_folder(&place.folder, &usual);
    let shown = |path: &Path| match path.strip_prefix(top) {
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => path.display().to_string(),
    };
    let is_shared = |folder: &Path| folder.starts_with(top) && !folder.starts_with(&place.place.git_dir);
    if is_usual && !is_link {
        return Ok(Charge::Usual);
    }
    if is_usual {
        let target = fs::read_link(&usual).map_err(|error| failed("read the link", &usual, error))?;
        let folder = usual.canonicalize().unwrap_or_else(|_| place.place.common_dir.join(&target));
        return Ok(Charge::Elsewhere(Elsewhere {
            shown: shown(&folder),
            tool: tool_of(&folder),
            why: format!("{} is a symbolic link to {}", shown(&usual), target.display()),
            undo: format!("rm {0} && mkdir {0}", crate::text::shell_word(&shown(&usual))),
            is_off: false,
            is_shared: is_shared(&folder),
            folder,
        }));
    }
    let folder = place.folder.clone();
    let (why, undo) = match &place.setting {
        Some(setting) => {
            let scope = match setting.scope.as_str() {
                "local" => String::new(),
                other => format!("--{other} "),
            };
            let why = format!("core.hooksPath is `{}`, set in {}", setting.value, shown(Path::new(&setting.file)));
            (why, format!("git config {scope}--unset core.hooksPath"))
        }
        None => (format!("git takes its hooks from {}", shown(&folder)), "git rev-parse --git-path hooks".to_owned()),
    };
    let is_husky = folder.ends_with(".husky/_") || folder.ends_with(".husky");
    let tool = if is_husky { Some(Tool::Husky) } else { tool_of(&folder) };
    let is_empty = place.setting.as_ref().is_some_and(|setting| setting.value.is_empty());
    let is_off = is_empty || fs::metadata(&folder).is_ok_and(|found| !found.is_dir());
    let is_shared = is_shared(&folder) && !is_off;
    Ok(Charge::Elsewhere(Elsewhere { shown: shown(&folder), tool, why, undo, is_off, is_shared, folder }))
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The tool that wrote one of the hooks in a folder.
fn tool_of(folder: &Path) -> Option<Tool> {
    tools_in(folder).ok()?.into_iter().next().map(|(_, tool)| tool)
}

/// The hooks that tools have written.
fn tools_in(folder: &Path) -> Result<Vec<(String, Tool)>, HooksError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed("list", folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // What has a dot in its name is no hook: samples, and what was moved aside.
        if !name.contains('.')
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Some(tool) = read(&entry.path())?.and_then(|bytes| Tool::of_text(&bytes))
        {
            found.push((name, tool));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The beginning of a regular file; none where there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, HooksError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(failed("look at", path, error)),
    }
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(TEXT_CAP).read_to_end(&mut bytes));
    opened.map_err(|error| failed("read", path, error))?;
    Ok(Some(bytes))
}

/// Looks at everything that has to do with turnstile's hooks.
pub fn look(place: &HooksPlace, charge: &Charge) -> Result<Looked, HooksError> {
    let usual = usual_folder(place);
    // A link in its place leads to a folder of somebody else.
    let is_folder = fs::symlink_metadata(&usual).is_ok_and(|found| found.is_dir());
    let tools = if is_folder { tools_in(&usual)? } else { Vec::new() };
    let mut slots = Vec::new();
    for hook in Hook::ALL {
        let found = |end: &str| {
            if is_folder { look_at(hook, &usual.join(format!("{}{end}", hook.name()))) } else { Ok(Found::Nothing) }
        };
        let here = found("")?;
        let called = match (charge, &here) {
            (Charge::Elsewhere(elsewhere), _) => called_elsewhere(place, elsewhere, hook)?,
            (Charge::Usual, Found::Tool(tool)) => called_in_settings(place, *tool, hook)?,
            (Charge::Usual, _) => None,
        };
        let former = format!("{}{CHAINED}", hook.name());
        slots.push(Slot {
            hook,
            is_same: is_folder && is_same_file(&usual.join(hook.name()), &usual.join(former)),
            former: found(CHAINED)?,
            legacy: found(".legacy")?,
            old: found(".old")?,
            here,
            called,
        });
    }
    Ok(Looked { slots, tools })
}

/// The names themselves are compared, not where they lead.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::symlink_metadata(one), fs::symlink_metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

fn look_at(hook: Hook, path: &Path) -> Result<Found, HooksError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(Found::Nothing),
        Err(error) => return Err(failed("look at", path, error)),
    };
    let may_run = |mode: u32| mode & 0o111 != 0;
    if found.is_symlink() {
        let runs = fs::metadata(path).is_ok_and(|target| target.is_file() && may_run(target.mode()));
        return Ok(Found::Foreign { runs, mode: None });
    }
    if !found.is_file() {
        return Ok(Found::NoFile);
    }
    let mode = found.mode() & 0o7777;
    let bytes = read(path)?.unwrap_or_default();
    Ok(match (script::read(hook, &bytes), Tool::of_text(&bytes)) {
        (Script::Ours(program), _) => Found::Ours { program, runs: may_run(mode) },
        (Script::Edited, _) => Found::Edited,
        (Script::Foreign, Some(tool)) => Found::Tool(tool),
        (Script::Foreign, None) => Found::Foreign { runs: may_run(mode), mode: Some(mode) },
    })
}

/// The file in another folder of hooks that calls turnstile.
fn called_elsewhere(place: &HooksPlace, elsewhere: &Elsewhere, hook: Hook) -> Result<Option<String>, HooksError> {
    if let Some(tool) = elsewhere.tool.filter(|tool| *tool != Tool::Husky) {
        return called_in_settings(place, tool, hook);
    }
    let file = elsewhere.file(hook.name());
    let path = place.place.top.join(&file);
    let Some(bytes) = read(&path)? else { return Ok(None) };
    // Husky runs its files with `sh`; others have to be executable.
    let runs = elsewhere.tool.is_some() || fs::metadata(&path).is_ok_and(|found| found.mode() & 0o111 != 0);
    Ok((runs && script::calls(&bytes, hook)).then_some(file))
}

fn called_in_settings(place: &HooksPlace, tool: Tool, hook: Hook) -> Result<Option<String>, HooksError> {
    for name in settings_of(place, tool) {
        if read(&place.place.top.join(name))?.is_some_and(|bytes| script::calls(&bytes, hook)) {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

/// The files that are there of those in which a tool looks for what it is to do.
pub fn settings_of(place: &HooksPlace, tool: Tool) -> Vec<&'static str> {
    let all: &[&'static str] = if place.has_worktree { tool.settings() } else { &[] };
    all.iter().copied().filter(|name| place.place.top.join(name).is_file()).collect()
}

/// Removes what an install that was killed has left in the folder, which is held: nobody is writing these. Says how many.
pub fn sweep(folder: &Path) -> Result<usize, HooksError> {
    let left = left_in(folder)?;
    for path in &left {
        remove(path)?;
    }
    Ok(left.len())
}

/// Whether an install that was killed has left something.
pub fn has_left(folder: &Path) -> Result<bool, HooksError> {
    // A link in its place leads to a folder of somebody else.
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    Ok(is_folder && !left_in(folder)?.is_empty())
}

fn left_in(folder: &Path) -> Result<Vec<PathBuf>, HooksError> {
    let entries = fs::read_dir(folder).map_err(|error| failed("list", folder, error))?;
    let is_left = |entry: &fs::DirEntry| {
        entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    Ok(entries.flatten().filter(is_left).map(|entry| entry.path()).collect())
}

/// How the names of files begin that are not whole yet.
const UNFINISHED: &str = ".turnstile-hook-";

/// Carries out what was decided, in the folder that is held.
pub fn perform(folder: &Path, held: &File, acts: &[Act], program: &Path) -> Result<(), HooksError> {
    for act in acts {
        match act {
            Act::Keep { name, to } => keep(&folder.join(name), &folder.join(to))?,
            Act::Write { name, hook, mode } => put(folder, name, &script::write(*hook, program), *mode)?,
            Act::GiveBack { from, name } => give_back(&folder.join(from), &folder.join(name))?,
            Act::Remove { name } => remove(&folder.join(name))?,
        }
        held.sync_all().map_err(|error| failed("sync", folder, error))?;
    }
    Ok(())
}

/// Gives a file, or a link itself, a second name, where nothing lies.
fn keep(name: &Path, to: &Path) -> Result<(), HooksError> {
    match rustix::fs::linkat(CWD, name, CWD, to, AtFlags::empty()) {
        Ok(()) => Ok(()),
        // A file system without second names: there is none in the place for a moment, and the next install heals it.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) if fs::symlink_metadata(to).is_err() => {
            fs::rename(name, to).map_err(|error| failed("move", name, error))
        }
        Err(error) => Err(failed("give a second name to", name, error)),
    }
}

fn put(folder: &Path, name: &str, bytes: &[u8], mode: Option<u32>) -> Result<(), HooksError> {
    let path = folder.join(name);
    let written = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(0o777))
        .tempfile_in(folder)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            if let Some(mode) = mode {
                file.as_file().set_permissions(Permissions::from_mode(mode))?;
            }
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        });
    written.map(drop).map_err(|error| failed("write", &path, error))
}

fn give_back(from: &Path, name: &Path) -> Result<(), HooksError> {
    fs::rename(from, name).map_err(|error| failed("move", from, error))?;
    // Of two names of one file a rename takes neither away.
    remove(from)
}

fn remove(path: &Path) -> Result<(), HooksError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("remove", path, error)),
    }
}

/// A path as people see it, from where they are.
pub fn shown_folder(place: &HooksPlace) -> String {
    let usual = usual_folder(place);
    let shown = usual.strip_prefix(&place.place.top).unwrap_or(&usual);
    String::from_utf8_lossy(shown.as_os_str().as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_leaves_no_second_name_behind() {
        let room = tempfile::tempdir().unwrap();
        let (one, other) = (room.path().join("one"), room.path().join("other"));
        fs::write(&one, "hook").unwrap();
        keep(&one, &other).unwrap();
        assert!(is_same_file(&one, &other));
        give_back(&other, &one).unwrap();
        assert!(!other.exists() && one.exists());
        fs::write(&other, "in the way").unwrap();
        assert!(keep(&one, &other).is_err(), "nothing is written over");
        assert_eq!(fs::read_to_string(&other).unwrap(), "in the way");
    }
}

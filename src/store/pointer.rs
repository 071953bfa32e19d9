//! Which run a worktree is in: one small file each, so that the worktrees of a repository can see each other's.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::folder::{Audience, Folder, Links};
use super::layout::worktrees;
use super::{Layout, StoreError};

const CAP: u64 = 4096;

/// The run that this worktree is in, or was in last.
pub fn current_run(layout: &Layout) -> Result<Option<String>, StoreError> {
    read_pointer(&layout.worktree_folder())
}

/// Points this worktree at a run.
pub fn set_current_run(layout: &Layout, run: &str) -> Result<(), StoreError> {
    let path = layout.run_pointer();
    if !is_run_id(run) {
        return Err(StoreError::Damaged { path, why: format!("{run:?} is no run") });
    }
    let folder = Folder::make(&layout.worktree_folder(), Audience::Machine)?;
    folder.write(OsStr::new("run"), format!("{run}\n").as_bytes(), Audience::Machine)
}

/// Has this worktree be in no run, and have been in none.
pub fn forget_current_run(layout: &Layout) -> Result<(), StoreError> {
    super::remove(&layout.worktree_folder(), "run")
}

/// The machine folder's name and the run of every worktree that still exists, in the order of the names.
pub fn worktree_runs(common_dir: &Path) -> Result<Vec<(String, String)>, StoreError> {
    let Some(folder) = Folder::open(&worktrees(common_dir))? else { return Ok(Vec::new()) };
    let mut runs = Vec::new();
    for name in folder.names()? {
        let Ok(name) = name.into_string() else { continue };
        if !exists(common_dir, &name)? {
            continue;
        }
        if let Some(run) = read_pointer(&folder.path().join(&name))? {
            runs.push((name, run));
        }
    }
    Ok(runs)
}

/// Every run that some worktree is in or was in last, also of worktrees that are gone.
pub fn pointed_at(common_dir: &Path) -> Result<BTreeSet<String>, StoreError> {
    let Some(folder) = Folder::open(&worktrees(common_dir))? else { return Ok(BTreeSet::new()) };
    let names = folder.names()?.into_iter();
    let runs = names.map(|name| read_pointer(&folder.path().join(OsStr::from_bytes(name.to_bytes()))));
    runs.filter_map(Result::transpose).collect()
}

/// The same for every worktree that git still knows, also one whose folder is not there just now: it may lie on a disk
/// that comes back.
pub fn pointed_runs(common_dir: &Path) -> Result<Vec<(String, String)>, StoreError> {
    let Some(folder) = Folder::open(&worktrees(common_dir))? else { return Ok(Vec::new()) };
    let mut runs = Vec::new();
    for name in folder.names()? {
        let Ok(name) = name.into_string() else { continue };
        let known = match name.as_str() {
            "main" => true,
            "main~" => is_known(common_dir, "main")?,
            name => is_known(common_dir, name)?,
        };
        if known && let Some(run) = read_pointer(&folder.path().join(&name))? {
            runs.push((name, run));
        }
    }
    Ok(runs)
}

fn is_known(common_dir: &Path, name: &str) -> Result<bool, StoreError> {
    Ok(Folder::open(&common_dir.join("worktrees").join(name))?.is_some())
}

fn read_pointer(folder: &Path) -> Result<Option<String>, StoreError> {
    let Some(opened) = Folder::open(folder)? else { return Ok(None) };
    let path = folder.join("run");
    let contents = match opened.read(OsStr::new("run"), CAP, Links::Any)? {
        Ok(Some(contents)) => contents,
        Ok(None) => return Ok(None),
        Err(why) => return Err(StoreError::Unusable { path, why }),
    };
    let text = contents.text().map_err(|why| StoreError::Unusable { path: path.clone(), why })?;
    let run = text.strip_suffix('\n').unwrap_or(&text);
    if is_run_id(run) {
        Ok(Some(run.to_owned()))
    } else {
        Err(StoreError::Damaged { path, why: "it names no run".to_owned() })
    }
}

/// A run's id is the name of a folder, and nothing that would lead elsewhere.
pub(super) fn is_run_id(run: &str) -> bool {
    !run.is_empty()
        && !run.starts_with('.')
        && run.len() <= 200
        && run.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

/// Whether a worktree is still there: git keeps what it knows of a linked one long after somebody removed its folder.
fn exists(common_dir: &Path, name: &str) -> Result<bool, StoreError> {
    let name = match name {
        "main" => return Ok(true),
        "main~" => "main",
        name => name,
    };
    let Some(folder) = Folder::open(&common_dir.join("worktrees").join(name))? else { return Ok(false) };
    let path = folder.path().join("gitdir");
    let Some(contents) =
        folder.read(OsStr::new("gitdir"), CAP, Links::Any)?.map_err(|why| StoreError::Unusable { path, why })?
    else {
        return Ok(false);
    };
    let line = contents.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // Newer gits may write the path relative to the folder it stands in.
    let dot_git: PathBuf = folder.path().join(OsStr::from_bytes(line));
    match std::fs::symlink_metadata(&dot_git) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(StoreError::read(&dot_git, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_that_is_gone_claims_nothing() {
        let room = tempfile::tempdir().unwrap();
        let common = room.path().join("repo/.git");
        let linked = room.path().join("wt");
        std::fs::create_dir_all(common.join("worktrees/wt")).unwrap();
        std::fs::create_dir_all(&linked).unwrap();
        std::fs::write(linked.join(".git"), "gitdir: …").unwrap();
        std::fs::write(common.join("worktrees/wt/gitdir"), format!("{}\n", linked.join(".git").display())).unwrap();
        let main = Layout::main(room.path().join("repo"), &common);
        let other = Layout::linked(&linked, &common, "wt");

        assert_eq!(current_run(&main).unwrap(), None);
        assert_eq!(worktree_runs(&common).unwrap(), []);
        set_current_run(&main, "r1").unwrap();
        set_current_run(&other, "r2").unwrap();
        set_current_run(&other, "r3").unwrap();
        assert_eq!(current_run(&other).unwrap().as_deref(), Some("r3"));
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        assert_eq!(worktree_runs(&common).unwrap(), pairs(&[("main", "r1"), ("wt", "r3")]));
        std::fs::remove_dir_all(&linked).unwrap();
        assert_eq!(worktree_runs(&common).unwrap(), pairs(&[("main", "r1")]));
        assert_eq!(pointed_runs(&common).unwrap(), pairs(&[("main", "r1"), ("wt", "r3")]));
        std::fs::write(&linked, "something else").unwrap();
        assert_eq!(worktree_runs(&common).unwrap(), pairs(&[("main", "r1")]));
        std::fs::remove_dir_all(common.join("worktrees/wt")).unwrap();
        assert_eq!(pointed_runs(&common).unwrap(), pairs(&[("main", "r1")]));
    }

    #[test]
    fn a_pointer_that_leads_elsewhere_is_refused_and_never_taken_for_no_run() {
        let room = tempfile::tempdir().unwrap();
        let layout = Layout::main(room.path(), room.path().join(".git"));
        for run in ["", ".", "..", "../x", "a/b", "a\nb"] {
            assert!(set_current_run(&layout, run).is_err(), "{run:?}");
        }
        std::fs::create_dir_all(layout.worktree_folder()).unwrap();
        for text in ["", "\n", "../x\n"] {
            std::fs::write(layout.run_pointer(), text).unwrap();
            assert!(matches!(current_run(&layout), Err(StoreError::Damaged { .. })), "{text:?}");
        }
        std::fs::remove_file(layout.run_pointer()).unwrap();
        std::fs::create_dir(layout.run_pointer()).unwrap();
        assert!(matches!(current_run(&layout), Err(StoreError::Unusable { .. })));
    }
}

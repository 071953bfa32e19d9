//! What a bare repository keeps of each branch that is worked on: a worktree of its own, and beside it which branch that
//! is and where it was seen last. No name that somebody pushed becomes a path or an option.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::RunError;
use crate::git;
use crate::store::{self, Audience, Layout, Links};

const VERSION: u32 = 1;
const CAP: u64 = 64 << 10;
const ENDING: &str = ".json";
/// So much of a branch's name is shown in the name of its worktree.
const SHOWN: usize = 40;

/// A branch of a bare repository that is worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubBranch {
    version: u32,
    /// Its full name, as text that stands for bytes.
    #[serde(rename = "ref")]
    pub name: String,
    /// The commit at which a runner has seen it last, or to which it has moved it.
    pub seen: String,
    /// The commit of a push that was heard of while a person had to look first; its trigger may be gone by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

impl HubBranch {
    pub(super) fn new(name: &str, seen: &str) -> Self {
        Self { version: VERSION, name: name.to_owned(), seen: seen.to_owned(), told: None }
    }

    /// The same with a push that was heard of.
    pub(super) fn told(&self, commit: Option<String>) -> Self {
        Self { told: commit, ..self.clone() }
    }

    /// The branch as people know it.
    pub fn shown(&self) -> String {
        branch_name(&self.name)
    }
}

/// A branch as people know it.
pub fn branch_name(name: &str) -> String {
    let name = String::from_utf8_lossy(&git::text_to_path(name)).into_owned();
    crate::text::shown_line(name.strip_prefix("refs/heads/").unwrap_or(&name))
}

/// The name of the worktree of a branch: something readable, and what tells it from all others.
pub(super) fn name_of(branch: &str) -> String {
    let bytes = git::text_to_path(branch);
    let short = bytes.strip_prefix(b"refs/heads/").unwrap_or(&bytes);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let plain: String =
        short.iter().take(SHOWN).map(|byte| if is_plain(*byte) { char::from(*byte) } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let digest = format!("{:x}", Sha256::digest(&bytes));
    format!("{}-{}", if plain.is_empty() { "branch" } else { plain }, &digest[..12])
}

/// What is known of the branch of a worktree; none where it is no branch of a bare repository's.
pub(super) fn read(layout: &Layout, name: &str) -> Result<Option<HubBranch>, RunError> {
    let file = format!("{name}{ENDING}");
    let bytes = match store::read_capped(&layout.hub(), &file, CAP, Links::Any)? {
        Ok(None) => return Ok(None),
        Ok(Some(bytes)) => bytes,
        Err(why) => return Err(unusable(layout, &file, &format!("{why:?}"))),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unusable(layout, &file, &error.to_string()))
}

fn unusable(layout: &Layout, file: &str, why: &str) -> RunError {
    let folder = layout.hub().join(file.strip_suffix(ENDING).unwrap_or(file));
    let why = format!(
        "{why}; it says which branch {} is for. Save what you need of that folder first: once this file is removed, the next \
         push makes both anew",
        folder.display()
    );
    RunError::Unusable { path: layout.hub().join(file).display().to_string(), why }
}

pub(super) fn write(layout: &Layout, name: &str, branch: &HubBranch) -> Result<(), RunError> {
    let path = layout.hub().join(format!("{name}{ENDING}"));
    let mut text = serde_json::to_vec(branch).map_err(|source| RunError::Express { path, source })?;
    text.push(b'\n');
    store::make_machine_folder(&layout.hub())?;
    Ok(store::write(&layout.hub(), format!("{name}{ENDING}"), &text, Audience::Machine)?)
}

pub(super) fn remove(layout: &Layout, name: &str) -> Result<(), RunError> {
    Ok(store::remove(&layout.hub(), format!("{name}{ENDING}"))?)
}

/// A branch that is worked on, by the name of its worktree; or why that is not known.
pub(super) type Known = (String, Result<HubBranch, RunError>);

/// All branches that are worked on. One whose file is damaged hides no other.
pub(super) fn all(layout: &Layout) -> Result<Vec<Known>, RunError> {
    let names = store::list_capped(&layout.hub(), std::path::Path::new(""), usize::MAX)?.unwrap_or_default();
    let mut found = Vec::new();
    for name in names.iter().filter_map(|name| name.strip_suffix(ENDING)).filter(|name| !name.starts_with('.')) {
        if let Some(branch) = read(layout, name).transpose() {
            found.push((name.to_owned(), branch));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_readable_one_folder_and_nobody_elses() {
        let name = |bytes: &[u8]| name_of(&git::path_to_text(&[b"refs/heads/", bytes].concat()));
        let plain = |bytes: &[u8]| name(bytes).rsplit_once('-').unwrap().0.to_owned();
        for (branch, shown) in [
            (&b"main"[..], "main"),
            (b"x\xff\xfey", "x--y"),
            (b"a$(id);b", "a--id--b"),
            (b"-rf", "rf"),
            (b"../../x", "x"),
            (b"\xff", "branch"),
            (b"release/1.0", "release-1-0"),
        ] {
            assert_eq!(plain(branch), shown);
        }
        assert_ne!(name(b"a/b"), name(b"a-b"));
        assert_eq!(name(&[b'a'; 300]).len(), SHOWN + 13);
    }
}

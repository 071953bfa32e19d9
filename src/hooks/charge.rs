//! Who is in charge of a repository's hooks: git's own folder, or something that leads git elsewhere.

use std::path::PathBuf;

use super::tool::Tool;

/// Where git takes its hooks from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    /// `hooks` in the git directory, as ever.
    Usual,
    /// Another folder, which turnstile leaves alone.
    Elsewhere(Elsewhere),
}

/// Another folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The folder.
    pub folder: PathBuf,
    /// How people write it.
    pub shown: String,
    /// Who put it there, if it is known.
    pub tool: Option<Tool>,
    /// What leads there, as a sentence.
    pub why: String,
    /// What to type so that git looks into its own folder again.
    pub undo: String,
    /// Whether nothing can lie there: hooks are switched off.
    pub is_off: bool,
    /// Whether it belongs to the project, and so to everybody who works on it.
    pub is_shared: bool,
}

impl Elsewhere {
    /// The file in which a hook's own lines stand, as people write it.
    pub fn file(&self, hook: &str) -> String {
        format!("{}/{hook}", self.lines_folder())
    }

    /// Of husky, the lines stand beside the folder that git looks into.
    pub fn lines_folder(&self) -> &str {
        match self.tool {
            Some(Tool::Husky) => self.shown.strip_suffix("/_").unwrap_or(&self.shown),
            Some(Tool::Lefthook | Tool::PreCommit | Tool::Prek) | None => &self.shown,
        }
    }
}

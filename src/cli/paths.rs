//! Paths as the person who types them sees them.

use std::path::{Component, Path, PathBuf};

use super::Context;

impl Context {
    /// Where a path that was typed leads, without following what its last component may be.
    pub fn typed_path(&self, typed: &Path) -> PathBuf {
        let whole = self.directory.join(typed);
        let (Some(folder), Some(name)) = (whole.parent(), whole.file_name()) else {
            return whole.canonicalize().unwrap_or(whole);
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        folder.canonicalize().map_or_else(|_| whole.clone(), |folder| folder.join(name))
    }

    /// An absolute path as it is typed from the directory in which the command works.
    pub fn seen(&self, path: &Path) -> String {
        let Ok(from) = self.directory.canonicalize() else { return path.display().to_string() };
        relative(&from, path).display().to_string()
    }
}

fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n(Component::ParentDir, from.len() - common);
    let path: PathBuf = up.chain(to[common..].iter().copied()).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_as_it_is_typed_from_here() {
        for (from, to, expected) in [
            ("/w", "/w/.tickets/a.md", ".tickets/a.md"),
            ("/w/src/deep", "/w/.tickets/a.md", "../../.tickets/a.md"),
            ("/w/.tickets", "/w/.tickets/a.md", "a.md"),
            ("/x", "/w/a", "../w/a"),
            ("/w", "/w", "."),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(expected), "{from} {to}");
        }
    }
}

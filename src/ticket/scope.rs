//! Which paths a turn may change: the globs of a ticket's `scope` and those that the config protects. Must not know what
//! was changed.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// What the turns of one ticket may change unasked.
#[derive(Clone, Debug)]
pub struct Scope {
    inside: Option<GlobSet>,
    protected: GlobSet,
}

impl Scope {
    /// Made of the globs of a ticket (none: everything) and those of the config. One that cannot be read holds nothing;
    /// it is a fault, and no turn starts with one.
    pub fn new(scope: &[String], protected: &[String]) -> Self {
        Self { inside: (!scope.is_empty()).then(|| set(scope)), protected: set(protected) }
    }

    /// Why a path may not be changed, in words; none where it may. `.tickets/` is judged by other rules.
    pub fn refuses(&self, path: &str) -> Option<&'static str> {
        // A repository inside the worktree is one path that ends with a slash.
        let path = path.trim_end_matches('/');
        if path == ".tickets" || path.starts_with(".tickets/") {
            return None;
        }
        if self.protected.is_match(path) {
            return Some("inside `protect.paths`");
        }
        let outside = self.inside.as_ref().is_some_and(|inside| !inside.is_match(path));
        outside.then_some("outside its `scope`")
    }
}

fn set(globs: &[String]) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs.iter().filter_map(|text| glob(text).ok()) {
        builder.add(glob);
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

/// Reads a glob; `dir/` is everything in that folder. Or why it is none, as a fragment.
pub fn glob(text: &str) -> Result<Glob, String> {
    if text.is_empty()
        || text.starts_with(['/', '~'])
        || text.starts_with("./")
        || text.split('/').any(|part| part == "..")
    {
        return Err("it would match nothing: it is taken from the top of the worktree".to_owned());
    }
    let whole = if text.ends_with('/') { format!("{text}**") } else { text.to_owned() };
    let glob = GlobBuilder::new(&whole).literal_separator(true).build();
    glob.map_err(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(globs: &[&str]) -> Vec<String> {
        globs.iter().map(|glob| (*glob).to_owned()).collect()
    }

    #[test]
    fn globs_are_those_of_the_shell_and_a_star_stops_at_a_slash() {
        let scope = Scope::new(&texts(&["src/**", "docs/*.md", "ci/", "a[0-9]"]), &[]);
        for path in ["src/a", "src/a/b.rs", "docs/a.md", "ci/x/y", "a1", ".tickets/1.md", "src/nested/"] {
            assert_eq!(scope.refuses(path), None, "{path}");
        }
        for path in ["srcs/a", "src", "docs/a/b.md", "docs/a.txt", "cix", "a", "x.tickets/1", "nested/"] {
            assert_eq!(scope.refuses(path), Some("outside its `scope`"), "{path}");
        }
    }

    #[test]
    fn what_is_protected_is_so_for_every_ticket() {
        let protected = texts(&[".github/**", "*.lock"]);
        for scope in [Scope::new(&[], &protected), Scope::new(&texts(&["**"]), &protected)] {
            assert_eq!(scope.refuses(".github/workflows/ci.yml"), Some("inside `protect.paths`"));
            assert_eq!(scope.refuses("Cargo.lock"), Some("inside `protect.paths`"));
            assert_eq!(scope.refuses("sub/Cargo.lock"), None);
        }
        assert_eq!(Scope::new(&[], &[]).refuses("anything"), None);
    }

    #[test]
    fn a_glob_that_could_match_nothing_is_none() {
        for text in ["", "/src/**", "./src", "../x", "a/../b", "src/[a"] {
            assert!(glob(text).is_err(), "{text}");
        }
    }
}

//! Every dependency says why it is there, in `docs/dependencies.md`.

use std::collections::BTreeMap;

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The names of the entries in every table of dependencies.
fn declared(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_dependencies = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            is_dependencies = table.trim_end_matches(']').ends_with("dependencies");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| is_dependencies) {
            names.push(name.trim());
        }
    }
    names
}

/// What stands behind each name of the list.
fn reasons(page: &str) -> BTreeMap<&str, &str> {
    page.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: ")).collect()
}

#[test]
fn every_dependency_has_a_line_that_says_why() {
    let (manifest, page) = (file("Cargo.toml"), file("docs/dependencies.md"));
    let (declared, reasons) = (declared(&manifest), reasons(&page));
    assert!(declared.contains(&"git2") && declared.contains(&"proptest"), "{declared:?}");
    for name in &declared {
        let reason = reasons.get(name).unwrap_or_else(|| panic!("docs/dependencies.md has no line for `{name}`"));
        assert!(reason.len() > 20, "`{name}`: {reason}");
    }
    let left_over: Vec<_> = reasons.keys().filter(|name| !declared.contains(name)).collect();
    assert!(left_over.is_empty(), "no dependency any more: {left_over:?}");
}

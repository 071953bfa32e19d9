//! Every file that a page of this project links to is there.

use std::path::{Path, PathBuf};

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = docs.chain(["README.md", "CHANGELOG.md"].map(|name| root.join(name))).collect();
    pages.into_iter().filter(|page| page.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The targets of links, without those into the web and into the page itself.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', '#', ' ', '\n']).next()?;
        (!target.is_empty() && !target.contains("://")).then_some(target)
    })
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            let file = page.parent().unwrap().join(target);
            assert!(file.exists(), "{} links to {target}, which is not there", page.display());
            count += 1;
        }
    }
    assert!(count > 20, "only {count} links were found");
}

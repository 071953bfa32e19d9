//! Checks that a repository seems to have: its files are read, and what is found in them is printed.

use serde_json::{Value, json};

use super::init::is_program;
use super::{CliError, Context};
use crate::config::{
    MARKS, PROGRAMS, PassedOver, Repository, Suggestion, TEXTS, WORKFLOWS, known_checks, suggest, suggested_yaml,
};
use crate::store::{self, Layout, Links, TICKETS};
use crate::text::shown_line;
use crate::ticket::Unreadable;

/// The most workflows that are looked at.
const MOST_WORKFLOWS: usize = 200;

/// What is proposed here.
pub struct Looked {
    checks: Vec<Suggestion>,
    passed_over: Vec<PassedOver>,
    /// Whether the config has checks already, so that its key is there.
    has_checks: bool,
}

/// Reads what a repository says of its checks. No link is followed, and nothing is read beyond its cap.
pub fn look(layout: &Layout) -> Result<Looked, CliError> {
    let top = &layout.top;
    let mut repository = Repository::default();
    let mut passed_over = Vec::new();
    let workflows = store::list_capped(top, WORKFLOWS.as_ref(), MOST_WORKFLOWS)?.unwrap_or_default();
    let is_yaml = |name: &&String| {
        std::path::Path::new(name).extension().is_some_and(|extension| extension == "yml" || extension == "yaml")
    };
    let workflows = workflows.iter().filter(is_yaml).map(|name| format!("{WORKFLOWS}/{name}"));
    for path in TEXTS.iter().map(|path| (*path).to_owned()).chain(workflows) {
        match store::read_source(top, &path, Links::Any)? {
            Ok(Some(source)) => repository.texts.push(source),
            Ok(None) => {}
            Err(why) => passed_over.push(PassedOver { path, why: said(&why) }),
        }
    }
    for path in MARKS {
        if is_file(layout, path)? {
            repository.marks.push(path.to_owned());
        }
    }
    for path in PROGRAMS {
        if is_file(layout, path)? && is_program(&top.join(path)) {
            repository.programs.push(path.to_owned());
        }
    }
    if let Ok(Some(config)) = store::read_source(top, &format!("{TICKETS}/config.yaml"), Links::Any)? {
        repository.known = known_checks(&config);
    }
    let found = suggest(&repository);
    passed_over.extend(found.passed_over);
    Ok(Looked { checks: found.checks, passed_over, has_checks: !repository.known.is_empty() })
}

/// Whether a path is a regular file, reached over no link.
fn is_file(layout: &Layout, path: &str) -> Result<bool, CliError> {
    let found = store::read_capped(&layout.top, path, 0, Links::Any)?;
    Ok(matches!(found, Ok(Some(_)) | Err(Unreadable::TooLarge { .. })))
}

fn said(why: &Unreadable) -> String {
    match why {
        Unreadable::Symlink => "it is a symbolic link, or lies behind one; links are not followed".to_owned(),
        Unreadable::NotRegular => "it is not a regular file".to_owned(),
        Unreadable::TooLarge { bytes } => format!("it has {bytes} bytes, more than 1 MiB"),
        Unreadable::NotUtf8 { .. } => "it is not UTF-8".to_owned(),
        Unreadable::Io(why) => why.clone(),
    }
}

/// Prints what is proposed, as it can be pasted.
pub fn tell(context: &Context, looked: &Looked) {
    if context.printer.json {
        let mut document = json!({});
        add_to(&mut document, looked);
        context.printer.document(&document);
        return;
    }
    context.printer.data(&suggested_yaml(&looked.checks, !looked.has_checks));
    explain(context, looked);
}

/// The same for people only, beside what a command prints for programs.
pub fn tell_beside(context: &Context, looked: &Looked) {
    if !looked.checks.is_empty() {
        context.printer.note(suggested_yaml(&looked.checks, !looked.has_checks).trim_end());
    }
    explain(context, looked);
}

/// Adds what is proposed to a command's document.
pub fn add_to(document: &mut Value, looked: &Looked) {
    document["suggested"] = json!(looked.checks);
    document["passed_over"] = json!(looked.passed_over);
}

fn explain(context: &Context, looked: &Looked) {
    let printer = &context.printer;
    for PassedOver { path, why } in &looked.passed_over {
        printer.note(&format!("{} was passed over: {}", shown_line(path), shown_line(why)));
    }
    match (looked.checks.first(), looked.has_checks) {
        (Some(first), has_checks) => {
            let place = if has_checks { "below `checks:` in" } else { "into" };
            printer.note(&format!(
                "nothing was written: try these commands, paste those that you want {place} `.tickets/config.yaml`, and let a ticket ask for one with `verify: [{}]`",
                first.name
            ));
        }
        (None, true) => printer.note("nothing to propose that the config does not have already"),
        (None, false) => printer.note(
            "nothing to propose: no check was found in Cargo.toml, package.json, a Makefile, the files of GitHub's or GitLab's CI, or a script such as `.ci/run`",
        ),
    }
}

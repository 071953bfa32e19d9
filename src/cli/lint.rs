//! `lint`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CliError, Context, Exit};
use crate::diagnostic::{Diagnostic, Severity, render};
use crate::run::{Workspace, context_faults, lint_all};
use crate::store::{self, Audience, Links, TICKETS};
use crate::text::{Source, apply, shown_line};
use crate::ticket::{self, Ids};

/// Check every ticket and the config
///
/// Reports every fault at once, with its place and what to do about it. docs/lints.md explains the codes. Exit status
/// 3 if there is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile lint --fix\n  turnstile lint --format github .tickets/auth")]
pub struct Arguments {
    /// Report on these files or folders only
    paths: Vec<PathBuf>,
    /// Mend what is safe to mend
    #[arg(long)]
    fix: bool,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// How faults are printed
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// With the lines at fault, for people.
    Human,
    /// One document.
    Json,
    /// Annotations of GitHub's workflows.
    Github,
    /// One document for code scanning.
    Sarif,
}

/// Checks everything.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let format = format(context, arguments.format)?;
    let mut workspace = context.workspace()?;
    let mut looked = look(&mut workspace)?;
    let wanted = Wanted::of(context, &workspace, &arguments.paths, &looked)?;
    let fixed = if arguments.fix { fix(&workspace, &wanted.of_interest(&looked.diagnostics))? } else { Vec::new() };
    if !fixed.is_empty() {
        looked = look(&mut workspace)?;
    }
    let files = looked.files.iter().filter(|path| wanted.includes(path)).count();
    let mut diagnostics = wanted.of_interest(&looked.diagnostics);
    if arguments.strict {
        diagnostics = diagnostics.into_iter().map(Diagnostic::strict).collect();
    }
    match format {
        Format::Human => {
            let top = workspace.layout.top.clone();
            let source =
                move |path: &str| store::read_source(&top, path, Links::Any).ok().and_then(Result::ok).flatten();
            context.printer.data(&render::human(&diagnostics, &source, context.printer.colored()));
        }
        Format::Json => {
            let mut document = render::json(files, &diagnostics);
            document["fixed"] = serde_json::json!(fixed);
            context.printer.document(&document);
        }
        Format::Github => context.printer.data(&render::github(&diagnostics)),
        Format::Sarif => context.printer.document(&render::sarif(&diagnostics)),
    }
    let errors = diagnostics.iter().filter(|fault| fault.severity == Severity::Error).count();
    if format == Format::Human {
        for path in &fixed {
            context.printer.note(&format!("mended {}", shown_line(path)));
        }
        context.printer.note(&summary(files, errors, &diagnostics));
    }
    Ok(if errors == 0 { Exit::SUCCESS } else { Exit::INVALID })
}

/// `--json` is the format `json`, unless another kind of document is asked for.
fn format(context: &Context, asked: Option<Format>) -> Result<Format, CliError> {
    match (asked, context.printer.json) {
        (Some(Format::Human | Format::Github), true) => {
            Err(CliError::usage("`--json` prints one document; leave it or `--format` away"))
        }
        (Some(format), _) => Ok(format),
        (None, true) => Ok(Format::Json),
        (None, false) => Ok(Format::Human),
    }
}

struct Looked {
    files: Vec<Arc<str>>,
    diagnostics: Vec<Diagnostic>,
}

/// Reads the settings and the tickets; git is not asked.
fn look(workspace: &mut Workspace) -> Result<Looked, CliError> {
    let settings = workspace.settings()?;
    let mut files: Vec<Arc<str>> = Vec::new();
    if workspace.layout.config_file().symlink_metadata().is_ok() {
        files.push(format!("{TICKETS}/config.yaml").into());
    }
    let mut misplaced = store::misplaced(&workspace.layout, None)?;
    // Where `.tickets` itself is no folder it stands among the tickets.
    misplaced.retain(|fault| &*fault.path != TICKETS);
    let top = workspace.layout.top.clone();
    let reads = workspace.reads()?;
    files.extend(reads.iter().map(|read| read.path.clone()));
    let mut diagnostics = settings.faults;
    diagnostics.extend(misplaced);
    let ids = Ids::of(reads);
    diagnostics.extend(lint_all(reads, &ids, &settings.config));
    diagnostics.extend(context_faults(&top, reads, &ids));
    if settings.max_bytes_at.is_some() {
        diagnostics.extend(workspace.prompt_faults());
    }
    in_order(&mut diagnostics, &files);
    Ok(Looked { files, diagnostics })
}

/// The faults of one file together, from its top to its end, whether a rule looked at it alone or among others.
fn in_order(diagnostics: &mut [Diagnostic], files: &[Arc<str>]) {
    if diagnostics.is_empty() {
        return;
    }
    let order: HashMap<&str, usize> = files.iter().enumerate().map(|(at, path)| (&**path, at)).collect();
    // Templates are no files of the list; they come with the config.
    let at = |fault: &Diagnostic| order.get(&*fault.path).copied().unwrap_or(0);
    let key = |fault: &Diagnostic| (at(fault), fault.path.clone(), fault.place, fault.code);
    diagnostics.sort_by_cached_key(key);
}

/// What is reported: everything, or what lies at or below these paths.
struct Wanted(Vec<String>);

impl Wanted {
    fn of(context: &Context, workspace: &Workspace, typed: &[PathBuf], looked: &Looked) -> Result<Self, CliError> {
        let mut wanted = Vec::new();
        for path in typed {
            wanted.push(below_top(context, workspace, path, looked)?);
        }
        Ok(Self(wanted))
    }

    fn includes(&self, path: &str) -> bool {
        let holds = |wanted: &String| {
            path.strip_prefix(wanted.as_str()).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
        };
        self.0.is_empty() || self.0.iter().any(|wanted| wanted.is_empty() || holds(wanted))
    }

    fn of_interest(&self, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
        diagnostics.iter().filter(|fault| self.includes(&fault.path)).cloned().collect()
    }
}

/// A typed path as diagnostics name it. It has to be or to hold something that is checked.
fn below_top(context: &Context, workspace: &Workspace, typed: &Path, looked: &Looked) -> Result<String, CliError> {
    let whole = context.typed_path(typed);
    let shown = shown_line(&typed.display().to_string());
    let refuse = |why: &str| {
        Err(CliError::invalid(format!("`{shown}` {why}"))
            .details(serde_json::json!({ "path": typed.display().to_string() }))
            .hint("`turnstile list` shows the tickets; without a path everything is checked"))
    };
    let whole = if whole.file_name().is_none() || whole.ends_with("..") || whole.ends_with(".") {
        whole.canonicalize().unwrap_or(whole)
    } else {
        whole
    };
    let Ok(below) = whole.strip_prefix(&workspace.layout.top) else {
        return refuse("is not in this worktree");
    };
    if whole.symlink_metadata().is_err() {
        return refuse("does not exist");
    }
    let path = below.to_string_lossy().into_owned();
    let wanted = Wanted(vec![path.clone()]);
    let is_checked = looked.files.iter().any(|file| wanted.includes(file))
        || looked.diagnostics.iter().any(|fault| wanted.includes(&fault.path))
        || path.starts_with(&format!("{TICKETS}/templates/"));
    let could_hold = whole.is_dir() && (path.is_empty() || path == TICKETS || path.starts_with(".tickets/"));
    if is_checked || could_hold { Ok(path) } else { refuse("is no ticket") }
}

/// Mends what is safe to mend; gives back the files that changed.
fn fix(workspace: &Workspace, diagnostics: &[Diagnostic]) -> Result<Vec<String>, CliError> {
    let mut by_path: BTreeMap<Arc<str>, Vec<Diagnostic>> = BTreeMap::new();
    for fault in diagnostics.iter().filter(|fault| fault.fix.is_some()) {
        by_path.entry(fault.path.clone()).or_default().push(fault.clone());
    }
    let mut fixed = Vec::new();
    for (path, faults) in by_path {
        let Ok(Some(source)) = store::read_source(&workspace.layout.top, &path, Links::Any)? else { continue };
        let is_ticket = path.strip_prefix(".tickets/").is_some_and(store::is_ticket_path);
        let text = if is_ticket { ticket::fixed(&source, &faults) } else { config_fixed(&source, &faults) };
        let Some(text) = text else { continue };
        store::write(&workspace.layout.top, &*path, text.as_bytes(), Audience::People)?;
        fixed.push(path.to_string());
    }
    Ok(fixed)
}

/// The config with every safe edit that leaves fewer faults.
fn config_fixed(source: &Source, faults: &[Diagnostic]) -> Option<String> {
    let mut edits = Vec::new();
    for fix in faults.iter().filter_map(|fault| fault.fix.as_ref()) {
        let together: Vec<_> = edits.iter().chain(fix).cloned().collect();
        if apply(&source.text, &together).is_ok() {
            edits = together;
        }
    }
    let text = apply(&source.text, &edits).ok().filter(|text| *text != *source.text)?;
    let before = crate::config::read(Some(source)).1.len();
    let after = crate::config::read(Some(&Source::new(source.path.clone(), text.as_str()))).1.len();
    (after < before).then_some(text)
}

fn summary(files: usize, errors: usize, diagnostics: &[Diagnostic]) -> String {
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    if diagnostics.is_empty() {
        return format!("{}, no faults", count(files, "file"));
    }
    let warnings = diagnostics.len() - errors;
    let mut text = format!("{}, {}, {}", count(files, "file"), count(errors, "error"), count(warnings, "warning"));
    if diagnostics.iter().any(|fault| fault.fix.is_some()) {
        text.push_str("; `turnstile lint --fix` mends what is safe to mend");
    }
    text
}

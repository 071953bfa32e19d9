//! The settings of a repository: the config and the templates, read from where they lie or from the copy that a person
//! has stored, with everything that is wrong with them.

use super::error::RunError;
use super::workspace::Workspace;
use crate::config::{self, Config};
use crate::diagnostic::{Code, Diagnostic};
use crate::prompt::TemplateSet;
use crate::store::{self, Links, StoreError, StoredCopy, TICKETS};
use crate::text::{LineColumn, Source};
use crate::ticket::Unreadable;

/// A file below `.tickets/`, and its text or why that is not there.
pub(super) type NamedText = (String, Result<Source, Diagnostic>);

/// The settings of a repository.
#[derive(Debug)]
pub struct Settings {
    /// The config over the defaults.
    pub config: Config,
    /// The templates of prompts.
    pub templates: TemplateSet,
    /// What is wrong with either.
    pub faults: Vec<Diagnostic>,
    /// Where `prompt.max_bytes` stands in the config.
    pub max_bytes_at: Option<LineColumn>,
    /// All that they were read from.
    pub files: Vec<Source>,
    /// What they could not be read from, which is among the faults.
    pub unread: Vec<String>,
}

impl Workspace {
    /// The settings, with everything that is wrong with them.
    pub fn settings(&self) -> Result<Settings, RunError> {
        if let Some(copy) = &self.copy {
            return Ok(settings_of(copy));
        }
        self.settings_here()
    }

    /// The same as the worktree has them.
    pub(super) fn settings_here(&self) -> Result<Settings, RunError> {
        let mut faults = Vec::new();
        let path = format!("{TICKETS}/config.yaml");
        // Where `.tickets` itself is no folder that is the fault, not what cannot be read below it.
        if store::misplaced(&self.layout, None)?.iter().any(|fault| &*fault.path == TICKETS) {
            return Ok(Settings {
                config: Config::default(),
                templates: TemplateSet::built_in(),
                faults,
                max_bytes_at: None,
                files: Vec::new(),
                unread: vec![TICKETS.to_owned()],
            });
        }
        let mut unread = Vec::new();
        let source = match store::read_source(&self.layout.top, &path, Links::Any)? {
            Ok(source) => source,
            Err(why) => {
                unread.push(path.clone());
                faults.push(why.diagnostic(path));
                None
            }
        };
        let overrides = self.template_overrides(&mut faults, &mut unread)?;
        // What the folder stands for is named elsewhere.
        if self.layout.templates().symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            unread.push(format!("{TICKETS}/templates"));
        }
        let mut settings = settings_from(source, overrides);
        faults.append(&mut settings.faults);
        let misnamed = format!("{TICKETS}/config.yml");
        if store::read_capped(&self.layout.top, &misnamed, 0, Links::Any)? != Ok(None) {
            let fault = Diagnostic::of_file(Code::UnknownKey, misnamed, "this file is not read");
            faults.push(fault.help("`git mv .tickets/config.yml .tickets/config.yaml`, or remove it"));
        }
        Ok(Settings { faults, unread, ..settings })
    }

    fn template_overrides(
        &self,
        faults: &mut Vec<Diagnostic>,
        unread: &mut Vec<String>,
    ) -> Result<Vec<Source>, RunError> {
        let mut overrides = Vec::new();
        for (path, read) in self.files_below("templates")? {
            match read {
                Ok(source) => overrides.push(source),
                Err(fault) => {
                    unread.push(path);
                    faults.push(fault);
                }
            }
        }
        Ok(overrides)
    }

    /// The texts of a folder of `.tickets/`, sorted by path; what cannot be read is a fault.
    pub(super) fn files_below(&self, folder: &str) -> Result<Vec<NamedText>, RunError> {
        let root = self.layout.tickets().join(folder);
        let mut files = Vec::new();
        // A link in the place of the folder is named as such elsewhere; what lies behind it is nobody's business.
        for entry in walkdir::WalkDir::new(&root).follow_root_links(false).min_depth(1).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) => {
                    continue;
                }
                Err(error) if error.io_error().is_some_and(store::is_shortage) => {
                    return Err(StoreError::List { path: root, source: error.into() }.into());
                }
                Err(error) => {
                    return Err(RunError::Unusable { path: root.display().to_string(), why: error.to_string() });
                }
            };
            if entry.file_type().is_dir() {
                continue;
            }
            let Ok(below) = entry.path().strip_prefix(&self.layout.top) else { continue };
            let path = below.to_string_lossy().into_owned();
            match store::read_source(&self.layout.top, &path, Links::Any)? {
                Ok(Some(source)) => files.push((path, Ok(source))),
                Ok(None) => {}
                Err(why) => files.push((path.clone(), Err(why.diagnostic(path)))),
            }
        }
        Ok(files)
    }
}

/// The settings that some texts make, with what is wrong with them.
fn settings_from(source: Option<Source>, overrides: Vec<Source>) -> Settings {
    let (config, mut faults) = config::read(source.as_ref());
    let named: Vec<(String, String)> = overrides
        .iter()
        .map(|source| {
            let name = source.path.strip_prefix(".tickets/templates/").unwrap_or(&source.path);
            (name.to_owned(), source.text.to_string())
        })
        .collect();
    let templates = match named.as_slice() {
        [] => TemplateSet::built_in(),
        overrides => TemplateSet::with_overrides(overrides).unwrap_or_else(|found| {
            faults.extend(found);
            TemplateSet::built_in()
        }),
    };
    let max_bytes_at = source.as_ref().and_then(|source| config::place_of(source, &["prompt", "max_bytes"]));
    let files = source.into_iter().chain(overrides).collect();
    Settings { config, templates, faults, max_bytes_at, files, unread: Vec::new() }
}

/// The same of what a person has stored.
pub(super) fn settings_of(copy: &StoredCopy) -> Settings {
    let (mut source, mut overrides, mut faults, mut unread) = (None, Vec::new(), Vec::new(), Vec::new());
    for (path, bytes) in &copy.files {
        match String::from_utf8(bytes.clone()) {
            Ok(text) if *path == format!("{TICKETS}/config.yaml") => source = Some(Source::new(path.as_str(), text)),
            Ok(text) => overrides.push(Source::new(path.as_str(), text)),
            Err(error) => {
                let why = Unreadable::NotUtf8 { at: error.utf8_error().valid_up_to() };
                faults.push(why.diagnostic(path.as_str()));
                unread.push(path.clone());
            }
        }
    }
    let mut settings = settings_from(source, overrides);
    faults.append(&mut settings.faults);
    Settings { faults, unread, ..settings }
}

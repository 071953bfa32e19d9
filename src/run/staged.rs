//! The faults of the tickets that a commit is about to hold. They are read from the index: what lies in the worktree
//! may be something else, and is none of the commit's business.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::error::RunError;
use super::lint::lint_all;
use super::workspace::Workspace;
use crate::config;
use crate::diagnostic::{Code, Diagnostic};
use crate::git::{self, Place, StagedFile};
use crate::store::{self, Links, TEXT_CAP, TICKETS};
use crate::text::Source;
use crate::ticket::{Ids, Read, Unreadable, is_ticket_path, missing_context, natural_order, read_ticket};

const LINK: u32 = 0o120_000;
const REPOSITORY: u32 = 0o160_000;

/// What is wrong with what is staged.
#[derive(Debug, Default)]
pub struct StagedLint {
    /// How many tickets and settings the commit changes.
    pub files: usize,
    /// The faults of what it changes, and those that it brings elsewhere: the last commit does not have them.
    pub faults: Vec<Diagnostic>,
    /// The texts, for whoever shows the lines at fault.
    pub sources: BTreeMap<String, Source>,
}

/// All tickets of an index or a commit, judged.
struct Judged {
    faults: Vec<Diagnostic>,
    sources: BTreeMap<String, Source>,
}

impl Workspace {
    /// Checks what an index holds of tickets and settings.
    pub fn lint_staged(&self, index: &Path) -> Result<StagedLint, RunError> {
        let staged = git::staged(&self.place, index, TICKETS)?;
        let changed: BTreeSet<String> =
            staged.changed.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        if changed.is_empty() {
            return Ok(StagedLint::default());
        }
        let judged = self.judge(&staged.files)?;
        let (mut faults, others): (Vec<_>, Vec<_>) =
            judged.faults.into_iter().partition(|fault| changed.contains(&*fault.path));
        let mut others: Vec<Diagnostic> = others.into_iter().filter(Diagnostic::is_error).collect();
        if !others.is_empty() {
            let key = |fault: &Diagnostic| (fault.path.clone(), fault.code, fault.message.clone());
            let known: HashSet<_> = self.judge(&staged.committed)?.faults.iter().map(key).collect();
            others.retain(|fault| !known.contains(&key(fault)));
        }
        faults.extend(others);
        // Of each file from its top to its end, whether a rule looked at it alone or among others.
        faults.sort_by_cached_key(|fault| (fault.path.clone(), fault.place, fault.code));
        let is_checked = |path: &&String| path.strip_prefix(".tickets/").is_some_and(is_checked);
        Ok(StagedLint { files: changed.iter().filter(is_checked).count(), faults, sources: judged.sources })
    }

    fn judge(&self, files: &[StagedFile]) -> Result<Judged, RunError> {
        let (mut faults, mut sources, mut reads) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut settings = None;
        for file in files {
            let Ok(path) = std::str::from_utf8(&file.path) else {
                let path = String::from_utf8_lossy(&file.path);
                if path.strip_prefix(".tickets/").is_some_and(is_ticket_path) {
                    let fault = Diagnostic::of_file(Code::NotUtf8, &*path, "the name of this file is not UTF-8");
                    faults.push(fault.help("rename it"));
                }
                continue;
            };
            if path == TICKETS {
                faults.push(Unreadable::Symlink.diagnostic(path));
                continue;
            }
            let Some(below) = path.strip_prefix(".tickets/").filter(|below| is_checked(below)) else { continue };
            match text(&self.place, file, path)? {
                Ok(source) => {
                    sources.insert(path.to_owned(), source.clone());
                    if is_ticket_path(below) { reads.push(read_ticket(&source)) } else { settings = Some(source) }
                }
                Err(why) if is_ticket_path(below) => reads.push(Read {
                    id: crate::ticket::TicketId::of_path(path),
                    path: path.into(),
                    ticket: None,
                    diagnostics: vec![why.diagnostic(path)],
                }),
                Err(why) => faults.push(why.diagnostic(path)),
            }
        }
        // Settings that git ignores are in no commit, and hold all the same.
        if settings.is_none() {
            settings = self.ignored_settings()?;
        }
        let (config, found) = config::read(settings.as_ref());
        faults.extend(found);
        reads.sort_by(|one, other| natural_order(&one.path, &other.path));
        let ids = Ids::of(&reads);
        faults.extend(lint_all(&reads, &ids, &config));
        let all: BTreeSet<&[u8]> = files.iter().map(|file| file.path.as_slice()).collect();
        let top = &self.layout.top;
        let is_there = |path: &str| {
            // Only what lies below `.tickets` is known of the index.
            all.contains(path.as_bytes()) || !matches!(store::read_capped(top, path, 0, Links::Any), Ok(Ok(None)))
        };
        faults.extend(missing_context(&reads, &ids, is_there));
        Ok(Judged { faults, sources })
    }

    fn ignored_settings(&self) -> Result<Option<Source>, RunError> {
        let path = format!("{TICKETS}/config.yaml");
        if !git::is_ignored(&self.place, &path)? {
            return Ok(None);
        }
        Ok(store::read_source(&self.layout.top, &path, Links::Any)?.ok().flatten())
    }
}

/// Whether what lies at a path below `.tickets/` is read at all.
fn is_checked(below: &str) -> bool {
    below == "config.yaml" || is_ticket_path(below)
}

fn text(place: &Place, file: &StagedFile, path: &str) -> Result<Result<Source, Unreadable>, RunError> {
    match file.mode {
        LINK => return Ok(Err(Unreadable::Symlink)),
        REPOSITORY => return Ok(Err(Unreadable::NotRegular)),
        _ => {}
    }
    let bytes = match git::blob_at_most(place, file, TEXT_CAP)? {
        Ok(bytes) => bytes,
        Err(bytes) => return Ok(Err(Unreadable::TooLarge { bytes })),
    };
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(path, text)),
        Err(error) => Err(Unreadable::NotUtf8 { at: error.utf8_error().valid_up_to() }),
    })
}

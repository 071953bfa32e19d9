//! The files beside a message: what they are, how large, and why they may not be moved.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::{Folder, Kind, StoreError};
use crate::text::shown_line;

/// At most so many bytes of attachments with a message.
pub const ATTACHMENTS_BYTES: u64 = 32 << 20;
/// At most so many attachments with a message.
pub const ATTACHMENTS_FILES: usize = 200;

const DEPTH: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Attachments {
    pub files: Vec<(String, u64)>,
    pub problem: Option<String>,
}

/// Lists what lies beside a message, and stops at the first thing that may not be moved.
pub(super) fn survey(folder: &Folder, left_in_place: &[&str]) -> Result<Attachments, StoreError> {
    let mut found = Attachments::default();
    let mut left = ATTACHMENTS_BYTES;
    found.problem = walk(folder, "", 0, &mut |name| stays(name, left_in_place), &mut found.files, &mut left)?;
    found.files.sort_unstable();
    Ok(found)
}

/// What lies in an outbox or a reply folder and is no attachment.
pub(super) fn stays(name: &OsStr, left_in_place: &[&str]) -> bool {
    left_in_place.iter().chain(&[".gitkeep", ".gitignore"]).any(|reserved| name == *reserved) || is_temporary(name)
}

/// What a killed writer left behind.
fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".turnstile-") && name.as_bytes().ends_with(b".tmp")
}

fn walk(
    folder: &Folder,
    prefix: &str,
    depth: usize,
    stays: &mut dyn FnMut(&OsStr) -> bool,
    files: &mut Vec<(String, u64)>,
    left: &mut u64,
) -> Result<Option<String>, StoreError> {
    // Empty folders are no files, but a million of them is still a million names.
    let names = folder.names_at_most(4 * ATTACHMENTS_FILES)?;
    let Some(names) = names else { return Ok(Some(too_many())) };
    for name in names {
        let name = OsStr::from_bytes(name.as_bytes());
        if stays(name) {
            continue;
        }
        let shown = format!("{prefix}{}", shown_line(&name.to_string_lossy()));
        let Some(text) = name.to_str() else {
            return Ok(Some(format!("the name of the attachment {shown} is not UTF-8; rename it")));
        };
        let Some(stat) = folder.stat(name)? else { continue };
        match Kind::of(&stat) {
            Kind::File if stat.st_nlink > 1 => {
                return Ok(Some(format!("the attachment {shown} has a second name (a hard link); attach a copy")));
            }
            Kind::File => {
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                match left.checked_sub(bytes) {
                    Some(rest) => *left = rest,
                    None => return Ok(Some("the attachments are larger than 32 MiB; leave some out".to_owned())),
                }
                if files.len() >= ATTACHMENTS_FILES {
                    return Ok(Some(too_many()));
                }
                files.push((format!("{prefix}{text}"), bytes));
            }
            Kind::Folder if depth >= DEPTH => {
                return Ok(Some(format!("the attachments lie deeper than {DEPTH} folders: {shown}")));
            }
            Kind::Folder => {
                let Some(child) = folder.below(Path::new(name))? else { continue };
                let problem = walk(&child, &format!("{prefix}{text}/"), depth + 1, &mut |_| false, files, left)?;
                if problem.is_some() {
                    return Ok(problem);
                }
            }
            Kind::Symlink => {
                return Ok(Some(format!("the attachment {shown} is a symbolic link; attach the file itself")));
            }
            Kind::Other => return Ok(Some(format!("the attachment {shown} is not a regular file"))),
        }
    }
    Ok(None)
}

fn too_many() -> String {
    format!("there are more than {ATTACHMENTS_FILES} attachments; leave some out")
}

//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::crash::{Point, point};

/// Puts a file in place, whatever was there. It survives a power cut once this has returned.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let file = prepared(path, content)?;
    file.as_file().sync_all()?;
    point(Point::RecordFilled);
    file.persist(path).map_err(|refused| refused.error)?;
    point(Point::RecordNamed);
    sync_directory_of(path)
}

/// The same, and an error if something is there already.
pub(super) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let file = prepared(path, content)?;
    file.as_file().sync_all()?;
    point(Point::RecordFilled);
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    sync_directory_of(path)
}

/// Puts a file in place that means nothing after a power cut.
pub(super) fn replace_until_reboot(path: &Path, content: &[u8]) -> io::Result<()> {
    prepared(path, content)?.persist(path).map_err(|refused| refused.error)?;
    Ok(())
}

fn prepared(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".record-").tempfile_in(directory_of(path))?;
    file.write_all(content)?;
    Ok(file)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

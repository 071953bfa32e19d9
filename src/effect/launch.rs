//! The runner's side of an effect's beginning.
use std::ffi::OsString;
use std::path::Path;

use super::EffectError;

/// Starts `exe __effect DIRECTORY` with exactly `environment`, and does not wait for it.
pub fn launch(
    _exe: &Path,
    _directory: &Path,
    _environment: &[(OsString, OsString)],
    _cwd: &Path,
) -> Result<(), EffectError> {
    unimplemented!()
}

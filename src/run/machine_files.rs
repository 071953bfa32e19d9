//! Files of the machine's, below `turnstile/` in the git directory: written whole or not at all.

use std::path::Path;

use super::error::RunError;
use crate::store::{self, Audience, Layout};

/// Writes a request of an effect, whole or not at all.
pub(super) fn write_request<T: serde::Serialize>(
    layout: &Layout,
    directory: &Path,
    request: &T,
) -> Result<(), RunError> {
    let path = directory.join("request.json");
    let text = serde_json::to_vec(request).map_err(|source| RunError::Express { path: path.clone(), source })?;
    write_machine(layout, &path, &text)
}

/// Writes a file of the machine's, below `turnstile/` in the git directory.
pub(super) fn write_machine(layout: &Layout, path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    Ok(store::write(&layout.common_dir, below_git(layout, path)?, bytes, Audience::Machine)?)
}

/// Writes several into one folder. Any of them may be missing or torn after a power cut before this returns.
pub(super) fn write_machine_files(layout: &Layout, folder: &Path, files: &[(&str, &[u8])]) -> Result<(), RunError> {
    Ok(store::write_together(&layout.common_dir, below_git(layout, folder)?, files, Audience::Machine)?)
}

fn below_git<'p>(layout: &Layout, path: &'p Path) -> Result<&'p Path, RunError> {
    path.strip_prefix(&layout.common_dir).map_err(|_| RunError::Unusable {
        path: path.display().to_string(),
        why: "it is not in the git directory".to_owned(),
    })
}

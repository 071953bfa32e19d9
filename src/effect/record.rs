//! What is on disk about an effect.
use std::path::Path;

use serde::de::DeserializeOwned;

use super::EffectError;

/// What the world shows about an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence<T> {
    /// Nothing of it was done, and nobody is about to.
    NotStarted,
    /// Its child holds the lease.
    Running,
    /// It came to its end: what it returned, or why it could not.
    Over(Result<T, String>),
    /// It began, and its child was gone before the end was recorded.
    Lost,
}

/// Reads what there is about the effect in `directory`. Takes nothing and changes nothing.
pub fn evidence<T: DeserializeOwned>(_directory: &Path) -> Result<Evidence<T>, EffectError> {
    unimplemented!()
}

/// The process that carries the effect out, if it lives.
pub fn child_pid(_directory: &Path) -> Result<Option<u32>, EffectError> {
    unimplemented!()
}

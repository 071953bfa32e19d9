//! The child's own side of an effect.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::EffectError;

/// What the body of an effect may use.
#[derive(Debug)]
pub struct ChildContext<'a> {
    /// The directory of the effect; `request.json` is in it.
    pub directory: &'a Path,
    /// Turns true when the effect is asked to stop; hand it to [`run`](super::run).
    pub asked: Arc<AtomicBool>,
}

/// Carries out the effect in `directory`, in the process that [`launch`](super::launch) spawned for it.
pub fn child<T: Serialize>(
    _directory: &Path,
    _body: impl FnOnce(&ChildContext<'_>) -> Result<T, String>,
) -> Result<(), EffectError> {
    unimplemented!()
}

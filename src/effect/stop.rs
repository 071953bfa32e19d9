//! Ending an effect from outside.
use std::path::Path;
use std::time::Duration;

use super::EffectError;

/// Asks the effect in `directory` to stop; nothing happens if it is over.
pub fn ask_to_stop(_directory: &Path) -> Result<(), EffectError> {
    unimplemented!()
}

/// Ends what a program of a lost effect left running, and says how many processes that were. To be called before a
/// [`Lost`](super::Evidence::Lost) effect is settled: nobody else looks after them, and they may still write.
pub fn end_leftovers(_directory: &Path, _grace: Duration) -> Result<u32, EffectError> {
    unimplemented!()
}

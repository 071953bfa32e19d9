//! One supervised program.
use std::sync::atomic::AtomicBool;

use super::{Program, ProgramEnd};

/// Runs a program to its end; `asked` ends it early. See [`Program`] for what holds.
pub fn run(_program: &Program, _asked: &AtomicBool) -> ProgramEnd {
    unimplemented!()
}

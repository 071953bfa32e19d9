//! Effects with real processes: this test executable stands in for the binary, small `sh` scripts for the programs.

mod evidence;
mod kills;
mod programs;
mod support;

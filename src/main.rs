//! The binary: hands the command line to the library and returns its exit status.
use std::process::ExitCode;

fn main() -> ExitCode {
    turnstile::cli::main()
}

//! `schema`.

use super::{Context, Exit};

/// Print the JSON Schema of tickets' frontmatter and of the config
///
/// `$defs/ticket` and `$defs/config`, for editors and for programs that write tickets.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Prints the schema, which is a document with or without `--json`.
pub fn run(context: &Context, _: &Arguments) -> Exit {
    context.printer.document(&crate::config::schema());
    Exit::SUCCESS
}

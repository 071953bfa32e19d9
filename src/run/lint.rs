//! The faults of tickets: each alone, among themselves, and against what lies in the worktree.

use std::path::Path;

use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::store::{self, Links};
use crate::ticket::{Ids, LintContext, Read};

/// What open tickets require in `context` and is not there.
pub fn context_faults(top: &Path, reads: &[Read], ids: &Ids) -> Vec<Diagnostic> {
    let is_there = |path: &str| !matches!(store::read_capped(top, path, 0, Links::Any), Ok(Ok(None)));
    crate::ticket::missing_context(reads, ids, is_there)
}

/// The faults of tickets, each alone and among themselves.
pub fn lint_all(reads: &[Read], ids: &Ids, config: &Config) -> Vec<Diagnostic> {
    let roster = config.roster_names();
    // One at fault is reported where it stands, and not again at every ticket.
    let at_fault = config.default_agent_at_fault.then_some("");
    let needs_check = config.require_verify && !config.verify.iter().any(|item| item.required);
    let default_agent = config.default_agent.as_deref().or(at_fault);
    let silent = config.silent_names();
    let context = LintContext { roster: &roster, default_agent, needs_check, silent: &silent };
    let mut diagnostics: Vec<Diagnostic> = reads.iter().flat_map(|read| read.diagnostics.iter().cloned()).collect();
    diagnostics.extend(crate::ticket::lint(reads, ids, &context));
    diagnostics
}

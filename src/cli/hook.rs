//! `hook`: what installed git hooks call. It fails nothing and holds nobody up, whatever is the matter.

use std::ffi::OsString;
use std::io::IsTerminal as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{CliError, Context, Exit, lint_staged};
use crate::run::{HookCall, Hooked, is_local, take_hook};
use crate::text::shown_line;
use crate::trigger::{Hook, STDIN_CAP};

/// What git hooks call: keep a trigger, start a run for it, and end
///
/// Reads what git tells the hook, writes it down where no crash loses it, starts a runner that nothing of this process
/// reaches, and exits with 0 whatever comes of it: no push or commit waits or fails because of it. Names of hooks:
/// pre-push, post-receive, post-merge, post-rewrite, post-commit, post-checkout. Inside of a turn they do nothing. The hook
/// pre-commit is another matter: it looks at the staged tickets, and refuses a commit that would break them. With
/// `TURNSTILE_DISABLED=1` none of them does anything. `hooks install` has git call it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The name of the hook
    #[arg(value_name = "NAME")]
    name: String,
    /// What git gives the hook
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// What a person at this machine reads as the push goes on.
const KEPT: &str = "turnstile: trigger kept; turnstile status shows what came of it";

/// After so long without a byte nobody waits for the end of what a hook is told.
const SILENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Takes a call of a hook.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    if context.environment.is_disabled() {
        return Ok(Exit::SUCCESS);
    }
    let Some(hook) = Hook::named(&arguments.name) else {
        let names: Vec<&str> = Hook::ALL.iter().map(|hook| hook.name()).collect();
        if is_local(&context.environment.variables) {
            let name = shown_line(&arguments.name);
            context
                .printer
                .note(&format!("turnstile has nothing to do in the hook `{name}`; it has in {}", names.join(", ")));
        }
        return Ok(Exit::SUCCESS);
    };
    if !hook.makes_trigger() {
        return lint_staged::run(context);
    }
    let call = HookCall {
        hook,
        arguments: arguments.arguments.clone(),
        stdin: if hook.reads_input() { stdin() } else { Vec::new() },
        git_dir: context.environment.get("GIT_DIR").cloned(),
        directory: context.directory.clone(),
    };
    let told = match take_hook(&call, &context.surroundings()) {
        Hooked::Kept => KEPT.to_owned(),
        Hooked::NotKept(why) => format!("turnstile: no trigger kept: {}", shown_line(&why)),
        Hooked::NotStarted(why) => {
            format!("turnstile: trigger kept, and no run could be started for it: {}", shown_line(&why))
        }
        Hooked::Nothing(why) => {
            tracing::debug!(hook = hook.name(), why, "nothing is to be done");
            return Ok(Exit::SUCCESS);
        }
    };
    if is_local(&context.environment.variables) {
        context.printer.note(&told);
    } else {
        tracing::debug!(hook = hook.name(), told, "nobody is told");
    }
    Ok(Exit::SUCCESS)
}

/// What git tells the hook. It is read to its end, so that git never writes to nobody; what is too much is forgotten.
/// Git has it all ready: of somebody else, who leaves the pipe open and says nothing more, what was said is enough.
fn stdin() -> Vec<u8> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    let mut part = vec![0; 64 << 10];
    loop {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&SILENCE)) {
            Ok(0) => break,
            Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match rustix::io::read(&stdin, &mut part) {
            Ok(read) if read > 0 => {
                bytes.extend_from_slice(&part[..read.min(STDIN_CAP - bytes.len())]);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            // What could not be read is not there: that the hook was called is the signal.
            Ok(_) | Err(_) => break,
        }
    }
    bytes
}

//! What has become of a hook that was asked for: whether it rings, and if not, who has silenced it.

use std::path::Path;

use super::charge::Charge;
use super::names::Hook;
use super::plan::{Found, Slot};
use super::script::{CHAINED, shown_program};
use super::tool::Tool;

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Git runs it.
    Installed,
    /// A tool moved it aside, and runs it.
    Moved,
    /// Whoever keeps the hooks is told to call turnstile.
    Called,
    /// The file is gone.
    Missing,
    /// Something else stands in its place, and does not run it.
    Replaced,
    /// Somebody has changed it.
    Edited,
    /// Git may not run it.
    NotExecutable,
    /// The program that it calls is not there.
    ProgramGone,
    /// Git does not look into its folder any more.
    Bypassed,
    /// It rings, and the hook that stood there before is gone.
    FormerGone,
}

impl State {
    /// As programs are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Moved => "moved",
            Self::Called => "called",
            Self::Missing => "missing",
            Self::Replaced => "replaced",
            Self::Edited => "edited",
            Self::NotExecutable => "not_executable",
            Self::ProgramGone => "program_gone",
            Self::Bypassed => "bypassed",
            Self::FormerGone => "former_gone",
        }
    }

    /// Whether it rings, and with it what rang before.
    pub fn rings(self) -> bool {
        match self {
            Self::Installed | Self::Moved | Self::Called => true,
            Self::Missing
            | Self::Replaced
            | Self::Edited
            | Self::NotExecutable
            | Self::ProgramGone
            | Self::Bypassed
            | Self::FormerGone => false,
        }
    }
}

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The hook.
    pub hook: Hook,
    /// What has become of it.
    pub state: State,
    /// The same for people.
    pub message: String,
    /// What to type.
    pub help: Option<String>,
    /// The hook that stood there before, and runs first.
    pub chained: Option<String>,
}

const MEND: &str = "turnstile hooks install";

/// Looks at one hook that was asked for, and that stood behind another one or not as it was installed. `folder` is how
/// people write git's own folder.
pub fn health(
    slot: &Slot,
    charge: &Charge,
    folder: &str,
    was_behind: bool,
    is_program: &dyn Fn(&Path) -> bool,
) -> Health {
    let name = slot.hook.name();
    let chained = match slot.former {
        Found::Nothing => None,
        _ => Some(format!("{folder}/{name}{CHAINED}")),
    };
    let told = |state: State, message: String, help: Option<&str>| Health {
        hook: slot.hook,
        state,
        message,
        help: help.map(str::to_owned),
        chained: chained.clone(),
    };
    if let Charge::Elsewhere(elsewhere) = charge {
        if let Some(file) = &slot.called {
            return told(State::Called, format!("called by {file}"), None);
        }
        if elsewhere.is_off {
            let help = format!("{}; then: {MEND}", elsewhere.undo);
            return told(State::Bypassed, format!("git runs no hooks here: {}", elsewhere.why), Some(&help));
        }
        let help = format!("{MEND} says what to add there; to do without it: {}", elsewhere.undo);
        return told(State::Bypassed, format!("git does not look into {folder}: {}", elsewhere.why), Some(&help));
    }
    if let Some((program, runs, at)) = slot.ours() {
        if !runs {
            return told(
                State::NotExecutable,
                format!("git does not run {folder}/{at}: it is not executable"),
                Some(MEND),
            );
        }
        if !is_program(program) {
            let message = format!("{folder}/{at} calls {}, which is not there any more", shown_program(program));
            return told(State::ProgramGone, message, Some(MEND));
        }
        if was_behind && slot.former == Found::Nothing {
            let message = format!(
                "{folder}/{name}{CHAINED}, the hook that stood there before turnstile, is gone, and nobody runs it"
            );
            return told(State::FormerGone, message, Some(&format!("put it back there; to do without it: {MEND}")));
        }
        if at != name {
            let tool = tool_here(slot).map_or("a tool", Tool::name);
            return told(State::Moved, format!("{folder}/{at}, where {tool} put it; it runs it first"), None);
        }
        return told(State::Installed, format!("{folder}/{name}{}", behind(slot)), None);
    }
    if let (Some(file), Some(tool)) = (&slot.called, tool_here(slot)) {
        return told(State::Called, format!("called by {}, as {file} says", tool.name()), None);
    }
    match &slot.here {
        Found::Edited => {
            let message = format!("somebody has changed {folder}/{name} since; turnstile cannot say what it does");
            let help = format!("mv {folder}/{name} {folder}/{name}.edited && {MEND}");
            told(State::Edited, message, Some(&help))
        }
        Found::Tool(tool) if matches!(slot.old, Found::Ours { .. }) => {
            let message = format!(
                "{} put its own hook there; turnstile's is {folder}/{name}.old, which nobody runs",
                tool.name()
            );
            told(State::Replaced, message, Some(&format!("{MEND} says what to add")))
        }
        Found::Tool(tool) => {
            let message = format!("{folder}/{name} is {}'s, and does not call turnstile", tool.name());
            told(State::Replaced, message, Some(&format!("{MEND} says what to add")))
        }
        Found::Foreign { .. } | Found::NoFile => {
            told(State::Replaced, format!("{folder}/{name} is not turnstile's any more"), Some(MEND))
        }
        Found::Nothing | Found::Ours { .. } => told(State::Missing, format!("{folder}/{name} is gone"), Some(MEND)),
    }
}

fn tool_here(slot: &Slot) -> Option<Tool> {
    match slot.here {
        Found::Tool(tool) => Some(tool),
        _ => None,
    }
}

/// What stands before turnstile's hook.
fn behind(slot: &Slot) -> String {
    let former = format!("{}{CHAINED}", slot.hook.name());
    match slot.former {
        Found::Nothing => String::new(),
        Found::Foreign { runs: false, .. } => {
            format!(", behind {former}, which is not executable: git did not run it, and neither does turnstile")
        }
        _ => format!(", behind {former}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::charge::Elsewhere;
    use super::*;

    fn slot(here: Found) -> Slot {
        let nothing = Found::Nothing;
        Slot {
            hook: Hook::PrePush,
            here,
            former: nothing.clone(),
            is_same: false,
            legacy: nothing.clone(),
            old: nothing,
            called: None,
        }
    }

    fn ours(program: &str, runs: bool) -> Found {
        Found::Ours { program: program.into(), runs }
    }

    fn state(slot: &Slot) -> State {
        let health = health(slot, &Charge::Usual, "hooks", false, &|program| program == Path::new("/here"));
        assert_eq!(health.help.is_none(), health.state.rings(), "{health:?}");
        health.state
    }

    #[test]
    fn whoever_silenced_a_hook_is_found() {
        assert_eq!(state(&slot(ours("/here", true))), State::Installed);
        assert_eq!(state(&slot(ours("/here", false))), State::NotExecutable);
        assert_eq!(state(&slot(ours("/gone", true))), State::ProgramGone);
        assert_eq!(state(&slot(Found::Nothing)), State::Missing);
        assert_eq!(state(&slot(Found::Edited)), State::Edited);
        assert_eq!(state(&slot(Found::Foreign { runs: true, mode: None })), State::Replaced);
        let moved = |tool, legacy, old| Slot { legacy, old, ..slot(Found::Tool(tool)) };
        assert_eq!(state(&moved(Tool::PreCommit, ours("/here", true), Found::Nothing)), State::Moved);
        assert_eq!(state(&moved(Tool::Prek, ours("/gone", true), Found::Nothing)), State::ProgramGone);
        assert_eq!(state(&moved(Tool::Lefthook, Found::Nothing, ours("/here", true))), State::Replaced);
        let called = Slot { called: Some("lefthook.yml".to_owned()), ..slot(Found::Tool(Tool::Lefthook)) };
        assert_eq!(state(&called), State::Called);
    }

    #[test]
    fn a_hook_in_a_folder_that_git_does_not_look_into_is_silent() {
        let elsewhere = Elsewhere {
            folder: "/repo/.husky/_".into(),
            shown: ".husky/_".to_owned(),
            tool: Some(Tool::Husky),
            why: "core.hooksPath is `.husky/_`".to_owned(),
            undo: "git config --unset core.hooksPath".to_owned(),
            is_off: false,
            is_shared: true,
        };
        let charge = Charge::Elsewhere(elsewhere);
        let state = |slot: &Slot| health(slot, &charge, "hooks", false, &|_| true).state;
        assert_eq!(state(&slot(ours("/here", true))), State::Bypassed);
        let called = Slot { called: Some(".husky/pre-push".to_owned()), ..slot(Found::Nothing) };
        assert_eq!(state(&called), State::Called);
    }
}

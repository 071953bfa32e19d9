//! What is to be done with the files of one hook, so that turnstile stands beside what is there, or is gone again. Only
//! what lies in git's own folder of hooks is ever touched.

use std::path::{Path, PathBuf};

use super::names::Hook;
use super::script::CHAINED;
use super::tool::Tool;

/// What lies at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Turnstile's own, as it was written.
    Ours {
        /// The program that it calls.
        program: PathBuf,
        /// Whether git may run it.
        runs: bool,
    },
    /// Turnstile's own, and changed since.
    Edited,
    /// Written by a program that keeps hooks.
    Tool(Tool),
    /// Somebody's: a file, or a link to one.
    Foreign {
        /// Whether git may run it.
        runs: bool,
        /// Its permissions; none of a link.
        mode: Option<u32>,
    },
    /// A folder, a pipe, a device.
    NoFile,
}

impl Found {
    fn is_ours(&self) -> bool {
        matches!(self, Self::Ours { .. })
    }
}

/// The names that belong to one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The hook.
    pub hook: Hook,
    /// What git runs.
    pub here: Found,
    /// What stood there before turnstile came: `NAME.turnstile-chained`.
    pub former: Found,
    /// Whether these two are one file: turnstile was killed as it came or went.
    pub is_same: bool,
    /// What pre-commit and prek moved aside and run: `NAME.legacy`.
    pub legacy: Found,
    /// What lefthook moved aside and runs no more: `NAME.old`.
    pub old: Found,
    /// The file in which whoever keeps the hooks is told to call turnstile.
    pub called: Option<String>,
}

impl Slot {
    /// Turnstile's own file as it is run: in its place, or by a tool that moved it aside.
    pub fn ours(&self) -> Option<(&Path, bool, String)> {
        let name = self.hook.name();
        match (&self.here, &self.legacy) {
            (Found::Ours { program, runs }, _) => Some((program, *runs, name.to_owned())),
            (Found::Tool(tool), Found::Ours { program, runs }) if tool.runs_what_it_moves() => {
                Some((program, *runs, format!("{name}.legacy")))
            }
            _ => None,
        }
    }

    /// Whether it is run by whoever keeps the hooks, because its settings say so.
    pub fn is_called(&self) -> bool {
        self.called.is_some() && matches!(self.here, Found::Tool(_))
    }

    /// Whether any file of turnstile's is left of it.
    pub fn has_ours(&self) -> bool {
        [&self.here, &self.legacy, &self.old].into_iter().any(|found| found.is_ours() || *found == Found::Edited)
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// What stands there gets a second name, under which it is run first.
    Keep {
        /// Its name.
        name: String,
        /// The name behind which it waits.
        to: String,
    },
    /// Turnstile's file takes the place.
    Write {
        /// Its name.
        name: String,
        /// The hook.
        hook: Hook,
        /// The permissions of what stood there, if anything did.
        mode: Option<u32>,
    },
    /// What stood there before comes back, in the place of whatever is there.
    GiveBack {
        /// The name behind which it waited.
        from: String,
        /// Its name.
        name: String,
    },
    /// A file of turnstile's goes.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Why a hook cannot be touched, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The hook.
    pub hook: Hook,
    /// What is in the way.
    pub why: String,
    /// What to type.
    pub help: String,
}

/// The wanted hooks that a tool has its own file for, and does not lead to turnstile.
pub fn collisions(slots: &[Slot], wanted: &[Hook]) -> Vec<(Hook, Tool)> {
    let of = |slot: &Slot| match slot.here {
        Found::Tool(tool) if slot.ours().is_none() && !slot.is_called() => Some((slot.hook, tool)),
        _ => None,
    };
    slots.iter().filter(|slot| wanted.contains(&slot.hook)).filter_map(of).collect()
}

/// What makes exactly the wanted hooks ring. `folder` is how messages name the folder.
pub fn install(slots: &[Slot], wanted: &[Hook], program: &Path, folder: &str) -> Result<Vec<Act>, Vec<Refused>> {
    collect(slots.iter().map(|slot| {
        if wanted.contains(&slot.hook) {
            install_one(slot, program, folder)
        } else if slot.has_ours() {
            uninstall_one(slot, folder)
        } else {
            Ok(Vec::new())
        }
    }))
}

/// What takes every trace of turnstile away.
pub fn uninstall(slots: &[Slot], folder: &str) -> Result<Vec<Act>, Vec<Refused>> {
    collect(slots.iter().map(|slot| uninstall_one(slot, folder)))
}

fn collect(plans: impl Iterator<Item = Result<Vec<Act>, Refused>>) -> Result<Vec<Act>, Vec<Refused>> {
    let (mut acts, mut refused) = (Vec::new(), Vec::new());
    for plan in plans {
        match plan {
            Ok(more) => acts.extend(more),
            Err(why) => refused.push(why),
        }
    }
    if refused.is_empty() { Ok(acts) } else { Err(refused) }
}

fn install_one(slot: &Slot, program: &Path, folder: &str) -> Result<Vec<Act>, Refused> {
    let hook = slot.hook;
    let name = hook.name().to_owned();
    let write = |name: String, mode: Option<u32>| vec![Act::Write { name, hook, mode }];
    if let Some((known, runs, at)) = slot.ours() {
        return Ok(if known == program && runs { Vec::new() } else { write(at, None) });
    }
    match &slot.here {
        Found::Ours { .. } | Found::Nothing => Ok(write(name, None)),
        Found::Edited => Err(edited(hook, &name, folder)),
        // Whoever asks has found out that no tool is in the way.
        Found::Tool(_) => Ok(Vec::new()),
        Found::NoFile => Err(Refused {
            hook,
            why: format!("{folder}/{name} is no file"),
            help: format!("mv {folder}/{name} {folder}/{name}.aside, and look at what it is"),
        }),
        Found::Foreign { runs, mode } => {
            let mode = mode.filter(|_| *runs);
            let write = Act::Write { name: name.clone(), hook, mode };
            match slot.former {
                Found::Nothing => Ok(vec![Act::Keep { to: format!("{name}{CHAINED}"), name }, write]),
                _ if slot.is_same => Ok(vec![write]),
                _ => Err(Refused {
                    hook,
                    why: format!(
                        "{folder}/{name} is not turnstile's, and {folder}/{name}{CHAINED} holds the hook that stood \
                         there before turnstile came"
                    ),
                    help: format!(
                        "keep one of the two: rm {folder}/{name}{CHAINED}, or mv {folder}/{name}{CHAINED} {folder}/{name}"
                    ),
                }),
            }
        }
    }
}

fn uninstall_one(slot: &Slot, folder: &str) -> Result<Vec<Act>, Refused> {
    let hook = slot.hook;
    let name = hook.name();
    let former = format!("{name}{CHAINED}");
    let mut has_former = slot.former != Found::Nothing;
    let mut acts = Vec::new();
    for (found, at) in
        [(&slot.here, name.to_owned()), (&slot.legacy, format!("{name}.legacy")), (&slot.old, format!("{name}.old"))]
    {
        match found {
            Found::Edited => return Err(edited(hook, &at, folder)),
            Found::Ours { .. } if has_former => {
                has_former = false;
                acts.push(Act::GiveBack { from: former.clone(), name: at });
            }
            Found::Ours { .. } => acts.push(Act::Remove { name: at }),
            Found::Nothing | Found::Tool(_) | Found::Foreign { .. } | Found::NoFile => {}
        }
    }
    if has_former && slot.is_same {
        acts.push(Act::Remove { name: former });
    } else if has_former && slot.here == Found::Nothing {
        acts.push(Act::GiveBack { from: former, name: name.to_owned() });
    }
    Ok(acts)
}

fn edited(hook: Hook, at: &str, folder: &str) -> Refused {
    Refused {
        hook,
        why: format!("{folder}/{at} is turnstile's, and somebody has changed it since"),
        help: format!(
            "move your lines into a hook of your own: mv {folder}/{at} {folder}/{at}.edited, take what is yours out \
             of it, and type the same again"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "/bin/turnstile";

    fn slot(here: Found, former: Found) -> Slot {
        let nothing = Found::Nothing;
        Slot { hook: Hook::PrePush, here, former, is_same: false, legacy: nothing.clone(), old: nothing, called: None }
    }

    fn ours() -> Found {
        Found::Ours { program: PROGRAM.into(), runs: true }
    }

    fn foreign() -> Found {
        Found::Foreign { runs: true, mode: Some(0o750) }
    }

    fn told(plan: Result<Vec<Act>, Vec<Refused>>) -> String {
        let act = |act: &Act| match act {
            Act::Keep { name, to } => format!("{name} -> {to}"),
            Act::Write { name, mode: Some(mode), .. } => format!("write {name} {mode:o}"),
            Act::Write { name, mode: None, .. } => format!("write {name}"),
            Act::GiveBack { from, name } => format!("{from} => {name}"),
            Act::Remove { name } => format!("remove {name}"),
        };
        match plan {
            Ok(acts) => acts.iter().map(act).collect::<Vec<_>>().join(", "),
            Err(refused) => format!("refused: {}", refused[0].why),
        }
    }

    fn both(slot: Slot) -> (String, String) {
        let slots = [slot];
        let install = install(&slots, &[Hook::PrePush], Path::new(PROGRAM), "hooks");
        (told(install), told(uninstall(&slots, "hooks")))
    }

    #[test]
    fn turnstile_comes_and_goes_whatever_it_finds() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        let nothing = || Found::Nothing;
        assert_eq!(both(slot(nothing(), nothing())), pair("write pre-push", ""));
        assert_eq!(
            both(slot(foreign(), nothing())),
            pair("pre-push -> pre-push.turnstile-chained, write pre-push 750", "")
        );
        assert_eq!(both(slot(ours(), nothing())), pair("", "remove pre-push"));
        assert_eq!(both(slot(ours(), foreign())), pair("", "pre-push.turnstile-chained => pre-push"));
        let moved = Found::Ours { program: "/gone/turnstile".into(), runs: true };
        assert_eq!(both(slot(moved, foreign())).0, "write pre-push");
        let bare = Found::Ours { program: PROGRAM.into(), runs: false };
        assert_eq!(both(slot(bare, nothing())).0, "write pre-push");
        // Somebody has taken ours away.
        assert_eq!(both(slot(nothing(), foreign())), pair("write pre-push", "pre-push.turnstile-chained => pre-push"));
    }

    #[test]
    fn what_a_killed_turnstile_left_is_finished_or_undone() {
        let twice = Slot { is_same: true, ..slot(foreign(), foreign()) };
        assert_eq!(both(twice), ("write pre-push 750".to_owned(), "remove pre-push.turnstile-chained".to_owned()));
    }

    #[test]
    fn nothing_of_anybodys_is_written_over() {
        let (install, uninstall) = both(slot(foreign(), foreign()));
        assert!(install.starts_with("refused: hooks/pre-push is not turnstile's"), "{install}");
        assert_eq!(uninstall, "", "the hook that was kept stays where it is");
        for (install, uninstall) in [both(slot(Found::Edited, Found::Nothing)), both(slot(Found::Edited, foreign()))] {
            assert!(install.contains("has changed it since") && uninstall.contains("has changed it since"));
        }
        assert!(both(slot(Found::NoFile, Found::Nothing)).0.contains("is no file"));
    }

    #[test]
    fn a_tool_that_moved_turnstile_aside_is_let_be() {
        let legacy = Slot { legacy: ours(), ..slot(Found::Tool(Tool::PreCommit), foreign()) };
        assert!(collisions(std::slice::from_ref(&legacy), &Hook::ALL).is_empty(), "it runs what it moves");
        assert_eq!(both(legacy), (String::new(), "pre-push.turnstile-chained => pre-push.legacy".to_owned()));
        let old = Slot { old: ours(), ..slot(Found::Tool(Tool::Lefthook), Found::Nothing) };
        assert_eq!(collisions(std::slice::from_ref(&old), &Hook::ALL), [(Hook::PrePush, Tool::Lefthook)]);
        assert_eq!(both(old.clone()).1, "remove pre-push.old");
        let called = Slot { called: Some("lefthook.yml".to_owned()), ..old };
        assert!(collisions(&[called], &Hook::ALL).is_empty());
    }

    #[test]
    fn hooks_that_are_not_wanted_any_more_go() {
        let slots = [slot(ours(), foreign())];
        assert_eq!(
            told(install(&slots, &[Hook::PostMerge], Path::new(PROGRAM), "hooks")),
            "pre-push.turnstile-chained => pre-push"
        );
    }
}

//! What to add, and where, so that whoever keeps the hooks calls turnstile. Files of a project are shared: their lines
//! do nothing where turnstile is not installed.

use std::path::Path;

use super::charge::Elsewhere;
use super::names::Hook;
use super::script::{quoted, shown_program};
use super::tool::Tool;
use crate::text::shell_word;

/// Lines for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// The hooks that they are for.
    pub hooks: Vec<Hook>,
    /// The file, as people write it.
    pub file: String,
    /// Where in it.
    pub place: &'static str,
    /// The lines.
    pub lines: Vec<String>,
}

/// All that is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Lines to add.
    pub lines: Vec<Addition>,
    /// What to type then.
    pub then: Vec<String>,
    /// Hooks that cannot be had there.
    pub without: Vec<Hook>,
}

/// What to add for these hooks. `settings` is the file in which a tool's own settings are.
pub fn additions(
    tool: Option<Tool>,
    elsewhere: Option<&Elsewhere>,
    settings: Option<&str>,
    hooks: &[Hook],
    program: &Path,
) -> Additions {
    let (known, without): (Vec<Hook>, Vec<Hook>) =
        hooks.iter().partition(|hook| tool.is_none_or(|tool| tool.knows(**hook)));
    let mut additions = match (tool, elsewhere) {
        (Some(Tool::Lefthook), _) => lefthook(settings.unwrap_or("lefthook.yml"), &known),
        (Some(tool @ (Tool::PreCommit | Tool::Prek)), _) => {
            pre_commit(tool, settings.unwrap_or(".pre-commit-config.yaml"), &known)
        }
        (Some(Tool::Husky) | None, Some(elsewhere)) => files(elsewhere, &known, program),
        (Some(Tool::Husky) | None, None) => Additions::default(),
    };
    additions.without = without;
    additions
}

/// A call for a file that everybody of the project has. `checkout` stands for what git gives to `post-checkout`: without
/// it nobody can tell a checkout of files from one of a branch. The arguments of the others are not needed.
fn shared_call(hook: Hook, checkout: &str) -> String {
    let arguments = if hook == Hook::PostCheckout { checkout } else { "" };
    format!("! command -v turnstile >/dev/null || turnstile hook {}{arguments}", hook.name())
}

const PRE_COMMIT_CHECKOUT: &str = " \"$PRE_COMMIT_FROM_REF\" \"$PRE_COMMIT_TO_REF\" \"$PRE_COMMIT_CHECKOUT_TYPE\"";

fn files(elsewhere: &Elsewhere, hooks: &[Hook], program: &Path) -> Additions {
    let line = |hook: Hook| {
        if elsewhere.is_shared {
            return format!("{} \"$@\"", shared_call(hook, ""));
        }
        let word = String::from_utf8_lossy(&quoted(shown_program(program).as_bytes())).into_owned();
        format!("[ ! -x {word} ] || {word} hook {} \"$@\"", hook.name())
    };
    let lines = hooks.iter().map(|hook| Addition {
        hooks: vec![*hook],
        file: elsewhere.file(hook.name()),
        place: if elsewhere.tool == Some(Tool::Husky) {
            ", as its last line"
        } else {
            ", as its last line; a new file begins with a line `#!/bin/sh`"
        },
        lines: vec![line(*hook)],
    });
    let files: Vec<String> = hooks.iter().map(|hook| shell_word(&elsewhere.file(hook.name()))).collect();
    // Husky runs them with `sh`, whatever they are.
    let then =
        if elsewhere.tool == Some(Tool::Husky) { Vec::new() } else { vec![format!("chmod +x {}", files.join(" "))] };
    Additions { lines: lines.collect(), then, without: Vec::new() }
}

fn lefthook(settings: &str, hooks: &[Hook]) -> Additions {
    let lines = |hook: &Hook| {
        let mut lines = vec![
            format!("{}:", hook.name()),
            "  jobs:".to_owned(),
            "    - name: turnstile".to_owned(),
            format!("      run: \"{}\"", shared_call(*hook, " {0}")),
        ];
        if hook.reads_input() {
            lines.push("      use_stdin: true".to_owned());
        }
        lines
    };
    let lines = hooks
        .iter()
        .map(|hook| Addition {
            hooks: vec![*hook],
            file: settings.to_owned(),
            place: "; where the hook has `jobs:` already, the job alone, as one of them",
            lines: lines(hook),
        })
        .collect();
    Additions { lines, then: vec!["lefthook install".to_owned()], without: Vec::new() }
}

fn pre_commit(tool: Tool, settings: &str, hooks: &[Hook]) -> Additions {
    let mut lines = if Path::new(settings).extension().is_some_and(|extension| extension == "toml") {
        vec!["[[repos]]".to_owned(), "repo = \"local\"".to_owned(), "hooks = [".to_owned()]
    } else {
        vec!["- repo: local".to_owned(), "  hooks:".to_owned()]
    };
    let is_toml = lines.len() == 3;
    for hook in hooks {
        let (name, call) = (hook.name(), shared_call(*hook, PRE_COMMIT_CHECKOUT));
        if is_toml {
            lines.push(format!(
                "  {{ id = \"turnstile-{name}\", name = \"turnstile\", language = \"system\", entry = \"\"\"sh -c '{call}'\"\"\", \
                 stages = [\"{name}\"], always_run = true, pass_filenames = false }},"
            ));
        } else {
            lines.extend([
                format!("  - id: turnstile-{name}"),
                "    name: turnstile".to_owned(),
                "    language: system".to_owned(),
                format!("    entry: sh -c '{call}'"),
                format!("    stages: [{name}]"),
                "    always_run: true".to_owned(),
                "    pass_filenames: false".to_owned(),
            ]);
        }
    }
    if is_toml {
        lines.push("]".to_owned());
    }
    let types: Vec<String> = hooks.iter().map(|hook| format!("--hook-type {}", hook.name())).collect();
    let then = vec![format!("{} install {}", tool.name(), types.join(" "))];
    Additions {
        lines: vec![Addition {
            hooks: hooks.to_vec(),
            file: settings.to_owned(),
            place: if is_toml { "" } else { ", below `repos:`" },
            lines,
        }],
        then,
        without: Vec::new(),
    }
}

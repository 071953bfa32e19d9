//! The argument vector of a turn, per kind.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::config::{AgentKind, RosterEntry};

/// What a turn's command line depends on.
#[derive(Clone, Copy, Debug)]
pub struct AgentTurn<'a> {
    /// The roster's entry.
    pub entry: &'a RosterEntry,
    /// The ticket's model; the entry's if the ticket names none.
    pub model: Option<&'a str>,
    /// The ticket's reasoning effort, in the program's own words.
    pub reasoning: Option<&'a str>,
    /// The prompt; for `shell` the script.
    pub prompt_file: &'a Path,
    /// The top of the worktree, where the program runs.
    pub top: &'a Path,
    /// Where a program that can write its last message to a file is told to write it.
    pub last_message_file: &'a Path,
}

/// How the program of a turn is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCommand {
    /// The argument vector; never a shell's.
    pub argv: Vec<OsString>,
    /// How the prompt reaches it.
    pub prompt: PromptOn,
    /// The file with the last message if the program writes one; the end of its output otherwise.
    pub last_message: Option<PathBuf>,
    /// Settings that this kind has no way to pass on, for people: `gemini takes no reasoning effort`.
    pub notes: Vec<String>,
}

/// How the prompt reaches a program. Never as an argument: prompts are longer than arguments may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptOn {
    /// On its standard input, which then ends.
    Stdin,
    /// In the file that the argument vector names; the standard input is empty.
    File,
}

/// The command of a turn; `None` for the built-in `user`, who is no program.
pub fn command(turn: &AgentTurn<'_>) -> Option<AgentCommand> {
    let model = turn.model.or(turn.entry.model.as_deref());
    let mut notes = Vec::new();
    let mut last_message = None;
    let mut prompt = PromptOn::Stdin;
    let mut argv: Vec<OsString> = Vec::new();
    match turn.entry.kind {
        AgentKind::User => return None,
        AgentKind::Shell => {
            // The runner writes the ticket's fenced blocks to this file in place of a prompt.
            prompt = PromptOn::File;
            argv.extend(["sh".into(), "-eu".into(), turn.prompt_file.into()]);
            note(&mut notes, "shell", model, turn.reasoning);
        }
        AgentKind::Command => {
            for argument in &turn.entry.command {
                if argument.contains(PROMPT_FILE) {
                    prompt = PromptOn::File;
                }
                argv.push(with_prompt_file(argument, turn.prompt_file));
            }
            note(&mut notes, "a command", model, turn.reasoning);
        }
        AgentKind::Codex => {
            // Without `-s` codex may not edit at all. `workspace-write` is the narrowest mode in which it can work;
            // it keeps `.git` read-only, which is why codex does not commit by default.
            argv.extend(words(&["codex", "exec", "--skip-git-repo-check", "--sandbox", "workspace-write", "-C"]));
            argv.push(turn.top.into());
            argv.push("-o".into());
            argv.push(turn.last_message_file.into());
            last_message = Some(turn.last_message_file.to_path_buf());
            flag(&mut argv, "--model=", model);
            if let Some(reasoning) = turn.reasoning {
                argv.push("-c".into());
                argv.push(format!("model_reasoning_effort={}", toml_string(reasoning)).into());
            }
            // Before the entry's own arguments: an option of theirs that takes several values would swallow it.
            argv.push("-".into());
        }
        AgentKind::Claude => {
            // Nobody is there to be asked: every lesser mode refuses the commands that a turn needs to build, test
            // and commit, and the question tool would get no answer.
            argv.extend(words(&[
                "claude",
                "-p",
                "--output-format",
                "text",
                "--permission-mode",
                "bypassPermissions",
                "--disallowedTools=AskUserQuestion",
            ]));
            flag(&mut argv, "--model=", model);
            flag(&mut argv, "--effort=", turn.reasoning);
        }
        AgentKind::Opencode => {
            // Without `--auto` everything that needs a permission is refused.
            argv.extend(words(&["opencode", "run", "--auto"]));
            flag(&mut argv, "--model=", model);
            flag(&mut argv, "--variant=", turn.reasoning);
        }
        AgentKind::Gemini => {
            // The standard input is put before the text of `-p`, which only says that there is nobody to talk to.
            // A folder that was never trusted in a terminal is refused without `--skip-trust`.
            argv.extend(words(&["gemini", "-p", "", "-o", "text", "--approval-mode", "yolo", "--skip-trust"]));
            flag(&mut argv, "--model=", model);
            note(&mut notes, "gemini", None, turn.reasoning);
        }
        AgentKind::Aider => {
            prompt = PromptOn::File;
            argv.push("aider".into());
            argv.push("--message-file".into());
            argv.push(turn.prompt_file.into());
            argv.extend(words(AIDER));
            // aider commits what it edited unless it is told not to; then with the hooks that it skips by default.
            // What was uncommitted before the turn is never its business.
            argv.extend(if turn.entry.can_commit {
                words(&["--auto-commits", "--git-commit-verify", "--no-dirty-commits"])
            } else {
                words(&["--no-auto-commits", "--no-dirty-commits"])
            });
            // Its histories would otherwise lie at the top of the worktree as uncommitted files.
            for (option, name) in [("--chat-history-file", "aider.chat.md"), ("--input-history-file", "aider.input")] {
                argv.push(option.into());
                argv.push(turn.prompt_file.with_file_name(name).into());
            }
            flag(&mut argv, "--model=", model);
            flag(&mut argv, "--reasoning-effort=", turn.reasoning);
        }
    }
    argv.extend(turn.entry.args.iter().map(OsString::from));
    Some(AgentCommand { argv, prompt, last_message, notes })
}

/// Stands for the prompt's path in the argument vector of a `command`.
const PROMPT_FILE: &str = "{prompt_file}";

/// No questions, no terminal art, no network traffic beside the model's, no edit of `.gitignore`.
const AIDER: &[&str] = &[
    "--yes-always",
    "--no-pretty",
    "--no-stream",
    "--no-fancy-input",
    "--no-gitignore",
    "--no-check-update",
    "--no-show-release-notes",
    "--analytics-disable",
    "--no-detect-urls",
    "--no-suggest-shell-commands",
];

fn words(list: &[&str]) -> Vec<OsString> {
    list.iter().map(OsString::from).collect()
}

/// Option and value in one argument: a value that begins with `-` stays a value.
fn flag(argv: &mut Vec<OsString>, option: &str, value: Option<&str>) {
    if let Some(value) = value {
        argv.push(format!("{option}{value}").into());
    }
}

fn note(notes: &mut Vec<String>, who: &str, model: Option<&str>, reasoning: Option<&str>) {
    if let Some(model) = model {
        notes.push(format!("{who} takes no model: `{model}` is not passed on"));
    }
    if let Some(reasoning) = reasoning {
        notes.push(format!("{who} takes no reasoning effort: `{reasoning}` is not passed on"));
    }
}

/// The path goes in as it is, also where it is not UTF-8.
fn with_prompt_file(argument: &str, prompt_file: &Path) -> OsString {
    let mut result = OsString::new();
    for (index, part) in argument.split(PROMPT_FILE).enumerate() {
        if index > 0 {
            result.push(prompt_file);
        }
        result.push(OsStr::new(part));
    }
    result
}

/// codex reads the value of `-c` as TOML; a ticket may hold anything.
fn toml_string(text: &str) -> String {
    let mut result = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => result.extend(['\\', character]),
            control if control.is_control() => result.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => result.push(other),
        }
    }
    result.push('"');
    result
}

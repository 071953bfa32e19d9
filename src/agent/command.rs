//! The argument vector of a turn, per kind.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
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
            control if control.is_control() => {
                write!(result, "\\u{:04x}", u32::from(control)).expect("a string takes every write");
            }
            other => result.push(other),
        }
    }
    result.push('"');
    result
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn entry(kind: AgentKind) -> RosterEntry {
        RosterEntry {
            kind,
            command: Vec::new(),
            model: None,
            args: Vec::new(),
            env: Vec::new(),
            timeout: None,
            idle_timeout: None,
            can_commit: true,
        }
    }

    fn turn(entry: &RosterEntry) -> AgentTurn<'_> {
        AgentTurn {
            entry,
            model: None,
            reasoning: None,
            prompt_file: Path::new("/t/1/prompt.md"),
            top: Path::new("/work"),
            last_message_file: Path::new("/t/1/last.md"),
        }
    }

    fn shown(turn: &AgentTurn<'_>) -> String {
        let Some(command) = command(turn) else { return "nothing".into() };
        let argv: Vec<_> = command.argv.iter().map(|argument| argument.to_string_lossy()).collect();
        let mut text = format!("{argv:?} < {:?}", command.prompt);
        for note in command.notes {
            text = format!("{text}\nnote: {note}");
        }
        text
    }

    fn plain(kind: AgentKind) -> String {
        shown(&turn(&entry(kind)))
    }

    /// With a model and a reasoning effort of the ticket's, and an argument of the entry's.
    fn full(kind: AgentKind) -> String {
        let mut entry = entry(kind);
        entry.model = Some("of-the-entry".into());
        entry.args = vec!["--more".into()];
        shown(&AgentTurn { model: Some("big"), reasoning: Some("high"), ..turn(&entry) })
    }

    #[test]
    fn codex() {
        assert_snapshot!(plain(AgentKind::Codex), @r#"["codex", "exec", "--skip-git-repo-check", "--sandbox", "workspace-write", "-C", "/work", "-o", "/t/1/last.md", "-"] < Stdin"#);
        assert_snapshot!(full(AgentKind::Codex), @r#"["codex", "exec", "--skip-git-repo-check", "--sandbox", "workspace-write", "-C", "/work", "-o", "/t/1/last.md", "--model=big", "-c", "model_reasoning_effort=\"high\"", "-", "--more"] < Stdin"#);
    }

    #[test]
    fn claude() {
        assert_snapshot!(plain(AgentKind::Claude), @r#"["claude", "-p", "--output-format", "text", "--permission-mode", "bypassPermissions", "--disallowedTools=AskUserQuestion"] < Stdin"#);
        assert_snapshot!(full(AgentKind::Claude), @r#"["claude", "-p", "--output-format", "text", "--permission-mode", "bypassPermissions", "--disallowedTools=AskUserQuestion", "--model=big", "--effort=high", "--more"] < Stdin"#);
    }

    #[test]
    fn opencode() {
        assert_snapshot!(plain(AgentKind::Opencode), @r#"["opencode", "run", "--auto"] < Stdin"#);
        assert_snapshot!(full(AgentKind::Opencode), @r#"["opencode", "run", "--auto", "--model=big", "--variant=high", "--more"] < Stdin"#);
    }

    #[test]
    fn gemini() {
        assert_snapshot!(plain(AgentKind::Gemini), @r#"["gemini", "-p", "", "-o", "text", "--approval-mode", "yolo", "--skip-trust"] < Stdin"#);
        assert_snapshot!(full(AgentKind::Gemini), @r#"["gemini", "-p", "", "-o", "text", "--approval-mode", "yolo", "--skip-trust", "--model=big", "--more"] < Stdin
note: gemini takes no reasoning effort: `high` is not passed on"#);
    }

    #[test]
    fn aider_commits_only_where_it_may() {
        assert_snapshot!(full(AgentKind::Aider), @r#"["aider", "--message-file", "/t/1/prompt.md", "--yes-always", "--no-pretty", "--no-stream", "--no-fancy-input", "--no-gitignore", "--no-check-update", "--no-show-release-notes", "--analytics-disable", "--no-detect-urls", "--no-suggest-shell-commands", "--auto-commits", "--git-commit-verify", "--no-dirty-commits", "--chat-history-file", "/t/1/aider.chat.md", "--input-history-file", "/t/1/aider.input", "--model=big", "--reasoning-effort=high", "--more"] < File"#);
        let mut entry = entry(AgentKind::Aider);
        entry.can_commit = false;
        assert_snapshot!(shown(&turn(&entry)), @r#"["aider", "--message-file", "/t/1/prompt.md", "--yes-always", "--no-pretty", "--no-stream", "--no-fancy-input", "--no-gitignore", "--no-check-update", "--no-show-release-notes", "--analytics-disable", "--no-detect-urls", "--no-suggest-shell-commands", "--no-auto-commits", "--no-dirty-commits", "--chat-history-file", "/t/1/aider.chat.md", "--input-history-file", "/t/1/aider.input"] < File"#);
    }

    #[test]
    fn shell_and_user() {
        assert_snapshot!(full(AgentKind::Shell), @r#"["sh", "-eu", "/t/1/prompt.md", "--more"] < File
note: shell takes no model: `big` is not passed on
note: shell takes no reasoning effort: `high` is not passed on"#);
        assert_snapshot!(plain(AgentKind::User), @"nothing");
    }

    #[test]
    fn a_command_gets_the_prompt_on_stdin_or_where_it_wants_it() {
        let mut entry = entry(AgentKind::Command);
        entry.command = vec!["./agent.sh".into(), "-v".into()];
        assert_snapshot!(shown(&turn(&entry)), @r#"["./agent.sh", "-v"] < Stdin"#);
        entry.command = vec!["./agent.sh".into(), "--in={prompt_file}".into()];
        entry.args = vec!["--last".into()];
        assert_snapshot!(shown(&AgentTurn { model: Some("big"), ..turn(&entry) }), @r#"["./agent.sh", "--in=/t/1/prompt.md", "--last"] < File
note: a command takes no model: `big` is not passed on"#);
    }

    #[test]
    fn the_model_of_the_entry_serves_where_the_ticket_names_none() {
        let mut entry = entry(AgentKind::Opencode);
        entry.model = Some("small".into());
        assert!(shown(&turn(&entry)).contains("--model=small"));
        assert!(shown(&AgentTurn { model: Some("big"), ..turn(&entry) }).contains("--model=big"));
    }

    #[test]
    fn only_codex_writes_its_last_message_to_a_file() {
        let last = |kind| command(&turn(&entry(kind))).unwrap().last_message;
        assert_eq!(last(AgentKind::Codex), Some("/t/1/last.md".into()));
        assert_eq!(last(AgentKind::Claude), None);
    }

    #[test]
    fn a_ticket_cannot_slip_an_option_in() {
        let entry = entry(AgentKind::Codex);
        let sly = AgentTurn { model: Some("--yolo"), reasoning: Some("x\"\nsandbox=\"off\\"), ..turn(&entry) };
        let command = command(&sly).unwrap();
        assert!(command.argv.contains(&"--model=--yolo".into()));
        assert!(command.argv.contains(&r#"model_reasoning_effort="x\"\u000asandbox=\"off\\""#.into()));
    }

    #[test]
    fn a_path_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt as _;
        let mut entry = entry(AgentKind::Command);
        entry.command = vec!["a".into(), "<{prompt_file}>".into()];
        let path = Path::new(OsStr::from_bytes(b"/t/\xff"));
        let command = command(&AgentTurn { prompt_file: path, ..turn(&entry) }).unwrap();
        assert_eq!(command.argv[1].as_bytes(), b"</t/\xff>");
    }
}

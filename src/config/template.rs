//! What `init` writes: the config with every key that this version acts on, and a first ticket.

use std::fmt::Write as _;

use super::keys::{self, Key};
use super::unsupported;

/// The file name of the ticket that `init` writes.
pub const FIRST_TICKET_NAME: &str = "001-describe-repository.md";

/// The ticket that `init` writes: a runbook that works in any git repository and leaves one short file.
pub const FIRST_TICKET: &str = include_str!("first_ticket.md");

const HEAD: &str = "\
# Settings of turnstile for this repository. All values but `default_agent` are the defaults; every line can go.
# Durations are written 90s, 10m or 2h; `off` is no cap. What is wrong here: turnstile lint
";

const ROSTER: &str = "
# The roster. Without it every program that turnstile knows is there under its own name, with these defaults; with it
# only what it lists is there. `user` (a person) and `shell` (runs the sh blocks of a ticket) always are.
";

/// The commented config, with every value at its default but for `default_agent`.
pub fn template(default_agent: &str) -> String {
    let mut out = HEAD.to_owned();
    for key in keys::CONFIG.iter().filter(|key| is_supported("", key)) {
        if let Some(children) = key.shape.table() {
            write!(out, "\n# {}\n{}:\n", key.meaning, key.name).expect("a string takes every write");
            let pattern = format!("{}.", key.name);
            lines("  ", children.iter().filter(|child| is_supported(&pattern, child)), &mut out);
        } else if let Some(children) = key.shape.named() {
            out.push_str(ROSTER);
            writeln!(out, "# {}:\n#   mine:", key.name).expect("a string takes every write");
            let pattern = format!("{}.*.", key.name);
            lines("#     ", children.iter().filter(|child| is_supported(&pattern, child)), &mut out);
        } else {
            let value = if key.name == "default_agent" { quoted(default_agent) } else { key.default.to_owned() };
            write!(out, "\n# {}\n{}: {value}\n", key.meaning, key.name).expect("a string takes every write");
        }
    }
    out
}

/// Whether a key, or at least one key below it, is one that this version acts on.
fn is_supported(pattern: &str, key: &Key) -> bool {
    let path = format!("{pattern}{}", key.name);
    match key.shape.table() {
        Some(children) => children.iter().any(|child| is_supported(&format!("{path}."), child)),
        None => unsupported::accepted(&path).is_none(),
    }
}

/// One line a key, the explanations in one column.
fn lines<'k>(indent: &str, keys: impl Iterator<Item = &'k Key>, out: &mut String) {
    let lines: Vec<(String, &str)> = keys.map(|key| (format!("{}: {}", key.name, example(key)), key.meaning)).collect();
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    for (line, meaning) in lines {
        writeln!(out, "{indent}{line:width$}  # {meaning}").expect("a string takes every write");
    }
}

/// The default, or something to begin with where there is none; that is only ever written into a comment.
fn example(key: &Key) -> &'static str {
    match (key.default, key.name) {
        ("", "kind") => "command",
        ("", "command") => "[./agent.sh, \"{prompt_file}\"]",
        ("", "model") => "some-model",
        ("", "can_commit") => "true",
        (default, _) => default,
    }
}

/// A name as YAML takes it for a text: bare where that is safe.
fn quoted(name: &str) -> String {
    let is_bare = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&name.to_lowercase().as_str());
    // What JSON quotes, YAML reads as the same text.
    if is_bare { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AgentKind, Config, read};
    use crate::text::Source;

    fn read_clean(text: &str) -> Config {
        let (config, faults) = read(Some(&Source::new(".tickets/config.yaml", text)));
        assert_eq!(faults, [], "{text}");
        config
    }

    #[test]
    fn what_init_writes_is_the_defaults() {
        for agent in ["codex", "user", "shell"] {
            let expected = Config { default_agent: Some(agent.to_owned()), ..Config::default() };
            assert_eq!(read_clean(&template(agent)), expected);
        }
    }

    #[test]
    fn every_supported_key_is_shown_and_no_other() {
        insta::assert_snapshot!(template("codex"), @r#"
        # Settings of turnstile for this repository. All values but `default_agent` are the defaults; every line can go.
        # Durations are written 90s, 10m or 2h; `off` is no cap. What is wrong here: turnstile lint

        # the version of this format
        version: 1

        # the agent of tickets that name none
        default_agent: codex

        # The roster. Without it every program that turnstile knows is there under its own name, with these defaults; with it
        # only what it lists is there. `user` (a person) and `shell` (runs the sh blocks of a ticket) always are.
        # agents:
        #   mine:
        #     kind: command                           # which program, and how it is spoken to
        #     command: [./agent.sh, "{prompt_file}"]  # the program and its arguments, for kind `command`; `{prompt_file}` is the prompt's path
        #     model: some-model                       # the model, unless the ticket names one
        #     args: []                                # arguments that are appended
        #     env: []                                 # names of variables that are passed through
        #     timeout: 30m                            # the wall clock of one turn
        #     idle_timeout: off                       # how long a turn may print nothing
        #     can_commit: true                        # whether the agent is able to commit; turnstile commits for one that is not

        # caps of a run; they only ever refuse to start a turn
        limits:
          total_turns: 50  # turns of a run
          turns: 12        # turns of one ticket in a run
          time: 8h         # working time of agents in a run; pauses cost nothing
          no_progress: 3   # turns of one ticket in a row that change nothing
          failures: 3      # failed turns in a row that open the breaker
          cost_usd: off    # cost of a run in US dollars
          tokens: off      # tokens of a run

        # turns asked for after the first failure
        retries:
          lint: 3       # after frontmatter that cannot be read
          verify: 3     # after a check that was not met
          commit: 2     # after a claim whose work is not committed
          transient: 2  # after an error that may pass

        # how a turn's work is kept
        checkpoint:
          mode: ref  # `ref` keeps each turn's work beside the branch; `branch` also commits it there

        # who commits a ticket's work, and how
        commit:
          by: agent                # who commits the work: `agent` or `runner`, which is turnstile
          hooks: run               # whether git hooks run where turnstile commits work: `run` or `skip`
          subject: "{id}: {what}"  # the subject of turnstile's commits; `{id}`, `{title}` and `{what}` are filled in

        # what agents see of the environment
        env:
          inherit: filtered  # `filtered` drops what looks like a secret, `minimal` passes a short list, `all` everything but git's own
          pass: []           # names of variables that pass all the same

        # what a run does at a ticket that waits for a person
        on_wait: stop

        # which tickets wait for an approval
        approval:
          risk: []  # risks of tickets that wait for an approval, such as `high`
          tags: []  # tags of tickets that wait for an approval

        # what no turn may change unasked
        protect:
          paths: []  # globs of what no turn may change unasked, such as `.github/**`

        # how prompts are built
        prompt:
          max_bytes: 131072       # the size over which the parts of a prompt are cut
          previous_ticket: false  # whether the ticket finished before this one is quoted

        # checks that are run for every ticket, before its own
        verify: []

        # whether a ticket without a required check is a fault
        require_verify: false

        # named commands that tickets may ask for
        checks: {}

        # a program that is told of pauses, completion and failures, as JSON on its stdin
        notify:
          command: []                          # the program and its arguments, as `[./notify.sh]`; nobody is told where it is empty
          events: [paused, completed, failed]  # the events of a run that it is told of

        # what a push may start
        triggers:
          branches: []            # branches whose pushes start a run, by their names; the repository's HEAD branch where it is empty
          inline_commands: false  # whether a push may run command lines of tickets; otherwise they wait for `approve`
          reviewers: []           # author addresses, or fingerprints of keys that sign: whose replies in commits count; everybody's where it is empty
        "#);
    }

    #[test]
    fn the_example_of_the_roster_can_be_uncommented() {
        let text = template("shell");
        let start = text.find("# agents:").unwrap();
        let length = text[start..].find("\n\n").unwrap();
        let roster: Vec<&str> = text[start..start + length].lines().map(|line| &line[2..]).collect();
        let config = read_clean(&roster.join("\n"));
        assert_eq!(config.agent("mine").map(|entry| entry.kind), Some(AgentKind::Command));
    }

    #[test]
    fn a_name_that_yaml_would_misread_is_quoted() {
        for (name, written) in [("codex", "codex"), ("no", "\"no\""), ("a b", "\"a b\""), ("1", "\"1\""), ("", "\"\"")]
        {
            assert_eq!(quoted(name), written);
        }
    }
}

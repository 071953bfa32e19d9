//! Agents that people have: each is found on PATH and called as it wants to be called. What
//! this version cannot do is refused.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::TestEnv;

/// Says how it was called, and does the ticket. `$0.does` may hold more.
const PROGRAM: &str = r#"#!/bin/sh
set -eu
printf '%s\n' "$@" > "$0.arguments"
cat > "$0.stdin"
last=
for argument; do
    case $last in -o|--message-file) file=$argument ;; esac
    last=$argument
done
if [ -f "$0.does" ]; then . "$0.does"; fi
echo one > work
sed 's/^done:.*/done: true/' "$TURNSTILE_TICKET" > "$0.ticket"
cat "$0.ticket" > "$TURNSTILE_TICKET"
echo "these are my last words"
"#;

fn world(kind: &str) -> TestEnv {
    let mut env = TestEnv::new();
    let program = env.root().join("bin").join(kind);
    env.write(&program, PROGRAM);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    env.programs("../bin");
    env.write(".tickets/config.yaml", "commit: {by: runner}\n");
    env.ticket("001-a", &format!("title: A\nagent: {kind}\ndone: false"), "Do it with care.");
    env.commit_all("tickets");
    env
}

fn said(env: &TestEnv, kind: &str, what: &str) -> String {
    env.read(env.root().join("bin").join(format!("{kind}.{what}")))
}

#[test]
fn each_gets_the_prompt_and_its_work_is_committed() {
    for kind in ["codex", "claude", "opencode", "gemini", "aider"] {
        let env = world(kind);
        env.run_ends("completed");
        assert_eq!(env.subjects(), ["001-a: A", "tickets", "first"], "{kind}");
        assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "work"], "{kind}");
        let arguments = said(&env, kind, "arguments");
        let prompt = if kind == "aider" {
            let lines: Vec<&str> = arguments.lines().collect();
            let at = lines.iter().position(|line| *line == "--message-file").unwrap();
            env.read(lines[at + 1])
        } else {
            said(&env, kind, "stdin")
        };
        assert!(prompt.contains("Do it with care."), "{kind}: {prompt}");
        assert_eq!(env.events("turn.finished")[0]["agent"], kind);
        let trailers = env.git(&["log", "-1", "--format=%(trailers:key=Turnstile-Agent,valueonly)"]);
        assert_eq!(trailers.trim(), kind);
    }
}

#[test]
fn what_it_said_last_is_in_the_next_prompt() {
    let env = world("claude");
    env.write(env.root().join("bin/claude.does"), "echo 'half of it'; rm \"$0.does\"; exit 0\n");
    env.step_comes_to("progressed");
    env.run_ends("completed");
    assert!(said(&env, "claude", "stdin").contains("half of it"));
    // codex writes its last message to a file; what it prints beside it is noise.
    let env = world("codex");
    let does = "echo 'much noise'; echo 'half of it' > \"$file\"; rm \"$0.does\"; exit 0\n";
    env.write(env.root().join("bin/codex.does"), does);
    env.step_comes_to("progressed");
    env.run_ends("completed");
    let prompt = said(&env, "codex", "stdin");
    assert!(prompt.contains("half of it") && !prompt.contains("much noise"), "{prompt}");
}

#[test]
fn every_failure_is_a_failure() {
    for status in [1, 75, 130] {
        let env = world("gemini");
        env.write(env.root().join("bin/gemini.does"), format!("rm \"$0.does\"; exit {status}\n"));
        let document = env.ends(&["run"], "agent_failed");
        assert_eq!(document["reason"]["details"]["exit"], status);
        assert_eq!(env.events("turn.failed").len(), 1);
        env.run_ends("completed");
    }
}

#[test]
fn a_program_that_is_on_no_directory_of_path_is_named() {
    let env = world("claude");
    std::fs::remove_file(env.root().join("bin/claude")).unwrap();
    env.write(".tickets/001-a.md", env.read(".tickets/001-a.md").replace("agent: claude", "agent: no-such-agent"));
    env.write(".tickets/config.yaml", "agents: {no-such-agent: {kind: command, command: [no-such-program]}}\n");
    env.commit_all("another agent");
    let message = env.run_ends("agent_failed");
    assert!(message.contains("`no-such-program`") && message.contains("PATH"), "{message}");
    assert_eq!(env.events("turn.failed")[0]["started"], false);
}

#[test]
fn a_cap_that_nobody_could_hold_is_refused_with_the_agents_that_do_not_report() {
    let env = world("claude");
    env.ticket("001-a", "title: A\nagent: claude\ndone: false\nlimits: {tokens: 1000}", "Do it.");
    let message = env.run_ends("invalid");
    assert!(message.contains(".tickets/001-a.md:5:10: E023"), "{message}");
    assert!(message.contains("`limits.tokens` cannot be observed: `claude` reports no usage"), "{message}");
    env.write(".tickets/config.yaml", "agents:\n  fast: {kind: claude}\nlimits:\n  cost_usd: 2.50\n");
    let message = env.run_ends("invalid");
    assert!(message.contains(".tickets/config.yaml:4:3: E023"), "{message}");
    assert!(message.contains("`fast`, `shell` report no usage"), "{message}");
    let output = env.turnstile(&["lint"]).exits(3);
    assert!(output.text().contains("E023"), "{}", output.text());
    assert_eq!(env.run_id(), None);
}

#[test]
fn what_the_config_asks_for_and_this_version_cannot_do_is_refused() {
    let env = world("claude");
    for asked in ["agents: {other: {kind: goose}}", "agents: {other: {kind: claude, fallback: mine}}"] {
        env.write(".tickets/config.yaml", format!("{asked}\n"));
        let message = env.run_ends("invalid");
        assert!(message.contains("not supported by this version"), "{asked}: {message}");
        assert!(message.contains(".tickets/config.yaml:1:"), "{asked}: {message}");
        assert_eq!(env.run_id(), None, "{asked}");
    }
}

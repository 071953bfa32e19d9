//! Agents: real processes that do exactly what a test wrote down.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::TestEnv;

/// What scripts of agents may call.
const LIBRARY: &str = r#"
# Says that the ticket is done; everything else stays as it is.
claim() {
    if grep -q '^done:' "$TURNSTILE_TICKET"; then
        sed 's/^done:.*/done: true/' "$TURNSTILE_TICKET" > "$AGENT/ticket.$$"
    else
        awk 'NR == 1 { print; print "done: true"; next } { print }' "$TURNSTILE_TICKET" > "$AGENT/ticket.$$"
    fi
    cat "$AGENT/ticket.$$" > "$TURNSTILE_TICKET"
}

# ask TITLE [BODY]: a question that pauses the run.
ask() {
    printf -- '---\nmode: pause\ntitle: %s\n---\n%s\n' "$1" "${2:-$1}" > "$TURNSTILE_OUTBOX/DISPATCH.md"
}

# tell TITLE [BODY]: a message that nobody has to answer.
tell() {
    printf -- '---\nmode: notify\ntitle: %s\n---\n%s\n' "$1" "${2:-$1}" > "$TURNSTILE_OUTBOX/DISPATCH.md"
}

# Commits everything but the paperwork.
commit() {
    git add --all -- . ':!.tickets'
    git commit --quiet -m "${1:-work}"
}
"#;

/// The n-th turn runs the n-th script; each turn is logged and its prompt is kept.
const DISPATCHER: &str = r#"#!/bin/sh
set -eu
AGENT=${0%/*}
n=$(($(cat "$AGENT/count" 2>/dev/null || echo 0) + 1))
echo "$n" > "$AGENT/count"
echo "$n $TURNSTILE_TICKET_ID" >> "$AGENT/log"
cat > "$AGENT/prompt-$n"
env > "$AGENT/env-$n"
if [ ! -f "$AGENT/$n.sh" ]; then
    echo "no script for turn $n" >&2
    exit 1
fi
. "$AGENT/lib.sh"
. "$AGENT/$n.sh"
"#;

impl TestEnv {
    /// Where scripts lie: outside of the repository.
    pub fn agent_folder(&self) -> PathBuf {
        self.root().join("agent")
    }

    /// Makes the agent `mine`, whose n-th turn runs the n-th script, and a config that names it, both committed.
    pub fn agent(&self, scripts: &[&str]) {
        self.agent_with("", scripts);
    }

    /// The same with more lines at the end of the config.
    pub fn agent_with(&self, config: &str, scripts: &[&str]) {
        self.agent_entry("", config, scripts);
    }

    /// The same with more keys in the agent's entry, as `, timeout: 1s`.
    pub fn agent_entry(&self, entry: &str, config: &str, scripts: &[&str]) {
        let folder = self.agent_folder();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("lib.sh"), LIBRARY).unwrap();
        let dispatcher = folder.join("next");
        fs::write(&dispatcher, DISPATCHER).unwrap();
        fs::set_permissions(&dispatcher, fs::Permissions::from_mode(0o755)).unwrap();
        self.scripts(scripts);
        let command = dispatcher.to_str().unwrap();
        self.write(
            ".tickets/config.yaml",
            format!(
                "version: 1\ndefault_agent: mine\nagents:\n  mine: {{kind: command, command: [\"{command}\"]{entry}}}\n{config}"
            ),
        );
        self.commit_all("config");
    }

    /// More scripts, for the turns behind those that have one.
    pub fn scripts(&self, scripts: &[&str]) {
        let folder = self.agent_folder();
        let known = (1..1000).take_while(|number| folder.join(format!("{number}.sh")).exists()).count();
        for (index, script) in scripts.iter().enumerate() {
            fs::write(folder.join(format!("{}.sh", known + index + 1)), format!("{script}\n")).unwrap();
        }
    }

    /// Which tickets had a turn, in order: `1 001-a`.
    pub fn turns(&self) -> Vec<String> {
        let log = fs::read_to_string(self.agent_folder().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// What the n-th turn was sent.
    pub fn prompt(&self, turn: u32) -> String {
        fs::read_to_string(self.agent_folder().join(format!("prompt-{turn}"))).unwrap()
    }

    /// The environment of the n-th turn.
    pub fn agent_environment(&self, turn: u32) -> String {
        fs::read_to_string(self.agent_folder().join(format!("env-{turn}"))).unwrap()
    }
}

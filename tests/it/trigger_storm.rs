//! A storm of triggers with runners that are killed at random: the last state is always processed, and nothing is stuck.
//!
//! `TURNSTILE_STORM=1000` makes so many calls of real hooks; a test run makes fewer of them, and keeps the rest of the
//! thousand by files that say what a hook would have said. `TURNSTILE_KILL_SEED` runs one again.

use std::process::{Child, Stdio};

use crate::support::{TestEnv, number};

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Each turn is over at once and says that its ticket is done.
const AGENT: &str = "#!/bin/sh\ncat > /dev/null\nsed -i 's/^done:.*/done: true/' \"$TURNSTILE_TICKET\"\n\
                     echo \"$TURNSTILE_RUN/$TURNSTILE_TURN $TURNSTILE_TICKET_ID\" >> \"${0%/*}/log\"\n";

fn world() -> TestEnv {
    let env = TestEnv::new();
    let agent = env.agent_folder().join("next");
    crate::support::program(&agent, AGENT);
    env.write(
        ".tickets/config.yaml",
        format!(
            "version: 1\ndefault_agent: mine\nlimits: {{total_turns: 1000}}\nagents:\n  mine: {{kind: command, command: [\"{}\"]}}\n",
            agent.display()
        ),
    );
    env.commit_all("config");
    env.trust();
    env
}

/// A call of a hook that is not waited for.
fn call(env: &TestEnv) -> Child {
    let mut command = env.command(env!("CARGO_BIN_EXE_turnstile"));
    command.args(["hook", "post-merge", "0"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_thousand_triggers_with_runners_that_are_killed_leave_the_last_state_processed() {
    let seed = number("TURNSTILE_KILL_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos())
    });
    let calls = number("TURNSTILE_STORM").unwrap_or(60);
    let planted = 1000_u64.saturating_sub(calls);
    let env = world();
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut tickets = 0;
    let mut killed = 0;
    let mut hooks = Vec::new();
    for index in 0..calls {
        // What a call asks for is there before it is made, as with a pull.
        if dice.roll(8) == 0 {
            tickets += 1;
            env.ticket(&format!("{tickets:03}-t"), "title: T\ndone: false", "Do it.");
        }
        for _ in 0..planted * (index + 1) / calls - planted * index / calls {
            plant(&env, dice.roll(1 << 40));
        }
        hooks.push(call(&env));
        if hooks.len() > 8 {
            let code = hooks.remove(0).wait().unwrap();
            assert!(code.success(), "seed {seed}: a hook failed: {code}");
        }
        if dice.roll(3) == 0 {
            let runners = env.runners();
            killed += runners.len();
            env.kill_all(&runners);
        }
        std::thread::sleep(std::time::Duration::from_millis(dice.roll(120)));
    }
    for mut hook in hooks {
        assert!(hook.wait().unwrap().success(), "seed {seed}");
    }
    // The state that counts is the last one, and nobody is killed any more.
    tickets += 1;
    env.ticket(&format!("{tickets:03}-t"), "title: T\ndone: false", "Do it.");
    assert!(call(&env).wait().unwrap().success());
    // Nobody is killed any more, and so nobody has to be called.
    let begin = std::time::Instant::now();
    while begin.elapsed().as_secs() < 240 && !(env.triggers().is_empty() && env.runners().is_empty()) {
        let stuck = !env.triggers().is_empty() && env.runners().is_empty() && is_stuck(&env);
        assert!(!stuck, "seed {seed}: stuck\n{}{}", env.turnstile(&["status"]).text(), env.runner_log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let told = format!("seed {seed}, {calls} calls, {killed} runners killed\n{}", env.runner_log());
    assert_eq!(env.next(), "complete completed", "{told}");
    assert_eq!(env.json(&["status"])["tickets"]["done"], tickets, "{told}");
    assert_eq!(env.refused(), None, "{told}");
    let log = std::fs::read_to_string(env.agent_folder().join("log")).unwrap_or_default();
    let mut turns: Vec<&str> = log.lines().collect();
    let ran = turns.len();
    turns.sort_unstable();
    turns.dedup();
    assert_eq!(turns.len(), ran, "a turn ran twice, {told}");
    // The checker reads the journal of the last run, and there may have been several.
    let journals: String = std::fs::read_dir(env.path(".git/turnstile/runs"))
        .unwrap()
        // A runner that was killed before its first line has a folder and no journal.
        .map(|run| std::fs::read_to_string(run.unwrap().path().join("journal.jsonl")).unwrap_or_default())
        .collect();
    let of_another_run = |fault: &String| {
        let commit = fault.strip_prefix("a commit is not in the journal: ").and_then(|rest| rest.split('\t').next());
        commit.is_some_and(|commit| journals.contains(&format!("\"commit\":\"{commit}\"")))
    };
    let mut faults = env.faults();
    faults.retain(|fault| !of_another_run(fault));
    assert_eq!(faults, [""; 0], "{told}");
}

/// Whether triggers wait and nobody is there who serves them, for a while.
fn is_stuck(env: &TestEnv) -> bool {
    std::thread::sleep(std::time::Duration::from_secs(5));
    !env.triggers().is_empty() && env.runners().is_empty()
}

/// A trigger as a hook keeps it whose runner was killed before it did anything.
fn plant(env: &TestEnv, name: u64) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let id = format!("{:020}-{name:016x}-0000000000", since.as_nanos());
    let text = r#"{"version":1,"hook":"post-merge","at":"then","worktree":"main","moved":[]}"#;
    env.write(format!(".git/turnstile/triggers/.turnstile-1-{name}.tmp"), text);
    let folder = env.path(".git/turnstile/triggers");
    std::fs::rename(folder.join(format!(".turnstile-1-{name}.tmp")), folder.join(format!("{id}.json"))).unwrap();
}

#[test]
fn what_a_killed_runner_left_is_served_by_the_next_start_of_whatever_kind() {
    for start in ["run", "hook"] {
        let env = world();
        env.ticket("001-t", "title: T\ndone: false", "Do it.");
        plant(&env, 1);
        plant(&env, 2);
        if start == "run" {
            env.run_ends("completed");
        } else {
            assert!(call(&env).wait().unwrap().success());
            env.until("the run completes", |env| env.kinds().last().is_some_and(|kind| kind == "run.completed"));
        }
        env.settled();
        assert_eq!(env.triggers(), [""; 0], "{start}");
    }
}

//! `kill -9`, and what is found afterwards: no turn, message or commit lost or doubled.
//!
//! A few rounds always run; `TURNSTILE_KILL_ROUNDS=200` makes many of them. The seed is printed;
//! `TURNSTILE_KILL_SEED` runs one again.

use std::process::Child;
use std::time::Duration;

use serde_json::json;

use crate::support::{Cut, Story, TestEnv, number};

/// The first turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

/// A run that is in the middle of its first turn.
fn in_turn(env: &TestEnv) -> Child {
    let child = env.spawn(&["run"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn let_go(env: &TestEnv) {
    env.write(env.agent_folder().join("go"), "");
}

#[test]
fn a_turn_outlives_its_runner_and_is_adopted() {
    let env = world(&[&format!("{HELD}\necho one > file\ncommit one\nclaim")]);
    kill(in_turn(&env));
    assert_eq!(env.next(), "judge", "nothing is judged while the agent works");
    let child = env.spawn(&["--json", "run"]);
    env.until("the turn is adopted", |env| !env.events("turn.adopted").is_empty());
    let_go(&env);
    crate::support::ended_with(&env.wait(child), "completed");
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(&env.subjects()[..2], ["001-a: done", "one"]);
    assert_eq!((env.events("turn.started").len(), env.events("turn.finished").len()), (1, 1));
}

#[test]
fn a_turn_that_ended_while_nobody_looked_is_settled_as_any_other() {
    let env = world(&[&format!("{HELD}\necho one > file\ncommit one\nclaim")]);
    kill(in_turn(&env));
    let_go(&env);
    env.until("the turn ends", |env| env.effects().is_empty());
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.events("turn.finished")[0]["exit"], 0);
}

#[test]
fn a_turn_that_ended_without_a_record_is_told_and_followed_by_another() {
    let env = world(&[&format!("echo half > file\nclaim\n{HELD}"), "commit rest\nclaim"]);
    let child = in_turn(&env);
    kill(child);
    env.kill_all(&env.effects());
    env.kill_all(&env.agents());
    env.step_comes_to("retry_asked");
    let interrupted = env.events("turn.interrupted");
    assert_eq!(interrupted.len(), 1);
    assert_eq!(interrupted[0]["changed"], json!([".tickets/001-a.md", "file"]));
    assert!(!env.read(".tickets/001-a.md").contains("done: true"), "its claim is taken back");
    assert_eq!(env.read("file"), "half\n", "its work is kept and not committed");
    assert_eq!(env.subjects()[0], "tickets");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    let prompt = env.prompt(2);
    assert!(prompt.contains("interrupted") && prompt.contains("file"), "{prompt}");
}

#[test]
fn an_agent_whose_supervisor_was_killed_is_ended_before_anything_is_judged() {
    let env = world(&[&format!("{HELD}\necho late > file"), "claim"]);
    kill(in_turn(&env));
    env.kill_all(&env.effects());
    assert!(!env.agents().is_empty());
    env.run_ends("completed");
    assert!(env.agents().is_empty());
    assert!(!env.exists("file"));
    assert_eq!(env.events("turn.interrupted").len(), 1);
}

#[test]
fn a_torn_last_line_of_the_journal_is_cut_off_and_recorded() {
    let env = world(&["true", "claim"]);
    env.step_comes_to("progressed");
    let path = env.run_folder().join("journal.jsonl");
    let whole = env.read(&path);
    env.write(&path, format!("{whole}{{\"seq\":99,\"ts\":\"2026-"));
    assert_eq!(env.next(), "run_turn", "looking does not need the last line");
    env.run_ends("completed");
    assert_eq!(env.events("journal.repaired").len(), 1);
    assert!(env.read(&path).starts_with(&whole));
    assert_eq!(env.faults(), [""; 0]);
}

#[test]
fn a_damaged_journal_is_refused_and_left_untouched() {
    let env = world(&["true", "claim"]);
    env.step_comes_to("progressed");
    let path = env.run_folder().join("journal.jsonl");
    let whole = env.read(&path);
    let damaged = whole.replacen("\"turn\":1", "\"turn\":2", 1);
    assert_ne!(damaged, whole);
    env.write(&path, &damaged);
    let document = env.ends(&["run"], "journal_unreadable");
    assert_eq!(document["status"], "failed");
    for command in [&["step"][..], &["done", "1"], &["stop"], &["resume"]] {
        let output = env.turnstile(command).exits(7);
        assert!(output.stderr.contains("journal"), "{}", output.text());
    }
    assert_eq!(env.read(&path), damaged);
    assert_eq!(env.turns().len(), 1);
    env.write(&path, &whole);
    env.run_ends("completed");
}

#[test]
fn a_decision_is_not_lost_with_the_runner() {
    let env = world(&[&format!("{HELD}\nclaim")]);
    let child = in_turn(&env);
    assert_eq!(env.json(&["pause"])["state"], "stored");
    kill(child);
    let_go(&env);
    env.run_ends("operator_pause");
    assert_eq!(env.events("decision.stored").len(), 1);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 1);
}

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

/// One story, killed this often at random moments and then played to the end.
fn round(seed: u64, kills: u64, effects_too: bool) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mode = if dice.roll(2) == 0 { "ref" } else { "branch" };
    let mut story = Story::new(mode);
    for _ in 0..kills {
        let moment = Duration::from_millis(dice.roll(900));
        let too = effects_too && dice.roll(2) == 0;
        story.killed_after(moment, too);
    }
    let cut = if effects_too { Cut::Effects } else { Cut::RunnerAlone };
    let faults = match story.play() {
        Ok(()) => story.faults(cut),
        Err(stuck) => vec![stuck],
    };
    let told = format!("seed {seed}, mode {mode}\n{}\n{}", story.told, story.env.kinds().join("\n"));
    assert!(faults.is_empty(), "{}\n{told}", faults.join("\n"));
}

fn rounds(effects_too: bool) {
    let kills = 7;
    let first = number("TURNSTILE_KILL_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos())
    });
    let rounds = number("TURNSTILE_KILL_ROUNDS").unwrap_or(0).div_ceil(2 * kills).max(1);
    for seed in first..first + rounds {
        round(seed, kills, effects_too);
    }
}

#[test]
fn a_runner_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    rounds(false);
}

#[test]
fn a_runner_that_is_killed_with_its_effects_loses_and_doubles_nothing() {
    rounds(true);
}

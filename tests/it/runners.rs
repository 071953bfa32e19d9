//! Two and three runners at once, and clocks that jump.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::support::{Cut, Story, TestEnv, ended_with, skipped};

#[test]
fn of_three_runners_in_one_worktree_one_works_and_two_are_told_at_once() {
    let mut story = Story::new("branch");
    let first = story.env.spawn(&["--json", "run", "--allow-dirty"]);
    story.env.until("the first works", |env| env.path(".git/turnstile/worktrees/main/run").exists());
    let began = Instant::now();
    let others = [1, 2].map(|_| story.env.spawn(&["--json", "run", "--allow-dirty"]));
    let mut busy = 0;
    let mut outputs = vec![story.env.wait(first)];
    for other in others {
        let output = story.env.wait(other);
        if output.code == Some(75) {
            let _ = ended_with(&output, "busy");
            busy += 1;
        }
        outputs.push(output);
    }
    // The first may be at its question before the others have tried for a second; then they find the question.
    assert!(busy > 0 || began.elapsed() < Duration::from_secs(3), "{outputs:?}");
    story.play().unwrap();
    assert_eq!(story.faults(Cut::RunnerAlone), [""; 0], "{}", story.told);
}

#[test]
fn three_runners_that_are_killed_again_and_again_double_nothing() {
    let mut story = Story::new("ref");
    for round in 0..5_u64 {
        let mut others = [1, 2].map(|_| story.env.spawn(&["--json", "run", "--allow-dirty"]));
        story.killed_after(Duration::from_millis(150 + 170 * round), false);
        for other in &mut others {
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }
    story.play().unwrap();
    assert_eq!(story.faults(Cut::RunnerAlone), [""; 0], "{}", story.told);
}

#[test]
fn linked_worktrees_run_side_by_side_and_never_take_the_same_ticket() {
    let env = TestEnv::new();
    let worker = "echo $TURNSTILE_TICKET_ID >> $AGENT/took\nsleep 0.2\necho done > w-$TURNSTILE_TICKET_ID\ncommit $TURNSTILE_TICKET_ID\nclaim";
    env.agent(&[worker; 20]);
    // Two agents at once must not count each other's turns.
    let dispatcher = env.agent_folder().join("next");
    let lines = env.read(&dispatcher).replace("cat > \"$AGENT/prompt-$n\"", "cat > /dev/null");
    env.write(&dispatcher, lines);
    for number in 1..=4 {
        env.ticket(&format!("{number}-t"), "title: T", "Do it.");
    }
    env.commit_all("tickets");
    env.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = env.root().join("side").display().to_string();
    let here = env.spawn(&["--json", "run"]);
    let there = env.spawn(&["-C", &side, "--json", "run"]);
    let outputs = [env.wait(here), env.wait(there)];
    let journals: Vec<String> = walkdir::WalkDir::new(env.path(".git/turnstile/runs"))
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_name() == "journal.jsonl")
        .map(|entry| env.read(entry.path()))
        .collect();
    // While a ticket is current in one worktree's open run, the other one does not start it.
    let mut spans: Vec<(String, String, String, usize)> = Vec::new();
    for (owner, text) in journals.iter().enumerate() {
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in lines.iter().filter(|line| line["kind"] == "turn.started") {
            let ended = lines.iter().find(|end| end["kind"] == "turn.finished" && end["turn"] == line["turn"]);
            let ended = ended.unwrap_or_else(|| panic!("a turn did not end well: {text}\n{outputs:?}"));
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            spans.push((text(&line["ticket"]), text(&line["ts"]), text(&ended["ts"]), owner));
        }
    }
    for one in &spans {
        for other in spans.iter().filter(|other| other.3 != one.3 && other.0 == one.0) {
            assert!(other.1 > one.2 || one.1 > other.2, "both worktrees worked on {} at once: {spans:?}", one.0);
        }
    }
    let owners: BTreeSet<usize> = spans.iter().map(|span| span.3).collect();
    assert_eq!(owners.len(), 2, "both worked: {outputs:?}");
    let fsck = env.command("git").args(["fsck", "--strict", "--no-dangling"]).output().unwrap();
    assert!(fsck.status.success() && fsck.stdout.is_empty(), "{fsck:?}");
}

#[test]
fn a_clock_that_jumps_ends_no_turn_and_changes_no_order() {
    let mut story = Story::new("branch");
    let tried = story.env.command("faketime").args(["-f", "-2d", "true"]).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        return skipped("this needs `faketime` (on Debian `apt install faketime`)");
    }
    story.wrapped = ["-2d", "+2d", "-30d", "+0"]
        .iter()
        .zip(1..)
        .map(|(jump, run)| (run, ["faketime", "-f", jump].map(str::to_owned).to_vec()))
        .collect();
    story.play().unwrap();
    assert_eq!(story.faults(Cut::RunnerAlone), [""; 0], "{}", story.told);
    assert_eq!(story.env.events("turn.timed_out").len(), 0);
}

//! `kill -9`, and what is found afterwards: no turn, message or commit lost or doubled.
//!
//! A few rounds always run; `TURNSTILE_KILL_ROUNDS=200` makes many of them. The seed is printed;
//! `TURNSTILE_KILL_SEED` runs one again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Child;
use std::time::Duration;

use serde_json::json;

use crate::support::TestEnv;

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

/// The processes that carry out effects of this world: they name a folder of it on their command line.
fn effects(env: &TestEnv) -> Vec<i32> {
    let folder = env.path(".git/turnstile").display().to_string();
    processes(|text| text.contains(&folder))
}

/// The agents of this world: their scripts lie in its folder.
fn agents(env: &TestEnv) -> Vec<i32> {
    let program = env.agent_folder().join("next").display().to_string();
    processes(|text| text.contains(&program))
}

fn processes(which: impl Fn(&str) -> bool) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let named = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|text| which(&String::from_utf8_lossy(&text)))
    };
    numbers.filter(named).collect()
}

fn kill_all(env: &TestEnv, pids: &[i32]) {
    let names: Vec<String> = pids.iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        // One that is gone meanwhile is as dead as it should be.
        let _ = env.command("kill").arg("-9").args(&names).output().unwrap();
    }
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
    env.until("the turn ends", |env| effects(env).is_empty());
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.events("turn.finished")[0]["exit"], 0);
}

#[test]
fn a_turn_that_ended_without_a_record_is_told_and_followed_by_another() {
    let env = world(&[&format!("echo half > file\nclaim\n{HELD}"), "commit rest\nclaim"]);
    let child = in_turn(&env);
    kill(child);
    kill_all(&env, &effects(&env));
    kill_all(&env, &agents(&env));
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
    kill_all(&env, &effects(&env));
    assert!(!agents(&env).is_empty());
    env.run_ends("completed");
    assert!(agents(&env).is_empty());
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
    check(&env);
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

/// Works in three turns for each ticket, and can be cut anywhere: a turn that did not come to its end is done again.
const WORKER: &str = r#"
k=$(cat "$AGENT/$TURNSTILE_TICKET_ID.k" 2>/dev/null || echo 0)
echo "$TURNSTILE_RUN/$TURNSTILE_TURN" >> "$AGENT/ran"
sleep 0.03
save() { git add "w-$TURNSTILE_TICKET_ID"; git diff --cached --quiet -- "w-$TURNSTILE_TICKET_ID" || git commit --quiet -m "$1 of $TURNSTILE_TICKET_ID" -- "w-$TURNSTILE_TICKET_ID"; }
case $k in
0) echo one > "w-$TURNSTILE_TICKET_ID"; if [ $TURNSTILE_TICKET_ID != 2-b ]; then save one; fi ;;
1) tell 'Half of it' ;;
*) printf 'one\ntwo\n' > "w-$TURNSTILE_TICKET_ID"; if [ $TURNSTILE_TICKET_ID != 2-b ]; then save two; fi; claim ;;
esac
echo $((k + 1)) > "$AGENT/$TURNSTILE_TICKET_ID.k"
"#;

/// One world, killed this often at random moments and then run to the end.
fn round(seed: u64, kills: u64, effects_too: bool) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let env = TestEnv::new();
    let mode = if dice.roll(2) == 0 { "ref" } else { "branch" };
    env.agent_with(&format!("checkpoint: {{mode: {mode}}}\n"), &[WORKER; 60]);
    let config = env.read(".tickets/config.yaml");
    let entry = config.lines().find(|line| line.contains("mine: {")).unwrap();
    let other = entry.replace("mine: {", "hands: {can_commit: false, ");
    env.write(".tickets/config.yaml", config.replace(entry, &format!("{entry}\n{other}")));
    env.ticket("1-a", "title: A", "Do it.");
    env.ticket("2-b", "title: B\nagent: hands", "Do it.");
    env.ticket("3-c", "title: C\ndepends_on: [2-b]", "Do it.");
    env.commit_all("tickets");
    for _ in 0..kills {
        let mut child = env.spawn(&["run"]);
        std::thread::sleep(Duration::from_millis(dice.roll(450)));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        kill(child);
        if effects_too && dice.roll(2) == 0 {
            kill_all(&env, &effects(&env));
        }
    }
    let output = env.turnstile(&["--json", "run"]);
    let story = format!("seed {seed}, mode {mode}\n{}\n{}", output.text(), env.kinds().join("\n"));
    assert_eq!(output.code, Some(0), "{story}");
    crate::support::ended_with(&output, "completed");
    let faults = faults(&env, effects_too);
    assert!(faults.is_empty(), "{faults}\n{story}");
}

/// What must hold of every journal and every repository.
fn check(env: &TestEnv) {
    let lines = env.journal();
    let numbers: Vec<u64> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>(), "the journal has no gaps");
    let fsck = env.command("git").args(["fsck", "--strict", "--no-dangling"]).output().unwrap();
    assert!(fsck.status.success() && fsck.stdout.is_empty(), "{fsck:?}");
    let locks: Vec<_> = walkdir::WalkDir::new(env.path(".git"))
        .into_iter()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.rsplit_once('.').is_some_and(|(_, last)| last == "lock"))
        .collect();
    assert_eq!(locks, [""; 0], "no lock of git's is left");
}

/// What does not hold of a world that was killed and came to its end.
fn faults(env: &TestEnv, effects_too: bool) -> String {
    check(env);
    let mut faults = String::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            writeln!(faults, "{what}").unwrap();
        }
    };
    let count = |kind: &str| env.events(kind).len();
    let ran = env.read(env.agent_folder().join("ran"));
    let ran: Vec<&str> = ran.lines().collect();
    let once: BTreeSet<&&str> = ran.iter().collect();
    must(once.len() == ran.len(), "a turn ran twice");
    let run = env.run_id().unwrap();
    let started: BTreeSet<String> =
        env.events("turn.started").iter().map(|line| format!("{run}/{}", line["turn"])).collect();
    must(started.len() == count("turn.started"), "a turn was started twice");
    must(ran.iter().all(|turn| started.contains(*turn)), "a turn ran that was not started");
    let ended = count("turn.finished") + count("turn.failed") + count("turn.timed_out") + count("turn.interrupted");
    must(ended == started.len(), "a turn has no end, or two");
    if !effects_too {
        must(ran.len() == 9 && count("turn.finished") == 9, "a turn was lost");
        must(count("turn.interrupted") == 0, "a turn was cut although its supervisor lived");
    }
    must(count("turn.failed") == 0, "a turn failed");
    for ticket in ["1-a", "2-b", "3-c"] {
        let done = env.events("ticket.done").iter().filter(|line| line["ticket"] == ticket).count();
        must(done == 1, &format!("{ticket} was done {done} times"));
        let archived = env.events("outbox.archived").iter().filter(|line| line["ticket"] == ticket).count();
        let files = env.files(&format!(".tickets/history/{ticket}"));
        let messages = files.iter().filter(|file| file.ends_with("-dispatch/DISPATCH.md")).count();
        must(messages == archived, &format!("{ticket}: {messages} messages lie there, {archived} were archived"));
        // A turn that was cut behind its message sends it once more.
        must(if effects_too { messages >= 1 } else { messages == 1 }, &format!("{ticket} has {messages} messages"));
        must(
            env.read(format!("w-{ticket}")) == "one\ntwo\n",
            &format!("the work of {ticket} is not what it should be"),
        );
    }
    let mut subjects = env.subjects();
    subjects.sort();
    let finishing: Vec<&String> =
        subjects.iter().filter(|subject| subject.ends_with(": done") || subject.as_str() == "2-b: B").collect();
    // Where a checkpoint has the work already, the commit that finishes a ticket holds paperwork alone.
    let by_turnstile = if subjects.iter().any(|subject| subject == "2-b: B") { "2-b: B" } else { "2-b: done" };
    must(finishing == ["1-a: done", by_turnstile, "3-c: done"], &format!("the finishing commits are {finishing:?}"));
    let all = subjects.len();
    subjects.dedup();
    must(subjects.len() == all, &format!("a commit was made twice among {subjects:?}"));
    must(env.status().is_empty(), &format!("uncommitted: {:?}", env.status()));
    faults
}

#[expect(clippy::disallowed_methods, reason = "how many rounds there are is asked of the tests, not of the program")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
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

//! What a killed runner left half done, moment by moment, where `crash.rs` kills at random.

use std::process::Child;

use crate::support::{TestEnv, ended_with};

/// A turn, or a hook, that waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

/// Starts a run and kills it as soon as the turn, or the hook, has begun.
fn killed(env: &TestEnv) {
    let mut child = env.spawn(&["run"]);
    env.until("it begins", |env| env.agent_folder().join("began").exists());
    child.kill().unwrap();
    child.wait().unwrap();
}

fn let_go(env: &TestEnv) {
    env.write(env.agent_folder().join("go"), "");
}

/// A run that goes on beside the test, and that has something to wait for.
fn going_on(env: &TestEnv) -> Child {
    let mut child = env.spawn(&["--json", "run"]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    child
}

/// Cuts the journal behind the last line that this holds of, as if the runner had been killed there.
fn cut_behind(env: &TestEnv, holds: impl Fn(&serde_json::Value) -> bool) -> Vec<String> {
    let lines = env.journal();
    let last = lines.iter().rposition(holds).expect("the line is there");
    let path = env.run_folder().join("journal.jsonl");
    let text = env.read(&path);
    env.write(&path, text.split_inclusive('\n').take(last + 1).collect::<String>());
    lines[last + 1..].iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
}

fn begins_a_commit(line: &serde_json::Value) -> bool {
    line["kind"] == "effect.begun" && line.to_string().contains("\"purpose\":\"finish\"")
}

/// The folder of the last commit that was asked for.
fn last_save(env: &TestEnv) -> std::path::PathBuf {
    let mut folders: Vec<_> =
        std::fs::read_dir(env.run_folder().join("saves")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.pop().unwrap()
}

#[test]
fn a_commit_that_was_made_and_not_recorded_is_found_and_not_made_again() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    env.run_ends("completed");
    let head = env.git(&["rev-parse", "HEAD"]);
    let lost = cut_behind(&env, begins_a_commit);
    assert_eq!(lost, ["commit.made", "checkpoint.made", "ticket.done", "run.completed"]);
    std::fs::remove_file(last_save(&env).join("exit.json")).unwrap();
    env.run_ends("completed");
    assert_eq!(env.git(&["rev-parse", "HEAD"]), head, "nothing is committed twice");
    assert_eq!(env.events("commit.made").len(), 1);
    assert_eq!(env.events("commit.made")[0]["commit"], head);
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_commit_whose_message_a_hook_added_to_is_found_as_well() {
    let env =
        world("commit: {by: runner}\n", &["echo one > file\necho 'One file' > $TURNSTILE_OUTBOX/COMMIT_MSG\nclaim"]);
    let path = ".git/hooks/commit-msg";
    env.write(path, "#!/bin/sh\necho 'seen by a hook' >> \"$1\"\n");
    let _ = env.command("chmod").args(["+x", path]).status().unwrap();
    env.run_ends("completed");
    let head = env.git(&["rev-parse", "HEAD"]);
    assert!(env.git(&["log", "-1", "--format=%B"]).ends_with("seen by a hook"));
    cut_behind(&env, begins_a_commit);
    std::fs::remove_file(last_save(&env).join("exit.json")).unwrap();
    env.run_ends("completed");
    assert_eq!((env.git(&["rev-parse", "HEAD"]), env.events("commit.failed")), (head.clone(), Vec::new()));
    assert_eq!(env.events("commit.made")[0]["commit"], head);
}

#[test]
fn a_message_for_a_commit_that_somebody_else_made_does_not_stay() {
    let env = world(
        "commit: {by: runner}\n",
        &[
            "echo one > file\necho 'One file' > $TURNSTILE_OUTBOX/COMMIT_MSG\nclaim\ngit add file .tickets/001-a.md\ngit commit -qm mine",
        ],
    );
    env.run_ends("completed");
    assert_eq!((env.files(".tickets/outbox"), env.status()), (Vec::new(), Vec::new()));
}

#[test]
fn a_commit_that_was_recorded_by_its_own_process_is_read_from_there() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    env.run_ends("completed");
    let head = env.git(&["rev-parse", "HEAD"]);
    cut_behind(&env, begins_a_commit);
    env.run_ends("completed");
    assert_eq!(env.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(env.events("ticket.done").len(), 1);
}

#[test]
fn a_commit_of_the_same_subject_by_somebody_else_is_not_taken_for_ours() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    env.run_ends("completed");
    cut_behind(&env, begins_a_commit);
    std::fs::remove_file(last_save(&env).join("exit.json")).unwrap();
    // A person's commit stands where ours would.
    env.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    env.git(&["reset", "--quiet"]);
    env.git(&["commit", "--quiet", "--allow-empty", "-m", "001-a: A"]);
    let document = env.json(&["run"]);
    let made = env.events("commit.made");
    assert!(made.iter().all(|line| line["commit"] != env.git(&["rev-parse", "HEAD~1"])), "{document}");
    // The base is another one by now: it is looked at again, and then committed on top.
    env.json(&["run"]);
    env.run_ends("completed");
    assert_eq!(&env.subjects()[..3], ["001-a: A", "001-a: A", "tickets"]);
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "file"]);
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_commit_that_still_runs_is_waited_for() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    hold_commits(&env);
    killed(&env);
    let child = going_on(&env);
    let_go(&env);
    ended_with(&env.wait(child), "completed");
    assert_eq!(env.subjects(), ["001-a: A", "tickets", "config", "first"]);
    assert_eq!(env.read(env.agent_folder().join("hooked")), "once\n");
}

#[test]
fn a_finishing_commit_that_was_made_is_a_fact_whatever_was_decided_meanwhile() {
    let decisions: [(&[&str], &str, &str); 5] = [
        (&["stop"], "stopped", "done"),
        (&["done", "1"], "running", "done"),
        (&["reopen", "1"], "running", "ready"),
        (&["reply", "1", "-m", "more"], "running", "done"),
        (&["pause"], "paused", "done"),
    ];
    for (decision, status, state) in decisions {
        let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
        hold_commits(&env);
        killed(&env);
        assert_eq!(env.json(decision)["state"], "stored", "{decision:?}");
        let next = env.json(&["next"]);
        assert_eq!((&next["action"], &next["ticket"]), (&"judge".into(), &"001-a".into()), "{decision:?}");
        let_go(&env);
        let step = env.json(&["step"]);
        assert_eq!(step["outcome"], "ticket_done", "{decision:?}: {step}");
        assert_eq!((&step["ticket"], &step["turn"], &step["agent"]), (&"001-a".into(), &1.into(), &"mine".into()));
        assert_eq!(step["commit"], env.git(&["rev-parse", "HEAD"]));
        assert_eq!(step["status"], status, "{decision:?}: {step}");
        assert!(env.git(&["show", "HEAD:.tickets/001-a.md"]).contains("done: true"), "{decision:?}");
        assert_eq!(env.json(&["list"])[0]["state"], state, "{decision:?}");
        assert_eq!(env.turns().len(), 1, "{decision:?}");
    }
}

#[test]
fn stopping_behind_the_finishing_commit_leaves_the_ticket_done() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    env.run_ends("completed");
    let lost = cut_behind(&env, |line| line["kind"] == "commit.made");
    assert_eq!(lost, ["checkpoint.made", "ticket.done", "run.completed"]);
    assert_eq!(env.json(&["stop"])["state"], "served");
    assert_eq!(env.kinds()[env.kinds().len() - 3..], ["ticket.done", "decision.stored", "run.stopped"]);
    assert!(env.read(".tickets/001-a.md").contains("done: true"));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_turn_that_nobody_has_judged_is_judged_before_the_run_is_stopped() {
    let env = world("", &["echo one > file\nclaim"]);
    env.step_comes_to("retry_asked");
    cut_behind(&env, |line| line["kind"] == "turn.finished");
    assert_eq!(env.json(&["stop"])["state"], "stored");
    let next = env.json(&["next"]);
    assert_eq!((&next["action"], &next["ticket"]), (&"judge".into(), &"001-a".into()));
    let end = env.ends(&["step"], "stopped");
    assert_eq!((&end["ticket"], &end["turn"], &end["agent"]), (&"001-a".into(), &1.into(), &"mine".into()));
    assert_eq!(env.events("claim.made").len(), 1);
    assert!(env.read(".tickets/001-a.md").contains("done: false"), "a claim that was not met is none to the next run");
}

#[test]
fn a_commit_that_was_killed_is_made_again() {
    let env = world("commit: {by: runner}\n", &["echo one > file\nclaim"]);
    hold_commits(&env);
    killed(&env);
    kill_effects(&env);
    let_go(&env);
    env.run_ends("completed");
    assert_eq!(env.subjects(), ["001-a: A", "tickets", "config", "first"]);
    assert_eq!(env.turns().len(), 1);
    assert_eq!(env.status(), [""; 0]);
}

fn hold_commits(env: &TestEnv) {
    let agent = env.agent_folder();
    let path = ".git/hooks/pre-commit";
    env.write(path, format!("#!/bin/sh\nAGENT={}\n{HELD}\necho once >> $AGENT/hooked\n", agent.display()));
    let _ = env.command("chmod").args(["+x", path]).status().unwrap();
}

/// Git for everything that is run from now on: once, as soon as `$AGENT/breaks` is there, it cannot tell a copy of the
/// index, and leaves something there that cannot be removed like a file.
fn break_the_index_once(env: &mut TestEnv) {
    let flag = env.agent_folder().join("breaks");
    let wrapper = env.root().join("programs/git");
    let breaks = r#"rm "$flag" "$GIT_INDEX_FILE" && mkdir "$GIT_INDEX_FILE" && exit 1"#;
    let text = format!(
        "#!/bin/sh\nPATH=${{PATH#*:}}\nflag={}\ncase \"$*\" in *update-index*) [ ! -f $flag ] || {{ {breaks}; }};; esac\nexec git \"$@\"\n",
        flag.display()
    );
    env.write(&wrapper, text);
    let _ = env.command("chmod").arg("+x").arg(&wrapper).status().unwrap();
    env.programs(&env.root().join("programs").display().to_string());
}

#[test]
fn a_commit_that_failed_while_it_held_gits_locks_leaves_none_behind() {
    let mut env = world("commit: {by: runner}\n", &["echo one > file\ntouch $AGENT/breaks\nclaim"]);
    break_the_index_once(&mut env);
    env.run_ends("git_failed");
    let left = git_files(&env, |name| name.starts_with("turnstile-") || name == "index.lock");
    let [lock, prepared] = &left[..] else { panic!("the index is locked by a process that is gone: {left:?}") };
    assert_eq!(lock, "index.lock");
    // Whatever was in the way is mended; nobody touches the lock.
    std::fs::remove_dir(env.path(".git").join(prepared)).unwrap();
    env.run_ends("completed");
    assert_eq!(env.subjects(), ["001-a: A", "tickets", "config", "first"]);
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "file"]);
    assert_eq!((env.turns().len(), env.status()), (1, Vec::new()));
    assert_eq!(git_files(&env, |name| name.starts_with("turnstile-") || name.contains(".lock")), [""; 0]);
    assert!(!last_save(&env).join("marker").exists());
}

/// What lies in the git directory itself, sorted.
fn git_files(env: &TestEnv, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(env.path(".git")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = names.filter(|name| wanted(name)).collect();
    found.sort();
    found
}

/// Kills what carries out effects of this world: such a process names a folder of it on its command line.
fn kill_effects(env: &TestEnv) {
    let folder = env.path(".git/turnstile").display().to_string();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let named = std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|text| String::from_utf8_lossy(&text).contains(&folder));
        if named {
            let _ = env.command("kill").arg("-9").arg(entry.file_name()).output().unwrap();
        }
    }
}

#[test]
fn the_limits_of_a_turn_hold_although_its_runner_is_gone() {
    let env = TestEnv::new();
    env.agent_entry(", timeout: 1s", "", &[HELD, "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    killed(&env);
    env.run_ends("agent_failed");
    assert_eq!(env.events("turn.timed_out").len(), 1);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn a_person_may_end_a_turn_that_outlived_its_runner() {
    let env = world("", &[HELD, "claim"]);
    killed(&env);
    let child = env.spawn(&["--json", "run"]);
    env.until("the turn is adopted", |env| !env.events("turn.adopted").is_empty());
    let _ = env.turnstile(&["stop", "--now"]).exits(0);
    ended_with(&env.wait(child), "stopped");
    assert_eq!(env.events("turn.interrupted").len(), 1);
    env.run_ends("completed");
}

#[test]
fn a_line_that_is_missing_from_the_journal_is_damage() {
    let env = world("", &["true", "claim"]);
    env.step_comes_to("progressed");
    let path = env.run_folder().join("journal.jsonl");
    let whole = env.read(&path);
    let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
    lines.remove(2);
    let damaged = lines.concat();
    env.write(&path, &damaged);
    let document = env.ends(&["run"], "journal_unreadable");
    let message = document["reason"]["message"].as_str().unwrap();
    assert!(message.contains("journal.jsonl:3") && message.contains("doctor"), "{message}");
    assert_eq!((env.read(&path), env.turns().len()), (damaged, 1));
}

#[test]
fn cleaning_the_worktree_loses_nothing_of_a_run() {
    let env = world("", &["echo one > file\nask 'Why?'", "test -f file || echo one > file\ncommit one\nclaim"]);
    env.run_ends("user_dispatch");
    env.git(&["clean", "-fdxq"]);
    env.run_ends("user_dispatch");
    let _ = env.turnstile(&["reply", "-m", "Because."]).exits(0);
    env.run_ends("completed");
    assert!(env.prompt(2).contains("Because."));
    assert_eq!(env.events("turn.started").len(), 2);
}

#[test]
fn a_journal_that_lost_everything_is_damage_and_no_new_run() {
    let env = world("", &["ask 'Why?'", "claim"]);
    env.run_ends("user_dispatch");
    let path = env.run_folder().join("journal.jsonl");
    let whole = env.read(&path);
    for left in [Some(""), Some("{\"seq\":1,"), None] {
        match left {
            Some(left) => env.write(&path, left),
            None => env.remove(&path),
        }
        assert_eq!(env.ends(&["run"], "journal_unreadable")["status"], "failed");
        let next = env.turnstile(&["next"]).exits(7);
        assert!(next.stdout.contains("stop: journal_unreadable: "), "{}", next.text());
        let status = env.turnstile(&["--json", "status"]).exits(7);
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!((&status["status"], &status["reason"]["code"]), (&"failed".into(), &"journal_unreadable".into()));
        let list = env.turnstile(&["list"]).exits(7);
        assert!(list.stdout.contains("001-a") && list.stderr.contains("journal_unreadable"), "{}", list.text());
        assert!(env.turnstile(&["doctor"]).exits(3).stdout.contains("journal.jsonl"));
        assert_eq!(env.exists(&path), left.is_some(), "nothing is rewritten");
    }
    env.write(&path, &whole);
    env.run_ends("user_dispatch");
    assert_eq!(env.turns().len(), 1);
}

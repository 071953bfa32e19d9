//! A run whose record was taken away is not taken for a run that never was.

use crate::support::TestEnv;

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

/// Refused by everything that would have to know the run, whatever is asked first.
fn is_refused(env: &TestEnv, says: &str) {
    for command in ["run", "step", "next"] {
        let output = env.turnstile(&["--json", command]).exits(7);
        assert!(output.text().contains("journal_unreadable") && output.text().contains(says), "{command}: {output:?}");
    }
    assert_eq!(env.git(&["log", "-1", "--format=%s"]), "tickets", "nothing was committed");
    let doctor = env.turnstile(&["doctor"]);
    assert!(doctor.text().contains("git update-ref --stdin"), "{}", doctor.text());
}

#[test]
fn a_claim_is_no_fact_because_the_turn_removed_the_record() {
    let env = world(&["claim\nrm -rf .git/turnstile"]);
    drop(env.turnstile(&["run"]).exits(7));
    env.until("the turn's own process is over", |env| env.effects().is_empty());
    is_refused(&env, "it is gone");
}

/// A turn that waits, with its runner killed.
fn orphaned(script: &str) -> TestEnv {
    let env = world(&[&format!("{script}\ntouch ../begun\nsleep 600")]);
    let mut runner = env.spawn(&["step"]);
    env.until("the turn has begun", |env| env.root().join("begun").exists());
    runner.kill().unwrap();
    drop(env.wait(runner));
    env
}

fn end(env: &TestEnv) {
    env.kill_all(&env.effects());
    env.kill_all(&env.agents());
}

#[test]
fn nor_because_it_removed_the_file_that_names_the_run() {
    let env = orphaned("claim\nrm .git/turnstile/worktrees/main/run");
    is_refused(&env, "its run was never ended");
    end(&env);
}

#[test]
fn nor_because_it_cut_its_own_beginning_off_the_journal() {
    let env = orphaned("claim\nsed -i '/\"turn.started\"/,$d' .git/turnstile/runs/*/journal.jsonl");
    is_refused(&env, "it ends before turn 1");
    end(&env);
}

#[test]
fn a_person_can_give_the_record_up() {
    let env = world(&["echo work > file\nrm -rf .git/turnstile", "claim"]);
    drop(env.turnstile(&["run"]).exits(7));
    env.until("the turn's own process is over", |env| env.effects().is_empty());
    let doctor = env.turnstile(&["doctor"]).text();
    let line = doctor.lines().find(|line| line.contains("update-ref")).expect("what to type");
    let typed = line[line.find("git for-each-ref").unwrap()..].replace("[ROOT]", &env.root().display().to_string());
    assert!(env.command("sh").args(["-c", &typed]).current_dir(env.repo()).status().unwrap().success());
    env.git(&["add", "file"]);
    env.git(&["commit", "-qm", "work"]);
    env.run_ends("completed");
}

#[test]
fn the_name_of_the_run_is_put_back_as_the_turn_ends() {
    let env = world(&["echo 20250101-000000-aaaa > .git/turnstile/worktrees/main/run\nclaim"]);
    let output = env.turnstile(&["step"]).exits(0);
    assert!(output.text().contains("the worktree's run was changed, and was put back"), "{}", output.text());
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.events("ticket.done").len(), 1, "and the turn is judged as ever");
}

#[test]
fn a_turn_cannot_write_into_the_journal_of_its_run() {
    let env =
        world(&["tail -n 1 .git/turnstile/runs/*/journal.jsonl >> $(ls .git/turnstile/runs/*/journal.jsonl)\nclaim"]);
    // The runner sees that somebody else wrote, and does not write behind it.
    let message = env.run_ends("git_failed");
    assert!(message.contains("journal"), "{message}");
    is_refused(&env, "where 4 is due");
}

#[test]
fn a_turn_cannot_change_what_the_journal_says() {
    let env = world(&["claim\ntouch ../begun\nwhile [ ! -e ../go ]; do sleep 0.05; done"]);
    let runner = env.spawn(&["--json", "run"]);
    env.until("the turn has begun", |env| env.root().join("begun").exists());
    let path = env.run_folder().join("journal.jsonl");
    // Another agent, in as many bytes and with a checksum that fits.
    let forged = |line: &str| {
        let (body, _) = line.rsplit_once(",\"sum\":").unwrap();
        let body = format!("{}}}", body.replacen("\"mine\"", "\"nine\"", 1));
        format!("{},\"sum\":\"{:08x}\"}}\n", body.strip_suffix('}').unwrap(), crc32fast::hash(body.as_bytes()))
    };
    let text = env.read(&path);
    env.write(&path, text.lines().map(forged).collect::<String>());
    std::fs::write(env.root().join("go"), "").unwrap();
    let ended = crate::support::ended_with(&env.wait(runner), "tampered");
    let message = ended["reason"]["message"].as_str().unwrap();
    assert!(message.contains("the run's journal is not what was written"), "{message}");
}

#[test]
fn a_line_that_a_turn_wrote_into_the_journal_stops_the_run_until_a_person_has_seen_it() {
    let env = world(&["claim\ntouch ../begun\nwhile [ ! -e ../go ]; do sleep 0.05; done"]);
    let mut runner = env.spawn(&["step"]);
    env.until("the turn has begun", |env| env.root().join("begun").exists());
    runner.kill().unwrap();
    drop(env.wait(runner));
    // As good a line as turnstile's own.
    let path = env.run_folder().join("journal.jsonl");
    let text = env.read(&path);
    let (seq, run) = (text.lines().count() + 1, env.run_id().unwrap());
    let body =
        format!("{{\"seq\":{seq},\"ts\":\"2026-01-01T00:00:00.000Z\",\"run\":\"{run}\",\"kind\":\"future.kind\"");
    let sum = crc32fast::hash(format!("{body}}}").as_bytes());
    env.write(&path, format!("{text}{body},\"sum\":\"{sum:08x}\"}}\n"));
    std::fs::write(env.root().join("go"), "").unwrap();
    let message = env.run_ends("tampered");
    assert!(message.contains("the run's journal was written to"), "{message}");
    assert_eq!(env.run_ends("tampered"), message, "it stands");
    drop(env.turnstile(&["resume"]).exits(0));
    env.run_ends("completed");
}

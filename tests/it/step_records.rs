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
    let typed = &line[line.find("git for-each-ref").unwrap()..];
    assert!(env.command("sh").args(["-c", typed]).current_dir(env.repo()).status().unwrap().success());
    env.git(&["add", "file"]);
    env.git(&["commit", "-qm", "work"]);
    env.run_ends("completed");
}

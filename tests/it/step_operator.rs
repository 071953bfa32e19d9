//! What a person decides, between turns and while one is under way.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Output, TestEnv, ended_with};

/// The first turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false", "Do it too.");
    env.commit_all("tickets");
    env
}

/// Something that happens during the first turn of a run.
fn run_during(env: &TestEnv, act: impl FnOnce(&TestEnv, u32)) -> Output {
    let child = env.spawn(&["--json", "run"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    act(env, child.id());
    env.wait(child)
}

fn let_go(env: &TestEnv) {
    env.write(env.agent_folder().join("go"), "");
}

fn signal(env: &TestEnv, pid: u32, name: &str) {
    assert!(env.command("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

/// A decision that ends the turn; the step may be over before the command has looked twice.
fn ends_the_turn(env: &TestEnv, arguments: &[&str]) {
    let state = env.json(arguments)["state"].clone();
    assert!(state == "stored" || state == "served", "{state}");
}

/// A decision that is given during a turn returns at once.
fn stored(env: &TestEnv, arguments: &[&str]) {
    let begin = Instant::now();
    let document = env.json(arguments);
    assert_eq!(document["state"], "stored", "{document}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_stop_file_lets_no_turn_start_and_nothing_is_recorded() {
    let env = world(&["claim", "claim"]);
    env.step_comes_to("ticket_done");
    let lines = env.journal().len();
    env.write(".tickets/STOP", "production is down\n");
    let message = env.run_ends("stop_file");
    assert!(message.contains("production is down"), "{message}");
    assert_eq!((env.journal().len(), env.next().as_str()), (lines, "wait stop_file"));
    env.remove(".tickets/STOP");
    env.run_ends("completed");
}

#[test]
fn one_ctrl_c_waits_for_the_turn_and_judges_it() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let output = run_during(&env, |env, pid| {
        signal(env, pid, "INT");
        std::thread::sleep(Duration::from_millis(200));
        let_go(env);
    });
    ended_with(&output, "interrupted");
    assert!(output.stderr.contains("this one is waited for"), "{}", output.text());
    assert_eq!(env.events("ticket.done").len(), 1);
    assert_eq!(env.turns().len(), 1);
    let status = env.json(&["status"]);
    assert_eq!((&status["status"], &status["reason"]["code"]), (&json!("paused"), &json!("interrupted")));
    assert_eq!(env.next(), "run_turn");
    env.run_ends("completed");
    assert_eq!(env.json(&["status"])["status"], "completed");
}

#[test]
fn one_ctrl_c_with_nothing_left_open_is_completed() {
    let env = world(&[&format!("{HELD}\nclaim")]);
    env.remove(".tickets/002-b.md");
    env.commit_all("one less");
    let output = run_during(&env, |env, pid| {
        signal(env, pid, "TERM");
        std::thread::sleep(Duration::from_millis(200));
        let_go(env);
    });
    ended_with(&output, "completed");
}

#[test]
fn a_second_ctrl_c_ends_the_turn() {
    let env = world(&[&format!("echo one > file\n{HELD}"), "commit one\nclaim", "claim"]);
    let output = run_during(&env, |env, pid| {
        signal(env, pid, "INT");
        std::thread::sleep(Duration::from_millis(200));
        signal(env, pid, "INT");
    });
    ended_with(&output, "interrupted");
    let interrupted = env.events("turn.interrupted");
    assert_eq!((interrupted.len(), &interrupted[0]["changed"]), (1, &json!(["file"])));
    assert_eq!(env.read("file"), "one\n", "what it left stays");
    assert_eq!(env.next(), "run_turn");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("interrupted") && env.prompt(2).contains("file"), "{}", env.prompt(2));
}

/// What a terminal does: the signal goes to the whole foreground group, of which the agent is none.
#[test]
fn ctrl_c_in_a_terminal_does_not_reach_the_agent() {
    let env = world(&[&format!("trap 'echo hit > $AGENT/hit' INT\n{HELD}\nclaim"), "claim"]);
    let program = env!("CARGO_BIN_EXE_turnstile");
    let mut command = env.command(program);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let piped = std::process::Stdio::piped;
    let child = command.args(["--json", "run"]).stdout(piped()).stderr(piped()).spawn().unwrap();
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    let group = format!("-{}", child.id());
    assert!(env.command("kill").args(["-INT", "--", &group]).status().unwrap().success());
    std::thread::sleep(Duration::from_millis(200));
    let_go(&env);
    ended_with(&env.wait(child), "interrupted");
    assert_eq!((env.events("turn.finished").len(), env.events("ticket.done").len()), (1, 1));
    assert!(!env.agent_folder().join("hit").exists());
}

#[test]
fn a_terminal_that_is_closed_is_a_request_to_end() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let output = run_during(&env, |env, pid| {
        signal(env, pid, "HUP");
        std::thread::sleep(Duration::from_millis(200));
        let_go(env);
    });
    ended_with(&output, "interrupted");
    assert_eq!(env.events("ticket.done").len(), 1);
}

#[test]
fn pause_during_a_turn_is_served_when_it_ends() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let output = run_during(&env, |env, _| {
        stored(env, &["pause"]);
        let_go(env);
    });
    ended_with(&output, "operator_pause");
    assert_eq!(env.events("ticket.done").len(), 1, "the turn was judged");
    env.run_ends("operator_pause");
    assert_eq!((env.turns().len(), env.next().as_str()), (1, "wait operator_pause"));
    let decision = &env.events("decision.stored")[0];
    assert_eq!((&decision["by"], &decision["decision"]), (&json!("tester"), &json!("pause")));
    let output = env.turnstile(&["resume"]).exits(0);
    assert!(output.stdout.contains("operator_pause is answered"), "{}", output.text());
    env.run_ends("completed");
}

#[test]
fn pause_now_ends_the_turn() {
    let env = world(&[HELD, "claim", "claim"]);
    let output = run_during(&env, |env, _| ends_the_turn(env, &["pause", "--now"]));
    ended_with(&output, "operator_pause");
    assert_eq!(env.events("turn.interrupted").len(), 1);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn stop_during_a_turn_ends_the_run_behind_it() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let output = run_during(&env, |env, _| {
        stored(env, &["stop"]);
        let_go(env);
    });
    ended_with(&output, "stopped");
    assert_eq!(env.kinds().last().map(String::as_str), Some("run.stopped"));
    assert_eq!((env.turns().len(), env.events("ticket.done").len()), (1, 1));
    let first = env.run_id();
    env.run_ends("completed");
    assert_ne!(env.run_id(), first, "a new run began");
}

#[test]
fn stop_now_ends_the_turn_and_the_run() {
    let env = world(&[HELD, "claim", "claim"]);
    let output = run_during(&env, |env, _| ends_the_turn(env, &["stop", "--now"]));
    ended_with(&output, "stopped");
    assert_eq!(env.events("turn.interrupted").len(), 1);
    assert_eq!(env.json(&["status"])["status"], "stopped");
}

#[test]
fn pause_between_turns_holds_the_next_one() {
    let env = world(&["true", "claim", "claim"]);
    env.step_comes_to("progressed");
    assert_eq!(env.json(&["pause"])["state"], "served");
    env.run_ends("operator_pause");
    assert_eq!(env.json(&["resume"])["state"], "served");
    assert_eq!(env.json(&["resume"])["state"], "nothing");
    env.run_ends("completed");
}

#[test]
fn pause_without_a_run_holds_the_next_run() {
    let env = world(&["claim", "claim"]);
    assert_eq!(env.json(&["pause"])["state"], "held");
    assert_eq!(env.next(), "wait operator_pause");
    env.run_ends("operator_pause");
    assert_eq!(env.turns().len(), 0);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn resume_takes_a_held_pause_back() {
    let env = world(&["claim", "claim"]);
    assert_eq!(env.json(&["pause"])["state"], "held");
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn done_during_a_turn_is_served_when_it_ends() {
    let env = world(&[HELD, "claim"]);
    let output = run_during(&env, |env, _| {
        stored(env, &["done", "002-b"]);
        assert!(env.read(".tickets/002-b.md").contains("done: false"), "not while the agent works");
        let_go(env);
    });
    ended_with(&output, "completed");
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    let done: Vec<_> = env.events("ticket.done").iter().map(|line| line["ticket"].clone()).collect();
    assert_eq!(done, [json!("002-b"), json!("001-a")]);
    assert_eq!(env.status(), [""; 0], "the next step's paperwork took it along");
}

#[test]
fn done_of_the_ticket_that_is_worked_on() {
    let env = world(&[HELD, "claim"]);
    let output = run_during(&env, |env, _| {
        stored(env, &["done", "1"]);
        let_go(env);
    });
    ended_with(&output, "completed");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn reopen_during_a_turn_is_served_when_it_ends() {
    let env = world(&["claim", HELD, "claim", "claim"]);
    env.step_comes_to("ticket_done");
    let output = run_during(&env, |env, _| {
        stored(env, &["reopen", "001-a"]);
        let_go(env);
    });
    ended_with(&output, "completed");
    assert_eq!(env.events("ticket.reopened").len(), 1);
    assert_eq!(env.turns().len(), 4);
    assert!(env.turns()[2..].iter().any(|turn| turn.ends_with("001-a")), "{:?}", env.turns());
}

#[test]
fn a_second_runner_is_told_at_once_that_the_first_is_busy() {
    let env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let output = run_during(&env, |env, _| {
        for command in ["step", "run"] {
            let child = RefCell::new(env.spawn(&["--json", command]));
            // Without the lock it would wait for the turn that runs.
            env.until("the second one ends", |_| child.borrow_mut().try_wait().unwrap().is_some());
            ended_with(&env.wait(child.into_inner()), "busy");
        }
        assert_eq!(env.next(), "wait busy");
        assert_eq!(env.json(&["status"])["reason"]["code"], "busy");
        let_go(env);
    });
    ended_with(&output, "completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn a_turn_may_look_and_may_not_run() {
    let program = env!("CARGO_BIN_EXE_turnstile");
    let script = format!(
        "for c in run step 'done 1' 'reopen 1' pause resume stop; do\n\
         {program} --json $c 2>> $AGENT/errors && exit 9\n\
         done\n\
         {program} next > $AGENT/looked\n\
         {program} status > /dev/null\nclaim"
    );
    let env = world(&[&script, "claim"]);
    env.run_ends("completed");
    let errors = env.read(env.agent_folder().join("errors"));
    assert_eq!(errors.matches("\"reentrant\"").count(), 7, "{errors}");
    assert!(env.read(env.agent_folder().join("looked")).contains("001-a"));
}

#[test]
fn a_failed_agent_is_tried_again_by_a_person() {
    let env = world(&["echo broken >&2; exit 3", "claim", "claim"]);
    let document = env.ends(&["run"], "agent_failed");
    assert_eq!((&document["outcome"], &document["reason"]["details"]["exit"]), (&json!("failed"), &json!(3)));
    env.run_ends("completed");
}

#[test]
fn a_program_that_is_missing_is_named() {
    let env = world(&["claim"]);
    std::fs::remove_file(env.agent_folder().join("next")).unwrap();
    let message = env.run_ends("agent_failed");
    assert!(message.contains("agent/next"), "{message}");
}

#[test]
fn done_and_reopen_without_a_run_are_taken_along_by_the_next_one() {
    let env = world(&["claim", "claim"]);
    let _ = env.turnstile(&["done", "002-b"]).exits(0);
    assert!(env.read(".tickets/002-b.md").contains("done: true"));
    assert_eq!((env.run_id(), env.subjects()[0].as_str()), (None, "tickets"), "a command never commits");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.status(), [""; 0]);
    assert_eq!(env.events("decision.stored").len(), 1);
    let _ = env.turnstile(&["reopen", "001-a"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_decision_where_nothing_is_open_begins_no_run() {
    let env = world(&[]);
    let _ = env.turnstile(&["done", "001-a"]).exits(0);
    let _ = env.turnstile(&["done", "002-b"]).exits(0);
    env.run_ends("completed");
    assert_eq!((env.run_id(), env.next().as_str()), (None, "complete completed"));
    // What was decided by hand afterwards stands.
    env.ticket("001-a", "title: A\nagent: user\ndone: false", "Do it.");
    env.run_ends("user_ticket");
    assert!(env.read(".tickets/001-a.md").contains("done: false"));
}

#[test]
fn a_reply_that_waits_between_the_commit_and_the_end_of_its_ticket_is_left_and_named() {
    let mut env = world(&[&format!("{HELD}\nclaim"), "claim"]);
    let log = env.root().join("passages");
    env.set("_TURNSTILE_CRASH_LOG", log.display().to_string());
    // The second effect that is seen to be over is the commit.
    env.set("_TURNSTILE_CRASH_AT", "effect.seen:2");
    let output = run_during(&env, |env, _| {
        stored_reply(env);
        let_go(env);
    });
    assert_eq!(output.code, None, "it was killed: {}", output.text());
    let run = env.turnstile(&["run"]).exits(0);
    assert!(run.stderr.contains("a reply that was given during a turn is kept in"), "{}", run.text());
    assert!(!env.exists(".tickets/history"), "the ticket was finished: no turn would read it");
    assert_eq!(env.status(), [""; 0]);
}

fn stored_reply(env: &TestEnv) {
    assert_eq!(env.json(&["reply", "001-a", "-m", "use the other parser"])["state"], "stored");
}

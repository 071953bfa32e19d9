//! `watch` as its user meets it: tickets and replies are dropped, saved and pushed while it runs, and it waits in
//! between.

use std::process::Child;
use std::time::Duration;

use crate::support::{Output, TestEnv, skipped};

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env
}

/// A `watch` that was started, and is killed where a test fails.
struct Watching<'e> {
    env: &'e TestEnv,
    child: Option<Child>,
}

impl<'e> Watching<'e> {
    fn begin(env: &'e TestEnv, options: &[&str]) -> Self {
        let arguments: Vec<&str> = ["watch"].into_iter().chain(options.iter().copied()).collect();
        Self { env, child: Some(env.spawn(&arguments)) }
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().unwrap().id()).unwrap()
    }

    fn signal(&self, name: &str) {
        let killed = self.env.command("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Ctrl-C.
    fn end(mut self) -> Output {
        self.signal("INT");
        self.env.wait(self.child.take().unwrap())
    }

    /// Ticks of the processor that it has taken so far.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn completed(env: &TestEnv) -> bool {
    env.kinds().last().is_some_and(|kind| kind == "run.completed")
}

fn done(env: &TestEnv, ticket: &str) -> bool {
    env.events("ticket.done").iter().any(|line| line["ticket"] == ticket)
}

#[test]
fn a_ticket_that_is_dropped_is_worked_on_and_then_it_waits() {
    let env = world(&["claim", "claim"]);
    let watching = Watching::begin(&env, &[]);
    env.ticket("001-a", "title: A", "Do it.");
    env.until("the first is done", completed);
    env.ticket("epic/002-b", "title: B", "Do it.");
    env.until("the second is done", |env| done(env, "epic/002-b") && completed(env));
    let output = watching.end().exits(0);
    assert!(output.stderr.contains("no longer watching"), "{}", output.stderr);
    assert_eq!(env.turns(), ["1 001-a", "2 epic/002-b"]);
}

#[test]
fn a_half_written_ticket_is_left_alone_until_it_has_been_quiet() {
    let env = world(&["claim"]);
    let watching = Watching::begin(&env, &[]);
    env.write(".tickets/001-a.md", "---\ntitle: Half");
    for line in 0..4 {
        std::thread::sleep(Duration::from_millis(900));
        env.write(".tickets/001-a.md", format!("---\ntitle: Half\n---\nline {line}\n"));
    }
    env.write(".tickets/.001-a.md.swp", "---\ntitle: Whole\n---\nAll of it.\n");
    std::fs::rename(env.path(".tickets/.001-a.md.swp"), env.path(".tickets/001-a.md")).unwrap();
    env.until("it is done", completed);
    let prompt = env.prompt(1);
    assert!(prompt.contains("All of it.") && !prompt.contains("line 3"), "{prompt}");
    drop(watching.end().exits(0));
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn a_reply_continues_the_run() {
    let env = world(&["ask 'Which one?'", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    env.until("it is asked", |env| !env.events("run.paused").is_empty());
    env.reply("The second.");
    env.until("it is done", completed);
    let output = watching.end().exits(0);
    assert!(output.stderr.contains("user_dispatch"), "{}", output.stderr);
    assert!(env.prompt(2).contains("The second."));
}

#[test]
fn a_half_written_reply_is_left_alone_and_so_is_what_is_still_put_beside_it() {
    let env = world(&["ask 'Which one?'", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    env.until("it is asked", |env| !env.events("run.paused").is_empty());
    for _ in 0..4 {
        env.write(".tickets/USER_REPLY.md", "The first, or rather");
        std::thread::sleep(Duration::from_millis(800));
    }
    env.write(".tickets/USER_REPLY.md", "The second, with four pictures.");
    for number in 1..=4 {
        std::thread::sleep(Duration::from_millis(800));
        env.write(format!(".tickets/reply/{number}.png"), "x");
    }
    env.until("it is done", completed);
    drop(watching.end().exits(0));
    assert!(env.prompt(2).contains("The second") && !env.prompt(2).contains("rather"), "{}", env.prompt(2));
    let pictures = env.files(".tickets/history").iter().filter(|path| path.contains(".png")).count();
    assert_eq!(pictures, 4, "{:?}", env.files(".tickets/history"));
}

#[test]
fn what_is_waited_for_is_said_once() {
    let env = world(&["claim"]);
    env.ticket("001-a", "title: A\ndone: true", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    for number in 0..4 {
        std::thread::sleep(Duration::from_millis(700));
        env.write(format!(".tickets/context/{number}.md"), "something changes\n");
    }
    let output = watching.end().exits(0);
    assert_eq!(output.stderr.matches("waiting: ").count(), 1, "{}", output.stderr);
}

#[test]
fn it_waits_without_using_the_processor() {
    let env = world(&["claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    env.until("it is done", completed);
    std::thread::sleep(Duration::from_millis(1500));
    let before = watching.ticks();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(watching.ticks(), before);
    drop(watching.end().exits(0));
}

#[test]
fn a_failure_is_not_tried_again_and_again_and_a_reply_tries_again() {
    let env = world(&["exit 3", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    env.until("it failed", |env| env.kinds().contains(&"run.paused".to_owned()));
    env.write("stray", "something changes\n");
    env.write(".tickets/context/notes.md", "something changes\n");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(env.turns().len(), 1);
    env.remove("stray");
    env.reply("The network is back.");
    env.until("it is done", completed);
    drop(watching.end().exits(0));
}

#[test]
fn a_retry_is_made_when_its_time_has_come() {
    let mut env = TestEnv::new();
    env.set("TURNSTILE_BACKOFF_MS", "3000");
    env.agent(&["exit 75", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    env.until("it is done", completed);
    let output = watching.end().exits(0);
    assert!(output.stderr.contains("parked"), "{}", output.stderr);
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn a_folder_of_tickets_that_vanishes_and_comes_back_is_found_again() {
    let env = world(&["claim"]);
    let watching = Watching::begin(&env, &[]);
    std::thread::sleep(Duration::from_millis(500));
    std::fs::rename(env.path(".tickets"), env.root().join("away")).unwrap();
    std::thread::sleep(Duration::from_millis(800));
    std::fs::rename(env.root().join("away"), env.path(".tickets")).unwrap();
    std::thread::sleep(Duration::from_millis(800));
    env.ticket("001-a", "title: A", "Do it.");
    env.until("it is done", completed);
    drop(watching.end().exits(0));
}

#[test]
fn another_commands_step_is_waited_for() {
    let env = world(&["sleep 3\nclaim", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.ticket("002-b", "title: B", "Do it.");
    env.commit_all("tickets");
    let step = env.spawn(&["step"]);
    env.until("the turn runs", |env| env.turns().len() == 1);
    let watching = Watching::begin(&env, &[]);
    env.until("both are done", completed);
    drop(env.wait(step).exits(0));
    let output = watching.end().exits(0);
    assert!(output.stderr.contains("busy"), "{}", output.stderr);
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
}

#[test]
fn an_answer_that_another_command_gives_is_heard() {
    let env = world(&["claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    drop(env.turnstile(&["pause"]).exits(0));
    let watching = Watching::begin(&env, &[]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(env.turns().is_empty());
    drop(env.turnstile(&["resume"]).exits(0));
    env.until("it is done", completed);
    drop(watching.end().exits(0));
}

#[test]
fn what_is_in_the_way_elsewhere_is_looked_for_again() {
    let env = world(&["claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env.write("README.md", "mine\n");
    let watching = Watching::begin(&env, &[]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(env.turns().is_empty());
    env.write("README.md", "a project\n");
    env.until("it is done", completed);
    let output = watching.end().exits(0);
    assert!(output.stderr.contains("waiting: dirty_worktree"), "{}", output.stderr);
}

#[test]
fn ctrl_c_during_a_turn_ends_it_after_the_turn() {
    let env = world(&["sleep 2\necho one > one", "claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &["--json"]);
    env.until("the turn runs", |env| env.turns().len() == 1);
    let output = watching.end().exits(130);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(document["reason"]["code"], "interrupted");
    assert_eq!(document["steps"], 1);
    assert_eq!(env.events("turn.finished").len(), 1);
}

#[test]
fn a_file_system_without_events_is_looked_at_every_so_often() {
    let env = world(&["claim"]);
    let watching = Watching::begin(&env, &["--poll", "1"]);
    std::thread::sleep(Duration::from_millis(500));
    env.ticket("001-a", "title: A", "Do it.");
    env.until("it is done", completed);
    drop(watching.end().exits(0));
}

#[test]
fn the_systems_limit_is_named_and_it_looks_every_so_often_instead() {
    let env = world(&["claim"]);
    let limit = "/proc/sys/user/max_inotify_watches";
    let script = format!("echo 0 > {limit} && cat {limit}");
    let can = env.command("unshare").args(["-r", "sh", "-c", &script]).output();
    if !can.is_ok_and(|output| output.stdout == b"0\n") {
        return skipped("a user namespace with a limit of its own cannot be had here (`unshare -r`)");
    }
    let script = format!("echo 0 > {limit}; exec {} watch", env!("CARGO_BIN_EXE_turnstile"));
    let child = env
        .command("unshare")
        .args(["-r", "sh", "-c", &script])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let watching = Watching { env: &env, child: Some(child) };
    std::thread::sleep(Duration::from_millis(500));
    env.ticket("001-a", "title: A", "Do it.");
    env.until("it is done", completed);
    let output = watching.end().exits(0);
    assert!(
        output.stderr.contains("fs.inotify.max_user_watches") && output.stderr.contains("--poll"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_nobody_trusts_is_waited_for() {
    let mut env = TestEnv::new();
    env.agent(&["claim"]);
    env.asks_for_trust();
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let watching = Watching::begin(&env, &[]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(env.turns().is_empty());
    drop(env.turnstile(&["trust", "--yes"]).exits(0));
    env.until("it is done", completed);
    let output = watching.end().exits(0);
    assert!(output.stderr.contains("waiting: untrusted"), "{}", output.stderr);
}

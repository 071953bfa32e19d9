//! A worktree whose checked-out branch is pushed to (`updateInstead`): why git refuses a push, and what a push does that
//! it takes in the middle of a turn.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{Output, TestEnv};

/// A worktree that takes pushes, with a ticket, and somebody's clone of it.
struct World {
    env: TestEnv,
    clone: PathBuf,
}

impl World {
    fn new(scripts: &[&str]) -> Self {
        let env = TestEnv::new();
        env.agent(scripts);
        env.ticket("001-a", "title: A\ndone: false", "Do it.");
        env.write("file", "old\n");
        env.commit_all("tickets");
        env.trust();
        env.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
        env.call_from(&["post-receive"]);
        let clone = env.root().join("clone");
        env.git(&["clone", "--quiet", env.repo().to_str().unwrap(), clone.to_str().unwrap()]);
        Self { env, clone }
    }

    /// Commits a file in the clone and pushes it.
    fn push(&self, file: &str, text: &str) -> Output {
        let path = self.clone.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        let script = "git config user.name R && git config user.email r@e && git add --all && git commit -qm pushed; \
                      git pull -q --rebase && git push origin HEAD:main";
        Output::of(&self.env.command("sh").current_dir(&self.clone).args(["-c", script]).output().unwrap(), &self.env)
    }

    fn doctor(&self) -> (bool, String) {
        let checks = self.env.json(&["doctor"]);
        let check = checks.as_array().unwrap().iter().find(|check| check["check"] == "pushes").unwrap();
        (check["ok"].as_bool().unwrap(), check["message"].as_str().unwrap().to_owned())
    }
}

#[test]
fn a_push_that_git_refuses_is_explained_where_the_work_lies() {
    let document = include_str!("../../docs/git-driven.md");
    let world = World::new(&["echo half > file\nask Which?", "grep -q Blue $AGENT/prompt-2\ncommit whole\nclaim"]);
    let env = &world.env;
    assert_eq!(env.json(&["status"])["pushes"], json!({ "branch": "main", "refused_for": [] }));
    assert_eq!(world.doctor(), (true, "git takes pushes to the branch that is checked out".to_owned()));
    let _ = world.push("other", "1\n").exits(0);
    env.until("it asks", |env| !env.events("run.paused").is_empty());
    env.settled();

    let refused = world.push(".tickets/USER_REPLY.md", "Blue.\n").exits(1).stderr;
    let words = "Working directory has unstaged changes";
    assert!(refused.contains(words) && document.contains(words), "{refused}");
    assert!(!refused.contains("remote: "), "nothing is written to a push: {refused}");
    let why = "git refuses every push to `main` while this is changed here and not committed: file";
    let status = env.turnstile(&["status"]).exits(0).stdout;
    assert!(status.contains(why) && status.contains("`turnstile reply`"), "{status}");
    assert_eq!(env.json(&["status"])["pushes"], json!({ "branch": "main", "refused_for": ["file"] }));
    assert_eq!(world.doctor(), (false, why.to_owned()));
    env.git(&["add", "file"]);
    let refused = world.push("other", "2\n").exits(1).stderr;
    let words = "Working directory has staged changes";
    assert!(refused.contains(words) && document.contains(words), "{refused}");

    // What is said there helps.
    let _ = env.turnstile(&["reply", "001-a", "-m", "Blue."]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.json(&["status"])["pushes"]["refused_for"], json!([]));
    assert!(!env.turnstile(&["status"]).exits(0).stdout.contains("git refuses"));
    env.write("new", "x\n");
    let refused = world.push("new", "y\n").exits(1).stderr;
    let words = "Could not update working tree to new HEAD";
    assert!(refused.contains(words) && document.contains(words), "{refused}");
    env.remove("new");
    let _ = world.push("new", "z\n").exits(0);
    env.settled();
}

#[test]
fn what_a_push_brings_in_the_middle_of_a_turn_is_worked_on_as_well() {
    let world = World::new(&[
        "touch $AGENT/began; while [ ! -f $AGENT/go ]; do sleep 0.02; done\necho one > file\ncommit one\nclaim",
        "grep -q brought other && claim",
    ]);
    let env = &world.env;
    let _ = world.push("first", "1\n").exits(0);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    let _ = world.push("other", "brought\n").exits(0);
    let _ = world.push(".tickets/002-b.md", "---\ntitle: B\ndone: false\n---\n").exits(0);
    env.write(env.agent_folder().join("go"), "");
    env.completed();
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
    assert_eq!(env.read("other"), "brought\n");
}

#[test]
fn where_nobody_pushes_nothing_is_said_of_it() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.write("file", "1\n");
    assert_eq!(env.json(&["status"])["pushes"], json!(null));
    let checks = env.json(&["doctor"]);
    assert!(checks.as_array().unwrap().iter().all(|check| check["check"] != "pushes"), "{checks}");
}

//! A bare repository when something is in the way: nothing that was made there is lost, nothing is taken from under
//! anybody, and one branch's trouble is not another's.

use std::fs;
use std::path::Path;
use std::time::Duration;

use turnstile::run::{Surroundings, Workspace};
use turnstile::store::{Holder, WorktreeLock};

use crate::support::{Hub, program, refused_of, triggers_of};

/// The turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

fn subject(hub: &Hub, worktree: &Path) -> String {
    hub.env.git(&["-C", worktree.to_str().unwrap(), "log", "-1", "--format=%s"])
}

/// Any push asks for a look; this one is to a branch that starts nothing.
fn look(hub: &Hub) {
    hub.env.git(&["commit", "--quiet", "--allow-empty", "-m", "unused"]);
    hub.env.git(&["push", "--quiet", "--force", "origin", "HEAD:other"]);
    hub.env.settled();
}

/// A file of what was parked, on the only branch of the kind.
fn parked(hub: &Hub, file: &str) -> String {
    let branch = hub.git(&["for-each-ref", "--format=%(refname)", "refs/heads/turnstile"]);
    hub.git(&["show", &format!("{branch}:{file}")])
}

/// The branch is pushed, and its hook is called with a PATH that git has put nothing before.
fn push_and_ring(hub: &Hub, branch: &str) {
    let hook = hub.git_dir.join("hooks/post-receive");
    fs::rename(&hook, hook.with_extension("later")).unwrap();
    hub.push(branch);
    fs::rename(hook.with_extension("later"), &hook).unwrap();
    let told = format!("{} {} refs/heads/{branch}", "0".repeat(40), hub.commit(branch));
    let script = format!("echo {told} | '{}'", hook.display());
    let rung = hub.env.command("sh").current_dir(&hub.git_dir).args(["-c", &script]).output().unwrap();
    assert!(rung.status.success(), "{rung:?}");
}

/// What is kept of the branch of a worktree.
fn note_of(worktree: &Path) -> std::path::PathBuf {
    worktree.with_file_name(format!("{}.json", worktree.file_name().unwrap().to_str().unwrap()))
}

/// The runner is killed at a point of its work.
fn cut_at(hub: &mut Hub, point: &str, act: impl Fn(&Hub)) {
    hub.env.set("_TURNSTILE_CRASH_LOG", hub.env.root().join("passages").to_str().unwrap());
    hub.env.set("_TURNSTILE_CRASH_AT", format!("{point}:1"));
    act(hub);
    hub.env.until("it is cut", |env| {
        let passed = fs::read_to_string(env.root().join("passages")).unwrap_or_default();
        passed.lines().any(|line| line == point)
    });
    hub.env.settled();
    hub.env.set("_TURNSTILE_CRASH_AT", "");
}

/// The first worktree that is made is made like this; the folder has `once` from then on.
fn makes_worktrees(hub: &mut Hub, script: &str) -> std::path::PathBuf {
    let real = hub.env.command("sh").args(["-c", "command -v git"]).output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let folder = hub.env.root().join("programs");
    program(
        &folder.join("git"),
        &format!(
            "#!/bin/sh\ngit='{1}' here='{0}'\ncase \" $* \" in\n*' worktree add '*)\n  if mkdir \"$here/once\" 2>/dev/null; then\n    for word; do top=$before before=$word; done\n    {script}\n  fi\nesac\nexec \"$git\" \"$@\"\n",
            folder.display(),
            real.trim()
        ),
    );
    hub.env.programs(folder.to_str().unwrap());
    folder
}

#[test]
fn a_push_that_comes_while_another_one_is_handed_on_is_not_forgotten() {
    let mut hub = Hub::trusted_with_config("triggers: {branches: [main, next]}\n", &["claim"; 2]);
    let folder = makes_worktrees(&mut hub, "while [ ! -f \"$here/go\" ]; do sleep 0.02; done");
    push_and_ring(&hub, "main");
    hub.env.until("it is handed on", |_| folder.join("once").exists());
    let first = hub.env.runners();
    push_and_ring(&hub, "next");
    // Its own runner finds the lock taken and goes away.
    hub.env.until("the other runner has gone", |env| triggers_of(&hub.git_dir).len() == 2 && env.runners() == first);
    std::thread::sleep(Duration::from_millis(600));
    fs::write(folder.join("go"), "").unwrap();
    hub.has_on("main", "001-a: done");
    hub.has("next", "001-a: done");
}

#[test]
fn a_branch_that_another_git_holds_is_waited_for_and_what_that_one_puts_there_wins() {
    let hub = Hub::trusted(&[
        "touch \"$(git rev-parse --git-common-dir)/refs/heads/main.lock\"\necho one > file\ncommit one\nclaim",
        "echo two > file\ncommit two\nclaim",
    ]);
    let developer = hub.clone_of("developer");
    hub.env.git(&["push", "--quiet", "origin", "HEAD:other"]);
    developer.git(&["fetch", "--quiet"]);
    developer.git(&["reset", "--quiet", "--hard", "origin/other"]);
    developer.write("meanwhile", "x\n");
    developer.git(&["add", "--all"]);
    developer.git(&["commit", "--quiet", "-m", "meanwhile"]);
    developer.git(&["push", "--quiet", "origin", "HEAD:another"]);
    hub.env.settled();
    hub.push("main");
    hub.env.until("the turn is committed", |_| {
        hub.worktrees().first().is_some_and(|worktree| subject(&hub, worktree) == "001-a: done")
    });
    // By then the runner waits for the lock; where it does not, it ends.
    std::thread::sleep(Duration::from_millis(500));
    let moved = format!("{} {} refs/heads/main\n", hub.commit("main"), hub.commit("another"));
    fs::write(hub.git_dir.join("refs/heads/main"), hub.commit("another") + "\n").unwrap();
    let _ = hub.env.turnstile_with(&["-C", hub.git_dir.to_str().unwrap(), "hook", "post-receive"], &moved).exits(0);
    fs::remove_file(hub.git_dir.join("refs/heads/main.lock")).unwrap();
    hub.has("main", "001-a: done");
    assert_eq!(hub.subjects("main")[..3], ["001-a: done", "two", "meanwhile"]);
    assert_eq!(parked(&hub, "file"), "one");
    assert_eq!(hub.logs().matches("published ").count(), 1, "{}", hub.logs());
}

#[test]
fn nothing_is_exchanged_under_a_turn_whose_runner_was_killed() {
    let hub = Hub::trusted(&[
        &format!("{HELD}\nls > $AGENT/list\necho one > file\ncommit one\nclaim"),
        "echo two > file\ncommit two\nclaim",
    ]);
    hub.push("main");
    hub.env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    hub.env.kill_all(&hub.env.runners());
    hub.env.settled();
    let developer = hub.clone_of("developer");
    developer.write("added", "x\n");
    developer.push("added");
    hub.env.until("another runner has taken it up", |_| hub.logs().matches(" a run for ").count() == 2);
    std::thread::sleep(Duration::from_millis(700));
    hub.env.write(hub.env.agent_folder().join("go"), "");
    hub.has("main", "001-a: done");
    assert!(!hub.env.read(hub.env.agent_folder().join("list")).contains("added"));
    assert_eq!(hub.subjects("main")[..3], ["001-a: done", "two", "added"]);
    assert_eq!(parked(&hub, "file"), "one");
}

#[test]
fn nothing_is_checked_out_or_published_while_somebody_has_to_look_at_the_git_directory() {
    let hub = Hub::trusted(&[
        "hook=\"$(git rev-parse --git-common-dir)/hooks/post-checkout\"\nprintf '#!/bin/sh\\ntouch %s/ran\\n' \"$AGENT\" > \"$hook\"\nchmod +x \"$hook\"\necho one > file\ncommit one\nclaim",
    ]);
    hub.push("main");
    hub.env.until("it is found", |_| hub.logs().contains("tampered"));
    hub.env.settled();
    let developer = hub.clone_of("developer");
    developer.write("added", "x\n");
    developer.push("added");
    hub.env.settled();
    assert!(!hub.worktree().join("added").exists(), "{}", hub.told());
    assert_eq!(hub.subjects("main")[0], "added");
    assert!(!hub.git(&["branch", "--list", "turnstile/*"]).contains("turnstile"), "{}", hub.told());
    assert!(!hub.env.agent_folder().join("ran").exists());
}

#[test]
fn a_worktree_in_which_a_person_has_checked_out_a_branch_is_theirs() {
    let hub = Hub::trusted(&["echo half > file\nask Which?"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let worktree = hub.worktree();
    hub.env.git(&["-C", worktree.to_str().unwrap(), "switch", "--quiet", "--create", "mine"]);
    let developer = hub.clone_of("developer");
    developer.write("added", "x\n");
    developer.push("added");
    hub.env.settled();
    assert!(!worktree.join("added").exists(), "{}", hub.told());
    assert_eq!(hub.env.git(&["-C", worktree.to_str().unwrap(), "branch", "--show-current"]), "mine");
    assert_eq!(fs::read_to_string(worktree.join("file")).unwrap(), "half\n");
}

#[test]
fn a_branch_that_cannot_be_worked_on_keeps_its_push_and_holds_up_no_other() {
    let hub = Hub::trusted_with_config("triggers: {branches: [main, next]}\n", &["claim"; 6]);
    hub.env.git(&["push", "--quiet", "origin", "HEAD:main", "HEAD:next"]);
    hub.has_on("main", "001-a: done");
    hub.has("next", "001-a: done");
    // The worktree of the first of them is gone, and something else lies there.
    let worktree = hub.worktrees()[0].clone();
    fs::remove_dir_all(&worktree).unwrap();
    fs::write(&worktree, "in the way").unwrap();
    hub.env.ticket("002-b", "title: B\ndone: false", "Do it.");
    hub.env.commit_all("another ticket");
    hub.env.git(&["push", "--quiet", "--force", "origin", "HEAD:main", "HEAD:next"]);
    hub.has_on("next", "002-b: done");
    hub.env.settled();
    assert_eq!(hub.subjects("main")[0], "another ticket");
    let refused = refused_of(&hub.git_dir, "main").unwrap();
    assert!(refused["reason"]["message"].as_str().unwrap().starts_with("`main`: cannot remove"), "{refused}");
    assert_eq!(triggers_of(&hub.git_dir).len(), 1, "{}", hub.told());
    fs::remove_file(&worktree).unwrap();
    look(&hub);
    hub.has("main", "002-b: done");
    assert_eq!(refused_of(&hub.git_dir, "main"), None);
}

#[test]
fn a_worktree_that_was_removed_and_not_forgotten_is_forgotten_by_the_next_runner() {
    let mut hub = Hub::trusted(&["claim"]);
    hub.git(&["config", "receive.denyDeleteCurrent", "ignore"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    let worktree = hub.worktree();
    cut_at(&mut hub, "hub.retired", |hub| {
        hub.env.git(&["push", "--quiet", "origin", ":main"]);
    });
    assert!(!worktree.exists() && note_of(&worktree).exists());
    look(&hub);
    assert!(!worktree.exists() && !note_of(&worktree).exists());
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
    assert_eq!(refused_of(&hub.git_dir, "main"), None);
}

#[test]
fn what_was_not_published_is_found_again_where_the_folder_of_the_worktree_is_gone() {
    let mut hub = Hub::trusted(&["echo one > file\ncommit one\nclaim"; 2]);
    cut_at(&mut hub, "hub.publishing", |hub| hub.push("main"));
    fs::remove_dir_all(hub.worktree()).unwrap();
    look(&hub);
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.turns(), ["1 001-a"]);
}

#[test]
fn what_was_taken_away_is_not_pushed_back_by_a_worktree_that_is_made_anew() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nclaim", "ask Really?"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    let done = hub.commit("main");
    fs::remove_dir_all(hub.worktree()).unwrap();
    hub.env.git(&["push", "--quiet", "--force", "origin", "HEAD:main"]);
    hub.has("main", "001-a: waits for an answer");
    assert_eq!(hub.subjects("main")[..2], ["001-a: waits for an answer", "tickets"]);
    assert_eq!(hub.git(&["for-each-ref", "--format=%(objectname)", "refs/heads/turnstile"]), done);
}

#[test]
fn a_worktree_that_was_made_by_half_is_made_anew() {
    let mut hub = Hub::trusted(&["claim"]);
    // Killed with its runner in the middle of it.
    let folder = makes_worktrees(&mut hub, "\"$git\" \"$@\"; rm -r \"$top/.tickets\"; kill -9 $PPID; exit 1");
    push_and_ring(&hub, "main");
    hub.env.until("it is cut", |_| folder.join("once").exists());
    hub.env.settled();
    assert_eq!((hub.worktrees().len(), hub.env.turns().len()), (1, 0));
    look(&hub);
    hub.has("main", "001-a: done");
}

#[test]
fn a_worktree_is_only_removed_when_nothing_would_be_lost_and_nobody_is_at_work() {
    let hub = Hub::trusted(&["claim"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    let worktree = hub.worktree();
    let open = || {
        let surroundings = Surroundings {
            variables: Vec::new(),
            program: env!("CARGO_BIN_EXE_turnstile").into(),
            who: "tester".to_owned(),
            command: "run".to_owned(),
            grace: Duration::ZERO,
            backoff: Duration::ZERO,
            screen: std::sync::Arc::new(turnstile::secret::Screen::new(&[])),
            trusts: false,
        };
        Workspace::open(&worktree, surroundings).unwrap()
    };
    let retires = || open().retire().unwrap();
    assert!(!retires(), "its branch is there");
    let seen = hub.commit("main");
    hub.git(&["update-ref", "-d", "refs/heads/main"]);
    let holder = Holder { pid: std::process::id(), since: Workspace::now(), command: "run".to_owned() };
    let lock = WorktreeLock::acquire(&open().layout, &holder).unwrap();
    assert!(!retires(), "somebody is at work");
    drop(lock);
    fs::write(worktree.join("loose"), "x\n").unwrap();
    assert!(!retires(), "something is not committed");
    for arguments in [&["add", "--all"][..], &["commit", "--quiet", "-m", "loose"]] {
        hub.env.git(&[&["-C", worktree.to_str().unwrap()], arguments].concat());
    }
    assert!(!retires(), "a commit is on no branch");
    hub.env.git(&["-C", worktree.to_str().unwrap(), "reset", "--quiet", "--hard", &seen]);
    assert!(retires() && !worktree.exists() && !note_of(&worktree).exists());
}

#[test]
fn a_note_that_cannot_be_read_stops_everything_and_loses_nothing() {
    let hub = Hub::trusted(&["echo half > file\nask Which?", "grep half file && commit half && claim"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let worktree = hub.worktree();
    let whole = fs::read(note_of(&worktree)).unwrap();
    fs::write(note_of(&worktree), "{").unwrap();
    let developer = hub.clone_of("developer");
    developer.write(".tickets/USER_REPLY.md", "Go on.\n");
    developer.push("reply");
    hub.env.until("the start is refused", |_| refused_of(&hub.git_dir, "main").is_some());
    hub.env.settled();
    let refused = refused_of(&hub.git_dir, "main").unwrap();
    assert!(refused["reason"]["message"].as_str().unwrap().contains(".json"), "{refused}");
    assert_eq!(fs::read_to_string(worktree.join("file")).unwrap(), "half\n");
    fs::write(note_of(&worktree), whole).unwrap();
    look(&hub);
    hub.has("main", "001-a: done");
}

#[test]
fn what_a_failed_turn_has_committed_is_kept_when_the_branch_is_removed() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nexit 3"]);
    hub.git(&["config", "receive.denyDeleteCurrent", "ignore"]);
    hub.push("main");
    hub.env.until("the turn fails", |_| !hub.events("turn.failed").is_empty());
    hub.env.settled();
    let worktree = hub.worktree();
    assert_eq!((hub.subjects("main")[0].as_str(), subject(&hub, &worktree).as_str()), ("tickets", "one"));
    hub.env.git(&["push", "--quiet", "origin", ":main"]);
    hub.env.until("the worktree is gone", |_| !worktree.exists());
    hub.env.settled();
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one");
}

#[test]
fn a_template_that_was_pushed_and_cannot_be_read_is_told_as_one_that_differs() {
    let hub = Hub::trusted(&["claim"]);
    hub.env.write(".tickets/templates/other/x.md", b"\xff");
    hub.env.commit_all("a template");
    hub.push("main");
    hub.has("main", "001-a: done");
    assert!(hub.logs().contains("has another .tickets/templates/other/x.md than was trusted"), "{}", hub.logs());
}

#[test]
fn agents_settings_that_were_pushed_are_trusted_by_a_person_and_are_no_part_of_the_copy() {
    let hub = Hub::trusted(&["claim"]);
    hub.env.write(".mcp.json", "{}\n");
    hub.env.commit_all("settings");
    hub.push("main");
    hub.env.until("it is asked for", |_| hub.logs().contains("untrusted"));
    hub.env.settled();
    assert_eq!(hub.env.turns(), [""; 0]);
    hub.trust();
    hub.has("main", "001-a: done");
    let copy = fs::read_to_string(hub.git_dir.join("turnstile/trusted/copy.json")).unwrap();
    assert!(copy.contains("config.yaml") && !copy.contains(".mcp.json"), "{copy}");
}

#[test]
fn an_agent_cannot_store_a_copy() {
    let program = env!("CARGO_BIN_EXE_turnstile");
    let hub = Hub::trusted(&[&format!(
        "for how in '' 'env -u TURNSTILE_IN_TURN'; do\n  code=0; $how {program} -C \"$(git rev-parse --git-common-dir)\" trust --yes || code=$?; echo $code >> \"$AGENT/codes\"\ndone\nclaim"
    )]);
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.read(hub.env.agent_folder().join("codes")), "2\n2\n");
}

#[test]
fn trusting_something_starts_no_runner_where_no_folder_is() {
    let hub = Hub::trusted(&["claim"]);
    hub.env.write(".mcp.json", "{}\n");
    hub.env.commit_all("settings");
    hub.push("main");
    hub.env.until("it is asked for", |_| hub.logs().contains("untrusted"));
    hub.env.settled();
    assert_eq!(triggers_of(&hub.git_dir).len(), 1, "{}", hub.told());
    fs::remove_dir_all(hub.worktree()).unwrap();
    hub.trust();
    look(&hub);
    hub.has("main", "001-a: done");
}

#[test]
fn a_branch_without_tickets_has_no_worktree_also_where_it_is_pushed_with_another_one() {
    let hub = Hub::trusted_with_config("triggers: {branches: [main, next]}\n", &["claim"]);
    hub.env.git(&["rm", "--quiet", "-r", ".tickets"]);
    hub.env.commit_all("no tickets");
    hub.env.git(&["push", "--quiet", "origin", "HEAD:main", "HEAD~1:refs/heads/next"]);
    hub.has("next", "001-a: done");
    assert_eq!(hub.worktrees().len(), 1);
}

#[test]
fn what_a_killed_hook_has_left_is_cleared_away_also_where_nothing_is_begun() {
    let hub = Hub::with_config("", &["claim"]);
    let left = hub.git_dir.join("turnstile/triggers/.turnstile-999999999-0.tmp");
    fs::create_dir_all(left.parent().unwrap()).unwrap();
    fs::write(&left, "{").unwrap();
    hub.push("main");
    hub.env.until("the start is refused", |_| refused_of(&hub.git_dir, "main").is_some());
    assert!(!left.exists());
    hub.env.settled();
}

#[test]
fn a_runner_begins_nothing_in_the_worktree_of_a_branch_without_a_copy() {
    let mut hub = Hub::trusted(&["claim"]);
    cut_at(&mut hub, "hub.handed-on", |hub| hub.push("main"));
    let worktree = hub.worktree();
    fs::remove_file(hub.git_dir.join("turnstile/trusted/copy.json")).unwrap();
    let runner = hub.env.command(env!("CARGO_BIN_EXE_turnstile")).arg("__runner").current_dir(&worktree).status();
    assert!(runner.unwrap().success());
    hub.env.settled();
    assert_eq!(hub.env.turns(), [""; 0]);
    let refused = refused_of(&hub.git_dir, worktree.file_name().unwrap().to_str().unwrap()).unwrap();
    assert_eq!(refused["reason"]["code"], "untrusted");
    hub.trust();
    hub.has("main", "001-a: done");
}

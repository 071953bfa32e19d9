//! A bare repository: what is no push although the branch moved, what nobody works on and is said to be so, and what is in
//! the way of a branch.

use crate::support::{Hub, TestEnv, triggers_of};

/// What a turn does to the branch that is worked on, with the commit that it names `$c`.
const MOVES: &str = "export GIT_INDEX_FILE=$AGENT/index\ngit read-tree HEAD\n\
    blob=$(sed 's/^done:.*/done: true/' .tickets/001-a.md | git hash-object -w --stdin)\n\
    git update-index --cacheinfo 100644,$blob,.tickets/001-a.md\n\
    c=$(git -c user.name=Dana -c user.email=dana@example.org commit-tree -p HEAD -m done $(git write-tree))\n";

fn waits_for_a_person(hub: &Hub) -> String {
    hub.env.until("it waits for a person", |_| hub.told().contains("no push has told of it"));
    hub.env.settled();
    hub.turnstile(&["status"]).exits(0).stdout
}

#[test]
fn a_branch_that_a_turn_moves_itself_is_no_push_and_its_ticket_is_not_done() {
    for how in ["git update-ref refs/heads/main $c", "git push -q . $c:refs/heads/main"] {
        let hub = Hub::trusted(&[&format!("{MOVES}{how}"), "claim"]);
        hub.push("main");
        let told = waits_for_a_person(&hub);
        let kinds: Vec<String> = hub.journal().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
        assert!(
            !kinds.contains(&"branch.followed".to_owned()) && !kinds.contains(&"run.completed".to_owned()),
            "{kinds:?}"
        );
        assert!(told.contains("repository_state") && told.contains("a turn may have done that"), "{told}");
        assert_eq!(hub.env.turns(), ["1 001-a"], "{how}");
        // What is said there helps: the branch is put back, and any look goes on.
        let back = told.split("to put it back: git ").nth(1).unwrap().lines().next().unwrap();
        assert!(hub.env.command("sh").args(["-c", &format!("git {back}")]).status().unwrap().success());
        let _ = hub.turnstile(&["run"]).exits(0);
        hub.has("main", "001-a: done");
        assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"], "{how}");
    }
}

#[test]
fn what_moved_without_a_hook_is_taken_when_somebody_says_that_it_was_a_push() {
    let hub = Hub::trusted(&[&format!("{MOVES}git update-ref refs/heads/main $c")]);
    hub.push("main");
    let told = waits_for_a_person(&hub);
    let line = told.split("somebody's work: ").nth(1).unwrap().lines().next().unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_turnstile")).parent().unwrap();
    let script = format!("PATH='{}':$PATH; {line}", program.display());
    assert!(hub.env.command("sh").args(["-c", &script]).status().unwrap().success());
    hub.env.until("it is followed", |_| hub.events("branch.followed").len() == 1);
    hub.env.settled();
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
}

#[test]
fn an_agent_that_pushes_an_answer_to_its_own_question_has_not_answered_it() {
    let answers = "ask Which?\nunset GIT_INDEX_FILE\nread url < $AGENT/url\ngit clone -q $url $AGENT/own\ncd $AGENT/own\n\
        echo yes > .tickets/USER_REPLY.md\ngit add --all\n\
        git -c user.name=Ada -c user.email=ada@example.org commit -q -m reply\ngit push -q origin HEAD:main";
    let hub = Hub::trusted(&[answers]);
    hub.env.write(hub.env.agent_folder().join("url"), format!("{}\n", hub.git_dir.display()));
    hub.push("main");
    let told = waits_for_a_person(&hub);
    assert_eq!(hub.events("reply.consumed").len(), 0, "{told}");
    assert_eq!(hub.env.turns(), ["1 001-a"]);
}

/// A push during a turn, whose hook tells of it so many seconds later; what runners have said.
fn told_after(seconds: u32) -> String {
    let hub = Hub::trusted(&[
        "touch $AGENT/began; while [ ! -f $AGENT/go ]; do sleep 0.02; done\necho one > file\ncommit one\nclaim",
        "claim",
    ]);
    let hook = hub.git_dir.join("hooks/post-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    let slow = hub.env.agent_folder().join("began");
    std::fs::write(
        &hook,
        text.replace("exec ", &format!("if [ -f '{}' ]; then sleep {seconds}; fi\nexec ", slow.display())),
    )
    .unwrap();
    hub.push("main");
    hub.env.until("the turn begins", |_| slow.exists());
    hub.env.write("added", "x\n");
    hub.env.commit_all("added");
    let mut pushing = hub.env.command("git").args(["push", "-q", "origin", "HEAD:main"]).spawn().unwrap();
    hub.env.until("it is pushed", |env| {
        env.git(&["ls-remote", "origin", "main"]).starts_with(&env.git(&["rev-parse", "HEAD"]))
    });
    hub.env.write(hub.env.agent_folder().join("go"), "");
    assert!(pushing.wait().unwrap().success());
    hub.has("main", "001-a: done");
    assert_eq!(hub.git(&["show", "main:added"]), "x");
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
    hub.logs()
}

#[test]
fn a_push_whose_hook_tells_of_it_late_is_a_push() {
    let told = "no push has told of it";
    assert!(!told_after(1).contains(told), "hooks are a moment behind");
    assert!(told_after(4).contains(told), "that is what stands until it tells");
}

#[test]
fn a_branch_that_a_worktree_has_checked_out_is_not_moved_under_it() {
    let hub = Hub::trusted(&["claim"]);
    let deploy = hub.env.root().join("deploy");
    hub.git(&["worktree", "add", "-q", deploy.to_str().unwrap(), "main"]);
    hub.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    hub.push("main");
    hub.env.until("why is said", |_| hub.turnstile(&["status"]).stdout.contains("is checked out in"));
    hub.env.settled();
    assert_eq!(hub.env.turns(), [""; 0]);
    assert_eq!(hub.env.git(&["-C", deploy.to_str().unwrap(), "status", "--porcelain"]), "");
    assert!(hub.turnstile(&["doctor"]).exits(3).stdout.contains("switch --detach"));
    hub.env.git(&["-C", deploy.to_str().unwrap(), "switch", "-q", "--detach"]);
    let _ = hub.turnstile(&["run"]).exits(0);
    hub.has("main", "001-a: done");
}

#[test]
fn a_head_that_names_a_branch_that_nobody_pushes_is_said_to_start_nothing() {
    let hub = Hub::with_config("", &["claim"]);
    hub.git(&["symbolic-ref", "HEAD", "refs/heads/master"]);
    hub.push("main");
    hub.env.settled();
    assert!(hub.turnstile(&["status"]).exits(0).stdout.contains("origin.git trust main` shows them"));
    let _ = hub.turnstile(&["trust", "main", "--yes"]).exits(0);
    hub.env.settled();
    let says = "names refs/heads/master, which is not there";
    let told = hub.turnstile(&["status"]).exits(0).stdout;
    assert!(told.contains(says) && told.contains("symbolic-ref HEAD refs/heads/main"), "{told}");
    assert_eq!(told.matches(says).count(), 1, "{told}");
    assert!(hub.turnstile(&["next"]).exits(0).stdout.contains(says));
    assert!(hub.turnstile(&["doctor"]).exits(3).stdout.contains(says));
    assert_eq!(triggers_of(&hub.git_dir).len(), 1, "what was pushed waits");
    hub.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let _ = hub.turnstile(&["run"]).exits(0);
    hub.has("main", "001-a: done");
}

#[test]
fn what_was_pushed_and_no_hook_saw_is_shown_and_one_command_has_it_looked_at() {
    let hub = Hub::trusted(&["claim", "claim", "claim"]);
    let hook = hub.git_dir.join("hooks/post-receive");
    std::fs::rename(&hook, hook.with_extension("off")).unwrap();
    hub.push("main");
    hub.push("other");
    let told = hub.turnstile(&["status"]).exits(0).stdout;
    assert!(told.contains("no run has looked at it: main") && told.contains(" run` has one look"), "{told}");
    assert!(told.contains("not in `triggers.branches`: other"), "{told}");
    assert!(hub.turnstile(&["doctor"]).exits(3).stdout.contains("no run has looked at it: main"));
    let _ = hub.turnstile(&["run"]).exits(0);
    hub.has("main", "001-a: done");
    let clone = hub.clone_of("developer");
    clone.write(".tickets/002-b.md", "---\ntitle: B\ndone: false\n---\n");
    clone.push("another");
    for command in ["status", "next"] {
        let told = hub.turnstile(&[command]).exits(0).stdout;
        assert!(told.contains("`main` was pushed: "), "{command}: {told}");
    }
    assert!(hub.turnstile(&["doctor"]).exits(3).stdout.contains("`main` was pushed: "));
    // One branch is worked on: commands are for its worktree.
    let said = hub.turnstile(&["run"]).exits(0).stderr;
    assert!(said.contains("`main`, in "), "{said}");
    hub.has("main", "002-b: done");
}

#[test]
fn branches_in_the_way_of_its_own_names_do_not_keep_work_from_being_parked() {
    let hub = Hub::trusted(&["echo one > file\nask Which?", "claim"]);
    hub.push("turnstile");
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    hub.env.write("file", "two\n");
    hub.env.commit_all("other work");
    hub.env.git(&["push", "-q", "--force", "origin", "HEAD:main"]);
    hub.has("main", "001-a: done");
    assert_eq!(hub.git(&["show", "turnstile-2/001-a:file"]), "one");
    let told = hub.turnstile(&["status"]).exits(0).stdout;
    assert!(told.contains("parked, and kept until somebody removes it: turnstile-2/001-a"), "{told}");
}

#[test]
fn what_a_push_was_faster_than_bears_the_name_of_its_ticket_also_where_that_was_just_done() {
    let hub = Hub::trusted(&[
        "touch $AGENT/began; while [ ! -f $AGENT/go ]; do sleep 0.02; done\necho one > file\ncommit one\nclaim",
        "claim",
    ]);
    hub.push("main");
    hub.env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    hub.env.write("file", "two\n");
    hub.env.commit_all("other work");
    hub.push("main");
    hub.env.write(hub.env.agent_folder().join("go"), "");
    hub.has("main", "001-a: done");
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one");
    assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"]);
}

#[test]
fn a_push_that_drops_a_ticket_with_uncommitted_work_has_that_work_parked() {
    let config = "limits: {no_progress: off}\n";
    let hub = Hub::trusted_with_config(config, &["echo half > file\nask Which?", "ls > list\ncommit list\nclaim"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let clone = hub.clone_of("developer");
    clone.git(&["rm", "-q", ".tickets/001-a.md"]);
    clone.write(".tickets/002-b.md", "---\ntitle: B\ndone: false\n---\n");
    clone.push("another ticket");
    hub.has("main", "002-b: done");
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "half");
    assert!(!hub.git(&["show", "main:list"]).contains("file"));
}

#[test]
fn a_damaged_note_of_one_branch_hides_no_other_and_loses_nothing() {
    let hub = Hub::trusted_with_config("triggers: {branches: [main, next]}\n", &["ask Which?", "ask Which?"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    hub.push("next");
    hub.has("next", "001-a: waits for an answer");
    let notes: Vec<_> =
        std::fs::read_dir(hub.git_dir.join("turnstile/hub")).unwrap().flatten().map(|one| one.path()).collect();
    let note =
        notes.iter().find(|path| path.to_string_lossy().ends_with(".json") && path.to_string_lossy().contains("main"));
    let note = note.unwrap();
    std::fs::write(note, "garbage").unwrap();
    let mine = note.with_extension("").join("mine");
    std::fs::write(&mine, "somebody's\n").unwrap();
    let told = hub.turnstile(&["status"]).exits(0).stdout;
    assert!(told.contains("Save what you need of that folder first") && told.contains("`next` in "), "{told}");
    assert!(hub.turnstile(&["doctor"]).exits(3).stdout.contains("Save what you need"));
    assert!(hub.turnstile(&["log"]).exits(3).stderr.contains("several branches are worked on"));
    let clone = hub.clone_of("developer");
    clone.write("x", "1\n");
    clone.push("x");
    hub.env.settled();
    assert!(mine.exists() && std::fs::read(note).unwrap() == b"garbage", "nothing is made anew over it");
}

#[test]
fn a_branch_that_is_put_on_a_commit_of_turnstiles_is_pushed_like_any_other() {
    let hub = Hub::trusted_with_config("triggers: {branches: [main, next]}\n", &["ask Which?", "claim"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let clone = hub.clone_of("developer");
    clone.git(&["push", "-q", "origin", "HEAD:refs/heads/next"]);
    hub.env.until("the new branch is worked on", |_| hub.worktrees().len() == 2);
    hub.env.settled();
    assert!(hub.turnstile(&["status"]).exits(0).stdout.contains("`next` in "));
}

#[test]
fn a_question_of_a_hub_with_one_branch_is_answered_where_it_is_shown() {
    let hub = Hub::trusted(&["claim"]);
    hub.env.write(".tickets/001-a.md", "---\ntitle: A\ndone: false\nverify: [\"test -e README.md\"]\n---\n");
    hub.env.commit_all("with a check");
    hub.push("main");
    hub.env.until("it waits", |_| hub.turnstile(&["status"]).stdout.contains("approval_pending"));
    hub.env.settled();
    let status = hub.turnstile(&["status", "--json"]).exits(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["branches"][0]["status"], "paused", "{status}");
    assert_eq!(status["branches"][0]["reason"]["code"], "approval_pending", "{status}");
    let _ = hub.turnstile(&["approve", "001-a"]).exits(0);
    hub.has("main", "001-a: done");
    let env: &TestEnv = &hub.env;
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn a_shared_repository_stays_one_that_others_can_write_to() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nask Which?"]);
    hub.git(&["init", "-q", "--bare", "--shared=group", "."]);
    // What was there before is as it was made.
    let mended = "chmod -R g+rwX objects refs";
    assert!(hub.env.command("sh").current_dir(&hub.git_dir).args(["-c", mended]).status().unwrap().success());
    let push = "umask 022; git push -q origin HEAD:main 2>&1";
    assert!(hub.env.command("sh").args(["-c", push]).status().unwrap().success());
    hub.has("main", "001-a: waits for an answer");
    let find = "find objects refs logs \\( -type d ! -perm -070 -o -type f -path '*refs*' ! -perm -060 \\)";
    let found = hub.env.command("sh").current_dir(&hub.git_dir).args(["-c", find]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "a group cannot write there");
    let machine = std::fs::metadata(hub.git_dir.join("turnstile")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&machine.permissions()) & 0o777,
        0o700,
        "what is ours stays ours"
    );
}

#[test]
fn a_push_that_came_while_a_person_had_to_look_is_one_still_when_they_have() {
    let hub = Hub::trusted(&["git config alias.x status\necho one > file\ncommit one\nclaim", "claim", "claim"]);
    hub.push("main");
    hub.env.until("it stands", |_| hub.told().contains("tampered"));
    hub.env.settled();
    let clone = hub.clone_of("developer");
    clone.write("added", "x\n");
    clone.push("added");
    hub.env.settled();
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "its trigger is served: {}", hub.told());
    let _ = hub.turnstile(&["resume"]).exits(0);
    hub.has("main", "001-a: done");
    assert_eq!(hub.git(&["show", "main:added"]), "x");
}

#[test]
fn the_worktree_of_a_removed_branch_stays_while_a_person_has_to_look_at_it() {
    let hub = Hub::trusted(&["git config alias.x status\nclaim"]);
    hub.git(&["config", "receive.denyDeleteCurrent", "ignore"]);
    hub.push("main");
    hub.env.until("it stands", |_| hub.told().contains("tampered"));
    hub.env.settled();
    let worktree = hub.worktree();
    std::fs::write(worktree.join(".tickets/001-a.md"), hub.env.read(".tickets/001-a.md")).unwrap();
    assert_eq!(hub.env.git(&["-C", worktree.to_str().unwrap(), "status", "--porcelain"]), "");
    hub.env.git(&["push", "--quiet", "origin", ":main"]);
    hub.env.settled();
    assert!(worktree.join(".git").exists(), "{}", hub.told());
}

#[test]
fn commits_that_no_push_has_told_of_do_not_come_in_with_the_next_push_on_top_of_them() {
    let hub = Hub::trusted(&[&format!("{MOVES}git update-ref refs/heads/main $c"), "claim"]);
    hub.push("main");
    let _ = waits_for_a_person(&hub);
    let clone = hub.clone_of("developer");
    clone.write("added", "x\n");
    clone.push("on top of it");
    hub.env.settled();
    let told = waits_for_a_person(&hub);
    assert_eq!(hub.events("branch.followed").len(), 0, "{told}");
    // Nor in the run behind one that a person has stopped.
    let _ = hub.turnstile(&["stop"]).exits(0);
    let _ = hub.turnstile(&["run"]);
    hub.env.settled();
    assert_eq!(hub.events("branch.followed").len(), 0, "{}", hub.told());
    assert_eq!(hub.env.turns(), ["1 001-a"]);
}

#[test]
fn a_worktree_whose_turn_has_checked_out_a_branch_is_said_to_exchange_nothing_and_goes_on_when_it_is_let_go() {
    let hub = Hub::trusted(&["git checkout -q -b side\necho one > file\ncommit one", "claim"]);
    hub.push("main");
    hub.env.until("it stands", |_| hub.told().contains("head_moved"));
    hub.env.settled();
    let _ = hub.turnstile(&["resume"]).exits(0);
    hub.env.settled();
    for command in ["status", "next"] {
        let told = hub.turnstile(&[command]).exits(0).stdout;
        assert!(told.contains("`side` is checked out in the worktree that is for `main`"), "{told}");
    }
    let doctor = hub.turnstile(&["doctor"]).exits(3).stdout;
    assert!(doctor.contains("switch --detach"), "{doctor}");
    let ways_out = hub.turnstile(&["next"]).stdout;
    let ways_out = ways_out.split("published; `").nth(1).unwrap().split('`').next().unwrap().to_owned();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_turnstile")).parent().unwrap();
    let script = format!("PATH='{}':$PATH; {ways_out}", program.display());
    let output = hub.env.command("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{ways_out}: {output:?}");
    hub.has("main", "001-a: done");
    assert_eq!(hub.git(&["show", "main:file"]), "one");
}

#[test]
fn a_turn_that_writes_where_a_branch_was_seen_or_which_one_is_worked_on_has_tampered() {
    for script in [
        "note=$(ls $(git rev-parse --git-common-dir)/turnstile/hub/main-*.json)\nsed -i s/seen/sene/ $note\nclaim",
        "git --git-dir=$(git rev-parse --git-common-dir) symbolic-ref HEAD refs/heads/evil\nclaim",
    ] {
        let hub = Hub::trusted(&[script]);
        hub.push("main");
        hub.env.until("it stands", |_| hub.told().contains("tampered"));
        hub.env.settled();
    }
}

#[test]
fn worktrees_that_somebody_removed_are_made_anew_by_one_command() {
    let hub = Hub::trusted(&["claim"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    let worktree = hub.worktree();
    std::fs::remove_dir_all(&worktree).unwrap();
    let told = hub.turnstile(&["status"]).exits(0).stdout;
    assert!(told.contains("its worktree is gone"), "{told}");
    assert!(hub.turnstile(&["doctor"]).exits(3).stdout.contains("its worktree is gone"));
    let _ = hub.turnstile(&["run"]).exits(0);
    hub.env.until("it is there again", |_| worktree.join(".git").exists());
    hub.env.settled();
    assert!(hub.turnstile(&["status"]).exits(0).stdout.contains("completed"));
}

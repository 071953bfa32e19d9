//! A bare repository: a push starts the work, what comes of it is pulled, and what is pushed meanwhile wins.

use crate::support::{Hub, program, refused_of, triggers_of};

/// The turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

#[test]
fn a_push_starts_the_work_and_the_done_commit_comes_back_by_pull() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nclaim"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.subjects("main")[..2], ["001-a: done", "one"]);
    let published = hub.events("branch.published");
    assert_eq!(published.len(), 1);
    assert_eq!(published[0]["commit"], hub.commit("main"));
    assert_eq!(hub.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
    hub.env.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
    assert!(hub.env.read(".tickets/001-a.md").contains("done: true"));
    // Nobody has the branch itself checked out, so that it takes the next push as well.
    hub.env.write("more", "x\n");
    hub.env.ticket("002-b", "title: B\ndone: false", "Do it.");
    hub.env.scripts(&["claim"]);
    hub.env.commit_all("another ticket");
    hub.push("main");
    hub.has("main", "002-b: done");
    assert_eq!(hub.env.turns(), ["1 001-a", "2 002-b"]);
}

#[test]
fn a_push_before_anybody_has_trusted_anything_waits_for_it() {
    let hub = Hub::with_config("", &["claim"]);
    hub.push("main");
    hub.env.until("the start is refused", |_| refused_of(&hub.git_dir, "main").is_some());
    hub.env.settled();
    let refused = refused_of(&hub.git_dir, "main").unwrap();
    assert_eq!(refused["reason"]["code"], "untrusted");
    let message = refused["reason"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("`turnstile -C {} trust`", hub.git_dir.display())), "{message}");
    assert_eq!((hub.env.turns().len(), hub.worktrees().len(), triggers_of(&hub.git_dir).len()), (0, 0, 1));
    hub.trust();
    hub.has("main", "001-a: done");
    assert_eq!(refused_of(&hub.git_dir, "main"), None);
}

#[test]
fn a_push_that_changes_the_config_goes_on_with_the_trusted_one_and_says_so() {
    let hub = Hub::trusted(&["claim"]);
    let evil = "version: 1\ndefault_agent: evil\nagents:\n  evil: {kind: command, command: [touch, /evil]}\n";
    hub.env.write(".tickets/config.yaml", evil);
    hub.env.commit_all("another config");
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.turns(), ["1 001-a"]);
    let said = "what was pushed has another .tickets/config.yaml than was trusted";
    assert!(hub.logs().contains(said), "{}", hub.logs());
}

#[test]
fn no_hook_of_the_repository_runs_when_the_runner_publishes() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nclaim"]);
    for name in ["pre-receive", "update", "post-update", "post-checkout", "reference-transaction"] {
        let text = format!(
            "#!/bin/sh\n[ -n \"$GIT_PUSH_CERT$GIT_DIR\" ] && [ \"$GIT_DIR\" = . ] || echo {name} >> '{}'\n",
            hub.env.root().join("ran").display()
        );
        crate::support::program(&hub.git_dir.join("hooks").join(name), &text);
    }
    hub.push("main");
    hub.has("main", "001-a: done");
    let ran = std::fs::read_to_string(hub.env.root().join("ran")).unwrap_or_default();
    // What an agent's own commit runs is the agent's own business.
    let ran: Vec<&str> = ran.lines().filter(|line| *line != "reference-transaction").collect();
    assert_eq!(ran, [""; 0]);
}

#[test]
fn the_first_push_of_a_repository_without_tickets_makes_no_worktree() {
    let hub = Hub::trusted(&["claim"]);
    hub.env.git(&["rm", "--quiet", "-r", ".tickets"]);
    hub.env.commit_all("no tickets");
    hub.push("main");
    hub.env.settled();
    assert_eq!((hub.worktrees().len(), triggers_of(&hub.git_dir).len()), (0, 0), "{}", hub.told());
}

#[test]
fn a_push_that_adds_to_what_the_turn_began_with_wins_and_the_ticket_begins_again() {
    let hub = Hub::trusted(&[
        &format!("{HELD}\necho one > file\ncommit one\necho two > loose\nclaim"),
        "echo three > file\ncommit three\nclaim",
    ]);
    hub.push("main");
    hub.env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    let developer = hub.clone_of("developer");
    developer.write("meanwhile", "x\n");
    developer.push("meanwhile");
    hub.env.write(hub.env.agent_folder().join("go"), "");
    hub.has("main", "001-a: done");
    assert_eq!(hub.subjects("main")[..3], ["001-a: done", "three", "meanwhile"]);
    assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"]);
    let parked = hub.subjects("turnstile/001-a");
    assert_eq!(parked[0], "001-a: parked, for main was pushed meanwhile");
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one");
    assert_eq!(hub.git(&["show", "turnstile/001-a:loose"]), "two");
    assert!(!hub.worktree().join("loose").exists());
    assert!(hub.logs().contains("`main` was pushed meanwhile, and that wins"), "{}", hub.logs());
}

#[test]
fn branches_work_side_by_side_and_their_tickets_have_nothing_to_do_with_each_other() {
    let hub = Hub::trusted_with_config(
        "triggers: {branches: [main, next, \"release/1.0\"]}\n",
        &["git rev-parse HEAD > file\ncommit work\nclaim"; 3],
    );
    hub.env.git(&["push", "--quiet", "origin", "HEAD:main", "HEAD:next", "HEAD:release/1.0", "HEAD:other"]);
    for branch in ["main", "next", "release/1.0"] {
        hub.has_on(branch, "001-a: done");
    }
    hub.env.settled();
    assert_eq!(hub.env.turns().len(), 3);
    assert_eq!(hub.subjects("other")[0], "tickets", "nobody asked for that one");
    assert_eq!(hub.worktrees().len(), 3);
    let names: Vec<String> =
        hub.worktrees().iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(
        names[0].starts_with("main-") && names[1].starts_with("next-") && names[2].starts_with("release-1-0-"),
        "{names:?}"
    );
    let status: serde_json::Value =
        serde_json::from_str(&hub.turnstile(&["--json", "status"]).exits(0).stdout).unwrap();
    let branches = status["branches"].as_array().unwrap();
    let told: Vec<_> = branches.iter().map(|one| (one["branch"].clone(), one["status"].clone())).collect();
    let done = |name: &str| (name.into(), "completed".into());
    assert_eq!(told, [done("main"), done("next"), done("release/1.0")]);
    let text = hub.turnstile(&["status"]).exits(0).stdout;
    assert!(text.contains("`release/1.0` in ") && text.contains("\n  tickets: 1 done"), "{text}");
    assert!(hub.turnstile(&["next"]).exits(0).stdout.contains("completed"));
    let _ = hub.turnstile(&["doctor"]).exits(0);
}

#[test]
fn a_name_that_somebody_pushes_is_never_a_path_an_option_or_a_command() {
    let hub = Hub::trusted(&["claim"; 3]);
    let hostile: [&[u8]; 3] = [b"refs/heads/x\xff", b"refs/heads/a$(id);b`c`", b"refs/heads/-rf"];
    for (number, name) in hostile.iter().enumerate() {
        // What HEAD names is what is worked on, whatever its name.
        std::fs::write(hub.git_dir.join("HEAD"), [b"ref: ", *name, b"\n"].concat()).unwrap();
        let mut refspec = b"HEAD:".to_vec();
        refspec.extend_from_slice(name);
        let refspec = std::os::unix::ffi::OsStringExt::from_vec(refspec);
        let refspec: std::ffi::OsString = refspec;
        let pushed = hub.env.command("git").args(["push", "--quiet", "origin"]).arg(&refspec).output().unwrap();
        assert!(pushed.status.success(), "{pushed:?}");
        hub.env.until("the ticket is done", |env| env.turns().len() == number + 1 && env.runners().is_empty());
        assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
        let subject = hub.git(&["log", "-1", "--format=%s", "HEAD"]);
        assert_eq!(subject, "001-a: done", "{}", hub.told());
    }
    let mut names: Vec<String> =
        hub.worktrees().iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for name in &mut names {
        name.truncate(name.len() - 13);
    }
    names.sort();
    assert_eq!(names, ["a--id--b-c", "rf", "x"]);
    assert!(!hub.env.root().join("id").exists());
}

#[test]
fn what_is_pushed_by_force_is_not_pushed_back_and_what_was_there_is_kept() {
    let hub = Hub::trusted(&["echo one > file\nask Which?", "echo again > file\ncommit again\nclaim"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    hub.env.write("forced", "x\n");
    hub.env.commit_all("forced");
    hub.env.git(&["push", "--quiet", "--force", "origin", "HEAD:main"]);
    hub.has("main", "001-a: done");
    assert_eq!(hub.subjects("main")[..4], ["001-a: done", "again", "forced", "tickets"]);
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one");
    assert!(hub.git(&["ls-tree", "-r", "--name-only", "turnstile/001-a"]).contains("0001-dispatch/DISPATCH.md"));
    assert!(
        !hub.git(&["ls-tree", "-r", "--name-only", "main"]).contains("0001-dispatch"),
        "it was asked in another history"
    );
}

#[test]
fn commits_that_somebody_takes_away_from_the_branch_are_not_published_again() {
    let hub = Hub::trusted(&["echo one > file\ncommit one\nclaim", "ask Really?"]);
    hub.push("main");
    hub.has("main", "001-a: done");
    let done = hub.commit("main");
    hub.env.git(&["push", "--quiet", "--force", "origin", "HEAD:main"]);
    hub.has("main", "001-a: waits for an answer");
    assert_eq!(hub.subjects("main")[..2], ["001-a: waits for an answer", "tickets"]);
    let parked = hub.git(&["for-each-ref", "--format=%(objectname)", "refs/heads/turnstile"]);
    assert_eq!(parked, done, "what was taken away is kept");
}

#[test]
fn a_branch_that_is_removed_ends_its_run_and_its_worktree_goes_when_nothing_is_lost() {
    let hub = Hub::trusted(&["echo one > file\nask Which?", "claim"]);
    hub.git(&["config", "receive.denyDeleteCurrent", "ignore"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let worktree = hub.worktree();
    hub.env.git(&["push", "--quiet", "origin", ":main"]);
    hub.env.until("the worktree is gone", |_| !worktree.exists());
    hub.env.settled();
    assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one", "that was not committed yet");
    assert_eq!(hub.git(&["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
    assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{}", hub.told());
    // The same name again is another beginning.
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"]);
}

#[test]
fn a_push_that_only_adds_comes_into_the_worktree_with_what_is_not_committed_there() {
    let hub = Hub::trusted(&["echo half > file\nask Which?", "cat file added > both\ncommit both\nclaim"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let developer = hub.clone_of("developer");
    developer.write("added", "x\n");
    developer.push("added");
    hub.env.settled();
    assert_eq!(std::fs::read_to_string(hub.worktree().join("file")).unwrap(), "half\n");
    assert!(hub.worktree().join("added").exists(), "{}", hub.told());
    developer.write(".tickets/USER_REPLY.md", "Go on.\n");
    developer.push("reply");
    hub.has("main", "001-a: done");
    assert_eq!(hub.git(&["show", "main:both"]), "half\nx");
    assert_eq!(hub.events("branch.followed").len(), 2);
    assert!(!hub.git(&["branch", "--list", "turnstile/*"]).contains("turnstile"));
}

#[test]
fn what_was_committed_and_not_published_as_the_runner_was_killed_is_published_by_the_next_one() {
    for point in ["hub.added", "hub.handed-on", "hub.publishing", "hub.published"] {
        let mut hub = Hub::trusted(&["echo one > file\ncommit one\nclaim"; 2]);
        hub.env.set("_TURNSTILE_CRASH_LOG", hub.env.root().join("passages").to_str().unwrap());
        hub.env.set("_TURNSTILE_CRASH_AT", format!("{point}:1"));
        hub.push("main");
        hub.env.settled();
        hub.env.set("_TURNSTILE_CRASH_AT", "");
        let passed = std::fs::read_to_string(hub.env.root().join("passages")).unwrap();
        assert!(passed.lines().any(|line| line == point), "{point}: {passed}");
        hub.env.git(&["commit", "--quiet", "--allow-empty", "-m", "unused"]);
        // Any push asks for a look; this one is to a branch that starts nothing.
        hub.push("other");
        hub.env.until("it is published", |_| hub.subjects("main")[0] == "001-a: done");
        hub.env.settled();
        assert_eq!(hub.env.turns(), ["1 001-a"], "{point}: {}", hub.told());
        assert_eq!(triggers_of(&hub.git_dir), [""; 0], "{point}: {}", hub.told());
    }
}

#[test]
fn ended_at_the_points_where_a_push_wins_nothing_is_parked_twice_or_lost() {
    for point in ["hub.parked", "hub.left", "hub.followed"] {
        let mut hub = Hub::trusted(&["echo one > file\nask Which?", "ls -a > list\ncommit list\nclaim"]);
        hub.push("main");
        hub.has("main", "001-a: waits for an answer");
        let folder = hub.clone_of("developer").folder;
        // In the way of what is not committed there, or beside it.
        let file = if point == "hub.followed" { "added" } else { "file" };
        std::fs::write(folder.join(file), "three\n").unwrap();
        std::fs::write(folder.join(".tickets/USER_REPLY.md"), "Go on.\n").unwrap();
        let pushes = |hub: &Hub, message: &str| {
            for arguments in [
                &["add", "--all"][..],
                &["commit", "-q", "--allow-empty", "-m", message],
                &["push", "-q", "origin", "HEAD:main"],
            ] {
                hub.env.git(&[&["-C", folder.to_str().unwrap()], arguments].concat());
            }
        };
        hub.env.set("_TURNSTILE_CRASH_LOG", hub.env.root().join("passages").to_str().unwrap());
        hub.env.set("_TURNSTILE_CRASH_AT", format!("{point}:1"));
        pushes(&hub, "added");
        hub.env.settled();
        hub.env.set("_TURNSTILE_CRASH_AT", "");
        let passed = std::fs::read_to_string(hub.env.root().join("passages")).unwrap();
        assert!(passed.lines().any(|line| line == point), "{point}: {passed}");
        pushes(&hub, "again");
        hub.has("main", "001-a: done");
        let parked = hub.git(&["for-each-ref", "--format=%(refname)", "refs/heads/turnstile"]);
        if point == "hub.followed" {
            assert_eq!(parked, "", "{point}");
            continue;
        }
        assert_eq!(parked, "refs/heads/turnstile/001-a", "{point}");
        assert_eq!(hub.git(&["show", "turnstile/001-a:file"]), "one");
        assert_eq!(hub.git(&["show", "main:file"]), "three");
    }
}

#[test]
fn a_branch_that_comes_back_is_another_one_also_where_the_runner_that_retired_it_was_killed() {
    for killed in [false, true] {
        let mut hub = Hub::trusted(&["ask Which?", "claim"]);
        hub.git(&["config", "receive.denyDeleteCurrent", "ignore"]);
        hub.push("main");
        hub.has("main", "001-a: waits for an answer");
        let worktree = hub.worktree();
        hub.env.set("_TURNSTILE_CRASH_LOG", hub.env.root().join("passages").to_str().unwrap());
        hub.env.set("_TURNSTILE_CRASH_AT", if killed { "hub.retired:1" } else { "" });
        hub.env.git(&["push", "--quiet", "origin", ":main"]);
        hub.env.until("the worktree is gone", |_| !worktree.exists());
        hub.env.settled();
        hub.env.set("_TURNSTILE_CRASH_AT", "");
        let passed = std::fs::read_to_string(hub.env.root().join("passages")).unwrap();
        assert!(passed.lines().any(|line| line == "hub.retired"), "{passed}");
        let notes = || std::fs::read_dir(hub.git_dir.join("turnstile/hub")).unwrap().count();
        assert_eq!(notes(), usize::from(killed), "what is known of the branch");
        hub.push("other");
        hub.env.until("nothing is known of the branch", |_| notes() == 0);
        hub.env.settled();
        // What the branch before it has asked is no question any more.
        hub.push("main");
        hub.has("main", "001-a: done");
        assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"]);
    }
}

#[test]
fn a_hook_that_is_called_without_what_git_says_asks_for_a_look_at_all_branches() {
    let hub = Hub::trusted(&["claim"]);
    // Somebody's script has read it all itself.
    let call = format!("#!/bin/sh\ncat > /dev/null\nexec '{}' hook post-receive\n", env!("CARGO_BIN_EXE_turnstile"));
    program(&hub.git_dir.join("hooks/post-receive"), &call);
    hub.push("main");
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.turns(), ["1 001-a"]);
}

#[test]
fn a_former_hook_and_a_temporary_folder_that_is_missing_lose_no_push() {
    let mut hub = Hub::trusted(&["claim"]);
    let hooks = hub.git_dir.join("hooks");
    program(&hooks.join("post-receive"), "#!/bin/sh\ncat > ../former\n");
    let _ = hub.turnstile(&["hooks", "install"]).exits(0);
    hub.env.hooks_ring_the_bell(hooks.to_str().unwrap());
    hub.env.set("TMPDIR", "/nowhere");
    hub.push("main");
    assert_eq!(hub.env.rings(), ["post-receive"]);
    let said = hub.env.read("../bell/stdin.post-receive");
    assert!(said.ends_with(" refs/heads/main\n") && said == hub.env.read("../former"), "{said}");
}

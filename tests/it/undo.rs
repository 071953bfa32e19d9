//! `turnstile undo`.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use insta::assert_snapshot;
use serde_json::json;

use crate::support::TestEnv;

/// Everything in the worktree but `.git` and `.tickets/history/`: kind, mode and content of each path.
fn tree(env: &TestEnv) -> Vec<String> {
    let shown = |path: &String| {
        let full = env.path(path);
        let found = fs::symlink_metadata(&full).unwrap();
        if found.is_symlink() {
            return format!("{path} -> {}", fs::read_link(&full).unwrap().display());
        }
        let executable = if found.permissions().mode() & 0o100 != 0 { " x" } else { "" };
        format!("{path}{executable} {:?}", String::from_utf8_lossy(&fs::read(&full).unwrap()))
    };
    env.files("").iter().filter(|path| !path.starts_with(".tickets/history/")).map(shown).collect()
}

/// A world with one of each kind of file.
fn world(config: &str, turns: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, turns);
    env.write("text", "as it was\n");
    env.write("gone", "will be deleted\n");
    env.write("old name", "renamed\n");
    env.write("folder/deep/file", "deep\n");
    env.write("binary", b"\x00\xff\x01");
    env.write("program", "#!/bin/sh\n");
    fs::set_permissions(env.path("program"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("text", env.path("link")).unwrap();
    env.write("was file", "a file\n");
    env.write("was folder/a", "in a folder\n");
    env.write(".gitignore", "ignored\n");
    env.ticket("001-a", "done: false", "# A");
    env.ticket("002-b", "agent: user\ndone: false", "# B");
    env.commit_all("tickets");
    env
}

/// Changes one of each kind of file.
const CHANGES: &str = "\
echo more >> text
rm gone
mv 'old name' 'new name'
rm -r folder
printf '\\000\\001' > binary
chmod -x program
echo 'echo x' >> program
rm link && ln -s ../outside link
mkdir -p added/deep && echo new > added/deep/file && chmod +x added/deep/file
rm 'was file' && mkdir 'was file' && echo x > 'was file/a'
rm -r 'was folder' && echo x > 'was folder'
echo 'told by the agent' >> \"$TURNSTILE_TICKET\"
tell 'News'
";

#[test]
fn every_kind_of_file_is_as_it_was_and_the_next_step_goes_on() {
    let finish = format!("{CHANGES}commit\nclaim");
    let env = world("", &[CHANGES, &finish]);
    let before = tree(&env);
    let head = env.git(&["rev-parse", "HEAD"]);
    let _ = env.turnstile(&["step"]).exits(0);
    let after = tree(&env);
    assert_ne!(before, after);
    assert_snapshot!(env.turnstile(&["undo"]).text(), @r"
    --- stdout
    turn 1 is undone; 14 file(s) have the content from before turn 1:
      .tickets/001-a.md
      added/deep/file
      binary
      folder/deep/file
      gone
      link
      new name
      old name
      program
      text
      was file
      was file/a
      was folder
      was folder/a
    they are the work of 001-a; `turnstile run` goes on with it
    --- stderr
    what lay there is kept in [ROOT]/repo/.git/turnstile/runs/[RUN]/turns/0001/overwritten
    to take it back: rm -- [ROOT]/repo/folder/deep/file [ROOT]/repo/gone '[ROOT]/repo/old name' '[ROOT]/repo/was file' '[ROOT]/repo/was folder/a' && git restore --source=refs/turnstile/checkpoints/[RUN]/1/after --worktree -- :/.tickets/001-a.md :/added/deep/file :/binary :/link ':/new name' :/program :/text ':/was file/a' ':/was folder'
    --- exit 0
    ");
    assert_eq!(tree(&env), before);
    assert_eq!(env.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(env.git(&["status", "--porcelain"]), "?? .tickets/history/");
    assert!(!env.exists("added"), "a folder that is empty goes");
    let line = env.events("undo.made").remove(0);
    assert_eq!((&line["turn"], &line["through"], &line["ticket"]), (&json!(1), &json!(1), &json!("001-a")));

    let nothing = env.json(&["undo"]);
    assert_eq!(nothing["paths"], json!([]));
    let again = env.turnstile(&["undo"]).exits(0);
    assert_eq!(again.stdout, "nothing to undo: every file is as it was before turn 1\n");
    let _ = env.turnstile(&["run"]).exits(4);
    assert!(env.prompt(2).contains("turn 1 was undone by tester"), "{}", env.prompt(2));
    assert_eq!(env.subjects()[0], "001-a: done");
}

#[test]
fn what_is_undone_can_be_taken_back_by_the_command_that_is_printed() {
    let env = world("", &[&format!("{CHANGES}echo new > 'new [1]'")]);
    let _ = env.turnstile(&["step"]).exits(0);
    let after = tree(&env);
    let document = env.json(&["undo"]);
    let keys = |document: &serde_json::Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&document), keys(&env.json(&["undo"])), "also where there is nothing to undo");
    let kept = document["kept"].as_str().unwrap();
    assert_eq!(fs::read_to_string(format!("{kept}/text")).unwrap(), "as it was\nmore\n");
    let back = document["back"].as_str().unwrap();
    let status = env.command("sh").args(["-c", back]).status().unwrap();
    assert!(status.success(), "{back}");
    assert_eq!(tree(&env), after);
}

#[test]
fn a_ticket_that_was_finished_is_open_again_and_the_next_run_goes_on_with_it() {
    let env = world(
        "",
        &["echo one >> text\ncommit one\nclaim", "grep -c one text || true\necho two >> text\ncommit two\nclaim"],
    );
    let _ = env.turnstile(&["done", "002"]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    let head = env.git(&["rev-parse", "HEAD"]);
    let output = env.turnstile(&["undo"]).exits(0);
    assert!(output.stdout.contains("001-a is open again\n"), "{}", output.text());
    assert!(output.stdout.contains("they are the work of 001-a; `turnstile run` goes on with it"), "{}", output.text());
    assert_eq!(env.git(&["rev-parse", "HEAD"]), head, "no branch is moved");
    assert_eq!(env.read("text"), "as it was\n");
    assert!(env.read(".tickets/001-a.md").contains("done: false"));
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    assert_eq!(env.read("text"), "as it was\ntwo\n");
    assert!(env.read(".tickets/001-a.md").contains("done: true"));
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn where_checkpoints_are_on_the_branch_it_is_a_commit() {
    let env = world("checkpoint: {mode: branch}\n", &["echo one >> text\necho x > one", "echo two >> text", "claim"]);
    let _ = env.turnstile(&["step"]).exits(0);
    let _ = env.turnstile(&["step"]).exits(0);
    let head = env.git(&["rev-parse", "HEAD"]);
    env.write("staged", "by the user\n");
    env.git(&["add", "staged"]);
    let document = env.json(&["undo", "1"]);
    assert_eq!(document["paths"], json!(["one", "text"]));
    assert_eq!(env.git(&["rev-parse", "HEAD"]), document["commit"].as_str().unwrap());
    assert_eq!(env.git(&["rev-parse", "HEAD~"]), head);
    let message = env.git(&["log", "-1", "--format=%B"]);
    let run = env.run_id().unwrap();
    assert_eq!(
        message.trim_end(),
        format!("001-a: undo turns 1-2\n\nTurnstile-Ticket: 001-a\nTurnstile-Run: {run}\nTurnstile-Turn: 1")
    );
    assert_eq!(env.git(&["diff", "--name-only", "HEAD~2~", "HEAD", "--", ":!.tickets"]), "");
    assert_eq!(env.git(&["status", "--porcelain"]), "A  staged");
}

#[test]
fn where_somebody_else_changed_a_file_since_nothing_is_done() {
    let env = world("", &["echo one >> text\necho x > one\nrm gone"]);
    let _ = env.turnstile(&["step"]).exits(0);
    env.write("text", "as a person has it\n");
    env.write("gone", "made again by a person\n");
    let before = tree(&env);
    assert_snapshot!(env.turnstile(&["undo"]).text(), @r"
    --- stderr
    error: somebody else has changed these since:
      gone
      text
      help: nothing was undone; `turnstile undo TURN --paths FILE…` takes the others alone
    --- exit 3
    ");
    assert_eq!(tree(&env), before);
    let refused = env.turnstile(&["--json", "undo"]).exits(3);
    let document: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(document["error"]["code"], "changed_since");
    assert_eq!(document["error"]["details"]["paths"], json!(["gone", "text"]));
    assert!(
        env.events("undo.made").is_empty() && env.events("effect.begun").iter().all(|it| it["act"]["effect"] != "undo")
    );
    let _ = env.turnstile(&["undo", "--paths", "one"]).exits(0);
    assert!(!env.exists("one"));
    assert_eq!(env.read("text"), "as a person has it\n");
}

#[test]
fn a_change_between_two_turns_is_somebody_elses_too() {
    let env = world("", &["echo one >> text\necho one > one", "echo two >> text\necho two >> one"]);
    let _ = env.turnstile(&["step"]).exits(0);
    env.write("text", "as it was\none\nand a person\n");
    let _ = env.turnstile(&["step"]).exits(0);
    let output = env.turnstile(&["undo", "1"]).exits(3);
    assert!(output.stderr.contains("  text\n") && !output.stderr.contains("  one"), "{}", output.text());
    // The last turn alone goes back to what the person had made of it.
    let _ = env.turnstile(&["undo"]).exits(0);
    assert_eq!(env.read("text"), "as it was\none\nand a person\n");
    assert_eq!(env.read("one"), "one\n");
}

#[test]
fn what_was_undone_before_stands_in_nobodys_way() {
    let env = world("", &["echo one >> text", "echo two >> text\necho x > two", "echo three >> text"]);
    for _ in 0..3 {
        let _ = env.turnstile(&["step"]).exits(0);
    }
    let _ = env.turnstile(&["undo", "2", "--paths", "text"]).exits(0);
    assert_eq!(env.read("text"), "as it was\none\n");
    assert!(env.exists("two"));
    let document = env.json(&["undo", "1"]);
    assert_eq!(document["paths"], json!(["text", "two"]));
    assert_eq!((env.read("text").as_str(), env.exists("two")), ("as it was\n", false));
}

#[test]
fn what_several_undos_left_is_the_work_of_the_ticket_that_goes_on() {
    let work = "echo \"$TURNSTILE_TICKET_ID\" >> text\necho x > \"of-$TURNSTILE_TICKET_ID\"\ncommit\nclaim";
    let env = world("", &[work; 4]);
    env.ticket("002-b", "done: false", "# B");
    env.commit_all("another");
    let _ = env.turnstile(&["run"]).exits(0);
    let before = env.read("text");
    let _ = env.turnstile(&["undo", "2"]).exits(0);
    let _ = env.turnstile(&["undo", "1"]).exits(0);
    assert_eq!(env.read("text"), "as it was\n");
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(env.turns(), ["1 001-a", "2 002-b", "3 001-a", "4 002-b"]);
    assert_eq!(env.read("text"), before);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn the_conversation_stays_and_what_turnstile_did_itself_is_nobody_elses_change() {
    let env = world(
        "",
        &[
            "echo 'from the agent' >> \"$TURNSTILE_TICKET\"\nsed 's/^agent: user/agent: shell/' .tickets/002-b.md > \"$AGENT/b\"\necho more >> \"$AGENT/b\"\ncat \"$AGENT/b\" > .tickets/002-b.md\nclaim\nask 'Which?'",
        ],
    );
    let before = tree(&env);
    let _ = env.turnstile(&["run"]).exits(4);
    assert_eq!(env.events("contract.restored").len(), 1);
    assert_eq!(env.events("claim.revoked").len(), 1);
    let _ = env.turnstile(&["undo"]).exits(0);
    assert_eq!(tree(&env), before);
    assert!(env.exists(".tickets/history/001-a/0001-dispatch/DISPATCH.md"));
    assert!(env.turnstile(&["status"]).stdout.contains("user_dispatch"), "the question stands");
}

#[test]
fn what_a_person_decided_about_a_ticket_stays_decided() {
    let env = world("", &["echo 'from the agent' >> \"$TURNSTILE_TICKET\"\necho x > one"]);
    let _ = env.turnstile(&["step"]).exits(0);
    let _ = env.turnstile(&["done", "001"]).exits(0);
    let output = env.turnstile(&["undo"]).exits(0);
    assert!(output.stdout.contains("001-a is done: commit them yourself"), "{}", output.text());
    let ticket = env.read(".tickets/001-a.md");
    assert!(ticket.contains("done: true") && !ticket.contains("from the agent"), "{ticket}");
    assert!(!env.exists("one"));
}

#[test]
fn a_claim_whose_commit_was_owed_goes_with_its_turn() {
    let env = world("retries: {commit: 0}\n", &["echo x > one\nclaim", "echo y > two\ncommit\nclaim"]);
    let _ = env.turnstile(&["run"]).exits(6);
    let _ = env.turnstile(&["undo"]).exits(0);
    assert!(env.read(".tickets/001-a.md").contains("done: false"));
    let _ = env.turnstile(&["run"]).exits(4);
    assert_eq!(env.turns().len(), 2);
    assert!(!env.prompt(2).is_empty() && env.exists("two"));
}

#[test]
fn nothing_is_given_back_through_a_link_or_over_what_is_not_a_turns() {
    let env = world("", &["echo x >> folder/deep/file\nrm 'was file' && mkdir 'was file' && echo x > 'was file/a'"]);
    let _ = env.turnstile(&["step"]).exits(0);
    let outside = env.root().join("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("deep/file"), "deep\nx\n").unwrap();
    env.remove("folder");
    symlink(&outside, env.path("folder")).unwrap();
    env.write("was file/mine", "a person's\n");
    let output = env.turnstile(&["undo"]).exits(3);
    for name in ["  folder/deep/file\n", "  was file/mine\n"] {
        assert!(output.stderr.contains(name), "{}", output.text());
    }
    assert_eq!(fs::read_to_string(outside.join("deep/file")).unwrap(), "deep\nx\n");
    assert!(env.exists("was file/mine"));
}

#[test]
fn line_ends_that_git_converts_and_names_that_are_no_utf8_are_given_back_as_they_were() {
    let turn = "printf 'two\\r\\n' >> lines.txt\necho changed > \"$(printf 'caf\\351')\"\nrm \"$(printf 'gone\\377')\"";
    let env = world("", &[turn]);
    let odd = |bytes: &[u8]| env.repo().join(std::ffi::OsStr::from_bytes(bytes));
    env.write(".gitattributes", "*.txt text eol=crlf\n");
    env.write("lines.txt", "one\r\n");
    fs::write(odd(b"caf\xe9"), "as it was\n").unwrap();
    fs::write(odd(b"gone\xff"), "as it was\n").unwrap();
    env.commit_all("odd files");
    let _ = env.turnstile(&["step"]).exits(0);
    assert_eq!(env.read("lines.txt"), "one\r\ntwo\r\n");
    let _ = env.turnstile(&["undo"]).exits(0);
    assert_eq!(env.read("lines.txt"), "one\r\n");
    assert_eq!(fs::read_to_string(odd(b"caf\xe9")).unwrap(), "as it was\n");
    assert_eq!(fs::read_to_string(odd(b"gone\xff")).unwrap(), "as it was\n");
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_file_of_the_users_is_the_users_again_and_in_no_commit() {
    let env =
        world("checkpoint: {mode: branch}\n", &["echo more >> text\necho x > one", "echo y > two\ncommit\nclaim"]);
    env.write("text", "as the user has it\n");
    let _ = env.turnstile(&["run", "--allow-dirty"]).exits(4);
    assert!(env.turnstile(&["status"]).stdout.contains("dirty_conflict"));
    let _ = env.turnstile(&["undo"]).exits(0);
    assert_eq!((env.read("text").as_str(), env.exists("one")), ("as the user has it\n", false));
    assert_eq!(env.git(&["show", "HEAD:text"]), "as it was");
    assert_eq!(env.git(&["status", "--porcelain"]), " M text");
    // The turn whose conflict it was is not judged any more.
    let second = env.turnstile(&["step", "--allow-dirty"]);
    assert_eq!(env.turns().len(), 2, "{}", second.text());
}

#[test]
fn it_is_refused_where_it_cannot_be_meant() {
    let program = env!("CARGO_BIN_EXE_turnstile");
    let inside = format!("{program} undo > \"$AGENT/said\" 2>&1 || echo $? >> \"$AGENT/said\"");
    let env = world("", &[&inside, "touch \"$AGENT/begun\"\nsleep 3"]);
    let none = env.turnstile(&["undo"]).exits(3);
    assert!(none.stderr.contains("no turn is over yet"), "{}", none.text());
    let _ = env.turnstile(&["step"]).exits(0);
    let said = fs::read_to_string(env.agent_folder().join("said")).unwrap();
    assert!(said.contains("inside a turn") && said.ends_with("2\n"), "{said}");

    let step = env.spawn(&["step"]);
    env.until("the turn runs", |env| env.agent_folder().join("begun").exists());
    let busy = env.turnstile(&["undo"]).exits(75);
    assert!(busy.stderr.contains("another step holds the lock"), "{}", busy.text());
    let _ = env.wait(step).exits(0);
    for (arguments, said) in [
        (vec!["undo", "9"], "has no turn 9; its last one is 2"),
        (vec!["undo", "1", "--paths", "nowhere"], "has changed `nowhere`"),
        (vec!["undo", "some-run/1"], "there is no run `some-run`"),
    ] {
        let refused = env.turnstile(&arguments).exits(3);
        assert!(refused.stderr.contains(said), "{}", refused.text());
    }
    env.git(&["checkout", "-q", "-b", "other"]);
    let refused = env.turnstile(&["undo"]).exits(3);
    assert!(refused.stderr.contains("`other` is checked out"), "{}", refused.text());
}

#[test]
fn killed_anywhere_it_is_made_once() {
    let points = [
        ("act.before", 1),
        ("undo.kept", 1),
        ("undo.kept", 3),
        ("undo.given", 1),
        ("undo.given", 4),
        ("file.renamed", 2),
        ("effect.spawned", 1),
        ("child.started", 1),
        ("save.commit", 1),
        ("save.locked", 1),
        ("save.branch-moved", 1),
        ("save.index-moved", 1),
        ("child.done", 1),
        ("act.done", 1),
        ("journal.torn", 2),
        ("journal.synced", 2),
    ];
    let cases: Vec<_> = points.iter().flat_map(|point| [(point, "undo"), (point, "run")]).collect();
    std::thread::scope(|scope| {
        for share in 0..AT_ONCE {
            let mine: Vec<_> = cases.iter().skip(share).step_by(AT_ONCE).copied().collect();
            scope.spawn(move || {
                for ((point, passage), goes_on_with) in mine {
                    killed_at(point, *passage, goes_on_with);
                }
            });
        }
    });
}

/// How many of these worlds there are at once; each waits most of its time.
const AT_ONCE: usize = 4;

/// Ends an undo at the n-th passage of a point; another command goes on.
fn killed_at(point: &str, passage: usize, goes_on_with: &str) {
    let mut env = world("checkpoint: {mode: branch}\n", &[CHANGES, "echo y > y\ncommit\nclaim"]);
    let before = tree(&env);
    let _ = env.turnstile(&["step"]).exits(0);
    let log = env.root().join("passages");
    env.set("_TURNSTILE_CRASH_LOG", log.display().to_string());
    env.set("_TURNSTILE_CRASH_AT", format!("{point}:{passage}"));
    let _ = env.turnstile(&["undo"]);
    env.set("_TURNSTILE_CRASH_AT", "");
    let what = format!("{point}:{passage}, then {goes_on_with}");
    let passed = fs::read_to_string(&log).unwrap_or_default();
    assert!(passed.lines().filter(|line| *line == point).count() >= passage, "{what}: never came by");
    let output = env.turnstile(&[goes_on_with]);
    assert!(matches!(output.code, Some(0 | 4)), "{what}: {}", output.text());
    assert_eq!(env.events("undo.made").len(), 1, "{what}");
    let commits = env.subjects().iter().filter(|subject| *subject == "001-a: undo turn 1").count();
    assert_eq!(commits, 1, "{what}");
    assert!(!env.exists(".git/index.lock"), "{what}");
    if goes_on_with == "undo" {
        assert_eq!(tree(&env), before, "{what}");
        assert_eq!(env.git(&["status", "--porcelain"]), "", "{what}");
    }
}

/// A world in which an undo of a turn that changed `m/1` to `m/6` died after three of them.
fn cut(config: &str, point: &str) -> TestEnv {
    let mut env = TestEnv::new();
    let again = "cat m/* > \"$AGENT/seen\"; touch again";
    env.agent_with(config, &["for file in m/*; do echo x >> $file; done", again]);
    for name in 1..=6 {
        env.write(format!("m/{name}"), format!("{name}\n"));
    }
    env.ticket("001-a", "done: false", "# A");
    env.commit_all("tickets");
    let _ = env.turnstile(&["step"]).exits(0);
    let log = env.root().join("passages");
    env.set("_TURNSTILE_CRASH_LOG", log.display().to_string());
    env.set("_TURNSTILE_CRASH_AT", point);
    let _ = env.turnstile(&["undo"]);
    env.set("_TURNSTILE_CRASH_AT", "");
    assert!(env.events("undo.made").is_empty());
    env
}

#[test]
fn what_a_person_writes_before_a_cut_undo_is_finished_is_left_and_named() {
    for (mode, command) in [("ref", "undo"), ("ref", "step"), ("branch", "undo"), ("branch", "step")] {
        let what = format!("{mode}, {command}");
        let env = cut(&format!("checkpoint: {{mode: {mode}}}\n"), "undo.given:3");
        assert_eq!((env.read("m/3").as_str(), env.read("m/4").as_str()), ("3\n", "4\nx\n"));
        env.write("m/1", "1\na person\n");
        env.write("m/5", "5\nx\na person\n");
        env.remove("m/6");
        let output = env.turnstile(&[command]);
        assert_eq!(env.read("m/1"), "1\na person\n", "{what}");
        assert_eq!(env.read("m/5"), "5\nx\na person\n", "{what}");
        assert!(!env.exists("m/6"), "{what}");
        assert_eq!((env.read("m/2").as_str(), env.read("m/4").as_str()), ("2\n", "4\n"), "{what}");
        let made = &env.events("undo.made")[0];
        assert_eq!(made["left"], json!(["m/1", "m/5", "m/6"]), "{what}");
        assert_eq!(made["paths"], json!(["m/2", "m/3", "m/4"]), "{what}");
        let rest = made["rest"].as_str().unwrap();
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(text.contains("left as somebody has changed it since the undo began:\n"), "{what}: {text}");
        assert!(text.contains(" m/5\n") && text.contains(rest), "{what}: {text}");
        if mode == "branch" {
            let names = env.git(&["show", "--name-only", "--format=", made["commit"].as_str().unwrap()]);
            assert_eq!(names, "m/2\nm/3\nm/4", "{what}");
        }
        if command == "undo" {
            let _ = output.exits(3);
        }
        assert!(env.command("sh").args(["-c", rest]).status().unwrap().success(), "{what}: {rest}");
        assert_eq!(env.read("m/1") + &env.read("m/5") + &env.read("m/6"), "1\n5\n6\n", "{what}");
    }
}

#[test]
fn what_a_person_puts_where_a_cut_undo_gives_a_file_is_left() {
    let env = cut("", "undo.given:3");
    for path in ["m/2", "m/5"] {
        env.remove(path);
        env.write(format!("{path}/mine"), "a person's\n");
    }
    env.remove("m/6");
    symlink("1", env.path("m/6")).unwrap();
    let document: serde_json::Value =
        serde_json::from_str(&env.turnstile(&["--json", "undo"]).exits(3).stdout).unwrap();
    assert_eq!(document["left"], json!(["m/2", "m/5", "m/6"]));
    assert_eq!(document["finished"], true);
    assert_eq!(env.read("m/2/mine") + &env.read("m/5/mine"), "a person's\na person's\n");
    assert_eq!(fs::read_link(env.path("m/6")).unwrap().to_str(), Some("1"));
    assert_eq!(env.read("m/4"), "4\n");
}

#[test]
fn what_a_killed_undo_never_finished_writing_is_removed() {
    let env = cut("", "file.filled:6");
    let unfinished = |env: &TestEnv| env.files("m").iter().filter(|path| path.contains(".turnstile-")).count();
    assert_eq!(unfinished(&env), 1, "{:?}", env.files("m"));
    env.write("m/.turnstile-mine.tmp", "a person's\n");
    env.write(format!("m/.turnstile-{}-1.tmp", std::process::id()), "of a process that lives\n");
    let _ = env.turnstile(&["undo"]).exits(0);
    assert_eq!(unfinished(&env), 2, "{:?}", env.files("m"));
    assert_eq!(env.read("m/6"), "6\n");
}

#[test]
fn what_comes_next_after_a_cut_undo_is_said() {
    for mode in ["ref", "branch"] {
        let mut env = cut(&format!("checkpoint: {{mode: {mode}}}\n"), "undo.given:3");
        let said = "an undo of turn 1 was cut; the next `turnstile run`, or `turnstile undo`, finishes it first\n";
        for command in ["next", "status"] {
            let output = env.turnstile(&[command]).exits(0);
            assert!(output.stdout.contains(said) && !output.stdout.contains("dirty"), "{mode}: {}", output.text());
            assert_eq!(env.json(&[command])["first"], json!(said.trim_end()), "{mode}");
        }
        assert_eq!(env.json(&["next"])["action"], "run_turn", "{mode}");
        env.set("_TURNSTILE_CRASH_LOG", "");
        let _ = env.turnstile(&["undo"]).exits(0);
        assert_eq!(env.json(&["next"])["first"], json!(null), "{mode}");
    }
}

#[test]
fn a_folder_that_is_one_again_is_the_work_of_the_ticket_that_goes_on() {
    let swap = "rm -r 'was folder' && echo x > 'was folder'\nrm -r folder && ln -s text folder\n\
        rm 'was file' && mkdir 'was file' && echo x > 'was file/a'\ncommit swapped\nclaim";
    let env = world("", &[swap, "commit back\nclaim"]);
    let _ = env.turnstile(&["done", "002"]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    let _ = env.turnstile(&["undo"]).exits(0);
    assert_eq!(env.read("was folder/a"), "in a folder\n");
    let _ = env.turnstile(&["run"]).exits(0);
    assert_eq!(env.turns().len(), 2);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

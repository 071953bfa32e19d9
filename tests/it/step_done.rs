//! A claim that holds: who commits what, and what is written down.

use crate::support::TestEnv;

#[test]
fn an_agent_that_commits_its_work_owes_nothing_but_the_claim() {
    let env = TestEnv::new();
    env.agent(&["echo one > file\ncommit 'Add a file'\nclaim"]);
    env.ticket("001-a", "title: A file\ndone: false", "Add it.");
    env.commit_all("tickets");
    let document = env.ends(&["run"], "completed");
    assert_eq!(document["status"], "completed");
    assert_eq!(document["steps"], 2);
    assert_eq!(env.subjects(), ["001-a: done", "Add a file", "tickets", "config", "first"]);
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md"]);
    assert_eq!(env.status(), [""; 0]);
    insta::assert_snapshot!(env.kinds().join("\n"), @"
    run.started
    ticket.selected
    turn.started
    turn.finished
    claim.made
    effect.begun
    commit.made
    checkpoint.made
    ticket.done
    run.completed
    ");
    let done = &env.events("ticket.done")[0];
    assert_eq!(done["commit"], env.git(&["rev-parse", "HEAD"]));
    assert_eq!(done["tree"], env.git(&["rev-parse", "HEAD^{tree}"]));
    let trailers = env.git(&["log", "-1", "--format=%(trailers:only)"]);
    let run = env.run_id().unwrap();
    assert!(trailers.contains("Turnstile-Ticket: 001-a\n"), "{trailers}");
    assert!(trailers.contains(&format!("Turnstile-Run: {run}\n")), "{trailers}");
    assert!(trailers.contains("Turnstile-Turn: 1\n"), "{trailers}");
    assert!(trailers.contains("Turnstile-Agent: mine"), "{trailers}");
}

#[test]
fn what_a_person_sees_of_a_run() {
    let env = TestEnv::new();
    env.agent(&["echo one > file", "commit 'Add a file'\nclaim"]);
    env.ticket("001-a", "title: A file", "Add it.");
    env.commit_all("tickets");
    insta::assert_snapshot!(env.turnstile(&["run"]).text(), @"
    --- stderr
    trusted unseen: .tickets/config.yaml
    a run begins on main
    turn 1 of 001-a by mine
      ended well after [TIME], 1 file(s) changed
    turn 2 of 001-a by mine
      ended well after [TIME], 1 file(s) changed
      claims to be done
      committed [OID]
      001-a is done
    completed: every ticket is done
    --- exit 0
    ");
    insta::assert_snapshot!(env.turnstile(&["run"]).text(), @"
    --- stderr
    completed: every ticket is done
    --- exit 0
    ");
    insta::assert_snapshot!(env.turnstile(&["status"]).text(), @"
    --- stdout
    run [RUN]: completed
      completed: every ticket is done
    tickets: 1 done, 0 open (0 ready, 0 blocked, 0 waiting, 0 invalid)
    turns: 2, agents' time: [TIME]
    --- exit 0
    ");
    insta::assert_snapshot!(env.turnstile(&["next"]).text(), @"
    --- stdout
    complete: every ticket is done
    --- exit 0
    ");
}

#[test]
fn a_finished_run_is_found_finished_and_writes_nothing_more() {
    let env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    let (journal, head) = (env.journal(), env.git(&["rev-parse", "HEAD"]));
    assert_eq!(env.run_ends("completed"), "every ticket is done");
    assert_eq!(env.next(), "complete completed");
    assert_eq!((env.journal(), env.git(&["rev-parse", "HEAD"])), (journal, head));
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn without_tickets_nothing_is_written() {
    let env = TestEnv::new();
    let message = env.run_ends("completed");
    assert!(message.contains("turnstile new"), "{message}");
    assert_eq!(env.run_id(), None);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_claim_that_the_agent_committed_itself_leaves_nothing_to_commit() {
    let env = TestEnv::new();
    env.agent(&["echo one > file\nclaim\ngit add --all\ngit commit --quiet -m 'All of it'"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.subjects()[0], "All of it");
    assert_eq!(env.events("ticket.done")[0]["commit"], env.git(&["rev-parse", "HEAD"]));
    assert!(env.events("commit.made").is_empty());
}

#[test]
fn where_turnstile_commits_work_and_paperwork_are_one_commit() {
    let env = TestEnv::new();
    env.agent_with("commit: {by: runner}\n", &["echo one > file\nmkdir -p deep\necho two > deep/file\nclaim"]);
    env.ticket("001-a", "title: A file", "Add it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.subjects(), ["001-a: A file", "tickets", "config", "first"]);
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "deep/file", "file"]);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn an_agent_that_cannot_commit_is_committed_for() {
    let env = TestEnv::new();
    env.agent_entry(", can_commit: false", "", &["echo one > file\nrm README.md\nclaim"]);
    env.ticket("001-a", "title: A file", "Add it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "README.md", "file"]);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn the_agents_own_message_is_used_once_and_removed() {
    let env = TestEnv::new();
    let first = "echo one > file\nprintf 'Add a file\\n\\nIt was missing.\\n' > $TURNSTILE_OUTBOX/COMMIT_MSG\nclaim";
    env.agent_with("commit: {by: runner}\n", &[first, "echo two > other\nclaim"]);
    env.ticket("001-a", "title: A", "Add it.");
    env.ticket("002-b", "title: B", "Add it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(&env.subjects()[..2], ["002-b: B", "Add a file"]);
    let message = env.git(&["log", "-1", "--format=%B", "HEAD~1"]);
    assert!(message.starts_with("Add a file\n\nIt was missing.\n\nTurnstile-Ticket: 001-a\n"), "{message}");
    assert_eq!(env.files(".tickets/outbox"), [""; 0]);
    assert!(!env.exists(".tickets/history"));
}

#[test]
fn a_message_without_words_is_no_message() {
    let env = TestEnv::new();
    let script = "echo one > file\nprintf '# only a comment\\n\\n' > $TURNSTILE_OUTBOX/COMMIT_MSG\nclaim";
    env.agent_with("commit: {by: runner}\n", &[script]);
    env.ticket("001-a", "title: A file", "Add it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.subjects()[0], "001-a: A file");
}

#[test]
fn a_shell_ticket_is_a_runbook() {
    let env = TestEnv::new();
    let body = "Two steps.\n\n```sh\necho one > file\n```\n\nand\n\n```sh\ncat file file > other\n```";
    env.ticket("001-a", "agent: shell\ntitle: Runbook", body);
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.read("other"), "one\none\n");
    assert_eq!(env.subjects(), ["001-a: Runbook", "tickets", "first"]);
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", "file", "other"]);
}

#[test]
fn a_failing_block_ends_a_shell_ticket() {
    let env = TestEnv::new();
    env.ticket(
        "001-a",
        "agent: shell",
        "# A\n\n```sh\necho one > file\nfalse\necho two > file\n```\n\n```sh\necho three > file\n```",
    );
    env.commit_all("tickets");
    let message = env.run_ends("agent_failed");
    assert!(message.contains("001-a"), "{message}");
    assert_eq!(env.read("file"), "one\n");
    assert!(!env.read(".tickets/001-a.md").contains("done: true"));
    assert_eq!(env.subjects(), ["tickets", "first"]);
    assert_eq!(env.events("claim.made").len(), 0);
}

#[test]
fn a_shell_ticket_without_a_block_cannot_start() {
    let env = TestEnv::new();
    env.ticket("001-a", "agent: shell", "# A\n\n```python\nprint()\n```");
    env.commit_all("tickets");
    let message = env.run_ends("agent_failed");
    assert!(message.contains("no fenced `sh` block"), "{message}");
}

#[test]
fn a_commit_turn_asks_for_nothing_but_the_commit() {
    let env = TestEnv::new();
    env.agent(&["echo one > file\nclaim", "commit 'Add a file'"]);
    env.ticket("001-a", "title: A", "Add it.");
    env.commit_all("tickets");
    let step = env.step_comes_to("retry_asked");
    assert_eq!((&step["turn"], &step["ticket"]), (&1.into(), &"001-a".into()));
    assert!(env.read(".tickets/001-a.md").contains("done: true"), "the claim waits");
    let step = env.step_comes_to("ticket_done");
    assert_eq!(step["commit"], env.git(&["rev-parse", "HEAD"]));
    assert_eq!(&env.subjects()[..2], ["001-a: done", "Add a file"]);
    assert!(env.prompt(2).contains("file"), "{}", env.prompt(2));
    assert_eq!(env.events("commit.required")[0]["paths"], serde_json::json!(["file"]));
    env.run_ends("completed");
}

#[test]
fn after_the_commit_turns_a_person_commits_and_no_turn_is_spent() {
    let env = TestEnv::new();
    env.agent(&["echo one > file\nclaim", "true", "true"]);
    env.ticket("001-a", "title: A", "Add it.");
    env.commit_all("tickets");
    let message = env.run_ends("commit_failed");
    assert!(message.contains("file"), "{message}");
    assert_eq!(env.turns().len(), 3);
    assert!(env.exists(".tickets/history/001-a/0001-request/REQUEST.md"));
    assert_eq!(env.run_ends("commit_failed"), message, "it stands");
    assert_eq!(env.next(), "stop commit_failed");
    // No commit of turnstile's carries a claim that waits.
    assert!(!env.git(&["show", "HEAD:.tickets/001-a.md"]).contains("done: true"));
    assert_eq!(env.subjects()[0], "001-a: waits for an answer");
    env.git(&["add", "file"]);
    env.git(&["commit", "--quiet", "-m", "by hand"]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 3);
    assert_eq!(&env.subjects()[..2], ["001-a: done", "by hand"]);
}

#[test]
fn resume_asks_for_the_commit_again() {
    let env = TestEnv::new();
    env.agent_with("retries: {commit: 0}\n", &["echo one > file\nclaim", "commit late"]);
    env.ticket("001-a", "title: A", "Add it.");
    env.commit_all("tickets");
    env.run_ends("commit_failed");
    assert_eq!(env.turns().len(), 1);
    let output = env.turnstile(&["resume"]).exits(0);
    assert!(output.stdout.contains("commit_failed is answered"), "{}", output.text());
    env.run_ends("commit_failed");
    assert_eq!(env.turns().len(), 1, "with no commit turns there is none to ask for");
}

#[test]
fn work_in_the_stash_is_not_committed_work() {
    let env = TestEnv::new();
    env.agent(&["echo one > README.md\ngit stash --quiet -- README.md\nclaim", "git stash pop --quiet\ncommit work"]);
    env.ticket("001-a", "title: A", "Add it.");
    env.commit_all("tickets");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
    let paths = env.events("commit.required")[0]["paths"].to_string();
    assert!(paths.contains("stash@{0}"), "{paths}");
}

#[test]
fn a_claim_found_between_turns_is_a_fact() {
    let env = TestEnv::new();
    env.agent(&["true", "claim"]);
    env.ticket("001-a", "title: A\ndone: true", "Done by a person.");
    env.ticket("002-b", "title: B\ndone: false", "Open.");
    env.commit_all("tickets");
    env.step_comes_to("progressed");
    assert_eq!(env.turns(), ["1 002-b"]);
    env.ticket("002-b", "title: B\ndone: true", "Open.");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 1);
    env.ticket("001-a", "title: A\ndone: false", "Open again.");
    env.run_ends("completed");
    assert_eq!(env.turns().last().unwrap(), "2 001-a");
}

#[test]
fn only_the_bytes_of_done_change() {
    let env = TestEnv::new();
    let text = "\u{feff}---\r\n# a comment\r\ntitle: 'A'   # quoted\r\ndone:   true # said\r\nx-own: [1, 2]\r\n---\r\n\r\nBody\r\n";
    env.agent(&["claim\nask 'Why?'"]);
    env.write(".tickets/001-a.md", text.replace("true", "false"));
    env.commit_all("tickets");
    let script = "sed 's/false/true/' \"$TURNSTILE_TICKET\" > \"$AGENT/t\"\ncat \"$AGENT/t\" > \"$TURNSTILE_TICKET\"\nask 'Why?'";
    std::fs::write(env.agent_folder().join("1.sh"), script).unwrap();
    env.run_ends("user_dispatch");
    assert_eq!(env.read(".tickets/001-a.md"), text.replace("true", "false"));
    assert_eq!(env.events("claim.revoked").len(), 1);
}

#[test]
fn work_that_stays_in_the_stash_costs_no_turn_after_turn() {
    let env = TestEnv::new();
    env.agent(&["echo one > README.md\ngit stash --quiet -- README.md\nclaim", "true", "true"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let message = env.run_ends("commit_failed");
    assert!(message.contains("`git stash pop`"), "{message}");
    for _ in 0..2 {
        env.run_ends("commit_failed");
        assert_eq!(env.next(), "stop commit_failed");
    }
    assert_eq!(env.turns().len(), 3, "nothing but the first run paid for turns");
    env.git(&["stash", "pop", "--quiet"]);
    env.run_ends("commit_failed");
    env.git(&["commit", "--quiet", "-m", "by hand", "README.md"]);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 3);
}

#[test]
fn a_repository_that_a_turn_makes_inside_the_worktree_is_its_own_work() {
    let env = TestEnv::new();
    env.agent(&["git init --quiet nested\necho w > nested/w\nclaim", "rm -rf nested"]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let document = env.step_comes_to("retry_asked");
    assert_eq!(document["ticket"], "001-a");
    assert_eq!(env.events("commit.required")[0]["paths"], serde_json::json!(["nested/"]));
    env.run_ends("completed");
}

#[test]
fn what_is_no_ticket_file_is_no_paperwork() {
    let env = TestEnv::new();
    let script = "cd .tickets\nln -s /etc/passwd 006-l.md\necho x > notes.txt\necho x > _idea.md\n\
                  mkdir context\necho x > context/spec.md\nprintf -- '---\\ntitle: N\\nhold: later\\n---\\n' > 007-n.md\nclaim";
    env.agent(&[script]);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["step"]).exits(0);
    assert_eq!(env.subjects()[0], "001-a: done");
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", ".tickets/007-n.md", ".tickets/context/spec.md"]);
}

#[test]
fn what_is_put_back_can_be_had_again_by_the_command_that_is_named() {
    let env = TestEnv::new();
    env.agent(&["rm .tickets/002-b.md\nsed 's/title: C/title: D/' .tickets/003-c.md > x; mv x .tickets/003-c.md"]);
    for (id, title) in [("001-a", "A"), ("002-b", "B"), ("003-c", "C")] {
        env.ticket(id, &format!("title: {title}"), "Do it.");
    }
    env.commit_all("tickets");
    let output = env.turnstile(&["step"]).exits(0);
    let commands: Vec<&str> =
        output.stderr.lines().filter_map(|line| Some(line.split_once("; to undo that: ")?.1)).collect();
    assert_eq!(commands.len(), 2, "{}", output.text());
    assert!(env.exists(".tickets/002-b.md") && env.read(".tickets/003-c.md").contains("title: C"));
    for command in commands {
        assert!(env.command("sh").args(["-c", command]).status().unwrap().success(), "{command}");
    }
    assert!(!env.exists(".tickets/002-b.md") && env.read(".tickets/003-c.md").contains("title: D"));
}

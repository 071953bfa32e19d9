//! Checks: what is claimed is proved by command lines and artifacts before it is done.

use serde_json::Value;

use crate::support::{TestEnv, ended_with};

const WORK: &str = "echo done > work.txt\ncommit work\nclaim";

/// A world with one ticket and these lines in its frontmatter, and these in the config.
fn world(config: &str, front: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("1-a", &format!("title: A\n{front}"), "Do it.");
    env.commit_all("ticket");
    env
}

fn verdicts(env: &TestEnv) -> Vec<String> {
    let told = |line: &Value| format!("{} {}", line["check"].as_str().unwrap(), line["verdict"].as_str().unwrap());
    env.events("verify.finished").iter().map(told).collect()
}

#[test]
fn a_claim_is_done_when_its_checks_are_met_and_the_commit_says_so() {
    let env = world(
        "checks: {unit: \"grep -q done work.txt\"}\nverify: [unit]\n",
        "verify: [\"test -s work.txt\", {id: slow, run: \"exit 3\", required: false}]\nartifacts: [work.txt]",
        &[WORK],
    );
    let document = env.json(&["step"]);
    assert_eq!((&document["outcome"], &document["reason"]), (&"ticket_done".into(), &Value::Null), "{document}");
    let told: Vec<String> = document["verify"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| format!("{} {} {}", check["id"], check["verdict"], check["exit"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""unit" "met" 0"#,
            r#""test -s work.txt" "met" 0"#,
            r#""slow" "unmet" 3"#,
            r#""artifact:work.txt" "met" null"#
        ]
    );
    let tree = document["verify"][0]["tree"].as_str().unwrap();
    let trailer = env.git(&["log", "-1", "--format=%(trailers:key=Turnstile-Verify,valueonly)"]);
    assert_eq!(trailer.trim(), format!("{tree} passed"));
    // It is the tree of what lies there, without `.tickets`.
    let listed = env.git(&["ls-tree", "--name-only", tree]);
    assert_eq!(listed, "README.md\nwork.txt");
}

#[test]
fn an_unmet_check_revokes_the_claim_and_the_next_prompt_says_what_it_printed() {
    let check = "echo seen on stdout; echo seen on stderr >&2; grep -q right work.txt";
    let env = world(
        "",
        &format!("verify: [{{id: content, run: {check:?}}}]"),
        &["echo wrong > work.txt\ncommit wrong\nclaim", "echo right > work.txt\ncommit right\nclaim"],
    );
    let document = env.json(&["step"]);
    assert_eq!(document["outcome"], "claim_revoked", "{document}");
    assert!(env.read(".tickets/1-a.md").contains("done: false"));
    let output = env.turnstile(&["step"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    let prompt = env.prompt(2);
    for wanted in ["the checks of your claim", "`content`: exit status 1", "seen on stdout", "seen on stderr", "3"] {
        assert!(prompt.contains(wanted), "{wanted}: {prompt}");
    }
    assert_eq!(verdicts(&env), ["content unmet", "content met"]);
    assert_eq!(env.events("ticket.done").len(), 1);
}

#[test]
fn after_the_retries_a_person_is_asked_and_an_edit_or_a_reply_goes_on() {
    let claim = "date +%N >> work.txt\ncommit again\nclaim";
    let env = world(
        "retries: {verify: 1}\n",
        "verify: [\"test -f there\"]",
        &[claim, claim, "touch there\ncommit it\nclaim"],
    );
    let output = env.turnstile(&["--json", "run"]);
    let document = ended_with(&output, "verify_failed");
    assert_eq!((output.code, &document["outcome"]), (Some(6), &"claim_revoked".into()));
    assert_eq!(env.turns().len(), 2);
    let request = env.read(".tickets/history/1-a/0001-request/REQUEST.md");
    assert!(request.contains("verify_failed") && request.contains("test -f there"), "{request}");
    assert_eq!(env.subjects()[0], "1-a: waits for an answer");
    // It stands until somebody answers it.
    ended_with(&env.turnstile(&["--json", "run"]), "verify_failed");
    assert_eq!(env.turns().len(), 2);
    assert_eq!(env.turnstile(&["reply", "1-a", "-m", "make `there`"]).code, Some(0));
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
}

#[test]
fn what_cannot_be_answered_makes_the_claim_wait_and_costs_no_retry() {
    for (check, why) in [
        ("no-such-program-anywhere", "exit status 127"),
        ("./README.md", "exit status 126"),
        ("kill -KILL $$", "signal 9"),
        ("sleep 60", "`timeout` of 1 s"),
    ] {
        let front = format!("verify: [{{id: odd, run: {check:?}, timeout: 1s}}]");
        let env = world("", &front, &[WORK]);
        let output = env.turnstile(&["--json", "run"]);
        let document = ended_with(&output, "verify_inconclusive");
        assert_eq!((output.code, &document["outcome"]), (Some(6), &"waiting".into()), "{check}");
        assert!(document["reason"]["message"].as_str().unwrap().contains(why), "{check}: {document}");
        assert!(env.read(".tickets/1-a.md").contains("done: true"), "the claim waits");
        assert!(
            env.git(&["show", "HEAD:.tickets/1-a.md"]).contains("done: false"),
            "and no commit says that it is met"
        );
        env.ticket("1-a", "title: A\nverify: [\"test -s work.txt\"]\ndone: true", "Do it.");
        assert_eq!(env.turnstile(&["resume"]).code, Some(0));
        ended_with(&env.turnstile(&["--json", "run"]), "completed");
        assert_eq!(env.turns().len(), 1, "{check}: it was judged again without a turn");
    }
}

#[test]
fn a_commit_turn_that_changes_nothing_but_the_commit_repeats_no_check() {
    let count = "echo x >> ../checked; test -s work.txt";
    let env = world("", &format!("verify: [{count:?}]"), &["echo done > work.txt\nclaim", "commit at last"]);
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.read("../checked"), "x\n", "the result holds for the tree, committed or not");
    let env = world(
        "",
        &format!("verify: [{count:?}]"),
        &["echo done > work.txt\nclaim", "echo more >> work.txt\ncommit more than asked"],
    );
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.read("../checked"), "x\nx\n", "another tree is checked again");
    assert_eq!(env.events("verify.stale").len(), 1);
}

#[test]
fn what_a_person_commits_for_the_agent_is_checked_again_if_it_is_something_else() {
    let env = world("retries: {commit: 0}\n", "verify: [\"grep -q good work.txt\"]", &["echo good > work.txt\nclaim"]);
    ended_with(&env.turnstile(&["--json", "run"]), "commit_failed");
    env.write("work.txt", "bad\n");
    env.git(&["add", "work.txt"]);
    env.git(&["commit", "--quiet", "-m", "by hand"]);
    let document = env.json(&["step"]);
    assert_eq!(document["outcome"], "claim_revoked", "{document}");
    assert_eq!(verdicts(&env), ["grep -q good work.txt met", "grep -q good work.txt unmet"]);
}

#[test]
fn a_check_that_formats_is_run_once_more_and_one_that_never_rests_has_no_answer() {
    let env = world(
        "commit: {by: runner}\n",
        "verify: [\"grep -q formatted work.txt || echo formatted >> work.txt\"]",
        &["echo done > work.txt\nclaim"],
    );
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.git(&["show", "HEAD:work.txt"]), "done\nformatted", "what it changed is the ticket's work");
    assert_eq!(env.events("verify.finished").len(), 2);

    let env = world("commit: {by: runner}\n", "verify: [\"date +%N >> work.txt\"]", &["echo done > work.txt\nclaim"]);
    let document = ended_with(&env.turnstile(&["--json", "run"]), "verify_inconclusive");
    assert!(document["reason"]["message"].as_str().unwrap().contains("changes tracked files"), "{document}");
    assert_eq!(env.events("verify.finished").len(), 2);
}

#[test]
fn what_a_check_leaves_untracked_is_neither_work_nor_dirt_and_named_once() {
    let env = world(
        "commit: {by: runner}\n",
        "verify: [\"mkdir -p cover && date +%N > cover/report && touch 'odd name'\"]",
        &["echo done > work.txt\nclaim", "echo more > more.txt\nclaim"],
    );
    env.ticket("2-b", "title: B\nverify: [\"date +%N > cover/report\"]", "Do it.");
    env.commit_all("another");
    let output = env.turnstile(&["run"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stderr.matches("it left `cover/report`").count(), 1, "{output:?}");
    assert!(output.stderr.contains("/cover/report"), "{output:?}");
    assert_eq!(env.status(), ["?? cover/report", "?? \"odd name\""], "they lie where they were left");
    // A run later they are still nobody's.
    env.ticket("3-c", "title: C", "Do it.");
    env.commit_all("a third");
    env.scripts(&["echo third > third.txt\nclaim"]);
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.git(&["show", "--stat", "--format=", "HEAD", "--", "cover"]), "");
}

#[test]
fn an_artifact_that_a_check_makes_is_committed_with_the_ticket() {
    let env = world(
        "commit: {by: runner}\n",
        "verify: [\"test -e built.txt || echo built > built.txt\"]\nartifacts: [built.txt]",
        &["echo done > work.txt\nclaim"],
    );
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.git(&["show", "HEAD:built.txt"]), "built");
}

#[test]
fn artifacts_must_be_there_hold_something_and_be_in_head() {
    for (script, why) in [
        (":", "it is not there"),
        ("touch out.txt", "it is empty"),
        ("ln -s /etc/passwd out.txt", "it leads out of the repository"),
    ] {
        let env = world("retries: {verify: 0}\n", "artifacts: [out.txt]", &[&format!("{script}\nclaim")]);
        let document = ended_with(&env.turnstile(&["--json", "run"]), "verify_failed");
        assert!(document["reason"]["message"].as_str().unwrap().contains(why), "{document}");
    }
    let env = world("", "artifacts: [out/]", &["mkdir out\necho x > out/x\nclaim", "commit it"]);
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.events("commit.required").len(), 1);
    // What git ignores needs no commit.
    let env = world("", "artifacts: [out.bin]", &["echo x > out.bin\nclaim"]);
    env.write(".gitignore", "*.bin\n");
    env.commit_all("ignore");
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
}

#[test]
fn a_check_runs_at_the_top_with_an_empty_stdin_and_without_secrets() {
    let env = world(
        "",
        "verify: [{id: where, run: \"pwd; cat; env; exit 9\"}]",
        &["echo done > work.txt\ncommit work\nclaim"],
    );
    let mut env = env;
    env.set("MY_API_KEY", "sk-12345678901234567890");
    env.write("sub/file", "x\n");
    env.commit_all("sub");
    let document = env.json(&["-C", "sub", "step"]);
    assert_eq!(document["outcome"], "claim_revoked", "{document}");
    let log = &env.events("verify.finished")[0];
    let text = env.read(env.run_folder().join(log["log"].as_str().unwrap()).join("stdout.log"));
    assert!(text.starts_with(&format!("{}\n", env.repo().display())), "{text}");
    assert!(text.contains("TURNSTILE_TICKET_ID=1-a") && text.contains("TURNSTILE_IN_TURN="), "{text}");
    assert!(!text.contains("MY_API_KEY") && !text.contains("GIT_DIR"), "{text}");
}

#[test]
fn grandchildren_of_a_check_end_with_it() {
    let env = world(
        "",
        "verify: [{id: leaves, run: \"(trap '' TERM; sleep 300) & echo $! > ../pid; sleep 300\", timeout: 1s}]",
        &[WORK],
    );
    ended_with(&env.turnstile(&["--json", "run"]), "verify_inconclusive");
    let pid = env.read("../pid").trim().to_owned();
    assert!(!std::path::Path::new("/proc").join(pid).join("status").exists(), "the grandchild lives on");
}

#[test]
fn a_check_may_not_change_the_git_directory_unseen() {
    let env = world(
        "",
        "verify: [\"printf '#!/bin/sh\\\\n' > .git/hooks/post-commit\"]",
        &["echo done > work.txt\ncommit work\nclaim"],
    );
    let document = ended_with(&env.turnstile(&["--json", "run"]), "tampered");
    assert!(document["reason"]["message"].as_str().unwrap().contains("post-commit"), "{document}");
    assert_eq!(env.events("ticket.done").len(), 0);
}

#[test]
fn where_checks_are_required_a_ticket_without_one_is_a_fault() {
    let env = world("require_verify: true\n", "x-none: 1", &[WORK]);
    let output = env.turnstile(&["lint"]);
    assert_eq!(output.code, Some(3));
    assert!(output.stdout.contains("E021"), "{output:?}");
    ended_with(&env.turnstile(&["--json", "run"]), "invalid");
    assert_eq!(env.turns().len(), 0);
    env.ticket("1-a", "title: A\nartifacts: [work.txt]", "Do it.");
    env.commit_all("with an artifact");
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
}

#[test]
fn a_question_and_a_failure_come_before_the_checks() {
    let env = world("", "verify: [\"touch ../checked\"]", &["claim\nask 'Really?'", "claim\nexit 1"]);
    ended_with(&env.turnstile(&["--json", "run"]), "user_dispatch");
    assert_eq!(env.turnstile(&["reply", "1-a", "-m", "yes"]).code, Some(0));
    ended_with(&env.turnstile(&["--json", "step"]), "agent_failed");
    assert!(!env.exists("../checked"), "no check ran");
}

#[test]
fn a_check_outlives_its_runner_and_is_waited_for_by_the_next() {
    let env = world("", "verify: [\"echo x >> ../checked; sleep 1; test -s work.txt\"]", &[WORK]);
    let mut run = env.spawn(&["run"]);
    env.until("the check runs", |env| env.exists("../checked"));
    run.kill().unwrap();
    run.wait().unwrap();
    let next = env.json(&["next"]);
    assert_eq!((&next["action"], &next["ticket"]), (&"judge".into(), &"1-a".into()), "{next}");
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.read("../checked"), "x\n", "it ran once");
}

/// A run whose check sleeps until `../go` is there; each time that the check runs is a line in `../checked`.
fn in_a_check() -> (TestEnv, std::process::Child) {
    let env = world(
        "",
        "verify: [\"test -e ../go || touch ../waits; echo x >> ../checked; test -e ../go || sleep 300; test -s work.txt\"]",
        &[WORK],
    );
    let run = env.spawn(&["--json", "run"]);
    env.until("the check runs", |env| env.exists("../waits") && env.exists("../checked"));
    (env, run)
}

#[test]
fn a_check_that_ended_without_a_record_is_run_again() {
    let (env, run) = in_a_check();
    env.write("../go", "");
    env.kill_all(&env.effects());
    ended_with(&env.wait(run), "completed");
    assert_eq!(env.read("../checked"), "x\nx\n");
    assert_eq!(env.events("verify.finished").len(), 1);
}

#[test]
fn a_second_interruption_ends_the_check_and_the_next_run_has_it_again() {
    let (env, run) = in_a_check();
    let interrupt = || {
        assert!(env.command("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(300));
    };
    interrupt();
    interrupt();
    let output = env.wait(run);
    ended_with(&output, "interrupted");
    assert_eq!(output.code, Some(130));
    assert!(env.read(".tickets/1-a.md").contains("done: true"), "the claim waits");
    env.write("../go", "");
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    let answers: Vec<bool> = env.events("verify.finished").iter().map(|line| line["interrupted"] == true).collect();
    assert_eq!((env.turns().len(), answers), (1, vec![true, false]));
}

#[test]
fn a_claim_is_judged_by_the_contract_as_it_was_before_the_turn() {
    let cheat = "sed -i 's/^verify:.*/verify: [\"test 1 = 1\"]/' \"$TURNSTILE_TICKET\"\necho done > work.txt\ncommit work\nclaim";
    let env = world("", "verify: [\"grep -q honest work.txt\"]", &[cheat]);
    let document = env.json(&["step"]);
    assert_eq!(document["outcome"], "claim_revoked", "{document}");
    assert!(env.read(".tickets/1-a.md").contains("grep -q honest"));
    assert_eq!(verdicts(&env), ["grep -q honest work.txt unmet"]);
}

#[test]
fn command_lines_that_a_turn_wrote_wait_for_an_approval_and_names_of_checks_do_not() {
    let plan = "printf -- '---\\ntitle: B\\nverify: [unit]\\n---\\n' > .tickets/2-b.md\n\
                printf -- '---\\ntitle: C\\nverify: [\"touch ../ran\"]\\n---\\n' > .tickets/3-c.md\n\
                echo plan > plan.txt\ncommit plan\nclaim";
    let work = "echo $TURNSTILE_TICKET_ID > work-$TURNSTILE_TICKET_ID\ncommit $TURNSTILE_TICKET_ID\nclaim";
    let env = world("checks: {unit: \"test -e work-2-b\"}\n", "x-plan: 1", &[plan, work, work]);
    let document = ended_with(&env.turnstile(&["--json", "run"]), "approval_pending");
    assert_eq!(document["ticket"], "3-c", "{document}");
    assert!(document["reason"]["message"].as_str().unwrap().contains("touch ../ran"), "{document}");
    assert_eq!(env.turns(), ["1 1-a", "2 2-b"], "the named check needed nobody");
    assert_eq!(env.turnstile(&["approve", "3-c"]).code, Some(0));
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert!(env.exists("../ran"));
}

#[test]
fn what_a_check_changes_outside_of_the_scope_waits_for_a_person_as_well() {
    let env = world(
        "commit: {by: runner}\n",
        "scope: [work.txt]\nverify: [\"grep -q x README.md || echo x >> README.md\"]",
        &["echo done > work.txt\nclaim"],
    );
    let document = ended_with(&env.turnstile(&["--json", "run"]), "scope_pending");
    assert!(document["reason"]["message"].as_str().unwrap().contains("README.md"), "{document}");
    assert_eq!(env.turnstile(&["approve", "1-a"]).code, Some(0));
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert!(env.git(&["show", "HEAD:README.md"]).ends_with('x'));
}

#[test]
fn a_users_file_that_a_check_changes_stops_the_claim_and_is_in_no_commit() {
    let env =
        world("commit: {by: runner}\n", "verify: [\"echo changed >> tracked.txt\"]", &["echo done > work.txt\nclaim"]);
    env.write("tracked.txt", "as it was\n");
    env.commit_all("the user's file");
    env.write("tracked.txt", "the user's\n");
    let document = ended_with(&env.turnstile(&["--json", "run", "--allow-dirty"]), "dirty_conflict");
    let message = document["reason"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("tracked.txt") && message.contains("git show"), "{message}");
    let kept = message.split("`git show ").nth(1).unwrap().split('`').next().unwrap();
    assert_eq!(env.git(&["show", kept]), "the user's", "what the user had can be had again as it says");
    assert_eq!(env.git(&["show", "HEAD:tracked.txt"]), "as it was");
}

#[test]
fn what_a_hook_makes_of_checked_work_is_not_done() {
    let env = world("commit: {by: runner}\n", "verify: [\"grep -qx done work.txt\"]", &["echo done > work.txt\nclaim"]);
    env.write(".git/hooks/pre-commit", "#!/bin/sh\necho bad > work.txt\ngit add work.txt\n");
    assert!(env.command("chmod").args(["+x", ".git/hooks/pre-commit"]).status().unwrap().success());
    let document = env.json(&["step"]);
    assert_eq!(document["outcome"], "claim_revoked", "what lies there now was checked again: {document}");
    assert_eq!(env.events("ticket.done").len(), 0);
    // A hook that formats is met half way: what it made is checked, and committed as it is.
    let env = world("commit: {by: runner}\n", "verify: [\"grep -q done work.txt\"]", &["echo done > work.txt\nclaim"]);
    env.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\ngrep -q formatted work.txt || echo formatted >> work.txt\ngit add work.txt\n",
    );
    assert!(env.command("chmod").args(["+x", ".git/hooks/pre-commit"]).status().unwrap().success());
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.git(&["show", "HEAD:work.txt"]), "done\nformatted");
    assert_eq!(env.events("verify.finished").len(), 2);
}

#[test]
fn a_check_opens_no_gate() {
    let forge = "printf -- '---\\ndecision: approve\\n---\\n' > .tickets/USER_REPLY.md";
    let env = world("", &format!("verify: [{forge:?}]"), &[WORK]);
    env.ticket("2-b", "title: B\napproval: required", "Do it.");
    env.commit_all("another");
    ended_with(&env.turnstile(&["--json", "run"]), "approval_pending");
    assert_eq!(env.events("approval.resolved").len(), 0, "what appeared while a check ran is nobody's word");
}

#[test]
fn operators_commands_refuse_inside_of_a_check_also_without_the_variable() {
    let turnstile = env!("CARGO_BIN_EXE_turnstile");
    let decide = format!("env -u TURNSTILE_IN_TURN {turnstile} done 2-b; echo $? > ../status");
    let env = world("", &format!("verify: [{decide:?}]"), &[WORK]);
    env.ticket("2-b", "title: B\nagent: user", "Do it.");
    env.commit_all("another");
    ended_with(&env.turnstile(&["--json", "run"]), "user_ticket");
    assert_eq!(env.read("../status"), "2\n", "operators' commands refuse inside of a check");
}

#[test]
fn a_branch_that_a_check_leaves_is_gone_back_to_before_anything_is_committed() {
    let env =
        world("commit: {by: runner}\n", "verify: [\"git checkout -q -b other\"]", &["echo done > work.txt\nclaim"]);
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert_eq!(env.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(env.events("head.adopted").len(), 1, "{:?}", env.kinds());
    assert_eq!(env.git(&["show", "main:work.txt"]), "done");
    assert_eq!(env.git(&["rev-list", "--count", "main..other"]), "0", "nothing is committed there");
}

#[test]
fn what_a_check_does_to_tickets_and_to_the_config_is_judged_as_if_the_turn_had_done_it() {
    let script = "sed -i 's/^title: B/title: B\\\\ndone: true/' .tickets/2-b.md; \
                  printf -- '---\\ntitle: C\\nverify: [\\\"touch ../ran\\\"]\\n---\\n' > .tickets/3-c.md";
    let env =
        world("", &format!("verify: [\"{}\"]", script.replace('"', "\\\"").replace("\\\\\\\"", "\\\"")), &[WORK, WORK]);
    env.ticket("2-b", "title: B\nverify: [\"test -e never\"]", "Do it.");
    env.commit_all("another");
    let document = env.json(&["step"]);
    assert_eq!(document["ticket"], "1-a", "{document}");
    assert!(!env.read(".tickets/2-b.md").contains("done: true"), "{}", env.read(".tickets/2-b.md"));
    let env = world("", "verify: [\"echo 'require_verify: true' >> .tickets/config.yaml\"]", &[WORK]);
    ended_with(&env.turnstile(&["--json", "run"]), "runner_files_changed");
}

#[test]
fn a_ticket_that_is_removed_or_put_aside_while_its_claim_waits_is_in_nobodys_way() {
    for remove in [true, false] {
        let env = world("", "verify: [no-such-program]", &[WORK, "echo b > b.txt\ncommit b\nclaim"]);
        env.ticket("2-b", "title: B", "Do it.");
        env.commit_all("another");
        ended_with(&env.turnstile(&["--json", "run"]), "verify_inconclusive");
        if remove {
            env.remove(".tickets/1-a.md");
        } else {
            let text = env.read(".tickets/1-a.md").replacen("title: A", "title: A\nhold: later", 1);
            env.write(".tickets/1-a.md", text);
        }
        let document = ended_with(&env.turnstile(&["--json", "run"]), "completed");
        assert_eq!(env.turns(), ["1 1-a", "2 2-b"], "{remove}: {document}");
        if !remove {
            assert!(env.read(".tickets/1-a.md").contains("done: false"), "it is not done by that");
        }
    }
}

#[test]
fn an_artifact_that_git_ignores_is_looked_at_again_before_the_ticket_is_done() {
    let env = world(
        "retries: {commit: 0, verify: 0}\n",
        "artifacts: [out.bin]",
        &["echo x > out.bin\necho w > work.txt\nclaim"],
    );
    env.write(".gitignore", "*.bin\n");
    env.commit_all("ignore");
    ended_with(&env.turnstile(&["--json", "run"]), "commit_failed");
    env.remove("out.bin");
    env.commit_all("by hand");
    ended_with(&env.turnstile(&["--json", "run"]), "verify_failed");
}

#[test]
fn a_persons_edit_behind_an_interrupted_check_stands_and_what_it_left_is_still_a_dropping() {
    let check = "touch drop.log; test -e ../go || touch ../waits; test -e ../go || sleep 300";
    let env = world("", &format!("verify: [{check:?}]"), &[WORK]);
    let run = env.spawn(&["--json", "run"]);
    env.until("the check runs", |env| env.exists("../waits") && env.exists("drop.log"));
    for _ in 0..2 {
        assert!(env.command("kill").args(["-INT", &run.id().to_string()]).status().unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    ended_with(&env.wait(run), "interrupted");
    let text = env.read(".tickets/1-a.md");
    env.write(".tickets/1-a.md", text.replace(&format!("verify: [{check:?}]"), "verify: [\"test -s work.txt\"]"));
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert!(env.read(".tickets/1-a.md").contains("test -s work.txt"), "the edit stands");
    assert_eq!(env.turns().len(), 1);
}

#[test]
fn a_check_that_is_not_required_and_rewrites_only_tells() {
    let env = world(
        "commit: {by: runner}\n",
        "verify: [{id: noisy, run: \"date +%N >> work.txt\", required: false}, \"test -s work.txt\"]",
        &["echo done > work.txt\nclaim"],
    );
    ended_with(&env.turnstile(&["--json", "run"]), "completed");
    assert!(verdicts(&env).contains(&"test -s work.txt met".to_owned()), "{:?}", verdicts(&env));
}

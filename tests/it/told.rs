//! What turnstile tells is true, is told once, and hides nothing: in commits, in the journal and on the terminal.

use crate::support::TestEnv;

fn world_with(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

fn world(scripts: &[&str]) -> TestEnv {
    world_with("", scripts)
}

#[test]
fn a_commit_hides_nothing_of_a_title_or_of_a_message() {
    let said = "printf 'Mine \\033[31m\\n\\nbody \\033[32m\\342\\200\\256\\n' > .tickets/outbox/COMMIT_MSG";
    for (script, expected) in [
        ("echo x > x\nclaim".to_owned(), "weird \\x1b[31m\\u{202e}"),
        (format!("echo x > x\n{said}\nclaim"), "Mine \\x1b[31m\n\nbody \\x1b[32m\\u{202e}"),
    ] {
        let env = world_with("commit: {by: runner, subject: '{title}'}\n", &[&script]);
        env.ticket("001-a", "title: \"weird \\e[31m\\u202e\"\ndone: false", "Do it.");
        env.commit_all("a title");
        env.run_ends("completed");
        let message = env.git(&["log", "-1", "--format=%B"]);
        assert!(message.starts_with(expected), "{message:?}");
        assert!(!message.contains(|character: char| character.is_control() && character != '\n'), "{message:?}");
    }
}

#[test]
fn a_commit_of_decisions_names_the_tickets_and_not_their_messages() {
    let env = world(&["claim"]);
    env.ticket("epic/002-b", "title: B\nagent: user\ndone: false", "Decide it.");
    env.commit_all("more");
    env.ends(&["run"], "user_ticket");
    let _ = env.turnstile(&["reply", "2", "-m", "as you like"]).exits(0);
    env.ends(&["run"], "user_ticket");
    let _ = env.turnstile(&["done", "2"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.subjects()[0], "epic/002-b: as decided");
    let trailers = env.git(&["log", "-1", "--format=%(trailers:only)"]);
    let run = env.run_id().unwrap();
    assert_eq!(trailers.trim(), format!("Turnstile-Ticket: epic/002-b\nTurnstile-Run: {run}"));
    let paths = [".tickets/epic/002-b.md", ".tickets/history/epic/002-b/0001-reply/USER_REPLY.md"];
    assert_eq!(env.paths_of("HEAD"), paths);
}

#[test]
fn decisions_between_runs_are_told_as_they_were_taken() {
    let env = world(&["claim"]);
    env.ticket("002-b", "title: B\nhold: later\ndone: false", "Do it later.");
    env.commit_all("more");
    env.run_ends("completed");
    let (run, lines) = (env.run_id(), env.journal().len());
    for command in ["done", "reopen"] {
        let _ = env.turnstile(&[command, "2"]).exits(0);
    }
    env.run_ends("completed");
    assert_eq!((env.run_id(), env.journal().len()), (run, lines), "where nothing can be worked on nothing is written");
    env.scripts(&["claim"]);
    env.ticket("003-c", "title: C\ndone: false", "Do it.");
    env.run_ends("completed");
    let decided: Vec<String> = env
        .journal()
        .iter()
        .filter(|line| line["kind"] == "decision.stored" || line["ticket"] == "002-b")
        .map(|line| format!("{} {}", line["kind"].as_str().unwrap(), line["decision"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(decided, ["decision.stored done", "ticket.done ", "decision.stored reopen", "ticket.reopened "]);
}

#[test]
fn who_decided_is_somebody_with_a_name() {
    let mut env = world(&["claim"]);
    env.set("USER", "");
    let _ = env.turnstile(&["done", "1"]).exits(0);
    env.scripts(&["claim"]);
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.run_ends("completed");
    assert_eq!(env.events("decision.stored")[0]["by"], "Tester");
}

#[test]
fn lint_finds_a_prompt_that_cannot_be_made() {
    let env = world_with("prompt: {max_bytes: 1}\n", &[]);
    let number = 1 + env.read(".tickets/config.yaml").lines().position(|line| line.starts_with("prompt:")).unwrap();
    let place = format!(".tickets/config.yaml:{number}:21");
    assert!(env.run_ends("invalid").contains(&place));
    let lint = env.turnstile(&["lint"]).exits(3);
    assert!(lint.stdout.contains(&place) && lint.stdout.contains("E012"), "{}", lint.text());
}

#[test]
fn a_default_agent_at_fault_is_one_fault() {
    for wrong in ["nobody", "[1]", "''"] {
        let env = world(&[]);
        let config =
            env.read(".tickets/config.yaml").replace("default_agent: mine", &format!("default_agent: {wrong}"));
        env.write(".tickets/config.yaml", config);
        let document = env.json(&["lint"]);
        assert_eq!(document["errors"], 1, "{document}");
        assert_eq!(document["diagnostics"][0]["path"], ".tickets/config.yaml", "{document}");
    }
}

#[test]
fn a_template_that_cannot_be_used_is_named_with_what_it_may_hold() {
    let env = world(&[]);
    env.write(".tickets/templates/turn.md", "{{ qqqqqqqqqq }}");
    let output = env.turnstile(&["prompt"]).exits(0);
    assert!(output.stderr.contains("turn.md is not used, and the built-in template is"), "{}", output.text());
    let lint = env.turnstile(&["lint"]).exits(3);
    assert!(lint.stdout.contains("the variables are ") && lint.stdout.contains("ticket_body"), "{}", lint.text());
    assert!(!lint.stdout.contains("docs/"), "{}", lint.text());
}

#[test]
fn what_help_there_is_helps() {
    let env = world(&[]);
    let cases: [(&str, &str, &[&str], &str); 3] = [
        (
            ".tickets/001-a.md",
            "---\ndone: false\nlimits: {turns: 4294967296999}\n---\n# A\n",
            &["lint"],
            "1 to 4294967295",
        ),
        (
            ".tickets/USER_REPLY.md",
            "---\nto: 77\n---\nhello\n",
            &["reply", "-m", "x"],
            "mend it or remove it, for no step can use it",
        ),
        (".tickets/USER_REPLY.md", "hello\n", &["reply", "-m", "x"], "`turnstile run` takes it in"),
    ];
    for (path, text, command, expected) in cases {
        env.write(path, text);
        let output = env.turnstile(command);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains(expected), "{said}");
    }
    env.remove(".tickets");
    env.write(".tickets", "a file");
    for command in [&["init"][..], &["new", "x"]] {
        let output = env.turnstile(command);
        let command = output.stderr.split('`').nth(1).unwrap_or_else(|| panic!("{}", output.text())).to_owned();
        assert!(env.command("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
        assert!(!env.exists(".tickets"));
        env.write(".tickets", "a file");
    }
    let output = env.turnstile(&["prompt"]);
    assert!(!output.stderr.contains(".tickets.md"), "{}", output.text());
}

#[test]
fn choices_are_shown_as_they_are_told_apart() {
    let ask = "printf -- '---\\nmode: pause\\ntitle: Q\\nchoices: [\"a, b\", \"yes\"]\\n---\\nq\\n' > \"$TURNSTILE_OUTBOX/DISPATCH.md\"";
    let env = world(&[ask]);
    let message = env.run_ends("user_dispatch");
    assert!(message.contains("(choices: \"a, b\", \"yes\")"), "{message}");
    let error = env.turnstile(&["--json", "reply", "--answer", "a"]).exits(3).error();
    assert!(error["message"].as_str().unwrap().ends_with("\"a, b\", \"yes\""), "{error}");
}

#[test]
fn a_step_says_once_that_a_ticket_is_done() {
    let env = world(&["claim"]);
    let output = env.turnstile(&["step"]).exits(0);
    assert_eq!(output.text().matches("001-a is done").count(), 1, "{}", output.text());
}

#[test]
fn what_a_signer_said_stands_in_lines_of_its_own() {
    let env = world(&["claim"]);
    env.write(".git/signer", "#!/bin/sh\necho one >&2\necho two >&2\nexit 1\n");
    assert!(env.command("chmod").args(["+x", ".git/signer"]).status().unwrap().success());
    env.git(&["config", "commit.gpgsign", "true"]);
    env.git(&["config", "gpg.program", env.path(".git/signer").to_str().unwrap()]);
    let output = env.turnstile(&["step"]).exits(7);
    assert!(!output.stderr.contains("\\n") && output.stderr.contains("could not commit"), "{}", output.text());
}

#[test]
fn what_is_not_kept_is_named_once_in_a_run() {
    let env = world(&["truncate -s 60M big", "true", "claim"]);
    env.write(".git/info/exclude", "");
    let mut named = 0;
    for _ in 0..2 {
        let output = env.turnstile(&["step"]).exits(0);
        named += output.text().matches("not kept: big").count();
    }
    assert_eq!(named, 1);
}

#[test]
fn a_turn_whose_processes_are_dead_is_not_waited_for() {
    let env = world(&["touch $AGENT/began; sleep 60", "claim"]);
    let mut child = env.spawn(&["step"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    env.kill_all(&[env.effects(), env.agents()].concat());
    let output = env.turnstile(&["step"]).exits(0);
    assert!(!output.stderr.contains("still under way"), "{}", output.text());
    assert!(env.events("turn.adopted").is_empty());
    env.run_ends("completed");
}

//! Who may make this machine run something: nothing starts by a config, a template or an agent's own settings that no
//! person on this machine has trusted.

use std::os::unix::fs::symlink;

use crate::support::TestEnv;

const CONFIG: &str = ".tickets/config.yaml";

/// A world in which nothing is trusted yet.
fn world(scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

/// The same, and all of it is trusted.
fn trusted(scripts: &[&str]) -> TestEnv {
    let env = world(scripts);
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env
}

fn add(env: &TestEnv, path: &str, text: &str) {
    env.write(path, env.read(path) + text);
}

#[test]
fn nothing_starts_by_a_config_that_nobody_has_trusted() {
    let env = world(&["claim"]);
    let document = env.ends(&["run"], "untrusted");
    let message = document["reason"]["message"].as_str().unwrap();
    assert!(message.contains("turnstile trust") && message.contains(".tickets/config.yaml is new here"), "{message}");
    assert_eq!(document["reason"]["details"]["files"][0]["path"], CONFIG);
    assert_eq!((document["outcome"].as_str(), document["steps"].as_u64()), (Some("none"), Some(1)));
    env.ends(&["step"], "untrusted");
    assert_eq!((env.turns(), env.run_id()), (Vec::new(), None), "no run has begun");
    assert_eq!(env.next(), "wait untrusted");
    assert_eq!(env.json(&["step", "--dry-run", "--trust"])["action"], "run_turn", "as such a step would answer");
    assert_eq!(env.json(&["status"])["reason"]["code"], "untrusted");
    for looking in ["list", "lint", "prompt", "show 1", "log", "doctor"] {
        let _ = env.turnstile(&looking.split(' ').collect::<Vec<_>>()).exits(if looking == "doctor" { 3 } else { 0 });
    }
}

#[test]
fn without_a_terminal_what_differs_is_shown_and_only_yes_trusts_it() {
    let env = world(&["claim"]);
    let shown = env.turnstile(&["trust"]).exits(3);
    assert!(shown.stdout.starts_with(".tickets/config.yaml is new here:\n  | version: 1\n"), "{}", shown.text());
    assert!(
        shown
            .stdout
            .ends_with("nothing is trusted; `turnstile trust` asks again, and `turnstile trust --yes` does not\n")
    );
    env.ends(&["run"], "untrusted");
    let document = env.json(&["trust"]);
    assert_eq!((&document["trusted"], &document["files"][0]["change"]), (&false.into(), &"new".into()));
    let document = env.json(&["trust", "--yes"]);
    assert_eq!((&document["trusted"], &document["files"][0]["path"]), (&true.into(), &CONFIG.into()));
    assert_eq!(env.json(&["trust"])["message"], "everything here is trusted (1 file(s))");
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a"]);
}

#[test]
fn one_changed_byte_asks_again_and_the_difference_is_shown() {
    let env = trusted(&["claim"]);
    add(&env, CONFIG, "#");
    let message = env.run_ends("untrusted");
    assert!(message.contains(".tickets/config.yaml was changed since it was trusted"), "{message}");
    let shown = env.turnstile(&["trust"]).exits(3).stdout;
    assert!(shown.contains("\n  @@ ") && shown.contains("\n  +#\n") && !shown.contains("+version"), "{shown}");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env.git(&["checkout", "-q", CONFIG]);
    env.run_ends("completed");
}

#[test]
fn what_is_trusted_unseen_is_told_in_one_line() {
    for how in ["--trust", "TURNSTILE_TRUST"] {
        let mut env = world(&["true", "claim"]);
        let arguments: &[&str] = if how == "--trust" { &["run", how] } else { &["run"] };
        if how != "--trust" {
            env.set(how, "0");
            env.ends(arguments, "untrusted");
            env.set(how, "1");
            assert_eq!(env.next(), "run_turn", "as a run would answer");
        }
        let output = env.turnstile(arguments).exits(0);
        assert!(output.stderr.starts_with("trusted unseen: .tickets/config.yaml\n"), "{}", output.text());
        env.set("TURNSTILE_TRUST", "");
        assert_eq!(env.json(&["trust"])["message"], "everything here is trusted (1 file(s))");
    }
}

#[test]
fn init_trusts_what_it_wrote_and_nothing_that_was_there() {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    let _ = env.turnstile(&["init"]).exits(0);
    assert_eq!(env.json(&["next"])["reason"], serde_json::Value::Null);
    add(&env, CONFIG, "# mine\n");
    let _ = env.turnstile(&["init"]).exits(0);
    env.ends(&["run"], "untrusted");
}

#[test]
fn where_nothing_names_a_program_nothing_needs_to_be_trusted() {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.ticket("001-a", "agent: shell\ntitle: A", "```sh\necho one > file\n```");
    env.commit_all("ticket");
    let output = env.turnstile(&["trust"]).exits(0);
    assert!(output.stdout.contains("nothing needs to be trusted"), "{}", output.text());
    env.run_ends("completed");
    assert!(!env.exists(".git/turnstile/trusted"), "and nothing is kept");
}

#[test]
fn templates_and_agents_own_settings_are_looked_at_like_the_config() {
    for path in [
        ".tickets/templates/turn.md",
        ".tickets/templates/other/file.txt",
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".codex/config.toml",
        ".mcp.json",
    ] {
        let env = world(&["claim"]);
        let text = if path.ends_with("turn.md") { "{{ rules }}{{ ticket }}" } else { "one\n" };
        env.write(path, text);
        env.write(".claude/agents/a.md", "of no concern");
        env.write("sub/.mcp.json", "of no concern");
        env.commit_all("settings");
        let message = env.run_ends("untrusted");
        assert!(message.contains(&format!("{path} is new here")) && !message.contains("a.md"), "{message}");
        let _ = env.turnstile(&["trust", "--yes"]).exits(0);
        assert_ne!(env.next(), "wait untrusted", "{path}");
        env.remove(path);
        env.commit_all("gone");
        assert!(env.run_ends("untrusted").contains(&format!("{path} is gone")), "what it forbade is gone with it");
        let shown = env.turnstile(&["trust", "--yes"]).exits(0);
        assert!(shown.stdout.contains("is gone, and what it said with it:\n  @@ "), "{}", shown.text());
        env.run_ends("completed");
        env.write(path, text);
        assert_ne!(env.next(), "wait untrusted", "what was trusted once stays so: {path}");
    }
}

#[test]
fn settings_behind_a_link_are_those_that_it_leads_to_and_what_cannot_be_read_is_not_trusted() {
    let env = trusted(&["claim"]);
    let elsewhere = env.root().join("mcp");
    std::fs::write(&elsewhere, "one").unwrap();
    symlink(&elsewhere, env.path(".mcp.json")).unwrap();
    env.commit_all("a link");
    assert!(env.run_ends("untrusted").contains(".mcp.json is new here"));
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    assert_eq!(env.next(), "run_turn");
    std::fs::write(&elsewhere, "two").unwrap();
    assert!(env.run_ends("untrusted").contains(".mcp.json was changed since it was trusted"));
    env.remove(".mcp.json");
    symlink("/dev/zero", env.path(".mcp.json")).unwrap();
    let message = env.run_ends("untrusted");
    assert!(message.contains(".mcp.json cannot be read (it is not a regular file); mend or remove it"), "{message}");
    let output = env.turnstile(&["trust", "--yes"]).exits(3);
    assert!(output.stdout.contains(".mcp.json cannot be read"), "{}", output.text());
    env.ends(&["run", "--trust"], "untrusted");
    env.remove(".mcp.json");
    env.commit_all("no link");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env.run_ends("completed");
}

#[test]
fn worktrees_share_what_is_trusted_and_each_branch_keeps_its_own() {
    let env = trusted(&["claim"]);
    env.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let linked = env.root().join("linked").display().to_string();
    let next = |at: &str| env.json(&["-C", at, "next"])["reason"]["code"].as_str().map(str::to_owned);
    assert_eq!(next(&linked), None);
    let config = env.root().join("linked").join(CONFIG);
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + "# side\n").unwrap();
    assert_eq!(next(&linked).as_deref(), Some("untrusted"));
    assert_eq!(next("."), None);
    let _ = env.turnstile(&["-C", &linked, "trust", "--yes"]).exits(0);
    assert_eq!((next(&linked), next(".")), (None, None), "both stay trusted");
}

#[test]
fn what_a_commit_holds_can_be_trusted_before_it_is_checked_out() {
    let env = trusted(&["claim"]);
    env.git(&["switch", "-q", "-c", "side"]);
    add(&env, CONFIG, "# side\n");
    env.write(".mcp.json", "{}\n");
    env.commit_all("another config");
    env.git(&["switch", "-q", "main"]);
    let document = env.json(&["trust", "side"]);
    let changes: Vec<_> = document["files"].as_array().unwrap().iter().map(|file| file["change"].clone()).collect();
    assert_eq!((changes, &document["reference"]), (vec!["new".into(), "changed".into()], &"refs/heads/side".into()));
    let _ = env.turnstile(&["trust", "side", "--yes"]).exits(0);
    let again = env.turnstile(&["trust", "side"]).exits(0);
    assert_eq!(again.stdout, "everything in `refs/heads/side` is trusted (2 file(s))\n");
    env.git(&["merge", "-q", "side"]);
    env.run_ends("completed");
    assert_eq!(env.turnstile(&["--json", "trust", "nowhere"]).exits(3).error()["code"], "unknown_id");
}

#[test]
fn resume_trusts_what_a_turn_made_of_the_config_and_putting_it_back_does_not() {
    let script = "echo '# changed' >> .tickets/config.yaml\nclaim";
    let env = trusted(&[script]);
    env.run_ends("runner_files_changed");
    assert_eq!(env.next(), "stop runner_files_changed", "and nobody is asked to trust it");
    drop(env.turnstile(&["resume"]).exits(0));
    env.run_ends("completed");
    assert_eq!(env.json(&["trust"])["message"], "everything here is trusted (1 file(s))");

    let env = trusted(&[script]);
    env.run_ends("runner_files_changed");
    let changed = env.read(CONFIG);
    env.git(&["checkout", "-q", CONFIG]);
    env.run_ends("completed");
    env.write(CONFIG, changed);
    env.ends(&["run"], "untrusted");
}

#[test]
fn a_stored_decision_that_nobody_typed_trusts_nothing() {
    let planted =
        "printf '%s' '{\"kind\":\"resume\",\"arguments\":{},\"who\":\"x\",\"at\":\"y\"}' > \"$d/decision.json\"";
    let env = trusted(&[&format!(
        "echo '# changed' >> .tickets/config.yaml\nd=$AGENT/planted\nmkdir -p \"$d\" .git/turnstile/worktrees/main/decisions\n{planted}\nmv \"$d\" .git/turnstile/worktrees/main/decisions/000001-12345678\necho one > file\ncommit\n"
    )]);
    env.run_ends("untrusted");
    assert_eq!(env.turns(), ["1 001-a"], "no turn starts by it");
}

#[test]
fn agents_settings_that_a_turn_changed_are_listed_and_asked_for_by_the_next_run() {
    let path = ".claude/settings.local.json";
    let env = trusted(&["mkdir -p .claude\necho '{}' > .claude/settings.local.json\ncommit", "claim"]);
    let output = env.turnstile(&["run"]).exits(0);
    let told = format!("  changed agents' own settings, which the next turn goes by: {path}\n");
    assert_eq!(output.stderr.matches(&told).count(), 1, "{}", output.text());
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    assert_eq!(env.events("turn.finished")[0]["settings"].as_object().unwrap().len(), 1);
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.commit_all("another");
    assert!(env.run_ends("untrusted").contains(path));

    let env = trusted(&["mkdir -p .claude\necho '{}' > .claude/settings.local.json\necho one > file", "claim"]);
    env.write(".git/info/exclude", ".claude/\n");
    env.step_comes_to("progressed");
    env.write(path, "{\"hooks\": {}}\n");
    assert!(env.run_ends("untrusted").contains(path), "what a person changes meanwhile is asked for");
}

#[test]
fn an_agent_cannot_trust() {
    let program = env!("CARGO_BIN_EXE_turnstile");
    let env = trusted(&[&format!(
        "for how in '' 'env -u TURNSTILE_IN_TURN'; do\n  code=0; $how {program} --json trust --yes 2>> \"$AGENT/errors\" || code=$?; echo $code >> \"$AGENT/codes\"\ndone\nclaim"
    )]);
    env.run_ends("completed");
    let of_agent = |name: &str| std::fs::read_to_string(env.agent_folder().join(name)).unwrap();
    assert_eq!(of_agent("codes"), "2\n2\n");
    assert_eq!(of_agent("errors").matches("\"reentrant\"").count(), 2);
}

#[test]
fn what_an_agent_writes_into_the_store_is_tampering() {
    let env = trusted(&[
        "echo '# changed' >> .tickets/config.yaml\nfor file in .git/turnstile/trusted/list.json; do sed 's/by/by/; s/[0-9a-f]\\{64\\}/0000000000000000000000000000000000000000000000000000000000000000/' \"$file\" > \"$AGENT/list\"; cat \"$AGENT/list\" > \"$file\"; done\nclaim",
    ]);
    let message = env.run_ends("tampered");
    assert!(message.contains("turnstile/trusted/list.json was changed"), "{message}");
    drop(env.turnstile(&["resume"]).exits(0));
    // What it made of the config is asked about all the same.
    env.run_ends("runner_files_changed");
}

#[test]
fn who_is_told_is_no_program_of_an_untrusted_config() {
    let env = trusted(&["claim"]);
    add(&env, CONFIG, "notify: {command: [touch, told]}\n");
    let output = env.turnstile(&["pause"]).exits(0);
    assert!(output.stderr.contains("the config that names it is not trusted here"), "{}", output.text());
    env.ends(&["run"], "untrusted");
    assert!(!env.exists("told"));
}

#[test]
fn a_person_is_shown_what_differs_and_asked_in_place() {
    let env = world(&["claim"]);
    add(&env, CONFIG, "# \u{1b}[2J evil\n");
    env.commit_all("escape");
    let Some(mut terminal) = env.at_terminal("run") else { return };
    terminal.until_seen("Trust it? [y/N]", 1);
    terminal.types("y\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("  | # \\x1b[2J evil\n") && screen.contains("trusted: .tickets/config.yaml\n"), "{screen}");
    assert_eq!(env.turns(), ["1 001-a"]);

    add(&env, CONFIG, "# more\n");
    let mut terminal = env.at_terminal("trust").unwrap();
    terminal.until_seen("[y/N]", 1);
    terminal.types("YES\n");
    let (screen, code) = terminal.ends();
    assert!(code == Some(0) && screen.contains("  +# more\n"), "{screen}");
}

#[test]
fn whatever_is_no_yes_is_a_no() {
    for keys in ["n\n", "\n", "\u{3}", "\u{4}", "yesterday\n"] {
        let env = world(&["claim"]);
        let Some(mut terminal) = env.at_terminal("run") else { return };
        terminal.until_seen("[y/N]", 1);
        terminal.types(keys);
        let (screen, code) = terminal.ends();
        assert_eq!(code, Some(3), "{keys:?}: {screen}");
        assert!(screen.contains("untrusted: ") && screen.matches("[y/N]").count() == 1, "{keys:?}: {screen}");
        assert_eq!((env.turns(), env.exists(".git/turnstile/trusted")), (Vec::new(), false), "{keys:?}");
    }
}

#[test]
fn nobody_is_asked_where_the_answer_is_for_a_program() {
    let env = world(&["claim"]);
    for arguments in ["--json run", "--quiet run"] {
        let Some(terminal) = env.at_terminal(arguments) else { return };
        let (screen, code) = terminal.ends();
        assert!(code == Some(3) && !screen.contains("[y/N]"), "{screen}");
    }
}

#[test]
fn a_change_between_two_turns_is_asked_about_in_the_middle_of_the_run() {
    // The check of the first ticket stands for a person who edits: what it changes outside of a turn is nobody's turn's.
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent_with("verify: ['echo more >> .mcp.json']\n", &["claim", "claim"]);
    env.write(".git/info/exclude", ".mcp.json\n");
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    let Some(mut terminal) = env.at_terminal("run --max-turns 2") else { return };
    terminal.until_seen(".mcp.json is new here", 1);
    terminal.until_seen("[y/N]", 1);
    terminal.types("y\n");
    terminal.until_seen("[y/N]", 2);
    terminal.types("n\n");
    let (screen, code) = terminal.ends();
    assert_eq!(code, Some(3), "{screen}");
    assert_eq!(env.turns(), ["1 001-a", "2 002-b"]);
}

#[test]
fn a_bare_repository_stores_a_copy() {
    let env = trusted(&["claim"]);
    env.git(&["clone", "-q", "--bare", ".", "../hub.git"]);
    let hub = env.root().join("hub.git").display().to_string();
    let stored = || env.root().join("hub.git/turnstile/trusted/copy.json").exists();
    let shown = env.turnstile(&["-C", &hub, "trust"]).exits(3);
    assert!(shown.stdout.contains(".tickets/config.yaml is new here") && !stored(), "{}", shown.text());
    let output = env.turnstile(&["-C", &hub, "trust", "--yes"]).exits(0);
    assert!(output.stdout.contains("runs of this repository go by it") && stored(), "{}", output.text());
    let document = env.json(&["-C", &hub, "trust"]);
    assert_eq!((&document["trusted"], &document["reference"]), (&true.into(), &"refs/heads/main".into()));
    add(&env, CONFIG, "# pushed\n");
    env.commit_all("pushed");
    env.git(&["push", "-q", &hub, "main", "main:side"]);
    let document = env.json(&["-C", &hub, "trust", "side"]);
    assert_eq!((&document["trusted"], &document["files"][0]["change"]), (&false.into(), &"changed".into()));
    let _ = env.turnstile(&["-C", &hub, "trust", "side", "--yes"]).exits(0);
    assert_eq!(env.turnstile(&["-C", &hub, "--json", "trust", "nowhere"]).exits(3).error()["code"], "unknown_id");
}

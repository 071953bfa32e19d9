//! Secrets that an agent prints, writes, asks about and leaves in files: nowhere that turnstile stores or shows them.

use std::fs;

use crate::support::TestEnv;

const VALUE: &str = "Tr0ub4dor-and-3-horses";
const WITHHELD: &str = "c0rrect-battery-staple";
const TOKEN: &str = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.set("MY_TOKEN", VALUE);
    env.set("OTHER_TOKEN", WITHHELD);
    env.agent_entry(", env: [MY_TOKEN]", config, scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

/// Every file below a folder that holds one of the secrets.
fn leaks(folder: &std::path::Path) -> Vec<String> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|it| it.file_type().is_file());
    files
        .filter(|file| {
            let bytes = fs::read(file.path()).unwrap();
            [VALUE, WITHHELD, TOKEN].iter().any(|secret| bytes.windows(secret.len()).any(|it| it == secret.as_bytes()))
        })
        .map(|file| file.path().display().to_string())
        .collect()
}

#[test]
fn what_an_agent_prints_and_asks_is_stored_and_shown_without_secrets() {
    let script = format!(
        "echo \"key: $MY_TOKEN and {TOKEN}\"; echo 'found {WITHHELD}' >&2; printf '%s' \"$MY_TOKEN\" | base64\n\
         printf 'log with %s\\n' \"$MY_TOKEN\" > \"$TURNSTILE_OUTBOX/log.txt\"\n\
         ask \"What is $MY_TOKEN for\" \"I saw {WITHHELD} and {TOKEN}\""
    );
    let env = world("", &[&script, "claim"]);
    let run = env.turnstile(&["run"]).exits(4).text();
    assert!(run.contains("asks: What is [redacted: MY_TOKEN] for"), "{run}");
    let history = env.path(".tickets/history/001-a/0001-dispatch");
    assert_eq!(fs::read_to_string(history.join("log.txt")).unwrap(), "log with [redacted: MY_TOKEN]\n");
    let message = fs::read_to_string(history.join("DISPATCH.md")).unwrap();
    assert!(message.contains("I saw [redacted: OTHER_TOKEN] and [redacted: GitHub token]"), "{message}");
    let turn = env.run_folder().join("turns/0001");
    assert_eq!(fs::read_to_string(turn.join("stderr.log")).unwrap(), "found [redacted: OTHER_TOKEN]\n");
    let log = fs::read_to_string(turn.join("stdout.log")).unwrap();
    assert!(log.starts_with("key: [redacted: MY_TOKEN] and [redacted: GitHub token]\n[redacted: MY_TOKEN]"), "{log}");
    env.reply(&format!("Use {WITHHELD}.\n"));
    env.run_ends("completed");
    assert!(env.prompt(2).contains("Use [redacted: OTHER_TOKEN]."), "{}", env.prompt(2));
    assert_eq!(leaks(&env.path(".git/turnstile")), [""; 0]);
    assert_eq!(leaks(&env.path(".tickets")), [""; 0]);
    let shown = env.git(&["log", "--all", "-p"]);
    assert!(![VALUE, WITHHELD, TOKEN].iter().any(|secret| shown.contains(secret)), "{shown}");
    for arguments in
        [&["log"][..], &["log", "--json"], &["show", "001-a"], &["--json", "show", "--turn", "1"], &["prompt"]]
    {
        let output = env.turnstile(arguments).text();
        assert!(![VALUE, WITHHELD, TOKEN].iter().any(|secret| output.contains(secret)), "{arguments:?}: {output}");
    }
}

#[test]
fn a_secret_that_comes_in_pieces_is_still_one() {
    let pieces: Vec<String> = VALUE.chars().map(|it| format!("printf '%s' '{it}'; sleep 0.01")).collect();
    let env = world("", &[&format!("printf 'a '\n{}\nprintf ' b'\nclaim", pieces.join("\n"))]);
    env.run_ends("completed");
    let log = fs::read_to_string(env.run_folder().join("turns/0001/stdout.log")).unwrap();
    assert_eq!(log, "a [redacted: MY_TOKEN] b");
}

#[test]
fn a_prompt_is_kept_and_sent_without_secrets() {
    let env = world("", &["claim"]);
    env.ticket("001-a", "title: A", &format!("Log in with {TOKEN}."));
    env.write(".tickets/context/spec.md", format!("The password is {VALUE}.\n"));
    env.commit_all("a person's own");
    env.run_ends("completed");
    assert!(env.prompt(1).contains("Log in with [redacted: GitHub token]."), "{}", env.prompt(1));
    assert!(env.prompt(1).contains("The password is [redacted: MY_TOKEN]."), "{}", env.prompt(1));
    assert_eq!(leaks(&env.path(".git/turnstile")), [""; 0]);
}

#[test]
fn a_commit_of_turnstiles_that_would_add_a_secret_is_refused_and_the_agent_is_told() {
    let env = world(
        "commit: {by: runner}\n",
        &[
            &format!("printf 'one\\nkey = {TOKEN}\\n' > settings\nprintf 'fine\\n' > other\nclaim"),
            "printf 'one\\nkey = $KEY\\n' > settings\nclaim",
        ],
    );
    env.run_ends("completed");
    assert!(env.prompt(2).contains("settings:2: GitHub token"), "{}", env.prompt(2));
    assert_eq!(env.git(&["show", "HEAD:settings"]), "one\nkey = $KEY");
    assert!(!env.git(&["log", "-p"]).contains(TOKEN));
}

#[test]
fn a_person_may_commit_what_turnstile_refused() {
    let turn = format!("printf '%s\\n' \"$MY_TOKEN {TOKEN}\" > settings\nclaim");
    let env = world("commit: {by: runner}\nretries: {commit: 0}\n", &[&turn]);
    let message = env.turnstile(&["run"]).exits(6).text();
    assert!(message.contains("commit_failed"), "{message}");
    assert!(message.contains("commit the file yourself if it is none"), "{message}");
    env.git(&["add", "settings"]);
    env.git(&["commit", "--quiet", "-m", "it is made up"]);
    env.run_ends("completed");
}

#[test]
fn a_file_with_a_known_secret_is_in_no_kept_tree_and_still_the_tickets_work() {
    let env = world("", &["printf '%s\\n' \"$MY_TOKEN\" > .env.local", "rm .env.local\nclaim"]);
    let text = env.turnstile(&["step"]).exits(0).text();
    assert!(text.contains("not kept: .env.local: holds the value of MY_TOKEN"), "{text}");
    assert_eq!(env.events("turn.finished")[0]["changed"], serde_json::json!([".env.local"]));
    env.run_ends("completed");
    let objects = env.command("git").args(["cat-file", "--batch-all-objects", "--batch"]).output().unwrap().stdout;
    assert!(!String::from_utf8_lossy(&objects).contains(VALUE));
}

#[test]
fn an_error_shows_no_secret() {
    let env = world("", &["claim"]);
    let output = env.turnstile(&["show", VALUE]).exits(3).text();
    assert!(output.contains("[redacted: MY_TOKEN]") && !output.contains(VALUE), "{output}");
    let output = env.turnstile(&["--json", "show", TOKEN]).exits(3);
    assert!(output.error()["message"].as_str().unwrap().contains("[redacted: GitHub token]"), "{}", output.text());
}

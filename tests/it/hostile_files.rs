//! Files that are no files, that lie elsewhere, that are too large or too many, and names that look like options.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use crate::support::TestEnv;

fn world(scripts: &[&str]) -> TestEnv {
    world_with("", scripts)
}

fn world_with(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

fn pipe(env: &TestEnv, path: &str) {
    let status = env.command("mkfifo").arg(env.path(path)).status().unwrap();
    assert!(status.success());
}

/// A file of thirty gigabytes that takes no room.
fn sparse(env: &TestEnv, path: &str) {
    fs::File::create(env.path(path)).unwrap().set_len(30 << 30).unwrap();
}

const QUESTION: &str = "ask 'Which one?'";

#[test]
fn what_is_no_regular_file_is_no_ticket_and_nobody_waits_for_it() {
    let env = world(&["claim"]);
    pipe(&env, ".tickets/010-pipe.md");
    symlink("/dev/zero", env.path(".tickets/020-zero.md")).unwrap();
    symlink("001-a.md", env.path(".tickets/030-inside.md")).unwrap();
    let _socket = UnixListener::bind(env.path(".tickets/040-socket.md")).unwrap();
    fs::create_dir(env.path(".tickets/050-folder.md")).unwrap();
    sparse(&env, ".tickets/060-large.md");
    let begun = Instant::now();
    let output = env.turnstile(&["lint", "--format", "human"]).exits(3);
    let told: Vec<&str> = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("error") || line.trim_start().starts_with("-->"))
        .collect();
    assert_eq!(
        told,
        [
            "error[E016]: not a regular file",
            "--> .tickets/010-pipe.md:1:1",
            "error[E016]: a symbolic link, which is never followed",
            "--> .tickets/020-zero.md:1:1",
            "error[E016]: a symbolic link, which is never followed",
            "--> .tickets/030-inside.md:1:1",
            "error[E016]: not a regular file",
            "--> .tickets/040-socket.md:1:1",
            "error[E014]: 32212254720 bytes, more than 1 MiB",
            "--> .tickets/060-large.md:1:1",
        ]
    );
    // A healthy ticket before them has its turn; then each stops the run in its place.
    env.run_ends("invalid");
    assert_eq!(env.turns(), ["1 001-a"]);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn bombs_are_refused_before_anything_is_built_of_them() {
    let env = world(&["claim"]);
    let laugh = |number: u32| format!("a{number}: &a{number} [{}]", format!("*a{}, ", number - 1).repeat(9));
    let laughs = (1..10).map(laugh).collect::<Vec<_>>().join("\n");
    env.ticket("010-laughs", &format!("a0: &a0 x\n{laughs}"), "");
    env.ticket("020-deep", &format!("a: {}", "[".repeat(60_000)), "");
    env.ticket("030-deep", &format!("a: {}", "{a: ".repeat(15_000)), "");
    env.ticket("040-long", &format!("a: {}", "x".repeat(70_000)), "");
    let begun = Instant::now();
    let document = env.json(&["lint"]);
    let codes: Vec<&str> =
        document["diagnostics"].as_array().unwrap().iter().map(|fault| fault["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["E018", "E018", "E018", "E018"], "{document}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn folders_that_are_links_are_named_and_what_lies_behind_them_is_not() {
    let outside = |env: &TestEnv| {
        let folder = env.root().join("outside");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("secret.md"), "top secret\n").unwrap();
        folder
    };
    for name in ["templates", "context"] {
        let env = world(&["claim"]);
        symlink(outside(&env), env.path(".tickets").join(name)).unwrap();
        let prompt = env.turnstile(&["prompt"]).text();
        let lint = env.turnstile(&["lint"]).text();
        assert!(!prompt.contains("secret.md") && !lint.contains("secret"), "{name}: {prompt}{lint}");
        assert!((prompt + &lint).contains("a symbolic link, which is never followed"), "{name}");
    }
    for name in ["history", "outbox"] {
        let env = world(&[&format!("rm -rf .tickets/{name}\nln -s \"$AGENT/../outside\" .tickets/{name}\n{QUESTION}")]);
        let folder = outside(&env);
        let output = env.turnstile(&["run"]);
        assert!(output.text().contains("a symbolic link, which is never followed"), "{name}: {}", output.text());
        assert!(output.text().contains(&format!(".tickets/{name}")), "{name}: {}", output.text());
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let written_by_turnstile = left.iter().filter(|it| *it != "secret.md" && *it != "DISPATCH.md").count();
        assert_eq!(written_by_turnstile, 0, "{name}: {left:?}");
    }
    let env = world(&["claim"]);
    fs::rename(env.path(".tickets"), env.root().join("moved")).unwrap();
    symlink(env.root().join("moved"), env.path(".tickets")).unwrap();
    for arguments in [&["step"][..], &["list"], &["lint"], &["new", "x"], &["next"]] {
        let output = env.turnstile(arguments).text();
        assert!(output.contains("a symbolic link, which is never followed"), "{arguments:?}: {output}");
    }
    assert_eq!(env.turns(), [""; 0]);
}

#[test]
fn settings_and_switches_that_are_pipes_stop_nobody_for_ever() {
    let env = world(&["claim"]);
    pipe(&env, ".tickets/STOP");
    env.run_ends("stop_file");
    env.remove(".tickets/STOP");
    env.remove(".tickets/config.yaml");
    pipe(&env, ".tickets/config.yaml");
    env.run_ends("invalid");
}

#[test]
fn a_message_of_thirty_gigabytes_is_refused_by_its_size() {
    let env = world_with("retries: {lint: 0}\n", &["truncate -s 30G \"$TURNSTILE_OUTBOX/DISPATCH.md\""]);
    let begun = Instant::now();
    env.run_ends("dispatch_invalid");
    assert!(env.exists(".tickets/outbox/DISPATCH.md"), "it stays where it was");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn an_outbox_of_thousands_of_files_is_not_listed_to_its_end() {
    let env = world_with("retries: {lint: 0}\n", &[QUESTION]);
    env.write(".gitignore", ".tickets/outbox/\n");
    env.commit_all("ignore");
    fs::create_dir_all(env.path(".tickets/outbox")).unwrap();
    for number in 0..3_000 {
        fs::File::create(env.path(format!(".tickets/outbox/{number}"))).unwrap();
    }
    let text = env.turnstile(&["next"]).text();
    assert!(text.contains("001-a"), "{text}");
    let text = env.turnstile(&["run"]).exits(6).text();
    assert!(text.contains("there are more than 200 attachments; leave some out"), "{text}");
    assert!(env.exists(".tickets/outbox/2999"));
}

#[test]
fn a_reply_with_two_names_or_none_of_its_own_is_never_taken() {
    let env = world(&[QUESTION, "claim"]);
    env.run_ends("user_dispatch");
    let secret = env.root().join("secret");
    fs::write(&secret, "top secret\n").unwrap();
    let reply = env.path(".tickets/USER_REPLY.md");
    let refused = |expected: &str| {
        let output = env.turnstile(&["run"]).exits(4).text();
        assert!(output.contains("reply_invalid") && output.contains(expected), "{output}");
        assert!(!output.contains("top secret"), "{output}");
    };
    fs::hard_link(&secret, &reply).unwrap();
    refused("a second name (a hard link)");
    fs::remove_file(&reply).unwrap();
    symlink(&secret, &reply).unwrap();
    refused("a symbolic link, which is never followed");
    fs::remove_file(&reply).unwrap();
    pipe(&env, ".tickets/USER_REPLY.md");
    refused("not a regular file");
    fs::remove_file(&reply).unwrap();
    sparse(&env, ".tickets/USER_REPLY.md");
    refused("more than 1 MiB");
    fs::remove_file(&reply).unwrap();
    env.reply("Take the first.\n");
    fs::create_dir_all(env.path(".tickets/reply")).unwrap();
    fs::hard_link(&secret, env.path(".tickets/reply/a.txt")).unwrap();
    refused("a second name (a hard link)");
    env.remove(".tickets/reply/a.txt");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("Take the first."));
}

#[test]
fn a_reply_that_is_exchanged_while_it_is_looked_at_is_never_followed() {
    let env = world(&[QUESTION]);
    env.run_ends("user_dispatch");
    let secret = env.root().join("secret");
    fs::write(&secret, "top secret\n").unwrap();
    let reply = env.path(".tickets/USER_REPLY.md");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let next = env.path(".tickets/.next");
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = symlink(&secret, &next);
                let _ = fs::rename(&next, &reply);
                let _ = fs::write(&next, "");
                let _ = fs::rename(&next, &reply);
            }
        });
        for _ in 0..10 {
            let text = env.turnstile(&["step"]).text();
            assert!(!text.contains("top secret"), "{text}");
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    for path in env.files(".tickets/history") {
        assert!(
            !fs::read_to_string(env.path(".tickets/history").join(&path)).unwrap().contains("top secret"),
            "{path}"
        );
    }
    assert_eq!(fs::read_to_string(secret).unwrap(), "top secret\n");
}

#[test]
fn names_that_look_like_options_are_names() {
    let script = "printf x > ./-rf; printf x > ./--output=y; printf x > './$(touch pwned)'\nclaim";
    let env = world_with("commit: {by: runner}\n", &[script, "claim", "claim"]);
    env.ticket("-x", "title: X", "");
    env.ticket("--help", "title: Help", "");
    env.commit_all("names");
    env.git(&["update-ref", "refs/heads/--output=pwned", "HEAD"]);
    env.git(&["symbolic-ref", "HEAD", "refs/heads/--output=pwned"]);
    let shown = env.turnstile(&["show", "--", "-x"]).exits(0).stdout;
    assert!(shown.starts_with("-x: X"), "{shown}");
    env.run_ends("completed");
    let files = env.git(&["ls-tree", "-r", "--name-only", "HEAD"]);
    for name in ["-rf", "--output=y", "$(touch pwned)", ".tickets/--help.md"] {
        assert!(files.lines().any(|line| line == name), "{name}: {files}");
    }
    assert!(!env.exists("pwned"));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn output_without_end_is_drained_and_kept_up_to_its_limit() {
    let env = world(&["head -c 60000000 /dev/zero | tr '\\0' 'x'\necho; echo the end\nclaim"]);
    env.run_ends("completed");
    let log = fs::metadata(env.run_folder().join("turns/0001/stdout.log")).unwrap().len();
    assert!(log > 16 << 20 && log < (16 << 20) + 200, "{log}");
    assert!(fs::read_to_string(env.run_folder().join("turns/0001/final.md")).unwrap().ends_with("the end"));
}

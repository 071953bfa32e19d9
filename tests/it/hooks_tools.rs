//! Beside husky, lefthook, pre-commit and prek as their registries have them: whoever comes first, and with the very
//! lines that turnstile names. They are installed once, below `target/tmp`; where they cannot be had a test says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{TestEnv, skipped};

/// As the Python registry has them.
const PYTHON: [&str; 3] = ["pre-commit==4.7.0", "prek==0.5.11", "lefthook==2.2.2"];
/// As the JavaScript registry has it.
const HUSKY: &str = "husky@9.1.7";

/// A world with one of these programs on PATH, or none where it cannot be had.
fn with(tool: &str) -> Option<TestEnv> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hook-tools");
    fs::create_dir_all(&cache).unwrap();
    let lock = fs::File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let folder = if tool == "husky" { husky(&cache) } else { python(&cache) };
    drop(lock);
    let Some(folder) = folder else {
        skipped(&format!("{tool} cannot be installed from its registry here"));
        return None;
    };
    let mut env = TestEnv::new();
    let bell = env.bell();
    let path = format!("{}:{}:/usr/bin:/bin", bell.display(), folder.display());
    env.set("PATH", path);
    env.hub();
    Some(env)
}

fn python(cache: &Path) -> Option<PathBuf> {
    let folder = cache.join("python");
    let bin = folder.join("bin");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&folder);
    let mut pip = Command::new(bin.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PYTHON);
    once(&folder, [venv, pip]).then_some(bin)
}

fn husky(cache: &Path) -> Option<PathBuf> {
    let folder = cache.join("node");
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(HUSKY);
    once(&folder, [npm]).then_some(folder.join("node_modules/.bin"))
}

/// Installs what is not there. What could not be installed is not tried again by every test.
fn once<const N: usize>(folder: &Path, commands: [Command; N]) -> bool {
    let (done, failed) = (folder.with_extension("done"), folder.with_extension("failed"));
    if done.is_file() {
        return true;
    }
    let is_fresh = |path: &Path| {
        fs::metadata(path)
            .and_then(|found| found.modified())
            .is_ok_and(|at| at.elapsed().unwrap_or_default() < Duration::from_secs(900))
    };
    if is_fresh(&failed) {
        return false;
    }
    let mut works = true;
    for mut command in commands {
        works = works
            && command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
    }
    fs::write(if works { done } else { failed }, "").unwrap();
    works
}

fn tool(env: &TestEnv, program: &str, arguments: &[&str]) {
    let output = env.command(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Pushes something new.
fn push(env: &TestEnv) -> Vec<String> {
    env.git(&["commit", "--quiet", "--allow-empty", "--no-verify", "-m", "more"]);
    let _ = env.rings();
    let output = env.command("git").args(["push", "origin", "main"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    env.rings().iter().map(|ring| ring.split(' ').next().unwrap().to_owned()).collect()
}

/// Everything that these lines are for rings.
fn rings_everywhere(env: &TestEnv) {
    assert_eq!(push(env), ["pre-push"]);
    let kind = |rings: Vec<String>| -> Vec<String> {
        let mut names: Vec<String> = rings.iter().map(|ring| ring.split(' ').next().unwrap().to_owned()).collect();
        names.dedup();
        names
    };
    env.git(&["commit", "--quiet", "--allow-empty", "--amend", "-m", "again"]);
    assert_eq!(kind(env.rings()), ["post-commit", "post-rewrite"]);
    env.git(&["switch", "--quiet", "-c", "side"]);
    // Without its arguments nobody could tell a checkout of a branch from one of files.
    let checkout = env.rings();
    assert!(
        checkout.len() == 1 && checkout[0].starts_with("post-checkout ") && checkout[0].ends_with(" 1"),
        "{checkout:?}"
    );
    env.git(&["commit", "--quiet", "--allow-empty", "-m", "side"]);
    env.git(&["switch", "--quiet", "main"]);
    let _ = env.rings();
    env.git(&["merge", "--quiet", "--no-ff", "-m", "m", "side"]);
    assert_eq!(kind(env.rings()), ["post-merge"]);
}

/// Refused with nothing changed, and with the lines to add; adds them as it says, and types what it says.
fn add_what_it_says(env: &TestEnv, kept_by: &str, heading: &str) {
    let before = env.hooks(".git/hooks");
    let arguments = ["--json", "hooks", "install", "--on", "push,merge,commit"];
    let error = env.turnstile(&arguments).exits(3).error();
    assert_eq!(error["details"]["kept_by"], kept_by, "{error:#}");
    assert_eq!(env.hooks(".git/hooks"), before, "nothing is installed");
    for addition in error["details"]["add"].as_array().unwrap() {
        let file = addition["file"].as_str().unwrap();
        let lines: Vec<&str> =
            addition["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let text = fs::read_to_string(env.path(file)).unwrap_or_else(|_| heading.to_owned());
        env.write(file, format!("{text}{}\n", lines.join("\n")));
    }
    for command in error["details"]["then"].as_array().unwrap() {
        tool(env, "sh", &["-c", command.as_str().unwrap()]);
    }
    rings_everywhere(env);
    let document = env.json(&arguments[1..]);
    assert!(document["hooks"].as_array().unwrap().iter().all(|hook| hook["state"] == "called"), "{document:#}");
    let _ = env.turnstile(&["hooks", "status"]).exits(0);
}

#[test]
fn husky_is_recognised_and_its_lines_work() {
    let Some(env) = with("husky") else { return };
    tool(&env, "husky", &[]);
    add_what_it_says(&env, "husky", "");
}

#[test]
fn husky_that_comes_afterwards_is_found_to_have_silenced_turnstile() {
    let Some(env) = with("husky") else { return };
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    tool(&env, "husky", &[]);
    let status = env.turnstile(&["hooks", "status"]).exits(3);
    assert!(status.stdout.contains("core.hooksPath is `.husky/_`"), "{}", status.stdout);
    assert!(env.turnstile(&["doctor"]).exits(3).stdout.contains("hook pre-push"));
}

#[test]
fn lefthook_is_recognised_and_its_lines_work() {
    let Some(env) = with("lefthook") else { return };
    env.write("lefthook.yml", "pre-commit:\n  jobs:\n    - run: \"true\"\n");
    tool(&env, "lefthook", &["install"]);
    add_what_it_says(&env, "lefthook", "");
}

#[test]
fn lefthook_that_comes_afterwards_is_found_to_have_silenced_turnstile() {
    let Some(env) = with("lefthook") else { return };
    env.hook(".git/hooks/pre-push", "cat > ../former");
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    env.write("lefthook.yml", "pre-push:\n  jobs:\n    - run: \"true\"\n");
    tool(&env, "lefthook", &["install"]);
    assert_eq!(push(&env), [""; 0], "it does not run what it moves aside");
    let status = env.turnstile(&["hooks", "status"]).exits(3);
    assert!(status.stdout.contains("turnstile's is .git/hooks/pre-push.old, which nobody runs"), "{}", status.stdout);
    let refused = env.turnstile(&["hooks", "install"]).exits(3);
    assert!(refused.stderr.contains("to lefthook.yml") && refused.stderr.contains("use_stdin"), "{}", refused.stderr);
    // Turnstile goes also from there, and the former hook is where lefthook gives it back from.
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    tool(&env, "lefthook", &["uninstall"]);
    assert_eq!(env.read(".git/hooks/pre-push"), "#!/bin/sh\ncat > ../former\n");
}

#[test]
fn pre_commit_is_recognised_and_its_lines_work() {
    for name in ["pre-commit", "prek"] {
        let Some(env) = with(name) else { return };
        env.write(".pre-commit-config.yaml", "repos: []\n");
        tool(&env, name, &["install", "--hook-type", "pre-push"]);
        // The list is begun where there is none.
        env.write(".pre-commit-config.yaml", "repos:\n");
        add_what_it_says(&env, name, "repos:\n");
    }
}

#[test]
fn prek_is_recognised_with_settings_of_its_own() {
    let Some(env) = with("prek") else { return };
    env.write("prek.toml", "repos = []\n");
    tool(&env, "prek", &["install", "--hook-type", "pre-push"]);
    env.write("prek.toml", "");
    add_what_it_says(&env, "prek", "");
}

#[test]
fn pre_commit_that_comes_afterwards_runs_turnstile_and_status_says_so() {
    let settings =
        "repos:\n- repo: local\n  hooks:\n  - {id: a, name: a, language: system, entry: 'true', stages: [pre-push]}\n";
    for name in ["pre-commit", "prek"] {
        let Some(env) = with(name) else { return };
        env.hook(".git/hooks/pre-push", "cat > ../former");
        let _ = env.turnstile(&["hooks", "install"]).exits(0);
        env.hooks_ring_the_bell(".git/hooks");
        env.write(".pre-commit-config.yaml", settings);
        tool(&env, name, &["install", "--hook-type", "pre-push"]);
        assert_eq!(push(&env), ["pre-push"], "{name}");
        assert!(env.read("../former").starts_with("refs/heads/main "));
        let status = env.turnstile(&["hooks", "status"]).exits(0);
        assert!(
            status.stdout.contains(&format!(".git/hooks/pre-push.legacy, where {name} put it")),
            "{}",
            status.stdout
        );
        // A program that has moved is mended where it lies, and what the tool wrote stays.
        let theirs = env.read(".git/hooks/pre-push");
        let _ = env.turnstile(&["hooks", "install"]).exits(0);
        assert_eq!(env.read(".git/hooks/pre-push"), theirs);
        assert!(env.read(".git/hooks/pre-push.legacy").contains(env!("CARGO_BIN_EXE_turnstile")));
        let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
        tool(&env, name, &["uninstall", "--hook-type", "pre-push"]);
        assert_eq!(env.hooks(".git/hooks").into_keys().collect::<Vec<_>>(), ["pre-push"], "{name}");
        assert_eq!(env.read(".git/hooks/pre-push"), "#!/bin/sh\ncat > ../former\n");
    }
}

#[test]
fn beside_pre_commit_where_none_of_its_hooks_is_in_the_way() {
    let Some(env) = with("pre-commit") else { return };
    env.write(".pre-commit-config.yaml", "repos: []\n");
    tool(&env, "pre-commit", &["install"]);
    let refused = env.turnstile(&["hooks", "install"]).exits(3);
    assert!(refused.stderr.contains("turnstile hooks install --beside"), "{}", refused.stderr);
    let _ = env.turnstile(&["hooks", "install", "--beside"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    assert_eq!(push(&env), ["pre-push"]);
    let _ = env.turnstile(&["hooks", "install", "--lint"]).exits(3);
    let _ = env.turnstile(&["hooks", "install", "--lint", "--beside"]).exits(3);
}

/// A ticket whose agent commits whatever lies there, an edit that nobody has committed, and one of these programs around
/// turnstile's hook.
fn pushed_beside(env: &TestEnv, name: &str, types: &[&str]) {
    env.agent(&["echo x > work\ngit add --all\ngit commit --quiet -m work\nclaim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.write("README.md", "everybody's\n");
    let stages = "stages: [pre-push, pre-commit]";
    env.write(
        ".pre-commit-config.yaml",
        format!(
            "repos:\n- repo: local\n  hooks:\n  - {{id: a, name: a, language: system, entry: sleep 1, always_run: true, \
             pass_filenames: false, {stages}}}\n"
        ),
    );
    env.commit_all("tickets");
    env.git(&["push", "--quiet", "origin", "main"]);
    env.trust();
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    let types: Vec<&str> = types.iter().flat_map(|kind| ["--hook-type", kind]).collect();
    tool(env, name, &[&["install"], &types[..]].concat());
    env.git(&["commit", "--quiet", "--allow-empty", "--no-verify", "-m", "more"]);
}

#[test]
fn an_edit_that_pre_commit_hides_during_a_push_is_nobodys_work() {
    for name in ["pre-commit", "prek"] {
        let Some(env) = with(name) else { return };
        pushed_beside(&env, name, &["pre-push"]);
        env.write("README.md", "mine\n");
        env.git(&["push", "--quiet", "origin", "main"]);
        env.until("the start is refused", |env| env.refused().as_deref() == Some("dirty_worktree"));
        env.settled();
        assert_eq!((env.turns().len(), env.read("README.md")), (0, "mine\n".to_owned()), "{name}");
    }
}

#[test]
fn an_agent_commits_beside_pre_commit_that_has_called_the_hook() {
    for name in ["pre-commit", "prek"] {
        let Some(env) = with(name) else { return };
        pushed_beside(&env, name, &["pre-push", "pre-commit"]);
        env.git(&["push", "--quiet", "origin", "main"]);
        env.completed();
        assert_eq!(env.turns(), ["1 001-a"], "{name}");
        let environment = env.agent_environment(1);
        assert!(!environment.lines().any(|line| line.contains("PRE_COMMIT") || line.contains("PREK")), "{environment}");
    }
}

//! `hooks status` and `doctor`: who has silenced a hook, and what mends it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use insta::assert_snapshot;

use crate::support::TestEnv;

/// The state of one hook, which `doctor` tells as well.
#[track_caller]
fn faulty(env: &TestEnv, hook: &str) -> (String, String) {
    let _ = env.turnstile(&["hooks", "status"]).exits(3);
    let document = env.json(&["hooks", "status"]);
    let found = document["hooks"].as_array().unwrap().iter().find(|entry| entry["hook"] == hook).unwrap().clone();
    assert_eq!((&document["ok"], &found["ok"]), (&serde_json::json!(false), &serde_json::json!(false)));
    let doctor = env.json(&["doctor"]);
    let name = format!("hook {hook}");
    let check = doctor.as_array().unwrap().iter().find(|check| check["check"] == name.as_str()).unwrap();
    assert_eq!((&check["ok"], &check["message"]), (&serde_json::json!(false), &found["message"]));
    (found["state"].as_str().unwrap().to_owned(), found["help"].as_str().unwrap().to_owned())
}

fn installed() -> TestEnv {
    let env = TestEnv::new();
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    env
}

#[track_caller]
fn mends(env: &TestEnv) {
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    let _ = env.turnstile(&["hooks", "status"]).exits(0);
}

#[test]
fn a_hook_that_was_removed_replaced_or_may_not_run_is_found_and_mended() {
    let env = installed();
    let hook = env.path(".git/hooks/pre-push");
    fs::remove_file(&hook).unwrap();
    assert_eq!(faulty(&env, "pre-push"), ("missing".to_owned(), "turnstile hooks install".to_owned()));
    mends(&env);
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(faulty(&env, "pre-push").0, "not_executable");
    mends(&env);
    fs::remove_file(&hook).unwrap();
    env.hook(".git/hooks/pre-push", "exit 0");
    assert_eq!(faulty(&env, "pre-push").0, "replaced");
    mends(&env);
    assert_eq!(env.read(".git/hooks/pre-push.turnstile-chained"), "#!/bin/sh\nexit 0\n");
}

#[test]
fn a_program_that_has_moved_leaves_the_former_hook_as_it_was_and_is_found_and_mended() {
    let env = TestEnv::new();
    env.hub();
    env.hook(".git/hooks/pre-push", "cat > ../former");
    let _ = env.turnstile(&["hooks", "install", "--on", "push,merge"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    fs::remove_file(env.root().join("bell/turnstile")).unwrap();
    let push = env.command("git").args(["push", "--quiet", "origin", "main"]).output().unwrap();
    assert!(push.status.success() && push.stderr.is_empty(), "{push:?}");
    assert!(env.read("../former").starts_with("refs/heads/main "));
    env.git(&["commit", "--quiet", "--allow-empty", "--amend", "-m", "again"]);
    assert_eq!(faulty(&env, "pre-push"), ("program_gone".to_owned(), "turnstile hooks install".to_owned()));
    assert_snapshot!(env.turnstile(&["hooks", "status"]).text(), @r"
    --- stdout
    fault  pre-push      .git/hooks/pre-push calls [ROOT]/bell/turnstile, which is not there any more
                         help: turnstile hooks install
    fault  post-merge    .git/hooks/post-merge calls [ROOT]/bell/turnstile, which is not there any more
                         help: turnstile hooks install
    fault  post-rewrite  .git/hooks/post-rewrite calls [ROOT]/bell/turnstile, which is not there any more
                         help: turnstile hooks install
    --- exit 3
    ");
    mends(&env);
}

#[test]
fn a_link_on_path_is_what_hooks_call_so_that_an_upgrade_does_not_silence_them() {
    let mut env = TestEnv::new();
    fs::create_dir(env.root().join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_turnstile"), env.root().join("bin/turnstile")).unwrap();
    env.programs(&env.root().join("bin").display().to_string());
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    let line = format!("turnstile='{}/bin/turnstile'", env.root().display());
    assert!(env.read(".git/hooks/pre-push").contains(&line));
}

#[test]
fn a_hooks_path_that_was_set_afterwards_is_found() {
    let env = installed();
    env.git(&["config", "core.hooksPath", ".githooks"]);
    let (state, help) = faulty(&env, "pre-push");
    assert_eq!(state, "bypassed");
    assert!(help.ends_with("git config --unset core.hooksPath"), "{help}");
    // Turnstile's own files can still be taken away.
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    assert!(!env.exists(".git/hooks/pre-push"));
}

#[test]
fn a_hooks_path_inside_of_the_repository_gets_a_line_that_works() {
    let mut env = TestEnv::new();
    env.hub();
    env.git(&["config", "core.hooksPath", ".githooks"]);
    env.hook(".githooks/pre-push", "cat > /dev/null");
    let target = std::path::Path::new(env!("CARGO_BIN_EXE_turnstile")).parent().unwrap().display().to_string();
    assert_snapshot!(env.turnstile(&["hooks", "install", "--on", "push"]).text().replace(&target, "[TARGET]"), @r#"
    --- stderr
    error: git takes the hooks of this repository from elsewhere: core.hooksPath is `.githooks`, set in .git/config; nothing was installed. Add

    to .githooks/pre-push, as its last line; a new file begins with a line `#!/bin/sh`:

        ! command -v turnstile >/dev/null || turnstile hook pre-push "$@"

      help: then: chmod +x .githooks/pre-push
      help: these lines find turnstile on PATH, where it is not: add [TARGET] to PATH
    --- exit 3
    "#);
    assert!(!env.exists(".git/hooks/pre-push") && !env.exists(".git/turnstile/hooks.json"));
    let error = env.turnstile(&["--json", "hooks", "install", "--on", "push"]).exits(3).error();
    assert_eq!(error["code"], "hooks_kept");
    let addition = &error["details"]["add"][0];
    assert_eq!(addition["file"], ".githooks/pre-push");
    let line = addition["lines"][0].as_str().unwrap();
    env.hook(".githooks/pre-push", line);
    let bell = env.bell().display().to_string();
    env.programs(&bell);
    let push = env.command("git").args(["push", "--quiet", "origin", "main"]).output().unwrap();
    assert_eq!(env.rings().len(), 1, "{push:?}");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    let status = env.turnstile(&["hooks", "status"]).exits(0);
    assert!(status.stdout.contains("called by .githooks/pre-push"), "{}", status.stdout);
    // The line that is taken out again is missed.
    env.hook(".githooks/pre-push", "# turnstile hook pre-push");
    assert_eq!(faulty(&env, "pre-push").0, "bypassed");
}

#[test]
fn a_hooks_path_of_a_persons_own_gets_a_line_for_that_persons_program() {
    let env = TestEnv::new();
    env.hub();
    let own = env.root().join("own");
    env.git(&["config", "--global", "core.hooksPath", own.to_str().unwrap()]);
    let error = env.turnstile(&["--json", "hooks", "install", "--on", "push"]).exits(3).error();
    let addition = &error["details"]["add"][0];
    let (file, line) = (addition["file"].as_str().unwrap(), addition["lines"][0].as_str().unwrap());
    assert_eq!(file, own.join("pre-push").to_str().unwrap());
    assert!(line.starts_with("[ ! -x '/"), "{line}");
    let bell = env.bell().join("turnstile").display().to_string();
    env.hook(file, &line.replace(env!("CARGO_BIN_EXE_turnstile"), &bell));
    let push = env.command("git").args(["push", "--quiet", "origin", "main"]).output().unwrap();
    assert_eq!(env.rings().len(), 1, "{push:?}");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
}

#[test]
fn a_folder_of_hooks_that_is_a_link_is_not_written_through() {
    let env = TestEnv::new();
    fs::remove_dir_all(env.path(".git/hooks")).unwrap();
    env.hook("githooks/commit-msg", "exit 0");
    symlink("../githooks", env.path(".git/hooks")).unwrap();
    let refused = env.turnstile(&["hooks", "install"]).exits(3);
    assert!(refused.stderr.contains(".git/hooks is a symbolic link to ../githooks"), "{}", refused.stderr);
    assert!(refused.stderr.contains("to githooks/pre-push"), "{}", refused.stderr);
    assert_eq!(env.files("githooks"), ["commit-msg"]);
    // A path that leads to git's own folder by another name is none.
    env.remove(".git/hooks");
    fs::create_dir(env.path(".git/hooks")).unwrap();
    env.git(&["config", "core.hooksPath", ".git/hooks"]);
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
}

#[test]
fn where_hooks_are_switched_off_nobody_is_told_to_write_into_nothing() {
    for value in ["/dev/null", ""] {
        let env = installed();
        env.git(&["config", "core.hooksPath", value]);
        let refused = env.turnstile(&["hooks", "install"]).exits(3).stderr;
        let why = format!("git runs no hooks in this repository: core.hooksPath is `{value}`, set in .git/config");
        assert!(refused.contains(&why) && !refused.contains("Add") && !refused.contains("chmod"), "{refused}");
        let undo = "git config --unset core.hooksPath; then: turnstile hooks install";
        assert!(refused.contains(undo), "{refused}");
        assert_eq!(faulty(&env, "pre-push"), ("bypassed".to_owned(), undo.to_owned()));
        env.git(&["config", "--unset", "core.hooksPath"]);
        mends(&env);
    }
}

#[test]
fn a_former_hook_that_was_taken_over_and_is_gone_is_missed() {
    let env = TestEnv::new();
    env.hook(".git/hooks/pre-push", "exit 0");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    let _ = env.turnstile(&["hooks", "status"]).exits(0);
    let former = env.path(".git/hooks/pre-push.turnstile-chained");
    let text = fs::read(&former).unwrap();
    fs::remove_file(&former).unwrap();
    let help = "put it back there; to do without it: turnstile hooks install";
    assert_eq!(faulty(&env, "pre-push"), ("former_gone".to_owned(), help.to_owned()));
    fs::write(&former, text).unwrap();
    let _ = env.turnstile(&["hooks", "status"]).exits(0);
    fs::remove_file(&former).unwrap();
    mends(&env);
}

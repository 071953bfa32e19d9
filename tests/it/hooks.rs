//! `turnstile hooks`: installed beside others' hooks, rung by real git, and taken away again.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use insta::assert_snapshot;

use crate::support::{TestEnv, skipped};

const ALL: [&str; 4] = ["hooks", "install", "--on", "push,merge,commit"];

fn names(env: &TestEnv) -> Vec<String> {
    env.hooks(".git/hooks").into_keys().collect()
}

#[test]
fn a_push_a_merge_a_rebase_and_a_commit_ring() {
    let env = TestEnv::new();
    env.hub();
    let _ = env.turnstile(&ALL).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    let hub = env.root().join("hub.git").display().to_string();
    env.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(env.rings(), [format!("pre-push origin {hub}")]);
    let head = env.git(&["rev-parse", "HEAD"]);
    let zeros = "0".repeat(40);
    let told = format!("refs/heads/main {head} refs/heads/main {zeros}");
    assert_eq!(env.read(env.root().join("bell/stdin.pre-push")).trim(), told);

    env.git(&["switch", "--quiet", "-c", "side"]);
    assert_eq!(env.rings(), [format!("post-checkout {head} {head} 1")]);
    env.write("a", "1");
    env.commit_all("a");
    assert_eq!(env.rings(), ["post-commit"]);
    env.git(&["commit", "--quiet", "--amend", "-m", "b"]);
    assert_eq!(env.rings(), ["post-commit", "post-rewrite amend"]);
    env.git(&["switch", "--quiet", "main"]);
    let _ = env.rings();
    env.git(&["merge", "--quiet", "--no-ff", "-m", "m", "side"]);
    assert_eq!(env.rings(), ["post-merge 0"]);
}

#[test]
fn what_is_said_on_the_way() {
    let env = TestEnv::new();
    assert_snapshot!(env.turnstile(&["hooks", "status"]).text(), @r"
    --- stdout
    no hook of turnstile's is installed
    --- stderr
    `turnstile hooks install` lets a push, and a pull that brings a reply, start the work
    --- exit 0
    ");
    env.hook(".git/hooks/pre-push", "exit 0");
    env.write(".git/hooks/post-merge", "#!/bin/sh\n");
    assert_snapshot!(env.turnstile(&["hooks", "install"]).text(), @r"
    --- stdout
    ok  pre-push      .git/hooks/pre-push, behind pre-push.turnstile-chained
    ok  post-merge    .git/hooks/post-merge, behind post-merge.turnstile-chained, which is not executable: git did not run it, and neither does turnstile
    ok  post-rewrite  .git/hooks/post-rewrite
    --- stderr
    `turnstile hooks status` says whether they still ring; `turnstile hooks uninstall` takes them away
    --- exit 0
    ");
    assert_snapshot!(env.turnstile(&["hooks", "install", "--on", "push"]).text(), @r"
    --- stdout
    ok  pre-push  .git/hooks/pre-push, behind pre-push.turnstile-chained
    --- stderr
    .git/hooks/post-merge is again what it was before
    .git/hooks/post-rewrite is gone
    `turnstile hooks status` says whether they still ring; `turnstile hooks uninstall` takes them away
    --- exit 0
    ");
    assert_snapshot!(env.turnstile(&["hooks", "uninstall"]).text(), @r"
    --- stdout
    .git/hooks/pre-push is again what it was before turnstile came
    --- exit 0
    ");
    assert_snapshot!(env.turnstile(&["hooks", "uninstall"]).text(), @r"
    --- stderr
    no hook of turnstile's was installed
    --- exit 0
    ");
}

#[test]
fn the_former_hook_runs_first_with_the_same_bytes_and_its_status_counts() {
    let env = TestEnv::new();
    let hub = env.hub();
    let log = env.root().join("bell/log");
    env.hook(
        ".git/hooks/pre-push",
        &format!("cat > ../former; echo \"former $*\" >> '{}'; echo $MINE >> ../mine; exit $CODE", log.display()),
    );
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    // No text: a name that is not UTF-8, as git passes it on.
    let name = std::ffi::OsStr::from_bytes(b"HEAD:refs/heads/x\xff\xfey");
    let push = |code: &str| {
        let mut push = env.command("git");
        push.args(["push", "--quiet", "origin"]).arg(name).env("CODE", code).env("MINE", "mine").env("BELL_EXIT", "9");
        push.output().unwrap().status.success()
    };
    assert!(!push("7"), "the former hook has refused it");
    assert_eq!(env.rings(), [format!("former origin {}", hub.display())], "and what was refused rings nobody");
    assert!(push("0"), "whatever turnstile's own status is");
    assert_eq!(env.rings(), [format!("former origin {}", hub.display()), format!("pre-push origin {}", hub.display())]);
    let former = fs::read(env.root().join("former")).unwrap();
    assert!(former.windows(2).any(|pair| pair == b"\xff\xfe"), "{former:?}");
    assert_eq!(former, fs::read(env.root().join("bell/stdin.pre-push")).unwrap());
    assert_eq!(env.read("../mine"), "mine\nmine\n");
}

#[test]
fn a_push_to_a_bare_repository_rings_there_also_where_the_former_hook_fails() {
    let env = TestEnv::new();
    let hub = env.hub();
    env.hook(hub.join("hooks/post-receive"), "cat > former; exit 3");
    let hub_is_at = hub.to_str().unwrap().to_owned();
    let _ = env.turnstile(&["-C", &hub_is_at, "hooks", "install"]).exits(0);
    assert_eq!(
        env.hooks(hub.join("hooks")).into_keys().collect::<Vec<_>>(),
        ["post-receive", "post-receive.turnstile-chained"]
    );
    env.hooks_ring_the_bell(&format!("{hub_is_at}/hooks"));
    env.git(&["push", "--quiet", "origin", "main", "main:other"]);
    assert_eq!(env.rings(), ["post-receive"]);
    let told = fs::read(hub.join("former")).unwrap();
    assert_eq!(String::from_utf8_lossy(&told).lines().count(), 2, "one call for both");
    assert_eq!(told, fs::read(env.root().join("bell/stdin.post-receive")).unwrap());

    let refused = env.turnstile(&["-C", &hub_is_at, "hooks", "install", "--on", "commit"]).exits(2);
    assert!(refused.stderr.contains("a bare repository only sees pushes"), "{}", refused.stderr);
    assert!(env.turnstile(&["-C", &hub_is_at, "doctor"]).stdout.contains("post-receive"));
}

#[test]
fn a_repository_that_updates_its_worktree_is_pushed_to_as_well() {
    let env = TestEnv::new();
    env.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    assert_eq!(names(&env), ["post-merge", "post-receive", "post-rewrite", "pre-push"]);
    env.hooks_ring_the_bell(".git/hooks");
    let clone = env.root().join("clone");
    env.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    let in_clone = |arguments: &[&str]| {
        let all = [&["-C", clone.to_str().unwrap(), "-c", "user.name=A", "-c", "user.email=a@b"], arguments].concat();
        env.git(&all)
    };
    in_clone(&["commit", "--quiet", "--allow-empty", "-m", "from elsewhere"]);
    in_clone(&["push", "--quiet", "origin", "HEAD:main"]);
    assert_eq!(env.rings(), ["post-receive"]);
}

#[test]
fn installing_twice_changes_nothing_and_uninstalling_leaves_every_other_byte() {
    let env = TestEnv::new();
    env.write("scripts/check", "#!/bin/sh\n");
    symlink("../../scripts/check", env.path(".git/hooks/post-rewrite")).unwrap();
    env.hook(".git/hooks/pre-push", "exit 0 # \u{e9}");
    fs::set_permissions(env.path(".git/hooks/pre-push"), fs::Permissions::from_mode(0o711)).unwrap();
    env.write(".git/hooks/post-merge", b"\xff\x00no text");
    env.hook(".git/hooks/commit-msg", "exit 0");
    let before = env.hooks(".git/hooks");
    let _ = env.turnstile(&ALL).exits(0);
    let installed = env.hooks(".git/hooks");
    assert_eq!(installed["pre-push"].0 & 0o7777, 0o711, "as git was allowed to run what stood there");
    let stamp = |name: &str| fs::metadata(env.path(".git/hooks").join(name)).unwrap().modified().unwrap();
    let (stamps, folder) = (stamp("pre-push"), stamp("."));
    let again = env.turnstile(&["hooks", "install"]).exits(0);
    assert!(again.stderr.contains("nothing was to be changed"), "{}", again.stderr);
    assert_eq!((env.hooks(".git/hooks"), stamp("pre-push"), stamp(".")), (installed, stamps, folder));
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    assert_eq!(env.hooks(".git/hooks"), before);
    assert!(!env.exists(".git/turnstile/hooks.json"));
}

#[test]
fn a_hook_that_is_a_link_is_moved_as_a_link_and_its_target_is_not_written() {
    let env = TestEnv::new();
    env.hub();
    env.hook("scripts/check", "echo linked >> ../linked");
    let target = env.read("scripts/check");
    symlink("../../scripts/check", env.path(".git/hooks/pre-push")).unwrap();
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    let chained = env.path(".git/hooks/pre-push.turnstile-chained");
    assert_eq!(fs::read_link(chained).unwrap().to_str().unwrap(), "../../scripts/check");
    env.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!((env.read("../linked").as_str(), env.rings().len()), ("linked\n", 1));
    assert_eq!(env.read("scripts/check"), target);
}

#[test]
fn a_hook_that_git_did_not_run_is_not_run_by_turnstile_either() {
    let env = TestEnv::new();
    env.hub();
    env.write(".git/hooks/pre-push", "#!/bin/sh\necho ran > ../ran\nexit 1\n");
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    env.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!((env.exists("../ran"), env.rings().len()), (false, 1));
}

#[test]
fn what_is_not_named_any_more_goes_and_lint_alone_brings_nothing_else() {
    let env = TestEnv::new();
    env.hook(".git/hooks/post-commit", "exit 0");
    let _ = env.turnstile(&ALL).exits(0);
    assert_eq!(names(&env).len(), 6);
    let _ = env.turnstile(&["hooks", "install", "--on", "merge"]).exits(0);
    assert_eq!(names(&env), ["post-commit", "post-merge", "post-rewrite"]);
    assert_eq!(env.read(".git/hooks/post-commit"), "#!/bin/sh\nexit 0\n");
    let document = env.json(&["hooks", "install", "--lint"]);
    assert_eq!((&document["on"], &document["lint"]), (&serde_json::json!(["merge"]), &serde_json::json!(true)));

    let env = TestEnv::new();
    let _ = env.turnstile(&["hooks", "install", "--lint"]).exits(0);
    assert_eq!(names(&env), ["pre-commit"]);
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    assert_eq!(names(&env), ["post-merge", "post-rewrite", "pre-commit", "pre-push"]);
    let _ = env.turnstile(&["hooks", "install", "--on", "sunday"]).exits(2);
}

#[test]
fn linked_worktrees_ring_with_the_hooks_of_the_repository() {
    let env = TestEnv::new();
    env.hub();
    let linked = env.root().join("linked").display().to_string();
    env.git(&["worktree", "add", "--quiet", "-b", "side", &linked]);
    let _ = env.turnstile(&["-C", &linked, "hooks", "install"]).exits(0);
    assert_eq!(names(&env), ["post-merge", "post-rewrite", "pre-push"]);
    env.hooks_ring_the_bell(".git/hooks");
    env.git(&["-C", &linked, "push", "--quiet", "origin", "side"]);
    env.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(env.rings().len(), 2);
    assert!(env.turnstile(&["-C", &linked, "hooks", "status"]).exits(0).stdout.contains("pre-push"));
}

#[test]
fn a_file_that_somebody_edited_is_refused_with_what_to_do_and_nothing_changes() {
    let env = TestEnv::new();
    env.hook(".git/hooks/pre-push", "exit 0");
    let _ = env.turnstile(&["hooks", "install"]).exits(0);
    let edited = env.read(".git/hooks/pre-push") + "echo mine\n";
    fs::write(env.path(".git/hooks/pre-push"), edited).unwrap();
    let before = env.hooks(".git/hooks");
    assert_snapshot!(env.turnstile(&["hooks", "uninstall"]).text(), @r"
    --- stderr
    error: nothing was changed: .git/hooks/pre-push is turnstile's, and somebody has changed it since
      help: move your lines into a hook of your own: mv .git/hooks/pre-push .git/hooks/pre-push.edited, take what is yours out of it, and type the same again
    --- exit 3
    ");
    let _ = env.turnstile(&["hooks", "install"]).exits(3);
    assert_eq!(env.hooks(".git/hooks"), before);
    let _ = env.turnstile(&["hooks", "status"]).exits(3);
    // And what to do does it.
    fs::rename(env.path(".git/hooks/pre-push"), env.path(".git/hooks/pre-push.edited")).unwrap();
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    assert_eq!(names(&env), ["pre-push", "pre-push.edited"]);
    assert_eq!(env.read(".git/hooks/pre-push"), "#!/bin/sh\nexit 0\n");
}

#[test]
fn two_hooks_of_others_in_one_place_are_not_sorted_out_by_turnstile() {
    let env = TestEnv::new();
    env.hook(".git/hooks/pre-push", "exit 0 # one");
    env.hook(".git/hooks/pre-push.turnstile-chained", "exit 0 # other");
    let before = env.hooks(".git/hooks");
    let refused = env.turnstile(&["hooks", "install"]).exits(3);
    assert!(refused.stderr.contains("keep one of the two"), "{}", refused.stderr);
    assert_eq!(env.hooks(".git/hooks"), before);
    let left = env.turnstile(&["hooks", "uninstall"]).exits(0);
    assert!(left.stderr.contains("left .git/hooks/pre-push.turnstile-chained"), "{}", left.stderr);
    assert_eq!(env.hooks(".git/hooks"), before);
}

#[test]
fn what_a_killed_install_left_is_finished_or_undone() {
    for finish in [true, false] {
        let env = TestEnv::new();
        env.hook(".git/hooks/pre-push", "exit 0");
        let before = env.hooks(".git/hooks");
        fs::hard_link(env.path(".git/hooks/pre-push"), env.path(".git/hooks/pre-push.turnstile-chained")).unwrap();
        if finish {
            let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
            assert_eq!(env.hooks(".git/hooks")["pre-push.turnstile-chained"], before["pre-push"]);
            assert!(env.read(".git/hooks/pre-push").contains("turnstile hooks uninstall"));
        }
        let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
        assert_eq!(env.hooks(".git/hooks"), before);
    }
}

#[test]
fn the_oldest_git_runs_them_the_same_way() {
    let mut env = TestEnv::new();
    env.set("PATH", "/usr/bin:/bin");
    env.hub();
    env.hook(".git/hooks/pre-push", "cat > ../former");
    let _ = env.turnstile(&ALL).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    env.git(&["push", "--quiet", "origin", "main"]);
    env.git(&["commit", "--quiet", "--allow-empty", "--amend", "-m", "again"]);
    let rings = env.rings();
    assert_eq!(rings.len(), 3, "{rings:?}");
    assert!(env.read("../former").starts_with("refs/heads/main "));
    let _ = env.turnstile(&["hooks", "uninstall"]).exits(0);
    assert_eq!(names(&env), ["pre-push"]);
}

#[test]
fn a_temporary_folder_that_is_full_or_missing_is_in_nobodys_way() {
    let mut env = TestEnv::new();
    env.hub();
    env.hook(".git/hooks/pre-push", "cat > ../former");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    // Where writing fails, and where there is no folder.
    for folder in ["/dev/full", "/nowhere"] {
        env.git(&["commit", "--quiet", "--allow-empty", "-m", "more"]);
        env.set("TMPDIR", folder);
        let pushed = env.git_says(&["push", "--quiet", "origin", "main"]).exits(0);
        assert_eq!(pushed.text(), "--- exit 0\n", "{folder}");
        assert_eq!(env.rings().len(), 1, "{folder}");
        let said = env.read("../former");
        assert!(said.starts_with("refs/heads/main ") && said.ends_with('\n'), "{said}");
        assert_eq!(env.read("../bell/stdin.pre-push"), said, "{folder}");
    }
    // A disk that takes no more, which nobody but this push sees.
    let full = env.root().join("full");
    std::fs::create_dir(&full).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=4k none '{0}' || exit 99\ntouch '{0}/made'\nhead -c 9999 /dev/zero > '{0}/x' 2>/dev/null\n\
         export TMPDIR='{0}'\nexec git push --quiet origin main",
        full.display()
    );
    env.git(&["commit", "--quiet", "--allow-empty", "-m", "more"]);
    let pushed = env.command("unshare").args(["-rm", "sh", "-c", &script]).output();
    match pushed {
        Ok(pushed) if pushed.status.success() || full.join("made").exists() => {
            assert_eq!((pushed.status.code(), env.rings().len()), (Some(0), 1), "{pushed:?}");
        }
        pushed if pushed.as_ref().is_ok_and(|pushed| pushed.stderr.starts_with(b"turnstile:")) => panic!("{pushed:?}"),
        _ => skipped("a mount namespace with a file system in memory cannot be had here (`unshare -rm`)"),
    }
}

#[test]
fn a_former_hook_that_reads_nothing_and_one_that_refuses_are_what_they_were() {
    let env = TestEnv::new();
    env.hub();
    env.hook(".git/hooks/pre-push", "exit ${REFUSES:-0}");
    let _ = env.turnstile(&["hooks", "install", "--on", "push"]).exits(0);
    env.hooks_ring_the_bell(".git/hooks");
    // More than a pipe holds.
    let lines = "refs/heads/a 1 refs/heads/a 2\n".repeat(20_000);
    let call = |refuses: &str| {
        let mut command = env.command(env.path(".git/hooks/pre-push"));
        command.env("REFUSES", refuses).stdin(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!((call("0"), env.rings().len()), (Some(0), 1));
    assert_eq!(env.read("../bell/stdin.pre-push"), lines);
    assert_eq!((call("7"), env.rings().len()), (Some(7), 0));
}

#[test]
fn what_an_install_that_was_killed_has_left_goes_with_the_next_install_and_with_uninstall() {
    let env = TestEnv::new();
    let left = [".turnstile-hook-AbCdEf", ".turnstile-hook-123456"];
    for command in ["install", "uninstall", "uninstall"] {
        let before = names(&env);
        for name in left {
            env.write(format!(".git/hooks/{name}"), "#!/bin/sh");
        }
        let _ = env.turnstile(&["hooks", command]).exits(0);
        assert!(names(&env).iter().all(|name| !name.starts_with('.')), "{command}: {:?}", names(&env));
        assert!(command == "install" || names(&env).is_empty(), "{before:?}");
    }
}

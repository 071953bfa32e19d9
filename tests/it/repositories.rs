//! Repositories as people have them: in each the same job is done, once by an agent that commits and once by one that
//! leaves that to turnstile, and afterwards git itself finds nothing wrong. docs/repositories.md is the table of these.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::support::TestEnv;

/// Changes a file, adds one, removes one; commits or does not, and claims.
const WORK: &str = "echo more >> file\necho new > new.txt\nrm gone.txt\n";

/// A repository with three files, made special by `prepare`, and an agent that does the job in it.
fn job(by: &str, prepare: impl Fn(&TestEnv)) -> TestEnv {
    job_with(by, "", prepare)
}

/// The same, where the agent does something more.
fn job_with(by: &str, more: &str, prepare: impl Fn(&TestEnv)) -> TestEnv {
    let env = TestEnv::new();
    env.write("file", "one\n");
    env.write("gone.txt", "one\n");
    env.commit_all("files");
    let finish = if by == "agent" { "commit work\nclaim" } else { "claim" };
    env.agent_with(&format!("commit: {{by: {by}}}\n"), &[&format!("{WORK}{more}{finish}")]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    prepare(&env);
    env
}

/// The job is done, and so is the ticket; nothing lies about.
fn is_done(env: &TestEnv) {
    env.run_ends("completed");
    assert_eq!(env.status(), [""; 0], "the worktree is clean");
    assert_eq!(env.git(&["show", "HEAD:file"]).replace('\r', ""), "one\nmore");
    assert_eq!(env.git(&["show", "HEAD:new.txt"]), "new");
    assert_eq!(env.git(&["ls-tree", "HEAD", "gone.txt"]), "");
    assert!(env.git(&["show", "HEAD:.tickets/001-a.md"]).contains("done: true"));
    env.git(&["fsck", "--strict", "--no-dangling"]);
    drop(env.turnstile(&["doctor"]).exits(0));
}

fn works(prepare: impl Fn(&TestEnv)) {
    for by in ["agent", "runner"] {
        is_done(&job(by, &prepare));
    }
}

/// Moves the repository aside, so that another can take its place: what was there is the answer.
fn aside(env: &TestEnv) -> String {
    let origin = env.root().join("origin");
    std::fs::rename(env.repo(), &origin).unwrap();
    std::fs::create_dir(env.repo()).unwrap();
    format!("file://{}", origin.display())
}

fn identity(env: &TestEnv) {
    env.git(&["config", "user.name", "Tester"]);
    env.git(&["config", "user.email", "tester@example.org"]);
}

#[test]
fn a_shallow_clone() {
    works(|env| {
        let origin = aside(env);
        env.git(&["clone", "--quiet", "--depth", "1", &origin, "."]);
        identity(env);
        assert_eq!(env.git(&["rev-list", "--count", "HEAD"]), "1");
    });
}

#[test]
fn a_partial_clone_and_one_that_borrows_objects() {
    works(|env| {
        let origin = aside(env);
        let path = origin.trim_start_matches("file://").to_owned();
        Command::new("git").args(["-C", &path, "config", "uploadpack.allowFilter", "true"]).status().unwrap();
        env.git(&["clone", "--quiet", "--filter=blob:none", &origin, "."]);
        identity(env);
    });
    works(|env| {
        let origin = aside(env);
        env.git(&["clone", "--quiet", "--shared", origin.trim_start_matches("file://"), "."]);
        identity(env);
    });
}

#[test]
fn a_git_directory_elsewhere() {
    works(|env| {
        let elsewhere = env.root().join("elsewhere");
        env.git(&["init", "--quiet", "--separate-git-dir", elsewhere.to_str().unwrap()]);
        assert!(env.read(".git").starts_with("gitdir: "));
    });
}

#[test]
fn packed_objects_and_references() {
    works(|env| {
        env.git(&["gc", "--quiet", "--prune=now"]);
        env.git(&["pack-refs", "--all"]);
    });
}

#[test]
fn an_index_of_another_kind() {
    works(|env| drop(env.git(&["update-index", "--index-version", "4"])));
    works(|env| drop(env.git(&["update-index", "--split-index"])));
    works(|env| drop(env.git(&["config", "feature.manyFiles", "true"])));
    works(|env| drop(env.git(&["config", "extensions.worktreeConfig", "true"])));
}

#[test]
fn a_submodule_is_left_alone_and_its_new_commit_is_work() {
    let add = |env: &TestEnv| {
        let library = env.root().join("library");
        std::fs::create_dir(&library).unwrap();
        let git = |arguments: &[&str]| {
            let done = env.command("git").current_dir(&library).args(arguments).status().unwrap();
            assert!(done.success(), "git {arguments:?}");
        };
        git(&["init", "--quiet"]);
        git(&["-c", "user.name=T", "-c", "user.email=t@e", "commit", "--quiet", "--allow-empty", "-m", "one"]);
        env.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.to_str().unwrap(), "lib"]);
        env.git(&["commit", "--quiet", "-m", "a submodule"]);
    };
    works(add);
    for by in ["agent", "runner"] {
        let inside = "(cd lib && git -c user.name=T -c user.email=t@e commit --quiet --allow-empty -m two)\n";
        let env = job_with(by, inside, add);
        is_done(&env);
        let recorded = env.git(&["rev-parse", "HEAD:lib"]);
        assert_eq!(recorded, env.git(&["-C", "lib", "rev-parse", "HEAD"]), "by {by}");
    }
}

#[test]
fn the_worktree_of_a_submodule() {
    works(|env| {
        // `.git` is a file that leads into the git directory of the repository around it.
        let outer = env.root().join("outer");
        std::fs::create_dir(&outer).unwrap();
        let git = |arguments: &[&str]| {
            let done = env.command("git").current_dir(&outer).args(arguments).status().unwrap();
            assert!(done.success(), "git {arguments:?}");
        };
        git(&["init", "--quiet"]);
        let repo = env.repo();
        git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repo.to_str().unwrap(), "inner"]);
        std::fs::remove_dir_all(&repo).unwrap();
        std::os::unix::fs::symlink(outer.join("inner"), &repo).unwrap();
        identity(env);
    });
}

#[test]
fn a_sparse_checkout() {
    for cone in ["--cone", "--no-cone"] {
        works(|env| {
            env.write("far/away", "kept");
            env.commit_all("far");
            let patterns: &[&str] = if cone == "--cone" { &[".tickets"] } else { &["/*", "!/far"] };
            env.git(&[&["sparse-checkout", "set", cone][..], patterns].concat());
            assert!(!env.exists("far/away"));
        });
    }
}

#[test]
fn filters_convert_what_turnstile_commits_as_git_would() {
    let filtered = |env: &TestEnv| {
        env.git(&["config", "filter.shout.clean", "tr a-z A-Z"]);
        env.git(&["config", "filter.shout.smudge", "tr A-Z a-z"]);
        env.git(&["config", "filter.shout.required", "true"]);
        env.write(".gitattributes", "*.shout filter=shout\n");
        env.write("word.shout", "word\n");
        env.commit_all("a filter");
        assert_eq!(env.git(&["show", "HEAD:word.shout"]), "WORD");
    };
    for by in ["agent", "runner"] {
        let env = job_with(by, "echo words > word.shout\n", filtered);
        is_done(&env);
        assert_eq!(env.git(&["show", "HEAD:word.shout"]), "WORDS", "by {by}");
        assert_eq!(env.read("word.shout"), "words\n");
    }
}

#[test]
fn a_filter_that_is_not_installed_is_not_committed_around() {
    let env = job_with("runner", "echo words > large.bin\n", |env| {
        env.write(".gitattributes", "*.bin filter=lfs -text\n");
        env.commit_all("attributes of large files");
    });
    let message = env.run_ends("git_failed");
    assert!(message.contains("the filter `lfs`") && message.contains("large.bin"), "{message}");
    assert_eq!(env.git(&["ls-tree", "HEAD", "large.bin"]), "", "no pointer's place is taken by the file itself");
    assert_eq!(env.read("large.bin"), "words\n");
}

#[test]
fn line_ends_are_what_the_attributes_say() {
    works(|env| {
        env.write(".gitattributes", "* text=auto eol=crlf\n");
        env.commit_all("attributes");
        env.git(&["rm", "--quiet", "--cached", "-r", "."]);
        env.git(&["reset", "--quiet", "--hard"]);
        assert_eq!(env.read("file"), "one\r\n");
        assert!(env.read(".tickets/001-a.md").contains("done: false\r\n"));
    });
    works(|env| drop(env.git(&["config", "core.autocrlf", "input"])));
}

#[test]
fn settings_for_other_file_systems() {
    works(|env| drop(env.git(&["config", "core.ignoreCase", "true"])));
    works(|env| drop(env.git(&["config", "core.fileMode", "false"])));
    works(|env| drop(env.git(&["config", "core.symlinks", "false"])));
    works(|env| drop(env.git(&["config", "core.precomposeUnicode", "true"])));
}

#[test]
fn settings_of_commits_do_not_change_what_turnstile_writes() {
    works(|env| {
        env.write("template", "a template\n");
        env.commit_all("template");
        env.git(&["config", "commit.template", "template"]);
        env.git(&["config", "commit.cleanup", "scissors"]);
        env.git(&["config", "core.commentChar", "0"]);
        env.git(&["config", "core.editor", "false"]);
        env.git(&["config", "core.pager", "false"]);
        env.git(&["config", "status.relativePaths", "true"]);
        env.git(&["config", "status.showUntrackedFiles", "no"]);
        env.git(&["config", "diff.external", "false"]);
        env.git(&["config", "color.ui", "always"]);
    });
}

#[test]
fn names_that_are_no_utf8_and_names_that_look_like_options() {
    let odd: [&[u8]; 5] = [b"caf\xe9", b"-rf", b":(top)x", b"two\nlines", b"\"quoted\" \\ name"];
    works(|env| {
        for name in odd {
            std::fs::write(env.repo().join(OsStr::from_bytes(name)), "1").unwrap();
        }
        env.commit_all("odd names");
    });
    for by in ["agent", "runner"] {
        let write = "printf 1 > \"$(printf 'caf\\351')\"\nprintf 1 > ./-rf\nprintf 1 > ':(top)x'\n";
        let env = job_with(by, write, |_| {});
        is_done(&env);
        let tree = env.git(&["ls-tree", "--name-only", "HEAD"]);
        for name in ["\"caf\\351\"", "-rf", ":(top)x"] {
            assert!(tree.lines().any(|line| line == name), "{name} by {by}: {tree}");
        }
    }
}

#[test]
fn links_and_executables() {
    for by in ["agent", "runner"] {
        let env = job_with(by, "ln -s file link\necho run > tool\nchmod +x tool\n", |_| {});
        is_done(&env);
        let modes = env.git(&["ls-tree", "HEAD", "link", "tool"]);
        assert!(modes.starts_with("120000") && modes.contains("\n100755"), "{modes}");
    }
}

#[test]
fn a_linked_worktree_and_a_folder_below() {
    for by in ["agent", "runner"] {
        let env = job(by, |_| {});
        let side = env.root().join("side");
        env.git(&["worktree", "add", "--quiet", "-b", "side", side.to_str().unwrap()]);
        std::fs::create_dir(side.join("below")).unwrap();
        let output = env.turnstile(&["-C", side.join("below").to_str().unwrap(), "run"]);
        assert_eq!(output.code, Some(0), "{}", output.text());
        assert_eq!(env.git(&["show", "side:new.txt"]), "new");
        assert_eq!(env.git(&["log", "-1", "--format=%s", "main"]), "tickets");
        assert_eq!(env.git(&["-C", side.to_str().unwrap(), "status", "--porcelain"]), "");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn commits_are_signed_where_they_have_to_be() {
    let Ok(made) = Command::new("ssh-keygen").arg("-h").output() else {
        eprintln!("skipped: there is no ssh-keygen to sign with");
        return;
    };
    drop(made);
    for by in ["agent", "runner"] {
        let env = job(by, |env| {
            let key = env.root().join("key");
            let made = env.command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
            assert!(made.unwrap().success());
            let public = std::fs::read_to_string(env.root().join("key.pub")).unwrap();
            let signers = env.root().join("signers");
            std::fs::write(&signers, format!("* {public}")).unwrap();
            env.git(&["config", "gpg.format", "ssh"]);
            env.git(&["config", "user.signingKey", key.to_str().unwrap()]);
            env.git(&["config", "gpg.ssh.allowedSignersFile", signers.to_str().unwrap()]);
            env.git(&["config", "commit.gpgSign", "true"]);
        });
        is_done(&env);
        assert_eq!(env.git(&["log", "-1", "--format=%G?"]), "G", "by {by}");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn what_is_not_supported_is_refused_with_its_name() {
    for (options, named) in [
        (&["--object-format=sha256"][..], "sha256"),
        (&["--ref-format=reftable"][..], "refstorage"),
        (&["--bare"][..], "bare"),
    ] {
        let env = TestEnv::without_repository();
        std::fs::create_dir(env.repo()).unwrap();
        let made = env.command("git").args(["init", "--quiet"]).args(options).arg(".").status().unwrap();
        if !made.success() {
            eprintln!("skipped: this git does not know {options:?}");
            continue;
        }
        for command in ["run", "next", "status", "list"] {
            // These two tell of the branches that are worked on there.
            if named == "bare" && matches!(command, "next" | "status") {
                assert!(env.turnstile(&[command]).exits(0).stdout.contains("no branch is worked on here"));
                continue;
            }
            let output = env.turnstile(&[command]);
            assert_eq!(output.code, Some(3), "{command} {options:?}: {}", output.text());
            assert!(output.text().to_lowercase().contains(named), "{command} {options:?}: {}", output.text());
        }
    }
}

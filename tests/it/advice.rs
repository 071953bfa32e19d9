//! What a message says to type works as things are, in any folder of the worktree, and costs nobody's work.

use std::path::Path;

use crate::support::{TestEnv, ended_with};

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\nhold: later\ndone: false", "Do it later.");
    env.commit_all("tickets");
    env.git(&["branch", "older"]);
    env.git(&["switch", "--quiet", "-c", "theirs"]);
    env.write("README.md", "theirs\n");
    env.commit_all("theirs");
    env.git(&["switch", "--quiet", "main"]);
    env.write("README.md", "ours\n");
    env.write("kept", "of a person");
    env.commit_all("ours");
    env
}

/// The first command between backticks that begins like this.
fn advised(message: &str, beginning: &str) -> String {
    let command = message.split('`').skip(1).step_by(2).find(|part| part.starts_with(beginning));
    command.unwrap_or_else(|| panic!("no `{beginning}` in: {message}")).to_owned()
}

/// Types it there.
#[track_caller]
fn types(env: &TestEnv, folder: &Path, command: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let output = env.command("bash").args(["-c", command]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn head_is_put_back_from_wherever_a_turn_left_it() {
    let rest = "commit rest || true\nclaim";
    let cases = [
        ("older commits", "git reset --quiet --hard HEAD~1\nclaim", "git reset --keep"),
        ("another branch", "git switch --quiet older\nclaim", "git switch main"),
        ("a rewritten commit", "echo x > x\ngit add x\ngit commit --quiet --amend -m mine\nclaim", "git update-ref"),
        ("a renamed branch", "echo x > x\ncommit x\ngit branch -m trunk\nclaim", "git update-ref"),
        (
            "a deleted branch",
            "git switch --quiet -c side\necho x > x\ncommit x\ngit branch -D main\nclaim",
            "git update-ref",
        ),
        ("a branch without commits", "echo x > x\ngit update-ref -d HEAD\nclaim", "git update-ref"),
        ("an orphan", "echo x > x\ngit checkout --quiet --orphan z\ngit rm -rfq --cached .\nclaim", "git symbolic-ref"),
        (
            "uncommitted work on another branch",
            "git switch --quiet older\necho x > x\necho mine > kept\nclaim",
            "git symbolic-ref",
        ),
        ("a rebase under way", "echo x > x\ncommit x\ngit rebase theirs || true\nclaim", "git rebase --abort"),
        (
            "a cherry-pick under way on a branch of its own",
            "echo x > x\ncommit x\ngit checkout --quiet --detach\ngit commit --quiet --amend -m y\ngit cherry-pick theirs || true\nclaim",
            "git cherry-pick --quit",
        ),
        ("a bisect under way", "echo x > x\ncommit x\ngit bisect start HEAD HEAD~3\nclaim", "git bisect reset"),
    ];
    for (name, script, beginning) in cases {
        let made = script.contains("> x");
        let env = world(&[script, rest, rest]);
        let before = env.git(&["rev-parse", "HEAD"]);
        let message = env.run_ends("head_moved");
        let command = advised(&message, beginning);
        types(&env, &env.path("deep/er"), &command);
        assert_eq!(env.git(&["symbolic-ref", "HEAD"]), "refs/heads/main", "{name}: {command}");
        env.git(&["merge-base", "--is-ancestor", &before, "HEAD"]);
        env.run_ends("completed");
        env.git(&["merge-base", "--is-ancestor", &before, "HEAD"]);
        if made {
            assert_eq!(env.git(&["show", "HEAD:x"]), "x", "{name}: what the turn made is in what finished its ticket");
        } else {
            assert_eq!(env.git(&["show", "HEAD:kept"]), "of a person", "{name}: {command}");
        }
    }
}

#[test]
fn head_is_put_back_in_a_linked_worktree_too() {
    let env = world(&[
        "echo x > x\ngit add x\ngit commit --quiet --amend -m mine\nclaim",
        "git add --all\ncommit rest\nclaim",
    ]);
    let other = env.root().join("other");
    env.git(&["worktree", "add", "--quiet", "-b", "other", other.to_str().unwrap()]);
    let there = ["--json", "-C", other.to_str().unwrap(), "run"];
    let message = ended_with(&env.turnstile(&there), "head_moved")["reason"]["message"].to_string();
    types(&env, &other.join("deep"), &advised(&message, "git update-ref"));
    ended_with(&env.turnstile(&there), "completed");
    assert_eq!(env.git(&["show", "other:x"]), "x");
}

#[test]
fn a_run_on_a_detached_head_is_put_back_on_it() {
    let env = world(&[
        "echo x > x\ngit add x\ngit commit --quiet --amend -m mine\ngit switch --quiet -c side\nclaim",
        "git add --all\ncommit rest\nclaim",
    ]);
    env.git(&["checkout", "--quiet", "--detach"]);
    let message = ended_with(&env.turnstile(&["--json", "run", "--allow-detached"]), "head_moved")["reason"]["message"]
        .to_string();
    types(&env, &env.path("deep"), &advised(&message, "git update-ref"));
    ended_with(&env.turnstile(&["--json", "run", "--allow-detached"]), "completed");
    assert_eq!(env.git(&["show", "HEAD:x"]), "x");
}

#[test]
fn what_is_told_about_head_is_what_holds_now() {
    let env = world(&["git rebase theirs || true", "git add --all\ncommit rest\nclaim"]);
    let first = env.run_ends("head_moved");
    assert!(first.contains("a rebase is under way"), "{first}");
    env.write("README.md", "both\n");
    env.git(&["add", "README.md"]);
    env.git(&["-c", "core.editor=true", "rebase", "--continue"]);
    let second = env.run_ends("head_moved");
    assert!(!second.contains("under way") && second.contains("are gone"), "{second}");
    types(&env, &env.path("deep"), &advised(&second, "git update-ref"));
    env.run_ends("completed");
    assert_eq!(env.git(&["show", "HEAD:README.md"]), "both");
}

#[test]
fn between_turns_the_way_back_to_the_runs_branch_is_one_that_is_there() {
    let cases: [(&[&str], &str); 3] = [
        (&["switch", "--quiet", "older"], "git switch main"),
        (&["branch", "-m", "trunk"], "git switch -c main"),
        (&["checkout", "--quiet", "--orphan", "z"], "git symbolic-ref HEAD"),
    ];
    for (leave, way) in cases {
        let env = world(&["true", "claim"]);
        env.step_comes_to("progressed");
        env.git(leave);
        let message = env.run_ends("repository_state");
        assert_eq!(message.matches("turnstile stop").count(), 1, "{message}");
        types(&env, &env.path("deep"), &advised(&message, way));
        env.run_ends("completed");
    }
    let env = world(&["true", "claim"]);
    env.git(&["checkout", "--quiet", "--detach"]);
    drop(env.turnstile(&["step", "--allow-detached"]).exits(0));
    env.git(&["switch", "--quiet", "main"]);
    let message = env.run_ends("repository_state");
    types(&env, &env.path("deep"), &advised(&message, "git switch --detach"));
    env.ends(&["run", "--allow-detached"], "completed");
}

#[test]
fn config_and_templates_are_put_back() {
    let scripts = [
        "echo '# more' >> .tickets/config.yaml\nmkdir -p .tickets/templates\necho x > .tickets/templates/turn.md",
        "mkdir -p .tickets/templates\necho x > '.tickets/templates/a [b]'\"'\"'s.md'",
        "rm .tickets/config.yaml",
        "rm .tickets/config.yaml\nmkdir -p .tickets/config.yaml/x",
        "rm .tickets/config.yaml\nmkfifo .tickets/config.yaml",
        "ln -s /etc .tickets/templates",
    ];
    for script in scripts {
        let env = world(&[&format!("{script}\nclaim")]);
        let message = env.run_ends("runner_files_changed");
        let command = message.split('`').nth(1).unwrap();
        types(&env, &env.path("deep/er"), command);
        env.run_ends("completed");
        assert_eq!(env.turns(), ["1 001-a"], "{script}");
    }
}

#[test]
fn what_was_put_back_can_be_had_again() {
    let cases = [
        ("a changed file", "echo 'hold: mine' > new\nsed -i 's/^hold:.*/hold: mine/' B", "grep -q '^hold: mine' B"),
        ("a removed file", "rm B", "! test -e B"),
        ("a folder", "rm B\nmkdir B\necho x > B/f", "grep -q x B/f"),
        ("a pipe", "rm B\nmkfifo B", "test -p B"),
        ("a link", "rm B\nln -s 001-a.md B", "test -L B"),
        ("a large file", "head -c 2000000 /dev/zero | tr '\\0' x >> B", "test $(wc -c < B) -gt 2000000"),
        ("a file that is no text", "printf '\\377' >> B", "tail -c 1 B | od -An -tx1 | grep -q ff"),
    ];
    for (linked, folder) in [(false, ".tickets"), (true, "deep")] {
        for (name, script, holds) in cases {
            let b = |text: &str| text.replace('B', ".tickets/002-b.md");
            let env = world(&[&b(script)]);
            let top = if linked { env.root().join("linked tree") } else { env.repo() };
            if linked {
                env.git(&["worktree", "add", "--quiet", "-b", "linked", top.to_str().unwrap()]);
            }
            let output = env.turnstile(&["-C", top.to_str().unwrap(), "step"]).exits(0);
            let told = output.stderr.lines().find_map(|line| Some(line.split_once("; to undo that: ")?.1));
            let command = told.unwrap_or_else(|| panic!("{name}: {}", output.text()));
            types(&env, &top.join(folder), &command.replace("$TEST_ENV", env.root().to_str().unwrap()));
            types(&env, &top, &b(holds));
        }
    }
}

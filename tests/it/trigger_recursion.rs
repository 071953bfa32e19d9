//! What turnstile and its agents commit starts nothing anew, for three reasons of which each is enough. Each is shown
//! alone, with the other two out of the way.

use std::process::Stdio;

use crate::support::TestEnv;

/// How often the hooks of the repository were called.
const COUNTED: [&str; 4] = ["post-commit", "post-merge", "post-rewrite", "post-checkout"];

fn world(scripts: &[&str]) -> TestEnv {
    world_with("", scripts)
}

fn world_with(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.trust();
    env
}

/// Every hook of these notes that it was called, in a file outside of the repository.
fn count_calls(env: &TestEnv) {
    for name in COUNTED {
        env.hook_is(name, &format!("#!/bin/sh\necho {name} >> '{}'\n", env.root().join("called").display()));
    }
}

fn calls(env: &TestEnv) -> Vec<String> {
    let text = std::fs::read_to_string(env.root().join("called")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// First: there is no turnstile in these hooks, and so neither of the other two reasons.
#[test]
fn commits_of_turnstiles_own_call_no_hook() {
    for config in ["commit: {by: runner}\n", "checkpoint: {mode: branch}\n", "commit: {by: runner, hooks: skip}\n"] {
        let env = world_with(config, &["echo x > file\nask Which?", "echo y > file\ntell Done\nclaim"]);
        // A hook of the user's own makes turnstile use the git program for it.
        env.hook_is("pre-commit", "#!/bin/sh\nexit 0\n");
        count_calls(&env);
        env.run_ends("user_dispatch");
        env.reply("Blue.\n");
        // In this mode the agent owes the commit.
        if config.starts_with("checkpoint") {
            env.scripts(&["git -c core.hooksPath=/dev/null commit -qam rest\nclaim"]);
        }
        env.run_ends("completed");
        assert!(env.subjects().iter().any(|subject| subject.starts_with("001-a")), "{:?}", env.subjects());
        assert_eq!(calls(&env), [""; 0], "{config}");
    }
}

/// The same where git is told to sign: the git program is called, and no hook.
#[test]
fn signed_commits_of_turnstiles_own_call_no_hook() {
    let env = world_with("commit: {by: runner}\n", &["echo x > file\nclaim"]);
    let key = env.root().join("key");
    let made = env.command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]).status();
    if !made.is_ok_and(|status| status.success()) {
        crate::support::skipped("ssh-keygen is not installed");
        return;
    }
    for (name, value) in [("gpg.format", "ssh"), ("user.signingKey", key.to_str().unwrap()), ("commit.gpgSign", "true")]
    {
        env.git(&["config", name, value]);
    }
    count_calls(&env);
    env.run_ends("completed");
    assert!(env.git(&["cat-file", "commit", "HEAD"]).contains("gpgsig"), "it was signed");
    assert_eq!(calls(&env), [""; 0]);
}

/// What an agent sees of triggers and runners right behind a commit of its own, in a file.
const LOOK: &str = "sleep 0.5; ls .git/turnstile/triggers > $AGENT/seen 2>/dev/null || true";

fn seen(env: &TestEnv) -> String {
    env.read(env.agent_folder().join("seen"))
}

/// Second: by its environment. The agent's git is no descendant of the turn's supervisor any more as far as the hook can
/// find out, so that ancestry says nothing; and nothing was spooled that a rescan would have to sort out.
#[test]
fn a_hook_that_a_turn_calls_keeps_nothing_as_its_environment_says_so() {
    let env = world(&["true"]);
    env.call_from(&["post-commit"]);
    let mut command = env.command("git");
    command.args(["commit", "--quiet", "--allow-empty", "-m", "x"]);
    let inside = env.path(".git");
    assert!(command.env("TURNSTILE_IN_TURN", &inside).status().unwrap().success());
    env.settled();
    assert!(!env.exists(".git/turnstile/triggers"), "no turn is under way at all: the environment alone decided");
    let mut command = env.command("git");
    command.args(["commit", "--quiet", "--allow-empty", "-m", "x"]);
    let elsewhere = env.root().join("elsewhere/.git");
    assert!(command.env("TURNSTILE_IN_TURN", elsewhere).status().unwrap().success());
    env.until("a turn of another repository is none of this one", |env| !env.turns().is_empty());
    env.settled();
}

/// Second, again: by who started it. The environment is scrubbed.
#[test]
fn a_hook_that_a_turn_calls_keeps_nothing_as_its_ancestry_says_so() {
    let scrubbed = "env -i PATH=\"$PATH\" HOME=\"$HOME\" git commit -q --allow-empty -m x";
    let env = world(&[&format!("{scrubbed}\n{LOOK}\nclaim")]);
    env.call_from(&["post-commit"]);
    env.run_ends("completed");
    assert_eq!(seen(&env), "");
    assert!(!env.exists(".git/turnstile/triggers"));
    assert_eq!(env.turns().len(), 1);
}

/// Makes a commit that nothing connects with the turn: its process has no ancestor in it, and no variable of it. A
/// helper outside, which the test started, makes it on request.
fn outside_helper(env: &TestEnv) -> std::process::Child {
    let script = format!(
        "while [ -d '{0}' ] && [ ! -f '{0}/stop' ]; do if [ -f '{0}/ask' ]; then rm '{0}/ask'; \
         git commit -q --allow-empty -m 'from outside'; touch '{0}/made'; fi; sleep 0.02; done",
        env.agent_folder().display()
    );
    env.command("sh").args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

const ASK: &str = "rm -f $AGENT/made; touch $AGENT/ask; while [ ! -f $AGENT/made ]; do sleep 0.02; done";

/// Third: environment and ancestry know nothing. The hook keeps a trigger and starts a runner, while the turn and after
/// it; every look finds that there is nothing to do, and each commit adds one look and no turn.
#[test]
fn a_wake_up_that_gets_through_is_a_look_and_no_turn() {
    let env = world(&[&format!("{ASK}\n{LOOK}\n{ASK}\nclaim")]);
    env.call_from(&["post-commit"]);
    let mut helper = outside_helper(&env);
    let _ = env.turnstile(&["run"]);
    assert!(!seen(&env).is_empty(), "the trigger got through both other guards");
    env.settled();
    env.write(env.agent_folder().join("stop"), "");
    helper.wait().unwrap();
    assert_eq!(env.turns(), ["1 001-a"]);
    assert_eq!(env.triggers(), [""; 0]);
    assert_eq!(env.events("run.completed").len(), 1);
    let runs = std::fs::read_dir(env.path(".git/turnstile/runs")).unwrap().count();
    assert_eq!(runs, 1, "a look at a finished worktree begins no run");
}

/// Third, at its worst: an agent that fails each time and has somebody outside commit behind its end. New commits let a
/// failure be tried again; the breaker ends that.
#[test]
fn an_agent_that_wakes_itself_up_is_ended_by_the_breaker() {
    let later = "touch $AGENT/ask; exit 3";
    let env = world_with("limits: {failures: 2}\n", &[later, later, later, later, later]);
    env.call_from(&["post-commit"]);
    // It commits when the turn is over, and so brings a commit that no turn has made.
    let script = format!(
        "while [ -d '{0}' ] && [ ! -f '{0}/stop' ]; do if [ -f '{0}/ask' ]; then rm '{0}/ask'; \
         sleep 2; git commit -q --allow-empty -m 'from outside'; fi; sleep 0.05; done",
        env.agent_folder().display()
    );
    let mut helper =
        env.command("sh").args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _ = env.turnstile(&["run"]);
    env.until("the breaker opens", |env| !env.events("circuit.opened").is_empty());
    std::thread::sleep(std::time::Duration::from_secs(3));
    env.settled();
    env.write(env.agent_folder().join("stop"), "");
    helper.wait().unwrap();
    assert!(env.turns().len() <= 3, "{:?}", env.turns());
    assert_eq!(env.triggers(), [""; 0]);
}

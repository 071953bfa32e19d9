//! A push over each transport starts the work and comes back while it goes on, without a byte of turnstile's. Servers
//! are real ones on the loopback; where one is not installed its test says so and does nothing.

use crate::support::{Hub, Server, TestEnv, git_daemon, lighttpd, nginx, sshd};

/// The turn waits until it is let go.
const HELD: &str = "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done";

/// A repository that is pushed to: `main` is checked out, and its ticket is worked on by an agent that takes its time.
fn world() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[&format!("{HELD}\necho one > file\ncommit one\nclaim")]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.trust();
    env.git(&["config", "receive.denyCurrentBranch", "updateInstead"]);
    env.git(&["config", "http.receivepack", "true"]);
    env.call_from(&["post-receive"]);
    env
}

/// Clones, commits and pushes, with the output captured through a pipe that stays open as long as anybody has it; then
/// lets the agent go on, and waits for the end of the work.
fn push_over(env: &TestEnv, url: &str, ssh: &str) {
    let script = "set -e\n\
                  git clone -q \"$1\" clone 2>&1\n\
                  cd clone\n\
                  git -c user.name=R -c user.email=r@example.org commit -q --allow-empty -m pushed\n\
                  git push -q origin HEAD:main 2>&1 | cat\n\
                  test \"$(git ls-remote origin main | cut -f1)\" = \"$(git rev-parse HEAD)\"";
    let mut command = env.command("sh");
    command.current_dir(env.root()).args(["-c", script, "sh", url]).env("GIT_SSH_COMMAND", ssh);
    let pushed = command.output().unwrap();
    let said = String::from_utf8_lossy(&pushed.stdout).into_owned();
    assert!(pushed.status.success(), "{url}: {said}{}", String::from_utf8_lossy(&pushed.stderr));
    assert_eq!(said, "", "{url}: nothing is written to a push from elsewhere");
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    assert!(env.events("run.completed").is_empty(), "{url}: the push is over, and the work is not");
    let [runner] = env.runners()[..] else { panic!("{url}: {:?}", env.runners()) };
    let environment = std::fs::read(format!("/proc/{runner}/environ")).unwrap();
    let foreign = |entry: &&[u8]| {
        let names: [&[u8]; 6] = [b"GIT_", b"HTTP_", b"REMOTE_", b"QUERY_STRING", b"GATEWAY_", b"SSH_ORIGINAL"];
        names.iter().any(|name| entry.starts_with(name))
    };
    let left: Vec<String> = environment
        .split(|byte| *byte == 0)
        .filter(foreign)
        .map(|entry| String::from_utf8_lossy(entry).into_owned())
        .collect();
    assert_eq!(left, [""; 0], "{url}");
    env.write(env.agent_folder().join("go"), "");
    env.completed();
    assert_eq!(env.turns(), ["1 001-a"], "{url}");
    assert_eq!(env.git(&["log", "-1", "--format=%s by %cn"]), "001-a: done by Tester", "{url}");
}

#[test]
fn over_a_local_path() {
    let env = world();
    let clone = "git clone -q \"$1\" clone && cd clone && \
                 git -c user.name=R -c user.email=r@example.org commit -q --allow-empty -m pushed && \
                 git push -q origin HEAD:main 2>&1 | cat";
    let mut command = env.command("sh");
    command.current_dir(env.root()).args(["-c", clone, "sh", env.repo().to_str().unwrap()]);
    let pushed = command.output().unwrap();
    let said = String::from_utf8_lossy(&pushed.stdout).into_owned();
    let line = "remote: turnstile: trigger kept; turnstile status shows what came of it";
    assert_eq!((said.lines().count(), said.starts_with(line)), (1, true), "{said}");
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    env.write(env.agent_folder().join("go"), "");
    env.completed();
}

/// A test for each server.
macro_rules! over {
    ($($name:ident: $server:ident,)*) => {$(
        #[test]
        fn $name() {
            let env = world();
            if let Some(server) = $server(&env) {
                push_over(&env, &server.url("repo/.git"), &server.ssh);
            }
            let hub = asking();
            if let Some(server) = $server(&hub.env) {
                reply_over(&hub, &server);
            }
        }
    )*};
}

over! {
    over_git_daemon: git_daemon,
    over_ssh: sshd,
    over_http_behind_lighttpd: lighttpd,
    over_http_behind_nginx: nginx,
}

/// A bare repository whose agent asks before it works.
fn asking() -> Hub {
    let hub = Hub::trusted(&["ask Which?", "grep -q Blue $AGENT/prompt-2 && echo blue > file && commit blue && claim"]);
    hub.git(&["config", "http.receivepack", "true"]);
    hub
}

/// A developer pushes a ticket, a reviewer pulls the question and pushes the answer, and what came of it is pulled.
fn reply_over(hub: &Hub, server: &Server) {
    let url = server.url("origin.git");
    let run = |script: &str| {
        let mut command = hub.env.command("sh");
        command.current_dir(hub.env.root()).args(["-c", script, "sh", &url]).env("GIT_SSH_COMMAND", &server.ssh);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{url}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    assert_eq!(run("cd repo && git push -q \"$1\" HEAD:main 2>&1 | cat"), "", "{url}");
    hub.has("main", "001-a: waits for an answer");
    let said =
        run("git clone -q \"$1\" reviewer && cd reviewer && cat .tickets/history/001-a/0001-dispatch/DISPATCH.md && \
                    git config user.name R && git config user.email r@example.org && \
                    echo Blue. > .tickets/USER_REPLY.md && git add --all && git commit -q -m Blue && \
                    git push -q origin HEAD:main 2>&1 | cat");
    assert!(said.ends_with("Which?\n"), "{url}: {said}");
    hub.has("main", "001-a: done");
    assert_eq!(run("cd reviewer && git pull -q && cat file"), "blue\n", "{url}");
    assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"], "{url}");
    assert_eq!(hub.git(&["log", "-1", "--format=%an %cn", "main"]), "Hub Hub", "{url}");
    assert_eq!(hub.events("reply.consumed")[0]["brought"]["address"], "r@example.org", "{url}");
}

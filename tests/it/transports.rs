//! A push over each transport starts the work and comes back while it goes on, without a byte of turnstile's. Servers
//! are real ones on the loopback; where one is not installed its test says so and does nothing.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{TestEnv, skipped};

/// A server that is ended with this value, and whatever it started.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and it has been waited for by nobody.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program of this machine; `None` where it is not installed.
fn installed(env: &TestEnv, name: &str) -> Option<PathBuf> {
    let found = env.command("sh").args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {name}")]).output().unwrap();
    let path = String::from_utf8(found.stdout).unwrap();
    (!path.trim().is_empty()).then(|| PathBuf::from(path.trim()))
}

/// Starts a server that does not go into the background; `None` where it ends at once or never listens.
fn served(command: &mut Command, log: &Path, port: u16) -> Option<Server> {
    let said = std::fs::File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
    let mut child = command.spawn().ok()?;
    for _ in 0..500 {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(Server { child, port });
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    skipped(&format!("the server does not come up: {}", std::fs::read_to_string(log).unwrap_or_default()));
    None
}

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

#[test]
fn over_git_daemon() {
    let env = world();
    let port = free_port();
    let mut command = env.command("git");
    command.args(["daemon", "--export-all", "--enable=receive-pack", "--reuseaddr", "--listen=127.0.0.1"]);
    command.arg(format!("--base-path={}", env.root().display())).arg(format!("--port={port}"));
    let Some(server) = served(&mut command, &env.root().join("daemon.log"), port) else { return };
    push_over(&env, &format!("git://127.0.0.1:{}/repo/.git", server.port), "");
}

#[test]
fn over_ssh() {
    let env = world();
    let (Some(sshd), Some(keygen), Some(ssh)) =
        (installed(&env, "sshd"), installed(&env, "ssh-keygen"), installed(&env, "ssh"))
    else {
        skipped("openssh-server is not installed");
        return;
    };
    // sshd wants it before it listens; making it needs root, as does most of sshd's work.
    if !Path::new("/run/sshd").is_dir() && std::fs::create_dir("/run/sshd").is_err() {
        skipped("sshd has no /run/sshd here");
        return;
    }
    let (host, key) = (env.root().join("host"), env.root().join("key"));
    for file in [&host, &key] {
        assert!(
            env.command(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status().unwrap().success()
        );
    }
    std::fs::copy(key.with_extension("pub"), env.root().join("authorized")).unwrap();
    let port = free_port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nPermitRootLogin yes\n",
        host.display(),
        env.root().join("authorized").display()
    );
    let config_file = env.root().join("sshd_config");
    std::fs::write(&config_file, config).unwrap();
    let mut command = env.command(sshd);
    command.args(["-D", "-e", "-f"]).arg(&config_file);
    let Some(server) = served(&mut command, &env.root().join("sshd.log"), port) else { return };
    let who = String::from_utf8(env.command("id").arg("-un").output().unwrap().stdout).unwrap();
    let options = format!(
        "{} -i {} -p {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes",
        ssh.display(),
        key.display(),
        server.port
    );
    push_over(&env, &format!("{}@127.0.0.1:{}", who.trim(), env.repo().display()), &options);
}

/// Where git keeps the program that speaks HTTP.
fn http_backend(env: &TestEnv) -> PathBuf {
    PathBuf::from(env.git(&["--exec-path"])).join("git-http-backend")
}

#[test]
fn over_http_behind_lighttpd() {
    let env = world();
    let backend = http_backend(&env);
    let Some(lighttpd) = installed(&env, "lighttpd").filter(|_| backend.exists()) else {
        skipped("lighttpd or git-http-backend is not installed");
        return;
    };
    let port = free_port();
    let root = env.root().display();
    let config = format!(
        "server.modules = (\"mod_alias\", \"mod_cgi\", \"mod_setenv\")\nserver.document-root = \"{root}\"\n\
         server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.errorlog = \"{root}/lighttpd-error.log\"\n\
         server.upload-dirs = (\"{root}\")\n\
         alias.url = (\"/git\" => \"{}\")\n\
         $HTTP[\"url\"] =~ \"^/git\" {{\n  cgi.assign = (\"\" => \"\")\n  setenv.add-environment = (\n    \
         \"GIT_PROJECT_ROOT\" => \"{root}\", \"GIT_HTTP_EXPORT_ALL\" => \"1\", \"REMOTE_USER\" => \"pusher\",\n    \
         \"HOME\" => \"{root}/home\")\n}}\n",
        backend.display()
    );
    let config_file = env.root().join("lighttpd.conf");
    std::fs::write(&config_file, config).unwrap();
    let mut command = env.command(lighttpd);
    command.arg("-D").arg("-f").arg(&config_file);
    let Some(server) = served(&mut command, &env.root().join("lighttpd.log"), port) else { return };
    push_over(&env, &format!("http://127.0.0.1:{}/git/repo/.git", server.port), "");
}

#[test]
fn over_http_behind_nginx() {
    let env = world();
    let backend = http_backend(&env);
    let (Some(nginx), Some(fcgiwrap)) =
        (installed(&env, "nginx").filter(|_| backend.exists()), installed(&env, "fcgiwrap"))
    else {
        skipped("nginx, fcgiwrap or git-http-backend is not installed");
        return;
    };
    let port = free_port();
    let root = env.root().display();
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let config = format!(
        "{user}daemon off;\nmaster_process off;\npid {root}/nginx.pid;\nerror_log {root}/nginx-error.log;\nevents {{}}\nhttp {{\n\
         access_log off;\nclient_body_temp_path {root}/body;\nproxy_temp_path {root}/proxy;\nfastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi;\nscgi_temp_path {root}/scgi;\nserver {{\nlisten 127.0.0.1:{port};\n\
         location ~ /git(/.*) {{\nfastcgi_pass unix:{root}/fcgi.sock;\nfastcgi_param SCRIPT_FILENAME {};\n\
         fastcgi_param GIT_PROJECT_ROOT {root};\nfastcgi_param GIT_HTTP_EXPORT_ALL 1;\nfastcgi_param REMOTE_USER pusher;\n\
         fastcgi_param REMOTE_ADDR $remote_addr;\nfastcgi_param GATEWAY_INTERFACE CGI/1.1;\n\
         fastcgi_param REQUEST_METHOD $request_method;\nfastcgi_param QUERY_STRING $query_string;\n\
         fastcgi_param CONTENT_TYPE $content_type;\nfastcgi_param CONTENT_LENGTH $content_length;\n\
         fastcgi_param PATH_INFO $1;\nfastcgi_param SERVER_PROTOCOL $server_protocol;\n}}\n}}\n}}\n",
        backend.display()
    );
    let config_file = env.root().join("nginx.conf");
    std::fs::write(&config_file, config).unwrap();
    let mut command = env.command(fcgiwrap);
    command.args(["-s", &format!("unix:{root}/fcgi.sock")]).stdin(Stdio::null()).stdout(Stdio::null());
    let wrapper = command.stderr(std::fs::File::create(env.root().join("fcgiwrap.log")).unwrap()).spawn().unwrap();
    let _wrapper = Server { child: wrapper, port: 0 };
    env.until("fcgiwrap listens", |env| env.root().join("fcgi.sock").exists());
    let mut command = env.command(nginx);
    command.arg("-p").arg(env.root()).arg("-c").arg(&config_file);
    let Some(server) = served(&mut command, &env.root().join("nginx.log"), port) else { return };
    push_over(&env, &format!("http://127.0.0.1:{}/git/repo/.git", server.port), "");
}

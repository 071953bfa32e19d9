//! Servers that git is pushed to over: real ones on the loopback. Where one is not installed there is none, and it is said.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{TestEnv, skipped};

/// A process that is ended with this value.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It is ours, and it has been waited for by nobody.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What serves the repositories below the folder of a world.
#[derive(Debug)]
pub struct Server {
    /// What stands before a repository's path.
    before: String,
    /// How git is to call ssh, where it calls it.
    pub ssh: String,
    _running: Vec<Running>,
}

impl Server {
    /// The address of a repository below the folder of the world.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.before)
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
fn served(command: &mut Command, log: &Path, port: u16) -> Option<Running> {
    let said = std::fs::File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
    let mut running = Running(command.spawn().ok()?);
    for _ in 0..500 {
        if running.0.try_wait().unwrap().is_some() {
            break;
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(running);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    skipped(&format!("the server does not come up: {}", std::fs::read_to_string(log).unwrap_or_default()));
    None
}

/// Where git keeps the program that speaks HTTP.
fn http_backend(env: &TestEnv) -> PathBuf {
    PathBuf::from(env.git(&["--exec-path"])).join("git-http-backend")
}

/// `git daemon`.
pub fn git_daemon(env: &TestEnv) -> Option<Server> {
    let port = free_port();
    // Not by way of `git`, which would be ended and leave it behind.
    let mut command = env.command(PathBuf::from(env.git(&["--exec-path"])).join("git-daemon"));
    command.args(["--export-all", "--enable=receive-pack", "--reuseaddr", "--listen=127.0.0.1"]);
    command.arg(format!("--base-path={}", env.root().display())).arg(format!("--port={port}"));
    let running = served(&mut command, &env.root().join("daemon.log"), port)?;
    Some(Server { before: format!("git://127.0.0.1:{port}"), ssh: String::new(), _running: vec![running] })
}

/// `sshd`, with a key of its own.
pub fn sshd(env: &TestEnv) -> Option<Server> {
    let (Some(sshd), Some(keygen), Some(ssh)) =
        (installed(env, "sshd"), installed(env, "ssh-keygen"), installed(env, "ssh"))
    else {
        skipped("openssh-server is not installed");
        return None;
    };
    // sshd wants it before it listens; making it needs root, as does most of sshd's work.
    if !Path::new("/run/sshd").is_dir() && std::fs::create_dir("/run/sshd").is_err() {
        skipped("sshd has no /run/sshd here");
        return None;
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
    let running = served(&mut command, &env.root().join("sshd.log"), port)?;
    let who = String::from_utf8(env.command("id").arg("-un").output().unwrap().stdout).unwrap();
    let options = format!(
        "{} -i {} -p {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes",
        ssh.display(),
        key.display(),
        port
    );
    let before = format!("{}@127.0.0.1:{}", who.trim(), env.root().display());
    Some(Server { before, ssh: options, _running: vec![running] })
}

/// HTTP behind lighttpd.
pub fn lighttpd(env: &TestEnv) -> Option<Server> {
    let backend = http_backend(env);
    let Some(lighttpd) = installed(env, "lighttpd").filter(|_| backend.exists()) else {
        skipped("lighttpd or git-http-backend is not installed");
        return None;
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
    let running = served(&mut command, &env.root().join("lighttpd.log"), port)?;
    Some(Server { before: format!("http://127.0.0.1:{port}/git"), ssh: String::new(), _running: vec![running] })
}

/// HTTP behind nginx.
pub fn nginx(env: &TestEnv) -> Option<Server> {
    let backend = http_backend(env);
    let (Some(nginx), Some(fcgiwrap)) =
        (installed(env, "nginx").filter(|_| backend.exists()), installed(env, "fcgiwrap"))
    else {
        skipped("nginx, fcgiwrap or git-http-backend is not installed");
        return None;
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
    let wrapper = Running(wrapper);
    env.until("fcgiwrap listens", |env| env.root().join("fcgi.sock").exists());
    let mut command = env.command(nginx);
    command.arg("-p").arg(env.root()).arg("-c").arg(&config_file);
    let running = served(&mut command, &env.root().join("nginx.log"), port)?;
    Some(Server {
        before: format!("http://127.0.0.1:{port}/git"),
        ssh: String::new(),
        _running: vec![running, wrapper],
    })
}

//! A terminal for the program: util-linux's `script` makes one, and what is typed goes through it as a person's keys do.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{TestEnv, skipped};

/// The program at a terminal.
pub struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl TestEnv {
    /// Starts the program at a terminal; none where this machine has no `script` that can make one.
    pub fn at_terminal(&self, arguments: &str) -> Option<Terminal> {
        let version = self.command("script").arg("--version").output();
        if !version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("util-linux")) {
            skipped("there is no `script` of util-linux, which makes a terminal");
            return None;
        }
        let line = format!("exec {} {arguments}", env!("CARGO_BIN_EXE_turnstile"));
        let mut command = self.command("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).env("TERM", "dumb");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (keys, mut screen) = (child.stdin.take(), child.stdout.take().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = screen.read(&mut bytes) {
                if count == 0 {
                    break;
                }
                shared.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Some(Terminal { child, keys, seen, reader })
    }
}

impl Terminal {
    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).replace('\r', "")
    }

    /// Waits until something was printed so many times.
    #[track_caller]
    pub fn until_seen(&self, text: &str, times: usize) {
        let begun = Instant::now();
        while self.screen().matches(text).count() < times {
            assert!(begun.elapsed().as_secs() < 60, "`{text}` is not printed {times} time(s): {}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types.
    pub fn types(&mut self, keys: &str) {
        let typed = self.keys.as_mut().unwrap();
        typed.write_all(keys.as_bytes()).unwrap();
        typed.flush().unwrap();
    }

    /// All that was printed until the program's end, and its exit status.
    pub fn ends(mut self) -> (String, Option<i32>) {
        let status = self.child.wait().unwrap();
        drop(self.keys.take());
        self.reader.join().unwrap();
        let screen = String::from_utf8_lossy(&self.seen.lock().unwrap()).replace('\r', "");
        (screen, status.code())
    }
}

//! One story that comes by everything that can be cut: two tickets, five turns, a question and its answer, a reply
//! and a pause during a turn, commits by the agent and by turnstile, a HEAD that went elsewhere, a ticket that was
//! tampered with, hooks, and a user's own uncommitted files. It is played by a person who repeats what was cut.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Output, TestEnv, ended_with};

/// Does its work, and can be cut anywhere: what it did not come to the end of is done again. `ran` says which turns
/// ran, `sent` which messages were sent; both are written when that is true.
const WORKER: &str = r#"
id=$TURNSTILE_TICKET_ID
me=$TURNSTILE_RUN/$TURNSTILE_TURN
k=$(cat "$AGENT/$id.k" 2>/dev/null || echo 0)
w=w-$id
echo "$me" >> "$AGENT/ran"
save() {
    git add "$w"
    git diff --cached --quiet -- "$w" || git commit --quiet -m "$1 of $id" -- "$w"
}
send() {
    printf 'attached to %s\n' "$me" > "$TURNSTILE_OUTBOX/notes.txt"
    printf -- '---\nmode: %s\ntitle: %s\n---\nmessage %s\n' "$1" "$1" "$me" > "$AGENT/message"
    cp "$AGENT/message" "$TURNSTILE_OUTBOX/.new"
    mv "$TURNSTILE_OUTBOX/.new" "$TURNSTILE_OUTBOX/DISPATCH.md"
    echo "message $me" >> "$AGENT/sent"
}
case $id.$k in
1-a.0)
    git checkout --quiet --detach
    echo one > "$w"
    save one
    sed 's/^title: B$/title: Bad/' .tickets/2-b.md > "$AGENT/other"
    cat "$AGENT/other" > .tickets/2-b.md
    ;;
1-a.1)
    if [ ! -f "$AGENT/go" ]; then
        touch "$AGENT/held"
        n=0
        while [ ! -f "$AGENT/go" ] && [ $n -lt 1000 ]; do
            sleep 0.01
            n=$((n + 1))
        done
    fi
    send pause
    claim
    ;;
1-a.*)
    printf 'one\ntwo\n' > "$w"
    save two
    claim
    ;;
2-b.0)
    echo one > "$w"
    send notify
    ;;
*)
    printf 'one\ntwo\n' > "$w"
    echo "The work of $id" > "$TURNSTILE_OUTBOX/COMMIT_MSG"
    claim
    ;;
esac
echo $((k + 1)) > "$AGENT/$id.k"
"#;

/// Whoever commits goes by here; the message says so.
const HOOK: &str = "#!/bin/sh\necho 'seen by a hook' >> \"$1\"\n";

/// The world of the story, and the person in it.
#[derive(Debug)]
pub struct Story {
    /// Where it takes place.
    pub env: TestEnv,
    /// What the person did, and what came of it.
    pub told: String,
    /// What is put before `turnstile` when the run with this number (from 1) is started.
    pub wrapped: Vec<(u32, Vec<String>)>,
    /// What is put before `turnstile __effect` once, when a runner was cut where it would have launched that.
    pub instead_of_launching: Option<Vec<String>>,
    replies: Vec<String>,
    launched: Vec<std::process::Child>,
    interfered: bool,
    runs: u32,
    tidied: bool,
}

impl Story {
    /// A world at its beginning. `mode` is that of checkpoints.
    pub fn new(mode: &str) -> Self {
        let mut env = TestEnv::new();
        // The look that people get; the other scenarios have git's.
        env.looks_itself();
        env.agent_with(&format!("checkpoint: {{mode: {mode}}}\n"), &[WORKER; 40]);
        let config = env.read(".tickets/config.yaml");
        let entry = config.lines().find(|line| line.contains("mine: {")).unwrap();
        let other = entry.replace("mine: {", "hands: {can_commit: false, ");
        // What is checked says that it ran, outside of the worktree.
        let checked = env.agent_folder().join("checked").display().to_string();
        let check = format!(
            "verify: [{{id: work, run: 'echo $TURNSTILE_TICKET_ID >> {checked}; grep -q two w-$TURNSTILE_TICKET_ID'}}]\n"
        );
        env.write(".tickets/config.yaml", config.replace(entry, &format!("{entry}\n{other}")) + &check);
        env.ticket("1-a", "title: A", "Do it.");
        env.ticket("2-b", "title: B\nagent: hands", "Do it.");
        env.write(".gitignore", "ignored\n");
        env.write("tracked", "as it was\n");
        env.commit_all("tickets");
        env.write(".git/hooks/commit-msg", HOOK);
        let hook = env.path(".git/hooks/commit-msg");
        assert!(env.command("chmod").arg("+x").arg(hook).status().unwrap().success());
        env.plant_run(Self::OLD_RUN, "2020-02-01T00:00:00.000Z");
        env.write("tracked", "as the user has it\n");
        env.write("staged", "staged by the user\n");
        env.git(&["add", "staged"]);
        env.write("loose", "the user's\n");
        env.write("ignored", "the user's too\n");
        Self {
            env,
            told: String::new(),
            wrapped: Vec::new(),
            instead_of_launching: None,
            launched: Vec::new(),
            replies: Vec::new(),
            interfered: false,
            runs: 0,
            tidied: false,
        }
    }

    /// A run of long ago, that the person drops when all is done.
    pub const OLD_RUN: &'static str = "20200131-080000-k3fa";

    /// Whether the person has seen that to its end.
    pub fn is_tidied(&self) -> bool {
        self.tidied
    }

    /// How often a check ran.
    pub fn checked(&self) -> usize {
        std::fs::read_to_string(self.env.agent_folder().join("checked")).unwrap_or_default().lines().count()
    }

    /// What the user had uncommitted, as git's short status has it.
    pub const USERS: [&'static str; 3] = ["A  staged", " M tracked", "?? loose"];

    /// The texts of the replies that the person gave and saw accepted.
    pub fn replies(&self) -> &[String] {
        &self.replies
    }

    /// Plays it to its end, whatever is cut on the way; an error says where it did not go on.
    pub fn play(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(180) {
            let output = self.run();
            let code = self.take_end(&output)?;
            if code == "completed" {
                self.tidied = self.until_done(&["prune"]);
                return Ok(());
            }
            if output.code.is_none()
                && let Some(words) = self.instead_of_launching.take()
            {
                self.launch(&words);
            }
        }
        Err(format!("{}\nit does not come to its end", self.told))
    }

    fn tell(&mut self, what: &str) {
        self.told.push_str(what);
        self.told.push('\n');
    }

    /// Does what the end of a run asks for, and says what that end was.
    pub fn take_end(&mut self, output: &Output) -> Result<String, String> {
        let code = reason(output);
        self.tell(&format!("run: {}", code.as_deref().unwrap_or("cut")));
        if self.respond(code.as_deref()) && self.runs <= 60 {
            return Ok(code.unwrap_or_default());
        }
        Err(format!("{}\n{}", self.told, output.text()))
    }

    /// One run; in the middle of the turn that waits for it, the person pauses and replies.
    pub fn run(&mut self) -> Output {
        self.runs += 1;
        let wrapper = self.wrapped.iter().find(|(run, _)| *run == self.runs).map(|(_, words)| words.clone());
        let mut child = match wrapper {
            Some(words) => self.wrapped_run(&words),
            None => self.env.spawn(&["--json", "run", "--allow-dirty"]),
        };
        while child.try_wait().unwrap().is_none() {
            // What we launched is collected when it is over, as a runner does it.
            self.launched.retain_mut(|child| child.try_wait().unwrap().is_none());
            if !self.interfered && self.env.agent_folder().join("held").exists() {
                self.interfere();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.env.wait(child)
    }

    /// Starts the effect that no runner has come to start, as a runner does it: the lease is locked and becomes the
    /// standard input.
    fn launch(&mut self, words: &[String]) {
        let folder = self.env.run_folder();
        let of = |name: &str| {
            let walk = walkdir::WalkDir::new(folder.join(name)).into_iter().flatten();
            let leases = walk.filter(|entry| entry.file_name() == "lease").map(walkdir::DirEntry::into_path);
            let idle = leases.map(|lease| lease.parent().unwrap().to_owned());
            idle.filter(|folder| !folder.join("started").exists()).collect::<Vec<_>>()
        };
        let Some(directory) = of("turns").into_iter().chain(of("saves")).next() else {
            self.tell("nothing waits to be launched");
            return;
        };
        let lease = std::fs::OpenOptions::new().read(true).append(true).open(directory.join("lease")).unwrap();
        lease.lock().unwrap();
        let mut command: Command = self.env.command(&words[0]);
        command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_turnstile")).arg("__effect").arg(&directory);
        command.stdin(lease).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        if let Some(turn) = self.env.events("turn.started").last() {
            let ticket = turn["ticket"].as_str().unwrap();
            let path = self.env.path(format!(".tickets/{ticket}.md"));
            command.env("TURNSTILE_TICKET", path).env("TURNSTILE_TICKET_ID", ticket);
            command.env("TURNSTILE_OUTBOX", self.env.path(".tickets/outbox"));
            command.env("TURNSTILE_RUN", self.env.run_id().unwrap()).env("TURNSTILE_TURN", turn["turn"].to_string());
            command.env("TURNSTILE_IN_TURN", self.env.path(".git"));
        }
        self.launched.push(command.spawn().unwrap());
        self.tell(&format!("launched {}", directory.display()));
    }

    /// A run that is killed after a while, perhaps with the processes that carry out its effects. One that comes to
    /// its end before that is answered.
    pub fn killed_after(&mut self, moment: Duration, effects_too: bool) {
        self.runs += 1;
        let mut child = self.env.spawn(&["--json", "run", "--allow-dirty"]);
        let began = Instant::now();
        while began.elapsed() < moment && child.try_wait().unwrap().is_none() {
            if !self.interfered && self.env.agent_folder().join("held").exists() {
                self.interfere();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_some() {
            let output = self.env.wait(child);
            let code = reason(&output);
            self.tell(&format!("run: {code:?}"));
            self.respond(code.as_deref());
            return;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if effects_too {
            self.env.kill_all(&self.env.effects());
        }
        self.tell(&format!("killed after {moment:?}, its effects {}", if effects_too { "too" } else { "not" }));
    }

    /// What the person does about the end of a run; whether that is known what to do about.
    fn respond(&mut self, code: Option<&str>) -> bool {
        match code {
            Some("user_dispatch") => self.answer(),
            // A check that the machine kept from an answer waits for whoever mends the machine.
            Some("operator_pause" | "verify_inconclusive") => {
                self.until_done(&["resume"]);
            }
            // Cut, or something failed: the person types it again.
            None | Some("git_failed" | "repository_state" | "busy" | "interrupted" | "completed" | "") => {}
            Some(_) => return false,
        }
        true
    }

    fn wrapped_run(&self, words: &[String]) -> std::process::Child {
        let mut command: Command = self.env.command(&words[0]);
        command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_turnstile")).args(["--json", "run", "--allow-dirty"]);
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    }

    fn interfere(&mut self) {
        self.interfered = true;
        self.until_done(&["pause"]);
        let text = format!("reply {}", self.replies.len() + 1);
        self.env.write(self.env.agent_folder().join("drawing.txt"), format!("attached to {text}\n"));
        let file = self.env.agent_folder().join("drawing.txt");
        for _ in 0..20 {
            let _ = self.env.turnstile(&["reply", "1-a", "-m", &text, "--attach", file.to_str().unwrap()]);
            // Who was cut looks whether it arrived before it is typed again.
            if self.arrived(&text) {
                break;
            }
        }
        self.tell(&format!("paused, and gave {text}"));
        self.replies.push(text);
        self.env.write(self.env.agent_folder().join("go"), "");
    }

    fn arrived(&self, text: &str) -> bool {
        let spool = self.env.path(".git/turnstile/worktrees/main/decisions");
        let places: Vec<PathBuf> = [self.env.path(".tickets"), spool].into();
        let walk = places.iter().flat_map(|place| walkdir::WalkDir::new(place).into_iter().flatten());
        walk.filter(|entry| entry.file_name() == "USER_REPLY.md")
            .filter(|entry| !entry.path().display().to_string().contains("/.new-"))
            .any(|entry| std::fs::read_to_string(entry.path()).is_ok_and(|found| found.contains(text)))
    }

    /// An answer by an editor: the attachment first, then the text in one piece.
    fn answer(&mut self) {
        // A reply that nobody has taken in yet is not written over: the next run takes it.
        if self.env.exists(".tickets/USER_REPLY.md") {
            return self.tell("a reply lies there already");
        }
        let text = format!("reply {}", self.replies.len() + 1);
        self.env.write(".tickets/reply/drawing.txt", format!("attached to {text}\n"));
        self.env.write(".tickets/.answer", format!("---\nto: 1-a\n---\n{text}\n"));
        std::fs::rename(self.env.path(".tickets/.answer"), self.env.path(".tickets/USER_REPLY.md")).unwrap();
        self.tell(&format!("answered with {text}"));
        self.replies.push(text);
    }

    fn until_done(&mut self, command: &[&str]) -> bool {
        for _ in 0..20 {
            let output = self.env.turnstile(command);
            if output.code == Some(0) {
                return true;
            }
        }
        self.tell(&format!("{command:?} never succeeded"));
        false
    }
}

/// Why a run ended, as its document says it; none where it did not come to that.
fn reason(output: &Output) -> Option<String> {
    output.code?;
    let document: Value = serde_json::from_str(&output.stdout).ok()?;
    let code = document["reason"]["code"].as_str().unwrap_or_default().to_owned();
    let _ = ended_with(output, &code);
    Some(code)
}

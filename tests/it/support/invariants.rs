//! What must hold of every world that was cut, however often, and came to its end. All crash tests ask here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Story, TestEnv};

/// What was cut besides the runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing: no turn may be missing, or be called interrupted.
    RunnerAlone,
    /// Effects as well: a turn may have ended without a record, and was then followed by another.
    Effects,
}

/// The turns of the story when none was cut.
const TURNS: usize = 5;

impl Story {
    /// What does not hold of the story that came to its end.
    pub fn faults(&self, cut: Cut) -> Vec<String> {
        let mut faults = self.env.faults();
        let env = &self.env;
        let all = turns(env, &mut faults);
        if cut == Cut::RunnerAlone && (all.ran != TURNS || all.interrupted != 0) {
            faults.push(format!("{} turns ran, {} were called interrupted", all.ran, all.interrupted));
        }
        if all.ran > TURNS + all.interrupted || all.finished < TURNS.min(all.ran - all.interrupted.min(all.ran)) {
            faults.push(format!("{all:?}: a turn was lost or doubled"));
        }
        checks(self, cut, &mut faults);
        messages(self, cut, &mut faults);
        old_run(self, &mut faults);
        for ticket in ["1-a", "2-b"] {
            let done = env.events("ticket.done").iter().filter(|line| line["ticket"] == ticket).count();
            if done != 1 {
                faults.push(format!("{ticket} was done {done} times"));
            }
            if env.read(format!("w-{ticket}")) != "one\ntwo\n" {
                faults.push(format!("the work of {ticket} is {:?}", env.read(format!("w-{ticket}"))));
            }
        }
        if env.read(".tickets/2-b.md").contains("title: Bad") {
            faults.push("a ticket that was tampered with was not put back".to_owned());
        }
        let mut subjects = env.subjects();
        let all = subjects.len();
        subjects.sort();
        subjects.dedup();
        if subjects.len() != all {
            faults.push(format!("a commit was made twice: {:?}", env.subjects()));
        }
        for (path, text) in [
            ("tracked", "as the user has it\n"),
            ("staged", "staged by the user\n"),
            ("loose", "the user's\n"),
            ("ignored", "the user's too\n"),
        ] {
            let now = std::fs::read_to_string(env.path(path)).unwrap_or_default();
            if now != text {
                faults.push(format!("the user's {path} is {now:?}"));
            }
        }
        if env.status() != Self::USERS {
            faults.push(format!("uncommitted is {:?}", env.status()));
        }
        faults
    }
}

impl TestEnv {
    /// What must hold of every world, whatever happened in it.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        journals(self, &mut faults);
        commits(self, &mut faults);
        repository(self, &mut faults);
        // A child has left its record before it ends: it may take a moment longer than whoever waits for that.
        let left = || [self.effects(), self.agents()].concat();
        for _ in 0..100 {
            if left().is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let left = left();
        if !left.is_empty() {
            faults.push(format!("processes are left: {left:?}"));
        }
        faults
    }
}

/// The lines have no gaps, and each has the checksum that belongs to it. A run that was cut before its worktree
/// pointed at it never was: its only lines may be torn, or not there.
fn journals(env: &TestEnv, faults: &mut Vec<String>) {
    let runs = std::fs::read_dir(env.path(".git/turnstile/runs"));
    for run in runs.into_iter().flatten().map(Result::unwrap) {
        let is_current = env.run_id().is_some_and(|id| run.file_name() == *id);
        let path = run.path().join("journal.jsonl");
        let Ok(mut text) = std::fs::read_to_string(&path) else {
            if is_current {
                faults.push(format!("{} cannot be read", path.display()));
            }
            continue;
        };
        if !is_current {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        }
        for (index, line) in text.lines().enumerate() {
            let parsed: Value = serde_json::from_str(line).unwrap_or_default();
            let body = line.rsplit_once(",\"sum\":\"").map_or("", |(body, _)| body);
            let sum = format!("{:08x}", crc32fast::hash(format!("{body}}}").as_bytes()));
            if parsed["seq"] != index as u64 + 1 || parsed["sum"] != sum.as_str() {
                faults.push(format!("{}:{}: {line}", path.display(), index + 1));
            }
        }
        if is_current && !text.ends_with('\n') {
            faults.push(format!("{} has a torn line", path.display()));
        }
    }
}

/// Of the old run goes everything or nothing, and never its journal or what was put aside.
fn old_run(story: &Story, faults: &mut Vec<String>) {
    let (env, run) = (&story.env, Story::OLD_RUN);
    let (files, kept) = (env.files_of(run), env.kept_of(run));
    let stays = ["journal.jsonl", "pruned", "turns/0001/overwritten/file"];
    let is_dropped = files == stays && kept.is_empty();
    let is_whole = files.len() == 5 && kept.len() == 2;
    if !(is_dropped || is_whole && !story.is_tidied()) {
        faults.push(format!("the old run is half there: {files:?} {kept:?}"));
    }
    if std::fs::metadata(env.path(".git/turnstile/pruning")).is_ok_and(|found| found.len() > 0) {
        faults.push("what is being dropped is still written down".to_owned());
    }
}

#[derive(Debug)]
struct Turns {
    ran: usize,
    finished: usize,
    interrupted: usize,
}

/// A turn ran once, was started before it ran, and has one end.
fn turns(env: &TestEnv, faults: &mut Vec<String>) -> Turns {
    let ran = std::fs::read_to_string(env.agent_folder().join("ran")).unwrap_or_default();
    let ran: Vec<&str> = ran.lines().collect();
    let once: BTreeSet<&str> = ran.iter().copied().collect();
    if once.len() != ran.len() {
        faults.push(format!("a turn ran twice: {ran:?}"));
    }
    let run = env.run_id().unwrap_or_default();
    let started: Vec<String> =
        env.events("turn.started").iter().map(|line| format!("{run}/{}", line["turn"])).collect();
    if started.iter().collect::<BTreeSet<_>>().len() != started.len() {
        faults.push(format!("a turn was started twice: {started:?}"));
    }
    for turn in ran.iter().filter(|turn| !started.iter().any(|known| known == **turn)) {
        faults.push(format!("{turn} ran and was never started"));
    }
    let of = |kind: &str| env.events(kind);
    let finished = of("turn.finished");
    let interrupted = of("turn.interrupted");
    let failed = of("turn.failed");
    for line in &failed {
        let message = line["why"].as_str().unwrap_or_default();
        // A turn that could not begin, as on a full disk, was not given to the agent.
        if once.contains(format!("{run}/{}", line["turn"]).as_str()) {
            faults.push(format!("turn {} failed: {message}", line["turn"]));
        }
    }
    let mut ends = BTreeMap::new();
    for line in finished.iter().chain(&interrupted).chain(&failed).chain(&of("turn.timed_out")) {
        *ends.entry(format!("{run}/{}", line["turn"])).or_insert(0) += 1;
    }
    for turn in &started {
        let count = ends.get(turn).copied().unwrap_or(0);
        if count != 1 {
            faults.push(format!("{turn} has {count} ends"));
        }
    }
    for line in &finished {
        if !once.contains(format!("{run}/{}", line["turn"]).as_str()) {
            faults.push(format!("turn {} is called finished and never ran", line["turn"]));
        }
    }
    Turns { ran: ran.len(), finished: finished.len(), interrupted: interrupted.len() }
}

/// Every message that was sent lies in the archive once, with what was attached to it, and nothing else does.
fn messages(story: &Story, cut: Cut, faults: &mut Vec<String>) {
    let env = &story.env;
    let sent = std::fs::read_to_string(env.agent_folder().join("sent")).unwrap_or_default();
    let mut wanted: Vec<String> = sent.lines().map(str::to_owned).collect();
    wanted.extend(story.replies().iter().cloned());
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut folders = BTreeMap::new();
    for file in env.files(".tickets/history") {
        let text = env.read(format!(".tickets/history/{file}"));
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        if file.split('/').any(|name| name.starts_with('.')) {
            faults.push(format!("half a message is left: {file}"));
        }
        if file.ends_with("DISPATCH.md") || file.ends_with("USER_REPLY.md") {
            let body = text.lines().rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
            *found.entry(body.clone()).or_insert(0) += 1;
            folders.insert(folder, body);
        }
    }
    for (folder, body) in &folders {
        let attached = env.files(&format!(".tickets/history/{folder}"));
        let texts = attached.iter().map(|file| env.read(format!(".tickets/history/{folder}/{file}")));
        let wanted = format!("attached to {}\n", body.trim_start_matches("message "));
        if !texts.into_iter().any(|text| text == wanted) {
            faults.push(format!("{folder} lacks its attachment: {attached:?}"));
        }
    }
    for body in &wanted {
        let count = found.get(body).copied().unwrap_or(0);
        if count != 1 {
            faults.push(format!("`{body}` lies {count} times in the archive"));
        }
    }
    for body in found.keys().filter(|body| !wanted.contains(body)) {
        // A message may be there before the turn that was cut could say that it sent it.
        if cut == Cut::RunnerAlone {
            faults.push(format!("`{body}` lies in the archive and was never sent"));
        }
    }
    let archived = env.events("outbox.archived").len() + env.events("reply.consumed").len();
    if archived != folders.len() {
        faults.push(format!("{archived} messages were archived, {} lie there", folders.len()));
    }
    for left in ["outbox/DISPATCH.md", "USER_REPLY.md", "outbox/COMMIT_MSG"] {
        if env.exists(format!(".tickets/{left}")) {
            faults.push(format!(".tickets/{left} is still there"));
        }
    }
    let waiting = std::fs::read_dir(env.path(".git/turnstile/worktrees/main/decisions"));
    let waiting = waiting.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let waiting: Vec<String> = waiting.filter(|name| !name.starts_with('.')).collect();
    if !waiting.is_empty() {
        faults.push(format!("decisions were never served: {waiting:?}"));
    }
}

/// No ticket is done without a check that was met, each check has one end, and none ran twice but one that was cut.
fn checks(story: &Story, cut: Cut, faults: &mut Vec<String>) {
    let env = &story.env;
    let ended = env.events("verify.finished");
    for done in env.events("ticket.done") {
        let is_proof = |line: &&Value| line["ticket"] == done["ticket"] && line["verdict"] == "met";
        if !ended.iter().any(|line| is_proof(&line)) {
            faults.push(format!("{} is done and was never checked", done["ticket"]));
        }
        let commit = done["commit"].as_str().unwrap_or_default();
        // A hook of the story adds a line behind it, so that git does not take it for a trailer any more.
        let message = env.git(&["log", "-1", "--format=%B", commit]);
        if !message.lines().any(|line| line.starts_with("Turnstile-Verify: ") && line.contains(" passed")) {
            faults.push(format!("{commit} does not say that it was checked"));
        }
    }
    let (begun, ran) = (env.events("verify.started").len(), story.checked());
    // One that the machine kept from its start has an end and never ran.
    let answered = ended.iter().filter(|line| !line["exit"].is_null()).count();
    if begun != ended.len() || ran < answered || (cut == Cut::RunnerAlone && ran > ended.len()) {
        faults.push(format!("{begun} checks were begun, {ran} ran, {} ended", ended.len()));
    }
}

/// No commit of turnstile's was made twice, each is named by the journal, and each that is named is on the branch.
fn commits(env: &TestEnv, faults: &mut Vec<String>) {
    let format = "--format=%H%x09%s%x09%(trailers:key=Turnstile-Run,valueonly,separator=%x20)%x09%(trailers:key=Turnstile-Turn,valueonly,separator=%x20)";
    let log = env.git(&["log", format]);
    let mut seen = BTreeSet::new();
    let mut on_branch = BTreeSet::new();
    let events: Vec<Value> = env.events("commit.made").into_iter().chain(env.events("checkpoint.made")).collect();
    let named: Vec<&str> = events.iter().filter_map(|line| line["commit"].as_str()).collect();
    for line in log.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        on_branch.insert(fields[0]);
        if fields.get(2).is_some_and(|run| !run.is_empty()) {
            if !seen.insert(fields[1..].join("\t")) {
                faults.push(format!("a commit was made twice: {line}"));
            }
            if !named.contains(&fields[0]) {
                faults.push(format!("a commit is not in the journal: {line}"));
            }
        }
    }
    for commit in env.events("commit.made").iter().filter_map(|line| line["commit"].as_str()) {
        if !on_branch.contains(commit) {
            faults.push(format!("commit {commit} was reported and is not on the branch"));
        }
    }
    if env.git(&["symbolic-ref", "HEAD"]) != "refs/heads/main" {
        faults.push("HEAD is elsewhere".to_owned());
    }
}

/// Git finds nothing wrong, every kept tree can be read, and no lock, marker or half-written file is left.
fn repository(env: &TestEnv, faults: &mut Vec<String>) {
    let fsck = env.command("git").args(["fsck", "--strict", "--no-dangling"]).output().unwrap();
    if !fsck.status.success() || !fsck.stdout.is_empty() {
        faults.push(format!("{fsck:?}"));
    }
    let references = env.git(&["for-each-ref", "--format=%(refname)", "refs/turnstile"]);
    for reference in references.lines() {
        let tree = format!("{reference}^{{tree}}");
        if !env.command("git").args(["ls-tree", "-r", &tree]).output().unwrap().status.success() {
            faults.push(format!("{reference} cannot be read"));
        }
    }
    let run = env.run_id().unwrap_or_default();
    for line in env.events("turn.finished").iter().chain(&env.events("turn.interrupted")) {
        for side in ["before", "after"] {
            let reference = format!("refs/turnstile/checkpoints/{run}/{}/{side}", line["turn"]);
            if line[side].is_string() && !references.lines().any(|known| known == reference) {
                faults.push(format!("{reference} is not there"));
            }
        }
    }
    for entry in walkdir::WalkDir::new(env.path(".git")).into_iter().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy();
        let ours = name.starts_with("turnstile-") || name == "marker";
        // A git of the agent's that was killed in the middle of a merge leaves this one, and every other git goes on.
        let agents = name == "AUTO_MERGE.lock";
        if (name.ends_with(".lock") && !agents) || ours {
            faults.push(format!("{} is left", entry.path().display()));
        }
    }
    for file in env.files("") {
        let name = file.rsplit('/').next().unwrap_or_default();
        if name.contains(".turnstile-") || (name.starts_with('.') && name.contains(".part")) {
            faults.push(format!("{file} is left"));
        }
    }
}

//! Runs that ended long ago. What makes them old is what is written in their journals and names, as in a real one.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use turnstile::store::{Draft, Journal, Line};

use super::TestEnv;

impl TestEnv {
    /// Everything that the machine keeps of a run.
    pub fn folder_of(&self, run: &str) -> PathBuf {
        self.path(".git/turnstile/runs").join(run)
    }

    /// The references of a run's kept trees, without what they begin with.
    pub fn kept_of(&self, run: &str) -> Vec<String> {
        let below = format!("refs/turnstile/checkpoints/{run}/");
        let all = self.git(&["for-each-ref", "--format=%(refname)", below.trim_end_matches('/')]);
        all.lines().map(|name| name.strip_prefix(&below).unwrap().to_owned()).collect()
    }

    /// Moves everything of the worktree's last run into the past; its name from then on. `linked` is the folder of
    /// another worktree, for its last run.
    pub fn age_run(&self, run: &str, days: i64) -> String {
        let earlier = |ts: &str| {
            let then = ts.parse::<Timestamp>().unwrap() - SignedDuration::from_hours(24 * days);
            format!("{then:.3}")
        };
        let journal = self.folder_of(run).join("journal.jsonl");
        let lines = Journal::read(&journal).unwrap();
        let began: Timestamp = earlier(&lines[0].ts).parse().unwrap();
        let stamp = began.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d-%H%M%S").to_string();
        let old = format!("{stamp}-{}", run.rsplit('-').next().unwrap());
        let text: String = lines
            .into_iter()
            .map(|line| Line { ts: earlier(&line.ts), run: old.clone(), ..line }.to_json() + "\n")
            .collect();
        self.write(&journal, text);
        std::fs::rename(self.folder_of(run), self.folder_of(&old)).unwrap();
        for name in self.kept_of(run) {
            let (from, to) = (reference(run, &name), reference(&old, &name));
            self.git(&["update-ref", &to, &from]);
            self.git(&["update-ref", "-d", &from]);
        }
        for entry in std::fs::read_dir(self.path(".git/turnstile/worktrees")).unwrap() {
            let pointer = entry.unwrap().path().join("run");
            if std::fs::read_to_string(&pointer).is_ok_and(|text| text.trim() == run) {
                self.write(pointer, format!("{old}\n"));
            }
        }
        old
    }

    /// A run of one turn that no worktree is in, with two kept trees and something that was put aside.
    pub fn plant_run(&self, run: &str, ended: &str) {
        self.plant_journal(run, ended, &["run.started", "run.completed"]);
        for (path, text) in [
            ("turns/1/prompt.md", "a prompt"),
            ("turns/1/stdout.log", "output"),
            ("turns/1/overwritten/file", "a person's"),
            ("saves/1/request.json", "{}"),
        ] {
            self.write(self.folder_of(run).join(path.replace("/1/", "/0001/")), text);
        }
        for side in ["1/before", "1/after"] {
            self.git(&["update-ref", &reference(run, side), "HEAD"]);
        }
    }

    /// The journal of a run, of these events.
    pub fn plant_journal(&self, run: &str, ended: &str, kinds: &[&str]) {
        let events: Vec<Draft> = kinds.iter().map(|kind| event(kind)).collect();
        let path = self.folder_of(run).join("journal.jsonl");
        if path.exists() {
            self.remove(&path);
        }
        Journal::begin(&path, run).append(&events, ended).unwrap();
    }

    /// The files that are left of a run.
    pub fn files_of(&self, run: &str) -> Vec<String> {
        let folder = self.folder_of(run);
        let walk = walkdir::WalkDir::new(&folder).sort_by_file_name().into_iter().map(Result::unwrap);
        walk.filter(|entry| !entry.file_type().is_dir())
            .map(|entry| entry.path().strip_prefix(&folder).unwrap().display().to_string())
            .collect()
    }
}

fn reference(run: &str, name: &str) -> String {
    format!("refs/turnstile/checkpoints/{run}/{name}")
}

fn event(kind: &str) -> Draft {
    let body = json!({"branch": "refs/heads/main", "head": null, "carried": {}});
    let body = body.as_object().filter(|_| kind == "run.started").cloned().unwrap_or_default();
    Draft { kind: kind.to_owned(), body, ..Draft::default() }
}

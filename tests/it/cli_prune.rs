//! `turnstile prune`, and what the end of a run drops.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::TestEnv;

/// A repository whose first run ended so many days ago, and whose second is the last; the name of the first.
fn two_runs(days: i64) -> (TestEnv, String) {
    let env = TestEnv::new();
    let tampers = "echo one > file\ncommit one\nprintf -- '---\\ntitle: C\\n---\\nLost\\n' > .tickets/002-b.md";
    env.agent(&[tampers, "claim", "claim", "claim", "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\nhold: later", "Do that.");
    env.commit_all("tickets");
    env.run_ends("completed");
    let old = env.age_run(&env.run_id().unwrap(), days);
    next_run(&env, "003-c");
    (env, old)
}

/// Another run, so that the one before is not the last any more.
fn next_run(env: &TestEnv, ticket: &str) {
    env.ticket(ticket, "title: C\ndone: false", "Do more.");
    env.commit_all("more");
    env.run_ends("completed");
}

const STAYS: [&str; 3] = ["journal.jsonl", "pruned", "turns/0001/overwritten/.tickets/002-b.md"];

#[test]
fn what_an_old_run_has_left_is_dropped_and_its_journal_stays() {
    let (env, old) = two_runs(31);
    let before = (env.files_of(&old), env.kept_of(&old), env.read(env.folder_of(&old).join("journal.jsonl")));
    let last = env.run_id().unwrap();
    let kept = env.kept_of(&last);
    assert_eq!(before.1.len(), 4);

    let would = env.json(&["prune", "--dry-run"]);
    let run = &would["runs"][0];
    assert_eq!((&run["run"], &run["refs"]), (&json!(old), &json!(4)));
    let whole = json!({"dry_run": true, "days": 30, "runs": [run], "refs": 4, "files": run["files"], "bytes": run["bytes"], "left": []});
    assert_eq!(would, whole);
    assert!(run["files"].as_u64().unwrap() > 8 && run["bytes"].as_u64().unwrap() > 1000, "{run}");
    assert_eq!((env.files_of(&old), env.kept_of(&old)), (before.0, before.1), "nothing was dropped");

    let mut done = env.json(&["prune"]);
    done["dry_run"] = json!(true);
    assert_eq!(done, would, "it drops what it said");
    assert_eq!(env.files_of(&old), STAYS);
    assert_eq!(env.kept_of(&old), [""; 0]);
    assert_eq!(env.read(env.folder_of(&old).join("journal.jsonl")), before.2);
    assert_eq!(env.read(env.folder_of(&old).join(STAYS[2])), "---\ntitle: C\n---\nLost\n");
    assert_eq!(env.kept_of(&last), kept);
    assert_snapshot!(env.turnstile(&["prune"]).text(), @r"
    --- stderr
    nothing to drop: no run older than 30 days has left anything but its journal
    --- exit 0
    ");
}

#[test]
fn people_are_told_what_goes_and_a_turn_of_a_pruned_run_says_what_is_gone() {
    let (env, old) = two_runs(400);
    let named = |text: String| text.replace(&old, "OLD");
    let text = named(env.turnstile(&["prune", "-n"]).text());
    let numbers = regex::Regex::new(r"\d+ file\(s\), [0-9.]+ KiB|ended \d{4}-\d\d-\d\d").unwrap();
    assert_snapshot!(numbers.replace_all(&text, "[N]"), @r"
    --- stdout
    would drop [RUN], [N]: 4 reference(s), [N]
    --- stderr
    would drop 4 reference(s), [N] of 1 run(s) older than 30 days; their journals stay
    --- exit 0
    ");
    let _ = env.turnstile(&["prune"]).exits(0);
    let turn = named(env.turnstile(&["show", "--turn", &format!("{old}/1")]).exits(0).text());
    let day = regex::Regex::new(r"\d{4}-\d\d-\d\d").unwrap();
    assert_snapshot!(day.replace_all(&turn, "[DAY]"), @r"
    --- stdout
    turn 1 of run [RUN]
      ticket   001-a
      agent    mine
      began    [WHEN]
      end      ended well
      took     [TIME]
      exit     0
      kept     [OID]
               [OID]
      commit   [OID]
      logs     dropped on [DAY], with the references of the kept trees: the run is old, and its journal is what stays
               what was put aside is still in [ROOT]/repo/.git/turnstile/runs/[RUN]/turns/0001/overwritten
    changed:
      .tickets/002-b.md
      file
    --- exit 0
    ");
    let document = env.json(&["show", "--turn", &format!("{old}/2")]);
    assert!(document["pruned"].is_string() && document["end"] == "finished", "{document}");
    assert_eq!(document["final"], json!(null));
    assert_eq!(env.json(&["show", "--turn", "1"])["pruned"], json!(null));
    let _ = env.turnstile(&["status"]).exits(0);
    let _ = env.turnstile(&["log"]).exits(0);
}

#[test]
fn thirty_days_are_not_yet_old() {
    let (env, old) = two_runs(29);
    assert_eq!(env.json(&["prune"])["runs"], json!([]));
    assert_eq!(env.kept_of(&old).len(), 4);
}

#[test]
fn the_last_run_of_a_worktree_stays_however_old_and_open_or_not() {
    let env = TestEnv::new();
    env.agent(&["claim", "ask 'Why?'", "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.git(&["worktree", "add", "-q", "../linked"]);
    let linked = env.root().join("linked");
    let _ = env.turnstile(&["-C", linked.to_str().unwrap(), "run"]).exits(0);
    let pointer = env.read(".git/turnstile/worktrees/linked/run");
    let completed = env.age_run(pointer.trim(), 60);
    env.run_ends("user_dispatch");
    let open = env.age_run(&env.run_id().unwrap(), 90);

    let pruned = env.json(&["prune"]);
    assert_eq!(pruned["runs"], json!([]));
    let left =
        |run: &str, name: &str| json!({"run": run, "why": format!("it is the last run of the worktree `{name}`")});
    assert_eq!(pruned["left"], json!([left(&open, "main"), left(&completed, "linked")]));

    // A disk that is away comes back; a worktree that git has forgotten does not.
    std::fs::rename(&linked, env.root().join("away")).unwrap();
    assert_eq!(env.json(&["prune"])["runs"], json!([]));
    env.git(&["worktree", "prune"]);
    assert_eq!(env.json(&["prune"])["runs"][0]["run"], json!(completed));
    assert_eq!(env.kept_of(&completed), [""; 0]);

    let _ = env.turnstile(&["reply", "-m", "Because."]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.run_id().unwrap(), open, "the old run goes on as if nothing had been");
}

#[test]
fn the_end_of_a_run_drops_old_runs_beyond_the_last_twenty() {
    let env = TestEnv::new();
    env.agent(&["claim", "ask 'Why?'"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    // The first is young: it began long ago and ended just now.
    let now = format!("{:.3}", jiff::Timestamp::now());
    env.plant_run("20191231-080000-aaaa", &now);
    let runs: Vec<String> = (1..=22).map(|day| format!("202001{day:02}-080000-aaaa")).collect();
    for run in &runs {
        env.plant_run(run, "2020-02-01T00:00:00.000Z");
    }
    // The second is the last one of another worktree.
    env.git(&["worktree", "add", "-q", "../linked"]);
    env.write(".git/turnstile/worktrees/linked/run", format!("{}\n", runs[0]));
    let output = env.turnstile(&["run"]).exits(0);
    assert!(output.stderr.contains("dropped the kept trees and logs of 2 run(s)"), "{}", output.text());
    let is_dropped = |run: &String| env.kept_of(run).is_empty() && env.files_of(run).len() == 3;
    let dropped: Vec<bool> = runs.iter().map(is_dropped).collect();
    assert_eq!((&dropped[..3], dropped[3..].contains(&true)), (&[false, true, true][..], false));
    assert_eq!(env.kept_of("20191231-080000-aaaa").len(), 2);

    // A run that is stopped ends as well.
    env.ticket("002-b", "title: B\ndone: false", "Do more.");
    env.commit_all("more");
    env.plant_run("20191230-080000-aaaa", "2020-02-01T00:00:00.000Z");
    env.run_ends("user_dispatch");
    assert_eq!(env.kept_of("20191230-080000-aaaa").len(), 2, "no run has ended");
    let _ = env.turnstile(&["stop"]).exits(0);
    assert_eq!(env.kept_of("20191230-080000-aaaa").len(), 0);
}

#[test]
fn what_a_killed_one_left_is_finished_by_the_next() {
    let (env, old) = two_runs(31);
    let lock = env.path(format!(".git/refs/turnstile/checkpoints/{old}/1/after.lock"));
    let packed = env.path(".git/packed-refs.lock");
    // Killed inside libgit2: it holds git's locks, and nobody lives who would let go of them.
    let killed = || {
        let stamp = |path: &std::path::Path, text: &str, age: u64| {
            env.write(path, text);
            let then = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
            std::fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
        };
        stamp(&env.path(".git/turnstile/pruning"), &format!("{old}\n"), 30);
        stamp(&lock, "", 20);
        stamp(&packed, "# pack-refs", 20);
    };
    killed();
    next_run(&env, "004-d");
    assert!(!lock.exists() && !packed.exists(), "the next run does not leave them either");
    killed();
    assert_eq!(env.json(&["prune"])["refs"], 4);
    assert!(!lock.exists() && !packed.exists());
    assert_eq!((env.files_of(&old), env.kept_of(&old)), (STAYS.map(str::to_owned).to_vec(), Vec::new()));
    assert_eq!(env.read(".git/turnstile/pruning"), "");
}

#[test]
fn one_at_a_time_and_beside_a_turn_that_is_under_way() {
    let (env, old) = two_runs(31);
    env.ticket("004-d", "title: D\ndone: false", "Do it.");
    env.commit_all("more");
    env.write(
        env.agent_folder().join("4.sh"),
        "touch $AGENT/began; while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done\nclaim",
    );
    let child = env.spawn(&["--json", "run"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());

    let file =
        std::fs::File::options().write(true).create(true).truncate(false).open(env.path(".git/turnstile/pruning"));
    let held = file.unwrap();
    held.lock().unwrap();
    assert_eq!(env.turnstile(&["--json", "prune"]).exits(75).error()["code"], "busy");
    assert_eq!(env.json(&["prune", "--dry-run"])["refs"], 4, "looking takes no lock");
    drop(held);
    assert_eq!(env.json(&["prune"])["refs"], 4);
    assert_eq!(env.kept_of(&old), [""; 0]);
    assert_eq!(env.kept_of(&env.run_id().unwrap()), ["1/before"]);

    env.write(env.agent_folder().join("go"), "");
    crate::support::ended_with(&env.wait(child), "completed");
}

#[test]
fn what_does_not_say_how_old_it_is_or_was_never_ended_stays_and_is_named() {
    let (env, old) = two_runs(31);
    let then = "2020-02-01T00:00:00.000Z";
    let [no_time, no_journal, no_folder, no_end] = [1, 2, 3, 4].map(|day| format!("2020010{day}-080000-aaaa"));
    for run in [&no_time, &no_journal, &no_folder, &no_end] {
        env.plant_run(run, then);
    }
    env.plant_journal(&no_time, "no time", &["run.started", "run.completed"]);
    env.remove(env.folder_of(&no_journal).join("journal.jsonl"));
    env.remove(env.folder_of(&no_folder));
    env.plant_journal(&no_end, then, &["run.started"]);
    let pruned = env.json(&["prune"]);
    assert_eq!(pruned["runs"].as_array().unwrap().len(), 1);
    assert_eq!(pruned["runs"][0]["run"], json!(old));
    let left: Vec<[&str; 2]> = pruned["left"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| ["run", "why"].map(|key| left[key].as_str().unwrap()))
        .collect();
    assert_eq!(left.iter().map(|[run, _]| *run).collect::<Vec<_>>(), [&no_time, &no_journal, &no_folder, &no_end]);
    for ([_, why], told) in left.iter().zip(["no time", "it is gone", "it is gone", "never ended"]) {
        assert!(why.contains(told) || told == "no time" && why.contains("journal.jsonl:2"), "{why}");
    }
    for run in [&no_time, &no_journal, &no_folder, &no_end] {
        assert_eq!(env.kept_of(run).len(), 2);
    }
}

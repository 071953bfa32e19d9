//! Hooks and runners are ended at every point of [`turnstile::crash`] that is theirs, and at those of the files that
//! they write. The next start serves what was kept; a hook that was ended before it kept anything has promised nothing.

use turnstile::crash::Point;

use crate::support::TestEnv;

/// A hook whose start is refused, and one whose start is served; then a person, in case nobody is left.
fn story(fatal: &str) -> (TestEnv, String) {
    let mut env = TestEnv::new();
    env.agent(&["claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env.trust();
    let log = env.root().join("passages");
    env.set("_TURNSTILE_CRASH_LOG", log.display().to_string());
    env.set("_TURNSTILE_CRASH_AT", fatal);
    env.write("README.md", "mine\n");
    let _ = env.call_hook("pre-push", "");
    env.settled();
    env.git(&["commit", "--quiet", "-am", "mine"]);
    let _ = env.call_hook("pre-push", "");
    env.settled();
    let _ = env.turnstile(&["run"]);
    env.settled();
    // Where it was the person's own command that was ended, a person tries again.
    env.run_ends("completed");
    env.settled();
    let passed = std::fs::read_to_string(log).unwrap_or_default();
    (env, passed)
}

/// What is wrong after one end at a point; whether the story came by there at all.
fn strike(name: &str, passage: usize) -> (bool, Vec<String>) {
    let (env, passed) = story(&format!("{name}:{passage}"));
    let mut faults = Vec::new();
    if env.turns() != ["1 001-a"] {
        faults.push(format!("{name}:{passage}: {:?}", env.turns()));
    }
    if !env.triggers().is_empty() {
        faults.push(format!("{name}:{passage}: left {:?}", env.triggers()));
    }
    if let Some(refused) = env.refused() {
        faults.push(format!("{name}:{passage}: still refused: {refused}"));
    }
    let temporary = std::fs::read_dir(env.path(".git/turnstile/triggers")).unwrap().flatten();
    let temporary = temporary.map(|entry| entry.file_name().into_string().unwrap());
    let left: Vec<String> = temporary.filter(|name| name.starts_with(".turnstile-")).collect();
    // Whoever is killed with a half-written file leaves it to the next runner of a hook.
    if left.len() > 1 {
        faults.push(format!("{name}:{passage}: left {left:?}"));
    }
    (passed.lines().filter(|line| *line == name).count() >= passage, faults)
}

#[test]
fn ended_at_the_points_of_triggers() {
    let mut faults = Vec::new();
    for point in Point::ALL.iter().filter(|point| point.name().starts_with("trigger.")) {
        for passage in 1..=2 {
            let (reached, found) = strike(point.name(), passage);
            faults.extend(found);
            if !reached && passage == 1 {
                faults.push(format!("the story never comes by {}", point.name()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn ended_while_the_files_of_a_trigger_are_written() {
    let mut faults = Vec::new();
    for name in ["folder.made", "file.filled", "file.renamed"] {
        let (reached, found) = strike(name, 1);
        faults.extend(found);
        if !reached {
            faults.push(format!("the story never comes by {name}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

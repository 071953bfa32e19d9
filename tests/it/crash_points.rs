//! The program is ended at every point of [`turnstile::crash`], in the runner and in its children, and then run to
//! the end of the story. `TURNSTILE_CRASH_PASSAGES=all` ends it at every passage of every point, which takes long.

use std::collections::VecDeque;
use std::sync::Mutex;

use turnstile::crash::Point;

use crate::support::{Cut, Story, setting};

/// How many stories are played at once by one test; each waits most of its time.
const AT_ONCE: usize = 3;

/// What has to be struck first, so that a point is come by at all.
fn before(point: Point) -> Option<Point> {
    match point {
        Point::RecoverBegun | Point::RecoverBranch | Point::RecoverIndex | Point::RecoverLock => Some(Point::SaveMoved),
        Point::LostCleared => Some(Point::SaveLocked),
        Point::LostEnded => Some(Point::ProgramOver),
        Point::CheckCleared => Some(Point::CheckOver),
        _ => None,
    }
}

/// Whether a point is come by in a child, so that a turn may be cut.
fn in_child(point: Point) -> bool {
    let name = point.name();
    let child = [
        "check.over",
        "check.cleared",
        "child.",
        "record.",
        "program.",
        "keep.",
        "save.",
        "adopt.",
        "lost.",
        "turn.kept",
        "turn.words",
    ];
    child.iter().any(|prefix| name.starts_with(prefix)) && point != Point::SavePrepared
}

/// Plays the story with one end at the n-th passage of a point; whether it came by there at all, and what is wrong.
fn strike(point: Point, passage: usize) -> (bool, Vec<String>) {
    let mut story = Story::new("branch");
    let log = story.env.root().join("passages");
    let first = before(point).map(|first| format!("{}:1,", first.name())).unwrap_or_default();
    story.env.set("_TURNSTILE_CRASH_LOG", log.display().to_string());
    story.env.set("_TURNSTILE_CRASH_AT", format!("{first}{}:{passage}", point.name()));
    let mut faults = match story.play() {
        Ok(()) => story.faults(if in_child(point) { Cut::Effects } else { Cut::RunnerAlone }),
        Err(stuck) => vec![stuck],
    };
    let passed = std::fs::read_to_string(log).unwrap_or_default();
    let reached = passed.lines().filter(|line| *line == point.name()).count() >= passage;
    if !faults.is_empty() {
        faults.insert(0, format!("{}:{passage}", point.name()));
        faults.push(format!("{}\n{}", story.told, story.env.kinds().join(" ")));
    }
    (reached, faults)
}

/// Ends the program at each of these points.
#[expect(clippy::print_stdout, reason = "how often is worth knowing")]
fn strike_all(points: &[Point]) {
    let all = setting("TURNSTILE_CRASH_PASSAGES").is_some_and(|value| value == "all");
    let mut first: VecDeque<(Point, usize)> = points.iter().map(|point| (*point, 1)).collect();
    // The second child is not a turn's, and is waited for in another way.
    first.extend(points.iter().filter(|point| **point == Point::ChildLease).map(|point| (*point, 2)));
    let waiting = Mutex::new(first);
    let faults = Mutex::new(Vec::new());
    let strikes = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop_front();
                    let Some((point, passage)) = next else { break };
                    let (reached, found) = strike(point, passage);
                    faults.lock().unwrap().extend(found);
                    if reached {
                        strikes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    } else if passage == 1 {
                        faults.lock().unwrap().push(format!("the story never comes by {}", point.name()));
                    }
                    if all && reached {
                        waiting.lock().unwrap().push_back((point, passage + 1));
                    }
                }
            });
        }
    });
    println!("ended {} times", strikes.into_inner());
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The points whose names begin so.
fn of(families: &[&str]) -> Vec<Point> {
    let belongs = |point: &Point| families.iter().any(|family| point.name().starts_with(&format!("{family}.")));
    Point::ALL.iter().copied().filter(belongs).collect()
}

/// The families, as the tests below take them.
const FAMILIES: [&[&str]; 4] = [
    &["lock", "journal", "run", "file", "folder", "decision", "act", "prune"],
    &["turn", "lease", "effect", "archive", "reply", "contract"],
    &["check", "child", "record", "program", "keep", "lost"],
    &["save", "adopt", "recover"],
];

/// These have stories of their own, in the tests of what they belong to.
const ELSEWHERE: [&str; 4] = ["hub", "notice", "trigger", "undo"];

#[test]
fn ended_at_the_points_of_the_store() {
    strike_all(&of(FAMILIES[0]));
}

#[test]
fn ended_at_the_points_of_turns_and_messages() {
    strike_all(&of(FAMILIES[1]));
}

#[test]
fn ended_at_the_points_of_children() {
    strike_all(&of(FAMILIES[2]));
}

#[test]
fn ended_at_the_points_of_commits() {
    strike_all(&of(FAMILIES[3]));
}

#[test]
fn every_point_belongs_to_one_of_these_tests() {
    let taken: usize = FAMILIES.iter().map(|families| of(families).len()).sum();
    assert_eq!(taken + of(&ELSEWHERE).len(), Point::ALL.len());
}

#[test]
fn the_story_as_it_goes_when_nothing_is_cut() {
    for mode in ["ref", "branch"] {
        let mut story = Story::new(mode);
        story.play().unwrap();
        assert_eq!(story.faults(Cut::RunnerAlone), [""; 0], "{mode}");
    }
}

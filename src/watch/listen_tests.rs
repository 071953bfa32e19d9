use std::fs;
use std::path::PathBuf;

use super::super::places::Place;
use super::*;

/// A folder to watch, deep, and a git directory beside it of which two names count.
fn world() -> (tempfile::TempDir, PathBuf, Places) {
    let room = tempfile::tempdir().unwrap();
    let top = room.path().canonicalize().unwrap();
    fs::create_dir_all(top.join(".tickets/epic")).unwrap();
    fs::create_dir_all(top.join(".git")).unwrap();
    let names = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let places = Places(vec![
        Place { folder: top.clone(), deep: false, names: names(&[".tickets"]) },
        Place { folder: top.join(".tickets"), deep: true, names: None },
        Place { folder: top.join(".git"), deep: false, names: names(&["HEAD", "index"]) },
    ]);
    (room, top, places)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Whether a change is heard of within a time that is long for a machine.
fn hears(runtime: &tokio::runtime::Runtime, watch: &mut Watch) -> bool {
    let waited = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), watch.changed()).await });
    waited.is_ok_and(|heard| heard.is_ok())
}

/// Whether nothing is heard for longer than a debounce.
fn stays_quiet(runtime: &tokio::runtime::Runtime, watch: &mut Watch) -> bool {
    runtime.block_on(async { tokio::time::timeout(Duration::from_millis(800), watch.changed()).await }).is_err()
}

#[test]
fn a_file_that_is_written_renamed_or_removed_is_heard_of() {
    let (_room, top, places) = world();
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Events).unwrap());
    fs::write(top.join(".tickets/1-a.md"), "one").unwrap();
    assert!(hears(&runtime, &mut watch), "written");
    fs::write(top.join(".tickets/.1-a.md.swp"), "two and more").unwrap();
    fs::rename(top.join(".tickets/.1-a.md.swp"), top.join(".tickets/1-a.md")).unwrap();
    assert!(hears(&runtime, &mut watch), "saved by a rename");
    fs::write(top.join(".tickets/epic/2-b.md"), "deep").unwrap();
    assert!(hears(&runtime, &mut watch), "deep");
    fs::remove_file(top.join(".tickets/1-a.md")).unwrap();
    assert!(hears(&runtime, &mut watch), "removed");
}

#[test]
fn reading_other_names_and_gits_locks_wake_nobody() {
    let (_room, top, places) = world();
    fs::write(top.join(".tickets/1-a.md"), "one").unwrap();
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Events).unwrap());
    drop(fs::read(top.join(".tickets/1-a.md")).unwrap());
    assert_eq!(fs::read_dir(top.join(".tickets")).unwrap().count(), 2);
    fs::write(top.join("build.log"), "x").unwrap();
    fs::write(top.join(".git/index.lock"), "x").unwrap();
    fs::write(top.join(".git/FETCH_HEAD"), "x").unwrap();
    assert!(stays_quiet(&runtime, &mut watch));
    fs::rename(top.join(".git/index.lock"), top.join(".git/index")).unwrap();
    assert!(hears(&runtime, &mut watch));
}

#[test]
fn many_changes_are_one_wake_up() {
    let (_room, top, places) = world();
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Events).unwrap());
    for number in 0..200 {
        fs::write(top.join(format!(".tickets/{number}.md")), "x").unwrap();
    }
    assert!(hears(&runtime, &mut watch));
    assert!(stays_quiet(&runtime, &mut watch));
}

#[test]
fn a_folder_that_vanishes_and_comes_back_is_watched_again() {
    let (_room, top, places) = world();
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Events).unwrap());
    fs::remove_dir_all(top.join(".tickets")).unwrap();
    assert!(hears(&runtime, &mut watch), "gone");
    fs::create_dir(top.join(".tickets")).unwrap();
    assert!(hears(&runtime, &mut watch), "back");
    fs::write(top.join(".tickets/1-a.md"), "one").unwrap();
    assert!(hears(&runtime, &mut watch), "written to");
}

#[test]
fn events_that_were_lost_set_the_watch_up_anew() {
    let (_room, top, places) = world();
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Events).unwrap());
    // What the system tells when its queue ran over.
    let (sender, heard) = tokio::sync::mpsc::unbounded_channel();
    sender.send(Heard::Lost).unwrap();
    watch.heard = heard;
    assert!(hears(&runtime, &mut watch));
    fs::write(top.join(".tickets/1-a.md"), "one").unwrap();
    assert!(hears(&runtime, &mut watch), "the old channel would have told nothing");
}

#[test]
fn without_events_a_look_is_due_every_so_often() {
    let (_room, _top, places) = world();
    let interval = Duration::from_millis(50);
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Poll(interval)).unwrap());
    let since = Instant::now();
    assert!(hears(&runtime, &mut watch) && hears(&runtime, &mut watch));
    assert!(since.elapsed() >= 2 * interval);
}

#[test]
fn changes_that_never_stop_are_heard_of_all_the_same() {
    let (_room, top, places) = world();
    let (runtime, mut watch) = (runtime(), Watch::new(places, How::Events).unwrap());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                fs::write(top.join(".tickets/1-a.md"), "x").unwrap();
                std::thread::sleep(DEBOUNCE / 6);
            }
        });
        let heard = hears(&runtime, &mut watch);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(heard);
    });
}

//! The walk-throughs of docs/git-driven.md are typed as they stand there, one block after the other.

use crate::support::TestEnv;

/// Types the commands below a heading of the document; what came of it, and what was shown.
fn walk_through(heading: &str) -> (TestEnv, String) {
    let mut env = TestEnv::without_repository();
    env.asks_for_trust();
    let document = include_str!("../../docs/git-driven.md");
    let (_, section) = document.split_once(&format!("{heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<&str> = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 3, "{blocks:?}");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_turnstile")).parent().unwrap();
    let script = format!("set -eu\nPATH='{}':$PATH\n{}", program.display(), blocks.concat());
    let output = env.command("timeout").args(["120", "sh", "-c", &script]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    env.settled();
    (env, told)
}

#[test]
fn a_hub_with_two_clones_works_as_documented() {
    let (env, told) = walk_through("### On one machine");
    assert!(told.contains("Blue or green?") && told.contains("untrusted"), "{told}");
    assert_eq!(std::fs::read_to_string(env.root().join("reviewer/door.txt")).unwrap(), "blue\n");
}

#[test]
fn an_ordinary_clone_works_as_documented() {
    let (env, told) = walk_through("## An ordinary clone");
    assert!(told.contains("turnstile: trigger kept") && told.contains("Blue or green?"), "{told}");
    let log = "Dana: 001-paint-the-door: done\nDana: Paint the door\nRavi: Blue\n\
               Dana: 001-paint-the-door: waits for an answer\nDana: A ticket\n";
    assert!(told.contains(log), "{told}");
    let pushed = env.command("git").args(["-C", "origin.git", "show", "main:door.txt"]).output().unwrap();
    assert_eq!(pushed.stdout, b"blue\n");
}

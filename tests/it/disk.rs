//! A disk that is really full: a small file system in memory, mounted where only this test sees it.

use serde_json::Value;

use crate::support::{TestEnv, skipped};

/// Runs in a namespace of its own; `$1` is the world's folder, `$2` the program. The repository is moved to a small
/// file system and, at the end, back.
const STORY: &str = r#"
set -u
cd "$1"
mkdir away
mount -t tmpfs -o size=96m none away || exit 99
cp -a repo/. away/
mount --bind away repo || exit 99
cd repo
run() { "$2" --json run > "../$1.json" 2> "../$1.err"; echo $? > "../$1.exit"; }
dd if=/dev/zero of=.git/filler bs=1M count=60 2> /dev/null
run short "$2"
rm .git/filler
run full "$2"
df --output=avail -k . | tail -n 1 > ../left
rm -f .git/filler
for n in 1 2 3 4 5; do
    run after "$2"
    grep -q '"completed"' ../after.json && break
done
cd ..
mkdir kept
cp -a away/. kept/
"#;

/// The first turn works, tells something and fills the disk to the last byte; the second one claims.
const SCRIPTS: [&str; 3] = [
    "echo one > file\ncommit one\ntell 'Half of it'\necho $TURNSTILE_RUN/$TURNSTILE_TURN >> $AGENT/ran\ndd if=/dev/zero of=.git/filler bs=4k 2> /dev/null || true\necho x >> .git/filler || true",
    "echo $TURNSTILE_RUN/$TURNSTILE_TURN >> $AGENT/ran\nclaim",
    "echo $TURNSTILE_RUN/$TURNSTILE_TURN >> $AGENT/ran\nclaim",
];

#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    let env = TestEnv::new();
    env.agent(&SCRIPTS);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let script = env.root().join("story.sh");
    std::fs::write(&script, STORY).unwrap();
    let output = env
        .command("unshare")
        .args(["-rm", "sh"])
        .args([script.as_os_str(), env.root().as_os_str(), env!("CARGO_BIN_EXE_turnstile").as_ref()])
        .output();
    let done = output.is_ok_and(|output| output.status.success());
    if !done || !env.root().join("kept").exists() {
        return skipped("a mount namespace with a file system in memory cannot be had here (`unshare -rm`)");
    }
    let read = |name: &str| env.read(env.root().join(name));
    let document = |name: &str| -> Value { serde_json::from_str(&read(&format!("{name}.json"))).unwrap_or_default() };

    // Below the floor no turn is spent.
    assert_eq!(
        (document("short")["reason"]["code"].as_str(), read("short.exit").trim()),
        (Some("repository_state"), "3")
    );
    assert!(document("short")["reason"]["message"].as_str().unwrap().contains("free"), "{}", document("short"));

    // Filled up in the middle of a turn: the run stops with git_failed or an error, and says what is full.
    assert_eq!(read("full.exit").trim(), "7", "{}\n{}", read("full.json"), read("full.err"));
    let said = format!("{}{}", read("full.json"), read("full.err"));
    assert!(said.contains("No space left on device"), "{said}");

    // With room again it goes on where it was.
    assert_eq!(document("after")["reason"]["code"], "completed", "{}\n{}", read("after.json"), read("after.err"));
    std::fs::rename(env.repo(), env.root().join("before")).unwrap();
    std::fs::rename(env.root().join("kept"), env.repo()).unwrap();
    assert_eq!(env.faults(), [""; 0]);
    let ran = read("agent/ran");
    let mut once: Vec<&str> = ran.lines().collect();
    once.dedup();
    assert_eq!(once.len(), ran.lines().count(), "a turn ran twice: {ran}");
    assert_eq!(env.events("turn.started").len(), once.len());
    let messages: Vec<String> =
        env.files(".tickets/history/001-a").into_iter().filter(|file| file.ends_with("DISPATCH.md")).collect();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(env.subjects()[..2], ["001-a: done", "one"]);
    assert_eq!(env.status(), [""; 0]);
}

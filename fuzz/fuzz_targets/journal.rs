//! A journal of any bytes is read or refused. With the right checksums its lines are folded or refused, too, and a
//! line that was read is written as one that can be read again.

#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use turnstile::flow::RunState;
use turnstile::run::event;
use turnstile::store::Journal;

fuzz_target!(|bytes: &[u8]| {
    let path = file();
    std::fs::write(&path, bytes).expect("a scratch file can be written");
    let _ = Journal::read(&path);

    let mut signed = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(open) = line.strip_suffix(b"}") else { continue };
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(line);
        signed.extend_from_slice(open);
        signed.extend_from_slice(format!(",\"sum\":\"{:08x}\"}}\n", hasher.finalize()).as_bytes());
    }
    std::fs::write(&path, &signed).expect("a scratch file can be written");
    let Ok(lines) = Journal::read(&path) else { return };
    let mut again = String::new();
    let mut state = RunState::default();
    let mut folds = true;
    for line in &lines {
        again.push_str(&line.to_json());
        again.push('\n');
        folds = folds && event(line).is_ok_and(|event| state.apply(&event).is_ok());
    }
    std::fs::write(&path, &again).expect("a scratch file can be written");
    assert_eq!(Journal::read(&path).expect("what was written can be read"), lines);
});

/// In memory where there is such a place; one for each process.
fn file() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("turnstile-fuzz-{}", std::process::id()))
}

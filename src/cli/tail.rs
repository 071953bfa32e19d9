//! What a running turn prints, line by line as it grows.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// At most so much is read at once: a program that prints without end does not fill the memory.
const CHUNK: usize = 256 * 1024;

/// A file that grows.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
    /// The beginning of a line that has not ended.
    begun: Vec<u8>,
}

impl Tail {
    /// Nothing of it was read.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, begun: Vec::new() }
    }

    /// The lines that ended since the last look, escaped and marked as somebody else's words.
    pub fn new_lines(&mut self) -> String {
        self.read();
        let end = match self.begun.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            // A line without end is shown in parts.
            None if self.begun.len() >= CHUNK => self.begun.len(),
            None => 0,
        };
        let rest = self.begun.split_off(end);
        marked(&std::mem::replace(&mut self.begun, rest))
    }

    /// Everything that is left, also a line that never ended.
    pub fn rest(mut self) -> String {
        let mut text = String::new();
        loop {
            let before = self.offset;
            text.push_str(&self.new_lines());
            if self.offset == before {
                return text + &marked(&self.begun);
            }
        }
    }

    /// A file that is not there yet, or is gone, has nothing new.
    fn read(&mut self) {
        let mut bytes = vec![0; CHUNK];
        let read = File::open(&self.path).and_then(|file| file.read_at(&mut bytes, self.offset)).unwrap_or(0);
        self.begun.extend_from_slice(&bytes[..read]);
        self.offset += read as u64;
    }
}

fn marked(bytes: &[u8]) -> String {
    let mut marked = String::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        marked.push_str(&format!("       |  {}\n", crate::text::shown(line)));
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_when_they_end_and_the_last_one_when_nothing_more_comes() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("stdout.log");
        let mut tail = Tail::new(path.clone());
        assert_eq!(tail.new_lines(), "", "not there yet");
        std::fs::write(&path, "one\ntw").unwrap();
        assert_eq!(tail.new_lines(), "       |  one\n");
        assert_eq!(tail.new_lines(), "");
        std::fs::write(&path, "one\ntwo\n\u{1b}[31mthree").unwrap();
        assert_eq!(tail.new_lines(), "       |  two\n");
        assert_eq!(tail.rest(), "       |  \\x1b[31mthree\n");
    }

    #[test]
    fn more_than_one_look_holds_is_shown_whole() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("stdout.log");
        let long = "x".repeat(3 * CHUNK + 7);
        std::fs::write(&path, &long).unwrap();
        let shown = Tail::new(path).rest();
        assert_eq!(shown.matches('x').count(), long.len());
    }
}

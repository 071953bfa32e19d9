//! The two streams of a program: drained without end, kept up to a limit, without secrets.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::secret::{Redactor, Screen};

/// One stream of a program.
pub(super) struct Stream<'s> {
    /// `None` when the other end was closed by all who had it.
    pipe: Option<File>,
    kept: Kept<'s, File>,
}

impl<'s> Stream<'s> {
    pub(super) fn new(pipe: OwnedFd, file: File, keep_bytes: u64, screen: &'s Screen) -> Self {
        Self { pipe: Some(File::from(pipe)), kept: Kept::new(file, keep_bytes, screen) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Puts the last of it on disk: how much came in all, and whether some of it was not kept.
    pub(super) fn finish(self) -> (u64, bool) {
        let (file, total, cut) = self.kept.finish();
        // The log is evidence, too, but the record does not depend on it.
        if total > 0 {
            let _ = file.sync_data();
        }
        (total, cut)
    }
}

/// Where a stream is kept; a file of an earlier attempt is emptied.
pub(super) fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Reads what the streams have, waiting for it up to `patience`. Says whether anything came.
pub(super) fn pump(streams: &mut [Stream<'_>; 2], patience: Duration) -> bool {
    let ready = wait_for_output(streams, patience);
    let mut came = false;
    for (stream, ready) in streams.iter_mut().zip(ready) {
        if ready {
            came |= take(stream);
        }
    }
    came
}

fn wait_for_output(streams: &[Stream<'_>; 2], patience: Duration) -> [bool; 2] {
    let open: Vec<usize> = (0..streams.len()).filter(|index| streams[*index].is_open()).collect();
    let mut descriptors: Vec<PollFd<'_>> = open
        .iter()
        .filter_map(|index| streams[*index].pipe.as_ref())
        .map(|pipe| PollFd::new(pipe, PollFlags::IN))
        .collect();
    if descriptors.is_empty() {
        thread::sleep(patience);
        return [false; 2];
    }
    let timeout = Timespec::try_from(patience).expect("patience is a fraction of a second");
    let mut ready = [false; 2];
    if poll(&mut descriptors, Some(&timeout)).is_ok() {
        for (index, descriptor) in open.into_iter().zip(&descriptors) {
            ready[index] = !descriptor.revents().is_empty();
        }
    }
    ready
}

fn take(stream: &mut Stream<'_>) -> bool {
    let mut buffer = [0; 16 * 1024];
    let Some(pipe) = &mut stream.pipe else { return false };
    match pipe.read(&mut buffer) {
        Ok(count) if count > 0 => {
            stream.kept.take(&buffer[..count]);
            true
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
        Ok(_) | Err(_) => {
            stream.pipe = None;
            false
        }
    }
}

/// Keeps the first three quarters and the last quarter of what it is given. Never refuses anything: the program must
/// not feel that its output is too long, or that the disk is full.
struct Kept<'s, W> {
    file: W,
    screen: &'s Screen,
    redactor: Redactor<'s>,
    head_bytes: u64,
    head_left: u64,
    /// How much of the end is kept; what the tail holds before that only tells whether a secret goes on in it.
    tail_bytes: u64,
    tail: Tail,
    total: u64,
    /// Whether the file took everything so far.
    failed: bool,
}

/// So much of the beginning of something is worth hiding.
const PIECE_OF_A_SECRET: usize = 4;

/// No known value is longer in one piece, and hardly a token.
const MARGIN: u64 = 16 * 1024;

impl<'s, W: Write> Kept<'s, W> {
    fn new(file: W, limit: u64, screen: &'s Screen) -> Self {
        let tail_bytes = limit / 4;
        Self {
            file,
            screen,
            redactor: Redactor::new(screen),
            head_bytes: limit - tail_bytes,
            head_left: limit - tail_bytes,
            tail_bytes,
            tail: Tail::new(tail_bytes + MARGIN),
            total: 0,
            failed: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let head = usize::try_from(self.head_left).unwrap_or(usize::MAX).min(bytes.len());
        self.head_left -= head as u64;
        let mut certain = Vec::new();
        self.redactor.take(&bytes[..head], &mut certain);
        self.write(&certain);
        self.tail.take(&bytes[head..]);
    }

    fn finish(mut self) -> (W, u64, bool) {
        let tail = std::mem::replace(&mut self.tail, Tail::new(0)).into_bytes();
        let kept = usize::try_from(self.tail_bytes).unwrap_or(usize::MAX);
        let unseen = tail.len().saturating_sub(kept);
        let left_out = self.total - (self.total.min(self.head_bytes) + (tail.len() - unseen) as u64);
        if left_out > 0 {
            let mut head = std::mem::replace(&mut self.redactor, Redactor::new(self.screen));
            let mut rest = Vec::new();
            if head.held() >= PIECE_OF_A_SECRET {
                // It may be the first half of a secret whose other half is left out.
                head.forget();
            }
            head.finish(&mut rest);
            self.write(&rest);
            self.write(format!("\n[turnstile: {left_out} bytes left out]\n").as_bytes());
            self.redactor.take(&tail[..unseen], &mut Vec::new());
            self.redactor.forget();
        }
        let mut rest = Vec::new();
        let from = if left_out > 0 { unseen } else { 0 };
        self.redactor.take(&tail[from..], &mut rest);
        self.write(&rest);
        rest.clear();
        let redactor = std::mem::replace(&mut self.redactor, Redactor::new(self.screen));
        redactor.finish(&mut rest);
        self.write(&rest);
        (self.file, self.total, left_out > 0 || self.failed)
    }

    fn write(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.failed = self.file.write_all(bytes).is_err();
        }
    }
}

/// The last bytes of a stream, in a ring.
struct Tail {
    ring: Vec<u8>,
    limit: usize,
    /// Where the oldest byte lies once the ring is full.
    oldest: usize,
}

impl Tail {
    fn new(limit: u64) -> Self {
        Self { ring: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX), oldest: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = (self.limit - self.ring.len()).min(bytes.len());
        self.ring.extend_from_slice(&bytes[..room]);
        let mut rest = &bytes[room..];
        if rest.len() > self.limit {
            rest = &rest[rest.len() - self.limit..];
        }
        while !rest.is_empty() {
            let count = (self.limit - self.oldest).min(rest.len());
            self.ring[self.oldest..self.oldest + count].copy_from_slice(&rest[..count]);
            self.oldest = (self.oldest + count) % self.limit;
            rest = &rest[count..];
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.ring.rotate_left(self.oldest);
        self.ring
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(limit: u64, pieces: &[Vec<u8>]) -> (Vec<u8>, u64, bool) {
        let screen = Screen::new(&[]);
        let mut kept = Kept::new(Vec::new(), limit, &screen);
        for piece in pieces {
            kept.take(piece);
        }
        kept.finish()
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let check = |limit, text: &str, expected: &str| {
            let (file, total, cut) = kept(limit, &[text.into()]);
            assert_eq!(String::from_utf8(file).unwrap(), expected);
            assert_eq!((total, cut), (text.len() as u64, text.len() as u64 > limit));
        };
        check(8, "12345678", "12345678");
        check(8, "123456789", "123456\n[turnstile: 1 bytes left out]\n89");
        check(8, "1234567890abcdef", "123456\n[turnstile: 8 bytes left out]\nef");
        check(3, "1234", "123\n[turnstile: 1 bytes left out]\n");
        check(0, "1", "\n[turnstile: 1 bytes left out]\n");
        check(8, "", "");
    }

    #[test]
    fn a_full_disk_is_not_the_programs_business() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let screen = Screen::new(&[]);
        let mut kept = Kept::new(Full, 100, &screen);
        kept.take(b"abc");
        let (_, total, cut) = kept.finish();
        assert_eq!((total, cut), (3, true));
    }

    #[test]
    fn a_secret_goes_wherever_the_stream_is_cut() {
        let known = crate::secret::Known { name: "API_KEY".into(), value: b"hunter22hunter22".to_vec() };
        let screen = Screen::new(&[known]);
        for before in 0..60 {
            let text = format!("{}hunter22hunter22{}", "x".repeat(before), "y".repeat(40));
            for piece in [1, 7, 100] {
                let mut kept = Kept::new(Vec::new(), 40, &screen);
                text.as_bytes().chunks(piece).for_each(|piece| kept.take(piece));
                let file = String::from_utf8(kept.finish().0).unwrap();
                assert!(!file.contains("hunt"), "{before}: {file}");
                assert!(!file.contains("er22"), "{before}: {file}");
            }
        }
    }

    proptest! {
        #[test]
        fn how_a_stream_is_cut_into_pieces_changes_nothing(
            limit in 0_u64..40,
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..8),
        ) {
            let whole: Vec<u8> = pieces.concat();
            let (file, total, cut) = kept(limit, &pieces);
            prop_assert_eq!(total, whole.len() as u64);
            prop_assert_eq!(cut, whole.len() as u64 > limit);
            let limit = usize::try_from(limit).unwrap();
            let tail = limit / 4;
            if whole.len() <= limit {
                prop_assert_eq!(file, whole);
            } else {
                prop_assert!(file.starts_with(&whole[..limit - tail]));
                prop_assert!(file.ends_with(&whole[whole.len() - tail..]));
            }
        }
    }
}

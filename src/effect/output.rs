//! The two streams of a program: drained without end, kept up to a limit.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// One stream of a program.
pub(super) struct Stream {
    /// `None` when the other end was closed by all who had it.
    pipe: Option<File>,
    kept: Kept<File>,
}

impl Stream {
    pub(super) fn new(pipe: OwnedFd, file: File, keep_bytes: u64) -> Self {
        Self { pipe: Some(File::from(pipe)), kept: Kept::new(file, keep_bytes) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Puts the last of it on disk: how much came in all, and whether some of it was not kept.
    pub(super) fn finish(self) -> (u64, bool) {
        let (file, total, cut) = self.kept.finish();
        // The log is evidence, too, but the record does not depend on it.
        let _ = file.sync_data();
        (total, cut)
    }
}

/// Where a stream is kept; a file of an earlier attempt is emptied.
pub(super) fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Reads what the streams have, waiting for it up to `patience`. Says whether anything came.
pub(super) fn pump(streams: &mut [Stream; 2], patience: Duration) -> bool {
    let ready = wait_for_output(streams, patience);
    let mut came = false;
    for (stream, ready) in streams.iter_mut().zip(ready) {
        if ready {
            came |= take(stream);
        }
    }
    came
}

fn wait_for_output(streams: &[Stream; 2], patience: Duration) -> [bool; 2] {
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

fn take(stream: &mut Stream) -> bool {
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
struct Kept<W> {
    file: W,
    head_left: u64,
    tail: Tail,
    total: u64,
    /// Whether the file took everything so far.
    failed: bool,
}

impl<W: Write> Kept<W> {
    fn new(file: W, limit: u64) -> Self {
        let tail = limit / 4;
        Self { file, head_left: limit - tail, tail: Tail::new(tail), total: 0, failed: false }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let head = usize::try_from(self.head_left).unwrap_or(usize::MAX).min(bytes.len());
        self.head_left -= head as u64;
        self.write(&bytes[..head]);
        self.tail.take(&bytes[head..]);
    }

    fn finish(mut self) -> (W, u64, bool) {
        let left_out = self.tail.left_out;
        if left_out > 0 {
            self.write(format!("\n[turnstile: {left_out} bytes left out]\n").as_bytes());
        }
        let tail = std::mem::replace(&mut self.tail, Tail::new(0));
        let (older, newer) = tail.parts();
        self.write(older);
        self.write(newer);
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
    left_out: u64,
}

impl Tail {
    fn new(limit: u64) -> Self {
        Self { ring: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX), oldest: 0, left_out: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = (self.limit - self.ring.len()).min(bytes.len());
        self.ring.extend_from_slice(&bytes[..room]);
        let mut rest = &bytes[room..];
        self.left_out += rest.len() as u64;
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

    fn parts(&self) -> (&[u8], &[u8]) {
        let (newer, older) = self.ring.split_at(self.oldest);
        (older, newer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(limit: u64, pieces: &[Vec<u8>]) -> (Vec<u8>, u64, bool) {
        let mut kept = Kept::new(Vec::new(), limit);
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
        let mut kept = Kept::new(Full, 100);
        kept.take(b"abc");
        let (_, total, cut) = kept.finish();
        assert_eq!((total, cut), (3, true));
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

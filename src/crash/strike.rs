//! The end of a process at a point, for builds with debug assertions.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;

use super::Point;

struct Armed {
    log: PathBuf,
    fatal: Vec<(String, usize)>,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Notes passages in `log` from now on, and ends this process at the `fatal` ones.
pub fn arm(log: PathBuf, fatal: &str) {
    let passages = fatal.split(',').filter_map(|passage| {
        let (name, number) = passage.split_once(':')?;
        Some((name.to_owned(), number.parse().ok()?))
    });
    // Nobody arms a process twice.
    let _ = ARMED.set(Armed { log, fatal: passages.collect() });
}

/// A place at which a test may end this process.
pub fn point(point: Point) {
    cut(point, || {});
}

/// The same, with something that is done only on the way to that end: half of a write.
pub fn cut(point: Point, half: impl FnOnce()) {
    let Some(armed) = ARMED.get() else { return };
    // A log that cannot be written belongs to a test that injects errors, and not to one that kills.
    if passed(armed, point.name()).is_ok_and(|number| armed.fatal.iter().any(|it| *it == (point.name().into(), number)))
    {
        half();
        // Where the kill fails, the loop below keeps the process from going on as if nothing had been asked.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

/// How often the point was passed, by whomever, this time included.
fn passed(armed: &Armed, name: &str) -> io::Result<usize> {
    let mut log = OpenOptions::new().create(true).read(true).append(true).open(&armed.log)?;
    log.lock()?;
    log.write_all(format!("{name}\n").as_bytes())?;
    log.rewind()?;
    let mut text = String::new();
    log.read_to_string(&mut text)?;
    Ok(text.lines().filter(|line| *line == name).count())
}

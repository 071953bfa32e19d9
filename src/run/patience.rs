//! Waiting for several things at once: a child's end, a signal, or a while.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::RunError;

/// What ended a wait.
pub(super) enum Woken {
    /// A child, or time.
    Look,
    /// A person asked for the end, for this many times now.
    Asked {
        /// How often so far.
        times: u32,
    },
}

/// The machinery takes descriptors and ends the process where there are none: they are asked for first, in its place.
fn enough_descriptors() -> std::io::Result<()> {
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        pairs.push(std::os::unix::net::UnixStream::pair()?);
    }
    Ok(())
}

/// More than a runtime and its signals take.
const PAIRS: usize = 5;

/// Waits, and remembers how often a person asked for the end.
pub struct Patience {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    child: Signal,
    asked: u32,
    since: Instant,
}

impl Patience {
    /// Listens from now on.
    pub fn new() -> Result<Self, RunError> {
        enough_descriptors().map_err(RunError::Wait)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Wait)?;
        let [interrupt, terminate, hangup, child] = {
            let _entered = runtime.enter();
            let listen = |kind| signal(kind).map_err(RunError::Wait);
            [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
                listen(SignalKind::child())?,
            ]
        };
        Ok(Self { runtime, interrupt, terminate, hangup, child, asked: 0, since: Instant::now() })
    }

    /// Something new is waited for.
    pub(super) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// How often a person asked for the end.
    pub(super) fn asked(&self) -> u32 {
        self.asked
    }

    /// Whether a person asked for the end.
    pub fn is_asked(&mut self) -> bool {
        self.poll() > 0
    }

    /// Looks for signals without waiting.
    pub(super) fn poll(&mut self) -> u32 {
        if let Woken::Asked { times } = self.wait_for(Duration::ZERO) {
            self.asked = times;
        }
        self.asked
    }

    /// Waits a little: short at first, longer for what takes long anyway. A child's end ends it at once.
    pub(super) fn wait(&mut self) -> Woken {
        let waited = self.since.elapsed();
        let pause = if waited < Duration::from_millis(200) {
            Duration::from_millis(2)
        } else if waited < Duration::from_secs(2) {
            Duration::from_millis(20)
        } else {
            Duration::from_millis(100)
        };
        self.wait_for(pause)
    }

    pub(super) fn wait_for(&mut self, pause: Duration) -> Woken {
        let Self { runtime, interrupt, terminate, hangup, child, asked, .. } = self;
        let was_asked = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => true,
                _ = terminate.recv() => true,
                _ = hangup.recv() => true,
                _ = child.recv() => false,
                () = tokio::time::sleep(pause) => false,
            }
        });
        if was_asked {
            *asked += 1;
            return Woken::Asked { times: *asked };
        }
        Woken::Look
    }
}

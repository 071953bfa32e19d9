//! Listening to a worktree: one wake-up for everything that happens within a moment, also where folders come and go.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::places::Places;
use super::source::Source;

/// After an event, so long a quiet is waited for: an editor saves in several steps.
pub const DEBOUNCE: Duration = Duration::from_millis(300);
/// Where there is no quiet, a look is due after this long all the same.
const LATEST: Duration = Duration::from_secs(2);

/// How files are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By the system's events.
    Events,
    /// By a look every so often, for file systems that tell nothing. Comparing files in between would be the same
    /// work once more, and two saves within a second would look alike.
    Poll(Duration),
}

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something changed.
    Change,
    /// Events were lost: what is watched has to be set up anew.
    Lost,
}

/// Why files cannot be watched by events.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system's limit, with what raises it.
    #[error(
        "the system's limit on {what} is reached; `sudo sysctl fs.inotify.{setting}={advised}` raises it until the next boot"
    )]
    Limit {
        /// Of what there are too many.
        what: &'static str,
        /// The setting that caps it.
        setting: &'static str,
        /// A value that is enough for most.
        advised: u32,
    },
    /// Anything else.
    #[error("files cannot be watched: {0}")]
    Other(#[from] notify::Error),
}

/// Watches a worktree's tickets and its git directory.
#[derive(Debug)]
pub struct Watch {
    places: Places,
    how: How,
    source: Option<Source>,
    heard: UnboundedReceiver<Heard>,
    /// The folders as they were when they began to be watched: one that was made anew is another.
    armed: Vec<Option<(u64, u64)>>,
}

impl Watch {
    /// Begins to watch.
    pub fn new(places: Places, how: How) -> Result<Self, WatchError> {
        match how {
            How::Poll(interval) => Ok(Self::polling(places, interval)),
            How::Events => {
                let armed = places.identities();
                let (source, heard) = Source::new(&places)?;
                Ok(Self { places, how, source: Some(source), heard, armed })
            }
        }
    }

    /// Looks every so often, without listening to anything.
    pub fn polling(places: Places, interval: Duration) -> Self {
        let armed = places.identities();
        Self { places, how: How::Poll(interval), source: None, heard: unbounded_channel().1, armed }
    }

    /// What is watched.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Forgets what was heard so far: whoever calls this looks afterwards.
    pub fn drain(&mut self) -> Result<(), WatchError> {
        let mut lost = false;
        while let Ok(heard) = self.heard.try_recv() {
            lost |= heard == Heard::Lost;
        }
        self.rearm(lost)
    }

    /// Waits until something changed and has been quiet for a moment.
    pub async fn changed(&mut self) -> Result<(), WatchError> {
        if let How::Poll(interval) = self.how {
            tokio::time::sleep(interval).await;
            return Ok(());
        }
        let Some(first) = self.heard.recv().await else { return std::future::pending().await };
        let mut lost = first == Heard::Lost;
        let since = Instant::now();
        while since.elapsed() < LATEST {
            match tokio::time::timeout(DEBOUNCE, self.heard.recv()).await {
                Ok(Some(heard)) => lost |= heard == Heard::Lost,
                Ok(None) | Err(_) => break,
            }
        }
        self.rearm(lost)
    }

    /// A folder that vanished and came back is another one, of which nothing is heard.
    fn rearm(&mut self, lost: bool) -> Result<(), WatchError> {
        let now = self.places.identities();
        if self.source.is_some() && (lost || now != self.armed) {
            let (source, heard) = Source::new(&self.places)?;
            (self.source, self.heard, self.armed) = (Some(source), heard, now);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;

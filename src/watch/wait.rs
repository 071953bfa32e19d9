//! Waiting until there is something to look at: a change, a time, or a person who has had enough.

use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::listen::{Watch, WatchError};

/// What ended a wait.
#[derive(Debug)]
pub enum Woken {
    /// Something changed, or may have.
    Change,
    /// It is time.
    Time,
    /// A person asked for the end.
    Asked,
    /// Nothing will be heard any more by these means.
    Deaf(WatchError),
}

/// Waits, and hears signals meanwhile.
#[derive(Debug)]
pub struct Waiter {
    runtime: Runtime,
    signals: [Signal; 3],
}

impl Waiter {
    /// Signals are heard from here on.
    pub fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _entered = runtime.enter();
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]
        };
        Ok(Self { runtime, signals })
    }

    /// Waits for a change, at most until the deadline; without one for ever.
    pub fn wait(&mut self, watch: &mut Watch, deadline: Option<Instant>) -> Woken {
        let time = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = asked(&mut self.signals) => Woken::Asked,
                heard = watch.changed() => heard.map_or_else(Woken::Deaf, |()| Woken::Change),
                () = time => Woken::Time,
            }
        })
    }

    /// Waits for a while, whatever changes.
    pub fn pause(&mut self, pause: Duration) -> Woken {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = asked(&mut self.signals) => Woken::Asked,
                () = tokio::time::sleep(pause) => Woken::Time,
            }
        })
    }
}

/// A person asks for the end, in one of the ways in which it is asked for.
async fn asked([interrupt, terminate, hangup]: &mut [Signal; 3]) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

//! What the world can refuse an effect.

use std::io;
use std::path::PathBuf;

/// An operation on an effect that did not work.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// A file of the effect could not be read. Absence is not an error; everything else is.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the effect could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A record is there and makes no sense.
    #[error("{path} is damaged, or of a newer version; move {path} away to have the effect counted as interrupted")]
    Damaged {
        /// Which record.
        path: PathBuf,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
    /// A record could not be put into words.
    #[error("cannot express the record {path}")]
    Express {
        /// Which record.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The lease could not be locked for another reason than that somebody holds it.
    #[error("cannot lock {path}")]
    Lock {
        /// The lease.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody holds the lease: the effect runs already.
    #[error("{path} is held: this effect runs already")]
    Held {
        /// The lease.
        path: PathBuf,
    },
    /// The effect was started before. It is never started a second time.
    #[error("{path} is there: this effect was started before and is not started again")]
    StartedBefore {
        /// The evidence.
        path: PathBuf,
    },
    /// The child could not be spawned.
    #[error("cannot start {exe} for {directory}")]
    Spawn {
        /// The program.
        exe: PathBuf,
        /// The effect.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The child was spawned again and again and never came as far as saying so.
    #[error("the process for {directory} ended {attempts} times before it began; see {log}")]
    NeverBegins {
        /// The effect.
        directory: PathBuf,
        /// How often it was tried.
        attempts: u64,
        /// What it said.
        log: PathBuf,
    },
    /// This process was not started as the child of the effect.
    #[error("the standard input is not the lease {path}: an effect is started by turnstile alone")]
    NotTheLease {
        /// The lease.
        path: PathBuf,
    },
    /// The child could not prepare itself.
    #[error("cannot {operation}")]
    Prepare {
        /// What it attempted.
        operation: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A signal could not be sent.
    #[error("cannot signal process {pid}")]
    Signal {
        /// To whom.
        pid: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
}

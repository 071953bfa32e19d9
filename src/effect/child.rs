//! The child's own side of an effect: hold the lease, say `started`, do it, record the end whatever happens.

use std::any::Any;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::FdFlags;
use rustix::process::setsid;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::process::{Identity, adopt_orphans};
use super::record::{Exit, exit_path, is_there, lease_path, started_path, stop_path};
use super::{EffectError, durable};
use crate::crash::{Point, point};

/// What the body of an effect may use.
#[derive(Debug)]
pub struct ChildContext<'a> {
    /// The directory of the effect; `request.json` is in it.
    pub directory: &'a Path,
    /// Turns true when the effect is asked to stop; hand it to [`run`](super::run).
    pub asked: Arc<AtomicBool>,
}

/// Carries out the effect in `directory`, in the process that [`launch`](super::launch) spawned for it. What `body`
/// returns, also by a panic, is the record. An error means that there is no record of this process's making.
pub fn child<T: Serialize>(
    directory: &Path,
    body: impl FnOnce(&ChildContext<'_>) -> Result<T, String>,
) -> Result<(), EffectError> {
    let lease = take_lease(directory)?;
    point(Point::ChildLease);
    for path in [started_path(directory), exit_path(directory)] {
        if is_there(&path)? {
            return Err(EffectError::StartedBefore { path });
        }
    }
    let outcome = match begin(directory) {
        Ok(context) => catch_unwind(AssertUnwindSafe(|| body(&context))).unwrap_or_else(|panic| Err(last_cry(&*panic))),
        Err(error) => Err(in_full(&error)),
    };
    point(Point::ChildDone);
    let recorded = record(directory, outcome);
    point(Point::ChildRecorded);
    // Only now may the next step look.
    drop(lease);
    recorded
}

/// The standard input is the lease. It moves to a descriptor that no program inherits, else a program that outlives
/// its turn would hold it.
fn take_lease(directory: &Path) -> Result<File, EffectError> {
    let path = lease_path(directory);
    let prepare = |operation| move |source: io::Error| EffectError::Prepare { operation, source };
    let lease = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3).map_err(io::Error::from);
    let lease = File::from(lease.map_err(prepare("take the lease from the standard input"))?);
    let held = lease.metadata().map_err(prepare("look at the standard input"))?;
    let named = std::fs::metadata(&path).map_err(|source| EffectError::Read { path: path.clone(), source })?;
    if (held.dev(), held.ino()) != (named.dev(), named.ino()) {
        return Err(EffectError::NotTheLease { path });
    }
    // The lock is ours already if turnstile started us: taking it again through the same open file is no change.
    match lease.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(EffectError::Held { path }),
        Err(TryLockError::Error(source)) => return Err(EffectError::Lock { path, source }),
    }
    let nothing = File::open("/dev/null").map_err(prepare("open /dev/null"))?;
    let replaced = rustix::stdio::dup2_stdin(&nothing).map_err(io::Error::from);
    replaced.map_err(prepare("put /dev/null in place of the standard input"))?;
    Ok(lease)
}

/// Everything up to `started`; nothing of the effect is done before that is on disk.
fn begin(directory: &Path) -> Result<ChildContext<'_>, EffectError> {
    let prepare = |operation| move |source: io::Error| EffectError::Prepare { operation, source };
    // A session of its own: neither Ctrl-C nor a closed terminal reaches it. It fails where this process leads a
    // group already, and then somebody has seen to that.
    let _ = setsid();
    adopt_orphans();
    keep_descriptors_to_ourselves().map_err(prepare("look at the open files"))?;
    let asked = Arc::new(AtomicBool::new(false));
    catch_signals(Arc::clone(&asked)).map_err(prepare("catch signals"))?;
    let path = started_path(directory);
    let identity = Identity::of_this_process().map_err(prepare("find out this process's start time"))?;
    let text = serde_json::to_vec(&identity).map_err(|source| EffectError::Express { path: path.clone(), source })?;
    durable::create(&path, &text).map_err(|source| EffectError::Write { path, source })?;
    point(Point::ChildStarted);
    // Whoever asks first leaves a note and then looks for `started`; we look in the opposite order, so that one of
    // the two always sees the other.
    if is_there(&stop_path(directory))? {
        asked.store(true, Ordering::SeqCst);
    }
    Ok(ChildContext { directory, asked })
}

/// What this process opens itself is closed in its programs. What it was given, say by `flock 9 turnstile run`, would
/// be handed on: a turn could then hold a lock of its caller's, or a pipe on which somebody waits.
fn keep_descriptors_to_ourselves() -> io::Result<()> {
    for entry in std::fs::read_dir("/dev/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            close_in_programs(number);
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "a descriptor that was inherited is known by its number only")]
fn close_in_programs(number: RawFd) {
    // SAFETY: the number is not -1, and it is borrowed for this one call, which only sets a flag; where nothing is open
    // under it any more, as is the case for the listing's own, the call fails and changes nothing.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let _ = rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC);
}

/// Handlers, and not "ignore": what is ignored would be ignored by the program as well.
fn catch_signals(asked: Arc<AtomicBool>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let [mut terminate, mut interrupt, mut hangup] = {
        let _entered = runtime.enter();
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?]
    };
    let listener = move || {
        runtime.block_on(async {
            while any(&mut terminate, &mut interrupt, &mut hangup).await {
                asked.store(true, Ordering::SeqCst);
            }
        });
    };
    thread::Builder::new().name("signals".into()).spawn(listener)?;
    Ok(())
}

async fn any(one: &mut Signal, two: &mut Signal, three: &mut Signal) -> bool {
    tokio::select! { it = one.recv() => it.is_some(), it = two.recv() => it.is_some(), it = three.recv() => it.is_some() }
}

/// A full disk may have room again in a moment, and an end that is not recorded costs a turn.
const RECORD_ATTEMPTS: u32 = 10;
const RECORD_PAUSE: Duration = Duration::from_millis(500);

fn record<T: Serialize>(directory: &Path, outcome: Result<T, String>) -> Result<(), EffectError> {
    let path = exit_path(directory);
    let exit = outcome.map_or_else(Exit::Err, Exit::Ok);
    let text = serde_json::to_vec(&exit)
        .or_else(|error| serde_json::to_vec(&Exit::<()>::Err(format!("the result cannot be recorded: {error}"))))
        .map_err(|source| EffectError::Express { path: path.clone(), source })?;
    let mut attempt = 1;
    loop {
        match durable::replace(&path, &text) {
            Ok(()) => return Ok(()),
            Err(source) if attempt == RECORD_ATTEMPTS => return Err(EffectError::Write { path, source }),
            Err(_) => thread::sleep(RECORD_PAUSE),
        }
        attempt += 1;
    }
}

fn last_cry(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("turnstile failed within itself: {}", text.unwrap_or("no message"))
}

fn in_full(error: &EffectError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

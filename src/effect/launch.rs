//! The runner's side of an effect's beginning: the lease passes to the child without a gap.
//!
//! A lock by `flock` belongs to the open file, not to the process. It is taken here, the open file becomes the
//! child's standard input, and from then on it is held until the last of the two processes has closed it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::EffectError;
use super::record::{exit_path, is_there, lease_path, log_path, started_path};
use crate::crash::{Point, point};

/// Starts `exe __effect DIRECTORY` in `cwd` with exactly `environment`, and does not wait for it. The directory is
/// there already, with the request in it.
///
/// An effect that ever began is not started again, whoever asks.
pub fn launch(
    exe: &Path,
    directory: &Path,
    environment: &[(OsString, OsString)],
    cwd: &Path,
) -> Result<(), EffectError> {
    let refused = |source| EffectError::Spawn { exe: exe.to_path_buf(), directory: directory.to_path_buf(), source };
    // The child stands in another directory.
    let directory = &std::path::absolute(directory).map_err(refused)?;
    let lease = locked_lease(directory)?;
    for path in [started_path(directory), exit_path(directory)] {
        if is_there(&path)? {
            return Err(EffectError::StartedBefore { path });
        }
    }
    point(Point::LeaseTaken);
    count_attempt(&lease, directory)?;
    point(Point::EffectAttempted);
    let log = open_log(directory)?;
    let second_log = log.try_clone().map_err(refused)?;
    let child = Command::new(exe)
        .arg("__effect")
        .arg(directory)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(cwd)
        .stdin(Stdio::from(lease))
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(second_log))
        .spawn();
    let mut child = child.map_err(refused)?;
    point(Point::EffectSpawned);
    // What the child says is in its record. Its exit status is collected only so that no zombie stays; where no
    // thread can be had, one stays until this process ends.
    let reaper = thread::Builder::new().name("effect".into()).spawn(move || child.wait());
    drop(reaper);
    Ok(())
}

/// A look at the lease by somebody else is over in microseconds; whoever holds it longer is the child.
fn locked_lease(directory: &Path) -> Result<File, EffectError> {
    let path = lease_path(directory);
    let lease = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path);
    let lease = lease.map_err(|source| EffectError::Write { path: path.clone(), source })?;
    for attempt in 1.. {
        match lease.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < 40 => thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(EffectError::Held { path }),
            Err(TryLockError::Error(source)) => return Err(EffectError::Lock { path, source }),
        }
    }
    Ok(lease)
}

/// A child that dies before it says `started` has done nothing and may be spawned again, but not for ever: now and
/// then the caller has to hear of it.
const PATIENCE: u64 = 20;

/// One byte in the lease for each attempt.
fn count_attempt(mut lease: &File, directory: &Path) -> Result<(), EffectError> {
    let path = lease_path(directory);
    let attempts = match lease.metadata() {
        Ok(metadata) => metadata.len(),
        Err(source) => return Err(EffectError::Read { path, source }),
    };
    lease.write_all(b".").map_err(|source| EffectError::Write { path, source })?;
    if attempts > 0 && attempts % PATIENCE == 0 {
        return Err(EffectError::NeverBegins {
            directory: directory.to_path_buf(),
            attempts,
            log: log_path(directory),
        });
    }
    Ok(())
}

fn open_log(directory: &Path) -> Result<File, EffectError> {
    let path = log_path(directory);
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    log.map_err(|source| EffectError::Write { path, source })
}

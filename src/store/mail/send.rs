//! Writing a message for the other side: its attachments first, its text last, and never over one that waits.

use super::attachments::{ATTACHMENTS_BYTES, ATTACHMENTS_FILES, stays};
use super::{
    Audience, COMMIT_MSG, DISPATCH, Folder, Layout, Links, OsStr, Path, PathBuf, StoreError, TEXT_CAP, TICKETS,
    USER_REPLY,
};

/// Writes `USER_REPLY.md` and copies the attachments to `reply/`. Refuses where a reply waits already.
pub fn write_reply(layout: &Layout, text: &str, attachments: &[PathBuf]) -> Result<PathBuf, StoreError> {
    let tickets = Folder::make(&layout.top, Audience::People)?.make_below(Path::new(TICKETS), Audience::People)?;
    send(&tickets, Some("reply"), USER_REPLY, text, attachments, Audience::People)
}

/// Writes `DISPATCH.md` and copies the attachments beside it. Refuses where a dispatch waits already.
pub fn write_dispatch(layout: &Layout, text: &str, attachments: &[PathBuf]) -> Result<PathBuf, StoreError> {
    let below = Path::new(TICKETS).join("outbox");
    let outbox = Folder::make(&layout.top, Audience::People)?.make_below(&below, Audience::People)?;
    send(&outbox, None, DISPATCH, text, attachments, Audience::People)
}

/// Writes a reply into a folder of the machine.
pub(in crate::store) fn write_spooled(
    folder: &Folder,
    text: &str,
    attachments: &[PathBuf],
) -> Result<PathBuf, StoreError> {
    send(folder, Some("reply"), USER_REPLY, text, attachments, Audience::Machine)
}

fn send(
    folder: &Folder,
    attach_below: Option<&str>,
    message: &str,
    text: &str,
    attachments: &[PathBuf],
    audience: Audience,
) -> Result<PathBuf, StoreError> {
    let path = folder.path().join(message);
    if folder.kind(OsStr::new(message))?.is_some() {
        return Err(StoreError::Exists { path });
    }
    let refused = |why: String| StoreError::Refused { path: path.clone(), why };
    if text.len() as u64 > TEXT_CAP {
        return Err(refused("its text is longer than 1 MiB; put the long part into an attachment".to_owned()));
    }
    if attachments.len() > ATTACHMENTS_FILES {
        return Err(refused(format!("there are more than {ATTACHMENTS_FILES} attachments")));
    }
    let mut files: Vec<(&OsStr, Vec<u8>)> = Vec::with_capacity(attachments.len());
    let mut left = ATTACHMENTS_BYTES;
    for from in attachments {
        let name = from.file_name().ok_or_else(|| refused(format!("{} is no file", from.display())))?;
        if name.to_str().is_none()
            || stays(name, &[message, COMMIT_MSG])
            || files.iter().any(|(taken, _)| *taken == name)
        {
            return Err(refused(format!("an attachment cannot be called {}; rename it", name.display())));
        }
        let bytes = read_attachment(from, left)?;
        left -= bytes.len() as u64;
        files.push((name, bytes));
    }
    if !files.is_empty() {
        let into = folder.make_below(Path::new(attach_below.unwrap_or_default()), audience)?;
        for (name, bytes) in &files {
            match into.write_new(name, bytes, audience) {
                // An attempt that was killed before its text left the same file behind.
                Err(StoreError::Exists { .. }) if matches!(into.read(name, bytes.len() as u64, Links::One)?, Ok(Some(found)) if found.bytes == *bytes) =>
                    {}
                result => result?,
            }
        }
    }
    folder.write_new(OsStr::new(message), text.as_bytes(), audience)?;
    Ok(path)
}

/// Reads a file that a person named; it may be reached over links, but it has to be a file of a size that can be sent.
fn read_attachment(path: &Path, cap: u64) -> Result<Vec<u8>, StoreError> {
    let real = path.canonicalize().map_err(|error| StoreError::read(path, error))?;
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(StoreError::Refused { path: path.to_owned(), why: "it is no file".to_owned() });
    };
    let missing = || StoreError::read(path, std::io::Error::from(std::io::ErrorKind::NotFound));
    let folder = Folder::open(folder)?.ok_or_else(missing)?;
    match folder.read(name, cap, Links::Any)? {
        Ok(Some(contents)) => Ok(contents.bytes),
        Ok(None) => Err(missing()),
        Err(crate::ticket::Unreadable::TooLarge { .. }) => {
            Err(StoreError::Refused { path: path.to_owned(), why: "the attachments are larger than 32 MiB".to_owned() })
        }
        Err(why) => Err(StoreError::Unusable { path: path.to_owned(), why }),
    }
}

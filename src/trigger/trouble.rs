//! Why no trigger can be kept in a repository, for whoever looks before one is lost.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::store::Layout;
use crate::text::shell_word;

/// What is the matter, and what to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub what: String,
    /// What to type.
    pub help: String,
}

/// Why no trigger can be kept here; none where one can.
pub fn trouble(layout: &Layout) -> Option<Trouble> {
    let machine = layout.machine();
    let triggers = layout.triggers();
    if !machine.is_dir() && machine.symlink_metadata().is_err() {
        // The first trigger makes both.
        return None;
    }
    if let Some(trouble) = of_folder(&machine, true) {
        return Some(trouble);
    }
    match triggers.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => write_into(&machine),
        _ => of_folder(&triggers, false).or_else(|| write_into(&triggers)),
    }
}

fn of_folder(folder: &Path, may_be_link: bool) -> Option<Trouble> {
    let shown = folder.display();
    let word = shell_word(&shown.to_string());
    let aside = |what: &str| Trouble {
        what: format!("no trigger can be kept: {shown} is {what}"),
        help: format!("mv {word} {word}.old"),
    };
    let found = match folder.symlink_metadata() {
        Ok(found) if found.is_symlink() && !may_be_link => {
            return Some(aside("a symbolic link, which is never followed"));
        }
        Ok(found) if found.is_symlink() => folder.metadata(),
        found => found,
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let what = format!("no trigger can be kept: cannot look at {shown}: {error}");
            return Some(Trouble { what, help: format!("ls -ld {word}") });
        }
    };
    if !found.is_dir() {
        return Some(aside("no folder"));
    }
    let here = rustix::process::geteuid().as_raw();
    (found.uid() != here).then(|| Trouble {
        what: format!(
            "triggers are kept for another user: {shown} belongs to user {}, and this one is {here}",
            found.uid()
        ),
        help: format!("as that user: turnstile doctor; or, if it is to be yours: chown -R {here} {word}"),
    })
}

/// Tries what keeping a trigger does; its name is one that the next sweep removes.
fn write_into(folder: &Path) -> Option<Trouble> {
    let path = folder.join(format!(".turnstile-{}-0.tmp", std::process::id()));
    let tried = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
        file.write_all(&[b' '; 512])?;
        file.sync_all()
    });
    // What was not made is not there.
    let _ = std::fs::remove_file(&path);
    tried.err().map(|error| Trouble {
        what: format!("no trigger can be kept: cannot write into {}: {error}", folder.display()),
        help: format!("make room, or mend the permissions: ls -ld {}", shell_word(&folder.display().to_string())),
    })
}

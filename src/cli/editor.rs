//! The person's own editor.

use std::path::Path;
use std::process::Command;

use super::{CliError, Context};

impl Context {
    /// The editor that the person wants; asked for before anything is written.
    pub fn editor(&self) -> Result<String, CliError> {
        self.environment.text("VISUAL").or_else(|| self.environment.text("EDITOR")).ok_or_else(|| {
            CliError::usage("no editor is known: neither VISUAL nor EDITOR is set").hint("`EDITOR=vi turnstile …`")
        })
    }

    /// Opens a file in an editor and waits until it is closed. The editor is a command line, as with git.
    pub fn edit(&self, editor: &str, file: &Path) -> Result<(), CliError> {
        let failed = |why: String| CliError::io(format!("the editor `{editor}` {why}; {} is kept", file.display()));
        let status = Command::new("sh")
            .arg("-c")
            .arg(format!("{editor} \"$@\""))
            .arg(editor)
            .arg(file)
            .current_dir(&self.directory)
            .status()
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
    }
}

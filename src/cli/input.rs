//! Text that is piped in.

use std::io::Read as _;

use super::CliError;
use crate::store::TEXT_CAP;

/// All of stdin, as the text of a message.
pub fn text_from_stdin() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(TEXT_CAP + 1).read_to_end(&mut bytes);
    read.map_err(|error| CliError::io(format!("cannot read stdin: {error}")))?;
    if bytes.len() as u64 > TEXT_CAP {
        return Err(CliError::invalid("the text is longer than 1 MiB").hint("`--attach FILE` sends the long part"));
    }
    String::from_utf8(bytes).map_err(|_| CliError::invalid("the text on stdin is not UTF-8"))
}

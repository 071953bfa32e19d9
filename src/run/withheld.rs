//! What is not written down: secrets in events and in the logs of turns. Knows where texts lie, not what a secret is.

use std::path::Path;

use serde_json::Value;

use super::error::RunError;
use crate::effect::Program;
use crate::flow::Event;
use crate::secret::Screen;
use crate::store::{self, Audience, Layout, Links};

/// Members that say where something is, or which one it is. A path with a secret in its name is still that path.
const PLACES: [&str; 11] =
    ["path", "paths", "already", "changed", "unclaimed", "branch", "base", "ticket", "head", "before", "after"];

/// Takes the secrets out of an event.
pub(super) fn withhold(screen: &Screen, event: &mut Event) {
    let (ticket, turn, kind, body) = event.columns();
    let mut document = Value::Object(body);
    if !redact(screen, &mut document) {
        return;
    }
    let Value::Object(body) = document else { return };
    // Where a word of the format itself is somebody's secret, nothing is hidden by keeping it.
    if let Ok(withheld) = Event::from_columns(0, ticket.as_deref(), turn, &kind, &body) {
        *event = withheld;
    }
}

fn redact(screen: &Screen, value: &mut Value) -> bool {
    match value {
        Value::String(text) => match screen.redact(text) {
            std::borrow::Cow::Owned(redacted) => {
                *text = redacted;
                true
            }
            std::borrow::Cow::Borrowed(_) => false,
        },
        Value::Array(items) => items.iter_mut().fold(false, |any, item| redact(screen, item) | any),
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| !PLACES.contains(&name.as_str()))
            .fold(false, |any, (_, member)| redact(screen, member) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The process that ran a turn knows the secrets that it gave to the agent. An agent may have found others, in a file or
/// a program's configuration, which only this process knows.
pub(super) fn withhold_in_logs(layout: &Layout, screen: &Screen, directory: &Path) -> Result<(), RunError> {
    // What the agent itself has written was looked at by nobody yet.
    let mut names = vec!["last_message.md"];
    if screen.knows_values() {
        names.extend(["final.md", "stdout.log", "stderr.log"]);
    }
    let root = &layout.common_dir;
    let Ok(below) = directory.strip_prefix(root) else { return Ok(()) };
    for name in names {
        let path = below.join(name);
        // A log that cannot be read says nothing to anybody.
        let Ok(Some(text)) = store::read_capped(root, &path, 2 * Program::KEEP_BYTES, Links::Any)? else { continue };
        if let Some(redacted) = screen.redact_bytes(&text) {
            store::write(root, &path, &redacted, Audience::Machine)?;
        }
    }
    Ok(())
}

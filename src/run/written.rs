//! What a turn made of tickets, as its kept trees show it: what an approval holds through, and what needs one.

use std::collections::BTreeSet;

use crate::flow::TicketWritten;
use crate::git::{self, GitError, Place};
use crate::store;
use crate::text::Source;
use crate::ticket::{TicketId, commands_of, digest_of_text, kept_text, read, seal};

/// Looks at every ticket that differs between two kept trees. `own` is the path of the ticket that the turn worked on.
pub(super) fn written(
    place: &Place,
    own: &str,
    before: &str,
    after: &str,
    differs: &[String],
) -> Result<Vec<TicketWritten>, GitError> {
    let is_ticket = |path: &&String| path.strip_prefix(".tickets/").is_some_and(store::is_ticket_path);
    let mut found = Vec::new();
    for path in differs.iter().filter(is_ticket) {
        let (then, now) = (text_of(place, before, path)?, text_of(place, after, path)?);
        // A ticket that is gone is put back, and so is as it was.
        let Some(kept) = kept_text(then.as_ref(), now.as_ref(), path == own) else { continue };
        let known = then.as_ref().map(commands).unwrap_or_default();
        let commands: BTreeSet<String> = commands(&kept).difference(&known).cloned().collect();
        let (then, now) = (then.as_ref().map(seal), seal(&kept));
        if then.as_ref() != Some(&now) || !commands.is_empty() {
            found.push(TicketWritten { id: TicketId::of_path(path), before: then, after: now, commands });
        }
    }
    Ok(found)
}

fn text_of(place: &Place, commit: &str, path: &str) -> Result<Option<Source>, GitError> {
    let text = git::blob(place, commit, path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.map(|text| Source::new(path, text)))
}

fn commands(source: &Source) -> BTreeSet<String> {
    let Some(ticket) = read(source).0 else { return BTreeSet::new() };
    commands_of(&ticket, &source.text).iter().map(|command| digest_of_text(&command.text)).collect()
}

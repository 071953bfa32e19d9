//! Where wake-ups come from: the system's events.

use std::sync::Arc;

use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::listen::{Heard, WatchError};
use super::places::Places;

/// Something that wakes, for as long as it lives.
#[derive(Debug)]
pub(super) struct Source {
    _watcher: RecommendedWatcher,
}

impl Source {
    pub(super) fn new(places: &Places) -> Result<(Self, UnboundedReceiver<Heard>), WatchError> {
        let (sender, heard) = unbounded_channel();
        let counted = Arc::new(places.clone());
        let handler = move |event: notify::Result<Event>| hear(&counted, &sender, event);
        let mut watcher = RecommendedWatcher::new(handler, Config::default()).map_err(named)?;
        for place in &places.0 {
            let mode = if place.deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            match watcher.watch(&place.folder, mode) {
                Ok(()) => {}
                // It is heard of when it comes: the folder above it is watched as well.
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
                Err(error) => return Err(named(error)),
            }
        }
        Ok((Self { _watcher: watcher }, heard))
    }
}

/// Nothing is done here but to pass it on: while this runs, the system's queue fills up.
fn hear(places: &Places, sender: &UnboundedSender<Heard>, event: notify::Result<Event>) {
    let heard = match event {
        Ok(event) if event.need_rescan() => Heard::Lost,
        // That somebody reads is no change; turnstile's own looks would wake it for ever.
        Ok(Event { kind: EventKind::Access(_), .. }) => return,
        Ok(event) if event.paths.iter().any(|path| places.counts(path)) => Heard::Change,
        Ok(_) => return,
        Err(_) => Heard::Lost,
    };
    // Nobody listens any more where the watch is set up anew.
    let _ = sender.send(heard);
}

fn named(error: notify::Error) -> WatchError {
    match &error.kind {
        ErrorKind::MaxFilesWatch => WatchError::Limit {
            what: "watched folders (inotify watches)",
            setting: "max_user_watches",
            advised: 524_288,
        },
        ErrorKind::Io(io) if io.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => WatchError::Limit {
            what: "programs that watch (inotify instances)",
            setting: "max_user_instances",
            advised: 1024,
        },
        _ => WatchError::Other(error),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use notify::event::{AccessKind, Flag, ModifyKind};

    use super::super::places::Place;
    use super::*;

    fn heard(event: notify::Result<Event>) -> Option<Heard> {
        let (sender, mut heard) = unbounded_channel();
        hear(&Places(vec![Place { folder: "/x".into(), deep: true, names: None }]), &sender, event);
        heard.try_recv().ok()
    }

    #[test]
    fn what_was_lost_is_told_as_lost_and_who_only_reads_as_nothing() {
        let event = |kind| Event::new(kind).add_path(PathBuf::from("/x/1-a.md"));
        let modified = EventKind::Modify(ModifyKind::Any);
        assert_eq!(heard(Ok(event(modified))), Some(Heard::Change));
        assert_eq!(heard(Ok(event(EventKind::Access(AccessKind::Any)))), None);
        assert_eq!(heard(Ok(Event::new(modified).add_path("/y".into()))), None);
        // The system's queue ran over, or it cannot say what happened.
        assert_eq!(heard(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))), Some(Heard::Lost));
        assert_eq!(heard(Err(notify::Error::generic("x"))), Some(Heard::Lost));
    }
}

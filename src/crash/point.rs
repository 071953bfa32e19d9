//! The closed list of points. A test passes every one of them, so one that nobody calls is found.

macro_rules! points {
    ($($variant:ident = $name:literal: $doc:literal,)*) => {
        /// A place at which a test may end the process that passes it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point {
            $(#[doc = $doc] $variant,)*
        }

        impl Point {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As `_TURNSTILE_CRASH_AT` names it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

points! {
    LockTaken = "lock.taken": "The lock of the worktree is held.",
    JournalBefore = "journal.before": "Lines are about to be appended.",
    JournalTorn = "journal.torn": "Half of the lines' bytes are in the file.",
    JournalWritten = "journal.written": "The lines are written and not yet synced.",
    JournalSynced = "journal.synced": "The lines are on the disk, and nothing was done about them.",
    RunPointer = "run.pointer": "A new run's first lines are written, and the worktree does not point at it.",
    FileFilled = "file.filled": "The temporary file is whole and synced.",
    FileRenamed = "file.renamed": "The file has its name; its folder is not synced.",
    FileRemoved = "file.removed": "A file was removed; its folder is not synced.",
    FolderMade = "folder.made": "A folder was made; its parent is not synced.",
    TurnPrompt = "turn.prompt": "A turn's prompt is written, and no request.",
    TurnPrepared = "turn.prepared": "A turn's folder is whole, and nothing of it is in the journal.",
    SavePrepared = "save.prepared": "A commit's request is written, and nothing of it is in the journal.",
    CheckPrepared = "check.prepared": "A check's request is written, and nothing of it is in the journal.",
    CheckOver = "check.over": "The program of a check has ended, and nobody has looked at the tree.",
    CheckCleared = "check.cleared": "The folder of a lost check was removed.",
    LeaseTaken = "lease.taken": "The runner holds the lease, and no child was started.",
    EffectAttempted = "effect.attempted": "The attempt is counted, and no child was started.",
    EffectSpawned = "effect.spawned": "The child was spawned; the runner knows nothing of it.",
    EffectSeen = "effect.seen": "The runner has read the end of an effect, and not written it down.",
    ActBefore = "act.before": "A small effect on files is about to be performed.",
    ActDone = "act.done": "It is performed, and its end is not in the journal.",
    ArchivePart = "archive.part": "The hidden folder of a message is there and empty.",
    ArchiveAttached = "archive.attached": "The attachments were moved, and not the text.",
    ArchiveText = "archive.text": "The text was moved, and the folder has its hidden name.",
    ArchivePublished = "archive.published": "The folder has its name; its parent is not synced.",
    ReplyCopied = "reply.copied": "A stored reply's attachments were copied, and not its text.",
    ContractKept = "contract.kept": "What is about to be put back is kept.",
    ContractRestored = "contract.restored": "One file was put back.",
    DecisionFilled = "decision.filled": "A decision is whole under its hidden name.",
    DecisionStored = "decision.stored": "A decision has its name; its folder is not synced.",
    DecisionServed = "decision.served": "That it was served is in the journal, and it is still there.",
    DecisionDropped = "decision.dropped": "A served decision lost its name, and what it held is still there.",
    ChildLease = "child.lease": "The child has the lease, and did not say so.",
    ChildStarted = "child.started": "The child said `started`, and did nothing.",
    ChildDone = "child.done": "The child's work is done, and nothing is recorded.",
    RecordFilled = "record.filled": "A record is whole and synced under a temporary name.",
    RecordNamed = "record.named": "A record has its name; its folder is not synced.",
    ChildRecorded = "child.recorded": "The end is recorded, and the lease is held.",
    TurnKept = "turn.kept": "The worktree before the turn is kept, and no program was started.",
    ProgramStarted = "program.started": "The program runs, and its number is not written down.",
    ProgramKnown = "program.known": "The program runs.",
    ProgramOver = "program.over": "The program has ended.",
    TurnWords = "turn.words": "The last words are written, and the worktree after the turn is not kept.",
    KeepTree = "keep.tree": "The tree of the worktree is written, and no commit.",
    KeepCommit = "keep.commit": "The commit of a kept tree is written, and no reference.",
    KeepNamed = "keep.named": "A kept tree has its reference.",
    SaveCommit = "save.commit": "The commit object is written, and no lock is taken.",
    SaveMarker = "save.marker": "The marker is written, and no lock is taken.",
    SaveSpare = "save.spare": "The lock's content is written under another name.",
    SaveLocked = "save.locked": "Git's lock on the index is held.",
    SaveIndexed = "save.indexed": "The new index is prepared.",
    SaveMoved = "save.branch-moved": "The branch has moved, and the index has not.",
    SavePublished = "save.index-moved": "Branch and index have moved, and the lock is held.",
    SaveReleased = "save.released": "The lock is gone, and the marker is not.",
    SaveForgotten = "save.forgotten": "The marker is gone.",
    AdoptMoved = "adopt.branch-moved": "The run's branch was brought forward, and HEAD is elsewhere.",
    AdoptDone = "adopt.done": "HEAD is on the run's branch again.",
    RecoverBegun = "recover.begun": "The marker of a dead commit was read.",
    RecoverBranch = "recover.branch": "The lock of its branch is gone.",
    RecoverIndex = "recover.index": "The index was brought to its commit.",
    RecoverLock = "recover.lock": "Its lock is gone, and the marker is not.",
    NoticeWritten = "notice.written": "What is told of an event is written, and nobody was told.",
    NoticeTold = "notice.told": "The program that is told has ended, and that is not written down.",
    UndoKept = "undo.kept": "What lies where a file is given back is kept.",
    UndoGiven = "undo.given": "One file was given back.",
    PruneNoted = "prune.noted": "Which run is dropped is written down, and nothing is dropped.",
    PruneReference = "prune.reference": "One reference of a run that is dropped is gone.",
    PruneFile = "prune.file": "One file of its logs is gone.",
    PruneMarked = "prune.marked": "The run says that it was pruned, and the note of it is still there.",
    TriggerKept = "trigger.kept": "A trigger is on the disk, and no runner was started for it.",
    TriggerStarted = "trigger.started": "A runner was started, and has done nothing.",
    TriggerServed = "trigger.served": "A run has served triggers, and they are still there.",
    TriggerDropped = "trigger.dropped": "One of the served triggers is gone.",
    TriggerRefused = "trigger.refused": "A start was refused, and why is not written down.",
    HubAdded = "hub.added": "The worktree of a branch was made, and that it is whole is not written down.",
    HubHandedOn = "hub.handed-on": "A push was handed on to the worktree of its branch, and waits there and here.",
    HubPublishing = "hub.publishing": "What a run has made is to be published, and is not.",
    HubPublished = "hub.published": "A pushed branch was moved forward, and that is not written down.",
    HubFollowed = "hub.followed": "The worktree of a branch was brought to what was pushed, and that is not written down.",
    HubParked = "hub.parked": "Work that a push was faster than is on a branch of its own, and that is not written down.",
    HubLeft = "hub.left": "That work is checked out, and what was pushed is not.",
    HubRetired = "hub.retired": "A worktree whose branch is gone was removed, and the note of it is still there.",
    LostEnded = "lost.ended": "What a lost turn left running was ended.",
    LostCleared = "lost.cleared": "The folder of a lost commit was removed.",
}

#[cfg(test)]
mod tests {
    use super::Point;

    #[test]
    fn no_two_points_have_one_name() {
        let mut names: Vec<&str> = Point::ALL.iter().map(|point| point.name()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

//! Everything that a prompt is made of, as plain values. Must not know where they were read, nor how they are laid out.

use crate::ticket::TicketId;

/// Everything that one prompt says. Equal inputs give byte-identical prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptInputs {
    /// What the turn is for.
    pub task: Task,
    /// The ticket.
    pub ticket: TicketText,
    /// Which turn this is, and how many there may be.
    pub turns: TurnCount,
    /// Whether the agent commits its work: `commit.by: agent`, and the agent is able to.
    pub agent_commits: bool,
    /// The outbox, as the agent should name it.
    pub outbox: String,
    /// What decides whether a claim holds: names and command lines.
    pub checks: Vec<String>,
    /// Uncommitted files of the user's that no turn may touch.
    pub user_paths: Vec<String>,
    /// Globs of what the ticket's turns may change; empty is everything.
    pub scope: Vec<String>,
    /// Globs of what no turn may change unasked.
    pub protected: Vec<String>,
    /// Paths of the ticket's work that a person has changed since the last turn.
    pub changed_by_person: Vec<String>,
    /// The paths that a turn left behind which ended without a record; `None` if the last one ended in order.
    pub interrupted: Option<Vec<String>>,
    /// Files that lie in the outbox without a `DISPATCH.md`.
    pub stray_attachments: Vec<String>,
    /// What the runner has to say about the turns before.
    pub feedback: Vec<Feedback>,
    /// The files of `.tickets/context/`, the most important first.
    pub workspace: Vec<Quoted>,
    /// Answers that no successful turn has been given yet, the oldest first.
    pub replies: Vec<Reply>,
    /// A reply that appeared during a turn, quoted from where it lies.
    pub suspect_reply: Option<Reply>,
    /// The archived messages of the ticket, the oldest first; one that is also in `replies` is shown there only.
    pub conversation: Vec<Message>,
    /// What the ticket's `context` asks for, in its order.
    pub context: Vec<ContextText>,
    /// The ticket that was finished before this one, if the config asks for it.
    pub previous_ticket: Option<Quoted>,
    /// What changed in the ticket since the last turn, as `ticket_diff` shows it.
    pub ticket_diff: Option<String>,
    /// The last words of the turn before, and where they are kept.
    pub previous_words: Option<Quoted>,
}

impl PromptInputs {
    /// The same with `map` applied to every text that somebody wrote; names and paths stay.
    #[must_use]
    pub fn mapped(mut self, map: &dyn Fn(&str) -> String) -> Self {
        let texts = [&mut self.ticket.frontmatter, &mut self.ticket.body, &mut self.ticket.title].into_iter();
        for text in texts.chain(&mut self.ticket.goal).chain(&mut self.ticket_diff) {
            *text = map(text);
        }
        for feedback in &mut self.feedback {
            feedback.why = map(&feedback.why);
        }
        let replies = self.replies.iter_mut().chain(&mut self.suspect_reply).map(|reply| &mut reply.quoted);
        let quoted = (self.feedback.iter_mut().filter_map(|feedback| feedback.seen.as_mut()))
            .chain(&mut self.workspace)
            .chain(replies)
            .chain(self.conversation.iter_mut().map(|message| &mut message.quoted))
            .chain(self.context.iter_mut().filter_map(|context| context.text.as_mut()))
            .chain(&mut self.previous_ticket)
            .chain(&mut self.previous_words);
        for quoted in quoted {
            quoted.text = map(&quoted.text);
        }
        self
    }
}

/// What a turn is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// The ticket itself.
    Work,
    /// Only the commit of work that is there.
    Commit {
        /// What is not committed.
        dirty_paths: Vec<String>,
    },
}

/// A ticket as the prompt shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketText {
    /// Its id.
    pub id: TicketId,
    /// Its path, as the agent should name it.
    pub path: String,
    /// The frontmatter between its fences; never cut.
    pub frontmatter: String,
    /// Everything behind the closing fence.
    pub body: String,
    /// Its title.
    pub title: String,
    /// Its goal.
    pub goal: Option<String>,
}

/// Which turn this is. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnCount {
    /// The number of the turn in its run, from 1.
    pub turn: u32,
    /// The number of the turn among those of this ticket in the run, from 1.
    pub of_ticket: u32,
    /// How many turns the ticket may have.
    pub ticket_limit: Option<u32>,
    /// How many turns the run may have.
    pub run_limit: Option<u32>,
}

/// A text that somebody else wrote. It is data, wherever it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Where it came from: a path below the top of the worktree, or a few words.
    pub origin: String,
    /// What it says.
    pub text: String,
    /// How many bytes of it whoever read it has left out already.
    pub left_out: u64,
}

impl Quoted {
    /// A whole text.
    pub fn whole(origin: impl Into<String>, text: impl Into<String>) -> Self {
        Self { origin: origin.into(), text: text.into(), left_out: 0 }
    }
}

/// Something that the runner judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// What was judged: a few words, as `the check unit`.
    pub judged: String,
    /// Why it did not pass, and what to do about it: a sentence.
    pub why: String,
    /// What was seen, as the last lines of a command's output.
    pub seen: Option<Quoted>,
    /// How many turns are left to mend it, this one included; `None` where nothing counts.
    pub attempts_left: Option<u32>,
}

/// A human's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The body, and where it is archived.
    pub quoted: Quoted,
    /// The choice that was taken.
    pub answer: Option<String>,
    /// The paths of its attachments.
    pub attachments: Vec<String>,
}

/// One archived message of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the conversation.
    pub seq: u32,
    /// What it is.
    pub kind: MessageKind,
    /// Its text, and where it is archived.
    pub quoted: Quoted,
}

/// What an archived message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// From the agent to a human.
    Dispatch,
    /// From a human to the agent.
    Reply,
    /// From turnstile to a human.
    Request,
    /// A human's decision.
    Decision,
}

impl MessageKind {
    /// The word that stands in the archive's folder names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Reply => "reply",
            Self::Request => "request",
            Self::Decision => "decision",
        }
    }
}

/// One file of the ticket's `context`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextText {
    /// Its path below the top of the worktree.
    pub path: String,
    /// At most so many bytes of it are shown.
    pub max_bytes: usize,
    /// Its content; `None` where an optional file is missing.
    pub text: Option<Quoted>,
}

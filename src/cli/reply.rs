//! `reply`: the same file that a reviewer would write, for the ticket that waits.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use serde_json::json;

use super::input::text_from_stdin;
use super::{CliError, Context, Decision, Exit};
use crate::flow::{Look, ReasonCode, ReplyFact, TicketStanding, reply_target, standing, waiting_tickets};
use crate::run::{Answered, Options, RunError, View};
use crate::store::StoreError;
use crate::ticket::{ReplyDraft, TicketId, reply_text};

/// What stands below is shown to the person who writes, and not sent.
const SCISSORS: &str = "------------------------ >8 ------------------------";

/// Answer an agent
///
/// Writes `.tickets/USER_REPLY.md` for the ticket that waits, or for the one that is named. Without -m the text is
/// read from stdin, or written in an editor where stdin is a terminal; an answer alone needs no text. Given while a
/// step is under way, the reply is kept and served when the turn ends. Text approves nothing: that is `turnstile
/// approve`, or `decision: approve` in the frontmatter of a `USER_REPLY.md` that is written by hand.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile reply -m 'Use UTC everywhere.'\n  turnstile reply 002 --answer yes\n  \
                        turnstile reply --attach mockup.png < notes.md")]
pub struct Arguments {
    /// The ticket; by default the one that waits
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// The text; `-` reads it from stdin
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: Option<String>,
    /// One of the choices of the question
    #[arg(long, value_name = "CHOICE", allow_hyphen_values = true)]
    answer: Option<String>,
    /// Send this file along; may be given several times
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// Writes the reply.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Decision, CliError> {
    let mut workspace = context.workspace_outside_turns()?;
    let named = arguments.id.as_deref().map(|id| context.ticket(&mut workspace, id)).transpose()?;
    let view = workspace.look(&Options::default())?;
    let answer = arguments.answer.as_deref().map(str::trim).filter(|answer| !answer.is_empty());
    let to = target(&view, named, answer)?;
    if view.busy.is_none() && workspace.has_reply()? {
        return Err(waits_already(&view));
    }
    let attachments: Vec<PathBuf> = arguments.attach.iter().map(|file| context.directory.join(file)).collect();
    let written = Written::of(context, arguments, &view, &to)?;
    if written.text.trim().is_empty() && answer.is_none() && attachments.is_empty() {
        return Err(CliError::usage("the reply says nothing; nothing was written").hint("`-m TEXT`, or `--answer X`"));
    }
    let text = reply_text(&ReplyDraft { to: Some(to.as_str()), answer, body: &written.text });
    let answered = match workspace.reply(&to, &text, &attachments) {
        Ok(answered) => answered,
        Err(RunError::Store(StoreError::Exists { path })) if path.ends_with(crate::store::USER_REPLY) => {
            return Err(written.kept_in(waits_already(&view)));
        }
        Err(error) => return Err(written.kept_in(error.into())),
    };
    written.sent();
    let (state, path, sentence) = match &answered {
        Answered::Written(path) => ("written", Some(path), sentence(&view, &to)),
        Answered::Stored => {
            ("stored", None, format!("a step is under way; the reply to {to} is kept and served when its turn ends"))
        }
    };
    if context.printer.json {
        context.printer.document(&json!({ "state": state, "ticket": to, "path": path, "message": sentence }));
    } else {
        context.printer.line(&sentence);
    }
    Ok(Decision { exit: Exit::SUCCESS, is_given: true })
}

/// The ticket that the reply goes to, by the same rules by which a step would find it.
fn target(view: &View, named: Option<TicketId>, answer: Option<&str>) -> Result<TicketId, CliError> {
    let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
    let waiting = waiting_tickets(&look);
    if named.is_none() && waiting.len() > 1 {
        let several: Vec<&str> = waiting.iter().map(TicketId::as_str).collect();
        let message = format!("several tickets wait: {}; name the one that is meant", several.join(", "));
        return Err(CliError::usage(message)
            .details(json!({ "waiting": several }))
            .hint(format!("`turnstile reply {}`", waiting[0].typed_with("…"))));
    }
    let reply = ReplyFact {
        kept_in: None,
        stamp: String::new(),
        to: named.clone().map(Ok),
        answer: answer.map(str::to_owned),
        answer_at: String::new(),
        decision: None,
        faults: Vec::new(),
        empty: false,
        committed: false,
        brought: None,
    };
    match (reply_target(&look, &reply), named) {
        (Ok(Some(to)), _) => Ok(to),
        (Ok(None), Some(named)) => Err(CliError::invalid(format!("{named} is done, so no turn would read the reply"))
            .hint(format!("`turnstile reopen {}` opens it again", named.typed()))),
        (Ok(None), None) => Err(CliError::invalid("no ticket is open that a reply could be for")
            .hint("`turnstile new TITLE` makes one, `turnstile reopen ID` opens one again")),
        (Err(reason), _) => {
            let why = reason.details.get("why").and_then(|why| why.as_str()).unwrap_or(&reason.message).to_owned();
            Err(CliError::invalid(why).details(reason.details).hint("nothing was written"))
        }
    }
}

fn waits_already(view: &View) -> CliError {
    let suspect = view.survey.reply.as_ref().is_some_and(|reply| view.working.suspect.as_ref() == Some(&reply.stamp));
    let error = CliError::invalid("`.tickets/USER_REPLY.md` is there already; nothing was written");
    if suspect {
        return error.hint(
            "it appeared during a turn and may be the agent's own: save it again if it is yours, else remove it",
        );
    }
    match &view.preview.reason {
        Some(reason) if reason.code == ReasonCode::ReplyInvalid => error.hint(format!(
            "mend it or remove it, for no step can use it: {}",
            reason.message.lines().next().unwrap_or_default()
        )),
        Some(_) | None => error.hint("`turnstile run` takes it in; or edit it, or remove it"),
    }
}

fn sentence(view: &View, to: &TicketId) -> String {
    let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
    let waits = waiting_tickets(&look).contains(to);
    let typed = to.typed();
    let state = view.survey.ticket(to).map(|fact| standing(&look, fact).0);
    let waits_for_decision = look
        .run
        .standing
        .iter()
        .any(|stands| stands.ticket.as_ref() == Some(to) && stands.reason.code.answered_by_decision());
    let then = match state {
        _ if waits_for_decision => {
            format!(
                "its next turn reads the reply, and `turnstile approve {typed}` or `turnstile reject {typed}` comes first"
            )
        }
        _ if waits => "`turnstile run` goes on with it".to_owned(),
        Some(TicketStanding::Ready | TicketStanding::Active) => {
            "it does not wait for an answer; its next turn reads the reply".to_owned()
        }
        Some(state) => format!("it is {} now; its next turn reads the reply", state.name()),
        None => "its next turn reads the reply".to_owned(),
    };
    format!("the reply to {to} lies in `.tickets/USER_REPLY.md`; {then}")
}

/// What was written, and where it lies until it is sent.
struct Written {
    text: String,
    draft: Option<PathBuf>,
}

impl Written {
    fn of(context: &Context, arguments: &Arguments, view: &View, to: &TicketId) -> Result<Self, CliError> {
        match arguments.message.as_deref() {
            Some("-") => {}
            Some(text) => return Ok(Self { text: text.to_owned(), draft: None }),
            // A script that only answers has nothing on its stdin, and may never close it.
            None if arguments.answer.is_some() => return Ok(Self { text: String::new(), draft: None }),
            None if std::io::stdin().is_terminal() => return Self::edited(context, view, to),
            None => {}
        }
        Ok(Self { text: text_from_stdin()?, draft: None })
    }

    fn edited(context: &Context, view: &View, to: &TicketId) -> Result<Self, CliError> {
        let failed = |error: std::io::Error| CliError::io(format!("cannot keep what is written: {error}"));
        let editor = context.editor()?;
        let file = tempfile::Builder::new().prefix("turnstile-reply-").suffix(".md").tempfile().map_err(failed)?;
        let (_, path) = file.keep().map_err(|error| failed(error.error))?;
        std::fs::write(&path, below_the_scissors(view, to)).map_err(failed)?;
        context.edit(&editor, &path)?;
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let text = text.split(SCISSORS).next().unwrap_or_default().trim().to_owned();
        if text.is_empty() {
            // Nothing was written; the draft may stay if it cannot be removed.
            let _ = std::fs::remove_file(&path);
        }
        Ok(Self { text, draft: Some(path) })
    }

    /// The reply is there; the draft is not needed any more.
    fn sent(&self) {
        if let Some(path) = &self.draft {
            // A draft that stays behind in the temporary folder does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    /// An error that says where the text is that was not sent.
    fn kept_in(&self, error: CliError) -> CliError {
        match &self.draft {
            Some(path) => error.hint(format!("your text is kept in {}", path.display())),
            None => error,
        }
    }
}

fn below_the_scissors(view: &View, to: &TicketId) -> String {
    let shown = crate::text::shown_line;
    let mut text = format!("\n{SCISSORS}\nThe reply goes to {to}. What stands from that line on is not sent.\n");
    if let Some(question) = view.working.ticket(to).question {
        if let Some(title) = &question.title {
            text.push_str(&format!("It asks: {}\n", shown(title)));
        }
        if !question.choices.is_empty() {
            text.push_str(&format!("`--answer` takes one of: {}\n", crate::text::shown_list(&question.choices)));
        }
        text.push_str(&format!("The question lies in .tickets/history/{to}/.\n"));
    }
    text
}

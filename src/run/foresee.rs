//! The prompt that a turn would be sent, without a turn: replies that lie there are quoted from where the step would
//! move them. Writes nothing and takes no lock.

use super::error::RunError;
use super::inputs;
use super::settings::Settings;
use super::turns::shell_script;
use super::workspace::{Options, View, Workspace};
use crate::config::AgentKind;
use crate::diagnostic::Diagnostic;
use crate::flow::{Decision, Life, Look, Reason, ReasonCode, ReplyFact, RunState, TurnRequest, reply_target};
use crate::prompt::{Message, MessageKind, Prompt, PromptInputs, Section};
use crate::store::{self, ReplyFile, TICKETS, USER_REPLY};
use crate::ticket::TicketId;

impl Workspace {
    /// The ticket whose turn would be next, also where something has to happen before that turn.
    pub fn foreseen(view: &View) -> Option<TicketId> {
        let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
        let next = look.next_ticket().map(|ticket| ticket.id.clone());
        view.preview.ticket.clone().or_else(|| view.working.current.clone()).or(next)
    }

    /// What the next turn of a ticket would be sent.
    pub fn prompt(&self, view: &View, id: &TicketId) -> Result<Prompt, RunError> {
        let settings = self.settings()?;
        if let Some(inputs) = self.inputs(view, id, &settings)? {
            return inputs::filled(&inputs, &settings);
        }
        let text = shell_script(&inputs::source_of(self, id)?);
        let sections = vec![Section { name: "script", bytes: text.len(), cut: 0 }];
        Ok(Prompt { text, sections })
    }

    /// Faults of the config that only show as the next prompt is made.
    pub fn prompt_faults(&mut self) -> Vec<Diagnostic> {
        // Whatever else keeps a prompt from being made is told by whoever has to make it.
        let Ok((settings, view)) = self.settings().and_then(|settings| Ok((settings, self.look(&Options::default())?)))
        else {
            return Vec::new();
        };
        let inputs = Self::foreseen(&view).and_then(|id| self.inputs(&view, &id, &settings).ok().flatten());
        let mut faults = inputs.and_then(|inputs| inputs::rendered(&inputs, &settings).err()).unwrap_or_default();
        faults.retain(|fault| fault.path.ends_with("/config.yaml"));
        faults
    }

    /// What the prompt of a ticket is made of; nothing where its agent is a shell, which is sent its commands.
    fn inputs(&self, view: &View, id: &TicketId, settings: &Settings) -> Result<Option<PromptInputs>, RunError> {
        let run = match view.preview.run.life {
            Life::Open => &view.preview.run,
            Life::None | Life::Completed | Life::Stopped => &view.working,
        };
        let fact = view.survey.ticket(id).ok_or_else(|| RunError::Unusable {
            path: id.path(),
            why: "it is not there; `turnstile list` shows all tickets".to_owned(),
        })?;
        let kind = settings.config.agent(&fact.agent).map(|entry| entry.kind);
        if kind == Some(AgentKind::Shell) {
            return Ok(None);
        }
        let request = request(view, run, id, &fact.agent);
        let mut inputs = inputs::gather(self, settings, run, view.id.as_deref(), &request)?;
        self.quote_waiting(view, id, &mut inputs)?;
        Ok(Some(inputs))
    }

    /// Why no prompt could be made for a ticket, as the step would say it.
    pub fn unusable(&self, view: &View, id: &TicketId) -> Result<Option<Reason>, RunError> {
        match self.prompt(view, id) {
            Ok(_) => Ok(None),
            Err(error) if error.reason() == Some(ReasonCode::Invalid) => {
                Ok(Some(Reason::new(ReasonCode::Invalid, error.told())))
            }
            Err(error) => Err(error),
        }
    }

    /// Adds the replies that the step would take in before the turn.
    fn quote_waiting(&self, view: &View, id: &TicketId, inputs: &mut PromptInputs) -> Result<(), RunError> {
        let mut sequence = store::next_sequence(&self.layout, id)?;
        for file in self.waiting_replies(view, id)? {
            let Ok(source) = &file.content else { continue };
            let folder = format!("{TICKETS}/history/{id}/{sequence:04}-{}", store::MessageKind::Reply.word());
            let attachments = file.attachments.iter().map(|(name, _)| format!("{folder}/{name}")).collect();
            let reply = inputs::reply(&format!("{folder}/{USER_REPLY}"), &source.text, attachments);
            let quoted = reply.quoted.clone();
            inputs.conversation.push(Message { seq: sequence, kind: MessageKind::Reply, quoted });
            inputs.replies.push(reply);
            sequence = sequence.saturating_add(1);
        }
        Ok(())
    }

    fn waiting_replies(&self, view: &View, id: &TicketId) -> Result<Vec<ReplyFile>, RunError> {
        let look = Look { run: &view.working, survey: &view.survey, policy: &view.policy };
        let is_for_it = |reply: &ReplyFact| reply_target(&look, reply).is_ok_and(|target| target.as_ref() == Some(id));
        let mut files = Vec::new();
        for stored in store::list_decisions(&self.layout)? {
            let decision = view.survey.decisions.iter().find(|decision| decision.id == stored.id);
            let wanted = decision.and_then(Decision::reply).is_some_and(is_for_it);
            if wanted {
                files.extend(store::look_spooled_reply(&stored.folder)?);
            }
        }
        let suspect = |reply: &ReplyFact| view.working.suspect.as_ref() == Some(&reply.stamp) && !reply.committed;
        if view.survey.reply.as_ref().is_some_and(|reply| !suspect(reply) && is_for_it(reply)) {
            files.extend(store::look_reply(&self.layout)?);
        }
        Ok(files)
    }
}

/// The request of the turn, as the kernel would write it.
fn request(view: &View, run: &RunState, id: &TicketId, agent: &str) -> TurnRequest {
    let state = run.ticket(id);
    let suspect = view.survey.reply.as_ref().map(|reply| reply.stamp.clone());
    TurnRequest {
        ticket: id.clone(),
        turn: run.turns + 1,
        agent: agent.to_owned(),
        commit_only: state.claim,
        head: view.survey.head.clone(),
        stash: view.survey.stash.clone(),
        // A reply that was only imagined to be moved has no number; it is quoted from where it lies.
        replies: state.replies.into_iter().filter(|sequence| *sequence > 0).collect(),
        suspect: suspect.filter(|stamp| run.suspect.as_ref() == Some(stamp)),
    }
}

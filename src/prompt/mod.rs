//! Makes the text that an agent is given, within a size, and the text that asks a human for help.
//! Must not know where its inputs were read, nor who runs the agent.

mod diff;
mod inputs;
mod language;
mod material;
mod quote;
mod render;
mod request;
mod template;
mod variables;

pub use diff::ticket_diff;
pub use inputs::{
    ContextText, Feedback, Message, MessageKind, PromptInputs, Quoted, Reply, Task, TicketText, TurnCount,
};
pub use render::{Prompt, Section, render};
pub use request::{Request, request};
pub use template::TemplateSet;
pub use variables::{VARIABLES, Variable, VariableKind};

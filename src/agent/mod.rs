//! How each agent program is spoken to: its argument vector, its environment, what its end means. Pure functions.
//! Must not know how a process is started, nor where anything is stored.

mod command;
mod environment;
mod kinds;
mod words;

pub use command::{AgentCommand, AgentTurn, PromptOn, command};
pub use environment::{Filtered, environment};
pub use kinds::{documented_variables, first_on_path, kind_name, program_name};
pub use words::{EndFacts, Limit, TurnClass, classify, final_words};

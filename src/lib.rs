//! turnstile: a file-backed ticket workflow runner driven by git.
//!
//! The rooms, in reading order. The pure ones name no file, process, clock or environment; the edges do I/O
//! and decide nothing; `run` drives, `cli` talks to people.

pub mod agent;
pub mod cli;
pub mod config;
pub mod crash;
pub mod diagnostic;
pub mod effect;
pub mod flow;
pub mod git;
pub mod hooks;
pub mod prompt;
pub mod run;
pub mod secret;
pub mod store;
pub mod text;
pub mod ticket;
pub mod trigger;
pub mod watch;

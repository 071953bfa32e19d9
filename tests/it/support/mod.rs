//! A world for one test: a folder outside of any repository with a home of its own, a real git repository, and the
//! real program, run with an environment that says nothing of the machine.

mod agent;
mod environment;
mod expect;
mod hooks;
mod hub;
mod invariants;
mod old_runs;
mod output;
mod processes;
mod servers;
mod setting;
mod story;
mod terminal;
mod triggers;

pub use environment::TestEnv;
pub use expect::ended_with;
pub use hub::Hub;
pub use invariants::Cut;
pub use output::{Output, normal};
pub use servers::{Server, git_daemon, lighttpd, nginx, sshd};
pub use setting::{number, setting, skipped};
pub use story::Story;
pub use triggers::{hook_of, program, refused_of, triggers_of};

//! What a person types and reads: the command line, its documents, its exit statuses.

mod approve;
mod ask;
mod bare;
mod completions;
mod context;
mod decide;
mod demo;
mod diff;
mod dispatch;
mod doctor;
mod editor;
mod env;
mod error;
mod exit;
mod history;
mod hook;
mod hooks;
mod init;
mod input;
mod lint;
mod lint_staged;
mod list;
mod log;
mod man;
mod new;
mod next;
mod notify;
mod paths;
mod printer;
mod progress;
mod prompt;
mod prune;
mod pushed_to;
mod reply;
mod report;
mod run;
mod runner;
mod schema;
mod show;
mod status;
mod suggest;
mod tail;
mod triggers;
mod trust;
mod turn_record;
mod undo;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use context::Context;
pub use decide::Decision;
pub use error::CliError;
pub use exit::Exit;

use env::Environment;
use printer::{Printer, Volume};

use crate::run::Workspace;
use crate::secret::Screen;

/// Runs tickets with coding agents, and judges the result itself.
///
/// Tickets are markdown files with YAML frontmatter in `.tickets/`. `turnstile run` works through them: it builds a
/// prompt, runs one turn of an agent, and lets nothing pass until the ticket is valid and its work is committed.
#[derive(Debug, Parser)]
#[command(name = "turnstile", version, max_term_width = 100, disable_help_subcommand = true)]
struct Arguments {
    /// Work as if started in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_parser = ["auto", "always", "never"])]
    color: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    New(new::Arguments),
    Lint(lint::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Doctor(doctor::Arguments),
    Hooks(hooks::Arguments),
    Next(next::Arguments),
    Step(run::StepArguments),
    Run(run::RunArguments),
    Watch(watch::Arguments),
    Status(status::Arguments),
    Log(log::Arguments),
    Prompt(prompt::Arguments),
    Reply(reply::Arguments),
    Dispatch(dispatch::Arguments),
    Approve(approve::ApproveArguments),
    Reject(approve::RejectArguments),
    Done(decide::DoneArguments),
    Reopen(decide::ReopenArguments),
    Pause(decide::PauseArguments),
    Resume(decide::ResumeArguments),
    Stop(decide::StopArguments),
    Undo(undo::Arguments),
    Trust(trust::Arguments),
    Prune(prune::Arguments),
    Report(report::Arguments),
    Diff(diff::Arguments),
    Hook(hook::Arguments),
    Demo(demo::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let environment = Environment::read();
    #[cfg(debug_assertions)]
    environment.arm_crash_points();
    if let Some(directory) = effect_directory() {
        trace(&environment);
        let variables = environment.variables.clone();
        return match effect(&directory, environment) {
            Ok(exit) => exit.into(),
            Err(error) => {
                // Made by the effect as well; a second one is needed only to say what went wrong.
                let screen = Screen::of_environment(&variables);
                Printer::new(false, Volume::Normal, anstream::ColorChoice::Never, screen).error(&error);
                error.exit.into()
            }
        };
    }
    if is_runner() {
        return runner(environment);
    }
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error, &environment),
    };
    match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => start(arguments, environment),
        Err(error) => usage(&error, &environment),
    }
}

/// What turnstile starts itself: `turnstile __effect DIRECTORY` is not worth the making of a whole command line.
fn effect_directory() -> Option<PathBuf> {
    let arguments: Vec<_> = std::env::args_os().collect();
    match arguments.as_slice() {
        [_, name, directory] if name == "__effect" => Some(PathBuf::from(directory)),
        _ => None,
    }
}

/// The same for what hooks start: `turnstile __runner`.
fn is_runner() -> bool {
    std::env::args_os().skip(1).eq(["__runner"])
}

fn runner(environment: Environment) -> ExitCode {
    trace(&environment);
    let screen = Screen::of_environment(&environment.variables);
    let printer = Printer::new(false, Volume::Normal, anstream::ColorChoice::Never, screen);
    let context = Context {
        directory: PathBuf::from("."),
        printer,
        typed: "turnstile run, which a git hook started".to_owned(),
        environment,
    };
    match directory(None).and_then(|directory| runner::run(&Context { directory, ..context.clone() })) {
        Ok(exit) => exit.into(),
        Err(error) => {
            context.printer.error(&error);
            error.exit.into()
        }
    }
}

fn effect(directory: &std::path::Path, environment: Environment) -> Result<Exit, CliError> {
    crate::run::carry_out(directory, environment.variables)?;
    Ok(Exit::SUCCESS)
}

/// The whole command line, for completions and manuals.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// clap prints its own words; with `--json` they are a document like every other error.
fn usage(error: &clap::Error, environment: &Environment) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let screen = Screen::of_environment(&environment.variables);
        let printer = Printer::new(true, Volume::Normal, anstream::ColorChoice::Never, screen);
        let text = error.render().to_string();
        printer.error(&CliError::usage(text.trim_start_matches("error: ").trim_end()));
    } else {
        // A terminal that is gone does not change what the command line was.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn start(arguments: Arguments, environment: Environment) -> ExitCode {
    let color = match arguments.color.as_str() {
        "always" => anstream::ColorChoice::Always,
        "never" => anstream::ColorChoice::Never,
        _ => anstream::ColorChoice::Auto,
    };
    let volume = match (arguments.quiet, arguments.verbose) {
        (true, _) => Volume::Quiet,
        (false, true) => Volume::Verbose,
        (false, false) => Volume::Normal,
    };
    trace(&environment);
    let printer = Printer::new(arguments.json, volume, color, Screen::of_environment(&environment.variables));
    let directory = match directory(arguments.directory.as_deref()) {
        Ok(directory) => directory,
        Err(error) => {
            printer.error(&error);
            return error.exit.into();
        }
    };
    let typed: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let context = Context {
        directory,
        printer,
        typed: format!("turnstile {}", typed.get(1..).unwrap_or_default().join(" ")),
        environment,
    };
    let done = dispatch(&context, arguments.command);
    match done.and_then(|exit| context.printer.lost().map_or(Ok(exit), Err)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            context.printer.error(&error);
            error.exit.into()
        }
    }
}

/// Where the command works. A current directory that is gone is left to the command, which may not need it.
fn directory(typed: Option<&Path>) -> Result<PathBuf, CliError> {
    let here = PathBuf::from(".");
    let Some(typed) = typed else { return Ok(here.canonicalize().unwrap_or(here)) };
    let refused = |why: String| {
        CliError::usage(format!("cannot work in `{}`: {why}", typed.display())).hint("give `-C` a folder")
    };
    let directory = typed.canonicalize().map_err(|error| refused(error.to_string()))?;
    if directory.is_dir() { Ok(directory) } else { Err(refused("it is no folder".to_owned())) }
}

fn trace(environment: &Environment) {
    if let Some(filter) = environment.text("TURNSTILE_LOG") {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
            .with_writer(std::io::stderr)
            .with_ansi(false);
        // A second subscriber is not set up by anybody else in this process.
        let _ = subscriber.try_init();
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Init(arguments) => init::run(context, &arguments),
        Command::New(arguments) => new::run(context, &arguments),
        Command::Lint(arguments) => lint::run(context, &arguments),
        Command::List(arguments) => list::run(context, &arguments),
        Command::Show(arguments) => show::run(context, &arguments),
        Command::Doctor(arguments) => doctor::run(context, &arguments),
        Command::Hooks(arguments) => hooks::run(context, &arguments),
        Command::Next(arguments) => next::run(context, &arguments),
        Command::Step(arguments) => run::step(context, &arguments),
        Command::Run(arguments) => run::run(context, &arguments),
        Command::Watch(arguments) => watch::run(context, &arguments),
        Command::Status(arguments) => status::run(context, &arguments),
        Command::Log(arguments) => log::run(context, &arguments),
        Command::Prompt(arguments) => prompt::run(context, &arguments),
        Command::Reply(arguments) => deciding(context, "reply", reply::run(context, &arguments)),
        Command::Dispatch(arguments) => dispatch::run(context, &arguments),
        Command::Approve(arguments) => deciding(context, "approve", approve::approve(context, &arguments)),
        Command::Reject(arguments) => deciding(context, "reject", approve::reject(context, &arguments)),
        Command::Done(arguments) => deciding(context, "done", decide::done(context, &arguments)),
        Command::Reopen(arguments) => deciding(context, "reopen", decide::reopen(context, &arguments)),
        Command::Pause(arguments) => letting_go(context, decide::pause(context, &arguments)),
        Command::Resume(arguments) => deciding(context, "resume", decide::resume(context, &arguments)),
        Command::Stop(arguments) => letting_go(context, decide::stop(context, &arguments)),
        Command::Undo(arguments) => deciding(context, "undo", undo::run(context, &arguments)),
        Command::Trust(arguments) => answering(context, trust::run(context, &arguments)),
        Command::Prune(arguments) => prune::run(context, &arguments),
        Command::Report(arguments) => report::run(context, &arguments),
        Command::Diff(arguments) => diff::run(context, &arguments),
        Command::Hook(arguments) => hook::run(context, &arguments),
        Command::Demo(arguments) => demo::run(context, &arguments),
        Command::Schema(arguments) => Ok(schema::run(context, &arguments)),
        Command::Completions(arguments) => Ok(completions::run(context, &arguments)),
        Command::Man(arguments) => man::run(context, &arguments),
    }
}

/// Behind a decision. In the worktree of a pushed branch nobody types `run`, and what was decided goes on by itself;
/// anywhere else whoever decided goes on when they want to.
fn deciding(context: &Context, command: &str, done: Result<Decision, CliError>) -> Result<Exit, CliError> {
    let is_given = done.as_ref().is_ok_and(|decision| decision.is_given);
    let done = done.map(|decision| decision.exit);
    if is_given
        && let Ok(workspace) = context.workspace_again()
        && let Some(hub) = &workspace.hub
    {
        let of = hub.shown();
        context.printer.note(&match workspace.go_on_by(command) {
            Ok(_) => format!("the run of `{of}` goes on, on its own"),
            Err(error) => format!(
                "the run of `{of}` could not be started: {}; `turnstile run` goes on with it, and so does the next push",
                error.in_full()
            ),
        });
        return done;
    }
    // A push may wait for an approval, whose run was refused to begin without.
    if command == "approve" { answering(context, done) } else { letting_go(context, done) }
}

/// Behind a command that held the lock for a while: a runner that found it taken counts on being called for.
fn letting_go(context: &Context, done: Result<Exit, CliError>) -> Result<Exit, CliError> {
    if done.is_ok()
        && let Ok(workspace) = context.workspace_again()
    {
        run::hand_over(context, &workspace);
    }
    done
}

/// Behind an approval, and where something is trusted: a push may wait for it, whose run was refused to begin without.
fn answering(context: &Context, done: Result<Exit, CliError>) -> Result<Exit, CliError> {
    if matches!(done, Ok(Exit::SUCCESS))
        // In a bare repository `trust` has seen to all of its branches.
        && let Ok(workspace) = Workspace::open(&context.directory, context.surroundings())
    {
        match workspace.go_on() {
            Ok(false) => {}
            Ok(true) => context.printer.note("a push waited for this: its run goes on, on its own"),
            Err(error) => context.printer.note(&format!(
                "a push waited for this, and no run could be started: {}; `turnstile run` goes on",
                error.in_full()
            )),
        }
    }
    done
}

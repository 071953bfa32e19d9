//! `demo`: the whole way of a few tickets, a pause and a reply included, as a person would type it; with small scripts
//! in the place of models. What it tells is checked, and it fails if anything came out otherwise.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::stage::Stage;
use super::{CliError, Context, Exit};

mod scratch;
mod stage;

/// Build a small repository with tickets and run it, without any model
///
/// Needs git and nothing else: no network, no set-up, no identity. The repository is left where it is, to be looked
/// at and played with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  turnstile demo\n  turnstile demo ~/turnstile-demo")]
pub struct Arguments {
    /// A new or empty folder; by default one in the folder for temporary files
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the demo.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    let wanted = arguments.folder.as_ref().map(|folder| context.directory.join(folder));
    let repository = scratch::folder(wanted.as_deref())?;
    let mut stage = Stage::new(context, repository.clone())?;
    scratch::build(&stage)?;
    opening(&mut stage)?;
    question(&mut stage)?;
    end(&mut stage)?;
    let commands = stage.finish();
    if context.printer.json {
        context.printer.document(&json!({ "directory": repository, "commands": commands }));
    }
    Ok(Exit::SUCCESS)
}

fn opening(stage: &mut Stage<'_>) -> Result<(), CliError> {
    stage.say(&format!(
        "This is a repository with four tickets, built just now in\n\
         {}\n\
         Its agents are small scripts in agents/, so nothing here needs a model or a network.\n\
         `turnstile` below is {}",
        stage.repository.display(),
        stage.program().display()
    ));
    stage.say("The tickets, in the order in which they come. A ticket is one markdown file:");
    stage.turnstile(&["list"], 0)?;
    stage.show(".tickets/002-currency.md")?;
    stage.say(
        "`turnstile run` takes turns until somebody is needed. 001 is a runbook of shell commands.\n\
         002 is for an agent that does not know enough: instead of guessing it asks, and the run waits.",
    );
    stage.turnstile(&["run"], 4)?;
    stage.expect_tickets(&["done", "waiting", "ready", "blocked"])?;
    Ok(())
}

fn question(stage: &mut Stage<'_>) -> Result<(), CliError> {
    stage.say(
        "The exit status 4 says that a person is needed. `turnstile next` says the same at any time:\n\
         whenever nothing moves, it says why, and what would make it move.",
    );
    stage.turnstile(&["next"], 0)?;
    stage.say("The question is a file, archived and committed with the ticket:");
    stage.show(".tickets/history/002-currency/0001-dispatch/DISPATCH.md")?;
    stage.say("You answer; from here, from an editor, or by a commit:");
    stage.turnstile(&["reply", "--answer", "EUR", "-m", "The bakery is in Lyon."], 0)?;
    stage.say(
        "The answer goes into the next prompt of 002. Then 003: its agent writes a script and claims to be\n\
         done. turnstile runs the check that the ticket names, and takes the claim back. The second try\n\
         meets it and is not committed: that does not pass either, and a turn is asked for the commit.\n\
         004 depends on both and comes last.",
    );
    stage.turnstile(&["run"], 0)?;
    stage.expect_tickets(&["done"; 4])?;
    let asked = stage.kinds("003-total")?.iter().filter(|kind| *kind == "commit.required").count();
    stage.expect(asked == 1, "003 is asked for its commit once")?;
    let checked = stage.kinds("003-total")?.iter().filter(|kind| *kind == "verify.finished").count();
    stage.expect(checked == 2, "003 is checked twice, and not a third time for its commit")?;
    Ok(())
}

fn end(stage: &mut Stage<'_>) -> Result<(), CliError> {
    stage.say("What came of it. The agents' commits, and one of turnstile's for each ticket that is done:");
    let log = stage.git(&["log", "--oneline"])?;
    for subject in [
        "001-prices: ",
        "002-currency: waits",
        "Prices are in EUR",
        "002-currency: done",
        "Add up the prices",
        "003-total: done",
        "Write the price list",
        "004-price-list: done",
    ] {
        let found = log.lines().filter(|line| line.contains(subject)).count();
        stage.expect(found == 1, &format!("one commit says `{subject}`"))?;
    }
    stage.git(&["status", "--short"])?;
    let left = stage.quietly("git", &["status", "--porcelain"])?;
    stage.expect(left.is_empty(), "nothing is left uncommitted")?;
    let list = stage.show("PRICES.md")?;
    stage.expect(list.contains("- roll: 0.60 EUR") && list.contains("One of each: 21.80 EUR"), "the list is right")?;
    stage.say(
        "The whole conversation of a ticket stays in the repository, under .tickets/history/. The record\n\
         of the run does not; it lies in .git, and this reads it:",
    );
    stage.turnstile(&["log", "--since", &stage.last_events(6)?.to_string()], 0)?;
    let answer = ".tickets/history/002-currency/0002-reply/USER_REPLY.md";
    stage.expect(stage.repository.join(answer).is_file(), "the answer lies beside the question")?;
    let program = stage.program().display();
    stage.say(&format!(
        "Every one of these results was checked. The repository stays; to go on in it:\n\n  \
         cd {}\n  \
         alias turnstile={}\n  \
         turnstile show 002       # the ticket with its question and its answer\n  \
         turnstile log            # everything that happened\n\n  \
         echo 'tart;24.00' >> data/prices.csv && git commit -qam 'A tart'\n  \
         turnstile reopen 004 && turnstile run\n\n\
         In a repository of your own, begin with `turnstile init`.",
        quoted(&stage.repository),
        stage::typed(&program.to_string()),
    ));
    Ok(())
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    stage::typed(&path.to_string_lossy())
}

/// The states of a `list --json`.
fn states(document: &Value) -> Vec<&str> {
    let tickets = document.as_array().map(Vec::as_slice).unwrap_or_default();
    tickets.iter().filter_map(|ticket| ticket["state"].as_str()).collect()
}

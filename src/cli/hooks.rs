//! `hooks`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::init::is_program;
use super::list::{line, widths};
use super::{CliError, Context, Exit};
use crate::git::{self, HooksPlace};
use crate::hooks::{self, Act, Charge, Event, Health, Hook, Looked, Record, Refused, RepositoryKind, Slot, Tool, Wish};
use crate::text::shown_line;

mod advice;

/// Let git start the work: a push, a pull that brings a reply
///
/// Hooks of others stay, and run first. docs/git-driven.md says what each hook does, and how turnstile stands beside
/// husky, lefthook, pre-commit and prek.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Install(InstallArguments),
    Uninstall(UninstallArguments),
    Status(StatusArguments),
}

/// Put turnstile's hooks beside those that are there
///
/// A hook that is there becomes NAME.turnstile-chained and runs first; its exit status is the hook's. Typed again, it
/// mends what has been disabled since, and changes nothing where nothing is to be done. Where something else keeps the
/// hooks (`core.hooksPath`, husky, lefthook, pre-commit, prek) nothing is installed: exit status 3, and the lines to add
/// there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  turnstile hooks install\n  turnstile hooks install --on push\n  turnstile hooks install --lint"
)]
struct InstallArguments {
    /// What starts the work, and nothing else any more; at first `push,merge`
    #[arg(long, value_delimiter = ',', value_name = "EVENTS")]
    on: Vec<TypedEvent>,
    /// Check the staged tickets before each commit, too; alone, nothing starts the work
    #[arg(long)]
    lint: bool,
    /// Install beside a program that keeps other hooks than these
    #[arg(long)]
    beside: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum TypedEvent {
    /// A push from here; in a bare repository, a push to here.
    Push,
    /// A merge, a pull or a rebase.
    Merge,
    /// A commit or a checkout.
    Commit,
}

/// Take turnstile's hooks away; the hooks that were there before come back as they were
#[derive(Debug, clap::Args)]
struct UninstallArguments {}

/// Say whether the hooks that were installed still ring
///
/// Exit status 3 if one does not, with who has silenced it and what to type.
#[derive(Debug, clap::Args)]
struct StatusArguments {}

/// Carries it out.
pub fn run(context: &Context, arguments: &Arguments) -> Result<Exit, CliError> {
    match &arguments.action {
        Action::Install(arguments) => install(context, arguments),
        Action::Uninstall(_) => uninstall(context),
        Action::Status(_) => status(context),
    }
}

/// A repository and what is known of its hooks.
struct Scene {
    place: HooksPlace,
    charge: Charge,
    looked: Looked,
    record: Option<Record>,
}

impl Scene {
    fn look(place: HooksPlace) -> Result<Self, CliError> {
        let charge = hooks::in_charge(&place)?;
        let looked = hooks::look(&place, &charge)?;
        let record = hooks::read_record(&place.place.common_dir)?;
        Ok(Self { place, charge, looked, record })
    }

    fn common_dir(&self) -> &Path {
        &self.place.place.common_dir
    }

    fn slot(&self, hook: Hook) -> Option<&Slot> {
        self.looked.slots.iter().find(|slot| slot.hook == hook)
    }

    /// What was asked for, or is there although nobody wrote down that it was.
    fn expected(&self) -> Vec<Hook> {
        let recorded = self.record.as_ref().map(|record| record.hooks.as_slice()).unwrap_or_default();
        let is_expected = |slot: &&Slot| {
            recorded.contains(&slot.hook) || slot.has_ours() || slot.called.is_some() && self.record.is_none()
        };
        self.looked.slots.iter().filter(is_expected).map(|slot| slot.hook).collect()
    }

    fn health(&self) -> Vec<Health> {
        let folder = hooks::shown_folder(&self.place);
        let expected = self.expected();
        let slots = self.looked.slots.iter().filter(|slot| expected.contains(&slot.hook));
        let chained = self.record.as_ref().map(|record| record.chained.as_slice()).unwrap_or_default();
        slots
            .map(|slot| hooks::health(slot, &self.charge, &folder, chained.contains(&slot.hook), &is_program))
            .collect()
    }

    fn rings(&self, hook: Hook) -> bool {
        self.slot(hook).is_some_and(|slot| match self.charge {
            Charge::Usual => slot.ours().is_some() || slot.is_called(),
            Charge::Elsewhere(_) => slot.called.is_some(),
        })
    }

    /// The program that keeps the hooks of this repository, if one does.
    fn tool(&self) -> Option<Tool> {
        match &self.charge {
            Charge::Elsewhere(elsewhere) => elsewhere.tool,
            Charge::Usual => self.looked.tools.first().map(|(_, tool)| *tool),
        }
    }
}

fn place_outside_turns(context: &Context) -> Result<HooksPlace, CliError> {
    let place = git::hooks_place(&context.directory)?;
    context.refuse_inside_turn(&place.place.common_dir)?;
    Ok(place)
}

fn install(context: &Context, arguments: &InstallArguments) -> Result<Exit, CliError> {
    let place = place_outside_turns(context)?;
    let record = hooks::read_record(&place.place.common_dir)?;
    let wish = wish(arguments, record.as_ref());
    let kind = RepositoryKind { has_worktree: place.has_worktree, is_pushed_to: place.is_pushed_to };
    let wanted = wish.hooks(kind);
    if wanted.is_empty() {
        return Err(CliError::usage("a bare repository only sees pushes: nothing here serves that")
            .hint("turnstile hooks install --on push"));
    }
    let program = program(context)?;
    let scene = Scene::look(place)?;
    if let Charge::Elsewhere(elsewhere) = &scene.charge {
        if elsewhere.is_off {
            return Err(advice::off(context, elsewhere));
        }
        let missing: Vec<Hook> = wanted.iter().copied().filter(|hook| !scene.rings(*hook)).collect();
        if missing.iter().any(|hook| elsewhere.tool.is_none_or(|tool| tool.knows(*hook))) {
            return Err(advice::refusal(
                context,
                &scene.place,
                elsewhere.tool,
                Some(elsewhere),
                &missing,
                &program,
                false,
            ));
        }
        hooks::write_record(scene.common_dir(), &Record::new(wish, without(wanted, &missing)))?;
        report(context, &Scene::look(scene.place)?, &[]);
        return Ok(Exit::SUCCESS);
    }
    let folder = hooks::usual_folder(&scene.place);
    let held = hooks::hold(&folder)?;
    hooks::sweep(&folder)?;
    // What lay there before it was held may be another's work by now.
    let scene = Scene::look(scene.place)?;
    let collisions = hooks::collisions(&scene.looked.slots, &wanted);
    let stays_out = scene.record.is_none() && !arguments.beside && wanted.iter().any(|hook| !scene.rings(*hook));
    let tool = collisions.first().map(|(_, tool)| *tool).or_else(|| scene.tool().filter(|_| stays_out));
    if let Some(tool) = tool {
        let missing: Vec<Hook> = wanted.iter().copied().filter(|hook| !scene.rings(*hook)).collect();
        let may_stand_beside = collisions.is_empty();
        return Err(advice::refusal(context, &scene.place, Some(tool), None, &missing, &program, may_stand_beside));
    }
    let shown = hooks::shown_folder(&scene.place);
    let acts = hooks::install(&scene.looked.slots, &wanted, &program, &shown).map_err(|refused| refuse(&refused))?;
    let is_behind = |hook: &Hook| {
        let is_kept = |act: &Act| matches!(act, Act::Keep { name, .. } if name == hook.name());
        scene.slot(*hook).is_some_and(|slot| slot.former != hooks::Found::Nothing) || acts.iter().any(is_kept)
    };
    let chained: Vec<Hook> = wanted.iter().copied().filter(is_behind).collect();
    let asked = Record::new(wish, wanted).behind(chained);
    // What is asked for stands there before it is done: whoever finds half of it knows what is missing.
    if scene.record.as_ref() != Some(&asked) {
        hooks::write_record(scene.common_dir(), &asked)?;
    }
    hooks::perform(&folder, &held, &acts, &program)?;
    report(context, &Scene::look(scene.place)?, &acts);
    Ok(Exit::SUCCESS)
}

fn without(hooks: Vec<Hook>, missing: &[Hook]) -> Vec<Hook> {
    hooks.into_iter().filter(|hook| !missing.contains(hook)).collect()
}

/// What is asked for: what is typed, and of what is not typed what was asked for before.
fn wish(arguments: &InstallArguments, record: Option<&Record>) -> Wish {
    let before = record.map(|record| record.wish.clone()).unwrap_or_default();
    let typed = |event: &TypedEvent| match event {
        TypedEvent::Push => Event::Push,
        TypedEvent::Merge => Event::Merge,
        TypedEvent::Commit => Event::Commit,
    };
    let mut on: Vec<Event> = arguments.on.iter().map(typed).collect();
    if on.is_empty() {
        on = before.on;
    }
    if on.is_empty() && !arguments.lint {
        on = Event::DEFAULT.to_vec();
    }
    on.sort_unstable();
    on.dedup();
    Wish { on, lint: arguments.lint || before.lint }
}

/// The program as hooks call it: by the name on PATH where that is this program, for an upgrade moves what lies behind.
fn program(context: &Context) -> Result<PathBuf, CliError> {
    let this = &context.environment.program;
    let on_path = advice::on_path(context).filter(|path| hooks::program_can_be_written(path));
    let program = on_path.unwrap_or_else(|| this.clone());
    if hooks::program_can_be_written(&program) && is_program(&program) {
        return Ok(program);
    }
    let shown = program.display();
    Err(CliError::invalid(format!("{shown} cannot be called by a hook: it is no program with an absolute path"))
        .hint("install turnstile, and type the same again"))
}

fn refuse(refused: &[Refused]) -> CliError {
    let lines: Vec<&str> = refused.iter().map(|refused| refused.why.as_str()).collect();
    let details: Vec<Value> = refused
        .iter()
        .map(|refused| json!({ "hook": refused.hook.name(), "why": refused.why, "help": refused.help }))
        .collect();
    let error = CliError::invalid(format!("nothing was changed: {}", lines.join("; ")));
    refused.iter().fold(error.details(json!({ "hooks": details })), |error, refused| error.hint(refused.help.clone()))
}

fn uninstall(context: &Context) -> Result<Exit, CliError> {
    let place = place_outside_turns(context)?;
    let folder = hooks::usual_folder(&place);
    let scene = Scene::look(place)?;
    let shown = hooks::shown_folder(&scene.place);
    let mut acts = Vec::new();
    let is_there = scene.looked.slots.iter().any(|slot| slot.has_ours() || slot.former != hooks::Found::Nothing);
    if is_there || hooks::has_left(&folder)? {
        let held = hooks::hold(&folder)?;
        hooks::sweep(&folder)?;
        let looked = hooks::look(&scene.place, &scene.charge)?;
        acts = hooks::uninstall(&looked.slots, &shown).map_err(|refused| refuse(&refused))?;
        hooks::perform(&folder, &held, &acts, Path::new(""))?;
    }
    // Last: as long as something is left, `hooks status` says so.
    hooks::forget(scene.common_dir())?;
    let scene = Scene::look(scene.place)?;
    let called: Vec<&String> = scene.looked.slots.iter().filter_map(|slot| slot.called.as_ref()).collect();
    let left: Vec<&str> = scene
        .looked
        .slots
        .iter()
        .filter(|slot| slot.former != hooks::Found::Nothing)
        .map(|slot| slot.hook.name())
        .collect();
    let printer = &context.printer;
    if printer.json {
        printer.document(&json!({
            "removed": changed(&acts),
            "called_by": called,
            "left": left.iter().map(|hook| format!("{shown}/{hook}.turnstile-chained")).collect::<Vec<_>>(),
        }));
        return Ok(Exit::SUCCESS);
    }
    for act in &acts {
        printer.line(&match act {
            Act::GiveBack { name, .. } => format!("{shown}/{name} is again what it was before turnstile came"),
            Act::Remove { name } | Act::Write { name, .. } | Act::Keep { name, .. } => {
                format!("{shown}/{name} is gone")
            }
        });
    }
    if acts.is_empty() {
        printer.note("no hook of turnstile's was installed");
    }
    for hook in left {
        printer.note(&format!(
            "left {shown}/{hook}.turnstile-chained: it stood there before turnstile came, and {shown}/{hook} is \
             somebody else's now; git runs the latter"
        ));
    }
    for file in called {
        printer.note(&format!("{} still calls turnstile; take its lines out", shown_line(file)));
    }
    Ok(Exit::SUCCESS)
}

/// The names of the files that were changed.
fn changed(acts: &[Act]) -> Vec<&str> {
    acts.iter()
        .filter_map(|act| match act {
            Act::Write { name, .. } | Act::GiveBack { name, .. } | Act::Remove { name } => Some(name.as_str()),
            Act::Keep { .. } => None,
        })
        .collect()
}

fn report(context: &Context, scene: &Scene, acts: &[Act]) {
    let printer = &context.printer;
    if printer.json {
        let mut document = document(scene);
        document["changed"] = json!(changed(acts));
        printer.document(&document);
        return;
    }
    printer.data(&text(&scene.health()));
    let shown = hooks::shown_folder(&scene.place);
    for act in acts {
        match act {
            Act::GiveBack { name, .. } => printer.note(&format!("{shown}/{name} is again what it was before")),
            Act::Remove { name } => printer.note(&format!("{shown}/{name} is gone")),
            Act::Keep { .. } | Act::Write { .. } => {}
        }
    }
    if scene.place.has_worktree && scene.place.is_pushed_to {
        printer.note(
            "git refuses a push to what is checked out here while changed files are not committed, so during turns; \
             `turnstile status` says when it does",
        );
    }
    printer.note(if acts.is_empty() {
        "nothing was to be changed"
    } else {
        "`turnstile hooks status` says whether they still ring; `turnstile hooks uninstall` takes them away"
    });
}

fn status(context: &Context) -> Result<Exit, CliError> {
    let scene = Scene::look(git::hooks_place(&context.directory)?)?;
    let health = scene.health();
    if context.printer.json {
        context.printer.document(&document(&scene));
    } else if health.is_empty() {
        context.printer.line("no hook of turnstile's is installed");
        context.printer.note("`turnstile hooks install` lets a push, and a pull that brings a reply, start the work");
    } else {
        context.printer.data(&text(&health));
    }
    let rings = health.iter().all(|health| health.state.rings());
    Ok(if rings { Exit::SUCCESS } else { Exit::INVALID })
}

fn document(scene: &Scene) -> Value {
    let health = scene.health();
    let wish = scene.record.as_ref().map(|record| &record.wish);
    let hooks: Vec<Value> = health
        .iter()
        .map(|health| {
            json!({
                "hook": health.hook.name(),
                "for": hooks::wish_of(health.hook),
                "state": health.state.name(),
                "ok": health.state.rings(),
                "chained": health.chained,
                "message": health.message,
                "help": health.help,
            })
        })
        .collect();
    json!({
        "installed": !health.is_empty(),
        "ok": health.iter().all(|health| health.state.rings()),
        "on": wish.map(|wish| wish.on.iter().map(|event| event.name()).collect::<Vec<_>>()).unwrap_or_default(),
        "lint": wish.is_some_and(|wish| wish.lint),
        "folder": scene.place.folder.display().to_string(),
        "kept_by": scene.tool().map(Tool::name),
        "hooks": hooks,
    })
}

fn text(health: &[Health]) -> String {
    let word = |health: &Health| if health.state.rings() { "ok" } else { "fault" }.to_owned();
    let rows: Vec<[String; 3]> = health
        .iter()
        .map(|health| [word(health), health.hook.name().to_owned(), shown_line(&health.message)])
        .collect();
    let widths = widths(&rows);
    let mut text = String::new();
    for (row, health) in rows.iter().zip(health) {
        text.push_str(&line(row, &widths));
        if let Some(help) = &health.help {
            text.push_str(&format!("{:width$}help: {}\n", "", shown_line(help), width = widths[0] + widths[1] + 4));
        }
    }
    text
}

/// What `doctor` says of the hooks: nothing where none was ever asked for.
pub fn look_for_doctor(context: &Context) -> Result<Vec<Health>, CliError> {
    Ok(Scene::look(git::hooks_place(&context.directory)?)?.health())
}

impl From<hooks::HooksError> for CliError {
    fn from(error: hooks::HooksError) -> Self {
        Self::io(format!("{error}: {}", error.source))
    }
}

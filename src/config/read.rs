//! The config's text over the defaults. Never fails: what is at fault keeps its default, and is reported.

use std::collections::BTreeMap;

use super::keys;
use super::values::{Faults, Read, Reported, Table, list};
use super::{AgentKind, CheckpointMode, CommitBy, Config, EnvInherit, NotifyEvent, OnWait, RosterEntry, unsupported};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{LineColumn, LineIndex, Source, Span, nearest, shown_line};
use crate::ticket::yaml::{self, Key, Node, Value};
use crate::ticket::{Risk, glob};

/// The version of the format that this turnstile reads.
pub const CONFIG_VERSION: u32 = 1;

/// Reads the config; without a file everything has its default. All faults are reported at once, and the values that
/// come with them must not be run with.
pub fn read(source: Option<&Source>) -> (Config, Vec<Diagnostic>) {
    let mut config = Config::default();
    let Some(source) = source else { return (config, Vec::new()) };
    let start = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (root, found) = yaml::parse(source, Span::new(start, source.text.len()));
    let mut faults = Faults::new(source, found);
    report_hidden_characters(&source.text, start, &mut faults);
    match root {
        // A file of comments says nothing, as `init` might have left it.
        Some(Node { value: Value::Null, .. }) | None => {}
        Some(Node { span, value: Value::Scalar { .. } | Value::Sequence(_) }) => faults.add_with_help(
            Code::NotMapping,
            span,
            "the config is not a mapping",
            "write lines of the form `key: value`",
        ),
        Some(root) => read_root(&root, &mut config, &mut faults),
    }
    (config, faults.into_sorted())
}

/// Where the value behind some keys stands, if it is there.
pub fn place_of(source: &Source, keys: &[&str]) -> Option<LineColumn> {
    let start = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (root, _) = yaml::parse(source, Span::new(start, source.text.len()));
    let root = root?;
    let node = keys.iter().try_fold(&root, |node, key| node.get(key))?;
    Some(LineIndex::new(&source.text).place(&source.text, node.span.start))
}

/// The most hidden characters that are reported: a file full of them says the same thing each time.
const MOST_HIDDEN: usize = 20;

/// Names the characters that make a reader see another text than a program does.
fn report_hidden_characters(text: &str, start: usize, faults: &mut Faults<'_>) {
    let is_hidden = |character: char| match character {
        '\n' | '\r' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    };
    let hidden = text[start..].char_indices().filter(|(_, character)| is_hidden(*character)).take(MOST_HIDDEN);
    for (at, character) in hidden {
        let span = Span::new(start + at, start + at + character.len_utf8());
        let message = format!("the character U+{:04X} is not seen and changes what is", u32::from(character));
        faults.add_with_help(Code::HiddenCharacter, span, message, "remove it, or write it as an escape in quotes");
    }
}

fn read_root(root: &Node, config: &mut Config, faults: &mut Faults<'_>) {
    if is_newer(root, faults) {
        return;
    }
    let Some(table) = faults.table(root, "", "", keys::CONFIG) else { return };
    if let Some((path, node)) = table.get("version") {
        // It is 1 or a fault; there is nothing to keep.
        let _ = faults.count(&path, node, 1, CONFIG_VERSION);
    }
    let named = read_agents(&table, config, faults);
    read_default_agent(&table, &named, config, faults);
    read_caps(&table, config, faults);
    read_keeping(&table, config, faults);
    read_on_wait(&table, config, faults);
    read_env(&table, config, faults);
    if let Some(prompt) = open(&table, "prompt", keys::PROMPT, faults) {
        set(&mut config.prompt.max_bytes, &prompt, "max_bytes", |path, node| {
            let bytes = faults.count(path, node, 1, keys::LARGEST_PROMPT)?;
            Ok(usize::try_from(bytes).expect("16 MiB fit into the smallest address space"))
        });
        set(&mut config.prompt.previous_ticket, &prompt, "previous_ticket", |path, node| faults.flag(path, node));
    }
    super::read_checks::read_checks(&table, config, faults);
    read_notify(&table, config, faults);
    if let Some(approval) = open(&table, "approval", keys::APPROVAL, faults) {
        set(&mut config.approval.risk, &approval, "risk", |path, node| faults.words(path, node, &Risk::WORDS));
        set(&mut config.approval.tags, &approval, "tags", |path, node| faults.texts(path, node));
    }
    if let Some(protect) = open(&table, "protect", keys::PROTECT, faults) {
        set(&mut config.protect, &protect, "paths", |path, node| read_globs(path, node, faults));
    }
    if let Some(triggers) = open(&table, "triggers", keys::TRIGGERS, faults) {
        super::read_triggers::read_triggers(&triggers, config, faults);
    }
}

/// Whether the config is written for a later turnstile. Then nothing else of it is judged: this one cannot know.
fn is_newer(root: &Node, faults: &mut Faults<'_>) -> bool {
    let Some(node) = root.get("version") else { return false };
    let Value::Scalar { text, quoted: false } = &node.value else { return false };
    let digits = text.trim_start_matches('0');
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.parse::<u32>().is_ok_and(|version| version <= CONFIG_VERSION) || digits.is_empty() {
        return false;
    }
    faults.add_with_help(
        Code::OutOfRange,
        node.span,
        format!("this config needs a turnstile that reads version {digits}, and this one reads {CONFIG_VERSION}"),
        format!("install a newer turnstile, or write the config for version {CONFIG_VERSION}"),
    );
    true
}

/// Opens the mapping behind a key of the config.
fn open<'n>(table: &Table<'n>, name: &str, keys: &'static [keys::Key], faults: &mut Faults<'_>) -> Option<Table<'n>> {
    let (path, node) = table.get(name)?;
    let prefix = format!("{path}.");
    faults.table(node, &prefix, &prefix, keys)
}

/// Replaces a value by the one behind a key, where there is a good one.
pub(super) fn set<T>(value: &mut T, table: &Table<'_>, name: &str, read: impl FnOnce(&str, &Node) -> Read<T>) {
    if let Some((path, node)) = table.get(name)
        && let Ok(given) = read(&path, node)
    {
        *value = given;
    }
}

/// Reads the roster and returns every name that it uses, those of faulty entries too: whoever refers to one of them
/// made no second mistake.
fn read_agents(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) -> Vec<String> {
    let Some((path, node)) = table.get("agents") else { return config.roster_names() };
    let Value::Mapping(entries) = &node.value else {
        faults.wrong_type(&path, node, "a mapping of names to agents");
        return config.roster_names();
    };
    let mut agents = BTreeMap::new();
    for (key, node) in entries {
        if is_name(key, faults)
            && let Some(entry) = read_agent(key, node, faults)
        {
            agents.entry(key.name.clone()).or_insert(entry);
        }
    }
    for kind in AgentKind::ALL.iter().copied().filter(|kind| kind.is_built_in()) {
        agents.entry(kind.name().to_owned()).or_insert_with(|| RosterEntry::new(kind));
    }
    config.agents = agents;
    entries.iter().map(|(key, _)| key.name.clone()).chain(config.roster_names()).collect()
}

fn is_name(key: &Key, faults: &mut Faults<'_>) -> bool {
    if key.name.trim().is_empty() {
        faults.add(Code::OutOfRange, key.span, "a name of the roster must not be empty");
        return false;
    }
    // Names end up in trailers of commits and on terminals.
    if shown_line(&key.name) != key.name || key.name.trim() != key.name {
        let message = format!(
            "the name `{}` begins or ends with a blank, or holds a character that is not seen",
            shown_line(&key.name)
        );
        faults.add(Code::OutOfRange, key.span, message);
        return false;
    }
    true
}

fn read_agent(key: &Key, node: &Node, faults: &mut Faults<'_>) -> Option<RosterEntry> {
    let table = faults.table(node, &format!("agents.{}.", key.name), "agents.*.", keys::AGENT)?;
    let kind = read_kind(key, &table, faults)?;
    let mut entry = RosterEntry::new(kind);
    for name in ["command", "model", "args", "can_commit"] {
        let means_nothing = match kind {
            AgentKind::Command => false,
            AgentKind::Shell | AgentKind::User => true,
            AgentKind::Codex | AgentKind::Claude | AgentKind::Opencode | AgentKind::Gemini | AgentKind::Aider => {
                name == "command"
            }
        };
        if means_nothing && let Some((path, node)) = table.get(name) {
            let message = format!("`{}` means nothing for kind `{}`", shown_line(&path), kind.name());
            faults.add_with_help(Code::OutOfRange, node.span, message, "remove it");
        }
    }
    set(&mut entry.command, &table, "command", |path, node| faults.texts(path, node));
    set(&mut entry.model, &table, "model", |path, node| faults.filled_text(path, node).map(Some));
    set(&mut entry.args, &table, "args", |path, node| faults.texts(path, node));
    set(&mut entry.env, &table, "env", |path, node| read_names(path, node, faults));
    set(&mut entry.timeout, &table, "timeout", |path, node| faults.duration(path, node));
    set(&mut entry.idle_timeout, &table, "idle_timeout", |path, node| faults.duration(path, node));
    set(&mut entry.can_commit, &table, "can_commit", |path, node| faults.flag(path, node));
    if kind == AgentKind::Command {
        require_command(key, &table, &entry, faults);
    }
    Some(entry)
}

fn require_command(key: &Key, table: &Table<'_>, entry: &RosterEntry, faults: &mut Faults<'_>) {
    let name = shown_line(&key.name);
    match table.get("command") {
        None => faults.add_with_help(
            Code::OutOfRange,
            key.span,
            format!("`agents.{name}.command` is missing, and kind `command` needs it"),
            "add `command: [./agent.sh]`",
        ),
        // A command of another type was reported where it was read.
        Some((_, Node { span, value: Value::Sequence(items) })) => {
            if items.is_empty() || entry.command.first().is_some_and(|program| program.trim().is_empty()) {
                let message = format!("`agents.{name}.command` names no program");
                faults.add_with_help(Code::OutOfRange, *span, message, "write `[./agent.sh]`");
            }
        }
        Some((_, Node { value: Value::Null | Value::Scalar { .. } | Value::Mapping(_), .. })) => {}
    }
}

fn read_kind(key: &Key, table: &Table<'_>, faults: &mut Faults<'_>) -> Option<AgentKind> {
    let name = shown_line(&key.name);
    if key.name == AgentKind::User.name() {
        let message = format!("`{name}` is built in and stands for a person");
        faults.add_with_help(Code::OutOfRange, key.span, message, "choose another name");
        return None;
    }
    let Some((path, node)) = table.get("kind") else {
        let help = nearest(&key.name, keys::KINDS.iter().copied()).map_or_else(
            || format!("add one of {}", list(keys::KINDS.iter().copied())),
            |kind| format!("add `kind: {kind}`"),
        );
        faults.add_with_help(Code::OutOfRange, key.span, format!("`agents.{name}.kind` is missing"), help);
        return None;
    };
    if let Value::Scalar { text, .. } = &node.value
        && unsupported::is_kind(text)
    {
        let help = format!("use one of {}", list(keys::KINDS.iter().copied()));
        faults.not_supported(&format!("kind: {text}"), node.span, help);
        return None;
    }
    let words: Vec<(&str, AgentKind)> =
        keys::KINDS.iter().filter_map(|word| Some((*word, AgentKind::from_name(word)?))).collect();
    let kind = faults.word(&path, node, &words).ok()?;
    // A built-in under another name, or another kind under a built-in's, would change what a ticket is trusted to do.
    let built_in = AgentKind::from_name(&key.name).filter(|named| named.is_built_in());
    if built_in.is_some_and(|named| named != kind) {
        let help = "choose another name";
        faults.add_with_help(Code::OutOfRange, key.span, format!("`{name}` is built in and stands for itself"), help);
        return None;
    }
    if kind.is_built_in() && built_in.is_none() {
        let message = format!("kind `{}` is built in and has no other name", kind.name());
        faults.add_with_help(Code::OutOfRange, node.span, message, format!("name the entry `{}`", kind.name()));
        return None;
    }
    Some(kind)
}

fn read_default_agent(table: &Table<'_>, named: &[String], config: &mut Config, faults: &mut Faults<'_>) {
    let Some((path, node)) = table.get("default_agent") else { return };
    config.default_agent_at_fault = true;
    let Ok(agent) = faults.filled_text(&path, node) else { return };
    if named.contains(&agent) {
        config.default_agent_at_fault = false;
        config.default_agent = Some(agent);
        return;
    }
    let help = nearest(&agent, named.iter().map(String::as_str)).map_or_else(
        || format!("known: {}", list(config.roster_names().iter().map(String::as_str))),
        |near| format!("did you mean `{near}`?"),
    );
    faults.add_with_help(
        Code::UnknownAgent,
        node.span,
        format!("no agent `{}` in the roster", shown_line(&agent)),
        shown_line(&help),
    );
}

fn read_caps(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    if let Some(limits) = open(table, "limits", keys::LIMITS, faults) {
        set(&mut config.limits.total_turns, &limits, "total_turns", |path, node| faults.cap(path, node));
        set(&mut config.limits.turns, &limits, "turns", |path, node| faults.cap(path, node));
        set(&mut config.limits.time, &limits, "time", |path, node| faults.duration(path, node));
        set(&mut config.limits.no_progress, &limits, "no_progress", |path, node| faults.cap(path, node));
        set(&mut config.limits.failures, &limits, "failures", |path, node| faults.cap(path, node));
        set(&mut config.limits.cost, &limits, "cost_usd", |path, node| faults.money(path, node));
        set(&mut config.limits.tokens, &limits, "tokens", |path, node| faults.cap(path, node));
        report_unobservable(&limits, config, faults);
    }
    if let Some(retries) = open(table, "retries", keys::RETRIES, faults) {
        set(&mut config.retries.lint, &retries, "lint", |path, node| faults.count(path, node, 0, u32::MAX));
        set(&mut config.retries.verify, &retries, "verify", |path, node| faults.count(path, node, 0, u32::MAX));
        set(&mut config.retries.commit, &retries, "commit", |path, node| faults.count(path, node, 0, u32::MAX));
        set(&mut config.retries.transient, &retries, "transient", |path, node| faults.count(path, node, 0, u32::MAX));
    }
}

/// A cap on what agents use, where some of them do not say it: it would not hold for their turns.
fn report_unobservable(limits: &Table<'_>, config: &Config, faults: &mut Faults<'_>) {
    let silent = config.silent_names();
    let caps = [("cost_usd", config.limits.cost.is_some()), ("tokens", config.limits.tokens.is_some())];
    for (name, _) in caps.into_iter().filter(|(_, is_asked)| *is_asked && !silent.is_empty()) {
        let Some(span) = limits.key_span(name) else { continue };
        let who = list(silent.iter().map(String::as_str));
        let report = if silent.len() == 1 { "reports" } else { "report" };
        faults.add_with_help(
            Code::Unobservable,
            span,
            format!("`limits.{name}` cannot be observed: {} {report} no usage", shown_line(&who)),
            "remove it; `limits.turns` and `limits.time` hold for every agent",
        );
    }
}

/// A ticket can only be passed over where its work does not lie in the way of the next one's.
fn read_on_wait(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    let words = [("stop", OnWait::Stop), ("next", OnWait::Next)];
    set(&mut config.on_wait, table, "on_wait", |path, node| {
        let given = faults.word(path, node, &words)?;
        if given == OnWait::Next && config.checkpoint != CheckpointMode::Branch {
            let message = "`on_wait: next` needs `checkpoint: {mode: branch}`: the work of a ticket that waits would lie in the way of the next one's";
            faults.add_with_help(
                Code::OutOfRange,
                node.span,
                message,
                "add `checkpoint: {mode: branch}`, or write `stop`",
            );
            return Err(Reported);
        }
        Ok(given)
    });
}

fn read_keeping(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    if let Some(checkpoint) = open(table, "checkpoint", keys::CHECKPOINT, faults) {
        let words = [("ref", CheckpointMode::Ref), ("branch", CheckpointMode::Branch)];
        set(&mut config.checkpoint, &checkpoint, "mode", |path, node| faults.word(path, node, &words));
    }
    if let Some(commit) = open(table, "commit", keys::COMMIT, faults) {
        let words = [("agent", CommitBy::Agent), ("runner", CommitBy::Runner)];
        set(&mut config.commit.by, &commit, "by", |path, node| faults.word(path, node, &words));
        let words = [("run", true), ("skip", false)];
        set(&mut config.commit.hooks, &commit, "hooks", |path, node| faults.word(path, node, &words));
        set(&mut config.commit.subject, &commit, "subject", |path, node| read_subject(path, node, faults));
    }
}

/// Globs, of which each could match something.
fn read_globs(path: &str, node: &Node, faults: &mut Faults<'_>) -> Read<Vec<String>> {
    let globs = faults.texts(path, node)?;
    let Value::Sequence(items) = &node.value else { return Ok(globs) };
    for item in items {
        if let Value::Scalar { text, .. } = &item.value
            && let Err(why) = glob(text)
        {
            let message = format!("bad glob: {}", shown_line(&why));
            faults.add_with_help(Code::BadGlob, item.span, message, "write one as `.github/**` or `*.lock`");
        }
    }
    Ok(globs)
}

/// A subject is one line, and every brace in it is a name that can be filled in.
fn read_subject(path: &str, node: &Node, faults: &mut Faults<'_>) -> Read<String> {
    let subject = faults.filled_text(path, node)?;
    if shown_line(&subject) != subject {
        let message = format!("`{path}` must be one line of characters that are seen");
        faults.add(Code::OutOfRange, node.span, message);
        return Err(Reported);
    }
    let rest = ["{id}", "{title}", "{what}"].iter().fold(subject.clone(), |rest, name| rest.replace(name, ""));
    if rest.contains(['{', '}']) {
        let help = "known: `{id}`, `{title}`, `{what}`";
        faults.add_with_help(
            Code::OutOfRange,
            node.span,
            format!("`{path}` holds a brace that stands for nothing"),
            help,
        );
        return Err(Reported);
    }
    Ok(subject)
}

fn read_env(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    let Some(env) = open(table, "env", keys::ENV, faults) else { return };
    let words = [("filtered", EnvInherit::Filtered), ("minimal", EnvInherit::Minimal), ("all", EnvInherit::All)];
    set(&mut config.env.inherit, &env, "inherit", |path, node| faults.word(path, node, &words));
    set(&mut config.env.pass, &env, "pass", |path, node| read_names(path, node, faults));
}

fn read_notify(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    let Some(notify) = open(table, "notify", keys::NOTIFY, faults) else { return };
    set(&mut config.notify.command, &notify, "command", |path, node| {
        let command = faults.texts(path, node)?;
        if command.first().is_some_and(|program| program.trim().is_empty()) {
            let message = format!("`{path}` names no program");
            faults.add_with_help(Code::OutOfRange, node.span, message, "write `[./notify.sh]`, or remove it");
            return Err(Reported);
        }
        Ok(command)
    });
    let words: Vec<(&str, NotifyEvent)> = NotifyEvent::ALL.iter().map(|event| (event.name(), *event)).collect();
    set(&mut config.notify.events, &notify, "events", |path, node| faults.words(path, node, &words));
}

/// Names of environment variables.
fn read_names(path: &str, node: &Node, faults: &mut Faults<'_>) -> Read<Vec<String>> {
    let names = faults.texts(path, node)?;
    for name in &names {
        if name.is_empty() || name.contains(|character: char| character == '=' || character.is_whitespace()) {
            let message = format!("`{}` in `{}` is not the name of a variable", shown_line(name), shown_line(path));
            faults.add_with_help(Code::OutOfRange, node.span, message, "write names only, as `OPENAI_API_KEY`");
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;

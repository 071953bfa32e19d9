//! The templates of prompts: those built in, and what a repository puts in their place. Must not know what is filled in.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

use super::Task;
use super::language::{self, nearest};
use super::variables::{VARIABLES, VariableKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Source, Span, shown_line};

/// A prompt grows by at most so many bytes over what is filled in.
const OWN_TEXT_MAX: usize = 4 * 1024 * 1024;

/// The templates that prompts are made from.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    /// What a repository puts in the place of the one that is built in.
    turn: Option<Template>,
    commit: Option<Template>,
}

// Read when they are used first: most commands make no prompt.
static TURN: LazyLock<Template> =
    LazyLock::new(|| Template::built_in("turn.md", include_str!("../../templates/turn.md")));
static COMMIT: LazyLock<Template> =
    LazyLock::new(|| Template::built_in("commit.md", include_str!("../../templates/commit.md")));

impl TemplateSet {
    /// The templates that are built in.
    pub fn built_in() -> Self {
        Self { turn: None, commit: None }
    }

    /// The same with some of them replaced: file names below `.tickets/templates/`, and their texts. Files that
    /// tickets would not be read from either (`README.md`, and names that begin with `.` or `_`) are passed over.
    pub fn with_overrides(overrides: &[(String, String)]) -> Result<Self, Vec<Diagnostic>> {
        let mut set = Self::built_in();
        let mut faults = Vec::new();
        for (name, text) in overrides {
            let place = match name.as_str() {
                "turn.md" => &mut set.turn,
                "commit.md" => &mut set.commit,
                "README.md" => continue,
                _ if name.starts_with(['.', '_']) => continue,
                _ => {
                    faults.push(unknown_template(name));
                    continue;
                }
            };
            if text.trim().is_empty() {
                let path = format!(".tickets/templates/{name}");
                let empty = Diagnostic::of_file(Code::OutOfRange, path.as_str(), "the template is empty");
                faults.push(empty.help(format!("write it, or `rm {path}` for the one that is built in")));
                continue;
            }
            match Template::new(Source::new(format!(".tickets/templates/{name}"), text.as_str())) {
                Ok(template) => *place = Some(template),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(set) } else { Err(faults) }
    }

    /// The template for a task.
    pub(super) fn of(&self, task: &Task) -> &Template {
        match task {
            Task::Work => self.turn.as_ref().unwrap_or(&TURN),
            Task::Commit { .. } => self.commit.as_ref().unwrap_or(&COMMIT),
        }
    }
}

/// One template in an environment of its own, which offers neither filters nor functions.
#[derive(Clone, Debug)]
pub(super) struct Template {
    source: Source,
    named: Vec<&'static str>,
    environment: Environment<'static>,
}

impl Template {
    fn built_in(name: &str, text: &str) -> Self {
        Self::read(Source::new(name, text)).expect("the templates that are built in are rendered by the tests")
    }

    /// Reads a template and tries it out: with everything there, and with nothing.
    fn new(source: Source) -> Result<Self, Vec<Diagnostic>> {
        let template = Self::read(source)?;
        template.fill(&sample(true))?;
        template.fill(&sample(false))?;
        Ok(template)
    }

    fn read(source: Source) -> Result<Self, Vec<Diagnostic>> {
        let named = language::read(&source)?;
        let mut environment = Environment::empty();
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the usual delimiters differ from each other"));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        if let Err(error) = environment.add_template_owned(source.path.to_string(), source.text.to_string()) {
            return Err(vec![fault(&source, &error)]);
        }
        Ok(Self { source, named, environment })
    }

    /// Whether the template names a variable.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.named.contains(&name)
    }

    /// The text with everything filled in.
    pub(super) fn fill(&self, values: &BTreeMap<&'static str, Value>) -> Result<String, Vec<Diagnostic>> {
        let given: usize = values.values().filter_map(|value| value.as_str().map(str::len)).sum();
        let mut out = Bounded { bytes: Vec::new(), room: given.saturating_mul(2).saturating_add(OWN_TEXT_MAX) };
        let context = Value::from_pairs(values.iter().map(|(name, value)| (*name, value.clone())));
        self.environment
            .get_template(&self.source.path)
            .and_then(|template| template.render_captured_to(context, &mut out).map(drop))
            .map_err(|error| vec![fault(&self.source, &error)])?;
        Ok(String::from_utf8(out.bytes).expect("minijinja writes whole strings"))
    }
}

fn unknown_template(name: &str) -> Diagnostic {
    let path = format!(".tickets/templates/{name}");
    let message = format!("no template is named `{}`", shown_line(name));
    let help = match nearest(name, ["turn.md", "commit.md"].into_iter()) {
        Some(near) => format!("did you mean `{near}`? A draft begins with `_`"),
        None => "the templates are `turn.md` and `commit.md`; a draft begins with `_`".to_owned(),
    };
    Diagnostic::of_file(Code::UnknownConfigKey, path, message).help(help)
}

/// Values to try a template with.
fn sample(full: bool) -> BTreeMap<&'static str, Value> {
    let value = |kind| match (kind, full) {
        (VariableKind::Blocks | VariableKind::List | VariableKind::Line, true) => Value::from("x"),
        (VariableKind::Blocks | VariableKind::List | VariableKind::Line, false) => Value::from(""),
        (VariableKind::Number, true) => Value::from(1),
        (VariableKind::Number, false) => Value::from(()),
        (VariableKind::Flag, _) => Value::from(full),
    };
    VARIABLES.iter().map(|variable| (variable.name, value(variable.kind))).collect()
}

/// What minijinja says about a template, where it says it.
fn fault(source: &Source, error: &minijinja::Error) -> Diagnostic {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let message = format!("the template cannot be used: {}", shown_line(&what));
    let help = "mend it, or remove the file to use the built-in template";
    let diagnostic = match place(source, error) {
        Some(span) => Diagnostic::at(Code::Syntax, source, span, message),
        None => Diagnostic::of_file(Code::Syntax, Arc::clone(&source.path), message),
    };
    diagnostic.help(help)
}

fn place(source: &Source, error: &minijinja::Error) -> Option<Span> {
    if error.name() != Some(&*source.path) {
        return None;
    }
    let line = error.line()?.checked_sub(1)?;
    let start: usize = source.text.split_inclusive('\n').take(line).map(str::len).sum();
    let length = source.text.get(start..)?.lines().next().unwrap_or_default().len();
    Some(Span::new(start, start + length))
}

/// A text that a template cannot blow up.
struct Bounded {
    bytes: Vec<u8>,
    room: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room = self.room.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("the prompt gets too long"))?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(name: &str, text: &str) -> Vec<String> {
        let Err(faults) = TemplateSet::with_overrides(&[(name.to_owned(), text.to_owned())]) else { return Vec::new() };
        faults
            .iter()
            .map(|fault| {
                let help = fault.help.clone().unwrap_or_default();
                format!(
                    "{}:{}:{} {} {} ({help})",
                    fault.path, fault.place.line, fault.place.column, fault.code, fault.message
                )
            })
            .collect()
    }

    #[test]
    fn the_built_in_templates_can_be_used() {
        TemplateSet::built_in();
    }

    #[test]
    fn broken_overrides_are_faults_with_a_line() {
        let mend = "mend it, or remove the file to use the built-in template";
        let cannot = "the template cannot do this (there are `if`, `elif`, `else` and `endif`)";
        let names: Vec<&str> = crate::prompt::variables::VARIABLES.iter().map(|variable| variable.name).collect();
        let known = format!("the variables are {}", names.join(", "));
        let only = format!("`{{{{ }}}}` holds the name of a variable and nothing else ({known})");
        let test = "the template cannot test this (use variables, whole numbers, `not`, `and`, `or`, `==`, `!=`, `<`, `>` \
                    and parentheses)";
        for (name, text, expected) in [
            (
                "turn.md",
                "a\nb {{ ticket_bdy }}\n",
                "2:6 E003 unknown variable `ticket_bdy` (did you mean `ticket_body`?)",
            ),
            ("turn.md", "x {% if x1 and turn %}{% endif %}", &format!("1:9 E003 unknown variable `x1` ({known})")),
            ("turn.md", "{{ turn", "1:1 E003 this tag is never closed (close it with `}}`)"),
            ("turn.md", "a {# turn", "1:3 E003 this tag is never closed (close it with `#}`)"),
            ("turn.md", "é{{ turn|shout }}", &format!("1:4 E003 {only}")),
            ("turn.md", "{{ turn ticket_id }}", &format!("1:3 E003 {only}")),
            ("turn.md", "{{ 'x' * 99999999999 }}", &format!("1:3 E003 {only}")),
            ("turn.md", "{{}}", &format!("1:3 E003 {only}")),
            ("turn.md", "{{ 1 }}", &format!("1:3 E003 {only}")),
            ("turn.md", "\n{% include 'commit.md' %}", &format!("2:3 E003 {cannot}")),
            ("turn.md", "{% set turn = turn %}", &format!("1:3 E003 {cannot}")),
            ("turn.md", "{% for turn in ticket_body %}", &format!("1:3 E003 {cannot}")),
            ("turn.md", "{% else turn %}", &format!("1:3 E003 {cannot}")),
            ("turn.md", "{% if ticket_id == 'x' %}", &format!("1:3 E003 {test}")),
            ("turn.md", "{% if turn ~ turn %}", &format!("1:3 E003 {test}")),
            (
                "commit.md",
                "a\n{% if turn %}\n",
                &format!(
                    "2:1 E003 the template cannot be used: unexpected end of input, expected end of block ({mend})"
                ),
            ),
            (
                "commit.md",
                "{% if turn == == 1 %}{% endif %}",
                &format!("1:1 E003 the template cannot be used: unexpected `==` ({mend})"),
            ),
            (
                "turn.md",
                &"{% if turn %}".repeat(40),
                "1:419 E003 too many conditions stand inside of each other (close some of them with `endif`)",
            ),
            ("commit.md", "{% if turn < 1 %}{% endif %}", ""),
            (
                "trun.md",
                "x",
                "1:1 E019 no template is named `trun.md` (did you mean `turn.md`? A draft begins with `_`)",
            ),
            (
                "x.md",
                "x",
                "1:1 E019 no template is named `x.md` (the templates are `turn.md` and `commit.md`; a draft begins with `_`)",
            ),
        ] {
            let expected: Vec<String> = Some(expected)
                .filter(|text| !text.is_empty())
                .map(|text| format!(".tickets/templates/{name}:{text}"))
                .into_iter()
                .collect();
            assert_eq!(faults_of(name, text), expected, "{text}");
        }
    }

    #[test]
    fn every_fault_of_every_override_is_told_at_once() {
        let overrides = [("turn.md", "{{ a }}{{ b }}"), ("commit.md", "{{ c }}")];
        let overrides = overrides.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(TemplateSet::with_overrides(&overrides).unwrap_err().len(), 3);
    }

    #[test]
    fn what_a_template_can_say() {
        let text = "{# a comment: {{ nothing }} #}{%- if turn > 0 and not (interrupted or false) -%}\n{{- ticket_id }}\n\
            {% elif ticket_limit == none %}x{% else %}{{ turn +}}{% endif %}";
        assert_eq!(faults_of("turn.md", text), [""; 0]);
        assert_eq!(faults_of("_turn.md", "{{ broken"), [""; 0]);
        assert_eq!(faults_of("README.md", "{{ broken"), [""; 0]);
    }

    #[test]
    fn no_template_takes_long_or_much() {
        for text in [
            "{% if 1 %}".repeat(10_000),
            format!("{}{}", "{% if 1 %}".repeat(10_000), "{% endif %}".repeat(10_000)),
            format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(10_000)),
            format!("{{% if {}1 %}}{{% endif %}}", "(".repeat(10_000)),
            format!("{}{{% if {}1 %}}", "{% if 1 %}".repeat(31), "not ".repeat(48)),
            format!("{}{{% if {}1{} %}}", "{% if 1 %}".repeat(31), "(".repeat(97), ")".repeat(97)),
            "{{ ticket_body }}".repeat(10_000),
            "{{ ticket_bdy }}".repeat(10_000),
        ] {
            let overrides = [("turn.md".to_owned(), text)];
            if let Ok(set) = TemplateSet::with_overrides(&overrides) {
                let mut values = sample(true);
                values.insert("ticket_body", Value::from("x".repeat(100_000)));
                let _ = set.of(&Task::Work).fill(&values);
            }
        }
    }

    #[test]
    fn a_template_cannot_write_without_end() {
        let overrides = [("turn.md".to_owned(), "{{ ticket_body }}".repeat(1000))];
        let set = TemplateSet::with_overrides(&overrides).unwrap();
        let mut values = sample(true);
        values.insert("ticket_body", Value::from("x".repeat(100_000)));
        let faults = set.of(&Task::Work).fill(&values).unwrap_err();
        assert!(faults[0].message.starts_with("the template cannot be used: "), "{faults:?}");
    }
}

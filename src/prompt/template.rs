//! The templates of prompts: those built in, and what a repository puts in their place. Must not know what is filled in.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};

use super::Task;
use super::variables::{VARIABLES, VariableKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Source, Span, shown_line};

/// Steps that a template may take; the built-in ones need a few hundred.
const FUEL: u64 = 100_000;

/// A prompt grows by at most so many bytes over what is filled in.
const OWN_TEXT_MAX: usize = 4 * 1024 * 1024;

/// Names that minijinja itself defines inside of loops, macros and blocks.
const LANGUAGE: [&str; 5] = ["loop", "self", "caller", "super", "varargs"];

/// The templates that prompts are made from.
#[derive(Clone, Debug)]
pub struct TemplateSet {
    turn: Template,
    commit: Template,
}

impl TemplateSet {
    /// The templates that are built in.
    pub fn built_in() -> Self {
        Self {
            turn: Template::built_in("turn.md", include_str!("../../templates/turn.md")),
            commit: Template::built_in("commit.md", include_str!("../../templates/commit.md")),
        }
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
            match Template::new(Source::new(format!(".tickets/templates/{name}"), text.as_str())) {
                Ok(template) => *place = template,
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(set) } else { Err(faults) }
    }

    /// The template for a task.
    pub(super) fn of(&self, task: &Task) -> &Template {
        match task {
            Task::Work => &self.turn,
            Task::Commit { .. } => &self.commit,
        }
    }
}

/// One template in an environment of its own: there is nothing that it could include.
#[derive(Clone, Debug)]
pub(super) struct Template {
    source: Source,
    environment: Environment<'static>,
}

impl Template {
    fn built_in(name: &str, text: &str) -> Self {
        Self::new(Source::new(name, text)).expect("the templates that are built in are rendered by the tests")
    }

    /// Reads a template and tries it out: with everything there, and with nothing.
    fn new(source: Source) -> Result<Self, Vec<Diagnostic>> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the usual delimiters differ from each other"));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        if let Err(error) = environment.add_template_owned(source.path.to_string(), source.text.to_string()) {
            return Err(vec![fault(&source, &error)]);
        }
        let template = Self { source, environment };
        let unknown = template.unknown_variables();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        template.fill(&sample(true))?;
        template.fill(&sample(false))?;
        Ok(template)
    }

    /// The variables that the template names.
    pub(super) fn variables(&self) -> HashSet<String> {
        let template = self.environment.get_template(&self.source.path);
        template.map(|template| template.undeclared_variables(false)).unwrap_or_default()
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

    fn unknown_variables(&self) -> Vec<Diagnostic> {
        let globals: HashSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let mut unknown: Vec<String> = self
            .variables()
            .into_iter()
            .filter(|name| !VARIABLES.iter().any(|variable| variable.name == name.as_str()))
            .filter(|name| !globals.contains(name.as_str()) && !LANGUAGE.contains(&name.as_str()))
            .collect();
        unknown.sort();
        unknown.into_iter().map(|name| self.unknown_variable(&name)).collect()
    }

    fn unknown_variable(&self, name: &str) -> Diagnostic {
        let message = format!("unknown variable `{}`", shown_line(name));
        let diagnostic = match find_word(&self.source.text, name) {
            Some(span) => Diagnostic::at(Code::Syntax, &self.source, span, message),
            None => Diagnostic::of_file(Code::Syntax, self.source.path.clone(), message),
        };
        match nearest(name, VARIABLES.iter().map(|variable| variable.name)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("docs/prompt.md lists the variables"),
        }
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
    let help = "mend it, or remove the file to use the built-in template; docs/prompt.md lists the variables";
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
    if let Some(range) = error.range().filter(|range| source.text.get(range.clone()).is_some()) {
        return Some(Span::new(range.start, range.end));
    }
    let line = error.line()?.checked_sub(1)?;
    let start: usize = source.text.split_inclusive('\n').take(line).map(str::len).sum();
    let length = source.text.get(start..)?.lines().next().unwrap_or_default().len();
    Some(Span::new(start, start + length))
}

/// The first place inside of a tag where a name stands as a word.
fn find_word(text: &str, name: &str) -> Option<Span> {
    let part_of_a_name = |character: char| character.is_alphanumeric() || character == '_';
    let mut places = text.match_indices(name).filter(|(at, _)| {
        !text[..*at].ends_with(part_of_a_name) && !text[at + name.len()..].starts_with(part_of_a_name)
    });
    let inside = |at: usize| {
        let before = &text[..at];
        before.rfind(['{']).is_some_and(|open| !before[open..].contains('}'))
    };
    places.find(|(at, _)| inside(*at)).map(|(at, _)| Span::new(at, at + name.len()))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
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
        let mend = "mend it, or remove the file to use the built-in template; docs/prompt.md lists the variables";
        for (name, text, expected) in [
            ("turn.md", "a\nb {{ ticket_bdy }}\n", "2:6 E003 unknown variable `ticket_bdy` (did you mean `ticket_body`?)".to_owned()),
            ("turn.md", "xyzzy {% if xyzzy %}{% endif %}", "1:13 E003 unknown variable `xyzzy` (docs/prompt.md lists the variables)".to_owned()),
            ("commit.md", "a\n{% if turn %}\n", format!("2:12 E003 the template cannot be used: unexpected end of input, expected end of block ({mend})")),
            ("turn.md", "é{{ turn|shout }}", format!("1:10 E003 the template cannot be used: filter shout is unknown ({mend})")),
            ("turn.md", "\n{% include 'commit.md' %}", format!("2:4 E003 the template cannot be used: tried to include non-existing template 'commit.md' ({mend})")),
            ("turn.md", "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}", format!("1:1 E003 the template cannot be used: engine ran out of fuel ({mend})")),
            ("trun.md", "x", "1:1 E019 no template is named `trun.md` (did you mean `turn.md`? A draft begins with `_`)".to_owned()),
            ("x.md", "x", "1:1 E019 no template is named `x.md` (the templates are `turn.md` and `commit.md`; a draft begins with `_`)".to_owned()),
        ] {
            assert_eq!(faults_of(name, text), [format!(".tickets/templates/{name}:{expected}")], "{text}");
        }
    }

    #[test]
    fn every_fault_of_every_override_is_told_at_once() {
        let overrides = [("turn.md", "{{ a }}{{ b }}"), ("commit.md", "{{ c }}")];
        let overrides = overrides.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(TemplateSet::with_overrides(&overrides).unwrap_err().len(), 3);
    }

    #[test]
    fn what_minijinja_defines_is_known_and_drafts_are_passed_over() {
        let text = "{% set a = namespace(n=1) %}{% for x in range(2) %}{{ loop.index }}{{ x }}{% endfor %}{{ a.n }}\
            {% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}";
        assert_eq!(faults_of("turn.md", text), [""; 0]);
        assert_eq!(faults_of("_turn.md", "{{ broken"), [""; 0]);
        assert_eq!(faults_of("README.md", "{{ broken"), [""; 0]);
    }

    #[test]
    fn a_template_cannot_write_without_end() {
        let text = "{% for a in range(9999) %}{{ 'x' * 100000 }}{% endfor %}";
        let faults = faults_of("turn.md", text);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}

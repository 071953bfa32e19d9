//! Trust: what may start a program here without a person having read it is nothing. What differs from what a person on
//! this machine has trusted, and rung 6, which lets nothing go on with it. Must not know where either lies.

use std::collections::BTreeMap;

use serde_json::json;

use super::choose::{Choice, Look};
use super::reason::{Reason, ReasonCode};
use super::scope::GONE;

/// What a worktree holds that may start programs, and what of it nobody has trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustFact {
    /// What is not trusted, by path.
    pub files: Vec<Untrusted>,
    /// Why nothing at all is trusted, and what to type; none where what was trusted can be looked up.
    pub store: Option<String>,
    /// What shows and trusts the files, where `turnstile trust` is not what helps.
    pub command: Option<String>,
}

/// A file that may start programs, and that nobody has trusted as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untrusted {
    /// Below the top of the worktree.
    pub path: String,
    /// What it is.
    pub kind: TrustKind,
    /// How it differs from what was trusted last.
    pub change: TrustChange,
    /// The digest of its content; `gone` where it has none.
    pub digest: String,
}

/// What a file that may start programs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustKind {
    /// The config or a template: what turnstile itself goes by.
    OfTurnstile,
    /// An agent's own settings for this project.
    OfAgents,
}

impl TrustKind {
    /// What a path is.
    pub fn of(path: &str) -> Self {
        if path.starts_with(".tickets/") { Self::OfTurnstile } else { Self::OfAgents }
    }
}

/// How a file differs from what was trusted last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustChange {
    /// Nothing was ever trusted there.
    New,
    /// Something else was.
    Changed,
    /// Something was, and nothing lies there.
    Gone,
    /// It cannot be read, and so not be trusted; why.
    Unreadable(String),
}

impl TrustChange {
    /// The word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lies {
    /// A file, by the digest of its content.
    File(String),
    /// Something that cannot be read. Where that is a fault like any other, nobody is asked to trust it.
    Unreadable {
        /// Why.
        why: String,
        /// Whether it stops every step anyway.
        is_fault: bool,
    },
}

/// The digests that were trusted at each path, the last one last.
pub type Trusted = BTreeMap<String, Vec<String>>;

/// What differs from what was trusted. Nothing lies where nothing is named; that is what was there before anything was
/// trusted, and starts nothing.
pub fn untrusted(trusted: &Trusted, lies: &BTreeMap<String, Lies>) -> Vec<Untrusted> {
    let is_fault = |path: &str| {
        let is_it = |(at, lies): (&String, &Lies)| {
            let here = path.strip_prefix(at.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            here && matches!(lies, Lies::Unreadable { is_fault: true, .. })
        };
        lies.iter().any(is_it)
    };
    let one = |path: &String| {
        let known = trusted.get(path).map_or(&[][..], Vec::as_slice);
        let (change, digest) = match lies.get(path) {
            _ if is_fault(path) => return None,
            Some(Lies::Unreadable { why, .. }) => (TrustChange::Unreadable(why.clone()), String::new()),
            Some(Lies::File(digest)) if known.contains(digest) => return None,
            Some(Lies::File(digest)) if known.iter().all(|known| known == GONE) => (TrustChange::New, digest.clone()),
            Some(Lies::File(digest)) => (TrustChange::Changed, digest.clone()),
            None if known.is_empty() || known.iter().any(|known| known == GONE) => return None,
            None => (TrustChange::Gone, GONE.to_owned()),
        };
        Some(Untrusted { path: path.clone(), kind: TrustKind::of(path), change, digest })
    };
    let gone = trusted.keys().filter(|path| !lies.contains_key(*path));
    let mut found: Vec<Untrusted> = lies.keys().chain(gone).filter_map(one).collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Rung 6: nothing starts by what nobody has trusted.
pub(super) fn untrusted_files(look: &Look<'_>) -> Option<Choice> {
    let asked = asked_for_trust(look);
    (!asked.is_empty()).then(|| Choice::stop(reason(&asked, &look.survey.trust), None))
}

/// The files at which a step stops because nobody has trusted them.
pub fn asked_for_trust<'a>(look: &Look<'a>) -> Vec<&'a Untrusted> {
    look.survey.trust.files.iter().filter(|file| is_asked_for(look, file)).collect()
}

/// What a turn of this run made of it is row 3's, or was listed as the turn ended.
fn is_asked_for(look: &Look<'_>, file: &Untrusted) -> bool {
    match file.kind {
        TrustKind::OfTurnstile => !(super::before::changed_by_turn(look) && is_runner_file(look, &file.path)),
        TrustKind::OfAgents => !look.run.agent_settings.get(&file.path).is_some_and(|made| made.contains(&file.digest)),
    }
}

fn is_runner_file(look: &Look<'_>, path: &str) -> bool {
    let is_it =
        |known: &String| path.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    look.survey.turn.runner_files.keys().any(is_it)
}

fn reason(files: &[&Untrusted], fact: &TrustFact) -> Reason {
    let line = |file: &&Untrusted| {
        let path = crate::text::shown_line(&file.path);
        match &file.change {
            TrustChange::New => format!("  {path} is new here"),
            TrustChange::Changed => format!("  {path} was changed since it was trusted"),
            TrustChange::Gone => format!("  {path} is gone, and what it said with it"),
            TrustChange::Unreadable(why) => {
                format!("  {path} cannot be read ({}); mend or remove it", crate::text::shown_line(why))
            }
        }
    };
    let lines: Vec<String> = files.iter().map(line).collect();
    let way_out = match (&fact.store, &fact.command) {
        (Some(why), _) => why.clone(),
        (None, _) if files.iter().all(|file| matches!(file.change, TrustChange::Unreadable(_))) => {
            "it could start a program, and cannot be shown".to_owned()
        }
        (None, Some(command)) => format!("`{command}` shows it and asks, and then the run goes on"),
        (None, None) => "`turnstile trust` shows it and asks, `turnstile run --trust` trusts it unseen".to_owned(),
    };
    let message =
        format!("what may start programs here is not trusted on this machine; {way_out}\n{}", lines.join("\n"));
    let listed: Vec<_> = files
        .iter()
        .map(|file| json!({ "path": file.path, "change": file.change.name(), "digest": file.digest }))
        .collect();
    Reason::new(ReasonCode::Untrusted, message).details(json!({ "files": listed, "store": fact.store }))
}

//! What may start programs here: found in the worktree, compared with what a person on this machine has trusted, shown
//! and trusted. What is compared is what is then used, so nothing can be exchanged in between. Decides nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::agent_settings::{agent_settings, may_start_programs};
use super::error::RunError;
use super::settings::Settings;
use super::workspace::{Options, Workspace};
use crate::flow::{
    GONE, Lies, Look, ReasonCode, RunState, TrustChange, TrustFact, TrustKind, Untrusted, asked_for_trust, untrusted,
};
use crate::git;
use crate::store::{self, Links, StoredCopy, TrustItem, TrustRefused, TrustedBy};
use crate::text::shell_word;

/// Folders of what may start programs: behind a link in the place of one lies who knows what.
const FOLDERS: [&str; 4] = [".claude", ".codex", ".tickets", ".tickets/templates"];

/// What a person is asked about: a file that is not trusted, with what was trusted last and what lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which, and how it differs.
    pub file: Untrusted,
    /// The content that was trusted last; none where there is none, or where it is not kept any more.
    pub before: Option<Vec<u8>>,
    /// What lies there now; none where nothing does.
    pub now: Option<Vec<u8>>,
}

/// What could be trusted, taken from somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trustable {
    /// What is not trusted.
    pub differences: Vec<Difference>,
    /// How many files there are that are trusted, or could be.
    pub files: usize,
    /// Whether everything that lies there is trusted once these are: only then is it known what does not lie there.
    pub is_whole: bool,
}

/// What in a worktree is not trusted.
pub(super) fn fact(workspace: &Workspace, settings: &Settings) -> Result<TrustFact, RunError> {
    let lies = lies(workspace, settings)?;
    let (mut trusted, store) = match store::read_trust(&workspace.layout.common_dir)? {
        Ok(trusted) => (trusted, None),
        Err(refused) => (BTreeMap::new(), Some(refused.to_string())),
    };
    if workspace.copy.is_some() {
        // What turnstile itself goes by is the copy, whatever lies in the worktree.
        trusted.retain(|path, _| TrustKind::of(path) == TrustKind::OfAgents);
    }
    let files = untrusted(&trusted, &lies);
    let command = command(workspace, &files)?;
    Ok(TrustFact { store: store.filter(|_| !files.is_empty()), files, command })
}

/// What shows files in the worktree of a pushed branch and trusts them: where they lie there as they were pushed, the
/// repository itself does, and nobody has to know of its worktrees.
fn command(workspace: &Workspace, files: &[Untrusted]) -> Result<Option<String>, RunError> {
    let Some(hub) = workspace.hub.as_ref().filter(|_| !files.is_empty()) else { return Ok(None) };
    let common_dir = &workspace.layout.common_dir;
    let pushed = match git::tip(&workspace.place, &hub.name)? {
        Some(commit) => git::files_of(common_dir, Some(&commit), &may_start_programs)?.files,
        None => BTreeMap::new(),
    };
    let is_pushed = |file: &Untrusted| match &file.change {
        TrustChange::New | TrustChange::Changed => {
            pushed.get(&file.path).is_some_and(|bytes| store::digest_of_content(bytes) == file.digest)
        }
        TrustChange::Gone => !pushed.contains_key(&file.path),
        TrustChange::Unreadable(_) => false,
    };
    let turnstile = |at: &Path| format!("turnstile -C {} trust", shell_word(&at.display().to_string()));
    Ok(Some(if files.iter().all(is_pushed) {
        format!("{} {}", turnstile(common_dir), shell_word(&hub.shown()))
    } else {
        turnstile(&workspace.layout.top)
    }))
}

/// Everything that may start programs, by what it says.
fn lies(workspace: &Workspace, settings: &Settings) -> Result<BTreeMap<String, Lies>, RunError> {
    let mut lies = BTreeMap::new();
    if workspace.copy.is_none() {
        for source in &settings.files {
            lies.insert(source.path.to_string(), Lies::File(store::digest_of_content(source.text.as_bytes())));
        }
        for path in &settings.unread {
            lies.insert(path.clone(), Lies::Unreadable { why: String::new(), is_fault: true });
        }
    }
    for (path, read) in agent_settings(&workspace.layout.top)? {
        let found = match read {
            Ok(bytes) => Lies::File(store::digest_of_content(&bytes)),
            Err(why) => Lies::Unreadable { why, is_fault: false },
        };
        lies.insert(path, found);
    }
    Ok(lies)
}

impl Workspace {
    /// What a step would stop at because nobody has trusted it.
    pub fn asked_for_trust(&mut self, options: &Options) -> Result<Vec<Untrusted>, RunError> {
        if self.untrusted()?.is_empty() {
            return Ok(Vec::new());
        }
        let trusts = std::mem::replace(&mut self.surroundings.trusts, false);
        let view = self.look(&Options { trusts: false, ..options.clone() });
        self.surroundings.trusts = trusts;
        let view = view?;
        let is_asked = view.preview.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Untrusted);
        if !is_asked || view.busy.is_some() {
            return Ok(Vec::new());
        }
        let look = Look { run: &view.preview.run, survey: &view.survey, policy: &view.policy };
        Ok(asked_for_trust(&look).into_iter().cloned().collect())
    }

    /// Whether what the config names may be started outside of a step as well.
    pub fn trusts_config(&self, settings: &Settings) -> Result<bool, RunError> {
        Ok(!fact(self, settings)?.files.iter().any(|file| file.kind == TrustKind::OfTurnstile))
    }

    /// Why nothing at all is trusted here, and what to type; none where what was trusted can be looked up.
    pub fn why_nothing_is_trusted(&self) -> Result<Option<TrustRefused>, RunError> {
        Ok(store::read_trust(&self.layout.common_dir)?.err())
    }

    /// What of the worktree nobody has trusted, whatever a step makes of it.
    pub fn untrusted(&self) -> Result<Vec<Untrusted>, RunError> {
        Ok(fact(self, &self.settings()?)?.files)
    }

    /// Everything of the worktree that could be trusted.
    pub fn trustable(&self) -> Result<Trustable, RunError> {
        let settings = self.settings()?;
        let lies = lies(self, &settings)?;
        let files = lies.values().filter(|lies| matches!(lies, Lies::File(_))).count();
        let is_whole = self.is_known(&lies);
        Ok(Trustable { differences: self.differences(fact(self, &settings)?.files)?, files, is_whole })
    }

    /// Everything at a reference that could be trusted, and the commit that it names.
    pub fn trustable_at(&self, reference: &str) -> Result<(Trustable, git::RefFiles), RunError> {
        let found = git::files_of(&self.layout.common_dir, Some(reference), &may_start_programs)?;
        let mut trustable = trustable_of(&self.layout.common_dir, &found)?;
        // What that commit does not hold may well lie here and in no commit.
        trustable.differences.retain(|difference| difference.file.change != TrustChange::Gone);
        trustable.is_whole = false;
        Ok((trustable, found))
    }

    /// Files that are not trusted, with what was trusted and what lies there. What is another one since is refused.
    pub fn differences(&self, files: Vec<Untrusted>) -> Result<Vec<Difference>, RunError> {
        let common_dir = &self.layout.common_dir;
        let trusted = store::read_trust(common_dir)?.unwrap_or_default();
        let mut differences = Vec::new();
        for file in files {
            let now = match &file.change {
                TrustChange::Gone | TrustChange::Unreadable(_) => None,
                TrustChange::New | TrustChange::Changed => {
                    let now = self.content(&file.path)?;
                    if now.as_deref().map(store::digest_of_content).as_ref() != Some(&file.digest) {
                        let why = "it was changed while it was looked at; look again".to_owned();
                        return Err(RunError::Unusable { path: file.path, why });
                    }
                    now
                }
            };
            differences.push(Difference { before: before(common_dir, &trusted, &file.path)?, file, now });
        }
        Ok(differences)
    }

    fn content(&self, path: &str) -> Result<Option<Vec<u8>>, RunError> {
        Ok(match TrustKind::of(path) {
            TrustKind::OfTurnstile => {
                store::read_capped(&self.layout.top, path, store::TEXT_CAP, Links::Any)?.ok().flatten()
            }
            TrustKind::OfAgents => store::read_followed(&self.layout.top.join(path))?.ok().flatten(),
        })
    }

    /// Trusts what was shown, as it was shown.
    pub fn trust(&self, differences: &[Difference]) -> Result<Result<(), TrustRefused>, RunError> {
        self.trust_items(&items(differences))
    }

    /// Trusts what turnstile itself has just written.
    pub fn trust_own(&self, files: &[(String, Vec<u8>)]) -> Result<Result<(), TrustRefused>, RunError> {
        let item = |(path, bytes): &(String, Vec<u8>)| TrustItem { path: path.clone(), content: Some(bytes.clone()) };
        self.trust_items(&files.iter().map(item).collect::<Vec<_>>())
    }

    /// What a turn that is judged made of the config and the templates, as it lies there: `resume` trusts it.
    pub fn made_of_runner_files(&self, run: &RunState) -> Result<Vec<TrustItem>, RunError> {
        let changed = run.judging().map(|judging| judging.ended.changed.as_slice()).unwrap_or_default();
        let is_one = |path: &&String| may_start_programs(path) && TrustKind::of(path) == TrustKind::OfTurnstile;
        let item = |path: &String| {
            let read = store::read_capped(&self.layout.top, path, store::TEXT_CAP, Links::Any)?;
            // What cannot be read is a fault like any other.
            Ok(read.ok().map(|content| TrustItem { path: path.clone(), content }))
        };
        changed.iter().filter(is_one).filter_map(|path| item(path).transpose()).collect()
    }

    /// Trusts it.
    pub fn trust_items(&self, items: &[TrustItem]) -> Result<Result<(), TrustRefused>, RunError> {
        let is_whole = self.is_whole_with(items)?;
        Ok(store::trust(&self.layout.common_dir, items, is_whole, &self.trusted_by())?)
    }

    /// Whether all of it is asked about: where a copy counts, nobody is about the config that lies here.
    fn is_known(&self, lies: &BTreeMap<String, Lies>) -> bool {
        self.copy.is_none() && lies.values().all(|lies| matches!(lies, Lies::File(_)))
    }

    /// Whether everything that lies here is trusted once these are.
    fn is_whole_with(&self, items: &[TrustItem]) -> Result<bool, RunError> {
        let settings = self.settings()?;
        let is_one = |file: &Untrusted| items.iter().any(|item| item.path == file.path && digest(item) == file.digest);
        let is_known = self.is_known(&lies(self, &settings)?);
        Ok(is_known && fact(self, &settings)?.files.iter().all(is_one))
    }

    /// Who trusts something now.
    pub fn trusted_by(&self) -> TrustedBy {
        TrustedBy { who: self.surroundings.who.clone(), at: Self::now() }
    }
}

/// What of a commit nobody has trusted; what it does not hold is gone.
pub fn trustable_of(common_dir: &Path, found: &git::RefFiles) -> Result<Trustable, RunError> {
    let trusted = store::read_trust(common_dir)?.unwrap_or_default();
    let lies = found.files.iter();
    let lies = lies.map(|(path, bytes)| (path.clone(), Lies::File(store::digest_of_content(bytes)))).collect();
    let mut differences = Vec::new();
    for file in untrusted(&trusted, &lies) {
        let (before, now) = (before(common_dir, &trusted, &file.path)?, found.files.get(&file.path).cloned());
        differences.push(Difference { file, before, now });
    }
    let is_whole = !found.links.iter().any(|link| may_start_programs(link) || FOLDERS.contains(&link.as_str()));
    Ok(Trustable { differences, files: found.files.len(), is_whole })
}

/// The content that was trusted last at a path.
fn before(common_dir: &Path, trusted: &BTreeMap<String, Vec<String>>, path: &str) -> Result<Option<Vec<u8>>, RunError> {
    match trusted.get(path).and_then(|digests| digests.iter().rev().find(|digest| *digest != GONE)) {
        Some(digest) => Ok(store::trusted_content(common_dir, digest)?),
        None => Ok(None),
    }
}

/// Trusts what was shown, as it was shown.
pub fn trust(common_dir: &Path, shown: &Trustable, by: &TrustedBy) -> Result<Result<(), TrustRefused>, RunError> {
    Ok(store::trust(common_dir, &items(&shown.differences), shown.is_whole, by)?)
}

/// What is trusted with what was shown.
fn items(differences: &[Difference]) -> Vec<TrustItem> {
    let shown = differences.iter().filter(|difference| !matches!(difference.file.change, TrustChange::Unreadable(_)));
    let item =
        |difference: &Difference| TrustItem { path: difference.file.path.clone(), content: difference.now.clone() };
    shown.map(item).collect()
}

fn digest(item: &TrustItem) -> String {
    item.content.as_deref().map_or_else(|| GONE.to_owned(), store::digest_of_content)
}

/// Stores the copy of config and templates that runs of a bare repository go by.
pub fn store_copy(common_dir: &Path, copy: &StoredCopy) -> Result<Result<(), TrustRefused>, RunError> {
    Ok(store::store_copy(common_dir, copy)?)
}

/// The copy that a person has stored; none where nobody has. Whoever goes by it sets [`Workspace::copy`].
pub fn stored_copy(common_dir: &Path) -> Result<Result<Option<StoredCopy>, TrustRefused>, RunError> {
    Ok(store::stored_copy(common_dir)?)
}

impl Workspace {
    /// Files by which what lies in the worktree differs from the copy that counts in its place: nobody has trusted
    /// them, and a run that goes on without them says so. Empty where no copy counts.
    pub fn differs_from_copy(&self) -> Result<Vec<String>, RunError> {
        let Some(copy) = &self.copy else { return Ok(Vec::new()) };
        let here = self.settings_here()?;
        let now: BTreeMap<&str, &[u8]> =
            here.files.iter().map(|source| (&*source.path, source.text.as_bytes())).collect();
        let same = |path: &str| copy.files.get(path).map(Vec::as_slice) == now.get(path).copied();
        let mut paths: Vec<String> = copy.files.keys().cloned().chain(now.keys().map(ToString::to_string)).collect();
        paths.retain(|path| !same(path));
        // Of these nobody can say that they are the same.
        paths.extend(here.unread);
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

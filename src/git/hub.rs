//! A bare repository and the detached worktrees that are kept in it: its branches by the bytes of their names, moving one
//! of them forward, and bringing a worktree to a commit. No hook of the repository is run by any of it.

use std::path::Path;

use git2::Repository;

use super::changes::uncommitted;
use super::error::{At, GitError};
use super::keep::keep_seen;
use super::path::{as_file, path_to_text, text_to_path};
use super::program::Git;
use super::repo::Place;
use super::{branch, library};
use crate::crash::{Point, point};
use crate::secret::Screen;

const BRANCHES: &[u8] = b"refs/heads/";
/// Branches that hold what a push was faster than are below this; where somebody has a branch of that very name, below
/// the same with a number behind it.
const PARKED: &str = "refs/heads/turnstile";

/// A branch of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its full name, as text that stands for bytes.
    pub name: String,
    /// Its commit.
    pub commit: String,
}

/// A bare repository as a place: it has no worktree, and what asks for one is not to be called with it.
pub fn bare_place(git_dir: &Path) -> Place {
    Place {
        top: git_dir.to_owned(),
        git_dir: git_dir.to_owned(),
        common_dir: git_dir.to_owned(),
        worktree: "main".to_owned(),
    }
}

/// All branches that have a commit. What cannot be read is none.
pub fn branches(place: &Place) -> Result<Vec<Branch>, GitError> {
    let repository = library::open(place)?;
    let mut found = Vec::new();
    for reference in repository.references().at("list the branches of", &place.top)? {
        let Ok(reference) = reference else { continue };
        if !reference.name_bytes().starts_with(BRANCHES) {
            continue;
        }
        if let Ok(commit) = reference.peel_to_commit() {
            found.push(Branch { name: path_to_text(reference.name_bytes()), commit: commit.id().to_string() });
        }
    }
    Ok(found)
}

/// The branch that the repository's HEAD names, whether it has a commit or not; none where HEAD is detached.
pub fn head_branch(place: &Place) -> Result<Option<String>, GitError> {
    let repository = library::open(place)?;
    let head = repository.find_reference("HEAD").at("read HEAD", &place.git_dir)?;
    Ok(head.symbolic_target_bytes().map(path_to_text))
}

/// The commit of a branch, whatever the bytes of its name.
pub fn tip(place: &Place, name: &str) -> Result<Option<String>, GitError> {
    let repository = library::open(place)?;
    let tip = found(place, &repository, name)?.and_then(|reference| reference.peel_to_commit().ok());
    Ok(tip.map(|commit| commit.id().to_string()))
}

/// Names that are no text can only be found by going through all of them.
fn found<'r>(place: &Place, repository: &'r Repository, name: &str) -> Result<Option<git2::Reference<'r>>, GitError> {
    let bytes = text_to_path(name);
    if let Ok(text) = std::str::from_utf8(&bytes) {
        return match repository.find_reference(text) {
            Ok(reference) => Ok(Some(reference)),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error).at("read a reference", &place.top),
        };
    }
    let all = repository.references().at("list the branches of", &place.top)?;
    Ok(all.filter_map(Result::ok).find(|reference| reference.name_bytes() == bytes))
}

/// Moves a branch from one commit to another, if it is still at the first one; whether it was.
pub fn move_forward(place: &Place, name: &str, from: &str, to: &str) -> Result<bool, GitError> {
    let repository = library::open(place)?;
    let to = library::oid(place, to)?;
    let Some(reference) = found(place, &repository, name)? else { return Ok(false) };
    // A branch may be another name of one.
    let mut reference = reference.resolve().at("read a reference", &place.top)?;
    if reference.target().map(|id| id.to_string()).as_deref() != Some(from) {
        return Ok(false);
    }
    let mut lock = place.common_dir.join(as_file(reference.name_bytes())).into_os_string();
    lock.push(".lock");
    let lock = std::path::PathBuf::from(lock);
    super::index::patiently(&lock, || match reference.set_target(to, "turnstile: published") {
        Ok(_) => Ok(Some(true)),
        Err(error) if error.code() == git2::ErrorCode::Locked => Ok(None),
        // Somebody has moved it, or removed it, between the look and now.
        Err(error) if matches!(error.code(), git2::ErrorCode::Modified | git2::ErrorCode::NotFound) => Ok(Some(false)),
        Err(error) => Err(error).at("move a branch", &place.top),
    })
}

/// Whether one commit is the other one, or is in its history. A commit that is not there any more is in no history.
pub fn is_within(place: &Place, old: &str, new: &str) -> Result<bool, GitError> {
    if old == new {
        return Ok(true);
    }
    let repository = library::open(place)?;
    let (old, new) = (library::oid(place, old)?, library::oid(place, new)?);
    if repository.find_commit(old).is_err() {
        return Ok(false);
    }
    repository.graph_descendant_of(new, old).at("walk the history", &place.top)
}

/// Makes a worktree at a commit, with a detached HEAD.
pub fn add_detached(place: &Place, folder: &Path, commit: &str) -> Result<(), GitError> {
    let repository = library::open(place)?;
    let git = Git::hardened(place, &["worktree", "add", "--quiet", "--detach", "--"]);
    git.without_configured_hooks(&repository)?.argument(folder).argument(commit).succeed()?;
    Ok(())
}

/// Forgets a worktree and removes its folder, with all that lies there.
pub fn remove_worktree(common_dir: &Path, name: &str, folder: &Path) -> Result<(), GitError> {
    for gone in [folder, &common_dir.join("worktrees").join(name)] {
        match std::fs::remove_dir_all(gone) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).at("remove", gone),
        }
    }
    Ok(())
}

/// The commit at which git last knew a worktree, also one whose folder is gone.
pub fn detached_at(common_dir: &Path, name: &str) -> Option<String> {
    let head = std::fs::read_to_string(common_dir.join("worktrees").join(name).join("HEAD")).ok()?;
    let head = head.trim();
    (head.len() == 40 && head.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| head.to_owned())
}

/// Checks a commit out, with a detached HEAD. What is uncommitted stays as it is; where that is in the way nothing is
/// done, and why is what comes back.
pub fn check_out(place: &Place, commit: &str) -> Result<Result<(), String>, GitError> {
    checked_out(place, &["checkout", "--quiet", "--detach"], commit)
}

fn checked_out(place: &Place, arguments: &[&str], commit: &str) -> Result<Result<(), String>, GitError> {
    let repository = library::open(place)?;
    let git = Git::hardened(place, arguments).without_configured_hooks(&repository)?;
    let ended = git.argument(commit).argument("--").run()?;
    Ok(if ended.status.success() { Ok(()) } else { Err(ended.words()) })
}

/// What was parked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The full name of the branch.
    pub branch: String,
    /// Its commit: the worktree as it was.
    pub commit: String,
}

/// The name of a branch for what was made of a ticket.
pub fn parking_name(ticket: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let part = |part: &str| {
        let plain: String = part.chars().map(|one| if is_plain(one) { one } else { '-' }).collect();
        let plain = plain.replace("..", "--");
        let plain = plain.strip_suffix(".lock").map_or(plain.clone(), |rest| format!("{rest}-lock"));
        let plain = plain.strip_suffix('.').map_or(plain.clone(), |rest| format!("{rest}-"));
        plain.strip_prefix('.').map_or(plain.clone(), |rest| format!("-{rest}"))
    };
    let parts: Vec<String> = ticket.split('/').map(part).collect();
    let name = format!("{PARKED}/{}", parts.join("/"));
    if git2::Reference::is_valid_name(&name) { name } else { format!("{PARKED}/work") }
}

/// Whether this is the name of a branch that holds what was parked.
pub fn is_parked(name: &str) -> bool {
    let rest = name.strip_prefix(PARKED).and_then(|rest| rest.split_once('/'));
    rest.is_some_and(|(number, _)| {
        number.is_empty()
            || number.strip_prefix('-').is_some_and(|digits| digits.bytes().all(|one| one.is_ascii_digit()))
    })
}

/// Names for what is parked, the wanted one first: none of them is there, nor can git not have it beside those that are.
fn free_names<'a>(there: &'a [Branch], wanted: &'a str) -> impl Iterator<Item = String> + 'a {
    let rest = wanted.strip_prefix(PARKED).unwrap_or(wanted);
    let numbered = |name: &str, number: u32| if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
    let is_in_the_way = |there: &Branch, name: &str| {
        let is_below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
        there.name == name || is_below(name, &there.name) || is_below(&there.name, name)
    };
    let names = (1..100).flat_map(move |folder| {
        let folder = numbered(PARKED, folder);
        (1..100).map(move |number| numbered(&format!("{folder}{rest}"), number))
    });
    names.filter(move |name| !there.iter().any(|there| is_in_the_way(there, name)))
}

/// Puts what a worktree holds, committed or not, on a branch of its own: `wanted`, or that name with a number behind it
/// where it is taken. Repeating it is harmless.
pub fn park(place: &Place, wanted: &str, message: &str, screen: &Screen) -> Result<Option<Parked>, GitError> {
    let repository = library::open(place)?;
    let parked = put_on_a_branch(place, &repository, (wanted, message), screen)?;
    if let Some(mut kept) = found(place, &repository, &name_of_kept(place))? {
        kept.delete().at("remove a reference", &place.top)?;
    }
    Ok(parked)
}

fn put_on_a_branch(
    place: &Place,
    repository: &Repository,
    (wanted, message): (&str, &str),
    screen: &Screen,
) -> Result<Option<Parked>, GitError> {
    let Some(head) = branch::branch_commit(place, "HEAD")? else { return Ok(None) };
    let seen = uncommitted(place)?;
    let (tree, is_clean) = if seen.changes.is_empty() {
        (library::tree(place, repository, &head)?.id(), true)
    } else {
        let kept = keep_seen(place, &name_of_kept(place), message, None, screen, seen)?;
        (library::oid(place, &kept.tree)?, false)
    };
    // An earlier attempt may have come so far.
    let there = branches(place)?;
    for parked in there.iter().filter(|one| is_parked(&one.name)) {
        let parked = parked.clone();
        let attempt = repository.find_commit(library::oid(place, &parked.commit)?).at("read a commit", &place.top)?;
        let is_on = attempt.parent_ids().next().is_some_and(|parent| parent.to_string() == head);
        if is_clean && parked.commit == head || is_on && attempt.tree_id() == tree {
            return Ok(Some(Parked { branch: parked.name, commit: parked.commit }));
        }
    }
    let commit = if is_clean { head } else { commit_of(place, repository, tree, &head, message)? };
    for name in free_names(&there, wanted) {
        match branch::move_branch(place, repository, &name, None, &commit, "turnstile: parked") {
            Ok(()) => {
                point(Point::HubParked);
                return Ok(Some(Parked { branch: name, commit }));
            }
            Err(GitError::Moved { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(GitError::BranchExists { name: wanted.to_owned() })
}

/// Holds what lies in a worktree until a branch does.
fn name_of_kept(place: &Place) -> String {
    format!("refs/turnstile/parked/{}", place.worktree)
}

fn commit_of(
    place: &Place,
    repository: &Repository,
    tree: git2::Oid,
    head: &str,
    message: &str,
) -> Result<String, GitError> {
    let tree = repository.find_tree(tree).at("read a tree", &place.top)?;
    let parent = repository.find_commit(library::oid(place, head)?).at("read HEAD", &place.top)?;
    let who = repository.signature().at("read the identity", &place.top)?;
    let commit = repository.commit(None, &who, &who, message, &tree, &[&parent]).at("write a commit", &place.top)?;
    Ok(commit.to_string())
}

/// Whether a worktree holds nothing that is not committed.
pub fn is_clean(place: &Place) -> Result<bool, GitError> {
    Ok(uncommitted(place)?.changes.is_empty())
}

/// Whether all of a commit is on some branch.
pub fn is_on_a_branch(place: &Place, commit: &str) -> Result<bool, GitError> {
    for branch in branches(place)? {
        if is_within(place, commit, &branch.commit)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Has HEAD name what was parked. All that lies there is what the commit holds, so that nothing is lost by writing over
/// it.
pub fn leave(place: &Place, parked: &str) -> Result<Result<(), String>, GitError> {
    checked_out(place, &["checkout", "--quiet", "--force", "--detach"], parked)
}

/// Brings a worktree whose content is all in `parked` to another commit. Files that git ignores, and those that were not
/// parked, stay; where one of them is in the way, that is the answer.
pub fn leave_for(place: &Place, parked: &str, commit: &str) -> Result<Result<(), String>, GitError> {
    if let Err(why) = leave(place, parked)? {
        return Ok(Err(why));
    }
    point(Point::HubLeft);
    check_out(place, commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    fn commit(repo: &TestRepo, file: &str) -> String {
        repo.write(file, "x");
        repo.git(&["add", "--all"]);
        repo.git(&["commit", "-qm", file]);
        repo.commit_of("HEAD")
    }

    #[test]
    fn a_branch_moves_only_from_where_it_was_seen_whatever_the_bytes_of_its_name() {
        let repo = TestRepo::with(&[("a", "1")]);
        let (one, two, three) = (commit(&repo, "one"), commit(&repo, "two"), commit(&repo, "three"));
        let raw: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"refs/heads/x\xff");
        let made = std::process::Command::new("git")
            .current_dir(&repo.place.top)
            .arg("update-ref")
            .arg(raw)
            .arg(&one)
            .status();
        assert!(made.unwrap().success());
        repo.git(&["branch", "plain", &one]);
        for name in [path_to_text(b"refs/heads/x\xff"), "refs/heads/plain".to_owned()] {
            assert_eq!(tip(&repo.place, &name).unwrap().as_ref(), Some(&one));
            assert!(branches(&repo.place).unwrap().contains(&Branch { name: name.clone(), commit: one.clone() }));
            assert!(!move_forward(&repo.place, &name, &two, &three).unwrap(), "somebody has moved it");
            assert!(move_forward(&repo.place, &name, &one, &two).unwrap());
            assert_eq!(tip(&repo.place, &name).unwrap().as_ref(), Some(&two));
        }
        assert!(!move_forward(&repo.place, "refs/heads/none", &one, &two).unwrap());
        assert_eq!(tip(&repo.place, "refs/heads/none").unwrap(), None);
    }

    #[test]
    fn what_is_parked_is_all_that_lies_there_and_is_parked_once() {
        let repo = TestRepo::with(&[("a", "1")]);
        repo.git(&["switch", "-q", "--detach"]);
        let (base, head) = (repo.commit_of("HEAD"), commit(&repo, "one"));
        repo.write("a", "2");
        repo.write("loose", "3");
        let screen = Screen::new(&[]);
        let park = || park(&repo.place, &parking_name("001-a"), "parked", &screen).unwrap().unwrap();
        let parked = park();
        assert_eq!(park(), parked);
        assert_eq!(parked.branch, "refs/heads/turnstile/001-a");
        assert_eq!(repo.git(&["show", "turnstile/001-a:loose"]), "3");
        assert_eq!(repo.commit_of("turnstile/001-a~1"), head);
        assert_eq!(repo.git(&["for-each-ref", "refs/turnstile"]), "");
        leave(&repo.place, &parked.commit).unwrap().unwrap();
        assert_eq!(park(), parked, "also when it was checked out before the end came");
        leave_for(&repo.place, &parked.commit, &base).unwrap().unwrap();
        assert_eq!((repo.git(&["status", "--porcelain"]).as_str(), repo.commit_of("HEAD")), ("", base));
        repo.write("a", "other");
        assert_eq!(park().branch, "refs/heads/turnstile/001-a-2");
    }

    #[test]
    fn a_commit_that_is_not_there_any_more_is_in_no_history_and_a_worktree_at_none_is_at_none() {
        let repo = TestRepo::with(&[("a", "1")]);
        let (one, two) = (commit(&repo, "one"), commit(&repo, "two"));
        assert!(is_within(&repo.place, &one, &two).unwrap() && !is_within(&repo.place, &two, &one).unwrap());
        assert!(!is_within(&repo.place, &"1".repeat(40), &two).unwrap());
        let at = repo.place.common_dir.join("worktrees/x");
        std::fs::create_dir_all(&at).unwrap();
        for (head, known) in
            [(format!("{one}\n"), Some(one)), ("ref: refs/heads/main\n".into(), None), (String::new(), None)]
        {
            std::fs::write(at.join("HEAD"), head).unwrap();
            assert_eq!(detached_at(&repo.place.common_dir, "x"), known);
        }
    }

    #[test]
    fn every_ticket_has_a_branch_that_git_takes() {
        for (ticket, name) in [
            ("auth/010-login", "auth/010-login"),
            ("a b..c~^", "a-b--c--"),
            ("1a.lock/x.", "1a-lock/x-"),
            (".x", "-x"),
            ("-x", "-x"),
            ("", "work"),
        ] {
            let name = format!("refs/heads/turnstile/{name}");
            assert_eq!(parking_name(ticket), name);
            assert!(git2::Reference::is_valid_name(&name) && is_parked(&name), "{name}");
        }
        assert!(!is_parked("refs/heads/turnstile") && !is_parked("refs/heads/turnstiles/x"));
    }

    #[test]
    fn a_branch_that_is_in_the_way_of_a_name_has_another_one_taken() {
        let first = |there: &[&str]| {
            let branch = |name: &&str| Branch { name: format!("refs/heads/{name}"), commit: String::new() };
            let there: Vec<Branch> = there.iter().map(branch).collect();
            free_names(&there, "refs/heads/turnstile/001-a").next().unwrap().replace("refs/heads/", "")
        };
        assert_eq!(first(&["main"]), "turnstile/001-a");
        assert_eq!(first(&["turnstile/001-a"]), "turnstile/001-a-2");
        assert_eq!(first(&["turnstile/001-a/x"]), "turnstile/001-a-2", "it would be a folder");
        assert_eq!(first(&["turnstile"]), "turnstile-2/001-a", "the folder would be a branch");
        assert_eq!(first(&["turnstile", "turnstile-2"]), "turnstile-3/001-a");
    }
}

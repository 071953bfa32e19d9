//! The commit as an effect: what is asked of git, and what is left of a lost one.

use super::error::RunError;
use super::real::{MOST_ATTEMPTS, Real, clear};
use super::work::{Work, reference};
use crate::crash::{Point, point};
use crate::flow::{Evidence, SavePurpose, SaveRequest, SaveResult};
use crate::git::{self, Content, SavePath};
use crate::store::{self, Links};
use crate::ticket::set_done;

/// At most so many new files in one commit of turnstile's.
pub(super) const MOST_FILES: usize = 500;
/// At most so many bytes in one commit of turnstile's.
pub(super) const MOST_BYTES: u64 = 50 * 1024 * 1024;

impl Real<'_> {
    pub(super) fn save_work(&self, request: &SaveRequest) -> Result<Work, RunError> {
        let place = self.workspace.place.clone();
        if request.purpose == SavePurpose::Keep {
            let turn = request.turn.unwrap_or_default();
            let (reference, before) =
                (reference(self.run_id()?, turn, "after"), reference(self.run_id()?, turn, "before"));
            let message = format!("turn {turn}, after");
            let ticket = request.ticket.as_ref().map(crate::ticket::TicketId::path).unwrap_or_default();
            return Ok(Work::Keep { place, reference, message, before, ticket });
        }
        let mut paths = Vec::new();
        for path in &request.paths {
            let content = match &request.unclaimed {
                Some(unclaimed) if unclaimed == path => self.unclaimed(path)?,
                Some(_) | None => Content::Worktree,
            };
            paths.push(SavePath { path: path.clone(), content });
        }
        Ok(Work::Save {
            place,
            request: git::SaveRequest {
                branch: request.branch.clone().unwrap_or_else(|| "HEAD".to_owned()),
                base: request.base.clone(),
                paths,
                message: message(request),
                hooks: request.hooks,
                checked: request.checked,
                max_files: MOST_FILES,
                max_bytes: MOST_BYTES,
                marker: Some(self.save_directory(request.attempt)?.join("marker")),
            },
        })
    }

    /// The text of a ticket whose claim waits, as the branch may show it.
    pub(super) fn unclaimed(&self, path: &str) -> Result<Content, RunError> {
        let unusable = |why: String| RunError::Unusable { path: path.to_owned(), why };
        match store::read_source(&self.workspace.layout.top, path, Links::Any)? {
            Ok(Some(source)) => {
                set_done(&source, false).map(Content::Text).map_err(|refused| unusable(refused.to_string()))
            }
            Ok(None) => Ok(Content::Remove),
            Err(why) => Err(unusable(why.diagnostic(path).message)),
        }
    }

    pub(super) fn lost_save(
        &mut self,
        request: &SaveRequest,
        directory: &std::path::Path,
    ) -> Result<Evidence<SaveResult>, RunError> {
        self.lost_saves += 1;
        let place = &self.workspace.place;
        git::recover_save(place, &directory.join("marker"))?;
        let branch = request.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
        if request.purpose != SavePurpose::Keep
            && let Some(commit) =
                git::find_saved(place, &branch, request.base.as_deref(), &request.trailers, &request.subject)?
        {
            let tree = git::tree_of(place, &commit)?;
            return Ok(Evidence::Over(SaveResult::Committed { commit, tree }));
        }
        if self.lost_saves > MOST_ATTEMPTS {
            let why =
                format!("a commit ended {MOST_ATTEMPTS} times without a record; its log is in {}", directory.display());
            return Ok(Evidence::Over(SaveResult::Failed { why }));
        }
        clear(directory)?;
        point(Point::LostCleared);
        Ok(Evidence::NotStarted)
    }
}

/// The whole message of a commit.
fn message(request: &SaveRequest) -> String {
    message_of(&request.subject, &request.body, &request.trailers)
}

/// The same of its parts.
pub(super) fn message_of(subject: &str, body: &str, trailers: &[(String, String)]) -> String {
    let mut message = subject.to_owned();
    if !body.is_empty() {
        message.push_str("\n\n");
        message.push_str(body);
    }
    if !trailers.is_empty() {
        message.push_str("\n\n");
        for (name, value) in trailers {
            message.push_str(&format!("{name}: {}\n", crate::text::shown_line(value)));
        }
    }
    message
}

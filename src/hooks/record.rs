//! What was asked for, so that a hook that is gone altogether is missed: `turnstile/hooks.json` in the git directory.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::names::{Hook, Wish};
use crate::store::{self, Audience, Links, StoreError, TEXT_CAP};

const FILE: &str = "turnstile/hooks.json";
const VERSION: u32 = 1;

/// What was asked for, and which hooks that came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// What was asked for.
    #[serde(flatten)]
    pub wish: Wish,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// Those of them behind a hook that stood there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chained: Vec<Hook>,
}

impl Record {
    /// A record of what is asked for now.
    pub fn new(wish: Wish, hooks: Vec<Hook>) -> Self {
        Self { version: VERSION, wish, hooks, chained: Vec::new() }
    }

    /// The same, and which of them stand behind a former hook.
    #[must_use]
    pub fn behind(self, chained: Vec<Hook>) -> Self {
        Self { chained, ..self }
    }
}

/// What was asked for last; none where nothing was, or turnstile was taken away since.
pub fn read_record(common_dir: &Path) -> Result<Option<Record>, StoreError> {
    let path = common_dir.join(FILE);
    match store::read_capped(common_dir, FILE, TEXT_CAP, Links::Any)? {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => match serde_json::from_slice::<Record>(&bytes) {
            Ok(record) if record.version == VERSION => Ok(Some(record)),
            Ok(record) => Err(StoreError::Damaged {
                path,
                why: format!("it has version {}, and this program knows {VERSION}", record.version),
            }),
            Err(error) => Err(StoreError::Damaged { path, why: error.to_string() }),
        },
        Err(why) => Err(StoreError::Unusable { path, why }),
    }
}

/// Writes down what is asked for.
pub fn write_record(common_dir: &Path, record: &Record) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(record)
        .map_err(|error| StoreError::Write { path: common_dir.join(FILE), source: std::io::Error::other(error) })?;
    store::write(common_dir, FILE, &bytes, Audience::Machine)
}

/// Nothing is asked for any more.
pub fn forget(common_dir: &Path) -> Result<(), StoreError> {
    store::remove(common_dir, FILE)
}

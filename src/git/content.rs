//! Content on its way between worktree and object database. Where git would convert it (line endings, `$Id$`,
//! encodings, filters such as LFS) git's own program does so; everything else is stored as it is.

use git2::{AttrCheckFlags, AttrValue, ErrorCode, Oid, Repository};

use super::error::{At, Cause, GitError};
use super::library;
use super::pack::Pack;
use super::path::{as_file, components, text_to_path};
use super::program::Git;
use super::repo::Place;

/// Bytes that a checkout would write at `path` for the blob `id`: line endings and filters applied.
pub fn worktree_bytes(place: &Place, path: &str, id: &str) -> Result<Vec<u8>, GitError> {
    components(path)?;
    let repository = library::open(place)?;
    match repository.find_blob(library::oid(place, id)?) {
        Ok(_) => {}
        Err(error) if error.code() == ErrorCode::NotFound => {
            return Err(GitError::Unknown { what: id.to_owned(), path: place.top.clone() });
        }
        Err(error) => return Err(error).at("read a blob", &place.top),
    }
    Git::hardened(place, &["cat-file", "--filters"]).argument(path_option(path)).argument(id).succeed()
}

/// Whether a checkout may write something else for the file at `path` than what is stored. In doubt it may.
pub(super) fn is_converted(place: &Place, path: &str) -> Result<bool, GitError> {
    let repository = library::open(place)?;
    let cleaner = Cleaner::new(place, &repository)?;
    let config = repository.config().at("read the configuration", &place.top)?;
    if cleaner.automatic || config.get_string("core.eol").is_ok() {
        return Ok(true);
    }
    for name in ["filter", "text", "eol", "crlf", "ident", "working-tree-encoding"] {
        match cleaner.attribute(path, name) {
            Ok(AttrOf::Unspecified | AttrOf::False) => {}
            Ok(AttrOf::True | AttrOf::Value(_)) | Err(_) => return Ok(true),
        }
    }
    Ok(false)
}

/// What a failing filter means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// For a branch: nothing is stored, the error names the file.
    Refuse,
    /// For a kept tree: the content is stored as it lies there, so that it is not lost.
    StoreAsItIs,
}

/// What git does to a file of the worktree before it becomes a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Conversion {
    None,
    Git,
    Filter(String),
}

/// Stores contents as blobs. They are in the object database after [`Cleaner::finish`], not before.
pub(super) struct Cleaner<'r> {
    place: &'r Place,
    repository: &'r Repository,
    automatic: bool,
    modes: bool,
    pack: Pack<'r>,
}

impl<'r> Cleaner<'r> {
    pub fn new(place: &'r Place, repository: &'r Repository) -> Result<Self, GitError> {
        let config = repository.config().at("read the configuration", &place.top)?;
        let automatic = match config.get_string("core.autocrlf") {
            Ok(value) => value.eq_ignore_ascii_case("input") || git2::Config::parse_bool(&value).unwrap_or(true),
            Err(error) if error.code() == ErrorCode::NotFound => false,
            Err(error) => return Err(error).at("read core.autocrlf", &place.top),
        };
        let modes = match config.get_bool("core.fileMode") {
            Ok(modes) => modes,
            Err(error) if error.code() == ErrorCode::NotFound => true,
            Err(error) => return Err(error).at("read core.fileMode", &place.top),
        };
        Ok(Self { place, repository, automatic, modes, pack: Pack::new(place, repository) })
    }

    /// The mode of a regular file. With `core.fileMode` off the bit on the disk says nothing, and it stays as known.
    pub fn mode(&self, executable: bool, known: Option<i32>) -> i32 {
        let executable = if self.modes { executable } else { known == Some(0o100_755) };
        if executable { 0o100_755 } else { 0o100_644 }
    }

    /// Writes what still waits to be written.
    pub fn finish(mut self) -> Result<(), GitError> {
        self.pack.flush()
    }

    /// Stores the content of a regular file at `path`.
    pub fn store(&mut self, path: &str, bytes: &[u8], on_failure: OnFailure) -> Result<Oid, GitError> {
        let refuse = |why: String| GitError::Filter { paths: vec![path.to_owned()], why };
        let failed = match self.conversion(path, bytes)? {
            Conversion::None => return self.store_raw(bytes),
            Conversion::Filter(name) if !self.defines(&name)? => {
                refuse(format!("git has no settings for the filter `{name}`; install it or take the attribute away"))
            }
            Conversion::Git | Conversion::Filter(_) => {
                let git = Git::hardened(self.place, &["hash-object", "-w", "--stdin"]).argument(path_option(path));
                match (git.input(bytes.to_vec()).succeed(), on_failure) {
                    (Ok(output), _) => return self.id(&output),
                    (Err(GitError::Program { source: Cause(why), .. }), OnFailure::Refuse) => return Err(refuse(why)),
                    (Err(GitError::Program { source: Cause(why), .. }), OnFailure::StoreAsItIs) => refuse(why),
                    (Err(error), _) => return Err(error),
                }
            }
        };
        match on_failure {
            OnFailure::Refuse => Err(failed),
            OnFailure::StoreAsItIs => self.store_raw(bytes),
        }
    }

    /// Stores bytes that git never converts: the target of a link.
    pub fn store_raw(&mut self, bytes: &[u8]) -> Result<Oid, GitError> {
        self.pack.add(bytes)
    }

    /// Whether git would store something else than these bytes for the file at `path`.
    pub fn converts(&self, path: &str, bytes: &[u8]) -> Result<bool, GitError> {
        Ok(self.conversion(path, bytes)? != Conversion::None)
    }

    fn id(&self, output: &[u8]) -> Result<Oid, GitError> {
        library::oid(self.place, String::from_utf8_lossy(output).trim())
    }

    fn conversion(&self, path: &str, bytes: &[u8]) -> Result<Conversion, GitError> {
        match self.attribute(path, "filter") {
            Ok(AttrOf::Value(name)) => return Ok(Conversion::Filter(name)),
            Ok(AttrOf::Unspecified | AttrOf::True | AttrOf::False) => {}
            // libgit2 looks for attributes in the index too, and reads fewer kinds of index than git.
            Err(_) => return Ok(Conversion::Git),
        }
        if let AttrOf::Value(_) = self.attribute(path, "working-tree-encoding")? {
            return Ok(Conversion::Git);
        }
        if contains(bytes, b"$Id") && self.attribute(path, "ident")? == AttrOf::True {
            return Ok(Conversion::Git);
        }
        // A conversion of line endings only ever takes carriage returns away, and an automatic one never from
        // what holds a NUL.
        let converted = bytes.contains(&b'\r')
            && match self.text(path)? {
                Text::No => false,
                Text::Automatic => !bytes.contains(&0),
                Text::Yes => true,
            };
        Ok(if converted { Conversion::Git } else { Conversion::None })
    }

    fn text(&self, path: &str) -> Result<Text, GitError> {
        let mut text = self.attribute(path, "text")?;
        if text == AttrOf::Unspecified {
            text = self.attribute(path, "crlf")?;
        }
        let ending = self.attribute(path, "eol")?;
        Ok(match text {
            AttrOf::False => Text::No,
            AttrOf::Value(value) if value == "auto" => Text::Automatic,
            AttrOf::True | AttrOf::Value(_) => Text::Yes,
            AttrOf::Unspecified => match ending {
                AttrOf::Value(_) => Text::Yes,
                AttrOf::True | AttrOf::False | AttrOf::Unspecified if self.automatic => Text::Automatic,
                AttrOf::True | AttrOf::False | AttrOf::Unspecified => Text::No,
            },
        })
    }

    fn attribute(&self, path: &str, name: &str) -> Result<AttrOf, GitError> {
        let bytes = text_to_path(path);
        let value = self
            .repository
            .get_attr_bytes(as_file(&bytes), name, AttrCheckFlags::FILE_THEN_INDEX)
            .at("read the attributes of a file in", &self.place.top)?;
        Ok(match AttrValue::always_bytes(value) {
            AttrValue::True => AttrOf::True,
            AttrValue::False => AttrOf::False,
            AttrValue::Unspecified => AttrOf::Unspecified,
            AttrValue::Bytes(value) => AttrOf::Value(String::from_utf8_lossy(value).into_owned()),
            AttrValue::String(value) => AttrOf::Value(value.to_owned()),
        })
    }

    fn defines(&self, filter: &str) -> Result<bool, GitError> {
        let config = self.repository.config().at("read the configuration", &self.place.top)?;
        for key in ["clean", "process"] {
            match config.get_string(&format!("filter.{filter}.{key}")) {
                Ok(value) if !value.is_empty() => return Ok(true),
                Ok(_) => {}
                Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {}
                Err(error) => return Err(error).at("read the filters of", &self.place.top),
            }
        }
        Ok(false)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum AttrOf {
    Unspecified,
    True,
    False,
    Value(String),
}

enum Text {
    No,
    Automatic,
    Yes,
}

/// Whether `needle` occurs in `bytes`.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle)
}

fn path_option(path: &str) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from("--path=");
    option.push(super::path::text_to_file(path));
    option
}

//! Storing many contents at once. Every object of its own is synced by itself, which takes minutes for thousands of
//! files; here they become one pack that is synced once. A few contents are not worth a pack.

use std::collections::BTreeMap;
use std::io::Write as _;

use git2::{ObjectType, OdbLookupFlags, Oid, Repository};

use super::error::{At, GitError};
use super::library;
use super::repo::Place;

/// From this many contents on a pack is worth it.
const MANY: usize = 64;

/// A pack is written when its contents reach this size, for the sake of memory.
const FULL: usize = 32 * 1024 * 1024;

/// Contents on their way into packs. They are in the object database after [`Pack::flush`].
pub(super) struct Pack<'r> {
    place: &'r Place,
    repository: &'r Repository,
    waiting: BTreeMap<Oid, Vec<u8>>,
    bytes: usize,
}

impl<'r> Pack<'r> {
    pub fn new(place: &'r Place, repository: &'r Repository) -> Self {
        Self { place, repository, waiting: BTreeMap::new(), bytes: 0 }
    }

    /// Takes a content and says what its id is going to be.
    pub fn add(&mut self, content: &[u8]) -> Result<Oid, GitError> {
        let top = &self.place.top;
        let id = Oid::hash_object(ObjectType::Blob, content).at("hash a file in", top)?;
        let objects = self.repository.odb().at("open the objects of", top)?;
        if objects.exists_ext(id, OdbLookupFlags::NO_REFRESH) {
            // Writing it once more only tells git that it is in use, so that it is not collected.
            return self.repository.blob(content).at("write a blob", top);
        }
        if self.waiting.insert(id, content.to_vec()).is_none() {
            self.bytes += content.len();
        }
        if self.bytes >= FULL {
            self.flush()?;
        }
        Ok(id)
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> Result<(), GitError> {
        self.bytes = 0;
        let top = &self.place.top;
        if self.waiting.len() < MANY {
            for content in std::mem::take(&mut self.waiting).into_values() {
                self.repository.blob(&content).at("write a blob", top)?;
            }
            return Ok(());
        }
        // A handle of its own: what is written through it stays in memory until the pack is made of it.
        let memory = library::open_alone(self.place)?;
        let objects = memory.odb().at("open the objects of", top)?;
        let _in_memory = objects.add_new_mempack_backend(1_000).at("prepare a pack in", top)?;
        let mut builder = memory.packbuilder().at("prepare a pack in", top)?;
        for (id, content) in std::mem::take(&mut self.waiting) {
            memory.blob(&content).at("write a blob", top)?;
            builder.insert_object(id, None).at("prepare a pack in", top)?;
        }
        let disk = self.repository.odb().at("open the objects of", top)?;
        let mut writer = disk.packwriter().at("write a pack in", top)?;
        let mut failure = None;
        let built = builder.foreach(|piece| match writer.write_all(piece) {
            Ok(()) => true,
            Err(error) => {
                failure = Some(error);
                false
            }
        });
        if let Some(error) = failure {
            return Err(error).at("write a pack in", top);
        }
        built.at("write a pack in", top)?;
        writer.commit().at("write a pack in", top)?;
        disk.refresh().at("open the objects of", top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepo;

    #[test]
    fn many_contents_are_one_pack_and_known_ones_are_not_written_again() {
        let repo = TestRepo::with(&[("a", "known")]);
        let repository = library::open(&repo.place).unwrap();
        let mut pack = Pack::new(&repo.place, &repository);
        let ids: Vec<Oid> = (0..200).map(|n| pack.add(format!("content {n}").as_bytes()).unwrap()).collect();
        assert_eq!(pack.add(b"known").unwrap().to_string(), repo.commit_of("HEAD:a"));
        pack.flush().unwrap();
        assert!(ids.iter().all(|id| repository.find_blob(*id).is_ok()));
        assert!(repo.git(&["count-objects", "-v"]).contains("in-pack: 200\npacks: 1"));
        repo.git(&["fsck", "--strict"]);
        pack.add(b"content 7").unwrap();
        pack.flush().unwrap();
        assert!(repo.git(&["count-objects", "-v"]).contains("packs: 1"));
        pack.add(b"a few are not worth a pack").unwrap();
        pack.flush().unwrap();
        assert!(repo.git(&["count-objects", "-v"]).contains("packs: 1"));
    }
}

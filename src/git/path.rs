//! Paths inside the repository as text. Git's paths are bytes; a byte that is no UTF-8 is carried as one character
//! of the range U+10FF00..=U+10FFFF, and a real character of that range byte by byte, so that nothing is lost.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::error::GitError;

const FIRST: u32 = 0x0010_FF00;

/// The path as text, reversibly.
pub fn path_to_text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            if u32::from(character) >= FIRST {
                let mut bytes = [0; 4];
                character.encode_utf8(&mut bytes).bytes().for_each(|byte| text.push(carrier(byte)));
            } else {
                text.push(character);
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push(carrier(*byte)));
    }
    text
}

/// The bytes of a path that [`path_to_text`] made.
pub fn text_to_path(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(FIRST).map(u8::try_from) {
            Some(Ok(byte)) => bytes.push(byte),
            Some(Err(_)) | None => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    bytes
}

fn carrier(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).expect("the range ends with the last character there is")
}

/// The same for a whole path of the file system.
pub(super) fn file_to_text(path: &Path) -> String {
    path_to_text(path.as_os_str().as_bytes())
}

/// The path of the file system that a text stands for.
pub(super) fn text_to_file(text: &str) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(text_to_path(text)))
}

/// The components of a path that may stand in a tree: none is empty, `.`, `..` or `.git`.
pub(super) fn components(path: &str) -> Result<Vec<Vec<u8>>, GitError> {
    let bytes = text_to_path(path);
    let parts: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
    let fine = |part: &Vec<u8>| {
        !part.is_empty() && part != b"." && part != b".." && !part.eq_ignore_ascii_case(b".git") && !part.contains(&0)
    };
    if parts.iter().all(fine) { Ok(parts) } else { Err(GitError::BadPath { path: path.to_owned() }) }
}

/// One component, or a relative path, for the file system.
pub(super) fn as_file(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_paths_are_themselves() {
        assert_eq!(path_to_text("src/é ✓.rs".as_bytes()), "src/é ✓.rs");
    }

    #[test]
    fn a_byte_that_is_no_utf8_is_one_character() {
        assert_eq!(path_to_text(b"a\xff"), "a\u{10FFFF}");
        assert_eq!(text_to_path("a\u{10FFFF}"), b"a\xff");
    }

    #[test]
    fn paths_that_leave_the_tree_have_no_components() {
        for path in ["", "/a", "a//b", "../a", "a/./b", "a/.git/config", ".GIT/x", "a/", "a\0b"] {
            assert!(components(path).is_err(), "{path:?}");
        }
        assert_eq!(components("a/b").unwrap(), [b"a".to_vec(), b"b".to_vec()]);
    }

    proptest! {
        #[test]
        fn no_path_is_changed_by_going_through_text(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(text_to_path(&path_to_text(&bytes)), bytes);
        }

        #[test]
        fn characters_of_the_range_survive_too(text in "[\u{10FEFE}-\u{10FFFF}a]{0,8}") {
            prop_assert_eq!(text_to_path(&path_to_text(text.as_bytes())), text.into_bytes());
        }
    }
}

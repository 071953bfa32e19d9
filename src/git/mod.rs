//! The `git` room.

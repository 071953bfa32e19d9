//! The `prompt` room.

//! Texts with a name, byte spans into them, positions for people, and edits that change nothing else.
//! Must not know what the text means, nor where it came from.

mod edit;
mod escape;
mod nearest;
mod shell;
mod source;

pub use edit::{Edit, EditError, apply};
pub(crate) use escape::is_invisible;
pub use escape::{shown, shown_line, shown_list};
pub use nearest::nearest;
pub use shell::shell_word;
pub use source::{LineColumn, LineIndex, Source, Span};

//! Secrets in what others wrote: which texts are secrets, and how they are taken out of a stream of bytes.
//! Must not know where the bytes come from, or where they are stored or shown.

mod automaton;
mod known;
mod redactor;
mod screen;
mod shapes;

pub use known::{Known, is_secret_name, known};
pub use redactor::Redactor;
pub use screen::{Hit, Screen};
pub use shapes::SHAPES;

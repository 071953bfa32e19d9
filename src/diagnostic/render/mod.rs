//! Diagnostics as text for people and for machines. Every rendering is a function of the same data and decides nothing.

mod github;
mod human;
mod json;
mod sarif;

pub use github::github;
pub use human::human;
pub use json::json;
pub use sarif::sarif;

#[cfg(test)]
mod samples;

//! A release build passes every point by.

use super::Point;

/// A place at which a test may end this process; there are none here.
#[inline]
pub fn point(_: Point) {}

/// The same, with something that is done only on the way to that end.
#[inline]
pub fn cut(_: Point, _: impl FnOnce()) {}

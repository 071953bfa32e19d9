//! What whoever runs the tests asked for.

/// A variable of the tests.
#[expect(clippy::disallowed_methods, reason = "it is asked of the tests, and not of the program")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says why a test did not run.
#[expect(clippy::print_stdout, reason = "a test that was skipped must not pass for one that ran")]
pub fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// The same as a number.
pub fn number(name: &str) -> Option<u64> {
    setting(name)?.parse().ok()
}

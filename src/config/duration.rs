//! Durations as people write them: `90s`, `10m`, `2h`, and the word `off`. Tickets use them too.

use std::time::Duration;

/// The longest duration: one year. Longer ones are slips of the keyboard, and clocks overflow on the longest.
pub const LONGEST: Duration = Duration::from_secs(8760 * 3600);

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not read as one.
    #[error("not a duration: write a number and a unit, as `90s`, `10m` or `2h`")]
    Form,
    /// 0 or negative.
    #[error("a duration must be more than 0")]
    NotPositive,
    /// Longer than [`LONGEST`].
    #[error("a duration must be at most `8760h`")]
    TooLong,
}

/// Reads a duration: a whole number and one of `s`, `m`, `h`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(_) | None => return Err(DurationError::Form),
    };
    let number = &text[..text.len() - 1];
    let (negative, digits) = number.strip_prefix('-').map_or((false, number), |digits| (true, digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DurationError::Form);
    }
    if negative || digits.bytes().all(|byte| byte == b'0') {
        return Err(DurationError::NotPositive);
    }
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match seconds.map(Duration::from_secs) {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) | None => Err(DurationError::TooLong),
    }
}

/// Reads a duration or `off`, which is `None`.
pub fn parse_duration_or_off(text: &str) -> Result<Option<Duration>, DurationError> {
    if text == "off" { Ok(None) } else { parse_duration(text).map(Some) }
}

/// Writes a duration in the largest unit that holds it exactly; a fraction of a second is not shown.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds > 0 && seconds.is_multiple_of(3600) {
        format!("{}h", seconds / 3600)
    } else if seconds > 0 && seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

/// Writes a duration, and `off` for none.
pub fn show_duration_or_off(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "off".to_owned(), show_duration)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("2h", 7200), ("007s", 7), ("8760h", 31_536_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "10", "1.5h", "10 m", "+5m", "m10", "10M", "1h30m", "١s", "10é", "--1s", "off"] {
            assert_eq!(parse_duration(text), Err(DurationError::Form), "{text}");
        }
        for text in ["0s", "00h", "-5m", "-0s"] {
            assert_eq!(parse_duration(text), Err(DurationError::NotPositive), "{text}");
        }
        for text in ["8761h", "99999999999999999999s", "9223372036854775807h"] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong), "{text}");
        }
    }

    #[test]
    fn off_is_a_word() {
        assert_eq!(parse_duration_or_off("off"), Ok(None));
        assert_eq!(show_duration_or_off(None), "off");
        assert_eq!(show_duration_or_off(Some(Duration::from_secs(5400))), "90m");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(seconds in 1..=LONGEST.as_secs()) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }
    }
}

//! Amounts of US dollars: exact, to a millionth.

use serde::{Deserialize, Serialize};

/// So many millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usd(pub u64);

/// The most that a cap may be: a billion.
const MOST: u64 = 1_000_000_000;

impl Usd {
    /// Reads `5`, `2.50` or `0.001`: more than nothing, and at most a billion.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || part.len() > 6 {
            return None;
        }
        let whole = whole.parse::<u64>().ok().filter(|whole| *whole <= MOST)?;
        let part = format!("{part:0<6}").parse::<u64>().ok()?;
        Some(Self(whole * 1_000_000 + part)).filter(|amount| amount.0 > 0)
    }

    /// What a program reported, rounded; nothing where that is no amount.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and one that is too large is the largest"
    )]
    pub fn of_dollars(dollars: f64) -> Option<Self> {
        (dollars.is_finite() && dollars >= 0.0).then(|| Self((dollars * 1e6).round() as u64))
    }

    /// The same as a number of dollars, for programs.
    #[expect(clippy::cast_precision_loss, reason = "a billion dollars still have their cents")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::fmt::Display for Usd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let part = format!("{part:06}");
        let shown = part.trim_end_matches('0');
        write!(formatter, "{whole}.{shown:0<2} USD")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, shown) in
            [("5", "5.00 USD"), ("2.5", "2.50 USD"), ("0.001", "0.001 USD"), ("1000000000", "1000000000.00 USD")]
        {
            assert_eq!(Usd::parse(text).map(|amount| amount.to_string()).as_deref(), Some(shown));
        }
        for text in ["", "0", "0.0", "-1", "+1", ".5", "1.", "1e3", "1.0000001", "1000000001", "1_0", "five"] {
            assert_eq!(Usd::parse(text), None, "{text}");
        }
        assert_eq!(Usd::of_dollars(0.1 + 0.2), Some(Usd(300_000)));
        for no_amount in [f64::NAN, f64::INFINITY, -0.5] {
            assert_eq!(Usd::of_dollars(no_amount), None);
        }
    }
}

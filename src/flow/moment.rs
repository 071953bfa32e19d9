//! Points in time as values. What time it is comes in from outside; nothing here asks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point in time, to the millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Moment(Timestamp);

impl Moment {
    /// So many milliseconds after the beginning of 1970; the nearest that there is where that is too far away.
    pub fn from_millis(millis: i64) -> Self {
        let nearest = if millis.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_millisecond(millis).unwrap_or(nearest))
    }

    /// So much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.as_millisecond().saturating_add(wait))
    }

    /// How long it is from an earlier moment to this one; nothing where that one is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.as_millisecond().saturating_sub(earlier.0.as_millisecond());
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.3}", self.0)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // What is written is read again as the same.
        Ok(Self::from_millis(text.parse::<Timestamp>()?.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_people_and_programs_read_it_and_read_back() {
        let moment = Moment::from_millis(1_769_846_400_123);
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(text, "\"2026-01-31T08:00:00.123Z\"");
        assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
        assert!(serde_json::from_str::<Moment>("\"soon\"").is_err());
    }

    #[test]
    fn no_distance_is_too_far() {
        let far = Moment::from_millis(i64::MAX);
        assert_eq!(far.after(Duration::MAX), far);
        assert_eq!(Moment::from_millis(1).since(far), Duration::ZERO);
        assert_eq!(Moment::from_millis(5000).since(Moment::from_millis(1000)), Duration::from_secs(4));
        assert_eq!(Moment::from_millis(i64::MIN).since(far), Duration::ZERO);
        assert!(Moment::from_millis(i64::MIN) < Moment::default() && Moment::default() < far);
    }
}

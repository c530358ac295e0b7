//! From when until when a price holds.

use chrono::{DateTime, NaiveDate};

/// A span of time, µs since 1970-01-01 UTC; an end that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validity {
    /// The first moment inside.
    pub(crate) from: Option<i64>,
    /// The first moment after.
    pub(crate) to: Option<i64>,
}

impl Validity {
    pub(crate) fn holds(self, at_us: i64) -> bool {
        self.from.is_none_or(|from| from <= at_us) && self.to.is_none_or(|to| at_us < to)
    }
}

/// A day (`2026-11-24`, its first moment in UTC) or a moment (`2026-11-24T12:00:00Z`) as µs since 1970-01-01 UTC.
pub(crate) fn moment(text: &str) -> Option<i64> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    }
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments() {
        assert_eq!(moment("1970-01-02"), Some(86_400_000_000));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        for text in ["", "yesterday", "2026-13-01", "2026-11-24 12:00", "24.11.2026"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_moment_is_inside_and_the_last_is_not() {
        let span = Validity { from: Some(10), to: Some(20) };
        assert_eq!([9, 10, 19, 20].map(|at| span.holds(at)), [false, true, true, false]);
        assert!(Validity::default().holds(i64::MIN));
    }
}

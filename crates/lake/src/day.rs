//! UTC days, by which tables are partitioned.

use std::fmt;
use std::str::FromStr;

/// Microseconds of a day.
const MICROS: i64 = 86_400_000_000;

/// A UTC day: days since 1970-01-01, written as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(i64);

impl Day {
    /// The day of a point in time, µs since 1970-01-01.
    pub(crate) const fn of_micros(micros: i64) -> Self {
        Self(micros.div_euclid(MICROS))
    }

    /// The day so many days before this one.
    pub(crate) const fn before(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// When the day ends and the next begins, µs since 1970-01-01.
    pub(crate) const fn end_micros(self) -> i64 {
        self.0.saturating_add(1).saturating_mul(MICROS)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = chrono::DateTime::from_timestamp(self.0.saturating_mul(86_400), 0);
        write!(f, "{}", midnight.unwrap_or_default().format("%Y-%m-%d"))
    }
}

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoDay;

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| NoDay)?;
        let midnight = date.and_hms_opt(0, 0, 0).ok_or(NoDay)?;
        Ok(Self(midnight.and_utc().timestamp().div_euclid(86_400)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_and_read_as_the_calendar_has_them() {
        for (day, text) in
            [(0, "1970-01-01"), (-1, "1969-12-31"), (11_016, "2000-02-29"), (20_781, "2026-11-24")]
        {
            assert_eq!(Day(day).to_string(), text);
            assert_eq!(text.parse(), Ok(Day(day)));
        }
        assert_eq!("2026-02-30".parse::<Day>(), Err(NoDay));
        assert_eq!("tomorrow".parse::<Day>(), Err(NoDay));
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        assert_eq!(Day::of_micros(-1), Day(-1));
        assert_eq!(Day::of_micros(Day(3).end_micros() - 1), Day(3));
        assert_eq!(Day::of_micros(Day(3).end_micros()), Day(4));
        assert_eq!(Day(3).before(3), Day(0));
    }
}

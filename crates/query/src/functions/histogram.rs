//! `histogram(_timestamp, '1 minute')`: the start of the bucket that a moment is in.

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use datafusion::common::{Result, exec_err};

use super::scalar::{Argument, Call, Function, moment};

const DAY_S: i64 = 86_400;
/// The longest interval.
pub(crate) const LONGEST_DAYS: i64 = 3_660;

pub(super) fn functions() -> Vec<Function> {
    const ARGUMENTS: &[Argument] = &[Argument::Moment, Argument::Text];
    vec![Function::new("histogram", ARGUMENTS, moment, bucket)]
}

fn bucket(call: &Call<'_>) -> Result<ArrayRef> {
    let Some(interval) = call.constant_text(1)?.and_then(interval_s) else {
        return exec_err!("histogram needs an interval such as '1 minute'");
    };
    let step = rounded_s(interval).saturating_mul(1_000_000);
    let starts: TimestampMicrosecondArray =
        call.micros(0)?.unary(|at: i64| at.div_euclid(step).saturating_mul(step));
    Ok(Arc::new(starts))
}

/// The seconds of a text like `30 second`, `5 minutes`, `1h`; `None` if it is none, has no unit, or is longer than
/// [`LONGEST_DAYS`].
pub(crate) fn interval_s(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let unit_s = match unit.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => DAY_S,
        "w" | "week" | "weeks" => 7 * DAY_S,
        _ => return None,
    };
    let seconds = number.parse::<i64>().ok().filter(|number| *number > 0)?.checked_mul(unit_s)?;
    (seconds <= LONGEST_DAYS * DAY_S).then_some(seconds)
}

/// The interval, or the next longer one that divides a day or is a number of days: buckets begin at the same times
/// every day.
pub(crate) const fn rounded_s(interval_s: i64) -> i64 {
    if interval_s >= DAY_S {
        // Rounding up: an interval near the end of time stays what it is.
        return interval_s.saturating_add(DAY_S - 1) / DAY_S * DAY_S;
    }
    let mut rounded = if interval_s < 1 { 1 } else { interval_s };
    while DAY_S % rounded != 0 {
        rounded += 1;
    }
    rounded
}

/// The interval for a range of this length when the SQL names none. Source: OpenObserve's table.
pub(crate) const fn automatic_s(range_s: i64) -> i64 {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;
    match range_s {
        i64::MIN..10 => 1,
        10..1_800 => 10,
        1_800..HOUR => 15,
        HOUR..7_200 => 30,
        7_200..21_600 => MINUTE,
        21_600..1_296_000 => HOUR,
        1_296_000..1_814_400 => 2 * HOUR,
        1_814_400..2_419_200 => 3 * HOUR,
        2_419_200..2_592_000 => 6 * HOUR,
        2_592_000..5_184_000 => 12 * HOUR,
        5_184_000.. => DAY_S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_in_their_long_and_short_forms() {
        for (text, expected) in [
            ("30 second", Some(30)),
            ("5 minutes", Some(300)),
            ("1h", Some(3_600)),
            ("2 Days", Some(2 * DAY_S)),
            ("60", None),
            ("0 s", None),
            ("-1 s", None),
            ("1 fortnight", None),
            ("", None),
            ("99999999999999999999 s", None),
            ("3660 d", Some(LONGEST_DAYS * DAY_S)),
            ("3661 d", None),
        ] {
            assert_eq!(interval_s(text), expected, "{text}");
        }
    }

    #[test]
    fn an_interval_that_does_not_divide_a_day_is_rounded_up() {
        assert_eq!(
            [60, 7 * 60, 50_000, DAY_S, DAY_S + 1].map(rounded_s),
            [60, 432, DAY_S, DAY_S, 2 * DAY_S]
        );
        assert!(rounded_s(i64::MAX) > 0);
    }

    #[test]
    fn the_automatic_interval_grows_with_the_range() {
        let hours = |hours: i64| automatic_s(hours * 3_600);
        assert_eq!([automatic_s(9), automatic_s(10), automatic_s(1_800)], [1, 10, 15]);
        assert_eq!([hours(1), hours(2), hours(6), hours(24)], [30, 60, 3_600, 3_600]);
        assert_eq!([hours(15 * 24), hours(21 * 24), hours(28 * 24)], [7_200, 10_800, 21_600]);
        assert_eq!([hours(30 * 24), hours(60 * 24)], [43_200, DAY_S]);
    }
}

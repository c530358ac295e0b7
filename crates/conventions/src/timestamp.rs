//! Points in time that libraries write as text.

/// Nanoseconds since 1970-01-01 UTC of an ISO 8601 time with date, time and zone, such as
/// `2026-11-23T23:59:28.595273Z`; also inside the quotes of a JSON string.
pub(crate) fn nanos(text: &str) -> Option<u64> {
    let text = text.trim_matches(|c: char| c == '"' || c == '\\' || c.is_whitespace());
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let days = days(date)?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(fraction_nanos(fraction)?)
}

fn number(digits: &str) -> Option<i64> {
    let plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// Days since 1970-01-01 of `YYYY-MM-DD` (after Howard Hinnant's `days_from_civil`).
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
            - 719_468,
    )
}

fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return (zone.len() == 1).then_some(0),
        '-' => -1,
        _ => 1,
    };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    Some(sign * (number(hours)? * 3600 + minutes * 60))
}

fn fraction_nanos(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { nine.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_fraction_zone_and_quotes() {
        assert_eq!(nanos("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos("2026-11-23T23:59:28.595273Z"), Some(1_795_478_368_595_273_000));
        assert_eq!(nanos("\"2026-11-24T00:59:28.595273+01:00\""), Some(1_795_478_368_595_273_000));
        assert_eq!(nanos("2000-03-01 00:00:00+0000"), Some(951_868_800_000_000_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "2026-13-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "é026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.xZ",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }
}

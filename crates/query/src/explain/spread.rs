//! How the values of one column are spread over two sets.

use std::collections::{BTreeMap, HashMap};

/// Values of a column that are told apart; the rest are one.
const MOST_VALUES: usize = 50;
/// Numbers with more different values are put into ranges.
const MOST_NUMBERS: usize = 12;
/// Ranges that numbers are put into.
const RANGES: usize = 10;
/// A value that fewer rows have is no value of its own.
const FEWEST: usize = 3;
/// A difference below this is none.
const LEAST_SCORE: f64 = 0.001;
/// Values that are shown of a column.
const MOST_SHOWN: usize = 10;

/// One column that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The column.
    pub column: String,
    /// How much, 0 to 1.
    pub score: f64,
    /// The values whose shares differ most.
    pub values: Vec<Share>,
}

/// One value of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The value as text, or a range of numbers, or the word `other` for the rare ones together; `None` is null.
    pub value: Option<String>,
    /// How many of the selected have it, 0 to 1.
    pub selected: f64,
    /// How many of the rest have it, 0 to 1.
    pub rest: f64,
}

/// Compares the values of a column; `None` if they do not differ, or are different on almost every row.
pub(super) fn difference(
    column: &str,
    selected: &[Option<String>],
    rest: &[Option<String>],
) -> Option<Difference> {
    if selected.is_empty() || rest.is_empty() {
        return None;
    }
    let label = labels(selected.iter().chain(rest))?;
    let mut counts: BTreeMap<Option<String>, (usize, usize)> = BTreeMap::new();
    for value in selected {
        counts.entry(label(value)).or_default().0 += 1;
    }
    for value in rest {
        counts.entry(label(value)).or_default().1 += 1;
    }
    let shares: Vec<Share> = counts
        .into_iter()
        .map(|(value, (inside, outside))| Share {
            value,
            selected: share(inside, selected.len()),
            rest: share(outside, rest.len()),
        })
        .collect();
    let by_chance = share(1, selected.len()) + share(1, rest.len());
    #[expect(clippy::cast_precision_loss, reason = "a few dozen values")]
    let by_chance = by_chance * (shares.len() - 1) as f64 / (8.0 * std::f64::consts::LN_2);
    let score = divergence(&shares) - by_chance;
    (score >= LEAST_SCORE).then(|| Difference {
        column: column.to_owned(),
        score,
        values: shown(shares),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of at most some ten thousand")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Jensen and Shannon's divergence, to base 2.
fn divergence(shares: &[Share]) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (2.0 * p / (p + q)).log2() } else { 0.0 };
    shares.iter().map(|s| part(s.selected, s.rest) + part(s.rest, s.selected)).sum::<f64>() / 2.0
}

fn shown(mut shares: Vec<Share>) -> Vec<Share> {
    let by = |share: &Share| (share.selected - share.rest).abs();
    shares.sort_by(|a, b| by(b).total_cmp(&by(a)));
    shares.truncate(MOST_SHOWN);
    shares
}

type Label = Box<dyn Fn(&Option<String>) -> Option<String>>;

/// What each value counts as; `None` if the values are like ids.
fn labels<'a>(all: impl Iterator<Item = &'a Option<String>> + Clone) -> Option<Label> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for value in all.clone().flatten() {
        *counts.entry(value.as_str()).or_default() += 1;
    }
    let present: usize = counts.values().sum();
    let numbers: Option<Vec<f64>> = all.flatten().map(|text| text.parse::<f64>().ok()).collect();
    if let Some(numbers) = numbers.filter(|_| counts.len() > MOST_NUMBERS) {
        return Some(ranges(numbers));
    }
    if counts.len() > MOST_VALUES && counts.len() * 2 > present {
        return None;
    }
    let mut common: Vec<(&str, usize)> =
        counts.into_iter().filter(|(_, count)| *count >= FEWEST).collect();
    common.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    common.truncate(MOST_VALUES);
    let common: Vec<String> = common.into_iter().map(|(value, _)| value.to_owned()).collect();
    Some(Box::new(move |value| {
        let value = value.as_ref()?;
        Some(if common.contains(value) { value.clone() } else { "other".to_owned() })
    }))
}

/// Ranges that each hold about as many of the numbers.
fn ranges(mut numbers: Vec<f64>) -> Label {
    numbers.sort_by(f64::total_cmp);
    let mut ends: Vec<f64> =
        (1..RANGES).map(|part| numbers[(numbers.len() - 1) * part / RANGES]).collect();
    ends.dedup();
    Box::new(move |value| {
        let number: f64 = value.as_ref()?.parse().ok()?;
        let at = ends.partition_point(|end| *end < number);
        Some(match (at.checked_sub(1).and_then(|below| ends.get(below)), ends.get(at)) {
            (None, Some(end)) => format!("up to {end}"),
            (Some(begin), Some(end)) => format!("above {begin}, up to {end}"),
            (Some(begin), None) => format!("above {begin}"),
            (None, None) => "all".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parts: &[(&str, usize)]) -> Vec<Option<String>> {
        let of = |value: &str| (value != "null").then(|| value.to_owned());
        parts.iter().flat_map(|(value, count)| vec![of(value); *count]).collect()
    }

    #[test]
    fn what_is_never_in_both_differs_wholly_and_what_is_spread_alike_does_not() {
        let apart = difference("c", &texts(&[("a", 500)]), &texts(&[("b", 500)])).expect("differs");
        // 1 bit, less what chance gives two values in sets of 500.
        assert!((apart.score - (1.0 - 0.004 / (8.0 * std::f64::consts::LN_2))).abs() < 1e-12);
        assert_eq!(apart.values[0].selected + apart.values[1].selected, 1.0);
        let same = texts(&[("a", 300), ("b", 100)]);
        assert_eq!(difference("c", &same, &same), None);
    }

    #[test]
    fn null_is_a_value_and_rare_values_are_one() {
        let found = difference(
            "c",
            &texts(&[("null", 90), ("x", 10)]),
            &texts(&[("x", 90), ("y", 2), ("z", 2), ("null", 6)]),
        )
        .expect("differs");
        let null = found.values.iter().find(|share| share.value.is_none()).expect("is shown");
        assert_eq!((null.selected, null.rest), (0.9, 0.06));
        let other = found.values.iter().find(|share| share.value.as_deref() == Some("other"));
        assert_eq!(other.map(|share| (share.selected, share.rest)), Some((0.0, 0.04)));
    }

    #[test]
    fn numbers_are_compared_in_ranges_and_ids_not_at_all() {
        let numbers = |from: i32| -> Vec<Option<String>> {
            (from..from + 100).map(|n| Some(n.to_string())).collect()
        };
        let found = difference("n", &numbers(0), &numbers(100)).expect("differs");
        assert!(found.score > 0.8 && found.values.len() <= RANGES, "{found:?}");
        assert!(found.values.iter().any(|share| share.value.as_deref() == Some("up to 19")));
        let ids = |mark: &str| -> Vec<Option<String>> {
            (0..100).map(|n| Some(format!("{mark}-{n}"))).collect()
        };
        assert_eq!(difference("id", &ids("a"), &ids("b")), None);
    }
}

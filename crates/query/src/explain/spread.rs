//! How far the spreads of one column over two sets are apart, and whether chance explains it.

use super::tally::{Counts, OTHER, Tally, Values, ranges};

/// Values of a column that are told apart; the rest are one.
const MOST_VALUES: usize = 50;
/// Numbers with more different values are put into ranges.
const MOST_NUMBERS: usize = 12;
/// Ranges that numbers are put into.
const RANGES: usize = 10;
/// A value that fewer calls have is no value of its own.
const FEWEST: u64 = 3;
/// Values that are shown of a column.
const MOST_SHOWN: usize = 10;

/// One column that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The column.
    pub column: String,
    /// Jensen and Shannon's divergence of the two spreads to base 2, less what chance gives: 0 to 1.
    pub score: f64,
    /// How likely chance alone sets the spreads of one of all compared columns so far apart.
    pub p_value: f64,
    /// The values whose shares differ most.
    pub values: Vec<Share>,
}

/// One value of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The value as text, or a range of numbers, or the word `other` for the rare ones together; `None` is null.
    pub value: Option<String>,
    /// Calls of the selected that have it.
    pub selected_calls: u64,
    /// Calls of the rest that have it.
    pub rest_calls: u64,
    /// How many of the selected have it, 0 to 1.
    pub selected: f64,
    /// How many of the rest have it, 0 to 1.
    pub rest: f64,
}

impl Share {
    /// How many times as frequent the value is among the selected; `None` if none of the rest has it.
    #[must_use]
    pub fn lift(&self) -> Option<f64> {
        (self.rest_calls > 0).then(|| self.selected / self.rest)
    }
}

/// Compares the values of a column, one of `columns`; `None` if there is nothing to compare.
pub(super) fn difference(column: &str, tally: &Tally, columns: usize) -> Option<Difference> {
    let groups = groups(tally)?;
    let mut all = Counts::default();
    groups.iter().for_each(|(_, counts)| all.add(*counts));
    if all.selected == 0 || all.rest == 0 || groups.len() < 2 {
        return None;
    }
    let shares: Vec<Share> = groups
        .into_iter()
        .map(|(value, counts)| Share {
            value,
            selected_calls: counts.selected,
            rest_calls: counts.rest,
            selected: share(counts.selected, all.selected),
            rest: share(counts.rest, all.rest),
        })
        .collect();
    let degrees = shares.len() - 1;
    let by_chance = (share(1, all.selected) + share(1, all.rest)) * float(degrees)
        / (8.0 * std::f64::consts::LN_2);
    let alone = chance(likelihood_ratio(&shares, all), degrees);
    Some(Difference {
        column: column.to_owned(),
        score: (divergence(&shares) - by_chance).clamp(0.0, 1.0),
        // Of many columns one is far apart by chance: Bonferroni's bound.
        p_value: (alone * float(columns)).min(1.0),
        values: shown(shares),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
const fn float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// Jensen and Shannon's divergence, to base 2.
fn divergence(shares: &[Share]) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (2.0 * p / (p + q)).log2() } else { 0.0 };
    shares.iter().map(|s| part(s.selected, s.rest) + part(s.rest, s.selected)).sum::<f64>() / 2.0
}

/// The G statistic of the counts: under chance alone it is spread as chi squared.
fn likelihood_ratio(shares: &[Share], all: Counts) -> f64 {
    let part = |seen: u64, of: u64, both: u64| {
        if seen == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        let seen = seen as f64;
        seen * (seen / (share(of, all.all()) * share(both, 1))).ln()
    };
    let sum: f64 = shares
        .iter()
        .map(|s| {
            let both = s.selected_calls + s.rest_calls;
            part(s.selected_calls, all.selected, both) + part(s.rest_calls, all.rest, both)
        })
        .sum();
    2.0 * sum
}

/// How likely chi squared with these degrees of freedom is at least `x`: the upper regularised gamma function.
/// Source: Numerical Recipes, "Incomplete Gamma Function".
fn chance(x: f64, degrees: usize) -> f64 {
    let (a, x) = (float(degrees) / 2.0, x / 2.0);
    if x <= 0.0 || degrees == 0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(degrees)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * f64::EPSILON {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (1.0 - scale * sum).clamp(0.0, 1.0);
    }
    // Lentz's continued fraction.
    let (mut b, tiny) = (x + 1.0 - a, 1e-300);
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut h = d;
    for i in 1..1_000_i32 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        let denominator = an * d + b;
        d = 1.0 / if denominator.abs() < tiny { tiny } else { denominator };
        c = b + an / c;
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    (scale * h).clamp(0.0, 1.0)
}

/// The logarithm of the gamma function at half of a whole number.
fn ln_gamma(halves: usize) -> f64 {
    let (mut at, mut sum) = match halves % 2 {
        0 => (1.0, 0.0),
        _ => (0.5, std::f64::consts::PI.sqrt().ln()),
    };
    while at < float(halves) / 2.0 {
        sum += f64::ln(at);
        at += 1.0;
    }
    sum
}

fn shown(mut shares: Vec<Share>) -> Vec<Share> {
    let by = |share: &Share| (share.selected - share.rest).abs();
    shares.sort_by(|a, b| by(b).total_cmp(&by(a)));
    shares.truncate(MOST_SHOWN);
    shares
}

type Group = (Option<String>, Counts);

/// The values that are told apart; `None` if they are like ids.
fn groups(tally: &Tally) -> Option<Vec<Group>> {
    let mut groups: Vec<Group> = match &tally.values {
        Values::Ids => return None,
        Values::Ranges(fine) => in_ranges(fine.clone()),
        Values::Each(values) => {
            let numbers: Option<Vec<(f64, Counts)>> = values
                .iter()
                .map(|(value, counts)| Some((value.parse::<f64>().ok()?, *counts)))
                .collect();
            match numbers {
                Some(numbers) if numbers.len() > MOST_NUMBERS => in_ranges(numbers),
                _ => {
                    let present: u64 = values.values().map(|counts| counts.all()).sum();
                    if values.len() > MOST_VALUES && values.len() as u64 * 2 > present {
                        return None;
                    }
                    common(values.iter(), Counts::default())
                }
            }
        }
        Values::Common(values, other) => common(values.iter(), *other),
    };
    if tally.absent.all() > 0 {
        groups.push((None, tally.absent));
    }
    Some(groups)
}

fn common<'a>(
    values: impl Iterator<Item = (&'a Box<str>, &'a Counts)>,
    mut other: Counts,
) -> Vec<Group> {
    let mut sorted: Vec<(&str, Counts)> =
        values.map(|(value, counts)| (value.as_ref(), *counts)).collect();
    sorted.sort_by(|a, b| b.1.all().cmp(&a.1.all()).then_with(|| a.0.cmp(b.0)));
    let mut groups = Vec::new();
    for (value, counts) in sorted {
        if groups.len() < MOST_VALUES && counts.all() >= FEWEST {
            groups.push((Some(value.to_owned()), counts));
        } else {
            other.add(counts);
        }
    }
    if other.all() > 0 {
        groups.push((Some(OTHER.to_owned()), other));
    }
    groups
}

fn in_ranges(numbers: Vec<(f64, Counts)>) -> Vec<Group> {
    let ranges = ranges(numbers, RANGES);
    let last = ranges.len().saturating_sub(1);
    let named = |at: usize| match (at.checked_sub(1).map(|below| ranges[below].0), ranges[at].0) {
        (None, _) if at == last => "all".to_owned(),
        (None, end) => format!("up to {end}"),
        (Some(begin), _) if at == last => format!("above {begin}"),
        (Some(begin), end) => format!("above {begin}, up to {end}"),
    };
    (0..ranges.len()).map(|at| (Some(named(at)), ranges[at].1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(value, selected, rest)`; the value `null` is none.
    fn tally(parts: &[(&str, u64, u64)]) -> Tally {
        let mut tally = Tally::default();
        for (value, selected, rest) in parts {
            let counts = Counts { selected: *selected, rest: *rest };
            tally.add((*value != "null").then_some(*value), counts);
        }
        tally
    }

    #[test]
    fn what_is_never_in_both_differs_wholly_and_what_is_spread_alike_does_not() {
        let apart = difference("c", &tally(&[("a", 500, 0), ("b", 0, 500)]), 1).expect("compares");
        // 1 bit, less what chance gives two values in sets of 500.
        assert!((apart.score - (1.0 - 0.004 / (8.0 * std::f64::consts::LN_2))).abs() < 1e-12);
        assert!(apart.p_value < 1e-200 && apart.values[0].lift().is_none_or(|lift| lift == 0.0));
        let same =
            difference("c", &tally(&[("a", 300, 300), ("b", 100, 100)]), 1).expect("compares");
        assert_eq!((same.score, same.p_value), (0.0, 1.0));
        assert_eq!(difference("c", &tally(&[("a", 300, 300)]), 1), None, "one value tells nothing");
    }

    #[test]
    fn chance_is_that_of_the_tables_of_chi_squared() {
        // Critical values at 5 % and 0.1 %. Source: NIST's tables of the chi-square distribution.
        for (x, degrees, p) in [
            (3.841, 1, 0.05),
            (10.828, 1, 0.001),
            (5.991, 2, 0.05),
            (18.307, 10, 0.05),
            (29.588, 10, 0.001),
            (67.505, 50, 0.05),
        ] {
            let found = chance(x, degrees);
            assert!((found / p - 1.0).abs() < 0.002, "{x} with {degrees}: {found}");
        }
        assert_eq!(chance(0.0, 3), 1.0);
        assert!(chance(1e5, 1) == 0.0);
    }

    #[test]
    fn null_is_a_value_rare_values_are_one_and_lift_is_the_ratio_of_shares() {
        let found =
            difference("c", &tally(&[("null", 90, 6), ("x", 10, 90), ("y", 0, 2), ("z", 0, 2)]), 1)
                .expect("compares");
        let of = |value: Option<&str>| {
            found.values.iter().find(|share| share.value.as_deref() == value).expect("is shown")
        };
        assert_eq!((of(None).selected, of(None).rest), (0.9, 0.06));
        assert!((of(None).lift().expect("is known") - 15.0).abs() < 1e-9);
        assert_eq!((of(Some("other")).selected_calls, of(Some("other")).rest_calls), (0, 4));
    }

    #[test]
    fn numbers_are_compared_in_ranges_and_ids_not_at_all() {
        let numbers: Vec<(String, u64, u64)> = (0..200_u64)
            .map(|n| (n.to_string(), u64::from(n < 100), u64::from(n >= 100)))
            .collect();
        let parts: Vec<(&str, u64, u64)> =
            numbers.iter().map(|(value, a, b)| (value.as_str(), *a, *b)).collect();
        let found = difference("n", &tally(&parts), 1).expect("compares");
        assert!(found.score > 0.8 && found.values.len() <= RANGES, "{found:?}");
        assert!(found.values.iter().any(|share| share.value.as_deref() == Some("up to 19")));
        let ids: Vec<String> = (0..200).map(|n| format!("id-{n}")).collect();
        let parts: Vec<(&str, u64, u64)> = ids.iter().map(|id| (id.as_str(), 1, 0)).collect();
        assert_eq!(difference("id", &tally(&parts), 1), None);
    }
}
